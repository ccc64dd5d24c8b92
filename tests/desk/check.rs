//! What `check` finds, and that it leaves no trace.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{Desk, Done, Sandbox, done};

const TOKEN: &str = "planted-token-4711";

/// A configuration and an export that fit, beside a local WeGroup.
struct Setup {
    desk: Desk,
    sandbox: Sandbox,
}

impl Setup {
    fn new(export: &str) -> Self {
        let desk = Desk::new();
        let sandbox = Sandbox::start(&mut desk.command(&["sandbox"]));
        let setup = Self { desk, sandbox };
        setup.configure(&setup.sandbox.url);
        setup.desk.write("export.csv", export);
        setup
    }

    fn configure(&self, url: &str) {
        let text = format!(
            r#"
            [connections.wegroup]
            kind = "wegroup"
            api_url = "{url}"
            distribution_id = "42f9b29d-a302-44dd-a984-515faacf2acd"
            auth = {{ kind = "apikey", token = {{ env = "TOKEN" }} }}
            [syncs.customers]
            connection = "wegroup"
            required = ["last_name"]
            source = {{ kind = "csv", path = "export.csv", key = "id" }}
            lead = {{ last_name = "{{{{ name }}}}" }}
            "#
        );
        self.desk.write("lead-sync.toml", text);
        fs::set_permissions(self.desk.path("lead-sync.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn check(&self) -> Done {
        self.check_with("TOKEN", TOKEN)
    }

    /// With one more variable in the environment.
    fn check_with(&self, variable: &str, value: &str) -> Done {
        let mut command = self.desk.command(&["--config", "lead-sync.toml", "check"]);
        let told = done(command.env("TOKEN", TOKEN).env(variable, value));
        assert_eq!(told.err, "");
        assert!(!told.out.contains(TOKEN) && !told.out.contains("Peeters"), "{}", told.out);
        told
    }
}

/// Grade and subject of each finding.
fn grades(told: &Done) -> Vec<(&str, &str)> {
    let is_finding = |line: &&str| ["ok ", "warn ", "FAIL "].iter().any(|word| line.starts_with(word));
    let cut = |line| -> Option<(&str, &str)> { str::split_once(line, ": ")?.0.split_once(' ') };
    told.out.lines().filter(is_finding).filter_map(cut).map(|(grade, subject)| (grade, subject.trim())).collect()
}

/// The line that begins like this and the one below it.
fn finding(told: &Done, begins: &str) -> String {
    let mut lines = told.out.lines().skip_while(|line| !line.starts_with(begins));
    format!("{} | {}", lines.next().unwrap_or_default(), lines.next().unwrap_or_default().trim())
}

#[test]
fn where_all_is_well_every_line_is_ok_and_nothing_is_written() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let told = setup.check();
    assert_eq!(told.code, Some(0), "{}", told.out);
    assert_eq!(
        grades(&told),
        [
            ("ok", "configuration"),
            ("ok", "connections.wegroup.auth.token"),
            ("ok", "ledger"),
            ("ok", "syncs.customers"),
            ("ok", "connections.wegroup.auth"),
            ("ok", "connections.wegroup"),
            ("ok", "clock"),
        ]
    );
    assert_eq!(setup.desk.names(), ["export.csv", "lead-sync.toml"]);
}

#[test]
fn rows_that_a_run_would_reject_are_a_warning_that_names_their_lines() {
    let setup = Setup::new("id,name\n1,Peeters\n2\n3,\n");
    let told = setup.check();
    assert_eq!(told.code, Some(0));
    let line = finding(&told, "warn");
    assert!(line.contains("3 rows make 1 lead, 1 bad, 1 refused by the mapping | line 3: "), "{line}");
}

#[test]
fn a_where_that_lets_nobody_through_is_a_warning_with_the_count() {
    let setup = Setup::new("id,name\n1,Peeters\n2,Maes\n");
    let told = setup.check_with("LEAD_SYNC__SYNCS__CUSTOMERS__WHERE", "{{ name == 'J' }}");
    assert_eq!(told.code, Some(0));
    let line = finding(&told, "warn");
    assert!(line.contains("2 rows make 0 leads, 2 skipped by `where` | if that is not meant, compare with"), "{line}");
}

#[test]
fn a_column_that_is_missing_is_a_failure_with_the_nearest_name() {
    let setup = Setup::new("id,naam\n1,Peeters\n");
    let told = setup.check();
    assert_eq!(told.code, Some(3));
    let line = finding(&told, "FAIL");
    assert!(line.contains("syncs.customers: export.csv") && line.contains("is it 'naam'?"), "{line}");
}

#[test]
fn an_archive_that_no_export_can_be_moved_to_is_a_failure() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    setup.desk.write("done", "a file, and no folder");
    let archive = "LEAD_SYNC__SYNCS__CUSTOMERS__SOURCE__AFTER__ARCHIVE";
    for folder in ["done", "done/2026"] {
        let told = setup.check_with(archive, folder);
        assert_eq!(told.code, Some(1), "{}", told.out);
        let line = finding(&told, "FAIL");
        assert!(line.starts_with("FAIL  syncs.customers.source.after: cannot use the archive folder "), "{line}");
        assert!(line.ends_with("must be able to write to the archive folder and to that of the export"), "{line}");
    }
    let told = setup.check_with(archive, "new/2026");
    assert_eq!(told.code, Some(0), "{}", told.out);
    assert!(!setup.desk.path("new").exists());
}

