//! `kind = "sso"` and `kind = "oauth2"`.

use reqwest::Url;

use super::super::entry::{Decoded, Entry};
use super::super::form;
use super::super::reader::Table;
use super::super::secret::{self, Secret};
use crate::auth::{BodyFormat, ClientAuth, Grant, OAuth, Server};

/// What WeGroup grants a partner that pushes leads: a refresh token, userinfo, the leads.
const WEGROUP_SCOPES: [&str; 3] = ["openid", "offline", "leads:write"];

const CLIENT_AUTHS: [(&str, ClientAuth); 3] =
    [("basic", ClientAuth::Basic), ("basic_plain", ClientAuth::BasicPlain), ("body", ClientAuth::Body)];
const REQUESTS: [(&str, BodyFormat); 2] = [("form", BodyFormat::Form), ("json", BodyFormat::Json)];

/// Keys of both kinds.
pub(super) const SHARED_KEYS: [&str; 6] =
    ["client_id", "client_secret", "issuer", "redirect_url", "client_auth", "scopes"];

/// Keys of `kind = "oauth2"` alone.
pub(super) const OAUTH2_KEYS: [&str; 8] =
    ["provider", "grant", "token_url", "request", "username", "password", "refresh_token", "lifetime"];

/// Those of all these that hold a secret.
pub(super) const SECRETS: [&str; 3] = ["client_secret", "password", "refresh_token"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GrantName {
    ClientCredentials,
    Password,
    RefreshToken,
    AuthorizationCode,
}

const GRANTS: [(&str, GrantName); 4] = [
    ("client_credentials", GrantName::ClientCredentials),
    ("password", GrantName::Password),
    ("refresh_token", GrantName::RefreshToken),
    ("authorization_code", GrantName::AuthorizationCode),
];

/// Keys and the grant that each belongs to.
const KEYS_OF_GRANTS: [(&str, &str); 4] = [
    ("username", "password"),
    ("password", "password"),
    ("refresh_token", "refresh_token"),
    ("redirect_url", "authorization_code"),
];

/// What a service documents of its token endpoint; each key of the table wins over it.
#[derive(Debug, Clone, Copy)]
struct Shape {
    grant: Option<GrantName>,
    request: BodyFormat,
    client_auth: ClientAuth,
    scopes: &'static [&'static str],
}

/// RFC 6749's own defaults.
const STANDARD: Shape = Shape { grant: None, request: BodyFormat::Form, client_auth: ClientAuth::Basic, scopes: &[] };

const WEGROUP: Shape = Shape { grant: Some(GrantName::AuthorizationCode), scopes: &WEGROUP_SCOPES, ..STANDARD };

/// The services whose shape is known. Keycloak, which We360 runs, takes its public clients in the body.
const PROVIDERS: [(&str, Shape); 3] = [
    (
        "weseedo",
        Shape {
            grant: Some(GrantName::ClientCredentials),
            request: BodyFormat::Json,
            client_auth: ClientAuth::Body,
            scopes: &[],
        },
    ),
    ("we360", Shape { grant: Some(GrantName::Password), client_auth: ClientAuth::Body, ..STANDARD }),
    ("wegroup", WEGROUP),
];

/// `kind = "sso"`: a login at WeGroup, or at the OpenID provider `issuer`.
pub(super) fn sso(table: &mut Table<'_>, known_issuer: Option<&str>) -> Option<OAuth<Secret>> {
    let written = table.optional("issuer", issuer);
    if written.is_none() && known_issuer.is_none() && !table.has("issuer") {
        table.problem("issuer", "missing; write the address of the OpenID provider");
    }
    let issuer = written.or_else(|| known_issuer.map(str::to_owned));
    let client = client(table, &WEGROUP);
    let client_secret = secret::read(table, "client_secret");
    let grant = grant(table, GrantName::AuthorizationCode);
    let (client_id, client_auth, scopes) = client;
    Some(OAuth {
        server: Server::Issuer(issuer?),
        grant: grant?,
        client_id: client_id?,
        client_secret: Some(client_secret?),
        client_auth,
        request: BodyFormat::Form,
        scopes,
        lifetime: None,
    })
}

