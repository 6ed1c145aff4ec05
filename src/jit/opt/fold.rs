//! Constant folding and algebraic simplification, exact to the bit.
//!
//! Ints wrap. On floats only what IEEE 754 guarantees for every operand is used: `x * 1.0` is `x`, but `x + 0.0` is not
//! for -0.0, and `x - x` is not 0 for infinities. A result that is NaN is not folded, as its sign and payload are the
//! machine's.

use crate::jit::ir::{Binary, Compare, Inst, Unary, Val};

/// What simplification needs to know of the values around.
pub trait Values {
    /// The instruction that defines a value, if it is pure and known.
    fn definition(&self, val: Val) -> Option<&Inst>;

    /// A constant as a value.
    fn constant(&mut self, inst: Inst) -> Val;
}

/// What an instruction comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Folded {
    /// Nothing simpler.
    Same,
    /// Another value.
    Val(Val),
    /// Another instruction, a constant included.
    Inst(Inst),
}

pub fn int_of(values: &impl Values, val: Val) -> Option<i64> {
    if let Some(Inst::Int(value)) = values.definition(val) { Some(*value) } else { None }
}

fn float_of(values: &impl Values, val: Val) -> Option<f64> {
    if let Some(Inst::Float(bits)) = values.definition(val) { Some(f64::from_bits(*bits)) } else { None }
}

fn bool_of(values: &impl Values, val: Val) -> Option<bool> {
    if let Some(Inst::Bool(value)) = values.definition(val) { Some(*value) } else { None }
}

/// Simplifies an instruction whose operands are simple already.
pub fn fold(values: &mut impl Values, inst: &Inst) -> Folded {
    match *inst {
        Inst::Unary(op, a) => unary(values, op, a),
        Inst::Binary(op, a, b) => match op {
            Binary::Fadd | Binary::Fsub | Binary::Fmul | Binary::Fdiv => float_binary(values, op, a, b),
            Binary::BoolAnd | Binary::BoolOr => bool_binary(values, op, a, b),
            Binary::Late => Folded::Same,
            _ => int_binary(values, op, a, b),
        },
        Inst::Icmp(op, a, b) => int_compare(values, op, a, b),
        Inst::Fcmp(op, a, b) => match (float_of(values, a), float_of(values, b)) {
            (Some(a), Some(b)) => truth(match op {
                Compare::Eq => a == b,
                Compare::Ne => a != b,
                Compare::Lt | Compare::Below => a < b,
                Compare::Le | Compare::BelowEq => a <= b,
                Compare::Gt => a > b,
                Compare::Ge => a >= b,
            }),
            _ => Folded::Same,
        },
        Inst::Select(condition, a, b) => match bool_of(values, condition) {
            _ if a == b => Folded::Val(a),
            Some(true) => Folded::Val(a),
            Some(false) => Folded::Val(b),
            None => Folded::Same,
        },
        _ => Folded::Same,
    }
}

fn truth(value: bool) -> Folded {
    Folded::Inst(Inst::Bool(value))
}

fn int(value: i64) -> Folded {
    Folded::Inst(Inst::Int(value))
}

fn float(value: f64) -> Folded {
    if value.is_nan() { Folded::Same } else { Folded::Inst(Inst::Float(value.to_bits())) }
}

