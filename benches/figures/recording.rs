//! What recording costs: new leads towards a server that answers at once, so that what a lead takes decides the rate.

use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::figures::Size;
use crate::send::{Cell, IN_FLIGHT, Run, of, of_pairs};
use crate::sheet::{Sheet, count, micros_each, rate, whole};

/// lead-sync beside the bare load generator and beside its own client without a ledger.
pub(crate) fn recording(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let cell = Cell { latency: Duration::ZERO, in_flight: IN_FLIGHT, leads: size.leads };
    let export = cell.export(folder)?;
    let (mut bare, mut unrecorded, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        bare.push(cell.bare()?);
        unrecorded.push(cell.unrecorded(&export)?);
        ours.push(cell.ours(&export)?);
    }
    let title = format!("{} new leads, 0 ms server latency, {IN_FLIGHT} in flight", whole(count(cell.leads as u64)));
    sheet.table(&title, &["", "leads/s", "with start and reading", "µs CPU a lead", "the server's", "peak MB"]);
    for (name, runs) in [
        ("bare load generator", &bare),
        ("lead-sync's client, nothing recorded", &unrecorded),
        ("lead-sync, all durable", &ours),
    ] {
        sheet.row(&[
            name,
            &whole(of(runs, Run::rate)),
            &whole(of(runs, |run| rate(run.seen.requests, run.taken.wall))),
            &format!("{:.1}", of(runs, |run| run.cpu(Duration::ZERO))),
            &format!("{:.1}", of(runs, |run| micros_each(run.seen.cpu, run.seen.requests))),
            &format!("{:.0}", of(runs, Run::memory)),
        ]);
    }
    judge(sheet, &bare, &unrecorded, &ours);
    Ok(())
}

fn judge(sheet: &mut Sheet, bare: &[Run], unrecorded: &[Run], ours: &[Run]) {
    sheet.begin("Of these");
    let rate = of(ours, Run::rate);
    sheet.target("rate", &format!("{} /s", whole(rate)), "at least 15,000 /s", rate >= 15_000.0);
    let share = of_pairs(bare, ours, |bare, ours| ours.rate() / bare.rate());
    sheet.line("of the load generator's rate", &format!("{share:.2} ×"));
    let cost = of_pairs(unrecorded, ours, |unrecorded, ours| 100.0 * (1.0 - ours.rate() / unrecorded.rate()));
    sheet.target("recording costs, of the client's rate", &format!("{cost:.1} %"), "at most 20 %", cost <= 20.0);
    let cpu = of(ours, |run| run.cpu(Duration::ZERO));
    sheet.target("processor time a lead", &format!("{cpu:.1} µs"), "at most 45 µs", cpu <= 45.0);
    let memory = of(ours, Run::memory);
    sheet.target("peak memory", &format!("{memory:.0} MB"), "under 40 MB", memory < 40.0);
    let bytes = |of_run: fn(&Run) -> u64| of(ours, |run| count(of_run(run)) / count(run.seen.requests));
    let (files, in_use) = (bytes(|run| run.ledger.files), bytes(|run| run.ledger.in_use));
    sheet.line("ledger after delivery", &format!("{files:.0} bytes a lead, {in_use:.0} of them in use"));
}
