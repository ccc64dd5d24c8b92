//! Operators, and the tests that stand for them, that compile and then do with a cell what nobody wants: text is joined, repeated, or greater
//! than any number.

use minijinja::Value;
use minijinja::machinery::ast::{BinOp, BinOpKind, CallArg, Compare, CompareOpKind, Expr, Filter, Test, UnaryOpKind};
use minijinja::value::ValueKind;

use super::Walk;
use crate::domain::mapping::check::TAKES_TEST;
use crate::domain::mapping::filters::{NUMBER, TRUTH};

/// What is asked of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Order,
    Equality,
    Membership,
}

/// Filters that give text, whatever they are given, or nothing.
const TEXTS: [&str; 9] = ["capitalize", "email", "lower", "phone", "replace", "string", "title", "trim", "upper"];

/// Filters that give what they are given, unless it is nothing.
const AS_IT_IS: [&str; 2] = ["d", "default"];

impl<'s> Walk<'s> {
    pub(super) fn operation(&mut self, binary: &BinOp<'s>) {
        let (left, right) = (&binary.left, &binary.right);
        self.comparison(asked_by(binary.op), left, right);
        match binary.op {
            BinOpKind::Mul => {
                self.factor(left);
                self.factor(right);
            }
            BinOpKind::Add => self.sum(left, right),
            _ => {}
        }
        self.expression(left);
        self.expression(right);
    }

    /// One side of `*`.
    fn factor(&mut self, expr: &Expr<'s>) {
        if !self.gives_number(expr) && !self.is_shown_by_row(expr, NUMBER) {
            let number = self.number_for(expr);
            self.problem(format!("* repeats what is text, so that it takes numbers only: write {number}"));
        }
    }

    /// `a + b` of two columns: text is joined.
    fn sum(&mut self, left: &Expr<'s>, right: &Expr<'s>) {
        if let (Some(one), Some(other)) = (self.as_number(left), self.as_number(right))
            && !(self.is_shown_by_row(left, NUMBER) && self.is_shown_by_row(right, NUMBER))
        {
            self.problem(format!("+ joins what is text: write {one} + {other} for the sum, and ~ to join"));
        }
    }

    /// A cell of a database: whether it is what `filter` wants is seen row by row.
    fn is_shown_by_row(&mut self, expr: &Expr<'s>, filter: &'static str) -> bool {
        let is_cell = !self.text_only && self.column(expr).is_some();
        if is_cell {
            let span = expr.span();
            self.reads.cells.insert(span.start_offset as usize, (span.end_offset as usize, filter));
        }
        is_cell
    }

    /// How the number in a column is written, for an expression that is nothing but a column.
    fn as_number(&self, expr: &Expr<'s>) -> Option<String> {
        self.as_written(expr).map(|column| format!("{column}|decimal"))
    }

    /// An expression that is nothing but a column, as a template has it.
    fn as_written(&self, expr: &Expr<'s>) -> Option<String> {
        let column = self.column(expr)?;
        Some(if matches!(expr, Expr::Var(_)) { column } else { format!("row['{column}']") })
    }

    /// What to write for an expression that may be text.
    fn number_for(&self, expr: &Expr<'s>) -> String {
        self.as_number(expr).unwrap_or_else(|| "each side as a number, such as premie|decimal".to_owned())
    }

    /// `a < b <= c`: each is compared with its neighbour.
    pub(super) fn chain(&mut self, compare: &Compare<'s>) {
        let mut left = &compare.expr;
        self.expression(left);
        for op in &compare.ops {
            self.comparison(Some(asked_by_link(op.op)), left, &op.expr);
            self.expression(&op.expr);
            left = &op.expr;
        }
    }

    /// `a is gt(b)` is `a > b` in other words, and `a is true` is `a == true` for what is a boolean.
    pub(super) fn question(&mut self, test: &Test<'s>) {
        match test.args.as_slice() {
            [CallArg::Pos(other)] => self.comparison(asked_by_test(test.name), &test.expr, other),
            [] if matches!(test.name, "true" | "false") => {
                self.equality(&test.expr, &Value::from(test.name == "true"));
                if !self.text_only && self.column(&test.expr).is_some() {
                    self.problem(format!(
                        "a database has no {}: compare with the number that stands for it, as in flag == 1",
                        test.name
                    ));
                }
            }
            _ => {}
        }
    }

