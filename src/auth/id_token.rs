//! The check of an ID token (OpenID Connect Core section 3.1.3.7).

#[cfg(test)]
mod tests;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::session::Token;
use crate::domain::time::Timestamp;

/// The clocks of the provider and this machine may differ by this much.
const LEEWAY_MS: i64 = 300_000;

/// Signatures that a key from the provider's key set can make. Symmetric ones are refused: there the client secret would be
/// the key, and `none` is no signature.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What the token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nonce: Option<String>,
    aud: serde_json::Value,
    azp: Option<String>,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejected {
    #[error("it is no signed token with a known key")]
    Unknown,
    #[error("its signature, issuer or audience is wrong")]
    Invalid,
    #[error("it has ended: compare the clocks")]
    Ended,
    #[error("its nonce is not the one of this login")]
    Nonce,
    #[error("it was made for another client")]
    Party,
}

/// The token's subject, if signature, issuer, audience, end and nonce are right.
pub(super) fn verify(token: &Token, keys: &JwkSet, expected: &Expected<'_>) -> Result<String, Rejected> {
    let header = decode_header(token.expose()).map_err(|_| Rejected::Unknown)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Rejected::Unknown);
    }
    let key = match &header.kid {
        Some(kid) => keys.find(kid),
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    };
    let key = key.ok_or(Rejected::Unknown)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| Rejected::Unknown)?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Checked below, by the clock that the rest of the program uses.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token.expose(), &key, &validation).map_err(|_| Rejected::Invalid)?.claims;
    #[expect(clippy::cast_precision_loss, reason = "seconds are exact up to 2^53")]
    let ended = (expected.now.0 - LEEWAY_MS) as f64 >= claims.exp * 1000.0;
    let several = claims.aud.as_array().is_some_and(|list| list.len() > 1);
    let party_is_other = claims.azp.as_deref().map_or(several, |azp| azp != expected.client_id);
    if ended {
        Err(Rejected::Ended)
    } else if claims.nonce.as_deref() != Some(expected.nonce) {
        Err(Rejected::Nonce)
    } else if party_is_other {
        Err(Rejected::Party)
    } else {
        Ok(claims.sub)
    }
}
