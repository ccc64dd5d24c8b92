//! What the dashboard shows beside the ledger: next runs and sessions.

use std::collections::BTreeMap;

use crate::auth::{self, Grant, Kept};
use crate::clock;
use crate::daemon::board::Board;
use crate::domain::time::Timestamp;
use crate::page::{Need, Outlook, Session};
use crate::worker::settings::{Schedule, Settings};

/// As the daemon sees it: it knows what runs, and when each sync is due, jitter included.
pub(super) fn of_daemon(board: &Board, settings: &Settings) -> Outlook {
    let due = board.syncs.iter().filter_map(|(name, seen)| Some((name.clone(), seen.next?)));
    Outlook {
        configured: settings.syncs.iter().map(|sync| sync.name.clone()).collect(),
        next: due.collect(),
        running: board.running.clone(),
        sessions: sessions(settings),
    }
}

/// As the schedules say, if a daemon follows them.
pub(super) fn next_runs<'s>(
    schedules: impl Iterator<Item = (&'s str, Option<&'s Schedule>)>,
) -> BTreeMap<String, Timestamp> {
    let now = clock::now();
    schedules.filter_map(|(name, schedule)| Some((name.to_owned(), schedule?.times.after(now)?))).collect()
}

/// The sessions of all connections that have one. Reads their files only.
pub(super) fn sessions(settings: &Settings) -> Vec<Session> {
    let session = |connection: &crate::worker::settings::Connection| {
        let auth::Settings::OAuth(oauth) = &connection.auth else { return None };
        let needs_login = matches!(oauth.grant, Grant::AuthorizationCode { .. });
        let kept = auth::kept(oauth, &settings.auth_context(connection));
        let ends_at = kept.as_ref().ok().copied().flatten().filter(|_| needs_login).and_then(end);
        let (text, need) = match kept {
            Ok(Some(kept)) => tell(kept, needs_login, clock::now()),
            Ok(None) | Err(auth::Error::NeedsPerson(_)) if needs_login => {
                ("no session that can be used".to_owned(), Need::Login)
            }
            Ok(None) => ("begins with the next run".to_owned(), Need::Nothing),
            Err(error) => (error.to_string(), Need::Mending),
        };
        Some(Session { connection: connection.name.clone(), text, need, ends_at })
    };
    settings.connections.iter().filter_map(session).collect()
}

/// When a session is over unless it is renewed before, if the server said.
fn end(kept: Kept) -> Option<Timestamp> {
    if kept.renewable { kept.refresh_expires_at } else { kept.expires_at }
}

/// How long a session lasts, and whether a person has to do something about it.
fn tell(kept: Kept, needs_login: bool, now: Timestamp) -> (String, Need) {
    let end = end(kept);
    let over = end.is_some_and(|end| end <= now);
    let text = match (end, kept.renewable) {
        (Some(end), _) if over => format!("ended {end}"),
        (Some(end), true) => format!("ends {end} unless it is renewed before"),
        (Some(end), false) => format!("ends {end}"),
        (None, true) => "renewed without a person".to_owned(),
        (None, false) => "ends when the server says".to_owned(),
    };
    (text, if over && needs_login { Need::Login } else { Need::Nothing })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);
    const EARLIER: Option<Timestamp> = Some(Timestamp(999_999));
    const LATER: Option<Timestamp> = Some(Timestamp(1_000_001));

    fn needs_person(expires_at: Option<Timestamp>, refresh_expires_at: Option<Timestamp>, renewable: bool) -> bool {
        tell(Kept { expires_at, refresh_expires_at, renewable }, true, NOW).1 == Need::Login
    }

    #[test]
    fn a_person_is_needed_once_nothing_that_is_left_can_be_used() {
        assert!(!needs_person(EARLIER, None, true), "it can be renewed");
        assert!(!needs_person(EARLIER, LATER, true));
        assert!(needs_person(LATER, EARLIER, true), "it cannot be renewed any more");
        assert!(needs_person(EARLIER, None, false));
        assert!(!needs_person(LATER, None, false));
        let ended = Kept { expires_at: EARLIER, refresh_expires_at: None, renewable: false };
        assert_eq!(tell(ended, false, NOW).1, Need::Nothing);
    }
}
