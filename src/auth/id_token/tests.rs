use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

struct Issuer {
    private: EncodingKey,
    keys: JwkSet,
}

fn issuer() -> Issuer {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let keys = json!({"keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k1",
        "x": part(&point[1..33]), "y": part(&point[33..]),
    }]});
    Issuer { private: EncodingKey::from_ec_der(pkcs8.as_ref()), keys: serde_json::from_value(keys).unwrap() }
}

fn claims() -> Value {
    json!({
        "iss": "https://sso.example.com", "aud": ["client"], "sub": "user",
        "nonce": "right", "exp": NOW.0 / 1000 + 3600,
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims();
    change(&mut claims);
    claims
}

fn sign(issuer: &Issuer, claims: &Value) -> Token {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("k1".into());
    Token::new(jsonwebtoken::encode(&header, claims, &issuer.private).unwrap())
}

fn check(issuer: &Issuer, token: &Token) -> Result<String, Rejected> {
    let expected = Expected { issuer: "https://sso.example.com", client_id: "client", nonce: "right", now: NOW };
    verify(token, &issuer.keys, &expected)
}

#[test]
fn a_token_of_the_issuer_for_this_login_names_its_subject() {
    let issuer = issuer();
    assert_eq!(check(&issuer, &sign(&issuer, &claims())), Ok("user".into()));
}

#[test]
fn each_claim_that_is_wrong_or_missing_is_refused() {
    let issuer = issuer();
    for (claims, why) in [
        (with(|c| c["iss"] = json!("https://evil.example")), Rejected::Invalid),
        (with(|c| c["aud"] = json!("another")), Rejected::Invalid),
        (with(|c| c["aud"] = Value::Null), Rejected::Invalid),
        (with(|c| c["nonce"] = json!("wrong")), Rejected::Nonce),
        (with(|c| c["nonce"] = Value::Null), Rejected::Nonce),
        (with(|c| c["exp"] = json!(NOW.0 / 1000 - 300)), Rejected::Ended),
        (with(|c| c["azp"] = json!("another")), Rejected::Party),
        (with(|c| c["aud"] = json!(["client", "another"])), Rejected::Party),
    ] {
        assert_eq!(check(&issuer, &sign(&issuer, &claims)), Err(why), "{claims}");
    }
}

#[test]
fn a_token_signed_by_somebody_else_is_refused() {
    let (known, other) = (issuer(), issuer());
    assert_eq!(check(&known, &sign(&other, &claims())), Err(Rejected::Invalid));
}

#[test]
fn a_token_without_a_signature_or_with_the_client_secret_as_key_is_refused() {
    let issuer = issuer();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims()));
    assert_eq!(check(&issuer, &Token::new(unsigned)), Err(Rejected::Unknown));
    let secret = EncodingKey::from_secret(b"client-secret");
    let symmetric = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &secret);
    assert_eq!(check(&issuer, &Token::new(symmetric.unwrap())), Err(Rejected::Unknown));
    assert_eq!(check(&issuer, &Token::new("x")), Err(Rejected::Unknown));
}