fn unary(values: &impl Values, op: Unary, a: Val) -> Folded {
    use Unary::*;
    if op == Refine {
        // From here on the passes keep what reads an object behind its guards.
        return Folded::Val(a);
    }
    match (op, values.definition(a)) {
        (Ineg, Some(Inst::Int(a))) => int(a.wrapping_neg()),
        (Inot, Some(Inst::Int(a))) => int(!a),
        (IntToFloat, Some(Inst::Int(a))) => float(*a as f64),
        (FloatToInt, Some(Inst::Float(bits))) => int(f64::from_bits(*bits) as i64),
        (BitsToFloat, Some(Inst::Int(a))) => float(f64::from_bits(*a as u64)),
        (BitsToBool, Some(Inst::Int(a))) => truth(*a != 0),
        (Fneg, Some(Inst::Float(a))) => float(-f64::from_bits(*a)),
        (FloatToBits, Some(Inst::Float(bits))) => int(*bits as i64),
        (Not, Some(Inst::Bool(a))) => truth(!a),
        (BoolToBits, Some(Inst::Bool(a))) => int(i64::from(*a)),
        (Ineg, Some(Inst::Unary(Ineg, b)))
        | (Inot, Some(Inst::Unary(Inot, b)))
        | (Fneg, Some(Inst::Unary(Fneg, b)))
        | (Not, Some(Inst::Unary(Not, b)))
        | (FloatToBits, Some(Inst::Unary(BitsToFloat, b)))
        | (BitsToFloat, Some(Inst::Unary(FloatToBits, b)))
        | (BitsToBool, Some(Inst::Unary(BoolToBits, b))) => Folded::Val(*b),
        _ => Folded::Same,
    }
}

fn int_binary(values: &mut impl Values, op: Binary, a: Val, b: Val) -> Folded {
    use Binary::*;
    let (x, y) = (int_of(values, a), int_of(values, b));
    if let (Some(x), Some(y)) = (x, y) {
        return match op {
            Iadd => int(x.wrapping_add(y)),
            Isub => int(x.wrapping_sub(y)),
            Imul => int(x.wrapping_mul(y)),
            And => int(x & y),
            Or => int(x | y),
            Xor => int(x ^ y),
            Shl => int(x.wrapping_shl(y as u32)),
            Shr => int(x.wrapping_shr(y as u32)),
            ShrUnsigned => int((x as u64).wrapping_shr(y as u32) as i64),
            MulHigh => int(((i128::from(x) * i128::from(y)) >> 64) as i64),
            Idiv if y != 0 && y != -1 => int(x / y),
            Irem if y != 0 && y != -1 => int(x % y),
            _ => Folded::Same,
        };
    }
    // A constant stands on the right.
    if x.is_some() && matches!(op, Iadd | Imul | And | Or | Xor) {
        return Folded::Inst(Inst::Binary(op, b, a));
    }
    match (op, y) {
        (Iadd | Isub | Or | Xor | Shl | Shr | ShrUnsigned, Some(0)) | (Imul | Idiv, Some(1)) | (And, Some(-1)) => {
            return Folded::Val(a);
        }
        (Imul | And, Some(0)) => return Folded::Val(b),
        (Isub, Some(y)) => {
            let negated = values.constant(Inst::Int(y.wrapping_neg()));
            let sum = Inst::Binary(Iadd, a, negated);
            return match fold(values, &sum) {
                Folded::Same => Folded::Inst(sum),
                folded => folded,
            };
        }
        (Iadd, Some(y)) => {
            // (c + k) + y
            if let Some(&Inst::Binary(Iadd, c, k)) = values.definition(a)
                && let Some(k) = int_of(values, k)
            {
                let sum = k.wrapping_add(y);
                if sum == 0 {
                    return Folded::Val(c);
                }
                let sum = values.constant(Inst::Int(sum));
                return Folded::Inst(Inst::Binary(Iadd, c, sum));
            }
        }
        _ => {}
    }
    match op {
        Isub | Xor if a == b => int(0),
        And | Or if a == b => Folded::Val(a),
        _ => Folded::Same,
    }
}

