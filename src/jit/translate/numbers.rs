//! Arithmetic, comparison and truth.

use super::env::Typed;
use super::{Builder, Built};
use crate::bytecode::Reg;
use crate::bytecode::op::shape::Operator;
use crate::jit::feedback::{EXACT, TagSet, TypeFeedback, is_inexact};
use crate::jit::helpers::{Argument, Helper};
use crate::jit::ir::{Binary, Compare, ExitId, ExitReason, Inst, MemSet, Repr, Unary, Val};
use crate::runtime::value::Tag;

impl Builder<'_> {
    /// A register's value, made of a known type if feedback has seen only that one.
    pub(super) fn operand(&mut self, reg: Reg, seen: TagSet) -> Built<Typed> {
        let value = self.get(reg)?;
        let Some(value) = self.of_seen_type(value, seen, self.proof_of(reg)) else { return Ok(value) };
        self.refine(reg, value);
        Ok(value)
    }

    /// A value whose type is not known, guarded to be of the only one that was seen; `None` if it is no such. Facts say
    /// it to be of the types in `proof`.
    pub(super) fn of_seen_type(&mut self, value: Typed, seen: TagSet, proof: TagSet) -> Option<Typed> {
        let (Typed::Any { tag, payload }, Some(wanted)) = (value, seen.single()) else { return None };
        let exit = self.exit(ExitReason::Type);
        self.guard_type(tag, wanted, proof, exit);
        Some(self.unpack(wanted, payload))
    }

    /// A number as a float, if it is known to be a number.
    pub(super) fn known_as_float(&mut self, value: Typed) -> Option<Val> {
        match value {
            Typed::Known(Tag::Float, payload) => Some(payload),
            Typed::Known(Tag::Int, payload) => Some(self.int_to_float(payload)),
            _ => None,
        }
    }

    /// A number as a float, if it is known to be a number or feedback has seen nothing else.
    pub(super) fn as_float(&mut self, value: Typed, seen: TagSet) -> Option<Val> {
        match value {
            Typed::Any { tag, payload } if !seen.is_empty() && seen.within(TagSet::NUMBERS) => {
                let exit = self.exit(ExitReason::Type);
                Some(self.number_to_float(tag, payload, exit))
            }
            _ => self.known_as_float(value),
        }
    }

    fn number_to_float(&mut self, tag: Val, payload: Val, exit: ExitId) -> Val {
        let one = self.int(Tag::Float as i64);
        let number = self.push(Inst::Icmp(Compare::BelowEq, tag, one), Repr::Bool);
        self.guard(number, true, exit);
        let is_float = self.push(Inst::Icmp(Compare::Eq, tag, one), Repr::Bool);
        let float = self.push(Inst::Unary(Unary::BitsToFloat, payload), Repr::F64);
        let converted = self.push(Inst::Unary(Unary::IntToFloat, payload), Repr::F64);
        self.push(Inst::Select(is_float, float, converted), Repr::F64)
    }

    pub(super) fn int_to_float(&mut self, int: Val) -> Val {
        match self.const_int(int) {
            Some(value) => self.float(value as f64),
            None => self.push(Inst::Unary(Unary::IntToFloat, int), Repr::F64),
        }
    }

    /// `a op b`, or `None` if there is no native form for these operands.
    pub(super) fn arithmetic(&mut self, op: Operator, a: Typed, b: Typed) -> Option<Typed> {
        if let (Some(a), Some(b)) = (a.as_tag(Tag::Int), b.as_tag(Tag::Int)) {
            return self.int_arithmetic(op, a, b);
        }
        let feedback = *self.feedback();
        let (seen_a, seen_b) = self.seen_operands(&feedback);
        let has_float = a.tag() == Some(Tag::Float) || b.tag() == Some(Tag::Float);
        let float_op = match op {
            Operator::Add => Some(Binary::Fadd),
            Operator::Sub => Some(Binary::Fsub),
            Operator::Mul => Some(Binary::Fmul),
            Operator::Div => Some(Binary::Fdiv),
            Operator::Mod | Operator::Pow => None,
            _ => return None,
        };
        if has_float {
            let (x, y) = (self.as_float(a, seen_a)?, self.as_float(b, seen_b)?);
            let result = match (float_op, op) {
                (Some(float_op), _) => self.float_binary(float_op, x, y),
                (None, Operator::Mod) => self.call_pure(Helper::FloatRem, vec![x, y]),
                (None, _) => self.float_power(x, y),
            };
            return Some(Typed::Known(Tag::Float, result));
        }
        self.open_arithmetic(op, a, b, seen_a, seen_b)
    }

    /// The types that feedback has seen for the left and the right operand, a constant being none.
    fn seen_operands(&self, feedback: &TypeFeedback) -> (TagSet, TagSet) {
        match self.op().as_binary() {
            Some(binary) if binary.left.register().is_none() => (TagSet::default(), feedback.a),
            _ => (feedback.a, feedback.b),
        }
    }

    /// `+ - *` on numbers of which neither is known to be a float and one is of open type.
    fn open_arithmetic(&mut self, op: Operator, a: Typed, b: Typed, seen_a: TagSet, seen_b: TagSet) -> Option<Typed> {
        let (int_op, float_op) = match op {
            Operator::Add => (Binary::Iadd, Binary::Fadd),
            Operator::Sub => (Binary::Isub, Binary::Fsub),
            Operator::Mul => (Binary::Imul, Binary::Fmul),
            _ => return None,
        };
        let numeric = |value: Typed, seen: TagSet| match value {
            Typed::Known(tag, _) => tag == Tag::Int,
            Typed::Any { .. } => !seen.is_empty() && seen.within(TagSet::NUMBERS),
        };
        if !numeric(a, seen_a) || !numeric(b, seen_b) {
            return None;
        }
        let (x, y) = (self.as_float(a, seen_a)?, self.as_float(b, seen_b)?);
        let ((tag_a, bits_a), (tag_b, bits_b)) = (self.parts(a), self.parts(b));
        let ints = self.push(Inst::Binary(int_op, bits_a, bits_b), Repr::I64);
        let floats = self.float_binary(float_op, x, y);
        let floats = self.push(Inst::Unary(Unary::FloatToBits, floats), Repr::I64);
        // Int is 0 and Float 1, and both were found to be one of these.
        let tag = self.push(Inst::Binary(Binary::Or, tag_a, tag_b), Repr::I64);
        let is_float = self.push(Inst::Unary(Unary::BitsToBool, tag), Repr::Bool);
        let payload = self.push(Inst::Select(is_float, floats, ints), Repr::I64);
        Some(Typed::Any { tag, payload })
    }

    pub(super) fn call_pure(&mut self, helper: Helper, args: Vec<Val>) -> Val {
        self.call(helper, args, MemSet::NONE)
    }

    pub(super) fn call(&mut self, helper: Helper, args: Vec<Val>, writes: MemSet) -> Val {
        debug_assert!(
            writes.has_all(MemSet::of_call(helper, writes)),
            "{helper:?} touches what the call does not tell"
        );
        self.name_place(helper);
        let repr = if helper.result() == [Argument::Float] { Repr::F64 } else { Repr::I64 };
        self.push(Inst::Call { helper, args, writes }, repr)
    }

    pub(super) fn float_binary(&mut self, op: Binary, a: Val, b: Val) -> Val {
        // A constant on the right can be a memory operand. It is not NaN, so no payload of a NaN depends on the order.
        let constant = |val: Val| match self.constants[val.0 as usize] {
            Some(Inst::Float(bits)) => !f64::from_bits(bits).is_nan(),
            _ => false,
        };
        let swap = matches!(op, Binary::Fadd | Binary::Fmul) && constant(a) && !constant(b);
        let (a, b) = if swap { (b, a) } else { (a, b) };
        self.push(Inst::Binary(op, a, b), Repr::F64)
    }

    pub(super) fn int_binary(&mut self, op: Binary, a: Val, b: Val) -> Val {
        if let (Some(a), Some(b)) = (self.const_int(a), self.const_int(b)) {
            let folded = match op {
                Binary::Iadd => Some(a.wrapping_add(b)),
                Binary::Isub => Some(a.wrapping_sub(b)),
                Binary::Imul => Some(a.wrapping_mul(b)),
                Binary::And => Some(a & b),
                Binary::Or => Some(a | b),
                Binary::Xor => Some(a ^ b),
                _ => None,
            };
            if let Some(folded) = folded {
                return self.int(folded);
            }
        }
        self.push(Inst::Binary(op, a, b), Repr::I64)
    }

    fn int_arithmetic(&mut self, op: Operator, a: Val, b: Val) -> Option<Typed> {
        let plain = match op {
            Operator::Add => Binary::Iadd,
            Operator::Sub => Binary::Isub,
            Operator::Mul => Binary::Imul,
            Operator::BitAnd => Binary::And,
            Operator::BitOr => Binary::Or,
            Operator::BitXor => Binary::Xor,
            Operator::Div => return Some(Typed::Known(Tag::Int, self.quotient(a, b))),
            Operator::Mod => return Some(Typed::Known(Tag::Int, self.remainder(a, b))),
            Operator::Shl | Operator::Shr => {
                self.guard_not_negative(b);
                if op == Operator::Shl { Binary::Shl } else { Binary::Shr }
            }
            Operator::Pow => return Some(self.power(a, b)),
        };
        Some(Typed::Known(Tag::Int, self.int_binary(plain, a, b)))
    }

    fn quotient(&mut self, a: Val, b: Val) -> Val {
        if self.const_int(b) == Some(-1) {
            return self.push(Inst::Unary(Unary::Ineg, a), Repr::I64);
        }
        let (divisor, wraps) = self.divisor(b);
        let quotient = self.int_binary(Binary::Idiv, a, divisor);
        let Some(wraps) = wraps else { return quotient };
        let negated = self.push(Inst::Unary(Unary::Ineg, a), Repr::I64);
        self.push(Inst::Select(wraps, negated, quotient), Repr::I64)
    }

    fn remainder(&mut self, a: Val, b: Val) -> Val {
        if self.const_int(b) == Some(-1) {
            return self.int(0);
        }
        // What is left of a division by 1 is what is left of one by -1.
        let (divisor, _) = self.divisor(b);
        self.int_binary(Binary::Irem, a, divisor)
    }

    /// What is divided by instead, which is neither 0 nor -1, and whether -1 was meant. A divisor of 0 fails and is
    /// left to the interpreter. One of -1 wraps, for which the processor has no instruction: 1 takes its place, unless
    /// no negative divisor was seen.
    fn divisor(&mut self, divisor: Val) -> (Val, Option<Val>) {
        if self.const_int(divisor).is_some_and(|value| value != 0) {
            return (divisor, None);
        }
        let one = self.int(1);
        if self.feedback().negative {
            let zero = self.int(0);
            let fails = self.push(Inst::Icmp(Compare::Eq, divisor, zero), Repr::Bool);
            let exit = self.exit(ExitReason::Divisor);
            self.guard(fails, false, exit);
            let wrapping = self.int(-1);
            let wraps = self.push(Inst::Icmp(Compare::Eq, divisor, wrapping), Repr::Bool);
            return (self.push(Inst::Select(wraps, one, divisor), Repr::I64), Some(wraps));
        }
        let next = self.int_binary(Binary::Iadd, divisor, one);
        let fits = self.push(Inst::Icmp(Compare::BelowEq, next, one), Repr::Bool);
        let exit = self.exit(ExitReason::Divisor);
        self.guard(fits, false, exit);
        (divisor, None)
    }

    /// `a ** b`: an int, or a float if the exponent is negative.
    fn power(&mut self, a: Val, b: Val) -> Typed {
        match self.const_int(b) {
            Some(2) => return Typed::Known(Tag::Int, self.int_binary(Binary::Imul, a, a)),
            Some(exponent) if exponent >= 0 => {
                return Typed::Known(Tag::Int, self.call_pure(Helper::IntPow, vec![a, b]));
            }
            _ => {}
        }
        let seen = self.feedback().result;
        let zero = self.int(0);
        let negative = self.push(Inst::Icmp(Compare::Lt, b, zero), Repr::Bool);
        if let Some(tag @ (Tag::Int | Tag::Float)) = seen.single() {
            let exit = self.exit(ExitReason::Type);
            self.guard(negative, tag == Tag::Float, exit);
            return match tag {
                Tag::Int => Typed::Known(Tag::Int, self.call_pure(Helper::IntPow, vec![a, b])),
                _ => Typed::Known(Tag::Float, self.inverse_power(a, b)),
            };
        }
        let float = self.inverse_power(a, b);
        let float = self.push(Inst::Unary(Unary::FloatToBits, float), Repr::I64);
        let int = self.call_pure(Helper::IntPow, vec![a, b]);
        let payload = self.push(Inst::Select(negative, float, int), Repr::I64);
        debug_assert_eq!((Tag::Int as u64, Tag::Float as u64), (0, 1));
        let tag = self.push(Inst::Unary(Unary::BoolToBits, negative), Repr::I64);
        Typed::Any { tag, payload }
    }

    /// What an int is to the power of a negative one.
    fn inverse_power(&mut self, a: Val, b: Val) -> Val {
        let (a, b) = (self.int_to_float(a), self.int_to_float(b));
        self.float_power(a, b)
    }

    /// As [`numeric::float_pow`](crate::bytecode::numeric::float_pow).
    pub(super) fn float_power(&mut self, x: Val, y: Val) -> Val {
        match self.constants[y.0 as usize] {
            Some(Inst::Float(bits)) if f64::from_bits(bits) == 2.0 => self.float_binary(Binary::Fmul, x, x),
            _ => self.call_pure(Helper::FloatPow, vec![x, y]),
        }
    }

    fn guard_not_negative(&mut self, value: Val) {
        if self.const_int(value).is_some_and(|value| value >= 0) {
            return;
        }
        let zero = self.int(0);
        let fits = self.push(Inst::Icmp(Compare::Ge, value, zero), Repr::Bool);
        let exit = self.exit(ExitReason::Domain);
        self.guard(fits, true, exit);
    }

    pub(super) fn negate(&mut self, value: Typed) -> Option<Typed> {
        match value {
            Typed::Known(Tag::Int, payload) => {
                Some(Typed::Known(Tag::Int, self.push(Inst::Unary(Unary::Ineg, payload), Repr::I64)))
            }
            Typed::Known(Tag::Float, payload) => {
                Some(Typed::Known(Tag::Float, self.push(Inst::Unary(Unary::Fneg, payload), Repr::F64)))
            }
            _ => None,
        }
    }

    /// The truth of `a op b`, or `None` if there is no native form for these operands.
    pub(super) fn comparison(&mut self, op: Compare, a: Typed, b: Typed) -> Option<Val> {
        let (Typed::Known(tag_a, x), Typed::Known(tag_b, y)) = (a, b) else {
            return self.void_comparison(op, a, b);
        };
        match (tag_a, tag_b) {
            (Tag::Int, Tag::Int) => {
                if let (Some(x), Some(y)) = (self.const_int(x), self.const_int(y)) {
                    return Some(self.truth(op.holds(x, y)));
                }
                Some(self.push(Inst::Icmp(op, x, y), Repr::Bool))
            }
            (Tag::Float, Tag::Float) => Some(self.push(Inst::Fcmp(op, x, y), Repr::Bool)),
            (Tag::Int, Tag::Float) => Some(self.mixed_comparison(op, x, y)),
            (Tag::Float, Tag::Int) => Some(self.mixed_comparison(op.swapped(), y, x)),
            _ if !matches!(op, Compare::Eq | Compare::Ne) => None,
            (Tag::Void, Tag::Void) => Some(self.truth(op == Compare::Eq)),
            (Tag::Bool, Tag::Bool) => {
                let (x, y) = (
                    self.push(Inst::Unary(Unary::BoolToBits, x), Repr::I64),
                    self.push(Inst::Unary(Unary::BoolToBits, y), Repr::I64),
                );
                Some(self.push(Inst::Icmp(op, x, y), Repr::Bool))
            }
            // Values of different types are unequal; which objects of one type are equal is for the run time.
            (a, b) if a != b => Some(self.truth(op == Compare::Ne)),
            _ => None,
        }
    }

    /// Comparison with an operand of open type, against a type whose values equal only their like.
    fn void_comparison(&mut self, op: Compare, a: Typed, b: Typed) -> Option<Val> {
        if !matches!(op, Compare::Eq | Compare::Ne) {
            return None;
        }
        let (open, known) = match (a, b) {
            (Typed::Any { tag, .. }, Typed::Known(known, _)) | (Typed::Known(known, _), Typed::Any { tag, .. }) => {
                (tag, known)
            }
            _ => return None,
        };
        if known != Tag::Void {
            return None;
        }
        let void = self.int(Tag::Void as i64);
        Some(self.push(Inst::Icmp(op, open, void), Repr::Bool))
    }

    /// The truth of a comparison of an int with a float.
    fn mixed_comparison(&mut self, op: Compare, int: Val, float: Val) -> Val {
        let is_inexact = match self.const_int(int) {
            Some(int) => is_inexact(int),
            None => self.feedback().inexact,
        };
        if !is_inexact {
            let int = self.exact_float(int);
            return self.push(Inst::Fcmp(op, int, float), Repr::Bool);
        }
        let order = self.call_pure(Helper::CompareNumbers, vec![int, float]);
        let mut compare = |op, with| {
            let with = self.int(with);
            self.push(Inst::Icmp(op, order, with), Repr::Bool)
        };
        match op {
            Compare::Gt => compare(Compare::Eq, 1),
            // Neither less nor NaN.
            Compare::Ge => compare(Compare::Below, 2),
            op => compare(op, 0),
        }
    }

    /// An int as a float that compares as the int does: leaves if it is too large for that.
    fn exact_float(&mut self, int: Val) -> Val {
        if let Some(value) = self.const_int(int) {
            return self.float(value as f64);
        }
        let (limit, twice) = (self.int(EXACT), self.int(2 * EXACT));
        let moved = self.int_binary(Binary::Iadd, int, limit);
        let fits = self.push(Inst::Icmp(Compare::BelowEq, moved, twice), Repr::Bool);
        let exit = self.exit(ExitReason::Magnitude);
        self.guard(fits, true, exit);
        self.push(Inst::Unary(Unary::IntToFloat, int), Repr::F64)
    }

    /// Whether a value is truthy, or `None` if only the run time can tell.
    pub(super) fn truthiness(&mut self, value: Typed) -> Option<Val> {
        let Typed::Known(tag, payload) = value else { return None };
        match tag {
            Tag::Bool => Some(payload),
            Tag::Int => Some(match self.const_int(payload) {
                Some(value) => self.truth(value != 0),
                None => self.push(Inst::Unary(Unary::BitsToBool, payload), Repr::Bool),
            }),
            Tag::Float => {
                let zero = self.float(0.0);
                Some(self.push(Inst::Fcmp(Compare::Ne, payload, zero), Repr::Bool))
            }
            Tag::Void => Some(self.truth(false)),
            Tag::Function | Tag::Builtin | Tag::Closure | Tag::Struct | Tag::Instance | Tag::BoundMethod => {
                Some(self.truth(true))
            }
            _ => None,
        }
    }

    pub(super) fn not(&mut self, truth: Val) -> Val {
        match self.const_bool(truth) {
            Some(known) => self.truth(!known),
            None => {
                let inverse = self.push(Inst::Unary(Unary::Not, truth), Repr::Bool);
                self.inverse_of.insert(inverse, truth);
                inverse
            }
        }
    }
}
