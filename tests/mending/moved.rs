//! A file of corrections whose lines are other rows by now.

use crate::rejects::{export, import, replace, scene};

const HEADER: &str = "id,first_name,last_name,email\n";

#[test]
fn a_correction_is_not_taken_for_another_row_that_has_its_line_by_now() {
    let scene = scene();
    let (ann, bob) = ("001,Ann,Peeters,ann@x.be\n", "002,Bob,Boon,Jr,bob@x.be\n");
    scene.export("customers.csv", format!("{HEADER}{ann}{bob}"));
    assert_eq!(scene.run().code, 3);
    let corrected = replace(&export(&scene), b"Boon,Jr,bob@x.be", b"Boon,bob@x.be,");
    scene.export("customers.csv", format!("{HEADER}{ann}005,Eva,Evers,Sr,eva@x.be\n{bob}"));
    assert_eq!(scene.run().code, 3);
    let ran = import(&scene, &corrected);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("another one by now") || ran.stdout.contains("another one by now"), "{ran:?}");
    for key in ["002", "005"] {
        assert_eq!(scene.lead_of(key)["state"], "rejected");
    }
    assert_eq!(
        import(&scene, replace(&export(&scene), b"Boon,Jr,bob@x.be", b"Boon,bob@x.be,")).code,
        3,
        "Eva's row is still to be corrected"
    );
    assert_eq!(scene.run().count("delivered"), 1);
    assert_eq!(scene.lead_of("005")["state"], "rejected");
}

#[test]
fn a_file_of_corrections_that_is_imported_again_leaves_the_rejected_rows_of_another_export_alone() {
    let scene = scene();
    scene.export("customers-1.csv", format!("{HEADER}001,Ann,Maes,a@x.be\n002,Bob,Boon,nowhere\n"));
    scene.export("customers-2.csv", format!("{HEADER}101,Cid,Claes,c@x.be\n102,Dirk,Dams,somewhere\n"));
    assert_eq!(scene.run().code, 3);
    let all = String::from_utf8(export(&scene)).unwrap();
    let of_first: Vec<&str> = all.lines().filter(|line| line.starts_with("id,") || line.starts_with("002,")).collect();
    let corrected = of_first.join("\n").replace("nowhere", "b@x.be").replace("exports/customers-1.csv:", "") + "\n";
    assert_eq!(import(&scene, &corrected).code, 0);
    assert_eq!(scene.run().count("delivered"), 1);
    let again = import(&scene, &corrected);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(scene.lead_of("102")["state"], "rejected");
}