fn float_binary(values: &mut impl Values, op: Binary, a: Val, b: Val) -> Folded {
    let (x, y) = (float_of(values, a), float_of(values, b));
    if let (Some(x), Some(y)) = (x, y) {
        return float(match op {
            Binary::Fadd => x + y,
            Binary::Fsub => x - y,
            Binary::Fmul => x * y,
            _ => x / y,
        });
    }
    match (op, y) {
        (Binary::Fmul | Binary::Fdiv, Some(1.0)) => Folded::Val(a),
        // Exact for every x, and an addition takes half as long as a multiplication.
        (Binary::Fmul, Some(2.0)) => Folded::Inst(Inst::Binary(Binary::Fadd, a, a)),
        // x - 0.0 and x + -0.0 are x for every x, -0.0 included; the other signs are not.
        (Binary::Fsub, Some(y)) if y.to_bits() == 0 => Folded::Val(a),
        (Binary::Fadd, Some(y)) if y.to_bits() == (-0.0f64).to_bits() => Folded::Val(a),
        (Binary::Fdiv, Some(y)) => match exact_reciprocal(y) {
            Some(reciprocal) => {
                let reciprocal = values.constant(Inst::Float(reciprocal.to_bits()));
                Folded::Inst(Inst::Binary(Binary::Fmul, a, reciprocal))
            }
            None => Folded::Same,
        },
        _ => Folded::Same,
    }
}

/// The reciprocal of a power of two, if it is a normal number: multiplying by it rounds as dividing does.
fn exact_reciprocal(y: f64) -> Option<f64> {
    const MANTISSA: u64 = (1 << 52) - 1;
    let reciprocal = 1.0 / y;
    (y.is_normal() && y.to_bits() & MANTISSA == 0 && reciprocal.is_normal()).then_some(reciprocal)
}

fn bool_binary(values: &impl Values, op: Binary, a: Val, b: Val) -> Folded {
    let is_and = op == Binary::BoolAnd;
    match (bool_of(values, a), bool_of(values, b)) {
        (Some(known), _) => Folded::Val(if known == is_and { b } else { a }),
        (_, Some(known)) => Folded::Val(if known == is_and { a } else { b }),
        _ if a == b => Folded::Val(a),
        _ => Folded::Same,
    }
}

