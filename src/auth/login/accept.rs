//! What has to be true of the tokens before they become a session.

use jsonwebtoken::jwk::JwkSet;

use super::Attempt;
use crate::auth::Error;
use crate::auth::answer::Issued;
use crate::auth::discovery::{self, Userinfo};
use crate::auth::id_token::{self, Expected};
use crate::clock;

impl Attempt<'_> {
    /// Everything that has to be true before a session is stored.
    pub(super) async fn accept(&self, issued: &Issued) -> Result<Option<Userinfo>, Error> {
        self.check_scopes(issued)?;
        let user = self.user(issued).await?;
        let context = self.flow.context;
        context.check_distribution(user.as_ref().and_then(|user| user.did.as_deref()))?;
        context.require_told_distribution(user.as_ref())?;
        Ok(user)
    }

    /// Who logged in; `None` if userinfo is not asked for, or not offered.
    async fn user(&self, issued: &Issued) -> Result<Option<Userinfo>, Error> {
        let subject = self.check_id_token(issued).await?;
        let Some(url) = &self.provider.userinfo_endpoint else {
            return Ok(None);
        };
        if subject.is_none() {
            return Ok(None);
        }
        let user = discovery::userinfo(&self.flow.http, url, &issued.access_token).await?;
        if user.sub != subject {
            return Err(Error::NeedsPerson(
                "userinfo speaks of another user than the ID token: nothing was stored".into(),
            ));
        }
        Ok(Some(user))
    }

    /// A scope that was not granted would be a 403 next night.
    fn check_scopes(&self, issued: &Issued) -> Result<(), Error> {
        let asked = &self.flow.settings.scopes;
        let mut missing = self.flow.settings.not_granted(issued.scopes.as_ref().unwrap_or(asked));
        let offline = |scope: &&String| matches!(scope.as_str(), "offline" | "offline_access");
        if missing.is_empty()
            && issued.refresh_token.is_none()
            && let Some(scope) = asked.iter().find(offline)
        {
            missing.push(scope);
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::NeedsPerson(format!(
            "not granted: {}. Nothing was stored. Run `{}` again and allow it on the consent page, or have it enabled for client {}",
            missing.join(", "),
            self.flow.context.login_command,
            self.flow.settings.client_id
        )))
    }

    /// The subject; `None` if no ID token was asked for.
    async fn check_id_token(&self, issued: &Issued) -> Result<Option<String>, Error> {
        if !self.flow.settings.scopes.iter().any(|scope| scope == "openid") {
            return Ok(None);
        }
        let refused = |why: &str| {
            Error::NeedsPerson(format!(
                "the ID token of {} is not to be trusted: {why}. Nothing was stored",
                self.provider.issuer
            ))
        };
        let token = issued.id_token.as_ref().ok_or_else(|| refused("there is none"))?;
        let keys: JwkSet = discovery::get(&self.flow.http, &self.provider.jwks_uri, None).await?;
        let expected = Expected {
            issuer: &self.provider.issuer,
            client_id: &self.flow.settings.client_id,
            nonce: self.nonce.secret(),
            now: clock::now(),
        };
        id_token::verify(token, &keys, &expected).map(Some).map_err(|why| refused(&why.to_string()))
    }
}
