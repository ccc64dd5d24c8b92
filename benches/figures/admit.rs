//! The first time an export is read.

use std::path::Path;

use crate::figures::Size;
use crate::send::IN_FLIGHT;
use crate::sheet::{Sheet, count, median, megabytes, rate, whole};
use crate::subject::Subject;
use crate::{Result, rows};

/// As leads to be sent, and as a baseline.
pub(crate) fn admit(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let export = folder.join("rows.csv");
    rows::write(&export, size.rows)?;
    let rows = size.rows as u64;
    sheet.table(
        &format!("First intake of {} rows", whole(count(rows))),
        &["", "rows/s", "s", "peak MB", "bytes of ledger a row"],
    );
    for (name, args) in [
        ("to be sent (payload and row are kept)", ["--run-now", "--json", "--limit", "0"].as_slice()),
        ("baseline (fingerprints only)", ["baseline", "--yes"].as_slice()),
    ] {
        let mut taken = Vec::new();
        let mut bytes = 0;
        for _ in 0..size.repeats {
            let subject = Subject::new(&export, "127.0.0.1:9", IN_FLIGHT)?;
            taken.push(subject.run(args)?.0);
            bytes = subject.ledger_size()?;
        }
        sheet.row(&[
            name,
            &whole(median(taken.iter().map(|taken| rate(rows, taken.wall)))),
            &format!("{:.2}", median(taken.iter().map(|taken| taken.wall.as_secs_f64()))),
            &format!("{:.0}", median(taken.iter().map(|taken| megabytes(taken.memory)))),
            &format!("{:.0}", count(bytes) / count(rows)),
        ]);
    }
    Ok(())
}
