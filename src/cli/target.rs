//! Where a command may write a file: not where the worker reads or keeps its own.

use std::fs;
use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::config::Loaded;
use crate::ledger;

/// Refuses a file that the next run would read as an export, and the name of the configuration, the ledger, or of what lies beside it.
pub(super) fn refuse_in_use(loaded: &Loaded, file: &Path) -> Result<(), Failure> {
    // Without its folder it is not written at all, and the reason is told there.
    let (Some(folder), Some(name)) = (folder_of(file), file.file_name()) else { return Ok(()) };
    let target = folder.join(name);
    let shown = file.display();
    let settings = &loaded.unresolved;
    if let Some(sync) = settings.syncs.iter().find(|sync| sync.source.covers(&folder, name)) {
        return Err(Failure::usage(format!(
            "{shown} would be read as an export of the sync {} ({}): name a file that it does not read",
            sync.name,
            sync.source.shown()
        )));
    }
    if is(loaded.path(), &target) {
        return Err(Failure::usage(format!("{shown} is the configuration file: name another file")));
    }
    if is(&settings.ledger, &target) || ledger::files_of(&settings.ledger).contains(&target) {
        return Err(Failure::usage(format!("{shown} is the ledger's: choose another name")));
    }
    Ok(())
}

/// Whether `target` is this path, or what it leads to.
fn is(path: &Path, target: &Path) -> bool {
    let here = folder_of(path).and_then(|folder| Some(folder.join(path.file_name()?)));
    here.as_deref() == Some(target) || fs::canonicalize(path).is_ok_and(|path| path == target)
}

fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).ok()
}
