//! What `init` can be told instead of being asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::config::starter;

/// Options of `init`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
On a terminal, and without --export, it asks for what the options do not say; elsewhere that stays to be filled in.
Example: lead-sync init --export /srv/crm/customers.csv --distribution-id 42f9b29d-a302-44dd-a984-515faacf2acd")]
pub struct InitOptions {
    /// The file to write [default: as for --config, but without /etc]
    #[arg(long, value_name = "FILE")]
    pub path: Option<PathBuf>,
    /// A CSV export, or a glob in quotes: its header becomes the mapping, as far as the names are known
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// The column with the CRM's own id of the row [default: found by its name]
    #[arg(long, value_name = "COLUMN", requires = "export")]
    pub key: Option<String>,
    /// The distribution that WeGroup gave you with the API token
    #[arg(long, value_name = "ID", value_parser = crate::config::parse_id)]
    pub distribution_id: Option<String>,
    /// Which WeGroup the leads go to [default: staging]
    #[arg(long, value_enum)]
    pub environment: Option<Environment>,
    /// How lead-sync gets in [default: apikey]
    #[arg(long, value_enum)]
    pub auth: Option<Auth>,
}

/// The credentials that WeGroup gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// A token that came by mail
    Apikey,
    /// A login in the browser, renewed from then on
    Sso,
}

/// WeGroup's installations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// For trying things out
    Staging,
    /// The real one
    Production,
}

impl From<Environment> for starter::Environment {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Staging => Self::Staging,
            Environment::Production => Self::Production,
        }
    }
}
