//! What the program does when it is killed, and what has to be true afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lead_sync::ledger::Ledger;
use lead_sync::sandbox::identity::Provider;
use lead_sync::sandbox::{self, Kind};
use rusqlite::{Connection, OpenFlags};

use crate::oracle::{Policy, Seen, judge, rows, sound};
use crate::support::Scene;
use crate::sweep::sweep;

/// A command, what was there before it, and what holds after a kill.
pub(crate) struct Story {
    pub(crate) prepare: fn() -> Stage,
    pub(crate) command: &'static [&'static str],
    /// Comes before every kill.
    pub(crate) each: fn(&Stage),
    /// Goes on after a kill as a person or a timer would, and judges. It is given what the API had seen before the command.
    pub(crate) after: fn(&Stage, &Seen),
    pub(crate) fault: Fault,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The program dies before it.
    Kill,
    /// It fails (EIO).
    DiskError,
    /// It and all after it of its kind find no room (ENOSPC).
    DiskFull,
}

/// Where a story happens.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) provider: Option<Provider>,
    policy: Policy,
    keys: BTreeSet<String>,
}

pub(crate) const RUN: &[&str] = &["--run-now", "--json"];

impl Stage {
    /// An export of these rows that nobody has read yet, and one POST at a time.
    pub(crate) fn new(policy: Policy, keys: std::ops::Range<u32>) -> Self {
        Self::of(Scene::new(), None, policy, keys)
    }

    pub(crate) fn of(mut scene: Scene, provider: Option<Provider>, policy: Policy, keys: std::ops::Range<u32>) -> Self {
        scene.connection("on_in_doubt", policy.toml()).connection("max_in_flight", "1");
        scene.customers(keys.clone());
        Self { scene, provider, policy, keys: keys.map(|key| key.to_string()).collect() }
    }

    /// One lead of the export is delivered, the others are pending.
    pub(crate) fn begun(self) -> Self {
        self.expect(&["--run-now", "--limit", "1"], &[0, 4]);
        self
    }

    /// All leads are delivered.
    pub(crate) fn done(self) -> Self {
        self.expect(RUN, &[0]);
        self
    }

    pub(crate) fn expect(&self, args: &[&str], codes: &[i32]) {
        let ran = self.scene.cli(args);
        assert!(codes.contains(&ran.code), "{args:?}: {ran:?}");
    }

    /// Another run, to its end.
    pub(crate) fn finish(&self, before: &Seen) {
        self.expect(RUN, if self.policy == Policy::Hold { &[0, 3] } else { &[0] });
        judge(&self.scene, self.policy, &before.and(Seen::by(&self.scene)), &self.keys);
    }

    /// The API got nothing since the command began.
    pub(crate) fn nothing_was_sent(&self) {
        assert_eq!(self.scene.requests(), []);
    }

