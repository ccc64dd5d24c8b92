//! Rejected rows out of the ledger, in the form of their export.

use std::io::{self, Write};

use super::RejectsError;
use crate::ledger::{Ledger, RejectOrigin};
use crate::sources::csv::rejects::{Style, Writer};

/// Writes the rejected rows of `sync`, of all its origins or of one, as they are at one moment. Returns how many there are. `create` opens the
/// file, once there is something to write.
pub fn export_rejects<W: Write>(
    ledger: &Ledger,
    sync: &str,
    origin: Option<&str>,
    create: impl FnOnce() -> io::Result<W>,
) -> Result<(u64, Option<W>), RejectsError> {
    ledger.at_one_moment(|| write_rejects(ledger, sync, origin, create))
}

fn write_rejects<W: Write>(
    ledger: &Ledger,
    sync: &str,
    origin: Option<&str>,
    create: impl FnOnce() -> io::Result<W>,
) -> Result<(u64, Option<W>), RejectsError> {
    let origins = chosen(ledger.reject_origins(sync)?, sync, origin)?;
    let Some(first) = origins.first() else { return Ok((0, None)) };
    if let Some(other) = origins.iter().find(|other| Style::of(&other.layout) != Style::of(&first.layout)) {
        return Err(RejectsError::Usage(format!(
            "the rejected rows of sync {sync} come from exports of different form, such as {} and {}: write one file for each, with --origin",
            first.path, other.path
        )));
    }
    let style = Style::of(&first.layout);
    let only = (origins.len() == 1).then_some(first.id);
    let mut most = 0;
    ledger.each_reject(sync, only, |reject| -> Result<(), RejectsError> {
        most = most.max(style.cells(&reject.record).len());
        Ok(())
    })?;
    let mut writer = Writer::new(create()?, style.clone(), most)?;
    let mut count = 0;
    ledger.each_reject(sync, only, |reject| -> Result<(), RejectsError> {
        let path = origins.iter().find(|origin| origin.id == reject.origin).map_or("", |origin| &origin.path);
        let line = if only.is_some() { reject.line.to_string() } else { format!("{path}:{}", reject.line) };
        writer.row(style.cells(&reject.record), &reject.reason, &line)?;
        count += 1;
        Ok(())
    })?;
    Ok((count, Some(writer.into_inner())))
}

fn chosen(origins: Vec<RejectOrigin>, sync: &str, origin: Option<&str>) -> Result<Vec<RejectOrigin>, RejectsError> {
    let Some(path) = origin else { return Ok(origins) };
    let found: Vec<RejectOrigin> = origins.into_iter().filter(|origin| origin.path == path).collect();
    if found.is_empty() {
        return Err(RejectsError::Usage(format!(
            "sync {sync} has no rejected rows of {path}; lead-sync leads --state rejected lists origins"
        )));
    }
    Ok(found)
}
