//! A session that the server has refused, seen by the commands that a person asks.

use std::time::Duration;

use crate::desk::{Desk, SYNC, said};

/// A configuration with this `auth` table for an API that takes the sandbox's tokens.
fn configure(desk: &Desk, auth: &str) {
    let url = desk.running.url();
    desk.configure(&format!(
        "[connections.wegroup]\nkind = \"http\"\nbase_url = \"{url}/generic\"\nrate_limit = \"none\"\n\
         [connections.wegroup.auth]\nkind = \"oauth2\"\ntoken_url = \"{url}/we360/token\"\nclient_id = \"sandbox-client\"\n\
         client_auth = \"body\"\n{auth}\n{}",
        SYNC.replace("key = \"id\" }", "key = \"id\" }\nrequest = { method = \"POST\", path = \"/leads\" }")
    ));
}

fn password(password: &str) -> String {
    format!("grant = \"password\"\nusername = \"broker@example.com\"\npassword = \"{password}\"")
}

/// What `check`, `status` and the report say, once the last run has ended with exit code 5.
async fn told(desk: &Desk) -> (String, String, String) {
    let run = desk.run(&["--run-now"]).await;
    assert_eq!(run.status.code(), Some(5), "{}", said(&run));
    let asked = desk.counters().token_requests;
    let check = desk.run(&["check"]).await;
    assert_eq!(check.status.code(), Some(5), "{}", said(&check));
    let status = said(&desk.run(&["status"]).await);
    desk.run(&["report", desk.file("report.html").to_str().unwrap()]).await;
    assert_eq!(desk.counters().token_requests, asked, "they asked the server again");
    (said(&check), status, std::fs::read_to_string(desk.file("report.html")).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_refresh_token_is_no_good_session_to_check_and_status() {
    let desk = Desk::start(|settings| settings.refresh_lifetime = Some(Duration::ZERO)).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
    desk.provider.revoke_access_tokens();
    desk.export(2);
    let (check, status, report) = told(&desk).await;
    assert!(check.contains("the refresh token of connection wegroup was refused at"), "{check}");
    assert!(check.contains("login wegroup`"), "{check}");
    assert!(status.contains("no session that can be used: run `"), "{status}");
    assert!(report.contains("lead-sync login wegroup"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configured_refresh_token_that_was_refused_asks_check_and_status_for_a_new_one() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    let first = refresh_token_of_a_login(&desk).await;
    configure(&desk, &format!("grant = \"refresh_token\"\nrefresh_token = \"{first}\""));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
    // Somebody else spends the token that came for it.
    spend(&desk, &kept_refresh_token(&desk)).await;
    desk.provider.revoke_access_tokens();
    desk.export(3);
    let (check, status, report) = told(&desk).await;
    for said in [&check, &status, &report] {
        assert!(said.contains("was refused at") && said.contains("configure a new refresh_token"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_password_is_no_good_session_to_check_and_status() {
    let desk = Desk::start(|settings| settings.refresh_lifetime = Some(Duration::ZERO)).await;
    desk.export(1);
    // Without a session, and with one that was good until now.
    configure(&desk, &password("planted-wrong"));
    for leads in [1, 2] {
        let (check, status, report) = told(&desk).await;
        for said in [&check, &status, &report] {
            assert!(said.contains("were refused at") && said.contains("wegroup.json"), "{said}");
            assert!(!said.contains("1970") && !said.contains("planted"), "{said}");
        }
        configure(&desk, &password("sandbox-password"));
        let status = said(&desk.run(&["status"]).await);
        assert!(leads == 2 || status.contains("session of wegroup: begins with the next run"), "{status}");
        assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
        desk.provider.revoke_access_tokens();
        desk.export(leads + 1);
        configure(&desk, &password("planted-wrong"));
    }
}

/// The refresh token of a login with a password, which is then forgotten.
async fn refresh_token_of_a_login(desk: &Desk) -> String {
    configure(desk, &password("sandbox-password"));
    assert_eq!(desk.run(&["--run-now"]).await.status.code(), Some(0));
    let token = kept_refresh_token(desk);
    std::fs::remove_file(desk.file("tokens/wegroup.json")).unwrap();
    desk.export(2);
    token
}

fn kept_refresh_token(desk: &Desk) -> String {
    let file = std::fs::read(desk.file("tokens/wegroup.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    file["session"]["refresh_token"].as_str().unwrap().to_owned()
}

async fn spend(desk: &Desk, token: &str) {
    let url = format!("{}/we360/token", desk.running.url());
    let form = format!("grant_type=refresh_token&client_id=sandbox-client&refresh_token={token}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(client.post(url).body(form).send().await.unwrap().status().is_success());
}
