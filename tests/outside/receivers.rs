//! A monitor and a webhook on loopback that keep what they receive.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;

/// Path with query, and body.
type Post = (String, String);

/// Receives HTTP requests.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    posts: Arc<Mutex<Vec<Post>>>,
    answer: Arc<Mutex<StatusCode>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self { url, posts: Arc::default(), answer: Arc::new(Mutex::new(StatusCode::OK)) };
        let routes = Router::new().fallback(keep).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        receiver
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, status: u16) {
        *self.answer.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    /// What it received since the last call.
    pub(crate) fn take(&self) -> Vec<Post> {
        std::mem::take(&mut self.posts.lock().unwrap())
    }
}

async fn keep(State(receiver): State<Receiver>, request: Request) -> StatusCode {
    let place = request.uri().to_string();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    receiver.posts.lock().unwrap().push((place, String::from_utf8(body.to_vec()).unwrap()));
    *receiver.answer.lock().unwrap()
}
