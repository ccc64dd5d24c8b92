//! The source of a sync: its files or its query, its columns, and the first rows, mapped but not kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use super::{Ending, Finding};
use crate::domain::count::count;
use crate::domain::mapping::Mapping;
use crate::domain::record::{Record, Row, RowFault};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::sources::{self, csv, sqlite};
use crate::worker::intake::{COMPARE_ALIKE, ending, guard};
use crate::worker::prepare::Ready;
use crate::worker::settings::{Settings, Sync};

/// So many rows of each file, or of a query, are read: a look, not a run. `plan` reads them all.
const ROWS: u64 = 1000;

/// So many faults of a file are named.
const NAMED: usize = 3;

/// Reads the beginning of a sync's source as a run would.
pub fn source(ready: &Ready, now: Timestamp) -> Vec<Finding> {
    let subject = format!("syncs.{}", ready.settings.name);
    match &ready.settings.source {
        sources::Settings::Csv(settings) => files(&subject, settings, &ready.mapping, now),
        sources::Settings::Sqlite(settings) => vec![query(&subject, settings, &ready.mapping, now)],
    }
}

/// A sync that may be one under a new name, of which a run would take in nothing: only the rows tell.
pub fn renamed(settings: &Settings, sync: &Sync) -> Option<Finding> {
    // What is wrong with the ledger is a finding of its own.
    let said = Ledger::open_reader(&settings.ledger).and_then(|ledger| guard::renamed(&ledger, settings, sync));
    said.ok().flatten().map(|renamed| Finding::doubtful(format!("syncs.{}", sync.name), &renamed.text))
}

fn files(subject: &str, settings: &csv::Settings, mapping: &Mapping, now: Timestamp) -> Vec<Finding> {
    let entries = match csv::list(settings, now) {
        Ok(entries) => entries,
        Err(error) => return vec![trouble(subject, &error)],
    };
    let passed_over = csv::passed_over(settings).into_iter().map(|origin| {
        let hint = "if a link leads to a disk that is not mounted, mount it; else take it out of the pattern's way";
        Finding::doubtful(subject, &format!("{origin} is passed over: it is no file, or a link to none")).hint(hint)
    });
    if entries.is_empty() {
        let fact = format!("no file matches {}", settings.shown);
        let none = Finding::doubtful(subject, &fact).hint("check the source's `path`, and that the export ran");
        return passed_over.chain([none]).collect();
    }
    let look = |entry: &csv::Entry| match file(entry, settings, mapping) {
        Ok(tally) => {
            let young = if entry.too_young { "; younger than min_age, so the next run leaves it" } else { "" };
            tally.finding(subject, &format!("{}: ", entry.origin), young)
        }
        Err(error) => trouble(subject, &error),
    };
    let archive = entries.iter().find_map(|entry| unarchivable(subject, entry, settings));
    passed_over.chain(entries.iter().map(look)).chain(archive).collect()
}

/// A file that stays where it is after each run, which ends with an error for it.
fn unarchivable(subject: &str, entry: &csv::Entry, settings: &csv::Settings) -> Option<Finding> {
    let csv::After::Archive(folder) = &settings.after else { return None };
    let error = csv::try_archive(entry, folder).err()?;
    let hint = "the user that lead-sync runs as must be able to write to the archive folder and to that of the export";
    Some(Finding::bad(ending(&error), format!("{subject}.source.after"), &error.to_string()).hint(hint))
}

fn trouble(subject: &str, error: &sources::Error) -> Finding {
    let finding = Finding::bad(ending(error), subject, &error.to_string());
    match error {
        sources::Error::Io { .. } => finding.hint("lead-sync must run as a user who can read the export"),
        _ if finding.hints.is_empty() => finding.hint("let the export run again, and look at what it writes"),
        _ => finding,
    }
}

fn file(entry: &csv::Entry, settings: &csv::Settings, mapping: &Mapping) -> Result<Tally, sources::Error> {
    let mut file = csv::CsvFile::open(entry, settings, mapping.columns())?;
    let mut tally = Tally::new("line", csv::repeated_key);
    let mut record = Record::default();
    while tally.rows < ROWS {
        let Some(row) = file.next(&mut record)? else { return Ok(tally) };
        tally.count(mapping, &record, &row);
    }
    tally.more = file.next(&mut record)?.is_some();
    Ok(tally)
}

