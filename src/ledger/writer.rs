//! The one thread that writes while leads are sent. It takes what has come in since the last commit into one transaction, so that durability
//! costs one sync for many leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::TransactionBehavior;
use tokio::sync::mpsc::UnboundedSender;

use super::connections::{self, ConnectionState};
use super::lease::Custody;
use super::queue::{self, Ask};
use super::{Error, Ledger, Result};
use crate::clock;
use crate::domain::delivery::{Claim, Settlement, State};
use crate::domain::pseudonym::Pseudonyms;
use crate::domain::time::Timestamp;

/// Commands in one transaction at most: bounds how long the first of them waits for its commit.
const BATCH: usize = 1024;

/// While many more answers are to come, a small batch waits for some of them, so long at most: at 20 ms latency each answer came alone,
/// and its commit took half of all processor time. What waits is a record; requests go on, as leads are claimed ahead.
const GATHER: Duration = Duration::from_millis(5);

/// A batch is small if it is less than this part of the requests under way: with the default of four requests none is. One with a claim that
/// somebody waits for is never small: with a server that answers at once, waiting for more took a sixth of the rate.
const SMALL: usize = 4;

enum Command {
    Claim { ask: Ask, told: UnboundedSender<Done> },
    Settle { settlement: Settlement, told: UnboundedSender<Done> },
    Store { connection: i64, state: ConnectionState, told: UnboundedSender<Done> },
}

impl Command {
    fn is_claim(&self) -> bool {
        matches!(self, Self::Claim { .. })
    }
}

/// What has been committed.
#[derive(Debug)]
pub enum Done {
    /// The intent to send these leads is durable. Empty: nothing was due; then the time at which something will be.
    Claimed(Vec<Claim>, Option<Timestamp>),
    /// One lead of this sync is settled or released, and now stands here.
    Settled {
        /// The lead's number.
        lead: i64,
        /// The sync's number.
        sync: i64,
        /// The lead's new state.
        state: State,
    },
    /// Pause and breaker are kept.
    Stored,
    /// A claim came to nothing: the ledger cannot be written any more, or is ours no more. Send nothing, stop.
    Unclaimed(String),
    /// A settlement, or pause and breaker, could not be written.
    Unwritten(String),
}

/// A handle to the writing thread.
#[derive(Debug)]
pub struct Writer {
    commands: Sender<Command>,
    load: Arc<Load>,
    thread: JoinHandle<Ledger>,
}

/// What the writer goes by when it waits for more.
#[derive(Debug, Default)]
struct Load {
    /// Commands not taken into a batch yet.
    waiting: AtomicUsize,
    /// Requests whose settlements are to come.
    under_way: AtomicUsize,
    /// Somebody waits for a claim that has been sent.
    awaited: AtomicBool,
    /// How long a small batch waits.
    gather: Duration,
}

impl Load {
    fn is_small(&self, batch: usize) -> bool {
        batch * SMALL < self.under_way.load(Ordering::Relaxed)
    }

    /// Adds what has come in; whether a claim among it is waited for. That is asked first: a claim is sent before anybody waits for it.
    fn take_in(&self, inbox: &Receiver<Command>, batch: &mut Vec<Command>) -> bool {
        let awaited = self.awaited.swap(false, Ordering::Acquire);
        batch.extend(inbox.try_iter().take(BATCH - batch.len()));
        awaited
    }
}

impl Writer {
    /// Starts the thread. It owns the ledger until [`Writer::finish`], and claims nothing once `custody` is lost: what is settled then is of
    /// use if the ledger comes back, but a lead that is claimed may be sent by somebody else, too.
    pub fn start(ledger: Ledger, run: i64, custody: Custody) -> Result<Self> {
        Self::start_gathering(ledger, run, custody, GATHER)
    }

