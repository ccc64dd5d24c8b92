//! The distribution that a session belongs to (WeGroup SSO), against the one that leads go to.

use super::Error;
use super::context::{Context, Distribution};
use super::discovery::Userinfo;
use super::session::Session;
use super::settings::OAuth;

/// The scope that gives userinfo, which names the distribution.
const OPENID: &str = "openid";

impl Context {
    /// A session of another distribution than the configured one would send leads to the wrong broker. One that tells none is good for any.
    pub(super) fn check_distribution(&self, session: Option<&str>) -> Result<(), Error> {
        let Some(session) = session.filter(|_| self.distribution != Distribution::Unused) else { return Ok(()) };
        let name = &self.connection;
        if !is_path_segment(session) {
            return Err(Error::Configuration(format!(
                "the distribution of the session, as userinfo names it, is not made of 1 to 64 characters of A-Z, a-z, 0-9, _ and - (connection {name}): ask the service"
            )));
        }
        match &self.distribution {
            Distribution::Named(configured) if configured != session => Err(Error::Configuration(format!(
                "distribution_id of connection {name} is {configured}, but the session belongs to {session}: correct it, leave it out, or log in as another user"
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses a login whose session could not tell what it is to tell, before a person is bothered.
    pub(super) fn can_be_told_distribution(&self, settings: &OAuth) -> Result<(), Error> {
        if self.distribution != Distribution::OfSession || has_openid(&settings.scopes) {
            return Ok(());
        }
        let login = &self.login_command;
        Err(untold(&format!(
            "without the scope openid no session tells it: set it, or add openid to `scopes` and run `{login}`"
        )))
    }

    /// Refuses a login whose session does not tell it.
    pub(super) fn require_told_distribution(&self, user: Option<&Userinfo>) -> Result<(), Error> {
        match user {
            _ if self.distribution != Distribution::OfSession => Ok(()),
            Some(Userinfo { did: Some(_), .. }) => Ok(()),
            Some(_) => Err(untold(
                "userinfo names none (`did`) for this user: set it, or log in as a user who belongs to one. Nothing was stored",
            )),
            None => Err(untold("the provider has no userinfo that would tell it: set it. Nothing was stored")),
        }
    }

    /// As [`Self::require_told_distribution`], of a session that is kept: of an earlier release, or of another configuration.
    pub(super) fn require_distribution(&self, settings: &OAuth, session: &Session) -> Result<(), Error> {
        if self.distribution != Distribution::OfSession || session.distribution_id.is_some() {
            return Ok(());
        }
        self.can_be_told_distribution(settings)?;
        let login = &self.login_command;
        let asked = session.binding.origin.as_ref().map(|origin| &origin.scopes);
        if asked.is_some_and(|asked| !has_openid(asked)) {
            return Err(untold(&format!(
                "the session, begun without the scope openid, does not tell it: set it, or run `{login}`"
            )));
        }
        Err(untold(&format!(
            "userinfo named none (`did`) for the user who logged in: set it, or run `{login}` as a user who belongs to one"
        )))
    }
}

fn untold(why: &str) -> Error {
    Error::Configuration(format!("distribution_id is missing, and {why}"))
}

fn has_openid(scopes: &[String]) -> bool {
    scopes.iter().any(|scope| scope == OPENID)
}

/// What may go into the path of a request: a server that names another distribution must not be able to choose the path.
fn is_path_segment(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}
