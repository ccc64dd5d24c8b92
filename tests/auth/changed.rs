//! The configuration names other credentials than those that the stored session began with.

use lead_sync::auth::{self, Grant, LoggedOut, OAuth};
use serde_json::json;

use crate::desk::{Desk, SYNC, said};
use crate::endpoint::Endpoint;
use crate::support::{Consent, Sandbox, connect, expire, logged_in, needs_person, store, stored};

/// A desk whose leads go to an endpoint that is both the API and the token server, and takes and grants everything.
struct Easy {
    desk: Desk,
    endpoint: Endpoint,
}

impl Easy {
    async fn start() -> Self {
        let desk = Desk::start(|_| {}).await;
        let answer = json!({"id": "1", "access_token": "first", "refresh_token": "r", "expires_in": 3600});
        Self { desk, endpoint: Endpoint::answering(200, &answer).await }
    }

    /// Sends one more lead with this `auth` table; the token requests that took.
    async fn run(&self, leads: usize, auth: &str) -> Vec<String> {
        let url = &self.endpoint.url;
        self.desk.export(leads);
        self.desk.configure(&format!(
            "[connections.c]\nkind = \"http\"\nbase_url = \"{url}\"\nrate_limit = \"none\"\n\
             [connections.c.auth]\nkind = \"oauth2\"\ntoken_url = \"{url}/token\"\nclient_id = \"cid\"\n{auth}\n{}",
            SYNC.replace("\"wegroup\"", "\"c\"")
                .replace("key = \"id\" }", "key = \"id\" }\nrequest = { method = \"POST\", path = \"/leads\" }")
        ));
        let before = self.endpoint.seen().len();
        let run = self.desk.run(&["--run-now"]).await;
        assert_eq!(run.status.code(), Some(0), "{}", said(&run));
        let seen = self.endpoint.seen().into_iter().skip(before);
        seen.filter(|request| request.starts_with("POST /token")).collect()
    }
}

const ALICE: &str = "provider = \"we360\"\nusername = \"alice\"\npassword = \"of-alice\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_another_grant_and_fewer_scopes_begin_a_session_of_their_own() {
    let easy = Easy::start().await;
    let client = "grant = \"client_credentials\"\nclient_secret = \"s\"";
    let both = format!("{client}\nscopes = [\"person\", \"company\"]");
    let one = format!("{client}\nscopes = [\"person\"]");
    let steps = [
        (ALICE, Some("username=alice&password=of-alice")),
        (ALICE, None),
        (&ALICE.replace("alice", "bob"), Some("username=bob&password=of-bob")),
        (client, Some("grant_type=client_credentials")),
        (&both, Some("scope=person+company")),
        (&one, Some("scope=person")),
        (&one, None),
    ];
    for (step, (auth, asked)) in steps.into_iter().enumerate() {
        let requests = easy.run(step + 1, auth).await;
        assert_eq!(requests.len(), usize::from(asked.is_some()), "{auth}: {requests:?}");
        assert!(asked.is_none_or(|asked| requests[0].contains(asked)), "{auth}: {requests:?}");
    }
    let kept = std::fs::read_to_string(easy.desk.file("tokens/c.json")).unwrap();
    assert!(!kept.contains("alice") && !kept.contains("bob"), "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_an_earlier_release_goes_on_and_is_its_users_from_then_on() {
    let easy = Easy::start().await;
    easy.run(1, ALICE).await;
    let path = easy.desk.file("tokens/c.json");
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["session"]["binding"].as_object_mut().unwrap().remove("origin").unwrap();
    std::fs::write(&path, format!("{file}\n")).unwrap();
    assert_eq!(easy.run(2, ALICE).await, [""; 0]);
    assert_eq!(easy.run(3, &ALICE.replace("alice", "bob")).await.len(), 1);
}

#[tokio::test]
async fn a_persons_session_is_refused_with_the_cure_once_fewer_scopes_or_another_grant_are_configured() {
    let sandbox = logged_in(|_| {}).await;
    let before = std::fs::read(sandbox.token_file()).unwrap();
    let narrow = OAuth { scopes: vec!["openid".into(), "offline".into()], ..sandbox.sso() };
    let error = connect(&narrow, &sandbox.context()).token().await.unwrap_err();
    let text = needs_person(&error);
    assert!(text.contains("(scopes are without leads:write)"), "{text}");
    assert!(text.contains("put that back, or run `lead-sync login wegroup`"), "{text}");
    assert_eq!(std::fs::read(sandbox.token_file()).unwrap(), before);
    sandbox.login(&narrow, Consent::Allow).await.unwrap();
    assert!(connect(&narrow, &sandbox.context()).token().await.is_ok());

    let mut session = stored(&sandbox);
    session["binding"]["origin"]["grant"] = "password".into();
    store(&sandbox, &session);
    let error = connect(&narrow, &sandbox.context()).token().await.unwrap_err();
    assert!(needs_person(&error).contains("grant was password and is authorization_code"), "{error}");
    assert_eq!(auth::logout(&narrow, &sandbox.context()).await.unwrap(), LoggedOut::Revoked);
}

#[tokio::test]
async fn a_new_refresh_token_begins_anew_whatever_is_changed_with_it_and_an_old_one_needs_one() {
    let sandbox = Sandbox::start(|_| {}).await;
    let endpoint = Endpoint::answering(200, &json!({"access_token": "a", "refresh_token": "rotated"})).await;
    let given = |client: &str, token: &str| OAuth {
        server: endpoint.server(),
        client_id: client.into(),
        grant: Grant::RefreshToken { refresh_token: token.into() },
        ..sandbox.we360()
    };
    connect(&given("one", "first"), &sandbox.context()).token().await.unwrap();
    let error = connect(&given("two", "first"), &sandbox.context()).token().await.unwrap_err();
    let text = needs_person(&error);
    assert!(text.contains("(client_id was one and is two)"), "{text}");
    assert!(text.ends_with("put that back, or configure a new refresh_token"), "{text}");
    assert_eq!(endpoint.seen().len(), 1);

    connect(&given("two", "second"), &sandbox.context()).token().await.unwrap();
    assert!(endpoint.seen()[1].contains("refresh_token=second"), "{:?}", endpoint.seen());
    expire(&sandbox);
    connect(&given("two", "second"), &sandbox.context()).token().await.unwrap();
    assert!(endpoint.seen()[2].contains("refresh_token=rotated"), "{:?}", endpoint.seen());
}
