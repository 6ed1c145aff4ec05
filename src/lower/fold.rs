//! Constant folding: the values of operators on known operands, and the lints about conditions that are known.
//!
//! The arithmetic is that of [`numeric`], so a folded operation gives what the interpreter would have given. Never
//! folded is what may throw, so that the error comes when and where it would; what gives NaN, whose bits differ between
//! machines while the output of the compiler must not; powers of floats for the same reason; and strings of more than
//! [`STRING_LIMIT`] bytes.

use std::cmp::Ordering;

use super::function::Lowering;
use crate::bytecode::{Constant, Op, Reg, numeric};
use crate::resolve::NameRef;
use crate::source::{Diagnostic, Span};
use crate::syntax::Interner;
use crate::syntax::ast::{BinaryOp, ExprId, ExprKind, Symbol, UnaryOp};

/// What a known value was read from, which decides whether its use as a condition is worth a warning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Origin {
    Literals,
    /// Variables of the same function as well.
    Locals,
    /// Also variables of the module, of another one, or of an enclosing function: settings.
    Settings,
}

/// A value and what it was made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Known {
    pub value: Folded,
    pub origin: Origin,
}

/// The longest string that folding makes, in bytes: the file should not grow by what is quickly made.
const STRING_LIMIT: usize = 256;

/// A value that is known when compiling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Folded {
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(Symbol),
    Void,
}

impl Folded {
    pub fn is_truthy(self, interner: &Interner) -> bool {
        match self {
            Folded::Int(value) => value != 0,
            Folded::Float(value) => value != 0.0,
            Folded::Bool(value) => value,
            Folded::Str(text) => !interner.get(text).is_empty(),
            Folded::Void => false,
        }
    }

    /// As a number of the pool.
    pub fn number(self) -> Option<Constant> {
        match self {
            Folded::Int(value) => Some(Constant::Int(value)),
            Folded::Float(value) => Some(Constant::Float(value.to_bits())),
            Folded::Bool(_) | Folded::Str(_) | Folded::Void => None,
        }
    }

    fn as_float(self) -> Option<f64> {
        match self {
            Folded::Int(value) => Some(value as f64),
            Folded::Float(value) => Some(value),
            Folded::Bool(_) | Folded::Str(_) | Folded::Void => None,
        }
    }
}

/// `None` if the operation throws.
pub(super) fn unary(op: UnaryOp, value: Folded, interner: &Interner) -> Option<Folded> {
    match (op, value) {
        (UnaryOp::Not, value) => Some(Folded::Bool(!value.is_truthy(interner))),
        (UnaryOp::Neg, Folded::Int(value)) => Some(Folded::Int(value.wrapping_neg())),
        (UnaryOp::Neg, Folded::Float(value)) => Some(Folded::Float(-value)),
        (UnaryOp::BitNot, Folded::Int(value)) => Some(Folded::Int(!value)),
        _ => None,
    }
}

