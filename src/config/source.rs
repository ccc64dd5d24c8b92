//! `[syncs.NAME.source]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use glob::{MatchOptions, Pattern};

use super::entry::{Decoded, Entry};
use super::findings::Findings;
use super::form;
use super::reader::Table;
use crate::sources::{self, csv, sqlite};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Csv,
    Sqlite,
}

const KINDS: [(&str, Kind); 2] = [("csv", Kind::Csv), ("sqlite", Kind::Sqlite)];

/// Keys of CSV sources alone.
const CSV_KEYS: [&str; 6] = ["delimiter", "encoding", "quote", "min_age", "require_final_newline", "after"];

/// Keys of SQLite sources alone.
const SQLITE_KEYS: [&str; 2] = ["query", "cursor"];

/// The source of a sync, as far as it is right.
#[derive(Default)]
pub(super) struct Source {
    /// `None` if it has a problem.
    pub(super) settings: Option<sources::Settings>,
    /// Every cell is known to be text.
    pub(super) text_only: bool,
}

/// Reads the source of a sync.
pub(super) fn read(sync: &mut Table<'_>) -> Source {
    let cure = "add a table with path and key";
    let Some(mut table) = sync.required_table("source", cure) else { return Source::default() };
    let kind = table.choice("kind", &KINDS, Kind::Csv, &SQLITE_KEYS.map(|key| (key, "sqlite")));
    let path = table.required("path", "write where the export is", |entry| match kind {
        Some(Kind::Csv) if entry.is_list() => {
            Err("must be one text, not a list; a pattern stands for several files, e.g. \"exports/*.csv\"".to_owned())
        }
        _ => entry.filled(),
    });
    let key = table.required("key", "name the column that holds the CRM's own id", |entry| {
        // Header names are trimmed, so that a blank at an end would never match.
        match entry.text()?.trim() {
            "" => Err("is empty; name the column that holds the CRM's own id".to_owned()),
            key => Ok(key.to_owned()),
        }
    });
    let settings = match kind {
        Some(Kind::Csv) => {
            table.only_for("sqlite", &SQLITE_KEYS);
            csv(&mut table, path, key).map(sources::Settings::Csv)
        }
        Some(Kind::Sqlite) => {
            table.only_for("csv", &CSV_KEYS);
            sqlite(&mut table, path, key).map(sources::Settings::Sqlite)
        }
        None => {
            table.allow(&CSV_KEYS);
            table.allow(&SQLITE_KEYS);
            table.finish_without_kind();
            return Source::default();
        }
    };
    table.finish();
    Source { settings, text_only: matches!(kind, Some(Kind::Csv)) }
}

fn csv(table: &mut Table<'_>, path: Option<&str>, key: Option<String>) -> Option<csv::Settings> {
    if let Some(error) = path.and_then(|path| Pattern::new(path).err()) {
        table.problem("path", format!("is no valid glob: {}; write [[] for a [ that is meant as such", error.msg));
    }
    let pattern = path.and_then(|path| pattern(path, table.findings()));
    let delimiter = table.optional("delimiter", form::delimiter);
    let encoding = table.optional("encoding", form::encoding);
    let quote = table.optional("quote", form::quote);
    if delimiter == Some(quote.unwrap_or(b'"')) {
        table.problem("delimiter", "is the quote character, too; change one of them");
    }
    let min_age = table.or("min_age", Duration::ZERO, form::duration);
    let require_final_newline = table.or("require_final_newline", false, Entry::flag);
    let after = after(table, pattern.as_deref());
    Some(csv::Settings {
        path: table.findings().resolve(path?),
        shown: path?.to_owned(),
        key: key?,
        delimiter,
        encoding,
        quote,
        min_age,
        require_final_newline,
        after,
    })
}

fn sqlite(table: &mut Table<'_>, path: Option<&str>, key: Option<String>) -> Option<sqlite::Settings> {
    let query =
        table.required("query", "write the SELECT that yields the rows", |entry| Ok(entry.filled()?.to_owned()));
    let cursor = table.optional("cursor", |entry| Ok(entry.filled()?.to_owned()));
    Some(sqlite::Settings {
        path: table.findings().resolve(path?),
        shown: path?.to_owned(),
        query: query?,
        key: key?,
        cursor,
    })
}

/// The glob with the folder of the file before it, whose own `*`, `?` and `[` are escaped; `None` if that is not UTF-8.
pub(super) fn pattern(path: &str, findings: &Findings) -> Option<PathBuf> {
    findings.dir().to_str().map(|dir| Path::new(&Pattern::escape(dir)).join(path))
}

fn after(table: &mut Table<'_>, pattern: Option<&Path>) -> csv::After {
    let is_table = table.optional("after", |entry| Ok(entry.is_table()));
    if is_table != Some(true) {
        return table.or("after", csv::After::Keep, keep);
    }
    let findings = table.findings();
    let mut after = table.table("after");
    let archive = after.required("archive", "name the folder", |entry| {
        let dir = findings.resolve(entry.filled()?);
        if pattern.is_some_and(|pattern| holds(pattern, &dir)) {
            return Err("is a folder that path covers: its files would be read again; name another folder".to_owned());
        }
        Ok(dir)
    });
    after.finish();
    archive.map_or(csv::After::Keep, csv::After::Archive)
}

fn keep(entry: Entry<'_>) -> Decoded<csv::After> {
    match entry.text() {
        Ok("keep") => Ok(csv::After::Keep),
        _ => Err("must be \"keep\" or { archive = \"dir\" }; write one of them".to_owned()),
    }
}

/// True if a file that is moved to `dir` is in reach of the glob `pattern`: if `dir` is one of the folders it looks into.
fn holds(pattern: &Path, dir: &Path) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    // Any name stands for the files: which of them the last component picks does not matter, they are moved as they are.
    let any = pattern.with_file_name("*");
    let any: PathBuf = any.components().collect();
    let moved: PathBuf = dir.join("moved").components().collect();
    any.to_str().and_then(|any| Pattern::new(any).ok()).is_some_and(|any| any.matches_path_with(&moved, options))
}
