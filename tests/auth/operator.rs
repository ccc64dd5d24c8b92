//! The real program in a person's hands: the browser, what is pasted, a wrong address, and what is left to read.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;

use crate::desk::{Desk, said};
use crate::endpoint::Endpoint;
use crate::support::{Consent, drive};

/// A folder with the program that opens a browser: a script that hands the address on, and never looks at it. And where it comes out.
fn opener(desk: &Desk) -> (PathBuf, BufReader<pipe::Receiver>) {
    let folder = desk.file("bin");
    std::fs::create_dir(&folder).unwrap();
    let opened = desk.file("opened");
    assert!(std::process::Command::new("mkfifo").arg(&opened).status().unwrap().success());
    // Also for writing: a pipe that nobody else has opened yet has no end.
    let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(&opened).unwrap();
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > {}\n", opened.display());
    for name in ["xdg-open", "open"] {
        std::fs::write(folder.join(name), &script).unwrap();
        let runs = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder.join(name), runs).unwrap();
    }
    (folder, BufReader::new(receiver))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_opens_the_browser_and_its_page_says_that_it_can_be_closed() {
    let desk = Desk::start(|settings| settings.redirect_url = "http://127.0.0.1:0/callback".into()).await;
    let configuration = std::fs::read_to_string(desk.file("lead-sync.toml")).unwrap();
    desk.configure(&configuration.replace("127.0.0.1:8400", "127.0.0.1:0"));
    let (folder, mut opened) = opener(&desk);
    let path = std::env::join_paths([folder, "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut command = desk.command(&["login"]);
    command.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut login = tokio::task::spawn_blocking(move || command.output().unwrap());
    let mut address = String::new();
    tokio::select! {
        read = opened.read_line(&mut address) => assert!(read.unwrap() > 0),
        ended = &mut login => panic!("no browser was opened: {}", said(&ended.unwrap())),
    }
    let back = drive(&address.trim().parse().unwrap(), Consent::Allow).await;
    let page = reqwest::Client::builder().no_proxy().build().unwrap().get(back).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(policy, "default-src 'none'");
    let page = page.text().await.unwrap();
    assert!(page.contains("can be closed"), "{page}");
    let output = login.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pasted_by_mistake_is_neither_used_nor_shown() {
    let desk = Desk::start(|_| {}).await;
    for pasted in ["", "\n", "\u{1b}]0;planted\u{7}\n", "http://evil.example/callback?code=planted\n", "planted"] {
        let mut command = desk.command(&["login", "--no-browser"]);
        let file = desk.file("pasted");
        std::fs::write(&file, pasted).unwrap();
        command.stdin(std::fs::File::open(file).unwrap());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(5), "{}", said(&output));
        assert!(said(&output).contains("it begins with http://127.0.0.1:8400/callback"), "{}", said(&output));
        assert!(!said(&output).contains("planted"));
    }
    assert_eq!(desk.counters().token_requests, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_line_and_quotes_around_the_pasted_address_do_not_end_the_login() {
    let desk = Desk::start(|_| {}).await;
    for quote in ["", "\"", "'"] {
        let output = desk.login_pasting(|address| format!("\n  \n {quote}{address}{quote} \n")).await;
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_without_tls_is_refused_before_anything_is_sent() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    let good = std::fs::read_to_string(desk.file("lead-sync.toml")).unwrap();
    let url = desk.running.url();
    for key in ["api_url", "sso_url"] {
        let bad = format!("{key} = \"{}\"", url.replace("127.0.0.1", "sandbox.example"));
        desk.configure(&good.replace(&format!("{key} = \"{url}\""), &bad));
        for arguments in [&["--run-now"][..], &["login", "--no-browser"], &["whoami"]] {
            let output = desk.run(arguments).await;
            assert_eq!(output.status.code(), Some(2), "{}", said(&output));
            assert!(said(&output).contains(key) && said(&output).contains("https://"), "{}", said(&output));
        }
    }
    assert_eq!(desk.running.summary().received, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_lead_api_takes_no_token_to_another_host() {
    let desk = Desk::start(|_| {}).await;
    desk.export(3);
    assert_eq!(desk.login().await.status.code(), Some(0));
    let elsewhere = Endpoint::start().await;
    let api = Endpoint::redirecting_to(&elsewhere).await;
    // The session is bound to the API's host, so that of the redirecting one is a login of its own.
    let url = desk.running.url();
    let configuration = std::fs::read_to_string(desk.file("lead-sync.toml")).unwrap();
    desk.configure(&configuration.replace(&format!("api_url = \"{url}\""), &format!("api_url = \"{}\"", api.url)));
    assert_eq!(desk.login().await.status.code(), Some(0));
    let output = desk.run(&["--run-now"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let seen = api.seen();
    assert!(!seen.is_empty() && seen.iter().all(|request| request.contains("bearer ory_at_")), "{seen:?}");
    assert_eq!(elsewhere.seen(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_artefact_of_a_run_shows_a_token_or_a_secret() {
    let desk = Desk::start(|_| {}).await;
    desk.export(5);
    let login = desk.login().await;
    desk.expire();
    let mut shown = said(&login);
    for arguments in [
        &["check"][..],
        &["plan", "--show-values"],
        &["--run-now"],
        &["check"],
        &["whoami"],
        &["leads", "--format", "json"],
        &["show", "1"],
        &["status"],
        &["logout"],
        &["whoami"],
    ] {
        shown += &said(&desk.run(arguments).await);
    }
    for entry in std::fs::read_dir(desk.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "toml") {
            shown += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    // What a panic could print of the settings, and what it prints of a token that is in use.
    let env = lead_sync::config::Env::default();
    let loaded = lead_sync::config::load(&desk.file("lead-sync.toml"), &env, lead_sync::config::Secrets::None);
    let settings = loaded.unwrap().settings(&env).unwrap();
    let debug = format!("{settings:?}");
    shown += &debug;
    for secret in ["ory_at_", "ory_rt_", "ory_ac_", "sandbox-client-secret", "c2FuZGJveC1jbGllbnQ"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_when_a_session_ends_and_how_to_begin_the_next_without_asking_anybody() {
    let desk = Desk::start(|_| {}).await;
    desk.export(2);
    assert_eq!(desk.login().await.status.code(), Some(0));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
    let before = desk.counters().token_requests;
    let told = said(&desk.run(&["status"]).await);
    assert!(told.contains("session of wegroup: "), "{told}");
    std::fs::remove_file(desk.file("tokens/wegroup.json")).unwrap();
    let told = said(&desk.run(&["status"]).await);
    let command = format!("lead-sync --config {} login wegroup", desk.file("lead-sync.toml").display());
    assert!(told.contains(&format!("no session that can be used: run `{command}`")), "{told}");
    assert_eq!(desk.counters().token_requests, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_names_a_cure_that_works_for_a_token_file_that_cannot_be_used() {
    let desk = Desk::start(|_| {}).await;
    assert_eq!(desk.login().await.status.code(), Some(0));
    let file = desk.file("tokens/wegroup.json");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(&file, mode(0o644)).unwrap();
    let told = said(&desk.run(&["status"]).await);
    assert!(told.contains(&format!("chmod 600 {}\n", file.display())), "{told}");
    std::fs::set_permissions(&file, mode(0o600)).unwrap();
    for (damage, what) in [("{", "damaged"), ("{\"lead_sync_session\":2}\n", "version 2")] {
        std::fs::write(&file, damage).unwrap();
        let told = said(&desk.run(&["status"]).await);
        assert!(told.contains(what) && told.contains("move it away and log in again"), "{told}");
        assert!(!told.contains("run `"), "{told}");
        std::fs::rename(&file, desk.file("moved.json")).unwrap();
        assert_eq!(desk.login().await.status.code(), Some(0));
    }
}
