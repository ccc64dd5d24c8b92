//! System calls of the program that fail, or that it does not live to see.
//!
//! strace counts calls for each thread; a call is meant by its name and its number on the thread that comes to that number first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Everything that changes a file or is heard by the API, and what opens and reads files. A `?` says that not every machine has the call.
const CALLS: &str = "openat,pread64,pwrite64,fsync,fdatasync,ftruncate,?rename,renameat,?renameat2,?unlink,unlinkat,?mkdir,mkdirat,?link,linkat,write,writev,sendto";

/// One call of a program's life.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) number: u64,
}

/// Whether strace is here. With `LEAD_SYNC_TEST_STRACE=1` it has to be.
pub(crate) fn is_here() -> bool {
    let here = Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    let asked = std::env::var("LEAD_SYNC_TEST_STRACE").is_ok_and(|asked| asked == "1");
    assert!(here || !asked, "LEAD_SYNC_TEST_STRACE=1, and there is no strace: install it");
    if !here {
        println!("skipped: there is no strace");
    }
    here
}

/// Runs the program to its end and gives every call of it that could be its last, or could fail. The calls before it opens a file in its
/// working folder load the program: there is nothing of ours yet that could be spoiled. Nor is there in files elsewhere.
pub(crate) fn points(program: &Command) -> BTreeSet<Point> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let output = under(program, trace.path(), &[&format!("--trace={CALLS}")]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let ours = program.get_current_dir().unwrap().to_str().unwrap();
    let mut calls: BTreeMap<(String, String), u64> = BTreeMap::new();
    let (mut points, mut before, mut loaded) = (BTreeSet::new(), BTreeSet::new(), false);
    for line in fs::read_to_string(trace.path()).unwrap().lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        // A call that another thread's line cut in two was counted with its first half.
        if rest.trim_start().starts_with("<...") {
            continue;
        }
        if let Some((call, arguments)) = rest.trim_start().split_once('(') {
            let number = calls.entry((call.to_owned(), thread.to_owned())).or_default();
            *number += 1;
            loaded |= arguments.contains(ours);
            let point = Point { call: call.to_owned(), number: *number };
            if !loaded {
                before.insert(point);
            } else if call != "openat" || arguments.contains(ours) {
                points.insert(point);
            }
        }
    }
    // A call is failed on every thread that comes to its number.
    points.retain(|point| !before.contains(point));
    points
}

/// Runs the program with a fault in a call, e.g. `signal=KILL:when=3` (before its third), `error=ENOSPC:when=3+` (its third and all after it).
pub(crate) fn inject(program: &Command, call: &str, fault: &str) -> Output {
    under(program, Path::new("/dev/null"), &[&format!("--trace={call}"), &format!("--inject={call}:{fault}")])
        .output()
        .unwrap()
}

fn under(program: &Command, trace: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(trace).args(options).arg(program.get_program()).args(program.get_args());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    command
}
