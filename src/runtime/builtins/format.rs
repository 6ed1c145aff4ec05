//! `core.format`, which is also what a format in a hole of an f-string does.

use std::borrow::Cow;
use std::fmt::Write;

use super::value::{arg, str_arg};
use crate::bytecode::format_spec::{self, Align, FormatSpec, Kind, Sign};
use crate::bytecode::numeric;
use crate::runtime::error::{Error, Result};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// No float has more digits than this that are not zero.
const EXACT_DIGITS: usize = 1100;
/// Most numbers have no more characters than this in front of the point, and the point.
const USUAL_DIGITS: usize = 16;

pub fn format(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (value, spec) = (arg(args, 0), str_arg(args, 1)?);
    let text = spec.as_str();
    let Some(spec) = format_spec::parse(text) else {
        return Err(Error::message(format!("Invalid format '{text}'")));
    };
    // Before anything so long is made.
    vm.heap.check_room(
        spec.width.max(spec.precision.filter(|_| matches!(value.tag(), Tag::Int | Tag::Float)).unwrap_or(0)),
    )?;
    let unknown = || Error::message(spec.refusal(text, value.tag().type_name()));
    let formatted = match (value.tag(), spec.kind) {
        (Tag::Int, Kind::Own) if spec.precision.is_none() => int(value.int_bits(), 10, false, &spec),
        (Tag::Int, Kind::Int { radix, upper }) => int(value.int_bits(), radix, upper, &spec),
        (Tag::Int, Kind::Char) => character(value.int_bits(), &spec)?,
        (Tag::Int, Kind::Exponent { .. } | Kind::Fixed | Kind::General { .. } | Kind::Percent) => {
            float(value.int_bits() as f64, &spec)
        }
        (Tag::Float, Kind::Own | Kind::Exponent { .. } | Kind::Fixed | Kind::General { .. } | Kind::Percent) => {
            float(value.float_bits(), &spec)
        }
        (Tag::Str, Kind::Text | Kind::Own) if spec.fits_text() => {
            string(value.as_str().as_ref().map_or("", |text| text.as_str()), &spec)
        }
        (Tag::Int | Tag::Float | Tag::Str, _) => return Err(unknown()),
        (_, Kind::Own) if spec.fits_text() => string(&vm.text(value)?, &spec),
        _ => return Err(unknown()),
    };
    vm.joined_string(&formatted)
}

fn string(text: &str, spec: &FormatSpec) -> String {
    let end = spec.precision.and_then(|most| text.char_indices().nth(most)).map_or(text.len(), |(end, _)| end);
    padded(&text[..end], spec, Align::Left)
}

fn character(number: i64, spec: &FormatSpec) -> Result<String> {
    let char = u32::try_from(number).ok().and_then(char::from_u32);
    let char = char.ok_or_else(|| Error::message(format!("Invalid character number {number}")))?;
    Ok(padded(char.encode_utf8(&mut [0; 4]), spec, Align::Right))
}

/// A text that has no sign, filled up to the width.
fn padded(text: &str, spec: &FormatSpec, natural: Align) -> String {
    Number { sign: "", prefix: "", digits: "", rest: text }.written(spec, natural)
}

