//! What becomes of each row of one pass.

mod again;
mod file;

use std::collections::{HashMap, HashSet};

use self::file::Before;
use super::by_hand::{ByHand, Settled};
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::known::{Known, OfLedger, Place, Seen};
use crate::domain::mapping::{Mapping, Rejection};
use crate::domain::record::{Record, RowFault};
use crate::ledger::{self, Admission, Content, Counts};
use crate::worker::report::Sample;
use crate::worker::settings::Sync;

/// What is to become of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// New leads are to be sent.
    Send,
    /// New leads are taken as delivered.
    Baseline,
}

/// Bodies and reasons shown of a dry run, in each group.
const SAMPLES: u64 = 5;

/// Leads that go from the ledger into the map at once. Their places in it are all over memory: one after the other, with nothing between,
/// the processor waits for several of them at the same time: ten million unchanged rows take 8.5 s instead of 12 s.
const LOADED: usize = 512;

/// Where the rows under way come from.
#[derive(Debug, Default)]
struct Origin {
    /// Its number in the ledger.
    id: i64,
    path: String,
    /// Its rows in the quarantine are listed anew, as all that it has is read: not with a cursor, and not of a file that is moved away, of
    /// which the next one of its name knows nothing.
    whole: bool,
}

/// One pass over the rows of one sync, under way.
pub(super) struct Pass<'p> {
    admission: Admission<'p>,
    mapping: &'p Mapping,
    sync: &'p Sync,
    purpose: Purpose,
    fingerprinter: Fingerprinter,
    known: Known,
    loaded: bool,
    /// Rows in quarantine before this pass, by fingerprint: a row that was there is not new.
    quarantined: HashMap<[u8; 16], u32>,
    /// A good row of one of these keys mends it.
    quarantined_keys: HashSet<String>,
    /// As it was when the file under way began.
    before: Before,
    by_hand: ByHand,
    /// The last versions of leads that were taken out, by the hash of the key. Empty for nearly everybody.
    spent: HashMap<[u8; 16], u32>,
    /// The mapping is not the one of the last complete pass: content that can still change is made anew.
    mapping_changed: bool,
    /// Lines of the files already read.
    lines_before: u64,
    origin: Origin,
    /// Files that were read before and could not be now: those that are read after them change no lead that came from them.
    unread: Vec<i64>,
    pub(super) counts: Counts,
    /// Known leads that nobody would send, were it not for this pass: delivered, rejected or failed ones with new content.
    pub(super) again: u64,
    /// Changed rows that are to be sent and whose leads are in doubt: what they hold now counts once those are settled.
    pub(super) too_early: u64,
    /// Known leads that were not delivered and that a baseline took as delivered.
    pub(super) overtaken: u64,
    pub(super) samples: Vec<Sample>,
}

impl<'p> Pass<'p> {
    pub(super) fn new(
        admission: Admission<'p>,
        mapping: &'p Mapping,
        key: &[u8; 32],
        sync: &'p Sync,
        purpose: Purpose,
    ) -> ledger::Result<Self> {
        let mapping_changed = admission.mapping_digest()?.is_some_and(|digest| digest != mapping.mapping_digest());
        Ok(Self {
            admission,
            mapping,
            sync,
            purpose,
            fingerprinter: Fingerprinter::new(key, &sync.name),
            known: Known::default(),
            loaded: false,
            quarantined: HashMap::new(),
            quarantined_keys: HashSet::new(),
            before: Before::default(),
            by_hand: ByHand::default(),
            spent: HashMap::new(),
            mapping_changed,
            lines_before: 0,
            origin: Origin::default(),
            unread: Vec::new(),
            counts: Counts::default(),
            again: 0,
            too_early: 0,
            overtaken: 0,
            samples: Vec::new(),
        })
    }

