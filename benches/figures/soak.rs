//! The daemon over minutes: under load and faults, and idle. Not part of `cargo bench` without names, as both go by the clock.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::chart::{self, Curve};
use crate::figures::Size;
use crate::sandbox::Sandbox;
use crate::sheet::{Sheet, median, megabytes};
use crate::subject::Subject;
use crate::watched::{Daemon, Sample};
use crate::{Result, rows};

/// Leads that arrive in the export in a second.
const ARRIVALS: usize = 20;

/// Rows of the export: a lead stays in it for a minute.
const ROWS: usize = 60 * ARRIVALS;

/// Leads that the ledger knows from before: caches are full, and the map of what is known grows past no power of two for an hour.
const KNOWN: usize = 140_000;

/// Share of the requests that meet a fault.
const FAULTS: &str = "0.05";

/// Minutes, unless `LEAD_SYNC_SOAK_MINUTES` says otherwise.
const MINUTES: usize = 10;

/// What the last leads may take to be delivered, their retries included.
const REST: Duration = Duration::from_mins(1);

const SECOND: Duration = Duration::from_secs(1);

/// A run every second over an export that goes on growing and an API with faults.
pub(crate) fn soak(_: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let minutes = std::env::var("LEAD_SYNC_SOAK_MINUTES").map_or(Ok(MINUTES), |text| text.parse())?;
    sheet.begin(&format!(
        "{minutes} min, a run every second, {ARRIVALS} new leads/s, {FAULTS} of the requests with a fault"
    ));
    let export = folder.join("leads.csv");
    rows::replace(&export, 0..KNOWN)?;
    let sandbox = Sandbox::start(&["--chaos", FAULTS])?;
    let subject = Subject::new(&export, sandbox.address(), 4)?;
    subject.run(&["baseline", "--yes"])?;
    rows::replace(&export, 0..0)?;
    let daemon = Daemon::start(&subject, "* * * * * *", false)?;
    let mut samples = vec![daemon.sample()?];
    let began = Instant::now();
    for second in 1..=u32::try_from(60 * minutes)? {
        let written = KNOWN + ARRIVALS * usize::try_from(second)?;
        rows::replace(&export, KNOWN.max(written - ROWS)..written)?;
        std::thread::sleep((SECOND * second).saturating_sub(began.elapsed()));
        samples.push(daemon.sample()?);
        if second % 60 == 0 {
            minute(sheet, second / 60, &samples);
        }
    }
    let leads = ARRIVALS * 60 * minutes;
    until_delivered(&subject, KNOWN + leads)?;
    let runs = daemon.runs()?;
    daemon.stop()?;
    sheet.line("delivered, none lost", &format!("{leads} leads in {runs} runs"));
    judge(sheet, &samples);
    draw(sheet, minutes, &samples)
}

/// One line for the minute that is over.
fn minute(sheet: &mut Sheet, number: u32, samples: &[Sample]) {
    let [first, .., last] = samples.split_at(samples.len().saturating_sub(61)).1 else { return };
    sheet.line(
        &format!("minute {number}"),
        &format!(
            "{:.1} MB resident, {:.1} MB of it no file's; {} descriptors; WAL {:.1} MB; {:.1} % CPU",
            megabytes(last.memory),
            megabytes(last.anonymous),
            last.descriptors,
            megabytes(last.wal),
            percent(*first, *last, Duration::from_mins(1))
        ),
    );
}

/// Waits until the ledger has so many leads as delivered, and no others.
fn until_delivered(subject: &Subject, leads: usize) -> Result<()> {
    let give_up = Instant::now() + REST;
    loop {
        let (_, printed) = subject.run(&["status", "--format", "json"])?;
        let status: serde_json::Value = serde_json::from_str(&printed)?;
        if status[0]["delivered"] == leads {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(format!("not every lead of {leads} is delivered: {printed}").into());
        }
        std::thread::sleep(SECOND);
    }
}

