//! Rates over server latencies and requests in flight, each beside the bare load generator's.

use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::figures::Size;
use crate::send::{Cell, Run, of, of_pairs};
use crate::sheet::{Sheet, whole};

/// The latency at which a share of the load generator's rate is asked for, and the requests in flight.
const JUDGED: Duration = Duration::from_millis(20);
const JUDGED_IN_FLIGHT: [usize; 3] = [16, 64, 256];

/// That share, in percent.
const SHARE: f64 = 97.0;

/// Processor time that a lead may take, in microseconds, with so many in flight.
const PROCESSOR: f64 = 45.0;
const PROCESSOR_IN_FLIGHT: usize = 64;

/// What a lead takes at least where the server answers at once: goes into the number of leads.
const LEAST: Duration = Duration::from_micros(300);

/// Of fewer leads no processor time is given: a start takes more, and not the same each time.
const ENOUGH: usize = 1000;

/// Where the project asks for something.
pub(crate) fn judged(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    table(size, folder, sheet, &[JUDGED], &JUDGED_IN_FLIGHT)
}

/// Everywhere.
pub(crate) fn matrix(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let latencies = [Duration::ZERO, JUDGED, Duration::from_millis(200)];
    table(size, folder, sheet, &latencies, &[1, 16, 64, 256])
}

fn table(size: Size, folder: &Path, sheet: &mut Sheet, latencies: &[Duration], in_flights: &[usize]) -> Result<()> {
    let starts = Starts::measure(size, folder)?;
    sheet.table(
        "Rates, beside the bare load generator",
        &[
            "server latency",
            "in flight",
            "leads",
            "load generator, leads/s",
            "lead-sync, leads/s",
            "of it",
            "added a lead",
            "µs CPU a lead",
            "the generator's",
            "peak MB",
        ],
    );
    let mut judged = Vec::new();
    for &latency in latencies {
        for &in_flight in in_flights {
            let cell = cell(size, latency, in_flight)?;
            let found = starts.row(size, folder, sheet, cell)?;
            if latency == JUDGED && JUDGED_IN_FLIGHT.contains(&in_flight) {
                judged.push((in_flight, found));
            }
        }
    }
    sheet.begin("Of these");
    for (in_flight, Found { share, processor }) in judged {
        let setting = format!("{} ms, {in_flight} in flight", JUDGED.as_millis());
        let what = format!("of the load generator's rate, {setting}");
        sheet.target(&what, &format!("{share:.1} %"), &format!("at least {SHARE:.0} %"), share >= SHARE);
        if in_flight == PROCESSOR_IN_FLIGHT {
            let what = format!("processor time a lead, {setting}");
            let asked = format!("at most {PROCESSOR:.0} µs");
            sheet.target(&what, &format!("{processor:.1} µs"), &asked, processor <= PROCESSOR);
        }
    }
    Ok(())
}

/// As many leads as take `size.cell`.
fn cell(size: Size, latency: Duration, in_flight: usize) -> Result<Cell> {
    let rounds = usize::try_from(size.cell.as_micros() / latency.max(LEAST).as_micros())?;
    Ok(Cell { latency, in_flight, leads: (in_flight * rounds).min(size.leads) })
}

/// What is judged of a cell: the share of the load generator's rate in percent, and microseconds of processor time a lead.
struct Found {
    share: f64,
    processor: f64,
}

/// Processor time of a run with a single lead.
struct Starts {
    bare: Duration,
    ours: Duration,
}

impl Starts {
    fn measure(size: Size, folder: &Path) -> Result<Self> {
        let cell = Cell { latency: Duration::ZERO, in_flight: 1, leads: 1 };
        let export = cell.export(folder)?;
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..size.repeats {
            bare.push(cell.bare()?);
            ours.push(cell.ours(&export)?);
        }
        let cpu = |runs: &[Run]| Duration::from_secs_f64(of(runs, |run| run.taken.cpu.as_secs_f64()));
        Ok(Self { bare: cpu(&bare), ours: cpu(&ours) })
    }

    /// Measures a cell.
    fn row(&self, size: Size, folder: &Path, sheet: &mut Sheet, cell: Cell) -> Result<Found> {
        let export = cell.export(folder)?;
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..size.repeats {
            bare.push(cell.bare()?);
            ours.push(cell.ours(&export)?);
        }
        let share = of_pairs(&bare, &ours, |bare, ours| 100.0 * ours.rate() / bare.rate());
        let added = of_pairs(&bare, &ours, |bare, ours| cell.occupied(ours) - cell.occupied(bare));
        let processor = of(&ours, |run| run.cpu(self.ours));
        let shown = |processor: f64| if cell.leads < ENOUGH { "–".to_owned() } else { format!("{processor:.1}") };
        sheet.row(&[
            &format!("{} ms", cell.latency.as_millis()),
            &cell.in_flight.to_string(),
            &cell.leads.to_string(),
            &whole(of(&bare, Run::rate)),
            &whole(of(&ours, Run::rate)),
            &format!("{share:.1} %"),
            &format!("{added:.2} ms"),
            &shown(processor),
            &shown(of(&bare, |run| run.cpu(self.bare))),
            &format!("{:.0}", of(&ours, Run::memory)),
        ]);
        Ok(Found { share, processor })
    }
}
