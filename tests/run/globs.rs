//! Several files of one sync, of which one cannot be read.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::Scene;

const HEADER: &str = "id,first_name,last_name,email,consent\n";

fn file(scene: &Scene, name: &str, rows: &[&str]) {
    scene.export(name, format!("{HEADER}{}\n", rows.join("\n")));
}

/// A file that takes a while to be read.
fn long(scene: &Scene, name: &str, first_row: &str) {
    let mut text = format!("{HEADER}{first_row}\n");
    for number in 0..50_000 {
        writeln!(text, "x{number},First,Last,x{number}@example.com,N").unwrap();
    }
    scene.export(name, text);
}

#[test]
fn a_row_of_a_file_that_changed_while_it_was_read_does_not_stand_for_the_same_row_of_another_file() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    file(&scene, "a.csv", &["1,Ann,Maes,a@example.com,J"]);
    long(&scene, "b.csv", "1,Ann,Maes,a@example.com,J");
    let (path, stop) = (scene.path("exports/b.csv"), AtomicBool::new(false));
    let ran = std::thread::scope(|scope| {
        // An export that is still being written.
        scope.spawn(|| {
            let file = OpenOptions::new().append(true).open(&path).unwrap();
            for second in 1.. {
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let ran = scene.cli(&["--run-now", "--json", "--limit", "1"]);
        stop.store(true, Ordering::Relaxed);
        ran
    });
    assert_eq!((ran.code, ran.count("read"), ran.count("new"), ran.count("delivered")), (4, 1, 1, 1), "{ran:?}");
    assert_eq!(scene.stored()[0].body["prospect"]["last_name"], "Maes");
}

#[test]
fn while_the_last_file_cannot_be_read_an_older_one_changes_no_known_lead() {
    let mut scene = Scene::new();
    scene.sync("on_change", "\"resend\"");
    file(&scene, "c-1.csv", &["1,Ann,Old,a@example.com,J"]);
    file(&scene, "c-2.csv", &["1,Ann,New,a@example.com,J"]);
    assert_eq!(scene.run().count("delivered"), 1);
    scene.export("c-2.csv", "<html>");
    file(&scene, "c-1.csv", &["1,Ann,Old,a@example.com,J", "2,Bob,Maes,b@example.com,J"]);
    let ran = scene.run();
    // Another refused file has no say in who is new.
    assert_eq!((ran.code, ran.count("changed"), ran.count("new"), ran.count("delivered")), (3, 1, 1, 1), "{ran:?}");
    file(&scene, "c-2.csv", &["1,Ann,New,a@example.com,J"]);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 2, 0), "{ran:?}");
    let names: Vec<_> = scene.stored().iter().map(|lead| lead.body["prospect"]["last_name"].clone()).collect();
    assert_eq!(names, ["New", "Maes"]);
}

#[test]
fn while_the_last_file_cannot_be_read_no_older_one_speaks_for_consent() {
    let mut scene = Scene::new();
    scene.sync("where", r#""{{ consent == 'J' }}""#);
    file(&scene, "a.csv", &["1,Ann,Maes,a@example.com,J"]);
    file(&scene, "b.csv", &["1,Ann,Maes,a@example.com,N"]);
    assert_eq!(scene.run().count("skipped"), 2);
    scene.export("b.csv", "<html>");
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("read"), ran.count("delivered")), (3, 0, 0), "{ran:?}");
    assert!(ran.stderr.contains("a.csv is left for a later run"), "{ran:?}");
    fs::remove_file(scene.path("exports/b.csv")).unwrap();
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_bad_row_of_a_file_that_was_moved_away_stays_listed_when_the_next_file_of_its_name_comes() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    file(&scene, "new.csv", &["1,Ann,Maes,a@example.com,J", "2,Bob,Claes,b@example.com,J,extra"]);
    assert_eq!(scene.run().code, 3);
    file(&scene, "new.csv", &["3,Eva,Evers,e@example.com,J"]);
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.lead_of("2")["state"], "rejected");
    // The same bad row in the next export is not new; a good one mends it.
    file(&scene, "new.csv", &["2,Bob,Claes,b@example.com,J,extra"]);
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.lead_of("2")["state"], "rejected");
    file(&scene, "new.csv", &["2,Bob,Claes,b@example.com,J"]);
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(scene.lead_of("2")["state"], "delivered");
}

#[test]
fn a_good_row_of_a_delivered_lead_mends_a_bad_one_even_if_it_is_unchanged() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    for (row, code) in
        [("1,Ann,Maes,a@example.com,J", 0), ("1,Ann,Maes,a@example.com,J,x", 3), ("1,Ann,Maes,a@example.com,J", 0)]
    {
        file(&scene, "d.csv", &[row]);
        assert_eq!(scene.run().code, code, "{row}");
    }
    assert_eq!(scene.lead_of("1")["state"], "delivered");
}

#[test]
fn a_bad_row_of_the_last_file_is_listed_although_an_older_file_has_a_good_one_of_its_key() {
    let scene = Scene::new();
    file(&scene, "z.csv", &["9,Zoe,Zoet,z@example.com,J,extra"]);
    assert_eq!(scene.run().code, 3);
    file(&scene, "a.csv", &["1,Ann,Maes,a@example.com,J"]);
    file(&scene, "b.csv", &["1,Ann,Maes,a@example.com,J,extra"]);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("rejected")), (3, 1), "{ran:?}");
    assert_eq!(scene.leads().iter().filter(|lead| lead["state"] == "rejected").count(), 2);
    assert_eq!(scene.run().code, 0, "it is not new again");
}

#[test]
fn a_repeated_key_in_files_that_are_moved_away_is_listed_every_day_and_new_on_the_first() {
    let mut scene = Scene::new();
    scene.source("after", "{ archive = \"done\" }");
    for (day, code) in [(1, 3), (2, 0), (3, 0)] {
        file(&scene, "full.csv", &["1,Ann,Maes,a@example.com,J", "1,Ann,Claes,a@example.com,J"]);
        assert_eq!(scene.run().code, code, "day {day}");
        assert_eq!(scene.leads().iter().filter(|lead| lead["state"] == "rejected").count(), 1, "day {day}");
    }
}

#[test]
fn a_bad_row_of_a_file_that_cannot_be_read_stays_listed_and_is_not_new_afterwards() {
    let scene = Scene::new();
    file(&scene, "a.csv", &["7,Zoe,Zoet,z@example.com,J"]);
    file(&scene, "b.csv", &["7,Zoe,Zoet,z@example.com,J,extra"]);
    assert_eq!(scene.run().code, 3);
    scene.export("b.csv", "<html>");
    assert_eq!(scene.run().code, 3);
    file(&scene, "b.csv", &["7,Zoe,Zoet,z@example.com,J,extra"]);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("rejected")), (0, 0), "{ran:?}");
}

#[test]
fn a_file_that_has_just_come_keeps_no_older_one_from_being_read() {
    let mut scene = Scene::new();
    scene.sync("where", r#""{{ consent == 'J' }}""#).source("min_age", "\"1h\"");
    file(&scene, "a.csv", &["1,Ann,Maes,a@example.com,J"]);
    let old = OpenOptions::new().append(true).open(scene.path("exports/a.csv")).unwrap();
    old.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    file(&scene, "b.csv", &["2,Bob,Claes,b@example.com,J"]);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 1), "{ran:?}");
}
