//! The imperative shell: intake and dispatch, two halves that meet only in the ledger.
//!
//! It reads the clock and the dice, calls the edges, and asks the domain what to do.

pub mod checks;
mod dispatch;
mod intake;
mod job;
mod lanes;
mod older;
mod pace;
mod place;
mod plan;
mod prepare;
pub mod progress;
mod recovery;
pub mod report;
pub mod settings;
pub mod stop;
mod there;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::intake::{ChosenRejects, Imported, Purpose, RejectsError, columns_of, export_rejects, import_rejects};
use self::intake::{Order, Taken};
pub use self::job::{Assignment, Job};
use self::place::Entered;
pub use self::plan::plan;
pub use self::prepare::{Prepared, Ready, prepare};
use self::report::{Ending, Notice, Report};
pub use self::there::{FilesThere, files_there};
use crate::clock;
use crate::domain::latency::Latency;
use crate::domain::time::{Day, Timestamp};
use crate::ledger::{self, Counts, Ledger, NewLedger, OlderLedger};

/// Entries of old history that a run deletes at most, so that its end is never slow; the next run goes on.
const PRUNED_PER_RUN: usize = 10_000;

/// What a run takes at most to end, once its grace is over or a second signal has come: a renewal under way is saved, then the outcomes
/// are recorded.
pub const LEAVING: Duration = lanes::RENEWAL.saturating_add(Duration::from_secs(5));

/// One pass over the prepared syncs: intake, then dispatch. Blocks until the run is over: call it in a thread that may.
pub fn run(assignment: Assignment<'_>) -> ledger::Result<Report> {
    let span = tracing::info_span!("run", run = tracing::field::Empty);
    span.in_scope(|| pass_over(assignment))
}

fn pass_over(assignment: Assignment<'_>) -> ledger::Result<Report> {
    let started_at = clock::now();
    let Assignment { prepared, job, lease, .. } = assignment;
    let settings = &prepared.settings;
    let mut ledger = match lease {
        Some(lease) => lease.open_ledger(&settings.tokens, job.new_ledger)?,
        None => Ledger::open_or_create(&settings.ledger, &settings.tokens, job.new_ledger)?,
    };
    if job.new_ledger == NewLedger::Confirmed && ledger.is_blank()? {
        // The key of the lost one may be its key, too, and the mark then that of both.
        ledger.take_for_latest()?;
    }
    if job.older_ledger == OlderLedger::Unconfirmed {
        // Before anything is written. A baseline, too: what it takes as delivered it has to be told knowingly.
        ledger.refuse_older()?;
    }
    ledger.check_space()?;
    let mut run = Run::begin(assignment, place::enter(&mut ledger, prepared)?, started_at);
    if lease.is_some() {
        run.recover(&mut ledger)?;
    }
    run.number = ledger.begin_run(job.trigger, run.counts.keys().copied(), started_at)?;
    tracing::Span::current().record("run", run.number);
    let syncs = run.ids.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    tracing::info!(trigger = job.trigger.as_str(), syncs, "begins");
    let report = run.carry_out(ledger);
    if let Err(error) = &report {
        run.close_as_error(error);
    }
    report
}

/// A run under way.
struct Run<'a> {
    assignment: Assignment<'a>,
    number: i64,
    dry: bool,
    started_at: Timestamp,
    ids: BTreeMap<String, (i64, i64)>,
    /// What to say of the syncs of which nothing is taken in or sent, as their leads were delivered elsewhere.
    elsewhere: BTreeMap<String, Notice>,
    counts: BTreeMap<i64, Counts>,
    /// Of the requests, by connection.
    latency: BTreeMap<i64, Latency>,
    /// Leads of a sync that this run is not over are newly held.
    holds_others: bool,
    /// Names of the syncs whose source was not there, or was not read to its end.
    unread: Vec<String>,
    notices: Vec<Notice>,
    samples: Vec<report::Sample>,
}

