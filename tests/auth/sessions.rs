//! Renewal of a session: once for all, through lost answers, outages and other processes.

use std::sync::Arc;
use std::time::Duration;

use lead_sync::auth::{self, Error, Settings};
use lead_sync::sandbox::identity::Fault;

use crate::support::{Sandbox, connect, expire, is_accepted, logged_in, needs_person, store, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_requests_with_an_ended_token_cause_one_refresh() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    let source = connect(&sandbox.sso(), &sandbox.context());
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.token().await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert!(is_accepted(&sandbox, &task.await.unwrap()));
    }
    assert_eq!(sandbox.provider.counters().refreshes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_401_for_many_requests_renews_once_and_replays_all() {
    let sandbox = logged_in(|_| {}).await;
    let source = connect(&sandbox.sso(), &sandbox.context());
    let before = source.token().await.unwrap();
    sandbox.provider.revoke_access_tokens();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.reject(before.generation).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    let after = source.token().await.unwrap();
    assert!(is_accepted(&sandbox, &after));
    assert_eq!(after.generation, before.generation + 1);
    assert_eq!(sandbox.provider.counters().refreshes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_with_an_ended_token_cause_one_refresh() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    // Each source has its own state and its own lock handle, as a process would.
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let source = connect(&sandbox.sso(), &sandbox.context());
            tokio::spawn(async move { source.token().await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert!(is_accepted(&sandbox, &task.await.unwrap()));
    }
    let counters = sandbox.provider.counters();
    assert_eq!((counters.refreshes, counters.reuses), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_that_are_refused_again_and_again_rotate_without_any_spent_one_coming_back() {
    let sandbox = logged_in(|settings| settings.access_lifetime = Duration::from_secs(2)).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let source = connect(&sandbox.sso(), &sandbox.context());
            tokio::spawn(async move {
                for _ in 0..25 {
                    let authorization = source.token().await.unwrap();
                    assert!(source.reject(authorization.generation).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counters = sandbox.provider.counters();
    assert!(counters.refreshes > 8, "{counters:?}");
    assert_eq!(counters.reuses, 0);
}

#[tokio::test]
async fn what_another_process_renewed_is_taken_over_after_a_401() {
    let sandbox = logged_in(|_| {}).await;
    let one = connect(&sandbox.sso(), &sandbox.context());
    let two = connect(&sandbox.sso(), &sandbox.context());
    let (first, second) = (one.token().await.unwrap(), two.token().await.unwrap());
    assert!(one.reject(first.generation).await.unwrap());
    // Strict rotation has ended the second's token, too.
    assert!(!is_accepted(&sandbox, &second));
    assert!(two.reject(second.generation).await.unwrap());
    assert!(is_accepted(&sandbox, &two.token().await.unwrap()));
    assert_eq!(sandbox.provider.counters().refreshes, 1);
}

#[tokio::test]
async fn after_a_lost_answer_the_next_run_tries_the_old_token_once_and_tells_when() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::LoseAnswer]);
    let run = connect(&sandbox.sso(), &sandbox.context());
    for _ in 0..3 {
        let error = run.token().await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    }
    assert_eq!(sandbox.provider.counters().refreshes, 1);
    let sent_at = stored(&sandbox)["refresh_sent_at"].as_i64().unwrap();
    let sent_at = lead_sync::domain::time::Timestamp(sent_at).to_string();

    for _ in 0..2 {
        let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
        let text = needs_person(&error);
        assert!(text.contains(&sent_at), "{text}");
        assert!(text.contains("lead-sync login wegroup"), "{text}");
    }
    // Once, not once per run: the refusal is remembered.
    assert_eq!(sandbox.provider.counters().reuses, 1);
}

#[tokio::test]
async fn a_lost_answer_is_made_up_for_where_the_server_grants_grace() {
    let sandbox = logged_in(|settings| settings.rotation_grace = Duration::from_mins(1)).await;
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::LoseAnswer]);
    let lost = connect(&sandbox.sso(), &sandbox.context()).token().await;
    assert!(matches!(lost, Err(Error::Unavailable(_))));
    let next = connect(&sandbox.sso(), &sandbox.context());
    assert!(is_accepted(&sandbox, &next.token().await.unwrap()));
    assert!(stored(&sandbox)["refresh_sent_at"].is_null());
}

#[tokio::test]
async fn a_refused_refresh_token_names_the_command_and_is_not_sent_again() {
    let sandbox = logged_in(|settings| settings.refresh_lifetime = Some(Duration::ZERO)).await;
    expire(&sandbox);
    let before = std::fs::read(sandbox.token_file()).unwrap();
    for _ in 0..2 {
        let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
        let text = needs_person(&error);
        assert!(text.contains("`lead-sync login wegroup`"), "{text}");
        assert!(!text.contains("was lost"), "{text}");
    }
    // One for the login, one for the refresh that was refused.
    assert_eq!(sandbox.provider.counters().token_requests, 2);
    assert_ne!(std::fs::read(sandbox.token_file()).unwrap(), before);
}

#[tokio::test]
async fn a_busy_endpoint_is_asked_again_and_an_absent_one_defers_the_run() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::Status(503), Fault::Status(429)]);
    let source = connect(&sandbox.sso(), &sandbox.context());
    assert!(is_accepted(&sandbox, &source.token().await.unwrap()));

    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::Status(503); 3]);
    let away = connect(&sandbox.sso(), &sandbox.context());
    let error = away.token().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    // Nothing was spent, so the next run simply goes on.
    assert!(stored(&sandbox)["refresh_sent_at"].is_null());
    let next = connect(&sandbox.sso(), &sandbox.context());
    assert!(is_accepted(&sandbox, &next.token().await.unwrap()));
    assert_eq!(sandbox.provider.counters().reuses, 0);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_is_not_asked_before_and_nothing_is_spent() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::RetryAfter(99_999)]);
    let source = connect(&sandbox.sso(), &sandbox.context());
    for _ in 0..3 {
        let error = source.token().await.unwrap_err();
        let Error::Paused { text, until } = error else { panic!("{error:?}") };
        assert!(text.ends_with("answered 429 (asked for more than a day; a day it is)"), "{text}");
        assert!(until.since(lead_sync::clock::now()) > Duration::from_hours(23));
    }
    // The login and the one that was refused.
    assert_eq!(sandbox.provider.counters().token_requests, 2);
    assert!(stored(&sandbox)["refresh_sent_at"].is_null());
}

