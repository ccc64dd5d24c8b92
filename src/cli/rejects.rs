//! `rejects`: rejected rows out for correction, and back in; or off the list.

mod drop;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};
use std::slice;

use clap::{Args as ClapArgs, Subcommand};

use super::args::Args;
use super::exit::{Exit, Failure};
use super::mend::Desk;
use super::operator::operator;
use super::{load, mend, out, target};
use crate::aside::Aside;
use crate::clock;
use crate::config::pasted;
use crate::domain::count::{are, count};
use crate::ledger::Ledger;
use crate::worker::{self, RejectsError};

/// Reasons shown of an import.
const SHOWN: usize = 20;

/// What a person at a spreadsheet needs to know.
const AFTER_HELP: &str = "\
The file has the export's own columns, order, delimiter, encoding and line ends, as they were when its rows were read.
Correct the cells, leave the header and _line as they are. Then import it: what is right now is sent by the next run, what is still
wrong is told and stays rejected (exit 3).

A row that was not touched stays rejected; empty its _reason to say that it is right as it stands. A row with too many cells goes on
in columns without a name before _reason; one with too few is filled up with empty cells. A cell that a spreadsheet would run as a
formula has an apostrophe in front, which the import takes away again. Have the spreadsheet read all columns as text: it drops
leading zeros of others, and a row that has lost some is refused, as its key would be another one.

A corrected row counts until the export's own row is another one.";

/// Options of `rejects`.
#[derive(Debug, ClapArgs)]
#[command(after_help = AFTER_HELP)]
pub struct RejectsOptions {
    /// Out, in, or off the list
    #[command(subcommand)]
    pub way: Way,
}

/// What becomes of rejected rows.
#[derive(Debug, Subcommand)]
pub enum Way {
    /// Write the rejected rows in the export's own form, with `_reason` and `_line` last
    Export(ExportOptions),
    /// Take the corrected rows in; a row whose `_reason` was emptied counts as right
    Import(ImportOptions),
    /// Take rows that are no leads, such as a line of totals, off the list for good
    Drop(drop::DropOptions),
}

/// Options of `rejects export`.
#[derive(Debug, ClapArgs)]
pub struct ExportOptions {
    /// The file to write; it must not exist
    pub file: PathBuf,
    /// Of this sync; needed if several have rejected rows
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Only rows of this export, as `leads` shows it before the line
    #[arg(long, value_name = "PATH")]
    pub origin: Option<String>,
    /// Only rows of the export's first, second, … form; needed if its columns, delimiter or encoding have changed between
    #[arg(long, value_name = "N")]
    pub form: Option<usize>,
}

/// Options of `rejects import`.
#[derive(Debug, ClapArgs)]
pub struct ImportOptions {
    /// The corrected file
    pub file: PathBuf,
    /// Of this sync; needed if there are several
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
}

/// Carries out `rejects`.
pub(super) fn rejects(args: &Args, options: &RejectsOptions) -> Result<Exit, Failure> {
    match &options.way {
        Way::Export(options) => export(args, options),
        Way::Import(options) => import(args, options),
        Way::Drop(options) => drop::drop(args, options),
    }
}

impl From<RejectsError> for Failure {
    fn from(error: RejectsError) -> Self {
        match error {
            RejectsError::Ledger(error) => error.into(),
            RejectsError::Source(_) | RejectsError::Usage(_) => Self::usage(error),
            RejectsError::Io(_) => Self::new(Exit::Error, error),
        }
    }
}

/// The sync that is meant: the one named, or the only one with rejected rows. `None`: no sync has any.
fn chosen(ledger: &Ledger, sync: Option<&String>) -> Result<Option<String>, Failure> {
    if let Some(name) = sync {
        mend::check_sync(ledger, name)?;
        return Ok(Some(name.clone()));
    }
    let mut names = ledger.syncs_with_rejects()?;
    if names.len() > 1 {
        let text = format!("several syncs have rejected rows ({}): choose one with --sync", names.join(", "));
        return Err(Failure::usage(text));
    }
    Ok(names.pop())
}

