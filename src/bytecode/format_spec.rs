//! The formats of f-strings and of `core.format`: `[[fill]align][sign][#][0][width][,|_][.precision][type]`, as in
//! Python's format specification.
//!
//! walrusc refuses a format that no value accepts; what a format makes of a value is the runtime's.

use std::iter::Peekable;
use std::str::Chars;

use super::types::Tags;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    Left,
    Right,
    Center,
    /// Between the sign and the digits of a number.
    AfterSign,
}

/// What stands before a number that is not negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    Nothing,
    Plus,
    Space,
}

/// What kind of text is made of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The value's own text.
    Own,
    /// `d`, `b`, `o`, `x` and `X`.
    Int { radix: u32, upper: bool },
    /// `c`.
    Char,
    /// `e` and `E`.
    Exponent { upper: bool },
    /// `f` and `F`.
    Fixed,
    /// `g` and `G`.
    General { upper: bool },
    /// `%`.
    Percent,
    /// `s`.
    Text,
}

/// A format, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormatSpec {
    pub fill: char,
    pub align: Option<Align>,
    pub sign: Option<Sign>,
    /// `#`: prefixes of ints, the point of floats.
    pub alternate: bool,
    /// `0` before the width: zeros behind the sign, where nothing else is said.
    pub zeros: bool,
    pub width: usize,
    /// What stands between groups of digits.
    pub grouping: Option<char>,
    pub precision: Option<usize>,
    pub kind: Kind,
}

/// Takes a format apart; `None` if no value accepts it.
pub fn parse(text: &str) -> Option<FormatSpec> {
    let mut spec = FormatSpec {
        fill: ' ',
        align: None,
        sign: None,
        alternate: false,
        zeros: false,
        width: 0,
        grouping: None,
        precision: None,
        kind: Kind::Own,
    };
    let mut rest = text.chars().peekable();
    let mut ahead = text.chars();
    let (first, second) = (ahead.next(), ahead.next().and_then(align));
    let has_fill = second.is_some();
    if let (Some(fill), Some(align)) = (first, second) {
        (spec.fill, spec.align) = (fill, Some(align));
        rest.next();
        rest.next();
    } else if let Some(align) = first.and_then(align) {
        spec.align = Some(align);
        rest.next();
    }
    spec.sign = match rest.peek() {
        Some('+') => Some(Sign::Plus),
        Some('-') => Some(Sign::Nothing),
        Some(' ') => Some(Sign::Space),
        _ => None,
    };
    if spec.sign.is_some() {
        rest.next();
    }
    spec.alternate = rest.next_if_eq(&'#').is_some();
    if !has_fill && rest.next_if_eq(&'0').is_some() {
        spec.fill = '0';
        spec.zeros = true;
    }
    spec.width = number(&mut rest).unwrap_or(0);
    spec.grouping = rest.next_if(|&c| matches!(c, ',' | '_'));
    if rest.next_if_eq(&'.').is_some() {
        spec.precision = Some(number(&mut rest)?);
    }
    if let Some(letter) = rest.next() {
        spec.kind = kind(letter)?;
    }
    (rest.next().is_none() && spec.is_possible()).then_some(spec)
}

fn align(c: char) -> Option<Align> {
    Some(match c {
        '<' => Align::Left,
        '>' => Align::Right,
        '^' => Align::Center,
        '=' => Align::AfterSign,
        _ => return None,
    })
}

fn kind(letter: char) -> Option<Kind> {
    Some(match letter {
        'd' => Kind::Int { radix: 10, upper: false },
        'b' => Kind::Int { radix: 2, upper: false },
        'o' => Kind::Int { radix: 8, upper: false },
        'x' => Kind::Int { radix: 16, upper: false },
        'X' => Kind::Int { radix: 16, upper: true },
        'c' => Kind::Char,
        'e' => Kind::Exponent { upper: false },
        'E' => Kind::Exponent { upper: true },
        'f' | 'F' => Kind::Fixed,
        'g' => Kind::General { upper: false },
        'G' => Kind::General { upper: true },
        '%' => Kind::Percent,
        's' => Kind::Text,
        _ => return None,
    })
}

/// A number in decimal digits, the largest there is if it does not fit; `None` without any digit.
fn number(rest: &mut Peekable<Chars<'_>>) -> Option<usize> {
    let mut value = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        rest.next();
        value = Some(value.unwrap_or(0usize).saturating_mul(10).saturating_add(digit as usize));
    }
    value
}

impl FormatSpec {
    /// Whether any value accepts it.
    fn is_possible(&self) -> bool {
        match self.kind {
            Kind::Int { radix, .. } => self.precision.is_none() && (radix == 10 || self.grouping != Some(',')),
            Kind::Char => self.precision.is_none() && self.sign.is_none() && !self.alternate && self.grouping.is_none(),
            Kind::Text => self.fits_text(),
            // A precision makes it one of floats and texts, the rest one of numbers: floats have both.
            Kind::Own | Kind::Exponent { .. } | Kind::Fixed | Kind::General { .. } | Kind::Percent => true,
        }
    }

    /// The kinds of value that have it.
    pub fn kinds(&self) -> Tags {
        match self.kind {
            Kind::Int { .. } | Kind::Char => Tags::INT,
            Kind::Exponent { .. } | Kind::Fixed | Kind::General { .. } | Kind::Percent => Tags::NUMBER,
            Kind::Text => Tags::STR,
            Kind::Own if self.fits_text() && self.precision.is_none() => Tags::ALL,
            Kind::Own if self.fits_text() => Tags::ALL.without(Tags::INT),
            Kind::Own if self.precision.is_none() => Tags::NUMBER,
            Kind::Own => Tags::FLOAT,
        }
    }

    /// What is said where a value of another kind is to have it; `text` is how it is written.
    pub fn refusal(&self, text: &str, found: &str) -> String {
        // The letter of the type alone, as the rest would do for another value.
        let shown = if self.kind == Kind::Own { text } else { &text[text.len() - 1..] };
        format!("Unknown format '{shown}' for type '{found}'")
    }

    /// Whether it says nothing that only numbers have.
    pub fn fits_text(&self) -> bool {
        self.sign.is_none() && !self.alternate && self.grouping.is_none() && self.align != Some(Align::AfterSign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_taken_apart() {
        let spec = parse("*^+#012,.3f").unwrap();
        assert_eq!((spec.fill, spec.align, spec.sign), ('*', Some(Align::Center), Some(Sign::Plus)));
        // Behind a fill, the zero belongs to the width.
        assert_eq!((spec.alternate, spec.zeros, spec.width), (true, false, 12));
        assert_eq!((spec.grouping, spec.precision, spec.kind), (Some(','), Some(3), Kind::Fixed));
        assert_eq!(parse("08").map(|spec| (spec.fill, spec.zeros, spec.width)), Some(('0', true, 8)));
        assert_eq!(parse(">>5").map(|spec| (spec.fill, spec.align)), Some(('>', Some(Align::Right))));
        assert_eq!(parse("99999999999999999999").map(|spec| spec.width), Some(usize::MAX));
        assert!(parse("").is_some());
    }

    #[test]
    fn formats_that_no_value_accepts_are_refused() {
        for text in [
            ".2d", ",x", "+s", "q", ".", ".f", "5.", ",_", "_,", "#c", "+c", "=5s", ",s", "d5", "5 ", "<<<", "é", "1e2",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["_x", "=", "#", ",", ".2", "#.3g", "05s", "d", " ", "-"] {
            assert!(parse(text).is_some(), "{text}");
        }
    }
}
