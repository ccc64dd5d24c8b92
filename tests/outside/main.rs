//! What others see of a run: monitors, people, metrics, health, logs, backups. The real program, with receivers on loopback.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod backup;
mod deploy;
mod healthcheck;
mod logs;
mod mailbox;
mod metrics;
mod notices;
mod receivers;
mod server;
mod site;
