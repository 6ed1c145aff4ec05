//! Functions on numbers: what `std/math` has, and conversions. Most are instructions; of the others native code calls
//! the function on floats itself. Arguments out of a function's domain are left to the interpreter, which raises the
//! error.

use std::f64::consts;

use super::env::Typed;
use super::{Builder, Built, VM};
use crate::bytecode::Reg;
use crate::bytecode::builtins::BuiltinSpec;
use crate::bytecode::op::window::Call;
use crate::jit::feedback::{TagSet, is_inexact};
use crate::jit::helpers::Helper;
use crate::jit::ir::{Binary, Compare, ExitReason, Inst, MemSet, Repr, Unary, Val};
use crate::runtime::value::Tag;

/// The most arguments of a function on numbers.
const MOST_ARGUMENTS: u16 = 3;
const SIGN: i64 = i64::MIN;
/// The largest float below one half. A float as close to an int as that is rounded to it when this is added.
const BELOW_HALF: f64 = 0.5 - f64::EPSILON / 4.0;
/// The first int that is out of range.
const INT_LIMIT: f64 = 9_223_372_036_854_775_808.0;

impl Builder<'_> {
    /// The result of a function on numbers. `None` if the function is none, or there is no form for these arguments:
    /// then nothing was done.
    pub(super) fn call_on_numbers(&mut self, base: Reg, spec: &BuiltinSpec, argc: u16) -> Built<Option<Typed>> {
        let is_conversion = spec.module == "std/core" && matches!(spec.name, "int" | "float");
        let is_on_numbers = spec.module == "std/math" || is_conversion;
        if !is_on_numbers || argc > MOST_ARGUMENTS || !spec.fits(argc.into()) {
            return Ok(None);
        }
        let feedback = *self.feedback();
        let seen = [feedback.a, feedback.b, TagSet::default()];
        let mut args = Vec::new();
        for (index, seen) in (0..argc).zip(seen) {
            let value = self.operand(base.above(Call::ARGS + index), seen)?;
            if !matches!(value.tag(), Some(Tag::Int | Tag::Float)) {
                return Ok(None);
            }
            args.push(value);
        }
        let number = match args[..] {
            [] => self.number(spec.name),
            [x] => self.function_of_one(spec.name, x),
            [x, y] => self.function_of_two(spec.name, x, y),
            [x, y, z] => self.function_of_three(spec.name, x, y, z),
            _ => None,
        };
        Ok(number)
    }

    fn number(&mut self, name: &str) -> Option<Typed> {
        let number = match name {
            "pi" => consts::PI,
            "e" => consts::E,
            "tau" => consts::TAU,
            "inf" => f64::INFINITY,
            "nan" => f64::NAN,
            "rand_float" => {
                return Some(Typed::Known(Tag::Float, self.call(Helper::RandFloat, vec![VM], MemSet::NONE)));
            }
            "rand_bool" => {
                let truth = self.call(Helper::RandBool, vec![VM], MemSet::NONE);
                return Some(Typed::Known(Tag::Bool, self.push(Inst::Unary(Unary::BitsToBool, truth), Repr::Bool)));
            }
            _ => return None,
        };
        Some(Typed::Known(Tag::Float, self.float(number)))
    }

    fn function_of_one(&mut self, name: &str, value: Typed) -> Option<Typed> {
        match (name, value) {
            ("int", Typed::Known(Tag::Int, _)) => return Some(value),
            ("abs", Typed::Known(Tag::Int, int)) => {
                let zero = self.int(0);
                let is_negative = self.push(Inst::Icmp(Compare::Lt, int, zero), Repr::Bool);
                let negated = self.push(Inst::Unary(Unary::Ineg, int), Repr::I64);
                return Some(Typed::Known(Tag::Int, self.push(Inst::Select(is_negative, negated, int), Repr::I64)));
            }
            ("sign", _) => return self.sign(value),
            ("is_nan" | "is_inf", Typed::Known(Tag::Int, _)) => {
                return Some(Typed::Known(Tag::Bool, self.truth(false)));
            }
            ("is_finite", Typed::Known(Tag::Int, _)) => return Some(Typed::Known(Tag::Bool, self.truth(true))),
            _ => {}
        }
        let x = self.known_as_float(value)?;
        let truth = match name {
            "is_nan" => Some(self.is_nan(x)),
            "is_inf" => Some(self.compare_size(Compare::Eq, x, f64::INFINITY)),
            "is_finite" => Some(self.compare_size(Compare::Lt, x, f64::INFINITY)),
            "int" => {
                let fits = self.compare_size(Compare::Lt, x, INT_LIMIT);
                self.guard_domain(fits, true);
                return Some(Typed::Known(Tag::Int, self.push(Inst::Unary(Unary::FloatToInt, x), Repr::I64)));
            }
            _ => None,
        };
        if let Some(truth) = truth {
            return Some(Typed::Known(Tag::Bool, truth));
        }
        let result = match name {
            "float" => x,
            "abs" => self.push(Inst::Unary(Unary::Fabs, x), Repr::F64),
            "floor" => self.push(Inst::Unary(Unary::Floor, x), Repr::F64),
            "ceil" => self.push(Inst::Unary(Unary::Ceil, x), Repr::F64),
            "trunc" => self.push(Inst::Unary(Unary::Trunc, x), Repr::F64),
            "round" => self.round(x),
            "fract" => {
                let whole = self.push(Inst::Unary(Unary::Trunc, x), Repr::F64);
                self.float_binary(Binary::Fsub, x, whole)
            }
            "sqrt" => {
                self.guard_not(Compare::Lt, x, 0.0);
                self.push(Inst::Unary(Unary::Sqrt, x), Repr::F64)
            }
            name => {
                let (helper, domain) = function_of_float(name)?;
                match domain {
                    Domain::All => {}
                    Domain::Positive => self.guard_not(Compare::Le, x, 0.0),
                    Domain::UpToOne => {
                        let is_beyond = self.compare_size(Compare::Gt, x, 1.0);
                        self.guard_domain(is_beyond, false);
                    }
                }
                self.call_pure(helper, vec![x])
            }
        };
        Some(Typed::Known(Tag::Float, result))
    }

    fn function_of_two(&mut self, name: &str, a: Typed, b: Typed) -> Option<Typed> {
        match name {
            "min" => return self.choose(a, b, Compare::Lt),
            "max" => return self.choose(a, b, Compare::Gt),
            "rand_int" => {
                let (low, high) = (a.as_tag(Tag::Int)?, b.as_tag(Tag::Int)?);
                let fits = self.push(Inst::Icmp(Compare::Le, low, high), Repr::Bool);
                self.guard_domain(fits, true);
                let int = self.call(Helper::RandInt, vec![VM, low, high], MemSet::NONE);
                return Some(Typed::Known(Tag::Int, int));
            }
            "rand_range" => {
                let (low, high) = (self.known_as_float(a)?, self.known_as_float(b)?);
                let fits = self.push(Inst::Fcmp(Compare::Lt, low, high), Repr::Bool);
                self.guard_domain(fits, true);
                for limit in [low, high] {
                    let is_finite = self.compare_size(Compare::Lt, limit, f64::INFINITY);
                    self.guard_domain(is_finite, true);
                }
                let float = self.call(Helper::RandRange, vec![VM, low, high], MemSet::NONE);
                return Some(Typed::Known(Tag::Float, float));
            }
            _ => {}
        }
        let (x, y) = (self.known_as_float(a)?, self.known_as_float(b)?);
        let result = match name {
            "pow" => self.float_power(x, y),
            "hypot" => self.call_pure(Helper::Hypot, vec![x, y]),
            "atan2" => self.call_pure(Helper::Atan2, vec![x, y]),
            _ => return None,
        };
        Some(Typed::Known(Tag::Float, result))
    }

    fn function_of_three(&mut self, name: &str, a: Typed, b: Typed, c: Typed) -> Option<Typed> {
        match name {
            "clamp" if a.tag() == b.tag() && b.tag() == c.tag() => {
                let is_range = self.comparison(Compare::Le, b, c)?;
                self.guard_domain(is_range, true);
                let raised = self.choose(a, b, Compare::Gt)?;
                self.choose(raised, c, Compare::Lt)
            }
            "lerp" => {
                let (a, b, t) = (self.known_as_float(a)?, self.known_as_float(b)?, self.known_as_float(c)?);
                let distance = self.float_binary(Binary::Fsub, b, a);
                let part = self.float_binary(Binary::Fmul, distance, t);
                Some(Typed::Known(Tag::Float, self.float_binary(Binary::Fadd, a, part)))
            }
            _ => None,
        }
    }

    /// Whether two numbers can be compared without a look at how large an int is.
    fn are_chosen_from(&self, a: Typed, b: Typed) -> bool {
        let is_exact = |int: Val| self.const_int(int).is_some_and(|int| !is_inexact(int));
        match (a, b) {
            (Typed::Known(Tag::Int, int), Typed::Known(Tag::Float, _))
            | (Typed::Known(Tag::Float, _), Typed::Known(Tag::Int, int)) => is_exact(int),
            _ => a.tag().is_some() && a.tag() == b.tag(),
        }
    }

    /// The second of two numbers if it compares so with the first, else that; NaN if one is.
    fn choose(&mut self, first: Typed, second: Typed, wanted: Compare) -> Option<Typed> {
        if !self.are_chosen_from(first, second) {
            return None;
        }
        let takes_second = self.comparison(wanted, second, first)?;
        if let (Typed::Known(tag, a), Typed::Known(other, b)) = (first, second)
            && tag == other
        {
            let chosen = self.push(Inst::Select(takes_second, b, a), self.region.repr(a));
            if tag == Tag::Int {
                return Some(Typed::Known(Tag::Int, chosen));
            }
            let (a_is_nan, b_is_nan) = (self.is_nan(a), self.is_nan(b));
            let is_nan = self.push(Inst::Binary(Binary::BoolOr, a_is_nan, b_is_nan), Repr::Bool);
            let nan = self.float(f64::NAN);
            return Some(Typed::Known(Tag::Float, self.push(Inst::Select(is_nan, nan, chosen), Repr::F64)));
        }
        let float = first.as_tag(Tag::Float).or(second.as_tag(Tag::Float))?;
        let is_nan = self.is_nan(float);
        let (nan_tag, nan) = (self.int(Tag::Float as i64), self.int(f64::NAN.to_bits().cast_signed()));
        let ((tag_a, bits_a), (tag_b, bits_b)) = (self.parts(first), self.parts(second));
        let mut select = |a, b, nan| {
            let chosen = self.push(Inst::Select(takes_second, b, a), Repr::I64);
            self.push(Inst::Select(is_nan, nan, chosen), Repr::I64)
        };
        Some(Typed::Any { tag: select(tag_a, tag_b, nan_tag), payload: select(bits_a, bits_b, nan) })
    }

    fn is_nan(&mut self, float: Val) -> Val {
        match self.constants[float.0 as usize] {
            Some(Inst::Float(bits)) => self.truth(f64::from_bits(bits).is_nan()),
            _ => self.push(Inst::Fcmp(Compare::Ne, float, float), Repr::Bool),
        }
    }

    /// -1, 0 or 1; 0 for NaN.
    fn sign(&mut self, value: Typed) -> Option<Typed> {
        let zero = Typed::Known(Tag::Int, self.int(0));
        let (above, below) = (self.comparison(Compare::Gt, value, zero)?, self.comparison(Compare::Lt, value, zero)?);
        let above = self.push(Inst::Unary(Unary::BoolToBits, above), Repr::I64);
        let below = self.push(Inst::Unary(Unary::BoolToBits, below), Repr::I64);
        Some(Typed::Known(Tag::Int, self.int_binary(Binary::Isub, above, below)))
    }

    /// The nearest whole number, halves away from zero: see [`BELOW_HALF`].
    fn round(&mut self, x: Val) -> Val {
        let bits = self.push(Inst::Unary(Unary::FloatToBits, x), Repr::I64);
        let (sign, below_half) = (self.int(SIGN), self.int(BELOW_HALF.to_bits().cast_signed()));
        let sign = self.push(Inst::Binary(Binary::And, bits, sign), Repr::I64);
        let half = self.push(Inst::Binary(Binary::Or, sign, below_half), Repr::I64);
        let half = self.push(Inst::Unary(Unary::BitsToFloat, half), Repr::F64);
        let moved = self.float_binary(Binary::Fadd, x, half);
        self.push(Inst::Unary(Unary::Trunc, moved), Repr::F64)
    }

    /// Compares a float without its sign.
    fn compare_size(&mut self, op: Compare, x: Val, with: f64) -> Val {
        let (size, with) = (self.push(Inst::Unary(Unary::Fabs, x), Repr::F64), self.float(with));
        self.push(Inst::Fcmp(op, size, with), Repr::Bool)
    }

    /// Leaves where a comparison holds: NaN is in every domain.
    fn guard_not(&mut self, op: Compare, x: Val, with: f64) {
        let with = self.float(with);
        let fails = self.push(Inst::Fcmp(op, x, with), Repr::Bool);
        self.guard_domain(fails, false);
    }

    fn guard_domain(&mut self, condition: Val, expect: bool) {
        let exit = self.exit(ExitReason::Domain);
        self.guard(condition, expect, exit);
    }
}

