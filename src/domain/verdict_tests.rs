use std::time::Duration;

use super::super::delivery::Next;
use super::super::retry_after::Asked;
use super::*;

const NOW: Timestamp = Timestamp(1_000_000_000);

fn claim(attempts: u32) -> Claim {
    Claim {
        lead: 1,
        sync: 1,
        key: "7".into(),
        version: 1,
        attempts,
        tries: attempts,
        age: Duration::ZERO,
        possibly_sent: false,
        payload: "{}".into(),
    }
}

fn after(outcome: &Outcome, attempts: u32, on_in_doubt: OnInDoubt, on_conflict: OnConflict) -> Next {
    let policy = Policy { retry: retry::Policy::default(), on_in_doubt, on_conflict };
    let post = Post::new(outcome, None, String::new(), NOW, 1);
    decide(&policy, claim(attempts), outcome, post, Some("id".into()), None, 1.0).to
}

fn usual(outcome: &Outcome) -> Next {
    after(outcome, 0, OnInDoubt::Resend, OnConflict::Reject)
}

#[test]
fn an_accepted_lead_is_delivered_under_the_apis_id() {
    assert_eq!(usual(&Outcome::Accepted), Next::Delivered { remote_id: Some("id".into()) });
}

#[test]
fn a_conflict_is_what_the_connection_says_it_is() {
    assert_eq!(usual(&Outcome::Conflict), Next::Rejected);
    let delivered = after(&Outcome::Conflict, 0, OnInDoubt::Resend, OnConflict::Delivered);
    assert_eq!(delivered, Next::Delivered { remote_id: Some("id".into()) });
}

#[test]
fn a_lead_in_doubt_is_held_or_marked_possibly_sent() {
    assert_eq!(after(&Outcome::InDoubt, 0, OnInDoubt::Hold, OnConflict::Reject), Next::Held);
    let until = NOW + Duration::from_secs(1);
    assert_eq!(usual(&Outcome::InDoubt), Next::Waiting { until, possibly_sent: true });
}

#[test]
fn a_post_that_surely_did_nothing_waits_without_a_mark() {
    let until = NOW + Duration::from_secs(1);
    let asked = Asked { wait: Duration::ZERO, cut: false };
    for outcome in [Outcome::NotSent, Outcome::Forbidden, Outcome::WrongPath, Outcome::Throttled(Some(asked))] {
        assert_eq!(usual(&outcome), Next::Waiting { until, possibly_sent: false }, "{outcome:?}");
    }
}

#[test]
fn an_unauthorized_lead_is_as_it_was() {
    assert_eq!(usual(&Outcome::Unauthorized), Next::Released { tried: false });
}

#[test]
fn the_last_charged_attempt_fails_the_lead_and_uncharged_ones_never_do() {
    let last = retry::Policy::default().attempts - 1;
    let failed = after(&Outcome::InDoubt, last, OnInDoubt::Resend, OnConflict::Reject);
    assert_eq!(failed, Next::Failed { possibly_sent: true });
    let waits = after(&Outcome::NotSent, last, OnInDoubt::Resend, OnConflict::Reject);
    assert!(matches!(waits, Next::Waiting { .. }));
}
