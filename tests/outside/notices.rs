//! The monitor hears of every run, people only of changes, and nobody of a lead.

use lead_sync::sandbox::{Answer, Fault, Kind, RetryAfter};
use serde_json::Value;

use super::mailbox::Mailbox;
use super::receivers::Receiver;
use super::site::{Site, assert_nothing_planted};

const GOOD: [&str; 3] = ["PLANTED-KEY-1", "Plantedfirst", "planted@example.com"];
const BAD: [&str; 3] = ["PLANTED-KEY-2", "Plantedfirst", ""];

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn the_monitor_hears_of_the_start_and_the_exit_code_of_every_run() {
    let monitor = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nping_url = \"{}/uuid\"", monitor.url)).await;
    for (rows, code) in [([GOOD, GOOD], 0), ([GOOD, BAD], 3), ([GOOD, BAD], 0)] {
        site.export(&rows);
        assert_eq!(site.run(&["--run-now"]).await.code, code);
        let heard = monitor.take();
        let (start, rid) = heard[0].0.split_once("?rid=").unwrap();
        assert_eq!((heard.len(), start, heard[0].1.as_str()), (2, "/uuid/start", ""));
        assert_eq!(heard[1].0, format!("/uuid/{code}?rid={rid}"));
        assert_eq!(json(&heard[1].1)["syncs"]["customers"]["read"], 2);
        assert_nothing_planted(&heard[1].1);
    }
}

#[tokio::test]
async fn the_monitor_hears_of_a_run_that_could_not_even_begin() {
    let monitor = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nping_url = \"{}/uuid\"", monitor.url)).await;
    // No export: nothing was ever put there.
    assert_eq!(site.run(&["--run-now"]).await.code, 2);
    assert!(monitor.take()[1].0.starts_with("/uuid/2?rid="));
    site.write("lead-sync.db", "this is no database, whatever its name says: it is longer than a header");
    site.export(&[GOOD]);
    let ran = site.run(&["--run-now"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(monitor.take()[1].0.starts_with("/uuid/2?rid="));
}

#[tokio::test]
async fn people_are_told_once_that_something_needs_them_and_once_that_it_no_longer_does() {
    let (webhook, mailbox) = (Receiver::start().await, Mailbox::start().await);
    let site = Site::new(&format!(
        "[notify]\nwebhook = \"{}/hook\"\n[notify.email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         username = \"robot\"\npassword = {{ env = \"SMTP_PASSWORD\" }}\n\
         from = \"robot@example.com\"\nto = [\"it@example.com\", \"boss@example.com\"]",
        webhook.url, mailbox.port
    ))
    .await;
    let run = async || site.run_with(&["--run-now"], &[("SMTP_PASSWORD", "s3cret")]).await;

    site.export(&[GOOD]);
    assert_eq!(run().await.code, 0);
    assert_eq!((webhook.take().len(), mailbox.take().len()), (0, 0), "nothing needs anybody");

    site.export(&[GOOD, BAD]);
    assert_eq!(run().await.code, 3);
    let hooked = webhook.take();
    let told = json(&hooked[0].1);
    assert_eq!((hooked.len(), hooked[0].0.as_str(), &told["event"]), (1, "/hook", &"attention".into()));
    assert_eq!(told["syncs"]["customers"]["leads"]["rejected"], 1);
    assert_eq!(told["run"]["syncs"]["customers"]["rejected"], 1);
    let mails = mailbox.take();
    assert_eq!(mails.len(), 1);
    for part in
        ["AUTH PLAIN", "RCPT TO:<boss@example.com>", "customers needs a look", "waiting for a person: 1 rejected"]
    {
        assert!(mails[0].contains(part), "{part} is not in\n{}", mails[0]);
    }
    assert_nothing_planted(&hooked[0].1);
    assert_nothing_planted(&mails[0]);

    // Still so, and nothing new.
    assert_eq!(run().await.code, 0);
    assert_eq!((webhook.take().len(), mailbox.take().len()), (0, 0), "it was told before");

    site.export(&[GOOD, ["PLANTED-KEY-2", "Plantedfirst", "planted@example.com"]]);
    assert_eq!(run().await.code, 0);
    assert_eq!(json(&webhook.take()[0].1)["event"], "recovered");
    assert!(mailbox.take()[0].contains("customers has recovered"));
    assert_eq!(run().await.code, 0);
    assert_eq!((webhook.take().len(), mailbox.take().len()), (0, 0), "it was told before");
}

#[tokio::test]
async fn what_could_not_be_told_changes_nothing_and_is_told_by_the_next_run() {
    let webhook = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nwebhook = \"{}/s3cret\"", webhook.url)).await;
    site.export(&[GOOD, BAD]);
    webhook.answer(500);
    let ran = site.run(&["--run-now"]).await;
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("a notice could not be sent"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "the address is a secret: {}", ran.stderr);
    assert_eq!(webhook.take().len(), 2, "one retry");
    webhook.answer(204);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    assert_eq!(json(&webhook.take()[0].1)["event"], "attention");
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    assert_eq!(webhook.take(), []);
}

