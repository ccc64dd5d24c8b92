//! From outcome to verdict: what happens next to the lead and to its connection.

use std::time::Duration;

use super::delivery::{Claim, Post, Settlement};
use super::outcome::{self, Outcome};
use super::retry::{self, Again};
use super::time::Timestamp;

/// `on_in_doubt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInDoubt {
    /// Try again with the same idempotency key: no lead is ever lost.
    Resend,
    /// Leave it for a person: no lead is ever sent twice.
    Hold,
}

/// `on_conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// A 409 is a refusal.
    Reject,
    /// A 409 says that the API has the lead.
    Delivered,
}

/// What a connection decides by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// When a lead is tried again.
    pub retry: retry::Policy,
    /// What happens to a lead that may have arrived.
    pub on_in_doubt: OnInDoubt,
    /// What a 409 means.
    pub on_conflict: OnConflict,
}

/// Decides what becomes of a claimed lead.
///
/// `reference` is the API's id of the lead, if the answer names one; `not_before` is the end of a pause in force; `jitter` is 0 to 1.
/// A 401, 403 or wrong path waits: whether it is the lead's own fault is known only when others were tried (see `blocked`).
pub fn decide(
    policy: &Policy,
    claim: Claim,
    outcome: &Outcome,
    post: Post,
    reference: Option<String>,
    not_before: Option<Timestamp>,
    jitter: f64,
) -> Settlement {
    match outcome {
        Outcome::Accepted => claim.deliver(reference, post),
        Outcome::Conflict if policy.on_conflict == OnConflict::Delivered => claim.deliver(reference, post),
        Outcome::Conflict | Outcome::Rejected => claim.reject(post),
        Outcome::InDoubt if policy.on_in_doubt == OnInDoubt::Hold => claim.hold(post),
        Outcome::InDoubt => wait_or_fail(policy, claim, post, not_before, jitter, true),
        Outcome::Unauthorized => claim.release(Some(post)),
        Outcome::NotSent | Outcome::Forbidden | Outcome::WrongPath | Outcome::Throttled(_) => {
            wait_or_fail(policy, claim, post, not_before, jitter, false)
        }
    }
}

fn wait_or_fail(
    policy: &Policy,
    claim: Claim,
    post: Post,
    not_before: Option<Timestamp>,
    jitter: f64,
    in_doubt: bool,
) -> Settlement {
    let attempts = claim.attempts + u32::from(post.charged);
    let possibly_sent = claim.possibly_sent || in_doubt;
    // By the monotonic clock: the other one may be set while a request is under way.
    let age = claim.age + Duration::from_millis(post.took_ms);
    match retry::again(&policy.retry, attempts, claim.tries + 1, age, post.at, not_before, jitter) {
        Again::At(until) => claim.wait(until, possibly_sent, post),
        Again::NoAttemptLeft => give_up(claim, possibly_sent, post, "all tries of retry.attempts were made"),
        Again::TooOld => give_up(claim, possibly_sent, post, "the next try would be later than retry.max_age allows"),
    }
}

/// The lead is failed, and says by which setting.
fn give_up(claim: Claim, possibly_sent: bool, mut post: Post, why: &str) -> Settlement {
    post.reason = outcome::with_note(&post.reason, &format!("given up: {why}"));
    claim.fail(possibly_sent, post)
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
