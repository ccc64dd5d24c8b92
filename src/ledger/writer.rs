//! The one thread that writes while leads are sent. It takes what has come in since the last commit into one transaction, so that durability
//! costs one sync for many leads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::TransactionBehavior;
use tokio::sync::mpsc::UnboundedSender;

use super::connections::{self, ConnectionState};
use super::lease::Custody;
use super::queue::{self, Ask, Settle};
use super::{Error, Ledger, Result};
use crate::clock;
use crate::domain::delivery::{Claim, Settlement, State};
use crate::domain::pseudonym::Pseudonyms;
use crate::domain::time::Timestamp;

/// Commands in one transaction at most: bounds how long the first of them waits for its commit.
const BATCH: usize = 1024;

/// What is no claim waits so long at most for more that is to be settled: at 20 ms latency each answer came alone, and its commit took half of
/// all processor time. Requests go on meanwhile, as leads are claimed ahead, and a claim commits at once all that came before it. Who waits for
/// an outcome to be recorded (a probe, the end of a connection's leads) does so that much longer, if other leads are claimed then.
const GATHER: Duration = Duration::from_millis(5);

struct Command {
    what: What,
    asker: Asker,
}

enum What {
    Claim(Ask),
    Settle(Settlement),
    Store { connection: i64, state: ConnectionState },
}

impl Command {
    fn new(what: What, told: &UnboundedSender<Done>) -> Self {
        let refusal = if matches!(what, What::Claim(_)) { Done::Unclaimed } else { Done::Unwritten };
        Self { what, asker: Asker { told: Some(told.clone()), refusal } }
    }

    fn is_claim(&self) -> bool {
        matches!(self.what, What::Claim(_))
    }
}

/// Who waits for the answer to a command. It is told one whatever happens: also if the thread panics, which drops what it has not answered.
struct Asker {
    told: Option<UnboundedSender<Done>>,
    refusal: fn(String) -> Done,
}

impl Asker {
    fn tell(mut self, done: Done) {
        self.send(done);
    }

    /// The command could not be carried out.
    fn refuse(mut self, why: String) {
        let refusal = (self.refusal)(why);
        self.send(refusal);
    }

    fn send(&mut self, done: Done) {
        if let Some(told) = self.told.take() {
            // Who asked hears every answer, unless it has panicked. What is committed stays true.
            let _ = told.send(done);
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if self.told.is_some() {
            let refusal = (self.refusal)("the thread that writes the ledger has ended".to_owned());
            self.send(refusal);
        }
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
    /// Leads that are claimed and not settled. It stays above zero once requests have been given up: then a batch waits in vain.
    open: Arc<AtomicUsize>,
    /// The ledger's.
    path: PathBuf,
    thread: JoinHandle<Ledger>,
}

impl Writer {
    /// Starts the thread. It owns the ledger until [`Writer::finish`], and claims nothing once `custody` is lost: what is settled then is of
    /// use if the ledger comes back, but a lead that is claimed may be sent by somebody else, too.
    pub fn start(ledger: Ledger, run: i64, custody: Custody) -> Result<Self> {
        Self::start_gathering(ledger, run, custody, GATHER)
    }

    fn start_gathering(ledger: Ledger, run: i64, custody: Custody, gather: Duration) -> Result<Self> {
        let path = ledger.path().to_path_buf();
        let (commands, received) = channel();
        let open = Arc::new(AtomicUsize::new(0));
        let inbox = Inbox { commands: received, open: Arc::clone(&open), gather };
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || work(ledger, &custody, &inbox, run))
            .map_err(super::files::file_error("cannot start the thread that writes", &path))?;
        Ok(Self { commands, open, path, thread })
    }

    /// Asks for due leads; the answer is one [`Done::Claimed`]. It waits for nothing but the commit that is under way.
    pub fn claim(&self, ask: Ask, told: &UnboundedSender<Done>) {
        self.send(What::Claim(ask), told);
        self.thread.thread().unpark();
    }

    /// Ends a claim; the answer is one [`Done::Settled`].
    pub fn settle(&self, settlement: Settlement, told: &UnboundedSender<Done>) {
        self.send(What::Settle(settlement), told);
        if self.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.thread.thread().unpark();
        }
    }

