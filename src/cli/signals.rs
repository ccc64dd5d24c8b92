//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

use super::out;
use crate::worker::stop::{GRACE, Stopper};

/// Passes every ctrl-C and SIGTERM on. The first says what happens, so that nobody has to guess.
pub(super) async fn forward(stopper: &Stopper) {
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
        if first {
            let grace = GRACE.as_secs();
            out::note(format!("stopping: what is under way may take {grace} s to finish; once more stops at once"));
            first = false;
        }
    }
}
