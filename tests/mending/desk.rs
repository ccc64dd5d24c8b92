//! What a person sees at a glance, and settles.

use lead_sync::sandbox::{Answer, Fault, Kind};
use serde_json::Value;

use crate::support::{Ran, Scene};

fn refused(scene: &Scene, keys: std::ops::Range<u32>, status: u16) {
    scene.customers(keys);
    scene.fault(Fault::once(Kind::Status(Answer::new(status))).always());
    scene.run();
    scene.api.clear_faults();
}

fn keys(scene: &Scene, args: &[&str]) -> Vec<String> {
    let args = [&["leads", "--format", "json"][..], args].concat();
    let rows = scene.cli(&args).json();
    rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn leads_are_filtered_by_state_reason_and_time_and_come_page_by_page() {
    let scene = Scene::new();
    refused(&scene, 1..6, 422);
    scene.export("more.csv", "id,first_name,last_name,email\n6,A,B,a@example.com\n7,A\n");
    scene.run();
    assert_eq!(keys(&scene, &["--state", "delivered"]), ["6"]);
    assert_eq!(keys(&scene, &["--state", "rejected"]), ["1", "2", "3", "4", "5", "7"]);
    assert_eq!(keys(&scene, &["--reason", "THE ROW HAS"]), ["7"]);
    assert_eq!(keys(&scene, &["--limit", "2", "--offset", "2"]), ["3", "4"]);
    assert_eq!(keys(&scene, &["--state", "rejected", "--limit", "3", "--offset", "4"]), ["5", "7"]);
    assert_eq!(keys(&scene, &["--since", "1h", "--sync", "customers"]).len(), 7);
    assert_eq!(keys(&scene, &["--since", "2999-01-01"]), [""; 0]);
    assert_eq!(scene.cli(&["leads", "--since", "yesterday"]).code, 2);
    let table = scene.cli(&["leads", "--limit", "2"]);
    assert!(table.stderr.contains("--offset 2"), "{table:?}");
    assert!(!table.stdout.contains('\u{1b}') && !table.stdout.contains('…'), "{table:?}");
}

#[test]
fn a_list_has_the_same_names_as_json_and_as_csv() {
    let scene = Scene::new();
    refused(&scene, 1..3, 422);
    for command in [&["leads"][..], &["runs"], &["status"]] {
        let json = scene.cli(&[command, &["--format", "json"]].concat()).json();
        let names: Vec<&str> = json[0].as_object().unwrap().keys().map(String::as_str).collect();
        let csv = scene.cli(&[command, &["--format", "csv"]].concat()).stdout;
        assert_eq!(csv.lines().next().unwrap(), names.join(","), "{command:?}");
        assert_eq!(csv.lines().count(), json.as_array().unwrap().len() + 1, "{command:?}");
    }
    let history = scene.cli(&["show", "1", "--format", "csv"]).stdout;
    assert!(
        history.starts_with("sync,key,at,run,attempt,kind,http_status,took_ms,reason\ncustomers,1,20"),
        "{history}"
    );
    assert_eq!(scene.cli(&["show", "1", "--json"]).json()[0]["key"], "1");
}

#[test]
fn status_counts_every_state_without_looking_at_every_lead() {
    let scene = Scene::new();
    refused(&scene, 1..4, 422);
    scene.customers(1..9);
    scene.run();
    let glance = |name: &str| scene.cli(&["status", "--format", "json"]).json()[0][name].clone();
    assert_eq!(
        (glance("rejected"), glance("delivered"), glance("configured")),
        (3.into(), 5.into(), Value::Bool(true))
    );
    assert_eq!(scene.cli(&["forget", "8", "--yes"]).code, 0);
    assert_eq!((glance("rejected"), glance("delivered")), (3.into(), 4.into()));
    // A withdrawn lead and a file that was refused half way leave the count right, too.
    assert_eq!(scene.query("SELECT leads - (SELECT count(*) FROM lead) FROM sync"), ["0"]);
}

#[test]
fn retry_takes_those_of_a_reason_and_a_script_is_not_asked() {
    let scene = Scene::new();
    refused(&scene, 1..20, 422);
    scene.customers(1..21);
    scene.fault(Fault::once(Kind::Status(Answer::new(400))));
    scene.run();
    let ran = scene.cli(&["retry", "--state", "rejected", "--reason", "400"]);
    assert!(ran.stdout.starts_with("1 leads"), "{ran:?}");
    let ran = scene.cli(&["retry"]);
    assert!(ran.stdout.starts_with("19 leads"), "{ran:?}");
    assert_eq!(scene.run().count("delivered"), 20);
}

#[test]
fn prune_deletes_old_history_of_delivered_leads_and_old_runs_but_no_lead() {
    let scene = Scene::new();
    refused(&scene, 1..4, 422);
    scene.cli(&["retry", "1"]);
    scene.run();
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    let day = 86_400_000_i64;
    ledger.execute("UPDATE failure SET at = at - ?1", [91 * day]).unwrap();
    ledger.execute("UPDATE run SET started_at = started_at - ?1", [91 * day]).unwrap();
    let ran = scene.cli(&["prune"]);
    assert!(ran.stdout.starts_with("2 entries of history and 1 runs"), "{ran:?}");
    assert_eq!(scene.query("SELECT l.key FROM failure f JOIN lead l ON l.id = f.lead ORDER BY l.key"), ["2", "3"]);
    assert_eq!(scene.query("SELECT count(*) FROM lead"), ["3"]);
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("unchanged")), (0, 3));
}

