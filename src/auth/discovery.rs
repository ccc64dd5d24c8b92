//! The discovery document of an OpenID provider, and who the session belongs to.

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::Url;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Error;
use super::fixed;
use super::grants;
use super::http::{Failure, Http};
use super::session::Token;
use super::settings::require_secure;
use crate::clock;

/// The parts of `/.well-known/openid-configuration` that are used (OpenID Connect Discovery section 3, RFC 8414).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) revocation_endpoint: Option<Url>,
    /// RFC 9207: the callback always carries `iss`.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// What WeGroup's userinfo says of the session (API documentation, "Userinfo"), as far as it is shown or used. Read leniently: what is not as it
/// should be says nothing, and whether it has to is for those who need it to say.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
pub struct Userinfo {
    /// The subject; has to be the one of the ID token (OpenID Connect Core section 5.3.2).
    #[serde(default, deserialize_with = "word")]
    pub sub: Option<String>,
    /// User id.
    #[serde(default, deserialize_with = "word")]
    pub uid: Option<String>,
    /// Broker id.
    #[serde(default, deserialize_with = "word")]
    pub bid: Option<String>,
    /// Distribution id.
    #[serde(default, deserialize_with = "word")]
    pub did: Option<String>,
    /// The user's name at the provider.
    #[serde(default, deserialize_with = "word")]
    pub username: Option<String>,
}

/// A text, or a number as text; what is empty or anything else says nothing.
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let word = match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Ok(word.filter(|word| !word.trim().is_empty()))
}

/// Reads the discovery document and refuses one that speaks for another issuer or names an address without TLS.
pub(super) async fn discover(http: &Http, issuer: &str) -> Result<Provider, Error> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let address = Url::parse(&address).map_err(|_| Error::Configuration(format!("issuer {issuer} is no address")))?;
    let provider: Provider = get(http, &address, None).await?;
    if provider.issuer != issuer {
        return Err(Error::Configuration(format!(
            "the discovery document of {issuer} is of issuer {}: the two have to be the same, character by character",
            grants::tidy(&provider.issuer, &[])
        )));
    }
    let endpoints = [
        Some(&provider.authorization_endpoint),
        Some(&provider.token_endpoint),
        Some(&provider.jwks_uri),
        provider.userinfo_endpoint.as_ref(),
        provider.revocation_endpoint.as_ref(),
    ];
    for endpoint in endpoints.into_iter().flatten() {
        require_secure("an endpoint in the discovery document", endpoint)?;
    }
    Ok(provider)
}

/// Who the access token belongs to.
pub(super) async fn userinfo(http: &Http, url: &Url, token: &Token) -> Result<Userinfo, Error> {
    get(http, url, Some(fixed::header("Bearer", token.secret())?)).await
}

/// A `GET` that may be repeated: three tries by backon, as long as patience lasts.
pub(super) async fn get<T: serde::de::DeserializeOwned>(
    http: &Http,
    url: &Url,
    authorization: Option<::http::HeaderValue>,
) -> Result<T, Error> {
    let host = url.host_str().unwrap_or_default();
    let began = clock::instant();
    let backoff = ExponentialBuilder::default()
        .with_min_delay(std::time::Duration::from_millis(500))
        .with_max_times(2)
        .with_jitter();
    let (status, body) = (|| http.get_json(url, authorization.clone()))
        .retry(backoff)
        .when(|failure| !matches!(failure, Failure::WrongAddress(_) | Failure::Busy { until: Some(_), .. }))
        .adjust(|_, pause| pause.filter(|pause| http.waits(began, *pause)))
        .await
        .map_err(|failure| match failure {
            Failure::WrongAddress(text) => Error::Configuration(format!("{text} to {}", url.path())),
            other => other.into(),
        })?;
    match body {
        _ if status.as_u16() == 401 || status.as_u16() == 403 => {
            Err(Error::NeedsPerson(format!("{host} answered {} to {}", status.as_u16(), url.path())))
        }
        Some(body) if status.is_success() => Ok(body),
        _ => Err(Error::Configuration(format!(
            "{host} answered {} to {} with something that is not what OpenID providers answer",
            status.as_u16(),
            url.path()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userinfo_is_read_however_a_provider_writes_an_id() {
        for (did, expected) in [
            (r#""d-1""#, Some("d-1")),
            ("77", Some("77")),
            (r#""""#, None),
            (r#"" ""#, None),
            ("null", None),
            ("true", None),
            ("{}", None),
        ] {
            let user: Userinfo = serde_json::from_str(&format!(r#"{{"sub":"s","uid":5,"did":{did}}}"#)).unwrap();
            assert_eq!((user.sub.as_deref(), user.uid.as_deref()), (Some("s"), Some("5")), "{did}");
            assert_eq!(user.did.as_deref(), expected, "{did}");
        }
    }
}
