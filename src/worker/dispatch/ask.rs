//! When the ledger is asked for leads, and what is waited for otherwise.

use std::time::Duration;

use super::credential::Credential;
use super::{Dispatch, Next, judge};
use crate::clock;
use crate::domain::breaker::Gate;
use crate::domain::outcome;
use crate::domain::time::Timestamp;
use crate::ledger::Ask;
use crate::worker::report::{Ending, Notice};

/// While outcomes wait for their commit, leads are claimed with them, once `max_in_flight` divided by this is left to send: many by one commit,
/// and those that are left last for as long as a commit takes. While none waits, nothing is gained by claiming later.
const LOW: usize = 4;

impl Dispatch<'_> {
    /// Asks the ledger for leads if there is room, no pause, and a permit. Returns how long to wait before asking again; `None` also when
    /// an answer to wait for is under way, or when nothing is left to do.
    pub(super) async fn ask(&mut self) -> Option<Duration> {
        self.short = false;
        if self.asked.is_some() || self.credential.is_coming() {
            return None;
        }
        let now = clock::now();
        match self.next_due {
            Some(Next::Nothing) => return self.nothing_left(),
            Some(Next::At(due)) if due > now => {
                return if self.flights.is_empty() && self.unwritten == 0 { self.wait_for_due(due, now) } else { None };
            }
            Some(Next::At(_)) | None => {}
        }
        let gate = self.means.state.breaker.gate(now);
        let pause = self.means.state.pause.clone().filter(|(until, _)| *until > now);
        let no_token = self.credential.is_unknown() && !self.means.keeps_session;
        if self.next_due.is_none() && (no_token || pause.is_some() || gate != Gate::Closed && !self.alive) {
            // Is there anything to wait for, or to ask for a token for?
            self.claim(0, now);
            return None;
        }
        if let Some((until, why)) = pause {
            return self.wait_or_defer(until, now, &format!("paused until {until}: {why}"));
        }
        if self.means.keeps_session && self.credential.is_unknown() && self.authorization().is_none() {
            return None;
        }
        match gate {
            Gate::OpenUntil(until) => {
                let why = format!("several failures in a row{}; nothing is sent until {until}", self.last_trouble());
                self.wait_or_defer(until, now, &why)
            }
            Gate::Probe if !self.alive => self.probe().await,
            Gate::Probe => self.claim_up_to(1, now),
            Gate::Closed => self.claim_up_to(2 * self.in_flight_limit(), now),
        }
    }

    /// Claims what fits between intent and recorded outcome (`window` leads), as far as credential, budget and rate limit go.
    ///
    /// Outcomes handed to the writer count as recorded: it takes commands in their order, so the claim is committed with them or after them,
    /// and refuses claims once an outcome could not be written.
    fn claim_up_to(&mut self, window: usize, now: Timestamp) -> Option<Duration> {
        let room = window.saturating_sub(self.ready.len() + self.flights.len());
        let limit = self.in_flight_limit();
        let low = if self.unwritten > 0 { limit / LOW } else { limit - 1 };
        if room == 0 || self.ready.len() > low {
            return None;
        }
        if self.means.budget.is_used_up() {
            self.next_due = Some(Next::Nothing);
            return self.nothing_left();
        }
        let budget = self.means.budget.free();
        self.short = budget == 0;
        if self.short {
            return None;
        }
        // Before a permit is taken, which would be lost if the token came late.
        self.authorization()?;
        match self.means.pace.take(room.min(budget)) {
            Err(wait) => {
                // It may have ended by then.
                self.credential = Credential::Known;
                Some(wait)
            }
            Ok(permits) => {
                self.claim(permits, now);
                None
            }
        }
    }

    fn claim(&mut self, limit: usize, now: Timestamp) {
        self.asked = Some(limit);
        self.means.budget.take(limit);
        let mut syncs: Vec<i64> = self.means.syncs.keys().copied().collect();
        syncs.sort_unstable();
        let max_age = self.means.connection.policy.retry.max_age;
        let fresh_first = self.claims.is_multiple_of(2);
        self.claims += u64::from(limit > 0);
        let ask = Ask { syncs, limit, now, max_age, connection: self.means.id, fresh_first };
        self.means.writer.claim(ask, &self.told);
    }

    /// Nothing is due any more, or `--limit` is reached. If all that was tried was turned away, the credential or the path is at fault, not the
    /// leads.
    fn nothing_left(&mut self) -> Option<Duration> {
        if self.flights.is_empty() && self.unwritten == 0 && !self.halted {
            self.blame_everything();
        }
        // Without a limit what is next would be when they are due; unless somebody has taken them out of the ledger meanwhile.
        let limited = self.means.budget.is_used_up();
        if limited && !self.halted && self.is_idle() && self.tally.leaves_waiting() {
            let (name, trouble) = (&self.means.connection.name, self.last_trouble());
            let text = format!(
                "connection {name}: the limit is reached, and leads that it let go wait to be tried again{trouble}; the next run goes on"
            );
            self.halt(Notice::new(Ending::Deferred, text));
        }
        None
    }

    /// Leads are due later.
    fn wait_for_due(&mut self, due: Timestamp, now: Timestamp) -> Option<Duration> {
        self.blame_everything();
        if self.halted {
            return None;
        }
        self.next_due = None;
        let why = match self.means.state.pause.as_ref().filter(|(until, _)| *until > now) {
            Some((until, why)) => format!("paused until {until}: {why}"),
            None => format!("leads wait to be tried again at {due}{}", self.last_trouble()),
        };
        self.wait_or_defer(due, now, &why)
    }

    /// What went wrong last in this run, in brackets: whether it is the network, a certificate or the API decides what to do next.
    fn last_trouble(&self) -> String {
        self.trouble.as_ref().map(|trouble| format!(" (the last: {trouble})")).unwrap_or_default()
    }

    /// Waits if patience allows, else ends the run as deferred. Patience counts from when there was nothing but waiting, and there is none
    /// while other syncs wait for this run.
    fn wait_or_defer(&mut self, until: Timestamp, now: Timestamp, why: &str) -> Option<Duration> {
        // Never in the future: a clock that was set back meanwhile would lengthen patience by as much.
        let since = self.idle_since.get_or_insert(now);
        *since = now.min(*since);
        if !self.means.stop.is_awaited() && until <= *since + self.means.connection.patience {
            return Some(until.since(now));
        }
        let name = &self.means.connection.name;
        self.halt(Notice::new(Ending::Deferred, format!("connection {name}: {why}; the next run goes on")));
        None
    }

    /// Asks the API for a sign of life without a lead.
    async fn probe(&mut self) -> Option<Duration> {
        if !self.flights.is_empty() || self.unwritten > 0 {
            return None;
        }
        let stop = self.means.stop;
        let reply = tokio::select! {
            reply = self.means.destination.probe() => reply,
            // Asked again, it would have been sent: that it was not, the loop says before it ends.
            () = stop.wait() => return Some(Duration::ZERO),
        };
        if outcome::is_alive(&reply) {
            self.alive = true;
        } else {
            self.trouble = Some(outcome::describe(&reply, "", &[]));
            let (policy, now) = (&self.means.connection.policy.retry, clock::now());
            self.means.state.breaker = self.means.state.breaker.failed(policy, now, judge::jitter());
            self.store_state();
        }
        Some(Duration::ZERO)
    }
}
