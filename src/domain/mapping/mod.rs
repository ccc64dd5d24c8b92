//! The mapping: turns a record into a lead.

use serde_json::Value;

/// What the configuration says of one sync's mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Name of the sync, for messages.
    pub sync: String,
    /// The key column.
    pub key: String,
    /// Shape of the JSON body (`[syncs.NAME.lead]`); string leaves are templates.
    pub lead: Value,
    /// `where`: rows for which it is false are skipped.
    pub filter: Option<String>,
    /// Paths that must be in the body, e.g. `prospect.last_name`.
    pub required: Vec<String>,
}
