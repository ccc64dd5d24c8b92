//! What is measured: the real program, as a user would start it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Result;
use crate::meter::{self, Taken};

/// Where leads go.
pub(crate) const PATH: &str = "/v1/api/distributions/42f9b29d-a302-44dd-a984-515faacf2acd/leads/customers";

/// The credential, which nobody checks.
pub(crate) const AUTHORIZATION: &str = "apikey bench-token";

/// The release binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_lead-sync");

/// A folder with a configuration and, after the first run, a ledger.
pub(crate) struct Subject {
    folder: TempDir,
}

impl Subject {
    /// A fresh one that reads `export` and sends to `address`. The folder is on the disk of the build, as `/tmp` may be memory.
    pub(crate) fn new(export: &Path, address: &str, in_flight: usize) -> Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.path().join("bench.toml"))?;
        file.write_all(configuration(export, address, in_flight).as_bytes())?;
        Ok(Self { folder })
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Result<(Taken, String)> {
        let configuration = self.path("bench.toml");
        let configuration = configuration.to_str().ok_or("the folder's name is not text")?;
        meter::run(PROGRAM, &[&["--config", configuration], args].concat())
    }

    /// One run towards another address, ready to be started.
    pub(crate) fn run_now(&self, address: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.path("bench.toml")).args(["--run-now", "--json"]);
        command.env("LEAD_SYNC__CONNECTIONS__BENCH__API_URL", format!("http://{address}"));
        command
    }

    /// Size of the ledger and of its write-ahead log, if that is left, in bytes.
    pub(crate) fn ledger_size(&self) -> Result<u64> {
        let log = std::fs::metadata(self.path("lead-sync.db-wal")).map_or(0, |file| file.len());
        Ok(log + std::fs::metadata(self.ledger())?.len())
    }

    /// The part of the ledger's pages that holds something; the rest is used again.
    pub(crate) fn ledger_in_use(&self) -> Result<u64> {
        let ledger = rusqlite::Connection::open(self.ledger())?;
        let number = |pragma: &str| ledger.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0).map(u64::from));
        Ok((number("page_count")? - number("freelist_count")?) * number("page_size")?)
    }

    /// Its ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path("lead-sync.db")
    }

    /// A file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn configuration(export: &Path, address: &str, in_flight: usize) -> String {
    format!(
        r#"
[connections.bench]
kind = "wegroup"
api_url = "http://{address}"
distribution_id = "42f9b29d-a302-44dd-a984-515faacf2acd"
rate_limit = "none"
max_in_flight = {in_flight}
auth = {{ kind = "apikey", token = "bench-token" }}

[syncs.customers]
connection = "bench"
source = {{ kind = "csv", path = "{}", key = "id" }}

[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{{{ id }}}}"
product = "{{{{ product }}}}"
agent = "{{{{ agent }}}}"

[syncs.customers.lead.prospect]
first_name = "{{{{ first_name }}}}"
last_name = "{{{{ last_name }}}}"
email = "{{{{ email }}}}"
phone = "{{{{ phone }}}}"
birth_date = "{{{{ birth_date|date('%d/%m/%Y') }}}}"
address = {{ street = "{{{{ street }}}}", house_number = "{{{{ house_number }}}}", postcode = "{{{{ postcode }}}}", city = "{{{{ city }}}}" }}
language = "{{{{ language }}}}"
external_ref = {{ external_ref = "{{{{ id }}}}", external_ref_company = "crm" }}
"#,
        export.display()
    )
}
