//! Exports that have broken other tools. A new case is a new pair of files, no code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Scene;

#[test]
fn every_case_of_the_corpus_does_what_its_json_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            case(&path);
            cases += 1;
        }
    }
    assert!(cases >= 18, "only {cases} cases were found");
}

fn case(path: &Path) {
    let case: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let file = case["file"].as_str().unwrap();
    let scene = Scene::new();
    scene.export(file, fs::read(path.with_file_name(file)).unwrap());

    let ran = scene.run();

    let sent: BTreeMap<String, Value> = scene
        .stored()
        .into_iter()
        .map(|lead| {
            let mut prospect = lead.body["prospect"].clone();
            prospect.as_object_mut().unwrap().remove("external_ref");
            (lead.external_ref.unwrap(), prospect)
        })
        .collect();
    let expected: BTreeMap<String, Value> = serde_json::from_value(case["leads"].clone()).unwrap();
    assert_eq!(sent, expected, "{file}: {ran:?}");

    let rejected: Vec<Value> = scene.leads().into_iter().filter(|lead| lead["state"] == "rejected").collect();
    let listed = case["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), listed.len(), "{file}: {rejected:?}");
    for row in listed {
        let origin = format!("exports/{file}:{}", row["line"]);
        let found = rejected.iter().find(|lead| lead["origin"] == origin.as_str());
        let found = found.unwrap_or_else(|| panic!("{file}: nothing at {origin} in {rejected:?}"));
        if let Some(key) = row.get("key") {
            assert_eq!(&found["key"], key, "{file}");
        }
    }
    let refused = case["refused"].as_bool().unwrap();
    assert_eq!(ran.stderr.contains("is refused"), refused, "{file}: {ran:?}");
    let needs_a_look = refused || !listed.is_empty();
    assert_eq!(ran.code, if needs_a_look { 3 } else { 0 }, "{file}: {ran:?}");

    assert_eq!(scene.run().count("delivered"), 0, "{file}: sent again");
    assert_eq!(scene.stored().len(), expected.len(), "{file}: sent again");
}
