//! What a token request presents, in every form in which a server could repeat it.

use std::iter;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::{Request, TokenEndpoint};
use crate::auth::session::Token;

/// What follows the word `Basic`: client id and secret, each form-encoded (RFC 6749 section 2.3.1).
pub(super) fn basic(client_id: &str, secret: &SecretString) -> String {
    STANDARD.encode(format!("{}:{}", form_encoded(client_id), form_encoded(secret.expose_secret())))
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
        let client_secret = self.settings.client_secret.as_ref();
        // Without its padding, so that it is known with it and without.
        let header =
            client_secret.map(|secret| basic(&self.settings.client_id, secret).trim_end_matches('=').to_owned());
        let mut forms: Vec<String> = secrets.flat_map(forms).chain(header).filter(|form| !form.is_empty()).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.into_iter().map(SecretString::from).collect()
    }
}
