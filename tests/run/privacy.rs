//! No value of a person outside of where it has to be.

use std::fs;

use lead_sync::sandbox::{Answer, Fault, Kind, Options};
use serde_json::json;

use crate::support::Scene;

const PLANTED: [&str; 4] = ["Zebulon", "Quackenbush", "zebulon.q@example.com", "0470998877"];

/// The text as it is, as JSON escapes it, and as an address does.
fn forms(value: &str) -> Vec<String> {
    vec![value.to_owned(), value.to_lowercase(), value.replace('@', "%40"), value.replace('@', "\\u0040")]
}

fn assert_absent(bytes: &[u8], place: &str) {
    for value in PLANTED.iter().copied().chain([Options::API_TOKEN]) {
        for form in forms(value) {
            let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!found, "{place} holds {form:?}");
        }
    }
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.lead(
        "\norigin = \"CRM\"\nbackref = \"https://crm.example.com/{{ id }}\"\n[syncs.customers.lead.prospect]\n\
         first_name = \"{{ first_name }}\"\nlast_name = \"{{ last_name }}\"\nemail = \"{{ email }}\"\nphone = \"{{ phone | phone }}\"\n",
    );
    scene.export(
        "customers.csv",
        "id,first_name,last_name,email,phone\n1,Zebulon,Quackenbush,zebulon.q@example.com,0470998877\n2,Zebulon,Quackenbush\n",
    );
    scene
}

#[test]
fn neither_output_nor_ledger_keeps_a_value_of_a_delivered_lead() {
    let scene = scene();
    // The bad row would rightly be kept for mending.
    scene.export(
        "customers.csv",
        "id,first_name,last_name,email,phone\n1,Zebulon,Quackenbush,zebulon.q@example.com,0470998877\n",
    );
    scene.fault(Fault::once(Kind::LostAnswer));
    let output = scene.command(&["--run-now"]).env("LEAD_SYNC_LOG", "trace").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_absent(&output.stdout, "stdout");
    assert_absent(&output.stderr, "stderr");
    for entry in fs::read_dir(scene.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert_absent(&fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
    for args in [&["leads"][..], &["show", "1"], &["status"], &["runs"], &["leads", "--format", "json"], &["plan"]] {
        let ran = scene.cli(args);
        assert_absent(ran.stdout.as_bytes(), "a command");
        assert_absent(ran.stderr.as_bytes(), "a command");
    }
}

#[test]
fn what_is_said_of_a_refused_or_bad_row_holds_no_value_even_if_the_server_repeats_them() {
    let scene = scene();
    let body = json!({
        "message": "Zebulon QUACKENBUSH (zebulon.q@example.com, +32470998877) is unknown",
        "detail": "Quackenbush",
        "title": format!("apikey {} may not push this", Options::API_TOKEN),
    });
    scene.fault(Fault::once(Kind::Status(Answer { body: Some(body), ..Answer::new(422) })).always());
    let output = scene.command(&["--run-now"]).env("LEAD_SYNC_LOG", "trace").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_absent(&output.stdout, "stdout");
    assert_absent(&output.stderr, "stderr");
    for args in [&["leads"][..], &["show", "1"], &["show", "2"], &["leads", "--format", "csv"], &["plan"]] {
        let ran = scene.cli(args);
        assert_absent(ran.stdout.as_bytes(), "a command");
        assert!(!ran.stdout.contains("470998877"), "{ran:?}");
    }
    let texts = scene.query("SELECT reason FROM leads UNION ALL SELECT reason FROM failures");
    assert_absent(texts.join("\n").as_bytes(), "a reason");
}

#[test]
fn the_first_row_of_an_export_without_a_header_is_quoted_nowhere() {
    let scene = scene();
    // `Emile` is much like the column `email`.
    scene.export("customers.csv", "KA,Emile,Quackenbush,Gent,nee\nKB,Zebulon,Maes,Gent,ja\n");
    let ran = scene.run();
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("the first line has 5 cells and none of these columns"), "{ran:?}");
    for ran in [ran, scene.cli(&["status"]), scene.cli(&["check"])] {
        let text = ran.stdout + &ran.stderr;
        assert_absent(text.as_bytes(), "a command");
        assert!(!text.contains("Emile"), "{text}");
    }
}

#[test]
fn a_key_in_a_configured_header_is_masked_where_the_server_repeats_it() {
    let scene = scene();
    let body = json!({ "message": "key k3y-planted-header or planted-bearer is not known here, application/json is" });
    scene.fault(Fault::once(Kind::Status(Answer { body: Some(body), ..Answer::new(422) })).always());
    let output = scene
        .command(&["--run-now"])
        .env("LEAD_SYNC_LOG", "trace")
        .env("LEAD_SYNC__CONNECTIONS__WEGROUP__HEADERS__X-API-KEY", "k3y-planted-header")
        .env("LEAD_SYNC__CONNECTIONS__WEGROUP__HEADERS__X-TOKEN", "Bearer planted-bearer")
        .env("LEAD_SYNC__CONNECTIONS__WEGROUP__HEADERS__ACCEPT", "application/json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let reasons =
        scene.query("SELECT reason FROM leads WHERE key = '1' UNION SELECT reason FROM failures WHERE key = '1'");
    assert_eq!(reasons, ["HTTP 422: key *** or *** is not known here, application/json is"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("planted"));
}
