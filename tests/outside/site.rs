//! A place where the program works: a local WeGroup, a configuration and an export, in a folder of their own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lead_sync::sandbox::{Options, Running, Sandbox};

/// Values that must never leave the machine but towards the API.
pub(crate) const PLANTED: [&str; 3] = ["Plantedfirst", "planted@example.com", "PLANTED-KEY"];

pub(crate) struct Site {
    pub(crate) api: Running,
    folder: tempfile::TempDir,
}

impl Site {
    /// `more` is added to the configuration.
    pub(crate) async fn new(more: &str) -> Self {
        let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let api = Sandbox::start(Options::default(), listener).unwrap();
        let site = Self { api, folder: tempfile::tempdir().unwrap() };
        site.configure(more);
        site
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, more: &str) {
        let text = format!(
            r#"
[connections.wegroup]
kind = "wegroup"
api_url = "{}"
distribution_id = "{}"
rate_limit = "none"
patience = "0s"
retry = {{ attempts = 3, first = "1ms", cap = "5ms", max_age = "7d" }}
auth = {{ kind = "apikey", token = "{}" }}

[syncs.customers]
connection = "wegroup"
source = {{ kind = "csv", path = "customers.csv", key = "id" }}
required = ["prospect.email"]
no_rows = "warn"

[syncs.customers.lead]
origin = "CRM"
prospect.first_name = "{{{{ name }}}}"
prospect.email = "{{{{ email }}}}"

{more}"#,
            self.api.url(),
            Options::DISTRIBUTION_ID,
            Options::API_TOKEN,
        );
        self.write("lead-sync.toml", &text);
        std::fs::set_permissions(self.file("lead-sync.toml"), PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// An export with these rows: key, name and mail.
    pub(crate) fn export(&self, rows: &[[&str; 3]]) {
        let rows: String = rows.iter().map(|row| row.join(",") + "\n").collect();
        self.write("customers.csv", &format!("id,name,email\n{rows}"));
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[]).await
    }

    /// As [`Site::run`], with these variables.
    pub(crate) async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lead-sync"));
        command.current_dir(self.folder.path()).args(["--config", "lead-sync.toml"]).args(arguments);
        command.env_remove("STATE_DIRECTORY").env_remove("HTTP_PROXY").env_remove("http_proxy");
        command.envs(variables.iter().copied());
        tokio::task::spawn_blocking(move || Ran::of(&command.output().unwrap())).await.unwrap()
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.file("lead-sync.db")
    }

    /// Moves a file of the site away for good.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).unwrap();
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }
}

/// Panics if a planted value is in `text`.
#[track_caller]
pub(crate) fn assert_nothing_planted(text: &str) {
    for value in PLANTED {
        assert!(!text.contains(value), "{value} is in\n{text}");
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
