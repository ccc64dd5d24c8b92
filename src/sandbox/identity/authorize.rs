//! `/oauth2/auth` with its login and consent challenges, as Hydra redirects a browser through them.

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use super::{Provider, params, random};
use crate::domain::time::Timestamp;

/// Logins under way, by the challenge or verifier that continues each, and codes that were issued.
#[derive(Default)]
pub(super) struct Flows {
    by_ticket: HashMap<String, Flow>,
    pub(super) codes: HashMap<String, Code>,
}

/// What a client asked for.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) redirect_url: String,
    pub(super) state: String,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: String,
    pub(super) scopes: Vec<String>,
    /// What the person said; `None`: not asked yet.
    decision: Option<Decision>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    Granted(Vec<String>),
    Denied,
}

/// An authorization code.
pub(super) struct Code {
    pub(super) flow: Flow,
    pub(super) ends: Timestamp,
    /// The family that it was exchanged for: a code that comes twice ends it.
    pub(super) family: Option<u64>,
}

impl Flows {
    fn keep(&mut self, prefix: &str, flow: Flow) -> String {
        let ticket = random(prefix);
        self.by_ticket.insert(ticket.clone(), flow);
        ticket
    }
}

/// Begins a flow, or goes on with one after the login (`login_verifier`) or the consent page (`consent_verifier`).
pub(super) async fn auth(State(provider): State<Provider>, RawQuery(query): RawQuery) -> Response {
    let query = params(query.unwrap_or_default().as_bytes());
    if let Some(ticket) = query.get("login_verifier") {
        let flow = provider.flows().by_ticket.remove(ticket);
        return match flow {
            Some(flow) => {
                let challenge = provider.flows().keep("cc_", flow);
                redirect(&format!("/consent?consent_challenge={challenge}"))
            }
            None => no_such_flow(),
        };
    }
    if let Some(ticket) = query.get("consent_verifier") {
        let flow = provider.flows().by_ticket.remove(ticket);
        return flow.map_or_else(no_such_flow, |flow| finish(&provider, flow));
    }
    match begin(&provider, &query) {
        Ok(flow) => {
            let challenge = provider.flows().keep("lc_", flow);
            redirect(&format!("/login?login_challenge={challenge}"))
        }
        Err(response) => response,
    }
}

#[expect(clippy::result_large_err, reason = "the error is the response that goes out, once")]
fn begin(provider: &Provider, query: &HashMap<String, String>) -> Result<Flow, Response> {
    let settings = provider.settings();
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    let redirect_url = get("redirect_uri");
    if get("client_id") != settings.client_id {
        return Err(page(StatusCode::UNAUTHORIZED, "invalid_client: no such client"));
    }
    if !is_registered(&settings.redirect_url, &redirect_url) {
        return Err(page(StatusCode::BAD_REQUEST, "invalid_request: the redirect_uri is not registered"));
    }
    let state = get("state");
    let refuse = |error: &str, description: &str| {
        back(
            &redirect_url,
            &[("error", error), ("error_description", description), ("state", &state), ("iss", &settings.issuer)],
        )
    };
    // Hydra wants at least eight characters of entropy in state and nonce.
    if state.len() < 8 {
        return Err(refuse("invalid_state", "The state is missing or too short."));
    }
    if get("response_type") != "code" {
        return Err(refuse("unsupported_response_type", "Only response_type=code is supported."));
    }
    if get("code_challenge_method") != "S256" || get("code_challenge").len() != 43 {
        return Err(refuse("invalid_request", "PKCE with S256 is required."));
    }
    let nonce = query.get("nonce").cloned();
    if nonce.as_ref().is_some_and(|nonce| nonce.len() < 8) {
        return Err(refuse("insufficient_entropy", "The nonce is too short."));
    }
    Ok(Flow {
        code_challenge: get("code_challenge"),
        scopes: get("scope").split_ascii_whitespace().map(str::to_owned).collect(),
        redirect_url,
        state,
        nonce,
        decision: None,
    })
}

/// Equal, or equal but for the port where both are loopback addresses.
fn is_registered(registered: &str, asked: &str) -> bool {
    let without_port = |text: &str| {
        let mut url = reqwest::Url::parse(text).ok()?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]"));
        loopback.then(|| url.set_port(None).ok()).flatten()?;
        Some(url)
    };
    registered == asked
        || without_port(registered).zip(without_port(asked)).is_some_and(|(registered, asked)| registered == asked)
}

