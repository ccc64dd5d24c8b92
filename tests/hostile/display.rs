//! Data that tries to drive a terminal or to pass for a line of ours.

use std::fs;

use crate::support::{Ran, Scene};
use crate::tongue::Tongue;

/// Clears the screen, turns the text around, and begins a line of its own: in ASCII, in C1 (one character CSI) and in Unicode.
const EVIL: &str = "a\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\n<3>forged";

fn drives_display(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

fn assert_harmless(what: &str, ran: &Ran) {
    for (name, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        let bad: Vec<char> = text.chars().filter(|c| drives_display(*c)).collect();
        assert!(bad.is_empty(), "{what}, {name}: {bad:?} in {text}");
        assert!(!text.lines().any(|line| line.starts_with("<3>forged")), "{what}, {name}: a forged line in {text}");
    }
}

/// Evil keys, columns, names of files and words of the server.
fn scene() -> Scene {
    let reason = serde_json::json!({ "error": EVIL, "id": EVIL }).to_string();
    let scene = Tongue::json(422, &reason).scene();
    let column = EVIL.replace('\n', " ");
    scene.export(
        "customers.csv",
        format!(
            "id,first_name,last_name,email,{column}\n\"{EVIL}\",Jan,Peeters,jan@example.com,1\n\"2{EVIL}\",ragged\n"
        ),
    );
    fs::write(scene.path("exports").join(format!("{EVIL}.csv")), "<html>").unwrap();
    fs::write(scene.path("exports").join(format!("b{EVIL}.csv")), format!("id,{column}\n1,2\n")).unwrap();
    scene
}

#[test]
fn nothing_of_an_export_or_an_answer_drives_the_terminal() {
    let scene = scene();
    for args in [
        &["plan"][..],
        &["check"],
        &["--run-now"],
        &["leads"],
        &["leads", "--format", "json"],
        &["show", EVIL],
        &["show", EVIL, "--format", "json"],
        &["show", "no such key\u{1b}[2J"],
        &["status"],
        &["runs"],
        &["retry", EVIL],
        &["resolve", EVIL, "--resend"],
        &["export-person", EVIL],
        &["rejects", "export", "rejects.csv"],
        &["leads", "--sync", EVIL],
        &["forget", EVIL, "--yes"],
    ] {
        assert_harmless(&args.join(" "), &scene.cli(args));
    }
}

#[test]
fn nothing_of_an_export_or_an_answer_forges_a_log_line() {
    for format in ["text", "journald", "json"] {
        let mut scene = scene();
        scene.source("after", "{ archive = \"done\" }");
        fs::rename(scene.path("exports/customers.csv"), scene.path(&format!("exports/c{EVIL}.csv"))).unwrap();
        let mut command = scene.command(&["--run-now", "--json"]);
        let ran: Ran =
            command.env("LEAD_SYNC_LOG", "debug").env("LEAD_SYNC_LOG_FORMAT", format).output().unwrap().into();
        assert!(ran.stderr.lines().count() > 3, "{ran:?}");
        assert_harmless(format, &ran);
    }
}

#[test]
fn a_rejects_file_is_harmless_in_a_spreadsheet_whatever_the_server_says() {
    let scene = Tongue::json(422, r#"{"error":"=HYPERLINK(\"http://evil.example\")"}"#).scene();
    assert_eq!(scene.run().code, 3);
    assert_eq!(scene.cli(&["rejects", "export", "rejects.csv"]).code, 0);
    let written = fs::read_to_string(scene.path("rejects.csv")).unwrap();
    assert!(written.contains("HYPERLINK"), "{written}");
    assert!(!written.contains(",=HYPERLINK") && !written.contains(",\"=HYPERLINK"), "{written}");
    let listed = scene.cli(&["leads", "--format", "csv"]).stdout;
    assert!(!listed.contains(",=HYPERLINK") && !listed.contains(",\"=HYPERLINK"), "{listed}");
}
