//! A person's login, against the sandbox's provider over loopback.

use std::time::Duration;

use crate::support::{Consent, Sandbox, drive};
use lead_sync::auth::{self, Callback, Dialogue, Error, LoggedOut, Settings};
use lead_sync::sandbox::identity::BearerState;
use reqwest::Url;

fn text(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains("ory_") && !text.contains("sandbox-client-secret"), "{text}");
    text
}

#[tokio::test]
async fn a_login_stores_a_session_that_the_api_accepts() {
    let sandbox = Sandbox::start(|_| {}).await;
    let sso = sandbox.sso();
    let (logged_in, page) = sandbox.login_with(&sso, &sandbox.context(), Consent::Allow).await;
    let logged_in = logged_in.unwrap();
    assert_eq!(logged_in.scopes, ["openid", "offline", "leads:write"]);
    let distribution = sandbox.settings.distribution_id.clone();
    assert_eq!(logged_in.user.unwrap().did.as_ref(), Some(&distribution));
    assert!(page.contains("You are logged in"), "{page}");

    let source = auth::connect(&Settings::OAuth(Box::new(sso)), &sandbox.context()).unwrap();
    let header = source.token().await.unwrap().header.unwrap();
    let token = header.1.to_str().unwrap().strip_prefix("bearer ").unwrap();
    assert!(matches!(sandbox.provider.check_bearer(token), BearerState::Valid { .. }));
    assert_eq!(source.distribution_id().await.unwrap(), Some(distribution));
}

#[tokio::test]
async fn without_a_browser_the_address_is_pasted() {
    let sandbox = Sandbox::start(|settings| {
        settings.redirect_url = "https://partner.example/callback".into();
    })
    .await;
    let mut sso = sandbox.sso();
    sso.grant =
        auth::Grant::AuthorizationCode { redirect_url: Url::parse("https://partner.example/callback").unwrap() };
    let (sender, shown) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let dialogue = Dialogue {
        show: &|url| {
            sender.lock().unwrap().take().unwrap().send(url.clone()).unwrap();
        },
        callback: Callback::Pasted {
            read: Box::pin(async {
                let back = drive(&shown.await.unwrap(), Consent::Allow).await;
                Ok(format!("{back}\n"))
            }),
        },
        time_limit: Duration::from_secs(20),
    };
    auth::login(&sso, &sandbox.context(), dialogue).await.unwrap();
    assert!(sandbox.token_file().exists());
}

#[tokio::test]
async fn a_redirect_to_another_machine_asks_for_no_browser() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut sso = sandbox.sso();
    sso.grant =
        auth::Grant::AuthorizationCode { redirect_url: Url::parse("https://partner.example/callback").unwrap() };
    let error = sandbox.login(&sso, Consent::Allow).await.unwrap_err();
    assert!(text(&error).contains("--no-browser"), "{error}");
}

#[tokio::test]
async fn denied_consent_is_said_and_nothing_is_stored() {
    let sandbox = Sandbox::start(|_| {}).await;
    let (ended, page) = sandbox.login_with(&sandbox.sso(), &sandbox.context(), Consent::Deny).await;
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::NeedsPerson(_)));
    assert!(text(&error).contains("denied"), "{error}");
    assert!(page.contains("did not work"), "{page}");
    assert!(!sandbox.token_file().exists());
}

#[tokio::test]
async fn a_scope_that_was_not_granted_fails_the_login_and_gives_the_tokens_back() {
    let sandbox = Sandbox::start(|_| {}).await;
    for (granted, missing) in [(&["openid", "leads:write"][..], "offline"), (&["openid", "offline"][..], "leads:write")]
    {
        let consent = Consent::AllowOnly(granted);
        let error = sandbox.login(&sandbox.sso(), consent).await.unwrap_err();
        assert!(matches!(error, Error::NeedsPerson(_)));
        assert!(text(&error).contains(&format!("not granted: {missing}")), "{error}");
        assert!(!sandbox.token_file().exists());
    }
    assert_eq!(sandbox.provider.counters().revocations, 2);
}

#[tokio::test]
async fn an_expired_code_is_said() {
    let sandbox = Sandbox::start(|settings| settings.code_lifetime = Duration::ZERO).await;
    let error = sandbox.login(&sandbox.sso(), Consent::Allow).await.unwrap_err();
    assert!(text(&error).contains("expired"), "{error}");
    assert!(!sandbox.token_file().exists());
}

#[tokio::test]
async fn an_answer_of_another_login_is_refused() {
    let sandbox = Sandbox::start(|_| {}).await;
    let dialogue = Dialogue {
        show: &|_| {},
        callback: Callback::Pasted {
            read: Box::pin(async { Ok("http://127.0.0.1:0/callback?code=planted&state=another-login".to_owned()) }),
        },
        time_limit: Duration::from_secs(20),
    };
    let error = auth::login(&sandbox.sso(), &sandbox.context(), dialogue).await.unwrap_err();
    assert!(text(&error).contains("another login"), "{error}");
    assert!(!text(&error).contains("planted"));
    assert_eq!(sandbox.provider.counters().token_requests, 0);
}