    /// Keeps pause and breaker of a connection; the answer is one [`Done::Stored`].
    pub fn store(&self, connection: i64, state: ConnectionState, told: &UnboundedSender<Done>) {
        self.send(What::Store { connection, state }, told);
    }

    fn send(&self, what: What, told: &UnboundedSender<Done>) {
        // The thread lives as long as this handle unless it panicked; then the claim stays `sending` and is in doubt at the next start. What
        // cannot be sent is dropped, and so refused.
        let _ = self.commands.send(Command::new(what, told));
    }

    /// Ends the thread after its last commit and gives the ledger back.
    pub fn finish(self) -> Result<Ledger> {
        drop(self.commands);
        let path = self.path;
        self.thread.join().map_err(|_| Error::Database {
            path,
            cause: "the thread that writes panicked; the next run takes up what it left".to_owned(),
        })
    }
}

/// What the thread is told to write.
struct Inbox {
    commands: Receiver<Command>,
    open: Arc<AtomicUsize>,
    /// How long a batch waits for more.
    gather: Duration,
}

impl Inbox {
    /// What to write next, in one transaction; `None` once nobody can want anything any more.
    fn next(&self) -> Option<Vec<Command>> {
        let mut batch = Vec::with_capacity(16);
        batch.push(self.commands.recv().ok()?);
        self.take_in(&mut batch);
        let began = clock::instant();
        while self.gathers(&batch)
            && let Some(left) = self.gather.checked_sub(began.elapsed())
        {
            // Not by a timed receive: to be woken for each command is what this saves. To be woken early does no harm.
            std::thread::park_timeout(left);
            self.take_in(&mut batch);
        }
        Some(batch)
    }

    fn take_in(&self, batch: &mut Vec<Command>) {
        batch.extend(self.commands.try_iter().take(BATCH - batch.len()));
    }

    /// More settlements are to come, and nobody waits for a claim.
    fn gathers(&self, batch: &[Command]) -> bool {
        batch.len() < BATCH && self.open.load(Ordering::Relaxed) > 0 && !batch.iter().any(Command::is_claim)
    }
}

fn work(mut ledger: Ledger, custody: &Custody, inbox: &Inbox, run: i64) -> Ledger {
    let mut failed = Ok(());
    while let Some(mut batch) = inbox.next() {
        refuse_claims_without(custody, &failed, &mut batch);
        match commit(&mut ledger, &batch, run) {
            Ok(done) => {
                for (command, done) in batch.into_iter().zip(done) {
                    if let Done::Claimed(claims, _) = &done {
                        inbox.open.fetch_add(claims.len(), Ordering::Relaxed);
                    }
                    command.asker.tell(done);
                }
            }
            Err(error) => {
                let error = ledger.error(&error);
                report(batch, &error, &Pseudonyms::new(&ledger.key()));
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
            claim.asker.refuse(error.to_string());
        }
    }
}

/// Executes a batch in one transaction.
fn commit(ledger: &mut Ledger, batch: &[Command], run: i64) -> rusqlite::Result<Vec<Done>> {
    let now = clock::now();
    let tx = ledger.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut settle = Settle::new(&tx, run)?;
    let mut done = Vec::with_capacity(batch.len());
    for command in batch {
        done.push(match &command.what {
            What::Claim(ask) => {
                let claims = queue::claim(&tx, ask)?;
                let next = if claims.is_empty() { queue::next_due(&tx, &ask.syncs)? } else { None };
                Done::Claimed(claims, next)
            }
            What::Settle(settlement) => {
                settle.write(settlement, now)?;
                Done::Settled { lead: settlement.lead, sync: settlement.sync, state: settlement.to.state() }
            }
            What::Store { connection, state } => {
                connections::store(&tx, *connection, state)?;
                Done::Stored
            }
        });
    }
    settle.finish()?;
    tx.commit()?;
    Ok(done)
}

/// The second place for the truth: what could not be written is at least said.
fn report(batch: Vec<Command>, error: &Error, pseudonyms: &Pseudonyms) {
    for command in batch {
        if let What::Settle(settlement) = &command.what {
            tracing::error!(
                lead = %pseudonyms.of(&settlement.key),
                state = %settlement.to.state(),
                "the outcome of a lead could not be recorded; the next run takes it as in doubt"
            );
        }
        command.asker.refuse(error.to_string());
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
