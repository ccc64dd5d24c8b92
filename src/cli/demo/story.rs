//! What the demo tells.

use std::net::SocketAddr;
use std::path::Path;

use super::place::Place;
use crate::cli::out;
use crate::config::pasted;
use crate::domain::delivery::State;
use crate::ledger::{Counts, LeadRow};
use crate::sandbox::Summary;
use crate::worker::report::Report;

/// Examples of each kind of lead.
const EXAMPLES: usize = 3;

/// Who plays.
pub(super) fn opening(place: &Place, url: &str) {
    out::say("A CRM export goes to a local WeGroup. Nothing leaves this machine.\n");
    out::say(format!("  WeGroup  {url}"));
    let form = "semicolons, Windows-1252, and the faults that real exports have";
    out::paragraph("  export   ", &format!("{}: {form}", place.export().display()));
    if place.goes_on() {
        out::paragraph("  ledger   ", "that of an earlier demo, which knows the leads already (--fresh begins anew)");
    }
    out::say("");
}

/// The first run, each kind of lead with its count and examples.
pub(super) fn first_run(report: &Report, leads: &[LeadRow]) {
    let total = total(report);
    let seconds = report.finished_at.since(report.started_at).as_secs_f64();
    out::say(format!(
        "First run: {} rows read, {} new leads, {} delivered in {seconds:.1} s. Where they stand:\n",
        total.read, total.new, total.delivered
    ));
    let of = |state: State| leads.iter().filter(move |lead| lead.state == state.as_str());
    let (refused, unfit): (Vec<_>, Vec<_>) = of(State::Rejected).partition(|lead| lead.http_status.is_some());
    kind(&of(State::Delivered).collect::<Vec<_>>(), "delivered; the ledger keeps WeGroup's id and forgets the person");
    kind(&refused, "refused by WeGroup, for the reason it gave");
    kind(&unfit, "in quarantine: these rows make no lead, and the others go on without them");
    if total.skipped > 0 {
        out::say(format!("  {:>3} skipped: no consent (the `where` of the configuration)", total.skipped));
    }
    notices(report);
    out::say("");
}

fn kind(leads: &[&LeadRow], meaning: &str) {
    if leads.is_empty() {
        return;
    }
    out::say(format!("  {:>3} {meaning}", leads.len()));
    for lead in leads.iter().take(EXAMPLES) {
        let key = if lead.key.is_empty() { "no key".to_owned() } else { out::shown(&lead.key) };
        let head = format!("        {key:<7} {:<18} ", out::shown(&lead.origin));
        let told = lead.reason.as_ref().or(lead.remote_id.as_ref());
        out::paragraph(&head, &told.map(|told| out::shown(told)).unwrap_or_default());
    }
    if leads.len() > EXAMPLES {
        out::say(format!("        and {} more", leads.len() - EXAMPLES));
    }
}

/// The second run, and what the local WeGroup itself says of both.
pub(super) fn second_run(report: &Report, summary: &Summary) {
    let total = total(report);
    let sent = total.delivered + total.rejected + total.held + total.failed;
    out::say(format!("Second run, the same export: {} rows read, {sent} leads sent.", total.read));
    let twice = match summary.duplicates_by_external_ref {
        0 => "none twice".to_owned(),
        count => format!("{count} twice"),
    };
    out::say(format!(
        "WeGroup's own count of both runs: {} leads received, {} stored, {twice}.",
        summary.received, summary.stored
    ));
    notices(report);
    out::say("");
}

/// Files to look at and commands to try.
pub(super) fn what_next(place: &Place, address: SocketAddr, ledger: &Path, leads: &[LeadRow]) {
    out::say(format!("  configuration  {}", place.configuration().display()));
    out::say(format!("  ledger         {} (SQLite; views leads, failures, runs)\n", ledger.display()));
    let program = out::program();
    let command = format!("{program} --config {}", pasted(&place.configuration()));
    out::say("Go on from here:\n");
    out::say(format!("  {command} leads"));
    out::say(format!("  {command} leads --state rejected"));
    let refused = leads.iter().find(|lead| lead.state == State::Rejected.as_str() && lead.http_status.is_some());
    if let Some(lead) = refused {
        out::say(format!("  {command} show {}", pasted(Path::new(&lead.key))));
    }
    out::say(format!("  {command} status\n"));
    if let Some(lead) = refused {
        let line = lead.origin.rsplit(':').next().unwrap_or_default();
        let mend = format!(
            "To mend the refused lead, correct the e-mail address in line {line} of {}, bring WeGroup back in \
             another terminal, and run once more:",
            place.export().display()
        );
        out::paragraph("", &mend);
        out::say(format!("\n  {program} sandbox --listen {address}"));
        out::say(format!("  {command} --run-now\n"));
    }
    out::say(format!("With a real account: {program} init"));
}

fn total(report: &Report) -> Counts {
    report.syncs.values().fold(Counts::default(), |mut total, counts| {
        total.read += counts.read;
        total.new += counts.new;
        total.skipped += counts.skipped;
        total.delivered += counts.delivered;
        total.rejected += counts.rejected;
        total.held += counts.held;
        total.failed += counts.failed;
        total
    })
}

fn notices(report: &Report) {
    for notice in &report.notices {
        out::note(out::shown(&notice.text));
    }
}
