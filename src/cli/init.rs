//! `init`: a configuration to begin with.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::args::{Args, InitOptions};
use super::exit::{Exit, Failure};
use super::out;
use crate::clock;
use crate::config::starter::{Columns, Export, Field, Starter, date_format};
use crate::config::{self, Env};
use crate::domain::record::{Cell, Record, Row};
use crate::sources::{self, csv};

/// So many rows show how dates are written.
const ROWS_LOOKED_AT: usize = 1000;

/// Writes the file and says what is left to do.
pub(super) fn init(args: &Args, options: &InitOptions) -> Result<Exit, Failure> {
    let env = Env::process();
    let path = options.path.clone().unwrap_or_else(|| config::place_for_new(args.config.as_deref(), &env));
    refuse_existing(&path)?;
    let export = options.export.as_deref().map(|file| look_at(file, options.key.as_deref())).transpose()?;
    let starter =
        Starter { environment: options.environment.into(), distribution_id: options.distribution_id.clone(), export };
    write_new(&path, &starter.text())?;
    out::say(format!("{} is written; only its owner can read it.", path.display()));
    if let Some(export) = &starter.export {
        say_columns(export);
    }
    say_open(&path, &env);
    say_next(&path, &env);
    Ok(Exit::Done)
}

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    // A name that cannot be looked at is left to the writing, which says why.
    if path.symlink_metadata().is_ok() { Err(exists(path)) } else { Ok(()) }
}

fn exists(path: &Path) -> Failure {
    let text = format!(
        "{} is there already, and init never overwrites: edit it, move it away, or write another with --path FILE",
        path.display()
    );
    Failure::usage(text)
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::new(
            Exit::Error,
            format!("cannot write {}: {error}; name another place with --path FILE", path.display()),
        )
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // For its owner only: unless told otherwise, the ledger comes to lie in it.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, error))?;
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(path)),
        opened => opened.map_err(|error| failed(path, error))?,
    };
    file.write_all(text.as_bytes()).map_err(|error| failed(path, error))
}

/// Reads the header of the export, and as many rows as it takes to see how dates are written.
fn look_at(file: &Path, key: Option<&str>) -> Result<Export, Failure> {
    let shown = file.to_str().ok_or_else(|| {
        let text = format!("{} is not UTF-8, and a configuration is: rename the file or its folder", file.display());
        Failure::usage(text)
    })?;
    let absolute = std::path::absolute(file)?;
    let path = absolute.to_str().ok_or_else(|| Failure::usage("the path of this folder is not UTF-8"))?.to_owned();
    let mut settings = csv::Settings {
        path: absolute,
        shown: shown.to_owned(),
        key: String::new(),
        delimiter: None,
        encoding: None,
        quote: None,
        min_age: Duration::ZERO,
        require_final_newline: false,
        after: csv::After::Keep,
    };
    let entries = csv::list(&settings, clock::now()).map_err(Failure::usage)?;
    let newest = entries.last().ok_or_else(|| Failure::usage(format!("no file matches {shown}")))?;
    let found = csv::column_names(newest, &settings).map_err(Failure::usage)?;
    let columns = Columns::guess(&found);
    settings.key = key.or(columns.column(Field::Key)).map(str::to_owned).ok_or_else(|| no_key(shown, &found))?;
    let dates = look_into(newest, &settings, columns.column(Field::BirthDate)).map_err(Failure::usage)?;
    let date_format = date_format(&dates);
    Ok(Export { path, key: settings.key, columns, date_format })
}

fn no_key(file: &str, found: &[String]) -> Failure {
    let names: Vec<String> = found.iter().map(|name| out::shown(name)).collect();
    let text = format!(
        "no column of {file} looks like the CRM's own id of the row: name it with --key COLUMN; the columns are: {}",
        names.join(", ")
    );
    Failure::usage(text)
}

/// The filled cells of `column` in the first rows. Refuses a file without the key column.
fn look_into(
    entry: &csv::Entry,
    settings: &csv::Settings,
    column: Option<&str>,
) -> Result<Vec<String>, sources::Error> {
    let wanted: Vec<String> = column.map(str::to_owned).into_iter().collect();
    let mut file = csv::CsvFile::open(entry, settings, &wanted)?;
    let (mut cells, mut record) = (Vec::new(), Record::default());
    for _ in 0..ROWS_LOOKED_AT {
        match file.next(&mut record)? {
            None => break,
            Some(Row::Bad(_)) => {}
            Some(Row::Good) => match record.cell(0) {
                Cell::Text(text) if !text.trim().is_empty() => cells.push(text.to_owned()),
                _ => {}
            },
        }
    }
    Ok(cells)
}

fn say_columns(export: &Export) {
    out::say(format!("\nTaken from the header of {}:", out::shown(&export.path)));
    out::say(format!("  {:<12} {}", "key", out::shown(&export.key)));
    for (field, column) in export.columns.iter().filter(|(field, _)| *field != Field::Key) {
        let note = match field {
            Field::BirthDate => format!("  (written as {})", export.date_format),
            Field::Consent => "  (switched off: say which value means yes)".to_owned(),
            _ => String::new(),
        };
        out::say(format!("  {:<12} {}{note}", field.name(), out::shown(column)));
    }
}

/// What keeps the file from being used, as every other command would say it.
fn say_open(path: &Path, env: &Env) {
    let problems = match config::load(path, env) {
        Ok(loaded) => loaded.settings(env).err(),
        Err(problems) => Some(problems),
    };
    let Some(problems) = problems else { return };
    out::say("\nStill to be filled in:");
    for problem in problems.list() {
        out::say(format!("  {}: {}", problem.key, problem.text));
    }
}

fn say_next(path: &Path, env: &Env) {
    let found = config::locate(None, env).is_ok_and(|usual| usual == path);
    let option = if found { String::new() } else { format!(" --config {}", out::pasted(path)) };
    let command = format!("{}{option}", out::program());
    out::say("\nNext:");
    for (verb, does) in [
        ("check", "looks at everything short of sending"),
        ("plan", "shows what a run would send"),
        ("baseline", "only if WeGroup has these people already: takes them as delivered"),
        ("--run-now", "sends"),
    ] {
        out::say(format!("  {command} {verb:<10} # {does}"));
    }
}