#[tokio::test]
async fn a_secret_that_is_missing_from_the_beginning_is_told_once() {
    let webhook = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nwebhook = \"{}\"", webhook.url)).await;
    site.export(&[GOOD]);
    let before = site.read("lead-sync.toml");
    let text = before.lines().map(|line| match line.strip_prefix("auth = ") {
        Some(_) => "auth = { kind = \"apikey\", token = { env = \"NOBODY_SET_THIS\" } }\n".to_owned(),
        None => format!("{line}\n"),
    });
    site.write("lead-sync.toml", &text.collect::<String>());
    for told in [1, 0, 0] {
        assert_eq!(site.run(&["--run-now"]).await.code, 2);
        assert_eq!(webhook.take().len(), told);
    }
}

#[tokio::test]
async fn a_refused_credential_is_told_as_such() {
    let webhook = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nwebhook = \"{}\"", webhook.url)).await;
    site.export(&[GOOD]);
    site.api.add_fault("401*99".parse().unwrap()).unwrap();
    assert_eq!(site.run(&["--run-now"]).await.code, 5);
    let told = json(&webhook.take()[0].1);
    assert_eq!((&told["event"], &told["exit"]), (&"auth".into(), &5.into()));
    assert_eq!(told["reasons"][0]["kind"], "unauthorized");
    assert!(told["notices"][0].as_str().unwrap().contains("401"), "{told}");
    assert_nothing_planted(&told.to_string());
}

/// An API that asks to wait for ten hours.
fn put_off(site: &Site) {
    let wait = Answer { retry_after: Some(RetryAfter::Seconds(36_000)), ..Answer::new(503) };
    site.api.add_fault(Fault::once(Kind::Status(wait)).always()).unwrap();
}

#[tokio::test]
async fn people_are_told_that_the_api_is_away_for_a_day_also_if_it_never_was_there() {
    let webhook = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nwebhook = \"{}\"", webhook.url)).await;
    site.export(&[GOOD]);
    put_off(&site);
    assert_eq!(site.run(&["--run-now"]).await.code, 4);
    assert_eq!(webhook.take(), [], "it may pass");
    let ledger = rusqlite::Connection::open(site.ledger()).unwrap();
    ledger.execute("UPDATE run SET started_at = started_at - 86400000", []).unwrap();
    assert_eq!(site.run(&["--run-now"]).await.code, 4);
    assert_eq!(json(&webhook.take()[0].1)["event"], "stalled");
    assert_eq!(site.run(&["--run-now"]).await.code, 4);
    assert_eq!(webhook.take(), [], "it was told before");
}

#[tokio::test]
async fn the_monitor_only_notes_a_run_that_was_put_off() {
    let monitor = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nping_url = \"{}/uuid\"", monitor.url)).await;
    site.export(&[GOOD]);
    put_off(&site);
    assert_eq!(site.run(&["--run-now"]).await.code, 4);
    let heard = monitor.take();
    assert!(heard[1].0.starts_with("/uuid/log?rid="), "neither a success nor a failure: {heard:?}");
    assert_eq!(json(&heard[1].1)["outcome"], "deferred");
}

