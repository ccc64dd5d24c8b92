//! An API that answers whatever a test wants, byte for byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::Scene;

/// What is written after a whole request; an error (the client has hung up) ends the connection.
type Answer = dyn Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync;

/// A server on loopback. It goes with the process.
pub(crate) struct Tongue {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Tongue {
    /// Gives the same answer to every request, then closes.
    pub(crate) fn saying(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer): (_, Arc<Answer>) = (Arc::clone(&heads), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || {
                    // Whatever goes wrong here the client has done, and is what a test looks at.
                    let _ = serve(stream, &seen, &*answer);
                });
            }
        });
        Self { url, heads }
    }

    /// Answers with these bytes.
    pub(crate) fn with(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::saying(move |stream| stream.write_all(&bytes))
    }

    /// Answers with this status and JSON body.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::with(whole(status, "content-type: application/json\r\n", body.as_bytes()))
    }

    /// A scene with one lead that goes to this server.
    pub(crate) fn scene(&self) -> Scene {
        let mut scene = Scene::new();
        scene.connection("api_url", &format!("{:?}", self.url));
        scene
            .connection("patience", "\"100ms\"")
            .connection("retry", "{ attempts = 2, first = \"10ms\", cap = \"10ms\" }");
        scene.customers([1]);
        scene
    }

    /// The heads of the requests so far, in small letters.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// An answer with its length.
pub(crate) fn whole(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<String>>, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    seen.lock().unwrap().push(head);
    let mut stream = stream;
    answer(&mut stream)
}
