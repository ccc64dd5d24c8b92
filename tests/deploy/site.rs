//! A place where lead-sync is installed: configuration, export, credential, state, and a local WeGroup to send to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use lead_sync::sandbox::{Options, Running, Sandbox};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_lead-sync");

/// Keys of the rows of the export.
pub(crate) const KEYS: [&str; 3] = ["1", "2", "3"];

pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) sandbox: Running,
    _runtime: Runtime,
}

/// What a finished command left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Site {
    /// `schedule` is a line of the sync, or nothing.
    pub(crate) fn new(schedule: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = runtime.block_on(async {
            let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            Sandbox::new(Options::default()).serve(listener).unwrap()
        });
        let site = Self { folder: tempfile::tempdir().unwrap(), sandbox, _runtime: runtime };
        let rows = KEYS.map(|key| format!("{key},Maes {key}\n")).concat();
        site.write("config/exports/customers.csv", &format!("id,last_name\n{rows}"));
        site.write("credentials/wegroup-api-token", Options::API_TOKEN);
        site.write("config/lead-sync.toml", &site.configuration(schedule));
        fs::create_dir(site.path("state")).unwrap();
        site
    }

    fn configuration(&self, schedule: &str) -> String {
        format!(
            r#"
            [connections.wegroup]
            kind = "wegroup"
            api_url = "{}"
            distribution_id = "{}"
            lead_type = "customers"
            rate_limit = "none"
            [connections.wegroup.auth]
            kind = "apikey"
            token = {{ credential = "wegroup-api-token" }}
            [syncs.customers]
            connection = "wegroup"
            timezone = "Europe/Brussels"
            {schedule}
            [syncs.customers.source]
            kind = "csv"
            path = "exports/customers.csv"
            key = "id"
            [syncs.customers.lead.prospect]
            last_name = "{{{{ last_name }}}}"
            external_ref = {{ external_ref = "{{{{ id }}}}", external_ref_company = "crm" }}
            "#,
            self.sandbox.url(),
            Options::DISTRIBUTION_ID,
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The external references that WeGroup has, in order.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let mut found: Vec<_> = self.sandbox.leads().into_iter().filter_map(|lead| lead.external_ref).collect();
        found.sort();
        found
    }
}

/// Runs a command to its end.
pub(crate) fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What the one line of a run's log says.
#[track_caller]
pub(crate) fn message(log: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(log).unwrap();
    line["message"].as_str().unwrap().to_owned()
}

/// True if this process is root; what needs it is skipped elsewhere, and says so.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
