//! Corrected rows of a query.

use rusqlite::types::ValueRef;
use serde_json::Value;

use super::values::Columns;
use super::{QUERY, Settings};
use crate::domain::record::{Record, Row, RowFault};
use crate::sources::columns;

/// A value as a rejects file shows it.
pub(in crate::sources) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The value that a cell of a rejects file stands for: the original one if it shows like the cell; else a number where one was, if it is one.
fn value(cell: &str, original: &Value) -> Value {
    if shown(original) == cell {
        return original.clone();
    }
    match (original, serde_json::from_str(cell)) {
        (Value::Number(_), Ok(Value::Number(number))) => Value::Number(number),
        _ => Value::String(cell.to_owned()),
    }
}

/// Takes corrected rows through the checks that a query's rows go through.
#[derive(Debug)]
pub struct Rereader {
    columns: Columns,
}

impl Rereader {
    /// `names` are the columns of the query when the rows were read, `wanted` those that the mapping reads. If one is missing: a sentence.
    pub fn new(names: &[String], settings: &Settings, wanted: &[String]) -> Result<Self, String> {
        let mut all = vec![settings.key.clone()];
        all.extend_from_slice(wanted);
        let mut places = columns::positions(names, &all, QUERY)?;
        let key = places.remove(0);
        Ok(Self { columns: Columns { names: names.to_vec(), key, wanted: places } })
    }

    /// Fills `record` as if the query gave this row as number `line`. `original` is the row as the ledger keeps it.
    pub fn read(&self, cells: &[String], original: &[u8], line: u64, record: &mut Record) -> Row {
        let originals: Vec<Value> = serde_json::from_slice(original).unwrap_or_default();
        let typed = |(place, cell): (usize, &String)| value(cell, originals.get(place).unwrap_or(&Value::Null));
        let values: Vec<Value> = cells.iter().enumerate().map(typed).collect();
        record.clear();
        record.line = line;
        let filled = if values.len() == self.columns.names.len() {
            self.columns.fill(|place| values.get(place).map_or(ValueRef::Null, as_sqlite), record)
        } else {
            Err(RowFault::Ragged { found: values.len(), expected: self.columns.names.len(), hint: "", lines: 1 })
        };
        record.raw = serde_json::to_vec(&values).unwrap_or_default();
        match filled {
            Ok(()) => Row::Good,
            Err(fault) => Row::Bad(fault),
        }
    }
}

/// What the query would have given for this value. JSON has no other kinds of value in a row.
fn as_sqlite(value: &Value) -> ValueRef<'_> {
    match value {
        Value::String(text) => ValueRef::Text(text.as_bytes()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => ValueRef::Integer(integer),
            (None, Some(real)) => ValueRef::Real(real),
            (None, None) => ValueRef::Null,
        },
        _ => ValueRef::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::Cell;

    #[test]
    fn untouched_cells_keep_their_types_and_corrected_ones_take_those_of_what_they_replace() {
        let settings = Settings {
            path: "crm.db".into(),
            shown: "crm.db".to_owned(),
            query: String::new(),
            key: "id".to_owned(),
            cursor: None,
        };
        let names = ["id", "age", "zip", "note"].map(str::to_owned);
        let rereader = Rereader::new(&names, &settings, &names).unwrap();
        let mut record = Record::default();
        let original = br#"[5,41,"09000",null]"#;
        let cells = ["5", "42", "09001", ""].map(str::to_owned);
        assert_eq!(rereader.read(&cells, original, 3, &mut record), Row::Good);
        assert_eq!((record.key(), record.cell(1)), ("5", Cell::Integer(42)));
        assert_eq!((record.cell(2), record.cell(3)), (Cell::Text("09001"), Cell::Null));
        assert_eq!(record.raw, br#"[5,42,"09001",null]"#);
        let cells = ["", "many", "0", "x"].map(str::to_owned);
        let fault = Row::Bad(RowFault::EmptyKey { column: "id".to_owned() });
        assert_eq!(rereader.read(&cells, original, 3, &mut record), fault);
    }
}
