//! `init`: a configuration to begin with. On a terminal it asks, elsewhere the options say it.

mod interview;
mod look;
mod options;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdin};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::out;
use crate::config::starter::{Access, Export, Field, REDIRECT_URL, Starter};
use crate::config::{self, Env, Secrets};
use look::Look;
pub(super) use options::InitOptions;
use options::{Auth, Environment};

/// Writes the file and says what is left to do.
pub(super) fn init(args: &Args, options: &InitOptions) -> Result<Exit, Failure> {
    let env = Env::process();
    let path = options.path.clone().unwrap_or_else(|| config::place_for_new(args.config.as_deref(), &env));
    refuse_existing(&path)?;
    let asked = options.export.is_none() && stdin().is_terminal() && stderr().is_terminal();
    let starter = if asked { interview::interview(options, &path, &env)? } else { from_options(options)? };
    write_new(&path, &starter.text())?;
    out::say(format!("{} is written; only its owner can read it.", path.display()));
    if let (Some(export), false) = (&starter.export, asked) {
        out::say(format!("\nTaken from the header of {}:", out::shown(&export.path)));
        columns(export).iter().for_each(out::say);
    }
    say_open(&path, &env);
    say_next(&path, &env, &starter.access);
    Ok(Exit::Done)
}

/// Without questions: what the options leave open stays to be filled in.
fn from_options(options: &InitOptions) -> Result<Starter, Failure> {
    let export = match &options.export {
        None => None,
        Some(file) => {
            let look = Look::at(file)?;
            let key = options.key.as_deref().or(look.columns.column(Field::Key));
            let key = key.ok_or_else(|| look.no_key())?;
            Some(look.export(key, look.columns.clone())?)
        }
    };
    let access = match options.auth.unwrap_or(Auth::Apikey) {
        Auth::Apikey => Access::ApiKey,
        Auth::Sso => Access::Sso { client_id: None, redirect_url: REDIRECT_URL.to_owned() },
    };
    let environment = options.environment.unwrap_or(Environment::Staging).into();
    Ok(Starter { environment, distribution_id: options.distribution_id.clone(), access, export })
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

/// Which column is what, a line each.
fn columns(export: &Export) -> Vec<String> {
    let mut lines = vec![format!("  {:<12} {}", "key", out::shown(&export.key))];
    lines.extend(export.columns.iter().filter(|(field, _)| *field != Field::Key).map(|(field, column)| {
        let note = match field {
            Field::BirthDate => match export.date_format {
                Some(format) => format!("  (written as {format})"),
                None => "  (switched off: say how the dates are written)".to_owned(),
            },
            Field::Consent => "  (switched off: say which value means yes)".to_owned(),
            _ => String::new(),
        };
        format!("  {:<12} {}{note}", field.name(), out::shown(column))
    }));
    lines
}

/// What keeps the file from being used, as every other command would say it.
fn say_open(path: &Path, env: &Env) {
    let problems = match config::load(path, env, Secrets::Connections) {
        Ok(loaded) => loaded.settings(env).err(),
        Err(problems) => Some(problems),
    };
    let Some(problems) = problems else { return };
    out::say("\nStill to be filled in:");
    for problem in problems.list() {
        out::say(format!("  {}: {}", problem.key, problem.text));
    }
}

fn say_next(path: &Path, env: &Env, access: &Access) {
    let command = format!("{}{}", out::program(), config::option_for(path, env));
    out::say("\nNext:");
    let login = ("login", "once: opens WeGroup's page in your browser; --no-browser on a server");
    let login = matches!(access, Access::Sso { .. }).then_some(login);
    let steps = [
        ("check", "looks at everything short of sending"),
        ("plan", "shows what a run would send"),
        ("baseline", "only if WeGroup has these people already: takes them as delivered"),
        ("--run-now", "sends"),
    ];
    for (verb, does) in login.into_iter().chain(steps) {
        out::say(format!("  {command} {verb:<10} # {does}"));
    }
}
