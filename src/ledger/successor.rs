//! A sync under a new name: what was delivered is known under the old one only.

use rusqlite::Connection;

use super::{Ledger, Result};

/// A sync that has leads and is not configured any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// Its name.
    pub name: String,
    /// Its leads, in any state.
    pub leads: u64,
    /// Those of them that are still to be sent.
    pub waiting: u64,
}

impl Ledger {
    /// The sync in whose place `sync`, which has no lead yet, seems to have come: none of `configured`, with leads, and with an origin that
    /// `is_same` knows. The one with most leads, if there are several.
    pub fn predecessor(
        &self,
        sync: &str,
        configured: &[&str],
        is_same: impl Fn(&str) -> bool,
    ) -> Result<Option<Predecessor>> {
        predecessor(&self.db, sync, configured, is_same).map_err(|error| self.error(&error))
    }
}

fn predecessor(
    db: &Connection,
    sync: &str,
    configured: &[&str],
    is_same: impl Fn(&str) -> bool,
) -> rusqlite::Result<Option<Predecessor>> {
    let sql = "SELECT id, name, leads FROM sync
                WHERE leads > 0 AND NOT EXISTS (SELECT 1 FROM sync WHERE name = ?1 AND leads > 0) ORDER BY leads DESC";
    let mut statement = db.prepare(sql)?;
    let mut others = statement.query([sync])?;
    let mut origins = db.prepare("SELECT path FROM origin WHERE sync = ?1")?;
    while let Some(row) = others.next()? {
        let (id, name, leads): (i64, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if configured.contains(&name.as_str()) {
            continue;
        }
        let paths: Vec<String> = origins.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        if paths.iter().any(|path| is_same(path)) {
            let sql = "SELECT count(*) FROM lead
                        WHERE sync = ?1 AND state IN ('pending', 'sending', 'waiting') AND state <> 'delivered'";
            let waiting: u32 = db.query_row(sql, [id], |row| row.get(0))?;
            return Ok(Some(Predecessor { name, leads: leads.into(), waiting: waiting.into() }));
        }
    }
    Ok(None)
}
