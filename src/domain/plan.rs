//! Admission: what a row read now means for a lead that is or is not known.

use super::delivery::State;

/// `on_change`: what a delivered row that changed means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// It is counted and left.
    Ignore,
    /// It is sent again.
    Resend,
}

/// What the ledger knows of a lead whose row is read again with another fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its number in the ledger.
    pub lead: i64,
    /// Where it stands.
    pub state: State,
    /// Its content may have arrived: it is frozen.
    pub possibly_sent: bool,
    /// It was refused by the mapping and never sent.
    pub by_mapping: bool,
    /// The API has an earlier content of it.
    pub delivered_before: bool,
}

impl Known {
    /// Its content can still change: it is neither delivered, nor being sent, nor held.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Pending | State::Waiting | State::Rejected | State::Failed)
    }

    /// It will be sent whatever an export brings.
    pub fn is_queued(&self) -> bool {
        matches!(self.state, State::Pending | State::Sending | State::Waiting)
    }
}

/// What the row of a known lead asks for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// To be sent: it passed `where` and the mapping.
    Wanted,
    /// `where` is false: it must not go.
    Unwanted,
    /// The mapping refuses it.
    Refused,
}

/// What admission does with a changed row of a known lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// New content, and the lead is (again) pending.
    Renew,
    /// Counted as changed; the lead stays as it is.
    Leave,
    /// The lead was never sent and must not be any more (consent withdrawn): it is taken out of the ledger.
    Withdraw,
    /// The API has an earlier content, and what came since must not be sent any more: the lead is delivered, as it was.
    Restore,
    /// An attempt may have arrived, and another one must not be made: a person decides, and is told why ([`UNWANTED`]).
    Hold,
    /// A lead that the mapping refused is refused again, with the new row and reason.
    RefuseAgain,
    /// The row is quarantined; the lead stays as it is (a row that fails intake never changes a known lead).
    Quarantine,
}

/// Why a lead is held that a person would send against the row's word.
pub const UNWANTED: &str = "it may have arrived, and `where` was false for its row since: not sent again";

/// Decides on a row whose mapped columns differ from those of the known lead.
///
/// Content is frozen once an attempt may have arrived; a held or sending lead stays as it was. Frozen content is sent again only while its row
/// is wanted.
pub fn change(known: Known, row: Row, on_change: OnChange) -> Change {
    let frozen = known.possibly_sent || matches!(known.state, State::Sending | State::Held);
    match (row, known.state) {
        (Row::Refused, State::Rejected) if known.by_mapping => Change::RefuseAgain,
        (Row::Refused, _) => Change::Quarantine,
        (Row::Unwanted, State::Held) => Change::Hold,
        // Also a refused one, which a person may put back long after its row was read.
        (Row::Unwanted, _) if known.is_open() && known.possibly_sent => Change::Hold,
        (Row::Unwanted, state) if frozen || state == State::Delivered => Change::Leave,
        (Row::Unwanted, _) if known.delivered_before => Change::Restore,
        (Row::Unwanted, _) => Change::Withdraw,
        (Row::Wanted, State::Delivered) if on_change == OnChange::Ignore => Change::Leave,
        // A corrected row is the cure for a refusal, also for one that followed an attempt in doubt: that is a new content.
        (Row::Wanted, State::Delivered | State::Rejected | State::Failed) => Change::Renew,
        (Row::Wanted, _) => {
            if frozen {
                Change::Leave
            } else {
                Change::Renew
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(state: State, possibly_sent: bool) -> Known {
        Known { lead: 1, state, possibly_sent, by_mapping: false, delivered_before: false }
    }

    #[test]
    fn a_delivered_row_that_changed_is_left_or_sent_again_as_configured() {
        let delivered = known(State::Delivered, false);
        assert_eq!(change(delivered, Row::Wanted, OnChange::Ignore), Change::Leave);
        assert_eq!(change(delivered, Row::Wanted, OnChange::Resend), Change::Renew);
        assert_eq!(change(delivered, Row::Unwanted, OnChange::Resend), Change::Leave);
    }

    #[test]
    fn content_that_may_have_arrived_is_frozen() {
        for state in [State::Pending, State::Sending, State::Waiting, State::Held] {
            assert_eq!(change(known(state, true), Row::Wanted, OnChange::Resend), Change::Leave, "{state}");
        }
        assert_eq!(change(known(State::Held, false), Row::Wanted, OnChange::Resend), Change::Leave);
    }

    #[test]
    fn a_lead_that_may_have_arrived_is_not_sent_again_once_its_row_is_unwanted() {
        for state in [State::Pending, State::Waiting, State::Rejected, State::Failed, State::Held] {
            assert_eq!(change(known(state, true), Row::Unwanted, OnChange::Ignore), Change::Hold, "{state}");
        }
        assert_eq!(change(known(State::Sending, true), Row::Unwanted, OnChange::Ignore), Change::Leave);
    }

    #[test]
    fn a_change_that_must_not_be_sent_leaves_what_was_delivered_before() {
        for state in [State::Pending, State::Waiting, State::Rejected, State::Failed] {
            let changed = Known { delivered_before: true, ..known(state, false) };
            assert_eq!(change(changed, Row::Unwanted, OnChange::Resend), Change::Restore, "{state}");
        }
    }

    #[test]
    fn an_unsent_lead_takes_the_new_row_and_goes_if_consent_is_withdrawn() {
        for state in [State::Pending, State::Waiting, State::Rejected, State::Failed] {
            assert_eq!(change(known(state, false), Row::Wanted, OnChange::Ignore), Change::Renew, "{state}");
            assert_eq!(change(known(state, false), Row::Unwanted, OnChange::Ignore), Change::Withdraw, "{state}");
        }
    }

    #[test]
    fn a_row_the_mapping_refuses_never_changes_a_lead_it_did_not_refuse_before() {
        for state in State::ALL {
            assert_eq!(change(known(state, false), Row::Refused, OnChange::Resend), Change::Quarantine, "{state}");
        }
        let refused = Known { by_mapping: true, ..known(State::Rejected, false) };
        assert_eq!(change(refused, Row::Refused, OnChange::Ignore), Change::RefuseAgain);
    }
}
