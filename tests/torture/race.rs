//! A server that closes idle connections just when they are used again.

use std::collections::BTreeMap;

use lead_sync::domain::outcome::Outcome;

use crate::peer::{End, Peer, Plan, created};
use crate::random::{Random, count};

/// Posts, unless `LEAD_SYNC_TEST_POSTS` says otherwise.
const POSTS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_posts_against_a_server_that_keeps_closing_lose_and_double_nothing() {
    let peer = Peer::start(None).await;
    let client = peer.client(|_| {});
    let mut outcomes: BTreeMap<(&str, u32), u32> = BTreeMap::new();
    let posts = count("LEAD_SYNC_TEST_POSTS", POSTS);
    let ends = Random::shares(posts, posts)
        .flat_map(|(mut random, share)| (0..share).map(move |_| random.one_of(&[End::Open, End::Close, End::Reset])));
    for (number, end) in ends.enumerate() {
        peer.plan(Plan::answer(created(), end));
        let key = number.to_string();
        let (outcome, reply) = client.post(&key).await;
        let heard = peer.heard(&key);
        match outcome {
            Outcome::Accepted => assert_eq!(heard, 1, "post {number}: {reply:?}"),
            Outcome::NotSent => assert_eq!(heard, 0, "post {number}: {reply:?}"),
            Outcome::InDoubt => assert!(heard <= 1, "post {number}: {reply:?}"),
            other => panic!("post {number}: {other:?}"),
        }
        *outcomes.entry((outcome.kind(), heard)).or_default() += 1;
    }
    println!("(outcome, arrived) → posts: {outcomes:?}");
}
