//! Proxies that the environment names.

use std::ffi::OsStr;

use reqwest::Url;

use super::{Env, Problem, Problems};
use crate::auth::is_loopback;

/// Variables that exempt hosts from the proxies.
const EXEMPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Adds each variable to `problems` that is to name a proxy towards `api` and names none: the HTTP client passes it over, and leads would go past
/// a proxy that is prescribed. `key` is the setting that takes its place.
pub(super) fn note_broken(api: &Url, key: &str, env: &Env, problems: &mut Problems) {
    // Which hosts are exempt is the client's to say; where some are, a variable may be broken and nobody's proxy.
    if is_loopback(api) || EXEMPT.iter().any(|name| env.get(name).is_some()) {
        return;
    }
    let of_scheme = if api.scheme() == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let is_set = of_scheme.iter().any(|name| env.get(name).is_some());
    let meant = if is_set { of_scheme } else { ["ALL_PROXY", "all_proxy"] };
    for name in meant {
        if env.get(name).is_some_and(|value| !is_proxy(value)) {
            problems.push(Problem {
                place: format!("${name}"),
                key: key.to_owned(),
                text: "is no address of an http:// or https:// proxy, and leads would go past it; correct it, or set proxy"
                    .to_owned(),
            });
        }
    }
}

/// As the client reads it: `host:port` is meant with `http://`.
fn is_proxy(value: &OsStr) -> bool {
    let Some(text) = value.to_str() else { return false };
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
