//! A server that does to each request exactly what a plan says, and counts the requests that it received to their end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lead_sync::clock;
use lead_sync::destination::{Destination, Endpoint, Settings, Target};
use lead_sync::domain::outcome::{self, Outcome, Reply};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A payload like any other.
pub(crate) const PAYLOAD: &str = r#"{"origin":"CRM","prospect":{"first_name":"Ann","last_name":"Maes"}}"#;

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// So many bytes of it are read, at most; `None`: all.
    pub(crate) read: Option<usize>,
    /// What is answered.
    pub(crate) answer: Bytes,
    /// The answer goes byte by byte.
    pub(crate) drip: bool,
    /// What then happens to the connection.
    pub(crate) end: End,
}

/// The end of a request's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It stays open for another request.
    Open,
    /// It is closed.
    Close,
    /// It is reset (RST).
    Reset,
    /// It stays open, and nothing more comes.
    Silence,
}

impl Plan {
    /// The whole request is read and answered.
    pub(crate) fn answer(answer: impl Into<Bytes>, end: End) -> Self {
        Self { read: None, answer: answer.into(), drip: false, end }
    }

    /// The connection ends after so many bytes of the request.
    pub(crate) fn cut(bytes: usize, end: End) -> Self {
        Self { read: Some(bytes), ..Self::answer("", end) }
    }
}

/// An answer that gives the lead an id.
pub(crate) fn created() -> Bytes {
    answer("201 Created", "content-type: application/json\r\n", r#"{"id":"lead-1"}"#)
}

/// An answer with the length of its body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Bytes {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into()
}

#[derive(Debug, Default)]
struct Shared {
    plans: Mutex<VecDeque<Plan>>,
    heard: Mutex<BTreeMap<String, u32>>,
}

/// The server. It goes when this is dropped.
pub(crate) struct Peer {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    pub(crate) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { port, shared, task }
    }

    /// What becomes of the next request. Without a plan it is answered 201 and the connection stays open.
    pub(crate) fn plan(&self, plan: Plan) {
        self.shared.plans.lock().unwrap().push_back(plan);
    }

    /// Plans that no request came for are dropped.
    pub(crate) fn clear(&self) {
        self.shared.plans.lock().unwrap().clear();
    }

    /// How many requests with this idempotency key came to their end.
    pub(crate) fn heard(&self, key: &str) -> u32 {
        self.shared.heard.lock().unwrap().get(key).copied().unwrap_or(0)
    }

    /// The product's client for this server.
    pub(crate) fn client(&self, change: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = Settings {
            api_url: format!("http://127.0.0.1:{}", self.port).parse().unwrap(),
            headers: http::HeaderMap::new(),
            timeout: Duration::from_secs(20),
            proxy: None,
            ca_file: None,
            reference: "/id".to_owned(),
        };
        change(&mut settings);
        let destination = Destination::new(settings).unwrap();
        let target = destination.target(&Endpoint { method: http::Method::POST, path: "/leads".into() }).unwrap();
        Client { destination, target }
    }
}

/// The product's HTTP client with its address.
pub(crate) struct Client {
    destination: Destination,
    target: Target,
}

impl Client {
    /// Posts and classifies, as the worker does.
    pub(crate) async fn post(&self, key: &str) -> (Outcome, Reply) {
        self.post_body(key, PAYLOAD).await
    }

    pub(crate) async fn post_body(&self, key: &str, body: impl Into<Bytes>) -> (Outcome, Reply) {
        let reply = self.destination.post(&self.target, None, key, body.into()).await;
        (outcome::classify(&reply, clock::now()), reply)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => plain(stream, &shared).await,
                // A handshake that the client breaks off is its own business.
                Some(tls) => {
                    if let Ok(mut stream) = tls.accept(stream).await {
                        while requests(&mut stream, &shared).await == End::Open {}
                    }
                }
            }
        });
    }
}

async fn plain(mut stream: TcpStream, shared: &Shared) {
    let end = requests(&mut stream, shared).await;
    match end {
        End::Reset => stream.set_zero_linger().unwrap(),
        // Held until the client goes away.
        End::Silence => drop(stream.read(&mut [0; 1024]).await),
        End::Open | End::Close => {}
    }
}

/// Plays plans until the connection ends.
async fn requests(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), shared: &Shared) -> End {
    loop {
        let mut begun = Vec::new();
        let next = shared.plans.lock().unwrap().pop_front();
        let plan = next.unwrap_or_else(|| Plan::answer(created(), End::Open));
        let Some(request) = read(stream, &mut begun, plan.read).await else { return plan.end };
        *shared.heard.lock().unwrap().entry(request).or_default() += 1;
        if plan.drip {
            for byte in &plan.answer {
                let _ = stream.write_all(&[*byte]).await;
                tokio::task::yield_now().await;
            }
        } else {
            let _ = stream.write_all(&plan.answer).await;
        }
        if plan.end != End::Open {
            return plan.end;
        }
    }
}

/// Reads a request up to the limit; gives its idempotency key if it came to its end.
async fn read(stream: &mut (impl AsyncRead + Unpin), begun: &mut Vec<u8>, limit: Option<usize>) -> Option<String> {
    loop {
        let whole = complete(begun);
        if whole.is_some() {
            return whole;
        }
        let room = limit.map_or(64 * 1024, |limit| limit - begun.len());
        let mut chunk = vec![0; room.min(64 * 1024)];
        if room == 0 {
            return None;
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => begun.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The idempotency key of a complete request.
fn complete(request: &[u8]) -> Option<String> {
    let end = memchr::memmem::find(request, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&request[..end]).unwrap();
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    let length: usize = header("content-length:").unwrap().parse().unwrap();
    (request.len() >= end + length).then(|| header("idempotency-key:").unwrap())
}

/// Bytes of a request with a key of this form: the head and the body.
pub(crate) async fn request_length(client: &Client, peer: &Peer, key: &str) -> usize {
    let mut low = 0;
    let mut high = 4096;
    // The first limit at which the request comes to its end.
    while low < high {
        let middle = usize::midpoint(low, high);
        let name = format!("{key}-{middle:04}");
        peer.plan(Plan::cut(middle, End::Close));
        client.post(&name).await;
        if peer.heard(&name) == 0 { low = middle + 1 } else { high = middle }
    }
    low
}
