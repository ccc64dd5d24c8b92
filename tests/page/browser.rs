//! The pages in headless Chromium: what a person sees.

use std::path::Path;
use std::process::Command;

use crate::stage::{IMAGE, SCRIPT, Served, assert_true_numbers, stage};

/// Set where the browser has to be there (`.ci/run`).
const REQUIRED: &str = "LEAD_SYNC_TEST_CHROMIUM";

/// Runs Chromium over a page with an empty profile and without any request of its own; `None` if this machine has none.
fn chromium(arguments: &[&str], url: &str) -> Option<String> {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"])
        .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(url)
        .output();
    match output {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}");
            assert!(!errors.contains("Content Security Policy"), "the page breaks its own policy: {errors}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            assert!(std::env::var_os(REQUIRED).is_none(), "chromium: {error}");
            eprintln!("skipped: there is no chromium here ({error})");
            None
        }
    }
}

fn dom(url: &str) -> Option<String> {
    chromium(&["--dump-dom", "--enable-logging=stderr"], url)
}

/// The text that the elements of a document hold, as its serialisation writes it.
fn as_text(value: &str) -> String {
    value.replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn a_browser_shows_the_ledgers_numbers_and_runs_nothing() {
    let served = Served::new("");
    let Some(page) = dom(&served.url) else { return };
    assert_true_numbers(&page, &served.scene);
    assert!(page.contains("<title>lead-sync</title>"), "a script has run: {page}");
    assert!(page.contains(&as_text(SCRIPT)), "the key is there, as text: {page}");
    assert!(page.contains(&as_text(IMAGE)), "the reason is there, as text: {page}");
    assert_eq!(page.matches("<rect").count(), 2, "one bar for today's deliveries, one for what was rejected");
    assert!(page.contains("y=\"40.0\" width=\"8\" height=\"60.0\""), "12 on a scale of 20: {page}");
    assert!(page.contains("y=\"0.0\" width=\"8\" height=\"100.0\""), "2 on a scale of 2: {page}");
}

#[test]
fn a_browser_shows_the_report_as_a_file() {
    let scene = stage("");
    assert_eq!(scene.cli(&["report", "report.html"]).code, 0);
    let Some(page) = dom(&format!("file://{}", scene.path("report.html").display())) else { return };
    assert_true_numbers(&page, &scene);
    assert!(page.contains("<title>lead-sync</title>"), "a script has run: {page}");
}

#[test]
fn the_style_sheet_is_in_force_in_both_colour_schemes() {
    let served = Served::new("");
    let folder = tempfile::tempdir().unwrap();
    // Chromium's numbers for dark and light.
    for (scheme, page) in [("0", [0x12, 0x16, 0x1c]), ("1", [0xf6, 0xf7, 0xf9])] {
        let file = folder.path().join(format!("{scheme}.png"));
        let arguments = [
            format!("--blink-settings=preferredColorScheme={scheme}"),
            "--window-size=400,800".to_owned(),
            format!("--screenshot={}", file.display()),
        ];
        if chromium(&arguments.each_ref().map(String::as_str), &served.url).is_none() {
            return;
        }
        assert_eq!(corner(&file), page, "the colour of the page, where nothing is written");
    }
}

/// The first pixel of a screenshot.
fn corner(png: &Path) -> [u8; 3] {
    let bytes = std::fs::read(png).unwrap();
    let mut at = 8;
    let mut packed = Vec::new();
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] == b"IDAT" {
            packed.extend_from_slice(&bytes[at + 8..at + 8 + length]);
        }
        at += length + 12;
    }
    let mut first = [0; 4];
    std::io::Read::read_exact(&mut flate2::read::ZlibDecoder::new(packed.as_slice()), &mut first).unwrap();
    // The first byte names the row's filter: in the first pixel of the first row all of them leave the value as it is.
    [first[1], first[2], first[3]]
}
