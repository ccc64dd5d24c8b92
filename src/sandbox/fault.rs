//! One fault of the script. Over HTTP a fault is JSON, e.g. `{"fault": "lost_answer", "times": 3}` or
//! `{"fault": {"status": {"status": 429, "retry_after": {"seconds": 5}}}, "external_ref": "4711", "times": null}`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kind::{Answer, InvalidFault, Kind};

/// One fault of the script: what happens, to which requests, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    #[serde(rename = "fault")]
    pub kind: Kind,
    /// The requests it is for.
    #[serde(default)]
    pub on: Requests,
    /// Only for leads with this external reference. Such a fault is looked at when no fault for every request is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// For how many requests; `None` (`null`): until the faults are cleared. Left out: for one.
    #[serde(default = "once")]
    pub times: Option<u64>,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field that may be null")]
fn once() -> Option<u64> {
    Some(1)
}

/// The requests a fault is for. `/sandbox/…` never has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requests {
    /// Leads, WeGroup's and generic ones.
    #[default]
    Leads,
    /// All others: probes of the host, the identity provider.
    Others,
    /// All.
    Every,
}

/// Faults by chance. The same seed gives the same faults in the order in which requests arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomFaults {
    /// Share of the requests that get one, 0 to 1.
    pub probability: f64,
    /// Where the chance begins.
    pub seed: u64,
    /// What happens: each kind is as likely as the others.
    pub kinds: Vec<Kind>,
}

impl Fault {
    /// This kind, once, for any lead request.
    pub fn once(kind: Kind) -> Self {
        Self { kind, on: Requests::Leads, external_ref: None, times: once() }
    }

    /// The same fault for `times` requests.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same fault until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// The same fault for leads with this external reference only.
    #[must_use]
    pub fn for_lead(self, external_ref: &str) -> Self {
        Self { external_ref: Some(external_ref.to_owned()), ..self }
    }

    /// The same fault for other requests.
    #[must_use]
    pub fn on(self, on: Requests) -> Self {
        Self { on, ..self }
    }

    pub(super) fn check(&self) -> Result<(), InvalidFault> {
        self.kind.check()?;
        if self.times == Some(0) {
            return Err(InvalidFault("`times` must be at least 1".to_owned()));
        }
        if self.external_ref.is_some() {
            if self.kind.is_early() {
                let message = format!(
                    "`{}` comes before the body is read, so it cannot depend on `external_ref`",
                    self.kind.name()
                );
                return Err(InvalidFault(message));
            }
            if self.on != Requests::Leads {
                let message = "`external_ref` goes with `on = leads` only".to_owned();
                return Err(InvalidFault(message));
            }
        }
        Ok(())
    }
}

impl RandomFaults {
    pub(super) fn check(&self) -> Result<(), InvalidFault> {
        if !(0.0..=1.0).contains(&self.probability) {
            let message = "`probability` must be from 0 to 1".to_owned();
            return Err(InvalidFault(message));
        }
        if self.kinds.is_empty() {
            return Err(InvalidFault("`kinds` is empty".to_owned()));
        }
        self.kinds.iter().try_for_each(Kind::check)
    }
}

impl FromStr for Fault {
    type Err = InvalidFault;

    /// Reads JSON, or the short form `WHAT[*TIMES]`: a status or the name of a kind that needs no numbers, e.g. `503*3`,
    /// `lost_answer`.
    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let fault = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|error| InvalidFault(error.to_string()))?
        } else {
            short_form(text)?
        };
        Self::check(&fault)?;
        Ok(fault)
    }
}

fn short_form(text: &str) -> Result<Fault, InvalidFault> {
    let (what, times) = match text.split_once('*') {
        None => (text, 1),
        Some((what, times)) => {
            let times = times.parse().map_err(|_| InvalidFault(format!("'{times}' is not a number of times")))?;
            (what, times)
        }
    };
    let kind = match what.parse() {
        Ok(status) => Kind::Status(Answer::new(status)),
        Err(_) => serde_json::from_value(Value::from(what)).map_err(|error| InvalidFault(error.to_string()))?,
    };
    Ok(Fault::once(kind).times(times))
}

#[cfg(test)]
mod tests;
