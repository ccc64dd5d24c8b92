//! Leads that the API turns away: is it the lead, or everything?

use std::collections::BTreeSet;

use lead_sync::sandbox::Fault;

use crate::outcomes::{one_of_three, status};
use crate::support::Scene;

#[test]
fn one_lead_that_is_turned_away_among_others_is_refused() {
    for code in [403, 404, 405, 410, 301] {
        let (scene, ran) = one_of_three(status(code), None, |_| {});
        assert_eq!((ran.code, ran.count("delivered"), ran.count("rejected")), (3, 2, 1), "HTTP {code}: {ran:?}");
        let lead = scene.lead_of("1");
        assert_eq!((lead["state"].as_str(), lead["attempts"].as_u64()), (Some("rejected"), Some(0)), "HTTP {code}");
        assert_eq!(lead["http_status"], code);
    }
}

/// The runs come when the three are due again, as those of a nightly schedule do.
#[test]
fn leads_that_are_turned_away_each_time_keep_no_other_lead_from_being_sent() {
    let mut scene = Scene::new();
    scene.connection("retry", r#"{ first = "1h", cap = "1h" }"#).connection("max_in_flight", "1");
    scene.connection("patience", "\"0s\"");
    scene.customers(0..12);
    for key in ["2", "3", "4"] {
        scene.fault(Fault::once(status(403)).for_lead(key).always());
    }
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered")), (5, 2), "{ran:?}");
    assert_eq!(scene.cli(&["retry", "2", "3", "4"]).code, 0);
    assert_eq!(scene.run().count("delivered"), 7);
}

#[test]
fn a_lead_that_is_turned_away_and_the_only_one_that_a_run_may_send_ends_it_as_all_would() {
    let scene = Scene::new();
    scene.customers(0..3);
    scene.fault(Fault::once(status(403)).always());
    assert_eq!(scene.cli(&["--run-now", "--limit", "1"]).code, 5);
}

#[test]
fn when_every_lead_is_turned_away_the_run_stops_and_blames_no_lead() {
    for (code, exit) in [(403, 5), (404, 2), (405, 2), (410, 2), (301, 2)] {
        for leads in [1, 10] {
            let mut scene = Scene::new();
            scene.connection("max_in_flight", "1");
            scene.customers(0..leads);
            scene.fault(Fault::once(status(code)).always());
            let ran = scene.run();
            assert_eq!(ran.code, exit, "HTTP {code}: {ran:?}");
            let tried: BTreeSet<_> = scene.requests().into_iter().map(|request| request.external_ref).collect();
            assert!(tried.len() <= 3, "HTTP {code}: three leads are enough to know, not {tried:?}");
            for lead in scene.leads() {
                assert!(["pending", "waiting"].contains(&lead["state"].as_str().unwrap()), "{lead}");
                assert_eq!(lead["attempts"], 0, "{lead}");
            }
            scene.api.clear_faults();
            assert_eq!(scene.run().count("delivered"), u64::from(leads), "HTTP {code}");
        }
    }
}
