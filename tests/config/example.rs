//! `config/lead-sync.toml` is the documentation of every key.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{ESSENTIALS, EXAMPLE, File, none, settings};

/// Keys whose tables are free: their keys are the user's.
const FREE: [&str; 2] = ["lead", "headers"];

/// The example with every setting switched on. Where that gives a key twice, the later place is another table.
fn switched_on() -> String {
    EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '#']) => rest,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_example_shows_the_defaults() {
    assert_eq!(settings(EXAMPLE), settings(ESSENTIALS));
}

#[test]
fn the_example_loads_with_every_setting_switched_on() {
    let loaded = File::new(&switched_on()).load(&none()).unwrap();
    assert_eq!(loaded.unresolved.connections.len(), 4);
    assert_eq!(loaded.unresolved.syncs.len(), 3);
}

#[test]
fn the_example_has_every_key_that_is_known() {
    let mut probed: Table = toml::from_str(&switched_on()).unwrap();
    let mut shown = BTreeMap::new();
    probe("", &mut probed, &mut shown);
    let Err(problems) = File::new(&toml::to_string(&probed).unwrap()).load(&none()) else {
        panic!("a key that does not exist was taken");
    };
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for problem in problems.list() {
        if let Some(keys) = problem.text.strip_prefix("unknown key; known here: ") {
            let table = problem.key.strip_suffix("zzzzzzzz").unwrap();
            known.entry(anonymous(table)).or_default().extend(keys.split(", ").map(str::to_owned));
        }
    }
    assert_eq!(known, shown);
}

/// Puts a key that does not exist into every table whose keys are known, and notes the keys that are there.
fn probe(path: &str, table: &mut Table, shown: &mut BTreeMap<String, BTreeSet<String>>) {
    let named = matches!(path, "connections." | "syncs.");
    if !named {
        shown.entry(anonymous(path)).or_default().extend(table.keys().cloned());
    }
    for (key, value) in table.iter_mut() {
        if let (Value::Table(below), false) = (value, FREE.contains(&key.as_str())) {
            probe(&format!("{path}{key}."), below, shown);
        }
    }
    if !named {
        table.insert("zzzzzzzz".to_owned(), Value::Integer(1));
    }
}

/// `syncs.customers.source.` as `syncs.*.source.`: tables of different kinds have the keys of all kinds between them, and so
/// have secrets.
fn anonymous(path: &str) -> String {
    let notify = ["notify.ping_url.", "notify.webhook.", "notify.email.password."];
    if notify.contains(&path) || ["tokens.key.", "http.token."].contains(&path) || path.ends_with(".auth.token.") {
        return "a secret".to_owned();
    }
    let mut parts: Vec<&str> = path.split('.').collect();
    if parts.len() > 2 {
        parts[1] = "*";
    }
    parts.join(".")
}
