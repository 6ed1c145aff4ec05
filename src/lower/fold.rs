//! Constant folding: operators whose operands are literals.
//!
//! The arithmetic is that of [`numeric`], so a folded operation gives what the interpreter would have given. Never folded is what may throw, so
//! that the error comes when and where it would; what gives NaN, whose bits differ between machines while the output of the compiler must not;
//! powers of floats for the same reason; and strings, whose results may be large.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::function::Lowering;
use super::*;
use crate::bytecode::{Constant, Op, Reg, numeric};
use crate::source::Diagnostic;
use crate::syntax::ast::{Ast, BinaryOp, ExprId, ExprKind, LogicOp, UnaryOp};

/// The value of a constant expression.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Folded {
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl Folded {
    pub fn is_truthy(self) -> bool {
        match self {
            Folded::Int(value) => value != 0,
            Folded::Float(value) => value != 0.0,
            Folded::Bool(value) => value,
        }
    }

    /// As an entry of the pool, which has no bools.
    pub fn number(self) -> Option<Constant> {
        match self {
            Folded::Int(value) => Some(Constant::Int(value)),
            Folded::Float(value) => Some(Constant::Float(value.to_bits())),
            Folded::Bool(_) => None,
        }
    }

    fn as_float(self) -> Option<f64> {
        match self {
            Folded::Int(value) => Some(value as f64),
            Folded::Float(value) => Some(value),
            Folded::Bool(_) => None,
        }
    }
}

/// The values of a file's operators on constants.
#[derive(Default)]
pub(super) struct Constants {
    values: FxHashMap<ExprId, Folded>,
}

impl Constants {
    /// One pass without recursion, as the parser makes operands before the expressions they belong to.
    pub fn of(ast: &Ast) -> Self {
        let mut constants = Constants::default();
        for (index, expr) in ast.exprs.iter().enumerate() {
            let get = |id: ExprId| constants.value(ast, id);
            let value = match expr.kind {
                ExprKind::Paren(inner) => get(inner),
                ExprKind::Unary { op, operand } => get(operand).and_then(|value| unary(op, value)),
                ExprKind::Binary { op, left, right } => get(left).zip(get(right)).and_then(|(a, b)| binary(op, a, b)),
                ExprKind::Logic { op, left, right } => {
                    get(left).zip(get(right)).map(|(a, b)| if a.is_truthy() == (op == LogicOp::And) { b } else { a })
                }
                _ => None,
            };
            if let Some(value) = value {
                constants.values.insert(ExprId(index as u32), value);
            }
        }
        constants
    }

    /// The value of an expression if it is a literal or an operator on constants.
    pub fn value(&self, ast: &Ast, expr: ExprId) -> Option<Folded> {
        match ast.expr(expr).kind {
            ExprKind::Int(value) => Some(Folded::Int(value)),
            ExprKind::Float(value) => Some(Folded::Float(value)),
            ExprKind::Bool(value) => Some(Folded::Bool(value)),
            ExprKind::Paren(_) | ExprKind::Unary { .. } | ExprKind::Binary { .. } | ExprKind::Logic { .. } => {
                self.values.get(&expr).copied()
            }
            _ => None,
        }
    }
}

fn unary(op: UnaryOp, value: Folded) -> Option<Folded> {
    match (op, value) {
        (UnaryOp::Not, value) => Some(Folded::Bool(!value.is_truthy())),
        (UnaryOp::Neg, Folded::Int(value)) => Some(Folded::Int(value.wrapping_neg())),
        (UnaryOp::Neg, Folded::Float(value)) => Some(Folded::Float(-value)),
        (UnaryOp::BitNot, Folded::Int(value)) => Some(Folded::Int(!value)),
        _ => None,
    }
}

/// `None` if the operation throws, or may not be done ahead.
fn binary(op: BinaryOp, a: Folded, b: Folded) -> Option<Folded> {
    use BinaryOp::*;
    match op {
        Eq => return Some(Folded::Bool(is_equal(a, b))),
        Ne => return Some(Folded::Bool(!is_equal(a, b))),
        Lt => return Some(Folded::Bool(order(a, b)? == Some(Ordering::Less))),
        Le => return Some(Folded::Bool(order(a, b)?.is_some_and(Ordering::is_le))),
        Gt => return Some(Folded::Bool(order(a, b)? == Some(Ordering::Greater))),
        Ge => return Some(Folded::Bool(order(a, b)?.is_some_and(Ordering::is_ge))),
        _ => {}
    }
    if let (Folded::Int(a), Folded::Int(b)) = (a, b) {
        let value = match op {
            Add => a.wrapping_add(b),
            Sub => a.wrapping_sub(b),
            Mul => a.wrapping_mul(b),
            Div => numeric::int_div(a, b)?,
            Mod => numeric::int_rem(a, b)?,
            Pow => numeric::int_pow(a, b)?,
            BitAnd => a & b,
            BitOr => a | b,
            BitXor => a ^ b,
            Shl => numeric::shl(a, b)?,
            Shr => numeric::shr(a, b)?,
            _ => return None,
        };
        return Some(Folded::Int(value));
    }
    let (a, b) = (a.as_float()?, b.as_float()?);
    let value = match op {
        Add => a + b,
        Sub => a - b,
        Mul => a * b,
        Div => a / b,
        Mod => a % b,
        _ => return None,
    };
    (!value.is_nan()).then_some(Folded::Float(value))
}

