//! One key's leads, each with its history: what `show` tells.

use askama::Template;

use super::{Place, STYLE, words};
use crate::domain::reason::shown;
use crate::domain::time::Timestamp;
use crate::ledger::{Event, LeadRow, Told};

/// A lead in a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) sync: String,
    /// As it is in the ledger, for a link.
    pub(super) key: String,
    /// The same for the eye.
    pub(super) shown_key: String,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) origin: String,
    pub(super) updated: String,
    pub(super) backref: Option<Backref>,
}

/// The way back to the CRM.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backref {
    /// For the eye.
    pub(super) text: String,
    /// An address that a browser may follow.
    pub(super) link: Option<String>,
}

impl Line {
    pub(super) fn new(lead: &LeadRow) -> Self {
        Self {
            sync: lead.sync.clone(),
            key: lead.key.clone(),
            shown_key: if lead.key.is_empty() { "(none)".to_owned() } else { shown(&lead.key) },
            state: lead.state.clone(),
            reason: lead.reason.as_deref().map(shown).unwrap_or_default(),
            origin: shown(&lead.origin),
            updated: words::second(&lead.updated_at),
            backref: lead.backref.as_deref().map(Backref::new),
        }
    }
}

impl Backref {
    /// Only http and https become a link: the text is the CRM's, and `javascript:` would run.
    fn new(backref: &str) -> Self {
        let scheme = backref.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let is_web = scheme.is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https"));
        Self { text: shown(backref), link: is_web.then(|| backref.to_owned()) }
    }
}

/// A lead and its history.
struct Whole {
    lead: Line,
    remote_id: Option<String>,
    http_status: Option<i64>,
    attempts: i64,
    next: Option<String>,
    doubt: Option<&'static str>,
    history: Vec<Entry>,
}

/// What happened to a lead at one moment.
struct Entry {
    at: String,
    run: Option<i64>,
    attempt: i64,
    kind: String,
    http_status: Option<i64>,
    took: Option<String>,
    reason: String,
}

impl Whole {
    fn new(told: &Told) -> Self {
        Self {
            lead: Line::new(&told.lead),
            remote_id: told.lead.remote_id.as_deref().map(shown),
            http_status: told.lead.http_status,
            attempts: told.lead.attempts,
            next: told.next_at.as_deref().map(words::second),
            doubt: told.doubt(),
            history: told.history.iter().map(Entry::new).collect(),
        }
    }
}

impl Entry {
    fn new(event: &Event) -> Self {
        let took = event.took_ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0);
        Self {
            at: words::second(&event.at),
            run: event.run,
            attempt: event.attempt,
            kind: event.kind.clone(),
            http_status: event.http_status,
            took: took.map(words::milliseconds),
            reason: event.reason.as_deref().map(shown).unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "lead.html")]
struct Page<'p> {
    title: String,
    style: &'p str,
    policy: Option<String>,
    now: String,
    place: Place,
    key: &'p str,
    shown_key: String,
    leads: Vec<Whole>,
    /// The syncs whose lead of this key was erased, and when.
    forgotten: Vec<(String, String)>,
}

/// The page of the leads with this key. `forgotten` names the syncs in which the person was erased.
pub fn lead(
    key: &str,
    told: &[Told],
    forgotten: &[(String, Timestamp)],
    now: Timestamp,
) -> Result<String, askama::Error> {
    let page = Page {
        title: format!("{} – lead-sync", shown(key)),
        style: STYLE,
        policy: None,
        now: words::minute(now),
        place: Place::Server,
        key,
        shown_key: shown(key),
        leads: told.iter().map(Whole::new).collect(),
        forgotten: forgotten.iter().map(|(sync, at)| (sync.clone(), words::minute(*at))).collect(),
    };
    page.render()
}
