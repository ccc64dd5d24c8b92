//! Intake: everything that one pass over a source changes, in one transaction.
//!
//! A crash before the commit changes nothing; the same intake twice changes nothing the second time.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Error, Ledger, Result};
use crate::domain::delivery::State;
use crate::domain::plan::Known;
use crate::domain::record::Layout;
use crate::domain::time::Timestamp;

/// Room for the leads of one file when several are read: they are read last name first (the last one wins) but sent in name order,
/// so each file's leads get numbers from a range of their own.
const LEADS_PER_FILE: i64 = 1 << 32;

/// Page cache of an intake, in KiB (negative, as SQLite takes it): with the default of 2 MiB new keys in no order push the pages of their
/// index out again and again.
const CACHE: i64 = -8 * 1024;

/// One pass over one sync's source, under way.
#[derive(Debug)]
pub struct Admission<'l> {
    pub(super) tx: Transaction<'l>,
    ledger_path: &'l std::path::Path,
    pub(super) sync: i64,
    pub(super) run: i64,
    basis: i64,
    pub(super) now: Timestamp,
    next_lead: Option<i64>,
    /// Leads added, less those taken out; and as it was when the file under way began.
    grown: i64,
    grown_before_file: i64,
}

/// What is kept of a lead until it is settled.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The JSON body.
    pub payload: &'a str,
    /// The original row.
    pub record: &'a [u8],
    /// The rendered backref.
    pub backref: Option<&'a str>,
}

/// Where a row was read.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The origin's number, from [`Admission::origin`].
    pub origin: i64,
    /// The line in it.
    pub line: u64,
}

/// What the ledger holds under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLead {
    /// What admission decides by.
    pub known: Known,
    /// Of the row it was made of.
    pub fingerprint: [u8; 16],
    /// The fingerprint is made of other columns than today's.
    pub other_basis: bool,
}

impl Ledger {
    /// Begins a pass over the source of `sync`; nothing counts before [`Admission::commit`]. `basis` identifies the columns that
    /// fingerprints are made of.
    pub fn admit(&mut self, sync: i64, run: i64, basis: &[u8; 16], now: Timestamp) -> Result<Admission<'_>> {
        let path = &self.path;
        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(|error| Error::from_sqlite(path, &error))?;
        let mut admission = Admission {
            tx,
            ledger_path: path,
            sync,
            run,
            basis: 0,
            now,
            next_lead: None,
            grown: 0,
            grown_before_file: 0,
        };
        admission.basis = admission.number(
            "INSERT INTO basis (sync, digest) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET digest = excluded.digest RETURNING id",
            params![sync, basis.as_slice()],
        )?;
        Ok(admission)
    }
}

