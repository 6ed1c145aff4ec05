//! Reading numbers from text, for `core.int`, `core.float`, `to_int` and `to_float`.
//!
//! White space around the number is ignored, as in Python. An int is an optional sign and decimal digits; a float has a
//! fraction and an exponent besides, or is `inf` or `NaN` in any case of letters, so that what `core.str` writes can be
//! read back.

/// The int that the text spells; `None` also if it is out of range.
pub fn parse_int(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// The float that the text spells.
pub fn parse_float(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A float toward zero as an int; `None` for NaN, infinities and what is out of range.
pub fn float_to_int(value: f64) -> Option<i64> {
    // Both limits are floats. The lower one is an int, the upper one is the first that is none.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints_are_decimal_with_a_sign_and_space_around() {
        for (text, value) in [("0", 0), (" -12\n", -12), ("+7", 7), ("-9223372036854775808", i64::MIN), ("007", 7)] {
            assert_eq!(parse_int(text), Some(value), "{text:?}");
        }
        for text in ["", "-", "1.0", "1_000", "0x10", "1 2", "9223372036854775808", "١"] {
            assert_eq!(parse_int(text), None, "{text:?}");
        }
    }

    #[test]
    fn floats_read_back_what_is_written() {
        for value in [0.1, -2.5, 1e21, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY] {
            let mut text = String::new();
            crate::bytecode::numeric::write_float(&mut text, value);
            assert_eq!(parse_float(&text), Some(value));
        }
        assert!(parse_float("NaN").is_some_and(f64::is_nan));
        assert_eq!(parse_float(" 1e3 "), Some(1000.0));
        for text in ["", "e", "1e", "0x10", "1,5", "--1"] {
            assert_eq!(parse_float(text), None, "{text:?}");
        }
    }

    #[test]
    fn floats_out_of_range_are_no_ints() {
        assert_eq!(float_to_int(-2.9), Some(-2));
        assert_eq!(float_to_int(-9_223_372_036_854_775_808.0), Some(i64::MIN));
        assert_eq!(float_to_int(9_223_372_036_854_775_808.0), None);
        assert_eq!(float_to_int(f64::NAN), None);
        assert_eq!(float_to_int(f64::NEG_INFINITY), None);
    }
}
