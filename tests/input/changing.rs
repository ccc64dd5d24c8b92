//! A file that is replaced, appended to or rewritten while it is read, and an export whose columns have moved.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::Scene;

/// Rows of one version of the export: about a megabyte, so that reading takes longer than a step of the writer.
const ROWS: u32 = 10_000;

/// Runs while the writer goes on.
const RUNS: usize = 6;

fn rows(version: u32) -> String {
    (0..ROWS).fold(String::new(), |mut text, row| {
        writeln!(text, "{version}-{row},First{version},Last{row},{}", "x".repeat(60)).unwrap();
        text
    })
}

fn file(version: u32) -> String {
    format!("id,first_name,last_name,note\n{}", rows(version))
}

/// Leads per version.
fn taken(scene: &Scene) -> BTreeMap<String, u32> {
    if !scene.path("lead-sync.db").exists() {
        return BTreeMap::new();
    }
    let mut versions = BTreeMap::new();
    for key in scene.query("SELECT key FROM leads") {
        let (version, _) = key.split_once('-').unwrap();
        *versions.entry(version.to_owned()).or_default() += 1;
    }
    versions
}

/// Runs beside a writer, which is given the versions from 1 on; `check` sees what each run took in, and the leads known before it.
fn beside(write: impl Fn(&Path, u32) + Sync, check: impl Fn(&BTreeMap<String, u32>, &BTreeMap<String, u32>)) {
    let scene = Scene::new();
    scene.export("customers.csv", file(0));
    let (path, stop) = (scene.path("exports/customers.csv"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in 1.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                write(&path, version);
            }
        });
        let mut before = BTreeMap::new();
        for _ in 0..RUNS {
            // Everything is taken in; one lead is sent.
            let ran = scene.cli(&["--run-now", "--json", "--limit", "1"]);
            let after = taken(&scene);
            if !matches!(ran.code, 0 | 3 | 4) {
                stop.store(true, Ordering::Relaxed);
                panic!("{ran:?}");
            }
            check(&before, &after);
            before = after;
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Versions of which the run took something in.
fn grown(before: &BTreeMap<String, u32>, after: &BTreeMap<String, u32>) -> usize {
    after.iter().filter(|(version, count)| before.get(*version) != Some(count)).count()
}

#[test]
fn a_file_replaced_while_it_is_read_gives_one_version_or_nothing() {
    let replace = |path: &Path, version| {
        let new = path.with_extension("new");
        fs::write(&new, file(version)).unwrap();
        fs::rename(new, path).unwrap();
    };
    beside(replace, |before, after| {
        assert!(grown(before, after) <= 1, "a mixture");
        assert!(after.values().all(|count| *count == ROWS), "a part of a version: {after:?}");
    });
}

#[test]
fn a_file_rewritten_in_place_while_it_is_read_never_gives_a_mixture() {
    let rewrite = |path: &Path, version| {
        let mut open = File::create(path).unwrap();
        for line in file(version).split_inclusive('\n') {
            open.write_all(line.as_bytes()).unwrap();
        }
    };
    beside(rewrite, |before, after| assert!(grown(before, after) <= 1, "a mixture: {before:?} {after:?}"));
}

#[test]
fn a_file_appended_to_while_it_is_read_gives_whole_rows_only() {
    let append = |path: &Path, version| {
        let mut open = OpenOptions::new().append(true).open(path).unwrap();
        let row = format!("{version}-0,First{version},Last0,x\n");
        open.write_all(row.as_bytes()).unwrap();
    };
    beside(append, |_, after| {
        assert!(after.is_empty() || after.get("0") == Some(&ROWS));
        assert!(after.iter().all(|(version, count)| version == "0" || *count == 1));
    });
}

/// What `init` writes for `max_new`.
fn max_new_of_init() -> i64 {
    let folder = tempfile::tempdir().unwrap();
    let mut init = Command::new(env!("CARGO_BIN_EXE_lead-sync"));
    let output = init.arg("init").current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
    let written = fs::read_to_string(folder.path().join("config/lead-sync.toml"));
    let written: toml::Table = written.unwrap_or_else(|error| panic!("{error}: {output:?}")).parse().unwrap();
    written["syncs"]["customers"]["max_new"].as_integer().unwrap()
}

/// An export whose key column is another one after `shift`.
fn customers(count: i64, shift: Option<Shift>) -> String {
    (0..count).fold("id,first_name,last_name,email\n".to_owned(), |mut text, row| {
        let cells = [row.to_string(), format!("First{row}"), format!("Last{row}"), format!("p{row}@example.com")];
        let [a, b, c, d] = &cells;
        match shift {
            None => writeln!(text, "{a},{b},{c},{d}"),
            Some(Shift::Prefix) => writeln!(text, "K{a},{b},{c},{d}"),
            Some(Shift::Left) => writeln!(text, "{b},{c},{d},{a}"),
        }
        .unwrap();
        text
    })
}

#[derive(Debug, Clone, Copy)]
enum Shift {
    /// The keys are written in another form.
    Prefix,
    /// Each cell stands under the header of the cell before it.
    Left,
}

#[test]
fn a_key_column_that_moved_does_not_send_the_customers_again_with_what_init_writes() {
    let most = max_new_of_init();
    let count = most + 1;
    for on_change in ["ignore", "resend"] {
        let mut scene = Scene::new();
        scene.sync("max_new", &most.to_string()).sync("on_change", &format!("{on_change:?}"));
        scene.connection("max_in_flight", "16");
        scene.export("customers.csv", customers(count, None));
        assert_eq!(scene.cli(&["--run-now", "--json", "--confirm"]).code, 0);
        for shift in [Shift::Prefix, Shift::Left] {
            scene.export("customers.csv", customers(count, Some(shift)));
            for _ in 0..2 {
                let ran = scene.run();
                let came = (ran.code, ran.count("new"), ran.count("delivered"));
                assert_eq!(came, (3, count.unsigned_abs(), 0), "{on_change} {shift:?} {ran:?}");
                assert!(ran.stderr.contains("key column") && ran.stderr.contains("--confirm"), "{ran:?}");
            }
        }
        scene.export("customers.csv", customers(count, None));
        assert_eq!(scene.run().code, 0);
        assert_eq!(scene.stored().len() as u64, count.unsigned_abs());
    }
}