fn int_compare(values: &impl Values, op: Compare, a: Val, b: Val) -> Folded {
    if let (Some(a), Some(b)) = (int_of(values, a), int_of(values, b)) {
        return truth(op.holds(a, b));
    }
    // Strings of one character are one if their characters are.
    if let (Some(&Inst::Unary(Unary::CharOf, a)), Some(&Inst::Unary(Unary::CharOf, b))) =
        (values.definition(a), values.definition(b))
        && matches!(op, Compare::Eq | Compare::Ne)
    {
        return Folded::Inst(Inst::Icmp(op, a, b));
    }
    if a == b {
        return truth(matches!(op, Compare::Eq | Compare::Le | Compare::Ge | Compare::BelowEq));
    }
    Folded::Same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;

    struct Table(Vec<Inst>);

    impl Values for Table {
        fn definition(&self, val: Val) -> Option<&Inst> {
            self.0.get(val.0 as usize).filter(|inst| !matches!(inst, Inst::Load { .. }))
        }

        fn constant(&mut self, inst: Inst) -> Val {
            self.0.push(inst);
            Val(self.0.len() as u32 - 1)
        }
    }

    const OPAQUE: Inst = Inst::Load { mem: Mem::Frame, base: Val(0), offset: 0, repr: Repr::I64, width: Width::Full };

    fn with_constant(constant: Inst, make: impl Fn(Val, Val) -> Inst) -> (Table, Folded) {
        let mut table = Table(vec![OPAQUE, constant]);
        let folded = fold(&mut table, &make(Val(0), Val(1)));
        (table, folded)
    }

    fn on_float(op: Binary, y: f64) -> Folded {
        with_constant(Inst::Float(y.to_bits()), |x, y| Inst::Binary(op, x, y)).1
    }

    #[test]
    fn neutral_floats_respect_negative_zero() {
        assert_eq!(on_float(Binary::Fmul, 1.0), Folded::Val(Val(0)));
        assert_eq!(on_float(Binary::Fsub, 0.0), Folded::Val(Val(0)));
        assert_eq!(on_float(Binary::Fadd, -0.0), Folded::Val(Val(0)));
        assert_eq!(on_float(Binary::Fadd, 0.0), Folded::Same);
        assert_eq!(on_float(Binary::Fsub, -0.0), Folded::Same);
        assert_eq!(on_float(Binary::Fmul, 0.0), Folded::Same);
    }

    #[test]
    fn only_doubling_becomes_addition() {
        assert_eq!(on_float(Binary::Fmul, 2.0), Folded::Inst(Inst::Binary(Binary::Fadd, Val(0), Val(0))));
        for y in [-2.0, 4.0, 0.5, f64::NAN] {
            assert_eq!(on_float(Binary::Fmul, y), Folded::Same, "{y}");
        }
    }

    #[test]
    fn division_becomes_multiplication_only_where_that_is_exact() {
        let (table, folded) = with_constant(Inst::Float(8f64.to_bits()), |x, y| Inst::Binary(Binary::Fdiv, x, y));
        assert_eq!(folded, Folded::Inst(Inst::Binary(Binary::Fmul, Val(0), Val(2))));
        assert_eq!(table.0[2], Inst::Float(0.125f64.to_bits()));
        for y in [3.0, 0.1, 0.0, f64::INFINITY, f64::NAN, f64::MIN_POSITIVE / 4.0, f64::MAX] {
            assert_eq!(on_float(Binary::Fdiv, y), Folded::Same, "{y}");
        }
    }

    #[test]
    fn a_nan_is_not_folded() {
        let mut table = Table(vec![Inst::Float(0), Inst::Float(0)]);
        assert_eq!(fold(&mut table, &Inst::Binary(Binary::Fdiv, Val(0), Val(1))), Folded::Same);
        assert_eq!(fold(&mut table, &Inst::Binary(Binary::Fadd, Val(0), Val(1))), Folded::Inst(Inst::Float(0)));
    }

    #[test]
    fn floats_out_of_range_become_the_nearest_int() {
        let int = |x: f64| fold(&mut Table(vec![Inst::Float(x.to_bits())]), &Inst::Unary(Unary::FloatToInt, Val(0)));
        for (x, value) in [(-2.9, -2), (1e300, i64::MAX), (f64::NEG_INFINITY, i64::MIN), (f64::NAN, 0)] {
            assert_eq!(int(x), Folded::Inst(Inst::Int(value)), "{x}");
        }
    }

    #[test]
    fn ints_wrap_and_division_that_traps_stays() {
        let int = |op, a, b| fold(&mut Table(vec![Inst::Int(a), Inst::Int(b)]), &Inst::Binary(op, Val(0), Val(1)));
        assert_eq!(int(Binary::Iadd, i64::MAX, 1), Folded::Inst(Inst::Int(i64::MIN)));
        assert_eq!(int(Binary::Shl, 1, 65), Folded::Inst(Inst::Int(2)));
        assert_eq!(int(Binary::Irem, -7, 3), Folded::Inst(Inst::Int(-1)));
        assert_eq!(int(Binary::Idiv, 1, 0), Folded::Same);
        assert_eq!(int(Binary::Idiv, i64::MIN, -1), Folded::Same);
    }

    #[test]
    fn sums_with_constants_are_joined() {
        let mut table = Table(vec![OPAQUE, Inst::Int(5), Inst::Binary(Binary::Iadd, Val(0), Val(1)), Inst::Int(5)]);
        assert_eq!(fold(&mut table, &Inst::Binary(Binary::Isub, Val(2), Val(3))), Folded::Val(Val(0)));
        let (table, folded) = with_constant(Inst::Int(3), |x, y| Inst::Binary(Binary::Iadd, y, x));
        assert_eq!((table.0.len(), folded), (2, Folded::Inst(Inst::Binary(Binary::Iadd, Val(0), Val(1)))));
    }

    #[test]
    fn a_comparison_of_a_value_with_itself_is_known() {
        let mut table = Table(vec![OPAQUE]);
        assert_eq!(fold(&mut table, &Inst::Icmp(Compare::BelowEq, Val(0), Val(0))), truth(true));
        assert_eq!(fold(&mut table, &Inst::Icmp(Compare::Below, Val(0), Val(0))), truth(false));
        // Not so for floats: NaN differs from itself.
        assert_eq!(fold(&mut table, &Inst::Fcmp(Compare::Eq, Val(0), Val(0))), Folded::Same);
    }
}
