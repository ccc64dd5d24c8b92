//! Which files a source means.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::Settings;
use super::pattern::{self, Glob};
use crate::domain::time::Timestamp;
use crate::sources::{Error, is_at};

/// Ends of names that uploaders, browsers and editors give to files they have not finished.
const UNFINISHED: [&str; 5] = [".part", ".filepart", ".tmp", ".crdownload", "~"];

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// How it is shown and recorded: the path as configured, for a glob with the file's name in place of the pattern.
    pub origin: String,
    /// It was modified less than `min_age` ago (or in the future): it is left for the next run.
    pub too_young: bool,
}

/// The source's files in name order (bytewise, by origin). A glob that matches nothing gives none.
///
/// A path that exists is taken literally, even with brackets in it. A glob matches regular files only, and neither hidden ones
/// nor those that are marked as unfinished (`.part`, `.filepart`, `.tmp`, `.crdownload`, `~`).
pub fn list(settings: &Settings, now: Timestamp) -> Result<Vec<Entry>, Error> {
    let entry = |path: PathBuf, origin: String, metadata: &Metadata| Entry {
        path,
        origin,
        too_young: now.since(modified(metadata)) < settings.min_age,
    };
    let pattern = settings.is_pattern();
    match fs::metadata(&settings.path) {
        Ok(metadata) if metadata.is_file() => {
            return Ok(vec![entry(settings.path.clone(), settings.shown.clone(), &metadata)]);
        }
        Ok(_) if !pattern => {
            return Err(Error::Refused {
                file: settings.shown.clone(),
                reason: "it is not a regular file; name a file or a pattern such as exports/*.csv".to_owned(),
            });
        }
        Err(error) if !pattern && error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing { path: settings.shown.clone() });
        }
        Err(cause) if !pattern => return Err(unreadable(&settings.shown, cause)),
        Ok(_) | Err(_) => {}
    }
    let mut entries = Vec::new();
    for (path, origin) in matches(settings)? {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => entries.push(entry(path, origin, &metadata)),
            Ok(_) => {}
            // Gone between the listing and now, or a link to nowhere or back to itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_loop(&error) => {}
            Err(cause) => return Err(unreadable(&origin, cause)),
        }
    }
    entries.sort_by(|a, b| a.origin.cmp(&b.origin));
    Ok(entries)
}

/// What a glob matches by name and [`list`] passes over, as a file is shown: a link that leads nowhere, e.g. to a disk that is not mounted, and
/// what is neither file nor folder.
pub fn passed_over(settings: &Settings) -> Vec<String> {
    let is_usual = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir());
    // What cannot be listed is told by `list`. A name that is gone by now is nothing that was passed over.
    let matched = if settings.is_pattern() { matches(settings).unwrap_or_default() } else { Vec::new() };
    let left = matched.into_iter().filter(|(path, _)| !is_usual(path) && path.symlink_metadata().is_ok());
    left.map(|(_, origin)| origin).collect()
}

/// True if a file with this [`Entry::origin`] is one of the source's, whether it is there or not.
pub fn has_origin(settings: &Settings, origin: &str) -> bool {
    settings.shown == origin
        || Pattern::new(&settings.shown).is_ok_and(|pattern| pattern.matches_with(origin, pattern::OPTIONS))
}

/// Whether the source reads a file of this name in `folder`, which is where it really lies, whether or not there is one now.
pub fn covers(settings: &Settings, folder: &Path, name: &OsStr) -> bool {
    if is_at(&settings.path, folder, name) {
        return true;
    }
    let (_, pattern) = folder_and_pattern(&settings.shown);
    let takes = |glob: Glob| glob.takes(start(settings, pattern), folder, &name.to_string_lossy());
    // What cannot be listed is not read either.
    settings.is_pattern() && is_finished(name) && Glob::new(pattern).is_ok_and(|glob| takes(glob).unwrap_or(false))
}

/// The folder that the glob's `pattern` begins in.
fn start<'s>(settings: &'s Settings, pattern: &str) -> &'s Path {
    // The configuration's own folder stands before what is configured, and may hold brackets that are no pattern.
    let whole = settings.path.as_os_str().as_bytes();
    let folder = whole.strip_suffix(pattern.as_bytes()).filter(|folder| !folder.is_empty()).unwrap_or(b".");
    Path::new(OsStr::from_bytes(folder))
}

/// Path and origin of every name that the glob matches.
fn matches(settings: &Settings) -> Result<Vec<(PathBuf, String)>, Error> {
    let (shown_folder, pattern) = folder_and_pattern(&settings.shown);
    let folder = start(settings, pattern);
    if !folder.is_dir() {
        let path = if shown_folder.is_empty() { "." } else { shown_folder };
        return Err(Error::Missing { path: path.to_owned() });
    }
    let glob = Glob::new(pattern).map_err(|error| Error::Refused {
        file: settings.shown.clone(),
        reason: format!("the pattern is not valid: {}", error.msg),
    })?;
    let found = glob.below(folder).map_err(|error| unreadable(&readable(&error.path), error.cause))?;
    let finished = found.into_iter().filter(|path| path.file_name().is_some_and(is_finished));
    let with_origin = finished.map(|path| {
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let origin = format!("{shown_folder}{}", readable(below));
        (path, origin)
    });
    Ok(with_origin.collect())
}

/// A path as text: bytes that are not UTF-8 as `\xNN`, so that two names never look the same.
fn readable(path: &Path) -> String {
    let chunks = path.as_os_str().as_bytes().utf8_chunks();
    chunks.fold(String::new(), |text, chunk| text + chunk.valid() + &chunk.invalid().escape_ascii().to_string())
}

/// The part of a glob up to the last `/` before its first special character, and the rest.
fn folder_and_pattern(glob: &str) -> (&str, &str) {
    let special = glob.find(['*', '?', '[']).unwrap_or(glob.len());
    let (literal, _) = glob.split_at(special);
    glob.split_at(literal.rfind('/').map_or(0, |slash| slash + 1))
}

fn is_finished(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    !name.starts_with('.') && !UNFINISHED.iter().any(|end| name.ends_with(end))
}

fn modified(metadata: &Metadata) -> Timestamp {
    metadata.modified().map(Timestamp::from).unwrap_or_default()
}

/// A link that leads back to itself: `ELOOP` of open(2).
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn unreadable(path: &str, cause: io::Error) -> Error {
    Error::Io { action: "read", path: Path::new(path).display().to_string(), cause }
}
