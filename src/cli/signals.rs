//! Ctrl-C and SIGTERM, which stop; SIGHUP, which asks the daemon to read its configuration again and stops a run whose terminal is gone.

use std::fs;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::out;
use crate::worker::stop::Stopper;

/// Passes every ctrl-C and SIGTERM on. The first says what happens, so that nobody has to guess:
/// `grace` is how long what is under way may take; `None` if that is nothing.
pub(super) async fn forward(stopper: &Stopper, grace: Option<Duration>) {
    stop_at(stopper, grace, None).await;
}

/// As [`forward`], and takes the end of the terminal for a request to stop, unless `nohup` has said that it is none.
pub(super) async fn forward_all(stopper: &Stopper, grace: Duration) {
    // A handler would undo what nohup did.
    let hangup = if hangup_is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
    stop_at(stopper, Some(grace), hangup).await;
}

async fn stop_at(stopper: &Stopper, grace: Option<Duration>, mut hangup: Option<Signal>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    let mut first = true;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            // The shell and the kernel may both say that the terminal is gone, and neither is in a hurry.
            () = hung_up(&mut hangup) => if !first { continue },
        }
        stopper.stop();
        if let (true, Some(grace)) = (first, grace) {
            let seconds = grace.as_secs();
            out::inform(format!("stopping: what is under way may take {seconds} s to finish; once more stops at once"));
        }
        first = false;
    }
}

/// The next SIGHUP; never, if nobody listens for it.
async fn hung_up(hangup: &mut Option<Signal>) {
    let heard = match hangup {
        Some(hangup) => hangup.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Whether this process was started with SIGHUP ignored, as by nohup(1): bit 0 of `SigIgn` in `/proc/self/status`, see
/// `proc_pid_status(5)`. No other safe call tells it; where there is no `/proc` it counts as not ignored.
fn hangup_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
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
