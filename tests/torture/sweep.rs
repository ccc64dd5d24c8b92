//! The program is killed before each of its system calls in turn, and has to come back from every one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::oracle::Seen;
use crate::random::{Random, count};
use crate::stories::{Fault, Stage, Story};
use crate::strace::{self, Point};

/// Points of each story and seed, unless `LEAD_SYNC_TEST_POINTS` says otherwise.
const POINTS: u64 = 2;

/// A call that is made no more often than this is never left out: there are few such calls, and most that went wrong were among them.
const RARE: u64 = 3;

/// Plays the story with its fault at a sample of its points.
pub(crate) fn sweep(story: &Story) {
    if !strace::is_here() {
        return;
    }
    let stage = (story.prepare)();
    let kept = Kept::of(&stage);
    let mut points = strace::points(&stage.scene.command(story.command));
    points.retain(|point| story.fault.concerns(&point.call));
    assert!(points.len() > 5, "strace saw next to nothing: {points:?}");
    let mut faults = 0;
    for point in sample(&points) {
        println!("{:?} at {} no. {}", story.fault, point.call, point.number);
        kept.restore(&stage);
        (story.each)(&stage);
        let output = strace::inject(&stage.scene.command(story.command), &point.call, &injection(story.fault, &point));
        match output.status.code() {
            None => faults += 1,
            Some(0) => {}
            Some(code) => {
                faults += 1;
                assert!(story.fault != Fault::Kill && code <= 4, "{output:?}");
                assert!(!output.stderr.is_empty(), "it failed without a word");
            }
        }
        (story.after)(&stage, &kept.seen);
    }
    assert!(faults > 0, "no fault landed");
}

impl Fault {
    /// Whether a call can meet it. What reads changes nothing, so that a kill before it is the kill after the call before.
    fn concerns(self, call: &str) -> bool {
        match self {
            Self::Kill => !matches!(call, "openat" | "pread64"),
            Self::DiskError => !matches!(call, "write" | "writev" | "sendto"),
            Self::DiskFull => !matches!(call, "write" | "writev" | "sendto" | "pread64") && !call.starts_with("unlink"),
        }
    }
}

fn injection(fault: Fault, point: &Point) -> String {
    match fault {
        Fault::Kill => format!("signal=KILL:when={}", point.number),
        Fault::DiskError => format!("error=EIO:when={}", point.number),
        Fault::DiskFull => format!("error=ENOSPC:when={}+", point.number),
    }
}

fn sample(points: &BTreeSet<Point>) -> BTreeSet<Point> {
    let size = usize::try_from(count("LEAD_SYNC_TEST_POINTS", POINTS)).unwrap();
    let most = |call: &str| points.iter().filter(|point| point.call == call).count() as u64;
    let (rare, others): (Vec<Point>, Vec<Point>) = points.iter().cloned().partition(|point| most(&point.call) <= RARE);
    let chosen = Random::seeds().into_iter().flat_map(|seed| Random::new(seed).sample(others.clone(), size));
    rare.into_iter().chain(chosen).collect()
}

/// The folder as it was, and what the API had seen by then.
struct Kept {
    folder: tempfile::TempDir,
    seen: Seen,
}

impl Kept {
    fn of(stage: &Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(stage.scene.folder.path(), folder.path());
        Self { folder, seen: Seen::by(&stage.scene) }
    }

    fn restore(&self, stage: &Stage) {
        let place = stage.scene.folder.path();
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            // Sessions belong to the provider, whose memory cannot be set back.
            if path.ends_with("tokens") {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        copy(self.folder.path(), place);
        stage.scene.api.reset();
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.ends_with("tokens") {
            continue;
        }
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
