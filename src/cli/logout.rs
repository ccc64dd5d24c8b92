//! `logout`: the end of a session.

use super::args::Args;
use super::exit::{Exit, Failure};
use super::login::{Login, SessionOptions};
use super::{out, run};
use crate::auth::{self, LoggedOut};

/// Revokes the session and deletes its file.
pub(super) fn logout(args: &Args, options: &SessionOptions) -> Result<Exit, Failure> {
    let Login { settings, context, .. } = Login::find(args, options.connection.as_deref())?;
    let name = &context.connection;
    match run::runtime()?.block_on(auth::logout(&settings, &context))? {
        LoggedOut::NoSession => out::say(format!("connection {name} has no session")),
        LoggedOut::Revoked => out::say(format!("connection {name} is logged out; its session is revoked")),
        LoggedOut::NotRevoked(why) => {
            out::say(format!("connection {name} is logged out here"));
            out::warn(format!("its session was not revoked at the provider: {why}"));
        }
    }
    Ok(Exit::Done)
}
