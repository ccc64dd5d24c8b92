//! What was received and stored: the account that tests and the demo check the ledger against.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::account::{Received, StoredLead, Summary};
use super::answers::lead_id;

/// A lead that passed every check.
pub(super) struct NewLead<'a> {
    pub(super) at_ms: i64,
    pub(super) path: &'a str,
    pub(super) idempotency_key: Option<&'a str>,
    pub(super) external_ref: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// A repeated idempotency key stores nothing.
    pub(super) once_per_key: bool,
    /// A repeated external reference stores nothing.
    pub(super) once_per_ref: bool,
}

/// What came of a [`NewLead`].
pub(super) enum Admission {
    /// Stored under this number.
    Stored(u64),
    /// Its idempotency key belongs to the lead of this number; nothing was stored.
    Repeated(u64),
    /// Its external reference is stored already; nothing was stored.
    Conflict,
}

/// The account of one sandbox.
pub(super) struct Log {
    light: bool,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    requests: Vec<Received>,
    leads: Vec<KeptLead>,
    /// Arrival times of lead requests, in ms.
    arrivals: Vec<i64>,
    received: u64,
    partial: u64,
    stored: u64,
    duplicate_keys: u64,
    duplicate_refs: u64,
    repeated_keys: u64,
    /// Hashes of the idempotency keys received. 64 bits: among a million keys a false match has a chance of 1 in 37 million.
    keys: HashSet<u64>,
    /// Hash of an idempotency key → number of the first lead stored with it.
    stored_keys: HashMap<u64, u64>,
    /// Hashes of the external references stored.
    stored_refs: HashSet<u64>,
}

/// A [`StoredLead`] as it was received: not parsed until somebody asks.
struct KeptLead {
    number: u64,
    at_ms: i64,
    path: Box<str>,
    idempotency_key: Option<Box<str>>,
    external_ref: Option<Box<str>>,
    body: Box<[u8]>,
}

impl KeptLead {
    fn new(number: u64, lead: &NewLead<'_>) -> Self {
        Self {
            number,
            at_ms: lead.at_ms,
            path: lead.path.into(),
            idempotency_key: lead.idempotency_key.map(Into::into),
            external_ref: lead.external_ref.map(Into::into),
            body: lead.body.into(),
        }
    }

    fn show(&self) -> StoredLead {
        StoredLead {
            id: lead_id(self.number),
            at_ms: self.at_ms,
            path: self.path.to_string(),
            idempotency_key: self.idempotency_key.as_deref().map(str::to_owned),
            external_ref: self.external_ref.as_deref().map(str::to_owned),
            body: serde_json::from_slice(&self.body).unwrap_or_default(),
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Log {
    pub(super) fn new(light: bool) -> Self {
        Self { light, in_flight: AtomicU64::new(0), max_in_flight: AtomicU64::new(0), entries: Mutex::default() }
    }

    /// A lead request began.
    pub(super) fn enter(&self) {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Ordering::Relaxed);
    }

    /// A lead request ended.
    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// True if whole requests are kept.
    pub(super) fn keeps_requests(&self) -> bool {
        !self.light
    }

    /// Stores a lead, unless its rules say otherwise.
    pub(super) fn store(&self, lead: &NewLead<'_>) -> Admission {
        let key = lead.idempotency_key.map(hash);
        let reference = lead.external_ref.map(hash);
        let mut entries = self.lock();
        let earlier = key.and_then(|key| entries.stored_keys.get(&key).copied());
        if let Some(number) = earlier
            && lead.once_per_key
        {
            return Admission::Repeated(number);
        }
        let known = reference.is_some_and(|reference| entries.stored_refs.contains(&reference));
        if known && lead.once_per_ref {
            return Admission::Conflict;
        }
        entries.stored += 1;
        let number = entries.stored;
        entries.duplicate_keys += u64::from(earlier.is_some());
        entries.duplicate_refs += u64::from(known);
        if let Some(key) = key {
            entries.stored_keys.entry(key).or_insert(number);
        }
        entries.stored_refs.extend(reference);
        if !self.light {
            entries.leads.push(KeptLead::new(number, lead));
        }
        Admission::Stored(number)
    }

    /// Counts a lead request that was received to its end.
    pub(super) fn count(&self, at_ms: i64, idempotency_key: Option<&str>) {
        let mut entries = self.lock();
        entries.arrivals.push(at_ms);
        entries.received += 1;
        if let Some(key) = idempotency_key
            && !entries.keys.insert(hash(key))
        {
            entries.repeated_keys += 1;
        }
    }

    /// Counts a lead request that was not.
    pub(super) fn count_partial(&self, at_ms: i64) {
        let mut entries = self.lock();
        entries.arrivals.push(at_ms);
        entries.partial += 1;
    }

    /// Keeps a whole request.
    pub(super) fn keep(&self, request: Received) {
        self.lock().requests.push(request);
    }

    pub(super) fn requests(&self) -> Vec<Received> {
        self.lock().requests.clone()
    }

    pub(super) fn leads(&self) -> Vec<StoredLead> {
        self.lock().leads.iter().map(KeptLead::show).collect()
    }

    pub(super) fn summary(&self) -> Summary {
        let entries = self.lock();
        let mut arrivals = entries.arrivals.clone();
        arrivals.sort_unstable();
        let mut per_second = BTreeMap::new();
        for at_ms in &arrivals {
            *per_second.entry(at_ms.div_euclid(1000)).or_insert(0) += 1;
        }
        Summary {
            received: entries.received,
            partial: entries.partial,
            stored: entries.stored,
            duplicates_by_idempotency_key: entries.duplicate_keys,
            duplicates_by_external_ref: entries.duplicate_refs,
            repeated_idempotency_keys: entries.repeated_keys,
            max_in_flight_seen: self.max_in_flight.load(Ordering::Relaxed),
            max_in_any_second: densest_second(&arrivals),
            per_second,
        }
    }

    /// Forgets everything but the requests under way.
    pub(super) fn reset(&self) {
        *self.lock() = Entries::default();
        let under_way = self.in_flight.load(Ordering::Relaxed);
        self.max_in_flight.store(under_way, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most of these sorted times, in ms, that lie within 1000 ms of each other.
fn densest_second(arrivals: &[i64]) -> u64 {
    let mut first = 0;
    let mut most = 0;
    for (last, at_ms) in arrivals.iter().enumerate() {
        while arrivals.get(first).is_some_and(|from| at_ms - from >= 1000) {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most as u64
}

#[cfg(test)]
mod tests;
