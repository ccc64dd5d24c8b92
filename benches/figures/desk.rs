//! What a person waits for at the desk, with a large ledger behind it.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::Size;
use crate::sheet::{Sheet, count, median, whole};
use crate::subject::{PROGRAM, Subject};
use crate::{Result, meter, rows};

/// No answer may take longer.
const LIMIT: Duration = Duration::from_millis(100);

/// So many rows of the export make no lead: their date of birth is none.
const REJECTED: usize = 1000;

/// Odd, so that there is a middle one.
const TIMES: usize = 5;

/// Answers with so many leads in the ledger, beside what a start of the program and a plain query take.
pub(crate) fn desk(size: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let export = folder.join("desk.csv");
    rows::write(&export, size.rows - REJECTED)?;
    let mut file = BufWriter::new(OpenOptions::new().append(true).open(&export)?);
    for row in 0..REJECTED {
        writeln!(file, "R{row:07},Anna,Peeters,a@example.com,,soon,,,,,nl,,,,")?;
    }
    file.flush()?;
    let subject = Subject::new(&export, "127.0.0.1:1", 1)?;
    baseline(&subject)?;
    let leads = whole(count(size.rows as u64));
    sheet.begin(&format!("{leads} leads in the ledger, {REJECTED} of them rejected; medians of {TIMES}"));
    let start = times(|| meter::run(PROGRAM, &["--version"]).map(|(taken, _)| taken.wall))?;
    let shown = |milliseconds: f64| format!("{milliseconds:.1} ms");
    sheet.line("reference: the program's start (--version)", &shown(start));
    sheet.line("reference: count(*) of the rejected in the view", &shown(plain_count(&subject)?));
    for command in [
        &["status"][..],
        &["show", "C0500000"],
        &["show", "R0000500"],
        &["leads", "--state", "rejected"],
        &["leads", "--state", "rejected", "--format", "json"],
        // As a list for programs: the table would say on stderr, each time, how to see the next rows.
        &["leads", "--limit", "20", "--format", "csv"],
        &["leads", "--since", "1h", "--limit", "20", "--format", "csv"],
        &["leads", "--state", "rejected", "--reason", "not a date", "--limit", "20", "--format", "csv"],
        &["runs"],
    ] {
        let took = times(|| subject.run(command).map(|(taken, _)| taken.wall))?;
        let asked = format!("under {} ms", LIMIT.as_millis());
        sheet.target(&command.join(" "), &shown(took), &asked, took < LIMIT.as_secs_f64() * 1e3);
    }
    // No target: without a state every reason is read, and a baseline gives every lead one.
    let search = ["leads", "--reason", "not a date", "--format", "csv"];
    let took = times(|| subject.run(&search).map(|(taken, _)| taken.wall))?;
    sheet.line(&search.join(" "), &shown(took));
    Ok(())
}

/// Fills the ledger; rows that make no lead are part of it, so that exit code 3 is as good as 0.
fn baseline(subject: &Subject) -> Result<()> {
    let mut command = Command::new(PROGRAM);
    command.arg("--config").arg(subject.path("bench.toml")).args(["baseline", "--yes"]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.code() == Some(3) { Ok(()) } else { Err(format!("baseline: {status}").into()) }
}

/// Milliseconds that SQLite itself takes over the view that `leads` reads.
fn plain_count(subject: &Subject) -> Result<f64> {
    times(|| {
        let begun = Instant::now();
        let ledger = rusqlite::Connection::open(subject.ledger())?;
        let sql = "SELECT count(*) FROM leads WHERE state = 'rejected'";
        let count: i64 = ledger.query_row(sql, [], |row| row.get(0))?;
        if usize::try_from(count) == Ok(REJECTED) {
            Ok(begun.elapsed())
        } else {
            Err(format!("{count} are rejected").into())
        }
    })
}

/// The median in milliseconds.
fn times(mut once: impl FnMut() -> Result<Duration>) -> Result<f64> {
    let all: Vec<Duration> = (0..TIMES).map(|_| once()).collect::<Result<_>>()?;
    Ok(median(all.into_iter().map(|took| took.as_secs_f64() * 1e3)))
}
