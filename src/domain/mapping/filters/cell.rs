//! What a cell of a database has to be where a template uses it as it stands: its type is known for each row alone. The compiler puts these
//! filters behind such cells; nobody writes them.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::domain::mapping::engine::{is_nothing, refuse};

/// Name of [`number`].
pub(in crate::domain::mapping) const NUMBER: &str = "number_of_cell";

/// Name of [`truth`].
pub(in crate::domain::mapping) const TRUTH: &str = "truth_of_cell";

/// A number as it is, and nothing for nothing. A text is greater than any number, `*` repeats it and `+` joins it to another.
pub(super) fn number(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number => Ok(value.clone()),
        _ if is_nothing(value) => Ok(Value::from(())),
        _ => Err(refuse("this cell holds text where a number is needed: write column|decimal to read it as one")),
    }
}

/// Whether a number is not zero; nothing is false. To take text for a yes would send who said no.
pub(super) fn truth(value: &Value) -> Result<bool, Error> {
    match value.kind() {
        ValueKind::Number | ValueKind::Bool => Ok(value.is_true()),
        _ if is_nothing(value) => Ok(false),
        _ => Err(refuse(
            "this cell holds text, which is no yes or no: compare it, as in consent == 'J', or ask whether it is filled in, as in email != ''",
        )),
    }
}
