//! A daemon under way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Scene;

/// Much longer than anything takes: a test that waits in vain ends.
const LONG: Duration = Duration::from_mins(1);

/// Waits until `reached`.
pub(crate) fn until(what: &str, mut reached: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a limit, so that a test that fails ends")]
    let since = Instant::now();
    while !reached() {
        assert!(since.elapsed() < LONG, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// Killed if the test leaves it.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start(scene: &Scene) -> Self {
        Self::start_with(scene, &[])
    }

    /// With these variables.
    pub(crate) fn start_with(scene: &Scene, variables: &[(&str, &str)]) -> Self {
        let mut command = scene.command(&[]);
        command
            .env("LEAD_SYNC_LOG", "info")
            .env("LEAD_SYNC_LOG_FORMAT", "text")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (stderr, into) = (child.stderr.take().unwrap(), Arc::clone(&log));
        Self { child, log, reader: Some(std::thread::spawn(move || collect(stderr, &into))) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How often the log says this.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.log.lock().unwrap().matches(text).count()
    }

    pub(crate) fn until_said(&self, text: &str) {
        until(text, || self.said(text) > 0);
    }

    /// Waits for so many more runs with this outcome.
    pub(crate) fn until_ended(&self, outcome: &str, more: usize) {
        let line = format!("outcome=\"{outcome}\"");
        let before = self.said(&line);
        until(&line, || self.said(&line) >= before + more);
    }

    /// Its exit code, and everything it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (code, log)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Status and body of what its server answers. It listens where the log says.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.until_said("dashboard address=");
        let log = self.log.lock().unwrap().clone();
        let address = log.split("dashboard address=").nth(1).unwrap().split_whitespace().next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A sample of `/metrics` by its name with labels; `None` if there is none.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// Waits until a sample of `/metrics` is this.
    pub(crate) fn until_metric(&self, name: &str, wanted: impl Into<f64>) {
        let wanted = Some(wanted.into());
        until(name, || self.metric(name) == wanted);
    }

    /// Waits until a sample of `/metrics` is more than nothing.
    pub(crate) fn until_some(&self, name: &str) {
        until(name, || self.metric(name) > Some(0.0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stderr: ChildStderr, into: &Mutex<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut log = into.lock().unwrap();
        log.push_str(&line);
        log.push('\n');
    }
}
