//! Division of ints by constants without dividing: Granlund and Montgomery, *Division by Invariant Integers using
//! Multiplication*, in the form of Warren's *Hacker's Delight*, 10-1.
//!
//! Quotients are truncated, as the IR's are. The sum of the divisor's reciprocal and the dividend's sign comes out
//! exact for all 64-bit dividends; the tests compare with division over the edges of the range.

use crate::jit::ir::{Binary, Inst, Unary, Val};

/// Appends the computation of `a / divisor`; `None` if there is nothing better than dividing.
pub fn quotient(a: Val, divisor: i64, push: &mut impl FnMut(Inst) -> Val) -> Option<Val> {
    if divisor.unsigned_abs() < 2 || divisor == i64::MIN {
        return None;
    }
    let shifted = |push: &mut dyn FnMut(Inst) -> Val, op, a, count| {
        let count = push(Inst::Int(count));
        push(Inst::Binary(op, a, count))
    };
    let size = divisor.unsigned_abs();
    let quotient = if size.is_power_of_two() {
        // Rounds towards 0: a negative dividend is first raised by one less than the divisor.
        let exponent = i64::from(size.trailing_zeros());
        let sign = if exponent == 1 { a } else { shifted(push, Binary::Shr, a, 63) };
        let bias = shifted(push, Binary::ShrUnsigned, sign, 64 - exponent);
        let raised = push(Inst::Binary(Binary::Iadd, a, bias));
        shifted(push, Binary::Shr, raised, exponent)
    } else {
        let (multiplier, shift) = magic(size);
        let factor = push(Inst::Int(multiplier));
        let mut high = push(Inst::Binary(Binary::MulHigh, a, factor));
        if multiplier < 0 {
            high = push(Inst::Binary(Binary::Iadd, high, a));
        }
        if shift > 0 {
            high = shifted(push, Binary::Shr, high, shift.into());
        }
        let sign = shifted(push, Binary::ShrUnsigned, a, 63);
        push(Inst::Binary(Binary::Iadd, high, sign))
    };
    Some(if divisor < 0 { push(Inst::Unary(Unary::Ineg, quotient)) } else { quotient })
}

/// Multiplier (modulo 2^64) and shift for a divisor of at least 3 that is no power of two.
fn magic(divisor: u64) -> (i64, u32) {
    let divisor = u128::from(divisor);
    // The largest dividend whose remainder is one less than the divisor.
    let limit = (1u128 << 63) - 1 - (1u128 << 63) % divisor;
    let mut exponent = 64;
    loop {
        let power = 1u128 << exponent;
        let missing = divisor - power % divisor;
        if power > limit * missing {
            return (((power + missing) / divisor) as u64 as i64, exponent - 64);
        }
        exponent += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quotient as the instructions compute it.
    fn compute(a: i64, divisor: i64) -> Option<i64> {
        let mut values = vec![a];
        let result = quotient(Val(0), divisor, &mut |inst| {
            let of = |val: Val| values[val.0 as usize];
            let value = match inst {
                Inst::Int(value) => value,
                Inst::Unary(Unary::Ineg, a) => of(a).wrapping_neg(),
                Inst::Binary(op, a, b) => match (op, of(a), of(b)) {
                    (Binary::Iadd, a, b) => a.wrapping_add(b),
                    (Binary::Shr, a, b) => a >> b,
                    (Binary::ShrUnsigned, a, b) => ((a as u64) >> b) as i64,
                    (Binary::MulHigh, a, b) => ((i128::from(a) * i128::from(b)) >> 64) as i64,
                    _ => unreachable!("{op:?}"),
                },
                _ => unreachable!("{inst}"),
            };
            values.push(value);
            Val(values.len() as u32 - 1)
        });
        result.map(|val| values[val.0 as usize])
    }

    #[test]
    fn quotients_are_those_of_division() {
        let near = |center: i64| (-3..=3).map(move |by| center.wrapping_add(by));
        let powers = (0..63).map(|exponent| 1i64 << exponent);
        let edges: Vec<i64> = powers.chain([0, i64::MAX, 1_000_000_007, 641, 6_700_417]).flat_map(near).collect();
        for &divisor in &edges {
            for divisor in [divisor, divisor.wrapping_neg()] {
                for &a in &edges {
                    for a in [a, a.wrapping_neg(), a.wrapping_mul(divisor), a.wrapping_mul(divisor).wrapping_sub(1)] {
                        if let Some(quotient) = compute(a, divisor) {
                            assert_eq!(quotient, a / divisor, "{a} / {divisor}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn divisors_without_a_reciprocal_are_left_alone() {
        for divisor in [0, 1, -1, i64::MIN] {
            assert_eq!(compute(7, divisor), None);
        }
        assert!(compute(7, i64::MAX).is_some() && compute(7, -2).is_some());
    }
}
