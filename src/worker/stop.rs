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
        Stop(self.0.subscribe())
    }
}

/// Sees the stop signal.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Asked>);

impl Stop {
    /// True once we are to stop.
    pub fn is_set(&self) -> bool {
        *self.0.borrow() != Asked::Nothing
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
        let mut signal = self.0.clone();
        if signal.wait_for(|asked| *asked >= wanted).await.is_err() {
            // Whoever could signal is gone: it will never come.
            std::future::pending::<()>().await;
        }
    }
}
