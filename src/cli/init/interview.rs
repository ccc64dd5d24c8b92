//! The questions of `init`. They are asked on stderr and answered by lines of stdin; nothing is written before the last answer.

use std::io::{BufRead, stdin};
use std::path::{Path, PathBuf};

use super::look::Look;
use super::options::{Auth, Environment, InitOptions};
use crate::cli::exit::Failure;
use crate::cli::out;
use crate::config::starter::{Access, Columns, Export, Field, REDIRECT_URL, Starter};
use crate::config::{self, Env};

/// What a person can correct of the guess; the key is asked for by itself.
const CORRECTED: [Field; 6] =
    [Field::FirstName, Field::LastName, Field::Email, Field::Phone, Field::BirthDate, Field::Consent];

/// Asks for everything that the options do not say.
pub(super) fn interview(options: &InitOptions, path: &Path, env: &Env) -> Result<Starter, Failure> {
    out::note(format!(
        "{} will be written after the last question. Enter alone takes what stands in brackets, Ctrl-C leaves everything as it is.\n",
        path.display()
    ));
    let export = export(env)?;
    let environment = match options.environment {
        Some(environment) => environment,
        None => word(
            "Which WeGroup, staging or production",
            &[("staging", Environment::Staging), ("production", Environment::Production)],
        )?,
    };
    let auth = match options.auth {
        Some(auth) => auth,
        None => word(
            "How does lead-sync get in, apikey (a token by mail) or sso (a login)",
            &[("apikey", Auth::Apikey), ("sso", Auth::Sso)],
        )?,
    };
    let (access, distribution_id) = match auth {
        Auth::Apikey => (Access::ApiKey, distribution(options)?),
        Auth::Sso => (sso()?, options.distribution_id.clone()),
    };
    Ok(Starter { environment: environment.into(), distribution_id, access, export })
}

/// The export, its key and its columns.
fn export(env: &Env) -> Result<Option<Export>, Failure> {
    let question = "Which export? A CSV file, or a pattern such as /srv/crm/customers*.csv (Enter: later)";
    let look = ask(question, None, |answer| match answer {
        "" => Ok(None),
        file => Look::at(&typed(file, env)).map(Some).map_err(|failure| failure.text),
    })?;
    look.map(|look| mapped(&look)).transpose()
}

fn mapped(look: &Look) -> Result<Export, Failure> {
    out::note(format!("Its columns are: {}", look.shown_names()));
    let question = "Which column is the CRM's own id of the row, one that never changes";
    let key = ask(question, look.columns.column(Field::Key), |answer| {
        look.export(answer, Columns::default()).map(|export| export.key).map_err(|failure| failure.text)
    })?;
    let mut columns = look.columns.clone();
    loop {
        let export = look.export(&key, columns.clone())?;
        out::note("\nWhat is sent of a row:");
        super::columns(&export).iter().for_each(out::note);
        let Some(field) = field()? else { return Ok(export) };
        let column = ask(&format!("Which column is {} (- for none)", field.name()), None, |answer| match answer {
            "-" => Ok(None),
            name if look.names.iter().any(|known| known == name) => Ok(Some(name.to_owned())),
            _ => Err(format!("there is no such column; the columns are: {}", look.shown_names())),
        })?;
        columns.set(field, column);
    }
}

/// The field to be corrected, if one is wrong.
fn field() -> Result<Option<Field>, Failure> {
    let names = CORRECTED.map(Field::name).join(", ");
    ask(&format!("Enter if that is right, else the one to change ({names})"), None, |answer| {
        let field = CORRECTED.into_iter().find(|field| field.name() == answer);
        if answer.is_empty() || field.is_some() { Ok(field) } else { Err(format!("write one of {names}")) }
    })
}

fn distribution(options: &InitOptions) -> Result<Option<String>, Failure> {
    if options.distribution_id.is_some() {
        return Ok(options.distribution_id.clone());
    }
    ask("Distribution id, which WeGroup gives with the API token (Enter: later)", None, |answer| {
        if answer.is_empty() { Ok(None) } else { config::parse_id(answer).map(Some) }
    })
}

fn sso() -> Result<Access, Failure> {
    let client_id = ask("Client id, which WeGroup issues for your redirect URL (Enter: later)", None, |answer| {
        Ok(Some(answer).filter(|answer| !answer.is_empty()).map(str::to_owned))
    })?;
    let redirect_url = ask("The redirect URL that is registered with WeGroup", Some(REDIRECT_URL), |answer| {
        config::parse_redirect_url(answer).map(|_| answer.to_owned())
    })?;
    Ok(Access::Sso { client_id, redirect_url })
}

/// One of some words, the first of them unless another is written.
fn word<T: Copy>(question: &str, words: &[(&str, T)]) -> Result<T, Failure> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    ask(question, names.first().copied(), |answer| {
        let found = words.iter().find(|(name, _)| *name == answer);
        found.map(|(_, value)| *value).ok_or_else(|| format!("write {}", names.join(" or ")))
    })
}

/// A path as it is typed or dropped on a terminal: in quotes, or with the `~` that a shell would have replaced.
fn typed(answer: &str, env: &Env) -> PathBuf {
    let bare = |quote: char| answer.strip_prefix(quote)?.strip_suffix(quote);
    let path = bare('\'').or_else(|| bare('"')).unwrap_or(answer);
    match (path.strip_prefix("~/"), env.path("HOME")) {
        (Some(below), Some(home)) => home.join(below),
        _ => PathBuf::from(path),
    }
}

/// Asks until `take` takes the answer, and says why it does not. The end of the input ends the questions.
fn ask<T>(question: &str, default: Option<&str>, take: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    loop {
        let brackets = default.map(|default| format!(" [{}]", out::shown(default))).unwrap_or_default();
        out::prompt(format!("{question}{brackets}: "));
        let mut line = Vec::new();
        if stdin().lock().read_until(b'\n', &mut line)? == 0 {
            return Err(Failure::usage("the questions were not answered to the end: nothing was written"));
        }
        let line = String::from_utf8_lossy(&line);
        let answer = Some(line.trim()).filter(|answer| !answer.is_empty()).or(default).unwrap_or_default();
        match take(answer) {
            Ok(taken) => return Ok(taken),
            Err(why) => out::note(format!("  {why}")),
        }
    }
}
