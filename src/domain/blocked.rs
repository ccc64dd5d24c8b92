//! Leads that the API turns away by 403 or a wrong path: is it the lead, or everything?
//!
//! Three different leads in a row with no success between, or nothing but such leads, and the credential or the path is at fault: stop.
//! If others succeed it is the lead: it is refused when it is turned away for the second time.

use std::collections::HashSet;

use super::outcome::Outcome;

/// Different leads in a row that stop the run.
const ENOUGH: usize = 3;

/// What is at fault when everything is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 403: the credential may not do this.
    Credential,
    /// 404, 405, 410 or a redirect: the path is wrong.
    Path,
}

/// What to do with a lead that was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It waits.
    Wait,
    /// Others succeed: it is refused.
    Refuse,
    /// It waits, and the run stops.
    Stop(Fault),
}

/// The leads turned away in one run of one connection.
#[derive(Debug, Default)]
pub struct Blocked {
    /// Since the last success, in a row.
    streak: HashSet<i64>,
    /// In this run.
    ever: HashSet<i64>,
    any_success: bool,
    last: Option<Fault>,
}

impl Blocked {
    /// Learns of an outcome. `Some` only for one that turned `lead` away.
    pub fn learn(&mut self, lead: i64, outcome: &Outcome) -> Option<Turned> {
        let fault = match outcome {
            Outcome::Forbidden => Fault::Credential,
            Outcome::WrongPath => Fault::Path,
            Outcome::Accepted | Outcome::Conflict | Outcome::Rejected => {
                // The API has read a lead and judged it: credential and path are good.
                self.streak.clear();
                self.any_success = true;
                return None;
            }
            Outcome::NotSent | Outcome::Unauthorized | Outcome::Throttled(_) | Outcome::InDoubt => return None,
        };
        self.last = Some(fault);
        if self.any_success && self.ever.contains(&lead) {
            self.streak.remove(&lead);
            return Some(Turned::Refuse);
        }
        self.ever.insert(lead);
        self.streak.insert(lead);
        Some(if self.streak.len() >= ENOUGH { Turned::Stop(fault) } else { Turned::Wait })
    }

    /// What is at fault if nothing else is left to be tried: every lead of this run was turned away.
    pub fn everything(&self) -> Option<Fault> {
        if self.any_success || self.streak.is_empty() { None } else { self.last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_different_leads_in_a_row_stop_the_run() {
        let mut blocked = Blocked::default();
        assert_eq!(blocked.learn(1, &Outcome::Forbidden), Some(Turned::Wait));
        assert_eq!(blocked.learn(1, &Outcome::Forbidden), Some(Turned::Wait), "the same lead counts once");
        assert_eq!(blocked.learn(2, &Outcome::WrongPath), Some(Turned::Wait));
        assert_eq!(blocked.learn(3, &Outcome::Forbidden), Some(Turned::Stop(Fault::Credential)));
    }

    #[test]
    fn one_lead_among_others_that_succeed_is_refused_at_the_second_time() {
        let mut blocked = Blocked::default();
        assert_eq!(blocked.learn(1, &Outcome::Accepted), None);
        assert_eq!(blocked.learn(2, &Outcome::Forbidden), Some(Turned::Wait));
        assert_eq!(blocked.everything(), None);
        assert_eq!(blocked.learn(2, &Outcome::Forbidden), Some(Turned::Refuse));
    }

    #[test]
    fn nothing_but_leads_that_are_turned_away_is_a_fault_of_credential_or_path() {
        let mut blocked = Blocked::default();
        blocked.learn(1, &Outcome::WrongPath);
        blocked.learn(1, &Outcome::InDoubt);
        assert_eq!(blocked.everything(), Some(Fault::Path));
        blocked.learn(2, &Outcome::Rejected);
        assert_eq!(blocked.everything(), None);
    }
}