pub(super) async fn login_page(RawQuery(query): RawQuery) -> Response {
    let query = params(query.unwrap_or_default().as_bytes());
    let challenge = query.get("login_challenge").cloned().unwrap_or_default();
    form(
        "Sandbox: log in",
        "/login",
        &format!("<input type=hidden name=login_challenge value=\"{}\"><button>Log in</button>", escape(&challenge)),
    )
}

/// The login page's form. It asks for no password: the sandbox has one user.
pub(super) async fn login(State(provider): State<Provider>, body: Bytes) -> Response {
    let form = params(&body);
    let mut flows = provider.flows();
    let challenge = form.get("login_challenge").cloned().unwrap_or_default();
    match flows.by_ticket.remove(&challenge) {
        Some(flow) => {
            let verifier = flows.keep("lv_", flow);
            redirect(&format!("/oauth2/auth?login_verifier={verifier}"))
        }
        None => no_such_flow(),
    }
}

pub(super) async fn consent_page(State(provider): State<Provider>, RawQuery(query): RawQuery) -> Response {
    let query = params(query.unwrap_or_default().as_bytes());
    let challenge = query.get("consent_challenge").cloned().unwrap_or_default();
    let scopes = match provider.flows().by_ticket.get(&challenge) {
        Some(flow) => flow.scopes.clone(),
        None => return no_such_flow(),
    };
    let mut fields = format!("<input type=hidden name=consent_challenge value=\"{}\">", escape(&challenge));
    for scope in scopes {
        let scope = escape(&scope);
        let _ = write!(
            fields,
            "<p><label><input type=checkbox name=grant_scope value=\"{scope}\" checked> {scope}</label></p>"
        );
    }
    fields.push_str("<button name=decision value=allow>Allow</button> <button name=decision value=deny>Deny</button>");
    form("Sandbox: allow access?", "/consent", &fields)
}

/// The consent page's form: `consent_challenge`, `grant_scope` (repeated), `decision=allow|deny`.
pub(super) async fn consent(State(provider): State<Provider>, body: Bytes) -> Response {
    let form = params(&body);
    let granted = form_urlencoded::parse(&body)
        .filter(|(name, _)| name == "grant_scope")
        .map(|(_, scope)| scope.into_owned())
        .collect();
    let challenge = form.get("consent_challenge").cloned().unwrap_or_default();
    let mut flows = provider.flows();
    let Some(mut flow) = flows.by_ticket.remove(&challenge) else {
        return no_such_flow();
    };
    let allowed = form.get("decision").is_some_and(|word| word == "allow");
    flow.decision = Some(if allowed { Decision::Granted(granted) } else { Decision::Denied });
    let verifier = flows.keep("cv_", flow);
    redirect(&format!("/oauth2/auth?consent_verifier={verifier}"))
}

/// Sends the browser back to the client, with a code or with an error.
fn finish(provider: &Provider, mut flow: Flow) -> Response {
    let issuer = &provider.settings().issuer;
    let (url, state) = (flow.redirect_url.clone(), flow.state.clone());
    let Some(Decision::Granted(scopes)) = flow.decision.take() else {
        return back(
            &url,
            &[
                ("error", "access_denied"),
                ("error_description", "The resource owner or authorization server denied the request."),
                ("state", &state),
                ("iss", issuer),
            ],
        );
    };
    flow.scopes.retain(|scope| scopes.contains(scope));
    let granted = flow.scopes.join(" ");
    let code = random("ory_ac_");
    let ends = crate::clock::now() + provider.settings().code_lifetime;
    let record = Code { flow, ends, family: None };
    provider.flows().codes.insert(code.clone(), record);
    back(&url, &[("code", &code), ("scope", &granted), ("state", &state), ("iss", issuer)])
}

fn back(url: &str, parameters: &[(&str, &str)]) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let separator = if url.contains('?') { '&' } else { '?' };
    redirect(&format!("{url}{separator}{query}"))
}

fn redirect(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location.to_owned())]).into_response()
}

fn no_such_flow() -> Response {
    page(StatusCode::NOT_FOUND, "this login was not begun here, or has been finished")
}

fn page(status: StatusCode, text: &str) -> Response {
    (status, Html(format!("<!doctype html><p>{}</p>", escape(text)))).into_response()
}

fn form(title: &str, action: &str, fields: &str) -> Response {
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><form method=post action={action}>{fields}</form>"
    ))
    .into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
