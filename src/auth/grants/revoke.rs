//! The end of a session at the provider.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::Url;
use secrecy::ExposeSecret;

use super::presented;
use crate::auth::http::Http;
use crate::auth::session::Token;
use crate::auth::settings::OAuth;

/// Revokes the refresh token (RFC 7009), and with it the session. The server answers 200 also for a token that it does not
/// know. Written out, because `oauth2` refuses a revocation endpoint on loopback.
pub(in crate::auth) async fn revoke(http: &Http, settings: &OAuth, url: &Url, token: &Token) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose()).append_pair("token_type_hint", "refresh_token");
    let mut request = http::Request::post(url.as_str()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(header) = presented::header(settings) {
        request = request.header(AUTHORIZATION, header);
    } else {
        form.append_pair("client_id", &settings.client_id);
        if let Some(secret) = &settings.client_secret {
            form.append_pair("client_secret", secret.expose_secret());
        }
    }
    let request = request.body(form.finish().into_bytes()).map_err(|_| format!("no request to {host} can be made"))?;
    match http.send(request).await {
        Ok(reply) if reply.status.is_success() => Ok(()),
        Ok(reply) => Err(format!("{host} answered {}", reply.status.as_u16())),
        Err(failure) => Err(failure.to_string()),
    }
}
