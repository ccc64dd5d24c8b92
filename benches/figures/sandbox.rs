//! The local WeGroup that the program itself brings, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;
use crate::figures::Size;
use crate::send::{IN_FLIGHT, generate};
use crate::server::Server;
use crate::sheet::{Sheet, count, median, rate, whole};
use crate::subject::PROGRAM;

/// A sandbox at work; ends with this value.
pub(crate) struct Sandbox {
    child: Child,
    address: String,
}

impl Sandbox {
    /// Starts it on any free port of the loopback interface. It keeps counts only.
    pub(crate) fn start(more: &[&str]) -> Result<Self> {
        let mut child = Command::new(PROGRAM)
            .args(["sandbox", "--light", "--listen", "127.0.0.1:0", "--token", "bench-token"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let address = url.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Ok(Self { child, address })
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both servers under the same load: the leaner one is the better reference.
pub(crate) fn beside_the_bare_server(size: Size, _: &Path, sheet: &mut Sheet) -> Result<()> {
    let (mut bare, mut sandbox) = (Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        let server = Server::start(Duration::ZERO)?;
        let (took, _) = generate(server.address(), size.leads, IN_FLIGHT)?;
        server.finish()?;
        bare.push(rate(size.leads as u64, took));
        let server = Sandbox::start(&[])?;
        let (took, _) = generate(server.address(), size.leads, IN_FLIGHT)?;
        sandbox.push(rate(size.leads as u64, took));
    }
    let requests = whole(count(size.leads as u64));
    sheet.table(&format!("{requests} requests of the load generator, 0 ms, {IN_FLIGHT} in flight"), &["", "answers/s"]);
    sheet.row(&["bare hyper server, which all other figures have", &whole(median(bare))]);
    sheet.row(&["`lead-sync sandbox --light`", &whole(median(sandbox))]);
    Ok(())
}
