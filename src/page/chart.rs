//! One sync's last days as bars: deliveries above, what did not succeed below, each with a scale of its own, because a few failures beside
//! thousands of deliveries are what has to be seen.

use super::facts::DAYS;
use super::words;
use crate::domain::time::Day;
use crate::ledger::DayCounts;

/// Width of a day in the drawing's own units, and the part of it that its bar fills.
const SLOT: usize = 10;
const BAR: usize = 8;

/// Height of a panel in the drawing's own units.
const HEIGHT: f64 = 100.0;

/// The smallest bar: one failure in a thousand is seen.
const LEAST: f64 = 4.0;

/// Both panels and the numbers behind them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// Deliveries, then what did not succeed.
    pub(super) panels: [Panel; 2],
    /// The days with a run, latest first: day, delivered, unsuccessful.
    pub(super) rows: Vec<(String, String, String)>,
    pub(super) first: String,
    pub(super) middle: String,
    pub(super) last: String,
}

/// Bars over one scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Panel {
    /// The name of its colour.
    pub(super) class: &'static str,
    /// The upper end of the scale.
    pub(super) top: String,
    pub(super) bars: Vec<Bar>,
    /// The sum of all bars.
    pub(super) total: String,
    /// The last bar.
    pub(super) today: u64,
}

/// One day's bar, in the drawing's own units, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: String,
    pub(super) height: String,
    pub(super) title: String,
}

impl Chart {
    /// Of one sync's days; those of other syncs are passed over.
    pub(super) fn new(sync: &str, days: &[DayCounts], today: Day) -> Self {
        let of_sync = || days.iter().filter(|counts| counts.sync == sync);
        let first = Day(today.0 - DAYS + 1);
        let series = |number: fn(&DayCounts) -> u64| -> Vec<(Day, u64)> {
            let on = |day| of_sync().find(|counts| counts.day == day).map_or(0, number);
            (first.0..=today.0).map(|day| (Day(day), on(Day(day)))).collect()
        };
        let mut latest_first: Vec<_> = of_sync().collect();
        latest_first.sort_by_key(|counts| std::cmp::Reverse(counts.day));
        let row = |counts: &DayCounts| {
            (counts.day.to_string(), words::number(counts.delivered), words::number(counts.unsuccessful))
        };
        Self {
            panels: [
                Panel::new("delivered", &series(|counts| counts.delivered), "delivered"),
                Panel::new("unsuccessful", &series(|counts| counts.unsuccessful), "rejected, held or failed"),
            ],
            rows: latest_first.into_iter().map(row).collect(),
            first: first.to_string(),
            middle: Day(i64::midpoint(first.0, today.0)).to_string(),
            last: today.to_string(),
        }
    }
}

impl Panel {
    fn new(class: &'static str, series: &[(Day, u64)], what: &str) -> Self {
        let top = round_up(series.iter().map(|(_, count)| *count).max().unwrap_or(0));
        let bars = (0..).step_by(SLOT).zip(series).filter(|(_, (_, count))| *count > 0);
        let bars = bars.map(|(x, (day, count))| {
            let height = (share(*count, top) * HEIGHT).max(LEAST);
            Bar {
                x: x + (SLOT - BAR) / 2,
                y: format!("{:.1}", HEIGHT - height),
                height: format!("{height:.1}"),
                title: format!("{day}: {} {what}", words::number(*count)),
            }
        });
        Self {
            class,
            top: words::number(top),
            bars: bars.collect(),
            total: words::number(series.iter().map(|(_, count)| count).sum()),
            today: series.last().map_or(0, |(_, count)| *count),
        }
    }
}

/// The next of 1, 2 or 5 times a power of ten: a scale that people read.
fn round_up(most: u64) -> u64 {
    let power = 10_u64.pow(most.checked_ilog10().unwrap_or(0));
    [1, 2, 5]
        .into_iter()
        .map(|step: u64| power.saturating_mul(step))
        .find(|top| *top >= most)
        .unwrap_or(power.saturating_mul(10))
}

/// A part of the whole. Beyond 2^53 the last digits go, which no bar shows.
#[expect(clippy::cast_precision_loss, reason = "a bar has a hundred steps")]
fn share(count: u64, top: u64) -> f64 {
    count as f64 / top as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(sync: &str, day: i64, delivered: u64, unsuccessful: u64) -> DayCounts {
        DayCounts { sync: sync.to_owned(), day: Day(day), delivered, unsuccessful }
    }

    #[test]
    fn today_is_the_last_bar_and_another_syncs_days_are_none_of_ours() {
        let days = [day("a", 100, 20, 0), day("a", 71, 1, 1), day("b", 100, 7, 7)];
        let chart = Chart::new("a", &days, Day(100));
        assert_eq!((chart.panels[0].total.as_str(), chart.panels[0].today), ("21", 20));
        assert_eq!((chart.panels[1].total.as_str(), chart.panels[1].today), ("1", 0));
        let xs: Vec<usize> = chart.panels[0].bars.iter().map(|bar| bar.x).collect();
        assert_eq!(xs, [1, 291], "the first and the last of thirty");
        assert_eq!(
            chart.rows,
            [("1970-04-11", "20", "0"), ("1970-03-13", "1", "1")].map(|(day, a, b)| (day.into(), a.into(), b.into()))
        );
        assert_eq!(chart.panels[0].bars[1].title, "1970-04-11: 20 delivered");
    }

    #[test]
    fn a_scale_ends_at_a_round_number() {
        for (most, top) in [(0, 1), (1, 1), (3, 5), (5, 5), (11, 20), (1_204, 2_000), (5_001, 10_000)] {
            assert_eq!(round_up(most), top);
        }
    }

    proptest! {
        #[test]
        fn every_bar_is_inside_its_panel(counts in proptest::collection::vec(any::<u64>(), 30)) {
            let counts: Vec<_> = (0..).map(Day).zip(counts.into_iter().map(|count| count >> 8)).collect();
            for bar in Panel::new("delivered", &counts, "delivered").bars {
                let (y, height): (f64, f64) = (bar.y.parse().unwrap(), bar.height.parse().unwrap());
                prop_assert!(y >= 0.0 && height >= LEAST && y + height <= HEIGHT + 0.1, "{bar:?}");
            }
        }
    }
}