fn query(subject: &str, settings: &sqlite::Settings, mapping: &Mapping, now: Timestamp) -> Finding {
    let read = || {
        let database = sqlite::Database::open(settings)?;
        let mut select = database.select(mapping.columns(), None)?;
        // Whoever stops a check ends the process.
        let mut rows = select.rows(now, || false)?;
        let mut tally = Tally::new("row", sqlite::repeated_key);
        let mut record = Record::default();
        while tally.rows < ROWS {
            let Some(row) = rows.next(&mut record)? else { return Ok(tally) };
            tally.count(mapping, &record, &row);
        }
        tally.more = rows.next(&mut record)?.is_some();
        Ok(tally)
    };
    match read() {
        Ok(tally) => tally.finding(subject, &format!("{}: ", settings.shown), ""),
        Err(error) => trouble(subject, &error),
    }
}

/// What became of the rows that were read.
struct Tally {
    rows: u64,
    leads: u64,
    skipped: u64,
    bad: u64,
    refused: u64,
    /// There are rows beyond those that were read.
    more: bool,
    /// The first faults: place and what is wrong.
    faults: Vec<String>,
    /// Keys met, with the place and the row.
    keys: HashMap<String, (u64, Vec<u8>)>,
    /// What rows are counted in.
    counted: &'static str,
    /// What is wrong with a row whose key was met.
    repeated: fn(u64) -> RowFault,
}

impl Tally {
    fn new(counted: &'static str, repeated: fn(u64) -> RowFault) -> Self {
        let (faults, keys) = (Vec::new(), HashMap::new());
        Self { rows: 0, leads: 0, skipped: 0, bad: 0, refused: 0, more: false, faults, keys, counted, repeated }
    }

    fn count(&mut self, mapping: &Mapping, record: &Record, row: &Row) {
        self.rows += 1;
        if let Row::Bad(fault) = row {
            return self.fault(record, fault);
        }
        match self.keys.entry(record.key().to_owned()) {
            Entry::Vacant(place) => {
                place.insert((record.line, record.raw.clone()));
            }
            Entry::Occupied(first) => {
                let (first_line, raw) = first.get();
                if *raw != record.raw {
                    let fault = (self.repeated)(*first_line);
                    self.fault(record, &fault);
                }
                return;
            }
        }
        match mapping.wants(record) {
            Ok(false) => self.skipped += 1,
            Ok(true) => match mapping.render(record) {
                Ok(_) => self.leads += 1,
                Err(rejection) => self.refuse(record, &rejection.to_string()),
            },
            Err(rejection) => self.refuse(record, &rejection.to_string()),
        }
    }

    fn fault(&mut self, record: &Record, fault: &RowFault) {
        self.bad += 1;
        self.name(record, &fault.to_string());
    }

    fn refuse(&mut self, record: &Record, reason: &str) {
        self.refused += 1;
        self.name(record, reason);
    }

    fn name(&mut self, record: &Record, reason: &str) {
        if self.faults.len() < NAMED {
            self.faults.push(format!("{} {}: {reason}", self.counted, record.line));
        }
    }

    fn finding(self, subject: &str, origin: &str, remark: &str) -> Finding {
        let first = if self.more { "the first " } else { "" };
        let mut fact = format!(
            "{origin}the columns are there; {first}{} {} {}",
            count(self.rows, "row"),
            if self.rows == 1 { "makes" } else { "make" },
            count(self.leads, "lead")
        );
        for (number, what) in
            [(self.skipped, "skipped by `where`"), (self.bad, "bad"), (self.refused, "refused by the mapping")]
        {
            if number > 0 {
                let _ = write!(fact, ", {number} {what}");
            }
        }
        fact.push_str(remark);
        if self.faults.is_empty() {
            return match (self.leads, self.skipped) {
                (0, 1..) => Finding { fact, ..Finding::doubtful(subject, "") }
                    .hint(format!("if that is not meant, {COMPARE_ALIKE}")),
                _ => Finding::fine(subject, fact),
            };
        }
        let more = (self.bad + self.refused).saturating_sub(self.faults.len() as u64);
        let more = (more > 0).then(|| format!("and {more} more"));
        let hints = self.faults.into_iter().chain(more).collect();
        let finding = if self.leads + self.skipped == 0 {
            Finding::bad(Ending::Attention, subject, "")
        } else {
            Finding::doubtful(subject, "")
        };
        Finding { fact, hints, ..finding }
    }
}