#[test]
fn the_first_failure_gives_the_exit_code_and_the_others_are_told_all_the_same() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    // Nothing listens on port 1.
    setup.configure("http://127.0.0.1:1");
    let away = setup.check();
    assert_eq!(away.code, Some(4), "{}", away.out);
    assert!(finding(&away, "FAIL").contains("http://127.0.0.1:1 cannot be reached: no connection"), "{}", away.out);

    let both = setup.desk.run(&["--config", "lead-sync.toml", "check"]);
    assert_eq!(both.code, Some(2), "{}", both.out);
    assert_eq!(
        finding(&both, "FAIL"),
        "FAIL  connections.wegroup.auth.token: the environment variable TOKEN is not set | set it to the secret"
    );
    assert!(both.out.contains("cannot be reached") && both.out.contains("2 failures"), "{}", both.out);
}

#[test]
fn a_configuration_with_problems_is_told_key_by_key() {
    let desk = Desk::new();
    desk.write("lead-sync.toml", "[connections.wegroup]\nkind = \"wegroup\"\nburts = 2\n[syncs.a]\n");
    let told = desk.run(&["--config", "lead-sync.toml", "check"]);
    assert_eq!(told.code, Some(2));
    assert!(
        told.out.contains("FAIL  connections.wegroup.burts: ") && told.out.contains("FAIL  syncs.a.connection: "),
        "{}",
        told.out
    );
}

#[test]
fn a_wrong_value_is_told_with_the_file_or_the_variable_that_says_it() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let text = setup.desk.read("lead-sync.toml").replace("kind = \"csv\"", "kind = \"cvs\"");
    setup.desk.write("lead-sync.toml", text);
    let told = setup.check_with("LEAD_SYNC__CONNECTIONS__WEGROUP__BURST", "zero");
    assert_eq!(told.code, Some(2), "{}", told.out);
    let places: Vec<&str> = told.out.lines().filter(|line| line.starts_with("      in ")).map(str::trim).collect();
    assert_eq!(places, ["in $LEAD_SYNC__CONNECTIONS__WEGROUP__BURST", "in lead-sync.toml"], "{}", told.out);
}

#[test]
fn a_ledger_that_cannot_be_used_is_a_failure_and_stays_as_it_is() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let desk = &setup.desk;
    desk.write("lead-sync.key", [7; 32]);
    let lost = setup.check();
    assert_eq!(lost.code, Some(2));
    assert!(finding(&lost, "FAIL").contains("--new-ledger"), "{}", lost.out);

    desk.write(
        "lead-sync.db",
        "no database, but long enough to have a header of a hundred bytes, which SQLite looks at ".repeat(4),
    );
    let corrupt = setup.check();
    assert_eq!(corrupt.code, Some(2));
    assert!(finding(&corrupt, "FAIL").contains("is not a readable ledger"), "{}", corrupt.out);
    assert!(desk.read("lead-sync.db").starts_with("no database"));
    assert_eq!(desk.names(), ["export.csv", "lead-sync.db", "lead-sync.key", "lead-sync.toml"]);
}

#[test]
fn a_folder_in_place_of_the_ledger_is_told_as_one_and_is_not_to_be_made_private() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    fs::create_dir(setup.desk.path("state")).unwrap();
    let told = setup.check_with("LEAD_SYNC__LEDGER__PATH", "state");
    assert_eq!(told.code, Some(2), "{}", told.out);
    let line = finding(&told, "FAIL");
    assert!(
        line.ends_with("state is a folder | set [ledger] path to a file in it, such as state/lead-sync.db"),
        "{line}"
    );
    assert!(!told.out.contains("chmod") && !told.out.contains("hard links"), "{}", told.out);
}

