//! The arrows and habits that the crate's documentation promises, checked on the text of every file.

mod examples;
mod rules;
mod source;

use rules::Rule;
use source::read_tree;

/// Panics with every place under `folders` that breaks `rule`.
#[track_caller]
fn assert_kept(rule: Rule, folders: &[&str]) {
    let broken = match read_tree(folders) {
        Ok(sources) => sources.iter().flat_map(rule).map(|place| place.to_string()).collect(),
        Err(unreadable) => vec![unreadable],
    };
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_domain_imports_nothing_of_ours() {
    assert_kept(rules::domain_is_alone, &["src"]);
}

#[test]
fn the_domain_knows_no_clock_no_dice_no_io_and_no_async() {
    assert_kept(rules::domain_is_pure, &["src"]);
}

#[test]
fn edges_import_the_domain_and_the_clock_and_never_each_other() {
    assert_kept(rules::edges_are_apart, &["src"]);
}

#[test]
fn nothing_below_cli_imports_the_configuration() {
    assert_kept(rules::config_is_for_cli, &["src"]);
}

#[test]
fn only_cli_imports_the_sandbox() {
    assert_kept(rules::sandbox_is_for_cli, &["src"]);
}

#[test]
fn only_main_imports_the_commands() {
    assert_kept(rules::cli_is_for_main, &["src"]);
}

#[test]
fn lib_only_declares_modules() {
    assert_kept(rules::lib_only_declares, &["src"]);
}

#[test]
fn only_cli_and_main_print() {
    assert_kept(rules::only_cli_prints, &["src"]);
}

#[test]
fn sql_is_written_in_the_ledger_and_the_sqlite_source_only() {
    assert_kept(rules::sql_has_two_homes, &["src"]);
}

#[test]
fn status_codes_of_the_lead_api_are_read_in_one_place() {
    assert_kept(rules::outcome_reads_status_codes, &["src"]);
}

#[test]
fn no_file_is_longer_than_400_lines() {
    assert_kept(rules::files_are_short, &["src", "tests"]);
}

#[test]
fn the_map_in_lib_names_every_module() {
    let map = include_str!("../../src/lib.rs");
    let sources = read_tree(&["src"]).unwrap();
    let missing: Vec<&str> = sources
        .iter()
        .map(source::Source::top)
        .filter(|module| *module != "lib")
        .filter(|module| !map.contains(&format!("//! {module}/ ")) && !map.contains(&format!("//! {module}.rs ")))
        .collect();
    assert!(missing.is_empty(), "src/lib.rs: the map leaves out {missing:?}");
}
