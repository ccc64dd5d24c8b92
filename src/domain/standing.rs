//! Whom a run concerns: when somebody is told that a sync needs a person, and that it no longer does.
//!
//! The rule: on a change, not at every run. What grows while it is known is told again once a day.
//!
//! A time that lies as far ahead was written by a wrong clock, and is taken for as long ago: better told once too often than not for a year.

use std::time::Duration;

use super::time::Timestamp;

/// How often a need that only grows is told again.
const REMINDER: Duration = Duration::from_hours(24);

/// A sync whose runs end as deferred is somebody's business once its last success, or its first run if there is none, is as old as this:
/// outages of a night pass by themselves.
const STALLED: Duration = Duration::from_hours(24);

/// How a sync stands after a run, in rising need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing waits for a person.
    Fine,
    /// Leads or rows wait for a person, or a file was refused.
    Attention,
    /// The API has been away, or has asked to wait, for a day.
    Stalled,
    /// The credentials need a person.
    Auth,
    /// The run failed.
    Error,
}

impl Level {
    const ALL: [Self; 5] = [Self::Fine, Self::Attention, Self::Stalled, Self::Auth, Self::Error];

    /// The name in the ledger and in what is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Attention => "attention",
            Self::Stalled => "stalled",
            Self::Auth => "auth",
            Self::Error => "error",
        }
    }

    /// The level of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// How the run ended, as far as this rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All its work was done.
    Done,
    /// All its work was done, and it met something new that needs a look.
    Attention,
    /// It gave up for now, or was stopped; the next run goes on.
    Unfinished,
    /// The credentials need a person.
    Auth,
    /// It failed.
    Error,
}

/// What is known of a sync after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How the run ended.
    pub end: End,
    /// Leads and rows that wait for a person.
    pub open: u64,
    /// The last run that did all its work.
    pub last_success: Option<Timestamp>,
    /// The beginning of the first run that is known.
    pub first_run: Option<Timestamp>,
}

/// What was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The level told.
    pub level: Level,
    /// Leads and rows that waited then, or fewer if some were settled since.
    pub open: u64,
    /// When it was told.
    pub at: Timestamp,
}

/// What follows from a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// True if somebody is to be told.
    pub tell: bool,
    /// What to remember, once they are.
    pub told: Told,
}

/// Compares how a sync stands with what was last told.
pub fn decide(told: Option<Told>, now: Standing, at: Timestamp) -> Decision {
    let before = told.unwrap_or(Told { level: Level::Fine, open: 0, at });
    let level = level(before.level, now, at);
    let changed = level != before.level;
    let grown = level == Level::Attention && now.open > before.open && at.apart(before.at) >= REMINDER;
    let tell = changed || grown;
    let told =
        if tell { Told { level, open: now.open, at } } else { Told { open: before.open.min(now.open), ..before } };
    Decision { tell, told }
}

