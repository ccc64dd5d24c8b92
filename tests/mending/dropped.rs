//! Rows that are no leads, off the list.

use crate::rejects::{export, scene};

const HEADER: &str = "id,first_name,last_name,email\n";
const TOTAL: &str = ",Total,3,\n";

#[test]
fn a_line_of_totals_goes_off_the_list_and_stays_off_while_the_export_holds_it() {
    let scene = scene();
    scene.export("customers.csv", format!("{HEADER}001,Ann,Maes,a@x.be\n{TOTAL}"));
    assert_eq!(scene.run().code, 3);
    let origin = "exports/customers.csv:3";
    let asked = scene.cli(&["rejects", "drop", origin]);
    assert!(asked.code == 2 && asked.stderr.contains("a row without a key: the key column 'id' is empty"), "{asked:?}");
    let dropped = scene.cli(&["rejects", "drop", origin, "--yes"]);
    assert_eq!(dropped.code, 0, "{dropped:?}");
    assert_eq!(scene.cli(&["leads", "--state", "rejected", "--format", "json"]).stdout.trim(), "[]");
    let again = scene.cli(&["rejects", "drop", origin, "--yes"]);
    assert!(again.code == 2 && again.stderr.contains("leads --state rejected"), "{again:?}");

    let ran = scene.run();
    assert_eq!((ran.code, ran.count("skipped"), ran.count("invalid")), (0, 1, 0), "{ran:?}");
    scene.export("customers.csv", format!("{HEADER}001,Ann,Maes,a@x.be\n,Total,4,\n"));
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("invalid")), (3, 1), "another row is another matter: {ran:?}");
}

#[test]
fn the_row_of_a_lead_is_not_dropped() {
    let scene = scene();
    scene.export("customers.csv", format!("{HEADER}001,Ann,Maes,nowhere\n002,Bob,Boon,b@x.be\n"));
    assert_eq!(scene.run().code, 3);
    let ran = scene.cli(&["rejects", "drop", "exports/customers.csv:2", "--yes"]);
    assert!(ran.code == 2 && ran.stderr.contains("forget 001"), "{ran:?}");
    assert!(String::from_utf8_lossy(&export(&scene)).contains("nowhere"));
}

#[test]
fn a_row_that_has_the_key_of_another_one_is_not_dropped_as_it_may_be_the_good_one_of_tomorrow() {
    let scene = scene();
    scene.export("customers.csv", format!("{HEADER}001,Ann,Maes,a@x.be\n001,Bob,Boon,b@x.be\n"));
    assert_eq!(scene.run().code, 3);
    let ran = scene.cli(&["rejects", "drop", "exports/customers.csv:3", "--yes"]);
    assert!(ran.code == 2 && ran.stderr.contains("has the key 001") && ran.stderr.contains("forget 001"), "{ran:?}");
    scene.export("customers.csv", format!("{HEADER}002,Bob,Boon,b@x.be\n"));
    assert_eq!(scene.run().count("delivered"), 1);
}

#[test]
fn a_row_that_took_the_place_of_the_one_that_was_shown_is_not_dropped() {
    use lead_sync::ledger::Ledger;
    let scene = scene();
    let origin = "exports/customers.csv:2";
    scene.export("customers.csv", format!("{HEADER}{TOTAL}"));
    assert_eq!(scene.run().code, 3);
    let mut ledger = Ledger::open(&scene.path("lead-sync.db")).unwrap();
    let shown = ledger.quarantined_at(origin, None).unwrap();
    scene.export("customers.csv", format!("{HEADER},Ann,Maes,a@x.be\n"));
    assert_eq!(scene.run().code, 3);
    assert!(!ledger.drop_quarantined(origin, None, &shown).unwrap());
    let now = ledger.quarantined_at(origin, None).unwrap();
    assert!(now.len() == 1 && ledger.drop_quarantined(origin, None, &now).unwrap());
}

#[test]
fn a_dropped_row_is_erased_from_the_file() {
    let scene = scene();
    scene.export("customers.csv", format!("{HEADER}001,Ann,Maes,a@x.be\n,Planted,Surname,p@x.be\n"));
    assert_eq!(scene.run().code, 3);
    let held = |scene: &crate::support::Scene| {
        let files =
            ["lead-sync.db", "lead-sync.db-wal"].map(|name| std::fs::read(scene.path(name)).unwrap_or_default());
        files.concat().windows(7).any(|part| part == b"Planted")
    };
    assert!(held(&scene));
    assert_eq!(scene.cli(&["rejects", "drop", "exports/customers.csv:3", "--yes"]).code, 0);
    assert!(!held(&scene));
}