#[tokio::test]
async fn a_token_in_its_last_minute_is_used_while_the_endpoint_is_away() {
    let sandbox = logged_in(|_| {}).await;
    let mut session = stored(&sandbox);
    let now = lead_sync::clock::now().0;
    session["obtained_at"] = (now - 3_600_000).into();
    session["expires_at"] = (now + 30_000).into();
    store(&sandbox, &session);
    sandbox.provider.plan_faults([Fault::Status(503); 3]);
    let source = connect(&sandbox.sso(), &sandbox.context());
    for _ in 0..10 {
        assert!(is_accepted(&sandbox, &source.token().await.unwrap()));
    }
    // The login and the three tries: nobody asks again at once.
    assert_eq!(sandbox.provider.counters().token_requests, 4);
}

#[tokio::test]
async fn a_500_after_a_refresh_was_sent_is_not_repeated() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::Status(500)]);
    let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert_eq!(sandbox.provider.counters().refreshes, 0);
    assert!(stored(&sandbox)["refresh_sent_at"].is_i64());
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_lose_the_new_token() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::SlowMs(50)]);
    let source = connect(&sandbox.sso(), &sandbox.context());
    let given_up = tokio::time::timeout(Duration::from_millis(1), source.token()).await;
    assert!(given_up.is_err());
    assert!(is_accepted(&sandbox, &source.token().await.unwrap()));
    let counters = sandbox.provider.counters();
    assert_eq!((counters.refreshes, counters.reuses), (1, 0));
}

#[tokio::test]
async fn a_session_of_another_environment_is_never_used() {
    let sandbox = logged_in(|_| {}).await;
    let before = std::fs::read(sandbox.token_file()).unwrap();
    let mut production = sandbox.context();
    production.api_url = "https://api.wegroup.be".parse().unwrap();
    let mut other_client = sandbox.sso();
    other_client.client_id = "another".into();
    for (settings, context) in [(sandbox.sso(), production), (other_client, sandbox.context())] {
        let error = connect(&settings, &context).token().await.unwrap_err();
        assert!(needs_person(&error).contains("is a session of"), "{error}");
        let error = auth::logout(&settings, &context).await.unwrap_err();
        assert!(matches!(error, Error::Configuration(_)));
    }
    assert_eq!(std::fs::read(sandbox.token_file()).unwrap(), before);
}

