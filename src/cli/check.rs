//! `check`: everything short of sending, one line each.

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out, outside, run, surroundings};
use crate::clock;
use crate::config::{self, Env, Loaded, Problems, Secret, Secrets};
use crate::domain::count::count;
use crate::notify::Memory;
use crate::worker::checks::{self, Finding, Grade};
use crate::worker::report::Ending;
use crate::worker::settings::Settings;

/// Prints findings as they come, and the first failure's code.
pub(super) fn check(args: &Args) -> Result<Exit, Failure> {
    let env = Env::process();
    let path = config::locate(args.config.as_deref(), &env).map_err(Failure::usage)?;
    let mut told = Told::default();
    match config::load(&path, &env, Secrets::All) {
        Err(problems) => told.problems(&problems),
        Ok(loaded) => everything(&loaded, &env, &mut told)?,
    }
    Ok(told.conclude())
}

fn everything(loaded: &Loaded, env: &Env, told: &mut Told) -> Result<(), Failure> {
    told.finding(&Finding::fine("configuration", loaded.path().display().to_string()));
    let Settings { ledger, tokens, .. } = &loaded.unresolved;
    if let Err(refused) = surroundings::refuse_root(ledger) {
        // Whatever else root tries could leave files that the owner cannot open.
        told.finding(&Finding::bad(Ending::Usage, "user", &refused.text));
        return Ok(());
    }
    for warning in &loaded.warnings {
        let (key, text) = warning.split_once(": ").unwrap_or(("configuration", warning));
        told.finding(&Finding::doubtful(key, text));
    }
    secrets(loaded, env, told);
    if let Err(problems) = loaded.proxies(env) {
        told.problems(&problems);
    }
    told.findings(&checks::ledger(ledger, tokens));
    if let Some(threat) = surroundings::storage(ledger, env) {
        told.finding(&Finding::doubtful("ledger", &threat));
    }
    let without = loaded.without_secrets();
    sources(loaded, &without, told);
    let resolved = loaded.settings(env).ok();
    run::runtime()?.block_on(async {
        if let Some(settings) = &resolved {
            for connection in &settings.connections {
                told.findings(&checks::credential(settings, connection).await);
            }
        }
        // With a secret missing the hosts are tried all the same.
        for connection in &without.connections {
            told.findings(&checks::host(connection).await);
        }
    });
    Ok(())
}

/// Mappings and exports, sync by sync.
fn sources(loaded: &Loaded, settings: &Settings, told: &mut Told) {
    for sync in &settings.syncs {
        match load::compile(loaded, settings.clone(), std::slice::from_ref(&sync.name)) {
            Ok(prepared) => {
                for ready in &prepared.syncs {
                    told.findings(&checks::source(ready, clock::now()));
                }
                told.findings(checks::renamed(settings, sync).as_slice());
            }
            Err(problems) => told.problems(&problems),
        }
    }
}

/// Where each secret comes from; its value is nobody's business.
fn secrets(loaded: &Loaded, env: &Env, told: &mut Told) {
    let mut finding = |subject: String, secret: &Secret| {
        told.finding(&match secret.resolve(env) {
            Ok(_) => Finding::fine(subject, format!("from {secret}")),
            Err(what) => Finding::bad(Ending::Usage, subject, &what),
        });
    };
    for connection in &loaded.unresolved.connections {
        for (key, secret) in connection.auth.secrets() {
            finding(format!("connections.{}.auth.{key}", connection.name), secret);
        }
    }
    for (key, secret) in loaded.notify.secrets() {
        finding(format!("notify.{key}"), secret);
    }
    if let Some(token) = loaded.http.as_ref().and_then(|http| http.token.as_ref()) {
        finding("http.token".to_owned(), token);
    }
    if let Some(key) = &loaded.unresolved.tokens_key {
        finding("tokens.key".to_owned(), key);
    }
    // What is missing is said already; what is there may still be no address.
    if loaded.notify.secrets().iter().all(|(_, secret)| secret.resolve(env).is_ok()) {
        match loaded.notify(env) {
            Err(problems) => told.problems(&problems),
            Ok(_) => {
                if let Err(failure) = outside::notifier(loaded, Memory::default()) {
                    told.finding(&Finding::bad(Ending::Usage, "notify", &failure.text));
                }
            }
        }
    }
}

/// What was printed so far.
#[derive(Default)]
struct Told {
    first_failure: Option<Ending>,
    failures: u64,
    warnings: u64,
}

impl Told {
    fn problems(&mut self, problems: &Problems) {
        for problem in problems.list() {
            if problem.key.is_empty() {
                self.finding(&Finding::bad(Ending::Usage, &problem.place, &problem.text));
                continue;
            }
            let mut finding = Finding::bad(Ending::Usage, &problem.key, &problem.text);
            finding.hints.push(format!("in {}", problem.place));
            self.finding(&finding);
        }
    }

    fn findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            self.finding(finding);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let word = match finding.grade {
            Grade::Fine => "ok",
            Grade::Doubtful => {
                self.warnings += 1;
                "warn"
            }
            Grade::Bad(ending) => {
                self.failures += 1;
                self.first_failure.get_or_insert(ending);
                "FAIL"
            }
        };
        out::say(format!("{word:<5} {}: {}", out::shown(&finding.subject), out::shown(&finding.fact)));
        for hint in &finding.hints {
            out::say(format!("      {}", out::shown(hint)));
        }
    }

    fn conclude(self) -> Exit {
        let counted = |number: u64, what: &str| match number {
            0 => format!("no {what}s"),
            number => count(number, what),
        };
        let sum = format!("{}, {}", counted(self.failures, "failure"), counted(self.warnings, "warning"));
        match self.first_failure {
            None => {
                out::say(format!("\n{sum}: `plan` shows what a run would send"));
                Exit::Done
            }
            Some(ending) => {
                out::say(format!("\n{sum}"));
                ending.into()
            }
        }
    }
}