impl Admission<'_> {
    /// Calls `each` with the fingerprint of every lead that can be compared with today's rows, whether its content can still change
    /// (it is neither delivered nor held), and whether it was refused by the mapping.
    pub fn each_known(&self, mut each: impl FnMut([u8; 16], bool, bool)) -> Result<()> {
        // Nearly all leads are delivered. Their rows are read as they lie in the file: by way of an index each would be looked up.
        let delivered =
            "SELECT fingerprint, 0, 0 FROM lead NOT INDEXED WHERE sync = ?1 AND basis = ?2 AND state = 'delivered'";
        let others = "SELECT fingerprint, state IN ('pending', 'waiting', 'rejected', 'failed'), by_mapping
                        FROM lead INDEXED BY lead_open WHERE sync = ?1 AND basis = ?2 AND state <> 'delivered'";
        for sql in [delivered, others] {
            let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
            let mut rows = statement.query([self.sync, self.basis]).map_err(|error| self.error(&error))?;
            while let Some(row) = rows.next().map_err(|error| self.error(&error))? {
                let fingerprint = row.get(0).map_err(|error| self.error(&error))?;
                let open = row.get(1).map_err(|error| self.error(&error))?;
                let by_mapping = row.get(2).map_err(|error| self.error(&error))?;
                each(fingerprint, open, by_mapping);
            }
        }
        Ok(())
    }

    /// Everything known is loaded: what comes are changes. The cache grows only now, as reading all leads once fills any cache for nothing,
    /// in every run of a daemon.
    pub fn expect_changes(&self) -> Result<()> {
        self.tx.pragma_update(None, "cache_size", CACHE).map_err(|error| self.error(&error))
    }

    /// The number of leads of this sync, for sizing the map of known fingerprints.
    pub fn count_known(&self) -> Result<usize> {
        let count = self.number("SELECT count(*) FROM lead WHERE sync = ?1", [self.sync])?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// The mapping's identity at the last complete pass.
    pub fn mapping_digest(&self) -> Result<Option<[u8; 16]>> {
        let sql = "SELECT mapping_digest FROM sync WHERE id = ?1";
        self.tx.query_row(sql, [self.sync], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// Remembers the mapping's identity after a complete pass.
    pub fn set_mapping_digest(&self, digest: &[u8; 16]) -> Result<()> {
        self.run("UPDATE sync SET mapping_digest = ?2 WHERE id = ?1", params![self.sync, digest.as_slice()])
    }

    /// The position in a SQLite source.
    pub fn cursor(&self) -> Result<Option<String>> {
        let sql = "SELECT cursor FROM sync WHERE id = ?1";
        self.tx.query_row(sql, [self.sync], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// Moves the position; it counts with the commit, together with the rows up to it.
    pub fn set_cursor(&self, cursor: &str) -> Result<()> {
        self.run("UPDATE sync SET cursor = ?2 WHERE id = ?1", params![self.sync, cursor])
    }

    /// The number of the file or database `path`, whose form is remembered.
    pub fn origin(&self, path: &str, layout: &Layout) -> Result<i64> {
        let layout = serde_json::to_string(layout).unwrap_or_default();
        let sql = "INSERT INTO origin (sync, path, layout) VALUES (?1, ?2, ?3)
                   ON CONFLICT (sync, path) DO UPDATE SET layout = excluded.layout RETURNING id";
        self.number(sql, params![self.sync, path, layout])
    }

    /// New leads get numbers in the order of the files, although the files are read last name first. `index` is the file's place in name
    /// order; not needed for a single file.
    pub fn number_leads_of_file(&mut self, base: i64, index: usize) {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        self.next_lead = Some(base.saturating_add(index.saturating_mul(LEADS_PER_FILE)));
    }

    /// The first number after those of all leads.
    pub fn next_number(&self) -> Result<i64> {
        self.number("SELECT coalesce(max(id), 0) + 1 FROM lead", [])
    }

    /// The lead under a key.
    pub fn lookup(&self, key: &str) -> Result<Option<KnownLead>> {
        let sql =
            "SELECT id, state, possibly_sent, by_mapping, fingerprint, basis FROM lead WHERE sync = ?1 AND key = ?2";
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let found = statement.query_row(params![self.sync, key], |row| {
            let state: String = row.get(1)?;
            Ok(KnownLead {
                known: Known {
                    lead: row.get(0)?,
                    state: state.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
                    possibly_sent: row.get(2)?,
                    by_mapping: row.get(3)?,
                },
                fingerprint: row.get(4)?,
                other_basis: row.get::<_, i64>(5)? != self.basis,
            })
        });
        found.optional().map_err(|error| self.error(&error))
    }

    /// The payload of an unsettled lead, to tell whether a changed mapping changes it.
    pub fn payload(&self, lead: i64) -> Result<Option<String>> {
        let found = self.tx.query_row("SELECT payload FROM content WHERE lead = ?1", [lead], |row| row.get(0));
        found.optional().map_err(|error| self.error(&error))
    }

    /// Admits a new lead, to be sent, and returns its number.
    pub fn add(&mut self, key: &str, fingerprint: &[u8; 16], place: Place, content: Content<'_>) -> Result<i64> {
        let lead = self.insert(key, fingerprint, place, State::Pending, content.backref, None)?;
        self.store(lead, content)?;
        Ok(lead)
    }

    /// Records a new lead that the mapping refuses.
    pub fn refuse(
        &mut self,
        key: &str,
        fingerprint: &[u8; 16],
        place: Place,
        record: &[u8],
        reason: &str,
    ) -> Result<()> {
        let lead = self.insert(key, fingerprint, place, State::Rejected, None, Some(reason))?;
        self.store(lead, Content { payload: "", record, backref: None })
    }

    /// Records a new lead as delivered before lead-sync came (`baseline`).
    pub fn take_as_delivered(
        &mut self,
        key: &str,
        fingerprint: &[u8; 16],
        place: Place,
        backref: Option<&str>,
    ) -> Result<()> {
        self.insert(key, fingerprint, place, State::Delivered, backref, Some("baseline: taken as delivered")).map(drop)
    }

    fn insert(
        &mut self,
        key: &str,
        fingerprint: &[u8; 16],
        place: Place,
        state: State,
        backref: Option<&str>,
        reason: Option<&str>,
    ) -> Result<i64> {
        let sql = "INSERT INTO lead (id, sync, basis, fingerprint, state, key, next_at, by_mapping, since, updated_at, origin, line, backref, reason)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13)";
        let next_at = (state == State::Pending).then_some(self.now.0);
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let values = params![
            self.next_lead,
            self.sync,
            self.basis,
            fingerprint.as_slice(),
            state.as_str(),
            key,
            next_at,
            state == State::Rejected,
            self.now.0,
            place.origin,
            signed(place.line),
            backref,
            reason
        ];
        let lead = statement.insert(values).map_err(|error| self.error(&error))?;
        self.next_lead = self.next_lead.map(|_| lead + 1);
        self.grown += 1;
        Ok(lead)
    }

    /// Stores the content of a new lead.
    fn store(&self, lead: i64, content: Content<'_>) -> Result<()> {
        let sql = "INSERT INTO content (lead, payload, record) VALUES (?1, ?2, ?3)";
        self.run(sql, params![lead, content.payload, content.record])
    }

    /// Stores the content of a lead that may have some. Not for new ones: a statement that may write two rows makes SQLite copy
    /// every page it touches to a journal of its own, in case the second fails.
    fn replace(&self, lead: i64, content: Content<'_>) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO content (lead, payload, record) VALUES (?1, ?2, ?3)";
        self.run(sql, params![lead, content.payload, content.record])
    }

    /// Gives a known lead the row's new content and makes it pending; the content's version goes up, and with it the idempotency key.
    ///
    /// A lead that the API may have, for all we know, stays marked: the new content is possibly its second. One that was delivered is
    /// sent again on purpose.
    pub fn renew(&self, lead: i64, fingerprint: &[u8; 16], place: Place, content: Content<'_>) -> Result<()> {
        let sql = "UPDATE lead SET basis = ?2, fingerprint = ?3, state = 'pending', next_at = ?4, version = version + 1, attempts = 0,
                          tries = 0, possibly_sent = (possibly_sent = 1 AND state <> 'delivered'), by_mapping = 0, since = ?4, updated_at = ?4, origin = ?5, line = ?6,
                          http_status = NULL, backref = ?7, remote_id = NULL, reason = NULL
                    WHERE id = ?1";
        let now = self.now.0;
        let values =
            params![lead, self.basis, fingerprint.as_slice(), now, place.origin, signed(place.line), content.backref];
        self.run(sql, values)?;
        self.replace(lead, content)
    }

    /// A lead that the mapping refused is refused again, for another row or reason.
    pub fn refuse_again(
        &self,
        lead: i64,
        fingerprint: &[u8; 16],
        place: Place,
        record: &[u8],
        reason: &str,
    ) -> Result<()> {
        let sql = "UPDATE lead SET basis = ?2, fingerprint = ?3, updated_at = ?4, origin = ?5, line = ?6, reason = ?7 WHERE id = ?1";
        let now = self.now.0;
        let values = params![lead, self.basis, fingerprint.as_slice(), now, place.origin, signed(place.line), reason];
        self.run(sql, values)?;
        self.replace(lead, Content { payload: "", record, backref: None })
    }

    /// The mapping reads other columns than before: the fingerprint is made anew, and nothing else changes.
    pub fn rebase(&self, lead: i64, fingerprint: &[u8; 16]) -> Result<()> {
        let sql = "UPDATE lead SET basis = ?2, fingerprint = ?3 WHERE id = ?1";
        self.run(sql, params![lead, self.basis, fingerprint.as_slice()])
    }

    /// Takes out a lead that was never sent and must not be any more.
    pub fn withdraw(&mut self, lead: i64) -> Result<()> {
        self.grown -= 1;
        self.run("DELETE FROM content WHERE lead = ?1", [lead])?;
        self.run("DELETE FROM failure WHERE lead = ?1", [lead])?;
        self.run("DELETE FROM lead WHERE id = ?1", [lead])
    }

    /// Takes a known lead that was never sent as delivered before lead-sync came (`baseline`); others stay as they are.
    pub fn settle_as_delivered(&self, lead: i64, fingerprint: &[u8; 16]) -> Result<()> {
        let sql = "UPDATE lead SET basis = ?2, fingerprint = ?3, state = 'delivered', next_at = NULL, updated_at = ?4, by_mapping = 0,
                          http_status = NULL, reason = 'baseline: taken as delivered'
                    WHERE id = ?1 AND state IN ('pending', 'waiting', 'rejected', 'failed') AND possibly_sent = 0";
        self.run(sql, params![lead, self.basis, fingerprint.as_slice(), self.now.0])?;
        self.run("DELETE FROM content WHERE lead = ?1 AND (SELECT state FROM lead WHERE id = ?1) = 'delivered'", [lead])
    }

    /// Marks the start of one file: [`Admission::forget_file`] goes back to here.
    pub fn begin_file(&mut self) -> Result<()> {
        self.grown_before_file = self.grown;
        self.run("SAVEPOINT file", [])
    }

    /// Keeps what the file brought.
    pub fn keep_file(&self) -> Result<()> {
        self.run("RELEASE file", [])
    }

    /// Undoes all that the file brought: it changed while it was read.
    pub fn forget_file(&mut self) -> Result<()> {
        self.grown = self.grown_before_file;
        self.run("ROLLBACK TO file", [])?;
        self.keep_file()
    }

    /// Makes the pass count.
    pub fn commit(self) -> Result<()> {
        self.run("UPDATE sync SET leads = leads + ?2 WHERE id = ?1", params![self.sync, self.grown])?;
        let path = self.ledger_path;
        self.tx.commit().map_err(|error| Error::from_sqlite(path, &error))
    }

    /// Undoes the pass.
    pub fn abandon(self) -> Result<()> {
        let path = self.ledger_path;
        self.tx.rollback().map_err(|error| Error::from_sqlite(path, &error))
    }

    pub(super) fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<()> {
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        statement.execute(values).map(drop).map_err(|error| self.error(&error))
    }

    fn number(&self, sql: &str, values: impl rusqlite::Params) -> Result<i64> {
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        statement.query_row(values, |row| row.get(0)).map_err(|error| self.error(&error))
    }

    pub(super) fn error(&self, error: &rusqlite::Error) -> Error {
        Error::from_sqlite(self.ledger_path, error)
    }
}

/// SQLite's integers are signed; no file has 2⁶³ lines.
pub(super) fn signed(line: u64) -> i64 {
    i64::try_from(line).unwrap_or(i64::MAX)
}
