//! A page of the documentation, taken apart.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// `PAGE:LINE` of its first line.
    pub(crate) at: String,
    /// The first word behind the fence.
    pub(crate) kind: String,
    /// The words after it, e.g. `no-run`.
    pub(crate) note: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Every page: `docs/*.md` and the README.
pub(crate) fn pages() -> Vec<String> {
    let names = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let name = |path: PathBuf| format!("docs/{}", Path::new(path.file_name().unwrap()).display());
    let mut pages: Vec<String> = names.filter(is_page).map(name).collect();
    pages.sort();
    pages.push("README.md".to_owned());
    pages
}

pub(crate) fn blocks(name: &str) -> Vec<Block> {
    let (text, mut blocks, mut open) = (page(name), Vec::new(), None::<Block>);
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => {
                let (kind, note) = info.split_once(' ').unwrap_or((info, ""));
                let at = format!("{name}:{}", number + 2);
                open = Some(Block { at, kind: kind.to_owned(), note: note.to_owned(), text: String::new() });
            }
            (None, Some(block)) => open = Some(Block { text: block.text.clone() + line + "\n", ..block }),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name}: a block is never closed");
    blocks
}