fn is_equal(a: Folded, b: Folded) -> bool {
    match (a, b) {
        (Folded::Int(a), Folded::Float(b)) | (Folded::Float(b), Folded::Int(a)) => numeric::int_eq_float(a, b),
        (a, b) => a == b,
    }
}

/// The order of two numbers, which a NaN has not; `None` for operands that cannot be ordered.
fn order(a: Folded, b: Folded) -> Option<Option<Ordering>> {
    match (a, b) {
        (Folded::Int(a), Folded::Int(b)) => Some(Some(a.cmp(&b))),
        (Folded::Float(a), Folded::Float(b)) => Some(a.partial_cmp(&b)),
        (Folded::Int(a), Folded::Float(b)) => Some(numeric::compare_int_float(a, b)),
        (Folded::Float(a), Folded::Int(b)) => Some(numeric::compare_int_float(b, a).map(Ordering::reverse)),
        _ => None,
    }
}

impl Lowering<'_, '_> {
    /// The value of an expression, if that is known now.
    pub fn folded(&self, expr: ExprId) -> Option<Folded> {
        self.builder.constants.value(self.ast, expr)
    }

    pub fn load_folded(&mut self, value: Folded, dst: Reg, span: Span) {
        match (value, value.number()) {
            (_, Some(number)) => self.load_constant(number, dst, span),
            (value, None) if value.is_truthy() => self.code.emit(Op::LoadTrue { dst }, span),
            _ => self.code.emit(Op::LoadFalse { dst }, span),
        }
    }

    /// Warns of a condition that does not depend on anything. `while true` is how endless loops are written.
    pub fn warn_if_constant(&mut self, condition: ExprId, is_loop: bool) {
        let stripped = self.strip_parens(condition);
        let Some(value) = self.folded(stripped) else { return };
        let is_endless_loop = is_loop && matches!(self.ast.expr(stripped).kind, ExprKind::Bool(true));
        if !self.warn || !self.code.reachable || is_endless_loop {
            return;
        }
        let always = value.is_truthy();
        let warning =
            Diagnostic::warning("W0203", format!("Condition is always {always}"), self.ast.expr(condition).span);
        let label = match (always, is_loop) {
            (true, true) => "only a `break`, a `return` or an error ends this loop",
            (true, false) => "what an `else` holds never runs",
            (false, _) => "what this guards never runs",
        };
        self.builder.diagnostics.push(warning.labelled(label));
    }
}

#[cfg(test)]
mod tests {
    use super::Folded::{Bool, Float, Int};
    use super::*;

    #[test]
    fn ints_wrap_and_what_throws_is_left() {
        assert_eq!(binary(BinaryOp::Add, Int(i64::MAX), Int(1)), Some(Int(i64::MIN)));
        assert_eq!(binary(BinaryOp::Div, Int(i64::MIN), Int(-1)), Some(Int(i64::MIN)));
        assert_eq!(binary(BinaryOp::Div, Int(1), Int(0)), None);
        assert_eq!(binary(BinaryOp::Mod, Int(1), Int(0)), None);
        assert_eq!(binary(BinaryOp::Shl, Int(1), Int(65)), Some(Int(2)));
        assert_eq!(binary(BinaryOp::Shl, Int(1), Int(-1)), None);
        assert_eq!(binary(BinaryOp::Pow, Int(2), Int(64)), Some(Int(0)));
        assert_eq!(binary(BinaryOp::Pow, Int(2), Int(-1)), None);
        assert_eq!(unary(UnaryOp::Neg, Int(i64::MIN)), Some(Int(i64::MIN)));
    }

    #[test]
    fn zeros_keep_their_sign_and_nan_is_left() {
        let bits = |value: Option<Folded>| value.and_then(Folded::number);
        let negative_zero = Some(Constant::Float((-0.0f64).to_bits()));
        assert_eq!(bits(binary(BinaryOp::Mul, Float(0.0), Int(-1))), negative_zero);
        assert_eq!(bits(unary(UnaryOp::Neg, Float(0.0))), negative_zero);
        assert_eq!(binary(BinaryOp::Div, Float(1.0), Int(0)), Some(Float(f64::INFINITY)));
        assert_eq!(binary(BinaryOp::Div, Float(0.0), Float(0.0)), None);
        assert_eq!(binary(BinaryOp::Pow, Float(2.0), Float(0.5)), None);
    }

    #[test]
    fn comparisons_are_exact_and_bools_have_no_order() {
        let big = 9_007_199_254_740_993;
        assert_eq!(binary(BinaryOp::Gt, Int(big), Float(9_007_199_254_740_992.0)), Some(Bool(true)));
        assert_eq!(binary(BinaryOp::Eq, Int(big), Float(9_007_199_254_740_992.0)), Some(Bool(false)));
        assert_eq!(binary(BinaryOp::Eq, Float(0.0), Float(-0.0)), Some(Bool(true)));
        assert_eq!(binary(BinaryOp::Eq, Int(1), Bool(true)), Some(Bool(false)));
        assert_eq!(binary(BinaryOp::Lt, Bool(false), Bool(true)), None);
        assert_eq!(binary(BinaryOp::Add, Bool(true), Int(1)), None);
    }
}
