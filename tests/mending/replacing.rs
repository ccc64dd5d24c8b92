//! A correction counts until the export's own row is another one.

use lead_sync::sandbox::{Answer, Fault, Kind};

use crate::rejects::{export, import, replace, scene};
use crate::support::Scene;

const HEADER: &str = "id,first_name,last_name,email,note\n";

fn one(scene: &Scene, row: &str) {
    scene.export("customers.csv", format!("{HEADER}{row}\n"));
}

/// Counts of a run: new, changed, unchanged, skipped, invalid, and its exit code.
fn counts(scene: &Scene) -> ([u64; 5], i32) {
    let ran = scene.run();
    (["new", "changed", "unchanged", "skipped", "invalid"].map(|name| ran.count(name)), ran.code)
}

/// A rejected row that was corrected and delivered while the export keeps the wrong one.
fn corrected() -> Scene {
    let scene = scene();
    one(&scene, "1,Ann,Maes,nowhere,x");
    scene.run();
    assert_eq!(import(&scene, replace(&export(&scene), b"nowhere", b"a@example.com")).code, 0);
    scene
}

#[test]
fn the_wrong_row_is_unchanged_in_every_run_and_so_is_the_corrected_one() {
    let scene = corrected();
    for _ in 0..3 {
        assert_eq!(counts(&scene), ([0, 0, 1, 0, 0], 0));
    }
    one(&scene, "1,Ann,Maes,a@example.com,x");
    assert_eq!(counts(&scene), ([0, 0, 1, 0, 0], 0));
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn a_column_that_is_not_mapped_changes_no_row() {
    let scene = corrected();
    one(&scene, "1,Ann,Maes,nowhere,another note");
    assert_eq!(counts(&scene), ([0, 0, 1, 0, 0], 0));
}

#[test]
fn another_row_of_the_export_counts_again_and_is_reported_if_it_is_wrong() {
    let scene = corrected();
    scene.run();
    one(&scene, "1,Ann,Claes,nowhere,x");
    assert_eq!(counts(&scene), ([0, 0, 0, 0, 1], 3));
    one(&scene, "1,Ann,Claes,a@example.com,x");
    assert_eq!(counts(&scene), ([0, 1, 0, 0, 0], 0));
    // The first wrong row is another row now, too.
    one(&scene, "1,Ann,Maes,nowhere,x");
    assert_eq!(counts(&scene).0, [0, 0, 0, 0, 1]);
}

#[test]
fn a_correct_row_of_the_export_replaces_a_correction_that_was_not_sent_yet() {
    let scene = corrected();
    one(&scene, "1,Ann,Claes,c@example.com,x");
    let ran = scene.run();
    assert_eq!((ran.count("changed"), ran.count("delivered")), (1, 1));
    assert_eq!(scene.stored()[0].body["prospect"]["last_name"], "Claes");
}

#[test]
fn a_correction_that_waits_is_not_undone_by_a_mapping_that_reads_more() {
    let mut scene = corrected();
    scene.lead(
        "\norigin = \"CRM\"\n[syncs.customers.lead.prospect]\nlast_name = \"{{ last_name }}\"\nemail = \"{{ email | email }}\"\n\
         note = \"{{ note }}\"\n",
    );
    let ran = scene.run();
    assert_eq!((ran.code, ran.count("delivered"), ran.count("invalid")), (0, 1, 0), "{ran:?}");
    assert_eq!(scene.stored()[0].body["prospect"]["email"], "a@example.com");
}

#[test]
fn a_row_that_got_another_key_is_no_longer_rejected_under_the_old_one() {
    let scene = scene();
    one(&scene, "1,Ann,Maes,nowhere,x");
    scene.run();
    assert_eq!(import(&scene, replace(&export(&scene), b"1,Ann,Maes,nowhere", b"9,Ann,Maes,a@example.com")).code, 0);
    assert_eq!(counts(&scene), ([0, 0, 1, 0, 0], 0));
    let keys: Vec<String> = scene.leads().iter().map(|lead| lead["key"].to_string()).collect();
    assert_eq!(keys, ["\"9\""]);
    one(&scene, "1,Ann,Maes,nowhere,a column that is not mapped");
    assert_eq!(counts(&scene), ([0, 0, 1, 0, 0], 0));
}

#[test]
fn a_correction_that_the_api_refuses_is_rejected_with_its_own_cells() {
    let scene = corrected();
    scene.fault(Fault::once(Kind::Status(Answer::new(422))));
    assert_eq!(scene.run().code, 3);
    let file = String::from_utf8(export(&scene)).unwrap();
    assert!(file.contains("1,Ann,Maes,a@example.com,x,"), "{file}");
    assert_eq!(import(&scene, file.replace("Maes", "Claes")).code, 0);
    assert_eq!(counts(&scene), ([0, 0, 1, 0, 0], 0));
    assert_eq!(scene.stored()[0].body["prospect"]["last_name"], "Claes");
}

#[test]
fn a_second_row_of_a_key_does_not_undo_its_correction() {
    let mut scene = scene();
    scene.sync("on_change", "\"resend\"");
    scene.export("customers.csv", format!("{HEADER}1,Ann,Maes,a@example.com,x\n1,Bob,Maes,b@example.com,x\n"));
    assert_eq!(scene.run().count("rejected"), 1);
    // The person says that the second row is the right one.
    assert_eq!(
        import(&scene, format!("{}1,Bob,Claes,b@example.com,x,,3\n", HEADER.replace('\n', ",_reason,_line\n"))).code,
        0
    );
    for delivered in [1, 0, 0] {
        let ran = scene.run();
        assert_eq!((ran.code, ran.count("delivered"), ran.count("unchanged")), (0, delivered, 2), "{ran:?}");
    }
    assert_eq!(scene.stored()[1].body["prospect"]["last_name"], "Claes");
}

#[test]
fn a_plan_knows_of_corrections() {
    let scene = corrected();
    scene.run();
    let ran = scene.cli(&["plan", "--json"]);
    assert_eq!((ran.code, ran.count("unchanged"), ran.count("invalid")), (0, 1, 0), "{ran:?}");
}
