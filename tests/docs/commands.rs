//! Every command block either runs, or says that it cannot and is at least a command line that the program knows.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Parser;
use lead_sync::cli::Args;
use lead_sync::sandbox::{Options, Running, Sandbox};

use crate::page::{Block, blocks, pages};

/// The address of the sandbox in the documentation; here it is another, free one.
const ADDRESS: &str = "127.0.0.1:8787";

/// The page whose commands make the place that the others are tried in.
const FIRST: &str = "docs/first-sync.md";

fn runnable(page: &str) -> Vec<Block> {
    blocks(page).into_iter().filter(|block| block.kind == "sh" && block.note.is_empty()).collect()
}

/// Runs blocks in a shell of their own in an empty folder; stderr with the line of the block that failed.
fn run(blocks: &[Block]) -> (bool, String, Running) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let api = runtime.block_on(async {
        let listener = Sandbox::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Sandbox::start(Options::default(), listener).unwrap()
    });
    let address = api.url().replace("http://", "");
    // Exit code 3 is part of the story: something needs a look.
    let head = "set -uo pipefail\ntrap 'code=$?; [ $code -eq 3 ] || exit $code' ERR\n".to_owned();
    let script = blocks.iter().fold(head, |script, block| {
        script + "echo '## " + &block.at + "' >&2\n" + &block.text.replace(ADDRESS, &address)
    });
    let folder = tempfile::tempdir().unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_lead-sync"));
    let path = std::env::join_paths([program.parent().unwrap(), "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", &script]).env_clear().env("PATH", path).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&told).into_owned(), api)
}

#[test]
fn the_first_sync_ends_with_every_lead_delivered_once() {
    let (ended_well, told, api) = run(&runnable(FIRST));
    assert!(ended_well, "{told}");
    for claim in ["exit code 3", "2 delivered", "the row has 4 cells, the header has 5", "1 delivered", "0 delivered"] {
        assert!(told.contains(claim), "{claim} is not in\n{told}");
    }
    let mut names: Vec<String> = Vec::new();
    for lead in api.leads() {
        names.push(lead.body["prospect"]["last_name"].as_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["Janssens", "Maes", "Peeters"]);
}

#[test]
fn the_commands_of_every_other_page_run_after_a_first_sync() {
    for page in pages().iter().filter(|page| page.starts_with("docs/") && *page != FIRST) {
        let (ended_well, told, _) = run(&[runnable(FIRST), runnable(page)].concat());
        assert!(ended_well, "{page}\n{told}");
    }
}

#[test]
fn every_command_that_is_only_shown_is_one_that_the_program_knows() {
    let mut tried = 0;
    for block in pages().iter().flat_map(|page| blocks(page)).filter(|block| block.kind == "sh") {
        for line in block.text.lines() {
            let line = line.split(" #").next().unwrap().split(" || ").next().unwrap();
            let words: Vec<&str> = line.split_whitespace().skip_while(|word| *word == "sudo").collect();
            if let Some(("lead-sync" | "lead-sync-ctl", rest)) = words.split_first().map(|(first, rest)| (*first, rest))
            {
                let parsed = Args::try_parse_from([&["lead-sync"], rest].concat());
                assert!(parsed.is_ok(), "{}: {line}: {}", block.at, parsed.unwrap_err());
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn the_sandbox_of_the_documentation_is_where_the_documentation_looks_for_it() {
    let shown = blocks(FIRST).into_iter().find(|block| block.note == "no-run").unwrap();
    assert_eq!(shown.text, format!("lead-sync sandbox --listen {ADDRESS}\n"));
    assert!(runnable(FIRST).iter().any(|block| block.text.contains(&format!("http://{ADDRESS}\n"))));
}
