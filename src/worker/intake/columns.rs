//! A kept row by its columns, for a person.

use crate::domain::record::Layout;
use crate::sources::csv::rejects::Style;

/// A row that the ledger keeps, as an object of its columns.
pub fn columns_of(layout: &Layout, record: &[u8]) -> serde_json::Map<String, serde_json::Value> {
    let style = Style::of(layout);
    let cells = style.cells(record);
    let name = |place: usize| match style.names().get(place) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => (place + 1).to_string(),
    };
    cells.iter().enumerate().map(|(place, cell)| (name(place), style.text(cell).into())).collect()
}
