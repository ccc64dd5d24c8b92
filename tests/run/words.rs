//! What a person reads on a terminal.

use crate::support::Scene;

#[test]
fn a_sync_that_nobody_knows_is_refused_with_the_name_that_was_meant() {
    let scene = Scene::new();
    scene.customers(0..1);
    scene.run();
    for args in
        [&["leads"][..], &["leads", "--format", "json"], &["show", "0"], &["export-person", "0"], &["--run-now"]]
    {
        let ran = scene.cli(&[args, &["--sync", "custommers"]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("there is no such sync; did you mean customers?"), "{args:?}: {ran:?}");
        let ran = scene.cli(&[args, &["--sync", "x"]].concat());
        assert!(ran.code == 2 && ran.stderr.contains("there is customers"), "{args:?}: {ran:?}");
        assert_eq!(scene.cli(&[args, &["--sync", "customers"]].concat()).code, 0, "{args:?}");
    }
}

#[test]
fn leads_of_a_sync_that_is_configured_no_more_or_has_not_run_yet_are_not_refused() {
    let mut scene = Scene::new();
    scene.customers(0..1);
    scene.run();
    scene.more("[syncs.brokers]\nconnection = \"wegroup\"\nsource = { path = \"b.csv\", key = \"id\" }\nlead = { id = \"{{ id }}\" }\n");
    assert_eq!(scene.cli(&["leads", "--sync", "brokers", "--format", "json"]).json().as_array().unwrap().len(), 0);
    let mut command = scene.command(&["leads", "--sync", "customers", "--format", "json"]);
    let text = std::fs::read_to_string(scene.path("lead-sync.toml")).unwrap();
    std::fs::write(scene.path("lead-sync.toml"), text.replace("syncs.customers", "syncs.clients")).unwrap();
    let output = command.output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("\"customers\""), "{output:?}");
}

#[test]
fn a_number_that_is_none_is_answered_with_what_to_write() {
    let scene = Scene::new();
    for args in [&["--run-now", "--limit", "x"][..], &["leads", "--offset", "x"], &["--run-now", "--limit=1.5"]] {
        let ran = scene.cli(args);
        assert!(ran.code == 2 && ran.stderr.contains("write a whole number"), "{args:?}: {ran:?}");
    }
}

#[test]
fn one_row_is_one_row_and_one_lead_one_lead() {
    let scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Peeters,\n");
    let told = |args: &[&str]| scene.cli(args).stdout;
    assert!(told(&["check"]).contains("; 1 row makes 1 lead"), "{}", told(&["check"]));
    let plan = told(&["plan"]);
    assert!(plan.contains(": 1 row: 1 new") && plan.contains("; 1 lead would be sent"), "{plan}");
    assert!(told(&["--run-now"]).contains(": 1 row read (1 new"));
    assert!(told(&["backup", "copy.db"]).contains(": 1 lead, "));
    scene.export("customers.csv", "id,first_name,last_name,email\n2\n");
    assert!(told(&["--run-now"]).contains(": 1 row read"));
    assert!(told(&["leads"]).contains("the row has 1 cell, the header has 4"), "{}", told(&["leads"]));
    assert!(told(&["rejects", "export", "r.csv"]).contains("1 rejected row of customers is in r.csv"));
}
