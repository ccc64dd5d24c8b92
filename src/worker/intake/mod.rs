//! The first half of a run: a source is read to its end and admitted, before any of its leads is sent.

mod by_hand;
mod columns;
mod files;
pub(super) mod guard;
mod pass;
mod rejects;

pub use columns::columns_of;
use pass::Pass;
pub use pass::Purpose;
pub use rejects::{ChosenRejects, Imported, RejectsError, export_rejects, import_rejects};

use super::progress::Progress;
use super::report::{Ending, Notice, Sample};
use super::settings::{Settings, Sync};
use super::stop::Stop;
use crate::domain::count::{are, count};
use crate::domain::mapping::Mapping;
use crate::domain::record::{Record, Row};
use crate::domain::time::Timestamp;
use crate::ledger::{self, Basis, Counts, Ledger};
use crate::sources::sqlite::CursorValue;
use crate::sources::{self, csv, sqlite};

/// Rows between two looks at the stop signal and two updates of the progress: often enough for a person, too seldom to cost.
const STRIDE: u64 = 1024;

/// What to do about a `where` that lets nobody through.
pub(super) const COMPARE_ALIKE: &str = "compare with the very value of the cell: consent == '1' where it is text, as in any CSV file, consent == 1 where a database has a number";

/// What an intake is to do, besides the sync's own settings.
pub(super) struct Order<'o> {
    /// Everything as configured.
    pub settings: &'o Settings,
    /// The sync.
    pub sync: &'o Sync,
    /// Its number in the ledger.
    pub id: i64,
    /// Its mapping.
    pub mapping: &'o Mapping,
    /// The run.
    pub run: i64,
    /// To be sent, or taken as delivered.
    pub purpose: Purpose,
    /// More leads to be sent than `max_new`, no rows, and a sync under a new name are confirmed.
    pub confirmed: bool,
    /// Files may be moved once they are read.
    pub may_archive: bool,
    /// When the intake begins.
    pub now: Timestamp,
    /// Told of every row.
    pub progress: &'o Progress,
    /// Whether we are to stop.
    pub stop: &'o Stop,
}

impl Order<'_> {
    /// Files are moved away once they count, so that the next one of the same name is another file.
    fn moves_files(&self) -> bool {
        matches!(&self.sync.source, sources::Settings::Csv(csv::Settings { after: csv::After::Archive(_), .. }))
    }
}

/// What an intake brought.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Counts of the rows.
    pub counts: Counts,
    /// What a person should read.
    pub notices: Vec<Notice>,
    /// Some rows, for a dry run.
    pub samples: Vec<Sample>,
    /// The source was there, and was read to its end.
    pub is_read: bool,
}

/// Why the pass over a source ended early and changed nothing.
enum Halt {
    Ledger(ledger::Error),
    Source(sources::Error),
    Stopped,
}

impl From<ledger::Error> for Halt {
    fn from(error: ledger::Error) -> Self {
        Self::Ledger(error)
    }
}

/// What the fingerprints of the source's rows are made of.
fn basis(source: &sources::Settings, mapping: &Mapping) -> Basis {
    let columns = mapping.columns_digest();
    match source {
        sources::Settings::Csv(_) => Basis { digest: columns, earlier: None },
        sources::Settings::Sqlite(_) => Basis { digest: mapping.query_digest(), earlier: Some(columns) },
    }
}

/// Reads one sync's source and admits its rows. What is wrong with the source is a notice; an error is the ledger's.
pub(super) fn take_in(ledger: &mut Ledger, order: &Order<'_>) -> ledger::Result<Taken> {
    let key = ledger.key();
    let renamed = guard::renamed(ledger, order.settings, order.sync)?;
    let basis = basis(&order.sync.source, order.mapping);
    let admission = ledger.admit(order.id, order.run, &basis, order.now)?;
    let name = &order.sync.name;
    let mut pass = Pass::new(admission, order.mapping, &key, order.sync, order.purpose)?;
    let read = match &order.sync.source {
        sources::Settings::Csv(settings) => files::read_all(&mut pass, settings, order),
        sources::Settings::Sqlite(settings) => read_rows(&mut pass, settings, order),
    };
    match read {
        Ok(read) => conclude(pass, read, order, renamed),
        Err(Halt::Ledger(error)) => Err(error),
        Err(Halt::Stopped | Halt::Source(sources::Error::Stopped { .. })) => {
            pass.into_admission().abandon()?;
            let text = format!("sync {name}: stopped while reading; nothing of it counts, the next run reads it again");
            Ok(Taken { notices: vec![Notice::new(Ending::Interrupted, text)], ..Taken::default() })
        }
        Err(Halt::Source(error)) => {
            pass.into_admission().abandon()?;
            Ok(Taken { notices: vec![notice(name, &error)], ..Taken::default() })
        }
    }
}

