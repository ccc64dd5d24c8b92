//! What systemd is told (`sd_notify(3)`). Without systemd all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use super::board::Board;
use crate::worker::progress::Progress;

/// The service manager, and how often it wants to hear from us.
#[derive(Debug)]
pub(super) struct Systemd {
    /// Half of `WATCHDOG_USEC`, as `sd_watchdog_enabled(3)` advises.
    pub(super) pulse: Option<Duration>,
}

impl Systemd {
    /// As the environment says.
    pub(super) fn new() -> Self {
        Self { pulse: sd_notify::watchdog_enabled().map(|limit| limit / 2) }
    }

    /// The configuration is read again; [`Systemd::ready`] ends that. `Type=notify-reload` asks for the time, `Type=notify` does not mind it.
    pub(super) fn reloading() {
        let mut told = vec![NotifyState::Reloading];
        told.extend(NotifyState::monotonic_usec_now());
        tell(&told);
    }

    /// The ledger is open and the scheduler turns.
    pub(super) fn ready() {
        tell(&[NotifyState::Ready]);
    }

    /// The scheduler has turned.
    pub(super) fn turned(&self, board: &Board, progress: &Progress) {
        let status = status(board, progress);
        let mut told = vec![NotifyState::Status(&status)];
        if self.pulse.is_some() {
            told.push(NotifyState::Watchdog);
        }
        tell(&told);
    }

    /// No more runs; the one under way is finished.
    pub(super) fn stopping() {
        tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}

/// One line of `systemctl status`.
fn status(board: &Board, progress: &Progress) -> String {
    let refused = if board.refused { "; the new configuration was refused, the old one is in force" } else { "" };
    format!("{}{refused}", work(board, progress))
}

/// What is being done.
fn work(board: &Board, progress: &Progress) -> String {
    match (&board.running, board.next()) {
        (Some(sync), _) if progress.due() == 0 => format!("{sync}: {} rows read", progress.rows()),
        (Some(sync), _) => {
            let (delivered, other, due) = (progress.delivered(), progress.other(), progress.due());
            format!("{sync}: {delivered} of {due} leads delivered, {other} need a look")
        }
        (None, Some((at, sync))) => format!("next: {sync} at {at}"),
        (None, None) => "no sync will ever be due".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::board::Seen;
    use crate::domain::time::Timestamp;

    #[test]
    fn the_status_names_the_sync_that_runs_or_the_next_one() {
        let seen = |ms| Seen { next: Some(Timestamp(ms)), last: None };
        let mut board = Board::default();
        board.syncs.insert("early".to_owned(), seen(1000));
        board.syncs.insert("a-late".to_owned(), seen(2000));
        assert_eq!(status(&board, &Progress::default()), "next: early at 1970-01-01T00:00:01.000Z");
        board.running = Some("a-late".to_owned());
        assert_eq!(status(&board, &Progress::default()), "a-late: 0 rows read");
        board.refused = true;
        assert!(
            status(&board, &Progress::default())
                .ends_with("the new configuration was refused, the old one is in force")
        );
    }
}
