//! Moving a file away once its rows are safely in the ledger.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, RenameFlags, access, renameat_with};
use rustix::io::Errno;

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
    let moved = match move_to_free_name(&entry.path, dir, name) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(&entry.path, dir, name, &read.identity),
        other => other,
    };
    let target = moved.map_err(failed("archive", &entry.path))?;
    sync(dir).map_err(failed("sync the archive folder", dir))?;
    Ok(target)
}

/// Looks for what would keep [`archive`] from moving a file into `dir`, and changes nothing.
pub fn try_archive(entry: &Entry, dir: &Path) -> Result<(), Error> {
    let failed = |action: &'static str, path: &Path| {
        let path = path.display().to_string();
        move |cause| Error::Io { action, path, cause }
    };
    // What is missing of the folder is made in the nearest one that is there.
    let there = dir.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    require_changeable(there).map_err(failed("use the archive folder", dir))?;
    let from = entry.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    require_changeable(from).map_err(failed("archive", &entry.path))
}

/// Names can be made and removed in it by this process.
fn require_changeable(folder: &Path) -> io::Result<()> {
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// One step, so that a crash leaves the file here or there and nothing else.
fn move_to_free_name(from: &Path, dir: &Path, name: &OsStr) -> io::Result<PathBuf> {
    for number in 0_u64.. {
        let target = dir.join(numbered(name, number));
        match rename_to_new(from, &target) {
            Ok(()) => return Ok(target),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot refuse by itself: the lease keeps others of us away.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if to.try_exists()? => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(from, to),
        other => Ok(other?),
    }
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
fn copy(from: &Path, dir: &Path, name: &OsStr, identity: &Identity) -> io::Result<PathBuf> {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".part");
    let part = dir.join(hidden);
    // Left by a crash; the lease keeps others of us away.
    let _ = fs::remove_file(&part);
    let copied = fill(from, &part, identity).and_then(|()| move_to_free_name(&part, dir, name));
    let target = copied.inspect_err(|_| {
        // It is half a copy or a needless one; the original is where it was.
        let _ = fs::remove_file(&part);
    })?;
    sync(dir)?;
    fs::remove_file(from)?;
    Ok(target)
}

fn fill(from: &Path, part: &Path, identity: &Identity) -> io::Result<()> {
    let mut target = create_new(part)?;
    io::copy(&mut open_regular(from)?, &mut target)?;
    target.sync_all()?;
    if Identity::at(from)? == *identity {
        Ok(())
    } else {
        Err(io::Error::other("the file changed while it was copied"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_across_file_systems_leaves_only_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("a.csv");
        fs::write(&from, "id\n1\n").unwrap();
        let to = copy(&from, dir.path(), OsStr::new("b.csv"), &Identity::at(&from).unwrap()).unwrap();
        assert_eq!(to, dir.path().join("b.csv"));
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