/// What was read, before it is made to count.
#[derive(Default)]
struct Read {
    notices: Vec<Notice>,
    /// Every file was read: only then is the mapping's change dealt with.
    complete: bool,
    /// No file was there.
    found_none: bool,
    to_archive: Vec<(csv::Entry, csv::Summary)>,
    /// The last files are in the archive, and the next ones have not come yet.
    awaits_files: bool,
}

impl Read {
    /// Everything that was to be read was there and was read. Files that are moved away afterwards need not be there.
    fn is_all(&self) -> bool {
        self.complete && !self.awaits_files
    }
}

fn conclude(
    mut pass: Pass<'_>,
    read: Read,
    order: &Order<'_>,
    renamed: Option<guard::Renamed>,
) -> ledger::Result<Taken> {
    let name = &order.sync.name;
    let is_all = read.is_all();
    let is_read = read.awaits_files || (is_all && !read.found_none);
    let mut notices = read.notices;
    let (counts, again, samples) = (pass.counts, pass.again, std::mem::take(&mut pass.samples));
    // Only somebody who is known under the old name would be sent again.
    let renamed = match renamed {
        Some(renamed) if pass.admission().shares_keys_with(&renamed.old)? => Some(renamed.text),
        _ => None,
    };
    if let Some(notice) = guard::guard(order, &counts, again, is_all, renamed) {
        pass.into_admission().abandon()?;
        notices.push(notice);
        let counts = Counts { rejected: 0, held: 0, ..counts };
        return Ok(Taken { counts, notices, samples, is_read: false });
    }
    if pass.overtaken > 0 {
        let text = format!(
            "sync {name}: {} known and not delivered, pending, waiting, rejected or failed, {} taken as delivered, too",
            count(pass.overtaken, "lead"),
            are(pass.overtaken)
        );
        notices.push(Notice::new(Ending::Complete, text));
    }
    notices.extend(nobody_wanted(order.sync, &counts));
    let reads_again = pass.too_early > 0 && !order.sync.source.is_read_whole();
    if reads_again {
        notices.push(come_again(order.sync, pass.too_early));
    }
    if read.complete {
        pass.admission().set_mapping_digest(&order.mapping.mapping_digest())?;
    }
    pass.into_admission().commit()?;
    if let sources::Settings::Csv(csv::Settings { after: csv::After::Archive(folder), .. }) = &order.sync.source
        && order.may_archive
        && !(reads_again && order.sync.source.stays())
    {
        notices.extend(files::archive(name, folder, &read.to_archive));
    }
    Ok(Taken { counts, notices, samples, is_read })
}

/// Nobody else keeps the new content of a lead in doubt: its row has to be there when that is settled.
fn come_again(sync: &Sync, rows: u64) -> Notice {
    let (have, they_are) = if rows == 1 { ("has", "it is") } else { ("have", "they are") };
    let then = if sync.source.stays() {
        "what was read stays in its place until then, and is read again"
    } else {
        "as its file is archived, that takes an export that holds it then"
    };
    let rows = count(rows, "row");
    let text = format!(
        "sync {}: {rows} {have} changed whose lead may have arrived as it was; {they_are} looked at again once that is settled: {then}",
        sync.name
    );
    Notice::new(Ending::Complete, text)
}

/// A `where` that is false for every row is more often a slip than meant: a cell of a CSV file is text and equals no number.
fn nobody_wanted(sync: &Sync, counts: &Counts) -> Option<Notice> {
    let nobody = sync.mapping.filter.is_some() && counts.skipped > 0 && counts.skipped == counts.read;
    nobody.then(|| {
        let text = format!(
            "sync {}: `where` skipped every row ({} read); if that is not meant, {COMPARE_ALIKE}",
            sync.name, counts.read
        );
        Notice::new(Ending::Complete, text)
    })
}

