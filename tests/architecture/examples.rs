//! Each rule shown to work: a text that breaks it, with the line it is found on, and one that keeps it.

use crate::rules::{self, Rule};
use crate::source::Source;

/// The lines on which `text`, as the file `path`, breaks `rule`.
fn broken(rule: Rule, path: &str, text: &str) -> Result<Vec<usize>, String> {
    let source = Source::parse(path, text)?;
    Ok(rule(&source).iter().map(|place| place.line).collect())
}

const NONE: Result<Vec<usize>, String> = Ok(Vec::new());

#[test]
fn an_import_in_the_domain_is_found_however_it_is_written() {
    let found = |text| broken(rules::domain_is_alone, "src/domain/plan.rs", text);
    assert_eq!(found("use crate::ledger::Row;"), Ok(vec![1]));
    assert_eq!(found("use super::super::clock;"), Ok(vec![1]));
    assert_eq!(found("use crate::{\n  domain::time,\n  auth::{self, Error as E},\n};"), Ok(vec![3, 3]));
    assert_eq!(found("fn f() {\n  vec![crate::clock::now()];\n}"), Ok(vec![2]));
    assert_eq!(found("use crate::domain::{time, record::*};\nuse super::retry;\npub(crate) fn f() {}"), NONE);
}

#[test]
fn comments_strings_and_test_code_are_not_imports() {
    let found = |text| broken(rules::domain_is_alone, "src/domain/plan.rs", text);
    assert_eq!(
        found("//! crate::auth\n/// [`crate::clock`]\n// crate::ledger\nconst A: &str = r#\"crate::auth::X\"#;"),
        NONE
    );
    assert_eq!(found("#[cfg(test)]\nmod tests {\n  use crate::clock;\n}\nuse crate::auth;"), Ok(vec![5]));
    assert_eq!(found("#[cfg(test)]\n#[path = \"t.rs\"]\nmod tests;\nuse crate::auth;"), Ok(vec![4]));
    assert_eq!(broken(rules::domain_is_alone, "src/domain/plan/tests.rs", "use crate::clock;"), NONE);
    assert_eq!(broken(rules::domain_is_alone, "src/domain/plan_tests.rs", "use crate::clock;"), NONE);
}

#[test]
fn impurity_in_the_domain_is_found() {
    let found = |text| broken(rules::domain_is_pure, "src/domain/plan.rs", text);
    assert_eq!(found("use std::time::{Duration};\nuse std::time::SystemTime;"), Ok(vec![2]));
    assert_eq!(found("async fn f() {}"), Ok(vec![1]));
    assert_eq!(found("fn f() { std::fs::read(p) }"), Ok(vec![1]));
    assert_eq!(found("fn f(env: Env, net: u64) -> u64 { env.process(net) }"), NONE);
}

#[test]
fn an_edge_that_imports_another_is_found() {
    let found = |text| broken(rules::edges_are_apart, "src/sources/csv/mod.rs", text);
    assert_eq!(found("use crate::domain::record::Record;\nuse crate::ledger::Ledger;"), Ok(vec![2]));
    assert_eq!(found("use super::super::super::auth::Error;"), Ok(vec![1]));
    assert_eq!(found("use crate::clock;\nuse crate::sources::sqlite;\nuse super::Settings;"), NONE);
}

#[test]
fn importing_configuration_sandbox_or_commands_from_below_is_found() {
    let found = |rule, path, text| broken(rule, path, text);
    let config = "use crate::config::Loaded;";
    assert_eq!(found(rules::config_is_for_cli, "src/worker/intake.rs", config), Ok(vec![1]));
    assert_eq!(found(rules::config_is_for_cli, "src/sandbox/mod.rs", config), Ok(vec![1]));
    assert_eq!(found(rules::config_is_for_cli, "src/cli/check.rs", config), NONE);
    assert_eq!(found(rules::config_is_for_cli, "src/config/raw.rs", "use super::Problem;"), NONE);
    let sandbox = "use crate::sandbox;";
    assert_eq!(found(rules::sandbox_is_for_cli, "src/config/mod.rs", sandbox), Ok(vec![1]));
    assert_eq!(found(rules::sandbox_is_for_cli, "src/cli/demo.rs", sandbox), NONE);
    assert_eq!(found(rules::cli_is_for_main, "src/worker/mod.rs", "use crate::cli::exit;"), Ok(vec![1]));
    assert_eq!(found(rules::cli_is_for_main, "src/main.rs", "fn main() { lead_sync::cli::run() }"), NONE);
    assert_eq!(found(rules::sandbox_is_for_cli, "src/main.rs", "use lead_sync::{cli, sandbox};"), Ok(vec![1]));
}

