//! One string leaf: what kind of template it is, and the columns it reads.

use std::collections::BTreeMap;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::parse;
use minijinja::{Error, syntax::SyntaxConfig};

use super::reads::{Reads, plain_column, reads, reads_of_condition};

/// A piece of a text: as it stands, or a plain column.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<C> {
    Raw(String),
    Column(C),
}

/// The kinds of templates, cheapest first.
#[derive(Debug, PartialEq)]
pub(super) enum Form {
    /// No template at all.
    Constant(String),
    /// Exactly one `{{ column }}`.
    Column(String),
    /// Text with plain `{{ column }}` pieces.
    Pieces(Vec<Piece<String>>),
    /// Exactly one `{{ expression }}`: keeps its type. Holds the expression's source.
    Expression(String),
    /// Anything else: renders to text.
    Text(String),
}

/// A leaf that was parsed.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) form: Form,
    /// The columns it reads, sorted.
    pub(super) columns: Vec<String>,
}

/// Parses a leaf; all that is wrong with it at once. `text_only` is [`super::Spec::text_only`].
pub(super) fn parse_leaf(source: &str, text_only: bool) -> Result<Template, Vec<String>> {
    parse_with(source, |tree| reads(tree, text_only))
}

/// Parses `where`, which is asked whether it is true.
pub(super) fn parse_condition(source: &str, text_only: bool) -> Result<Template, Vec<String>> {
    parse_with(source, |tree| reads_of_condition(tree, text_only))
}

fn parse_with(source: &str, walk: impl FnOnce(&Stmt<'_>) -> Reads) -> Result<Template, Vec<String>> {
    let tree = parse(source, "template", SyntaxConfig::default()).map_err(|error| vec![syntax(&error, source)])?;
    let Reads { columns, problems, cells } = walk(&tree);
    if !problems.is_empty() {
        return Err(problems);
    }
    let columns = columns.into_iter().collect();
    if cells.is_empty() {
        return Ok(Template { form: form(source, &tree), columns });
    }
    let source = with_filters(source, &cells);
    let tree = parse(&source, "template", SyntaxConfig::default()).map_err(|error| vec![syntax(&error, &source)])?;
    Ok(Template { form: form(&source, &tree), columns })
}

/// The source with `(cell|filter)` in the place of each of these cells.
fn with_filters(source: &str, cells: &BTreeMap<usize, (usize, &'static str)>) -> String {
    let mut written = String::with_capacity(source.len());
    let mut done = 0;
    for (&start, &(end, filter)) in cells {
        let (Some(before), Some(cell)) = (source.get(done..start), source.get(start..end)) else { continue };
        written.extend([before, "(", cell, "|", filter, ")"]);
        done = end;
    }
    written.push_str(source.get(done..).unwrap_or_default());
    written
}

fn form(source: &str, tree: &Stmt<'_>) -> Form {
    let Stmt::Template(template) = tree else {
        return Form::Text(source.to_owned());
    };
    if let [Stmt::EmitExpr(emit)] = template.children.as_slice() {
        if let Some(column) = plain_column(&emit.expr) {
            return Form::Column(column.into_owned());
        }
        if let Some(expression) = inside(source) {
            return Form::Expression(expression.to_owned());
        }
    }
    match pieces(&template.children) {
        Some(pieces) if pieces.iter().all(|piece| matches!(piece, Piece::Raw(_))) => Form::Constant(
            pieces
                .into_iter()
                .map(|piece| match piece {
                    Piece::Raw(text) | Piece::Column(text) => text,
                })
                .collect(),
        ),
        Some(pieces) => Form::Pieces(pieces),
        None => Form::Text(source.to_owned()),
    }
}

fn pieces(children: &[Stmt<'_>]) -> Option<Vec<Piece<String>>> {
    children
        .iter()
        .map(|child| match child {
            Stmt::EmitRaw(raw) => Some(Piece::Raw(raw.raw.to_owned())),
            Stmt::EmitExpr(emit) => plain_column(&emit.expr).map(|column| Piece::Column(column.into_owned())),
            _ => None,
        })
        .collect()
}

/// The source between `{{` and `}}`, without the marks that trim white space.
fn inside(source: &str) -> Option<&str> {
    let inner = source.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    Some(inner.strip_suffix(['-', '+']).unwrap_or(inner))
}

fn syntax(error: &Error, source: &str) -> String {
    let text = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    // The likely cause: names in templates are made of a-z, A-Z, 0-9 and _.
    if source.is_ascii() {
        return text;
    }
    format!("{text}; a column with other letters than a to z in its name is written row['Prénom']")
}
