//! Templates over a row: the body is JSON and the same every time, and a rejection or a problem tells no value of the row. Input: the template, a
//! NUL, and a cell.
#![no_main]

use lead_sync::domain::mapping::{Mapping, Spec};
use lead_sync::domain::record::{Cell, Record};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Planted in a cell. No template is likely to spell it.
const SECRET: &str = "Qz7plantedXv93";

/// A list of a text's letters, joined by a longer text, is a longer text: filters in a row multiply, and how many there are is up to who writes
/// the template. What is longer than this, in bytes, or has more filters, is left out, as it may rightly take longer than the fuzzer waits.
const LONGEST: usize = 1024;
const MOST_FILTERS: usize = 8;

fuzz_target!(|data: &str| {
    let (template, cell) = data.split_once('\0').unwrap_or((data, ""));
    if template.contains(SECRET) || data.len() > LONGEST || template.matches('|').count() > MOST_FILTERS {
        return;
    }
    let lead = json!({ "f": template, "end": 1 });
    let spec = Spec { sync: "s".into(), key: "id".into(), text_only: false, lead, filter: None, required: Vec::new() };
    let Ok(mapping) = Mapping::compile(&spec) else { return };
    let mut record = Record::default();
    record.set_key("k");
    for column in mapping.columns() {
        record.push(match column.as_str() {
            "a" => Cell::Text(SECRET),
            "n" => Cell::Integer(7),
            "r" => Cell::Real(0.5),
            "z" => Cell::Null,
            _ => Cell::Text(cell),
        });
    }
    let rendered = mapping.render(&record).map(|lead| lead.body).map_err(|rejection| rejection.to_string());
    match &rendered {
        Ok(body) => {
            let body: Value = serde_json::from_str(body).expect("a body is JSON");
            assert_eq!(body["end"], 1);
        }
        Err(reason) => {
            assert!(!reason.contains(SECRET), "a value of the row is told");
            assert!(!reason.contains("not asked for"), "a column is read that was not found in the template");
        }
    }
    let again = mapping.render(&record).map(|lead| lead.body).map_err(|rejection| rejection.to_string());
    assert_eq!(again, rendered);
});
