//! Copies of a ledger that is in use: consistent, compact, verified before they get their name.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files::{file_error, folder_of, sync_folder};
use super::key::{key_path, read_key};
use super::mark::leave_out_run_under_way;
use super::schema::APPLICATION_ID;
use super::{Error, Ledger, Result};
use crate::aside::{self, Aside};

/// What a backup consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The ledger's copy.
    pub ledger: PathBuf,
    /// The copy of its fingerprint key.
    pub key: PathBuf,
    /// Size of the ledger's copy.
    pub bytes: u64,
    /// Leads in it.
    pub leads: u64,
}

impl Ledger {
    /// Copies the ledger to `to` and its fingerprint key to `NAME.key` beside it, both with mode 0600. Works while others write: it is the
    /// state of one moment. Nothing is overwritten, and a name appears only once its content is verified and durable. The mark is not copied:
    /// what is left behind tells that the copy is older.
    ///
    /// A copy of the same key without its ledger, which a backup that was killed left behind, is taken for the copy that is due.
    pub fn back_up(&self, to: &Path) -> Result<Backup> {
        let key_copy = key_path(to);
        let key = read_key(&key_path(&self.path))?;
        let has_key = is_left_over(&key_copy) && read_key(&key_copy).is_ok_and(|copied| copied == key);
        for path in [Some(to), Some(key_copy.as_path()).filter(|_| !has_key)].into_iter().flatten() {
            if path.symlink_metadata().is_ok() {
                return Err(file_error("will not overwrite", path)(ErrorKind::AlreadyExists.into()));
            }
        }
        let aside = Aside::beside(to).map_err(file_error("cannot create", to))?;
        let cut_off = self.run_cut_off()?;
        copy(&self.path, aside.path())?;
        leave_out_run_under_way(aside.path(), cut_off).map_err(|error| Error::from_sqlite(aside.path(), &error))?;
        let leads = verify(aside.path(), Some(&key))?;
        if !has_key {
            let mut key_aside = Aside::beside(&key_copy).map_err(file_error("cannot create", &key_copy))?;
            key_aside.write_all(&key).map_err(file_error("cannot write", &key_copy))?;
            key_aside.publish(&key_copy).map_err(file_error("cannot create", &key_copy))?;
        }
        // The ledger comes last: where it stands, the backup is whole.
        if let Err(error) = aside.publish(to) {
            if !has_key {
                let _ = fs::remove_file(&key_copy);
            }
            return Err(file_error("cannot create", to)(error));
        }
        sync_folder(to)?;
        let bytes = fs::metadata(to).map_err(file_error("cannot read", to))?.len();
        Ok(Backup { ledger: to.into(), key: key_copy, bytes, leads })
    }
}

/// True for a key that belongs to no ledger: a private file, and nothing beside it has a name that goes with it.
fn is_left_over(key: &Path) -> bool {
    let is_private = |about: fs::Metadata| about.is_file() && about.permissions().mode() & 0o777 == 0o600;
    let name = key.file_name().map(Path::new);
    let goes_with_it = |entry: fs::DirEntry| {
        let other = PathBuf::from(entry.file_name());
        Some(other.as_path()) != name && Some(other.with_extension("key").as_path()) == name
    };
    key.symlink_metadata().is_ok_and(is_private)
        && fs::read_dir(folder_of(key)).is_ok_and(|mut folder| !folder.any(|entry| entry.map_or(true, goes_with_it)))
}

/// Copies a ledger of schema `version` to `NAME.bak-vN` beside it, in place of an earlier copy of that name: what an interrupted migration
/// left is of the same version. The caller holds the lease, so that what is unfinished of that name belongs to nobody.
pub(super) fn before_migration(ledger: &Ledger, version: i64) -> Result<PathBuf> {
    let mut name = ledger.path().to_path_buf().into_os_string();
    name.push(format!(".bak-v{version}"));
    let to = PathBuf::from(name);
    aside::delete_unfinished_of(&to).map_err(file_error("cannot delete what is left of", &to))?;
    let aside = Aside::beside(&to).map_err(file_error("cannot create", &to))?;
    copy(ledger.path(), aside.path())?;
    verify(aside.path(), None)?;
    aside.replace(&to).map_err(file_error("cannot create", &to))?;
    sync_folder(&to)?;
    Ok(to)
}

/// `VACUUM INTO` reads in one transaction, so it sees one moment, and copies no free pages. The target may be an empty file. It needs a
/// connection of its own: one that may only query refuses.
fn copy(ledger: &Path, to: &Path) -> Result<()> {
    let name = to.to_str().ok_or_else(|| file_error("cannot name", to)(ErrorKind::InvalidFilename.into()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let of_ledger = |error| Error::from_sqlite(ledger, &error);
    let db = Connection::open_with_flags(ledger, flags).map_err(of_ledger)?;
    match db.execute("VACUUM INTO ?1", [name]).map_err(|error| (error.sqlite_error_code(), error)) {
        Ok(_) => Ok(()),
        // What is read is damaged; the copy is new.
        Err((Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), error)) => Err(of_ledger(error)),
        Err((_, error)) => Err(Error::from_sqlite(to, &error)),
    }
}

/// Reads the whole copy; with `key`, also that the key is the one of its fingerprints. Returns the number of leads.
fn verify(path: &Path, key: Option<&[u8; 32]>) -> Result<u64> {
    let corrupt = |cause: &str| Error::Corrupt { path: path.into(), cause: cause.to_owned() };
    let check = || -> rusqlite::Result<(String, i64, Option<Vec<u8>>, i64)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        let stored = "SELECT (SELECT value FROM meta WHERE name = 'key_check'), (SELECT count(*) FROM lead)";
        let (stored, leads) = db.query_row(stored, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((
            db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?,
            db.pragma_query_value(None, "application_id", |row| row.get(0))?,
            stored,
            leads,
        ))
    };
    let (verdict, application, stored, leads) = check().map_err(|error| Error::from_sqlite(path, &error))?;
    if verdict != "ok" {
        return Err(corrupt(&verdict));
    }
    if application != APPLICATION_ID {
        return Err(corrupt("the copy is not marked as a ledger"));
    }
    if key.is_some_and(|key| stored.as_deref() != Some(blake3::hash(key).as_bytes())) {
        return Err(Error::Key { path: key_path(path), problem: "belongs to another ledger" });
    }
    Ok(u64::try_from(leads).unwrap_or(0))
}
