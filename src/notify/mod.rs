//! Tells others how runs went: a monitor that expects to hear from each run (the dead man's switch), and people, by mail or webhook, when
//! something begins to need them and when it no longer does.
//!
//! Nothing here changes how a run ends: what cannot be told is logged, and told by the next run. What is told holds numbers, names of
//! syncs and the run's own notices; nothing of a lead.
//!
//! | file | holds |
//! |---|---|
//! | `settings.rs` | where to tell |
//! | `ping.rs` | the monitor |
//! | `backlog.rs` | what the monitor is still to hear |
//! | `outlook.rs` | whether people are to be told |
//! | `story.rs` | what is told, as JSON and as a mail |
//! | `line.rs` | one after the other for each receiver, and only what is new |
//! | `send.rs` | one POST or mail, with a timeout and one retry |

mod backlog;
mod line;
mod outlook;
mod ping;
mod send;
pub mod settings;
mod story;

use std::path::Path;
use std::sync::Arc;

use self::backlog::Backlog;
pub use self::line::Memory;
use self::line::{Line, Place};
use self::outlook::Outlook;
use self::ping::{Ping, Rid, Signal};
use self::send::Channel;
use self::settings::SecretUrl;
pub use self::settings::{Email, Settings, Tls};
use self::story::Story;
use crate::worker::report::{Ending, Report};

/// Cannot be made: a file of certificates is of no use, or the HTTP client or the mail transport does not start.
#[derive(Debug, thiserror::Error)]
#[error("notify cannot start: {0}")]
pub struct Error(String);

/// How a run ended, for those outside.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// With a report.
    Report(&'a Report),
    /// Without one: what the program says, and the syncs it was to run.
    Failure {
        /// What, where and what next.
        text: &'a str,
        /// Names of the syncs.
        syncs: &'a [String],
    },
}

/// Tells the monitor and people.
#[derive(Debug, Clone)]
pub struct Notifier {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    monitor: Option<(Ping, Arc<Backlog>)>,
    channels: Vec<(Channel, Line)>,
    host: String,
    memory: Memory,
}

/// A run that the monitor knows of.
#[derive(Debug)]
pub struct Begun {
    inner: Arc<Inner>,
    rid: Rid,
}

impl Notifier {
    /// `host` tells several installations apart; `memory` is what was told before in this process.
    pub fn new(settings: &Settings, host: &str, memory: Memory) -> Result<Self, Error> {
        let client = send::client()?;
        let known = |url: &SecretUrl| (Ping::new(url.clone(), client.clone()), memory.backlog(url));
        let monitor = settings.ping.as_ref().map(known);
        let mut channels = Vec::new();
        if let Some(url) = &settings.webhook {
            channels.push((Channel::Webhook { url: url.clone(), client }, Line::default()));
        }
        if let Some(email) = &settings.email {
            channels.push((Channel::email(email)?, Line::default()));
        }
        Ok(Self { inner: Arc::new(Inner { monitor, channels, host: host.to_owned(), memory }) })
    }

    /// A run begins: tells the monitor, while the run goes on.
    pub fn begin(&self) -> Begun {
        let (inner, rid) = (Arc::clone(&self.inner), Rid::new());
        if let Some((_, backlog)) = &inner.monitor {
            backlog.add(rid, Signal::Start);
            let told = Arc::clone(&inner);
            tokio::spawn(async move { told.tell_monitor().await });
        }
        Begun { inner, rid }
    }
}

impl Begun {
    /// The run has ended with this exit code: a telling for each receiver, so that none waits for another. To be asked in the order of the
    /// runs: people hear of the latest end of the same syncs, the monitor of all.
    pub fn end(self, exit: u8, ended: Ended<'_>) -> Vec<Telling> {
        let mut tellings = self.give_way(exit, ended);
        let Self { inner, rid } = self;
        if let Some((_, backlog)) = &inner.monitor {
            let exit_told = (!ended.is_unfinished()).then_some(exit);
            backlog.add(rid, Signal::End { syncs: ended.syncs(), exit: exit_told, counts: story::counts(ended) });
            tellings.push(Telling { inner: Arc::clone(&inner), receiver: Receiver::Monitor, exit });
        }
        tellings
    }

    /// The run has given its turn to others and goes on after them: for the monitor it is still the same run.
    pub fn give_way(&self, exit: u8, ended: Ended<'_>) -> Vec<Telling> {
        let mut tellings = Vec::new();
        for (number, (_, line)) in self.inner.channels.iter().enumerate() {
            let receiver = Receiver::Channel(number, line.join(&ended.syncs()));
            tellings.push(Telling { inner: Arc::clone(&self.inner), receiver, exit });
        }
        tellings
    }
}

impl Ended<'_> {
    fn syncs(&self) -> Vec<String> {
        match self {
            Self::Report(report) => report.syncs.keys().cloned().collect(),
            Self::Failure { syncs, .. } => syncs.to_vec(),
        }
    }

    /// The run has done what it could, and the next one goes on.
    fn is_unfinished(&self) -> bool {
        matches!(self, Self::Report(Report { ending: Ending::Interrupted | Ending::Deferred, .. }))
    }
}

/// One receiver that is to hear of the end of a run.
#[derive(Debug)]
pub struct Telling {
    inner: Arc<Inner>,
    receiver: Receiver,
    exit: u8,
}

#[derive(Debug)]
enum Receiver {
    Monitor,
    Channel(usize, Place),
}

impl Telling {
    /// Tells the monitor, or people if something changed for them. `ledger` remembers what was told.
    pub async fn tell(self, ledger: &Path, ended: Ended<'_>) {
        let Self { inner, receiver, exit } = self;
        match receiver {
            Receiver::Monitor => inner.tell_monitor().await,
            Receiver::Channel(number, place) => {
                let Some((channel, line)) = inner.channels.get(number) else { return };
                let Some(_turn) = line.turn(&place).await else { return };
                inner.tell(channel, ledger, exit, ended).await;
            }
        }
    }
}

impl Inner {
    async fn tell_monitor(&self) {
        if let Some((ping, backlog)) = &self.monitor {
            backlog.tell(ping).await;
        }
    }

    async fn tell(&self, channel: &Channel, ledger: &Path, exit: u8, ended: Ended<'_>) {
        let look = || Outlook::look(ledger, channel.name(), self.memory.of(channel.name()), ended);
        let outlook = match tokio::task::block_in_place(look) {
            Ok(outlook) => outlook,
            Err(error) => {
                tracing::warn!(%error, "what was told before cannot be read");
                Outlook::blind(self.memory.of(channel.name()), ended)
            }
        };
        if outlook.decisions.values().any(|decision| decision.tell) {
            let story =
                Story { host: &self.host, exit, ended, affairs: outlook.affairs(), troubles: &outlook.troubles };
            if let Err(error) = channel.send(&story).await {
                tracing::warn!(channel = channel.name(), error, "a notice could not be sent; the next run tries again");
                return;
            }
            tracing::info!(channel = channel.name(), "told");
        }
        let remember = || outlook.remember(ledger, channel.name());
        self.memory
            .keep(channel.name(), outlook.decisions.iter().map(|(sync, decision)| (sync.clone(), decision.told)));
        if let Err(error) = tokio::task::block_in_place(remember) {
            tracing::warn!(%error, "what was told cannot be kept in the ledger; after a restart it may be told again");
        }
    }
}
