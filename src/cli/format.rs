//! `--format`, the same for every command that lists.

use clap::{Args as ClapArgs, ValueEnum};

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for a person
    Table,
    /// One JSON array
    Json,
    /// CSV with a header
    Csv,
}

/// How a command that lists prints.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct Form {
    /// How to print; names of fields and columns stay as they are
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl Form {
    /// The format that is meant.
    pub fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}
