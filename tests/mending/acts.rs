//! Acts of a person: what is refused is told with its cause, what is meant is asked about, and what is in the way is named.

use std::ops::RangeInclusive;

use lead_sync::ledger::Ledger;
use lead_sync::sandbox::{Answer, Fault, Kind};
use lead_sync::worker::{ChosenRejects, export_rejects};

use crate::rejects;
use crate::support::Scene;
use crate::terminal::typed;

/// Customers whose leads the API refused with this status.
fn refused(keys: RangeInclusive<u32>, status: u16) -> Scene {
    let scene = Scene::new();
    scene.customers(keys);
    scene.fault(Fault::once(Kind::Status(Answer::new(status))).always());
    scene.run();
    scene.api.clear_faults();
    scene
}

#[test]
fn each_key_that_is_not_put_back_is_told_with_its_cause_and_exit_code_2() {
    let scene = rejects::scene();
    scene.export(
        "customers.csv",
        "id,first_name,last_name,email\n1,Ann,Maes,a@example.com\n2,Bob,Claes,nowhere\n3,Cid\n4,Dan,Ems,d@example.com\n",
    );
    scene.fault(Fault::once(Kind::Status(Answer::new(422))).for_lead("1"));
    scene.run();
    let ran = scene.cli(&["retry", "1", "2", "3", "4", "nope"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.starts_with("1 leads are to be sent"), "{ran:?}");
    let causes = [
        ("2:", "rejects export FILE"),
        ("3:", "rejects export FILE"),
        ("4:", "is delivered"),
        ("nope:", "no lead has"),
    ];
    for (key, cause) in causes {
        let told: Vec<&str> = ran.stderr.lines().filter(|line| line.trim_start().starts_with(key)).collect();
        assert!(told.len() == 1 && told[0].contains(cause), "{key} {ran:?}");
    }
    let again = scene.cli(&["retry", "1"]);
    assert!(again.code == 2 && again.stderr.contains("by the next run already"), "{again:?}");
}

#[test]
fn a_retry_of_rejected_leads_says_how_many_rows_it_cannot_mend() {
    let scene = rejects::scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes,nowhere\n2,Bob,Claes,none\n3,Cid\n");
    scene.run();
    let ran = scene.cli(&["retry", "--state", "rejected"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("0 leads") && ran.stdout.contains("3 rows are refused before"), "{ran:?}");
    assert!(ran.stdout.contains("lead-sync rejects export FILE"), "{ran:?}");
}

#[test]
fn a_held_lead_is_not_put_back_but_settled() {
    let mut scene = Scene::new();
    scene.connection("on_in_doubt", "\"hold\"");
    scene.customers([1]);
    scene.fault(Fault::once(Kind::StoredThenReset));
    scene.run();
    let ran = scene.cli(&["retry", "1"]);
    assert!(ran.code == 2 && ran.stderr.contains("lead-sync resolve --delivered 1"), "{ran:?}");
    let resolve = &mut scene.command(&["resolve", "1", "--delivered"]);
    let (status, screen) = typed(resolve, &["n"]);
    assert!(status.code() == Some(2) && screen.contains("1 of customers would be settled as delivered"), "{screen}");
    assert_eq!(scene.lead_of("1")["state"], "held");
    let (status, screen) = typed(resolve, &["y"]);
    assert_eq!(status.code(), Some(0), "{screen}");
    assert_eq!(scene.lead_of("1")["state"], "delivered");
}

#[test]
fn on_a_terminal_more_than_one_lead_is_put_back_only_after_a_yes() {
    let scene = refused(1..=3, 422);
    let retry = &mut scene.command(&["retry", "--state", "rejected"]);
    let (status, screen) = typed(retry, &["n"]);
    assert!(status.code() == Some(2) && screen.contains("3 leads would be put back"), "{screen}");
    assert_eq!(scene.lead_of("2")["state"], "rejected");
    let (status, screen) = typed(retry, &["y"]);
    assert!(status.code() == Some(0) && screen.contains("3 leads are to be sent"), "{screen}");
    assert_eq!(scene.lead_of("2")["state"], "pending");
    let one = refused(1..=1, 422);
    let (status, screen) = typed(&mut one.command(&["retry", "1"]), &[]);
    assert!(status.code() == Some(0) && !screen.contains('?'), "{screen}");
}

#[test]
fn what_keeps_the_next_run_from_sending_is_named_with_what_lifts_it() {
    let scene = refused(1..=1, 422);
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    let later =
        "UPDATE connection SET pause_until = 4102444800000, pause_reason = '429', breaker_until = 4102444800000";
    ledger.execute(later, []).unwrap();
    let ran = scene.cli(&["retry", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("but connection wegroup is paused until 2100-01-01"), "{ran:?}");
    assert!(ran.stdout.contains("nothing is sent until 2100-01-01"), "{ran:?}");
    assert!(ran.stdout.contains("lead-sync resume wegroup"), "{ran:?}");
    scene.cli(&["resume", "wegroup"]);
    ledger.execute("UPDATE lead SET state = 'rejected'", []).unwrap();
    assert!(!scene.cli(&["retry", "1"]).stdout.contains("but"));
}

#[test]
fn a_retry_of_a_state_that_knows_none_says_what_to_give_instead() {
    let scene = refused(1..=1, 422);
    for (state, cure) in
        [("held", "resolve"), ("delivered", "rejected, failed or waiting"), ("pending", "rejected, failed")]
    {
        let ran = scene.cli(&["retry", "--state", state]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(cure), "{ran:?}");
    }
}

#[test]
fn leads_of_a_sync_that_is_not_configured_any_more_are_not_said_to_be_sent() {
    let scene = refused(1..=1, 422);
    let mut retry = scene.command(&["retry", "1"]);
    let configuration = std::fs::read_to_string(scene.path("lead-sync.toml")).unwrap();
    let renamed = configuration.replace("syncs.customers", "syncs.others");
    std::fs::write(scene.path("lead-sync.toml"), renamed).unwrap();
    let ran = retry.output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains("there is no sync customers in the configuration any more"), "{said}");
}

#[test]
fn a_key_may_begin_with_a_hyphen_and_have_white_space_around_it() {
    let scene = rejects::scene();
    scene.export(
        "customers.csv",
        "id,first_name,last_name,email\n-K1,Ann,Maes,a@example.com\n--all,Bob,Claes,b@example.com\n",
    );
    scene.fault(Fault::once(Kind::Status(Answer::new(422))).times(2));
    scene.run();
    for key in ["-K1", "--all", " -K1\t"] {
        let shown = scene.cli(&["show", key, "--format", "json"]).json();
        assert_eq!(shown[0]["key"], key.trim(), "{shown}");
    }
    let ran = scene.cli(&["retry", "--sync", "customers", "--", "-K1", " --all "]);
    assert!(ran.code == 0 && ran.stdout.starts_with("2 leads"), "{ran:?}");
    let told = scene.cli(&["retry", "-7", "--sync", "customers"]).stderr;
    assert!(told.contains("not put back: -7: no lead has this key"), "{told}");
    assert_eq!(scene.cli(&["resolve", "-K1", "--delivered"]).code, 2, "it is an option, and the lead is not held");
    assert!(scene.cli(&["export-person", " -K1", "--sync", "customers"]).stdout.contains("\"-K1\""));
    assert_eq!(scene.cli(&["forget", " -K1 ", "--yes"]).code, 0);
    assert_eq!(scene.query("SELECT key FROM lead"), ["--all"]);
    assert_eq!(scene.cli(&["show", " "]).code, 2);
}

#[test]
fn a_next_page_is_named_only_if_there_is_one_and_no_page_is_empty() {
    let scene = refused(1..=4, 422);
    let first = scene.cli(&["leads", "--limit", "2"]);
    assert!(first.stdout.lines().count() == 3 && first.stderr.contains("--offset 2"), "{first:?}");
    let last = scene.cli(&["leads", "--limit", "2", "--offset", "2"]);
    assert!(last.stdout.lines().count() == 3 && !last.stderr.contains("--offset"), "{last:?}");
    assert_eq!(scene.cli(&["leads", "--limit", "2", "--format", "json"]).json().as_array().unwrap().len(), 2);
    let none = scene.cli(&["leads", "--limit", "0"]);
    assert!(none.code == 2 && none.stderr.contains("at least 1"), "{none:?}");
}

#[test]
fn a_list_for_programs_does_not_drive_the_terminal_it_is_shown_on() {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\nK\u{1b}[2J1,Ann,Maes,a@example.com\n");
    scene.run();
    let csv = ["leads", "--format", "csv"];
    let (_, screen) = typed(&mut scene.command(&csv), &[]);
    assert!(screen.contains("[2J1") && !screen.contains('\u{1b}'), "{screen:?}");
    assert!(scene.cli(&csv).stdout.contains("K\u{1b}[2J1"), "a file gets the key as it is");
}

#[test]
fn an_export_into_a_missing_folder_says_what_next() {
    let scene = rejects::scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A\n");
    scene.run();
    for command in [&["rejects", "export", "nowhere/r.csv"][..], &["backup", "nowhere/b.db"]] {
        let ran = scene.cli(command);
        assert!(ran.code == 2 && ran.stderr.contains("its folder does not exist"), "{ran:?}");
    }
}

#[test]
fn an_export_of_rejects_is_of_one_moment_whatever_is_written_meanwhile() {
    let scene = rejects::scene();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,A\n2,B\n");
    scene.run();
    let ledger = Ledger::open_reader(&scene.path("lead-sync.db")).unwrap();
    let meanwhile = || {
        let other = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
        other.execute("DELETE FROM quarantine", []).unwrap();
        Ok(Vec::new())
    };
    let (count, written) = export_rejects(&ledger, "customers", ChosenRejects::default(), meanwhile).unwrap();
    assert_eq!((count, String::from_utf8(written.unwrap()).unwrap().lines().count()), (2, 3));
    let later = || -> std::io::Result<Vec<u8>> { panic!("there is nothing to be written") };
    assert_eq!(export_rejects(&ledger, "customers", ChosenRejects::default(), later).unwrap().0, 0);
}
