//! The local WeGroup that the program itself brings, in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Result;
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
