//! What is measured, and how much.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::page::Page;
use crate::sheet::Sheet;
use crate::{Result, admit, desk, rates, recording, reread, sandbox, soak, start};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Leads in one run, at most.
    pub(crate) leads: usize,
    /// Rows of a large export.
    pub(crate) rows: usize,
    /// About so long takes one run of one cell of the matrix.
    pub(crate) cell: Duration,
    /// Runs of which the medians are taken.
    pub(crate) repeats: usize,
}

const FULL: Size = Size { leads: 100_000, rows: 1_000_000, cell: Duration::from_secs(3), repeats: 3 };
const QUICK: Size = Size { leads: 10_000, rows: 100_000, cell: Duration::from_millis(500), repeats: 1 };

impl Size {
    /// Limits in seconds are for this one.
    pub(crate) fn is_full(self) -> bool {
        self == FULL
    }
}

/// Measures, and writes down what it finds; exports go into the folder.
type Measure = fn(Size, &Path, &mut Sheet) -> Result<()>;

/// All figures, and whether they are measured if none is named: not those that go by the clock, nor those that take minutes.
const FIGURES: [(&str, Measure, bool); 11] = [
    ("server", sandbox::beside_the_bare_server, true),
    ("start", start::start, true),
    ("send0", recording::recording, true),
    ("send20", rates::judged, true),
    ("matrix", rates::matrix, false),
    ("reread", reread::reread, true),
    ("reread10", reread::reread_ten, false),
    ("admit", admit::admit, true),
    ("desk", desk::desk, true),
    ("idle", soak::idle, false),
    ("soak", soak::soak, false),
];

/// Measures the figures named in `wanted`, the usual ones if it is empty.
pub(crate) fn print(wanted: &[String]) -> Result<()> {
    let size = if std::env::var("LEAD_SYNC_BENCH").is_ok_and(|word| word == "quick") { QUICK } else { FULL };
    if let Some(unknown) = wanted.iter().find(|name| !FIGURES.iter().any(|(known, ..)| known == name)) {
        return Err(format!("there is no figure {unknown}").into());
    }
    let is_wanted = |name: &str, usual| wanted.is_empty() && usual || wanted.iter().any(|want| want == name);
    let chosen = FIGURES.iter().filter(|(name, _, usual)| is_wanted(name, *usual));
    let page = Page::asked_for(chosen.clone().map(|(name, ..)| *name))?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    for (name, measure, _) in chosen {
        let mut sheet = Sheet::default();
        println!("\n## {name}\n");
        let circumstances = circumstances(size)?;
        measure(size, folder.path(), &mut sheet)?;
        sheet.remark(&circumstances);
        if let Some(page) = &page {
            page.put(name, sheet.text())?;
        }
    }
    Ok(())
}

/// On what, when, and how thoroughly.
fn circumstances(size: Size) -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("?");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let quick = if size.is_full() { "" } else { "A quick run, not to be quoted: " };
    Ok(format!(
        "*{quick}commit {commit}; {cores} cores ({}), load average before {}; medians of {} where nothing else is said*",
        model.trim_start_matches(['\t', ':', ' ']),
        load.split(' ').next().unwrap_or_default(),
        size.repeats
    ))
}