#[test]
fn every_secret_is_told_by_where_it_comes_from_and_never_by_its_value() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let (desk, folder) = (&setup.desk, setup.desk.path("").canonicalize().unwrap());
    for name in ["mail", "hook"] {
        desk.write(name, format!("https://example.com/{TOKEN}\n"));
    }
    let more = r#"
        [http]
        listen = "127.0.0.1:0"
        token = { env = "HTTP_TOKEN" }
        [tokens]
        key = { file = "mail" }
        [notify]
        webhook = { credential = "hook" }
        ping_url = { env = "PING" }
        [notify.email]
        host = "mail.example.com"
        username = "robot"
        password = { file = "mail" }
        from = "robot@example.com"
        to = ["it@example.com"]
    "#;
    let file = desk.read("lead-sync.toml") + more;
    desk.write("lead-sync.toml", file);
    let check = |ping: &str| {
        let mut command = desk.command(&["--config", "lead-sync.toml", "check"]);
        command.envs([("TOKEN", TOKEN), ("HTTP_TOKEN", TOKEN), ("PING", ping)]);
        done(command.env("CREDENTIALS_DIRECTORY", &folder))
    };
    let told = check(&format!("https://example.com/{TOKEN}"));
    assert_eq!(told.code, Some(0), "{}", told.out);
    for (key, place) in [
        ("connections.wegroup.auth.token", "environment variable TOKEN"),
        ("http.token", "environment variable HTTP_TOKEN"),
        ("tokens.key", "file mail"),
        ("notify.webhook", "systemd credential hook"),
        ("notify.ping_url", "environment variable PING"),
        ("notify.email.password", "file mail"),
    ] {
        assert!(told.out.contains(&format!("ok    {key}: from {place}\n")), "{key}: {}", told.out);
    }
    let wrong = check(&format!("nowhere/{TOKEN}"));
    assert_eq!(wrong.code, Some(2), "{}", wrong.out);
    assert!(finding(&wrong, "FAIL").starts_with("FAIL  notify.ping_url: "), "{}", wrong.out);
    assert!(!format!("{told:?}{wrong:?}").contains(TOKEN), "{told:?}{wrong:?}");
}

#[test]
fn authorities_for_mail_that_cannot_be_used_are_a_failure() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let email = "[notify.email]\nhost = \"mail.example.com\"\nca_file = \"ca.pem\"\nfrom = \"a@b.example\"\nto = [\"a@b.example\"]\n";
    let file = setup.desk.read("lead-sync.toml") + "\n" + email;
    setup.desk.write("lead-sync.toml", file);
    let told = setup.check();
    assert_eq!(told.code, Some(2), "{}", told.out);
    assert!(finding(&told, "FAIL  notify").contains("ca.pem: No such file"), "{}", told.out);
    setup.desk.write("ca.pem", "no certificate");
    assert!(finding(&setup.check(), "FAIL  notify").contains("ca.pem: holds no PEM certificates"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_ledger_that_will_not_last_where_it_lies_is_a_warning() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let file = format!("[ledger]\npath = \"/dev/shm/not-there/lead-sync.db\"\n{}", setup.desk.read("lead-sync.toml"));
    setup.desk.write("lead-sync.toml", file);
    let told = setup.check();
    assert_eq!(told.code, Some(0), "{}", told.out);
    // Others can write to the folder, too, which is a warning of its own.
    let in_memory =
        |line: &str| line.starts_with("warn  ledger: ") && line.contains("lies in memory and is gone after a restart");
    assert!(told.out.lines().any(in_memory), "{}", told.out);
}

#[test]
fn a_ledger_in_use_is_told_with_its_leads_and_with_files_that_others_can_read() {
    let setup = Setup::new("id,name\n1,Peeters\n");
    let desk = &setup.desk;
    let baseline = desk.run(&["--config", "lead-sync.toml", "baseline", "--yes"]);
    assert_eq!(baseline.code, Some(0), "{}", baseline.err);
    assert!(finding(&setup.check(), "ok    ledger").contains("whole, with its key; 1 lead"));
    fs::set_permissions(desk.path("lead-sync.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let line = finding(&setup.check(), "warn");
    assert!(line.contains("others can read") && line.contains("chmod 600"), "{line}");
    desk.write("lead-sync.key", [7; 32]);
    assert!(finding(&setup.check(), "FAIL").contains("belongs to another ledger"));
}
