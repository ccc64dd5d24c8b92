//! Corrected rows of a query.

use serde_json::Value;

use super::Settings;
use crate::domain::record::{Cell, Record, Row, RowFault};
use crate::sources::{CELL_LIMIT, columns};

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
    names: Vec<String>,
    key: usize,
    wanted: Vec<usize>,
}

impl Rereader {
    /// `names` are the columns of the query when the rows were read, `wanted` those that the mapping reads. If one is missing: a sentence.
    pub fn new(names: &[String], settings: &Settings, wanted: &[String]) -> Result<Self, String> {
        let mut all = vec![settings.key.clone()];
        all.extend_from_slice(wanted);
        let mut places = columns::positions(names, &all)?;
        Ok(Self { names: names.to_vec(), key: places.remove(0), wanted: places })
    }

    /// Fills `record` as if the query gave this row as number `line`. `original` is the row as the ledger keeps it.
    pub fn read(&self, cells: &[String], original: &[u8], line: u64, record: &mut Record) -> Row {
        let originals: Vec<Value> = serde_json::from_slice(original).unwrap_or_default();
        let typed = |(place, cell): (usize, &String)| value(cell, originals.get(place).unwrap_or(&Value::Null));
        let values: Vec<Value> = cells.iter().enumerate().map(typed).collect();
        record.clear();
        record.line = line;
        let filled = self.fill(&values, record);
        record.raw = serde_json::to_vec(&values).unwrap_or_default();
        match filled {
            Ok(()) => Row::Good,
            Err(fault) => Row::Bad(fault),
        }
    }

    fn fill(&self, values: &[Value], record: &mut Record) -> Result<(), RowFault> {
        if values.len() != self.names.len() {
            return Err(RowFault::Ragged { found: values.len(), expected: self.names.len(), hint: "" });
        }
        match self.cell(values, self.key)? {
            Cell::Text(text) => record.set_key(text),
            Cell::Integer(number) => record.set_key(&number.to_string()),
            Cell::Real(number) => record.set_key(&format!("{number:?}")),
            Cell::Null => {}
        }
        if record.key().is_empty() {
            return Err(RowFault::EmptyKey { column: self.name(self.key) });
        }
        for place in &self.wanted {
            record.push(self.cell(values, *place)?);
        }
        Ok(())
    }

    fn cell<'v>(&self, values: &'v [Value], place: usize) -> Result<Cell<'v>, RowFault> {
        Ok(match values.get(place) {
            Some(Value::String(text)) if text.len() > CELL_LIMIT => {
                return Err(RowFault::TooLong { what: "cell", limit: CELL_LIMIT });
            }
            Some(Value::String(text)) if text.contains('\0') => return Err(RowFault::Nul { column: self.name(place) }),
            Some(Value::String(text)) => Cell::Text(text),
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Cell::Integer(integer),
                (None, Some(real)) => Cell::Real(real),
                (None, None) => Cell::Null,
            },
            _ => Cell::Null,
        })
    }

    fn name(&self, place: usize) -> String {
        self.names.get(place).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
