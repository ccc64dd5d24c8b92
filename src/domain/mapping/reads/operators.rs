//! Operators that compile and then do with a cell what nobody wants: text is joined, repeated, or greater than any number.

use minijinja::Value;
use minijinja::machinery::ast::{BinOp, BinOpKind, Compare, CompareOpKind, Expr};

use super::Walk;
use crate::domain::mapping::numbers::gives_number;

impl<'s> Walk<'s> {
    pub(super) fn operation(&mut self, binary: &BinOp<'s>) {
        let (left, right) = (&binary.left, &binary.right);
        self.comparison(is_order(binary.op), is_equality(binary.op), left, right);
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
        if gives_number(expr, &|name| self.is_number(name)) {
            return;
        }
        let number = self.as_number(expr).unwrap_or_else(|| "each side as a number, such as premie|decimal".to_owned());
        self.problem(format!("* repeats what is text, so that it takes numbers only: write {number}"));
    }

    /// `a + b` of two columns: text is joined.
    fn sum(&mut self, left: &Expr<'s>, right: &Expr<'s>) {
        if let (Some(one), Some(other)) = (self.as_number(left), self.as_number(right)) {
            self.problem(format!("+ joins what is text: write {one} + {other} for the sum, and ~ to join"));
        }
    }

    /// How the number in a column is written, for an expression that is nothing but a column.
    fn as_number(&self, expr: &Expr<'s>) -> Option<String> {
        let column = self.column(expr)?;
        Some(if matches!(expr, Expr::Var(_)) {
            format!("{column}|decimal")
        } else {
            format!("row['{column}']|decimal")
        })
    }

    /// `a < b <= c`: each is compared with its neighbour.
    pub(super) fn chain(&mut self, compare: &Compare<'s>) {
        use CompareOpKind::{Eq, Gt, Gte, Lt, Lte, Ne};
        let mut left = &compare.expr;
        self.expression(left);
        for op in &compare.ops {
            let order = matches!(op.op, Lt | Lte | Gt | Gte);
            self.comparison(order, matches!(op.op, Eq | Ne), left, &op.expr);
            self.expression(&op.expr);
            left = &op.expr;
        }
    }

    /// Comparisons that compile and then are the same for every row.
    fn comparison(&mut self, order: bool, equality: bool, left: &Expr<'s>, right: &Expr<'s>) {
        for (one, other) in [(left, right), (right, left)] {
            let literal = other.as_const();
            if equality && literal.as_ref().is_some_and(Value::is_none) {
                self.problem("nothing equals none; ask `is none`");
            }
            if order
                && literal.is_some_and(|value| value.is_number())
                && let Some(number) = self.as_number(one)
            {
                self.problem(format!("text is greater than any number, and a column may be text: compare {number}"));
            }
        }
    }
}

fn is_order(op: BinOpKind) -> bool {
    matches!(op, BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte)
}

fn is_equality(op: BinOpKind) -> bool {
    matches!(op, BinOpKind::Eq | BinOpKind::Ne)
}
