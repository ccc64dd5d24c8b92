//! The fingerprint key: its file beside the ledger, and whether it is the ledger's own.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension;

use super::files::{file_error, sync_folder};
use super::identity::resolve;
use super::{Error, Ledger, Result};

/// The fingerprint key's file: `NAME.key` beside the ledger, which a link may lead to.
pub fn key_path(ledger: &Path) -> PathBuf {
    resolve(ledger).with_extension("key")
}

/// Makes the fingerprint key of a new ledger.
pub(super) fn create_key(path: &Path) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| file_error("no random numbers for", path)(std::io::Error::other(error.to_string())))?;
    // Written aside and renamed, so that there is never half a key.
    let aside = path.with_extension("key.tmp");
    // Left by a crash, or put there by somebody else: it is replaced, and never written through.
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .map_err(file_error("cannot create", &aside))?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(file_error("cannot write", &aside))?;
    fs::rename(&aside, path).map_err(file_error("cannot create", path))?;
    sync_folder(path)?;
    Ok(key)
}

/// The fingerprint key, or why it cannot be used.
pub(super) fn read_key(path: &Path) -> Result<[u8; 32]> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Key { path: path.into(), problem: "is missing" });
        }
        Err(error) => return Err(file_error("cannot read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(file_error("cannot read", path))?;
    bytes.try_into().map_err(|_| Error::Key { path: path.into(), problem: "is damaged" })
}

impl Ledger {
    /// Holds the key against the ledger, and writes down which one it is if this is its first.
    pub(super) fn check_key(&self) -> Result<()> {
        if self.has_key_check()? {
            return Ok(());
        }
        // Another process may do the same at this moment.
        let sql = "INSERT INTO meta (name, value) VALUES ('key_check', ?1) ON CONFLICT DO NOTHING";
        self.db.execute(sql, [blake3::hash(&self.key).as_bytes().as_slice()]).map_err(|error| self.error(&error))?;
        self.has_key_check().map(drop)
    }

    /// Refuses the key that lies beside the ledger if it is missing, damaged or another one's. Writes nothing.
    pub(super) fn verify_key(&self) -> Result<()> {
        read_key(&key_path(&self.path))?;
        self.has_key_check().map(drop)
    }

    /// Whether the ledger knows its key by now; if it does, it has to be this one.
    fn has_key_check(&self) -> Result<bool> {
        let stored: Option<Vec<u8>> = self
            .db
            .query_row("SELECT value FROM meta WHERE name = 'key_check'", [], |row| row.get(0))
            .optional()
            .map_err(|error| self.error(&error))?;
        match stored {
            Some(stored) if stored == blake3::hash(&self.key).as_bytes() => Ok(true),
            Some(_) => Err(Error::Key { path: key_path(&self.path), problem: "belongs to another ledger" }),
            None => Ok(false),
        }
    }

    /// The key of the fingerprints.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }
}
