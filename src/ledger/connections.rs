//! What the ledger remembers of a connection across runs: pause, breaker, the rate limiter's last time, where its leads went.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, Result};
use crate::domain::breaker::Breaker;
use crate::domain::time::Timestamp;

/// The state of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionState {
    /// Nothing is sent before this time, and why.
    pub pause: Option<(Timestamp, String)>,
    /// The breaker.
    pub breaker: Breaker,
    /// Where its first lead was delivered.
    pub destination: Option<String>,
}

/// What keeps a sync from sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutOff {
    /// The end of its connection's pause or of an open breaker, whichever is later; it may have passed, and stays until a request goes well.
    pub stop: Option<Timestamp>,
    /// When the first of its leads that wait is due.
    pub leads: Option<Timestamp>,
}

impl PutOff {
    /// When all of it is over.
    pub fn until(self) -> Option<Timestamp> {
        self.stop.max(self.leads)
    }
}

/// The connection that a sync was on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Its name.
    pub connection: String,
    /// Where its first lead was delivered; `None`, too, if the sync has no lead that could have gone there.
    pub destination: Option<String>,
}

/// When the connection's last request was about to be sent.
pub type RateMemory = Option<Timestamp>;

impl Ledger {
    /// The number of the connection `name`, which is added if it is new.
    pub fn connection_id(&self, name: &str) -> Result<i64> {
        let sql = "INSERT INTO connection (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id";
        self.db.query_row(sql, [name], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// The number of the sync `name`, which is added on a connection if it is new. One that is on another connection stays there: see
    /// [`Ledger::move_sync`].
    pub fn sync_id(&self, name: &str, connection: i64) -> Result<i64> {
        let sql = "INSERT INTO sync (name, connection, keyed_by) SELECT ?1, id, name FROM connection WHERE id = ?2
                   ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id";
        self.db.query_row(sql, params![name, connection], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// The name of the connection that a sync was on first, whatever that is called now: part of its idempotency keys.
    pub fn keyed_by(&self, sync: i64) -> Result<String> {
        let sql =
            "SELECT coalesce(s.keyed_by, c.name) FROM sync s JOIN connection c ON c.id = s.connection WHERE s.id = ?1";
        self.db.query_row(sql, [sync], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    /// The connection that the sync `sync` is on, if it is another one than `connection`.
    pub fn former(&self, sync: &str, connection: &str) -> Result<Option<Former>> {
        let sql =
            "SELECT c.name, iif(s.leads > 0, c.destination, NULL) FROM sync s JOIN connection c ON c.id = s.connection
                    WHERE s.name = ?1 AND c.name <> ?2";
        let read = self
            .db
            .query_row(sql, [sync, connection], |row| Ok(Former { connection: row.get(0)?, destination: row.get(1)? }));
        read.optional().map_err(|error| self.error(&error))
    }

    /// Moves a sync to another connection. If its leads were delivered, that connection takes over the destination of the one it was on and, if
    /// `pause`, the pause, as far as it has none itself.
    pub fn move_sync(&mut self, sync: i64, connection: i64, pause: bool) -> Result<()> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        let take_over = "UPDATE connection
                            SET destination = coalesce(connection.destination, old.destination),
                                pause_until = iif(?3, coalesce(connection.pause_until, old.pause_until), connection.pause_until),
                                pause_reason = iif(?3 AND connection.pause_until IS NULL, old.pause_reason, connection.pause_reason)
                           FROM connection old JOIN sync s ON s.connection = old.id
                          WHERE connection.id = ?2 AND s.id = ?1 AND s.leads > 0 AND old.destination IS NOT NULL";
        tx.execute(take_over, params![sync, connection, pause]).map_err(error)?;
        tx.execute("UPDATE sync SET connection = ?2 WHERE id = ?1", [sync, connection]).map_err(error)?;
        tx.commit().map_err(error)
    }

    /// What is remembered of a connection.
    pub fn connection_state(&self, connection: i64) -> Result<(ConnectionState, RateMemory)> {
        let sql = "SELECT pause_until, pause_reason, breaker_failures, breaker_trips, breaker_until, destination, last_request_at
                     FROM connection WHERE id = ?1";
        let read = self.db.query_row(sql, [connection], |row| {
            let pause_until: Option<i64> = row.get(0)?;
            let reason: Option<String> = row.get(1)?;
            let state = ConnectionState {
                pause: pause_until.map(|until| (Timestamp(until), reason.unwrap_or_default())),
                breaker: Breaker {
                    failures: row.get(2)?,
                    trips: row.get(3)?,
                    open_until: row.get::<_, Option<i64>>(4)?.map(Timestamp),
                },
                destination: row.get(5)?,
            };
            Ok((state, row.get::<_, Option<i64>>(6)?.map(Timestamp)))
        });
        read.map_err(|error| self.error(&error))
    }

    /// Where the first lead of the connection `name` was delivered; `None` if none was, or the ledger knows no such connection.
    pub fn destination_of(&self, name: &str) -> Result<Option<String>> {
        let sql = "SELECT destination FROM connection WHERE name = ?1";
        let read = self.db.query_row(sql, [name], |row| row.get(0)).optional();
        read.map(Option::flatten).map_err(|error| self.error(&error))
    }

    /// The place where leads were delivered is that of the connection `name` by now, and `syncs` go there: the next delivery tells where that is.
    /// A connection that is new is added for a sync that is known. False if there is none.
    pub fn forget_destination(&mut self, name: &str, syncs: &[&str]) -> Result<bool> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        for sync in syncs {
            let add = "INSERT INTO connection (name) SELECT ?1 FROM sync WHERE name = ?2 ON CONFLICT (name) DO NOTHING";
            tx.execute(add, [name, sync]).map_err(error)?;
            let on = "UPDATE sync SET connection = (SELECT id FROM connection WHERE name = ?1) WHERE name = ?2";
            tx.execute(on, [name, sync]).map_err(error)?;
        }
        let known = tx.execute("UPDATE connection SET destination = NULL WHERE name = ?1", [name]).map_err(error)?;
        tx.commit().map_err(error)?;
        Ok(known == 1)
    }

    /// What keeps a sync from sending; nothing if the ledger does not know it.
    pub fn put_off(&self, sync: &str) -> Result<PutOff> {
        let sql = "SELECT id, connection FROM sync WHERE name = ?1";
        let known = self.db.query_row(sql, [sync], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        let Some((sync, connection)) = known.map_err(|error| self.error(&error))? else { return Ok(PutOff::default()) };
        let state = self.connection_state(connection)?.0;
        let paused = state.pause.map(|(until, _)| until);
        Ok(PutOff { stop: paused.max(state.breaker.open_until), leads: self.next_due(&[sync])? })
    }

    /// Drops what only a wrong clock can have written: waits of the connection that end more than `longest` after `now`, and leads to be
    /// sent at once (`pending`) that are due later. Without this a clock that was a year ahead would hold leads back for a year.
    /// Writes nothing if there is nothing to drop. Gives the number of waits dropped.
    pub fn drop_impossible_waits(&self, connection: i64, now: Timestamp, longest: Duration) -> Result<usize> {
        let drop = |sql: &str, latest: Timestamp| {
            let values = params![connection, latest.0, now.0];
            self.db.execute(sql, values).map_err(|error| self.error(&error))
        };
        let pause =
            "UPDATE connection SET pause_until = NULL, pause_reason = NULL WHERE id = ?1 AND pause_until > max(?2, ?3)";
        // The breaker stays open: a probe decides.
        let breaker = "UPDATE connection SET breaker_until = ?3 WHERE id = ?1 AND breaker_until > ?2";
        let leads = "UPDATE lead SET next_at = ?3 WHERE state = 'waiting' AND state <> 'delivered' AND next_at > ?2
                       AND sync IN (SELECT id FROM sync WHERE connection = ?1)";
        let pending = "UPDATE lead SET next_at = ?3 WHERE state = 'pending' AND state <> 'delivered' AND next_at > ?2
                         AND sync IN (SELECT id FROM sync WHERE connection = ?1)";
        let latest = now + longest;
        Ok(drop(pause, latest)? + drop(breaker, latest)? + drop(leads, latest)? + drop(pending, now)?)
    }

    /// Lifts the pause and closes the breaker of a connection, and makes its waiting leads due. `None`: the ledger knows no such connection.
    pub fn resume(&mut self, name: &str, now: Timestamp) -> Result<Option<usize>> {
        let path = self.path.clone();
        let error = |error: rusqlite::Error| super::Error::from_sqlite(&path, &error);
        let tx = self.write()?;
        let sql =
            "UPDATE connection SET pause_until = NULL, pause_reason = NULL, breaker_failures = 0, breaker_trips = 0,
                          breaker_until = NULL WHERE name = ?1";
        if tx.execute(sql, [name]).map_err(error)? == 0 {
            return Ok(None);
        }
        let sql = "UPDATE lead SET next_at = ?2 WHERE state = 'waiting' AND state <> 'delivered' AND sync IN
                     (SELECT s.id FROM sync s JOIN connection c ON c.id = s.connection WHERE c.name = ?1)";
        let due = tx.execute(sql, params![name, now.0]).map_err(error)?;
        tx.commit().map_err(error)?;
        Ok(Some(due))
    }
}

/// Keeps pause, breaker and, once there is one, the place of the first delivery.
pub(super) fn store(db: &Connection, connection: i64, state: &ConnectionState) -> rusqlite::Result<()> {
    let sql = "UPDATE connection SET pause_until = ?2, pause_reason = ?3, breaker_failures = ?4, breaker_trips = ?5,
                      breaker_until = ?6, destination = coalesce(destination, ?7) WHERE id = ?1";
    let (until, reason) = match &state.pause {
        Some((until, reason)) => (Some(until.0), Some(reason)),
        None => (None, None),
    };
    let breaker = state.breaker;
    let open_until = breaker.open_until.map(|until| until.0);
    let values = params![connection, until, reason, breaker.failures, breaker.trips, open_until, state.destination];
    db.prepare_cached(sql)?.execute(values).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::NewLedger;

    #[test]
    fn a_sync_is_put_off_until_pause_and_breaker_are_over_and_a_lead_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open_or_create(&folder.path().join("l.db"), folder.path(), NewLedger::Confirmed).unwrap();
        assert_eq!(ledger.put_off("customers").unwrap().until(), None);
        let connection = ledger.connection_id("wegroup").unwrap();
        ledger.sync_id("customers", connection).unwrap();
        assert_eq!(ledger.put_off("customers").unwrap().until(), None);
        for (pause, open_until, until) in [(Some(5), None, 5), (Some(5), Some(7), 7), (None, Some(6), 6)] {
            let state = ConnectionState {
                pause: pause.map(|until| (Timestamp(until), String::new())),
                breaker: Breaker { open_until: open_until.map(Timestamp), ..Breaker::default() },
                destination: None,
            };
            store(&ledger.db, connection, &state).unwrap();
            assert_eq!(ledger.put_off("customers").unwrap().until(), Some(Timestamp(until)));
        }
        ledger
            .db
            .execute_batch(
                "INSERT INTO basis (id, sync, digest) VALUES (1, 1, x'00');
                 INSERT INTO origin (id, sync, path, layout) VALUES (1, 1, 'a.csv', '{}');
                 INSERT INTO lead (sync, basis, fingerprint, state, key, next_at, since, updated_at, origin, line)
                        VALUES (1, 1, zeroblob(16), 'waiting', 'K1', 9, 0, 0, 1, 2)",
            )
            .unwrap();
        assert_eq!(ledger.put_off("customers").unwrap().until(), Some(Timestamp(9)));
    }
}