    fn start_gathering(ledger: Ledger, run: i64, custody: Custody, gather: Duration) -> Result<Self> {
        let path = ledger.path().to_path_buf();
        let (commands, inbox) = channel();
        let load = Arc::new(Load { gather, ..Load::default() });
        let seen = Arc::clone(&load);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || work(ledger, &custody, &inbox, &seen, run))
            .map_err(super::files::file_error("cannot start the thread that writes", &path))?;
        Ok(Self { commands, load, thread })
    }

    /// A request has begun: its settlement is to come.
    pub fn expect(&self) {
        self.load.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has ended.
    pub fn expect_no_more(&self) {
        self.load.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Asks for due leads; the answer is one [`Done::Claimed`].
    pub fn claim(&self, ask: Ask, told: &UnboundedSender<Done>) {
        self.send(Command::Claim { ask, told: told.clone() });
    }

    /// There is nothing to send before the claim that was asked for is committed: it waits for nothing more.
    pub fn hurry(&self) {
        if !self.load.awaited.swap(true, Ordering::Release) {
            self.thread.thread().unpark();
        }
    }

    /// Ends a claim; the answer is one [`Done::Settled`].
    pub fn settle(&self, settlement: Settlement, told: &UnboundedSender<Done>) {
        self.send(Command::Settle { settlement, told: told.clone() });
    }

    /// Keeps pause and breaker of a connection; the answer is one [`Done::Stored`].
    pub fn store(&self, connection: i64, state: ConnectionState, told: &UnboundedSender<Done>) {
        self.send(Command::Store { connection, state, told: told.clone() });
    }

    fn send(&self, command: Command) {
        let before = self.load.waiting.fetch_add(1, Ordering::Relaxed);
        // The thread lives as long as this handle unless it panicked; then the claim stays `sending` and is in doubt at the next start.
        if let Err(lost) = self.commands.send(command) {
            refuse(&lost.0, "the thread that writes the ledger has ended".to_owned());
        }
        if self.load.is_small(before) && !self.load.is_small(before + 1) {
            self.thread.thread().unpark();
        }
    }

    /// The thread has panicked: what it has not answered by now it never will.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the thread after its last commit and gives the ledger back.
    pub fn finish(self) -> Result<Ledger> {
        drop(self.commands);
        self.thread.join().map_err(|_| Error::Database {
            path: std::path::PathBuf::new(),
            cause: "the thread that writes panicked; the next run takes up what it left".to_owned(),
        })
    }
}

fn work(mut ledger: Ledger, custody: &Custody, inbox: &Receiver<Command>, load: &Load, run: i64) -> Ledger {
    let mut failed = Ok(());
    while let Ok(first) = inbox.recv() {
        let mut batch = Vec::with_capacity(16);
        batch.push(first);
        let awaited = load.take_in(inbox, &mut batch);
        if !awaited && load.is_small(batch.len()) {
            // Not by a timed receive: to be woken for each command is what this saves. To be woken early does no harm.
            std::thread::park_timeout(load.gather);
            load.take_in(inbox, &mut batch);
        }
        load.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        refuse_claims_without(custody, &failed, &mut batch);
        match commit(&mut ledger, &batch, run) {
            Ok(done) => {
                for (command, done) in batch.iter().zip(done) {
                    // Who asked hears every answer, unless it has panicked. What is committed stays true.
                    let _ = told(command).send(done);
                }
            }
            Err(error) => {
                let error = ledger.error(&error);
                report(&batch, &error, &Pseudonyms::new(&ledger.key()));
                failed = Err(error);
            }
        }
    }
    ledger
}

/// Takes the claims out of a batch, with their answers, if a batch before it `failed`, or if the ledger or its lock is not ours any more. It
/// looks at the two files only if there is something to claim, and before the transaction.
///
/// After a failure, as who claims counts on it that the outcomes before are recorded: there would be more leads between intent and outcome
/// than may be.
fn refuse_claims_without(custody: &Custody, failed: &Result<()>, batch: &mut Vec<Command>) {
    if !batch.iter().any(Command::is_claim) {
        return;
    }
    let kept = custody.confirm();
    if let Some(error) = failed.as_ref().err().or(kept.as_ref().err()) {
        for claim in batch.extract_if(.., |command| command.is_claim()) {
            refuse(&claim, error.to_string());
        }
    }
}

/// Executes a batch in one transaction.
fn commit(ledger: &mut Ledger, batch: &[Command], run: i64) -> rusqlite::Result<Vec<Done>> {
    let now = clock::now();
    let tx = ledger.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut done = Vec::with_capacity(batch.len());
    for command in batch {
        done.push(match command {
            Command::Claim { ask, .. } => {
                let claims = queue::claim(&tx, ask)?;
                let next = if claims.is_empty() { queue::next_due(&tx, &ask.syncs)? } else { None };
                Done::Claimed(claims, next)
            }
            Command::Settle { settlement, .. } => {
                queue::settle(&tx, settlement, run, now)?;
                Done::Settled { lead: settlement.lead, sync: settlement.sync, state: settlement.to.state() }
            }
            Command::Store { connection, state, .. } => {
                connections::store(&tx, *connection, state)?;
                Done::Stored
            }
        });
    }
    tx.commit()?;
    Ok(done)
}

/// The second place for the truth: what could not be written is at least said.
fn report(batch: &[Command], error: &Error, pseudonyms: &Pseudonyms) {
    for command in batch {
        if let Command::Settle { settlement, .. } = command {
            tracing::error!(
                lead = %pseudonyms.of(&settlement.key),
                state = %settlement.to.state(),
                "the outcome of a lead could not be recorded; the next run takes it as in doubt"
            );
        }
        refuse(command, error.to_string());
    }
}

/// Answers a command that could not be carried out.
fn refuse(command: &Command, why: String) {
    let (told, done) = match command {
        Command::Claim { told, .. } => (told, Done::Unclaimed(why)),
        Command::Settle { told, .. } | Command::Store { told, .. } => (told, Done::Unwritten(why)),
    };
    let _ = told.send(done);
}

fn told(command: &Command) -> &UnboundedSender<Done> {
    match command {
        Command::Claim { told, .. } | Command::Settle { told, .. } | Command::Store { told, .. } => told,
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
