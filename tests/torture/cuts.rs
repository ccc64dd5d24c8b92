//! Connections that end after every byte of the request and of the answer.

use std::collections::BTreeMap;

use lead_sync::domain::outcome::{self, Outcome, Reply};

use crate::peer::{End, Peer, Plan, answer, created, request_length};

/// Holds for every cut: what the server has is never called not sent, and nothing is called accepted that it did not say.
fn consistent(outcome: &Outcome, heard: u32, case: &str) {
    match outcome {
        Outcome::Accepted => assert_eq!(heard, 1, "{case}: accepted"),
        Outcome::NotSent => assert_eq!(heard, 0, "{case}: not sent"),
        Outcome::InDoubt => assert!(heard <= 1, "{case}: in doubt"),
        other => panic!("{case}: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_cut_after_any_byte_is_never_called_accepted_and_never_called_not_sent_if_it_arrived() {
    let peer = Peer::start(None).await;
    let client = peer.client(|_| {});
    let length = request_length(&client, &peer, "k").await;
    let mut kinds: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    for end in [End::Close, End::Reset] {
        for bytes in 0..=length {
            let key = format!("{}-{bytes:04}", if end == End::Close { "c" } else { "r" });
            peer.clear();
            peer.plan(Plan::cut(bytes, end));
            let (outcome, _) = client.post(&key).await;
            let heard = peer.heard(&key);
            consistent(&outcome, heard, &format!("{end:?} after {bytes} bytes"));
            assert_ne!(outcome, Outcome::Accepted, "{end:?} after {bytes} bytes");
            assert_eq!(heard, u32::from(bytes == length), "{end:?} after {bytes} bytes");
            *kinds.entry((outcome.kind(), heard)).or_default() += 1;
        }
    }
    println!("{length} bytes: {kinds:?}");
    assert!(length > 150, "{length} bytes are no request");
}

#[tokio::test]
async fn a_request_cut_on_a_connection_used_before_arrives_at_most_once() {
    let peer = Peer::start(None).await;
    let client = peer.client(|_| {});
    let length = request_length(&client, &peer, "k").await;
    let mut kinds: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    for bytes in 0..=length {
        peer.clear();
        // A new connection, an answer that keeps it open, and then the cut.
        peer.plan(Plan::answer(created(), End::Open));
        peer.plan(Plan::cut(bytes, End::Close));
        let client = peer.client(|_| {});
        let (first, second) = (format!("a-{bytes:04}"), format!("b-{bytes:04}"));
        assert_eq!(client.post(&first).await.0, Outcome::Accepted);
        let (outcome, _) = client.post(&second).await;
        consistent(&outcome, peer.heard(&second), &format!("after {bytes} bytes"));
        *kinds.entry((outcome.kind(), peer.heard(&second))).or_default() += 1;
    }
    println!("{length} bytes: {kinds:?}");
}

#[tokio::test]
async fn an_answer_cut_after_any_byte_counts_from_the_end_of_its_head_on() {
    let chunked = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{\"id\":1\r\n1\r\n}\r\n0\r\n\r\n";
    let peer = Peer::start(None).await;
    let client = peer.client(|_| {});
    for (name, whole, meaning) in [
        ("created", created(), Outcome::Accepted),
        ("chunked", chunked.into(), Outcome::Accepted),
        ("refused", answer("422 Unprocessable Content", "", r#"{"message":"no"}"#), Outcome::Rejected),
        ("busy", answer("429 Too Many Requests", "", "wait"), Outcome::Throttled(None)),
    ] {
        let head = memchr::memmem::find(&whole, b"\r\n\r\n").unwrap() + 4;
        for end in [End::Close, End::Reset] {
            for bytes in 0..=whole.len() {
                let case = format!("{name}-{end:?}-{bytes:03}");
                peer.clear();
                peer.plan(Plan::answer(whole.slice(..bytes), end));
                let (outcome, reply) = client.post(&case).await;
                assert_eq!(peer.heard(&case), 1, "{case}");
                // A reset may overtake what was sent before it: then there was no answer.
                let lost = end == End::Reset && outcome == Outcome::InDoubt;
                assert!(
                    lost || outcome == if bytes < head { Outcome::InDoubt } else { meaning.clone() },
                    "{case}: {outcome:?}"
                );
                assert!(matches!(reply, Reply::Answered(_)) || outcome == Outcome::InDoubt, "{case}: {reply:?}");
                let id = outcome::reference(&reply, "/id");
                assert!(id.is_none() || bytes == whole.len() || name == "chunked", "{case}: an id from half a body");
            }
        }
    }
}
