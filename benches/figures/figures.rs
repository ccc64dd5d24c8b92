//! What is measured, and how often.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::meter::Taken;
use crate::sandbox::Sandbox;
use crate::server::{Seen, Server};
use crate::subject::Subject;
use crate::table::{line, median, megabytes, micros_each, rate, target};
use crate::{Result, desk, load, meter, rows, soak};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    leads: usize,
    rows: usize,
    repeats: usize,
}

const FULL: Size = Size { leads: 100_000, rows: 1_000_000, repeats: 3 };
const QUICK: Size = Size { leads: 10_000, rows: 100_000, repeats: 1 };

/// Measures and prints; exports go into the folder.
type Figure = fn(Size, &Path) -> Result<()>;

/// Requests under way at the same time.
const IN_FLIGHT: usize = 64;

/// Measures the figures named in `wanted`, all if it is empty.
pub(crate) fn print(wanted: &[String]) -> Result<()> {
    let size = if std::env::var("LEAD_SYNC_BENCH").is_ok_and(|word| word == "quick") { QUICK } else { FULL };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    machine(size)?;
    // Those that go by the clock come last, and only if they are asked for.
    let figures: [(&str, Figure); 8] = [
        ("server", server),
        ("send20", |size, folder| send(size, folder, Duration::from_millis(20))),
        ("send0", |size, folder| send(size, folder, Duration::ZERO)),
        ("reread", reread),
        ("admit", admit),
        ("desk", |size, folder| desk::desk(size.rows, folder)),
        ("idle", soak::idle),
        ("soak", soak::soak),
    ];
    if let Some(unknown) = wanted.iter().find(|name| !figures.iter().any(|(known, _)| known == name)) {
        return Err(format!("there is no figure {unknown}").into());
    }
    for (name, figure) in figures {
        let is_usual = !matches!(name, "idle" | "soak");
        if wanted.is_empty() && is_usual || wanted.iter().any(|want| want == name) {
            figure(size, folder.path())?;
        }
    }
    Ok(())
}

fn machine(size: Size) -> Result<()> {
    let cores = std::thread::available_parallelism()?;
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(" : ?");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{cores} cores,{}; load {}; medians of {}",
        model.trim_start_matches(['\t', ':']),
        load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        size.repeats
    );
    Ok(())
}

/// Both servers under the same load.
fn server(size: Size, _: &Path) -> Result<()> {
    println!("server: {} requests, 0 ms, {IN_FLIGHT} in flight, by the load generator", size.leads);
    let (mut bare, mut sandbox) = (Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        let server = Server::start(Duration::ZERO)?;
        let (took, _) = generate(server.address(), size.leads)?;
        server.finish()?;
        bare.push(rate(size.leads as u64, took));
        sandbox.push(rate(size.leads as u64, through_sandbox(size.leads)?));
    }
    line("bare hyper server (used below)", &format!("{:>8.0} /s", median(bare)));
    line("lead-sync sandbox --light", &format!("{:>8.0} /s", median(sandbox)));
    Ok(())
}

fn through_sandbox(requests: usize) -> Result<Duration> {
    let sandbox = Sandbox::start(&[])?;
    Ok(generate(sandbox.address(), requests)?.0)
}

/// Runs the load generator: its own time, and what its process took.
fn generate(address: &str, requests: usize) -> Result<(Duration, Taken)> {
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("the program's name is not text")?;
    let args = [load::ROLE, address, &requests.to_string(), &IN_FLIGHT.to_string()];
    let (taken, printed) = meter::run(program, &args)?;
    Ok((Duration::from_micros(printed.trim().parse()?), taken))
}

