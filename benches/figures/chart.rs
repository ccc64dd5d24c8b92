//! Curves over time, one below the other, as SVG.

use std::fmt::Write;
use std::path::Path;

use crate::Result;

/// One curve: a figure for each second.
pub(crate) struct Curve {
    /// What it shows.
    pub(crate) name: &'static str,
    /// Unit of the figures.
    pub(crate) unit: &'static str,
    /// The figures, first second first.
    pub(crate) figures: Vec<f64>,
}

/// Where a curve's field begins, and its size, in pixels.
const LEFT: f64 = 70.0;
const TOP: f64 = 46.0;
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 110.0;

/// From one field to the next.
const STEP: f64 = HEIGHT + 50.0;

/// Writes the curves to `path`.
pub(crate) fn write(path: &Path, title: &str, curves: &[Curve]) -> Result<()> {
    let (width, height) = (LEFT + WIDTH + 30.0, TOP + STEP * count(curves.len()) + 10.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n"
    );
    for (place, curve) in curves.iter().enumerate() {
        field(&mut svg, curve, TOP + STEP * count(place))?;
    }
    svg += "</svg>\n";
    Ok(std::fs::write(path, svg)?)
}

/// A curve with its axes: the figures from 0, and time in minutes.
fn field(svg: &mut String, curve: &Curve, top: f64) -> Result<()> {
    let highest = ceiling(curve.figures.iter().copied().fold(0.0, f64::max));
    let bottom = top + HEIGHT;
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{} ({})</text>",
        top - 6.0,
        curve.name,
        curve.unit
    )?;
    for share in [0.0, 0.5, 1.0] {
        let y = bottom - share * HEIGHT;
        writeln!(svg, "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>", LEFT + WIDTH)?;
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, y + 4.0, highest * share)?;
    }
    let seconds = count(curve.figures.len());
    let minutes = curve.figures.len() / 60;
    // So that the numbers do not touch each other.
    for minute in (0..=minutes).step_by(if minutes > 20 { 5 } else { 1 }) {
        let x = LEFT + WIDTH * 60.0 * count(minute) / seconds;
        let unit = if minute == 0 { " min" } else { "" };
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{minute}{unit}</text>", bottom + 16.0)?;
    }
    let mut points = String::new();
    for (second, figure) in curve.figures.iter().enumerate() {
        let x = LEFT + WIDTH * count(second + 1) / seconds;
        write!(points, "{x:.1},{:.1} ", bottom - HEIGHT * figure / highest)?;
    }
    writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"#0a5ad6\"/>", points.trim_end())?;
    Ok(())
}

/// The next round number above `highest`: 1, 2 or 5 times a power of ten, so that its half is short, too.
fn ceiling(highest: f64) -> f64 {
    let power = 10_f64.powf(highest.max(1e-3).log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    round.into_iter().find(|round| *round >= highest).unwrap_or(highest)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