#[tokio::test]
async fn a_stray_answer_to_the_listener_is_turned_away_and_the_login_goes_on() {
    let sandbox = Sandbox::start(|_| {}).await;
    let (sender, opened) = tokio::sync::oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let open = |url: &Url| sender.lock().unwrap().take().unwrap().send(url.clone()).unwrap();
    let time_limit = Duration::from_secs(20);
    let dialogue = Dialogue { show: &|_| {}, callback: Callback::Loopback { open: &open }, time_limit };
    let browser = async {
        let back = drive(&opened.await.unwrap(), Consent::Allow).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for query in ["code=planted&state=another-login", "code=planted", ""] {
            let mut stray = back.clone();
            stray.set_query(Some(query));
            let page = client.get(stray).send().await.unwrap();
            assert_eq!(page.status(), 400);
            assert!(page.text().await.unwrap().contains("another login"));
        }
        client.get(back).send().await.unwrap().status()
    };
    let (sso, context) = (sandbox.sso(), sandbox.context());
    let (ended, page) = tokio::join!(auth::login(&sso, &context, dialogue), browser);
    assert!(ended.is_ok() && page.is_success(), "{ended:?} {page}");
    assert_eq!(sandbox.provider.counters().token_requests, 1);
}

#[tokio::test]
async fn nobody_in_front_of_the_browser_ends_the_login_in_time() {
    let sandbox = Sandbox::start(|_| {}).await;
    let dialogue =
        Dialogue { show: &|_| {}, callback: Callback::Loopback { open: &|_| {} }, time_limit: Duration::ZERO };
    let error = auth::login(&sandbox.sso(), &sandbox.context(), dialogue).await.unwrap_err();
    assert!(text(&error).contains("nobody logged in"), "{error}");
}

#[tokio::test]
async fn a_configured_distribution_of_another_broker_fails_the_login() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut context = sandbox.context();
    context.distribution = auth::Distribution::Named("another".into());
    let (ended, _) = sandbox.login_with(&sandbox.sso(), &context, Consent::Allow).await;
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)));
    assert!(text(&error).contains("distribution_id"), "{error}");
    assert!(!sandbox.token_file().exists());
}

#[tokio::test]
async fn an_issuer_that_is_not_the_configured_one_to_the_letter_is_refused() {
    let sandbox = Sandbox::start(|_| {}).await;
    let mut sso = sandbox.sso();
    sso.server = auth::Server::Issuer(format!("{}/", sandbox.settings.issuer));
    let error = sandbox.login(&sso, Consent::Allow).await.unwrap_err();
    assert!(text(&error).contains("character by character"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_stops_the_login_before_the_browser_opens() {
    let sandbox = Sandbox::start(|_| {}).await;
    std::fs::write(sandbox.token_file(), "{").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(sandbox.token_file(), mode).unwrap();
    let error = sandbox.login(&sandbox.sso(), Consent::Allow).await.unwrap_err();
    assert!(matches!(error, Error::Store(_)));
    assert_eq!(std::fs::read(sandbox.token_file()).unwrap(), b"{");
    assert_eq!(sandbox.provider.counters().token_requests, 0);
}

#[tokio::test]
async fn whoami_renews_a_token_that_the_provider_has_forgotten() {
    let sandbox = Sandbox::start(|_| {}).await;
    let (sso, context) = (sandbox.sso(), sandbox.context());
    sandbox.login(&sso, Consent::Allow).await.unwrap();
    sandbox.provider.revoke_access_tokens();
    let account = auth::whoami(&sso, &context).await.unwrap();
    assert_eq!(account.user.unwrap().uid.as_deref(), Some("u-1"));
    assert_eq!(sandbox.provider.counters().refreshes, 1);
}

#[tokio::test]
async fn whoami_tells_user_broker_and_distribution_and_logout_ends_the_session() {
    let sandbox = Sandbox::start(|_| {}).await;
    let (sso, context) = (sandbox.sso(), sandbox.context());
    sandbox.login(&sso, Consent::Allow).await.unwrap();
    let account = auth::whoami(&sso, &context).await.unwrap();
    let user = account.user.unwrap();
    assert_eq!(user.uid.as_deref(), Some("u-1"));
    assert_eq!(user.bid.as_deref(), Some("b-1"));
    assert!(account.renewable && account.expires_at.is_some());

    let file = std::fs::read_to_string(sandbox.token_file()).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let token = file["session"]["access_token"].as_str().unwrap();
    assert_eq!(auth::logout(&sso, &context).await.unwrap(), LoggedOut::Revoked);
    assert!(!sandbox.token_file().exists());
    assert_eq!(sandbox.provider.check_bearer(token), BearerState::Unknown);
    assert_eq!(auth::logout(&sso, &context).await.unwrap(), LoggedOut::NoSession);
    let error = auth::whoami(&sso, &context).await.unwrap_err();
    assert!(text(&error).contains("lead-sync login wegroup"), "{error}");
}