    /// What is asked whether it is true, and with it what stands beside `and` and `or` there: any text counts as true.
    pub(super) fn condition(&mut self, expr: &Expr<'s>) {
        match expr {
            // `not moved_away` of a column alone asks whether it is empty, and lets nobody through who said no to something.
            Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Not) && self.is_cell_as_text(&unary.expr) => {}
            Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Not) => self.condition(&unary.expr),
            Expr::BinOp(binary) if matches!(binary.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                self.condition(&binary.left);
                self.condition(&binary.right);
            }
            // Of a cell that went through a filter which gives text, in a database, too.
            Expr::Filter(filter) if TEXTS.contains(&filter.name) => self.text_as_condition("column"),
            Expr::Filter(filter) if AS_IT_IS.contains(&filter.name) => {
                if let Some(given) = &filter.expr {
                    self.condition(given);
                }
            }
            _ if self.text_only => {
                if let Some(column) = self.as_written(expr) {
                    self.text_as_condition(&column);
                }
            }
            _ => {
                self.is_shown_by_row(expr, TRUTH);
            }
        }
    }

    /// A column, or one that went through a filter which gives text: whether it is empty can be asked of it.
    fn is_cell_as_text(&self, expr: &Expr<'s>) -> bool {
        match expr {
            Expr::Filter(filter) if TEXTS.contains(&filter.name) || AS_IT_IS.contains(&filter.name) => {
                filter.expr.as_ref().is_some_and(|given| self.is_cell_as_text(given))
            }
            _ => self.column(expr).is_some(),
        }
    }

    fn text_as_condition(&mut self, text: &str) {
        self.problem(format!(
            "a cell is text, and any text counts as a yes, 'nee' and '0', too: compare it, as in {text} == 'J', or ask whether it is filled in with {text} != ''"
        ));
    }

    /// `list|select('gt', number)`: each item is compared.
    pub(super) fn sieve(&mut self, filter: &Filter<'s>) {
        let ([CallArg::Pos(name), CallArg::Pos(other)], Some(list)) = (filter.args.as_slice(), &filter.expr) else {
            return;
        };
        let question = name.as_const().and_then(|name| asked_by_test(name.as_str()?));
        if TAKES_TEST.contains(&filter.name)
            && question == Some(Question::Order)
            && self.gives_number(other)
            && !self.gives_numbers(list)
        {
            self.problem(
                "text is greater than any number, and a column may be text: compare numbers, as in list|map('decimal')",
            );
        }
    }

    /// Comparisons that compile and then are the same for every row.
    fn comparison(&mut self, question: Option<Question>, left: &Expr<'s>, right: &Expr<'s>) {
        for (one, other) in [(left, right), (right, left)] {
            match question {
                Some(Question::Order) if self.gives_number(other) && !self.gives_number(one) => {
                    if self.is_shown_by_row(one, NUMBER) {
                        continue;
                    }
                    let number = self.number_for(one);
                    self.problem(format!(
                        "text is greater than any number, and a column may be text: compare {number}"
                    ));
                }
                Some(Question::Equality) => {
                    if let Some(literal) = other.as_const() {
                        self.equality(one, &literal);
                    }
                }
                _ => {}
            }
        }
        if question == Some(Question::Membership)
            && let Some(list) = right.as_const()
            && let Ok(items) = list.try_iter()
            && let Some(item) = none_is_text(items)
        {
            self.equality(left, &item);
        }
    }

    /// What equals this literal for no row.
    fn equality(&mut self, expr: &Expr<'s>, literal: &Value) {
        let is_text = self.text_only && self.column(expr).is_some()
            || matches!(expr, Expr::Filter(filter) if TEXTS.contains(&filter.name));
        match literal.kind() {
            ValueKind::None => self.problem("nothing equals none; ask `is none`"),
            ValueKind::Number if is_text => {
                let number = self.number_for(expr);
                self.problem(format!("text equals no number: write '{literal}' in quotes, or compare {number}"));
            }
            ValueKind::Bool if is_text => {
                self.problem(
                    "text is neither true nor false: compare it with what the export holds, as in consent == 'J'",
                );
            }
            _ => {}
        }
    }
}

/// The first item of a list of numbers and booleans.
fn none_is_text(mut items: impl Iterator<Item = Value>) -> Option<Value> {
    let first = items.next()?;
    let is_other = |item: &Value| matches!(item.kind(), ValueKind::Number | ValueKind::Bool);
    (is_other(&first) && items.all(|item| is_other(&item))).then_some(first)
}

fn asked_by(op: BinOpKind) -> Option<Question> {
    match op {
        BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => Some(Question::Order),
        BinOpKind::Eq | BinOpKind::Ne => Some(Question::Equality),
        BinOpKind::In => Some(Question::Membership),
        _ => None,
    }
}

/// The same for one link of a chain.
fn asked_by_link(op: CompareOpKind) -> Question {
    match op {
        CompareOpKind::Lt | CompareOpKind::Lte | CompareOpKind::Gt | CompareOpKind::Gte => Question::Order,
        CompareOpKind::Eq | CompareOpKind::Ne => Question::Equality,
        CompareOpKind::In | CompareOpKind::NotIn => Question::Membership,
    }
}

/// The same for a test, which has up to three names.
fn asked_by_test(name: &str) -> Option<Question> {
    match name {
        "<" | "lessthan" | "lt" | "<=" | "le" | ">" | "greaterthan" | "gt" | ">=" | "ge" => Some(Question::Order),
        "==" | "eq" | "equalto" | "!=" | "ne" | "sameas" => Some(Question::Equality),
        "in" => Some(Question::Membership),
        _ => None,
    }
}
