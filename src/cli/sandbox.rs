//! `sandbox`: a local WeGroup with faults on demand.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::exit::{Exit, Failure};
use super::{out, run, signals};
use crate::sandbox::identity::{self, Provider};
use crate::sandbox::{Answer, Fault, Kind, Options, RandomFaults, Sandbox};
use crate::worker::stop::Stopper;

/// Options of `sandbox`.
#[derive(Debug, ClapArgs)]
pub struct SandboxOptions {
    /// A loopback address; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The distribution that leads may be pushed to
    #[arg(long, value_name = "ID", default_value = Options::DISTRIBUTION_ID)]
    pub distribution_id: String,
    /// An API token that is good; may be repeated
    #[arg(long, value_name = "TOKEN", default_value = Options::API_TOKEN)]
    pub token: Vec<String>,
    /// Time from a lead to its answer, e.g. 20ms
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = crate::config::parse_duration)]
    pub latency: Duration,
    /// A fault for the next requests, e.g. `503*3` or `lost_answer`; may be repeated (POST /sandbox/faults does the same)
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<Fault>,
    /// Share of requests that chance gives a fault, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub chaos: f64,
    /// Seed of that chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Keep counts only, no bodies: for load
    #[arg(long)]
    pub light: bool,
    /// Answer a repeated idempotency key with the first answer, storing nothing
    #[arg(long)]
    pub honour_idempotency_key: bool,
    /// How long an access token of the sandbox's identity provider lives
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = crate::config::parse_duration)]
    pub access_lifetime: Duration,
    /// How long a refresh token lives
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = crate::config::parse_duration)]
    pub refresh_lifetime: Duration,
    /// How long a spent refresh token is still taken
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::config::parse_duration)]
    pub rotation_grace: Duration,
    /// Where a login may send the browser back to; the port of a loopback address does not matter
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8400/callback")]
    pub redirect_url: String,
    /// Answer 409 to an external reference that is already stored
    #[arg(long)]
    pub conflict_on_duplicate: bool,
}

/// Serves until it is stopped.
pub(super) fn sandbox(options: &SandboxOptions) -> Result<Exit, Failure> {
    run::runtime()?.block_on(async {
        let listener = Sandbox::listen(options.listen).await.map_err(Failure::usage)?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let provider = Provider::new(identity(options, issuer)).map_err(|error| Failure::new(Exit::Error, error))?;
        let running = Sandbox::new(settings(options))
            .with_routes(provider.router())
            .with_bearer_check(provider.bearer_check())
            .serve(listener)
            .map_err(Failure::usage)?;
        out::say(running.url());
        out::note("a local WeGroup: what it received is at /sandbox/summary, /sandbox/requests and /sandbox/leads; ctrl-C ends it");
        let stopper = Stopper::default();
        let stop = stopper.watch();
        tokio::select! {
            () = stop.wait() => {}
            () = signals::forward(&stopper, None) => {}
        }
        running.shutdown().await;
        Ok(Exit::Done)
    })
}

/// How the sandbox answers.
fn settings(options: &SandboxOptions) -> Options {
    Options {
        distribution_id: options.distribution_id.clone(),
        api_tokens: options.token.clone(),
        latency: options.latency,
        light: options.light,
        honour_idempotency_key: options.honour_idempotency_key,
        conflict_on_duplicate: options.conflict_on_duplicate,
        faults: options.fault.clone(),
        random_faults: (options.chaos > 0.0).then(|| chaos(options)),
        ..Options::default()
    }
}

/// What an API does on a bad day.
fn chaos(options: &SandboxOptions) -> RandomFaults {
    let kinds = vec![
        Kind::LostAnswer,
        Kind::Reset,
        Kind::CutBefore,
        Kind::Garbage,
        Kind::Status(Answer::new(500)),
        Kind::Status(Answer::new(503)),
        Kind::StoredThenStatus(Answer::new(502)),
    ];
    RandomFaults { probability: options.chaos, seed: options.seed, kinds }
}

/// Who may log in at the sandbox, and for how long.
fn identity(options: &SandboxOptions, issuer: String) -> identity::Settings {
    identity::Settings {
        redirect_url: options.redirect_url.clone(),
        distribution_id: options.distribution_id.clone(),
        access_lifetime: options.access_lifetime,
        refresh_lifetime: Some(options.refresh_lifetime),
        rotation_grace: options.rotation_grace,
        ..identity::Settings::new(issuer)
    }
}
