//! How far a run is: a bar on a terminal, elsewhere a line now and then. Both on stderr, so that results stay clean.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::out;
use crate::clock;
use crate::worker::progress::Progress;

/// Often enough to look alive, seldom enough to cost nothing.
const REFRESH: Duration = Duration::from_millis(100);

/// Between two lines in a log. A run that is over before needs none: its result says it all.
const LINES: Duration = Duration::from_secs(10);

/// Between two looks at whether sending has begun.
const LOOK: Duration = Duration::from_secs(1);

/// Shows progress until it is dropped.
pub(super) async fn show(progress: &Progress) {
    if stderr().is_terminal() { draw(progress).await } else { write(progress).await }
}

async fn draw(progress: &Progress) {
    let bar = Bar(ProgressBar::new_spinner());
    let mut tick = tokio::time::interval(REFRESH);
    loop {
        tick.tick().await;
        bar.draw(progress);
    }
}

async fn write(progress: &Progress) {
    let mut tick = tokio::time::interval(LOOK);
    let mut said = clock::instant();
    // The rate is that of the time since sending was first seen, not of the reading before it.
    let mut sending: Option<(Instant, u64)> = None;
    loop {
        tick.tick().await;
        let now = clock::instant();
        let done = progress.delivered() + progress.other();
        if sending.is_none() && progress.due() > 0 {
            sending = Some((now, done));
        }
        if now.duration_since(said) >= LINES {
            said = now;
            let (since, already) = sending.unwrap_or((now, done));
            out::inform(Now::of(progress).line(done.saturating_sub(already), now.duration_since(since)));
        }
    }
}

/// The counters at one moment.
struct Now {
    rows: u64,
    due: u64,
    delivered: u64,
    other: u64,
}

impl Now {
    fn of(progress: &Progress) -> Self {
        Self { rows: progress.rows(), due: progress.due(), delivered: progress.delivered(), other: progress.other() }
    }

    /// One line for a log; `done` leads took the time `during`.
    fn line(&self, done: u64, during: Duration) -> String {
        let rows = format!("{} rows read", HumanCount(self.rows));
        if self.due == 0 {
            return rows;
        }
        let mut line = format!("{rows}, {} of {} leads delivered", HumanCount(self.delivered), HumanCount(self.due));
        if self.other > 0 {
            line = format!("{line}, {} need a look", HumanCount(self.other));
        }
        let milliseconds = u64::try_from(during.as_millis()).unwrap_or(u64::MAX);
        if done > 0 && milliseconds > 0 {
            let left = self.due.saturating_sub(self.delivered + self.other);
            let per_second = done.saturating_mul(1000) / milliseconds;
            let left = Duration::from_millis(left.saturating_mul(milliseconds) / done);
            line = format!("{line}, {}/s, {} left", HumanCount(per_second), HumanDuration(left));
        }
        line
    }

    /// What stands beside the bar; a rate of nothing says nothing of the time left.
    fn beside_bar(&self, per_second: f64, left: Duration) -> String {
        let pace = if per_second >= 0.5 {
            format!("{per_second:.0}/s  {} left  ", HumanDuration(left))
        } else {
            String::new()
        };
        let look = if self.other > 0 { format!(", {} need a look", HumanCount(self.other)) } else { String::new() };
        format!("{pace}{} rows read{look}", HumanCount(self.rows))
    }
}

/// The bar, which leaves nothing behind.
struct Bar(ProgressBar);

impl Bar {
    fn draw(&self, progress: &Progress) {
        let now = Now::of(progress);
        if now.due == 0 {
            self.0.set_message(format!("{} rows read", HumanCount(now.rows)));
            self.0.tick();
            return;
        }
        if self.0.length() != Some(now.due) {
            self.0.set_length(now.due);
            let style = ProgressStyle::with_template("{bar:24} {human_pos}/{human_len} leads  {msg}");
            let style = style.map(|style| style.progress_chars("=> "));
            self.0.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            // Reading is over: rate and time left are those of the sending.
            self.0.reset_elapsed();
            self.0.reset_eta();
        }
        self.0.set_message(now.beside_bar(self.0.per_sec(), self.0.eta()));
        self.0.set_position(now.delivered + now.other);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(due: u64, delivered: u64, other: u64, done: u64) -> String {
        Now { rows: 1_000_000, due, delivered, other }.line(done, Duration::from_secs(10))
    }

    #[test]
    fn a_line_tells_rows_leads_rate_and_the_time_left() {
        assert_eq!(line(0, 0, 0, 0), "1,000,000 rows read");
        assert_eq!(line(1000, 0, 0, 0), "1,000,000 rows read, 0 of 1,000 leads delivered");
        assert_eq!(
            line(1000, 398, 2, 200),
            "1,000,000 rows read, 398 of 1,000 leads delivered, 2 need a look, 20/s, 30 seconds left"
        );
    }

    #[test]
    fn beside_the_bar_there_is_no_time_left_before_there_is_a_rate() {
        let now = Now { rows: 60, due: 56, delivered: 4, other: 1 };
        assert_eq!(now.beside_bar(0.0, Duration::ZERO), "60 rows read, 1 need a look");
        assert_eq!(now.beside_bar(30.4, Duration::from_secs(2)), "30/s  2 seconds left  60 rows read, 1 need a look");
    }
}
