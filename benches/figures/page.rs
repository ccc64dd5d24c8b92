//! The page that keeps what was measured: docs/BENCHMARKS.md, between `<!-- figures:NAME -->` and `<!-- /figures -->`.

use std::path::PathBuf;

use crate::Result;

/// The variable that names it; without it nothing is written.
const VARIABLE: &str = "LEAD_SYNC_BENCH_PAGE";

const END: &str = "<!-- /figures -->";

/// A page with a place for each figure that it is to keep.
#[derive(Debug)]
pub(crate) struct Page {
    path: PathBuf,
}

impl Page {
    /// The page that is to be written, if any, with places for all figures named.
    pub(crate) fn asked_for<'n>(names: impl Iterator<Item = &'n str>) -> Result<Option<Self>> {
        let Some(path) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let page = Self { path: path.into() };
        let text = std::fs::read_to_string(&page.path)?;
        for name in names {
            page.place(&text, name)?;
        }
        Ok(Some(page))
    }

    /// Puts a figure into its place.
    pub(crate) fn put(&self, name: &str, figure: &str) -> Result<()> {
        let text = std::fs::read_to_string(&self.path)?;
        let (before, after) = self.place(&text, name)?;
        Ok(std::fs::write(&self.path, format!("{before}\n{figure}{after}"))?)
    }

    /// What stands before a figure, its marker included, and what stands after it, from the end marker on.
    fn place<'t>(&self, text: &'t str, name: &str) -> Result<(&'t str, &'t str)> {
        let found = text.split_once(&format!("<!-- figures:{name} -->")).and_then(|(_, rest)| {
            let after = &rest[rest.find(END)?..];
            Some((&text[..text.len() - rest.len()], after))
        });
        let missing = || format!("{} has no place for {name}: <!-- figures:{name} -->, {END}", self.path.display());
        Ok(found.ok_or_else(missing)?)
    }
}
