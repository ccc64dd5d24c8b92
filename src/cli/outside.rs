//! What a run tells others: a monitor and people, and Prometheus' node exporter.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::out;
use crate::clock;
use crate::config::{Env, Loaded};
use crate::ledger::{self, Ledger, NewLedger};
use crate::metrics::{self, Exporter};
use crate::notify::{Begun, Ended, Memory, Notifier};
use crate::worker::report::Report;

/// Those outside that are to hear of a run.
pub(super) struct Outside {
    notifier: Option<Notifier>,
    collector: Option<(Exporter, PathBuf)>,
    ledger: PathBuf,
    configured: BTreeSet<String>,
    tokens: PathBuf,
    /// The connection of each sync.
    connections: BTreeMap<String, String>,
}

/// A run that they know of.
pub(super) struct Announced<'o> {
    outside: &'o Outside,
    begun: Option<Begun>,
}

/// Makes the notifier that the configuration asks for, if it asks for one.
pub(super) fn notifier(loaded: &Loaded, memory: Memory) -> Result<Option<Notifier>, Failure> {
    let settings = loaded.notify(&Env::process()).map_err(Failure::usage)?;
    if settings.is_empty() {
        return Ok(None);
    }
    Notifier::new(&settings, &host(), memory).map(Some).map_err(Failure::usage)
}

/// This machine's name.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl Outside {
    /// Reads who is to be told. `metrics_file` is `--metrics-file`.
    pub(super) fn new(loaded: &Loaded, metrics_file: Option<&Path>) -> Result<Self, Failure> {
        let collector = match metrics_file {
            None => None,
            Some(path) => Some((exporter(path)?, path.to_path_buf())),
        };
        let pairs = loaded.unresolved.syncs.iter().map(|sync| (sync.name.clone(), sync.connection.clone()));
        let (connections, tokens) = (pairs.collect(), loaded.unresolved.tokens.clone());
        let configured = loaded.unresolved.syncs.iter().map(|sync| sync.name.clone()).collect();
        Ok(Self {
            notifier: notifier(loaded, Memory::default())?,
            collector,
            ledger: loaded.unresolved.ledger.clone(),
            configured,
            tokens,
            connections,
        })
    }

    /// A run begins.
    pub(super) fn begin(&self) -> Announced<'_> {
        Announced { outside: self, begun: self.notifier.as_ref().map(Notifier::begin) }
    }
}

impl Outside {
    /// `failed` are syncs whose run ended without a report.
    fn collect(&self, exporter: &Exporter, path: &Path, failed: &[String]) -> Result<(), String> {
        match Ledger::open_reader(&self.ledger).and_then(|ledger| ledger.health()) {
            Ok(health) => metrics::observe(&health, clock::now()),
            // The run has said so already; a file without the ledger's numbers is what an alert looks for.
            Err(ledger::Error::Missing { .. } | ledger::Error::Lost { .. }) => {}
            Err(error) => tracing::warn!(%error, "metrics without the ledger"),
        }
        for sync in failed {
            metrics::set_failed(sync, clock::now());
        }
        exporter.write(path, &self.configured).map_err(|error| error.to_string())
    }
}

impl Outside {
    /// Makes syncs known to the ledger, which a run that did not begin has not done: it could not remember that somebody was told of them.
    fn acquaint(&self, syncs: &[String]) -> ledger::Result<()> {
        let ledger = Ledger::open_or_create(&self.ledger, &self.tokens, NewLedger::Unconfirmed)?;
        for sync in syncs {
            if let Some(connection) = self.connections.get(sync) {
                ledger.sync_id(sync, ledger.connection_id(connection)?)?;
            }
        }
        Ok(())
    }
}

impl Announced<'_> {
    /// The run over `syncs` has ended. Nothing that goes wrong here changes how.
    pub(super) async fn end(self, syncs: &[String], result: &Result<Report, Failure>) {
        if let Some((exporter, path)) = &self.outside.collector
            && let Err(what) = self.outside.collect(exporter, path, if result.is_err() { syncs } else { &[] })
        {
            out::warn(format!("--metrics-file {}: {what}", path.display()));
        }
        let Some(begun) = self.begun else { return };
        let (exit, ended) = match result {
            Ok(report) => (Exit::from(report.ending), Ended::Report(report)),
            Err(failure) => (failure.exit, Ended::Failure { text: &failure.text, syncs }),
        };
        if result.is_err()
            && let Err(error) = self.outside.acquaint(syncs)
        {
            tracing::debug!(%error, "the ledger cannot remember what is told");
        }
        for telling in begun.end(exit.code(), ended) {
            telling.tell(&self.outside.ledger, ended).await;
        }
    }
}

/// A file that cannot be written is better known before the run than after it.
fn exporter(path: &Path) -> Result<Exporter, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.extension().is_none_or(|extension| extension != "prom") {
        return Err(Failure::usage("--metrics-file: node_exporter reads *.prom only; name it so"));
    }
    if !folder.is_dir() {
        return Err(Failure::usage(format!("--metrics-file: there is no folder {}; create it", folder.display())));
    }
    metrics::install().map_err(|error| Failure::new(Exit::Error, error))
}
