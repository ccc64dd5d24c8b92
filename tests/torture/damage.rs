//! A ledger whose pages are gone, that was cut short, that nobody may write, or that is older than what was sent.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::process::Command;

use crate::random::{Random, count};
use crate::support::Scene;

/// Damages of a test, unless `LEAD_SYNC_TEST_DAMAGES` says otherwise.
const DAMAGES: u64 = 45;
/// Bytes of a page: SQLite's default.
const PAGE: usize = 4096;
const ROWS: u32 = 100;

/// All leads delivered; one is new.
fn delivered() -> Scene {
    let scene = Scene::new();
    scene.customers(0..ROWS);
    assert_eq!(scene.run().code, 0);
    scene.customers(0..=ROWS);
    scene
}

#[test]
fn a_ledger_with_a_page_or_its_end_gone_sends_nothing_twice() {
    let (mut refused, mut went_on) = (0, 0);
    for (mut random, damages) in Random::shares(count("LEAD_SYNC_TEST_DAMAGES", DAMAGES), DAMAGES) {
        let scene = delivered();
        scene.api.reset();
        let (path, mark) = (scene.path("lead-sync.db"), scene.path("lead-sync.db.mark"));
        let (whole, marked) = (fs::read(&path).unwrap(), fs::read(&mark).unwrap());
        for _ in 0..damages {
            fs::write(&path, &whole).unwrap();
            fs::write(&mark, &marked).unwrap();
            let mut file = OpenOptions::new().write(true).open(&path).unwrap();
            let (page, byte) = (random.below((whole.len() / PAGE) as u64), random.below(PAGE as u64));
            let start = page * PAGE as u64;
            if random.below(3) == 0 {
                file.set_len(start + byte).unwrap();
            } else {
                file.seek(SeekFrom::Start(start)).unwrap();
                file.write_all(&[0; PAGE]).unwrap();
            }
            drop(file);
            let ran = scene.run();
            match ran.code {
                // A page that this run had no use for.
                0 => went_on += 1,
                2 => refused += 1,
                _ => panic!("{ran:?}"),
            }
            let sent: Vec<_> = scene.stored().into_iter().filter_map(|lead| lead.external_ref).collect();
            // Damage that is met after the new lead was sent leaves it in doubt.
            let new = vec![ROWS.to_string()];
            assert!(sent == new || sent.is_empty() && ran.code == 2, "{sent:?} {ran:?}");
            scene.api.reset();
            for rest in ["lead-sync.db-wal", "lead-sync.db-shm"] {
                let _ = fs::remove_file(scene.path(rest));
            }
        }
    }
    assert!(refused > 0 && went_on > 0, "{refused} refused, {went_on} went on");
}

#[test]
fn an_older_ledger_put_back_is_refused_and_max_new_stops_it_also_when_it_is_confirmed() {
    let mut scene = Scene::new();
    scene.sync("max_new", "5").customers(0..3);
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.cli(&["backup", "older.db"]).code, 0);
    scene.customers(0..20);
    assert_eq!(scene.cli(&["--run-now", "--json", "--confirm"]).code, 0);
    for (from, to) in [("older.db", "lead-sync.db"), ("older.key", "lead-sync.key")] {
        fs::rename(scene.path(from), scene.path(to)).unwrap();
    }
    assert!(scene.cli(&["plan"]).stdout.contains("17 new"));
    assert_eq!(scene.run().code, 2);
    let ran = scene.cli(&["--run-now", "--json", "--older-ledger"]);
    assert_eq!((ran.code, ran.count("new"), ran.count("delivered")), (3, 17, 0), "{ran:?}");
    assert_eq!(scene.cli(&["baseline", "--yes", "--older-ledger"]).code, 0);
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.stored().len(), 20);
}

#[test]
fn a_ledger_on_a_disk_that_is_mounted_read_only_sends_nothing() {
    let scene = delivered();
    let folder = scene.folder.path();
    let mount = |options: &[&str]| {
        Command::new("mount").args(options).arg(folder).arg(folder).status().is_ok_and(|status| status.success())
    };
    if !mount(&["--bind"]) {
        println!("only root may mount: nothing was tested");
        return;
    }
    let mut command = scene.command(&["--run-now", "--json"]);
    let ran = mount(&["-o", "remount,ro,bind"]).then(|| command.output().unwrap());
    assert!(Command::new("umount").arg(folder).status().unwrap().success());
    let ran = ran.unwrap();
    assert_eq!((ran.status.code(), scene.stored().len()), (Some(1), ROWS as usize), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("Read-only file system"), "{ran:?}");
    assert_eq!(scene.run().count("delivered"), 1);
}