fn int(value: i64, radix: u32, upper: bool, spec: &FormatSpec) -> String {
    let magnitude = value.unsigned_abs();
    let (prefix, digits) = match (radix, upper) {
        (2, _) => ("0b", format!("{magnitude:b}")),
        (8, _) => ("0o", format!("{magnitude:o}")),
        (16, false) => ("0x", format!("{magnitude:x}")),
        (16, true) => ("0X", format!("{magnitude:X}")),
        _ => ("", itoa::Buffer::new().format(magnitude).to_owned()),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    Number { sign: sign(value < 0, spec), prefix, digits: &digits, rest: "" }.written(spec, Align::Right)
}

fn float(value: f64, spec: &FormatSpec) -> String {
    let magnitude = value.abs();
    let mut text = match (spec.kind, spec.precision) {
        _ if !value.is_finite() => own_text(magnitude),
        (Kind::Own, None) => own_text(magnitude),
        (Kind::Own, Some(precision)) => general(magnitude, precision, spec.alternate),
        (Kind::General { .. }, precision) => general(magnitude, precision.unwrap_or(6), spec.alternate),
        (Kind::Exponent { .. }, precision) => exponent(magnitude, precision.unwrap_or(6), spec.alternate),
        (Kind::Percent, precision) => fixed(magnitude * 100.0, precision.unwrap_or(6), spec.alternate),
        (_, precision) => fixed(magnitude, precision.unwrap_or(6), spec.alternate),
    };
    if let Kind::Exponent { upper: true } | Kind::General { upper: true } = spec.kind
        && value.is_finite()
    {
        text.make_ascii_uppercase();
    }
    if spec.kind == Kind::Percent {
        text.push('%');
    }
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(whole);
    let is_negative = value.is_sign_negative() && !value.is_nan();
    Number { sign: sign(is_negative, spec), prefix: "", digits, rest }.written(spec, Align::Right)
}

fn own_text(value: f64) -> String {
    let mut out = String::new();
    numeric::write_float(&mut out, value);
    out
}

/// So many digits behind the point.
fn fixed(value: f64, precision: usize, point: bool) -> String {
    let exact = precision.min(EXACT_DIGITS);
    let mut text = String::with_capacity(USUAL_DIGITS + precision);
    write!(text, "{value:.exact$}").expect("writing to a string does not fail");
    text.extend(std::iter::repeat_n('0', precision - exact));
    if point && precision == 0 {
        text.push('.');
    }
    text
}

/// The digits with so many behind the point, and the exponent.
fn scientific(value: f64, precision: usize) -> (String, i32) {
    let exact = precision.min(EXACT_DIGITS);
    let text = format!("{value:.exact$e}");
    let (digits, exponent) = text.split_once('e').expect("this form has an exponent");
    let mut digits = digits.to_string();
    digits.extend(std::iter::repeat_n('0', precision - exact));
    (digits, exponent.parse().expect("it is a number"))
}

fn with_exponent(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn exponent(value: f64, precision: usize, point: bool) -> String {
    let (mut digits, exponent) = scientific(value, precision);
    if point && precision == 0 {
        digits.push('.');
    }
    with_exponent(&digits, exponent)
}

/// So many significant digits, in whichever form is shorter; zeros at the end are kept only in the alternate form.
fn general(value: f64, precision: usize, keep_zeros: bool) -> String {
    let precision = precision.max(1);
    let (mut digits, exponent) = scientific(value, precision - 1);
    let is_plain = exponent >= -4 && i64::from(exponent) < i64::try_from(precision).unwrap_or(i64::MAX);
    if is_plain {
        digits = fixed(value, (precision as i64 - 1 - i64::from(exponent)) as usize, false);
    }
    if keep_zeros && !digits.contains('.') {
        digits.push('.');
    } else if !keep_zeros && digits.contains('.') {
        digits.truncate(digits.trim_end_matches('0').trim_end_matches('.').len());
    }
    if is_plain { digits } else { with_exponent(&digits, exponent) }
}

fn sign(is_negative: bool, spec: &FormatSpec) -> &'static str {
    match spec.sign {
        _ if is_negative => "-",
        Some(Sign::Plus) => "+",
        Some(Sign::Space) => " ",
        Some(Sign::Nothing) | None => "",
    }
}

/// A number in parts.
struct Number<'a> {
    sign: &'a str,
    prefix: &'a str,
    /// The digits in front of the point, which may be grouped.
    digits: &'a str,
    /// All behind them; of a text that is no number, all.
    rest: &'a str,
}

impl Number<'_> {
    /// Groups the digits and fills up to the width.
    fn written(&self, spec: &FormatSpec, natural: Align) -> String {
        let align = match spec.align {
            Some(align) => align,
            None if spec.zeros && natural == Align::Right => Align::AfterSign,
            None => natural,
        };
        let fixed_len = self.sign.len() + self.prefix.len() + self.rest.chars().count();
        let digits = match spec.grouping {
            Some(separator) if !self.digits.is_empty() => {
                let size = if let Kind::Int { radix: 2 | 8 | 16, .. } = spec.kind { 4 } else { 3 };
                let fills_with_zeros = spec.fill == '0' && align == Align::AfterSign;
                let least = if fills_with_zeros { spec.width.saturating_sub(fixed_len) } else { 0 };
                Cow::Owned(grouped(self.digits, separator, size, least))
            }
            _ => Cow::Borrowed(self.digits),
        };
        let missing = spec.width.saturating_sub(fixed_len + digits.len());
        let (before, inside, after) = match align {
            Align::Left => (0, 0, missing),
            Align::Right => (missing, 0, 0),
            Align::Center => (missing / 2, 0, missing - missing / 2),
            Align::AfterSign => (0, missing, 0),
        };
        let fill = |count: usize| std::iter::repeat_n(spec.fill, count);
        let bytes = self.sign.len() + self.prefix.len() + digits.len() + self.rest.len();
        let mut out = String::with_capacity(bytes + missing * spec.fill.len_utf8());
        out.extend(fill(before));
        out.push_str(self.sign);
        out.push_str(self.prefix);
        out.extend(fill(inside));
        out.push_str(&digits);
        out.push_str(self.rest);
        out.extend(fill(after));
        out
    }
}

/// Digits in groups, with zeros in front up to `least` characters, separators among them; never a separator first.
fn grouped(digits: &str, separator: char, size: usize, least: usize) -> String {
    let mut reversed = String::with_capacity(digits.len().max(least) * 2);
    let mut rest = digits.bytes().rev().map(char::from).peekable();
    let mut in_group = 0;
    while rest.peek().is_some() || reversed.len() < least {
        if in_group == size {
            reversed.push(separator);
            in_group = 0;
        }
        reversed.push(rest.next().unwrap_or('0'));
        in_group += 1;
    }
    reversed.chars().rev().collect()
}
