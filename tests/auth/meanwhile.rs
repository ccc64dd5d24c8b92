//! What happens to a session while it is used: the clock, a second login, a logout; and what `check` makes of it.

use axum::Router;
use lead_sync::auth::{self, Error, Grant, OAuth, Server};
use reqwest::Url;
use tokio::net::TcpListener;

use crate::support::{Consent, Sandbox, connect, expire, is_accepted, logged_in, needs_person, store, stored};

#[tokio::test]
async fn a_clock_that_was_wrong_by_hours_does_not_end_a_session() {
    let sandbox = logged_in(|_| {}).await;
    let hours = |hours: i64| lead_sync::clock::now().0 + hours * 3_600_000;
    // The clock was behind when the tokens came, and it says now that both have ended; then it was ahead, and says that
    // tokens which the server has forgotten are good for hours.
    for (obtained, end) in [(hours(-9), hours(-1)), (hours(9), hours(17))] {
        let mut session = stored(&sandbox);
        session["obtained_at"] = obtained.into();
        session["expires_at"] = end.into();
        session["refresh_expires_at"] = end.into();
        store(&sandbox, &session);
        sandbox.provider.revoke_access_tokens();
        let source = connect(&sandbox.sso(), &sandbox.context());
        let mut authorization = source.token().await.unwrap();
        if !is_accepted(&sandbox, &authorization) {
            assert!(source.reject(authorization.generation).await.unwrap());
            authorization = source.token().await.unwrap();
        }
        assert!(is_accepted(&sandbox, &authorization));
    }
    let counters = sandbox.provider.counters();
    assert_eq!((counters.refreshes, counters.reuses), (2, 0));
}

#[tokio::test]
async fn a_second_login_is_taken_up_by_a_run_whose_token_is_refused() {
    let sandbox = logged_in(|_| {}).await;
    let source = connect(&sandbox.sso(), &sandbox.context());
    let first = source.token().await.unwrap();
    sandbox.login(&sandbox.sso(), Consent::Allow).await.unwrap();
    assert!(is_accepted(&sandbox, &first));
    assert!(source.reject(first.generation).await.unwrap());
    assert!(is_accepted(&sandbox, &source.token().await.unwrap()));
    assert_eq!(sandbox.provider.counters().refreshes, 0);
}

#[tokio::test]
async fn a_logout_while_a_run_is_going_ends_it_with_the_command() {
    let sandbox = logged_in(|_| {}).await;
    let source = connect(&sandbox.sso(), &sandbox.context());
    let authorization = source.token().await.unwrap();
    auth::logout(&sandbox.sso(), &sandbox.context()).await.unwrap();
    assert!(!is_accepted(&sandbox, &authorization));
    let error = source.reject(authorization.generation).await.unwrap_err();
    assert!(needs_person(&error).contains("run `lead-sync login wegroup`"), "{error}");
}

#[tokio::test]
async fn a_check_finds_what_the_next_run_would() {
    let sandbox = Sandbox::start(|_| {}).await;
    let (sso, context) = (sandbox.sso(), sandbox.context());
    let error = auth::check(&sso, &context).await.unwrap_err();
    assert!(needs_person(&error).contains("run `lead-sync login wegroup`"), "{error}");
    sandbox.login(&sso, Consent::Allow).await.unwrap();
    auth::check(&sso, &context).await.unwrap();
    expire(&sandbox);
    std::fs::create_dir(sandbox.folder.path().join(".wegroup.tmp")).unwrap();
    assert!(matches!(auth::check(&sso, &context).await, Err(Error::Store(_))));
    assert_eq!(sandbox.provider.counters().refreshes, 0);
}

/// A configured refresh token, for which an endpoint issues another one after it has done this.
async fn rotating(sandbox: &Sandbox, first: impl Fn() + Clone + Send + Sync + 'static) -> OAuth {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/token", listener.local_addr().unwrap())).unwrap();
    let issued = r#"{"access_token":"a","token_type":"bearer","expires_in":3600,"refresh_token":"rotated"}"#;
    let router = Router::new().fallback(move || {
        first();
        async move { issued }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let grant = Grant::RefreshToken { refresh_token: "configured".into() };
    OAuth { server: Server::TokenUrl(url), grant, ..sandbox.credit() }
}

#[tokio::test]
async fn a_renewed_session_that_cannot_be_saved_at_once_is_saved_by_another_try() {
    let sandbox = Sandbox::start(|_| {}).await;
    // In the way of the new session until the store has failed on it once.
    let in_the_way = sandbox.folder.path().join(".wegroup.tmp");
    let settings = rotating(&sandbox, move || std::fs::write(&in_the_way, "").unwrap()).await;
    connect(&settings, &sandbox.context()).token().await.unwrap();
    assert!(std::fs::read_to_string(sandbox.token_file()).unwrap().contains("rotated"));
}

#[tokio::test]
async fn a_renewed_session_that_cannot_be_saved_at_all_is_said_to_be_lost_with_the_cure() {
    let sandbox = Sandbox::start(|_| {}).await;
    let in_the_way = sandbox.folder.path().join(".wegroup.tmp");
    let settings = rotating(&sandbox, move || std::fs::create_dir(&in_the_way).unwrap()).await;
    let error = connect(&settings, &sandbox.context()).token().await.unwrap_err();
    let Error::Store(text) = &error else { panic!("{error:?}") };
    assert!(text.contains("COULD NOT BE SAVED") && text.contains(".wegroup.tmp"), "{text}");
    assert!(text.contains("configure a new refresh_token") && !text.contains("rotated"), "{text}");
}
