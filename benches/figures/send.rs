//! New leads, sent: one setting, one run, and what is read off several of them.

use std::path::Path;
use std::time::Duration;

use crate::meter::Taken;
use crate::server::{Seen, Server};
use crate::sheet::{count, median, megabytes, micros_each, rate};
use crate::subject::Subject;
use crate::{Result, client, load, meter, rows};

/// Requests under way at the same time, unless a figure has several of them.
pub(crate) const IN_FLIGHT: usize = 64;

/// What is sent, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// Of the server.
    pub(crate) latency: Duration,
    /// Requests under way at the same time.
    pub(crate) in_flight: usize,
    /// Leads in the export.
    pub(crate) leads: usize,
}

/// One run of a program, with a server of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// What the program took.
    pub(crate) taken: Taken,
    /// What the server has seen of it.
    pub(crate) seen: Seen,
    /// The ledger afterwards, if there is one.
    pub(crate) ledger: LedgerSize,
}

/// Of a ledger, in bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct LedgerSize {
    /// The file, and its write-ahead log.
    pub(crate) files: u64,
    /// What is not free to be used again.
    pub(crate) in_use: u64,
}

impl Run {
    /// Leads in a second, from the first request to the last answer.
    pub(crate) fn rate(&self) -> f64 {
        rate(self.seen.requests, self.seen.phase)
    }

    /// Microseconds of processor time a lead, less what a start takes.
    pub(crate) fn cpu(&self, start: Duration) -> f64 {
        micros_each(self.taken.cpu.saturating_sub(start), self.seen.requests)
    }

    /// Peak memory in megabytes.
    pub(crate) fn memory(&self) -> f64 {
        megabytes(self.taken.memory)
    }
}

/// The median of a figure over runs.
pub(crate) fn of(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(figure))
}

/// The median over pairs of runs that came one after the other: what disturbs the machine disturbs both of a pair.
pub(crate) fn of_pairs(references: &[Run], runs: &[Run], figure: impl Fn(&Run, &Run) -> f64) -> f64 {
    median(references.iter().zip(runs).map(|(reference, run)| figure(reference, run)))
}

impl Cell {
    /// Writes the export that lead-sync reads.
    pub(crate) fn export(&self, folder: &Path) -> Result<std::path::PathBuf> {
        let export = folder.join("leads.csv");
        rows::write(&export, self.leads)?;
        Ok(export)
    }

    /// The bare load generator.
    pub(crate) fn bare(&self) -> Result<Run> {
        self.run(|server| Ok((generate(server.address(), self.leads, self.in_flight)?.1, LedgerSize::default())))
    }

    /// lead-sync's own client, nothing recorded.
    pub(crate) fn unrecorded(&self, export: &Path) -> Result<Run> {
        self.run(|server| {
            let subject = Subject::new(export, server.address(), self.in_flight)?;
            let configuration = subject.path("bench.toml");
            let configuration = configuration.to_str().ok_or("the folder's name is not text")?;
            let (taken, _) = meter::run_self(&[client::ROLE, configuration, &self.leads.to_string()])?;
            Ok((taken, LedgerSize::default()))
        })
    }

    /// lead-sync, everything durable.
    pub(crate) fn ours(&self, export: &Path) -> Result<Run> {
        self.run(|server| {
            let subject = Subject::new(export, server.address(), self.in_flight)?;
            let (taken, _) = subject.run(&["--run-now", "--json"])?;
            Ok((taken, LedgerSize { files: subject.ledger_size()?, in_use: subject.ledger_in_use()? }))
        })
    }

    /// Runs a program towards a fresh server. It must send exactly what the export says.
    fn run(&self, program: impl FnOnce(&Server) -> Result<(Taken, LedgerSize)>) -> Result<Run> {
        let server = Server::start(self.latency)?;
        let (taken, ledger) = program(&server)?;
        let seen = server.finish()?;
        let bytes: usize = (0..self.leads).map(|number| rows::body(number).len()).sum();
        if (seen.requests, seen.bytes) == (self.leads as u64, bytes as u64) {
            Ok(Run { taken, seen, ledger })
        } else {
            Err(format!("{self:?} is {bytes} bytes; the server has {seen:?}").into())
        }
    }

    /// Milliseconds for which a lead keeps one of the requests that may be under way: for all of them to be used all the time, that is the
    /// server's latency and what the program adds to it.
    pub(crate) fn occupied(&self, run: &Run) -> f64 {
        1e3 * count(self.in_flight as u64) / run.rate()
    }
}

/// Runs the load generator: its own time, and what its process took.
pub(crate) fn generate(address: &str, requests: usize, in_flight: usize) -> Result<(Duration, Taken)> {
    let (taken, printed) = meter::run_self(&[load::ROLE, address, &requests.to_string(), &in_flight.to_string()])?;
    Ok((Duration::from_micros(printed.trim().parse()?), taken))
}
