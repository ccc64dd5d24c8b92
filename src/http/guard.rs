//! Who may ask.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::Settings;

/// Programs send the token as it is (RFC 6750); browsers ask for a name and a password (RFC 7617), and the token is the password.
const SCHEMES: [HeaderValue; 2] =
    [HeaderValue::from_static("Bearer"), HeaderValue::from_static(r#"Basic realm="lead-sync", charset="UTF-8""#)];

/// What a request has to show.
#[derive(Debug, Clone)]
pub(super) enum Guard {
    /// The token.
    Token(Arc<SecretString>),
    /// Nothing but that it means this machine: a page of somebody else's, under a name that they have pointed here (DNS rebinding), must not
    /// read the ledger through the operator's browser.
    ThisMachine(IpAddr),
}

impl Guard {
    pub(super) fn new(settings: &Settings) -> Self {
        match &settings.token {
            Some(token) => Self::Token(Arc::new(token.clone())),
            None => Self::ThisMachine(settings.listen.ip()),
        }
    }
}

/// Lets a request through that may ask.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard {
        Guard::Token(token) if !carries(request.headers(), &token) => {
            let mut refusal = (StatusCode::UNAUTHORIZED, "the token of [http] is missing or wrong\n").into_response();
            for scheme in SCHEMES {
                refusal.headers_mut().append(WWW_AUTHENTICATE, scheme);
            }
            refusal
        }
        Guard::ThisMachine(listen) if !means_this_machine(request.headers(), listen) => {
            let text = "ask for localhost or the address of [http] listen; for any other name set [http] token\n";
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
        Guard::Token(_) | Guard::ThisMachine(_) => next.run(request).await,
    }
}

/// Compares hashes, in constant time (`blake3::Hash`): the time taken tells neither how long the token is nor how much of it is right.
fn carries(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(credential);
    given.is_some_and(|given| blake3::hash(&given) == blake3::hash(token.expose_secret().as_bytes()))
}

/// The token in a header: that of `Bearer`, or the password of `Basic`. Names of schemes know no case (RFC 9110 section 11.1).
fn credential(header: &str) -> Option<Vec<u8>> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("Bearer") {
        return Some(value.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let pair = STANDARD.decode(value.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    pair.get(colon + 1..).map(<[u8]>::to_vec)
}

/// Whether the host that was asked for is a loopback one or the very address that is listened on. Those no name server can point elsewhere.
fn means_this_machine(headers: &HeaderMap, listen: IpAddr) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|authority| {
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback() || ip == listen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_name_that_others_can_point_here_is_not_this_machine() {
        let listen = IpAddr::from([127, 0, 0, 1]);
        let asked = |host: &str| means_this_machine(&header(HOST, host), listen);
        for host in ["127.0.0.1:9632", "127.0.0.1", "localhost:9632", "LocalHost", "[::1]:9632", "127.8.8.8:1"] {
            assert!(asked(host), "{host}");
        }
        for host in
            ["crm.example.com:9632", "localhost.example.com", "192.0.2.1:9632", "127.0.0.1.example.com", "", "a b"]
        {
            assert!(!asked(host), "{host}");
        }
        assert!(!means_this_machine(&HeaderMap::new(), listen), "no host at all");
    }

    #[test]
    fn the_token_comes_as_a_bearer_or_as_the_password_of_any_user() {
        let token = SecretString::from("s3:cret");
        let asked = |value: &str| carries(&header(AUTHORIZATION, value), &token);
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for value in ["Bearer s3:cret".to_owned(), "bearer s3:cret".to_owned(), basic("jan:s3:cret"), basic(":s3:cret")]
        {
            assert!(asked(&value), "{value}");
        }
        for value in ["Bearer s3:cre", "Bearer ", "s3:cret", "Basic s3:cret", "Digest s3:cret", ""] {
            assert!(!asked(value), "{value}");
        }
        for pair in ["s3:cret", "jan:s3", "s3:cret:", "jan"] {
            assert!(!asked(&basic(pair)), "{pair}");
        }
        assert!(!carries(&HeaderMap::new(), &token));
    }
}
