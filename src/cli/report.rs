//! `report FILE`: the dashboard as one file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out, outlook, target};
use crate::aside::Aside;
use crate::clock;
use crate::config::Env;
use crate::ledger::Ledger;
use crate::page::{self, Facts, Outlook, Place};

/// Options of `report`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
It holds keys, back references and reasons of the leads that need a person, and no other value of a lead. Only its owner can read it.")]
pub struct ReportOptions {
    /// The file to write, e.g. report.html
    pub file: PathBuf,
    /// Replace the file if it is a report
    #[arg(long)]
    pub force: bool,
}

/// Writes the report, and says where it is.
pub(super) fn report(args: &Args, options: &ReportOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let file = &options.file;
    target::refuse_in_use(&loaded, file)?;
    if !options.force && fs::symlink_metadata(file).is_ok() {
        return Err(refused(file, &io::ErrorKind::AlreadyExists.into()));
    }
    let ledger = Ledger::open_reader(&loaded.unresolved.ledger)?;
    let schedules = loaded.unresolved.syncs.iter().map(|sync| (sync.name.as_str(), sync.schedule.as_ref()));
    let outlook = Outlook {
        configured: loaded.unresolved.syncs.iter().map(|sync| sync.name.clone()).collect(),
        next: outlook::next_runs(schedules),
        running: None,
        // The report is about leads: without the secrets it says nothing of sessions.
        sessions: loaded.settings(&Env::process()).map(|settings| outlook::sessions(&settings)).unwrap_or_default(),
    };
    let facts = Facts::read(&ledger, clock::now())?;
    let text = page::overview(&facts, &outlook, Place::File)
        .map_err(|error| Failure::new(Exit::Error, format!("the page cannot be rendered: {error}")))?;
    if options.force && !is_replaceable(file, &text).map_err(|error| refused(file, &error))? {
        return Err(Failure::usage(format!("{} is no report and stays as it is: choose another name", file.display())));
    }
    write(file, &text, options.force).map_err(|error| refused(file, &error))?;
    out::say(format!("{}: written; open it in a browser", file.display()));
    Ok(Exit::Done)
}

/// Whether what has this name may go: a report, as its first two lines show, an empty file, or nothing.
fn is_replaceable(file: &Path, text: &str) -> io::Result<bool> {
    let lines = text.match_indices('\n').nth(1).map_or(text.len(), |(end, _)| end);
    match fs::symlink_metadata(file) {
        // It is the link that goes.
        Ok(about) if about.is_symlink() => return Ok(true),
        Ok(about) if !about.is_file() => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Ok(_) | Err(_) => {}
    }
    let mut start = Vec::new();
    File::open(file)?.take(lines as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || text.as_bytes().get(..lines) == Some(start.as_slice()))
}

/// For its owner only, and whole or not at all.
fn write(file: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut aside = Aside::beside(file)?;
    aside.write_all(text.as_bytes())?;
    if force { aside.replace(file) } else { aside.publish(file) }
}

fn refused(file: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} exists: choose another name, or replace it with --force", file.display()))
        }
        _ => Failure::unwritten(file, error),
    }
}