fn level(before: Level, now: Standing, at: Timestamp) -> Level {
    match now.end {
        End::Error => Level::Error,
        End::Auth => Level::Auth,
        End::Attention => Level::Attention,
        End::Done if now.open > 0 => Level::Attention,
        End::Done => Level::Fine,
        // An unfinished run has not shown that anything is mended.
        End::Unfinished if before > Level::Stalled => before,
        End::Unfinished if now.last_success.or(now.first_run).is_some_and(|since| at.apart(since) >= STALLED) => {
            Level::Stalled
        }
        End::Unfinished => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    /// Runs one after another, each at its hour; the hours at which somebody was told, with the level.
    fn told(runs: &[(i64, End, u64)]) -> Vec<(i64, &'static str)> {
        let (mut known, mut last_success, mut said) = (None, None, Vec::new());
        for (hour, end, open) in runs {
            let at = Timestamp(hour * HOUR);
            if matches!(end, End::Done | End::Attention) {
                last_success = Some(at);
            }
            let first_run = runs.first().map(|(hour, ..)| Timestamp(hour * HOUR));
            let decision = decide(known, Standing { end: *end, open: *open, last_success, first_run }, at);
            if decision.tell {
                said.push((*hour, decision.told.level.as_str()));
            }
            known = Some(decision.told);
        }
        said
    }

    #[test]
    fn a_good_run_is_never_told() {
        assert_eq!(told(&[(0, End::Done, 0), (1, End::Done, 0)]), []);
    }

    #[test]
    fn a_need_is_told_once_and_its_end_once() {
        let runs = [(0, End::Attention, 2), (1, End::Done, 2), (2, End::Done, 1), (3, End::Done, 0), (4, End::Done, 0)];
        assert_eq!(told(&runs), [(0, "attention"), (3, "fine")]);
    }

    #[test]
    fn a_need_that_grows_is_told_again_after_a_day_at_the_earliest() {
        let runs = [
            (0, End::Attention, 2),
            (1, End::Attention, 3),
            (24, End::Done, 3),
            (25, End::Done, 3),
            (49, End::Done, 3),
        ];
        assert_eq!(told(&runs), [(0, "attention"), (24, "attention")]);
    }

    #[test]
    fn a_need_that_shrank_and_grew_back_has_grown() {
        let runs = [(0, End::Attention, 5), (1, End::Done, 1), (30, End::Attention, 4)];
        assert_eq!(told(&runs), [(0, "attention"), (30, "attention")]);
    }

    #[test]
    fn another_kind_of_need_is_told_at_once() {
        let runs =
            [(0, End::Attention, 1), (1, End::Auth, 1), (2, End::Auth, 1), (3, End::Error, 1), (4, End::Done, 1)];
        assert_eq!(told(&runs), [(0, "attention"), (1, "auth"), (3, "error"), (4, "attention")]);
    }

    #[test]
    fn an_outage_of_a_night_is_nobodys_business_and_one_of_a_day_is() {
        let mut runs = vec![(0, End::Done, 0)];
        runs.extend((1..=23).map(|hour| (hour, End::Unfinished, 0)));
        assert_eq!(told(&runs), []);
        runs.extend([(24, End::Unfinished, 0), (25, End::Unfinished, 0), (26, End::Done, 0)]);
        assert_eq!(told(&runs), [(24, "stalled"), (26, "fine")]);
    }

    #[test]
    fn an_api_that_never_was_there_is_somebodys_business_a_day_after_the_first_run() {
        let mut runs: Vec<_> = (0..=23).map(|hour| (hour, End::Unfinished, 0)).collect();
        assert_eq!(told(&runs), []);
        runs.extend([(24, End::Unfinished, 0), (25, End::Unfinished, 0), (26, End::Done, 0)]);
        assert_eq!(told(&runs), [(24, "stalled"), (26, "fine")]);
    }

    #[test]
    fn an_unfinished_run_does_not_show_that_credentials_are_good() {
        let runs = [(0, End::Auth, 0), (40, End::Unfinished, 0), (41, End::Auth, 0), (42, End::Done, 0)];
        assert_eq!(told(&runs), [(0, "auth"), (42, "fine")]);
    }

    #[test]
    fn what_was_told_or_done_by_a_clock_a_year_ahead_keeps_nobody_from_being_told() {
        let year = 365 * 24;
        let grown = [(year, End::Attention, 2), (0, End::Attention, 3), (1, End::Attention, 4)];
        assert_eq!(told(&grown), [(year, "attention"), (0, "attention")]);
        let away = [(year, End::Done, 0), (0, End::Unfinished, 0), (1, End::Unfinished, 0)];
        assert_eq!(told(&away), [(0, "stalled")]);
    }

    #[test]
    fn every_level_is_found_by_its_name() {
        for level in Level::ALL {
            assert_eq!(Level::named(level.as_str()), Some(level));
        }
    }
}
