//! Every exit code, state, kind and reason that the program can show is explained in `docs/troubleshooting.md`.

use std::fs;
use std::path::{Path, PathBuf};

use lead_sync::cli::Exit;
use lead_sync::domain::delivery::State;
use lead_sync::domain::outcome::Outcome;
use lead_sync::domain::record::RowFault;

use crate::page::{page, root};

const PAGE: &str = "docs/troubleshooting.md";

fn told() -> String {
    // A cell of a table cannot hold a bare `|`.
    page(PAGE).replace("\\|", "|")
}

/// One of each; the match makes a new variant fail to compile until it stands here, and then fail until it is explained.
fn row_faults() -> Vec<RowFault> {
    let next = |fault: &RowFault| match fault {
        RowFault::Ragged { .. } => Some(RowFault::EmptyKey { column: "id".to_owned() }),
        RowFault::EmptyKey { .. } => Some(RowFault::Nul { column: "naam".to_owned() }),
        RowFault::Nul { .. } => Some(RowFault::Undecodable { encoding: "utf-8" }),
        RowFault::Undecodable { .. } => Some(RowFault::UnclosedQuote { lines: 40 }),
        RowFault::UnclosedQuote { .. } => Some(RowFault::MalformedQuote { cell: 3, lines: 1 }),
        RowFault::MalformedQuote { .. } => Some(RowFault::RepeatedHeader),
        RowFault::RepeatedHeader => Some(RowFault::TooLong { what: "row", limit: 262_144, lines: 1 }),
        RowFault::TooLong { .. } => Some(RowFault::Blob { column: "foto".to_owned() }),
        RowFault::Blob { .. } => Some(RowFault::RepeatedKey { first_line: 7 }),
        RowFault::RepeatedKey { .. } => Some(RowFault::RepeatedKeyOfQuery { first_row: 7 }),
        RowFault::RepeatedKeyOfQuery { .. } => None,
    };
    std::iter::successors(Some(RowFault::Ragged { found: 12, expected: 11, hint: "", lines: 1 }), next).collect()
}

fn exits() -> Vec<Exit> {
    let next = |exit: &Exit| match exit {
        Exit::Done => Some(Exit::Error),
        Exit::Error => Some(Exit::Usage),
        Exit::Usage => Some(Exit::Attention),
        Exit::Attention => Some(Exit::Deferred),
        Exit::Deferred => Some(Exit::Auth),
        Exit::Auth => Some(Exit::Held),
        Exit::Held => None,
    };
    std::iter::successors(Some(Exit::Done), next).collect()
}

#[test]
fn every_reason_of_a_row_that_makes_no_lead_has_its_cure() {
    let told = told();
    for fault in row_faults() {
        assert!(told.contains(&format!("| `{fault}` |")), "{PAGE} does not explain: {fault}");
    }
}

#[test]
fn every_exit_code_state_and_kind_has_its_cure() {
    let told = told();
    let codes = exits().into_iter().map(|exit| format!("\n| {} | ", exit as u8));
    let states = State::ALL.map(|state| format!("\n| `{state}` | "));
    let kinds = Outcome::KINDS.map(|kind| format!("\n| `{kind}` | "));
    for row in codes.chain(states).chain(kinds) {
        assert!(told.contains(&row), "{PAGE} has no row that begins with {row:?}");
    }
}

/// Where reasons are written that are no types: the literals behind these words.
const WRITTEN: [(&str, &[&str]); 5] = [
    (
        "src/domain/mapping",
        &[
            "refuse(",
            "refuse(format!(",
            "refused(&engine::refuse(",
            "reason: ",
            "&[], ",
            "&columns, ",
            "OutOfFuel => ",
            "kind => format!(",
        ],
    ),
    ("src/domain/outcome.rs", &["=> format!("]),
    (
        "src/destination/failure.rs",
        &[
            "let what = if error.is_timeout() && error.is_connect() {",
            "} else if error.is_timeout() {",
            "} else if error.is_connect() {",
            "} else {",
        ],
    ),
    ("src/ledger/recover.rs", &["reason: "]),
    (
        "src/ledger/operator.rs",
        &["act(\"retry\", format!(", "content WHERE lead = ?1\", [lead])?;", "params![lead, now.0])?;"],
    ),
];

/// The start of every text that stands behind one of `marks`, up to its first placeholder.
fn literals(source: &str, marks: &[&str]) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for mark in marks {
        for (at, _) in code.match_indices(mark) {
            let Some(literal) = code[at + mark.len()..].trim_start().strip_prefix('"') else { continue };
            let text = literal.replace("\\\"", "\u{1}");
            let text = text.split('"').next().unwrap().split('{').next().unwrap();
            found.push(text.replace('\u{1}', "\"").trim().to_owned());
        }
    }
    found
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| !path.ends_with("tests") && !path.ends_with("tests.rs"))
        .flat_map(|path| files(&path))
        .collect()
}

#[test]
fn every_reason_that_the_code_writes_has_its_cure() {
    let told = told();
    for (place, marks) in WRITTEN {
        let found: Vec<String> = files(&root().join(place))
            .iter()
            .flat_map(|file| literals(&fs::read_to_string(file).unwrap(), marks))
            .filter(|text| !text.is_empty())
            .collect();
        assert!(!found.is_empty(), "{place}: nothing was found; the test looks for the wrong words");
        for reason in found {
            // A time zone that every machine has.
            if reason != "no time zone UTC" {
                assert!(told.contains(&reason), "{PAGE} does not explain what {place} says: {reason:?}");
            }
        }
    }
}