#[test]
fn a_re_export_in_lib_is_found() {
    assert_eq!(broken(rules::lib_only_declares, "src/lib.rs", "pub mod auth;\npub use auth::Error;"), Ok(vec![2]));
    assert_eq!(broken(rules::lib_only_declares, "src/lib.rs", "//! Map\npub mod auth;"), NONE);
}

#[test]
fn printing_outside_cli_is_found() {
    let printing = "fn f() {\n  println!(\"{}\", 1);\n  std::io::stdout();\n}";
    assert_eq!(broken(rules::only_cli_prints, "src/worker/mod.rs", printing), Ok(vec![2, 3]));
    assert_eq!(broken(rules::only_cli_prints, "src/cli/show.rs", printing), NONE);
    assert_eq!(broken(rules::only_cli_prints, "src/worker/mod.rs", "fn print(print: u8) {}"), NONE);
}

#[test]
fn sql_outside_its_two_homes_is_found() {
    let sql = "use rusqlite::Connection;\nfn f(c: C) {\n  c.prepare(\"SELECT 1\");\n}";
    assert_eq!(broken(rules::sql_has_two_homes, "src/worker/mod.rs", sql), Ok(vec![1, 3]));
    assert_eq!(broken(rules::sql_has_two_homes, "src/ledger/admit.rs", sql), NONE);
    assert_eq!(broken(rules::sql_has_two_homes, "src/sources/sqlite.rs", sql), NONE);
    assert_eq!(broken(rules::sql_has_two_homes, "src/sources/sqlite/read.rs", sql), NONE);
    assert_eq!(broken(rules::sql_has_two_homes, "src/sources/csv/mod.rs", sql), Ok(vec![1, 3]));
}

#[test]
fn a_status_code_read_elsewhere_is_found() {
    let found = |text| broken(rules::outcome_reads_status_codes, "src/worker/dispatch.rs", text);
    assert_eq!(found("if reply.status == 401 { renew() }"), Ok(vec![1]));
    assert_eq!(found("if response.status().as_u16() >= 500 {}"), Ok(vec![1]));
    assert_eq!(found("if response.status().is_success() {}"), Ok(vec![1]));
    assert_eq!(found("match code {\n  200..=299 => 1,\n  408 | 425 => 2,\n  _ => 3\n}"), Ok(vec![2, 2, 3, 3]));
    assert_eq!(found("let ok = http::StatusCode::OK;"), Ok(vec![1]));
    assert_eq!(found("let reply = Reply { status: response.status().as_u16() };\nconst LIMIT: usize = 500;"), NONE);
    let code = "if status == 401 {}";
    assert_eq!(broken(rules::outcome_reads_status_codes, "src/domain/outcome.rs", code), NONE);
    assert_eq!(broken(rules::outcome_reads_status_codes, "src/sandbox/leads.rs", code), NONE);
}

#[test]
fn a_long_file_is_found_even_if_it_is_all_tests() {
    let path = "src/domain/plan/tests.rs";
    assert_eq!(broken(rules::files_are_short, path, &"\n".repeat(401)), Ok(vec![401]));
    assert_eq!(broken(rules::files_are_short, path, &"\n".repeat(400)), NONE);
}

#[test]
fn a_file_that_is_not_rust_is_named_with_its_line() {
    let error = broken(rules::files_are_short, "src/a.rs", "fn f() {}\nfn g( {").unwrap_err();
    assert!(error.starts_with("src/a.rs:2"), "{error}");
}
