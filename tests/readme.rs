//! What the README says of the repository is so.

use std::collections::BTreeSet;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The lines of the section under `heading`.
fn section(heading: &str) -> impl Iterator<Item = &'static str> {
    README.lines().skip_while(move |line| *line != heading).skip(1).take_while(|line| !line.starts_with("## "))
}

/// The rows `| crate | for |` of the dependency tables.
fn table() -> Vec<(&'static str, &'static str)> {
    section("## Dependencies")
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
        .collect()
}

/// Names of the direct dependencies, those of tests and builds included, as cargo itself reads them.
fn direct_dependencies() -> Result<BTreeSet<String>, serde_json::Error> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(serde_json::Error::io)?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let dependencies = metadata["packages"][0]["dependencies"].as_array();
    Ok(dependencies
        .into_iter()
        .flatten()
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect())
}

#[test]
fn the_first_two_commands_are_the_demo_and_the_tests() {
    let block = README.split("```").nth(1).unwrap();
    let commands: Vec<&str> = block.lines().skip(1).collect();
    assert_eq!(commands, ["cargo run --release -- demo", "cargo test"]);
}

#[test]
fn every_direct_dependency_is_in_the_table_and_the_table_has_no_other() {
    let in_cargo = direct_dependencies().unwrap();
    let in_readme: BTreeSet<String> = table().iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = in_cargo.difference(&in_readme).collect();
    let extra: Vec<_> = in_readme.difference(&in_cargo).collect();
    assert!(!in_cargo.is_empty(), "cargo metadata names no dependency");
    assert!(
        missing.is_empty() && extra.is_empty(),
        "README.md, Dependencies: no line for {missing:?}; not in Cargo.toml: {extra:?}"
    );
}

#[test]
fn every_dependency_has_its_reason_and_stands_in_the_table_once() {
    let rows = table();
    let without: Vec<_> = rows.iter().filter(|(_, reason)| reason.trim().is_empty()).collect();
    assert!(without.is_empty(), "README.md, Dependencies: no reason given: {without:?}");
    let names: BTreeSet<&str> = rows.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), rows.len(), "README.md, Dependencies: a crate stands there twice");
}

#[test]
fn every_command_that_the_readme_names_is_one() {
    let calls = ["`lead-sync ", "\nlead-sync "].map(|call| README.split(call).skip(1));
    let named: BTreeSet<&str> = calls
        .into_iter()
        .flatten()
        .filter_map(|rest| rest.split(|end: char| !end.is_ascii_lowercase()).next())
        .filter(|word| !word.is_empty())
        .collect();
    assert!(named.len() > 5, "{named:?}");
    for command in named {
        let help = Command::new(env!("CARGO_BIN_EXE_lead-sync")).args([command, "--help"]).output().unwrap();
        assert!(help.status.success(), "README.md names lead-sync {command}, which is no command");
    }
}

#[test]
fn every_file_that_the_readme_links_to_exists() {
    let targets = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for target in targets.filter(|target| !target.contains("://")) {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
        assert!(file.exists(), "README.md links to {target}, which does not exist");
    }
}
