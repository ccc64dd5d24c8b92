//! The written forms of durations, rates, addresses and the like.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use reqwest::Url;

use super::entry::{Decoded, Entry};
use crate::auth::is_loopback;

/// Headers that the program sets itself, so that a configuration must not: its own, and those by which HTTP frames a message or keeps a connection
/// (RFC 9110 section 7.6.1). A server took a request with another `Transfer-Encoding` for one without a body, and answered 201.
const OWN_HEADERS: [&str; 13] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The longest text of an id that becomes a path segment.
const LONGEST_ID: usize = 64;

/// `500ms`, `30s`, `2m`, `1h`, `7d`: one whole number and one unit. The error says what to write instead.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let milliseconds: Option<u64> = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    milliseconds.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit)).map(Duration::from_millis).ok_or_else(
        || format!("'{text}' is no duration; write one whole number and one unit of ms, s, m, h, d, e.g. 30s"),
    )
}

/// [`parse_duration`] of a value.
pub(super) fn duration(entry: Entry<'_>) -> Decoded<Duration> {
    parse_duration(entry.text_like("30s")?)
}

/// A [`duration`] that is longer than nothing.
pub(super) fn positive_duration(entry: Entry<'_>) -> Decoded<Duration> {
    match duration(entry)? {
        Duration::ZERO => Err("must be longer than nothing; e.g. 30s".to_owned()),
        duration => Ok(duration),
    }
}

/// `N/s`, `N/min`, `N/h`: so many in such a time. `none`: no limit.
pub(super) fn rate(entry: Entry<'_>) -> Decoded<Option<(NonZeroU32, Duration)>> {
    let text = entry.text_like("5/s")?;
    if text == "none" {
        return Ok(None);
    }
    text.split_once('/')
        .and_then(|(count, per)| {
            let per = match per {
                "s" => Duration::from_secs(1),
                "min" => Duration::from_mins(1),
                "h" => Duration::from_hours(1),
                _ => return None,
            };
            Some(Some((count.parse().ok()?, per)))
        })
        .ok_or_else(|| format!("'{text}' is no rate; write N/s, N/min or N/h with N of at least 1, or none"))
}

/// What stands between cells: one ASCII character, or `tab`.
pub(super) fn delimiter(entry: Entry<'_>) -> Decoded<u8> {
    character(entry.text()?).ok_or_else(|| "must be one ASCII character, or tab; e.g. ;".to_owned())
}

/// What stands around cells that hold a delimiter: one ASCII character.
pub(super) fn quote(entry: Entry<'_>) -> Decoded<u8> {
    character(entry.text()?).ok_or_else(|| "must be one ASCII character; leave it out for the usual \"".to_owned())
}

fn character(text: &str) -> Option<u8> {
    match text.as_bytes() {
        b"tab" => Some(b'\t'),
        [byte] if byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t') => Some(*byte),
        _ => None,
    }
}

/// A label of the WHATWG Encoding Standard, e.g. `windows-1252`.
pub(super) fn encoding(entry: Entry<'_>) -> Decoded<&'static encoding_rs::Encoding> {
    let text = entry.text()?;
    encoding_rs::Encoding::for_label_no_replacement(text.as_bytes()).ok_or_else(|| {
        format!("'{text}' is no known encoding; use e.g. utf-8, windows-1252 or utf-16le, or leave it out")
    })
}

/// Part of a path: `[A-Za-z0-9_-]{1,64}`.
pub(super) fn id(entry: Entry<'_>) -> Decoded<String> {
    parse_id(entry.filled()?)
}

/// An id that becomes part of a path, such as a `distribution_id`: `[A-Za-z0-9_-]{1,64}`.
pub fn parse_id(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!("must be 1 to {LONGEST_ID} characters of A-Z, a-z, 0-9, _ and -; copy it again"))
}

/// An address that a browser can be sent back to (RFC 6749 section 3.1.2): with a host, without a fragment.
pub fn parse_redirect_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none()).ok_or_else(|| {
        "is no address that a browser can be sent to; write e.g. http://127.0.0.1:8400/callback".to_owned()
    })
}

/// A JSON pointer (RFC 6901); empty: the answer holds no id.
pub(super) fn pointer(entry: Entry<'_>) -> Decoded<String> {
    let text = entry.text()?;
    let escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if escaped && (text.is_empty() || text.starts_with('/')) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is no JSON pointer; write e.g. /id or /data/id, or leave it empty"))
}

