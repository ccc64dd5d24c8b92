//! Leads whose request is under way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tracing::Instrument;

use super::credential::Credential;
use super::post::{self, Letter, Sent, Way};
use super::{Dispatch, Ending, Notice};
use crate::domain::delivery::Claim;

/// One lead's request, with the claim that it will end.
pub(super) struct Flight<'m> {
    /// Until it has ended.
    claim: Option<Claim>,
    /// It was polled, and with that the request begins.
    begun: bool,
    sending: Pin<Box<dyn Future<Output = Sent> + Send + 'm>>,
}

impl<'m> Flight<'m> {
    fn new(claim: Claim, sending: impl Future<Output = Sent> + Send + 'm) -> Self {
        Self { claim: Some(claim), begun: false, sending: Box::pin(sending) }
    }

    /// Gives the request up. The claim, if it had not begun: that the lead was not sent is known then.
    fn give_up(self) -> Option<Claim> {
        self.claim.filter(|_| !self.begun)
    }
}

impl Future for Flight<'_> {
    type Output = (Claim, Sent);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.begun = true;
        let sent = ready!(self.sending.as_mut().poll(context));
        // It is there, as nobody polls what has ended.
        self.claim.take().map_or(Poll::Pending, |claim| Poll::Ready((claim, sent)))
    }
}

impl Dispatch<'_> {
    /// Starts requests for claimed leads. If the credential has ended since they were claimed, they go back until it is renewed.
    pub(super) fn take_off(&mut self) {
        if self.ready.is_empty() || self.flights.len() >= self.in_flight_limit() {
            return;
        }
        let Some(authorization) = self.authorization() else { return self.release_ready() };
        while self.flights.len() < self.in_flight_limit()
            && let Some(mut claim) = self.ready.pop_front()
        {
            let Some(sender) = self.means.syncs.get(&claim.sync) else {
                self.release(claim, None);
                continue;
            };
            let (destination, tokens, stop) = (self.means.destination, self.means.tokens, self.means.stop);
            let way = Way { destination, target: &sender.target, tokens, stop };
            let letter = Letter::new(sender, &mut claim);
            // Disabled, as it is below `debug`, a span costs one load of a static.
            let span = tracing::debug_span!("lead", sync = sender.name, lead = %self.means.pseudonyms.of(&claim.key));
            let sending = post::send(way, letter, authorization.clone()).instrument(span);
            self.flights.push(Flight::new(claim, sending));
        }
        self.credential = Credential::Known;
    }

    /// Waits no longer for requests under way.
    pub(super) fn give_up_flights(&mut self) {
        let mut in_doubt = 0;
        for flight in std::mem::take(&mut self.flights) {
            match flight.give_up() {
                Some(claim) => self.release(claim, None),
                None => in_doubt += 1,
            }
        }
        if in_doubt > 0 {
            self.means.budget.spend(in_doubt);
            let text = format!("{in_doubt} requests were not answered in time: their leads are in doubt");
            self.tally.note(Notice::new(Ending::Interrupted, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    fn flight() -> Flight<'static> {
        let claim = Claim {
            lead: 1,
            sync: 1,
            key: "K1".to_owned(),
            version: 1,
            attempts: 0,
            tries: 0,
            age: Duration::ZERO,
            possibly_sent: false,
            payload: String::new(),
        };
        Flight::new(claim, std::future::pending())
    }

    #[test]
    fn a_lead_is_known_to_be_unsent_until_its_request_begins() {
        assert!(flight().give_up().is_some());
        let mut begun = flight();
        assert!((&mut begun).now_or_never().is_none());
        assert!(begun.give_up().is_none());
    }
}
