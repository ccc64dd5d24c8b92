//! The demo, as a newcomer sees it.

use std::process::Command;

use lead_sync::sandbox::export::EXPECTED;

use crate::{Desk, Done, Sandbox, done};

const CONFIGURATION: &str = "lead-sync-demo/lead-sync.toml";
const EXPORT: &str = "lead-sync-demo/customers.csv";

/// The lines of the text that call the program, without their indentation.
fn commands(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| line.starts_with(program())).collect()
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_lead-sync")
}

/// Does what a shell in the desk's folder does with the line.
fn paste(desk: &Desk, line: &str) -> Done {
    done(Command::new("sh").args(["-c", line]).current_dir(desk.path("")).env_clear())
}

#[test]
fn the_demo_makes_of_its_export_what_the_export_promises() {
    let desk = Desk::new();
    let told = desk.run(&["demo"]);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{}", told.out);
    let lines = [
        format!("First run: {} rows read", EXPECTED.rows),
        format!("{:>5} delivered", EXPECTED.delivered),
        format!("{:>5} refused by WeGroup", EXPECTED.refused),
        format!("{:>5} in quarantine", EXPECTED.quarantined),
        format!("{:>5} skipped", EXPECTED.without_consent),
        format!("Second run, the same export: {} rows read, 0 leads sent.", EXPECTED.rows),
        format!("{} leads received, {} stored, none twice.", EXPECTED.delivered + EXPECTED.refused, EXPECTED.delivered),
    ];
    for line in lines {
        assert!(told.out.contains(&line), "{line}\n{}", told.out);
    }
    let too_long: Vec<&str> =
        told.out.lines().filter(|line| line.chars().count() > 100 && !line.contains(program())).collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
}

#[test]
fn the_ledger_of_the_demo_accounts_for_every_lead() {
    let desk = Desk::new();
    desk.run(&["demo"]);
    let json = desk.run(&["--config", CONFIGURATION, "leads", "--format", "json"]).out;
    let leads: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let count = |state: &str, by_api: bool| {
        leads.iter().filter(|lead| lead["state"] == state && lead["http_status"].is_number() == by_api).count()
    };
    assert_eq!(
        (count("delivered", true), count("rejected", true), count("rejected", false), leads.len()),
        (EXPECTED.delivered, EXPECTED.refused, EXPECTED.quarantined, EXPECTED.rows - EXPECTED.without_consent)
    );
}

#[test]
fn every_command_that_the_demo_prints_works_as_printed() {
    let desk = Desk::new();
    let told = desk.run(&["demo"]).out;
    let printed = commands(&told);
    let (sandbox, others): (Vec<&str>, Vec<&str>) = printed.into_iter().partition(|line| line.contains(" sandbox "));
    let bytes = std::fs::read(desk.path(EXPORT)).unwrap();
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    assert!(text.contains("@refused.example"), "the export has an address to mend");
    let text = text.replace("@refused.example", "@example.com");
    desk.write(EXPORT, text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>());
    let args: Vec<&str> = sandbox[0].split(' ').skip(1).collect();
    let _sandbox = Sandbox::start(&mut desk.command(&args));
    assert_eq!(others.len(), 5, "{others:?}");
    for line in &others {
        let result = paste(&desk, line);
        assert_eq!(result.code, Some(0), "{line}\n{result:?}");
    }
    assert!(others[2].contains(" show "), "{others:?}");
    assert!(paste(&desk, others[2]).out.contains("delivered"), "the mended lead is delivered");
}

#[test]
fn a_second_demo_sends_nothing_again_and_a_fresh_one_everything() {
    let desk = Desk::new();
    desk.run(&["demo"]);
    let configuration = desk.read(CONFIGURATION);
    let again = desk.run(&["demo"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.out.contains("0 new leads, 0 delivered") && again.out.contains("0 leads received"), "{}", again.out);
    assert_eq!(desk.read(CONFIGURATION), configuration);
    let fresh = desk.run(&["demo", "--fresh"]);
    assert!(fresh.out.contains(&format!("{} delivered in", EXPECTED.delivered)), "{}", fresh.out);
}

#[test]
fn a_folder_that_is_not_a_demos_is_left_alone() {
    let desk = Desk::new();
    desk.write("customers.csv", "id\n1\n");
    let refused = desk.run(&["demo", "--folder", "."]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("customers.csv is there already"), "{}", refused.err);

    let desk = Desk::new();
    desk.run(&["demo"]);
    let real = desk.read(CONFIGURATION).replace("api_url = \"http://127.0.0.1", "# \"");
    desk.write(CONFIGURATION, &real);
    let refused = desk.run(&["demo", "--fresh"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("does not send to a local WeGroup"), "{}", refused.err);
    assert_eq!(desk.read(CONFIGURATION), real);
}

#[test]
fn a_proxy_in_the_environment_does_not_get_the_demos_leads() {
    let desk = Desk::new();
    // Nothing listens on port 1: whoever uses this proxy fails.
    let told =
        done(desk.command(&["demo"]).env("HTTP_PROXY", "http://127.0.0.1:1").env("ALL_PROXY", "http://127.0.0.1:1"));
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "{}", told.out);
}
