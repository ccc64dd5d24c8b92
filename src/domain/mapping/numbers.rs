//! Which expressions surely give a number. `*` repeats a text and `+` joins two, a text is greater than any number, and a cell of a CSV file is
//! text: `premie * 12` would send `404040…` for 40, and `leeftijd > 17` let a child through, and ask nobody.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, UnaryOpKind};

/// Filters that give a number, nothing, or a reason to reject the row.
const FILTERS: [&str; 5] = ["abs", "count", "decimal", "length", "round"];

/// Filters that do so, or give an argument instead.
const PARSERS: [&str; 3] = ["float", "int", "sum"];

/// Filters that give what they are given, or their argument in its place.
const STAND_INS: [&str; 2] = ["d", "default"];

/// Filters that give one item of a list.
const PICKS: [&str; 4] = ["first", "last", "max", "min"];

/// Filters that give a list of items of a list.
const SIEVES: [&str; 6] = ["list", "reject", "reverse", "select", "sort", "unique"];

/// What a loop counts. No statement can assign the name `loop`.
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
            let Some(CallArg::Pos(stand_in)) = filter.args.first() else { return false };
            filter.expr.as_ref().is_some_and(|expr| both(expr, stand_in))
        }
        Expr::Filter(filter) if PARSERS.contains(&filter.name) => filter.args.iter().all(|arg| match arg {
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => gives_number(value, is_number),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => false,
        }),
        Expr::Filter(filter) if PICKS.contains(&filter.name) => {
            filter.expr.as_ref().is_some_and(|list| gives_numbers(list, is_number))
        }
        Expr::Filter(filter) => FILTERS.contains(&filter.name),
        _ => false,
    }
}

/// Whether an expression gives a list of nothing but what [`gives_number`] means.
pub(super) fn gives_numbers(expr: &Expr<'_>, is_number: &dyn Fn(&str) -> bool) -> bool {
    match expr {
        Expr::List(list) => list.items.iter().all(|item| gives_number(item, is_number)),
        Expr::Filter(filter) if filter.name == "map" => match filter.args.as_slice() {
            [CallArg::Pos(name), ..] if is_one_of(name, &FILTERS) => true,
            [CallArg::Pos(name)] => is_one_of(name, &PARSERS),
            _ => false,
        },
        Expr::Filter(filter) if SIEVES.contains(&filter.name) => {
            filter.expr.as_ref().is_some_and(|list| gives_numbers(list, is_number))
        }
        _ => false,
    }
}

fn is_one_of(name: &Expr<'_>, names: &[&str]) -> bool {
    name.as_const().is_some_and(|name| name.as_str().is_some_and(|name| names.contains(&name)))
}
