//! The real program: a login by script, runs with tokens of seconds, processes that start at once or are killed.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lead_sync::sandbox::identity::{self, Counters, Provider};
use lead_sync::sandbox::{Options, Running, Sandbox};
use reqwest::Url;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::{Consent, drive};

/// A sandbox with leads and logins, and a folder with a configuration for it.
struct Desk {
    provider: Provider,
    running: Arc<Running>,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn start(change: impl FnOnce(&mut identity::Settings)) -> Self {
        Self::start_with(Options::default(), change).await
    }

    async fn start_with(options: Options, change: impl FnOnce(&mut identity::Settings)) -> Self {
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
        desk.configure(&wegroup(&url));
        desk
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.file("lead-sync.toml"), text).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.file("lead-sync.toml"), private).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An export with `count` customers.
    fn export(&self, count: usize) {
        let rows: Vec<String> = (0..count).map(|number| format!("{number},Jan{number},Peeters")).collect();
        std::fs::write(self.file("customers.csv"), format!("id,first_name,last_name\n{}\n", rows.join("\n"))).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lead-sync"));
        command.arg("--config").arg(self.file("lead-sync.toml")).args(arguments).env("RUST_LOG", "trace");
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// `login --no-browser`, the address pasted.
    async fn login(&self) -> Output {
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
        tokio::io::AsyncWriteExt::write_all(&mut stdin, format!("{back}\n").as_bytes()).await.unwrap();
        drop(stdin);
        let drained = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let output = child.wait_with_output().await.unwrap();
        drained.await.unwrap();
        output
    }

    fn counters(&self) -> Counters {
        self.provider.counters()
    }

    /// The stored access token is at its end.
    fn expire(&self) {
        let path = self.file("tokens/wegroup.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
        file["session"]["expires_at"] = file["session"]["obtained_at"].clone();
        std::fs::write(&path, format!("{file}\n")).unwrap();
    }
}

fn wegroup(url: &str) -> String {
    format!(
        r#"
[connections.wegroup]
kind = "wegroup"
api_url = "{url}"
sso_url = "{url}"
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

const SYNC: &str = r#"
[syncs.customers]
connection = "wegroup"
source = { kind = "csv", path = "customers.csv", key = "id" }
[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{ id }}"
"#;

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_logs_in_and_pushes_a_thousand_leads_while_tokens_live_two_seconds() {
    // Slow enough that the tokens end in the middle of the run.
    let options = Options { latency: Duration::from_millis(15), ..Options::default() };
    let desk = Desk::start_with(options, |settings| settings.access_lifetime = Duration::from_secs(2)).await;
    desk.export(1000);
    let login = desk.login().await;
    assert_eq!(login.status.code(), Some(0), "{}", said(&login));
    assert!(said(&login).contains(Options::DISTRIBUTION_ID), "{}", said(&login));
    let run = desk.run(&["--run-now", "--json"]).await;
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["syncs"]["customers"]["delivered"], 1000);
    assert!(desk.counters().refreshes > 0, "no token ended");
    assert_eq!(desk.counters().reuses, 0);
    assert_eq!(desk.running.summary().stored, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_processes_that_start_at_once_cause_one_refresh() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    assert_eq!(desk.login().await.status.code(), Some(0));
    desk.expire();
    let whoami = || desk.run(&["whoami"]);
    let outputs = tokio::join!(whoami(), whoami(), whoami(), whoami());
    for output in [outputs.0, outputs.1, outputs.2, outputs.3] {
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    assert_eq!((desk.counters().refreshes, desk.counters().reuses), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_around_a_refresh_leaves_a_session_or_a_clear_exit_5() {
    let desk = Desk::start(|_| {}).await;
    desk.export(1);
    let (mut survived, mut lost) = (0, 0);
    let mut needs_login = true;
    for round in 0_u64..60 {
        if needs_login {
            assert_eq!(desk.login().await.status.code(), Some(0));
        }
        desk.expire();
        let before = desk.counters().refreshes;
        // Until the provider answers, 0 to 9 ms after it got the request, at another point in every round.
        desk.provider.plan_faults([identity::Fault::SlowMs(5)]);
        let child = desk.command(&["whoami"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        kill_after(child, &desk, Duration::from_micros(round * 300)).await;
        desk.provider.forget_faults();
        let next = desk.run(&["whoami"]).await;
        let text = said(&next);
        match next.status.code() {
            Some(0) => {
                survived += 1;
                needs_login = false;
            }
            Some(5) => {
                // Only where the server rotated and nothing was received.
                assert!(desk.counters().refreshes > before, "{text}");
                assert!(text.contains("was lost") && text.contains("lead-sync login wegroup"), "{text}");
                lost += 1;
                needs_login = true;
            }
            _ => panic!("{text}"),
        }
    }
    println!("killed 60 times: {survived} sessions went on, {lost} needed a login");
    assert!(survived > 0, "every kill lost the session");
}

/// Kills the process a while after its token request was begun, or lets it end.
async fn kill_after(mut child: Child, desk: &Desk, pause: Duration) {
    let begun = desk.counters().token_requests;
    while desk.counters().token_requests == begun && child.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    tokio::time::sleep(pause).await;
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_the_other_services_pushes_its_leads_with_nothing_but_configuration() {
    let desk = Desk::start(|_| {}).await;
    let url = desk.running.url();
    for (name, auth) in [
        ("weseedo", "provider = \"weseedo\"\nclient_secret = \"sandbox-client-secret\""),
        ("we360", "provider = \"we360\"\nusername = \"broker@example.com\"\npassword = \"sandbox-password\""),
        ("credit", "grant = \"client_credentials\"\nclient_secret = \"sandbox-client-secret\"\nscopes = [\"person\"]"),
    ] {
        desk.export(20);
        desk.configure(&format!(
            "ledger.path = \"{name}.db\"\n[connections.wegroup]\nkind = \"http\"\nbase_url = \"{url}/generic\"\nrate_limit = \"none\"\n\
             [connections.wegroup.auth]\nkind = \"oauth2\"\ntoken_url = \"{url}/{name}/token\"\nclient_id = \"sandbox-client\"\n{auth}\n{}",
            SYNC.replace("key = \"id\" }", &format!("key = \"id\" }}\nrequest = {{ method = \"POST\", path = \"/{name}\" }}"))
        ));
        let run = desk.run(&["--run-now", "--json"]).await;
        assert_eq!(run.status.code(), Some(0), "{name}: {}", said(&run));
        let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(report["syncs"]["customers"]["delivered"], 20, "{name}");
        std::fs::remove_dir_all(desk.file("tokens")).unwrap();
    }
    assert_eq!(desk.counters().issued, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_artefact_of_a_run_shows_a_token_or_a_secret() {
    let desk = Desk::start(|_| {}).await;
    desk.export(5);
    let login = desk.login().await;
    desk.expire();
    let mut shown = said(&login);
    for arguments in [
        &["--run-now"][..],
        &["whoami"],
        &["leads", "--format", "json"],
        &["show", "1"],
        &["status"],
        &["logout"],
        &["whoami"],
    ] {
        shown += &said(&desk.run(arguments).await);
    }
    for entry in std::fs::read_dir(desk.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "toml") {
            shown += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    for secret in ["ory_at_", "ory_rt_", "ory_ac_", "sandbox-client-secret", "c2FuZGJveC1jbGllbnQ"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}
