//! Encryption of a token file at rest: AES-256-GCM from aws-lc-rs, which TLS brings along anyway.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::Error;

/// Binds the ciphertext to its use (NIST SP 800-38D, additional authenticated data).
const PURPOSE: &[u8] = b"lead-sync session 1";

/// The key of the token files. A fresh random nonce of 96 bits per write is safe for 2^32 writes.
pub(super) struct Key(RandomizedNonceKey);

/// An encrypted session, in base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    nonce: String,
    data: String,
}

impl Key {
    /// 32 bytes in base64, as `openssl rand -base64 32` prints them. A password is refused: it would have to be stretched.
    pub(super) fn new(text: &SecretString) -> Result<Self, Error> {
        let unusable = || {
            Error::Configuration(
                "the key of the token files is not 32 bytes in base64: make one with `openssl rand -base64 32`".into(),
            )
        };
        let bytes = STANDARD.decode(text.expose_secret().trim()).map_err(|_| unusable())?;
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).map(Self).map_err(|_| unusable())
    }

    /// Encrypts.
    pub(super) fn seal(&self, plain: &[u8]) -> Option<Sealed> {
        let mut data = plain.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(PURPOSE), &mut data).ok()?;
        Some(Sealed { nonce: STANDARD.encode(nonce.as_ref()), data: STANDARD.encode(data) })
    }

    /// Decrypts; `None` if it was changed, or encrypted with another key.
    pub(super) fn open(&self, sealed: &Sealed) -> Option<Vec<u8>> {
        let nonce = STANDARD.decode(&sealed.nonce).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let mut data = STANDARD.decode(&sealed.data).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(PURPOSE), &mut data).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(&SecretString::from(STANDARD.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_key_only() {
        let sealed = key(1).seal(b"planted").unwrap();
        assert_eq!(key(1).open(&sealed).unwrap(), b"planted");
        assert!(key(2).open(&sealed).is_none());
        assert!(!serde_json::to_string(&sealed).unwrap().contains("planted"));
    }

    #[test]
    fn the_same_session_never_looks_the_same_twice() {
        let (one, two) = (key(1).seal(b"x").unwrap(), key(1).seal(b"x").unwrap());
        assert_ne!(one.data, two.data);
    }

    #[test]
    fn a_password_is_no_key() {
        for bad in ["", "planted password", "cGxhbnRlZA=="] {
            let error = Key::new(&SecretString::from(bad)).err().unwrap();
            assert!(error.to_string().contains("openssl rand"), "{error}");
        }
    }
}
