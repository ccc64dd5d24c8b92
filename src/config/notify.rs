//! `[notify]`: who is told how runs went.

use std::path::PathBuf;

use lettre::message::Mailbox;
use reqwest::Url;
use secrecy::ExposeSecret;

use super::entry::{Decoded, Entry};
use super::reader::Table;
use super::secret::{self, Secret};
use super::{Env, Problems, form};
use crate::notify::settings::SecretUrl;
use crate::notify::{self, Settings, Tls};

/// Who is told, the secrets not yet looked up. The addresses are secrets, too: whoever knows one can write there.
#[derive(Debug, Clone, Default)]
pub struct Notify {
    /// A check of a monitor.
    pub ping_url: Option<Secret>,
    /// An address that gets JSON.
    pub webhook: Option<Secret>,
    /// Mails.
    pub email: Option<Email>,
}

/// A mail server, and whom to write to.
#[derive(Debug, Clone)]
pub struct Email {
    host: String,
    port: u16,
    tls: Tls,
    ca_file: Option<PathBuf>,
    login: Option<(String, Secret)>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Notify {
    /// Each secret with its key, so that `check` can say where it comes from.
    pub fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let password = self.email.as_ref().and_then(|email| email.login.as_ref()).map(|(_, password)| password);
        let all =
            [("ping_url", self.ping_url.as_ref()), ("webhook", self.webhook.as_ref()), ("email.password", password)];
        all.into_iter().filter_map(|(key, secret)| Some((key, secret?))).collect()
    }

    pub(super) fn resolve(&self, env: &Env, problems: &mut Problems) -> Settings {
        let mut url = |key: &str, secret: Option<&Secret>| -> Option<SecretUrl> {
            let text = secret?.resolve(env).and_then(|text| form::secret_address(text.expose_secret()));
            text.map(SecretUrl::new).map_err(|what| problems.add(format!("notify.{key}"), what)).ok()
        };
        Settings {
            ping: url("ping_url", self.ping_url.as_ref()),
            webhook: url("webhook", self.webhook.as_ref()),
            email: self.email.as_ref().and_then(|email| email.resolve(env, problems)),
        }
    }
}

impl Email {
    fn resolve(&self, env: &Env, problems: &mut Problems) -> Option<notify::Email> {
        let login = match &self.login {
            None => None,
            Some((name, password)) => {
                let password =
                    password.resolve(env).map_err(|what| problems.add("notify.email.password", what)).ok()?;
                Some((name.clone(), password))
            }
        };
        let Self { host, port, tls, ca_file, from, to, .. } = self.clone();
        Some(notify::Email { host, port, tls, ca_file, login, from, to })
    }
}

/// Reads the table, which may be missing.
pub(super) fn read(mut table: Table<'_>) -> Notify {
    let ping_url = address(&mut table, "ping_url");
    let webhook = address(&mut table, "webhook");
    let is_there = table.has("email");
    let mail = table.table("email");
    let email = if is_there { email(mail) } else { None };
    table.finish();
    Notify { ping_url, webhook, email }
}

/// A secret that is an address. What stands in the file is looked at now, what is kept elsewhere once it is looked up.
fn address(table: &mut Table<'_>, key: &'static str) -> Option<Secret> {
    let secret = secret::optional(table, key)?;
    if let Secret::Plain { value, .. } = &secret {
        let _: Url = form::secret_address(value.expose_secret()).map_err(|what| table.problem(key, what)).ok()?;
    }
    Some(secret)
}

fn email(mut table: Table<'_>) -> Option<Email> {
    let host = table.required("host", "write the name of the mail server", host);
    let tls = table.or("tls", Tls::StartTls, |entry| {
        entry.word(&[("starttls", Tls::StartTls), ("tls", Tls::Tls), ("none", Tls::None)])
    });
    let port = table.or("port", tls.port(), port);
    let findings = table.findings();
    let ca_file = table.optional("ca_file", |entry| Ok(findings.resolve(entry.filled()?)));
    if tls == Tls::None && ca_file.is_some() {
        table.problem("ca_file", "is for starttls and tls; remove it, or set tls");
    }
    let username = table.optional("username", |entry| Ok(entry.filled()?.to_owned()));
    let password = secret::optional(&mut table, "password");
    for (key, other) in [("username", "password"), ("password", "username")] {
        if table.has(key) && !table.has(other) {
            table.problem(other, format!("missing; add it, or remove {key}"));
        }
    }
    let from = table.required("from", "write e.g. \"lead-sync <lead-sync@example.com>\"", mailbox);
    let to = table.required("to", "write e.g. [\"it@example.com\"]", mailboxes);
    let host = host.and_then(|host| {
        let in_the_clear = tls == Tls::None && !form::is_loopback_host(&host);
        if in_the_clear {
            table.problem("tls", "none is for a mail server on this machine only; use starttls or tls");
        }
        (!in_the_clear).then_some(host)
    });
    table.finish();
    Some(Email { host: host?, port, tls, ca_file, login: username.zip(password), from: from?, to: to? })
}

fn host(entry: Entry<'_>) -> Decoded<String> {
    let text = entry.filled()?;
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte)) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is no name of a host; write e.g. smtp.example.com, and the port under port"))
}

fn port(entry: Entry<'_>) -> Decoded<u16> {
    let wrong = || "must be from 1 to 65535; correct it".to_owned();
    u16::try_from(entry.number()?).ok().filter(|port| *port > 0).ok_or_else(wrong)
}

fn mailbox(entry: Entry<'_>) -> Decoded<Mailbox> {
    parse(entry.filled()?)
}

fn mailboxes(entry: Entry<'_>) -> Decoded<Vec<Mailbox>> {
    let mailboxes: Vec<Mailbox> = entry.texts()?.iter().map(|text| parse(text)).collect::<Decoded<_>>()?;
    if mailboxes.is_empty() { Err("is empty; name at least one".to_owned()) } else { Ok(mailboxes) }
}

fn parse(text: &str) -> Decoded<Mailbox> {
    text.parse().map_err(|_| format!("'{text}' is no mail address; write e.g. it@example.com or IT <it@example.com>"))
}
