//! The forms that the rejected rows of a sync are written in: one export may have been written in several, one after the other.

use std::collections::HashSet;

use super::reader::Reader;
use crate::domain::record::{Layout, Record, Row};
use crate::ledger::{Reject, RejectOrigin};
use crate::sources::csv::rejects::Style;
use crate::worker::prepare::Ready;

/// The forms with the columns of one rejects file: rows of it may be of any of them.
pub(super) struct Forms {
    first: Form,
    others: Vec<Form>,
}

struct Form {
    layout: Layout,
    style: Style,
    reader: Reader,
    /// Numbers of the origins with rows in this form, and of the layout as which they are kept.
    rows_of: HashSet<(i64, Option<i64>)>,
}

impl Forms {
    /// `file` is the style of the rejects file. An error, a sentence, if the sync can read none of the forms now.
    pub(super) fn new(sync: &Ready, origins: &[RejectOrigin], file: &Style) -> Result<Self, String> {
        let mut forms: Vec<Form> = Vec::new();
        let mut unreadable = None;
        for origin in origins {
            let style = Style::of(&origin.layout);
            let rows = (origin.id, origin.kept_as);
            if let Some(form) = forms.iter_mut().find(|form| form.layout == origin.layout) {
                form.rows_of.insert(rows);
            } else if style.names() == file.names() {
                match Reader::new(sync, &origin.layout) {
                    Ok(reader) => {
                        forms.push(Form {
                            layout: origin.layout.clone(),
                            style,
                            reader,
                            rows_of: HashSet::from([rows]),
                        });
                    }
                    Err(reason) => unreadable = unreadable.or(Some(reason)),
                }
            }
        }
        let mut forms = forms.into_iter();
        let first = forms.next().ok_or_else(|| unreadable.unwrap_or_default())?;
        Ok(Self { first, others: forms.collect() })
    }

    /// Whether the file can be one with this row: it has the row's columns.
    pub(super) fn has(&self, reject: &Reject) -> bool {
        self.first.has(reject) || self.others.iter().any(|form| form.has(reject))
    }

    /// How the row's cells are written; of no row, as those of the first form.
    pub(super) fn style(&self, reject: Option<&Reject>) -> &Style {
        let of_row = reject.and_then(|reject| self.others.iter().find(|form| form.has(reject)));
        &of_row.unwrap_or(&self.first).style
    }

    /// Fills `record` as if the export held these cells, in the form of `reject` and in its place.
    pub(super) fn read(&mut self, reject: Option<&Reject>, cells: &[Vec<u8>], record: &mut Record) -> Row {
        let of_row = reject.and_then(|reject| self.others.iter_mut().find(|form| form.has(reject)));
        let form = of_row.unwrap_or(&mut self.first);
        let (original, line) = reject.map_or((&[][..], 0), |reject| (reject.record.as_slice(), reject.line));
        form.reader.read(&form.style, cells, original, line, record)
    }
}

impl Form {
    fn has(&self, reject: &Reject) -> bool {
        self.rows_of.contains(&(reject.origin, reject.layout))
    }
}
