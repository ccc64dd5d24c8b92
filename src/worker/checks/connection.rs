//! A connection: its credential, its host, and the clock.

use std::time::Duration;

use super::{Ending, Finding};
use crate::auth::{self, Grant};
use crate::clock;
use crate::destination::Destination;
use crate::domain::outcome::{self, Reply};
use crate::domain::time::Timestamp;
use crate::ledger::{self, Ledger};
use crate::worker::place;
use crate::worker::settings::{Api, Connection, Settings};

/// A clock that is farther off than this makes tokens end too early or too late (they are renewed a minute before).
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// What to do if there is no connection to a host.
const UNREACHABLE: &str = "check the host's name, the network, the firewall, the proxy (HTTPS_PROXY or `proxy`), and `ca_file` for a private certificate";

/// Asks a connection's host for a sign of life, and holds the clock against its answer.
pub async fn host(connection: &Connection) -> Vec<Finding> {
    let subject = format!("connections.{}", connection.name);
    let destination = match Destination::new(connection.destination.clone()) {
        Ok(destination) => destination,
        Err(error) => {
            let finding = Finding::bad(Ending::Usage, subject, &error.to_string());
            return vec![finding.hint("correct ca_file or proxy of the connection")];
        }
    };
    let begun = clock::instant();
    let reply = destination.probe().await;
    let took = clock::instant().duration_since(begun).as_millis();
    let host = connection.destination.api_url.as_str().trim_end_matches('/');
    let mut findings = vec![match (&reply, outcome::http_status(&reply)) {
        (_, Some(status)) if outcome::is_alive(&reply) => {
            Finding::fine(&subject, format!("{host} answers (HTTP {status} to OPTIONS in {took} ms)"))
        }
        (_, Some(status)) => Finding::bad(Ending::Deferred, &subject, &format!("{host} answers HTTP {status}"))
            .hint("the API is not well: try again later"),
        (Reply::Unanswered { cause, .. }, None) => {
            Finding::bad(Ending::Deferred, &subject, &format!("{host} cannot be reached: {cause}")).hint(UNREACHABLE)
        }
        (Reply::Answered(_), None) => Finding::fine(&subject, format!("{host} answers")),
    }];
    findings.extend(clock_against(&reply, clock::now()));
    findings
}

/// The credential, as far as it can be tried, and whether leads go with it where they went before.
pub async fn credential(settings: &Settings, connection: &Connection) -> Vec<Finding> {
    let (finding, of_session) = tried(settings, connection).await;
    let distribution = match &connection.api {
        Api::WeGroup { distribution_id, .. } => distribution_id.clone().or(of_session),
        Api::Http => None,
    };
    // Of a session that cannot be used it is not known where it belongs.
    let is_known = distribution.is_some() || connection.api == Api::Http;
    let place = is_known.then(|| place::of(connection, distribution.as_deref()));
    // What is wrong with the ledger is a finding of its own.
    let elsewhere = place.and_then(|place| elsewhere(settings, connection, &place).ok());
    std::iter::once(finding).chain(elsewhere.into_iter().flatten()).collect()
}

/// The credential; and the distribution that its session belongs to, if it tells one.
async fn tried(settings: &Settings, connection: &Connection) -> (Finding, Option<String>) {
    let subject = format!("connections.{}.auth", connection.name);
    let context = settings.auth_context(connection);
    let tried = match &connection.auth {
        auth::Settings::None => return (Finding::fine(subject, "no credential is sent"), None),
        auth::Settings::ApiKey { .. } => auth::connect(&connection.auth, &context).map(|_| None),
        auth::Settings::OAuth(_) if !settings.ledger.exists() => return (untried(subject, settings, connection), None),
        auth::Settings::OAuth(oauth) => auth::check(oauth, &context).await,
    };
    match (tried, &connection.auth) {
        (Ok(_), auth::Settings::ApiKey { .. }) => {
            let fact = "the API token is there; whether the API takes it only a lead can tell";
            (Finding::fine(subject, fact), None)
        }
        (Ok(distribution), _) => {
            (Finding::fine(subject, "the session is there, can be kept, and its token is good"), distribution)
        }
        (Err(error), _) => {
            let hint = match &error {
                auth::Error::NeedsPerson(_) => "this needs a person: log in, or correct the credential",
                auth::Error::Unavailable(_) => "the token endpoint is away: try again later",
                auth::Error::Unreachable(_) => UNREACHABLE,
                auth::Error::Paused { .. } => "the token endpoint is busy: the next run after that time goes on",
                auth::Error::Configuration(_) => "correct the auth table of the connection",
                auth::Error::Store(_) => "look at [tokens] dir: its owner, its mode, the disk",
            };
            (Finding { fact: error.to_string(), ..Finding::bad(Ending::from(&error), subject, "") }.hint(hint), None)
        }
    }
}

