//! The stop signal: the first one lets what is under way finish within a grace, the second one does not.

use tokio::sync::watch;
use tokio::time::Instant;

/// What was asked of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Nothing,
    Stop,
    StopAtOnce,
}

/// Pulls the stop signal.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Asked>);

impl Default for Stopper {
    fn default() -> Self {
        Self(watch::Sender::new(Asked::Nothing))
    }
}

impl Stopper {
    /// Asks to stop; asked again, to stop at once.
    pub fn stop(&self) {
        self.0.send_modify(|asked| {
            *asked = if *asked == Asked::Nothing { Asked::Stop } else { Asked::StopAtOnce };
        });
    }

    /// The other end.
    pub fn watch(&self) -> Stop {
        Stop { signal: self.0.subscribe(), awaited: None }
    }
}

/// Sees the stop signal, and whether others wait for this run to end.
#[derive(Debug, Clone)]
pub struct Stop {
    signal: watch::Receiver<Asked>,
    awaited: Option<watch::Receiver<bool>>,
}

impl Stop {
    /// True once we are to stop.
    pub fn is_set(&self) -> bool {
        *self.signal.borrow() != Asked::Nothing
    }

    /// The same signal for a run that others may come to wait for.
    #[must_use]
    pub fn awaited_by(self, others: watch::Receiver<bool>) -> Self {
        Self { awaited: Some(others), ..self }
    }

    /// Others wait for this run: it does what it can, and does not wait itself.
    pub fn is_awaited(&self) -> bool {
        self.awaited.as_ref().is_some_and(|others| *others.borrow())
    }

    /// Waits until others do.
    pub async fn awaited(&self) {
        let seen = match self.awaited.clone() {
            Some(mut others) => others.wait_for(|waiting| *waiting).await.is_ok(),
            None => false,
        };
        if !seen {
            // Nobody can come any more.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the signal.
    pub async fn wait(&self) {
        self.reached(Asked::Stop).await;
    }

    /// Waits for a second signal, or until `give_up`.
    pub async fn at_once_or(&self, give_up: Option<Instant>) {
        tokio::select! {
            () = self.reached(Asked::StopAtOnce) => {}
            () = tokio::time::sleep_until(give_up.unwrap_or_else(Instant::now)) => {}
        }
    }

    async fn reached(&self, wanted: Asked) {
        let mut signal = self.signal.clone();
        if signal.wait_for(|asked| *asked >= wanted).await.is_err() {
            // Whoever could signal is gone: it will never come.
            std::future::pending::<()>().await;
        }
    }
}
