//! What the browser brings back (RFC 6749 section 4.1.2, RFC 9207).

use std::collections::HashMap;

use reqwest::Url;

use crate::auth::Error;
use crate::auth::grants::tidy;
use crate::auth::session::Token;

/// What the answer of this login has to say.
pub(in crate::auth) struct Expectation<'a> {
    pub(in crate::auth) state: &'a str,
    pub(in crate::auth) issuer: &'a str,
    /// The provider always sends `iss`.
    pub(in crate::auth) iss_required: bool,
    /// The command for another try.
    pub(in crate::auth) login: &'a str,
}

/// Whether a query answers the login that sent `state`, and with nothing else beside it; compared in constant time.
pub(super) fn is_of(query: &str, state: &str) -> bool {
    let mut states = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    let (Some((_, found)), None) = (states.next(), states.next()) else { return false };
    aws_lc_rs::constant_time::verify_slices_are_equal(found.as_bytes(), state.as_bytes()).is_ok()
}

/// The authorization code of a query.
pub(in crate::auth) fn code(query: &str, expected: &Expectation<'_>) -> Result<Token, Error> {
    let mut parameters = HashMap::<String, String>::new();
    let mut repeated = false;
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        repeated |= parameters.insert(name, value).is_some();
    }
    let get = |name: &str| parameters.get(name).map(String::as_str);
    let again = format!("run `{}` again", expected.login);
    if !is_of(query, expected.state) {
        return Err(Error::NeedsPerson(format!(
            "the browser's answer belongs to another login (its state is not the one sent): {again} and use the newest address"
        )));
    }
    if repeated {
        // RFC 6749 section 3.1: none may. Which of two codes or issuers is meant is not ours to guess.
        return Err(Error::NeedsPerson(format!(
            "the browser's answer holds a parameter twice, nothing was stored: {again}"
        )));
    }
    check_issuer(get("iss"), expected)?;
    match (get("error"), get("code")) {
        (Some("access_denied"), _) => Err(Error::NeedsPerson(format!(
            "access was denied on the consent page, nothing was stored: {again} and allow it"
        ))),
        (Some(error), _) => {
            let description = get("error_description").unwrap_or_default();
            Err(Error::NeedsPerson(tidy(&format!("the login failed: {error} {description}"), &[])))
        }
        (None, Some(code)) if !code.is_empty() => Ok(Token::new(code)),
        _ => Err(Error::NeedsPerson(format!("the browser's answer holds no code: {again}"))),
    }
}

/// RFC 9207 section 2.4: an answer that another provider sent is not used.
fn check_issuer(iss: Option<&str>, expected: &Expectation<'_>) -> Result<(), Error> {
    match iss {
        Some(issuer) if issuer != expected.issuer => Err(Error::NeedsPerson(format!(
            "the browser's answer is from another issuer than {}: nothing was stored",
            expected.issuer
        ))),
        None if expected.iss_required => Err(Error::NeedsPerson(format!(
            "the browser's answer does not say that it is from {}: nothing was stored",
            expected.issuer
        ))),
        _ => Ok(()),
    }
}

/// The query of a pasted redirect URL; the whole URL is wanted, so that its state can be checked. Quotes around it were put there
/// for a shell or came with it from a message.
pub(super) fn pasted_query(line: &str, redirect_url: &Url) -> Result<String, Error> {
    let unusable = || {
        Error::NeedsPerson(format!(
            "that is not the address that the browser ended up at: it begins with {}{} and holds a `?`",
            redirect_url.origin().ascii_serialization(),
            redirect_url.path()
        ))
    };
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let url = Url::parse(line).map_err(|_| unusable())?;
    let is_ours = url.origin() == redirect_url.origin() && url.path() == redirect_url.path();
    let query = url.query().filter(|_| is_ours);
    query.map(str::to_owned).ok_or_else(unusable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXPECTED: Expectation<'static> = Expectation {
        state: "right-state",
        issuer: "https://sso.example.com",
        iss_required: true,
        login: "lead-sync login wegroup",
    };
    const ISS: &str = "iss=https%3A%2F%2Fsso.example.com";

    fn refusal(query: &str) -> String {
        let Err(Error::NeedsPerson(text)) = code(query, &EXPECTED) else {
            panic!("{query} was accepted");
        };
        assert!(!text.contains("planted"), "{text}");
        text
    }

    #[test]
    fn a_code_is_taken_from_an_answer_of_this_login() {
        let query = format!("code=abc&state=right-state&{ISS}");
        assert_eq!(code(&query, &EXPECTED).unwrap().expose(), "abc");
    }

    #[test]
    fn an_answer_that_says_something_twice_is_refused() {
        let twice = |more: &str| format!("code=abc&state=right-state&{ISS}&{more}");
        assert!(refusal(&twice("state=wrong")).contains("another login"));
        assert!(refusal(&twice("state=right-state")).contains("another login"));
        for more in ["code=planted", "iss=https%3A%2F%2Fplanted.example.com", "x=1&x=1"] {
            assert!(refusal(&twice(more)).contains("twice"), "{more}");
        }
    }

    #[test]
    fn each_wrong_answer_has_its_own_message() {
        for (query, words) in [
            (format!("code=planted&state=wrong&{ISS}"), "another login"),
            (format!("code=planted&{ISS}"), "another login"),
            ("code=planted&state=right-state".into(), "does not say"),
            ("code=planted&state=right-state&iss=https%3A%2F%2Fevil.example".into(), "another issuer"),
            (format!("error=access_denied&state=right-state&{ISS}"), "denied on the consent page"),
            (format!("error=server_error&error_description=oh%0Adear&state=right-state&{ISS}"), "server_error oh dear"),
            (format!("state=right-state&{ISS}"), "no code"),
            (format!("code=&state=right-state&{ISS}"), "no code"),
        ] {
            let text = refusal(&query);
            assert!(text.contains(words), "{query}: {text}");
        }
    }

    #[test]
    fn only_the_address_that_the_browser_was_sent_to_is_taken() {
        let redirect = Url::parse("http://127.0.0.1:8400/callback").unwrap();
        let query = |line: &str| pasted_query(line, &redirect).ok();
        assert_eq!(query(" http://127.0.0.1:8400/callback?code=a&state=b \n"), Some("code=a&state=b".into()));
        assert_eq!(query("\"http://127.0.0.1:8400/callback?code=a\"\r\n"), Some("code=a".into()));
        for bad in [
            "",
            "\"\"",
            "planted",
            "http://127.0.0.1:8400/callback",
            "http://127.0.0.1:8401/callback?code=a",
            "https://evil.example/callback?code=a",
        ] {
            assert_eq!(query(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_query_makes_the_reader_panic(query: String) {
            let _ = code(&query, &EXPECTED);
            let _ = pasted_query(&query, &Url::parse("http://127.0.0.1/").unwrap());
        }
    }
}