#[tokio::test]
async fn a_process_that_finds_the_ledger_taken_tells_nobody() {
    let monitor = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nping_url = \"{0}/uuid\"\nwebhook = \"{0}/hook\"", monitor.url)).await;
    site.export(&[GOOD]);
    let lease = lead_sync::ledger::Lease::take(&site.ledger(), "a test", lead_sync::clock::now()).unwrap();
    assert_eq!(site.run(&["--run-now"]).await.code, 6);
    drop(lease);
    assert_eq!(monitor.take(), []);
}

#[tokio::test]
async fn an_export_that_suddenly_has_no_rows_is_told_until_it_has_some_or_is_confirmed() {
    let webhook = Receiver::start().await;
    let site = Site::new(&format!("[notify]\nwebhook = \"{}\"", webhook.url)).await;
    site.export(&[GOOD]);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    site.export(&[]);
    assert_eq!(site.run(&["--run-now"]).await.code, 3);
    let told = json(&webhook.take()[0].1);
    assert!(told["notices"][0].as_str().unwrap().contains("not a single row was read"), "{told}");
    let status = site.run(&["status", "--format", "json"]).await;
    assert_eq!(json(&status.stdout)[0]["last_notices"], told["notices"], "status says it in the same words");
    let status = site.run(&["status"]).await.stdout;
    let words: Vec<&str> = status.split_whitespace().collect();
    assert!(words.join(" ").contains("attention sync customers: not a single row was read"), "{status}");
    assert!(status.contains("--confirm"), "{status}");
    assert_eq!(site.run(&["--run-now", "--confirm"]).await.code, 0);
    assert_eq!(json(&webhook.take()[0].1)["event"], "recovered");
    assert!(!site.run(&["status"]).await.stdout.contains("not a single row"), "it is over");
    site.export(&[GOOD]);
    assert_eq!(site.run(&["--run-now"]).await.code, 0);
    assert_eq!(webhook.take(), []);
}

#[tokio::test]
async fn a_mail_goes_over_tls_and_starttls_if_and_only_if_the_servers_authority_is_trusted() {
    for tls in ["starttls", "tls"] {
        let (mailbox, authority) = Mailbox::protected(tls).await;
        let table = format!(
            "[notify.email]\nhost = \"localhost\"\nport = {}\ntls = \"{tls}\"\nusername = \"robot\"\npassword = \"s3cret\"\n\
             from = \"robot@example.com\"\nto = [\"it@example.com\"]\n",
            mailbox.port
        );
        let site = Site::new(&table).await;
        site.export(&[GOOD, BAD]);
        let ran = site.run(&["--run-now"]).await;
        assert_eq!((ran.code, ran.stderr.contains("a notice could not be sent")), (3, true), "{ran:?}");
        assert_eq!(mailbox.take(), [""; 0], "{tls}: nobody vouches for this server");

        site.write("mail-ca.pem", &authority);
        site.configure(&format!("{table}ca_file = \"mail-ca.pem\"\n"));
        let ran = site.run(&["--run-now"]).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "told by the next run");
        let mails = mailbox.take();
        assert_eq!(mails.len(), 1, "{tls}");
        for part in ["AUTH PLAIN", "RCPT TO:<it@example.com>", "customers needs a look"] {
            assert!(mails[0].contains(part), "{part} is not in\n{}", mails[0]);
        }
        assert_nothing_planted(&mails[0]);
    }
}

#[tokio::test]
async fn without_the_protection_that_was_asked_for_neither_password_nor_mail_is_sent() {
    for tls in ["starttls", "tls"] {
        let mailbox = Mailbox::start().await;
        let site = Site::new(&format!(
            "[notify.email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"{tls}\"\nusername = \"robot\"\npassword = \"s3cret\"\n\
             from = \"robot@example.com\"\nto = [\"it@example.com\"]",
            mailbox.port
        ))
        .await;
        site.export(&[GOOD, BAD]);
        let ran = site.run(&["--run-now"]).await;
        assert_eq!(ran.code, 3);
        assert!(ran.stderr.contains("a notice could not be sent"), "{}", ran.stderr);
        assert_eq!(mailbox.take(), [""; 0]);
    }
}
