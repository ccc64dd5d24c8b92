//! Access and refresh tokens. All tokens that go back to one login are a family.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use super::random;
use crate::clock;
use crate::domain::time::Timestamp;

/// What the API has to know of a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BearerState {
    /// It may do what these scopes allow.
    Valid {
        /// What was granted.
        scopes: Vec<String>,
        /// Who issued it.
        service: Service,
    },
    /// Its time is over.
    Expired,
    /// Never issued, or revoked.
    Unknown,
}

/// Whose token endpoint issued a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// WeGroup, by a login.
    WeGroup,
    /// One of the three others.
    Other,
}

/// What happened so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counters {
    /// Requests at any token endpoint, answered or not.
    pub token_requests: u64,
    /// Access tokens issued.
    pub issued: u64,
    /// Refresh tokens spent.
    pub refreshes: u64,
    /// Spent refresh tokens that were presented again.
    pub reuses: u64,
    /// Logins with a password or a code.
    pub logins: u64,
    /// Revocations that were asked for.
    pub revocations: u64,
}

#[derive(Default)]
pub(super) struct Tokens {
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    families: u64,
    counters: Counters,
}

/// All tokens that go back to one login.
#[derive(Clone)]
struct Family {
    number: u64,
    service: Service,
    scopes: Vec<String>,
}

struct Access {
    family: Family,
    ends: Timestamp,
}

struct Refresh {
    family: Family,
    ends: Option<Timestamp>,
    spent_at: Option<Timestamp>,
}

/// How long the next pair lives.
#[derive(Clone, Copy)]
pub(super) struct Lifetimes {
    pub(super) access: Duration,
    pub(super) refresh: Option<Duration>,
    pub(super) grace: Duration,
}

/// A new access token, and a refresh token, if one belongs to it.
pub(super) struct Pair {
    pub(super) family: u64,
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) scopes: Vec<String>,
}

/// Why a refresh token is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    Unknown,
    Expired,
    /// Spent before: the family is revoked now.
    Reused,
}

impl Tokens {
    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    pub(super) fn count(&mut self, what: impl FnOnce(&mut Counters)) {
        what(&mut self.counters);
    }

    pub(super) fn check(&self, token: &str, now: Timestamp) -> BearerState {
        match self.access.get(token) {
            None => BearerState::Unknown,
            Some(access) if now >= access.ends => BearerState::Expired,
            Some(Access { family, .. }) => {
                BearerState::Valid { scopes: family.scopes.clone(), service: family.service }
            }
        }
    }

    pub(super) fn revoke_access_tokens(&mut self) {
        self.access.clear();
    }

    /// The first tokens of a new family.
    pub(super) fn begin(
        &mut self,
        service: Service,
        scopes: Vec<String>,
        with_refresh: bool,
        lifetimes: Lifetimes,
    ) -> Pair {
        self.families += 1;
        self.issue(Family { number: self.families, service, scopes }, with_refresh, lifetimes, clock::now())
    }

    /// Spends a refresh token. Strict as Hydra is without a grace period: the family's access tokens end at once, and a
    /// spent token that comes back revokes the family.
    pub(super) fn rotate(&mut self, token: &str, lifetimes: Lifetimes, now: Timestamp) -> Result<Pair, Invalid> {
        let refresh = self.refresh.get_mut(token).ok_or(Invalid::Unknown)?;
        if refresh.ends.is_some_and(|end| now >= end) {
            return Err(Invalid::Expired);
        }
        let family = refresh.family.clone();
        let spent_before = refresh.spent_at;
        refresh.spent_at.get_or_insert(now);
        if let Some(at) = spent_before {
            self.counters.reuses += 1;
            if now >= at + lifetimes.grace {
                self.revoke_family(family.number);
                return Err(Invalid::Reused);
            }
        }
        self.counters.refreshes += 1;
        self.access.retain(|_, access| access.family.number != family.number);
        Ok(self.issue(family, true, lifetimes, now))
    }

    /// Ends all tokens of the family.
    pub(super) fn revoke_family(&mut self, family: u64) {
        self.access.retain(|_, access| access.family.number != family);
        self.refresh.retain(|_, refresh| refresh.family.number != family);
    }

    /// The family of an access or refresh token.
    pub(super) fn family_of(&self, token: &str) -> Option<u64> {
        let access = self.access.get(token).map(|access| access.family.number);
        access.or_else(|| self.refresh.get(token).map(|refresh| refresh.family.number))
    }

    fn issue(&mut self, family: Family, with_refresh: bool, lifetimes: Lifetimes, now: Timestamp) -> Pair {
        let access = random("ory_at_");
        self.access.insert(access.clone(), Access { family: family.clone(), ends: now + lifetimes.access });
        let refresh = with_refresh.then(|| random("ory_rt_"));
        if let Some(token) = &refresh {
            let ends = lifetimes.refresh.map(|lifetime| now + lifetime);
            self.refresh.insert(token.clone(), Refresh { family: family.clone(), ends, spent_at: None });
        }
        self.counters.issued += 1;
        Pair { family: family.number, access, refresh, scopes: family.scopes }
    }
}
