//! `whoami`: whose session a connection has.

use super::args::Args;
use super::exit::{Exit, Failure};
use super::login::{Login, SessionOptions};
use super::{out, run};
use crate::auth::{self, Userinfo};
use crate::domain::time::Timestamp;

/// Says user, broker, distribution, scopes and when the token ends.
pub(super) fn whoami(args: &Args, options: &SessionOptions) -> Result<Exit, Failure> {
    let Login { settings, context, .. } = Login::find(args, options.connection.as_deref())?;
    let account = run::runtime()?.block_on(auth::whoami(&settings, &context))?;
    if let Some(user) = &account.user {
        say_user(user);
    }
    say_session(&account.scopes, account.expires_at, account.renewable);
    if let Some(end) = account.refresh_expires_at {
        line("session", &format!("ends {end} unless it is renewed before"));
    }
    Ok(Exit::Done)
}

/// Who it is, as far as the provider says.
pub(super) fn say_user(user: &Userinfo) {
    let user_name = user.username.as_ref().or(user.uid.as_ref());
    for (title, value) in [("user", user_name), ("broker", user.bid.as_ref()), ("distribution", user.did.as_ref())] {
        line(title, value.map_or("not told", String::as_str));
    }
}

/// What was granted and how long it lasts.
pub(super) fn say_session(scopes: &[String], expires_at: Option<Timestamp>, renewable: bool) {
    line("scopes", &scopes.join(" "));
    let end = expires_at.map_or("ends when the server says".to_owned(), |end| format!("ends {end}"));
    let next = if renewable { "renewed without a person" } else { "then somebody has to log in again" };
    line("token", &format!("{end}, {next}"));
}

fn line(title: &str, value: &str) {
    out::say(format!("{title:<13} {}", out::shown(value)));
}
