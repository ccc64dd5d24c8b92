//! Consent that is withdrawn, and rows that change, after something has reached the API or may have.

use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::support::{Ran, Scene};

const HEADER: &str = "id,first_name,last_name,email,consent\n";

fn consenting() -> Scene {
    let mut scene = Scene::new();
    scene.sync("where", r#""{{ consent == 'J' }}""#).connection("patience", "\"0s\"");
    scene.connection("retry", r#"{ first = "1m", cap = "1m" }"#);
    scene
}

fn resending() -> Scene {
    let mut scene = consenting();
    scene.sync("on_change", "\"resend\"");
    scene
}

fn rows(scene: &Scene, rows: &[&str]) -> Ran {
    scene.export("customers.csv", format!("{HEADER}{}\n", rows.join("\n")));
    scene.run()
}

/// Every request is refused with this status until [`well`].
fn refuse(scene: &Scene, status: u16) {
    scene.fault(Fault::once(Kind::Status(Answer::new(status))).always());
}

fn well(scene: &Scene) {
    scene.api.clear_faults();
    assert_eq!(scene.cli(&["resume", "wegroup"]).code, 0);
}

#[test]
fn a_row_that_withdraws_its_lead_takes_the_key_so_that_a_later_row_of_it_is_not_sent() {
    let scene = consenting();
    refuse(&scene, 422);
    rows(&scene, &["1,Ann,New,a@example.com,J"]);
    well(&scene);
    let ran = rows(&scene, &["1,Ann,New,a@example.com,N", "1,Ann,Third,a@example.com,J"]);
    assert_eq!((ran.code, ran.count("skipped"), ran.count("invalid"), ran.count("delivered")), (3, 1, 1, 0), "{ran:?}");
    assert!(scene.stored().is_empty());
}

#[test]
fn an_older_file_does_not_bring_back_a_lead_that_the_last_file_withdraws() {
    let scene = consenting();
    refuse(&scene, 422);
    scene.export("c-1.csv", format!("{HEADER}1,Ann,Old,a@example.com,J\n"));
    scene.export("c-2.csv", format!("{HEADER}1,Ann,New,a@example.com,J\n"));
    scene.run();
    well(&scene);
    scene.export("c-3.csv", format!("{HEADER}1,Ann,New,a@example.com,N\n"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (0, 0), "{ran:?}");
    assert!(scene.stored().is_empty());
}

#[test]
fn a_lead_that_may_have_arrived_is_held_and_not_sent_again_once_consent_is_withdrawn() {
    let scene = consenting();
    scene.fault(Fault::once(Kind::LostAnswer));
    rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    assert_eq!(scene.lead_of("1")["state"], "waiting");
    well(&scene);
    let ran = rows(&scene, &["1,Ann,Maes,a@example.com,N"]);
    assert_eq!((ran.code, ran.count("skipped"), ran.count("held"), ran.count("delivered")), (3, 1, 1, 0), "{ran:?}");
    assert_eq!((scene.requests().len(), scene.lead_of("1")["state"].as_str()), (1, Some("held")));
    // It is told once.
    assert_eq!(scene.run().code, 0);
    assert_eq!(scene.cli(&["resolve", "1", "--delivered", "--yes"]).code, 0);
}

/// A run over an export in which the consent of a lead in this state is withdrawn; then the export is gone, so that nothing is read again.
fn withdrawn_for_good(scene: &Scene) -> Ran {
    let ran = rows(scene, &["1,Ann,Maes,a@example.com,N"]);
    std::fs::remove_file(scene.path("exports/customers.csv")).unwrap();
    well(scene);
    ran
}

#[test]
fn a_held_lead_whose_consent_is_withdrawn_is_sent_again_only_by_somebody_who_was_told() {
    let mut scene = consenting();
    scene.connection("on_in_doubt", "\"hold\"");
    scene.fault(Fault::once(Kind::LostAnswer));
    rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    assert_eq!(scene.lead_of("1")["state"], "held");
    let ran = withdrawn_for_good(&scene);
    assert_eq!((ran.code, ran.count("held")), (0, 0), "it was held before: {ran:?}");
    let reason = scene.lead_of("1")["reason"].to_string();
    assert!(reason.contains("`where` was false for its row since"), "{reason}");
    let ran = scene.cli(&["resolve", "1", "--resend"]);
    assert_eq!((ran.code, scene.lead_of("1")["state"].as_str()), (2, Some("held")), "{ran:?}");
    assert!(ran.stderr.contains("consent may be withdrawn") && ran.stderr.contains("--yes"), "{ran:?}");
    let ran = scene.cli(&["resolve", "1", "--resend", "--yes"]);
    assert!(ran.code == 0 && ran.stdout.contains("although `where` was false"), "{ran:?}");
}

#[test]
fn a_refused_lead_that_may_have_arrived_is_not_retried_once_its_consent_is_withdrawn() {
    let mut scene = consenting();
    scene.connection("retry", r#"{ first = "10ms", cap = "10ms" }"#).connection("patience", "\"1m\"");
    scene.fault(Fault::once(Kind::LostAnswer));
    scene.fault(Fault::once(Kind::Status(Answer::new(422))));
    rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    assert_eq!((scene.lead_of("1")["state"].as_str(), scene.requests().len()), (Some("rejected"), 2));
    let ran = withdrawn_for_good(&scene);
    assert_eq!((ran.code, ran.count("held")), (3, 1), "{ran:?}");
    scene.cli(&["retry", "--yes"]);
    scene.run();
    assert_eq!(scene.requests().len(), 2);
}

#[test]
fn a_bad_row_is_not_there_to_be_corrected_and_sent_once_a_good_one_withdraws_consent() {
    let mut scene = consenting();
    scene.source("after", r#"{ archive = "done" }"#);
    let ran = rows(&scene, &["1,Ann,Maes,a@example.com,J,one cell too many"]);
    assert_eq!((ran.code, scene.lead_of("1")["state"].as_str()), (3, Some("rejected")), "{ran:?}");
    assert_eq!(rows(&scene, &["1,Ann,Maes,a@example.com,N"]).count("skipped"), 1);
    assert!(scene.leads().is_empty(), "{:?}", scene.leads());
}

#[test]
fn a_person_of_whom_only_a_trace_is_left_can_be_forgotten_and_does_not_come_back() {
    let scene = consenting();
    refuse(&scene, 422);
    rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    well(&scene);
    rows(&scene, &["1,Ann,Maes,a@example.com,N"]);
    assert_eq!(scene.cli(&["forget", "1", "--yes"]).code, 0);
    assert_eq!(scene.query("SELECT count(*) FROM spent"), ["0"]);
    let ran = rows(&scene, &["1,Ann,Maes,new@example.com,J"]);
    assert_eq!((ran.count("skipped"), scene.requests().len()), (1, 1), "{ran:?}");
}

#[test]
fn whoever_consents_again_is_sent_under_another_idempotency_key_than_what_was_refused() {
    let scene = consenting();
    refuse(&scene, 422);
    rows(&scene, &["1,Ann,Maes,wrong@example.com,J", "2,Bob,Bos,b@example.com,N"]);
    well(&scene);
    rows(&scene, &["1,Ann,Maes,wrong@example.com,N", "2,Bob,Bos,b@example.com,N"]);
    assert_eq!(scene.query("SELECT count(*) FROM lead"), ["0"]);
    rows(&scene, &["1,Ann,Maes,right@example.com,J", "2,Bob,Bos,b@example.com,J"]);
    assert_eq!(scene.query("SELECT key || ' ' || version FROM lead ORDER BY key"), ["1 2", "2 1"]);
    let keys: Vec<_> = scene.requests().into_iter().map(|request| request.idempotency_key).collect();
    assert!(keys.len() == 3 && keys[1] != keys[0], "{keys:?}");
    assert_eq!(scene.query("SELECT count(*) FROM spent"), ["0"]);
}

/// Delivered, changed, and the change refused by the API.
fn changed_and_refused() -> (Scene, String) {
    let scene = resending();
    rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    let id = scene.lead_of("1")["remote_id"].as_str().unwrap().to_owned();
    refuse(&scene, 422);
    rows(&scene, &["1,Ann,Claes,a@example.com,J"]);
    assert_eq!(scene.lead_of("1")["state"], "rejected");
    well(&scene);
    (scene, id)
}

#[test]
fn a_change_whose_consent_is_withdrawn_leaves_what_was_delivered_on_record_and_is_not_sent_as_new() {
    let (scene, id) = changed_and_refused();
    let ran = rows(&scene, &["1,Ann,Claes,a@example.com,N"]);
    assert_eq!((ran.code, ran.count("skipped")), (0, 1), "{ran:?}");
    let lead = scene.lead_of("1");
    assert_eq!((lead["state"].as_str(), lead["remote_id"].as_str()), (Some("delivered"), Some(id.as_str())));
    let ran = rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    assert_eq!((ran.count("unchanged"), scene.stored().len()), (1, 1), "{ran:?}");
    rows(&scene, &["1,Ann,Peeters,a@example.com,J"]);
    let keys: Vec<_> = scene.requests().into_iter().map(|request| request.idempotency_key).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[2] != keys[0] && keys[2] != keys[1], "another content, another key: {keys:?}");
}

#[test]
fn a_change_that_is_withdrawn_leaves_no_room_for_another_row_of_its_key() {
    for files in [&["c-1.csv", "c-2.csv"][..], &["c-1.csv", "c-1.csv"]] {
        let (scene, _) = changed_and_refused();
        std::fs::remove_file(scene.path("exports/customers.csv")).unwrap();
        let (wanted, unwanted) = ("1,Ann,Third,a@example.com,J\n", "1,Ann,Claes,a@example.com,N\n");
        scene.export(files[0], format!("{HEADER}{wanted}"));
        let before = if files[0] == files[1] { unwanted.to_owned() + wanted } else { unwanted.to_owned() };
        scene.export(files[1], format!("{HEADER}{before}"));
        let ran = scene.run();
        assert_eq!((ran.count("delivered"), scene.stored().len()), (0, 1), "{files:?}: {ran:?}");
        assert_eq!(scene.requests().len(), 2, "{files:?}");
    }
}

#[test]
fn a_row_that_is_again_what_was_delivered_is_not_sent_a_second_time() {
    let (scene, id) = changed_and_refused();
    let ran = rows(&scene, &["1,Ann,Maes,a@example.com,J"]);
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("delivered")), (0, 1, 0), "{ran:?}");
    assert_eq!((scene.lead_of("1")["remote_id"].as_str(), scene.stored().len()), (Some(id.as_str()), 1));
}

#[test]
fn whoever_is_forgotten_is_named_with_every_id_that_the_api_has_of_them() {
    let (scene, first) = changed_and_refused();
    rows(&scene, &["1,Ann,Peeters,a@example.com,J"]);
    let second = scene.lead_of("1")["remote_id"].as_str().unwrap().to_owned();
    let shown = scene.cli(&["show", "1"]);
    let person = scene.cli(&["export-person", "1"]);
    let ran = scene.cli(&["forget", "1", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for id in [&first, &second] {
        for ran in [&shown, &person, &ran] {
            assert!(ran.stdout.contains(id.as_str()), "{id} is not in {ran:?}");
        }
    }
    assert_eq!(scene.query("SELECT count(*) FROM earlier"), ["0"]);
}
