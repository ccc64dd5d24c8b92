//! Ctrl-C and SIGTERM, which stop; SIGHUP, which asks the daemon to read its configuration again and stops a run whose terminal is gone.

use std::fs;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::out;
use crate::worker::stop::{Stop, Stopper};

/// Passes every ctrl-C and SIGTERM on. The first says what happens, so that nobody has to guess:
/// `grace` is how long what is under way may take; `None` if that is nothing.
pub(super) async fn forward(stopper: &Stopper, grace: Option<Duration>) {
    let Ok(asked) = Asked::new(None) else { return std::future::pending().await };
    asked.pass_on(stopper, &grace.map_or_else(OnceLock::new, OnceLock::from)).await;
}

/// Passes every ctrl-C and SIGTERM on, and takes the end of the terminal for a request to stop, unless `nohup` has said that it is none:
/// from its making on, in a task of its own, until it is dropped.
pub(super) struct Listening {
    pub(super) stop: Stop,
    grace: Arc<OnceLock<Duration>>,
    _task: JoinSet<()>,
}

impl Listening {
    /// Begins. From now on none of these signals ends the process.
    pub(super) fn begin() -> io::Result<Self> {
        // A handler would undo what nohup did.
        let hangup = if hangup_is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
        let asked = Asked::new(hangup)?;
        let (stopper, grace) = (Stopper::default(), Arc::<OnceLock<Duration>>::default());
        let (stop, told) = (stopper.watch(), Arc::clone(&grace));
        let mut task = JoinSet::new();
        task.spawn(async move { asked.pass_on(&stopper, &told).await });
        Ok(Self { stop, grace, _task: task })
    }

    /// Something is under way from now on, which may take so long to finish.
    pub(super) fn may_take(&self, grace: Duration) {
        self.grace.get_or_init(|| grace);
    }
}

/// What asks us to stop.
struct Asked {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Asked {
    fn new(hangup: Option<Signal>) -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn pass_on(mut self, stopper: &Stopper, grace: &OnceLock<Duration>) {
        let mut first = true;
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                // The shell and the kernel may both say that the terminal is gone, and neither is in a hurry.
                () = hung_up(&mut self.hangup) => if !first { continue },
            }
            stopper.stop();
            if let (true, Some(grace)) = (first, grace.get()) {
                let seconds = grace.as_secs();
                out::inform(format!(
                    "stopping: what is under way may take {seconds} s to finish; once more stops at once"
                ));
            }
            first = false;
        }
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
pub(super) fn hangups(told: &Notify) -> io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            told.notify_one();
        }
    })
}
