//! Each recipe of the cookbook gives what it shows; each configuration of the documentation loads.

use std::fs;
use std::path::Path;
use std::process::Command;

use lead_sync::config::{Env, Secrets, load};
use serde_json::Value;

use crate::page::{Block, blocks, pages};

const COOKBOOK: &str = "docs/mapping.md";

/// A recipe: its configuration and the blocks that follow it.
fn recipes() -> Vec<Vec<Block>> {
    let mut recipes: Vec<Vec<Block>> = Vec::new();
    for block in blocks(COOKBOOK).into_iter().filter(|block| block.kind != "sh" && block.note != "frame") {
        if block.kind == "toml" {
            recipes.push(Vec::new());
        }
        recipes.last_mut().unwrap().push(block);
    }
    recipes
}

fn frame() -> String {
    blocks(COOKBOOK).into_iter().find(|block| block.note == "frame").unwrap().text
}

/// Writes the block into the folder as the source that a recipe reads.
fn lay_out(folder: &Path, block: &Block) {
    match block.kind.as_str() {
        "csv" => {
            let bytes = if block.note == "windows-1252" {
                encoding_rs::WINDOWS_1252.encode(&block.text).0.into_owned()
            } else {
                block.text.clone().into_bytes()
            };
            fs::create_dir(folder.join("exports")).unwrap();
            fs::write(folder.join("exports/customers.csv"), bytes).unwrap();
        }
        "sql" => rusqlite::Connection::open(folder.join("crm.db")).unwrap().execute_batch(&block.text).unwrap(),
        _ => {}
    }
}

/// `plan --show-values --json` of a recipe.
fn planned(recipe: &[Block]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lead-sync.toml"), frame() + &recipe[0].text).unwrap();
    for block in recipe {
        lay_out(folder.path(), block);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_lead-sync"));
    command.args(["--config", "lead-sync.toml", "plan", "--show-values", "--json"]).current_dir(folder.path());
    let output = command.output().unwrap();
    assert!(!output.stdout.is_empty(), "{}: {}", recipe[0].at, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_recipe_sends_what_it_shows_and_rejects_what_it_says() {
    let recipes = recipes();
    assert!(recipes.len() > 5);
    for recipe in &recipes {
        let at = &recipe[0].at;
        let text = |kind: &str| recipe.iter().find(|block| block.kind == kind).map(|block| block.text.as_str());
        let expected: Value = serde_json::from_str(text("json").unwrap_or_else(|| panic!("{at}: no json"))).unwrap();
        let expected = match expected {
            Value::Array(bodies) => bodies,
            body => vec![body],
        };
        let plan = planned(recipe);
        let samples = plan["samples"].as_array().unwrap();
        let bodies: Vec<Value> = samples.iter().filter_map(|sample| sample.get("body").cloned()).collect();
        assert_eq!(bodies, expected, "{at}");
        let reasons: Vec<&str> = samples.iter().filter_map(|sample| sample.get("reason")?.as_str()).collect();
        let told: Vec<&str> = text("text").unwrap_or_default().lines().collect();
        assert_eq!(reasons.len(), told.len(), "{at}: {reasons:?}");
        for (reason, told) in reasons.iter().zip(told) {
            assert!(reason.ends_with(told), "{at}: {reason}");
        }
    }
}

#[test]
fn every_configuration_loads_and_has_its_recipe() {
    for block in pages().iter().flat_map(|page| blocks(page)).filter(|block| block.kind == "toml") {
        match block.note.as_str() {
            "fragment" => assert!(block.text.parse::<toml::Table>().is_ok(), "{}", block.at),
            "frame" => {}
            _ => {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("lead-sync.toml");
                fs::write(&file, frame() + &block.text).unwrap();
                let env = Env::from([("WEGROUP_API_TOKEN", "token")]);
                let settings = load(&file, &env, Secrets::Connections).and_then(|loaded| loaded.settings(&env));
                let settings = settings.unwrap_or_else(|problems| panic!("{}: {problems}", block.at));
                assert!(lead_sync::worker::prepare(settings, &[]).is_ok(), "{}", block.at);
            }
        }
    }
}
