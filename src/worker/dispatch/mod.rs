//! The second half of a run: one connection's due leads, sent with bounded concurrency at its rate.
//!
//! At most `max_in_flight` requests are under way, and at most twice as many leads lie between intent and recorded outcome: that is what a
//! crash leaves in doubt. A lead is claimed only once a credential is at hand and there is a permit of the rate limit for it.

mod ask;
mod budget;
mod credential;
mod flight;
mod judge;
mod means;
mod post;
mod tally;

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

pub(super) use self::budget::Budget;
use self::credential::Credential;
use self::flight::Flight;
pub(super) use self::means::{Means, Sender};
pub(super) use self::tally::Tally;
use super::report::{Ending, Notice};
use crate::clock;
use crate::domain::blocked::Blocked;
use crate::domain::breaker::Gate;
use crate::domain::delivery::{Claim, Post, Settlement, State};
use crate::domain::time::Timestamp;
use crate::ledger::Done;

/// One connection's dispatch, under way.
pub(super) struct Dispatch<'m> {
    means: Means<'m>,
    told: UnboundedSender<Done>,
    done: UnboundedReceiver<Done>,
    flights: FuturesUnordered<Flight<'m>>,
    ready: VecDeque<Claim>,
    credential: Credential<'m>,
    /// Leads asked for, while the ledger has not answered.
    asked: Option<usize>,
    /// Settlements and states handed to the writer and not yet committed.
    unwritten: usize,
    /// When something is due next, once nothing is due now.
    next_due: Option<Next>,
    /// Other connections have all that is left of `--limit`, and may give some of it back.
    short: bool,
    /// The run's turn, and times that leads were asked for.
    claims: u64,
    /// Nothing more is sent.
    halted: bool,
    /// The breaker's probe has shown life: one lead may go.
    alive: bool,
    throttles: u32,
    /// The last failure of a request, for a person.
    trouble: Option<String>,
    /// Since when the run has only waited.
    idle_since: Option<Timestamp>,
    /// When requests under way are given up after a stop signal.
    give_up: Option<Instant>,
    blocked: Blocked,
    tally: Tally,
}

/// What the ledger said when nothing was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    At(Timestamp),
    Nothing,
}

/// Sends what is due on one connection, until nothing is, or something stops it.
pub(super) async fn dispatch(means: Means<'_>) -> Tally {
    let (told, done) = unbounded_channel();
    let claims = means.turn;
    let dispatch = Dispatch {
        means,
        told,
        done,
        flights: FuturesUnordered::new(),
        ready: VecDeque::new(),
        credential: Credential::Unknown,
        asked: None,
        unwritten: 0,
        next_due: None,
        short: false,
        claims,
        halted: false,
        alive: false,
        throttles: 0,
        trouble: None,
        idle_since: None,
        give_up: None,
        blocked: Blocked::default(),
        tally: Tally::default(),
    };
    dispatch.run().await
}

