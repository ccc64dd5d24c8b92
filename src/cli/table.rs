//! Lists on the terminal and for other programs.

use std::io::{IsTerminal, stdout};

use unicode_width::UnicodeWidthStr;

use super::out::{say, shown};

/// No column of a table is made narrower than this, in characters: less of a key or a reason says nothing.
const NARROWEST: usize = 8;

/// Between two columns.
const GAP: &str = "  ";

/// The text, on a terminal as a link to `url` (OSC 8) if that is one of the web.
pub(super) fn link(url: &str, text: &str) -> String {
    let web = url.starts_with("https://") || url.starts_with("http://");
    if web && stdout().is_terminal() {
        format!("\x1b]8;;{}\x1b\\{}\x1b]8;;\x1b\\", shown(url), shown(text))
    } else {
        shown(text)
    }
}

/// Columns aligned with two spaces between them. On a terminal they fit its width, the widest ones cut off; elsewhere nothing is cut.
pub(super) fn print<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let mut widths = head.map(UnicodeWidthStr::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    if let Some((columns, _)) = terminal_size::terminal_size_of(stdout()) {
        fit(&mut widths, usize::from(columns.0).saturating_sub(GAP.len() * N.saturating_sub(1)));
    }
    let colours = colours();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(widths).map(|(cell, width)| painted(cell, &padded(cell, width), colours)).collect();
        say(padded.join(GAP).trim_end());
    };
    line(&mut head.into_iter());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// Rows as CSV with a header (RFC 4180), harmless for a spreadsheet, and for a terminal if they are shown on one.
pub(super) fn csv<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    say(head.join(","));
    let on_terminal = stdout().is_terminal();
    for row in rows {
        say(row.map(|cell| if on_terminal { quoted(&shown(&cell)) } else { quoted(&cell) }).join(","));
    }
}

/// A spreadsheet runs what begins with `= + - @`, a tab or a line end, so such a cell gets an apostrophe.
fn quoted(cell: &str) -> String {
    let dangerous = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let cell = if dangerous { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// Makes the widest columns narrower until they fit `room`, or none can be made narrower.
fn fit(widths: &mut [usize], room: usize) {
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

/// The cell, filled up or cut off to `width` columns of the terminal.
fn padded(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return format!("{cell}{}", " ".repeat(width - cell.width()));
    }
    let mut cut = String::new();
    for c in cell.chars() {
        let longer = format!("{cut}{c}");
        if longer.width() + 1 > width {
            break;
        }
        cut = longer;
    }
    let filled = width.saturating_sub(cut.width() + 1);
    format!("{cut}…{}", " ".repeat(filled))
}

/// True on a terminal that knows colours, unless the user wants none (<https://no-color.org>).
fn colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stdout().is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// States and outcomes in their colour.
fn painted(cell: &str, padded: &str, colours: bool) -> String {
    let colour = match cell {
        "delivered" | "complete" => "32",
        "rejected" | "failed" | "error" | "auth" => "31",
        "held" | "waiting" | "attention" | "deferred" => "33",
        _ => return padded.to_owned(),
    };
    if colours { format!("\x1b[{colour}m{padded}\x1b[0m") } else { padded.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_first_and_none_gets_too_narrow() {
        let mut widths = [5, 40, 20];
        fit(&mut widths, 45);
        assert_eq!(widths, [5, 20, 20]);
        fit(&mut widths, 3);
        assert_eq!(widths, [5, 8, 8]);
    }

    #[test]
    fn cells_are_cut_by_what_the_terminal_shows_of_them() {
        assert_eq!(padded("Zoë", 5), "Zoë  ");
        assert_eq!(padded("a long reason", 8), "a long …");
        assert_eq!(padded("漢字漢字", 6), "漢字… ");
    }

    #[test]
    fn cells_for_a_spreadsheet_are_quoted_and_harmless() {
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
