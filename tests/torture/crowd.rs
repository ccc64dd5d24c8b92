//! Several runs at once over one ledger, from its first moment on.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use lead_sync::ledger::{Ledger, NewLedger};
use lead_sync::sandbox::Options;

use crate::oracle::{Policy, Seen, judge, sound};
use crate::random::count;
use crate::stories::RUN;
use crate::support::{Ran, Scene};

/// Crowds of each test, unless `LEAD_SYNC_TEST_CROWDS` says otherwise.
const CROWDS: u64 = 4;
/// Rows of the export: enough that whoever comes first is still at work when the last one comes.
const ROWS: u32 = 60;

/// A slow API and an export; nothing has run yet.
fn scene() -> Scene {
    let mut scene = Scene::with(Options { latency: Duration::from_millis(20), ..Options::default() });
    scene.connection("max_in_flight", "2").connection("on_in_doubt", Policy::Hold.toml());
    scene.customers(0..ROWS);
    scene
}

fn start(scene: &Scene, all: &[&[&str]]) -> Vec<Child> {
    // Made first: each writes the configuration, which none may read half written.
    let commands: Vec<Command> = all.iter().map(|arguments| scene.command(arguments)).collect();
    let one = |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    commands.into_iter().map(one).collect()
}

fn ended(children: Vec<Child>) -> Vec<Ran> {
    children.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect()
}

fn all_once(scene: &Scene) {
    let keys: BTreeSet<String> = (0..ROWS).map(|key| key.to_string()).collect();
    judge(scene, Policy::Hold, &Seen::by(scene), &keys);
    assert_eq!(scene.stored().len(), keys.len());
    assert_eq!(scene.query("SELECT count(*) FROM leads WHERE state = 'delivered'"), [keys.len().to_string()]);
}

/// One of so many works, the others are told so and touch nothing.
fn one_works(runs: usize) {
    for _ in 0..count("LEAD_SYNC_TEST_CROWDS", CROWDS) {
        let scene = scene();
        let all = ended(start(&scene, &vec![RUN; runs]));
        let (worked, held): (Vec<&Ran>, Vec<&Ran>) = all.iter().partition(|ran| ran.code == 0);
        assert!(held.iter().all(|ran| ran.code == 6 && ran.stderr.contains("process")), "{held:?}");
        // One that was started late may find the work done.
        let delivered: Vec<u64> = worked.iter().map(|ran| ran.count("delivered")).filter(|count| *count > 0).collect();
        assert_eq!((delivered.as_slice(), held.is_empty()), (&[u64::from(ROWS)][..], false), "{all:?}");
        all_once(&scene);
    }
}

/// Those who open it first do so at once: a run, a login, `prune`.
#[test]
fn a_ledger_that_many_create_at_once_has_one_key_and_is_whole() {
    for _ in 0..10 * count("LEAD_SYNC_TEST_CROWDS", CROWDS) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lead-sync.db");
        let start = Barrier::new(8);
        let open = || {
            start.wait();
            Ledger::open_or_create(&path, folder.path(), NewLedger::Unconfirmed).map(|ledger| ledger.key()).unwrap()
        };
        let keys: BTreeSet<[u8; 32]> = thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let after = Ledger::open(&path).unwrap();
        after.integrity().unwrap();
        assert_eq!(keys, BTreeSet::from([after.key()]));
    }
}

#[test]
fn of_two_runs_at_once_on_a_ledger_to_be_created_one_works_and_the_other_exits_6() {
    one_works(2);
}

#[test]
fn of_ten_runs_at_once_on_a_ledger_to_be_created_one_works_and_the_others_exit_6() {
    one_works(10);
}

#[test]
fn ten_runs_that_wait_for_each_other_send_each_lead_once() {
    let scene = scene();
    let all = ended(start(&scene, &[&["--run-now", "--json", "--wait", "2m"][..]; 10]));
    assert!(all.iter().all(|ran| ran.code == 0), "{all:?}");
    assert_eq!(all.iter().map(|ran| ran.count("delivered")).sum::<u64>(), u64::from(ROWS));
    all_once(&scene);
}

#[test]
fn runs_and_commands_that_write_meet_without_harm() {
    for _ in 0..count("LEAD_SYNC_TEST_CROWDS", CROWDS) {
        let scene = scene();
        let others: [&[&str]; 7] = [
            &["status"],
            &["plan"],
            &["prune"],
            &["retry", "--state", "failed"],
            &["backup", "copy.db"],
            &["baseline", "--sync", "customers"],
            &["check"],
        ];
        let children = start(&scene, &[&[RUN; 3][..], &others].concat());
        for ran in ended(children) {
            // 2: what asks for a ledger that is not there yet.
            assert!(matches!(ran.code, 0 | 2 | 6), "{ran:?}");
            assert!(!ran.stderr.contains("programming error"), "{ran:?}");
        }
        sound(&scene);
        // It holds what was still to be sent when it was made.
        let _ = fs::remove_file(scene.path("copy.db"));
        assert_eq!(scene.run().code, 0);
        all_once(&scene);
    }
}
