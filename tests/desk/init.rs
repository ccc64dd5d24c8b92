//! A configuration to begin with.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lead_sync::config::{Env, Secrets, load};

use crate::Desk;

const ID: &str = "42f9b29d-a302-44dd-a984-515faacf2acd";

/// Windows-1252, as Excel writes it: é is 0xE9.
const EXPORT: &[u8] =
    b"N\xb0 client;Pr\xe9nom;Nom;E-mail;Date de naissance\r\nK1;Zo\xe9;Peeters;z@example.com;1980-02-01\r\n";

fn problems(desk: &Desk, file: &str) -> Vec<String> {
    let env = Env::from([("WEGROUP_API_TOKEN", "token")]);
    match load(&desk.path(file), &env, Secrets::Connections).and_then(|loaded| loaded.settings(&env).map(drop)) {
        Ok(()) => Vec::new(),
        Err(problems) => problems.list().iter().map(|problem| problem.key.clone()).collect(),
    }
}

#[test]
fn with_export_and_distribution_only_the_token_is_missing() {
    let desk = Desk::new();
    desk.write("export.csv", EXPORT);
    let told = desk.run(&["init", "--export", "export.csv", "--distribution-id", ID]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert!(told.out.contains("WEGROUP_API_TOKEN is not set"), "{}", told.out);
    assert_eq!(problems(&desk, "config/lead-sync.toml"), [""; 0]);
    let text = desk.read("config/lead-sync.toml");
    for line in [
        "key = \"N° client\"",
        "first_name = \"{{ row['Prénom'] }}\"",
        "last_name = \"{{ Nom }}\"",
        "email = \"{{ row['E-mail']|email }}\"",
        "birth_date = \"{{ row['Date de naissance']|date('%Y-%m-%d') }}\"",
        "max_new = 500",
        "no_rows = \"warn\"",
        "environment = \"staging\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn what_init_made_of_an_export_makes_a_lead_of_its_row() {
    let desk = Desk::new();
    desk.write("export.csv", EXPORT);
    desk.run(&["init", "--export", "export.csv", "--distribution-id", ID]);
    let plan = desk.run(&["plan"]);
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    assert!(plan.out.contains("; 1 lead would be sent"), "{}", plan.out);
}

#[test]
fn dates_of_no_known_form_are_left_to_a_person_and_no_form_is_claimed() {
    let desk = Desk::new();
    desk.write("export.csv", "id;naam;geboortedatum\n1;Peeters;1980-02-01 00:00:00\n");
    let told = desk.run(&["init", "--export", "export.csv", "--distribution-id", ID]);
    assert!(told.out.contains("geboortedatum  (switched off: say how the dates are written)"), "{}", told.out);
    let text = desk.read("config/lead-sync.toml");
    let off = "# birth_date = \"{{ geboortedatum|date('') }}\"";
    assert!(text.contains("# FILL IN: in the quotes of date('') how") && text.contains(off), "{text}");
    assert_eq!(desk.run(&["plan"]).code, Some(0));
    desk.write("config/lead-sync.toml", text.replace(off, &off[2..].replace("('')", "('%Y-%m-%d %H:%M:%S')")));
    let plan = desk.run(&["plan", "--show-values"]);
    assert!(plan.out.contains("\"birth_date\":\"1980-02-01\""), "{}", plan.out);
}

#[test]
fn without_options_the_values_to_fill_in_are_named_and_then_it_loads() {
    let desk = Desk::new();
    let told = desk.run(&["init"]);
    let open = ["connections.wegroup.distribution_id", "syncs.customers.source.path", "syncs.customers.source.key"];
    assert_eq!(problems(&desk, "config/lead-sync.toml"), open);
    assert!(open.iter().all(|key| told.out.contains(key)), "{}", told.out);
    let filled = desk
        .read("config/lead-sync.toml")
        .replace("distribution_id = \"\"", &format!("distribution_id = \"{ID}\""))
        .replace("path = \"\"", "path = \"export.csv\"")
        .replace("key = \"\"", "key = \"id\"");
    desk.write("config/lead-sync.toml", filled);
    assert_eq!(problems(&desk, "config/lead-sync.toml"), [""; 0]);
}

#[test]
fn nothing_is_ever_overwritten_and_only_the_owner_can_read_the_file() {
    let desk = Desk::new();
    desk.run(&["init", "--path", "new/folder/mine.toml"]);
    let mode = fs::metadata(desk.path("new/folder/mine.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    desk.write("new/folder/mine.toml", "mine");
    let refused = desk.run(&["init", "--path", "new/folder/mine.toml"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("never overwrites"), "{}", refused.err);
    assert_eq!(desk.read("new/folder/mine.toml"), "mine");
}

#[test]
fn an_export_that_does_not_fit_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    desk.write("no-key.csv", "voornaam;naam\nAnn;Peeters\n");
    desk.write("no-header.csv", "17;Ann;Peeters;ann@example.com\n");
    let cases = [
        (vec!["--export", "no-key.csv"], "name it with --key COLUMN; the columns are: voornaam, naam"),
        (vec!["--export", "no-key.csv", "--key", "nam"], "'nam' is missing (is it 'naam'?)"),
        (vec!["--export", "no-header.csv"], "looks like a row"),
        (vec!["--export", "none.csv"], "none.csv does not exist"),
        (vec!["--distribution-id", "a/b"], "must be 1 to 64 characters"),
        (vec!["--key", "id"], "--export"),
    ];
    for (options, expected) in cases {
        let refused = desk.run(&[&["init"], options.as_slice()].concat());
        assert_eq!(refused.code, Some(2), "{options:?}");
        assert!(refused.err.contains(expected), "{options:?}: {}", refused.err);
        assert!(!refused.err.contains("Peeters"), "{}", refused.err);
    }
    assert_eq!(desk.names(), ["no-header.csv", "no-key.csv"]);
}
