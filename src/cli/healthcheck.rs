//! `healthcheck`: one answer for a container's runtime or a monitor.

use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::{load, out, run};
use crate::clock;
use crate::config::parse_duration;
use crate::http::ask;
use crate::ledger::Ledger;

/// Options of `healthcheck`.
#[derive(Debug, ClapArgs)]
pub struct HealthcheckOptions {
    /// Without [http] in the configuration: the oldest that the last run may be
    #[arg(long, value_name = "DURATION", default_value = "26h", value_parser = parse_duration)]
    pub max_age: Duration,
}

/// Done if the daemon's server says that it is alive, or, without a server, if the last run is young and did not fail. Else [`Exit::Error`]:
/// container runtimes know 0 and 1.
pub(super) fn healthcheck(args: &Args, options: &HealthcheckOptions) -> Result<Exit, Failure> {
    let loaded = load::load(args)?;
    let healthy = match &loaded.http {
        Some(http) => run::runtime()?.block_on(ask(http.listen)).map(|()| "the daemon is alive".to_owned()),
        None => last_run(&Ledger::open_reader(&loaded.unresolved.ledger)?, options.max_age)?,
    };
    healthy.map(out::say).map_err(|what| Failure::new(Exit::Error, what))?;
    Ok(Exit::Done)
}

fn last_run(ledger: &Ledger, max_age: Duration) -> Result<Result<String, String>, Failure> {
    if let Err(error) = ledger.refuse_older() {
        return Ok(Err(error.to_string()));
    }
    let Some((at, outcome)) = ledger.last_run()? else {
        return Ok(Err("no run has ended yet".to_owned()));
    };
    let said = format!("the last run ended at {at}: {outcome}");
    if clock::now().since(at) > max_age {
        return Ok(Err(format!("{said}; that is longer ago than --max-age")));
    }
    Ok(if matches!(outcome.as_str(), "error" | "auth") { Err(said) } else { Ok(said) })
}
