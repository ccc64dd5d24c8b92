//! `lead-sync` moves sales leads from CRM exports to an HTTP API and accounts for each in a local ledger.
//!
//! # Map
//! ```text
//! main.rs        parse, run, exit code
//! cli/           one file per command; prints; knows no business rule
//! config/        the configuration file: checked settings, all problems at once
//! domain/        pure: records, mapping, fingerprints, admission, outcomes, retries, the delivery state machine
//! sources/       CSV files and SQLite queries, read row by row
//! ledger/        the only SQL of the ledger
//! auth/          credentials: API key, OAuth sessions
//! daemon/        runs each sync at its times
//! destination/   posts once, returns a reply; never retries, never decides
//! worker/        the imperative shell: intake and dispatch
//! notify/        tells a monitor and people how runs went
//! http/          the daemon's server: health and metrics for machines, the dashboard for people
//! page/          the dashboard and the report as HTML; rendering is pure
//! metrics/       what is counted and measured
//! telemetry.rs   logs
//! sandbox/       a local WeGroup with faults on demand
//! clock.rs       the only reader of the clock
//! aside.rs       files that appear whole or not at all
//! ```
//!
//! # Arrows
//! `main → cli → daemon, http, page, notify, worker, config`; `http → page`; `daemon → worker, ledger`; `worker → sources, ledger, auth, destination`;
//! every edge → `domain`; `ledger`, `cli` → `aside`. `http` and `notify` read reports and the ledger, `page` the ledger; `metrics` is fed by the worker.
//! Edges never import each other; nothing below `cli` imports `config`; `domain` imports nothing of ours.
//! `tests/architecture.rs` checks the `use` lines.

pub mod aside;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod destination;
pub mod domain;
pub mod http;
pub mod ledger;
pub mod metrics;
pub mod notify;
pub mod page;
pub mod sandbox;
pub mod sources;
pub mod telemetry;
pub mod worker;
