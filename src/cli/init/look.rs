//! An export as `init` looks at it: its header, and how its dates are written.

use std::path::Path;
use std::time::Duration;

use crate::cli::exit::Failure;
use crate::cli::out;
use crate::clock;
use crate::config::starter::{Columns, Export, Field, date_format};
use crate::domain::record::{Cell, Record, Row};
use crate::sources::{self, csv};

/// So many rows show how dates are written.
const ROWS_LOOKED_AT: usize = 1000;

/// The header of an export, the newest file's if there are several.
pub(super) struct Look {
    /// As it was named.
    shown: String,
    path: String,
    settings: csv::Settings,
    newest: csv::Entry,
    /// The header's names.
    pub(super) names: Vec<String>,
    /// What the names say.
    pub(super) columns: Columns,
}

impl Look {
    /// Reads the header.
    pub(super) fn at(file: &Path) -> Result<Self, Failure> {
        let shown = file.to_str().ok_or_else(|| {
            let text =
                format!("{} is not UTF-8, and a configuration is: rename the file or its folder", file.display());
            Failure::usage(text)
        })?;
        let absolute = std::path::absolute(file)?;
        let path = absolute.to_str().ok_or_else(|| Failure::usage("the path of this folder is not UTF-8"))?.to_owned();
        let settings = csv::Settings {
            path: absolute,
            shown: shown.to_owned(),
            key: String::new(),
            delimiter: None,
            encoding: None,
            quote: None,
            min_age: Duration::ZERO,
            require_final_newline: false,
            after: csv::After::Keep,
        };
        let mut entries = csv::list(&settings, clock::now()).map_err(Failure::usage)?;
        let newest = entries.pop().ok_or_else(|| Failure::usage(format!("no file matches {shown}")))?;
        let names = csv::column_names(&newest, &settings).map_err(Failure::usage)?;
        let columns = Columns::guess(&names);
        Ok(Self { shown: shown.to_owned(), path, settings, newest, names, columns })
    }

    /// What `init` knows of the export once key and columns are chosen. Refuses a key that is no column.
    pub(super) fn export(&self, key: &str, columns: Columns) -> Result<Export, Failure> {
        let unfit = |reason| Failure::usage(format!("{}: {reason}", self.shown));
        sources::require_column(&self.names, key).map_err(unfit)?;
        let settings = csv::Settings { key: key.to_owned(), ..self.settings.clone() };
        let dates = look_into(&self.newest, &settings, columns.column(Field::BirthDate)).map_err(Failure::usage)?;
        Ok(Export { path: self.path.clone(), key: key.to_owned(), columns, date_format: date_format(&dates) })
    }

    /// The names of the columns, for a person.
    pub(super) fn shown_names(&self) -> String {
        self.names.iter().map(|name| out::shown(name)).collect::<Vec<_>>().join(", ")
    }

    /// No name of the header says that it is the key.
    pub(super) fn no_key(&self) -> Failure {
        Failure::usage(format!(
            "no column of {} looks like the CRM's own id of the row: name it with --key COLUMN; the columns are: {}",
            self.shown,
            self.shown_names()
        ))
    }
}

/// The filled cells of `column` in the first rows. Refuses a file without the key column.
fn look_into(
    entry: &csv::Entry,
    settings: &csv::Settings,
    column: Option<&str>,
) -> Result<Vec<String>, sources::Error> {
    let wanted: Vec<String> = column.map(str::to_owned).into_iter().collect();
    let mut file = csv::CsvFile::open(entry, settings, &wanted)?;
    let (mut cells, mut record) = (Vec::new(), Record::default());
    for _ in 0..ROWS_LOOKED_AT {
        match file.next(&mut record)? {
            None => break,
            Some(Row::Bad(_)) => {}
            Some(Row::Good) => match record.cell(0) {
                Cell::Text(text) if !text.trim().is_empty() => cells.push(text.to_owned()),
                _ => {}
            },
        }
    }
    Ok(cells)
}
