//! The answer of a token endpoint (RFC 6749 section 5.1) and when its tokens end.

mod fields;

use std::time::Duration;

use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse, TokenType};
use serde::{Deserialize, Serialize};

use super::fixed;
use super::session::Token;
use crate::domain::time::Timestamp;

/// What the four services answer, and what lenient servers do: a lifetime as text, null for unknown. A field of another type says
/// nothing, because an answer that is not used has spent what it was asked for with, and holds the only copy of a rotated refresh
/// token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    #[serde(default = "no_token", deserialize_with = "fields::access_token")]
    access_token: AccessToken,
    #[serde(default, deserialize_with = "fields::scheme")]
    token_type: Scheme,
    #[serde(default, deserialize_with = "fields::seconds")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "fields::seconds")]
    refresh_expires_in: Option<u64>,
    /// `WeSeeDo`: the absolute end, in milliseconds since 1970.
    #[serde(default, deserialize_with = "fields::instant")]
    expires: Option<i64>,
    #[serde(default, deserialize_with = "fields::text")]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "fields::scopes")]
    scope: Option<Vec<String>>,
    #[serde(default, deserialize_with = "fields::text")]
    id_token: Option<Token>,
}

/// What stands for an access token that is not there.
fn no_token() -> AccessToken {
    AccessToken::new(String::new())
}

/// `token_type`, as the server spelled it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Scheme(String);

impl Default for Scheme {
    fn default() -> Self {
        Self("Bearer".into())
    }
}

impl TokenType for Scheme {}

impl TokenResponse for Answer {
    type TokenType = Scheme;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &Scheme {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// New tokens, with this machine's times.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) access_token: Token,
    pub(super) scheme: String,
    pub(super) obtained_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) refresh_token: Option<Token>,
    pub(super) refresh_expires_at: Option<Timestamp>,
    /// `None`: as asked for (RFC 6749 section 5.1).
    pub(super) scopes: Option<Vec<String>>,
    pub(super) id_token: Option<Token>,
}

/// An answer that cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unusable {
    pub(super) why: Fault,
    /// What it was asked for with may be spent for this one.
    pub(super) rotated: Option<Rotated>,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is none.
    NoToken,
    /// Not a bearer token: we could not send it.
    Scheme,
    /// No header can carry it. Stored, it would stand in the way of a good one.
    Token(String),
    /// An absolute end that has passed already.
    Ended,
}

/// A refresh token beside an access token that cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rotated {
    pub(super) refresh_token: Token,
    pub(super) expires_at: Option<Timestamp>,
}

impl Answer {
    /// The tokens with their ends. `asked_at`: when the request left, the earliest time that the lifetimes can count from.
    /// `skew_ms`: this machine's clock minus the server's, for an absolute end.
    pub(super) fn issued(
        self,
        asked_at: Timestamp,
        skew_ms: i64,
        lifetime: Option<Duration>,
    ) -> Result<Issued, Unusable> {
        let after = |seconds: u64| asked_at + Duration::from_secs(seconds);
        let absolute = self.expires.map(|end| Timestamp(end.saturating_add(skew_ms)));
        let fault = self.fault(absolute.is_some_and(|end| end <= asked_at));
        let refresh_token = self.refresh_token.map(|token| Token::new(token.secret()));
        let refresh_expires_at = self.refresh_expires_in.map(after);
        if let Some(why) = fault {
            let rotated = |refresh_token| Rotated { refresh_token, expires_at: refresh_expires_at };
            return Err(Unusable { why, rotated: refresh_token.map(rotated) });
        }
        Ok(Issued {
            access_token: Token::new(self.access_token.secret()),
            scheme: self.token_type.0,
            obtained_at: asked_at,
            expires_at: self.expires_in.map(after).or(absolute).or(lifetime.map(|lifetime| asked_at + lifetime)),
            refresh_token,
            refresh_expires_at,
            scopes: self.scope,
            id_token: self.id_token,
        })
    }

