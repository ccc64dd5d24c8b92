//! From a record to a body, written in one pass.

use std::ops::Range;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::shape::{Filter, Kind, Leaf, Node, Slot};
use super::template::Piece;
use super::{Lead, Mapping, Rejection, engine, json};
use crate::domain::record::{Cell, Record};

/// The field of the lead that links back to the CRM.
pub(super) const BACKREF: &str = "backref";

/// See [`Mapping::wants`].
pub(super) fn wants(mapping: &Mapping, filter: &Filter, record: &Record) -> Result<bool, Rejection> {
    let context = engine::context(&mapping.slow, record);
    let refused = |error: &Error| reject(mapping, "where", &filter.columns, engine::reason(error));
    let answer = engine::unless_panicked(|| filter.expression.eval(context)).map_err(|error| refused(&error))?;
    match answer.kind() {
        ValueKind::Bool | ValueKind::Number => Ok(answer.is_true()),
        _ if engine::is_nothing(&answer) => Ok(false),
        _ => Err(refused(&engine::refuse(
            "gives neither true nor false; compare it, as in consent == 'J'; consent|bool only asks whether the cell is filled in, and 'nee' is",
        ))),
    }
}

/// See [`Mapping::render`].
pub(super) fn lead(mapping: &Mapping, record: &Record) -> Result<Lead, Rejection> {
    let mut render =
        Render { mapping, record, context: None, body: String::with_capacity(mapping.size), backref: 0..0 };
    if !render.slot(&mapping.root)? {
        return Err(reject(mapping, "lead", &[], "every field is empty".into()));
    }
    let backref = render.body.get(render.backref).and_then(|json| serde_json::from_str(json).ok());
    Ok(Lead { body: render.body, backref })
}

fn reject(mapping: &Mapping, field: &str, columns: &[String], reason: String) -> Rejection {
    Rejection {
        sync: mapping.sync.clone(),
        field: field.to_owned(),
        column: (!columns.is_empty()).then(|| columns.join(", ")),
        reason,
    }
}

struct Render<'a> {
    mapping: &'a Mapping,
    record: &'a Record,
    /// Built by the first leaf that needs it.
    context: Option<Value>,
    body: String,
    /// Where in the body the `backref` is; empty if there is none.
    backref: Range<usize>,
}

impl Render<'_> {
    /// Writes what stands at a place. False: that is nothing, and nothing was written.
    fn slot(&mut self, slot: &Slot) -> Result<bool, Rejection> {
        let start = self.body.len();
        let written = match &slot.node {
            Node::Object(fields) => self.items(['{', '}'], fields.iter().map(|(key, slot)| (key.as_str(), slot)))?,
            Node::List(items) => self.items(['[', ']'], items.iter().map(|slot| ("", slot)))?,
            Node::Leaf(leaf) => self
                .leaf(leaf)
                .map_err(|error| reject(self.mapping, &slot.path, &leaf.columns, engine::reason(&error)))?,
        };
        if !written {
            self.body.truncate(start);
            if slot.required {
                let columns = columns_of(&slot.node);
                return Err(reject(self.mapping, &slot.path, &columns, "required, but empty".into()));
            }
        } else if slot.path == BACKREF {
            self.backref = start..self.body.len();
        }
        Ok(written)
    }

    /// An object or a list; `items` are its places with the keys written before them.
    fn items<'s>(
        &mut self,
        [open, end]: [char; 2],
        items: impl Iterator<Item = (&'s str, &'s Slot)>,
    ) -> Result<bool, Rejection> {
        let start = self.body.len();
        self.body.push(open);
        let mut empty = true;
        for (key, slot) in items {
            let before = self.body.len();
            if !empty {
                self.body.push(',');
            }
            self.body.push_str(key);
            if self.slot(slot)? {
                empty = false;
            } else {
                self.body.truncate(before);
            }
        }
        Ok(json::close(&mut self.body, start, empty, end))
    }

    fn leaf(&mut self, leaf: &Leaf) -> Result<bool, Error> {
        match &leaf.kind {
            Kind::Nothing => Ok(false),
            Kind::Constant(json) => {
                self.body.push_str(json);
                Ok(true)
            }
            Kind::Column(index) => match self.record.cell(*index) {
                Cell::Null | Cell::Text("") => Ok(false),
                Cell::Text(text) => {
                    json::push_string(&mut self.body, text);
                    Ok(true)
                }
                number => self.value(leaf, &engine::value_of(number)),
            },
            Kind::Pieces(pieces) => self.pieces(pieces),
            Kind::Expression(expression) => {
                let context = self.context();
                self.value(leaf, &engine::unless_panicked(|| expression.eval(context))?)
            }
            Kind::Text(name) => {
                let context = self.context();
                let template = self.mapping.templates.get_template(name)?;
                let text = engine::unless_panicked(|| template.render(context))?;
                self.value(leaf, &Value::from(text))
            }
        }
    }

    fn value(&mut self, leaf: &Leaf, value: &Value) -> Result<bool, Error> {
        if leaf.as_text { json::push_as_text(&mut self.body, value) } else { json::push_value(&mut self.body, value) }
    }

    fn pieces(&mut self, pieces: &[Piece<usize>]) -> Result<bool, Error> {
        self.body.push('"');
        let start = self.body.len();
        for piece in pieces {
            match piece {
                Piece::Raw(escaped) => self.body.push_str(escaped),
                Piece::Column(index) => match self.record.cell(*index) {
                    Cell::Null => {}
                    Cell::Text(text) => json::push_escaped(&mut self.body, text),
                    number => self.body.push_str(&engine::text_of(&engine::value_of(number))?),
                },
            }
        }
        let written = self.body.len() > start;
        self.body.push('"');
        Ok(written)
    }

    fn context(&mut self) -> Value {
        let build = || engine::context(&self.mapping.slow, self.record);
        self.context.get_or_insert_with(build).clone()
    }
}

/// The columns a place is made of.
fn columns_of(node: &Node) -> Vec<String> {
    match node {
        Node::Leaf(leaf) => leaf.columns.clone(),
        Node::List(items) => items.iter().flat_map(|slot| columns_of(&slot.node)).collect(),
        Node::Object(fields) => fields.iter().flat_map(|(_, slot)| columns_of(&slot.node)).collect(),
    }
}