#[test]
fn history_that_is_kept_for_ever_is_older_than_a_date_too() {
    let mut scene = Scene::new();
    scene.more("[ledger]\nretain = \"106751991167d\"");
    refused(&scene, 1..2, 422);
    let ran = scene.cli(&["prune"]);
    assert_eq!(
        ran.stdout, "0 entries of history and 0 runs older than 1970-01-01T00:00:00.000Z are deleted\n",
        "{ran:?}"
    );
}

#[test]
fn a_run_prunes_by_itself() {
    let scene = Scene::new();
    refused(&scene, 1..2, 422);
    scene.cli(&["retry", "1"]);
    scene.run();
    let ledger = rusqlite::Connection::open(scene.path("lead-sync.db")).unwrap();
    ledger.execute("UPDATE failure SET at = 0", []).unwrap();
    scene.run();
    assert_eq!(scene.query("SELECT count(*) FROM failure"), ["0"]);
}

#[test]
fn a_plan_shows_the_values_of_a_row_only_when_asked() {
    let scene = Scene::new();
    scene.customers(1..3);
    for args in [&["plan"][..], &["plan", "--json"], &["--run-now", "--dry-run", "--json"]] {
        let plan = scene.cli(args);
        assert!(plan.code == 0 && !plan.stdout.contains("First1"), "{plan:?}");
    }
    assert!(scene.cli(&["plan", "--show-values"]).stdout.contains("First1"));
    let samples = scene.cli(&["plan", "--show-values", "--json"]).json()["samples"].clone();
    assert_eq!((&samples[0]["group"], &samples[0]["key"]), (&"new".into(), &"1".into()));
    assert_eq!(samples[0]["body"]["prospect"]["last_name"], "Last1");
}

#[test]
fn a_machine_without_certificates_can_send_to_itself() {
    let scene = Scene::new();
    scene.customers(1..3);
    let mut command = scene.command(&["--run-now", "--json"]);
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env(name, scene.path("nowhere"));
    }
    let ran: Ran = command.output().unwrap().into();
    assert_eq!((ran.code, ran.count("delivered")), (0, 2), "{ran:?}");
}

#[test]
fn the_commands_that_status_names_find_the_configuration_that_is_meant() {
    let scene = Scene::new();
    refused(&scene, 1..3, 422);
    let mut command = scene.command(&["--config", "lead-sync.toml", "status"]);
    let told: Ran = command.env_remove("LEAD_SYNC_CONFIG").output().unwrap().into();
    let option = format!("lead-sync --config {}", scene.path("lead-sync.toml").display());
    assert!(told.stdout.contains(&format!("{option} rejects export FILE")), "{told:?}");
    assert!(!scene.cli(&["status"]).stdout.contains("--config"));
}
