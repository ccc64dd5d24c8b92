//! Reading ahead: one thread opens a file and cuts it into rows, while the other loads what the ledger knows and compares. Fingerprints
//! are taken by whichever of them has time. Rows go over in batches, and the batches come back to be filled again, so that nothing is
//! allocated for a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use super::Halt;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::record::{Layout, Record, Row, RowFault};
use crate::sources::Error;
use crate::sources::csv::{CsvFile, Summary};

type Result<T, E = Error> = std::result::Result<T, E>;

/// Batches under way: one is filled, one is admitted, and two wait, because the threads do not go at one pace.
const BATCHES: usize = 4;

/// Rows in a batch: enough that handing over costs nothing beside them, few enough to stay in a core's cache.
const ROWS: usize = 256;

/// A batch is full at this size, too, in bytes of its rows: a row may be a thousand times larger than usual.
const BYTES: usize = 256 * 1024;

/// A row that took more bytes than this gives its memory back; others keep theirs for the next row.
const KEEP: usize = 4 * 1024;

/// A row of a file.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) record: Record,
    /// Its fingerprint, unless the row is bad.
    pub(super) fingerprint: Result<[u8; 16], RowFault>,
}

#[derive(Debug, Default)]
struct Batch {
    rows: Vec<Ready>,
    filled: usize,
    /// The fingerprints are taken.
    hashed: bool,
}

impl Batch {
    fn hash(&mut self, fingerprinter: &mut Fingerprinter) {
        for ready in self.rows.iter_mut().take(self.filled) {
            if let Ok(fingerprint) = &mut ready.fingerprint {
                *fingerprint = fingerprinter.fingerprint(&ready.record).0;
            }
        }
        self.hashed = true;
    }
}

/// The rows of a file, as they come.
pub(super) struct Rows {
    layout: Receiver<Layout>,
    full: Receiver<Batch>,
    empty: Sender<Batch>,
    /// Batches in `full`.
    waiting: Arc<AtomicUsize>,
    fingerprinter: Fingerprinter,
}

/// The thread that reads.
pub(super) struct Reader<'scope>(ScopedJoinHandle<'scope, Result<Option<Summary>>>);

/// Starts to read what `open` opens. The thread ends by itself once [`Rows`] is dropped.
pub(super) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    fingerprinter: Fingerprinter,
    open: impl FnOnce() -> Result<CsvFile> + Send + 'scope,
) -> std::io::Result<(Rows, Reader<'scope>)> {
    let (opened, layout) = channel();
    let (filled, full) = channel();
    let (empty, emptied) = channel();
    for _ in 0..BATCHES {
        // Cannot fail: the other end is in this function.
        let _ = empty.send(Batch::default());
    }
    let waiting = Arc::new(AtomicUsize::new(0));
    let rows = Rows { layout, full, empty, waiting: Arc::clone(&waiting), fingerprinter: fingerprinter.clone() };
    let read = move || {
        let file = open()?;
        let _ = opened.send(file.layout().clone());
        read(file, fingerprinter, &emptied, &filled, &waiting)
    };
    let thread = Builder::new().name("reader".to_owned()).spawn_scoped(scope, read)?;
    Ok((rows, Reader(thread)))
}

impl Rows {
    /// Waits until the file is open. Nothing if it cannot be used; the reader says why.
    pub(super) fn layout(&self) -> Option<Layout> {
        self.layout.recv().ok()
    }

    /// Calls `admit` for every row. A file that cannot be read to its end has less of them; the reader says why.
    pub(super) fn each(mut self, mut admit: impl FnMut(&Ready) -> Result<(), Halt>) -> Result<(), Halt> {
        while let Ok(mut batch) = self.full.recv() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if !batch.hashed {
                batch.hash(&mut self.fingerprinter);
            }
            batch.rows.iter().take(batch.filled).try_for_each(&mut admit)?;
            // A reader that has come to the end wants no more batches.
            let _ = self.empty.send(batch);
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// What there is to say of the file once all of its rows are admitted; nothing if they were not asked for.
    pub(super) fn finish(self) -> Result<Option<Summary>> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn read(
    mut file: CsvFile,
    mut fingerprinter: Fingerprinter,
    emptied: &Receiver<Batch>,
    filled: &Sender<Batch>,
    waiting: &AtomicUsize,
) -> Result<Option<Summary>> {
    while let Ok(mut batch) = emptied.recv() {
        let ended = fill(&mut batch, &mut file)?;
        // Whoever admits has something to do: time for us to take the fingerprints.
        if waiting.fetch_add(1, Ordering::Relaxed) > 0 {
            batch.hash(&mut fingerprinter);
        }
        if filled.send(batch).is_err() {
            return Ok(None);
        }
        if ended {
            return file.finish().map(Some);
        }
    }
    Ok(None)
}

/// Fills a batch; true at the end of the file.
fn fill(batch: &mut Batch, file: &mut CsvFile) -> Result<bool> {
    (batch.filled, batch.hashed) = (0, false);
    let mut bytes = 0;
    while batch.filled < ROWS && bytes < BYTES {
        if batch.filled == batch.rows.len() {
            batch.rows.push(Ready { record: Record::default(), fingerprint: Ok([0; 16]) });
        }
        let Some(ready) = batch.rows.get_mut(batch.filled) else { break };
        if ready.record.raw.len() > KEEP {
            ready.record = Record::default();
        }
        ready.fingerprint = match file.next(&mut ready.record)? {
            None => return Ok(true),
            Some(Row::Good) => Ok([0; 16]),
            Some(Row::Bad(fault)) => Err(fault),
        };
        bytes += ready.record.raw.len();
        batch.filled += 1;
    }
    Ok(false)
}
