//! The host, path and credential of a connection: what depends on its `kind`.

use reqwest::Url;

use super::reader::Table;
use super::{Auth, auth, form};
use crate::worker::settings::Api;

/// The kind of API behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    WeGroup,
    Http,
}

const KINDS: [(&str, Kind); 2] = [("wegroup", Kind::WeGroup), ("http", Kind::Http)];

/// Keys of connections of one kind alone.
const WEGROUP_KEYS: [&str; 5] = ["environment", "api_url", "sso_url", "distribution_id", "lead_type"];
const HTTP_KEYS: [&str; 1] = ["base_url"];

/// WeGroup's two installations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Environment {
    Staging,
    Production,
}

const ENVIRONMENTS: [(&str, Environment); 2] =
    [("staging", Environment::Staging), ("production", Environment::Production)];

impl Environment {
    fn api_url(self) -> &'static str {
        match self {
            Self::Staging => "https://api.staging.wegroup.be",
            Self::Production => "https://api.wegroup.be",
        }
    }

    fn issuer(self) -> &'static str {
        match self {
            Self::Staging => "https://sso.staging.wegroup.be",
            Self::Production => "https://sso.wegroup.be",
        }
    }

    /// Whose host `url` is: WeGroup's staging hosts are `*.staging.wegroup.be`. `None`: not WeGroup's.
    fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        if host.ends_with(".staging.wegroup.be") {
            Some(Self::Staging)
        } else if host.ends_with(".wegroup.be") {
            Some(Self::Production)
        } else {
            None
        }
    }
}

/// Host and identity of the API.
pub(super) struct Target {
    /// Scheme and host.
    pub(super) api_url: Url,
    /// Path of `base_url`, without a slash at its end; empty for WeGroup.
    pub(super) base_path: String,
    pub(super) api: Api,
    pub(super) auth: Auth,
}

impl Target {
    /// True if leads go to WeGroup's production host.
    pub(super) fn is_production(&self) -> bool {
        Environment::of(&self.api_url) == Some(Environment::Production)
    }
}

/// Reads the `kind` of a connection; WeGroup's unless set.
pub(super) fn kind(table: &mut Table<'_>) -> Option<Kind> {
    table.choice("kind", &KINDS, Kind::WeGroup, &[("base_url", "http")])
}

/// Reads what belongs to this `kind`; `None` if it has a problem.
pub(super) fn read(kind: Option<Kind>, table: &mut Table<'_>) -> Option<Target> {
    match kind {
        Some(Kind::WeGroup) => wegroup(table),
        Some(Kind::Http) => http(table),
        None => {
            table.allow(&WEGROUP_KEYS);
            table.allow(&HTTP_KEYS);
            // The credential is much the same for all. Where another API needs an issuer, that is told once the kind is right.
            auth::read(table, Some(Environment::Staging.issuer()));
            None
        }
    }
}

fn wegroup(table: &mut Table<'_>) -> Option<Target> {
    let written = table.optional("environment", |entry| entry.word(&ENVIRONMENTS));
    let environment = written.unwrap_or(Environment::Staging);
    let api_url = table.or("api_url", Url::parse(environment.api_url()).ok()?, |entry| form::host_address(entry));
    let sso_url = table.optional("sso_url", form::host_address);
    // Hosts are not held against an environment that is wrong itself.
    let is_known = written.is_some() || !table.has("environment");
    for (key, url) in [("api_url", Some(&api_url)), ("sso_url", sso_url.as_ref())] {
        if is_known && url.and_then(Environment::of).is_some_and(|of| of != environment) {
            table.problem(key, "is a host of WeGroup's other environment; correct it or environment");
        }
    }
    // Written without a slash at its end, as WeGroup writes it: an issuer is compared character by character.
    let issuer = sso_url.map_or(environment.issuer().to_owned(), |url| url.origin().ascii_serialization());
    let auth = auth::read(table, Some(&issuer));
    let distribution_id = distribution_id(table, auth.may_tell_distribution);
    let lead_type = table.or("lead_type", "customers".to_owned(), form::id);
    table.only_for("http", &HTTP_KEYS);
    Some(Target {
        api_url,
        base_path: String::new(),
        api: Api::WeGroup { distribution_id: distribution_id.ok()?, lead_type },
        auth: auth.auth?,
    })
}

/// The problem has been noted.
struct Reported;

/// With a login it may be left out: userinfo names it.
fn distribution_id(table: &mut Table<'_>, may_be_left_out: bool) -> Result<Option<String>, Reported> {
    if may_be_left_out && !table.has("distribution_id") {
        table.optional("distribution_id", form::id);
        return Ok(None);
    }
    let id = table.required("distribution_id", "ask WeGroup for it: it comes with the API token", form::id);
    id.map(Some).ok_or(Reported)
}

fn http(table: &mut Table<'_>) -> Option<Target> {
    let base_url = table.required("base_url", "write e.g. https://api.example.com", form::address);
    let auth = auth::read(table, None);
    table.only_for("wegroup", &WEGROUP_KEYS);
    let mut api_url = base_url?;
    let base_path = api_url.path().trim_end_matches('/').to_owned();
    api_url.set_path("");
    Some(Target { api_url, base_path, api: Api::Http, auth: auth.auth? })
}
