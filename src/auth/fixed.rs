//! Credentials that never change: none, or an API key.

use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::{Authorization, BoxFuture, Error, TokenSource};

/// In bytes. Servers take 8 to 16 KiB of headers; a longer one would be answered like a bad lead (431).
const LONGEST: usize = 16 * 1024;

/// The same header for every request.
pub(super) struct Fixed {
    header: Option<(HeaderName, HeaderValue)>,
}

impl Fixed {
    /// No header at all.
    pub(super) fn none() -> Self {
        Self { header: None }
    }

    /// `NAME: SCHEME TOKEN`.
    pub(super) fn api_key(token: &SecretString, name: &HeaderName, scheme: &str) -> Result<Self, Error> {
        Ok(Self { header: Some((name.clone(), header(scheme, token)?)) })
    }
}

/// `SCHEME TOKEN`, or `TOKEN` if there is no scheme, marked sensitive so that `Debug` of a request does not show it.
pub(super) fn header(scheme: &str, token: &SecretString) -> Result<HeaderValue, Error> {
    let token = token.expose_secret();
    let usable = (1..=LONGEST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !usable {
        return Err(Error::Configuration(
            "the token is empty, is longer than 16 KiB, or holds a blank or another character that no header can have"
                .into(),
        ));
    }
    let text = if scheme.is_empty() { token.to_owned() } else { format!("{scheme} {token}") };
    let mut value =
        HeaderValue::try_from(text).map_err(|_| Error::Configuration("the token does not fit into a header".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl TokenSource for Fixed {
    fn token(&self) -> BoxFuture<'_, Result<Authorization, Error>> {
        let authorization = Authorization { header: self.header.clone(), generation: 0 };
        Box::pin(async { Ok(authorization) })
    }

    fn reject(&self, _generation: u64) -> BoxFuture<'_, Result<bool, Error>> {
        Box::pin(async { Ok(false) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_api_key_is_sent_as_documented_and_shown_to_nobody() {
        for (name, scheme, sent) in
            [("authorization", "apikey", "apikey planted-key"), ("x-api-key", "", "planted-key")]
        {
            let authorization = api_key("planted-key", name, scheme).unwrap().token().await.unwrap();
            assert_eq!(
                authorization.header.as_ref().unwrap(),
                &(HeaderName::from_static(name), HeaderValue::from_static(sent))
            );
            assert!(!format!("{authorization:?}").contains("planted"));
        }
    }

    fn api_key(token: &str, name: &'static str, scheme: &str) -> Result<Fixed, Error> {
        Fixed::api_key(&SecretString::from(token), &HeaderName::from_static(name), scheme)
    }

    #[tokio::test]
    async fn a_refused_api_key_is_a_matter_for_a_person() {
        let source = api_key("planted-key", "authorization", "apikey").unwrap();
        assert!(!source.reject(0).await.unwrap());
    }

    #[test]
    fn a_key_that_no_header_may_carry_is_refused_without_being_shown() {
        for bad in ["", "planted\nkey", "planted key", "plänted"] {
            let error = api_key(bad, "authorization", "apikey").err().unwrap();
            assert!(!error.to_string().contains("plan"), "{error}");
        }
    }
}
