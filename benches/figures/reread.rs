//! Rows that are known and unchanged, beside a plain read of the file.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::figures::Size;
use crate::send::IN_FLIGHT;
use crate::sheet::{Sheet, count, median, megabytes, rate, whole};
use crate::subject::Subject;
use crate::{Result, rows};

/// What may be resident: this, and so much for each row, in megabytes.
const MEMORY: f64 = 64.0;
const MEMORY_OF_A_ROW: f64 = 40e-6;

/// A large export.
pub(crate) fn reread(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    measure(size, size.rows, Duration::from_secs(1), folder, sheet)
}

/// A very large one: two gigabytes.
pub(crate) fn reread_ten(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    measure(size, 10 * size.rows, Duration::from_secs(12), folder, sheet)
}

/// `limit` is for the full size.
fn measure(size: Size, rows: usize, limit: Duration, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let export = folder.join("unchanged.csv");
    rows::write(&export, rows)?;
    let bytes = std::fs::metadata(&export)?.len();
    // Nothing is sent: the address is never used.
    let subject = Subject::new(&export, "127.0.0.1:9", IN_FLIGHT)?;
    let (baseline, _) = subject.run(&["baseline", "--yes"])?;
    let ledger = count(subject.ledger_size()?) / count(rows as u64);
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        plain.push(read_plainly(&export, rows)?.as_secs_f64());
        let (taken, printed) = subject.run(&["--run-now", "--json"])?;
        if !printed.contains(&format!("\"unchanged\":{rows},")) {
            return Err(format!("not all rows are unchanged: {printed}").into());
        }
        ours.push(taken);
    }
    std::fs::remove_file(&export)?;
    let (plain, wall) = (median(plain), median(ours.iter().map(|taken| taken.wall.as_secs_f64())));
    let cpu = median(ours.iter().map(|taken| taken.cpu.as_secs_f64()));
    let memory = median(ours.iter().map(|taken| megabytes(taken.memory)));
    sheet.begin(&format!("{} unchanged rows, {} MB", whole(count(rows as u64)), whole(megabytes(bytes))));
    sheet.line(
        "the baseline before",
        &format!(
            "{:.1} s, {} rows/s, peak {:.0} MB, {ledger:.0} bytes of ledger a row",
            baseline.wall.as_secs_f64(),
            whole(rate(rows as u64, baseline.wall)),
            megabytes(baseline.memory)
        ),
    );
    sheet.line("csv crate, ByteRecord, nothing compared", &format!("{plain:.3} s"));
    let time = format!("{wall:.3} s, {:.1} ×, {cpu:.3} s CPU", wall / plain);
    if size.is_full() {
        let asked = format!("under {:.1} s", limit.as_secs_f64());
        sheet.target("lead-sync --run-now", &time, &asked, wall < limit.as_secs_f64());
    } else {
        sheet.line("lead-sync --run-now", &time);
    }
    let most = MEMORY + MEMORY_OF_A_ROW * count(rows as u64);
    sheet.target("peak memory", &format!("{memory:.0} MB"), &format!("under {most:.0} MB"), memory < most);
    Ok(())
}

fn read_plainly(path: &Path, rows: usize) -> Result<Duration> {
    let began = Instant::now();
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(256 * 1024).from_path(path)?;
    let (mut record, mut read) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record)? {
        read += 1;
    }
    if read == rows { Ok(began.elapsed()) } else { Err("the export has another number of rows".into()) }
}
