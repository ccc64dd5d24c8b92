//! What a template reads, found in its syntax tree: nothing is left to be found out at row 10,000.
//!
//! A name that no statement assigned is a column; so are `row.name` and `row['name']`. Everything through which a column
//! could be read under a name that is known at run time only (`row` as a whole, `row[expression]`, calls) is refused.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{CallArg, Expr, Filter, ForLoop, Stmt, Test};

use super::check;
use super::numbers::{gives_number, gives_numbers};

mod operators;

/// The name under which templates reach columns whose names are no identifiers.
pub(super) const ROW: &str = "row";

/// The columns of a template, or what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) columns: BTreeSet<String>,
    pub(super) problems: Vec<String>,
}

/// Walks a parsed template.
pub(super) fn reads(template: &Stmt<'_>, text_only: bool) -> Reads {
    walk(template, text_only).reads
}

/// Walks a parsed `where`.
pub(super) fn reads_of_condition(template: &Stmt<'_>, text_only: bool) -> Reads {
    let mut walk = walk(template, text_only);
    if let Stmt::Template(whole) = template
        && let [Stmt::EmitExpr(emit)] = whole.children.as_slice()
    {
        walk.condition(&emit.expr);
    }
    walk.reads
}

fn walk<'s>(template: &Stmt<'s>, text_only: bool) -> Walk<'s> {
    let mut walk = Walk { reads: Reads::default(), scopes: vec![Vec::new()], texts: Vec::new(), text_only };
    walk.statement(template);
    walk
}

/// The column an expression names, if it is nothing but a column and no statement can have assigned the name.
pub(super) fn plain_column<'s>(expr: &Expr<'s>) -> Option<std::borrow::Cow<'s, str>> {
    match expr {
        Expr::Var(var) if var.id != ROW => Some(var.id.into()),
        Expr::GetAttr(get) if is_row(&get.expr) => Some(get.name.into()),
        Expr::GetItem(get) if is_row(&get.expr) => match &get.subscript_expr {
            Expr::Const(name) => name.value.as_str().map(|name| name.to_owned().into()),
            _ => None,
        },
        _ => None,
    }
}

fn is_row(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Var(var) if var.id == ROW)
}

struct Walk<'s> {
    reads: Reads,
    /// Names assigned by statements, innermost scope last.
    scopes: Vec<Vec<&'s str>>,
    /// Names that some statement assigned what may be no number: the branches of an `if` are no scopes of their own when it runs.
    texts: Vec<&'s str>,
    /// Every cell is text.
    text_only: bool,
}

impl<'s> Walk<'s> {
    fn problem(&mut self, message: impl Into<String>) {
        let message = message.into();
        if !self.reads.problems.contains(&message) {
            self.reads.problems.push(message);
        }
    }

