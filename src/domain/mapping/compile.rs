//! From a [`Spec`] to a [`Mapping`]: every template parsed once, every column given its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::engine::{ENGINE, Slow};
use super::template::{Form, Piece, Template, parse_leaf};
use super::{Compiled, Mapping, Problem, Spec, json};

/// A place in the lead.
#[derive(Debug)]
pub(super) struct Slot {
    /// Its dotted path in the lead, e.g. `prospect.callbacks.0`; empty for the lead itself.
    pub(super) path: String,
    pub(super) node: Node,
    /// Rendering to nothing rejects the row.
    pub(super) required: bool,
}

/// What stands at a place.
#[derive(Debug)]
pub(super) enum Node {
    /// Fields with `"key":` as it is written.
    Object(Vec<(String, Slot)>),
    List(Vec<Slot>),
    Leaf(Leaf),
}

/// A template or a constant.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) kind: Kind,
    /// Always text, whatever the template gives.
    pub(super) as_text: bool,
    /// The columns it reads.
    pub(super) columns: Vec<String>,
}

/// How a leaf is rendered. Only the last two enter MiniJinja.
#[derive(Debug)]
pub(super) enum Kind {
    Nothing,
    /// JSON.
    Constant(String),
    /// Index of the cell.
    Column(usize),
    /// Raw pieces are escaped already.
    Pieces(Vec<Piece<usize>>),
    Expression(Compiled),
    /// Name of a template of [`Mapping`].
    Text(String),
}

/// `where`.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) expression: Compiled,
    pub(super) columns: Vec<String>,
}

/// The key under which the problems of `where` are reported.
const WHERE: &str = "where";
/// An estimate of the cells of a body, in bytes.
const CELLS: usize = 256;

/// See [`Mapping::compile`].
pub(super) fn compile(spec: &Spec) -> Result<Mapping, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut leaves = Vec::new();
    if !spec.lead.is_object() {
        problems.push(problem("lead", "must be a table"));
    }
    parse_leaves(&spec.lead, "lead", &mut leaves, &mut problems);
    let filter = spec
        .filter
        .as_deref()
        .and_then(|source| parse_filter(source, &mut problems));

    let used = leaves.iter().chain(&filter);
    let columns: Vec<String> = used
        .flat_map(|leaf| leaf.columns.iter().cloned())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let slow_leaves = leaves.iter().filter(|leaf| is_slow(&leaf.form));
    let slow = Arc::new(slow_columns(slow_leaves.chain(&filter), &columns));
    let mut build = Build {
        leaves: leaves.into_iter(),
        columns: &columns,
        templates: ENGINE.clone(),
        problems,
        size: CELLS,
    };
    let mut root = build.slot(&spec.lead, String::new());
    let filter = filter.and_then(|template| build.filter(template));
    let Build {
        templates,
        mut problems,
        size,
        ..
    } = build;
    for (index, path) in spec.required.iter().enumerate() {
        if let Err(message) = require(&mut root, path) {
            problems.push(problem(format!("required[{index}]"), message));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Mapping {
        sync: spec.sync.clone(),
        columns_digest: columns_digest(&spec.key, &columns),
        mapping_digest: mapping_digest(spec),
        columns,
        root,
        filter,
        slow,
        templates,
        size,
    })
}

fn problem(path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem {
        path: path.into(),
        message: message.into(),
    }
}

/// Parses the string leaves in the order in which [`Build::slot`] meets them. One that is wrong leaves a stand-in.
fn parse_leaves(
    value: &Value,
    path: &str,
    leaves: &mut Vec<Template>,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::String(source) => leaves.push(parse_leaf(source).unwrap_or_else(|messages| {
            problems.extend(messages.into_iter().map(|message| problem(path, message)));
            Template {
                form: Form::Constant(String::new()),
                columns: Vec::new(),
            }
        })),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                parse_leaves(item, &format!("{path}[{index}]"), leaves, problems);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                parse_leaves(field, &format!("{path}.{key}"), leaves, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn parse_filter(source: &str, problems: &mut Vec<Problem>) -> Option<Template> {
    match parse_leaf(source) {
        Ok(template) if matches!(template.form, Form::Expression(_) | Form::Column(_)) => {
            Some(template)
        }
        Ok(_) => {
            problems.push(problem(
                WHERE,
                "must be exactly one expression, such as \"{{ consent == 'J' }}\"",
            ));
            None
        }
        Err(messages) => {
            problems.extend(messages.into_iter().map(|message| problem(WHERE, message)));
            None
        }
    }
}

fn is_slow(form: &Form) -> bool {
    matches!(form, Form::Expression(_) | Form::Text(_))
}

/// The columns of templates that go through MiniJinja.
fn slow_columns<'t>(templates: impl Iterator<Item = &'t Template>, columns: &[String]) -> Slow {
    let mut slow = Slow::default();
    for name in templates.flat_map(|template| &template.columns) {
        if !slow.columns.contains_key(name)
            && let Ok(index) = columns.binary_search(name)
        {
            slow.columns.insert(name.clone(), slow.indices.len());
            slow.indices.push(index);
        }
    }
    slow
}

struct Build<'c> {
    leaves: std::vec::IntoIter<Template>,
    columns: &'c [String],
    templates: minijinja::Environment<'static>,
    problems: Vec<Problem>,
    size: usize,
}

