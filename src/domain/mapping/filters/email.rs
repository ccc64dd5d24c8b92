//! `email`: checks and trims.

use minijinja::{Error, Value};

use super::super::engine::refuse;
use super::{or_nothing, text};

/// RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3 (a path of 256 octets with its brackets).
const MAX_LOCAL: usize = 64;
const MAX_ADDRESS: usize = 254;
/// RFC 1035, section 2.3.4.
const MAX_LABEL: usize = 63;

/// The trimmed address if it is plausible: one `@`, a local part of letters, digits and the signs of RFC 5322's `atom`
/// with single dots between, and a domain of at least two labels. Quoted local parts, comments and address literals,
/// which no customer has, are refused; letters beyond ASCII are taken (RFC 6531). The case stays.
pub(super) fn email(value: &Value) -> Result<Value, Error> {
    match text(value)? {
        Some(address) if !is_plausible(&address) => Err(refuse("not an e-mail address")),
        address => Ok(or_nothing(address)),
    }
}

fn is_plausible(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else {
        return false;
    };
    address.len() <= MAX_ADDRESS
        && local.len() <= MAX_LOCAL
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && domain
            .rsplit('.')
            .next()
            .is_some_and(|top| top.chars().count() >= 2 && !top.chars().all(|c| c.is_ascii_digit()))
}

fn is_atom(atom: &str) -> bool {
    !atom.is_empty() && atom.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}