    fn is_assigned(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(&name))
    }

    /// Every statement that assigned the name assigned a number.
    fn is_number(&self, name: &str) -> bool {
        self.is_assigned(name) && !self.texts.contains(&name)
    }

    fn gives_number(&self, expr: &Expr<'s>) -> bool {
        gives_number(expr, &|name| self.is_number(name))
    }

    fn gives_numbers(&self, expr: &Expr<'s>) -> bool {
        gives_numbers(expr, &|name| self.is_number(name))
    }

    fn block(&mut self, body: &[Stmt<'s>]) {
        self.scopes.push(Vec::new());
        self.statements(body);
        self.scopes.pop();
    }

    fn statements(&mut self, body: &[Stmt<'s>]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt<'s>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr);
                self.block(&branch.true_body);
                self.block(&branch.false_body);
            }
            Stmt::ForLoop(cycle) => self.cycle(cycle),
            Stmt::WithBlock(with) => {
                self.scopes.push(Vec::new());
                for (target, value) in &with.assignments {
                    self.expression(value);
                    self.assign(target, self.gives_number(value));
                }
                self.statements(&with.body);
                self.scopes.pop();
            }
            Stmt::Set(set) => {
                self.expression(&set.expr);
                self.assign(&set.target, self.gives_number(&set.expr));
            }
            Stmt::SetBlock(set) => {
                self.block(&set.body);
                self.optional(set.filter.as_ref());
                self.assign(&set.target, false);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter);
                self.block(&block.body);
            }
            _ => self.problem("only the statements if, for, set, with and filter can be used here"),
        }
    }

    fn cycle(&mut self, cycle: &ForLoop<'s>) {
        self.expression(&cycle.iter);
        self.scopes.push(Vec::new());
        self.assign(&cycle.target, self.gives_numbers(&cycle.iter));
        // MiniJinja filters before it loops: `loop` is no loop there yet.
        self.optional(cycle.filter_expr.as_ref());
        self.scopes.push(vec!["loop"]);
        self.statements(&cycle.body);
        self.scopes.pop();
        self.scopes.pop();
        self.block(&cycle.else_body);
    }

    fn assign(&mut self, target: &Expr<'s>, number: bool) {
        match target {
            Expr::Var(var) if var.id == ROW => {
                self.problem("`row` stands for the row and cannot be assigned");
            }
            Expr::Var(var) => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.push(var.id);
                }
                if !number {
                    self.texts.push(var.id);
                }
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item, false)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item, false)),
            _ => self.problem("only plain names can be assigned"),
        }
    }

    fn optional(&mut self, expr: Option<&Expr<'s>>) {
        if let Some(expr) = expr {
            self.expression(expr);
        }
    }

    fn column(&self, expr: &Expr<'s>) -> Option<String> {
        match expr {
            Expr::Var(var) if self.is_assigned(var.id) => None,
            _ => plain_column(expr).map(Into::into),
        }
    }

    fn expression(&mut self, expr: &Expr<'s>) {
        if let Some(column) = self.column(expr) {
            self.reads.columns.insert(column);
            return;
        }
        match expr {
            Expr::Var(var) if var.id == ROW => {
                self.problem("`row` alone is not a value; name a column: row['E-mail']");
            }
            Expr::Const(_) | Expr::Var(_) => {}
            Expr::GetAttr(get) => self.part(&get.expr, Some(get.name)),
            Expr::GetItem(get) if is_row(&get.expr) => {
                self.problem("the name in row[…] must be written out: row['E-mail']");
            }
            Expr::GetItem(get) => {
                self.part(&get.expr, None);
                self.expression(&get.subscript_expr);
            }
            Expr::Slice(slice) => {
                self.expression(&slice.expr);
                for bound in [&slice.start, &slice.stop, &slice.step] {
                    self.optional(bound.as_ref());
                }
            }
            Expr::UnaryOp(unary) => self.expression(&unary.expr),
            Expr::BinOp(binary) => self.operation(binary),
            Expr::Compare(compare) => self.chain(compare),
            Expr::IfExpr(branch) => {
                self.expression(&branch.test_expr);
                self.expression(&branch.true_expr);
                self.optional(branch.false_expr.as_ref());
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => self.test(test),
            Expr::Call(_) => self.problem("there are no functions and methods here; use a filter"),
            Expr::List(list) => list.items.iter().for_each(|item| self.expression(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.expression(item)),
        }
    }

    /// `column.name` and `column[0]`: a cell has no parts, so that the template would never give anything.
    fn part(&mut self, base: &Expr<'s>, name: Option<&str>) {
        if let Some(column) = self.column(base) {
            let called = name
                .map(|name| format!("; if the column is called '{column}.{name}', write row['{column}.{name}']"))
                .unwrap_or_default();
            let text = if matches!(base, Expr::Var(_)) { column } else { format!("row['{column}']") };
            self.problem(format!("a cell has no parts{called}; for the first letter of a text, {text}|first"));
        }
        self.expression(base);
    }

    fn filter(&mut self, filter: &Filter<'s>) {
        self.optional(filter.expr.as_ref());
        self.arguments(&filter.args);
        self.sieve(filter);
        let checked = check::Arguments::of(&filter.args);
        if let Some(problem) = check::check_filter(filter.name, checked) {
            self.problem(problem);
        }
    }

    fn test(&mut self, test: &Test<'s>) {
        self.expression(&test.expr);
        self.arguments(&test.args);
        self.question(test);
        if let Some(problem) = check::check_test(test.name, &check::Arguments::of(&test.args)) {
            self.problem(problem);
        }
    }

    fn arguments(&mut self, args: &[CallArg<'s>]) {
        for arg in args {
            match arg {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => self.expression(expr),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    self.problem("arguments must be written out, not unpacked with * or **");
                }
            }
        }
    }
}
