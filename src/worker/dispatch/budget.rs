//! `--limit`: the leads that may still be sent, over all connections.

use tokio::sync::watch;

/// Permits to send one lead each. A connection takes some before it knows whether anything is due, and gives back what it does not use: as
/// long as that may happen, the others wait for it.
#[derive(Debug)]
pub(in crate::worker) struct Budget(watch::Sender<Permits>);

#[derive(Debug, Clone, Copy)]
struct Permits {
    /// To be had.
    free: u64,
    /// Taken, and neither used nor given back.
    taken: u64,
}

impl Permits {
    /// Some are to be had, or none ever will be.
    fn is_decided(self) -> bool {
        self.free > 0 || self.taken == 0
    }
}

impl Budget {
    /// So many permits.
    pub(in crate::worker) fn new(most: u64) -> Self {
        Self(watch::Sender::new(Permits { free: most, taken: 0 }))
    }

    /// How many are to be had now.
    pub(super) fn free(&self) -> usize {
        usize::try_from(self.0.borrow().free).unwrap_or(usize::MAX)
    }

    /// None are to be had, now or later.
    pub(super) fn is_used_up(&self) -> bool {
        let permits = *self.0.borrow();
        permits.free == 0 && permits.taken == 0
    }

    /// Takes permits; not more than are [free](Self::free).
    pub(super) fn take(&self, count: usize) {
        self.change(|permits| {
            permits.free = permits.free.saturating_sub(count as u64);
            permits.taken += count as u64;
        });
    }

    /// Gives taken ones back.
    pub(super) fn give_back(&self, count: usize) {
        self.change(|permits| {
            permits.taken = permits.taken.saturating_sub(count as u64);
            permits.free += count as u64;
        });
    }

    /// So many leads were sent.
    pub(super) fn spend(&self, count: usize) {
        self.change(|permits| permits.taken = permits.taken.saturating_sub(count as u64));
    }

    /// Waits until some are to be had, or none ever will be.
    pub(super) async fn decided(&self) {
        // It ends early only if there were no sender any more, and we are that.
        let _ = self.0.subscribe().wait_for(|permits| permits.is_decided()).await;
    }

    /// Wakes who waits only if there is something to learn: this is done for every lead.
    fn change(&self, change: impl FnOnce(&mut Permits)) {
        self.0.send_if_modified(|permits| {
            let before = permits.is_decided();
            change(permits);
            permits.is_decided() && !before
        });
    }
}
