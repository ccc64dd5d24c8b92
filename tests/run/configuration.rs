//! A configuration with problems: what a person is told of it, and when.

use crate::support::Scene;

/// What is wrong with the templates, the secrets and the form of one configuration.
const TEMPLATES: [&str; 3] = [
    "syncs.customers.lead.name: there is no filter 'trimm'",
    "syncs.customers.where: there is no filter 'lowr'",
    "syncs.customers.required[0]: the lead has no field 'mail'",
];
const SECRETS: [&str; 2] = [
    "notify.webhook: the environment variable NO_HOOK is not set",
    "wegroup.auth.token: the environment variable NOPE",
];
const FORM: [&str; 2] = ["ledgr: unknown key", "wegroup.rate_limt: unknown key"];

fn wrong() -> Scene {
    let mut scene = Scene::new();
    scene.customers(0..1);
    scene.auth("kind = \"apikey\"\ntoken = { env = \"NOPE\" }");
    scene.more(
        "[notify]\nwebhook = { env = \"NO_HOOK\" }\n[http]\nlisten = \"127.0.0.1:0\"\ntoken = { env = \"NO_HTTP\" }\n",
    );
    scene.lead("\nname = \"{{ last_name|trimm }}\"");
    scene.sync("where", "\"{{ email|lowr == 'J' }}\"").sync("required", "[\"mail\"]");
    scene
}

#[test]
fn a_run_and_a_check_tell_all_that_is_wrong_with_a_configuration_at_once() {
    let mut scene = wrong();
    for form in [&[][..], &FORM] {
        if !form.is_empty() {
            scene.more("[ledgr]\npath = \"x\"\n[notify]\nwebhook = { env = \"NO_HOOK\" }\n");
            scene.connection("rate_limt", "\"5/s\"");
        }
        for args in [&["--run-now"][..], &["check"]] {
            let ran = scene.cli(args);
            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, 2, "{ran:?}");
            for what in TEMPLATES.iter().chain(&SECRETS).chain(form) {
                assert!(told.contains(what), "{args:?} says nothing of {what}: {told}");
            }
        }
    }
    assert!(!scene.path("lead-sync.db").exists());
}

#[test]
fn a_command_is_told_of_no_secret_that_it_does_not_look_up() {
    let mut scene = wrong();
    let run = scene.cli(&["--run-now"]);
    assert!(!run.stderr.contains("NO_HTTP"), "the server is the daemon's: {run:?}");
    scene.connection("rate_limt", "\"5/s\"");
    let run = scene.cli(&["--run-now"]);
    assert!(run.stderr.contains("NOPE") && !run.stderr.contains("NO_HTTP"), "{run:?}");
    for args in [&["plan"][..], &["leads"]] {
        let ran = scene.cli(args);
        assert!(ran.stderr.contains("rate_limt") && ran.stderr.contains("trimm"), "{ran:?}");
        assert!(!ran.stderr.contains("NOPE"), "{ran:?}");
    }
    let daemon = scene.cli(&[]);
    for secret in ["NOPE", "NO_HOOK", "NO_HTTP"] {
        assert!(daemon.stderr.contains(secret), "{daemon:?}");
    }
}

#[test]
fn a_variable_with_a_wrong_template_is_named_where_it_is_the_only_thing_wrong() {
    let scene = Scene::new();
    scene.customers(0..1);
    for args in [&["--run-now"][..], &["plan"], &["check"]] {
        let mut command = scene.command(args);
        let output = command.env("LEAD_SYNC__SYNCS__CUSTOMERS__REQUIRED", "prospect.nobody").output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("$LEAD_SYNC__SYNCS__CUSTOMERS__REQUIRED"), "{args:?}: {told}");
    }
}
