//! What arithmetic on numbers means, once, for the constant folder, the interpreter and the helpers of native code.

use std::cmp::Ordering;

/// `a / b` on ints: truncates, wraps for `i64::MIN / -1`; `None` for division by zero.
#[inline]
pub fn int_div(a: i64, b: i64) -> Option<i64> {
    (b != 0).then(|| a.wrapping_div(b))
}

/// `a % b` on ints: sign of the dividend; `None` for division by zero.
#[inline]
pub fn int_rem(a: i64, b: i64) -> Option<i64> {
    (b != 0).then(|| a.wrapping_rem(b))
}

/// `a ** b` on ints for `b >= 0`, wrapping; `None` for a negative exponent, whose result is a float.
#[inline]
pub fn int_pow(a: i64, b: i64) -> Option<i64> {
    let mut exponent = u64::try_from(b).ok()?;
    let (mut base, mut result) = (a, 1i64);
    while exponent != 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    Some(result)
}

/// `x ** y` on floats. A square is the product, rounded once, which a general power need not be.
#[inline]
pub fn float_pow(x: f64, y: f64) -> f64 {
    if y == 2.0 { x * x } else { x.powf(y) }
}

/// `a << b`, the count modulo 64; `None` for a negative count.
#[inline]
pub fn shl(a: i64, b: i64) -> Option<i64> {
    (b >= 0).then(|| a.wrapping_shl(b as u32))
}

/// `a >> b`, arithmetic, the count modulo 64; `None` for a negative count.
#[inline]
pub fn shr(a: i64, b: i64) -> Option<i64> {
    (b >= 0).then(|| a.wrapping_shr(b as u32))
}

/// Compares an int with a float by mathematical value, exactly; `None` if the float is NaN.
#[inline]
pub fn compare_int_float(a: i64, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    // 2**63 is a float; every float below it and not below -2**63 truncates to an i64 without loss.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if b >= LIMIT {
        return Some(Ordering::Less);
    }
    if b < -LIMIT {
        return Some(Ordering::Greater);
    }
    let whole = b.trunc();
    Some(a.cmp(&(whole as i64)).then_with(|| 0.0f64.partial_cmp(&(b - whole)).expect("neither is NaN")))
}

/// Whether an int and a float are the same number.
#[inline]
pub fn int_eq_float(a: i64, b: f64) -> bool {
    compare_int_float(a, b) == Some(Ordering::Equal)
}

/// Appends the text of a float: the shortest decimal that reads back the same, without exponent and without `.0`.
pub fn write_float(out: &mut String, value: f64) {
    use std::fmt::Write;
    // std prints exactly this, "NaN", "inf" and "-inf" included; only the sign of zero is ours to keep.
    write!(out, "{value}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_float_order_is_exact_above_2_to_53() {
        assert_eq!(compare_int_float(9_007_199_254_740_993, 9_007_199_254_740_992.0), Some(Ordering::Greater));
        assert_eq!(compare_int_float(i64::MAX, 9_223_372_036_854_775_808.0), Some(Ordering::Less));
        assert_eq!(compare_int_float(i64::MIN, -9_223_372_036_854_775_808.0), Some(Ordering::Equal));
        assert_eq!(compare_int_float(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(compare_int_float(1, 1.5), Some(Ordering::Less));
        assert_eq!(compare_int_float(0, f64::NAN), None);
    }

    #[test]
    fn wrapping_edges() {
        assert_eq!(int_div(i64::MIN, -1), Some(i64::MIN));
        assert_eq!(int_rem(i64::MIN, -1), Some(0));
        assert_eq!(int_div(1, 0), None);
        assert_eq!(int_pow(2, 64), Some(0));
        assert_eq!(int_pow(2, -1), None);
        assert_eq!((float_pow(-1.1, 2.0), float_pow(2.0, -1.0)), (-1.1 * -1.1, 0.5));
        assert_eq!(shl(1, 65), Some(2));
        assert_eq!(shr(-8, 1), Some(-4));
        assert_eq!(shl(1, -1), None);
    }

    #[test]
    fn float_text_has_no_exponent() {
        let text = |value| {
            let mut out = String::new();
            write_float(&mut out, value);
            out
        };
        assert_eq!(text(1e21), "1000000000000000000000");
        assert_eq!(text(2.0), "2");
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(f64::NEG_INFINITY), "-inf");
    }
}
