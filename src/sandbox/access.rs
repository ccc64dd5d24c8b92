//! Whose `Authorization` is good.

use std::collections::HashSet;
use std::sync::Arc;

use http::HeaderValue;

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It may push leads.
    Granted,
    /// Nobody knows it, or it has expired: 401.
    Unknown,
    /// It is known and lacks the scope `leads:write`: 403.
    Forbidden,
}

/// Judges the token of an `Authorization: Bearer TOKEN`; the identity provider supplies it.
pub type BearerCheck = Arc<dyn Fn(&str) -> Access + Send + Sync>;

/// The check at the lead endpoint.
pub(super) struct Door {
    api_tokens: HashSet<String>,
    bearer: Option<BearerCheck>,
}

impl Door {
    pub(super) fn new(api_tokens: &[String], bearer: Option<BearerCheck>) -> Self {
        Self { api_tokens: api_tokens.iter().cloned().collect(), bearer }
    }

    /// Judges one `Authorization` header. The scheme's case does not matter (RFC 9110, section 11.1).
    pub(super) fn check(&self, header: Option<&HeaderValue>) -> Access {
        let Some((scheme, token)) =
            header.and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '))
        else {
            return Access::Unknown;
        };
        if scheme.eq_ignore_ascii_case("apikey") && self.api_tokens.contains(token) {
            return Access::Granted;
        }
        match &self.bearer {
            Some(check) if scheme.eq_ignore_ascii_case("bearer") => check(token),
            _ => Access::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        let bearer: BearerCheck = Arc::new(|token| match token {
            "good" => Access::Granted,
            "read-only" => Access::Forbidden,
            _ => Access::Unknown,
        });
        Door::new(&["secret".to_owned()], Some(bearer))
    }

    fn check(value: &'static str) -> Access {
        door().check(Some(&HeaderValue::from_static(value)))
    }

    #[test]
    fn an_api_token_opens_whatever_the_case_of_the_scheme() {
        assert_eq!(check("apikey secret"), Access::Granted);
        assert_eq!(check("ApiKey secret"), Access::Granted);
    }

    #[test]
    fn a_wrong_or_missing_credential_is_unknown() {
        for value in ["apikey other", "apikey", "secret", "bearer secret", ""] {
            assert_eq!(check(value), Access::Unknown, "{value}");
        }
        assert_eq!(door().check(None), Access::Unknown);
    }

    #[test]
    fn bearer_tokens_are_the_identity_providers_to_judge() {
        assert_eq!(check("bearer good"), Access::Granted);
        assert_eq!(check("Bearer read-only"), Access::Forbidden);
        let without_provider = Door::new(&[], None);
        assert_eq!(without_provider.check(Some(&HeaderValue::from_static("bearer good"))), Access::Unknown);
    }
}
