//! Carries `oauth2`'s requests over our HTTP client, which it does not know, and irons out what the four services do
//! differently from RFC 6749.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::presented;
use crate::auth::http::{Failure, Http};
use crate::auth::settings::{BodyFormat, OAuth};

/// One exchange.
pub(super) struct Wire<'a> {
    http: &'a Http,
    settings: &'a OAuth,
    skew_ms: AtomicI64,
}

impl<'a> Wire<'a> {
    pub(super) fn new(http: &'a Http, settings: &'a OAuth) -> Self {
        Self { http, settings, skew_ms: AtomicI64::new(0) }
    }

    /// This machine's clock minus the server's at the last answer.
    pub(super) fn skew_ms(&self) -> i64 {
        self.skew_ms.load(Ordering::Relaxed)
    }

    async fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, Failure> {
        // `oauth2` knows one form of it.
        if let Some(header) = presented::header(self.settings) {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        if self.settings.request == BodyFormat::Json {
            *request.body_mut() = form_to_json(request.body());
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let host = request.uri().host().unwrap_or_default().to_owned();
        let reply = self.http.send(request).await?;
        self.skew_ms.store(reply.skew_ms, Ordering::Relaxed);
        let error = error_body(&reply.body);
        if reply.status.is_client_error() && error.is_none() {
            return Err(Failure::Refused { host, status: reply.status });
        }
        let status = effective_status(reply.status, error.is_some());
        let mut response = Response::new(error.unwrap_or(reply.body));
        *response.status_mut() = status;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Wire<'_> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}

/// The error that a body tells (RFC 6749 section 5.2), and of what is beside it only what can be read: an odd description must
/// not make a refusal unknown. An empty error is none.
fn error_body(body: &[u8]) -> Option<Vec<u8>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let error = text("error").filter(|error| !error.trim().is_empty())?;
    Some(json!({ "error": error, "error_description": text("error_description") }).to_string().into_bytes())
}

/// Some servers answer 200 with an error body; any other 2xx is as good as 200.
fn effective_status(status: StatusCode, is_error: bool) -> StatusCode {
    if !status.is_success() {
        status
    } else if is_error {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    }
}

/// The same parameters as a flat JSON object.
fn form_to_json(form: &[u8]) -> Vec<u8> {
    let object: Map<String, Value> =
        form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    Value::Object(object).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_a_flat_json_object() {
        assert_eq!(
            form_to_json(b"grant_type=password&username=a%40b.c&password=x+%26%22y"),
            br#"{"grant_type":"password","username":"a@b.c","password":"x &\"y"}"#
        );
    }

    #[test]
    fn an_error_with_status_200_is_an_error() {
        let status = |code, body: &[u8]| {
            effective_status(StatusCode::from_u16(code).unwrap(), error_body(body).is_some()).as_u16()
        };
        assert_eq!(status(200, br#"{"error":"invalid_grant"}"#), 400);
        assert_eq!(status(201, br#"{"access_token":"a"}"#), 200);
        assert_eq!(status(200, br#"{"access_token":"a","error":null}"#), 200);
        assert_eq!(status(200, br#"{"access_token":"a","error":""}"#), 200);
        assert_eq!(status(401, br#"{"error":"x"}"#), 401);
    }
}
