//! One folder with a configuration, a sandbox on loopback, and the real binary.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use lead_sync::sandbox::identity::{self, Provider};
use lead_sync::sandbox::{Fault, Options, Received, Running, Sandbox, StoredLead};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A place to run in. Dropped, it takes everything with it.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) api: Running,
    /// Keeps the sandbox going.
    _runtime: Runtime,
    connection: BTreeMap<&'static str, String>,
    sync: BTreeMap<&'static str, String>,
    source: BTreeMap<&'static str, String>,
    lead: String,
    auth: String,
    more: String,
}

/// What a run printed, read.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A count of the sync `customers`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.json()["syncs"]["customers"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn outcome(&self) -> String {
        self.json()["outcome"].as_str().unwrap_or_default().to_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The mapping of the corpus and of most tests.
const LEAD: &str = r#"
origin = "CRM"
backref = "https://crm.example.com/customers/{{ id }}"
[syncs.customers.lead.prospect]
first_name = "{{ first_name }}"
last_name = "{{ last_name }}"
email = "{{ email }}"
external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" }
"#;

impl Scene {
    /// A sandbox with the usual options.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let api = runtime.block_on(async {
            let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            Sandbox::start(options, listener).unwrap()
        });
        Self::around(runtime, api)
    }

    /// A sandbox that also hands out tokens.
    pub(crate) fn with_logins(change: impl FnOnce(&mut identity::Settings)) -> (Self, Provider) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (api, provider) = runtime.block_on(async {
            let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            let mut settings = identity::Settings::new(format!("http://{}", listener.local_addr().unwrap()));
            change(&mut settings);
            let provider = Provider::new(settings).unwrap();
            let sandbox = Sandbox::new(Options::default()).with_routes(provider.router());
            (sandbox.with_bearer_check(provider.bearer_check()).serve(listener).unwrap(), provider)
        });
        (Self::around(runtime, api), provider)
    }

    fn around(runtime: Runtime, api: Running) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("exports")).unwrap();
        let text = |text: &str| format!("{text:?}");
        let connection = BTreeMap::from([
            ("kind", text("wegroup")),
            ("api_url", text(&api.url())),
            ("distribution_id", text(Options::DISTRIBUTION_ID)),
            ("rate_limit", text("none")),
            ("timeout", text("2s")),
            ("patience", text("5s")),
            ("retry", r#"{ first = "10ms", cap = "50ms" }"#.to_owned()),
        ]);
        let source = BTreeMap::from([("kind", text("csv")), ("path", text("exports/*.csv*")), ("key", text("id"))]);
        let sync = BTreeMap::from([("connection", text("wegroup"))]);
        let auth = "kind = \"apikey\"\ntoken = { env = \"TEST_TOKEN\" }".to_owned();
        let lead = LEAD.to_owned();
        Self { folder, api, _runtime: runtime, connection, sync, source, lead, auth, more: String::new() }
    }

    /// Sets a key of the connection to a TOML value.
    pub(crate) fn connection(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.connection.insert(key, value.to_owned());
        self
    }

    /// Takes a key of the connection out.
    pub(crate) fn without_connection(&mut self, key: &str) -> &mut Self {
        self.connection.remove(key);
        self
    }

    /// Sets a key of the sync to a TOML value.
    pub(crate) fn sync(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.sync.insert(key, value.to_owned());
        self
    }

    /// Sets a key of the source to a TOML value.
    pub(crate) fn source(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.source.insert(key, value.to_owned());
        self
    }

    /// Replaces the body of `[syncs.customers.lead]`.
    pub(crate) fn lead(&mut self, toml: &str) -> &mut Self {
        toml.clone_into(&mut self.lead);
        self
    }

    /// Replaces the body of `[connections.wegroup.auth]`.
    pub(crate) fn auth(&mut self, toml: &str) -> &mut Self {
        toml.clone_into(&mut self.auth);
        self
    }

    /// Replaces what stands after connection and sync: other tables.
    pub(crate) fn more(&mut self, toml: &str) -> &mut Self {
        toml.clone_into(&mut self.more);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an export.
    pub(crate) fn export(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path("exports").join(name), bytes).unwrap();
    }

    /// Writes `customers.csv` with plain rows of these keys.
    pub(crate) fn customers(&self, keys: impl IntoIterator<Item = u32>) {
        let mut text = "id,first_name,last_name,email\n".to_owned();
        for key in keys {
            writeln!(text, "{key},First{key},Last{key},p{key}@example.com").unwrap();
        }
        self.export("customers.csv", text);
    }

    fn configuration(&self) -> String {
        let table = |values: &BTreeMap<&str, String>| {
            values.iter().fold(String::new(), |text, (key, value)| text + key + " = " + value + "\n")
        };
        format!(
            "[connections.wegroup]\n{}\n[connections.wegroup.auth]\n{}\n\n[syncs.customers]\n{}\n[syncs.customers.source]\n{}\n\
             [syncs.customers.lead]{}\n{}",
            table(&self.connection),
            self.auth,
            table(&self.sync),
            table(&self.source),
            self.lead,
            self.more
        )
    }

    /// The binary with these arguments, ready to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        fs::write(self.path("lead-sync.toml"), self.configuration()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_lead-sync"));
        command.args(args).env("LEAD_SYNC_CONFIG", self.path("lead-sync.toml")).env("TEST_TOKEN", Options::API_TOKEN);
        command.stdin(Stdio::null()).current_dir(self.folder.path());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn cli(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// `--run-now --json`.
    pub(crate) fn run(&self) -> Ran {
        self.cli(&["--run-now", "--json"])
    }

    /// Starts `--run-now --json` and goes on.
    pub(crate) fn spawn(&self) -> Child {
        let mut command = self.command(&["--run-now", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(crate) fn fault(&self, fault: Fault) -> &Self {
        self.api.add_fault(fault).unwrap();
        self
    }

    /// The complete lead requests the API has received, in order.
    pub(crate) fn requests(&self) -> Vec<Received> {
        let lead = |request: &Received| request.target == lead_sync::sandbox::Target::Lead && !request.partial;
        self.api.requests().into_iter().filter(lead).collect()
    }

    /// What the API has stored.
    pub(crate) fn stored(&self) -> Vec<StoredLead> {
        self.api.leads()
    }

    /// `leads --format json`.
    pub(crate) fn leads(&self) -> Vec<Value> {
        self.cli(&["leads", "--format", "json"]).json().as_array().cloned().unwrap_or_default()
    }

    /// The one lead with this key.
    pub(crate) fn lead_of(&self, key: &str) -> Value {
        let mut found: Vec<Value> = self.leads().into_iter().filter(|lead| lead["key"] == key).collect();
        assert_eq!(found.len(), 1, "{key}: {found:?}");
        found.remove(0)
    }

    /// The ledger, opened by another program.
    pub(crate) fn ledger(&self) -> Connection {
        Connection::open_with_flags(self.path("lead-sync.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// The first column of a query over the ledger, as text.
    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        let ledger = self.ledger();
        let mut statement = ledger.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        rows.map(|value| match value.unwrap() {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
    }
}
