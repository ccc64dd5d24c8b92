//! Leading zeros that a spreadsheet dropped: it reads `00123` as the number 123, and writes that back into every row, touched or not.

use crate::sources::csv::rejects::Style;

/// Whether `cell` is `original` without its leading zeros, and nothing else about it is another. One that still begins with a zero was not read
/// as a number.
pub(super) fn are_lost(original: &[u8], cell: &[u8]) -> bool {
    let zeros = original.strip_suffix(cell).unwrap_or_default();
    !zeros.is_empty()
        && zeros.iter().all(|byte| *byte == b'0')
        && cell.first().is_some_and(u8::is_ascii_digit)
        && (cell == b"0" || !cell.starts_with(b"0"))
}

/// The cells with the zeros that they have lost.
pub(super) fn restored(cells: &[Vec<u8>], original: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let before =
        |place: usize, cell: &Vec<u8>| original.get(place).filter(|original| are_lost(original, cell)).cloned();
    cells.iter().enumerate().map(|(place, cell)| before(place, cell).unwrap_or_else(|| cell.clone())).collect()
}

/// Why cells that need zeros `restored` are no correction: which columns they are in, and what to do.
pub(super) fn refusal(cells: &[Vec<u8>], restored: &[Vec<u8>], style: &Style) -> Option<String> {
    let lost = cells.iter().zip(restored).enumerate().filter(|(_, (cell, before))| cell != before);
    let name = |place: usize| style.names().get(place).map_or_else(|| (place + 1).to_string(), Clone::clone);
    let names: Vec<String> = lost.map(|(place, _)| format!("'{}'", name(place))).collect();
    let columns = if names.len() == 1 { "column" } else { "columns" };
    (!names.is_empty()).then(|| {
        format!(
            "{columns} {}: leading zeros are lost, as a spreadsheet drops them unless it reads the column as text: open the file of \
             `rejects export` again with these columns as text, and correct it there",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zeros_in_front_of_a_digit_are_lost() {
        for (original, cell, expected) in [
            ("00123", "123", true),
            ("0475123456", "475123456", true),
            ("000", "0", true),
            ("00123", "0123", false),
            ("00123", "00123", false),
            ("00123", "124", false),
            ("10123", "123", false),
            ("123", "00123", false),
            ("0", "", false),
            ("", "123", false),
            ("0x", "x", false),
        ] {
            assert_eq!(are_lost(original.as_bytes(), cell.as_bytes()), expected, "{original} {cell}");
        }
    }
}
