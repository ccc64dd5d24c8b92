//! A Rust file as the rules see it: its tokens, without comments, without the text of strings, without test code.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token; a group's delimiters are tokens of their own, and every punctuation character is one.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: usize,
}

/// One file of the crate.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the repository, e.g. `src/sources/csv/mod.rs`.
    pub(crate) path: String,
    /// Number of lines, test code included.
    pub(crate) lines: usize,
    pub(crate) tokens: Vec<Token>,
}

/// A path into our own crate, from its root: `super::Row` in `src/ledger/admit.rs` is `["ledger", "Row"]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl Source {
    /// Fails, with the place, if `text` is not made of Rust tokens.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let stream =
            TokenStream::from_str(text).map_err(|error| format!("{path}:{}: {error}", error.span().start().line))?;
        let mut tokens = Vec::new();
        if !is_test_code(path) {
            flatten(stream, &mut tokens);
        }
        Ok(Self { path: path.to_owned(), lines: text.lines().count(), tokens })
    }

    /// Where the file stands in the crate: `src/sources/csv/mod.rs` is `["sources", "csv"]`, `src/lib.rs` is `["lib"]`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inner = inner.strip_suffix(".rs").unwrap_or(inner);
        inner.strip_suffix("/mod").unwrap_or(inner).split('/').collect()
    }

    /// The first part of [`Source::module`]: `sources`.
    pub(crate) fn top(&self) -> &str {
        self.module().first().copied().unwrap_or_default()
    }

    /// Every path that begins with `crate::`, `super::` or the crate's own name, groups taken apart.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut found = Vec::new();
        for at in 0..self.tokens.len() {
            let starts = matches!(self.text(at), "crate" | "super" | "lead_sync")
                && self.is_path_separator(at + 1)
                && !(at >= 2 && self.is_path_separator(at - 2));
            if starts {
                self.expand(at, &self.module(), &mut found);
            }
        }
        found
    }

    /// The text of the token at `at`; empty past the end.
    pub(crate) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    /// True if the tokens from `at` on are `texts`.
    pub(crate) fn has(&self, at: usize, texts: &[&str]) -> bool {
        texts.iter().enumerate().all(|(offset, text)| self.text(at + offset) == *text)
    }

    fn is_path_separator(&self, at: usize) -> bool {
        self.has(at, &[":", ":"])
    }

    /// Adds the paths of the tree that begins at `at`, seen from module `base`; returns the position after it.
    fn expand(&self, mut at: usize, base: &[&str], found: &mut Vec<Import>) -> usize {
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        let mut path: Vec<&str> = base.to_vec();
        loop {
            match self.text(at) {
                "crate" | "lead_sync" => path.clear(),
                "super" => drop(path.pop()),
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        at = self.expand(at, &path, found).max(at + 1);
                        if self.text(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "self" => {}
                name => path.push(name),
            }
            if !self.is_path_separator(at + 1) {
                break;
            }
            at += 3;
        }
        found.push(Import { path: path.into_iter().map(str::to_owned).collect(), line });
        at += 1;
        if self.text(at) == "as" {
            at += 2;
        }
        at
    }
}

/// Appends the tokens of `stream`, leaving out every item under `#[cfg(test)]`.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let opens_attribute = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '#');
        if opens_attribute && trees.peek().is_some_and(is_cfg_test) {
            trees.by_ref().find(ends_item);
            continue;
        }
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(group.delimiter());
                let end = group.span_close().end().line;
                push(tokens, open, line);
                flatten(group.stream(), tokens);
                push(tokens, close, end);
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let is_number = text.starts_with(|first: char| first.is_ascii_digit());
                push(tokens, if is_number { &text } else { "\"\"" }, line);
            }
            TokenTree::Ident(ident) => push(tokens, &ident.to_string(), line),
            TokenTree::Punct(punct) => push(tokens, &punct.to_string(), line),
        }
    }
}

/// Unit tests in a file of their own: `tests.rs`, `outcome_tests.rs`, `tests/…`.
fn is_test_code(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

fn push(tokens: &mut Vec<Token>, text: &str, line: usize) {
    if !text.is_empty() {
        tokens.push(Token { text: text.to_owned(), line });
    }
}

fn is_cfg_test(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket
        && group.stream().to_string().replace(' ', "") == "cfg(test)")
}

fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    }
}

fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Every `.rs` file under `folders` of the repository, in order of path.
pub(crate) fn read_tree(folders: &[&str]) -> Result<Vec<Source>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
            Source::parse(&shown, &text)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let at = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
