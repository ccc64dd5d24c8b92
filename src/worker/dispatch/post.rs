//! One lead's request, with the one replay that a renewed credential allows.

use bytes::Bytes;
use http::HeaderValue;

use crate::auth::{self, TokenSource};
use crate::clock;
use crate::destination::{Destination, Target};
use crate::domain::delivery::{Claim, Post};
use crate::domain::outcome::{self, Outcome};

/// What became of a claim's request.
pub(super) enum Sent {
    /// A reply, also if it is the second 401.
    Replied(Answered),
    /// No credential was to be had: nothing was processed.
    NoToken {
        /// Why.
        error: auth::Error,
        /// The POST whose credential was no longer good, if there was one.
        refused: Option<Post>,
    },
}

/// A reply and what it means.
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    pub(super) post: Post,
    pub(super) reference: Option<String>,
    /// The 401 before this, if the credential was renewed.
    pub(super) earlier: Option<Post>,
}

/// Sends the lead: token, POST, and after a 401 with a renewed token once more.
pub(super) async fn send(
    destination: &Destination,
    tokens: &dyn TokenSource,
    target: &Target,
    connection: &str,
    sync: &str,
    claim: &Claim,
) -> Sent {
    let key = idempotency_key(connection, sync, claim);
    let authorization = match tokens.token().await {
        Ok(authorization) => authorization,
        Err(error) => return Sent::NoToken { error, refused: None },
    };
    let first = once(destination, target, authorization.header.as_ref(), &key, claim).await;
    if first.outcome != Outcome::Unauthorized {
        return Sent::Replied(first);
    }
    match tokens.reject(authorization.generation).await {
        Ok(true) => {}
        Ok(false) => return Sent::Replied(first),
        Err(error) => return Sent::NoToken { error, refused: Some(first.post) },
    }
    match tokens.token().await {
        Ok(renewed) => {
            let second = once(destination, target, renewed.header.as_ref(), &key, claim).await;
            Sent::Replied(Answered { earlier: Some(first.post), ..second })
        }
        Err(error) => Sent::NoToken { error, refused: Some(first.post) },
    }
}

async fn once(
    destination: &Destination,
    target: &Target,
    authorization: Option<&HeaderValue>,
    key: &str,
    claim: &Claim,
) -> Answered {
    let began = clock::instant();
    let payload = Bytes::copy_from_slice(claim.payload.as_bytes());
    let reply = destination.post(target, authorization, key, payload).await;
    let now = clock::now();
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = outcome::classify(&reply, now);
    let http_status = outcome::http_status(&reply);
    tracing::debug!(outcome = outcome.kind(), http_status, took_ms, "answered");
    let reason = match outcome {
        Outcome::Accepted => String::new(),
        _ => outcome::describe(&reply, &claim.payload, &credentials(destination, authorization)),
    };
    let post = Post::new(&outcome, http_status, reason, now, took_ms);
    let reference = match outcome {
        Outcome::Accepted | Outcome::Conflict => outcome::reference(&reply, destination.reference()),
        _ => None,
    };
    Answered { outcome, post, reference, earlier: None }
}

/// What the server must not get into the ledger by repeating it: of `apikey TOKEN` the token, and the values of the configured headers.
fn credentials<'c>(destination: &'c Destination, authorization: Option<&'c HeaderValue>) -> Vec<&'c str> {
    let token = authorization.and_then(|header| header.to_str().ok()?.split_whitespace().last());
    let mut credentials: Vec<&str> = token.into_iter().chain(destination.secrets()).collect();
    credentials.sort_by_key(|credential| std::cmp::Reverse(credential.len()));
    credentials
}

/// The same on every attempt of one content, another one for another content. Names cannot hold a NUL, so no two leads share it.
fn idempotency_key(connection: &str, sync: &str, claim: &Claim) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [connection, sync, claim.key.as_str()] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.update(&claim.version.to_le_bytes());
    hasher.finalize().to_hex().as_str()[..KEY_DIGITS].to_owned()
}

/// 128 bits in hexadecimal: no two leads collide, and it fits every server's limit (Stripe: 255 characters).
const KEY_DIGITS: usize = 32;
