//! The loopback listener that the browser is sent back to (RFC 8252 section 7.3): open during one login only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Response};
use oauth2::CsrfToken;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::callback;
use crate::auth::Error;

/// For the page to reach the browser after the login has ended.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// Waits for the browser.
pub(super) struct Listener {
    answers: Mutex<mpsc::Receiver<Answer>>,
    stray: Arc<AtomicBool>,
    stop: Arc<Notify>,
    task: Mutex<JoinHandle<()>>,
}

/// One answer of the browser. Its page is held back until the login has ended.
pub(super) struct Answer {
    query: String,
    page: Option<oneshot::Sender<bool>>,
}

impl Answer {
    /// A pasted one: there is no page to show.
    pub(super) fn without_page(query: String) -> Self {
        Self { query, page: None }
    }

    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// Lets the browser show how the login went.
    pub(super) fn finish(self, worked: bool) {
        if let Some(page) = self.page {
            // A browser that has gone away sees no page.
            let _ = page.send(worked);
        }
    }
}

impl Listener {
    /// Listens where the redirect URL points. Port 0 stands for any free port and is replaced by it: providers accept any port
    /// of a loopback address. Only answers with this `state` end the wait.
    pub(super) async fn bind(redirect_url: &mut Url, state: CsrfToken) -> Result<Self, Error> {
        let host = redirect_url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = redirect_url.port_or_known_default().unwrap_or_default();
        let unusable = |error: std::io::Error| {
            Error::Configuration(format!(
                "cannot listen on {host}:{port}, where the browser will be sent: {error}. Stop what uses the port, or use --no-browser"
            ))
        };
        let socket = TcpListener::bind((host.as_str(), port)).await.map_err(unusable)?;
        let bound = socket.local_addr().map_err(unusable)?.port();
        if port == 0 {
            redirect_url
                .set_port(Some(bound))
                .map_err(|()| Error::Configuration("redirect_url can have no port".into()))?;
        }
        let (sender, receiver) = mpsc::channel(1);
        let path = redirect_url.path().to_owned();
        let stray = Arc::new(AtomicBool::new(false));
        let expected = Expected { path, state: Arc::new(state), sender, stray: Arc::clone(&stray) };
        let router = Router::new().fallback(receive).with_state(expected);
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let served =
                axum::serve(socket, router).with_graceful_shutdown(async move { stopped.notified().await }).await;
            if let Err(error) = served {
                tracing::debug!(%error, "the login's listener ended");
            }
        });
        Ok(Self { answers: Mutex::new(receiver), stray, stop, task: Mutex::new(task) })
    }

    /// The first answer.
    pub(super) async fn answer(&self) -> Result<Answer, Error> {
        let answer = self.answers.lock().await.recv().await;
        answer.ok_or_else(|| Error::Unavailable("the login's listener ended".into()))
    }

    /// Whether answers of another login came, which were turned away.
    pub(super) fn saw_stray(&self) -> bool {
        self.stray.load(Ordering::Relaxed)
    }

    /// Lets the last page out and stops listening.
    pub(super) async fn close(&self) {
        self.stop.notify_one();
        let mut task = self.task.lock().await;
        if tokio::time::timeout(LAST_PAGE, &mut *task).await.is_err() {
            task.abort();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.get_mut().abort();
    }
}

/// Where the answer is expected, and who waits for it.
#[derive(Clone)]
struct Expected {
    path: String,
    state: Arc<CsrfToken>,
    sender: mpsc::Sender<Answer>,
    stray: Arc<AtomicBool>,
}

/// Takes the first answer; a second one while the first is worked on finds nobody.
async fn receive(State(expected): State<Expected>, method: Method, uri: Uri, RawQuery(query): RawQuery) -> Response {
    if uri.path() != expected.path {
        return StatusCode::NOT_FOUND.into_response();
    }
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !callback::is_of(query.as_deref().unwrap_or_default(), expected.state.secret()) {
        // An old tab, or a page that tries its luck: it must not end the login of the person who is at it.
        expected.stray.store(true, Ordering::Relaxed);
        return show(
            StatusCode::BAD_REQUEST,
            "This answer belongs to another login. Use the newest address that the terminal shows.",
        );
    }
    let (page, ended) = oneshot::channel();
    let answer = Answer { query: query.unwrap_or_default(), page: Some(page) };
    if expected.sender.try_send(answer).is_err() {
        return show_end(false);
    }
    show_end(ended.await.unwrap_or(false))
}

fn show_end(worked: bool) -> Response {
    if worked {
        show(StatusCode::OK, "You are logged in. This page can be closed.")
    } else {
        show(StatusCode::BAD_REQUEST, "The login did not work. The terminal says why. This page can be closed.")
    }
}

/// A page of fixed text: nothing of the request is repeated in it, and it may load nothing.
fn show(status: StatusCode, text: &str) -> Response {
    let page = format!("<!doctype html><html lang=en><meta charset=utf-8><title>lead-sync</title><p>{text}</p></html>");
    let headers = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, Html(page)).into_response()
}
