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

/// Functions of one number that are defined everywhere: a line here and a row of the table of built-ins are a function
/// of the library.
macro_rules! for_each_total {
    ($then:ident) => {
        $then! {
            floor(x) = x.floor();
            ceil(x) = x.ceil();
            // Halves go away from zero.
            round(x) = x.round();
            trunc(x) = x.trunc();
            fract(x) = x.fract();
            cbrt(x) = x.cbrt();
            sin(x) = x.sin();
            cos(x) = x.cos();
            tan(x) = x.tan();
            atan(x) = x.atan();
            exp(x) = x.exp();
            degrees(x) = x.to_degrees();
            radians(x) = x.to_radians();
        }
    };
}

/// Likewise, for functions that are defined where the condition holds.
macro_rules! for_each_partial {
    ($then:ident) => {
        $then! {
            sqrt(x) where is_not_negative = x.sqrt();
            ln(x) where is_not_below_or_at_zero = x.ln();
            log2(x) where is_not_below_or_at_zero = x.log2();
            log10(x) where is_not_below_or_at_zero = x.log10();
            asin(x) where is_not_beyond_one = x.asin();
            acos(x) where is_not_beyond_one = x.acos();
        }
    };
}

/// Likewise, for functions of two numbers.
macro_rules! for_each_of_two {
    ($then:ident) => {
        $then! {
            pow(x, y) = numeric::float_pow(x, y);
            hypot(x, y) = x.hypot(y);
            atan2(y, x) = y.atan2(x);
        }
    };
}

pub(super) use {for_each_of_two, for_each_partial, for_each_total};

macro_rules! functions {
    ($($name:ident($($x:ident),*) $(where $condition:ident)? = $value:expr;)*) => {$(
        #[doc = concat!("`math.", stringify!($name), "`")]
        #[inline]
        pub fn $name($($x: f64),*) -> f64 {
            $value
        }
    )*};
}

for_each_total!(functions);
for_each_partial!(functions);
for_each_of_two!(functions);

/// `math.lerp`
#[inline]
pub fn lerp(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
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
