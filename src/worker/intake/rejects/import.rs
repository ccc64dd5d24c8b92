//! Corrected rows back in, by the rules of a row of the export.

use std::collections::HashMap;
use std::path::Path;

use super::RejectsError;
use super::forms::Forms;
use super::zeros;
use crate::domain::delivery::State;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::mapping::{Lead, Mapping};
use crate::domain::plan::{self, Change};
use crate::domain::record::{Record, Row, RowFault};
use crate::domain::time::Timestamp;
use crate::ledger::{Admission, Content, Kept, KnownLead, Ledger, Place, Reject, RejectOrigin};
use crate::sources;
use crate::sources::csv::rejects::{Correction, Style, read};
use crate::worker::intake::basis;
use crate::worker::prepare::Ready;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows whose leads are to be sent now.
    pub pending: u64,
    /// Rows of leads that are delivered, and that `on_change` says not to send again.
    pub left: u64,
    /// Rows that were taken in by an earlier import of the file.
    pub known: u64,
    /// Rows that stay rejected: the line of the file, `_line`, and the reason.
    pub wrong: Vec<(u64, String, String)>,
}

/// Takes the corrected rows of a rejects file in, all in one transaction. `who` is the operator, for the leads' histories.
pub fn import_rejects(
    ledger: &mut Ledger,
    sync: &Ready,
    path: &Path,
    who: &str,
    now: Timestamp,
) -> Result<Imported, RejectsError> {
    let name = &sync.settings.name;
    let origins = ledger.reject_origins(name)?;
    let (false, Some(number)) = (origins.is_empty(), ledger.sync_number(name)?) else {
        return Ok(Imported::default());
    };
    let (style, corrections) = read_any(path, &origins)?;
    let key = ledger.key();
    let forms = Forms::new(sync, &origins, &style).map_err(RejectsError::Usage)?;
    let admission = ledger.admit(number, 0, &basis(&sync.settings.source, &sync.mapping), now)?;
    let mut import = Import {
        rejects: rejects(&admission, name, &origins, &forms)?,
        admission,
        sync,
        forms,
        fingerprinter: Fingerprinter::new(&key, name),
        who,
        keys: HashMap::new(),
        done: Imported::default(),
    };
    for correction in &corrections {
        if let Err(reason) = import.take(correction)? {
            import.done.wrong.push((correction.row, correction.place.clone(), reason));
        }
    }
    import.admission.commit()?;
    Ok(import.done)
}

/// Reads the file in the first style of the origins that it fits.
fn read_any(path: &Path, origins: &[RejectOrigin]) -> Result<(Style, Vec<Correction>), RejectsError> {
    let mut refused = None;
    for origin in origins {
        let style = Style::of(&origin.layout);
        match read(path, &style) {
            Ok(corrections) => return Ok((style, corrections)),
            Err(error @ sources::Error::Refused { .. }) => refused = refused.or(Some(error)),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.map_or_else(|| RejectsError::Usage("there are no rejected rows".to_owned()), RejectsError::Source))
}

/// The rejected rows that the file can be of by what `_line` calls them: the line, or `path:line`.
fn rejects(
    admission: &Admission<'_>,
    sync: &str,
    origins: &[RejectOrigin],
    forms: &Forms,
) -> Result<HashMap<String, Vec<Reject>>, RejectsError> {
    let mut rejects: HashMap<String, Vec<Reject>> = HashMap::new();
    admission.each_reject(sync, |reject| -> Result<(), RejectsError> {
        if !forms.has(&reject) {
            return Ok(());
        }
        let path = origins.iter().find(|origin| origin.id == reject.origin).map_or("", |origin| &origin.path);
        rejects.entry(format!("{path}:{}", reject.line)).or_default().push(reject.clone());
        rejects.entry(reject.line.to_string()).or_default().push(reject);
        Ok(())
    })?;
    Ok(rejects)
}

/// An import under way.
struct Import<'i> {
    admission: Admission<'i>,
    rejects: HashMap<String, Vec<Reject>>,
    sync: &'i Ready,
    forms: Forms,
    fingerprinter: Fingerprinter,
    who: &'i str,
    /// Keys of this file, with the line of their first row.
    keys: HashMap<String, u64>,
    done: Imported,
}

/// What became of a corrected row: the inner error is why it stays rejected.
type Taken<T = ()> = Result<Result<T, String>, RejectsError>;

