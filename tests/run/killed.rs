//! What is said of a run that was killed.

use rustix::process::Signal;

use crate::stop::{signal, slow, slow_crm, until_received};
use crate::support::Scene;

#[test]
fn a_run_that_is_killed_has_counted_what_it_read_and_delivered_until_then() {
    let scene = slow();
    let mut child = scene.spawn();
    until_received(&scene, 50);
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let number = |sql: &str| scene.query(sql)[0].parse::<u64>().unwrap();
    let delivered = number("SELECT count(*) FROM leads WHERE state = 'delivered'");
    assert!(delivered > 0, "the outcomes before the last claim are recorded");
    let counted = "SELECT read || ' ' || new || ' ' || delivered || ' ' || pending FROM runs WHERE run = 1";
    assert_eq!(scene.query(counted), [format!("400 400 {delivered} 400")], "pending is what it began with");

    let next = scene.run();
    assert_eq!((next.code, next.count("delivered")), (0, 400 - delivered), "{next:?}");
    let closed = "SELECT outcome || ' ' || read || ' ' || delivered || ' ' || pending FROM runs WHERE run = 1";
    assert_eq!(scene.query(closed), [format!("interrupted 400 {delivered} {}", 400 - delivered)]);
    assert_eq!(number("SELECT sum(delivered) FROM runs"), 400);
}

#[test]
fn a_run_that_is_killed_while_it_reads_a_source_has_counted_what_it_took_in_of_the_one_before() {
    let mut scene = Scene::new();
    scene.export("customers.csv", "id,first_name,last_name,email\n1,Ann,Maes,a@x.be\n,Bob,Boon,b@x.be\n");
    let _crm = slow_crm(&scene);
    scene.more(
        "[syncs.others]\nconnection = \"wegroup\"\n\
         source = { kind = \"sqlite\", path = \"crm.db\", query = \"SELECT * FROM person\", key = \"id\" }\n\
         lead = { origin = \"CRM\", prospect = { last_name = \"Janssens\" } }\n",
    );
    let mut child = scene.spawn();
    // By then it has read its configuration, which each command writes anew.
    while !scene.path("lead-sync.db").exists() {
        std::thread::yield_now();
    }
    let read = || scene.cli(&["runs", "--format", "json"]).json()[0]["read"].as_u64();
    while read() != Some(2) {
        assert!(child.try_wait().unwrap().is_none(), "it reads for long");
    }
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    let counted = "SELECT read || ' ' || new || ' ' || invalid || ' ' || rejected || ' ' || pending FROM runs";
    assert_eq!(scene.query(counted), ["2 1 1 1 1"]);
}
