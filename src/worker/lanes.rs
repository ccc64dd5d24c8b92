//! The second half of a run over all connections: each has its own dispatch, and all share the writer.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FusedFuture as _, FutureExt as _, join_all};
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::dispatch::{Budget, Means, Sender, dispatch};
use super::pace::Pace;
use super::place;
use super::prepare::Prepared;
use super::report::{Ending, Notice, of_connection};
use super::settings::{Api, Connection, Sync};
use super::stop::Stop;
use super::{Assignment, Run};
use crate::auth::{self, Grant, TokenSource};
use crate::clock;
use crate::destination::{self, Destination, Endpoint};
use crate::domain::pseudonym::Pseudonyms;
use crate::domain::retry_after;
use crate::ledger::{self, ConnectionState, Lease, Ledger, RateMemory, Writer};
use crate::metrics::Meters;

/// One connection, ready to send.
struct Lane<'p> {
    connection: &'p Connection,
    id: i64,
    syncs: HashMap<i64, Sender>,
    destination: Destination,
    /// Where its leads are delivered, for a person.
    place: String,
    tokens: Arc<dyn TokenSource>,
    state: ConnectionState,
    last_request: RateMemory,
}

/// A renewal of a credential that is under way when the run is broken off may take so long beyond the grace of a stop, or from a second signal
/// on: its old refresh token is spent.
pub(super) const RENEWAL: Duration = Duration::from_secs(10);

/// Sends what is due on every connection of the run, in a runtime of its own on this thread: requests and what decides about them wake
/// each other all the time, which costs half as much on one thread as across two.
pub(super) fn send(run: &mut Run<'_>, ledger: Ledger, lease: &Lease) -> ledger::Result<Ledger> {
    let path = ledger.path().to_path_buf();
    let failed = |source| ledger::Error::File { doing: "cannot start to send from", path, source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let sent = runtime.block_on(send_all(run, ledger, lease));
    // A name that is still being looked up for a request that was given up is not waited for.
    runtime.shutdown_background();
    sent
}

async fn send_all(run: &mut Run<'_>, ledger: Ledger, lease: &Lease) -> ledger::Result<Ledger> {
    let Assignment { prepared, job, progress, stop, .. } = run.assignment;
    let lanes = open_all(run, &ledger).await?;
    let mut due = 0;
    for sync in lanes.iter().flat_map(|lane| lane.syncs.keys()) {
        due += ledger.count_due(*sync)?;
    }
    progress.add_due(due);
    // With nothing due now nothing is sent: what becomes due from here on would be sent without a mark, and is the next run's.
    let most = if due > 0 { job.limit.unwrap_or(u64::MAX) } else { 0 };
    // Last thing before the first request: opening the connections may have taken a while.
    let custody = lease.custody()?;
    custody.confirm()?;
    if most > 0 {
        ledger.mark(run.number, run.started_at)?;
    }
    let budget = Budget::new(most);
    let pseudonyms = Pseudonyms::new(&ledger.key());
    let writer = Writer::start(ledger, run.number, custody)?;
    let now = clock::now();
    let dispatches = lanes.iter().map(|lane| {
        dispatch(Means {
            connection: lane.connection,
            id: lane.id,
            syncs: &lane.syncs,
            destination: &lane.destination,
            tokens: lane.tokens.as_ref(),
            keeps_session: keeps_session(lane.connection),
            writer: &writer,
            pace: Pace::new(lane.connection.rate, lane.last_request, now),
            meters: Meters::new(&lane.connection.name),
            pseudonyms: &pseudonyms,
            state: lane.state.clone(),
            place: &lane.place,
            turn: run.number.unsigned_abs(),
            budget: &budget,
            progress,
            stop,
            grace: prepared.settings.shutdown_grace,
        })
    });
    let mut too_late = pin!(too_late(stop, prepared.settings.shutdown_grace).fuse());
    for (lane, tally) in lanes.iter().zip(beside(&mut too_late, join_all(dispatches)).await) {
        run.add(lane.id, tally);
    }
    if !too_late.is_terminated() {
        save_sessions(run, &lanes, too_late).await;
    }
    let ledger = writer.finish()?;
    // What was settled in a ledger that is not there any more is not recorded, whatever this run did.
    lease.confirm()?;
    Ok(ledger)
}

/// When a renewal under way is not waited for any more; never without a stop.
async fn too_late(stop: &Stop, grace: Duration) {
    stop.wait().await;
    stop.at_once_or(Some(Instant::now() + grace)).await;
    tokio::time::sleep(RENEWAL).await;
}

/// Does the work to its end, with an eye on the clock, which begins to run at the stop.
async fn beside<T>(mut clock: impl Future<Output = ()> + Unpin, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = &mut clock => {}
        }
    }
}

/// Waits until no refresh token is being spent. That a renewed session could not be saved is said whoever waited for it.
async fn save_sessions(run: &mut Run<'_>, lanes: &[Lane<'_>], too_late: impl Future<Output = ()>) {
    let settled = join_all(lanes.iter().map(|lane| lane.tokens.settled()));
    let settled = tokio::select! {
        settled = settled => settled,
        () = too_late => return,
    };
    for (lane, settled) in lanes.iter().zip(settled) {
        if let Err(error) = settled {
            let notice = Notice::new(Ending::from(&error), of_connection(&lane.connection.name, &error));
            if !run.notices.contains(&notice) {
                run.notices.push(notice);
            }
        }
    }
}

