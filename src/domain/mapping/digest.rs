//! Identities of a mapping that stay the same over runs and releases.
//!
//! The context strings name what is hashed and must never change: digests are compared with those of earlier releases.

use super::Spec;

/// Bytes of a digest.
const DIGEST: usize = 16;

/// See [`super::Mapping::columns_digest`].
pub(super) fn columns(key: &str, columns: &[String]) -> [u8; DIGEST] {
    digest("lead-sync columns v1", std::iter::once(key).chain(columns.iter().map(String::as_str)))
}

/// See [`super::Mapping::query_digest`].
pub(super) fn query(key: &str, columns: &[String]) -> [u8; DIGEST] {
    digest("lead-sync columns of a query v1", std::iter::once(key).chain(columns.iter().map(String::as_str)))
}

/// See [`super::Mapping::mapping_digest`].
pub(super) fn mapping(spec: &Spec) -> [u8; DIGEST] {
    let lead = spec.lead.to_string();
    let filter = spec.filter.as_deref();
    let has_filter = if filter.is_some() { "where" } else { "all" };
    let fixed = [&spec.sync, &spec.key, &lead, has_filter, filter.unwrap_or_default()];
    digest("lead-sync mapping v1", fixed.into_iter().chain(spec.required.iter().map(String::as_str)))
}

fn digest<'a>(context: &str, parts: impl Iterator<Item = &'a str>) -> [u8; DIGEST] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        // A `usize` is no wider than 64 bits where Rust runs.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut digest = [0; DIGEST];
    hasher.finalize_xof().fill(&mut digest);
    digest
}