/// Where a function is defined.
enum Domain {
    All,
    Positive,
    UpToOne,
}

/// What computes a function of one float that is no instruction.
fn function_of_float(name: &str) -> Option<(Helper, Domain)> {
    Some(match name {
        "sin" => (Helper::Sin, Domain::All),
        "cos" => (Helper::Cos, Domain::All),
        "tan" => (Helper::Tan, Domain::All),
        "asin" => (Helper::Asin, Domain::UpToOne),
        "acos" => (Helper::Acos, Domain::UpToOne),
        "atan" => (Helper::Atan, Domain::All),
        "exp" => (Helper::Exp, Domain::All),
        "ln" => (Helper::Ln, Domain::Positive),
        "log2" => (Helper::Log2, Domain::Positive),
        "log10" => (Helper::Log10, Domain::Positive),
        "cbrt" => (Helper::Cbrt, Domain::All),
        "degrees" => (Helper::Degrees, Domain::All),
        "radians" => (Helper::Radians, Domain::All),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_adding_and_cutting() {
        let rounded = |x: f64| (x + BELOW_HALF.copysign(x)).trunc();
        let near = |x: f64| [x, x.next_up(), x.next_down(), x + 1.0, x - 1.0];
        let powers = (-5..70).flat_map(|power| near(2f64.powi(power)));
        let halves = (0..64).flat_map(|power| near(2f64.powi(power.min(52)) + 0.5));
        let others = [0.0, 0.25, 0.49999999999999994, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY];
        for x in powers.chain(halves).chain(others.into_iter().flat_map(near)) {
            for x in [x, -x] {
                assert_eq!(rounded(x).to_bits(), x.round().to_bits(), "{x}");
            }
        }
        assert!(rounded(f64::NAN).is_nan());
    }
}