/// The connections of the run that can be used; why the others cannot is a notice. Opened at once: one whose token file another process holds
/// keeps nobody waiting.
async fn open_all<'p>(run: &mut Run<'p>, ledger: &Ledger) -> ledger::Result<Vec<Lane<'p>>> {
    let prepared = run.assignment.prepared;
    let syncs = prepared.syncs.iter().map(|sync| &sync.settings);
    let sending = syncs.filter(|sync| !run.elsewhere.contains_key(&sync.name));
    let used: BTreeSet<&str> = sending.map(|sync| sync.connection.as_str()).collect();
    let connections = prepared.settings.connections.iter().filter(|known| used.contains(known.name.as_str()));
    let opened = join_all(connections.map(|connection| open(run, ledger, connection))).await;
    let mut lanes = Vec::new();
    for lane in opened {
        match lane {
            Ok(lane) => lanes.push(lane),
            Err(Closed::Notice(notice)) if run.notices.contains(&notice) => {}
            Err(Closed::Notice(notice)) => run.notices.push(notice),
            Err(Closed::Ledger(error)) => return Err(error),
        }
    }
    Ok(lanes)
}

/// Why nothing is sent on a connection.
enum Closed {
    Notice(Notice),
    Ledger(ledger::Error),
}

async fn open<'p>(run: &Run<'_>, ledger: &Ledger, connection: &'p Connection) -> Result<Lane<'p>, Closed> {
    let prepared = run.assignment.prepared;
    let name = &connection.name;
    let id = ledger.connection_id(name).map_err(Closed::Ledger)?;
    let longest = retry_after::LONGEST.max(connection.policy.retry.cap);
    let dropped = ledger.drop_impossible_waits(id, clock::now(), longest).map_err(Closed::Ledger)?;
    if dropped > 0 {
        tracing::warn!(connection = %name, dropped, "the clock was ahead before: waits that it made too long are dropped");
    }
    let (state, last_request) = ledger.connection_state(id).map_err(Closed::Ledger)?;
    let usage = |text: String| Closed::Notice(Notice::new(Ending::Usage, format!("connection {name}: {text}")));
    let destination = Destination::new(connection.destination.clone()).map_err(|error| usage(error.to_string()))?;
    let tokens = connect(connection, prepared).map_err(|error| usage(error.to_string()))?;
    let distribution = distribution(connection, tokens.as_ref()).await.map_err(Closed::Notice)?;
    let place = place::of(connection, distribution.as_deref());
    if let Some(notice) = place::moved(&prepared.settings, connection, &place, state.destination.as_deref()) {
        return Err(Closed::Notice(notice));
    }
    let mut syncs = HashMap::new();
    let sends = |sync: &&Sync| sync.connection == *name && !run.elsewhere.contains_key(&sync.name);
    for sync in prepared.syncs.iter().map(|sync| &sync.settings).filter(sends) {
        let endpoint = endpoint(connection, sync, distribution.as_deref()).map_err(usage)?;
        let target = destination.target(&endpoint).map_err(|error: destination::Error| usage(error.to_string()))?;
        if let Some((number, _)) = run.ids.get(&sync.name) {
            let keyed_by = ledger.keyed_by(*number).map_err(Closed::Ledger)?;
            syncs.insert(*number, Sender { name: sync.name.clone(), keyed_by, target });
        }
    }
    Ok(Lane { connection, id, syncs, destination, place, tokens, state, last_request })
}

/// Where the leads of `sync` are posted on its connection.
fn endpoint(connection: &Connection, sync: &Sync, distribution: Option<&str>) -> Result<Endpoint, String> {
    match (&connection.api, &sync.request) {
        (Api::WeGroup { lead_type, .. }, _) => Ok(Endpoint {
            method: http::Method::POST,
            path: format!("/v1/api/distributions/{}/leads/{lead_type}", distribution.unwrap_or_default()),
        }),
        (Api::Http, Some(request)) => Ok(request.clone()),
        (Api::Http, None) => Err(format!("sync {} has no `request`", sync.name)),
    }
}

/// The source of a connection's tokens.
pub(super) fn connect(connection: &Connection, prepared: &Prepared) -> Result<Arc<dyn TokenSource>, auth::Error> {
    let context = prepared.settings.auth_context(connection);
    auth::connect(&connection.auth, &context)
}

/// Whether a person has logged in for the connection.
fn keeps_session(connection: &Connection) -> bool {
    matches!(&connection.auth, auth::Settings::OAuth(oauth) if matches!(oauth.grant, Grant::AuthorizationCode { .. }))
}

/// The WeGroup distribution that leads go to: the configured one, which has to be the session's, if there is one.
async fn distribution(connection: &Connection, tokens: &dyn TokenSource) -> Result<Option<String>, Notice> {
    let Api::WeGroup { distribution_id, .. } = &connection.api else { return Ok(None) };
    let name = &connection.name;
    let of_session = tokens
        .distribution_id()
        .await
        .map_err(|error| Notice::new(Ending::from(&error), of_connection(name, &error)))?;
    // That the two agree is the token source's business: it refuses a session of another distribution.
    match distribution_id.clone().or(of_session) {
        Some(id) => Ok(Some(id)),
        None => Err(Notice::new(Ending::Usage, format!("connection {name}: distribution_id is missing"))),
    }
}
