//! CSV files: read in turn, admitted one by one, and moved away once they count.

mod ahead;

use std::path::Path;
use std::thread;

use super::pass::Pass;
use super::{Halt, Order, Read, STRIDE, notice, tick};
use crate::ledger;
use crate::sources::{self, csv};
use crate::worker::report::{Ending, Notice};

/// Reads the files, last name first: of several rows with one key the last file's counts, and whatever was met first is kept.
pub(super) fn read_all(pass: &mut Pass<'_>, settings: &csv::Settings, order: &Order<'_>) -> Result<Read, Halt> {
    let name = &order.sync.name;
    let mut read = Read { complete: true, ..Read::default() };
    let entries = match csv::list(settings, order.now) {
        Ok(entries) => entries,
        // Last time's file is in the archive and the next one has not come yet.
        Err(sources::Error::Missing { .. }) if archived_before(settings) => Vec::new(),
        Err(error) => return Err(Halt::Source(error)),
    };
    if entries.is_empty() {
        read.awaits_files = settings.after != csv::After::Keep;
        read.notices.push(Notice::new(Ending::Complete, format!("sync {name}: no file matches {}", settings.shown)));
    }
    read.found_none = entries.is_empty();
    let first_number = pass.admission().next_number()?;
    for (index, entry) in entries.iter().enumerate().rev() {
        if let Some(why) = left_for_later(pass, entry, order) {
            outranks(pass, entry, order)?;
            read.complete = false;
            read.notices.push(Notice::new(Ending::Complete, format!("sync {name}: {} {why}", entry.origin)));
            continue;
        }
        if entries.len() > 1 {
            pass.admission().number_leads_of_file(first_number, index);
        }
        pass.begin_file()?;
        match read_file(pass, entry, settings, order) {
            Ok(summary) => {
                pass.keep_file()?;
                read.to_archive.push((entry.clone(), summary));
            }
            Err(Halt::Source(error)) => {
                pass.forget_file()?;
                outranks(pass, entry, order)?;
                read.complete = false;
                read.notices.push(notice(name, &error));
            }
            Err(halt) => return Err(halt),
        }
    }
    Ok(read)
}

/// A file was not read: its rows count before those of the files that are. A file that is moved away once it is read is always another one.
fn outranks(pass: &mut Pass<'_>, entry: &csv::Entry, order: &Order<'_>) -> ledger::Result<()> {
    if order.moves_files() { Ok(()) } else { pass.leave_file(&entry.origin) }
}

/// Why a file is not read in this pass, to follow its name. Without the last file of a glob the others may hold consent that was withdrawn since.
fn left_for_later(pass: &Pass<'_>, entry: &csv::Entry, order: &Order<'_>) -> Option<&'static str> {
    if entry.too_young {
        return Some("is younger than min_age; it is left for the next run");
    }
    (pass.is_outranked() && order.mapping.filters())
        .then_some("is left for a later run: a file after it in name order was not read, and `where` may be false for its rows there")
}

/// True if the one file of this source is moved away after each pass, so that its absence is nothing to report.
fn archived_before(settings: &csv::Settings) -> bool {
    settings.after != csv::After::Keep && settings.path.parent().is_some_and(Path::is_dir)
}

fn read_file(
    pass: &mut Pass<'_>,
    entry: &csv::Entry,
    settings: &csv::Settings,
    order: &Order<'_>,
) -> Result<csv::Summary, Halt> {
    thread::scope(|scope| {
        let open = || csv::CsvFile::open(entry, settings, order.mapping.columns());
        let (rows, reader) = ahead::start(scope, pass.fingerprinter(), open).map_err(|cause| {
            let path = entry.path.display().to_string();
            Halt::Source(sources::Error::Io { action: "start a thread to read", path, cause })
        })?;
        admit_rows(pass, rows, entry, order)?;
        // It stops early only when we do.
        reader.finish().map_err(Halt::Source)?.ok_or(Halt::Stopped)
    })
}

fn admit_rows(pass: &mut Pass<'_>, rows: ahead::Rows, entry: &csv::Entry, order: &Order<'_>) -> Result<(), Halt> {
    // While the file is opened: its first pass takes about as long.
    pass.load()?;
    let Some(layout) = rows.layout() else { return Ok(()) };
    let origin = pass.admission().origin(&entry.origin, &layout)?;
    pass.begin(origin, &entry.origin, !order.moves_files())?;
    let (mut count, mut last_line) = (0, 0);
    rows.each(|ready| {
        match &ready.fingerprint {
            Ok(fingerprint) => pass.good(&ready.record, *fingerprint)?,
            Err(fault) => pass.bad(&ready.record, fault)?,
        }
        last_line = ready.record.line;
        count += 1;
        tick(count, order)
    })?;
    order.progress.add_rows(count % STRIDE);
    pass.end(last_line);
    Ok(())
}

/// Moves the files that are in the ledger now. One that cannot be moved is read again next time, which changes nothing.
pub(super) fn archive(name: &str, folder: &Path, files: &[(csv::Entry, csv::Summary)]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (entry, summary) in files {
        match csv::archive(entry, summary, folder) {
            Ok(to) => tracing::info!(sync = name, file = entry.origin, to = %to.display(), "archived"),
            Err(error) => notices.push(notice(name, &error)),
        }
    }
    notices
}
