//! Every export of `tests/corpus` gives the leads and rejected rows that stand beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

const FIELDS: [&str; 3] = ["first_name", "last_name", "email"];

#[test]
fn every_export_of_the_corpus_gives_what_is_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut cases = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            check(&folder, &serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
            cases += 1;
        }
    }
    assert!(cases >= 18, "{cases} cases");
}

fn check(folder: &Path, case: &Value) {
    let name = case["file"].as_str().unwrap();
    let settings = settings(folder, name);
    let entry = list(&settings, Timestamp::default()).unwrap().remove(0);
    let mut file = match CsvFile::open(&entry, &settings, &FIELDS.map(str::to_owned)) {
        Err(Error::Refused { .. }) if case["refused"] == true => return,
        other => other.unwrap_or_else(|error| panic!("{error}")),
    };
    assert_eq!(case["refused"], false, "{name}");
    let mut leads: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rejected = Vec::new();
    let mut record = Record::default();
    while let Some(row) = file.next(&mut record).unwrap() {
        let cells = cells(&record);
        // Telling a repeated key is the intake's part: the first row wins.
        let known = leads.get(record.key());
        if row != Row::Good || known.is_some_and(|known| *known != cells) {
            rejected.push((record.line, record.key().to_owned()));
        } else {
            leads.insert(record.key().to_owned(), cells);
        }
    }
    file.finish().unwrap();
    assert_eq!(leads, expected_leads(case), "{name}");
    let expected = case["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), expected.len(), "{name}: {rejected:?}");
    for ((line, key), expected) in rejected.iter().zip(expected) {
        assert_eq!(expected["line"], *line, "{name}");
        assert!(expected["key"].is_null() || expected["key"] == **key, "{name}");
    }
}

fn expected_leads(case: &Value) -> BTreeMap<String, Vec<String>> {
    let leads = case["leads"].as_object().unwrap();
    leads
        .iter()
        .map(|(key, lead)| {
            let field = |name| lead[name].as_str().unwrap_or_default().to_owned();
            (key.clone(), FIELDS.map(field).to_vec())
        })
        .collect()
}
