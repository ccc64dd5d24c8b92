//! The rules, each a function from one file to the places where the file breaks it.

use std::fmt;

use crate::source::Source;

/// A place where a rule is broken.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

pub(crate) type Rule = fn(&Source) -> Vec<Violation>;

/// The modules that touch the world; each knows the domain, the clock and how to write a file, none knows another.
const EDGES: [&str; 4] = ["auth", "destination", "ledger", "sources"];

/// A file longer than this does more than one thing.
const MAX_LINES: usize = 400;

/// What a status code of the lead API can look like in a comparison or a pattern.
const STATUS_CODES: [&str; 27] = [
    "200", "201", "202", "204", "299", "300", "301", "302", "303", "304", "307", "308", "399", "400", "401", "403",
    "404", "405", "408", "409", "410", "422", "425", "429", "499", "500", "503",
];

/// `domain/` imports nothing of ours outside `domain/`.
pub(crate) fn domain_is_alone(source: &Source) -> Vec<Violation> {
    if source.top() != "domain" {
        return Vec::new();
    }
    imports_other_than(source, &["domain"])
}

/// `domain/` is told everything: no clock, no dice, no files, no network, no async.
pub(crate) fn domain_is_pure(source: &Source) -> Vec<Violation> {
    const IMPURE: [&str; 15] = [
        "async",
        "await",
        "env",
        "fs",
        "getrandom",
        "hyper",
        "net",
        "process",
        "rand",
        "reqwest",
        "rusqlite",
        "thread",
        "tokio",
        "Instant",
        "SystemTime",
    ];
    if source.top() != "domain" {
        return Vec::new();
    }
    find(source, |at| {
        let text = source.text(at);
        let is_module = source.has(at + 1, &[":", ":"]) || at >= 2 && source.has(at - 2, &[":", ":"]);
        let is_keyword = matches!(text, "async" | "await");
        (IMPURE.contains(&text) && (is_module || is_keyword))
            .then(|| format!("`{text}` in the domain, which is pure: pass in what it needs to know"))
    })
}

/// An edge imports the domain, the clock, how to write a file, and itself.
pub(crate) fn edges_are_apart(source: &Source) -> Vec<Violation> {
    if !EDGES.contains(&source.top()) {
        return Vec::new();
    }
    imports_other_than(source, &[source.top(), "domain", "clock", "aside"])
}

/// Only `cli/` imports the configuration: everything below has `Settings` of its own.
pub(crate) fn config_is_for_cli(source: &Source) -> Vec<Violation> {
    imports_of(source, "config", &["cli", "config"])
}

/// Only `cli/` imports the sandbox: the program never depends on its own test double.
pub(crate) fn sandbox_is_for_cli(source: &Source) -> Vec<Violation> {
    imports_of(source, "sandbox", &["cli", "sandbox"])
}

/// Only `main.rs` imports the commands.
pub(crate) fn cli_is_for_main(source: &Source) -> Vec<Violation> {
    imports_of(source, "cli", &["main", "cli"])
}

/// `lib.rs` declares modules and nothing else: a re-export there would be a way around every arrow.
pub(crate) fn lib_only_declares(source: &Source) -> Vec<Violation> {
    if source.path != "src/lib.rs" {
        return Vec::new();
    }
    find(source, |at| {
        matches!(source.text(at), "use" | "fn" | "struct" | "enum" | "macro_rules")
            .then(|| format!("`{}` in lib.rs, which only declares modules", source.text(at)))
    })
}

/// Only `cli/` and `main.rs` print.
pub(crate) fn only_cli_prints(source: &Source) -> Vec<Violation> {
    if matches!(source.top(), "cli" | "main") {
        return Vec::new();
    }
    find(source, |at| {
        let text = source.text(at);
        let prints = matches!(text, "print" | "println" | "eprint" | "eprintln" | "dbg") && source.text(at + 1) == "!";
        (prints || text == "stdout").then(|| format!("`{text}` outside cli/: return what is to be said"))
    })
}

