//! Answers that a server should not give, and what each means.

use std::time::Duration;

use bytes::Bytes;
use lead_sync::domain::outcome;

use crate::peer::{End, Peer, Plan, answer, created};

/// Name, bytes, end of the connection, outcome.
fn table() -> Vec<(&'static str, Bytes, End, &'static str)> {
    let after = |before: &str| Bytes::from([before.as_bytes(), &created()].concat());
    let padded = |size: usize| answer("201 Created", &format!("x-padding: {}\r\n", "x".repeat(size)), "{}");
    let many = |count: usize| answer("201 Created", &"x-many: 1\r\n".repeat(count), "{}");
    let redirect = |status: &str| answer(status, "location: /elsewhere\r\n", "");
    // An empty SETTINGS frame, then GOAWAY with NO_ERROR: what a server that speaks HTTP/2 only would say.
    let http2 = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0";
    vec![
        ("continue first", after("HTTP/1.1 100 Continue\r\n\r\n"), End::Close, "accepted"),
        ("early hints first", after("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"), End::Close, "accepted"),
        ("nothing but continue", "HTTP/1.1 100 Continue\r\n\r\n".into(), End::Close, "in_doubt"),
        ("continue, then silence", "HTTP/1.1 100 Continue\r\n\r\n".into(), End::Silence, "in_doubt"),
        (
            "another protocol",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".into(),
            End::Close,
            "in_doubt",
        ),
        ("HTTP/2 and GOAWAY", Bytes::from_static(http2), End::Close, "in_doubt"),
        ("HTTP/1.0", "HTTP/1.0 201 Created\r\n\r\n{\"id\":1}".into(), End::Close, "accepted"),
        ("HTTP/0.9", "created\r\n".into(), End::Close, "in_doubt"),
        ("TLS", Bytes::from_static(b"\x15\x03\x01\0\x02\x02\x28"), End::Close, "in_doubt"),
        ("no body", "HTTP/1.1 204 No Content\r\n\r\n".into(), End::Open, "accepted"),
        ("silence", Bytes::new(), End::Silence, "in_doubt"),
        (
            "silence after the head",
            "HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\n".into(),
            End::Silence,
            "accepted",
        ),
        (
            "a length too long",
            "HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{\"id\":1}".into(),
            End::Close,
            "accepted",
        ),
        (
            "a length too short",
            "HTTP/1.1 201 Created\r\ncontent-length: 3\r\n\r\n{\"id\":1}".into(),
            End::Close,
            "accepted",
        ),
        (
            "two lengths",
            "HTTP/1.1 201 Created\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd".into(),
            End::Close,
            "in_doubt",
        ),
        ("no length", "HTTP/1.1 201 Created\r\ncontent-length: many\r\n\r\n".into(), End::Close, "in_doubt"),
        ("a large header", padded(16 << 10), End::Close, "accepted"),
        ("a huge header", padded(2 << 20), End::Close, "in_doubt"),
        ("a thousand headers", many(1000), End::Close, "in_doubt"),
        ("a huge body", answer("201 Created", "", &"x".repeat(4 << 20)), End::Close, "accepted"),
        ("moved", redirect("301 Moved Permanently"), End::Open, "wrong_path"),
        ("found", redirect("302 Found"), End::Open, "wrong_path"),
        ("see other", redirect("303 See Other"), End::Open, "wrong_path"),
        ("for now elsewhere", redirect("307 Temporary Redirect"), End::Open, "wrong_path"),
        ("elsewhere", redirect("308 Permanent Redirect"), End::Open, "wrong_path"),
        ("a status of no class", answer("999 What", "", ""), End::Close, "in_doubt"),
    ]
}

#[tokio::test]
async fn an_answer_that_breaks_the_rules_means_what_it_proves_and_no_more() {
    let peer = Peer::start(None).await;
    for (name, bytes, end, expected) in table() {
        let key = name.replace(' ', "-");
        peer.clear();
        peer.plan(Plan::answer(bytes, end));
        let client = peer.client(|settings| {
            if end == End::Silence {
                settings.timeout = Duration::from_millis(300);
            }
        });
        let (outcome, reply) = client.post(&key).await;
        assert_eq!(outcome.kind(), expected, "{name}: {reply:?}");
        assert_eq!(peer.heard(&key), 1, "{name}: the lead was posted more than once");
    }
}

#[tokio::test]
async fn an_answer_that_drips_in_is_read_to_its_end() {
    let peer = Peer::start(None).await;
    peer.plan(Plan { drip: true, ..Plan::answer(created(), End::Open) });
    let (_, reply) = peer.client(|_| {}).post("drip").await;
    assert_eq!(outcome::reference(&reply, "/id").as_deref(), Some("lead-1"));
}

#[tokio::test]
async fn an_answer_before_the_body_was_read_is_never_an_acceptance() {
    let peer = Peer::start(None).await;
    for end in [End::Close, End::Reset, End::Silence] {
        peer.clear();
        // Too large for the buffers of a connection that nobody reads.
        let early = Plan { read: Some(16), ..Plan::answer(Bytes::new(), end) };
        peer.plan(early);
        let client = peer.client(|settings| settings.timeout = Duration::from_millis(500));
        let (outcome, _) = client.post_body("early", vec![b'x'; 16 << 20]).await;
        assert!(["in_doubt", "not_sent"].contains(&outcome.kind()), "{end:?}: {outcome:?}");
        assert_eq!(peer.heard("early"), 0, "{end:?}");
    }
}

#[tokio::test]
async fn an_answer_too_many_is_not_taken_for_that_of_the_next_lead() {
    let peer = Peer::start(None).await;
    for round in 0..200 {
        let (client, first, second) = (peer.client(|_| {}), format!("first-{round}"), format!("second-{round}"));
        let twice = Bytes::from([created(), created()].concat());
        peer.plan(Plan::answer(twice, End::Open));
        // What comes next is read to its end and never answered, on this connection and on a new one.
        peer.plan(Plan::answer("", End::Close));
        peer.plan(Plan::answer("", End::Close));
        assert_eq!(client.post(&first).await.0.kind(), "accepted");
        let (outcome, reply) = client.post(&second).await;
        assert!(outcome.kind() != "accepted", "{reply:?}");
        peer.clear();
    }
}
