//! The configuration as a user meets it: files in, settings or problems out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod credentials;
mod example;
mod rules;
mod secrets;
mod values;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lead_sync::config::{Env, Loaded, Problems, Secrets, load};
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../config/lead-sync.toml");

/// A configuration file in a folder of its own, readable by its owner only.
struct File {
    dir: TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let file = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(file.path(), text).unwrap();
        file.chmod(0o600);
        file
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("lead-sync.toml")
    }

    fn chmod(&self, mode: u32) {
        fs::set_permissions(self.path(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, env: &Env) -> Result<Loaded, Problems> {
        load(&self.path(), env, Secrets::None)
    }

    /// The problems as a user sees them, the folder left out.
    fn problems(&self, env: &Env) -> Vec<String> {
        let dir = format!("{}/", self.dir.path().display());
        match self.load(env) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.to_string().replace(&dir, "").lines().map(str::to_owned).collect(),
        }
    }
}

fn none() -> Env {
    Env::default()
}

fn settings(text: &str) -> String {
    let loaded = File::new(text).load(&none()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, [""; 0]);
    let dir = loaded.path().parent().unwrap().display().to_string();
    format!("{:#?}", loaded.unresolved).replace(&dir, "DIR")
}

/// As little as possible of the example: everything else in it is a default.
const ESSENTIALS: &str = r#"
[connections.wegroup]
distribution_id = "42f9b29d-a302-44dd-a984-515faacf2acd"
auth = { token = { env = "WEGROUP_API_TOKEN" } }

[syncs.customers]
connection = "wegroup"
source = { path = "exports/customers*.csv", key = "id" }

[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{ id }}"
prospect.first_name = "{{ first_name }}"
prospect.last_name = "{{ last_name }}"
prospect.email = "{{ email }}"
prospect.external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" }
"#;
