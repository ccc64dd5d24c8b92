//! What the ledger has to hold, as a list in memory.

use std::time::Duration;

use crate::domain::delivery::State;
use crate::domain::plan::OnChange;

pub(super) const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// How a request ends.
#[derive(Debug, Clone)]
pub(super) enum End {
    Delivered,
    Rejected,
    Waiting { delay: i64, in_doubt: bool },
    Held,
    Failed { in_doubt: bool },
    Released,
}

/// A lead as the model has it, and as the ledger is read: the same type, so that the two can be compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lead {
    pub(super) key: String,
    pub(super) state: State,
    pub(super) version: i64,
    pub(super) attempts: u32,
    pub(super) tries: u32,
    pub(super) possibly_sent: bool,
    pub(super) next_at: Option<i64>,
    pub(super) touched: i64,
    /// At `touched`, in milliseconds; 0 of a delivered lead, which has none.
    pub(super) age: i64,
    pub(super) payload: Option<String>,
}

impl Lead {
    pub(super) fn touch(&mut self, state: State, next_at: Option<i64>, now: i64) {
        (self.state, self.next_at, self.touched) = (state, next_at, now);
        if state == State::Delivered {
            (self.age, self.payload) = (0, None);
        }
    }

    /// To be sent as if for the first time.
    pub(super) fn start_over(&mut self, now: i64) {
        (self.attempts, self.tries, self.age) = (0, 0, 0);
        self.touch(State::Pending, Some(now), now);
    }

    pub(super) fn changed(&mut self, content: u16, on_change: OnChange, now: i64) {
        let takes = match self.state {
            State::Sending | State::Held => false,
            State::Pending | State::Waiting => !self.possibly_sent,
            State::Delivered => on_change == OnChange::Resend,
            State::Rejected | State::Failed => true,
        };
        if takes {
            self.possibly_sent &= self.state != State::Delivered;
            self.version += 1;
            self.start_over(now);
            self.payload = Some(content.to_string());
        }
    }

    pub(super) fn claimed(&mut self, now: i64) {
        self.age += (now - self.touched).clamp(0, i64::try_from(MAX_AGE.as_millis()).unwrap() / 2);
        self.touch(State::Sending, None, now);
    }

    pub(super) fn ended(&mut self, how: &End, charged: bool, took_ms: u64, now: i64) {
        if let End::Released = how {
            let state = if self.tries > 0 { State::Waiting } else { State::Pending };
            return self.touch(state, Some(now - self.age), now);
        }
        self.tries += 1;
        self.attempts += u32::from(charged || matches!(how, End::Delivered));
        self.age += i64::try_from(took_ms).unwrap();
        let (state, next_at, in_doubt) = match how {
            End::Delivered => (State::Delivered, None, false),
            End::Rejected => (State::Rejected, None, false),
            End::Waiting { delay, in_doubt } => (State::Waiting, Some(now + delay), *in_doubt),
            End::Held => (State::Held, None, true),
            End::Failed { in_doubt } => (State::Failed, None, *in_doubt),
            End::Released => unreachable!(),
        };
        self.possibly_sent |= in_doubt;
        self.touch(state, next_at, now);
    }

    pub(super) fn left_behind(&mut self, hold: bool, now: i64) {
        (self.attempts, self.tries, self.possibly_sent) = (self.attempts + 1, self.tries + 1, true);
        if hold { self.touch(State::Held, None, now) } else { self.touch(State::Waiting, Some(now), now) }
    }

    pub(super) fn retried(&mut self, now: i64) {
        match self.state {
            State::Rejected | State::Failed => self.start_over(now),
            State::Waiting => self.next_at = self.next_at.map(|at| at.min(now)),
            State::Pending | State::Sending | State::Delivered | State::Held => {}
        }
    }

    pub(super) fn resolved(&mut self, delivered: bool, now: i64) {
        match (self.state, delivered) {
            (State::Held, true) => {
                self.possibly_sent = false;
                self.touch(State::Delivered, None, now);
            }
            (State::Held, false) => self.start_over(now),
            _ => {}
        }
    }
}