/// `None` if the operation throws, or may not be done ahead.
pub(super) fn binary(op: BinaryOp, a: Folded, b: Folded, interner: &mut Interner) -> Option<Folded> {
    use BinaryOp::*;
    match (op, a, b) {
        (Add, Folded::Str(a), Folded::Str(b)) => return concatenated(&[a, b], interner),
        (Mul, Folded::Str(text), Folded::Int(count)) | (Mul, Folded::Int(count), Folded::Str(text)) => {
            let count = usize::try_from(count.max(0)).ok()?;
            let fits = count.saturating_mul(interner.get(text).len()) <= STRING_LIMIT && count <= STRING_LIMIT;
            return fits.then(|| concatenated(&vec![text; count], interner))?;
        }
        _ => {}
    }
    match op {
        Eq => return Some(Folded::Bool(is_equal(a, b))),
        Ne => return Some(Folded::Bool(!is_equal(a, b))),
        Lt => return Some(Folded::Bool(order(a, b, interner)? == Some(Ordering::Less))),
        Le => return Some(Folded::Bool(order(a, b, interner)?.is_some_and(Ordering::is_le))),
        Gt => return Some(Folded::Bool(order(a, b, interner)? == Some(Ordering::Greater))),
        Ge => return Some(Folded::Bool(order(a, b, interner)?.is_some_and(Ordering::is_ge))),
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

fn concatenated(parts: &[Symbol], interner: &mut Interner) -> Option<Folded> {
    let text: String = parts.iter().map(|&part| interner.get(part)).collect();
    (text.len() <= STRING_LIMIT).then(|| Folded::Str(interner.intern(&text)))
}

fn is_equal(a: Folded, b: Folded) -> bool {
    match (a, b) {
        (Folded::Int(a), Folded::Float(b)) | (Folded::Float(b), Folded::Int(a)) => numeric::int_eq_float(a, b),
        (a, b) => a == b,
    }
}

/// The order of two numbers, which a NaN has not, or strings; `None` for operands that cannot be ordered.
fn order(a: Folded, b: Folded, interner: &Interner) -> Option<Option<Ordering>> {
    match (a, b) {
        (Folded::Int(a), Folded::Int(b)) => Some(Some(a.cmp(&b))),
        (Folded::Float(a), Folded::Float(b)) => Some(a.partial_cmp(&b)),
        (Folded::Int(a), Folded::Float(b)) => Some(numeric::compare_int_float(a, b)),
        (Folded::Float(a), Folded::Int(b)) => Some(numeric::compare_int_float(b, a).map(Ordering::reverse)),
        // UTF-8 has the order of the code points.
        (Folded::Str(a), Folded::Str(b)) => Some(Some(interner.get(a).cmp(interner.get(b)))),
        _ => None,
    }
}

impl Lowering<'_, '_> {
    /// The value of an expression and what it was made of, if that is known now.
    fn known(&self, expr: ExprId) -> Option<Known> {
        let module = self.builder.functions[self.index.0 as usize].module;
        self.builder.constants[module.0 as usize].value(self.ast, expr)
    }

    /// The value of an expression, if that is known now.
    pub fn folded(&self, expr: ExprId) -> Option<Folded> {
        self.known(expr).map(|known| known.value)
    }

    /// The truth of an expression, if that is known now.
    pub fn folded_truth(&self, expr: ExprId) -> Option<bool> {
        self.folded(expr).map(|value| value.is_truthy(self.builder.interner))
    }

    pub fn load_folded(&mut self, value: Folded, dst: Reg, span: Span) {
        let op = match value {
            Folded::Int(value) => return self.load_constant(Constant::Int(value), dst, span),
            Folded::Float(value) => return self.load_constant(Constant::Float(value.to_bits()), dst, span),
            Folded::Str(text) => {
                let constant = self.string_constant(text);
                return self.load_constant(constant, dst, span);
            }
            Folded::Bool(true) => Op::LoadTrue { dst },
            Folded::Bool(false) => Op::LoadFalse { dst },
            Folded::Void => Op::LoadVoid { dst },
        };
        self.code.emit(op, span);
    }

    /// Whether a condition is known by a setting: then the ways that it closes are closed on purpose, and nothing is
    /// said of them. A setting is a variable that is only asked for its truth, or one from outside of the function,
    /// like `let DEBUG = false;`.
    pub fn is_setting(&self, condition: ExprId) -> bool {
        match self.known(condition).map(|known| known.origin) {
            None | Some(Origin::Literals) => false,
            Some(Origin::Locals) => self.is_truth_of_names(condition),
            Some(Origin::Settings) => true,
        }
    }

    fn is_truth_of_names(&self, condition: ExprId) -> bool {
        let mut open = vec![condition];
        while let Some(expr) = open.pop() {
            match self.ast.expr(expr).kind {
                ExprKind::Name(_) | ExprKind::Bool(_) => {}
                ExprKind::Paren(inner) | ExprKind::Unary { op: UnaryOp::Not, operand: inner } => open.push(inner),
                ExprKind::Logic { left, right, .. } => open.extend([left, right]),
                _ => return false,
            }
        }
        true
    }

    /// Warns of an `if` or a loop that always goes the same way, unless a setting decides it. `while true` is how
    /// endless loops are written.
    pub fn warn_if_constant(&mut self, condition: ExprId, is_loop: bool) {
        let stripped = self.strip_parens(condition);
        let Some(always) = self.folded_truth(stripped) else { return };
        let is_endless_loop = is_loop && matches!(self.ast.expr(stripped).kind, ExprKind::Bool(true));
        if is_endless_loop || !self.code.reachable || self.is_setting(stripped) {
            return;
        }
        let label = match (always, is_loop) {
            (true, true) => "only a `break`, a `return` or an error ends this loop",
            (true, false) => "what an `else` holds never runs",
            (false, _) => "what this guards never runs",
        };
        self.warn_of_condition(condition, always, label);
    }

    /// Warns of a loop that seems to wait for a variable to change, which does not.
    pub fn warn_of_waiting(&mut self, condition: ExprId) {
        self.warn_of_condition(condition, true, "nothing but an error ends this loop");
    }

    fn warn_of_condition(&mut self, condition: ExprId, always: bool, label: &str) {
        if !self.warn {
            return;
        }
        let span = self.ast.expr(condition).span;
        let mut warning = Diagnostic::warning("W0203", format!("Condition is always {always}"), span).labelled(label);
        if let Some((name, declared)) = self.known_variable(condition) {
            let text = self.builder.interner.get(name);
            warning = warning.with_label(declared, format!("nothing assigns to '{text}' after this"));
        }
        self.builder.diagnostics.push(warning);
    }

    /// The first variable in a condition that is known.
    fn known_variable(&self, condition: ExprId) -> Option<(Symbol, Span)> {
        let mut open = vec![condition];
        while let Some(expr) = open.pop() {
            match self.ast.expr(expr).kind {
                ExprKind::Name(name) => {
                    let span = match self.scopes.names[expr.0 as usize] {
                        NameRef::Local(var) => self.scopes.var(var).span,
                        NameRef::Capture(slot) => self.scopes.var(self.captures[usize::from(slot)].var).span,
                        NameRef::Global(global) => self.builder.resolution.global(global).span,
                        NameRef::SiblingMethod(_) | NameRef::Unresolved => continue,
                    };
                    return Some((name, span));
                }
                ExprKind::Paren(inner) | ExprKind::Unary { operand: inner, .. } => open.push(inner),
                ExprKind::Binary { left, right, .. } | ExprKind::Logic { left, right, .. } => {
                    open.extend([right, left]);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Folded::{Bool, Float, Int};
    use super::*;

    fn on(op: BinaryOp, a: Folded, b: Folded) -> Option<Folded> {
        binary(op, a, b, &mut Interner::new())
    }

    #[test]
    fn ints_wrap_and_what_throws_is_left() {
        assert_eq!(on(BinaryOp::Add, Int(i64::MAX), Int(1)), Some(Int(i64::MIN)));
        assert_eq!(on(BinaryOp::Div, Int(i64::MIN), Int(-1)), Some(Int(i64::MIN)));
        assert_eq!(on(BinaryOp::Div, Int(1), Int(0)), None);
        assert_eq!(on(BinaryOp::Mod, Int(1), Int(0)), None);
        assert_eq!(on(BinaryOp::Shl, Int(1), Int(65)), Some(Int(2)));
        assert_eq!(on(BinaryOp::Shl, Int(1), Int(-1)), None);
        assert_eq!(on(BinaryOp::Pow, Int(2), Int(64)), Some(Int(0)));
        assert_eq!(on(BinaryOp::Pow, Int(2), Int(-1)), None);
        assert_eq!(unary(UnaryOp::Neg, Int(i64::MIN), &Interner::new()), Some(Int(i64::MIN)));
    }

    #[test]
    fn zeros_keep_their_sign_and_nan_is_left() {
        let bits = |value: Option<Folded>| value.and_then(Folded::number);
        let negative_zero = Some(Constant::Float((-0.0f64).to_bits()));
        assert_eq!(bits(on(BinaryOp::Mul, Float(0.0), Int(-1))), negative_zero);
        assert_eq!(bits(unary(UnaryOp::Neg, Float(0.0), &Interner::new())), negative_zero);
        assert_eq!(on(BinaryOp::Div, Float(1.0), Int(0)), Some(Float(f64::INFINITY)));
        assert_eq!(on(BinaryOp::Div, Float(0.0), Float(0.0)), None);
        assert_eq!(on(BinaryOp::Pow, Float(2.0), Float(0.5)), None);
    }

    #[test]
    fn comparisons_are_exact_and_bools_have_no_order() {
        let big = 9_007_199_254_740_993;
        assert_eq!(on(BinaryOp::Gt, Int(big), Float(9_007_199_254_740_992.0)), Some(Bool(true)));
        assert_eq!(on(BinaryOp::Eq, Int(big), Float(9_007_199_254_740_992.0)), Some(Bool(false)));
        assert_eq!(on(BinaryOp::Eq, Float(0.0), Float(-0.0)), Some(Bool(true)));
        assert_eq!(on(BinaryOp::Eq, Int(1), Bool(true)), Some(Bool(false)));
        assert_eq!(on(BinaryOp::Lt, Bool(false), Bool(true)), None);
        assert_eq!(on(BinaryOp::Add, Bool(true), Int(1)), None);
    }

    #[test]
    fn strings_join_while_they_are_short() {
        let mut interner = Interner::new();
        let [a, b, ab, long] = ["é", "b", "éb", &"x".repeat(200)].map(|text| Folded::Str(interner.intern(text)));
        let empty = Folded::Str(interner.intern(""));
        let mut on = |op, a, b| binary(op, a, b, &mut interner);
        assert_eq!(on(BinaryOp::Add, a, b), Some(ab));
        assert_eq!(on(BinaryOp::Add, long, long), None);
        assert_eq!(on(BinaryOp::Mul, long, Int(2)), None);
        assert_eq!(on(BinaryOp::Mul, empty, Int(i64::MAX)), None);
        assert_eq!(on(BinaryOp::Mul, Int(-1), a), Some(empty));
        assert_eq!(on(BinaryOp::Add, a, Int(1)), None);
        assert_eq!((on(BinaryOp::Lt, b, a), on(BinaryOp::Eq, a, b)), (Some(Bool(true)), Some(Bool(false))));
        assert_eq!((on(BinaryOp::Eq, Folded::Void, a), on(BinaryOp::Lt, Folded::Void, a)), (Some(Bool(false)), None));
    }
}
