//! What a configuration must not say.

use std::fs;
use std::path::Path;

use lead_sync::config::Env;

use super::{ESSENTIALS, File, none};

/// The variables of a fixture.
fn variables(text: &str) -> Env {
    text.lines()
        .filter_map(|line| line.strip_prefix("#$ "))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Each file of `tests/config` says in comments what it expects: `#! ` a problem, `#? ` a warning, and `#$ NAME=value` sets a
/// variable. So a new rule needs a new file, and no code.
#[test]
fn every_wrong_configuration_in_tests_config_gives_exactly_the_problems_it_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let (mut seen, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let (file, env) = (File::new(&text), variables(&text));
        let warnings = file.load(&env).map(|loaded| loaded.warnings).unwrap_or_default();
        let found: Vec<String> = (file.problems(&env).iter().map(|problem| format!("#! {problem}")))
            .chain(warnings.iter().map(|warning| format!("#? {warning}")))
            .collect();
        let expected: Vec<&str> =
            text.lines().filter(|line| line.starts_with("#! ") || line.starts_with("#? ")).collect();
        if found != expected {
            wrong.push(format!("{}\n{}", path.display(), found.join("\n")));
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "these files name other problems than the ones found:\n{}", wrong.join("\n"));
    assert!(seen > 40, "the fixtures are gone: {seen}");
}

#[test]
fn a_file_that_cannot_be_read_says_so_with_the_cure() {
    let file = File::new("");
    fs::remove_file(file.path()).unwrap();
    assert_eq!(
        file.problems(&none()),
        [
            "lead-sync.toml: cannot be read: No such file or directory (os error 2); name another file with --config, or write \
          one with lead-sync init"
        ]
    );
    fs::write(file.path(), b"# a\n# caf\xe9\n").unwrap();
    assert_eq!(file.problems(&none()), ["lead-sync.toml: line 2 is not UTF-8; save the file as UTF-8"]);
}

#[test]
fn a_syntax_error_never_quotes_the_line_it_is_in() {
    let problems = File::new("token = \"s3cret\nx = 1\n").problems(&none());
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("lead-sync.toml:1:"), "{problems:?}");
    assert!(!problems[0].contains("s3cret"), "{problems:?}");
}

#[test]
fn an_archive_beside_the_source_is_fine_and_one_that_a_deep_glob_reaches_is_not() {
    let with = |path: &str, archive: &str| {
        let source = format!("path = \"{path}\", after = {{ archive = \"{archive}\" }}");
        File::new(&ESSENTIALS.replace("path = \"exports/customers*.csv\"", &source)).problems(&none()).len()
    };
    assert_eq!(with("in/*.csv", "in/done"), 0);
    assert_eq!(with("in/**/*.csv", "in/done"), 1);
    assert_eq!(with("*/new/*.csv", "broker/new"), 1);
    assert_eq!(with("in/a.csv", "in"), 1);
    assert_eq!(with("/srv/in/*.csv", "/srv/in/"), 1);
}

#[test]
fn this_machine_may_be_reached_without_tls() {
    for host in ["localhost", "127.0.0.1", "127.8.9.10:81", "[::1]:8080"] {
        let text = format!(
            "{ESSENTIALS}[connections.here]\nkind = \"http\"\nbase_url = \"http://{host}\"\nauth = {{ kind = \"none\" }}\n"
        );
        assert_eq!(File::new(&text).problems(&none()), [""; 0], "{host}");
    }
}
