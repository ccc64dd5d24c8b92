//! What the daemon's server answers.

use reqwest::Method;
use reqwest::header::{HOST, WWW_AUTHENTICATE};

use crate::stage::{IMAGE, NAME, SCRIPT, Served, assert_true_numbers, send};

#[test]
fn the_dashboard_shows_the_ledgers_numbers_and_no_value_of_a_lead_runs() {
    let served = Served::new("");
    let answer = served.get("/");
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
    let policy = answer.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for rule in ["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }

    let page = answer.text;
    assert_true_numbers(&page, &served.scene);
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert!(page.contains("&#60;script&#62;"), "the key is there, as text: {page}");
    assert!(page.contains("&#60;img src=q"), "the reason is there, as text: {page}");
    assert!(page.contains("lead-sync rejects export FILE"), "what settles it");
    assert!(!page.contains("href=\"javascript:"), "{page}");
    assert!(!page.contains(NAME) && !page.contains("sandbox-token"), "{page}");
}

#[test]
fn each_key_has_a_page_with_what_show_tells() {
    let served = Served::new("");
    let delivered = served.get("/lead?key=K3&sync=customers").text;
    assert!(delivered.contains("<span class=\"state delivered\">delivered</span>"), "{delivered}");
    let link = r#"<a href="https://crm.example.com/customers/3" rel="noreferrer noopener">"#;
    assert!(delivered.contains(link), "{delivered}");
    let remote = served.scene.lead_of("K3")["remote_id"].as_str().unwrap().to_owned();
    assert!(delivered.contains(&remote), "{delivered}");

    let overview = served.get("/").text;
    let (_, href) = overview.split_once("href=\"/lead?").unwrap();
    let href = href.split_once('"').unwrap().0.replace("&amp;", "&").replace("&#38;", "&");
    let hostile = served.get(&format!("/lead?{href}")).text;
    assert!(hostile.contains("rejected") && hostile.contains("HTTP 422"), "{hostile}");
    for raw in [SCRIPT, IMAGE, "href=\"javascript:", "<script", NAME] {
        assert!(!hostile.contains(raw), "{raw} is in {hostile}");
    }
    assert!(hostile.contains("javascript:alert(2)//"), "the back reference, as text: {hostile}");

    let none = served.get("/lead?key=nobody");
    assert_eq!(none.status, 404);
    assert!(none.text.contains("No lead has this key"));
    assert_eq!(served.get("/lead").status, 400, "which key?");
}

#[test]
fn pages_can_be_read_and_nothing_else() {
    let served = Served::new("");
    let ask = |method: Method, path: &str| send(served.ask(method, path)).status;
    for path in ["/", "/lead?key=K1"] {
        assert_eq!(ask(Method::HEAD, path), 200);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(ask(method, path), 405);
        }
    }
}

#[test]
fn without_a_token_only_names_of_this_machine_are_answered() {
    let served = Served::new("");
    let ask = |path: &str, host: &str| send(served.ask(Method::GET, path).header(HOST, host)).status;
    for path in ["/", "/lead?key=K1", "/metrics"] {
        assert_eq!(ask(path, "rebound.example.com"), 421, "{path}");
        assert_eq!(ask(path, "localhost:9632"), 200, "{path}");
    }
    assert_eq!(ask("/healthz", "rebound.example.com"), 200, "it says nothing but yes or no");
}

#[test]
fn with_a_token_a_browser_can_give_it_as_a_password() {
    let served = Served::new("token = \"s3cret\"");
    let ask = |path: &str| served.ask(Method::GET, path);
    let status = |request| send(request).status;
    for path in ["/", "/lead?key=K1", "/metrics"] {
        let refused = send(ask(path));
        assert_eq!(refused.status, 401);
        let schemes: Vec<_> = refused.headers.get_all(WWW_AUTHENTICATE).iter().collect();
        assert_eq!(schemes, ["Bearer", "Basic realm=\"lead-sync\", charset=\"UTF-8\""]);
        assert_eq!(status(ask(path).basic_auth("anyone", Some("s3cre"))), 401);
        assert_eq!(status(ask(path).basic_auth("s3cret", None::<&str>)), 401, "the name is not the token");
        assert_eq!(status(ask(path).basic_auth("anyone", Some("s3cret"))), 200);
        assert_eq!(status(ask(path).bearer_auth("s3cret")), 200);
        assert_eq!(status(ask(path).bearer_auth("s3cret").header(HOST, "leads.example.com")), 200);
    }
    assert_eq!(status(ask("/healthz")), 200);
}
