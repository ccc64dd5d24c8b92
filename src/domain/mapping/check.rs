//! Whether a filter or test exists and can take its arguments, found out before the first row.

use minijinja::machinery::ast::CallArg;
use minijinja::value::Kwargs;
use minijinja::{Error, ErrorKind, Value};

use super::engine::{ENGINE, reason};
use super::filters;

/// The arguments of a filter or test as the template writes them, with stand-ins for those known at run time only.
#[derive(Debug)]
pub(super) struct Arguments {
    values: Vec<Value>,
    literal: bool,
}

impl Arguments {
    /// The arguments of one call.
    pub(super) fn of(args: &[CallArg<'_>]) -> Self {
        let values = literals(args);
        Self {
            literal: values.iter().all(Option::is_some),
            values: values.into_iter().map(|value| value.unwrap_or_else(|| Value::from(""))).collect(),
        }
    }

    fn after_nothing(&self) -> Vec<Value> {
        std::iter::once(Value::from("")).chain(self.values.iter().cloned()).collect()
    }
}

/// The arguments as values, `None` for each that is not a literal.
fn literals(args: &[CallArg<'_>]) -> Vec<Option<Value>> {
    let mut values = Vec::new();
    let mut named = Vec::new();
    let mut all_named_literal = true;
    for arg in args {
        match arg {
            CallArg::Pos(expr) => values.push(expr.as_const()),
            CallArg::Kwarg(name, expr) => {
                all_named_literal &= expr.as_const().is_some();
                named.push(((*name).to_owned(), expr.as_const().unwrap_or_default()));
            }
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => values.push(None),
        }
    }
    if !named.is_empty() {
        values.push(all_named_literal.then(|| Value::from(named.into_iter().collect::<Kwargs>())));
    }
    values
}

/// Filters that take the name of another filter, and of a test.
const TAKES_FILTER: &str = "map";
pub(super) const TAKES_TEST: [&str; 2] = ["select", "reject"];

/// What is wrong with a use of a filter: its name, its arguments, or the name it passes on.
pub(super) fn check_filter(name: &str, mut arguments: Arguments) -> Option<String> {
    if !is_known("filter", name) || [filters::NUMBER, filters::TRUTH].contains(&name) {
        return Some(format!("there is no filter '{name}'"));
    }
    if name == TAKES_FILTER || TAKES_TEST.contains(&name) {
        let passes_on = arguments.values.first().and_then(Value::as_str).map(str::to_owned);
        return match passes_on {
            Some(inner) if !inner.is_empty() => {
                arguments.values.remove(0);
                if name == TAKES_FILTER { check_filter(&inner, arguments) } else { check_test(&inner, &arguments) }
            }
            _ if name != TAKES_FILTER && arguments.values.is_empty() => None,
            _ => Some(format!("'{name}' needs the name of a filter or test, written out")),
        };
    }
    let ours = filters::OURS.contains(&name);
    if ours && !arguments.literal {
        return Some(format!("the arguments of '{name}' must be written out"));
    }
    let error = ENGINE.empty_state().apply_filter(name, &arguments.after_nothing()).err()?;
    (ours || is_arity(&error)).then(|| explain("filter", name, &error))
}

/// What is wrong with a use of a test.
pub(super) fn check_test(name: &str, arguments: &Arguments) -> Option<String> {
    if !is_known("test", name) {
        return Some(format!("there is no test '{name}'"));
    }
    let error = ENGINE.empty_state().perform_test(name, &arguments.after_nothing()).err()?;
    is_arity(&error).then(|| explain("test", name, &error))
}

fn is_known(kind: &str, name: &str) -> bool {
    ENGINE.empty_state().perform_test(kind, &[Value::from(name)]).unwrap_or(false)
}

fn is_arity(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::TooManyArguments | ErrorKind::MissingArgument)
}

/// No row is involved yet, so that MiniJinja's own words can be shown.
fn explain(kind: &str, name: &str, error: &Error) -> String {
    if std::error::Error::source(error).is_some() {
        return format!("{kind} '{name}': {}", reason(error));
    }
    match error.detail() {
        Some(detail) => format!("{kind} '{name}': {}: {detail}", error.kind()),
        None => format!("{kind} '{name}': {}", error.kind()),
    }
}
