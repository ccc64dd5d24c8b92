//! Which expressions surely give a number. `*` repeats a text and `+` joins two, and a cell of a CSV file is text: `premie * 12` would send
//! `404040…` for 40 and ask nobody.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, UnaryOpKind};

/// Filters that give a number, nothing, or a reason to reject the row.
const FILTERS: [&str; 7] = ["abs", "count", "decimal", "float", "int", "length", "round"];

/// Filters that give what they are given, or their argument in its place.
const STAND_INS: [&str; 2] = ["d", "default"];

/// What a loop counts.
const LOOP: [&str; 7] = ["depth", "depth0", "index", "index0", "length", "revindex", "revindex0"];

/// Whether an expression gives a number, or nothing, or fails, whatever the row holds. `is_number` answers for a name that is no column.
pub(super) fn gives_number(expr: &Expr<'_>, is_number: &dyn Fn(&str) -> bool) -> bool {
    let both = |one, other| gives_number(one, is_number) && gives_number(other, is_number);
    match expr {
        Expr::Const(literal) => literal.value.is_number(),
        Expr::Var(var) => is_number(var.id),
        Expr::GetAttr(get) => matches!(&get.expr, Expr::Var(var) if var.id == "loop") && LOOP.contains(&get.name),
        // These fail with text.
        Expr::UnaryOp(unary) => matches!(unary.op, UnaryOpKind::Neg),
        Expr::BinOp(binary) => match binary.op {
            BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem | BinOpKind::Pow => true,
            BinOpKind::Add | BinOpKind::Mul | BinOpKind::ScAnd | BinOpKind::ScOr => both(&binary.left, &binary.right),
            _ => false,
        },
        Expr::IfExpr(branch) => {
            gives_number(&branch.true_expr, is_number)
                && branch.false_expr.as_ref().is_none_or(|other| gives_number(other, is_number))
        }
        Expr::Filter(filter) if STAND_INS.contains(&filter.name) => {
            let stand_in = match &filter.args[..] {
                [CallArg::Pos(stand_in)] => gives_number(stand_in, is_number),
                _ => false,
            };
            stand_in && filter.expr.as_ref().is_some_and(|expr| gives_number(expr, is_number))
        }
        Expr::Filter(filter) => FILTERS.contains(&filter.name),
        _ => false,
    }
}
