//! `[connections.NAME]`.

use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderMap;

use super::entry::Entry;
use super::reader::Table;
use super::target::{self, Kind, Target};
use super::{Auth, form};
use crate::auth::{Server, is_loopback};
use crate::destination;
use crate::domain::retry;
use crate::domain::verdict::{self, OnConflict, OnInDoubt};
use crate::worker::settings::{Connection, Rate};

/// `timeout` unless set.
const TIMEOUT: Duration = Duration::from_secs(30);

/// `patience` unless set.
const PATIENCE: Duration = Duration::from_mins(2);

/// `rate_limit` unless set: requests in a second. No documentation names a limit, so this is a careful one.
const RATE: (NonZeroU32, Duration) = (NonZeroU32::new(5).unwrap(), Duration::from_secs(1));

/// `burst` unless set: requests at once.
const BURST: NonZeroU32 = NonZeroU32::MIN;

/// `max_in_flight` unless set: requests under way at once.
const MAX_IN_FLIGHT: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// What a sync has to know of its connection, whether that is right or not.
pub(super) struct Outline {
    pub(super) name: String,
    /// `None`: not known, which is a problem already.
    pub(super) kind: Option<Kind>,
    /// Path of `base_url`, without a slash at its end.
    pub(super) base_path: String,
}

/// Reads one connection; `None` if it has a problem, or is no table. A sync that names it is told nothing of that.
pub(super) fn read(name: &str, table: Option<Table<'_>>) -> (Outline, Option<Connection<Auth>>) {
    let mut outline = Outline { name: name.to_owned(), kind: None, base_path: String::new() };
    let Some(mut table) = table else { return (outline, None) };
    outline.kind = target::kind(&mut table);
    let target = target::read(outline.kind, &mut table);
    if let Some(target) = &target {
        outline.base_path.clone_from(&target.base_path);
    }
    let connection = common(name, &mut table, target);
    match outline.kind {
        Some(_) => table.finish(),
        None => table.finish_without_kind(),
    }
    (outline, connection)
}

/// Reads what connections of every kind have.
fn common(name: &str, table: &mut Table<'_>, target: Option<Target>) -> Option<Connection<Auth>> {
    let rate = rate(table, target.as_ref());
    let max_in_flight = table.or("max_in_flight", MAX_IN_FLIGHT, Entry::count);
    let patience = table.or("patience", PATIENCE, form::duration);
    let policy = policy(table);
    let destination = destination(table, target.as_ref());
    let target = target?;
    Some(Connection {
        name: name.to_owned(),
        destination: destination?,
        api: target.api,
        auth: target.auth,
        rate,
        max_in_flight,
        patience,
        policy,
    })
}

fn destination(table: &mut Table<'_>, target: Option<&Target>) -> Option<destination::Settings> {
    let findings = table.findings();
    let timeout = table.or("timeout", TIMEOUT, form::positive_duration);
    let reference = table.or("reference", "/id".to_owned(), form::pointer);
    let headers = headers(&table.table("headers"));
    let proxy = table.optional("proxy", form::proxy);
    if proxy.as_ref().is_some_and(|url| url.password().is_some()) {
        table.warn_of_plain_secret("proxy");
    }
    let ca_file = table.optional("ca_file", |entry| Ok(findings.resolve(entry.filled()?)));
    if let Some(target) = target {
        warn_of_idle_settings(table, target);
        if let Auth::ApiKey { header, .. } = &target.auth
            && headers.contains_key(header)
        {
            table.problem("headers", format!("{header} carries the token of auth; remove it here"));
        }
    }
    Some(destination::Settings { api_url: target?.api_url.clone(), headers, timeout, proxy, ca_file, reference })
}

/// Leads to this machine pass by the proxy, whose own loopback is another machine, and without TLS there are no certificates to trust.
fn warn_of_idle_settings(table: &Table<'_>, target: &Target) {
    if table.has("proxy") && is_loopback(&target.api_url) {
        table.warn("proxy", "has no effect on leads: they go to this machine, and no proxy is used towards it");
    }
    let token_is_plain = match &target.auth {
        Auth::OAuth(oauth) => match &oauth.server {
            Server::Issuer(issuer) => issuer.starts_with("http:"),
            Server::TokenUrl(url) => url.scheme() == "http",
        },
        Auth::ApiKey { .. } | Auth::None => true,
    };
    if table.has("ca_file") && target.api_url.scheme() == "http" && token_is_plain {
        table.warn("ca_file", "has no effect without https, and is not looked at");
    }
}

fn headers(table: &Table<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, entry) in table.entries() {
        if let Err(what) = form::header(name, entry, &mut headers) {
            table.problem(name, what);
        }
    }
    headers
}

fn rate(table: &mut Table<'_>, target: Option<&Target>) -> Option<Rate> {
    let rate = table.or("rate_limit", Some(RATE), form::rate);
    let burst = table.or("burst", BURST, Entry::count);
    if rate.is_none() && target.is_some_and(Target::is_production) {
        table.warn(
            "rate_limit",
            "none sends to WeGroup's production as fast as it answers; agree that with WeGroup, or set e.g. 5/s",
        );
    }
    rate.map(|(count, per)| Rate { count, per, burst })
}

fn policy(table: &mut Table<'_>) -> verdict::Policy {
    let on_in_doubt = table.or("on_in_doubt", OnInDoubt::Resend, |entry| {
        entry.word(&[("resend", OnInDoubt::Resend), ("hold", OnInDoubt::Hold)])
    });
    let on_conflict = table.or("on_conflict", OnConflict::Reject, |entry| {
        entry.word(&[("reject", OnConflict::Reject), ("delivered", OnConflict::Delivered)])
    });
    if on_conflict == OnConflict::Delivered {
        table.warn(
            "on_conflict",
            "every 409 counts as delivered; make sure that this API answers 409 only for a lead that it has",
        );
    }
    let retry = retry(table.table("retry"));
    verdict::Policy { retry, on_in_doubt, on_conflict }
}

fn retry(mut table: Table<'_>) -> retry::Policy {
    let default = retry::Policy::default();
    let policy = retry::Policy {
        attempts: table.or("attempts", default.attempts, |entry| Ok(entry.count()?.get())),
        first: table.or("first", default.first, form::positive_duration),
        cap: table.or("cap", default.cap, form::positive_duration),
        max_age: table.or("max_age", default.max_age, form::positive_duration),
    };
    if policy.cap < policy.first {
        table.problem("cap", "is shorter than first; make it at least as long");
    }
    table.finish();
    policy
}
