//! What a right configuration means.

use std::fs;
use std::path::Path;

use lead_sync::config::{Env, Secrets, load};
use lead_sync::sources::{Settings as Source, csv::After};

use super::{ESSENTIALS, EXAMPLE, File, none, settings};

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
fn a_variable_writes_the_hyphen_of_a_name_as_an_underscore() {
    let with_hyphen = ESSENTIALS.replace("syncs.customers", "syncs.my-sync").replace("wegroup", "we-group");
    let env = Env::from([
        ("LEAD_SYNC__SYNCS__MY_SYNC__MAX_NEW", "5"),
        ("LEAD_SYNC__SYNCS__MY_SYNC__LEAD__PROSPECT__LAST_NAME", "{{ naam }}"),
        ("LEAD_SYNC__CONNECTIONS__WE_GROUP__BURST", "7"),
    ]);
    let unresolved = File::new(&with_hyphen).load(&env).unwrap().unresolved;
    assert_eq!((unresolved.syncs.len(), unresolved.syncs[0].max_new), (1, Some(5)));
    assert_eq!(unresolved.syncs[0].mapping.lead["prospect"]["last_name"], "{{ naam }}");
    assert_eq!(unresolved.connections[0].rate.unwrap().burst.get(), 7);
    let twin = with_hyphen.replace("[syncs.my-sync", "[syncs.my_sync");
    let both = format!("{with_hyphen}{}", &twin[twin.find("[syncs").unwrap()..]);
    let unresolved = File::new(&both).load(&env).unwrap_or_else(|problems| panic!("{problems}")).unresolved;
    let most: Vec<_> = unresolved.syncs.iter().map(|sync| (sync.name.as_str(), sync.max_new)).collect();
    assert_eq!(most, [("my-sync", None), ("my_sync", Some(5))], "a name that is just that comes first");
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
    let http = r#"
        [connections.api]
        kind = "http"
        base_url = "https://api.example.com/v1/"
        auth = { kind = "none" }
        [syncs.people]
        connection = "api"
        request = { method = "PUT", path = "/leads?dry=1" }
        source = { kind = "csv", path = "p.csv", key = "id" }
        lead = { id = "{{ id }}" }
    "#;
    let unresolved = File::new(http).load(&none()).unwrap().unresolved;
    let endpoint = unresolved.syncs[0].request.as_ref().unwrap();
    assert_eq!((endpoint.method.as_str(), endpoint.path.as_str()), ("PUT", "/v1/leads?dry=1"));
    assert_eq!(unresolved.connections[0].destination.api_url.as_str(), "https://api.example.com/");
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
    let unresolved = load(&odd.join("lead-sync.toml"), &none(), Secrets::None).unwrap().unresolved;
    let Source::Csv(csv) = &unresolved.syncs[0].source else { panic!("not CSV") };
    let now = lead_sync::domain::time::Timestamp(0);
    assert_eq!(lead_sync::sources::csv::list(csv, now).unwrap().len(), 1);
}

#[test]
fn a_byte_order_mark_does_not_matter() {
    assert_eq!(settings(&format!("\u{feff}{ESSENTIALS}")), settings(ESSENTIALS));
}

#[test]
fn a_variable_that_is_to_name_a_proxy_and_names_none_is_a_problem_of_who_sends() {
    let problem = |variables: &[(&str, &str)], text: &str| {
        let all = variables.iter().copied().chain([("WEGROUP_API_TOKEN", "t")]);
        let env: Env = all.map(|(name, value)| (name.into(), value.into())).collect();
        let loaded = File::new(text).load(&env).unwrap();
        loaded.settings(&env).err().map(|problems| problems.to_string())
    };
    for value in ["not a url", "ftp://proxy.example.com", "http://[bad", "socks5://proxy.example.com"] {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let said = problem(&[(name, value)], ESSENTIALS).unwrap();
            assert!(said.starts_with(&format!("${name}: connections.wegroup.proxy: is no address")), "{said}");
            assert!(!said.contains(value), "it may hold a password: {said}");
        }
        // Not this connection's: of another scheme, in the place of another one, or exempt.
        for others in [
            &[("HTTP_PROXY", value)][..],
            &[("HTTPS_PROXY", "proxy.example.com:3128"), ("ALL_PROXY", value)],
            &[("HTTPS_PROXY", value), ("NO_PROXY", "wegroup.be")],
        ] {
            assert_eq!(problem(others, ESSENTIALS), None, "{others:?}");
        }
        let table = "[connections.wegroup]\n";
        let own = ESSENTIALS.replacen(table, &format!("{table}proxy = \"http://p.example.com:1\"\n"), 1);
        assert_eq!(problem(&[("HTTPS_PROXY", value)], &own), None);
    }
}
