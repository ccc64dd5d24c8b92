//! The mapping: turns a record into a lead.
//!
//! A string leaf of [`Spec::lead`] is a MiniJinja template over the row's columns. A column is a variable; one whose name
//! is no identifier is `row['E-mail']`. A leaf that is exactly one `{{ expression }}` keeps the expression's type, any
//! other renders to text. NULL, the empty text and undefined are *nothing*: in a template NULL is the empty text. A leaf
//! that renders to nothing is left out, and so is an object or list that ends up empty. A leaf whose path ends in
//! `external_ref.external_ref`, and the top-level `backref`, are always text. Leaves that are no strings are constants.
//!
//! There are no functions, macros or includes: a template reads its row and nothing else. Beside MiniJinja's filters
//! there are `title`, `date`, `decimal`, `phone`, `email` and `split`, and `default` also replaces the empty text;
//! `is none` asks for nothing. All that can be known without a row is checked by [`Mapping::compile`].

mod check;
mod compile;
mod digest;
mod engine;
mod filters;
mod json;
mod numbers;
mod reads;
mod render;
mod shape;
mod template;

use std::fmt;
use std::sync::Arc;

use minijinja::{Environment, Expression};
use serde_json::Value;

use super::record::Record;

/// What the configuration says of one sync's mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Name of the sync, for messages.
    pub sync: String,
    /// The key column.
    pub key: String,
    /// Every cell is text, as in a CSV file: it equals no number, and is neither true nor false. A database has numbers, too.
    pub text_only: bool,
    /// Shape of the JSON body (`[syncs.NAME.lead]`); string leaves are templates.
    pub lead: Value,
    /// `where`: rows for which it is false are skipped.
    pub filter: Option<String>,
    /// Paths that must be in the body, e.g. `prospect.last_name`.
    pub required: Vec<String>,
}

/// Something wrong with a [`Spec`]. Displays as `path: message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Problem {
    /// The key below `[syncs.NAME]`: `lead.prospect.first_name`, `where`, `required[0]`.
    pub path: String,
    /// What is wrong, and the cure where there is one.
    pub message: String,
}

/// What is sent for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    /// Compact JSON, keys in the configured order.
    pub body: String,
    /// The top-level `backref` of the body.
    pub backref: Option<String>,
}

/// Why a row becomes no lead. Displays as one sentence that holds no value of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Name of the sync.
    pub sync: String,
    /// The field of the lead, such as `prospect.birth_date`, or `where`.
    pub field: String,
    /// The columns the field is made of, separated by `, `; `None` if there are none.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sync {}: {}: ", self.sync, self.field)?;
        if let Some(column) = &self.column {
            write!(f, "column {column}: ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Rejection {}

/// A checked [`Spec`], ready to render any number of records, from any thread.
pub struct Mapping {
    sync: String,
    columns: Vec<String>,
    digest: [u8; 16],
    columns_digest: [u8; 16],
    query_digest: [u8; 16],
    root: shape::Slot,
    filter: Option<shape::Filter>,
    slow: Arc<engine::Slow>,
    templates: Environment<'static>,
    /// Bytes of a body without its cells, to size the buffer.
    size: usize,
}

/// An expression over the shared engine.
type Compiled = Expression<'static, 'static>;

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("sync", &self.sync).field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Mapping {
    /// Checks everything that can be known without a row; all problems at once.
    pub fn compile(spec: &Spec) -> Result<Self, Vec<Problem>> {
        compile::compile(spec)
    }

    /// The columns that `lead` and `where` read, sorted: what the source is asked for. [`Record::cell`] follows this
    /// order. The key column is among them only if a template reads it.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Identifies the key column and the set of columns read: fingerprints are comparable only where it is the same.
    /// Stable across runs and releases.
    pub fn columns_digest(&self) -> [u8; 16] {
        self.columns_digest
    }

    /// The same for the rows of a query, whose cells are not only text: the same data has other fingerprints there than in a file.
    pub fn query_digest(&self) -> [u8; 16] {
        self.query_digest
    }

    /// Identifies the whole [`Spec`]. Stable across runs and releases.
    pub fn mapping_digest(&self) -> [u8; 16] {
        self.digest
    }

    /// There is a `where`.
    pub fn filters(&self) -> bool {
        self.filter.is_some()
    }

    /// Whether `where` lets the row through; it does if there is none.
    ///
    /// A boolean counts as it is, a number unless it is zero, nothing is false. Any other text is a [`Rejection`]:
    /// to take `nee` for a yes, as templates do, would send who did not consent.
    pub fn wants(&self, record: &Record) -> Result<bool, Rejection> {
        match &self.filter {
            None => Ok(true),
            Some(filter) => render::wants(self, filter, record),
        }
    }

    /// Makes the lead.
    pub fn render(&self, record: &Record) -> Result<Lead, Rejection> {
        render::lead(self, record)
    }
}

#[cfg(test)]
mod tests;
