//! The lead's shape, ready to be written: objects, lists and leaves, each with its place.

use serde_json::Value;

use super::compile::{WHERE, problem};
use super::engine::ENGINE;
use super::render::BACKREF;
use super::template::{Form, Piece, Template};
use super::{Compiled, Problem, json};

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
    /// Name of one of the mapping's templates.
    Text(String),
}

/// `where`.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) expression: Compiled,
    pub(super) columns: Vec<String>,
}

/// Builds slots from parsed leaves, which it meets in the order in which they were parsed.
pub(super) struct Build<'c> {
    pub(super) leaves: std::vec::IntoIter<Template>,
    pub(super) columns: &'c [String],
    pub(super) templates: minijinja::Environment<'static>,
    pub(super) problems: Vec<Problem>,
    pub(super) size: usize,
}

impl Build<'_> {
    pub(super) fn slot(&mut self, value: &Value, path: String) -> Slot {
        let below = |key: &str| {
            if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
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
                items.iter().enumerate().map(|(index, item)| self.slot(item, below(&index.to_string()))).collect(),
            ),
            Value::String(_) => Node::Leaf(self.leaf(&path)),
            Value::Null => Node::Leaf(constant(Kind::Nothing)),
            Value::Bool(_) | Value::Number(_) if is_always_text(&path) => {
                Node::Leaf(constant(Kind::Constant(format!("\"{value}\""))))
            }
            Value::Bool(_) | Value::Number(_) => Node::Leaf(constant(Kind::Constant(value.to_string()))),
        };
        Slot { path, node, required: false }
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
            Form::Pieces(pieces) => Kind::Pieces(pieces.into_iter().map(|piece| self.piece(piece)).collect()),
            Form::Expression(source) => match self.expression(&format!("lead.{path}"), source) {
                Some(expression) => Kind::Expression(expression),
                None => Kind::Nothing,
            },
            Form::Text(source) => {
                // A path is no name: the keys "a.b" and "b" below "a" share theirs.
                let name = self.leaves.len().to_string();
                if let Err(error) = self.templates.add_template_owned(name.clone(), source) {
                    self.problems.push(problem(format!("lead.{path}"), error.to_string()));
                }
                Kind::Text(name)
            }
        };
        Leaf { kind, as_text: is_always_text(path), columns }
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

    pub(super) fn filter(&mut self, template: Template) -> Option<Filter> {
        let source = match template.form {
            Form::Expression(source) => source,
            Form::Column(name) => format!("row[{}]", Value::from(name)),
            _ => return None,
        };
        Some(Filter { expression: self.expression(WHERE, source)?, columns: template.columns })
    }

    fn expression(&mut self, path: &str, source: String) -> Option<Compiled> {
        ENGINE
            .compile_expression_owned(source)
            .map_err(|error| self.problems.push(problem(path, error.to_string())))
            .ok()
    }

    /// Every column of a template is in `columns`, so that the search finds it.
    fn index(&self, name: &str) -> usize {
        self.columns.binary_search_by(|column| column.as_str().cmp(name)).unwrap_or(usize::MAX)
    }
}

fn constant(kind: Kind) -> Leaf {
    Leaf { kind, as_text: false, columns: Vec::new() }
}

/// WeGroup's ids are text, and so is a link.
fn is_always_text(path: &str) -> bool {
    const REFERENCE: &str = "external_ref.external_ref";
    path == BACKREF || path.strip_suffix(REFERENCE).is_some_and(|parent| parent.is_empty() || parent.ends_with('.'))
}

/// Marks the slot at `path`. A parent is left out only if all below it is, so that nothing else need be marked.
pub(super) fn require(root: &mut Slot, path: &str) -> Result<(), String> {
    if let Some(slot) = slot_at(root, path)? {
        slot.required = true;
        return Ok(());
    }
    let mut meant = Vec::new();
    fields_named(root, path, &mut meant);
    let cure = if meant.is_empty() { String::new() } else { format!("; did you mean {}?", meant.join(" or ")) };
    Err(format!("the lead has no field '{path}'{cure}"))
}

/// `None`: there is no such slot.
fn slot_at<'s>(root: &'s mut Slot, path: &str) -> Result<Option<&'s mut Slot>, String> {
    let mut slot = root;
    for segment in path.split('.') {
        let next = match &mut slot.node {
            Node::Object(fields) => {
                let mut written = String::new();
                json::push_string(&mut written, segment);
                written.push(':');
                fields.iter_mut().find(|(key, _)| *key == written).map(|(_, slot)| slot)
            }
            Node::List(items) => segment.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            Node::Leaf(_) => {
                return Err(format!("'{}' is one template; require it as a whole", slot.path));
            }
        };
        let Some(next) = next else { return Ok(None) };
        slot = next;
    }
    Ok(Some(slot))
}

/// The paths below `slot` that end in `name`: it was written without what it stands in.
fn fields_named(slot: &Slot, name: &str, found: &mut Vec<String>) {
    if slot.path.strip_suffix(name).is_some_and(|parent| parent.ends_with('.')) {
        found.push(slot.path.clone());
    }
    match &slot.node {
        Node::Object(fields) => fields.iter().for_each(|(_, field)| fields_named(field, name, found)),
        Node::List(items) => items.iter().for_each(|item| fields_named(item, name, found)),
        Node::Leaf(_) => {}
    }
}
