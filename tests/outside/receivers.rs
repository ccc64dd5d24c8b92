//! A monitor, a webhook and a mail server on loopback that keep what they receive.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

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

/// Receives mails.
#[derive(Clone)]
pub(crate) struct Mailbox {
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Mailbox {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailbox = Self { port: listener.local_addr().unwrap().port(), mails: Arc::default() };
        let server = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        mailbox
    }

    /// The mails received since the last call, envelopes first.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.mails.lock().unwrap())
    }

    /// As much of SMTP (RFC 5321) as a mail needs.
    async fn serve(self, stream: TcpStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink\r\n").await.unwrap();
        let mut mail = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            let answer: &[u8] = match line.split([' ', ':']).next().unwrap() {
                "EHLO" => b"250-sink\r\n250 AUTH PLAIN\r\n",
                "AUTH" => b"235 ok\r\n",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.unwrap();
                    while let Ok(Some(line)) = lines.next_line().await
                        && line != "."
                    {
                        mail += &(line + "\n");
                    }
                    self.mails.lock().unwrap().push(std::mem::take(&mut mail));
                    b"250 ok\r\n"
                }
                _ => b"250 ok\r\n",
            };
            if line.starts_with("MAIL") || line.starts_with("RCPT") || line.starts_with("AUTH") {
                mail += &(line + "\n");
            }
            if write.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}
