//! A server that does nothing but answer: hyper on one thread, so that it is not what is measured.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{Failure, Result, meter};

/// The first argument that starts it; the second is the latency in milliseconds.
pub(crate) const ROLE: &str = "serve";

/// What it has seen.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    /// Requests answered.
    pub(crate) requests: u64,
    /// Bytes of their bodies.
    pub(crate) bytes: u64,
    /// From the first request to the last answer.
    pub(crate) phase: Duration,
    /// Processor time of the server.
    pub(crate) cpu: Duration,
    /// When the first request came.
    pub(crate) first: Option<SystemTime>,
}

/// A server in a process of its own.
pub(crate) struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    /// Starts it on any free port of the loopback interface.
    pub(crate) fn start(latency: Duration) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ROLE, &latency.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the server has no pipes".into());
        };
        let mut stdout = BufReader::new(stdout);
        let mut address = String::new();
        stdout.read_line(&mut address)?;
        Ok(Self { child, stdin, stdout, address: address.trim().to_owned() })
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Stops it.
    pub(crate) fn finish(self) -> Result<Seen> {
        let Self { mut child, stdin, mut stdout, .. } = self;
        drop(stdin);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        child.wait()?;
        let numbers: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [requests, bytes, phase, cpu, first] = numbers[..] else { return Err("the server said nothing".into()) };
        Ok(Seen {
            requests,
            bytes,
            phase: Duration::from_micros(phase),
            cpu: Duration::from_micros(cpu),
            first: (requests > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_micros(first)),
        })
    }
}

#[derive(Default)]
struct Counts {
    requests: Cell<u64>,
    bytes: Cell<u64>,
    first: Cell<Option<Instant>>,
    /// The same by the clock that all processes have.
    first_at: Cell<Option<SystemTime>>,
    last: Cell<Option<Instant>>,
}

/// Serves until its standard input ends, then prints what it has seen.
pub(crate) fn serve(args: &[String]) -> Result<()> {
    let latency = Duration::from_millis(args.first().map_or(Ok(0), |text| text.parse())?);
    let counts = Rc::new(Counts::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        let (ended, mut end) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            let _ = ended.send(());
        });
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted?.0,
                _ = &mut end => break,
            };
            stream.set_nodelay(true)?;
            let counts = Rc::clone(&counts);
            tokio::task::spawn_local(async move {
                let answer = service_fn(|request| answer(request, latency, &counts));
                // A client that goes away is none of our business.
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
        Ok::<_, Failure>(())
    })?;
    let phase = match (counts.first.get(), counts.last.get()) {
        (Some(first), Some(last)) => last.duration_since(first),
        _ => Duration::ZERO,
    };
    let cpu = meter::own_processor_time()?;
    let first = counts.first_at.get().unwrap_or(SystemTime::UNIX_EPOCH).duration_since(SystemTime::UNIX_EPOCH)?;
    println!(
        "{} {} {} {} {}",
        counts.requests.get(),
        counts.bytes.get(),
        phase.as_micros(),
        cpu.as_micros(),
        first.as_micros()
    );
    Ok(())
}

async fn answer(
    request: Request<Incoming>,
    latency: Duration,
    counts: &Counts,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if counts.first.get().is_none() {
        counts.first.set(Some(Instant::now()));
        counts.first_at.set(Some(SystemTime::now()));
    }
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let number = counts.requests.get() + 1;
    counts.requests.set(number);
    counts.bytes.set(counts.bytes.get() + body.len() as u64);
    let mut response = Response::new(Full::from(format!("{{\"id\":\"bench-{number}\"}}")));
    *response.status_mut() = StatusCode::CREATED;
    counts.last.set(Some(Instant::now()));
    Ok(response)
}
