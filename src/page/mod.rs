//! The dashboard and the page of a lead: what the ledger and the process know, as HTML that needs no script and asks for nothing else.
//!
//! [`Facts`] are read, rendering is pure. The templates are in `templates/`; they are compiled in and escape every value.
//!
//! | file | holds |
//! |---|---|
//! | `facts.rs` | what is read off the ledger |
//! | `overview.rs` | the dashboard |
//! | `attention.rs` | what needs a person |
//! | `chart.rs` | the bars of one sync |
//! | `lead.rs` | one key's leads |
//! | `words.rs` | numbers, times and durations for people |

mod attention;
mod chart;
mod facts;
mod lead;
mod overview;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::time::Timestamp;

pub use facts::Facts;
pub use lead::lead;
pub use overview::overview;

/// The style sheet, part of every page.
const STYLE: &str = include_str!("../../templates/page.css");

/// What the ledger does not know: the process does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The syncs of the configuration. Leads of others are not sent.
    pub configured: BTreeSet<String>,
    /// When each scheduled sync is due.
    pub next: BTreeMap<String, Timestamp>,
    /// The sync that is running.
    pub running: Option<String>,
    /// The sessions of the connections that have one, by the connection's name.
    pub sessions: Vec<Session>,
}

/// What a session needs of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A login.
    Login,
    /// What its text says: a login would fail in the same way.
    Mending,
}

/// The session of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Name of the connection.
    pub connection: String,
    /// How long it lasts, or why it cannot be used.
    pub text: String,
    /// What somebody has to do.
    pub need: Need,
    /// When somebody has to log in at the latest, if the server said.
    pub ends_at: Option<Timestamp>,
}

/// Where a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From the daemon's server: keys are links to their pages.
    Server,
    /// In a file, by itself.
    File,
}

/// The policy that keeps a page from loading or running anything (<https://www.w3.org/TR/CSP3/>): even a value that were not escaped
/// could do nothing. The style sheet is named by its hash.
pub fn content_policy(place: Place) -> String {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    // Who may frame a page, only a header can say (CSP3 section 6.4.2).
    let framing = if place == Place::Server { "; frame-ancestors 'none'" } else { "" };
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'{framing}")
}
