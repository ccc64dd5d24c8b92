//! Which client errors prove that nothing was sent, as measured (RELIABILITY 3.3), and what they are called for a person.

use std::error::Error as StdError;

use crate::domain::outcome::Reply;

/// The reply for a request without an answer.
pub(super) fn reply(error: &reqwest::Error, body_was_polled: bool) -> Reply {
    // An incomplete answer is no proof: the server may have read the whole request and closed.
    let surely_not_sent = error.is_builder() || error.is_connect() || !body_was_polled || was_canceled(error);
    Reply::Unanswered { surely_not_sent, cause: cause(error) }
}

/// hyper hands back a request that it never began to write.
fn was_canceled(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled))
}

/// The innermost cause in a few words. The address is left out: reqwest's own texts repeat it with its query.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let innermost = chain(error).last().map_or_else(|| error.to_string(), ToString::to_string);
    let what = if error.is_timeout() && error.is_connect() {
        "no connection in time"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    if error.is_timeout() || innermost.is_empty() { what.to_owned() } else { format!("{what}: {innermost}") }
}

fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| error.source())
}
