//! Rows that the mapping refuses, again and again.

use crate::support::Scene;

#[test]
fn a_row_that_somebody_changed_and_that_is_still_refused_is_told_again_and_only_then() {
    let mut scene = Scene::new();
    scene.sync("required", "[\"prospect.email\", \"prospect.last_name\"]");
    let header = "id,first_name,last_name,email\n";
    let run = |row: &str| {
        scene.export("customers.csv", format!("{header}{row}\n"));
        let ran = scene.run();
        (ran.code, ran.count("rejected"), ran.count("invalid"))
    };
    assert_eq!(run("K1,Ann,Maes,"), (3, 1, 1));
    assert_eq!(run("K1,Ann,Maes,"), (0, 0, 1), "that is known");
    assert_eq!(run("K1,Ann,,a@x.be"), (3, 1, 1), "that is not");
    assert_eq!(run("K1,Ann,,a@x.be"), (0, 0, 1));
}
