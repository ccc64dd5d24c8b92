//! What a row changes about the lead of its key.

use rusqlite::{OptionalExtension, params};

use super::{Admission, signed};
use crate::domain::delivery::State;
use crate::domain::plan::Known;
use crate::ledger::Result;

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
    /// The number of the file or database that its row was read from.
    pub origin: i64,
    /// Of the content that the API has, if there has been another one since, and if it is made of today's columns.
    pub delivered: Option<[u8; 16]>,
}

impl Admission<'_> {
    /// The lead under a key.
    pub fn lookup(&self, key: &str) -> Result<Option<KnownLead>> {
        let sql = "SELECT l.id, l.state, l.possibly_sent, l.by_mapping, l.fingerprint, l.basis, e.fingerprint, e.basis, l.origin
                     FROM lead l LEFT JOIN earlier e ON e.lead = l.id
                    WHERE l.sync = ?1 AND l.key = ?2 ORDER BY e.version DESC LIMIT 1";
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let found = statement.query_row(params![self.sync, key], |row| {
            let state: String = row.get(1)?;
            let delivered: Option<[u8; 16]> = row.get(6)?;
            Ok(KnownLead {
                known: Known {
                    lead: row.get(0)?,
                    state: state.parse().map_err(|_| rusqlite::Error::InvalidQuery)?,
                    possibly_sent: row.get(2)?,
                    by_mapping: row.get(3)?,
                    delivered_before: delivered.is_some(),
                },
                fingerprint: row.get(4)?,
                other_basis: row.get::<_, i64>(5)? != self.basis,
                origin: row.get(8)?,
                delivered: delivered.filter(|_| row.get(7).is_ok_and(|basis: i64| basis == self.basis)),
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
    /// sent again on purpose, and what the API has of it is kept.
    pub fn renew(&self, lead: i64, fingerprint: &[u8; 16], place: Place, content: Content<'_>) -> Result<()> {
        self.run(
            "INSERT INTO earlier (lead, version, basis, fingerprint, backref, remote_id, http_status, attempts, possibly_sent, at)
             SELECT id, version, basis, fingerprint, backref, remote_id, http_status, attempts, possibly_sent, updated_at
               FROM lead WHERE id = ?1 AND state = 'delivered'",
            [lead],
        )?;
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

    /// Undoes what [`Self::renew`] did to a delivered lead: the API has the content from before, and the one since is not sent. The version
    /// stays, as that of the next content has to be another one. Gives the fingerprint of the row that was delivered.
    pub fn restore(&self, lead: i64, why: &str) -> Result<[u8; 16]> {
        let sql = "UPDATE lead SET (basis, fingerprint, backref, remote_id, http_status, attempts, possibly_sent, updated_at) =
                          (SELECT basis, fingerprint, backref, remote_id, http_status, attempts, possibly_sent, at
                             FROM earlier WHERE lead = ?1 ORDER BY version DESC LIMIT 1),
                          state = 'delivered', next_at = NULL, tries = 0, by_mapping = 0, reason = ?2
                    WHERE id = ?1 RETURNING fingerprint";
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let put_back = statement.query_row(params![lead, why], |row| row.get(0)).map_err(|error| self.error(&error))?;
        self.run("DELETE FROM content WHERE lead = ?1", [lead])?;
        let sql =
            "DELETE FROM earlier WHERE lead = ?1 AND version = (SELECT max(version) FROM earlier WHERE lead = ?1)";
        self.run(sql, [lead])?;
        Ok(put_back)
    }

    /// Holds a lead of which an attempt may have arrived, as another one must not be made. One that is held for this already stays as it is.
    pub fn hold(&self, lead: i64, why: &str) -> Result<()> {
        let sql = "UPDATE lead SET state = 'held', next_at = NULL, since = since + ?2 - updated_at, updated_at = ?2, reason = ?3
                    WHERE id = ?1 AND possibly_sent = 1 AND NOT (state = 'held' AND reason IS ?3)";
        self.run(sql, params![lead, self.now.0, why])
    }

    /// Takes out a lead that was never sent and must not be any more.
    pub fn withdraw(&mut self, lead: i64) -> Result<()> {
        self.grown -= 1;
        self.run("DELETE FROM content WHERE lead = ?1", [lead])?;
        self.run("DELETE FROM failure WHERE lead = ?1", [lead])?;
        self.run("DELETE FROM lead WHERE id = ?1", [lead])
    }

    /// Takes a known lead as delivered (`baseline`), also one that may have arrived; one that is held waits for its own word, which is false.
    pub fn settle_as_delivered(&self, lead: i64, fingerprint: &[u8; 16]) -> Result<bool> {
        let sql = "UPDATE lead SET basis = ?2, fingerprint = ?3, state = 'delivered', next_at = NULL, updated_at = ?4, by_mapping = 0,
                          possibly_sent = 0, http_status = NULL, reason = 'baseline: taken as delivered'
                    WHERE id = ?1 AND state IN ('pending', 'waiting', 'rejected', 'failed')";
        let mut statement = self.tx.prepare_cached(sql).map_err(|error| self.error(&error))?;
        let values = params![lead, self.basis, fingerprint.as_slice(), self.now.0];
        let is_settled = statement.execute(values).map_err(|error| self.error(&error))? == 1;
        if is_settled {
            self.run("DELETE FROM content WHERE lead = ?1", [lead])?;
        }
        Ok(is_settled)
    }
}