impl Dispatch<'_> {
    async fn run(mut self) -> Tally {
        loop {
            if self.means.stop.is_set() {
                self.give_up.get_or_insert_with(|| Instant::now() + self.means.grace);
                self.halt(Notice::new(Ending::Interrupted, "stopped: nothing more is sent, the next run goes on"));
            }
            self.take_off();
            let wake = if self.halted { None } else { self.ask().await };
            if self.is_idle() && (self.halted || wake.is_none() && !self.short) {
                return self.tally;
            }
            if self.wait(wake).await.is_break() {
                self.settle_up().await;
                return self.tally;
            }
        }
    }

    /// Nothing is under way, neither towards API and token endpoint nor towards the ledger.
    fn is_idle(&self) -> bool {
        let recorded = self.ready.is_empty() && self.asked.is_none() && self.unwritten == 0;
        recorded && self.flights.is_empty() && !self.credential.is_coming()
    }

    /// Waits until something happens; `wake` is a wait of our own. Break: stopped for the second time, or the grace is over. What is under way
    /// can be stopped also after the dispatch was halted for another reason.
    async fn wait(&mut self, wake: Option<Duration>) -> std::ops::ControlFlow<()> {
        let give_up = self.give_up;
        tokio::select! {
            biased;
            Some(done) = self.done.recv() => {
                self.committed(done);
                // What one commit wrote comes at once.
                while let Ok(done) = self.done.try_recv() {
                    self.committed(done);
                }
            }
            Some((claim, sent)) = self.flights.next() => {
                self.landed(claim, sent);
                // And what one reading of the sockets brought.
                while let Some(Some((claim, sent))) = self.flights.next().now_or_never() {
                    self.landed(claim, sent);
                }
            }
            renewed = self.credential.comes() => self.renewed(renewed),
            () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => {}
            () = self.means.budget.decided(), if self.short && !self.halted => {}
            () = self.means.stop.wait(), if give_up.is_none() => {}
            () = self.means.stop.awaited(), if wake.is_some() && !self.means.stop.is_awaited() => {}
            () = self.means.stop.at_once_or(give_up), if give_up.is_some() => {
                self.give_up_flights();
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    /// Hears what the ledger has still to say: what it settles counts, and what it claims goes back. The run waits for the writer anyway.
    async fn settle_up(&mut self) {
        while self.asked.is_some() || self.unwritten > 0 {
            let Some(done) = self.done.recv().await else { return };
            self.committed(done);
        }
    }

    /// No pause is in force and the breaker is closed, or lets one lead through.
    fn may_send(&self, now: Timestamp) -> bool {
        let paused = self.means.state.pause.as_ref().is_some_and(|(until, _)| *until > now);
        let open = match self.means.state.breaker.gate(now) {
            Gate::Closed => false,
            Gate::OpenUntil(_) => true,
            Gate::Probe => !self.alive,
        };
        !paused && !open
    }

    fn in_flight_limit(&self) -> usize {
        usize::try_from(self.means.connection.max_in_flight.get()).unwrap_or(usize::MAX)
    }

    /// Stops sending: what is claimed and not under way is released, uncharged.
    fn halt(&mut self, notice: Notice) {
        if self.halted {
            // What the ledger could not take counts for more than why it was stopped.
            if notice.ending == Ending::Error {
                self.tally.note_once(notice);
            }
            return;
        }
        self.halted = true;
        // Waited for no longer. A renewal that spends a refresh token goes on, and the run waits for it (`TokenSource::settled`).
        self.credential = Credential::Unknown;
        self.tally.note(notice);
        self.release_ready();
    }

    /// Gives a lead back of which nothing was processed. `post` is the uncharged POST, if there was one.
    fn release(&mut self, claim: Claim, post: Option<Post>) {
        self.means.budget.give_back(1);
        self.settle(claim.release(post));
    }

    fn settle(&mut self, settlement: Settlement) {
        self.unwritten += 1;
        self.means.writer.settle(settlement, &self.told);
    }

    fn store_state(&mut self) {
        self.unwritten += 1;
        self.means.writer.store(self.means.id, self.means.state.clone(), &self.told);
    }

    /// The writer has committed something, or cannot any more.
    fn committed(&mut self, done: Done) {
        match done {
            Done::Claimed(claims, next) => {
                self.means.progress.add_on_the_way(claims.len());
                let unused = self.asked.take().unwrap_or(0).saturating_sub(claims.len());
                self.means.budget.give_back(unused);
                self.next_due = if claims.is_empty() { Some(next.map_or(Next::Nothing, Next::At)) } else { None };
                self.ready.extend(claims);
                if self.halted || !self.may_send(clock::now()) {
                    self.release_ready();
                }
            }
            Done::Settled { lead, sync, state } => {
                self.unwritten -= 1;
                self.means.progress.has_settled_one();
                self.tally.settled(lead, sync, state, self.means.progress);
                if state == State::Delivered && self.means.state.destination.is_none() {
                    self.means.state.destination = Some(self.means.place.to_owned());
                    self.store_state();
                }
                if matches!(state, State::Waiting | State::Pending) {
                    // It may be due before anything the ledger has named.
                    self.next_due = None;
                }
            }
            Done::Stored => self.unwritten -= 1,
            Done::Unclaimed(text) => {
                self.means.budget.give_back(self.asked.take().unwrap_or(0));
                self.halt(Notice::new(Ending::Error, text));
            }
            Done::Unwritten(text) => {
                self.unwritten -= 1;
                self.halt(Notice::new(Ending::Error, text));
            }
        }
    }
}
