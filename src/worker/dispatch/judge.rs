//! What a reply means for its lead and for the connection.

use std::time::Duration;

use super::Dispatch;
use super::post::{Answered, Sent};
use crate::domain::blocked::{Fault, Turned};
use crate::domain::delivery::{Claim, State};
use crate::domain::outcome::{self, Outcome};
use crate::domain::retry;
use crate::domain::retry_after::{self, Asked};
use crate::domain::time::Timestamp;
use crate::domain::verdict;
use crate::worker::report::{Ending, Notice};
use crate::worker::settings::{Api, Connection};

/// A random number from 0 to 1, so that many leads and many installations do not come back at the same moment.
pub(super) fn jitter() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

impl Dispatch<'_> {
    /// A request has ended.
    pub(super) fn landed(&mut self, claim: Claim, sent: Sent) {
        match sent {
            Sent::Unrenewed { refused, error } => {
                self.means.meters.record(&Outcome::Unauthorized, Duration::from_millis(refused.took_ms));
                self.release(claim, Some(refused));
                if let Some(error) = error {
                    self.no_token(&error);
                }
            }
            Sent::Replied(answered) => {
                match answered.outcome {
                    Outcome::NotSent => self.means.budget.give_back(1),
                    _ => self.means.budget.spend(1),
                }
                self.judge(claim, answered);
            }
        }
    }

    fn judge(&mut self, claim: Claim, answered: Answered) {
        let Answered { outcome, mut post, reference, earlier } = answered;
        // A delivery asks for no wait, and the dice are a system call each.
        let dice = if outcome == Outcome::Accepted { 0.0 } else { jitter() };
        let now = post.at;
        self.means.progress.add_latency(post.took_ms);
        self.tally.answered(post.took_ms);
        self.means.meters.record(&outcome, Duration::from_millis(post.took_ms));
        if let Some(earlier) = &earlier {
            self.means.meters.record(&Outcome::Unauthorized, Duration::from_millis(earlier.took_ms));
        }
        self.pause(&outcome, now);
        self.remember_health(&outcome, now, dice);
        if matches!(outcome, Outcome::NotSent | Outcome::InDoubt) {
            self.trouble = Some(post.reason.clone());
        }
        if let Outcome::Throttled(Some(Asked { cut: true, .. })) = outcome {
            post.reason = outcome::with_note(&post.reason, retry_after::CUT);
        }
        let lead = claim.lead;
        let turned = self.blocked.learn(lead, &outcome);
        let not_before = self.means.state.pause.as_ref().map(|(until, _)| *until).filter(|until| *until > now);
        let settlement = match turned {
            Some(Turned::Refuse) => claim.reject(post),
            _ => verdict::decide(&self.means.connection.policy, claim, &outcome, post, reference, not_before, dice),
        };
        if matches!(settlement.to.state(), State::Delivered | State::Rejected) {
            self.idle_since = None;
            self.throttles = 0;
        }
        self.settle(settlement.after(earlier));
        if outcome == Outcome::Unauthorized {
            self.halt(self.unauthorized());
        }
        if let Some(Turned::Stop(fault)) = turned {
            self.halt(self.fault(fault, "three leads in a row were"));
        }
    }

    /// What the API asks for holds for the whole connection.
    fn pause(&mut self, outcome: &Outcome, now: Timestamp) {
        let Outcome::Throttled(asked) = outcome else { return };
        let own = self.backoff(now);
        match asked {
            Some(asked) => {
                let why = if asked.cut { retry_after::CUT } else { "asked for it" };
                self.pause_until(now + asked.wait, format!("the API {why}"));
            }
            None => self.pause_until(own, "the API is busy".to_owned()),
        }
    }

    /// Until when we wait who are asked to, and not told for how long.
    pub(super) fn backoff(&mut self, now: Timestamp) -> Timestamp {
        self.throttles = self.throttles.saturating_add(1);
        now + retry::delay(&self.means.connection.policy.retry, self.throttles, jitter())
    }

    pub(super) fn pause_until(&mut self, until: Timestamp, why: String) {
        if self.means.state.pause.as_ref().is_none_or(|(standing, _)| until > *standing) {
            self.means.state.pause = Some((until, why));
            self.store_state();
            self.release_ready();
        }
    }

    fn remember_health(&mut self, outcome: &Outcome, now: Timestamp, dice: f64) {
        let before = self.means.state.breaker;
        let after = before.after(outcome, &self.means.connection.policy.retry, now, dice);
        if after == before {
            return;
        }
        self.means.state.breaker = after;
        self.alive = false;
        // A pause that is over goes with the first sign of health.
        if after.failures == 0 && self.means.state.pause.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.means.state.pause = None;
        }
        self.store_state();
        if after.open_until.is_some() {
            self.release_ready();
        }
    }

    /// Claimed leads that are not under way go back: nothing is sent now.
    pub(super) fn release_ready(&mut self) {
        while let Some(claim) = self.ready.pop_front() {
            self.release(claim, None);
        }
    }

    /// Ends the run if every lead it tried was turned away.
    pub(super) fn blame_everything(&mut self) {
        if let Some(fault) = self.blocked.everything() {
            self.halt(self.fault(fault, "every lead of this run was"));
        }
    }

    fn fault(&self, fault: Fault, which: &str) -> Notice {
        let Connection { name, api, .. } = self.means.connection;
        match fault {
            Fault::Credential => {
                let cure = match api {
                    Api::WeGroup { .. } => "ask for the scope leads:write and check the distribution id",
                    Api::Http => {
                        "ask the API's operator for the right, and check request.path and the scopes under auth"
                    }
                };
                let text = format!(
                    "connection {name}: {which} turned away (403): the credential may not push these leads; {cure}"
                );
                Notice::new(Ending::Auth, text)
            }
            Fault::Path => {
                let cure = match api {
                    Api::WeGroup { .. } => "check distribution_id, lead_type and the address of the API",
                    Api::Http => "check base_url, request.path and request.method",
                };
                let text = format!("connection {name}: {which} turned away (404, 405, 410 or a redirect): {cure}");
                Notice::new(Ending::Usage, text)
            }
        }
    }

    fn unauthorized(&self) -> Notice {
        let name = &self.means.connection.name;
        Notice::new(
            Ending::Auth,
            format!("connection {name}: the API does not accept the credential (401); correct it and run again"),
        )
    }
}
