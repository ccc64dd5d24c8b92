//! The real program beside a sandbox with leads and logins.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use lead_sync::sandbox::identity::{self, Counters, Provider};
use lead_sync::sandbox::{Options, Running, Sandbox};
use reqwest::Url;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::{Consent, drive};

/// A sandbox with leads and logins, and a folder with a configuration for it.
pub(crate) struct Desk {
    pub(crate) provider: Provider,
    pub(crate) running: Arc<Running>,
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) async fn start(change: impl FnOnce(&mut identity::Settings)) -> Self {
        Self::start_with(Options::default(), change).await
    }

    pub(crate) async fn start_with(options: Options, change: impl FnOnce(&mut identity::Settings)) -> Self {
        let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = identity::Settings::new(&url);
        settings.distribution_id = Options::DISTRIBUTION_ID.into();
        change(&mut settings);
        let provider = Provider::new(settings).unwrap();
        let running = Sandbox::new(options)
            .with_routes(provider.router())
            .with_bearer_check(provider.bearer_check())
            .serve(listener)
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { provider, running: Arc::new(running), folder };
        desk.configure(&wegroup(&url, &url));
        desk
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.file("lead-sync.toml"), text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.file("lead-sync.toml"), private).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An export with `count` customers.
    pub(crate) fn export(&self, count: usize) {
        let rows: Vec<String> = (0..count).map(|number| format!("{number},Jan{number},Peeters")).collect();
        std::fs::write(self.file("customers.csv"), format!("id,first_name,last_name\n{}\n", rows.join("\n"))).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lead-sync"));
        command.arg("--config").arg(self.file("lead-sync.toml")).args(arguments).env("LEAD_SYNC_LOG", "trace");
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// `login --no-browser`, the address pasted.
    pub(crate) async fn login(&self) -> Output {
        self.login_pasting(|address| format!("{address}\n")).await
    }

    /// As [`Self::login`], with what is pasted made of the address.
    pub(crate) async fn login_pasting(&self, pasted: impl Fn(&Url) -> String) -> Output {
        let mut command = tokio::process::Command::from(self.command(&["login", "--no-browser"]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if line.trim().starts_with("http://") && line.contains("/oauth2/auth?") {
                break Url::parse(line.trim()).unwrap();
            }
        };
        let back = drive(&address, Consent::Allow).await;
        let mut stdin = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, pasted(&back).as_bytes()).await.unwrap();
        drop(stdin);
        let drained = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let output = child.wait_with_output().await.unwrap();
        drained.await.unwrap();
        output
    }

    pub(crate) fn counters(&self) -> Counters {
        self.provider.counters()
    }

    /// The stored access token is at its end.
    pub(crate) fn expire(&self) {
        let path = self.file("tokens/wegroup.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
        file["session"]["expires_at"] = file["session"]["obtained_at"].clone();
        std::fs::write(&path, format!("{file}\n")).unwrap();
    }
}

/// A sync to the API, with a login at `sso`.
pub(crate) fn wegroup(api: &str, sso: &str) -> String {
    format!(
        r#"
[connections.wegroup]
kind = "wegroup"
api_url = "{api}"
sso_url = "{sso}"
rate_limit = "none"
[connections.wegroup.auth]
kind = "sso"
client_id = "sandbox-client"
client_secret = "sandbox-client-secret"
redirect_url = "http://127.0.0.1:8400/callback"
{SYNC}
[syncs.customers.lead.prospect]
first_name = "{{{{ first_name }}}}"
last_name = "{{{{ last_name }}}}"
external_ref = {{ external_ref = "{{{{ id }}}}", external_ref_company = "crm" }}
"#
    )
}

pub(crate) const SYNC: &str = r#"
[syncs.customers]
connection = "wegroup"
source = { kind = "csv", path = "customers.csv", key = "id" }
[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{ id }}"
"#;

pub(crate) fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}
