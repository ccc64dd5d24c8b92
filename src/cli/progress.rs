//! How far a run is: a bar on a terminal, nothing elsewhere (the result line says it all).

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::worker::progress::Progress;

/// Often enough to look alive, seldom enough to cost nothing.
const REFRESH: Duration = Duration::from_millis(100);

/// Shows progress until it is dropped.
pub(super) async fn show(progress: &Progress) {
    if !stderr().is_terminal() {
        return std::future::pending().await;
    }
    let bar = Bar(ProgressBar::new_spinner());
    let mut tick = tokio::time::interval(REFRESH);
    loop {
        tick.tick().await;
        bar.draw(progress);
    }
}

/// The bar, which leaves nothing behind.
struct Bar(ProgressBar);

impl Bar {
    fn draw(&self, progress: &Progress) {
        let due = progress.due();
        if due == 0 {
            self.0.set_message(format!("{} rows read", HumanCount(progress.rows())));
            self.0.tick();
            return;
        }
        if self.0.length() != Some(due) {
            self.0.set_length(due);
            let style =
                ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} leads  {per_sec}  {eta} left  {msg}");
            self.0.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.0.reset_eta();
        }
        let other = progress.other();
        self.0.set_message(if other > 0 { format!("{} need a look", HumanCount(other)) } else { String::new() });
        self.0.set_position(progress.delivered() + other);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