/// `kind = "oauth2"`: any token endpoint.
pub(super) fn oauth2(table: &mut Table<'_>, known_issuer: Option<&str>) -> Option<OAuth<Secret>> {
    let provider = table.optional("provider", |entry| entry.word(&PROVIDERS));
    let shape = provider.unwrap_or(STANDARD);
    let grant_name = match (shape.grant, provider) {
        (Some(default), _) => table.choice("grant", &GRANTS, default, &[]),
        // A slip of the pen: which grant its provider has is not known.
        (None, None) if table.has("provider") => table.optional("grant", |entry| entry.word(&GRANTS)),
        (None, _) => table.choice("grant", &GRANTS, GrantName::ClientCredentials, &KEYS_OF_GRANTS),
    };
    let server = server(table, known_issuer, grant_name);
    let (client_id, client_auth, scopes) = client(table, &shape);
    let request = table.or("request", shape.request, |entry| entry.word(&REQUESTS));
    let lifetime = table.optional("lifetime", form::positive_duration);
    let client_secret = client_secret(table, grant_name);
    if grant_name.is_none() {
        table.allow(&KEYS_OF_GRANTS.map(|(key, _)| key));
    }
    let grant = grant_name.and_then(|name| grant(table, name));
    Some(OAuth {
        server: server?,
        grant: grant?,
        client_id: client_id?,
        client_secret: client_secret.ok()?,
        client_auth,
        request,
        scopes,
        lifetime,
    })
}

/// `token_url` or `issuer`: one of them.
fn server(table: &mut Table<'_>, known_issuer: Option<&str>, grant: Option<GrantName>) -> Option<Server> {
    let by_login = grant == Some(GrantName::AuthorizationCode);
    let (has_url, has_issuer) = (table.has("token_url"), table.has("issuer"));
    let token_url = table.optional("token_url", form::address);
    let issuer = table.optional("issuer", issuer);
    if has_url && has_issuer {
        table.problem("token_url", "stands beside issuer; keep one");
    } else if has_url && by_login {
        table.problem("token_url", "is not enough for a login; write issuer instead");
    } else if !has_url && !has_issuer {
        if let Some(known) = known_issuer.filter(|_| by_login) {
            return Some(Server::Issuer(known.to_owned()));
        }
        let key = if by_login { "issuer" } else { "token_url" };
        table.problem(key, "missing; write its address, which the service gives with the credentials");
    }
    issuer.map(Server::Issuer).or(token_url.map(Server::TokenUrl))
}

/// The problem has been noted.
struct Reported;

/// Only clients that present nothing but themselves need a secret.
fn client_secret(table: &mut Table<'_>, grant: Option<GrantName>) -> Result<Option<Secret>, Reported> {
    if table.has("client_secret") || grant == Some(GrantName::ClientCredentials) {
        return secret::read(table, "client_secret").map(Some).ok_or(Reported);
    }
    Ok(secret::optional(table, "client_secret"))
}

fn client(table: &mut Table<'_>, shape: &Shape) -> (Option<String>, ClientAuth, Vec<String>) {
    let client_id =
        table.required("client_id", "write the one that the service issued", |entry| entry.filled().map(str::to_owned));
    let client_auth = table.or("client_auth", shape.client_auth, |entry| entry.word(&CLIENT_AUTHS));
    let default = shape.scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let scopes = table.or("scopes", default, scopes);
    (client_id, client_auth, scopes)
}

fn grant(table: &mut Table<'_>, name: GrantName) -> Option<Grant<Secret>> {
    for (key, owner) in KEYS_OF_GRANTS {
        let is_owner = GRANTS.iter().any(|(word, grant)| *word == owner && *grant == name);
        if !is_owner && table.has(key) {
            table.reject(key, "has no use with this grant; remove it");
        }
    }
    match name {
        GrantName::ClientCredentials => Some(Grant::ClientCredentials),
        GrantName::Password => {
            let username = secret::read_unwarned(table, "username", "write the user's name");
            let password = secret::read(table, "password");
            Some(Grant::Password { username: username?, password: password? })
        }
        GrantName::RefreshToken => {
            secret::read(table, "refresh_token").map(|refresh_token| Grant::RefreshToken { refresh_token })
        }
        GrantName::AuthorizationCode => {
            let redirect_url =
                table.required("redirect_url", "write the one that was registered with the service", redirect_url)?;
            Some(Grant::AuthorizationCode { redirect_url })
        }
    }
}

/// An issuer, as it is written: it has to be the provider's own name for itself, character by character.
fn issuer(entry: Entry<'_>) -> Decoded<String> {
    form::address(entry)?;
    entry.filled().map(str::to_owned)
}

/// Where a browser is sent back to.
fn redirect_url(entry: Entry<'_>) -> Decoded<Url> {
    form::parse_redirect_url(entry.filled()?)
}

/// Scopes, each a word (RFC 6749 section 3.3).
fn scopes(entry: Entry<'_>) -> Decoded<Vec<String>> {
    let scopes = entry.texts()?;
    if scopes.iter().any(|scope| scope.contains(char::is_whitespace)) {
        return Err("an item holds a blank; write one scope per item".to_owned());
    }
    Ok(scopes)
}
