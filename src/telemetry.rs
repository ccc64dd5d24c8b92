//! Logs: always on stderr, only our own (an HTTP library's logs could show what we must not).
//!
//! A level says who must act: `error` a person now, `warn` a person soon, `info` what happened, `debug` each lead. A lead is named by
//! [`Pseudonyms`](crate::domain::pseudonym::Pseudonyms), never by its key.
//!
//! There are three formats: text on a terminal, JSON lines elsewhere, and in the systemd journal text with the level in front as
//! sd-daemon(3) describes it. The journal's own protocol would take fields apart from the message, where `journalctl` does not show them.

use std::fmt;
use std::io::{IsTerminal, stderr};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as lines};

use crate::domain::reason::shown;

/// The variable that sets the level: `error`, `warn`, `info`, `debug`, `trace`, `off`.
pub const LEVEL_VARIABLE: &str = "LEAD_SYNC_LOG";

/// The variable that sets the format: `text`, `json`, `journald`.
pub const FORMAT_VARIABLE: &str = "LEAD_SYNC_LOG_FORMAT";

/// systemd sets it to device and inode of the journal's stream, if that is where stdout or stderr go (systemd.exec(5)).
const JOURNAL_VARIABLE: &str = "JOURNAL_STREAM";

/// What a command itself has to say comes under this target, which no level keeps out: see [`say`].
const SAID: &str = concat!(env!("CARGO_CRATE_NAME"), "::said");

/// How much is logged unless the variable says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Warnings and errors: a command prints its own results.
    Little,
    /// What happened, too: a daemon has only its logs.
    Freely,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Json,
    Journald,
}

/// Starts logging. A variable that names no level or format counts as not set, and is warned of.
pub fn start(talk: Talk) {
    let default = match talk {
        Talk::Little => LevelFilter::WARN,
        Talk::Freely => LevelFilter::INFO,
    };
    let named = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let level: Option<Result<LevelFilter, _>> = named(LEVEL_VARIABLE).map(|text| text.parse().map_err(|_| text));
    let shape = named(FORMAT_VARIABLE).map(|text| shape(&text).ok_or(text));
    let chosen = level.as_ref().and_then(|level| level.as_ref().ok()).copied();
    let filter = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), chosen.unwrap_or(default))
        .with_target(SAID, LevelFilter::INFO);
    let chosen = shape.as_ref().and_then(|shape| shape.as_ref().ok()).copied();
    let base = lines::layer().with_writer(stderr);
    let layer = match chosen.unwrap_or_else(|| usual(stderr().is_terminal(), is_journal())) {
        Shape::Text => base.with_ansi(false).event_format(OneLine(format::format().with_target(false))).boxed(),
        Shape::Json => base.json().flatten_event(true).with_current_span(false).map_event_format(OneLine).boxed(),
        Shape::Journald => base.with_ansi(false).event_format(Journald::default()).boxed(),
    };
    // A second start (tests in one process) changes nothing.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    if let Some(Err(text)) = level {
        tracing::warn!("{LEVEL_VARIABLE}={text} names no level; use error, warn, info, debug, trace or off");
    }
    if let Some(Err(text)) = shape {
        tracing::warn!("{FORMAT_VARIABLE}={text} names no format; use text, json or journald");
    }
}

/// Writes a line of the log whatever its level, `off` included: for what a person has to know, and would be told on a terminal. `level` is
/// `ERROR`, `WARN` or, for anything else, `INFO`.
pub fn say(level: Level, text: &str) {
    match level {
        Level::ERROR => tracing::error!(target: SAID, "{text}"),
        Level::WARN => tracing::warn!(target: SAID, "{text}"),
        _ => tracing::info!(target: SAID, "{text}"),
    }
}

/// Logs a panic by its place only: what panics say may hold a value of a lead, or a secret. In force until the process ends.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let text = format!("a programming error at {place}; its message is kept out of the log, as it may hold data");
        say(Level::ERROR, &text);
    }));
}

fn shape(name: &str) -> Option<Shape> {
    match name {
        "text" => Some(Shape::Text),
        "json" => Some(Shape::Json),
        "journald" => Some(Shape::Journald),
        _ => None,
    }
}

fn usual(is_terminal: bool, is_journal: bool) -> Shape {
    match (is_terminal, is_journal) {
        (true, _) => Shape::Text,
        (false, true) => Shape::Journald,
        (false, false) => Shape::Json,
    }
}

/// Whether stderr is the journal's stream: the variable alone is no proof, a child with another stderr inherits it.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var(JOURNAL_VARIABLE) else { return false };
    rustix::fs::fstat(stderr()).is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
}

/// Text with the priority in front: `<4>` for a warning.
#[derive(Debug)]
struct Journald(OneLine<Format<Full, ()>>);

impl Default for Journald {
    fn default() -> Self {
        // The journal has the time and the priority.
        Self(OneLine(format::format().without_time().with_level(false).with_target(false).with_ansi(false)))
    }
}

impl<S, N> FormatEvent<S, N> for Journald
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// Another format, one line for each event: what stands in a name of a file or in an answer could otherwise pass for a line of ours, and
/// in the journal would lose its priority. Nothing drives the terminal, so that there are no colours either: those of the format could not be
/// told from those of a value.
#[derive(Debug)]
struct OneLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        for (index, text) in line.trim_end().split('\n').enumerate() {
            write!(writer, "{}{}", if index == 0 { "" } else { " | " }, shown(text))?;
        }
        writeln!(writer)
    }
}

/// The priorities of syslog (RFC 5424, table 2).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_in_the_journal_begins_with_its_priority_and_stays_one_line() {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer =
            lines::layer().with_writer(move || writer.clone()).with_ansi(false).event_format(Journald::default());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _run = tracing::info_span!("run", run = 7).entered();
            tracing::warn!(sync = "customers", "first\nsecond");
            tracing::info!("done");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "<4>run{run=7}: first | second sync=\"customers\"\n<6>run{run=7}: done\n");
    }

    #[test]
    fn a_terminal_gets_text_the_journal_priorities_and_everything_else_json() {
        assert_eq!(usual(true, true), Shape::Text);
        assert_eq!(usual(false, true), Shape::Journald);
        assert_eq!(usual(false, false), Shape::Json);
    }
}