/// SQL is written in `ledger/` and, for other people's databases, in `sources/sqlite`.
pub(crate) fn sql_has_two_homes(source: &Source) -> Vec<Violation> {
    let module = source.module();
    if module.starts_with(&["ledger"]) || module.starts_with(&["sources", "sqlite"]) {
        return Vec::new();
    }
    find(source, |at| {
        let text = source.text(at);
        let names_library = matches!(text, "rusqlite" | "rusqlite_migration");
        let calls = matches!(text, "prepare" | "prepare_cached" | "query_row" | "query_map" | "execute_batch")
            && at > 0
            && source.text(at - 1) == "."
            && source.text(at + 1) == "(";
        (names_library || calls).then(|| format!("`{text}`: SQL belongs in ledger/ or sources/sqlite"))
    })
}

/// What a status code of the lead API means is decided in `domain/outcome`. The sandbox and `http` write codes, `auth` reads those
/// of token endpoints, and `notify` those of monitors.
pub(crate) fn outcome_reads_status_codes(source: &Source) -> Vec<Violation> {
    let module = source.module();
    if module.starts_with(&["domain", "outcome"]) || matches!(source.top(), "sandbox" | "http" | "auth" | "notify") {
        return Vec::new();
    }
    find(source, |at| {
        let text = source.text(at);
        let asks = matches!(
            text,
            "is_success" | "is_redirection" | "is_client_error" | "is_server_error" | "error_for_status"
        ) && source.text(at + 1) == "(";
        let names = text == "StatusCode" && source.has(at + 1, &[":", ":"]);
        let compares = STATUS_CODES.contains(&text) && (is_pattern(source, at) || compares_status(source, at));
        (asks || names || compares).then(|| format!("`{text}` reads a status code: that is decided in domain/outcome"))
    })
}

/// No file is longer than [`MAX_LINES`].
pub(crate) fn files_are_short(source: &Source) -> Vec<Violation> {
    let too_long = source.lines > MAX_LINES;
    let what = format!("{} lines; more than {MAX_LINES} means more than one idea", source.lines);
    let place = || violation(source, source.lines, what);
    too_long.then(place).into_iter().collect()
}

/// A number is a pattern if an arm, an alternative or a range follows or comes before.
fn is_pattern(source: &Source, at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| source.text(before));
    let in_range = before == "=" && at >= 3 && source.has(at - 3, &[".", "."]);
    let in_arm = source.has(at + 1, &["=", ">"]) || source.has(at + 1, &[".", "."]);
    in_arm || in_range || source.text(at + 1) == "|" || before == "|"
}

/// True if the number at `at` shares its line with a comparison and something called a status.
fn compares_status(source: &Source, at: usize) -> bool {
    let Some(line) = source.tokens.get(at).map(|token| token.line) else {
        return false;
    };
    let on_line = || source.tokens.iter().filter(|token| token.line == line);
    let names_status = on_line().any(|token| token.text.contains("status") || token.text == "as_u16");
    let neighbours = [at.checked_sub(1), Some(at + 1)];
    let compared = neighbours.into_iter().flatten().any(|next| matches!(source.text(next), "=" | "<" | ">" | "!"));
    names_status && compared
}

fn imports_other_than(source: &Source, allowed: &[&str]) -> Vec<Violation> {
    imports_where(source, |top| !allowed.contains(&top))
}

fn imports_of(source: &Source, module: &str, by: &[&str]) -> Vec<Violation> {
    if by.contains(&source.top()) {
        return Vec::new();
    }
    imports_where(source, |top| top == module)
}

fn imports_where(source: &Source, forbidden: impl Fn(&str) -> bool) -> Vec<Violation> {
    source
        .imports()
        .into_iter()
        .filter(|import| import.path.first().is_some_and(|top| forbidden(top)))
        .map(|import| {
            let what = format!("`{}` must not import `crate::{}`", source.top(), import.path.join("::"));
            violation(source, import.line, what)
        })
        .collect()
}

fn find(source: &Source, what: impl Fn(usize) -> Option<String>) -> Vec<Violation> {
    source.tokens.iter().enumerate().filter_map(|(at, token)| Some(violation(source, token.line, what(at)?))).collect()
}

fn violation(source: &Source, line: usize, what: String) -> Violation {
    Violation { path: source.path.clone(), line, what }
}
