//! A token that somebody issued once, in the form in which its API takes it.

use crate::desk::{Desk, SYNC, said};
use crate::endpoint::Endpoint;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_sent_in_the_header_and_after_the_word_that_its_api_wants() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    let forms = [
        ("", "apikey planted-token"),
        ("scheme = \"Bearer\"", "Bearer planted-token"),
        ("scheme = \"\"", "planted-token"),
        ("header = \"X-Api-Key\"", "planted-token"),
    ];
    for (number, (form, sent)) in forms.into_iter().enumerate() {
        // What an API says of a lead is masked, whatever the form.
        let api = Endpoint::answering(422, "{\"error\": \"planted-token is good, the lead is not\"}").await;
        desk.configure(&format!(
            "ledger.path = \"{number}.db\"\n[connections.wegroup]\nkind = \"http\"\nbase_url = \"{}\"\n\
             [connections.wegroup.auth]\nkind = \"apikey\"\ntoken = \"planted-token\"\n{form}\n{}",
            api.url,
            SYNC.replace("key = \"id\" }", "key = \"id\" }\nrequest = { path = \"/leads\" }")
        ));
        let run = desk.run(&["--run-now"]).await;
        assert_eq!(run.status.code(), Some(3), "{}", said(&run));
        let seen = api.seen();
        assert!(seen[0].starts_with(&format!("POST /leads Some({sent:?}) ")), "{seen:?}");
        let shown = said(&desk.run(&["show", "0"]).await) + &said(&run);
        assert!(shown.contains("is good, the lead is not") && !shown.contains("planted"), "{shown}");
    }
}
