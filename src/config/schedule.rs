//! When the daemon runs a sync.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::entry::{Decoded, Entry};
use super::form;
use super::reader::Table;
use crate::domain::schedule::{Times, Wrong};
use crate::worker::settings::Schedule;

/// The most that a run may be put off at random: schedules are of a day at most, with few exceptions.
const MOST_JITTER: Duration = Duration::from_hours(24);

/// Reads the keys of the schedule; `None` if the daemon is not to run the sync.
pub(super) fn read(table: &mut Table<'_>) -> Option<Schedule> {
    let zone = table.or("timezone", TimeZone::UTC, timezone);
    let times = table.optional("schedule", |entry| times(entry, &zone));
    let jitter = table.or("jitter", Duration::ZERO, jitter);
    let catch_up = table.or("missed", true, |entry| entry.word(&[("run", true), ("skip", false)]));
    let at_start = table.or("run_at_start", false, Entry::flag);
    if at_start && table.is_blank("schedule") {
        table.warn("run_at_start", "has no effect without a schedule; add one, or remove it");
    }
    Some(Schedule { times: times?, jitter, catch_up, at_start })
}

/// A longer one would be another schedule.
fn jitter(entry: Entry<'_>) -> Decoded<Duration> {
    let jitter = form::duration(entry)?;
    if jitter > MOST_JITTER {
        return Err("is longer than 24h, so that the sync would not run at the schedule's rhythm; take a shorter one"
            .to_owned());
    }
    Ok(jitter)
}

fn times(entry: Entry<'_>, zone: &TimeZone) -> Decoded<Times> {
    const FORM: &str = "six fields: second minute hour day month weekday, e.g. 0 */15 * * * *";
    let text = entry.filled()?;
    Times::new(text, zone.clone()).map_err(|wrong| match wrong {
        Wrong::Form => format!("'{text}' is no cron expression with seconds; write {FORM}"),
        Wrong::Field(what) => {
            format!("'{text}' is no cron expression ({}); write {FORM}", what.trim_end_matches('.'))
        }
        Wrong::Never => format!("'{text}' never comes; correct its day or month"),
    })
}

/// The zone under its IANA name.
fn timezone(entry: Entry<'_>) -> Decoded<TimeZone> {
    let text = entry.filled()?;
    let unknown = || {
        format!("'{text}' is not in this system's time zone database; use UTC or an IANA name, e.g. Europe/Brussels")
    };
    let zone = TimeZone::get(text).map_err(|_| unknown())?;
    if zone.iana_name().is_some() { Ok(zone) } else { Err(unknown()) }
}
