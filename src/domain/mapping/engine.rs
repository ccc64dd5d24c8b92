//! MiniJinja as the mapping uses it: no functions, no loaders, bounded work, our filters, and errors without values.

use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};

use super::filters;
use super::reads::ROW;
use crate::domain::record::{Cell, Record};

/// Instructions one template may take, so that a loop over a huge cell cannot hold up a run; an ordinary leaf takes about ten.
const FUEL: u64 = 100_000;

/// Shared by all mappings; each clones it (a few reference counts) to add its own templates.
pub(super) static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_fuel(Some(FUEL));
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(write_text);
    let functions: Vec<String> = env.globals().map(|(name, _)| name.to_owned()).collect();
    for name in functions {
        env.remove_global(&name);
    }
    filters::install(&mut env);
    env
});

/// A reason to reject a row, carried through MiniJinja. Holds no value of the row.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

/// An error that says `reason`, which must hold no value of the row.
pub(super) fn refuse(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refusal(reason.into()))
}

/// What `evaluate` gives. A filter that panics refuses its row, like one that fails: a single cell must not hold up all other leads.
pub(super) fn unless_panicked<T>(evaluate: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // What was being evaluated is dropped, and the templates themselves do not change.
    catch_unwind(AssertUnwindSafe(evaluate)).unwrap_or_else(|_| {
        Err(refuse(
            "a filter broke down over this value: that is a fault of the program, please report it with the template",
        ))
    })
}

/// Why a template failed, in our own words: MiniJinja's may quote the value.
pub(super) fn reason(error: &Error) -> String {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(Refusal(reason)) = cause.downcast_ref() {
            return reason.clone();
        }
        source = cause.source();
    }
    match error.kind() {
        ErrorKind::OutOfFuel => "the template takes too many steps for this value".into(),
        ErrorKind::InvalidOperation => {
            "the template cannot work with this value: is the cell empty, or text where a number is needed? `… if column` leaves an empty one out, column|decimal reads a number".into()
        }
        kind => format!("the template cannot work with this value: {kind}"),
    }
}

/// Whether a value renders to nothing: NULL, undefined and the empty text.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.is_undefined() || value.is_none() || value.as_str().is_some_and(str::is_empty)
}

/// How `{{ … }}` inside text is written.
fn write_text(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(()),
        ValueKind::String => out.write_str(value.as_str().unwrap_or_default()).map_err(Error::from),
        _ => out.write_str(&text_of(value)?).map_err(Error::from),
    }
}

/// The text of a number, boolean or text.
pub(super) fn text_of(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(String::new()),
        ValueKind::Number => {
            finite(value)?;
            Ok(value.to_string())
        }
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.into()),
        _ => Err(refuse("gives a list or an object where text is needed; join it")),
    }
}

/// Refuses NaN and the infinities, for which JSON has no number (RFC 8259, section 6).
pub(super) fn finite(number: &Value) -> Result<(), Error> {
    match f64::try_from(number.clone()) {
        Ok(float) if !float.is_finite() => Err(refuse("not a finite number")),
        _ => Ok(()),
    }
}

/// The columns that leaves outside the fast path read.
#[derive(Debug, Default)]
pub(super) struct Slow {
    /// Index in the record and position in a [`Row`], by name.
    pub(super) columns: HashMap<String, usize>,
    /// Index in the record, by position.
    pub(super) indices: Vec<usize>,
}

/// The cells of one record that slow leaves may read.
#[derive(Debug)]
struct Row {
    slow: Arc<Slow>,
    cells: Vec<Value>,
}

/// What a template sees: columns as variables, and `row`.
#[derive(Debug)]
struct Root(Arc<Row>);

/// The context for one record. Built once per record, however many leaves use it.
pub(super) fn context(slow: &Arc<Slow>, record: &Record) -> Value {
    let cells = slow.indices.iter().map(|&index| value_of(record.cell(index))).collect();
    Value::from_object(Root(Arc::new(Row { slow: Arc::clone(slow), cells })))
}

/// NULL is the empty text, so that CSV and SQLite rows behave alike in comparisons.
pub(super) fn value_of(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::from(""),
        Cell::Text(text) => Value::from(text),
        Cell::Integer(number) => Value::from(number),
        Cell::Real(number) => Value::from(number),
    }
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let cell = self.slow.columns.get(key).and_then(|&at| self.cells.get(at));
        // Columns are found when the mapping is compiled. Should one have escaped, its row is rejected, not half mapped.
        Some(cell.cloned().unwrap_or_else(|| Value::from(refuse("reads a column that was not asked for"))))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == ROW {
            return Some(Value::from_dyn_object(Arc::clone(&self.0)));
        }
        self.0.get_value_by_str(key)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")
    }
}
