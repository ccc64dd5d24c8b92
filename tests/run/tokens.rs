//! A run whose token endpoint is slow, away or asks it to wait.

use lead_sync::sandbox::identity::{Fault as TokenFault, Provider};
use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::support::Scene;

/// An API that takes tokens of the sandbox's credit service.
fn scene() -> (Scene, Provider) {
    let (mut scene, provider) = Scene::with_logins(|_| {});
    let auth = format!(
        "kind = \"oauth2\"\ngrant = \"client_credentials\"\ntoken_url = \"{}/credit/token\"\n\
         client_id = \"sandbox-client\"\nclient_secret = \"sandbox-client-secret\"",
        scene.api.url()
    );
    scene.auth(&auth).connection("on_in_doubt", "\"hold\"");
    (scene, provider)
}

#[test]
fn a_post_that_was_refused_stands_in_the_history_also_if_no_new_token_came_for_it() {
    for answer in [404, 400] {
        let (scene, provider) = scene();
        scene.customers(0..1);
        assert_eq!(scene.run().code, 0);
        provider.plan_faults([TokenFault::Status(answer)]);
        scene.customers(0..2);
        scene.fault(Fault::once(Kind::Status(Answer::new(401))));
        let ran = scene.run();
        assert!(matches!(ran.code, 2 | 5), "{ran:?}");
        let lead = scene.lead_of("1");
        assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("pending"), Some(0)), "{lead}");
        let failures = scene.query("SELECT key || ' ' || kind || ' ' || http_status || ' ' || attempt FROM failures");
        assert_eq!(failures, ["1 unauthorized 401 0"], "HTTP {answer}");
        assert!(scene.cli(&["show", "1"]).stdout.contains("401"));
    }
}