fn export(args: &Args, options: &ExportOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let path = &options.file;
    target::refuse_in_use(&loaded, path)?;
    let settings = loaded.unresolved;
    let ledger = Ledger::open_reader(&settings.ledger)?;
    if path.symlink_metadata().is_ok() {
        return Err(Failure::unwritten(path, &io::ErrorKind::AlreadyExists.into()));
    }
    let Some(sync) = chosen(&ledger, options.sync.as_ref())? else {
        out::say("nothing is rejected; no file was written");
        return Ok(Exit::Done);
    };
    // Under its name once it is whole, and for its owner only: it holds personal data.
    let create = || Aside::beside(path).map(BufWriter::new);
    let chosen_rows = worker::ChosenRejects { origin: options.origin.as_deref(), form: options.form };
    let written = worker::export_rejects(&ledger, &sync, chosen_rows, create).and_then(|(count, writer)| {
        writer.map_or(Ok(()), |writer| finish(writer, path)).map(|()| count).map_err(RejectsError::Io)
    });
    match written {
        Ok(0) => out::say(format!("sync {sync} has no rejected rows; no file was written")),
        // With the sync also where there is only one now: there may be others when the file comes back.
        Ok(rows) => out::say(format!(
            "{} of {sync} {} in {}. Correct what is wrong, leave _line as it is, then: \
             lead-sync{} rejects import --sync {sync} {}",
            count(rows, "rejected row"),
            are(rows),
            path.display(),
            settings.config_option,
            pasted(path)
        )),
        Err(RejectsError::Io(error)) => return Err(Failure::unwritten(path, &error)),
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Done)
}

fn finish(writer: BufWriter<Aside>, path: &Path) -> io::Result<()> {
    writer.into_inner().map_err(IntoInnerError::into_error)?.publish(path)
}

/// Refuses to guess of which sync a file is, for it does not say so. Not even that only one has rejected rows tells it: the rows of another
/// one may have been mended meanwhile, and its people would go to an API that is not theirs.
fn refuse_to_guess(desk: &Desk, file: &Path) -> Result<(), Failure> {
    let configured = desk.loaded.unresolved.syncs.iter().map(|sync| sync.name.clone());
    let known = desk.ledger.status()?.into_iter().map(|sync| sync.sync);
    let names: BTreeSet<String> = configured.chain(known).collect();
    if names.len() < 2 {
        return Ok(());
    }
    let names = Vec::from_iter(names).join(", ");
    let text = format!("{} may be of any sync ({names}): name the one it was written for with --sync", file.display());
    Err(Failure::usage(text))
}

fn import(args: &Args, options: &ImportOptions) -> Result<Exit, Failure> {
    let mut desk = mend::open(args, options.sync.as_deref())?;
    if options.sync.is_none() {
        refuse_to_guess(&desk, &options.file)?;
    }
    let Some(sync) = chosen(&desk.ledger, options.sync.as_ref())? else {
        out::say("nothing is rejected; nothing was taken in");
        return Ok(Exit::Done);
    };
    let prepared = load::prepare(&desk.loaded, desk.loaded.without_secrets(), slice::from_ref(&sync))?;
    let Some(ready) = prepared.syncs.first() else {
        return Err(Failure::usage(format!("the sync {sync} is no longer configured: nothing can be taken in for it")));
    };
    let done = worker::import_rejects(&mut desk.ledger, ready, &options.file, &operator(), clock::now())?;
    let leads = count(done.pending, "corrected lead");
    out::say(format!("{leads} of {sync} {} to be sent by the next run", are(done.pending)));
    if done.pending > 0 {
        mend::tell_obstacles(&desk, &[sync].into())?;
    }
    if done.left > 0 {
        out::say(format!(
            "{} {} of delivered leads, which on_change = \"ignore\" does not send again",
            count(done.left, "row"),
            are(done.left)
        ));
    }
    if done.known > 0 {
        out::say(format!("taken in before: {}", count(done.known, "row")));
    }
    if done.wrong.is_empty() {
        return Ok(Exit::Done);
    }
    out::say(format!("still rejected: {}:", count(done.wrong.len() as u64, "row")));
    for (row, line, reason) in done.wrong.iter().take(SHOWN) {
        out::say(format!("  row {row} (_line {}): {}", out::shown(line), out::shown(reason)));
    }
    if done.wrong.len() > SHOWN {
        out::say(format!("  and {} more", done.wrong.len() - SHOWN));
    }
    Ok(Exit::Attention)
}
