//! What a token request presents, in every form in which a server could repeat it.

use std::iter;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::{Request, TokenEndpoint};
use crate::auth::session::Token;
use crate::auth::settings::{ClientAuth, OAuth};

/// What follows the word `Basic`; `None` if nothing is presented so, because there is no secret or the body has it.
fn basic(settings: &OAuth) -> Option<String> {
    let secret = settings.client_secret.as_ref()?.expose_secret();
    match settings.client_auth {
        ClientAuth::Basic => Some(pair(&form_encoded(&settings.client_id), &form_encoded(secret))),
        ClientAuth::BasicPlain => Some(pair(&settings.client_id, secret)),
        ClientAuth::Body => None,
    }
}

/// `Authorization: Basic`, marked sensitive.
pub(super) fn header(settings: &OAuth) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Basic {}", basic(settings)?)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether Basic carries something else than id and secret as they are, so that a server that decodes no form does not know them.
pub(super) fn is_encoded(settings: &OAuth) -> bool {
    let changes = |text: &str| form_encoded(text) != text;
    let secret = settings.client_secret.as_ref().filter(|_| settings.client_auth == ClientAuth::Basic);
    secret.is_some_and(|secret| changes(secret.expose_secret()) || changes(&settings.client_id))
}

fn pair(client_id: &str, secret: &str) -> String {
    STANDARD.encode(format!("{client_id}:{secret}"))
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A secret as it is, as a form has it, as an address would, and as it stands in JSON.
fn forms(secret: &SecretString) -> [String; 4] {
    let secret = secret.expose_secret();
    let encoded = form_encoded(secret);
    let json = serde_json::Value::from(secret).to_string();
    [secret.to_owned(), encoded.replace('+', "%20"), encoded, json.trim_matches('"').to_owned()]
}

impl TokenEndpoint<'_> {
    /// All that must not be told of this request, the longest first, as one may be a part of another.
    pub(super) fn secrets(&self, request: &Request<'_>) -> Vec<SecretString> {
        let configured = self.settings.secrets().into_iter().map(|(_, secret)| secret);
        let sent = match request {
            Request::Refresh(token) => vec![token.secret()],
            Request::Code { code, verifier, .. } => vec![code.secret(), verifier.secret()],
            Request::ClientCredentials | Request::Password { .. } => Vec::new(),
        };
        let known = self.previous.into_iter().flat_map(|old| iter::once(&old.access_token).chain(&old.refresh_token));
        let secrets = configured.chain(sent).chain(known.map(Token::secret));
        // Without its padding, so that it is known with it and without.
        let header = basic(self.settings).map(|pair| pair.trim_end_matches('=').to_owned());
        let mut forms: Vec<String> = secrets.flat_map(forms).chain(header).filter(|form| !form.is_empty()).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.into_iter().map(SecretString::from).collect()
    }
}