    fn fault(&self, has_ended: bool) -> Option<Fault> {
        if self.access_token.secret().is_empty() {
            return Some(Fault::NoToken);
        }
        if !self.token_type.0.eq_ignore_ascii_case("bearer") {
            return Some(Fault::Scheme);
        }
        let access_token = Token::new(self.access_token.secret());
        match fixed::header(&self.token_type.0, access_token.secret()) {
            Err(error) => Some(Fault::Token(error.to_string())),
            Ok(_) => has_ended.then_some(Fault::Ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn end(json: &str, skew_ms: i64, lifetime: Option<u64>) -> Option<i64> {
        let answer: Answer = serde_json::from_str(json).unwrap();
        let issued = answer.issued(NOW, skew_ms, lifetime.map(Duration::from_secs));
        issued.unwrap().expires_at.map(|end| end.0)
    }

    #[test]
    fn the_end_is_read_however_the_server_says_it() {
        let hour = Some(NOW.0 + 3_600_000);
        for (json, lifetime, expected) in [
            (r#"{"access_token":"a","expires_in":3600}"#, None, hour),
            (r#"{"access_token":"a","expires_in":"3600"}"#, None, hour),
            (r#"{"access_token":"a","expires_in":3600.9}"#, None, hour),
            (r#"{"access_token":"a","expires_in":3600}"#, Some(1), hour),
            (r#"{"access_token":"a"}"#, Some(3600), hour),
            (r#"{"access_token":"a","expires_in":null}"#, Some(3600), hour),
            (r#"{"access_token":"a","expires_in":0}"#, None, None),
            (r#"{"access_token":"a","expires_in":-5}"#, None, None),
            (r#"{"access_token":"a","expires_in":"soon"}"#, None, None),
            (r#"{"access_token":"a","expires_in":{}}"#, None, None),
            (r#"{"access_token":"a","expires":"soon"}"#, None, None),
            (r#"{"access_token":"a","expires":"1970-01-01T01:16:40.000Z"}"#, None, hour),
        ] {
            assert_eq!(end(json, 0, lifetime), expected, "{json}");
        }
    }

    #[test]
    fn an_absolute_end_is_the_servers_and_is_moved_to_our_clock() {
        let json = r#"{"access_token":"a","expires":"1970-01-01T01:16:40.000Z"}"#;
        assert_eq!(end(json, 7_200_000, None), Some(NOW.0 + 3 * 3_600_000));
        let answer: Answer = serde_json::from_str(json).unwrap();
        assert_eq!(answer.issued(NOW, -7_200_000, None).unwrap_err().why, Fault::Ended);
    }

    #[test]
    fn an_absolute_end_may_be_a_number() {
        for (expires, expected) in [
            ("1893456000", Some(1_893_456_000_000)),
            (r#""1893456000""#, Some(1_893_456_000_000)),
            ("1893456000.5", Some(1_893_456_000_000)),
            ("1893456000000", Some(1_893_456_000_000)),
            ("1e19", Some(i64::MAX)),
            ("3600", None),
            ("-1", None),
        ] {
            assert_eq!(end(&format!(r#"{{"access_token":"a","expires":{expires}}}"#), 0, None), expected, "{expires}");
        }
    }

    #[test]
    fn an_odd_side_field_says_nothing_and_does_not_cost_the_tokens() {
        for field in ["token_type", "expires_in", "refresh_expires_in", "expires", "scope", "id_token"] {
            for odd in ["null", "true", "7", r#""""#, "{}", r#"[{"a":1}]"#] {
                let json = format!(r#"{{"access_token":"a","refresh_token":"r","{field}":{odd}}}"#);
                let answer: Answer = serde_json::from_str(&json).unwrap();
                let issued = answer.issued(NOW, 0, None).unwrap();
                assert_eq!(issued.scheme, "Bearer", "{json}");
                assert_eq!(issued.refresh_token, Some(Token::new("r")), "{json}");
                assert_eq!(issued.id_token, None, "{json}");
            }
        }
    }

    #[test]
    fn a_list_of_scopes_is_as_good_as_a_text() {
        for (scope, expected) in [
            (r#""a b""#, Some(vec!["a", "b"])),
            (r#"["a","b"]"#, Some(vec!["a", "b"])),
            (r#"["a b"]"#, Some(vec!["a", "b"])),
            (r#"["a",5]"#, None),
            ("null", None),
        ] {
            let json = format!(r#"{{"access_token":"a","scope":{scope}}}"#);
            let answer: Answer = serde_json::from_str(&json).unwrap();
            let expected = expected.map(|scopes| scopes.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(answer.issued(NOW, 0, None).unwrap().scopes, expected, "{scope}");
        }
    }

    #[test]
    fn a_lifetime_beyond_all_times_does_not_overflow() {
        let json = r#"{"access_token":"a","expires_in":1e19,"refresh_expires_in":18446744073709551615}"#;
        assert!(end(json, 0, None).unwrap() > NOW.0);
    }

    #[test]
    fn another_kind_of_token_is_not_sent_as_a_bearer_token() {
        let json = r#"{"access_token":"a","token_type":"mac"}"#;
        let answer: Answer = serde_json::from_str(json).unwrap();
        assert_eq!(answer.issued(NOW, 0, None).unwrap_err().why, Fault::Scheme);
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_not_accepted() {
        for token in ["a b", "a\r\nx-evil: 1", "é", &"a".repeat(20_000)] {
            let answer: Answer = serde_json::from_value(serde_json::json!({"access_token": token})).unwrap();
            assert!(matches!(answer.issued(NOW, 0, None).unwrap_err().why, Fault::Token(_)), "{token:?}");
        }
    }

    #[test]
    fn a_refresh_token_is_kept_whatever_stands_in_place_of_the_access_token() {
        for odd in ["null", "5", r#""""#, "{}", r#"["a"]"#] {
            let json = format!(r#"{{"access_token":{odd},"refresh_token":"r","refresh_expires_in":60}}"#);
            let answer: Answer = serde_json::from_str(&json).unwrap();
            let unusable = answer.issued(NOW, 0, None).unwrap_err();
            let rotated = Rotated { refresh_token: Token::new("r"), expires_at: Some(Timestamp(NOW.0 + 60_000)) };
            assert_eq!(unusable, Unusable { why: Fault::NoToken, rotated: Some(rotated) }, "{odd}");
        }
    }

    #[test]
    fn an_answer_does_not_show_its_tokens() {
        let json = r#"{"access_token":"planted","refresh_token":"planted","id_token":"planted"}"#;
        let answer: Answer = serde_json::from_str(json).unwrap();
        assert!(!format!("{answer:?}").contains("planted"));
        let issued = answer.issued(NOW, 0, None).unwrap();
        assert!(!format!("{issued:?}").contains("planted"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>, expires: String, skew: i64) {
            let _ = serde_json::from_slice::<Answer>(&bytes);
            let json = serde_json::json!({"access_token": "a", "expires": expires, "expires_in": expires});
            let answer: Answer = serde_json::from_value(json).unwrap();
            let _ = answer.issued(NOW, skew, None);
        }
    }
}
