//! The ledger and what lies beside it.

use std::path::Path;

use super::{Ending, Finding};
use crate::domain::count::count;
use crate::ledger::{self, Found, Ledger};

const SUBJECT: &str = "ledger";

/// Looks at the ledger; there need not be one yet.
pub fn ledger(path: &Path, tokens: &Path) -> Vec<Finding> {
    let shown = path.display();
    let mut findings = vec![match Ledger::inspect(path, tokens) {
        Ok(Found::Absent) => Finding::fine(SUBJECT, format!("{shown}: not there yet; the first run creates it")),
        Ok(Found::Empty) => Finding::fine(SUBJECT, format!("{shown}: empty")),
        Ok(Found::Sound { leads }) => {
            Finding::fine(SUBJECT, format!("{shown}: whole, with its key; {}", count(leads, "lead")))
        }
        Err(error) => refused(&error),
    }];
    for file in Ledger::exposed(path) {
        let fact = format!("others can read {}", file.display());
        findings.push(Finding::doubtful(SUBJECT, &fact).hint(format!("chmod 600 {}", file.display())));
    }
    if let Some(folder) = Ledger::replaceable(path) {
        let fact = format!("others can replace the ledger's files: they can write to {}", folder.display());
        let hint = format!("chmod go-w {0}, and chown it to the user that lead-sync runs as", folder.display());
        findings.push(Finding::doubtful(SUBJECT, &fact).hint(hint));
    }
    for file in Ledger::unfinished(path) {
        let fact = format!("{} is being written, or its writer was killed", file.display());
        let hint = "delete it if no backup, report or export is being written; a run does so once it is a day old";
        findings.push(Finding::doubtful(SUBJECT, &fact).hint(hint));
    }
    if let Some(holder) = ledger::holder(path) {
        findings.push(Finding::fine(SUBJECT, format!("held by {holder}; a run beside it would end with exit code 6")));
    }
    findings
}

fn refused(error: &ledger::Error) -> Finding {
    use ledger::Error;
    let text = error.to_string();
    match error {
        Error::Full { .. } | Error::Temporary { .. } | Error::File { .. } | Error::Database { .. } => {
            let hint = "lead-sync must run as a user who can read and write the ledger and its folder, on a local disk with room";
            Finding { fact: text, ..Finding::bad(Ending::Error, SUBJECT, "") }.hint(hint)
        }
        Error::Missing { .. }
        | Error::Dangling { .. }
        | Error::Foreign { .. }
        | Error::Newer { .. }
        | Error::Corrupt { .. }
        | Error::Lost { .. }
        | Error::Older { .. }
        | Error::DamagedMark { .. }
        | Error::Folder { .. }
        | Error::SeveralNames { .. }
        | Error::Replaced { .. }
        | Error::LockLost { .. }
        | Error::Key { .. }
        | Error::Held { .. } => {
            let (fact, hint) = text.split_once(": ").unwrap_or((&text, "restore it from the last backup"));
            Finding::bad(Ending::Usage, SUBJECT, fact).hint(hint)
        }
    }
}
