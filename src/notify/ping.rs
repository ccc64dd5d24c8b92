//! The dead man's switch: a monitor that raises the alarm when it does not hear from a run. The convention of healthchecks
//! (<https://healthchecks.io/docs/http_api/>): `URL/start`, then `URL/EXITCODE`, both with the same `rid`.

use std::borrow::Cow;

use reqwest::{Client, Url};
use serde_json::Value;

use super::send::{self, NotTaken};
use super::settings::SecretUrl;

/// Identifies a run towards the monitor, so that it can time runs that overlap: a random UUID (RFC 9562, version 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rid([u8; 16]);

impl Rid {
    pub(super) fn new() -> Self {
        let mut bytes = [0; 16];
        // Without random numbers all runs have one identity, which the monitor accepts.
        let _ = getrandom::fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    fn text(self) -> String {
        let hex = format!("{:032x}", u128::from_be_bytes(self.0));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

/// What the monitor is told of a run.
#[derive(Debug)]
pub(super) enum Signal {
    /// It begins.
    Start,
    /// It has ended.
    End {
        /// Names of its syncs.
        syncs: Vec<String>,
        /// 0 is success, everything else a failure. `None` is neither and only noted: the run was put off or stopped, and the next
        /// one goes on.
        exit: Option<u8>,
        /// What it did.
        counts: Value,
    },
}

impl Signal {
    /// As the address ends.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Start => "start".into(),
            Self::End { exit: Some(exit), .. } => exit.to_string().into(),
            Self::End { exit: None, .. } => "log".into(),
        }
    }
}

/// One check of a monitor.
#[derive(Debug, Clone)]
pub(super) struct Ping {
    url: SecretUrl,
    client: Client,
}

impl Ping {
    pub(super) fn new(url: SecretUrl, client: Client) -> Self {
        Self { url, client }
    }

    /// Gives one signal.
    pub(super) async fn tell(&self, rid: Rid, signal: &Signal) -> Result<(), NotTaken> {
        let nothing = Value::Null;
        let body = match signal {
            Signal::Start => &nothing,
            Signal::End { counts, .. } => counts,
        };
        send::post(&self.client, &address(self.url.expose(), &signal.name(), rid), body).await
    }
}

/// `https://hc-ping.com/UUID` → `https://hc-ping.com/UUID/start?rid=…`; a query stays.
fn address(check: &Url, signal: &str, rid: Rid) -> Url {
    let mut url = check.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(signal);
    }
    url.query_pairs_mut().append_pair("rid", &rid.text());
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_one_more_part_of_the_path_and_the_query_stays() {
        let rid = Rid([0; 16]);
        for (check, expected) in [
            ("https://hc.example/uuid", "https://hc.example/uuid/start?rid=00000000-0000-0000-0000-000000000000"),
            ("https://hc.example/uuid/", "https://hc.example/uuid/start?rid=00000000-0000-0000-0000-000000000000"),
            (
                "https://hc.example/key/crm?create=1",
                "https://hc.example/key/crm/start?create=1&rid=00000000-0000-0000-0000-000000000000",
            ),
        ] {
            assert_eq!(address(&check.parse().unwrap(), "start", rid).as_str(), expected);
        }
    }

    #[test]
    fn every_run_has_a_random_uuid() {
        let (one, other) = (Rid::new().text(), Rid::new().text());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!(["8", "9", "a", "b"].contains(&&one[19..20]), "{one}");
    }
}
