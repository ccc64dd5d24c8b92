//! Ctrl-C and SIGTERM, which stop; SIGHUP, which asks the daemon to read its configuration again.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use super::out;
use crate::worker::stop::Stopper;

/// Passes every ctrl-C and SIGTERM on. The first says what happens, so that nobody has to guess:
/// `grace` is how long what is under way may take; `None` if that is nothing.
pub(super) async fn forward(stopper: &Stopper, grace: Option<Duration>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    let mut first = true;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stopper.stop();
        if let (true, Some(grace)) = (first, grace) {
            let seconds = grace.as_secs();
            out::inform(format!("stopping: what is under way may take {seconds} s to finish; once more stops at once"));
        }
        first = false;
    }
}

/// Passes every SIGHUP on. Without this a SIGHUP ends the process.
pub(super) fn hangups(told: &Notify) -> std::io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            told.notify_one();
        }
    })
}
