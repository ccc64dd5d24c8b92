//! The configuration as a user meets it: files in, settings or problems out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lead_sync::auth;
use lead_sync::config::{Env, Loaded, Problems, load};
use lead_sync::sources::{Settings as Source, csv::After};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use toml::{Table, Value};

const EXAMPLE: &str = include_str!("../config/lead-sync.toml");

/// Keys whose tables are free: their keys are the user's.
const FREE: [&str; 2] = ["lead", "headers"];

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
        load(&self.path(), env)
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

/// The variables of a fixture.
fn variables(text: &str) -> Env {
    text.lines()
        .filter_map(|line| line.strip_prefix("#$ "))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Each file of `tests/config` says in comments what it expects: `#! ` a problem, `#? ` a warning, and `#$ NAME=value` sets a
/// variable. So a new rule needs a new file, and no code.
#[test]
fn every_wrong_configuration_in_tests_config_gives_exactly_the_problems_it_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let (mut seen, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (file, env) = (File::new(&text), variables(&text));
        let warnings = file.load(&env).map(|loaded| loaded.warnings).unwrap_or_default();
        let found: Vec<String> = (file.problems(&env).iter().map(|problem| format!("#! {problem}")))
            .chain(warnings.iter().map(|warning| format!("#? {warning}")))
            .collect();
        let expected: Vec<&str> =
            text.lines().filter(|line| line.starts_with("#! ") || line.starts_with("#? ")).collect();
        if found != expected {
            wrong.push(format!("{}\n{}", path.display(), found.join("\n")));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "these files name other problems than the ones found:\n{}", wrong.join("\n"));
    assert!(seen > 40, "the fixtures are gone: {seen}");
}

/// The example with every setting switched on. Where that gives a key twice, the later place is another table.
fn switched_on() -> String {
    EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '#']) => rest,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn settings(text: &str) -> String {
    let loaded = File::new(text).load(&none()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(loaded.warnings, [""; 0]);
    let dir = loaded.path.parent().unwrap().display().to_string();
    format!("{:#?}", loaded.unresolved).replace(&dir, "DIR")
}

/// As little as possible of the example: everything else in it is a default.
const ESSENTIALS: &str = r#"
[connections.wegroup]
kind = "wegroup"
distribution_id = "42f9b29d-a302-44dd-a984-515faacf2acd"
auth = { kind = "apikey", token = { env = "WEGROUP_API_TOKEN" } }

[syncs.customers]
connection = "wegroup"
source = { kind = "csv", path = "exports/customers*.csv", key = "id" }

[syncs.customers.lead]
origin = "CRM"
backref = "https://crm.example.com/customers/{{ id }}"
prospect.first_name = "{{ first_name }}"
prospect.last_name = "{{ last_name }}"
prospect.email = "{{ email }}"
prospect.external_ref = { external_ref = "{{ id }}", external_ref_company = "crm" }
"#;

#[test]
fn the_example_shows_the_defaults() {
    assert_eq!(settings(EXAMPLE), settings(ESSENTIALS));
}

#[test]
fn the_example_loads_with_every_setting_switched_on() {
    let loaded = File::new(&switched_on()).load(&none()).unwrap();
    assert_eq!(loaded.unresolved.connections.len(), 4);
    assert_eq!(loaded.unresolved.syncs.len(), 3);
}

#[test]
fn the_example_has_every_key_that_is_known() {
    let mut probed: Table = toml::from_str(&switched_on()).unwrap();
    let mut shown = BTreeMap::new();
    probe("", &mut probed, &mut shown);
    let Err(problems) = File::new(&toml::to_string(&probed).unwrap()).load(&none()) else {
        panic!("a key that does not exist was taken");
    };
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for problem in problems.list() {
        if let Some(keys) = problem.text.strip_prefix("unknown key; known here: ") {
            let table = problem.key.strip_suffix("zzzzzzzz").unwrap();
            known.entry(anonymous(table)).or_default().extend(keys.split(", ").map(str::to_owned));
        }
    }
    assert_eq!(known, shown);
}

/// Puts a key that does not exist into every table whose keys are known, and notes the keys that are there.
fn probe(path: &str, table: &mut Table, shown: &mut BTreeMap<String, BTreeSet<String>>) {
    let named = matches!(path, "connections." | "syncs.");
    if !named {
        shown.entry(anonymous(path)).or_default().extend(table.keys().cloned());
    }
    for (key, value) in table.iter_mut() {
        if let (Value::Table(below), false) = (value, FREE.contains(&key.as_str())) {
            probe(&format!("{path}{key}."), below, shown);
        }
    }
    if !named {
        table.insert("zzzzzzzz".to_owned(), Value::Integer(1));
    }
}

/// `syncs.customers.source.` as `syncs.*.source.`: tables of different kinds have the keys of all kinds between them.
fn anonymous(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('.').collect();
    if parts.len() > 2 {
        parts[1] = "*";
    }
    parts.join(".")
}

#[test]
fn variables_come_before_the_file_and_are_taken_as_what_the_key_asks_for() {
    let env = Env::from([
        ("LEAD_SYNC__CONNECTIONS__WEGROUP__BURST", "7"),
        ("LEAD_SYNC__CONNECTIONS__WEGROUP__RETRY__ATTEMPTS", "3"),
        ("LEAD_SYNC__CONNECTIONS__WEGROUP__AUTH__TOKEN", "t0ken"),
        ("LEAD_SYNC__SYNCS__CUSTOMERS__RUN_AT_START", "true"),
        ("LEAD_SYNC__SYNCS__CUSTOMERS__SCHEDULE", "0 0 6 * * *"),
        ("LEAD_SYNC__SYNCS__CUSTOMERS__REQUIRED", "prospect.email, prospect.last_name"),
        ("LEAD_SYNC__SYNCS__CUSTOMERS__SOURCE__AFTER__ARCHIVE", "done"),
        ("LEAD_SYNC__SYNCS__CUSTOMERS__MAX_NEW", ""),
        ("LEAD_SYNC_CONFIG", "not-a-key.toml"),
    ]);
    let file = File::new(EXAMPLE);
    file.chmod(0o644);
    let loaded = file.load(&env).unwrap();
    let (connection, sync) = (&loaded.unresolved.connections[0], &loaded.unresolved.syncs[0]);
    assert_eq!(connection.rate.unwrap().burst.get(), 7);
    assert_eq!(connection.policy.retry.attempts, 3);
    assert_eq!(connection.policy.retry.cap.as_secs(), 900);
    assert!(sync.schedule.as_ref().unwrap().at_start);
    assert_eq!(sync.mapping.required, ["prospect.email", "prospect.last_name"]);
    assert_eq!(sync.max_new, None);
    let Source::Csv(csv) = &sync.source else { panic!("not CSV") };
    assert_eq!(csv.after, After::Archive(file.dir.path().join("done")));
    assert_eq!(connection.auth.secrets()[0].1.to_string(), "environment, as plain text");
    assert_eq!(loaded.warnings, [""; 0], "the file holds no secret");
}

#[test]
fn the_body_keeps_its_order_its_keys_and_its_types() {
    let text = r#"
        [connections.api]
        kind = "http"
        base_url = "https://api.example.com"
        auth = { kind = "none" }
        [syncs.people]
        connection = "api"
        request = { path = "/" }
        source = { kind = "csv", path = "p.csv", key = "id" }
        [syncs.people.lead]
        Zeta = "Z"
        "E-mail.work [1]" = "x"
        alpha = [1, 2.5, true, "b", { B = 1 }]
        since = 2024-02-29
        at = 2024-02-29T12:00:00Z
        "Ünï" = { b = 1, a = 2 }
        [[syncs.people.lead.Cars]]
        vin = "1"
        [[syncs.people.lead.Cars]]
        vin = "2"
    "#;
    let loaded = File::new(text).load(&none()).unwrap();
    assert_eq!(
        loaded.unresolved.syncs[0].mapping.lead.to_string(),
        r#"{"Zeta":"Z","E-mail.work [1]":"x","alpha":[1,2.5,true,"b",{"B":1}],"since":"2024-02-29","at":"2024-02-29T12:00:00Z","Ünï":{"b":1,"a":2},"Cars":[{"vin":"1"},{"vin":"2"}]}"#
    );
}

#[test]
fn the_path_of_a_request_follows_the_path_of_the_base_url() {
    let text = switched_on();
    let loaded = File::new(&text).load(&none()).unwrap();
    let sync = loaded.unresolved.syncs.iter().find(|sync| sync.name == "members").unwrap();
    assert_eq!(sync.request.as_ref().unwrap().path, "/v1/leads");
    let connection = loaded.unresolved.connections.iter().find(|one| one.name == "other").unwrap();
    assert_eq!(connection.destination.api_url.as_str(), "https://api.example.com/");
}

#[test]
fn this_machine_may_be_reached_without_tls() {
    for host in ["localhost", "127.0.0.1", "127.8.9.10:81", "[::1]:8080"] {
        let text = format!(
            "{ESSENTIALS}[connections.here]\nkind = \"http\"\nbase_url = \"http://{host}\"\nauth = {{ kind = \"none\" }}\n"
        );
        assert_eq!(File::new(&text).problems(&none()), [""; 0], "{host}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let file = File::new(EXAMPLE);
    let unresolved = file.load(&none()).unwrap().unresolved;
    assert_eq!(unresolved.ledger, file.dir.path().join("lead-sync.db"));
    assert_eq!(unresolved.tokens, file.dir.path().join("tokens"));
    let Source::Csv(csv) = &unresolved.syncs[0].source else { panic!("not CSV") };
    assert_eq!(csv.path, file.dir.path().join("exports/customers*.csv"));
    assert_eq!(csv.shown, "exports/customers*.csv");
}

#[test]
fn the_state_directory_of_systemd_holds_the_ledger_unless_the_file_says_otherwise() {
    let env = Env::from([("STATE_DIRECTORY", "/var/lib/lead-sync:/var/lib/other")]);
    let unresolved = File::new(EXAMPLE).load(&env).unwrap().unresolved;
    assert_eq!(unresolved.ledger, Path::new("/var/lib/lead-sync/lead-sync.db"));
    assert_eq!(unresolved.tokens, Path::new("/var/lib/lead-sync/tokens"));
    let explicit = format!("{ESSENTIALS}\n[ledger]\npath = \"/srv/own.db\"");
    let unresolved = File::new(&explicit).load(&env).unwrap().unresolved;
    assert_eq!(unresolved.ledger, Path::new("/srv/own.db"));
    assert_eq!(unresolved.tokens, Path::new("/srv/tokens"));
}

#[test]
fn a_glob_is_not_misled_by_the_folder_of_the_file() {
    let file = File::new(EXAMPLE);
    let odd = file.dir.path().join("crm [old]");
    fs::create_dir_all(odd.join("exports")).unwrap();
    fs::write(odd.join("exports/customers1.csv"), "").unwrap();
    fs::copy(file.path(), odd.join("lead-sync.toml")).unwrap();
    let unresolved = load(&odd.join("lead-sync.toml"), &none()).unwrap().unresolved;
    let Source::Csv(csv) = &unresolved.syncs[0].source else { panic!("not CSV") };
    assert_eq!(glob::glob(csv.path.to_str().unwrap()).unwrap().count(), 1);
}

#[test]
fn an_archive_beside_the_source_is_fine_and_one_that_a_deep_glob_reaches_is_not() {
    let with = |path: &str, archive: &str| {
        let source = format!("path = \"{path}\", after = {{ archive = \"{archive}\" }}");
        File::new(&ESSENTIALS.replace("path = \"exports/customers*.csv\"", &source)).problems(&none()).len()
    };
    assert_eq!(with("in/*.csv", "in/done"), 0);
    assert_eq!(with("in/**/*.csv", "in/done"), 1);
    assert_eq!(with("*/new/*.csv", "broker/new"), 1);
    assert_eq!(with("in/a.csv", "in"), 1);
    assert_eq!(with("/srv/in/*.csv", "/srv/in/"), 1);
}

#[test]
fn a_file_that_others_can_read_is_warned_of_only_if_it_holds_a_secret() {
    let plain = ESSENTIALS.replace("{ env = \"WEGROUP_API_TOKEN\" }", "\"s3cret\"");
    let plain = plain.replace("[syncs.customers]", "[connections.wegroup.headers]\n\n[syncs.customers]");
    let warnings = |text: &str, mode: u32| {
        let file = File::new(text);
        file.chmod(mode);
        file.load(&none()).unwrap().warnings
    };
    assert_eq!(warnings(&plain, 0o600), [""; 0]);
    assert_eq!(warnings(ESSENTIALS, 0o644), [""; 0]);
    assert_eq!(
        warnings(&plain, 0o640),
        [
            "connections.wegroup.auth.token: a secret stands here as plain text and others can read the file (mode 0640); \
          use { env = … }, { file = … } or { credential = … }, or chmod 600"
        ]
    );
}

/// The example with another token: what `check` shows of it, and the token or the problem that a run meets.
fn token(secret: &str, env: &Env) -> (String, String) {
    let file = File::new(&ESSENTIALS.replace("{ env = \"WEGROUP_API_TOKEN\" }", secret));
    fs::write(file.dir.path().join("good"), "t0ken\r\n").unwrap();
    fs::write(file.dir.path().join("empty"), "\n").unwrap();
    let loaded = file.load(env).unwrap();
    let dir = format!("{}/", file.dir.path().display());
    let shown = loaded.unresolved.connections[0].auth.secrets()[0].1.to_string();
    assert!(!format!("{loaded:?} {shown}").contains("t0ken"), "a secret is shown");
    let resolved = match loaded.settings(env) {
        Err(problems) => problems.to_string().replace(&dir, ""),
        Ok(settings) => {
            assert!(!format!("{settings:?}").contains("t0ken"), "a secret is shown");
            match &settings.connections[0].auth {
                auth::Settings::ApiKey { token } => token.expose_secret().to_owned(),
                auth::Settings::None => "none".to_owned(),
            }
        }
    };
    (shown.replace(&dir, ""), resolved)
}

#[test]
fn a_secret_comes_from_where_the_configuration_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wegroup"), "t0ken").unwrap();
    let env = Env::from([("TOKEN", "t0ken"), ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())]);
    for (secret, shown) in [
        ("{ env = \"TOKEN\" }", "environment variable TOKEN"),
        ("{ file = \"good\" }", "file good"),
        ("{ credential = \"wegroup\" }", "systemd credential wegroup"),
        ("\"t0ken\"", "configuration file, as plain text"),
    ] {
        assert_eq!(token(secret, &env), (shown.to_owned(), "t0ken".to_owned()));
    }
}

#[test]
fn a_secret_that_is_missing_is_a_problem_of_its_key_once_it_is_needed() {
    for (secret, problem) in [
        ("{ env = \"TOKEN\" }", "the environment variable TOKEN is not set; set it to the secret"),
        ("{ file = \"gone\" }", "gone cannot be read: No such file or directory (os error 2); put the secret there"),
        ("{ file = \"empty\" }", "empty is empty; put the secret there"),
        (
            "{ credential = \"wegroup\" }",
            "$CREDENTIALS_DIRECTORY is not set; start lead-sync from a systemd unit with LoadCredential=wegroup:PATH",
        ),
    ] {
        let expected = format!("lead-sync.toml: connections.wegroup.auth.token: {problem}");
        assert_eq!(token(secret, &Env::from([("TOKEN", "")])).1, expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_says_so_with_the_cure() {
    let file = File::new("");
    fs::remove_file(file.path()).unwrap();
    assert_eq!(
        file.problems(&none()),
        [
            "lead-sync.toml: cannot be read: No such file or directory (os error 2); name another file with --config, or write \
          one with lead-sync init"
        ]
    );
    fs::write(file.path(), b"# a\n# caf\xe9\n").unwrap();
    assert_eq!(file.problems(&none()), ["lead-sync.toml: line 2 is not UTF-8; save the file as UTF-8"]);
}

#[test]
fn a_byte_order_mark_does_not_matter() {
    assert_eq!(settings(&format!("\u{feff}{ESSENTIALS}")), settings(ESSENTIALS));
}

#[test]
fn a_syntax_error_never_quotes_the_line_it_is_in() {
    let problems = File::new("token = \"s3cret\nx = 1\n").problems(&none());
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("lead-sync.toml:1:"), "{problems:?}");
    assert!(!problems[0].contains("s3cret"), "{problems:?}");
}
