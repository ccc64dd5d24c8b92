//! A sandbox and a client for it.

use lead_sync::sandbox::{Fault, Kind, Options, Received, Running, Sandbox};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// One sandbox with the client that talks to it.
pub(crate) struct Bench {
    pub(crate) sandbox: Running,
    pub(crate) http: Client,
}

/// What a client can tell of an answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Bench {
    pub(crate) async fn with(options: Options) -> Self {
        Self::serving(Sandbox::new(options)).await
    }

    pub(crate) async fn serving(sandbox: Sandbox) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Sandbox::listen(address).await.unwrap();
        let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { sandbox: sandbox.serve(listener).unwrap(), http: http.unwrap() }
    }

    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with_fault(kind: Kind) -> Self {
        let bench = Self::new().await;
        bench.sandbox.add_fault(Fault::once(kind)).unwrap();
        bench
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.sandbox.url()))
    }

    /// A POST of `body` to `path` with the API token and as JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("authorization", format!("apikey {}", Options::API_TOKEN))
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// A POST of the good lead with this external reference, with `key-REF` as its idempotency key.
    pub(crate) fn lead(&self, external_ref: &str) -> RequestBuilder {
        self.post(&lead_path(), &lead_body(external_ref)).header("idempotency-key", format!("key-{external_ref}"))
    }

    /// Sends the good lead with this external reference.
    pub(crate) async fn send(&self, external_ref: &str) -> reqwest::Result<Response> {
        self.lead(external_ref).send().await
    }

    /// The same as a future that borrows nothing.
    pub(crate) fn send_owned(&self, external_ref: &str) -> impl Future<Output = reqwest::Result<Response>> + use<> {
        self.lead(external_ref).send()
    }

    /// The only request that the log has.
    pub(crate) fn only_request(&self) -> Received {
        let mut requests = self.sandbox.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }

    /// Waits until the log has so many requests.
    pub(crate) async fn until_received(&self, count: usize) {
        while self.sandbox.requests().len() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many lead requests have been under way at once.
    pub(crate) async fn until_in_flight(&self, count: u64) {
        while self.sandbox.summary().max_in_flight_seen < count {
            tokio::task::yield_now().await;
        }
    }

    /// External references of what is stored.
    pub(crate) fn stored(&self) -> Vec<String> {
        let leads = self.sandbox.leads();
        leads.into_iter().filter_map(|lead| lead.external_ref).collect()
    }
}

/// Status and JSON body of an answer; `null` for a body that is not JSON.
pub(crate) async fn seen(request: RequestBuilder) -> Seen {
    let response = request.send().await.unwrap();
    Seen {
        status: response.status().as_u16(),
        body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
    }
}

pub(crate) fn lead_path() -> String {
    format!("/v1/api/distributions/{}/leads/customers", Options::DISTRIBUTION_ID)
}

pub(crate) fn lead_body(external_ref: &str) -> Value {
    json!({"origin": "CRM", "prospect": {
        "last_name": "Maes",
        "email": "maes@example.com",
        "external_ref": {"external_ref": external_ref, "external_ref_company": "crm"},
    }})
}
