//! Rejected rows out of the ledger, in the form of their export.

use std::io::{self, Write};

use super::RejectsError;
use crate::domain::count::count;
use crate::ledger::{Ledger, Reject, RejectOrigin};
use crate::sources::csv::rejects::{Style, Writer};

/// Which rejected rows of a sync go into a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChosenRejects<'c> {
    /// Those of this origin; `None`: of all.
    pub origin: Option<&'c str>,
    /// Those of one of the forms that their export was written in, one after the other, from 1; `None`: of all.
    pub form: Option<usize>,
}

/// Writes the `chosen` rejected rows of `sync` as they are at one moment. Returns how many there are. `create` opens the file, once there is
/// something to write.
pub fn export_rejects<W: Write>(
    ledger: &Ledger,
    sync: &str,
    chosen: ChosenRejects<'_>,
    create: impl FnOnce() -> io::Result<W>,
) -> Result<(u64, Option<W>), RejectsError> {
    ledger.at_one_moment(|| write_rejects(ledger, sync, chosen, create))
}

fn write_rejects<W: Write>(
    ledger: &Ledger,
    sync: &str,
    chosen: ChosenRejects<'_>,
    create: impl FnOnce() -> io::Result<W>,
) -> Result<(u64, Option<W>), RejectsError> {
    let origins = of_form(of_origin(ledger.reject_origins(sync)?, sync, chosen.origin)?, chosen.form)?;
    let Some(first) = origins.first() else { return Ok((0, None)) };
    let style = Style::of(&first.layout);
    let only = origins.iter().all(|origin| origin.id == first.id).then_some(first.id);
    let origin_of =
        |reject: &Reject| origins.iter().find(|origin| (origin.id, origin.kept_as) == (reject.origin, reject.layout));
    let mut most = 0;
    ledger.each_reject(sync, only, |reject| -> Result<(), RejectsError> {
        if origin_of(&reject).is_some() {
            most = most.max(style.cells(&reject.record).len());
        }
        Ok(())
    })?;
    let mut writer = Writer::new(create()?, style.clone(), most)?;
    let mut written = 0;
    ledger.each_reject(sync, only, |reject| -> Result<(), RejectsError> {
        let Some(origin) = origin_of(&reject) else { return Ok(()) };
        let line = if only.is_some() { reject.line.to_string() } else { format!("{}:{}", origin.path, reject.line) };
        writer.row(style.cells(&reject.record), &reject.reason, &line)?;
        written += 1;
        Ok(())
    })?;
    Ok((written, Some(writer.into_inner())))
}

fn of_origin(origins: Vec<RejectOrigin>, sync: &str, origin: Option<&str>) -> Result<Vec<RejectOrigin>, RejectsError> {
    let found: Vec<RejectOrigin> = match origin {
        Some(path) => origins.into_iter().filter(|origin| origin.path == path).collect(),
        None => origins,
    };
    if let Some(path) = origin.filter(|_| found.is_empty()) {
        return Err(RejectsError::Usage(format!(
            "sync {sync} has no rejected rows of {path}; lead-sync leads --state rejected lists origins"
        )));
    }
    let Some(first) = found.first() else { return Ok(found) };
    let is_other = |other: &&RejectOrigin| other.id != first.id && !has_form(first, other);
    if let Some(other) = found.iter().find(is_other) {
        return Err(RejectsError::Usage(format!(
            "the rejected rows of sync {sync} come from exports of different form, such as {} and {}: write one file for each, with --origin",
            first.path, other.path
        )));
    }
    Ok(found)
}

/// One file has one header: of rows that were read before and after a change of their export's form it holds only some.
fn of_form(origins: Vec<RejectOrigin>, form: Option<usize>) -> Result<Vec<RejectOrigin>, RejectsError> {
    let mut forms: Vec<Vec<RejectOrigin>> = Vec::new();
    for origin in origins {
        match forms.iter_mut().find(|form| form.first().is_some_and(|first| has_form(first, &origin))) {
            Some(form) => form.push(origin),
            None => forms.push(vec![origin]),
        }
    }
    let (found, wanted) = (forms.len(), form.unwrap_or(1));
    let path = forms.first().and_then(|form| form.first()).map_or("", |origin| &origin.path);
    let text = match form {
        None if found > 1 => format!(
            "the rejected rows of {path} are of {found} forms, as its columns, delimiter or encoding have changed since some of them were read: \
             write one file for each, with --form 1 (the earliest) to --form {found}"
        ),
        Some(_) if wanted == 0 || wanted > found => {
            format!(
                "there is no form {wanted}: the rejected rows are of {}; without --form you are told which there are",
                count(found as u64, "form")
            )
        }
        _ => return Ok(forms.into_iter().nth(wanted - 1).unwrap_or_default()),
    };
    Err(RejectsError::Usage(text))
}

fn has_form(one: &RejectOrigin, other: &RejectOrigin) -> bool {
    Style::of(&one.layout) == Style::of(&other.layout)
}