/// An address that leads and credentials may be sent to: https, or http to this machine (a credential must never cross a
/// network in the clear).
pub(super) fn address(entry: Entry<'_>) -> Decoded<Url> {
    let url = url(entry)?;
    let allowed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    if !allowed {
        return Err("must begin with https:// (http:// only towards this machine); correct it".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password; use the auth table".to_owned());
    }
    if url.path().starts_with("//") {
        return Err("must not have a path that begins with //; leave one / out".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold ? or #; leave that part out".to_owned());
    }
    Ok(url)
}

/// An [`address`] without a path.
pub(super) fn host_address(entry: Entry<'_>) -> Decoded<Url> {
    let url = address(entry)?;
    if url.path() != "/" {
        return Err("must be scheme and host only; leave the path out".to_owned());
    }
    Ok(url)
}

/// The address of a proxy. It may hold a password, so that no message shows it.
pub(super) fn proxy(entry: Entry<'_>) -> Decoded<Url> {
    let url = url(entry)?;
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    Err("must begin with http:// or https://; correct it".to_owned())
}

fn url(entry: Entry<'_>) -> Decoded<Url> {
    Url::parse(entry.filled()?)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| "is no address; write e.g. https://api.example.com".to_owned())
}

/// The text of a secret as an address to post to: its path or query is what protects it, so that no message shows it.
pub(super) fn secret_address(text: &str) -> Decoded<Url> {
    let url = Url::parse(text.trim()).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| "is no address; write e.g. https://hc-ping.com/…".to_owned())?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) {
        return Ok(url);
    }
    Err("must begin with https:// (http:// only towards this machine); correct it".to_owned())
}

/// True if `host` is this machine's own name or address.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url))
}

/// The path of a request, with its query, if any. `//host/…` would be read as another host, and so would `/\\host/…`: for https
/// the URL standard takes a backslash as a slash.
pub(super) fn request_path(entry: Entry<'_>) -> Decoded<String> {
    let text = entry.filled()?;
    let fits = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(['#', '\\'])
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text.parse::<PathAndQuery>().is_ok();
    if fits && has_dot_segment(text) {
        return Err(format!(
            "'{text}' has a part . or .., which is resolved before it is sent and may leave the path of base_url; write the path that is meant"
        ));
    }
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!(
        "'{text}' is no path; begin with one /, percent-encode blanks and letters beyond ASCII, leave # and \\ out"
    ))
}

/// Whether one part of a path is `.` or `..`, percent-encoded or not: the URL standard takes them out, with the part before.
fn has_dot_segment(path_and_query: &str) -> bool {
    let path = path_and_query.split_once('?').map_or(path_and_query, |(path, _)| path);
    path.split('/').any(|part| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

/// The header that carries a credential.
pub(super) fn credential_header(entry: Entry<'_>) -> Decoded<HeaderName> {
    let name = header_name(entry.filled()?)?;
    if name != AUTHORIZATION && OWN_HEADERS.contains(&name.as_str()) {
        return Err("is set by lead-sync itself; name another one".to_owned());
    }
    Ok(name)
}

/// The word before a credential, as `Bearer` (RFC 9110 section 11.1: a token); empty: none.
pub(super) fn scheme(entry: Entry<'_>) -> Decoded<String> {
    let text = entry.text()?;
    // A header's name is a token, too.
    if text.is_empty() || HeaderName::from_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err("is no scheme; write one word, e.g. Bearer, or \"\" for the token alone".to_owned())
}

fn header_name(text: &str) -> Decoded<HeaderName> {
    text.parse().map_err(|_| "is no header name; correct it".to_owned())
}

/// One fixed header. No message shows the value.
pub(super) fn header(name: &str, entry: Entry<'_>, headers: &mut HeaderMap) -> Decoded<()> {
    let name = header_name(name)?;
    if OWN_HEADERS.contains(&name.as_str()) {
        return Err("is set by lead-sync itself; remove it".to_owned());
    }
    let value = HeaderValue::from_str(entry.text()?)
        .map_err(|_| "holds a character that no header may hold; correct it".to_owned())?;
    if headers.insert(name, value).is_some() {
        return Err("is given twice (capitals make no difference); remove one".to_owned());
    }
    Ok(())
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
