//! Medians and lines.

use std::time::Duration;

/// The middle one of an odd number of figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// `count` in `time`, in a second.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Microseconds for each of `count`.
pub(crate) fn micros_each(time: Duration, count: u64) -> f64 {
    1e6 / rate(count, time)
}

/// Bytes as megabytes.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Prints a figure under the name of its section.
pub(crate) fn line(what: &str, figure: &str) {
    println!("  {what:<44} {figure}");
}

/// Prints what was measured and whether it is what the project asks for.
pub(crate) fn target(what: &str, figure: &str, reached: bool) {
    line(what, &format!("{figure}  {}", if reached { "ok" } else { "MISSED" }));
}