fn read_rows(pass: &mut Pass<'_>, settings: &sqlite::Settings, order: &Order<'_>) -> Result<Read, Halt> {
    // A position that cannot be read (the ledger was changed by hand), is one of another query, or lies in the future (of a release that took
    // any date) means to read everything: what is known stays as it is.
    let of = position_of(settings, order.mapping);
    let after = pass.admission().cursor(&of)?.and_then(|text| text.parse::<CursorValue>().ok());
    let after = after.filter(|after| !after.lies_ahead(order.now));
    pass.load()?;
    let database = sqlite::Database::open(settings).map_err(Halt::Source)?;
    let mut select = database.select(order.mapping.columns(), after.as_ref()).map_err(Halt::Source)?;
    let origin = pass.admission().origin(&settings.shown, select.layout())?;
    pass.begin(origin, &settings.shown, after.is_none())?;
    let stop = order.stop.clone();
    let mut query = select.rows(order.now, move || stop.is_set()).map_err(Halt::Source)?;
    let mut fingerprinter = pass.fingerprinter();
    let mut record = Record::default();
    let mut rows = 0;
    while let Some(row) = query.next(&mut record).map_err(Halt::Source)? {
        match &row {
            Row::Good => pass.good(&record, fingerprinter.fingerprint(&record).0)?,
            Row::Bad(fault) => pass.bad(&record, fault)?,
        }
        rows += 1;
        tick(rows, order)?;
    }
    order.progress.add_rows(rows % STRIDE);
    if let Some(position) = query.position().filter(|_| pass.too_early == 0) {
        pass.admission().set_cursor(&position.to_string(), &of)?;
    }
    let notices = dates_ahead(&order.sync.name, settings, query.ahead()).into_iter().collect();
    Ok(Read { complete: true, notices, ..Read::default() })
}

/// Rows that are read in each run, as their dates are no position to go on from.
fn dates_ahead(sync: &str, settings: &sqlite::Settings, rows: u64) -> Option<Notice> {
    let cursor = settings.cursor.as_ref().filter(|_| rows > 0)?;
    let (have, they_were) = if rows == 1 { ("has", "it was") } else { ("have", "they were") };
    let rows = count(rows, "row");
    let text = format!(
        "sync {sync}: {rows} {have} a date in the future in the column '{cursor}'; {they_were} read, and will be again in each run, as the rows \
         written until then must not be passed over: correct the dates in the source"
    );
    Some(Notice::new(Ending::Complete, text))
}

/// What a position in a SQLite source is a position of: rows before it may never have been read by another query, or were skipped or refused
/// by another mapping.
fn position_of(settings: &sqlite::Settings, mapping: &Mapping) -> [u8; 16] {
    let sqlite::Settings { shown, query, key, cursor, .. } = settings;
    // The context names what is hashed and must never change: digests are compared with those of earlier releases.
    let mut hasher = blake3::Hasher::new_derive_key("lead-sync cursor v1");
    for part in [shown, query, key, cursor.as_ref().unwrap_or(shown)] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.update(&mapping.mapping_digest());
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

fn tick(rows: u64, order: &Order<'_>) -> Result<(), Halt> {
    if rows.is_multiple_of(STRIDE) {
        order.progress.add_rows(STRIDE);
        if order.stop.is_set() {
            return Err(Halt::Stopped);
        }
    }
    Ok(())
}

fn notice(sync: &str, error: &sources::Error) -> Notice {
    Notice::new(ending(error), format!("sync {sync}: {error}"))
}

/// How a run ends that meets this error.
pub(super) fn ending(error: &sources::Error) -> Ending {
    use sources::Error;
    match error {
        Error::Missing { .. } | Error::Database { .. } => Ending::Usage,
        Error::Refused { .. } => Ending::Attention,
        Error::Changing { .. } | Error::Busy { .. } => Ending::Deferred,
        Error::Stopped { .. } => Ending::Interrupted,
        Error::Io { .. } => Ending::Error,
    }
}
