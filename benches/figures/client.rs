//! The reference for recording: lead-sync's own HTTP client under the same configuration, on one thread and with as many requests under way
//! as its dispatch has, but with bodies made beforehand and no ledger. What recording costs is the difference.

use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::Method;
use lead_sync::auth::{self, TokenSource};
use lead_sync::clock;
use lead_sync::config::{self, Env, Secrets};
use lead_sync::destination::{Destination, Endpoint, Target};
use lead_sync::domain::outcome::{self, Outcome};
use lead_sync::worker::settings::{Connection, Settings};

use crate::{Result, rows, subject};

/// The first argument that starts it; then configuration and number of requests.
pub(crate) const ROLE: &str = "client";

/// Sends.
pub(crate) fn post_all(args: &[String]) -> Result<()> {
    let [configuration, requests] = args else { return Err("client CONFIGURATION REQUESTS".into()) };
    let env = Env::process();
    let loaded =
        config::load(Path::new(configuration), &env, Secrets::Connections).map_err(|problems| problems.to_string())?;
    let settings = loaded.settings(&env).map_err(|problems| problems.to_string())?;
    let [connection] = &settings.connections[..] else { return Err("one connection is expected".into()) };
    let bodies: Vec<String> = (0..requests.parse()?).map(rows::body).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(dispatch(&settings, connection, &bodies))
}

async fn dispatch(settings: &Settings, connection: &Connection, bodies: &[String]) -> Result<()> {
    let destination = Destination::new(connection.destination.clone())?;
    let target = destination.target(&Endpoint { method: Method::POST, path: subject::PATH.to_owned() })?;
    let tokens = auth::connect(&connection.auth, &settings.auth_context(connection))?;
    let in_flight = usize::try_from(connection.max_in_flight.get())?;
    let mut flights: FuturesUnordered<Pin<Box<dyn Future<Output = Result<()>> + '_>>> = FuturesUnordered::new();
    let mut waiting = bodies.iter().enumerate();
    loop {
        while flights.len() < in_flight
            && let Some((number, body)) = waiting.next()
        {
            flights.push(Box::pin(post(&destination, &target, tokens.as_ref(), number, body)));
        }
        let Some(answered) = flights.next().await else { return Ok(()) };
        answered?;
    }
}

/// One request, read as the worker reads it.
async fn post(
    destination: &Destination,
    target: &Target,
    tokens: &dyn TokenSource,
    number: usize,
    body: &str,
) -> Result<()> {
    let authorization = tokens.token().await?;
    let key = format!("{number:032x}");
    let body = Bytes::copy_from_slice(body.as_bytes());
    let reply = destination.post(target, authorization.header.as_ref(), &key, body).await;
    let reference = outcome::reference(&reply, destination.reference());
    match outcome::classify(&reply, clock::now()) {
        Outcome::Accepted if reference.is_some() => Ok(()),
        outcome => Err(format!("not accepted: {outcome:?}").into()),
    }
}
