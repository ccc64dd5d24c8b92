//! From a [`Spec`] to a [`Mapping`]: every template is parsed once, and then every column is given its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::engine::{ENGINE, Slow};
use super::shape::{Build, require};
use super::template::{Form, Template, parse_condition, parse_leaf};
use super::{Mapping, Problem, Spec, digest};

/// The key under which the problems of `where` are reported.
pub(super) const WHERE: &str = "where";
/// An estimate of the cells of a body, in bytes.
const CELLS: usize = 256;

/// See [`Mapping::compile`].
pub(super) fn compile(spec: &Spec) -> Result<Mapping, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut leaves = Vec::new();
    if !spec.lead.is_object() {
        problems.push(problem("lead", "must be a table"));
    }
    parse_leaves(spec, &spec.lead, "lead", &mut leaves, &mut problems);
    let filter = spec.filter.as_deref().and_then(|source| parse_filter(spec, source, &mut problems));

    let used = leaves.iter().chain(&filter);
    let columns: Vec<String> =
        used.flat_map(|leaf| leaf.columns.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect();
    let slow_leaves = leaves.iter().filter(|leaf| is_slow(&leaf.form));
    let slow = Arc::new(slow_columns(slow_leaves.chain(&filter), &columns));
    let mut build =
        Build { leaves: leaves.into_iter(), columns: &columns, templates: ENGINE.clone(), problems, size: CELLS };
    let mut root = build.slot(&spec.lead, String::new());
    let filter = filter.and_then(|template| build.filter(template));
    let Build { templates, mut problems, size, .. } = build;
    for (index, path) in spec.required.iter().enumerate() {
        if let Err(message) = require(&mut root, path) {
            problems.push(problem(format!("required[{index}]"), message));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Mapping {
        sync: spec.sync.clone(),
        columns_digest: digest::columns(&spec.key, &columns),
        query_digest: digest::query(&spec.key, &columns),
        digest: digest::mapping(spec),
        columns,
        root,
        filter,
        slow,
        templates,
        size,
    })
}

pub(super) fn problem(path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { path: path.into(), message: message.into() }
}

/// Parses the string leaves in the order in which [`Build::slot`] meets them. One that is wrong leaves a stand-in.
fn parse_leaves(spec: &Spec, value: &Value, path: &str, leaves: &mut Vec<Template>, problems: &mut Vec<Problem>) {
    match value {
        Value::String(source) => leaves.push(parse_leaf(source, spec.text_only).unwrap_or_else(|messages| {
            problems.extend(messages.into_iter().map(|message| problem(path, message)));
            Template { form: Form::Constant(String::new()), columns: Vec::new() }
        })),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                parse_leaves(spec, item, &format!("{path}[{index}]"), leaves, problems);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                parse_leaves(spec, field, &format!("{path}.{key}"), leaves, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn parse_filter(spec: &Spec, source: &str, problems: &mut Vec<Problem>) -> Option<Template> {
    // The lines of a text in """ end with a line end that nobody means.
    match parse_condition(source.trim(), spec.text_only) {
        Ok(template) if matches!(template.form, Form::Expression(_) | Form::Column(_)) => Some(template),
        Ok(_) => {
            problems.push(problem(
                WHERE,
                "must be exactly one expression without text around it, such as \"{{ consent == 'J' }}\"",
            ));
            None
        }
        Err(messages) => {
            problems.extend(messages.into_iter().map(|message| problem(WHERE, message)));
            None
        }
    }
}

fn is_slow(form: &Form) -> bool {
    matches!(form, Form::Expression(_) | Form::Text(_))
}

/// The columns of templates that go through MiniJinja.
fn slow_columns<'t>(templates: impl Iterator<Item = &'t Template>, columns: &[String]) -> Slow {
    let mut slow = Slow::default();
    for name in templates.flat_map(|template| &template.columns) {
        if !slow.columns.contains_key(name)
            && let Ok(index) = columns.binary_search(name)
        {
            slow.columns.insert(name.clone(), slow.indices.len());
            slow.indices.push(index);
        }
    }
    slow
}
