//! One lead's request, with the one replay that a renewed credential allows.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::Sender;
use crate::auth::{self, Authorization, TokenSource};
use crate::clock;
use crate::destination::{Destination, Target};
use crate::domain::delivery::{Claim, Post};
use crate::domain::outcome::{self, Outcome};
use crate::worker::stop::Stop;

/// What became of a lead's request.
pub(super) enum Sent {
    /// A reply, also if it is the second 401.
    Replied(Answered),
    /// The credential was no longer good, and there is no new one: nothing was processed.
    Unrenewed {
        /// The POST that was refused.
        refused: Post,
        /// Why there is none; `None`: we are to stop, and wait for none.
        error: Option<auth::Error>,
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

/// How a lead gets to its API.
#[derive(Clone, Copy)]
pub(super) struct Way<'m> {
    pub(super) destination: &'m Destination,
    pub(super) target: &'m Target,
    pub(super) tokens: &'m dyn TokenSource,
    pub(super) stop: &'m Stop,
}

/// What is sent of a lead, the same each time.
pub(super) struct Letter {
    idempotency_key: String,
    payload: Bytes,
}

impl Letter {
    /// Takes the payload out of the claim, which ends without it.
    pub(super) fn new(sender: &Sender, claim: &mut Claim) -> Self {
        let idempotency_key = idempotency_key(&sender.keyed_by, &sender.name, claim);
        Self { idempotency_key, payload: std::mem::take(&mut claim.payload).into() }
    }
}

/// Sends the lead at once, and after a 401 with a renewed token once more.
pub(super) async fn send(way: Way<'_>, letter: Letter, authorization: Authorization) -> Sent {
    let first = once(way, &letter, authorization.header.as_ref()).await;
    if first.outcome != Outcome::Unauthorized {
        return Sent::Replied(first);
    }
    let renewal = async {
        let is_newer = way.tokens.reject(authorization.generation).await?;
        if is_newer { way.tokens.token().await.map(Some) } else { Ok(None) }
    };
    let renewed = tokio::select! {
        biased;
        // None is begun either.
        () = way.stop.wait() => return Sent::Unrenewed { refused: first.post, error: None },
        renewed = renewal => renewed,
    };
    match renewed {
        Ok(Some(renewed)) => {
            let second = once(way, &letter, renewed.header.as_ref()).await;
            Sent::Replied(Answered { earlier: Some(first.post), ..second })
        }
        Ok(None) => Sent::Replied(first),
        Err(error) => Sent::Unrenewed { refused: first.post, error: Some(error) },
    }
}

async fn once(way: Way<'_>, letter: &Letter, authorization: Option<&(HeaderName, HeaderValue)>) -> Answered {
    let destination = way.destination;
    let began = clock::instant();
    let payload = letter.payload.clone();
    let reply = destination.post(way.target, authorization, &letter.idempotency_key, payload).await;
    let now = clock::now();
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = outcome::classify(&reply, now);
    let http_status = outcome::http_status(&reply);
    tracing::debug!(outcome = outcome.kind(), http_status, took_ms, "answered");
    let reason = match outcome {
        Outcome::Accepted => String::new(),
        _ => outcome::describe(
            &reply,
            &String::from_utf8_lossy(&letter.payload),
            &credentials(destination, authorization),
        ),
    };
    let post = Post::new(&outcome, http_status, reason, now, took_ms);
    let reference = match outcome {
        Outcome::Accepted | Outcome::Conflict => outcome::reference(&reply, destination.reference()),
        _ => None,
    };
    Answered { outcome, post, reference, earlier: None }
}

/// What the server must not get into the ledger by repeating it: of `apikey TOKEN` the token, and the values of the configured headers.
fn credentials<'c>(destination: &'c Destination, authorization: Option<&'c (HeaderName, HeaderValue)>) -> Vec<&'c str> {
    let token = authorization.and_then(|(_, value)| value.to_str().ok()?.split_whitespace().last());
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
