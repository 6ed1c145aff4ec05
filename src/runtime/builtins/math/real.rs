//! Functions on floats, free of Walrus values, for the library and for native code.
//!
//! A function that is not defined everywhere gives NaN where it is not; whether an argument is in its domain is a
//! function of its own, which says yes to NaN.

use crate::bytecode::numeric;

/// Domain of `sqrt`.
pub fn is_not_negative(x: f64) -> bool {
    !matches!(x.partial_cmp(&0.0), Some(std::cmp::Ordering::Less))
}

/// Domain of the logarithms.
pub fn is_not_below_or_at_zero(x: f64) -> bool {
    x > 0.0 || x.is_nan()
}

/// Domain of `asin` and `acos`.
pub fn is_not_beyond_one(x: f64) -> bool {
    x.abs() <= 1.0 || x.is_nan()
}

macro_rules! functions {
    ($($name:ident($($x:ident),*) = $value:expr;)*) => {$(
        #[doc = concat!("`math.", stringify!($name), "`")]
        #[inline]
        pub fn $name($($x: f64),*) -> f64 {
            $value
        }
    )*};
}

functions! {
    floor(x) = x.floor();
    ceil(x) = x.ceil();
    // Halves go away from zero.
    round(x) = x.round();
    trunc(x) = x.trunc();
    fract(x) = x.fract();
    sqrt(x) = x.sqrt();
    cbrt(x) = x.cbrt();
    pow(x, y) = numeric::float_pow(x, y);
    hypot(x, y) = x.hypot(y);
    sin(x) = x.sin();
    cos(x) = x.cos();
    tan(x) = x.tan();
    asin(x) = x.asin();
    acos(x) = x.acos();
    atan(x) = x.atan();
    atan2(y, x) = y.atan2(x);
    exp(x) = x.exp();
    ln(x) = x.ln();
    log2(x) = x.log2();
    log10(x) = x.log10();
    lerp(a, b, t) = a + (b - a) * t;
    degrees(x) = x.to_degrees();
    radians(x) = x.to_radians();
}

/// `math.log`. The logarithms that have functions of their own are exact for powers of their base.
pub fn log(x: f64, base: f64) -> f64 {
    if base == 2.0 {
        x.log2()
    } else if base == 10.0 {
        x.log10()
    } else {
        x.ln() / base.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_admit_nan_and_their_borders() {
        assert!(is_not_negative(-0.0) && is_not_negative(f64::NAN) && !is_not_negative(-1e-300));
        assert!(is_not_below_or_at_zero(1e-300) && is_not_below_or_at_zero(f64::NAN) && !is_not_below_or_at_zero(-0.0));
        assert!(is_not_beyond_one(-1.0) && is_not_beyond_one(f64::NAN) && !is_not_beyond_one(1.0 + f64::EPSILON));
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!([round(0.5), round(-0.5), round(2.5), round(-2.4)], [1.0, -1.0, 3.0, -2.0]);
    }

    #[test]
    fn logarithms_of_powers_are_exact() {
        assert_eq!(log(8.0, 2.0), 3.0);
        assert_eq!(log(1000.0, 10.0), 3.0);
        assert!((log(81.0, 3.0) - 4.0).abs() < 1e-12);
    }
}