/// Flat: the last quarter is as the second one, in which the daemon has seen everything that it will see.
fn judge(sheet: &mut Sheet, samples: &[Sample]) {
    let quarter = samples.len() / 4;
    let of = |number: usize, figure: &dyn Fn(&Sample) -> u64| {
        median(samples.iter().skip(number * quarter).take(quarter).map(|sample| megabytes(figure(sample))))
    };
    let memory = |sample: &Sample| sample.memory;
    let (second, last) = (of(1, &memory), of(3, &memory));
    sheet.target(
        "resident",
        &format!("{last:.1} MB after {second:.1}"),
        "within 5 % of the second quarter",
        last < 1.05 * second,
    );
    let descriptors = |sample: &Sample| 1_000_000 * sample.descriptors;
    let (second, last) = (of(1, &descriptors), of(3, &descriptors));
    let shown = format!("{last} after {second}");
    sheet.target("descriptors", &shown, "not more than in the second quarter", last <= second);
}

fn draw(sheet: &mut Sheet, minutes: usize, samples: &[Sample]) -> Result<()> {
    let curve = |name, unit, figure: &dyn Fn(&[Sample; 2]) -> f64| Curve {
        name,
        unit,
        figures: samples.windows(2).filter_map(|pair| pair.try_into().ok()).map(|pair| figure(&pair)).collect(),
    };
    let curves = [
        curve("Resident memory", "MB", &|[_, now]| megabytes(now.memory)),
        curve("Open descriptors", "count", &|[_, now]| 1e6 * megabytes(now.descriptors)),
        curve("Write-ahead log", "MB", &|[_, now]| megabytes(now.wal)),
        curve("Processor", "% of one core", &|[before, now]| percent(*before, *now, SECOND)),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/soak.svg");
    let title =
        format!("{minutes} minutes: a run every second, {ARRIVALS} new leads/s, 5 % of the requests with a fault");
    chart::write(&path, &title, &curves)?;
    sheet.line("chart", &path.display().to_string());
    Ok(())
}

/// A daemon with nothing to do: one that has just begun, and one that has a run behind it.
pub(crate) fn idle(_: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    sheet.begin("A daemon with one hourly sync, for a minute");
    let export = folder.join("leads.csv");
    rows::replace(&export, 0..ROWS)?;
    let sandbox = Sandbox::start(&[])?;
    let subject = Subject::new(&export, sandbox.address(), 4)?;
    // Half an hour away from now, so that it does not run meanwhile.
    let minute = (SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 60 + 30) % 60;
    let hourly = format!("0 {minute} * * * *");
    let daemon = Daemon::start(&subject, &hourly, false)?;
    let before = daemon.sample()?;
    std::thread::sleep(60 * SECOND);
    let after = daemon.sample()?;
    daemon.stop()?;
    let shown = |sample: Sample| {
        format!("{:.1} MB, {:.1} MB of it no file's", megabytes(sample.memory), megabytes(sample.anonymous))
    };
    sheet.target("resident", &shown(after), "under 15 MB", megabytes(after.memory) < 15.0);
    let cpu = after.cpu.saturating_sub(before.cpu);
    let shown_cpu = format!("{:.2} s in 60 s", cpu.as_secs_f64());
    sheet.target("processor", &shown_cpu, "nothing that can be measured", cpu.is_zero());
    sheet.line("descriptors", &format!("{}", after.descriptors));
    let daemon = Daemon::start(&subject, &hourly, true)?;
    while daemon.runs()? == 0 {
        std::thread::sleep(SECOND);
    }
    sheet.line(&format!("resident after a run over {ROWS} new leads"), &shown(daemon.sample()?));
    daemon.stop()
}

/// Processor time between two samples, as a share of one core.
fn percent(before: Sample, now: Sample, time: Duration) -> f64 {
    100.0 * now.cpu.saturating_sub(before.cpu).as_secs_f64() / time.as_secs_f64()
}
