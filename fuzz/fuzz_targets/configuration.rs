//! Configuration: what is refused is explained line by line, what is accepted keeps the promises of its types.
#![no_main]

use std::cell::OnceCell;
use std::fs;

use lead_sync::config::{Env, Secrets, load};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fuzz_target!(|text: &str| {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder"));
        let path = folder.path().join("lead-sync.toml");
        fs::write(&path, text).expect("a file");
        match load(&path, &Env::default(), Secrets::All) {
            Err(problems) => {
                assert!(!problems.is_empty());
                for problem in problems.list() {
                    assert!(!problem.text.trim().is_empty(), "a problem without a text");
                    assert!(!problem.to_string().contains('\u{1b}'), "it could drive a terminal");
                }
            }
            Ok(loaded) => check(&loaded.without_secrets(), text),
        }
    });
});

fn check(settings: &lead_sync::worker::settings::Settings, text: &str) {
    assert!(toml::from_str::<toml::Table>(text).is_ok(), "a file that is no TOML is accepted");
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
    };
    assert!(!settings.connections.is_empty());
    for connection in &settings.connections {
        assert!(is_name(&connection.name));
        let url = &connection.destination.api_url;
        assert!(url.scheme() == "https" || lead_sync::auth::is_loopback(url), "leads would go in the clear");
    }
    for sync in &settings.syncs {
        assert!(is_name(&sync.name));
        assert!(settings.connections.iter().any(|connection| connection.name == sync.connection));
    }
}