impl<'a> Run<'a> {
    fn begin(assignment: Assignment<'a>, entered: Entered, started_at: Timestamp) -> Self {
        let Entered { ids, elsewhere } = entered;
        let counts = ids.values().map(|(sync, _)| (*sync, Counts::default())).collect();
        Self {
            assignment,
            number: 0,
            dry: false,
            started_at,
            ids,
            elsewhere,
            counts,
            latency: BTreeMap::new(),
            holds_others: false,
            unread: Vec::new(),
            notices: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Everything between the run's beginning and its end in the ledger.
    fn carry_out(&mut self, mut ledger: Ledger) -> ledger::Result<Report> {
        let Assignment { prepared, job, lease, progress, stop } = self.assignment;
        self.take_in(&mut ledger)?;
        progress.set_read();
        if job.older_ledger == OlderLedger::Confirmed {
            self.go_on_with_older(&mut ledger)?;
        }
        if let Some(lease) = lease
            && job.purpose == Purpose::Send
        {
            if stop.is_set() {
                self.notices.push(Notice::new(Ending::Interrupted, "stopped before anything was sent"));
            } else {
                ledger = lanes::send(self, ledger, lease)?;
            }
        }
        let report = self.finish(&ledger)?;
        if job.older_ledger == OlderLedger::Confirmed && self.leaves_nothing_open(&ledger, &report)? {
            ledger.take_for_latest()?;
        }
        ledger.add_latency(Day::of(report.finished_at), &self.latency)?;
        let told = report.told();
        let said = told.iter().map(|(sync, text)| (*sync, text.as_ref()));
        ledger.finish_run(report.run, report.ending.as_str(), report.finished_at, &self.counts, said)?;
        if let Err(error) = ledger.prune(report.finished_at - prepared.settings.retain, PRUNED_PER_RUN) {
            tracing::warn!(%error, "what is older than `retain` is deleted by a later run");
        }
        report.log();
        ledger.tidy();
        Ok(report)
    }

    /// Closes a run that an error of the ledger has ended. The ledger is opened anew: the thread that writes may have kept it.
    fn close_as_error(&self, why: &ledger::Error) {
        let settings = &self.assignment.prepared.settings;
        let opened = match self.assignment.lease {
            // Never in another ledger, where the number is another run's.
            Some(lease) => lease.open_ledger(&settings.tokens, NewLedger::Unconfirmed),
            None => Ledger::open(&settings.ledger),
        };
        let outcome = Ending::Error.as_str();
        let (why, now) = (why.to_string(), clock::now());
        let close = |mut ledger: Ledger| {
            let mut counts = self.counts.clone();
            for (sync, counts) in &mut counts {
                counts.pending = ledger.count_pending(*sync)?;
            }
            ledger.finish_run(self.number, outcome, now, &counts, [(None, why.as_str())])
        };
        let closed = opened.and_then(close);
        match closed {
            Ok(()) => tracing::info!(outcome, "ends"),
            // It is said once, by who learns how the run ended.
            Err(error) if error.to_string() == why => {
                tracing::error!(run = self.number, outcome, "the end of the run could not be recorded either");
            }
            Err(error) => {
                tracing::error!(run = self.number, outcome, %error, "the end of the run could not be recorded");
            }
        }
    }

    /// The first half: every sync's source.
    fn take_in(&mut self, ledger: &mut Ledger) -> ledger::Result<()> {
        let Assignment { prepared, job, progress, stop, .. } = self.assignment;
        for sync in &prepared.syncs {
            let Some((id, _)) = self.ids.get(&sync.settings.name) else { continue };
            if let Some(notice) = self.elsewhere.get(&sync.settings.name) {
                self.unread.push(sync.settings.name.clone());
                if !self.notices.contains(notice) {
                    self.notices.push(notice.clone());
                }
                continue;
            }
            let span = tracing::info_span!("sync", sync = sync.settings.name);
            let order = Order {
                settings: &prepared.settings,
                sync: &sync.settings,
                id: *id,
                mapping: &sync.mapping,
                run: self.number,
                purpose: job.purpose,
                confirmed: job.confirmed,
                may_archive: !self.dry,
                now: clock::now(),
                progress,
                stop,
            };
            let Taken { counts, notices, samples, is_read } = span.in_scope(|| intake::take_in(ledger, &order))?;
            let recovered = self.counts.get(id).map_or(0, |before| before.held);
            let counts = Counts { held: counts.held + recovered, ..counts };
            if !self.dry {
                ledger.note_counts(self.number, *id, counts)?;
            }
            self.counts.insert(*id, counts);
            self.notices.extend(notices.into_iter().map(|notice| Notice { sync: Some(*id), ..notice }));
            self.samples.extend(samples);
            if !is_read {
                self.unread.push(sync.settings.name.clone());
            }
        }
        Ok(())
    }

    /// A run waits for leads whose next try is near enough, and sends them, too.
    fn add_waiting(&mut self, ledger: &Ledger) -> ledger::Result<()> {
        let Assignment { prepared, .. } = self.assignment;
        for sync in &prepared.syncs {
            let mut connections = prepared.settings.connections.iter();
            let connection = connections.find(|connection| connection.name == sync.settings.connection);
            let patience = connection.map(|connection| connection.patience).unwrap_or_default();
            let Some((id, _)) = self.ids.get(&sync.settings.name) else { continue };
            self.counts.entry(*id).or_default().pending += ledger.count_waiting(*id, self.started_at + patience)?;
        }
        Ok(())
    }

    /// Adds what one connection's dispatch did.
    fn add(&mut self, connection: i64, tally: dispatch::Tally) {
        let (counts, latency, notices) = tally.finish();
        self.latency.insert(connection, latency);
        for (sync, sent) in counts {
            let counts = self.counts.entry(sync).or_default();
            counts.delivered += sent.delivered;
            counts.rejected += sent.rejected;
            counts.waiting += sent.waiting;
            counts.held += sent.held;
            counts.failed += sent.failed;
        }
        self.notices.extend(notices);
    }

    fn finish(&mut self, ledger: &Ledger) -> ledger::Result<Report> {
        for (sync, counts) in &mut self.counts {
            counts.pending = ledger.count_pending(*sync)?;
        }
        if self.dry {
            self.add_waiting(ledger)?;
        }
        let newly = |counts: &Counts| counts.rejected + counts.held + counts.failed > 0;
        let attention = (self.holds_others || self.counts.values().any(newly)).then_some(Ending::Attention);
        let worst = self.notices.iter().map(|notice| notice.ending).chain(attention).max();
        let named = |(name, (sync, _)): (&String, &(i64, i64))| {
            (name.clone(), self.counts.get(sync).copied().unwrap_or_default())
        };
        Ok(Report {
            run: self.number,
            ending: worst.unwrap_or(Ending::Complete),
            started_at: self.started_at,
            finished_at: clock::now(),
            syncs: self.ids.iter().map(named).collect(),
            notices: std::mem::take(&mut self.notices),
            samples: std::mem::take(&mut self.samples),
        })
    }
}
