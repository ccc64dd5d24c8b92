//! A ledger under the configuration of another place than the one that its leads were delivered to.

use lead_sync::sandbox::Options;

use crate::support::Scene;

const OTHER: &str = "\"11111111-2222-3333-4444-555555555555\"";

#[test]
fn a_ledger_of_another_distribution_sends_nothing_until_that_is_confirmed() {
    let mut scene = Scene::new();
    scene.customers(0..2);
    assert_eq!(scene.run().count("delivered"), 2);
    scene.connection("distribution_id", OTHER);
    scene.customers(0..3);
    for _ in 0..2 {
        let ran = scene.run();
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("ledger of its own") && ran.stderr.contains("resume wegroup --moved"), "{ran:?}");
    }
    let plan = scene.cli(&["plan"]);
    assert!(plan.code == 2 && plan.stderr.contains("ledger of its own"), "{plan:?}");
    assert_eq!(scene.cli(&["baseline", "--yes"]).code, 2);
    // Nothing of the other place's export is in this ledger.
    let right = format!("{:?}", Options::DISTRIBUTION_ID);
    scene.connection("distribution_id", &right).customers(0..2);
    assert_eq!(scene.run().code, 0);
    assert_eq!((scene.requests().len(), scene.leads().len()), (2, 2));
    scene.connection("distribution_id", OTHER).customers(0..3);
    assert_eq!(scene.cli(&["resume", "wegroup", "--moved"]).code, 0);
    scene.run();
    let sent = scene.requests();
    let elsewhere: Vec<_> = sent.iter().skip(2).map(|request| request.external_ref.as_deref()).collect();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|key| *key == Some("2")), "only what is new: {elsewhere:?}");
}

#[test]
fn a_place_to_which_nothing_was_delivered_is_corrected_without_a_word() {
    let mut scene = Scene::new();
    let right = format!("{:?}", Options::DISTRIBUTION_ID);
    scene.connection("distribution_id", OTHER);
    scene.customers(0..1);
    assert_eq!(scene.run().code, 5, "the sandbox turns it away");
    scene.connection("distribution_id", &right);
    scene.cli(&["resume", "wegroup"]);
    assert_eq!(scene.run().count("delivered"), 1);
}
