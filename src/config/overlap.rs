//! Files that two syncs read and one of them moves away: whichever comes first takes them from the other, whose leads are then never sent.

use std::path::{Path, PathBuf};

use glob::Pattern;

use super::findings::Findings;
use super::source;
use crate::sources::{Settings, csv};
use crate::worker::settings::Sync;

/// Notes every sync that moves away files of another one, as far as their paths tell: two patterns may both match a file that is yet to come.
pub(super) fn note<'s>(syncs: impl Iterator<Item = &'s Sync>, findings: &Findings) {
    let of_files = |sync: &'s Sync| match &sync.source {
        Settings::Csv(source) => Some((sync.name.as_str(), source)),
        Settings::Sqlite(_) => None,
    };
    let all: Vec<_> = syncs.filter_map(of_files).collect();
    for (name, source) in all.iter().filter(|(_, source)| source.after != csv::After::Keep) {
        let others = || all.iter().filter(|(other, _)| other != name);
        let Some((other, _)) = others().find(|(_, beside)| share(source, beside, findings)) else { continue };
        let key = format!("syncs.{name}.source.after");
        let text = format!(
            "moves away files that sync {other} reads, too, and one of the two would not see them; give each sync files of its own, or write \
             after = \"keep\""
        );
        findings.problem(findings.origin().variable(&key), key, text);
    }
}

/// True if both have the same path, or one is a file that the other's pattern matches.
fn share(one: &csv::Settings, other: &csv::Settings, findings: &Findings) -> bool {
    plain(&one.path) == plain(&other.path) || holds(one, other, findings) || holds(other, one, findings)
}

/// True if `file` is a single file that the pattern of `of` matches.
fn holds(of: &csv::Settings, file: &csv::Settings, findings: &Findings) -> bool {
    let pattern = source::pattern(&of.shown, findings).map(|pattern| plain(&pattern));
    let pattern = pattern.as_deref().and_then(Path::to_str).and_then(|pattern| Pattern::new(pattern).ok());
    let is_match = |pattern: Pattern| pattern.matches_path_with(&plain(&file.path), csv::MATCHING);
    !file.is_pattern() && pattern.is_some_and(is_match)
}

/// Without `.` and doubled `/`.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}