#[tokio::test]
async fn another_distribution_than_the_sessions_stops_before_anything_is_sent() {
    let sandbox = logged_in(|_| {}).await;
    let mut context = sandbox.context();
    context.distribution = auth::Distribution::Named("another".into());
    let error = connect(&sandbox.sso(), &context).token().await.unwrap_err();
    assert!(matches!(error, Error::Configuration(_)), "{error:?}");
}

#[tokio::test]
async fn without_a_session_the_command_is_named() {
    let sandbox = Sandbox::start(|_| {}).await;
    let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
    assert!(needs_person(&error).contains("run `lead-sync login wegroup`"));
    assert_eq!(sandbox.provider.counters().token_requests, 0);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_stays() {
    let sandbox = logged_in(|_| {}).await;
    let bytes = std::fs::read(sandbox.token_file()).unwrap();
    let half = &bytes[..bytes.len() / 2];
    std::fs::write(sandbox.token_file(), half).unwrap();
    let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error:?}");
    assert_eq!(std::fs::read(sandbox.token_file()).unwrap(), half);
}

#[tokio::test]
async fn a_damaged_file_of_which_nothing_is_missed_makes_place_for_the_next_session() {
    let sandbox = Sandbox::start(|_| {}).await;
    for settings in [sandbox.credit(), sandbox.we360()] {
        connect(&settings, &sandbox.context()).token().await.unwrap();
        let bytes = std::fs::read(sandbox.token_file()).unwrap();
        for damage in [&bytes[..bytes.len() / 2], b"", b"\0\0\0\0"] {
            std::fs::write(sandbox.token_file(), damage).unwrap();
            auth::check(&settings, &sandbox.context()).await.unwrap();
            assert!(is_accepted(&sandbox, &connect(&settings, &sandbox.context()).token().await.unwrap()));
        }
        std::fs::write(sandbox.token_file(), "{\"lead_sync_session\":9}\n").unwrap();
        let error = connect(&settings, &sandbox.context()).token().await.unwrap_err();
        assert!(error.to_string().contains("move it away and let the next run begin another session"), "{error}");
        std::fs::remove_file(sandbox.token_file()).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_of_a_configured_refresh_token_asks_for_a_new_one() {
    let sandbox = Sandbox::start(|_| {}).await;
    let grant = auth::Grant::RefreshToken { refresh_token: "first".into() };
    let settings = auth::OAuth { grant, ..sandbox.we360() };
    std::fs::write(sandbox.token_file(), "{").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(sandbox.token_file(), mode).unwrap();
    let error = connect(&settings, &sandbox.context()).token().await.unwrap_err();
    assert!(error.to_string().contains("move it away and configure a new refresh_token"), "{error}");
    assert_eq!(sandbox.provider.counters().token_requests, 0);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_found_before_the_refresh_token_is_spent() {
    let sandbox = logged_in(|_| {}).await;
    expire(&sandbox);
    // A folder in the place of the temporary file stands for a disk that takes no new file.
    std::fs::create_dir(sandbox.folder.path().join(".wegroup.tmp")).unwrap();
    let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error:?}");
    assert_eq!(sandbox.provider.counters().refreshes, 0);
}

#[tokio::test]
async fn no_token_shows_in_debug_or_in_an_error() {
    let sandbox = logged_in(|_| {}).await;
    let settings = Settings::OAuth(Box::new(sandbox.sso()));
    let source = auth::connect(&settings, &sandbox.context()).unwrap();
    let mut shown = format!("{settings:?} {:?}", source.token().await.unwrap());
    expire(&sandbox);
    sandbox.provider.plan_faults([Fault::LoseAnswer]);
    for _ in 0..2 {
        let error = connect(&sandbox.sso(), &sandbox.context()).token().await.unwrap_err();
        shown += &error.to_string();
        shown += format!("{error:?}").as_str();
    }
    for secret in ["ory_at_", "ory_rt_", "ory_ac_", "sandbox-client-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
