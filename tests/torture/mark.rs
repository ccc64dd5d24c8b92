//! Which ledger sends after a run that died: its own goes on, and an older one does not, once something was sent.

use std::fs;

use crate::stories::RUN;
use crate::strace;
use crate::support::Scene;

const BEFORE: u32 = 2;
const ROWS: u32 = 5;

/// A few leads delivered, a backup of that, and more to send.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.connection("max_in_flight", "1").connection("on_in_doubt", "\"hold\"");
    scene.customers(0..BEFORE);
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.cli(&["backup", "older.db"]).code, 0);
    scene.customers(0..ROWS);
    scene
}

/// Runs on the backup, in a folder of its own beside the mark that the dead run has left. True if it sent nothing and was refused.
fn refuses_the_backup(scene: &Scene) -> bool {
    let folder = scene.path("elsewhere");
    fs::create_dir(&folder).unwrap();
    for (from, to) in
        [("older.db", "lead-sync.db"), ("older.key", "lead-sync.key"), ("lead-sync.db.mark", "lead-sync.db.mark")]
    {
        fs::copy(scene.path(from), folder.join(to)).unwrap();
    }
    let before = scene.requests().len();
    let mut command = scene.command(&["--run-now", "--limit", "0"]);
    let code = command.env("LEAD_SYNC__LEDGER__PATH", folder.join("lead-sync.db")).output().unwrap().status.code();
    assert_eq!(scene.requests().len(), before);
    code == Some(2)
}

#[test]
fn after_a_kill_around_the_mark_the_ledger_goes_on_and_an_older_one_does_not_once_something_was_sent() {
    if !strace::is_here() {
        return;
    }
    let mut points = strace::points(&scene().command(RUN));
    // Between two of these calls nothing becomes durable, and no mark appears.
    points.retain(|point| matches!(point.call.as_str(), "fsync" | "fdatasync" | "rename"));
    let (mut refused, mut passed) = (0, 0);
    for point in points {
        println!("killed at {} no. {}", point.call, point.number);
        let scene = scene();
        let sent_before = scene.requests().len();
        strace::inject(&scene.command(RUN), &point.call, &format!("signal=KILL:when={}", point.number));
        if refuses_the_backup(&scene) {
            refused += 1;
        } else {
            passed += 1;
            assert_eq!(scene.requests().len(), sent_before, "sent, and an older ledger would send it again");
        }
        let ran = scene.run();
        assert!(matches!(ran.code, 0 | 3), "the ledger that sent last is refused: {ran:?}");
        let settled = scene.query("SELECT key FROM leads WHERE state IN ('delivered', 'held')");
        assert!(settled.len() == ROWS as usize && scene.stored().len() <= settled.len(), "{settled:?}");
    }
    assert!(refused > 2 && passed > 2, "{refused} refused, {passed} passed");
}
