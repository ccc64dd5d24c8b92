//! The files that a glob means, component by component. Names are bytes to the system: one that is not UTF-8 is a file like any other.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};

/// How the pattern of a source is compared with a path. As in a shell: a leading dot must be written.
pub const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A glob, taken apart at its `/`.
#[derive(Debug)]
pub(super) struct Glob(Vec<Component>);

#[derive(Debug)]
enum Component {
    /// A name without special characters; also `.` and `..`.
    Literal(String),
    /// The names of one folder.
    Names(Pattern),
    /// `**`: this folder and every one below it, without those behind links, which may lead back.
    AnyDepth,
}

/// Why a glob's files cannot be listed.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) path: PathBuf,
    pub(super) cause: io::Error,
}

impl Glob {
    pub(super) fn new(glob: &str) -> Result<Self, PatternError> {
        let components = glob.split('/').filter(|component| !component.is_empty()).map(|component| {
            Ok(match component {
                "**" => Component::AnyDepth,
                special if special.contains(['*', '?', '[']) => Component::Names(Pattern::new(special)?),
                name => Component::Literal(name.to_owned()),
            })
        });
        components.collect::<Result<_, _>>().map(Self)
    }

    /// Every path below `folder` that matches, in no order.
    pub(super) fn below(&self, folder: &Path) -> Result<Vec<PathBuf>, Unreadable> {
        let mut found = Vec::new();
        walk(folder, &self.0, &mut found)?;
        // `**/**` comes to the same file on several ways.
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Whether a file of this name in `place`, which is where it really lies, would match below `folder`.
    pub(super) fn takes(&self, folder: &Path, place: &Path, name: &str) -> Result<bool, Unreadable> {
        let Some((last, folders)) = self.0.split_last() else { return Ok(false) };
        let (is_named, folders) = match last {
            Component::Literal(literal) => (literal == name, folders),
            Component::Names(pattern) => (pattern.matches_with(name, OPTIONS), folders),
            Component::AnyDepth => (true, self.0.as_slice()),
        };
        let mut found = Vec::new();
        if is_named {
            walk(folder, folders, &mut found)?;
        }
        Ok(found.iter().any(|found| fs::canonicalize(found).is_ok_and(|found| found == place)))
    }
}

fn walk(place: &Path, components: &[Component], found: &mut Vec<PathBuf>) -> Result<(), Unreadable> {
    let Some((first, rest)) = components.split_first() else {
        found.push(place.to_owned());
        return Ok(());
    };
    match first {
        Component::Literal(name) => {
            let next = place.join(name);
            let absent = fs::symlink_metadata(&next).is_err_and(|error| is_absent(&error));
            if absent { Ok(()) } else { walk(&next, rest, found) }
        }
        Component::Names(pattern) => {
            for name in names(place)? {
                if pattern.matches_with(&name.to_string_lossy(), OPTIONS) {
                    walk(&place.join(name), rest, found)?;
                }
            }
            Ok(())
        }
        Component::AnyDepth => {
            walk(place, rest, found)?;
            for name in names(place)? {
                let below = place.join(&name);
                let is_folder = fs::symlink_metadata(&below).is_ok_and(|metadata| metadata.is_dir());
                if is_folder && !name.to_string_lossy().starts_with('.') {
                    walk(&below, components, found)?;
                }
            }
            Ok(())
        }
    }
}

/// The names in a folder; none where there is no folder.
fn names(folder: &Path) -> Result<Vec<OsString>, Unreadable> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    match listed {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        listed => listed.map_err(|cause| Unreadable { path: folder.to_owned(), cause }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
