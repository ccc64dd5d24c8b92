//! The program is killed before each of its system calls in turn, and has to come back from every one.

use std::fs;
use std::path::Path;

use crate::oracle::Seen;
use crate::random::{Random, count};
use crate::stories::{Stage, Story};
use crate::strace::{self, Point};

/// Points of each story and seed, unless `LEAD_SYNC_TEST_POINTS` says otherwise.
const POINTS: u64 = 8;

/// Kills the story's command at a sample of its points.
pub(crate) fn sweep(story: &Story) {
    if !strace::is_here() {
        return;
    }
    let mut stage = (story.prepare)();
    let kept = Kept::of(&stage);
    let points = strace::points(&stage.scene.command(story.command));
    assert!(points.len() > 10, "strace saw next to nothing: {points:?}");
    let size = usize::try_from(count("LEAD_SYNC_TEST_POINTS", POINTS)).unwrap();
    let sample: Vec<Point> =
        Random::seeds().into_iter().flat_map(|seed| Random::new(seed).sample(points.clone(), size)).collect();
    let mut killed = 0;
    for point in sample {
        println!("killed before {} no. {}", point.call, point.number);
        kept.restore(&stage);
        (story.each)(&mut stage);
        let output = strace::kill_at(&stage.scene.command(story.command), &point);
        killed += usize::from(output.status.code().is_none());
        (story.after)(&stage, &kept.seen);
    }
    assert!(killed > 0, "no kill landed");
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
