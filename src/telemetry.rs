//! Logs: always on stderr, only our own (an HTTP library's logs could show what we must not).

use std::io::{IsTerminal, stderr};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The variable that sets the level: `error`, `warn`, `info`, `debug`, `trace`, `off`.
pub const LEVEL_VARIABLE: &str = "LEAD_SYNC_LOG";

/// Starts logging. Without the variable, or with one that names no level, warnings and errors are shown.
pub fn start() {
    let level = std::env::var(LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    let filter = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).with_target(false);
    // A second start (tests in one process) changes nothing.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}
