//! When the daemon runs a sync.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::entry::{Decoded, Entry};
use super::form;
use super::reader::Table;
use crate::worker::settings::Schedule;

/// Fields of a cron expression with seconds: second, minute, hour, day of the month, month, day of the week.
const CRON_FIELDS: usize = 6;

/// Reads the keys of the schedule; `None` if the daemon is not to run the sync.
pub(super) fn read(table: &mut Table<'_>) -> Option<Schedule> {
    let cron = table.optional("schedule", cron);
    let timezone = table.or("timezone", "UTC".to_owned(), timezone);
    let jitter = table.or("jitter", Duration::ZERO, form::duration);
    let catch_up = table.or("missed", true, |entry| entry.word(&[("run", true), ("skip", false)]));
    let at_start = table.or("run_at_start", false, Entry::flag);
    Some(Schedule { cron: cron?, timezone, jitter, catch_up, at_start })
}

/// The shape of a cron expression; the scheduler reads its meaning.
fn cron(entry: Entry<'_>) -> Decoded<String> {
    let text = entry.filled()?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*,-/?#".contains(&byte);
    if fields.len() == CRON_FIELDS && fields.iter().all(|field| field.bytes().all(plain)) {
        return Ok(fields.join(" "));
    }
    Err(format!(
        "'{text}' is no cron expression with seconds; write six fields: second minute hour day month weekday, \
         e.g. 0 */15 * * * *"
    ))
}

/// The IANA name in its own spelling.
fn timezone(entry: Entry<'_>) -> Decoded<String> {
    let text = entry.filled()?;
    let unknown = || {
        format!("'{text}' is not in this system's time zone database; use UTC or an IANA name, e.g. Europe/Brussels")
    };
    let zone = TimeZone::get(text).map_err(|_| unknown())?;
    zone.iana_name().map(str::to_owned).ok_or_else(unknown)
}
