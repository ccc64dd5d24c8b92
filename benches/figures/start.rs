//! From the start of the program to the first request that the server sees.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::figures::Size;
use crate::server::Server;
use crate::sheet::{Sheet, median};
use crate::subject::Subject;
use crate::{Result, load, rows};

/// Starts of each kind.
const TIMES: usize = 20;

/// What is asked for.
const LIMIT: Duration = Duration::from_millis(30);

/// With one new lead: in a first run, which makes the ledger, and in a later one.
pub(crate) fn start(_: Size, folder: &Path, sheet: &mut Sheet) -> Result<()> {
    let export = folder.join("start.csv");
    // It has to have an address that it can read; each run gets that of its own server.
    let known = Subject::new(&export, "127.0.0.1:9", 1)?;
    rows::write(&export, 1)?;
    known.run(&["baseline", "--yes"])?;
    let (mut bare, mut first, mut later) = (Vec::new(), Vec::new(), Vec::new());
    for time in 1..=TIMES {
        bare.push(until_first_request(|address| {
            let mut generator = Command::new(std::env::current_exe()?);
            generator.args([load::ROLE, address, "1", "1"]);
            Ok(generator)
        })?);
        rows::write(&export, 1 + time)?;
        let fresh = Subject::new(&export, "127.0.0.1:9", 1)?;
        first.push(until_first_request(|address| Ok(fresh.run_now(address)))?);
        later.push(until_first_request(|address| Ok(known.run_now(address)))?);
    }
    sheet.begin(&format!("From start to first request, medians of {TIMES}"));
    let shown = |milliseconds: f64| format!("{milliseconds:.1} ms");
    sheet.line("bare load generator", &shown(median(bare)));
    for (what, times) in [("lead-sync, a first run", first), ("lead-sync, a later run", later)] {
        let took = median(times);
        let asked = format!("under {} ms", LIMIT.as_millis());
        sheet.target(what, &shown(took), &asked, took < 1e3 * LIMIT.as_secs_f64());
    }
    Ok(())
}

/// Milliseconds from the start of a program to its first request.
fn until_first_request(program: impl FnOnce(&str) -> Result<Command>) -> Result<f64> {
    let server = Server::start(Duration::ZERO)?;
    let mut command = program(server.address())?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = SystemTime::now();
    let status = command.status()?;
    let first = server.finish()?.first.ok_or_else(|| format!("no request came: {status}"))?;
    Ok(1e3 * first.duration_since(began)?.as_secs_f64())
}