    /// What a killed process did not finish can be read by its owner only.
    fn unfinished_are_private(&self) {
        for file in Ledger::unfinished(&self.scene.path("lead-sync.db")) {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }

    pub(crate) fn state_of(&self, key: &str) -> Option<String> {
        rows(&self.scene).into_iter().find(|row| row.key == key).map(|row| row.state)
    }
}

pub(crate) fn nothing(_: &Stage) {}

#[test]
fn a_first_run_under_resend_survives_a_kill_before_any_of_its_calls() {
    sweep(&Story {
        prepare: || Stage::new(Policy::Resend, 0..5),
        command: RUN,
        each: nothing,
        after: Stage::finish,
        fault: Fault::Kill,
    });
}

#[test]
fn a_first_run_under_hold_survives_a_kill_before_any_of_its_calls() {
    sweep(&Story {
        prepare: || Stage::new(Policy::Hold, 0..5),
        command: RUN,
        each: nothing,
        after: Stage::finish,
        fault: Fault::Kill,
    });
}

/// Most calls of such a run are those of claiming, posting and settling.
#[test]
fn a_later_run_under_resend_survives_a_kill_before_any_of_its_calls() {
    let prepare = || Stage::new(Policy::Resend, 0..12).begun();
    sweep(&Story { prepare, command: RUN, each: nothing, after: Stage::finish, fault: Fault::Kill });
}

#[test]
fn a_later_run_under_hold_survives_a_kill_before_any_of_its_calls() {
    let prepare = || Stage::new(Policy::Hold, 0..12).begun();
    sweep(&Story { prepare, command: RUN, each: nothing, after: Stage::finish, fault: Fault::Kill });
}

/// An export that is moved once it is read.
pub(crate) fn archive(fault: Fault) -> Story {
    fn prepare() -> Stage {
        let mut stage = Stage::new(Policy::Resend, 0..3);
        stage.scene.source("after", "{ archive = \"done\" }");
        stage
    }
    fn after(stage: &Stage, before: &Seen) {
        stage.finish(before);
        let names = |folder: &str| fs::read_dir(stage.scene.path(folder)).map_or(0, Iterator::count);
        assert_eq!((names("exports"), names("done")), (0, 1));
    }
    Story { prepare, command: RUN, each: nothing, after, fault }
}

#[test]
fn an_export_is_either_in_its_place_or_in_the_archive_whenever_the_program_dies() {
    sweep(&archive(Fault::Kill));
}

#[test]
fn a_baseline_that_dies_sends_nothing_and_is_taken_again() {
    fn after(stage: &Stage, _: &Seen) {
        stage.expect(&["baseline", "--yes"], &[0]);
        stage.expect(RUN, &[0]);
        stage.nothing_was_sent();
        sound(&stage.scene);
        assert!(rows(&stage.scene).iter().all(|row| row.state == "delivered"));
        assert_eq!(rows(&stage.scene).len(), stage.keys.len());
    }
    let prepare = || Stage::new(Policy::Resend, 0..5);
    sweep(&Story { prepare, command: &["baseline", "--yes"], each: nothing, after, fault: Fault::Kill });
}

/// A key that nothing else in a file looks like.
const PERSON: &str = "471147114";

/// A person is erased, by the second try if need be.
pub(crate) fn forget(fault: Fault) -> Story {
    fn after(stage: &Stage, before: &Seen) {
        // A first try that got to its end leaves nobody to forget.
        stage.expect(&["forget", PERSON, "--yes"], &[0, 2]);
        gone(stage, before);
    }
    fn after_disk(stage: &Stage, before: &Seen) {
        stage.expect(&["forget", PERSON, "--yes"], &[0, 2]);
        // What a try asks for that erased the person and could not rewrite the file.
        stage.expect(&["prune"], &[0]);
        gone(stage, before);
    }
    let prepare = || Stage::new(Policy::Resend, 471_147_113..471_147_117).done();
    let after = if fault == Fault::Kill { after } else { after_disk };
    Story { prepare, command: &["forget", PERSON, "--yes"], each: nothing, after, fault }
}

fn gone(stage: &Stage, before: &Seen) {
    stage.expect(RUN, &[0]);
    stage.nothing_was_sent();
    sound(&stage.scene);
    assert_eq!(stage.state_of(PERSON), None);
    assert_eq!(before.times_stored()[PERSON], 1);
    for file in ["lead-sync.db", "lead-sync.db-wal"] {
        let bytes = fs::read(stage.scene.path(file)).unwrap_or_default();
        assert!(memchr::memmem::find(&bytes, PERSON.as_bytes()).is_none(), "{file} still has the key");
    }
}

#[test]
fn a_person_is_forgotten_by_the_second_try_whenever_the_first_one_dies() {
    sweep(&forget(Fault::Kill));
}

/// Two rows are corrected, by the second try if need be.
pub(crate) fn import(fault: Fault) -> Story {
    const IMPORT: &[&str] = &["rejects", "import", "corrected.csv"];
    fn prepare() -> Stage {
        let mut stage = Stage::new(Policy::Resend, 0..4);
        stage.scene.sync("required", "[\"prospect.last_name\"]");
        let bad = "2,First2,,p2@example.com\n3,First3,,p3@example.com\n";
        let rows = "id,first_name,last_name,email\n0,First0,Last0,p0@example.com\n1,First1,Last1,p1@example.com\n";
        stage.scene.export("customers.csv", format!("{rows}{bad}"));
        stage.expect(RUN, &[3]);
        stage.expect(&["rejects", "export", "rejects.csv"], &[0]);
        let rejects = fs::read_to_string(stage.scene.path("rejects.csv")).unwrap();
        let corrected = rejects.replace("First2,,", "First2,Last2,").replace("First3,,", "First3,Last3,");
        fs::write(stage.scene.path("corrected.csv"), corrected).unwrap();
        stage
    }
    fn after(stage: &Stage, before: &Seen) {
        stage.expect(IMPORT, &[0]);
        stage.finish(before);
    }
    Story { prepare, command: IMPORT, each: nothing, after, fault }
}

#[test]
fn corrected_rows_are_delivered_once_whenever_their_import_dies() {
    sweep(&import(Fault::Kill));
}

/// A copy of three leads.
pub(crate) fn backup(fault: Fault) -> Story {
    fn after(stage: &Stage, before: &Seen) {
        let copy = stage.scene.path("copy.db");
        stage.unfinished_are_private();
        if copy.exists() {
            let copy = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
            let verdict: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            let leads: i64 = copy.query_row("SELECT count(*) FROM leads", [], |row| row.get(0)).unwrap();
            assert_eq!((verdict.as_str(), leads), ("ok", 3));
        }
        // What it left does not keep it from being made again.
        stage.expect(&["backup", "copy.db"], &[if copy.exists() { 2 } else { 0 }]);
        assert!(copy.exists() && stage.scene.path("copy.key").exists());
        stage.finish(before);
    }
    let prepare = || Stage::new(Policy::Resend, 0..3).done();
    Story { prepare, command: &["backup", "copy.db"], each: nothing, after, fault }
}

#[test]
fn a_backup_that_dies_leaves_a_whole_copy_or_none() {
    sweep(&backup(Fault::Kill));
}

#[test]
fn pruning_that_dies_takes_no_lead_with_it() {
    fn prepare() -> Stage {
        let stage = Stage::new(Policy::Resend, 0..3);
        stage.scene.fault(sandbox::Fault::once(Kind::LostAnswer).times(2));
        let stage = stage.done();
        let ledger = Connection::open(stage.scene.path("lead-sync.db")).unwrap();
        ledger.execute("UPDATE failure SET at = 0", []).unwrap();
        stage
    }
    sweep(&Story { prepare, command: &["prune"], each: nothing, after: Stage::finish, fault: Fault::Kill });
}

/// Leads in the ledger of an older release: what later migrations added is taken out again.
pub(crate) fn migration(fault: Fault) -> Story {
    fn prepare() -> Stage {
        let stage = Stage::new(Policy::Resend, 0..6).begun();
        let ledger = Connection::open(stage.scene.path("lead-sync.db")).unwrap();
        // Taking a column out writes the rows anew: what they leave is to be as little as after an act of the program.
        ledger.pragma_update(None, "secure_delete", "ON").unwrap();
        let tables = |ledger: &Connection| {
            let sql = "SELECT type || ' ' || name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'";
            let mut names = ledger.prepare(sql).unwrap();
            names.query_map([], |row| row.get(0)).unwrap().collect::<Result<BTreeSet<String>, _>>().unwrap()
        };
        let oldest = Connection::open_in_memory().unwrap();
        oldest.execute_batch(include_str!("../../migrations/0001_ledger.sql")).unwrap();
        for added in tables(&ledger).difference(&tables(&oldest)) {
            ledger.execute_batch(&format!("DROP {added}")).unwrap();
        }
        let columns = "ALTER TABLE sync DROP COLUMN leads; ALTER TABLE sync DROP COLUMN cursor_of;
                       ALTER TABLE sync DROP COLUMN keyed_by;
                       ALTER TABLE connection DROP COLUMN destination; ALTER TABLE content DROP COLUMN layout;
                       ALTER TABLE quarantine DROP COLUMN layout; PRAGMA writable_schema = ON";
        ledger.execute_batch(columns).unwrap();
        let table: String =
            oldest.query_row("SELECT sql FROM sqlite_schema WHERE name = 'lead'", [], |row| row.get(0)).unwrap();
        ledger.execute("UPDATE sqlite_schema SET sql = ?1 WHERE name = 'lead'", [table]).unwrap();
        ledger.execute_batch("PRAGMA writable_schema = RESET").unwrap();
        ledger.pragma_update(None, "user_version", 1).unwrap();
        stage
    }
    fn after(stage: &Stage, before: &Seen) {
        stage.unfinished_are_private();
        stage.finish(before);
        assert_eq!(Ledger::unfinished(&stage.scene.path("lead-sync.db")), [""; 0].map(PathBuf::from));
        let copy = Connection::open(stage.scene.path("lead-sync.db.bak-v1")).unwrap();
        let number = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((number("PRAGMA user_version"), number("SELECT count(*) FROM leads")), (1, 6));
    }
    Story { prepare, command: RUN, each: nothing, after, fault }
}

#[test]
fn a_ledger_of_an_older_release_is_migrated_whole_or_not_at_all() {
    sweep(&migration(Fault::Kill));
}
