//! The key that signs ID tokens: ES256, made anew at each start.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

const KEY_ID: &str = "sandbox-1";

pub(super) struct SigningKey {
    private: EncodingKey,
    /// The point as X9.62 has it: `04`, x, y, 32 bytes each.
    public: Vec<u8>,
}

impl SigningKey {
    pub(super) fn generate() -> Option<Self> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).ok()?;
        Some(Self { private: EncodingKey::from_ec_der(pkcs8.as_ref()), public: pair.public_key().as_ref().to_vec() })
    }

    pub(super) fn jwks(&self) -> serde_json::Value {
        let part = |from, to| URL_SAFE_NO_PAD.encode(self.public.get(from..to).unwrap_or_default());
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": part(1, 33), "y": part(33, 65),
        }]})
    }

    /// A signed token with these claims.
    pub(super) fn sign(&self, claims: &serde_json::Value) -> Option<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(KEY_ID.to_owned());
        jsonwebtoken::encode(&header, claims, &self.private).ok()
    }
}
