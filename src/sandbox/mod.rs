//! A local WeGroup for demos and tests: the lead endpoint, with faults on demand and a true account of what it received.
//!
//! ```text
//! mod.rs         Sandbox: options in, a running server out
//! options.rs     what one sandbox accepts and how it answers
//! leads.rs       one lead request from its head to its answer
//! validation.rs  what a real API would refuse
//! access.rs      whose Authorization is good
//! answers.rs     the bodies of the API's answers
//! kind.rs        what can go wrong · fault.rs: for which requests · script.rs: when · delivery.rs: how the answer then leaves
//! wire.rs        connections: HTTP by hyper, until a fault takes the socket over
//! log.rs         what was received and stored · account.rs: what it tells of it
//! control.rs     /sandbox/…: the log and the faults over HTTP
//! export.rs      the demo's export file and configuration
//! identity/      the OpenID provider and the three other token endpoints
//! ```
//!
//! Kinds of fault that spoil the answer (lost, cut, stalled, …) store the lead first, as the worst server would; kinds that
//! refuse (a status, a reset) do not, unless their name says `stored`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod access;
mod account;
mod answers;
mod control;
mod delivery;
pub mod export;
mod fault;
pub mod identity;
mod kind;
mod leads;
mod log;
mod options;
mod script;
mod validation;
mod wire;

pub use access::{Access, BearerCheck};
pub use account::{Received, StoredLead, Summary, Target};
pub use fault::{Fault, RandomFaults, Requests};
pub use kind::{Answer, InvalidFault, Kind, RetryAfter};
pub use options::Options;

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sandbox hands out everything it is told, so nobody else on the network may reach it.
    #[error("the sandbox listens on loopback only, not on {0}; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// The socket could not be opened or asked for its address.
    #[error("the sandbox cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// A fault among the options could never be played.
    #[error(transparent)]
    Fault(#[from] InvalidFault),
}

/// A sandbox that is not running yet.
pub struct Sandbox {
    options: Options,
    bearer: Option<BearerCheck>,
    routes: Router,
}

impl Sandbox {
    /// A sandbox with these options, no identity provider, and so no bearer token that is good.
    pub fn new(options: Options) -> Self {
        Self { options, bearer: None, routes: Router::new() }
    }

    /// Serves `routes` on the same address. Their paths must not be the sandbox's own: `/`, `/v1/…`, `/generic/…`, `/sandbox/…`.
    #[must_use]
    pub fn with_routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Asks `check` about each `Authorization: Bearer …`.
    #[must_use]
    pub fn with_bearer_check(mut self, check: BearerCheck) -> Self {
        self.bearer = Some(check);
        self
    }

    /// Starts a sandbox that has only API tokens. See [`Sandbox::serve`].
    pub fn start(options: Options, listener: TcpListener) -> Result<Running, StartError> {
        Self::new(options).serve(listener)
    }

    /// Opens a listener on `address`, which has to be a loopback address; port 0 takes any free port.
    pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
        loopback(address)?;
        Ok(TcpListener::bind(address).await?)
    }

    /// Serves on `listener` in a task of the current tokio runtime until the [`Running`] is shut down or dropped.
    pub fn serve(self, listener: TcpListener) -> Result<Running, StartError> {
        let address = loopback(listener.local_addr()?)?;
        let state = Arc::new(State::new(self.options, self.bearer)?);
        let routes = router(&state, self.routes);
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(wire::accept(listener, TowerToHyperService::new(routes), stopped));
        Ok(Running { address, state, stop, task })
    }
}

fn loopback(address: SocketAddr) -> Result<SocketAddr, StartError> {
    if address.ip().is_loopback() { Ok(address) } else { Err(StartError::NotLoopback(address)) }
}

/// What all requests share.
struct State {
    options: Options,
    door: access::Door,
    faults: script::Script,
    log: log::Log,
}

impl State {
    fn new(options: Options, bearer: Option<BearerCheck>) -> Result<Self, InvalidFault> {
        let faults = script::Script::default();
        faults.extend(options.faults.clone())?;
        if let Some(random) = &options.random_faults {
            faults.set_random(random.clone())?;
        }
        Ok(Self {
            door: access::Door::new(&options.api_tokens, bearer),
            log: log::Log::new(options.light),
            faults,
            options,
        })
    }
}

fn router(state: &Arc<State>, extra: Router) -> Router {
    let others = extra
        .route("/", axum::routing::options(|| async { http::StatusCode::NO_CONTENT }))
        .fallback(|| async { answers::not_found("there is nothing at this path") })
        .layer(axum::middleware::from_fn_with_state(Arc::clone(state), leads::other_request));
    Router::new().merge(leads::routes(Arc::clone(state))).merge(control::routes(Arc::clone(state))).merge(others)
}

/// A sandbox at work. Dropping it stops the server without waiting.
pub struct Running {
    address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of its URLs, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order in which they were concluded; empty with [`Options::light`].
    pub fn requests(&self) -> Vec<Received> {
        self.state.log.requests()
    }

    /// What is stored, in the order of storing; empty with [`Options::light`].
    pub fn leads(&self) -> Vec<StoredLead> {
        self.state.log.leads()
    }

    /// Counts over everything so far.
    pub fn summary(&self) -> Summary {
        self.state.log.summary()
    }

    /// Forgets what was received and stored. Faults stay.
    pub fn reset(&self) {
        self.state.log.reset();
    }

    /// Adds a fault at the end of the queue.
    pub fn add_fault(&self, fault: Fault) -> Result<(), InvalidFault> {
        self.state.faults.push(fault)
    }

    /// Lets chance choose faults for requests that no queued fault is for.
    pub fn set_random_faults(&self, random: RandomFaults) -> Result<(), InvalidFault> {
        self.state.faults.set_random(random)
    }

    /// Drops all faults, queued and random.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Stops accepting, lets requests under way end (for 2 s at most) and closes every connection.
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the sandbox ended badly");
        }
    }
}