/// New leads, beside the bare load generator.
fn send(size: Size, folder: &Path, latency: Duration) -> Result<()> {
    let count = size.leads as u64;
    println!("send: {count} new leads, {} ms server latency, {IN_FLIGHT} in flight", latency.as_millis());
    let export = folder.join("leads.csv");
    rows::write(&export, size.leads)?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        let server = Server::start(latency)?;
        let (_, taken) = generate(server.address(), size.leads)?;
        let seen = server.finish()?;
        bare.push((taken, seen));
        ours.push(deliver(&export, latency, seen)?);
    }
    let of = |runs: &[(Taken, Seen)], figure: &dyn Fn(&Taken, &Seen) -> f64| {
        median(runs.iter().map(|(taken, seen)| figure(taken, seen)))
    };
    let phase = |_: &Taken, seen: &Seen| rate(count, seen.phase);
    let wall = |taken: &Taken, _: &Seen| rate(count, taken.wall);
    let cpu = |taken: &Taken, _: &Seen| micros_each(taken.cpu, count);
    let server_cpu = |_: &Taken, seen: &Seen| micros_each(seen.cpu, count);
    let memory = |taken: &Taken, _: &Seen| megabytes(taken.memory);
    let reference = of(&bare, &phase);
    let show = |name: &str, runs: &[(Taken, Seen)]| {
        line(
            name,
            &format!(
                "{:>8.0} /s while sending; {:.1} us CPU each, server {:.1}; peak {:.0} MB",
                of(runs, &phase),
                of(runs, &cpu),
                of(runs, &server_cpu),
                of(runs, &memory)
            ),
        );
    };
    show("bare load generator", &bare);
    show("lead-sync, all durable", &ours);
    line("lead-sync, from start to exit", &format!("{:>8.0} /s with reading and admitting", of(&ours, &wall)));
    let ratio = median(
        bare.iter().zip(&ours).map(|((_, bare), (_, ours))| bare.phase.as_secs_f64() / ours.phase.as_secs_f64()),
    );
    if latency.is_zero() {
        target(
            "at least 15,000 /s",
            &format!("{:>8.0} /s, {:.2} x the load generator", of(&ours, &phase), ratio),
            of(&ours, &phase) >= 15_000.0,
        );
    } else {
        target(
            "at least 95 % of the load generator",
            &format!("{:>8.1} % of {reference:.0} /s", 100.0 * ratio),
            ratio >= 0.95,
        );
    }
    Ok(())
}

/// One run of lead-sync over `export`, which must send exactly what the load generator sent.
fn deliver(export: &Path, latency: Duration, bare: Seen) -> Result<(Taken, Seen)> {
    let server = Server::start(latency)?;
    let subject = Subject::new(export, server.address(), IN_FLIGHT)?;
    let (taken, printed) = subject.run(&["--run-now", "--json"])?;
    let seen = server.finish()?;
    if (seen.requests, seen.bytes) != (bare.requests, bare.bytes) {
        return Err(format!("lead-sync sent {seen:?}, the load generator {bare:?}: {printed}").into());
    }
    Ok((taken, seen))
}

/// Rows that are known and unchanged, beside a plain read of the file.
fn reread(size: Size, folder: &Path) -> Result<()> {
    let export = folder.join("rows.csv");
    rows::write(&export, size.rows)?;
    let bytes = std::fs::metadata(&export)?.len();
    println!("reread: {} unchanged rows, {:.0} MB", size.rows, megabytes(bytes));
    // Nothing is sent: the address is never used.
    let subject = Subject::new(&export, "127.0.0.1:9", IN_FLIGHT)?;
    subject.run(&["baseline", "--yes"])?;
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        plain.push(read_plainly(&export, size.rows)?.as_secs_f64());
        let (taken, printed) = subject.run(&["--run-now", "--json"])?;
        if !printed.contains(&format!("\"unchanged\":{}", size.rows)) {
            return Err(format!("not all rows are unchanged: {printed}").into());
        }
        ours.push(taken);
    }
    let (plain, wall) = (median(plain), median(ours.iter().map(|taken| taken.wall.as_secs_f64())));
    let memory = median(ours.iter().map(|taken| megabytes(taken.memory)));
    line("csv crate, ByteRecord, nothing compared", &format!("{plain:>8.3} s"));
    line(
        "lead-sync --run-now",
        &format!(
            "{wall:>8.3} s, {:.1} x; {:.3} s CPU; peak {memory:.0} MB",
            wall / plain,
            median(ours.iter().map(|taken| taken.cpu.as_secs_f64()))
        ),
    );
    if size.rows == FULL.rows {
        target("under 1.5 s", &format!("{wall:>8.3} s"), wall < 1.5);
        target("under 120 MB", &format!("{memory:>8.0} MB"), memory < 120.0);
    }
    Ok(())
}

fn read_plainly(path: &Path, rows: usize) -> Result<Duration> {
    let began = Instant::now();
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(256 * 1024).from_path(path)?;
    let (mut record, mut count) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record)? {
        count += 1;
    }
    if count == rows { Ok(began.elapsed()) } else { Err("the export has another number of rows".into()) }
}

/// The first time an export is read.
fn admit(size: Size, folder: &Path) -> Result<()> {
    let export = folder.join("rows.csv");
    rows::write(&export, size.rows)?;
    println!("admit: first intake of {} rows", size.rows);
    let count = size.rows as u64;
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
        line(
            name,
            &format!(
                "{:>8.0} rows/s, {:.2} s; peak {:.0} MB; ledger {:.0} bytes a row",
                median(taken.iter().map(|taken| rate(count, taken.wall))),
                median(taken.iter().map(|taken| taken.wall.as_secs_f64())),
                median(taken.iter().map(|taken| megabytes(taken.memory))),
                1e6 * megabytes(bytes) / rate(count, Duration::from_secs(1)),
            ),
        );
    }
    Ok(())
}
