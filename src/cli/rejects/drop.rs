//! `rejects drop ORIGIN`: a row that nobody will correct.

use clap::Args as ClapArgs;

use crate::cli::args::Args;
use crate::cli::exit::{Exit, Failure};
use crate::cli::mend::{self, Desk};
use crate::cli::{forget, out, run};
use crate::domain::count::count;
use crate::ledger::Ledger;

/// Options of `rejects drop`.
#[derive(Debug, ClapArgs)]
pub struct DropOptions {
    /// Where the row came from: PATH:LINE, as `leads` shows it
    #[arg(value_name = "ORIGIN")]
    pub origin: String,
    /// Only of this sync
    #[arg(long, value_name = "NAME")]
    pub sync: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Takes rows without a key off the list.
pub(super) fn drop(args: &Args, options: &DropOptions) -> Result<Exit, Failure> {
    let sync = options.sync.as_deref();
    let Desk { mut ledger, program, .. } = mend::open(args, sync)?;
    let origin = options.origin.as_str();
    let rows = ledger.quarantined_at(origin, sync)?;
    if rows.is_empty() {
        return Err(Failure::usage(absent(&ledger, &program, origin)?));
    }
    if let Some(keyed) = rows.iter().find(|row| !row.key.is_empty()) {
        return Err(Failure::usage(format!(
            "{} has the key {} ({}): correct it, or erase all that has that key with {program} forget {}",
            out::shown(origin),
            out::shown(&keyed.key),
            out::shown(&keyed.reason),
            out::pasted_key(&keyed.key)
        )));
    }
    for row in &rows {
        out::note(format!("{}: a row without a key: {}", row.sync, out::shown(&row.reason)));
    }
    let number = rows.len() as u64;
    let question = format!(
        "{}: erase {} for good? ({program} rejects export FILE is there to correct rows)",
        out::shown(origin),
        count(number, "row")
    );
    if !options.yes && !run::confirmed(&question)? {
        return Err(Failure::usage("nothing was dropped; --yes answers the question"));
    }
    if !ledger.drop_quarantined(origin, sync, &rows)? {
        let text = format!("{} is another row by now: nothing was dropped. Look again", out::shown(origin));
        return Err(Failure::new(Exit::Attention, text));
    }
    out::say(format!(
        "dropped: {}. While the export holds the very same row it is passed over, and counted as skipped",
        count(number, "row")
    ));
    out::say(format!("{program} prune rewrites the ledger without what SQLite may have left of it in the file"));
    forget::tell_of_copies(&ledger);
    Ok(Exit::Done)
}

/// Why nothing of `origin` can be dropped.
fn absent(ledger: &Ledger, program: &str, origin: &str) -> Result<String, Failure> {
    let shown = out::shown(origin);
    Ok(match ledger.rejected_lead_at(origin)? {
        Some(key) => {
            let (lead, key) = (out::shown(&key), out::pasted_key(&key));
            format!("{shown} is the row of lead {lead}: correct it, or erase it with {program} forget {key}")
        }
        None => {
            format!("no rejected row came from {shown}; {program} leads --state rejected shows where each came from")
        }
    })
}