    pub(super) fn admission(&mut self) -> &mut Admission<'p> {
        &mut self.admission
    }

    pub(super) fn into_admission(self) -> Admission<'p> {
        self.admission
    }

    /// The next rows come from this origin. If its quarantine is to be listed anew (`whole`), it is emptied.
    pub(super) fn begin(&mut self, origin: i64, path: &str, whole: bool) -> ledger::Result<()> {
        self.origin = Origin { id: origin, path: path.to_owned(), whole };
        if whole { self.admission.clear_quarantine(origin) } else { Ok(()) }
    }

    /// The origin is read to its end, which was in this line.
    pub(super) fn end(&mut self, last_line: u64) {
        self.lines_before = self.lines_before.saturating_add(last_line);
    }

    /// A fingerprinter for this sync's rows.
    pub(super) fn fingerprinter(&self) -> Fingerprinter {
        self.fingerprinter.clone()
    }

    /// Loads what the ledger knows, before the first row.
    pub(super) fn load(&mut self) -> ledger::Result<()> {
        if !self.loaded {
            self.loaded = true;
            let known = &mut self.known;
            let (quarantined, keys) = (&mut self.quarantined, &mut self.quarantined_keys);
            known.reserve(self.admission.count_known()?);
            let mut leads = Vec::with_capacity(LOADED);
            self.admission.each_known(|fingerprint, open, by_mapping| {
                leads.push(OfLedger { fingerprint, open, by_mapping });
                if leads.len() == LOADED {
                    known.load(leads.drain(..));
                }
            })?;
            known.load(leads.drain(..));
            self.admission.each_quarantined(|fingerprint, key| {
                *quarantined.entry(fingerprint).or_default() += 1;
                keys.insert(key);
            })?;
            self.before.quarantined = self.quarantined.clone();
            self.by_hand = ByHand::load(&self.admission)?;
            let spent = &mut self.spent;
            self.admission.each_spent(|digest, version| {
                spent.insert(digest, version);
            })?;
            self.admission.expect_changes()?;
        }
        Ok(())
    }

    /// Takes in a row that cannot be mapped.
    pub(super) fn bad(&mut self, record: &Record, fault: &RowFault) -> ledger::Result<()> {
        self.counts.read += 1;
        self.quarantine(record, &fault.to_string())
    }

    /// Takes in a row that can be mapped.
    pub(super) fn good(&mut self, record: &Record, fingerprint: [u8; 16]) -> ledger::Result<()> {
        self.counts.read += 1;
        let place = Place::new(self.lines_before, record.line);
        match self.known.meet(&fingerprint, place) {
            Seen::First { open: true, .. } if self.mapping_changed || self.purpose == Purpose::Baseline => {
                self.unknown(record, fingerprint, place, true)
            }
            Seen::First { by_mapping: true, .. } => {
                self.counts.invalid += 1;
                Ok(())
            }
            Seen::First { .. } => {
                self.counts.unchanged += 1;
                self.mend(record)
            }
            Seen::Same(_) => {
                self.counts.unchanged += 1;
                Ok(())
            }
            Seen::Other(first) => self.repeated(record, first),
            Seen::Unknown if self.is_settled_by_hand(record, Some(&fingerprint)) => {
                if let Some(lead) = self.admission.lookup(record.key())? {
                    self.known.replace(&lead.fingerprint, fingerprint, place);
                }
                Ok(())
            }
            Seen::Unknown => self.unknown(record, fingerprint, place, false),
        }
    }

    /// Counts a row that a person has dealt with.
    fn is_settled_by_hand(&mut self, record: &Record, fingerprint: Option<&[u8; 16]>) -> bool {
        let settled = self.by_hand.settled(&mut self.fingerprinter, record, fingerprint);
        match settled {
            Some(Settled::Corrected) => self.counts.unchanged += 1,
            Some(Settled::Forgotten) => self.counts.skipped += 1,
            None => {}
        }
        settled.is_some()
    }

    /// The key was met before in this pass, with other values: in the same file the first row counts, over several files the last file.
    fn repeated(&mut self, record: &Record, first: Place) -> ledger::Result<()> {
        if let Some(first_line) = first.line_in(self.lines_before) {
            let fault = self.sync.source.repeated_key(first_line);
            return self.quarantine(record, &fault.to_string());
        }
        self.counts.skipped += 1;
        Ok(())
    }

    fn new_lead(&mut self, record: &Record, fingerprint: [u8; 16], place: Place) -> ledger::Result<()> {
        let key_hash = self.fingerprinter.raw(record.key().as_bytes()).0;
        if let Some(first) = self.known.skipped(&key_hash) {
            return self.repeated(record, first);
        }
        // Also a row that is not wanted mends a bad one of its key, which a person could correct and send otherwise.
        self.mend(record)?;
        let wanted = self.mapping.wants(record);
        if let Ok(false) = wanted {
            self.known.skip(key_hash, fingerprint, place);
            self.counts.skipped += 1;
            return Ok(());
        }
        self.known.add(fingerprint, place);
        self.admit(record, &fingerprint, wanted.map(|_| ()))?;
        match self.spent.get(&key_hash) {
            Some(last) => self.admission.go_on_after(record.key(), &key_hash, *last),
            None => Ok(()),
        }
    }

    /// Adds the lead of a row whose key no lead has; `wanted` is why it cannot be told whether it is to be sent.
    fn admit(&mut self, record: &Record, fingerprint: &[u8; 16], wanted: Result<(), Rejection>) -> ledger::Result<()> {
        let at = self.place(record);
        match wanted.and_then(|()| self.mapping.render(record)) {
            Ok(lead) => {
                self.counts.new += 1;
                self.sample(record, "new", self.counts.new, &lead.body);
                let backref = lead.backref.as_deref();
                if self.purpose == Purpose::Baseline {
                    return self.admission.take_as_delivered(record.key(), fingerprint, at, backref);
                }
                let content = Content { payload: &lead.body, record: &record.raw, backref };
                self.admission.add(record.key(), fingerprint, at, content).map(drop)
            }
            Err(rejection) => {
                let reason = rejection.to_string();
                self.refused(record, &reason);
                self.admission.refuse(record.key(), fingerprint, at, &record.raw, &reason)
            }
        }
    }

    fn refused(&mut self, record: &Record, reason: &str) {
        self.counts.invalid += 1;
        self.counts.rejected += 1;
        self.sample(record, "rejected", self.counts.rejected, reason);
    }

    fn mend(&self, record: &Record) -> ledger::Result<()> {
        // While a file is not read, its own bad rows are not listed anew.
        if !self.unread.is_empty() || !self.quarantined_keys.contains(record.key()) {
            return Ok(());
        }
        self.admission.mend(record.key(), self.origin.id, !self.origin.whole)
    }

    fn quarantine(&mut self, record: &Record, reason: &str) -> ledger::Result<()> {
        if self.is_settled_by_hand(record, None) {
            return Ok(());
        }
        let fingerprint = self.fingerprinter.raw(&record.raw).0;
        match self.quarantined.get_mut(&fingerprint) {
            Some(times) if *times > 0 => {
                *times -= 1;
                self.counts.invalid += 1;
                if !self.origin.whole
                    && self.admission.quarantine_again(record.key(), &fingerprint, self.place(record))?
                {
                    return Ok(());
                }
            }
            _ => self.refused(record, reason),
        }
        self.admission.quarantine(record.key(), &fingerprint, self.place(record), &record.raw, reason)
    }

    fn sample(&mut self, record: &Record, group: &'static str, nth: u64, text: &str) {
        if nth <= SAMPLES {
            self.samples.push(Sample {
                sync: self.sync.name.clone(),
                key: record.key().to_owned(),
                origin: format!("{}:{}", self.origin.path, record.line),
                group,
                text: text.to_owned(),
            });
        }
    }

    fn place(&self, record: &Record) -> ledger::Place {
        ledger::Place { origin: self.origin.id, line: record.line }
    }
}
