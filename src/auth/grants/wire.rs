//! Carries `oauth2`'s requests over our HTTP client, which it does not know, and irons out what the four services do
//! differently from RFC 6749.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::auth::http::{Failure, Http};
use crate::auth::settings::BodyFormat;

/// One exchange.
pub(super) struct Wire<'a> {
    http: &'a Http,
    format: BodyFormat,
    skew_ms: AtomicI64,
}

impl<'a> Wire<'a> {
    pub(super) fn new(http: &'a Http, format: BodyFormat) -> Self {
        Self { http, format, skew_ms: AtomicI64::new(0) }
    }

    /// This machine's clock minus the server's at the last answer.
    pub(super) fn skew_ms(&self) -> i64 {
        self.skew_ms.load(Ordering::Relaxed)
    }

    async fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, Failure> {
        if self.format == BodyFormat::Json {
            *request.body_mut() = form_to_json(request.body());
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let host = request.uri().host().unwrap_or_default().to_owned();
        let reply = self.http.send(request).await?;
        self.skew_ms.store(reply.skew_ms, Ordering::Relaxed);
        if reply.status.is_client_error() && !is_error_body(&reply.body) {
            return Err(Failure::Refused { host, status: reply.status });
        }
        let mut response = Response::new(reply.body);
        *response.status_mut() = effective_status(reply.status, response.body());
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

/// RFC 6749 section 5.2.
fn is_error_body(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        #[serde(rename = "error")]
        _error: String,
    }
    serde_json::from_slice::<ErrorBody>(body).is_ok()
}

/// Some servers answer 200 with an error body; any other 2xx is as good as 200.
fn effective_status(status: StatusCode, body: &[u8]) -> StatusCode {
    if !status.is_success() {
        status
    } else if is_error_body(body) {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    }
}

/// The same parameters as a flat JSON object.
fn form_to_json(form: &[u8]) -> Vec<u8> {
    let object: serde_json::Map<String, serde_json::Value> =
        form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    serde_json::Value::Object(object).to_string().into_bytes()
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
        let status = |code, body: &[u8]| effective_status(StatusCode::from_u16(code).unwrap(), body).as_u16();
        assert_eq!(status(200, br#"{"error":"invalid_grant"}"#), 400);
        assert_eq!(status(201, br#"{"access_token":"a"}"#), 200);
        assert_eq!(status(200, br#"{"access_token":"a","error":null}"#), 200);
        assert_eq!(status(401, br#"{"error":"x"}"#), 401);
    }
}
