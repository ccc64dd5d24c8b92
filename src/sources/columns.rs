//! Finding the mapping's columns among those that a source has.

use std::collections::BTreeSet;

use crate::domain::count::count;

/// So many of the columns found are listed in a message.
const LISTED: usize = 30;

/// Whose columns they are.
const EXPORT: &str = "export";

/// A name that is farther than this from what was looked for (Jaro-Winkler, 0 to 1) is not suggested.
const ALIKE: f64 = 0.8;

/// The positions of `wanted` among `found`, or a sentence that names every column that is missing or there twice.
///
/// A name that is there twice matters only if it is wanted: exports often repeat columns that nobody maps, or leave their names empty. `whose`
/// they are is said where they have to be changed: the `export`'s, or the `query`'s.
pub(super) fn positions(found: &[String], wanted: &[String], whose: &str) -> Result<Vec<usize>, String> {
    places(found, wanted, whose, || listing(found), |name| nearest(name, found))
}

/// Refuses a name that is none of the columns `found`, with the one that was perhaps meant.
pub fn require_column(found: &[String], name: &str) -> Result<(), String> {
    positions(found, &[name.to_owned()], EXPORT).map(drop)
}

/// As [`positions`], of the first line of a file. It may be no header but a row, or the file no export at all, but e.g. the target of a link
/// that somebody put among the exports: a line with nothing of what is wanted is nothing for a log.
pub(super) fn positions_in_line(found: &[String], wanted: &[String]) -> Result<Vec<usize>, String> {
    let is_wanted = |cell: &String| wanted.iter().any(|name| name.to_lowercase() == cell.to_lowercase());
    if looks_like_data(found) {
        places(found, wanted, EXPORT, || no_header(found), |_| None)
    } else if found.iter().any(is_wanted) {
        positions(found, wanted, EXPORT)
    } else {
        places(found, wanted, EXPORT, || unlisted(found), |_| None)
    }
}

/// `remark` ends the sentence; `alike` gives the name that was perhaps meant.
fn places<'f>(
    found: &[String],
    wanted: &[String],
    whose: &str,
    remark: impl Fn() -> String,
    alike: impl Fn(&str) -> Option<&'f str>,
) -> Result<Vec<usize>, String> {
    let mut positions = Vec::with_capacity(wanted.len());
    let mut problems = BTreeSet::new();
    for name in wanted {
        let mut places = found.iter().enumerate().filter_map(|(place, candidate)| (candidate == name).then_some(place));
        match (places.next(), places.next()) {
            (Some(place), None) => positions.push(place),
            (Some(_), Some(_)) => {
                problems.insert(format!("the column '{name}' is there twice; name it once in the {whose}"));
            }
            (None, _) => drop(problems.insert(missing(name, alike(name)))),
        }
    }
    if problems.is_empty() {
        return Ok(positions);
    }
    // The key is usually read by the mapping, too: its problem is said once.
    let mut parts: Vec<String> = problems.into_iter().collect();
    parts.push(remark());
    Err(parts.join("; "))
}

fn missing(name: &str, alike: Option<&str>) -> String {
    match alike {
        Some(near) => format!("the column '{name}' is missing (is it '{near}'?)"),
        None => format!("the column '{name}' is missing"),
    }
}

fn nearest<'a>(name: &str, found: &'a [String]) -> Option<&'a str> {
    let name = name.to_lowercase();
    found
        .iter()
        .map(|candidate| {
            let likeness = strsim::jaro_winkler(&name, &candidate.to_lowercase());
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.as_str())
}

/// Refuses a first line that looks like a row: its values must not be taken for names, nor be shown.
pub(super) fn require_header(found: &[String]) -> Result<(), String> {
    if looks_like_data(found) { Err(no_header(found)) } else { Ok(()) }
}

fn listing(found: &[String]) -> String {
    let names: Vec<&str> = found.iter().take(LISTED).map(String::as_str).collect();
    let more = if found.len() > LISTED { ", …" } else { "" };
    format!("the columns found are: {}{more}", names.join(", "))
}

/// An export without a header has a lead in its first line, and a lead's values belong in no message.
fn no_header(found: &[String]) -> String {
    format!(
        "the first line has {} and looks like a row, not like a header: let the export write its column names",
        count(found.len() as u64, "cell")
    )
}

fn unlisted(found: &[String]) -> String {
    format!(
        "the first line has {} and none of these columns: is it the right file, and does the export write its column names?",
        count(found.len() as u64, "cell")
    )
}

/// True if a cell is what a column's name hardly ever is: an address, a number, a date, a phone number, or very long.
fn looks_like_data(found: &[String]) -> bool {
    found.iter().any(|cell| {
        cell.contains('@') || cell.len() > 64 || cell.starts_with(|first: char| first.is_ascii_digit() || first == '+')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_are_found_in_the_order_they_are_wanted() {
        let found = names(&["id", "", "mail", ""]);
        assert_eq!(positions(&found, &names(&["mail", "id"]), EXPORT), Ok(vec![2, 0]));
    }

    #[test]
    fn every_missing_column_is_named_with_the_nearest_name_and_the_columns_found() {
        let found = names(&["id", "First_Name", "mail"]);
        assert_eq!(
            positions(&found, &names(&["id", "first_name", "town"]), EXPORT),
            Err("the column 'first_name' is missing (is it 'First_Name'?); the column 'town' is missing; \
                 the columns found are: id, First_Name, mail"
                .to_owned())
        );
    }

    #[test]
    fn a_column_that_is_wanted_as_the_key_and_for_the_lead_is_named_once() {
        let reason = positions(&names(&["nr"]), &names(&["id", "town", "id"]), EXPORT).unwrap_err();
        assert_eq!(reason.matches("'id' is missing").count(), 1, "{reason}");
    }

    #[test]
    fn a_column_that_is_there_twice_matters_only_if_it_is_wanted() {
        let found = names(&["id", "note", "note"]);
        assert_eq!(positions(&found, &names(&["id"]), EXPORT), Ok(vec![0]));
        assert!(
            positions(&found, &names(&["note"]), "query")
                .unwrap_err()
                .contains("'note' is there twice; name it once in the query;")
        );
    }

    #[test]
    fn the_cells_of_a_file_without_a_header_are_not_shown() {
        let found = names(&["17", "Ann", "Peeters", "ann@example.com"]);
        let reason = positions_in_line(&found, &names(&["Anne"])).unwrap_err();
        assert!(reason.contains("4 cells") && reason.contains("looks like a row"), "{reason}");
        assert!(!reason.contains("Peeters") && !reason.contains("'Ann'"), "{reason}");
    }

    #[test]
    fn a_first_line_with_nothing_that_is_wanted_is_not_quoted() {
        let found = names(&["KA", "Emile", "Van Peteghem"]);
        assert_eq!(
            positions_in_line(&found, &names(&["id", "email"])),
            Err("the column 'email' is missing; the column 'id' is missing; the first line has 3 cells and none of these columns: \
                 is it the right file, and does the export write its column names?"
                .to_owned())
        );
        let reason = positions_in_line(&names(&["ID", "Mail"]), &names(&["id", "email"])).unwrap_err();
        assert!(reason.contains("(is it 'ID'?)") && reason.ends_with("the columns found are: ID, Mail"), "{reason}");
    }
}