impl Import<'_> {
    fn take(&mut self, correction: &Correction) -> Taken {
        let rejects = self.rejects.get(&correction.place).cloned().unwrap_or_default();
        if rejects.is_empty() {
            return self.taken_before(correction);
        }
        let reject = match self.the_one(rejects, correction) {
            Ok(reject) => reject,
            Err(reason) => return Ok(Err(reason)),
        };
        let style = self.forms.style(Some(&reject));
        let original = style.cells(&reject.record);
        let cells = match correction.cells(&original, style) {
            Ok(cells) => cells,
            Err(reason) => return Ok(Err(reason)),
        };
        let restored = zeros::restored(&cells, &original);
        if !self.is_of(&reject, &original, &restored) {
            let another = "the row of this line is another one by now: export the rejects again, and correct it there";
            return Ok(self.taken_before(correction)?.map_err(|_| another.to_owned()));
        }
        if let Some(refusal) = zeros::refusal(&cells, &restored, self.forms.style(Some(&reject))) {
            return Ok(Err(refusal));
        }
        if !correction.accepted && same(&cells, &original) {
            return Ok(Err(format!("not corrected (empty its _reason if it is right): {}", reject.reason)));
        }
        let mut record = Record::default();
        let lead = match self.judge(&cells, &reject, correction.row, &mut record) {
            Ok(lead) => lead,
            Err(reason) => return Ok(Err(reason)),
        };
        self.admit(&reject, &original, &record, &lead)
    }

    /// Of several rejected rows of this name, which files with the same lines may have, the one with the row's cells or else its key.
    fn the_one(&mut self, mut rejects: Vec<Reject>, correction: &Correction) -> Result<Reject, String> {
        let ambiguous =
            "several rejected rows have this line: write a file for each export with `rejects export --origin`";
        if rejects.len() > 1 {
            let mut record = Record::default();
            let cells = correction.cells(&[], self.forms.style(None))?;
            self.forms.read(None, &cells, &mut record);
            let is_key = |key: &str| key == record.key() || zeros::are_lost(key.as_bytes(), record.key().as_bytes());
            rejects.retain(|reject| is_key(&reject.key));
            // A lead and a newer row of it that was quarantined: the row counts.
            rejects.sort_by_key(|reject| matches!(reject.kept, Kept::Lead(_)));
            let origin = rejects.first().map(|reject| reject.origin);
            if rejects.iter().any(|reject| Some(reject.origin) != origin) {
                return Err(ambiguous.to_owned());
            }
        }
        rejects.into_iter().next().ok_or_else(|| ambiguous.to_owned())
    }

    /// Whether these may be the corrected cells of the row: it was found by its line, and the export may have been read since with other rows.
    /// A correction keeps the key, or most cells if the key is what was wrong.
    fn is_of(&mut self, reject: &Reject, original: &[Vec<u8>], cells: &[Vec<u8>]) -> bool {
        let mut record = Record::default();
        self.forms.read(Some(reject), cells, &mut record);
        if reject.key == record.key() {
            return true;
        }
        let filled: Vec<&Vec<u8>> = original.iter().filter(|cell| !cell.is_empty()).collect();
        let kept = filled.iter().filter(|cell| cells.contains(cell)).count();
        // Of a row that is one single cell, as an unclosed quote makes it, nothing need be left.
        filled.len() < 2 || 2 * kept >= filled.len()
    }

    /// The lead that a corrected row makes, by the rules of a row of the export.
    fn judge(&mut self, cells: &[Vec<u8>], reject: &Reject, row: u64, record: &mut Record) -> Result<Lead, String> {
        if let Row::Bad(fault) = self.forms.read(Some(reject), cells, record) {
            return Err(fault.to_string());
        }
        let mapping: &Mapping = &self.sync.mapping;
        if !mapping.wants(record).map_err(|rejection| rejection.to_string())? {
            return Err("`where` is false for it: it is not to be sent".to_owned());
        }
        let lead = mapping.render(record).map_err(|rejection| rejection.to_string())?;
        let first_line = *self.keys.entry(record.key().to_owned()).or_insert(row);
        if first_line != row {
            return Err(RowFault::RepeatedKey { first_line }.to_string());
        }
        Ok(lead)
    }

    fn admit(&mut self, reject: &Reject, original: &[Vec<u8>], record: &Record, lead: &Lead) -> Taken {
        let digest = self.fingerprinter.tombstone(record.key()).0;
        if self.admission.is_forgotten(&digest)? {
            return Ok(Err("the person with this key was forgotten: it is not sent".to_owned()));
        }
        let fingerprint = self.fingerprinter.fingerprint(record).0;
        let place = Place { origin: reject.origin, line: reject.line };
        let content = Content { payload: &lead.body, record: &record.raw, backref: lead.backref.as_deref() };
        let known = self.admission.lookup(record.key())?;
        let Some(known) = known else {
            let number = self.admission.add(record.key(), &fingerprint, place, content)?;
            self.admission.set_layout(number, reject.layout)?;
            let spent = self.fingerprinter.raw(record.key().as_bytes()).0;
            if let Some(last) = self.admission.spent(&spent)? {
                self.admission.go_on_after(record.key(), &spent, last)?;
            }
            self.done.pending += 1;
            return self.remember(number, reject, original, None, &fingerprint).map(Ok);
        };
        let number = known.known.lead;
        if self.is_as_delivered(&known, fingerprint)? {
            self.done.left += 1;
            return self.remember(number, reject, original, Some(known.fingerprint), &fingerprint).map(Ok);
        }
        match plan::change(known.known, plan::Row::Wanted, self.sync.settings.on_change) {
            Change::Renew => {
                self.admission.renew(number, &fingerprint, place, content)?;
                self.admission.set_layout(number, reject.layout)?;
                self.done.pending += 1;
            }
            Change::Leave if known.known.state == State::Delivered => self.done.left += 1,
            Change::Leave
            | Change::Withdraw
            | Change::Restore
            | Change::Hold
            | Change::RefuseAgain
            | Change::Quarantine => {
                return Ok(
                    Err("its lead is being sent or in doubt: settle that first (lead-sync show KEY)".to_owned()),
                );
            }
        }
        self.remember(number, reject, original, Some(known.fingerprint), &fingerprint).map(Ok)
    }

    /// The API has the very row: the lead is delivered as it is, or again if only a change of it was refused.
    fn is_as_delivered(&mut self, lead: &KnownLead, fingerprint: [u8; 16]) -> Result<bool, RejectsError> {
        if lead.known.state == State::Delivered {
            return Ok(lead.fingerprint == fingerprint);
        }
        let is = lead.delivered == Some(fingerprint) && lead.known.is_open() && !lead.known.possibly_sent;
        if is {
            self.admission.restore(lead.known.lead, "its row is again as it was delivered")?;
        }
        Ok(is)
    }

    /// The rejected row, and the one that the lead was made of before, count no more while the export holds them.
    fn remember(
        &mut self,
        lead: i64,
        reject: &Reject,
        original: &[Vec<u8>],
        before: Option<[u8; 16]>,
        now: &[u8; 16],
    ) -> Result<(), RejectsError> {
        self.admission.replace_reject(reject.kept, lead)?;
        let mut record = Record::default();
        let row = self.forms.read(Some(reject), original, &mut record);
        let as_mapped = (row == Row::Good).then(|| self.fingerprinter.fingerprint(&record).0);
        let raw = self.fingerprinter.raw(&reject.record).0;
        for old in [as_mapped, before, Some(raw)].into_iter().flatten().filter(|old| old != now) {
            self.admission.supersede(&old, lead)?;
        }
        self.admission.note(lead, "import", format!("corrected and imported by {}", self.who))?;
        Ok(())
    }

    /// A row that is not rejected (any more): nothing is to be done if an earlier import took it in as it is.
    fn taken_before(&mut self, correction: &Correction) -> Taken {
        let gone = format!("no row of line {} is rejected (any more)", correction.place);
        let cells = match correction.cells(&[], self.forms.style(None)) {
            Ok(cells) => cells,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut record = Record::default();
        if self.forms.read(None, &cells, &mut record) != Row::Good {
            return Ok(Err(gone));
        }
        let fingerprint = self.fingerprinter.fingerprint(&record).0;
        match self.admission.lookup(record.key())? {
            Some(known) if known.fingerprint == fingerprint => {
                self.done.known += 1;
                Ok(Ok(()))
            }
            _ => Ok(Err(gone)),
        }
    }
}

/// True if the cells are the same, but for empty ones at the end.
fn same(left: &[Vec<u8>], right: &[Vec<u8>]) -> bool {
    let end = |cells: &[Vec<u8>]| cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    left.get(..end(left)) == right.get(..end(right))
}
