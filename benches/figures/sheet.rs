//! What a figure prints, as it is measured: tables in Markdown, so that docs/BENCHMARKS.md can hold them as they are.

use std::time::Duration;

/// The text of one figure.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    text: String,
}

impl Sheet {
    /// Begins a list of single figures.
    pub(crate) fn begin(&mut self, title: &str) {
        self.table(title, &["", "measured", "asked for"]);
    }

    /// Begins a table: its title and the names of its columns.
    pub(crate) fn table(&mut self, title: &str, columns: &[&str]) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.add(&format!("{gap}**{title}**\n"));
        self.row(columns);
        let rule: Vec<&str> = columns.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }).collect();
        self.row(&rule);
    }

    /// Adds a row of a table.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        self.add(&format!("| {} |", cells.join(" | ")));
    }

    /// Adds a figure to a list.
    pub(crate) fn line(&mut self, what: &str, figure: &str) {
        self.row(&[what, figure, ""]);
    }

    /// Adds a figure to a list, and whether it is what the project asks for.
    pub(crate) fn target(&mut self, what: &str, figure: &str, asked: &str, reached: bool) {
        self.row(&[what, figure, &format!("{asked}: {}", if reached { "met" } else { "**MISSED**" })]);
    }

    /// Adds a remark below a table.
    pub(crate) fn remark(&mut self, text: &str) {
        self.add(&format!("\n{text}"));
    }

    /// Everything that was added.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn add(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// The middle one of an odd number of figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// `number` in `time`, in a second.
pub(crate) fn rate(number: u64, time: Duration) -> f64 {
    count(number) / time.as_secs_f64()
}

/// Microseconds for each of `number`.
pub(crate) fn micros_each(time: Duration, number: u64) -> f64 {
    1e6 / rate(number, time)
}

/// Bytes as megabytes.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    count(bytes) / 1e6
}

/// Without decimals, a comma after each three digits.
pub(crate) fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let groups: Vec<&str> = (0..digits.len())
        .rev()
        .step_by(3)
        .map(|last| digits.get(last.saturating_sub(2)..=last).unwrap_or_default())
        .collect();
    groups.into_iter().rev().collect::<Vec<_>>().join(",")
}
