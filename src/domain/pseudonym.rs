//! What a lead is called in logs: its key may be a name or a number that others know.

use std::fmt;

/// Context of the key derivation (BLAKE3, section 2.3).
const CONTEXT: &str = "lead-sync log pseudonyms v1";

/// Bytes of a pseudonym: 32 bits tell the leads of a day apart and nobody back to a key.
const LENGTH: usize = 4;

/// Gives each lead of a ledger a name of eight hexadecimal digits, the same in every log line. Without the ledger's key nobody can try
/// out which CRM key a name belongs to.
#[derive(Clone)]
pub struct Pseudonyms([u8; 32]);

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

impl Pseudonyms {
    /// `key` is the ledger's fingerprint key: 32 secret bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(blake3::derive_key(CONTEXT, key))
    }

    /// The name of the lead with the CRM key `key`. Costs nothing until it is displayed.
    pub fn of<'a>(&'a self, key: &'a str) -> Pseudonym<'a> {
        Pseudonym { pseudonyms: self, key }
    }
}

/// A lead's name, once it is displayed.
pub struct Pseudonym<'a> {
    pseudonyms: &'a Pseudonyms,
    key: &'a str,
}

impl fmt::Display for Pseudonym<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = blake3::keyed_hash(&self.pseudonyms.0, self.key.as_bytes());
        hash.as_bytes().iter().take(LENGTH).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_has_one_name_in_one_ledger_and_another_in_another() {
        let (one, other) = (Pseudonyms::new(&[1; 32]), Pseudonyms::new(&[2; 32]));
        let name = one.of("4711").to_string();
        assert_eq!(name, one.of("4711").to_string());
        assert_ne!(name, one.of("4712").to_string());
        assert_ne!(name, other.of("4711").to_string());
        assert!(name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    }
}