impl Build<'_> {
    fn slot(&mut self, value: &Value, path: String) -> Slot {
        let below = |key: &str| {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        };
        let node = match value {
            Value::Object(fields) => Node::Object(
                fields
                    .iter()
                    .map(|(key, field)| {
                        let mut written = String::new();
                        json::push_string(&mut written, key);
                        written.push(':');
                        self.size += written.len() + 1;
                        (written, self.slot(field, below(key)))
                    })
                    .collect(),
            ),
            Value::Array(items) => Node::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.slot(item, below(&index.to_string())))
                    .collect(),
            ),
            Value::String(_) => Node::Leaf(self.leaf(&path)),
            Value::Null => Node::Leaf(constant(Kind::Nothing)),
            Value::Bool(_) | Value::Number(_) if is_always_text(&path) => {
                Node::Leaf(constant(Kind::Constant(format!("\"{value}\""))))
            }
            Value::Bool(_) | Value::Number(_) => {
                Node::Leaf(constant(Kind::Constant(value.to_string())))
            }
        };
        Slot {
            path,
            node,
            required: false,
        }
    }

    fn leaf(&mut self, path: &str) -> Leaf {
        let Some(Template { form, columns }) = self.leaves.next() else {
            return constant(Kind::Nothing);
        };
        let kind = match form {
            Form::Constant(text) if text.is_empty() => Kind::Nothing,
            Form::Constant(text) => {
                let mut written = String::new();
                json::push_string(&mut written, &text);
                self.size += written.len();
                Kind::Constant(written)
            }
            Form::Column(name) => Kind::Column(self.index(&name)),
            Form::Pieces(pieces) => {
                Kind::Pieces(pieces.into_iter().map(|piece| self.piece(piece)).collect())
            }
            Form::Expression(source) => match self.expression(&format!("lead.{path}"), source) {
                Some(expression) => Kind::Expression(expression),
                None => Kind::Nothing,
            },
            Form::Text(source) => {
                if let Err(error) = self.templates.add_template_owned(path.to_owned(), source) {
                    self.problems
                        .push(problem(format!("lead.{path}"), error.to_string()));
                }
                Kind::Text(path.to_owned())
            }
        };
        Leaf {
            kind,
            as_text: is_always_text(path),
            columns,
        }
    }

    fn piece(&mut self, piece: Piece<String>) -> Piece<usize> {
        match piece {
            Piece::Column(name) => Piece::Column(self.index(&name)),
            Piece::Raw(text) => {
                let mut written = String::new();
                json::push_escaped(&mut written, &text);
                self.size += written.len();
                Piece::Raw(written)
            }
        }
    }

    fn filter(&mut self, template: Template) -> Option<Filter> {
        let source = match template.form {
            Form::Expression(source) => source,
            Form::Column(name) => format!("row[{}]", Value::from(name)),
            _ => return None,
        };
        Some(Filter {
            expression: self.expression(WHERE, source)?,
            columns: template.columns,
        })
    }

    fn expression(&mut self, path: &str, source: String) -> Option<Compiled> {
        ENGINE
            .compile_expression_owned(source)
            .map_err(|error| self.problems.push(problem(path, error.to_string())))
            .ok()
    }

    /// Every column of a template is in `columns`, so that the search finds it.
    fn index(&self, name: &str) -> usize {
        self.columns
            .binary_search_by(|column| column.as_str().cmp(name))
            .unwrap_or(usize::MAX)
    }
}

fn constant(kind: Kind) -> Leaf {
    Leaf {
        kind,
        as_text: false,
        columns: Vec::new(),
    }
}

/// WeGroup's ids are text, and so is a link.
fn is_always_text(path: &str) -> bool {
    const REFERENCE: &str = "external_ref.external_ref";
    path == super::render::BACKREF
        || path
            .strip_suffix(REFERENCE)
            .is_some_and(|parent| parent.is_empty() || parent.ends_with('.'))
}

/// Marks the slot at `path`. A parent is left out only if all below it is, so that nothing else need be marked.
fn require(root: &mut Slot, path: &str) -> Result<(), String> {
    let mut slot = root;
    for segment in path.split('.') {
        let next = match &mut slot.node {
            Node::Object(fields) => {
                let written = format!("{}:", Value::from(segment));
                fields
                    .iter_mut()
                    .find(|(key, _)| *key == written)
                    .map(|(_, slot)| slot)
            }
            Node::List(items) => segment
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index)),
            Node::Leaf(_) => {
                return Err(format!(
                    "'{}' is one template; require it as a whole",
                    slot.path
                ));
            }
        };
        slot = next.ok_or_else(|| format!("the lead has no field '{path}'"))?;
    }
    slot.required = true;
    Ok(())
}

/// Bytes of a digest.
const DIGEST: usize = 16;

/// The context strings name what is hashed and must never change: digests are compared with those of earlier releases.
fn columns_digest(key: &str, columns: &[String]) -> [u8; DIGEST] {
    digest(
        "lead-sync columns v1",
        std::iter::once(key).chain(columns.iter().map(String::as_str)),
    )
}

fn mapping_digest(spec: &Spec) -> [u8; DIGEST] {
    let lead = spec.lead.to_string();
    let filter = spec.filter.as_deref();
    let has_filter = if filter.is_some() { "where" } else { "all" };
    let fixed = [
        &spec.sync,
        &spec.key,
        &lead,
        has_filter,
        filter.unwrap_or_default(),
    ];
    digest(
        "lead-sync mapping v1",
        fixed
            .into_iter()
            .chain(spec.required.iter().map(String::as_str)),
    )
}

fn digest<'a>(context: &str, parts: impl Iterator<Item = &'a str>) -> [u8; DIGEST] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        // A `usize` is no wider than 64 bits where Rust runs.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut digest = [0; DIGEST];
    hasher.finalize_xof().fill(&mut digest);
    digest
}
