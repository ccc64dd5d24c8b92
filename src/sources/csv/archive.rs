//! Moving a file away once its rows are safely in the ledger.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::input::{Identity, open_regular};
use super::{Entry, Summary, changed};
use crate::sources::Error;

/// Moves the file into `dir`, which is made (mode 0700) if need be, and says where it is now.
///
/// Nothing is ever overwritten: a name that is taken gets a number, `customers-1.csv`. Across file systems the file is copied, synced and
/// only then removed. A file that is no longer the one that was read stays where it is.
pub fn archive(entry: &Entry, read: &Summary, dir: &Path) -> Result<PathBuf, Error> {
    let failed = |action: &'static str, path: &Path| {
        let path = path.display().to_string();
        move |cause| Error::Io { action, path, cause }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed("create the archive folder", dir))?;
    let now = Identity::at(&entry.path).map_err(failed("read", &entry.path))?;
    if now != read.identity {
        return Err(changed(&entry.origin));
    }
    let name = entry.path.file_name().unwrap_or(OsStr::new("export.csv"));
    let target = reserve(dir, name).map_err(failed("write into the archive folder", dir))?;
    let moved = match fs::rename(&entry.path, &target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(&entry.path, &target, &read.identity),
        other => other,
    };
    if let Err(cause) = moved {
        // What stands under the reserved name is empty or a copy; the original is still where it was.
        let _ = fs::remove_file(&target);
        return Err(failed("archive", &entry.path)(cause));
    }
    sync(dir).map_err(failed("sync the archive folder", dir))?;
    Ok(target)
}

/// Makes an empty file under a name that nobody has: a rename onto it can destroy nothing.
fn reserve(dir: &Path, name: &OsStr) -> io::Result<PathBuf> {
    for number in 0_u64.. {
        let path = dir.join(numbered(name, number));
        match create_new(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `customers.csv.gz`, 2 → `customers-2.csv.gz`.
fn numbered(name: &OsStr, number: u64) -> OsString {
    if number == 0 {
        return name.to_owned();
    }
    let text = name.to_string_lossy();
    let dot = text.char_indices().skip(1).find_map(|(at, letter)| (letter == '.').then_some(at)).unwrap_or(text.len());
    let (stem, extension) = text.split_at(dot);
    format!("{stem}-{number}{extension}").into()
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the names in a folder durable.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Copies under a hidden name first: a crash leaves no half file that looks whole.
fn copy(from: &Path, reserved: &Path, identity: &Identity) -> io::Result<()> {
    let mut hidden = OsString::from(".");
    hidden.push(reserved.file_name().unwrap_or_default());
    hidden.push(".part");
    let part = reserved.with_file_name(hidden);
    // Left by a crash; the reserved name is ours alone, so this one is, too.
    let _ = fs::remove_file(&part);
    let mut target = create_new(&part)?;
    io::copy(&mut open_regular(from)?, &mut target)?;
    target.sync_all()?;
    fs::rename(&part, reserved)?;
    if let Some(dir) = reserved.parent() {
        sync(dir)?;
    }
    if Identity::at(from)? != *identity {
        return Err(io::Error::other("the file changed while it was copied"));
    }
    fs::remove_file(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_across_file_systems_leaves_only_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a.csv"), dir.path().join("b.csv"));
        fs::write(&from, "id\n1\n").unwrap();
        copy(&from, &to, &Identity::at(&from).unwrap()).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "id\n1\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_number_goes_before_the_endings() {
        assert_eq!(numbered(OsStr::new("c.csv.gz"), 2), OsString::from("c-2.csv.gz"));
        assert_eq!(numbered(OsStr::new("export"), 1), OsString::from("export-1"));
        assert_eq!(numbered(OsStr::new("c.csv"), 0), OsString::from("c.csv"));
    }
}