/// What a run would refuse: leads of this ledger were delivered to another place.
fn elsewhere(settings: &Settings, connection: &Connection, now: &str) -> ledger::Result<Vec<Finding>> {
    let ledger = Ledger::open_reader(&settings.ledger)?;
    let before = ledger.destination_of(&connection.name)?;
    let mut notices = Vec::from_iter(place::moved(settings, connection, now, before.as_deref()));
    for sync in settings.syncs.iter().filter(|sync| sync.connection == connection.name) {
        let former = ledger.former(&sync.name, &connection.name)?;
        notices.extend(former.and_then(|former| place::sync_moved(settings, connection, now, &sync.name, &former)));
    }
    let subject = format!("connections.{}", connection.name);
    Ok(notices.iter().map(|notice| Finding::bad(notice.ending, subject.clone(), &notice.text)).collect())
}

/// Before there is a ledger no token is asked for: a session without a ledger is the mark of a lost ledger.
fn untried(subject: String, settings: &Settings, connection: &Connection) -> Finding {
    let by_person = matches!(&connection.auth, auth::Settings::OAuth(oauth) if matches!(oauth.grant, Grant::AuthorizationCode { .. }));
    if by_person {
        let login = settings.login_command(&connection.name);
        return Finding::bad(Ending::Auth, subject, "nobody has logged in yet").hint(login);
    }
    Finding::doubtful(
        subject,
        "the credentials are there, but were not tried; the first run does, and a check after it",
    )
}

/// This machine's clock against the `Date` of an answer, if it had one.
fn clock_against(reply: &Reply, now: Timestamp) -> Option<Finding> {
    let Reply::Answered(answer) = reply else { return None };
    let there = Timestamp::from_http_date(answer.date.as_deref()?)?;
    let (ahead, behind) = (now.since(there), there.since(now));
    let off = ahead.max(behind);
    if off <= CLOCK_TOLERANCE {
        return Some(Finding::fine("clock", format!("within {} s of the API's", CLOCK_TOLERANCE.as_secs())));
    }
    let way = if ahead > behind { "ahead of" } else { "behind" };
    let fact = format!("this machine's clock is {} s {way} the API's", off.as_secs());
    Some(
        Finding::doubtful("clock", &fact)
            .hint("set it by NTP: schedules, pauses and the ends of tokens are read against it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outcome::Answer;

    /// 1994-11-06T08:49:37Z, as the header below.
    const THERE: Timestamp = Timestamp(784_111_777_000);

    fn clock_at(seconds: i64) -> Finding {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
        let reply = Reply::Answered(Answer { status: 204, retry_after: None, date, body: None });
        clock_against(&reply, Timestamp(THERE.0 + seconds * 1000)).unwrap()
    }

    #[test]
    fn a_clock_is_doubtful_when_it_is_more_than_a_minute_off_either_way() {
        for seconds in [-60, 0, 60] {
            assert_eq!(clock_at(seconds).grade, super::super::Grade::Fine, "{seconds}");
        }
        assert_eq!(clock_at(61).fact, "this machine's clock is 61 s ahead of the API's");
        assert_eq!(clock_at(-3600).fact, "this machine's clock is 3600 s behind the API's");
    }

    #[test]
    fn without_a_date_nothing_is_said_of_the_clock() {
        let reply = Reply::Answered(Answer { status: 204, retry_after: None, date: None, body: None });
        assert_eq!(clock_against(&reply, THERE), None);
    }
}
