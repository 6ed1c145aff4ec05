//! From text to tokens, by hand: one pass over the bytes, no allocation per token.
//!
//! Format strings are taken apart here, so that the grammar parses holes in place: `f"a{b}"` becomes
//! [`Token::FStringStart`], [`Token::StrPart`], [`Token::HoleStart`], the tokens of the hole, perhaps
//! [`Token::HoleFormat`], [`Token::HoleEnd`], [`Token::FStringEnd`].
//!
//! Three decisions are made here because they need little more than the token before, and would make the grammar
//! ambiguous: whether `{` opens a block or a dict (a dict can only stand where an operand is due and no statement can
//! begin), whether `if` begins a statement or a conditional expression (likewise), and whether a word after `.` is a
//! member name (always, keyword or not).
//!
//! Invariants: tokens are in order and do not overlap; their number and the work done are linear in the text; a fault
//! is reported and what follows is still tokens.

mod foreign;
mod text;

use memchr::{memchr, memmem};

use super::interner::Interner;
pub use super::token::{KEYWORDS, Lexeme, Token, Tokens};
use crate::source::{Diagnostic, FileId, Span};

/// Brackets may nest this deep. It bounds the depth of the tree, and with it the recursion of whoever walks it.
pub const NESTING_LIMIT: usize = 3_000;

/// After this many strings or holes that run to the end of the file the lexer gives up: each costs a look at the rest
/// of the file, and the time has to stay linear.
const RUNAWAY_LIMIT: u32 = 20;

/// How many bytes the comment has that a text begins with, the end of its line not among them.
pub fn comment_len(text: &str) -> usize {
    match text.starts_with("/*") {
        true => text.find("*/").map_or(text.len(), |end| end + 2),
        false => text.find('\n').unwrap_or(text.len()),
    }
}

/// Splits a text into tokens.
pub fn lex(text: &str, file: FileId, interner: &mut Interner) -> Tokens {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        file,
        offset: 0,
        interner,
        out: Tokens::default(),
        open: Vec::new(),
        conditions: Vec::new(),
        else_of_branch: 0,
        suspect: None,
        runaways: 0,
        decoded: String::new(),
    };
    // Room that no token comes to costs nothing, and growing touches as much memory again.
    lexer.out.lexemes.reserve(text.len() / 3);
    if text.starts_with('\u{FEFF}') {
        lexer.offset = '\u{FEFF}'.len_utf8();
    }
    // A script's first line may name the program that runs it.
    if lexer.bytes[lexer.offset..].starts_with(b"#!") {
        lexer.offset = memchr(b'\n', lexer.bytes).unwrap_or(text.len());
    }
    lexer.run();
    lexer.out
}

/// What is open at a point of the text.
#[derive(Clone, Copy)]
enum Open {
    Paren,
    Bracket,
    Brace,
    /// A block of a conditional expression, which holds one expression.
    Branch,
    Hole {
        /// The hole's `{`.
        lo: u32,
        /// The string's quotes are written `\"`, because it stands in a hole of another one.
        escaped: bool,
        /// How many tokens and diagnostics there were just behind `{`.
        tokens: u32,
        diagnostics: u32,
    },
}

/// A conditional expression whose condition is being read.
#[derive(Clone, Copy)]
struct Condition {
    /// How many brackets are open around it.
    depth: usize,
    /// Lambdas that began in it, at the same depth, and whose body is still to come.
    lambdas: u32,
}

/// A string that goes over a line's end and is followed by a word at once: most likely it was not closed, and ends
/// where another begins. With the state before it.
struct Suspect {
    lo: usize,
    start: usize,
    lexemes: usize,
    jit_marks: usize,
    jit_comments: usize,
    diagnostics: usize,
    open: Vec<Open>,
    conditions: Vec<Condition>,
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    file: FileId,
    offset: usize,
    interner: &'a mut Interner,
    out: Tokens,
    open: Vec<Open>,
    conditions: Vec<Condition>,
    /// How many tokens there are just behind an `else` that follows the last block of a conditional expression.
    else_of_branch: usize,
    /// The first suspicious string.
    suspect: Option<Suspect>,
    runaways: u32,
    /// Scratch for texts with escapes.
    decoded: String,
}

impl Lexer<'_> {
    fn run(&mut self) {
        loop {
            self.tokens();
            // The end of the text inside a hole: the outermost such hole is the fault. Lexing goes on behind its line.
            let Some(depth) = self.open.iter().position(|open| matches!(open, Open::Hole { .. })) else { return };
            if self.out.truncated || !self.abandon_hole(depth) {
                return;
            }
        }
    }

    /// Lexes to the end of the text.
    fn tokens(&mut self) {
        while self.offset < self.bytes.len() && !self.out.truncated {
            let lo = self.offset;
            let byte = self.bytes[lo];
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.offset += 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(lo),
                b'0'..=b'9' => self.number(lo),
                b'"' => self.string(lo, false),
                b'(' => self.open(lo, Token::LParen, Open::Paren),
                b'[' => self.open(lo, Token::LBracket, Open::Bracket),
                b'{' if self.brace_is_dict() => self.open(lo, Token::LDict, Open::Brace),
                b'{' => {
                    let open = if self.brace_is_branch() { Open::Branch } else { Open::Brace };
                    self.open(lo, Token::LBrace, open);
                }
                b')' => self.close(lo, Token::RParen),
                b']' => self.close(lo, Token::RBracket),
                b'}' => self.close_brace(lo),
                b',' => self.punct(lo, 1, Token::Comma),
                b';' => {
                    self.conditions.retain(|condition| condition.depth < self.open.len());
                    self.punct(lo, 1, Token::Semicolon);
                }
                b':' if self.hole_may_end() => self.format(lo),
                b':' => {
                    if let Some(condition) = self.condition() {
                        condition.lambdas += 1;
                    }
                    self.punct(lo, 1, Token::Colon);
                }
                b'@' => self.punct(lo, 1, Token::At),
                b'~' => self.punct(lo, 1, Token::Tilde),
                b'.' if self.peek(1) == b'.' => self.punct(lo, 2, Token::DotDot),
                b'.' => self.punct(lo, 1, Token::Dot),
                b'/' => self.slash(lo),
                b'=' => self.one_or_assign(lo, Token::Assign, Token::Eq),
                b'+' => self.one_or_assign(lo, Token::Plus, Token::AddAssign),
                b'-' => self.one_or_assign(lo, Token::Minus, Token::SubAssign),
                b'%' => self.one_or_assign(lo, Token::Percent, Token::ModAssign),
                b'^' => self.one_or_assign(lo, Token::Caret, Token::BitXorAssign),
                b'*' if self.peek(1) == b'*' => self.two_or_assign(lo, Token::StarStar, Token::PowAssign),
                b'*' => self.one_or_assign(lo, Token::Star, Token::MulAssign),
                b'<' if self.peek(1) == b'<' => self.two_or_assign(lo, Token::Shl, Token::ShlAssign),
                b'<' => self.one_or_assign(lo, Token::Lt, Token::Le),
                b'>' if self.peek(1) == b'>' => self.two_or_assign(lo, Token::Shr, Token::ShrAssign),
                b'>' => self.one_or_assign(lo, Token::Gt, Token::Ge),
                b'&' if self.peek(1) == b'&' && self.peek(2) == b'=' => {
                    self.foreign_operator(lo, "&&=", "and=", Token::AndAssign);
                }
                b'|' if self.peek(1) == b'|' && self.peek(2) == b'=' => {
                    self.foreign_operator(lo, "||=", "or=", Token::OrAssign);
                }
                b'&' if self.peek(1) == b'&' => self.foreign_operator(lo, "&&", "and", Token::And),
                b'&' => self.one_or_assign(lo, Token::Amp, Token::BitAndAssign),
                b'|' if self.peek(1) == b'|' => self.foreign_operator(lo, "||", "or", Token::Or),
                b'|' => self.one_or_assign(lo, Token::Pipe, Token::BitOrAssign),
                b'!' if self.peek(1) == b'=' => self.punct(lo, 2, Token::Ne),
                b'!' if self.bang_of_macro(lo) || self.bang_of_hole(lo) => {}
                b'!' => self.foreign_operator(lo, "!", "not", Token::Not),
                b'\\' if self.peek(1) == b'"' && self.in_hole() => self.string(lo, true),
                _ => self.invalid_token(lo),
            }
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.offset + ahead).copied().unwrap_or(0)
    }

    fn span(&self, lo: usize, hi: usize) -> Span {
        Span::new(self.file, lo as u32, hi as u32)
    }

    fn error(&mut self, code: &'static str, message: String, lo: usize, hi: usize) -> &mut Diagnostic {
        let span = self.span(lo, hi);
        self.out.diagnostics.push(Diagnostic::error(code, message, span));
        self.out.diagnostics.last_mut().expect("one was pushed")
    }

    fn push(&mut self, token: Token, lo: usize, hi: usize) {
        self.out.lexemes.push(Lexeme { token, lo: lo as u32, hi: hi as u32 });
    }

    fn punct(&mut self, lo: usize, len: usize, token: Token) {
        self.offset = lo + len;
        self.push(token, lo, lo + len);
    }

    fn one_or_assign(&mut self, lo: usize, plain: Token, with_equals: Token) {
        match self.peek(1) == b'=' {
            true => self.punct(lo, 2, with_equals),
            false => self.punct(lo, 1, plain),
        }
    }

    fn two_or_assign(&mut self, lo: usize, plain: Token, with_equals: Token) {
        match self.peek(2) == b'=' {
            true => self.punct(lo, 3, with_equals),
            false => self.punct(lo, 2, plain),
        }
    }

    fn word(&mut self, lo: usize) {
        let mut hi = lo + 1;
        while let Some(byte) = self.bytes.get(hi) {
            if !(byte.is_ascii_alphanumeric() || *byte == b'_') {
                break;
            }
            hi += 1;
        }
        if hi == lo + 1 && self.bytes[lo] == b'f' {
            match self.bytes.get(hi) {
                Some(b'"') => return self.fstring(lo, hi + 1, false),
                Some(b'\\') if self.bytes.get(hi + 1) == Some(&b'"') && self.in_hole() => {
                    return self.fstring(lo, hi + 2, true);
                }
                _ => {}
            }
        }
        self.offset = hi;
        let symbol = self.interner.intern(&self.text[lo..hi]);
        let mut token = Token::Ident(symbol);
        if let Some(&(_, keyword)) = KEYWORDS.get(symbol.0 as usize)
            && !matches!(self.last(), Some(Token::Dot))
        {
            token = match keyword {
                // `and=` and `or=`, but not `and ==`.
                Token::And | Token::Or if self.peek(0) == b'=' && self.peek(1) != b'=' => {
                    self.offset += 1;
                    if keyword == Token::And { Token::AndAssign } else { Token::OrAssign }
                }
                Token::If if self.if_is_expression() => {
                    self.conditions.push(Condition { depth: self.open.len(), lambdas: 0 });
                    Token::IfExpr
                }
                keyword => keyword,
            };
        }
        self.push(token, lo, self.offset);
    }

    fn last(&self) -> Option<Token> {
        self.out.lexemes.last().map(|lexeme| lexeme.token)
    }

    /// Notes a comment that begins like a mark.
    fn note_mark(&mut self, lo: usize, hi: usize, comment: &[u8]) {
        if comment.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"@jit")) {
            self.out.jit_comments.push((lo as u32, hi as u32));
        }
    }

    fn slash(&mut self, lo: usize) {
        match self.peek(1) {
            b'/' => {
                let hi = memchr(b'\n', &self.bytes[lo..]).map_or(self.bytes.len(), |len| lo + len);
                let comment = self.bytes[lo + 2..hi].trim_ascii();
                self.note_mark(lo, hi, comment);
                if let Some(rest) = comment.strip_prefix(b"@jit")
                    && rest.first().is_none_or(u8::is_ascii_whitespace)
                {
                    self.out.jit_marks.push(lo as u32);
                }
                self.offset = hi;
            }
            b'*' => match memmem::find(&self.bytes[lo + 2..], b"*/") {
                Some(len) => {
                    self.offset = lo + 2 + len + 2;
                    self.note_mark(lo, self.offset, self.bytes[lo + 2..lo + 2 + len].trim_ascii());
                }
                None => {
                    self.error("E0107", "Unterminated block comment".into(), lo, lo + 2).labels[0].text =
                        "the comment begins here and has no `*/`".into();
                    self.offset = self.bytes.len();
                    self.out.truncated = true;
                }
            },
            b'=' => self.punct(lo, 2, Token::DivAssign),
            _ => self.punct(lo, 1, Token::Slash),
        }
    }

    // Brackets.

    fn open(&mut self, lo: usize, token: Token, open: Open) {
        if self.open.len() >= NESTING_LIMIT {
            self.error("E0502", "Nested too deeply".into(), lo, lo + 1).labels[0].text =
                format!("more than {NESTING_LIMIT} brackets are open here");
            self.out.truncated = true;
            return;
        }
        self.open.push(open);
        self.punct(lo, 1, token);
    }

    fn close(&mut self, lo: usize, token: Token) {
        let matches = match self.open.last() {
            Some(Open::Paren) => token == Token::RParen,
            Some(Open::Bracket) => token == Token::RBracket,
            _ => false,
        };
        if matches {
            self.open.pop();
        }
        self.punct(lo, 1, token);
    }

    /// `}` ends the innermost block, dict or hole, whatever parentheses are still open in it: the parser reports those.
    fn close_brace(&mut self, lo: usize) {
        let closes = |open: &Open| matches!(open, Open::Brace | Open::Branch | Open::Hole { .. });
        let Some(depth) = self.open.iter().rposition(closes) else {
            self.open.clear();
            return self.punct(lo, 1, Token::RBrace);
        };
        let open = self.open[depth];
        self.open.truncate(depth);
        match open {
            Open::Hole { escaped, .. } => {
                self.punct(lo, 1, Token::HoleEnd);
                self.fstring_text(escaped);
            }
            open => {
                self.punct(lo, 1, Token::RBrace);
                if matches!(open, Open::Branch) {
                    self.else_of_branch = self.out.lexemes.len() + 1;
                }
            }
        }
    }

    fn brace_is_dict(&self) -> bool {
        self.operand_is_due()
    }

    /// Whether an operand comes next and a statement cannot.
    fn operand_is_due(&self) -> bool {
        match self.last() {
            Some(Token::Colon) => self.colon_wants_value(),
            Some(Token::LBrace) => matches!(self.open.last(), Some(Open::Branch)),
            Some(token) => token.wants_operand(),
            None => false,
        }
    }

    /// Whether the last token is the `else` of a conditional expression.
    fn is_behind_else(&self) -> bool {
        self.last() == Some(Token::Else) && self.out.lexemes.len() == self.else_of_branch
    }

    fn if_is_expression(&self) -> bool {
        self.operand_is_due() || self.is_behind_else()
    }

    /// Whether a block that begins here belongs to a conditional expression, not to a lambda in its condition.
    fn brace_is_branch(&mut self) -> bool {
        if self.is_behind_else() {
            return true;
        }
        match self.condition() {
            Some(condition) if condition.lambdas > 0 => {
                condition.lambdas -= 1;
                false
            }
            Some(_) => {
                self.conditions.pop();
                true
            }
            None => false,
        }
    }

    /// The conditional expression whose condition is being read at this very depth.
    fn condition(&mut self) -> Option<&mut Condition> {
        let depth = self.open.len();
        while self.conditions.last().is_some_and(|condition| condition.depth > depth) {
            self.conditions.pop();
        }
        self.conditions.last_mut().filter(|condition| condition.depth == depth)
    }

    /// Whether the colon that was the last token stands between key and value of a dict; else it begins a lambda or
    /// the parameters of a function.
    fn colon_wants_value(&self) -> bool {
        let mut before = self.out.lexemes.iter().rev().skip(1).map(|lexeme| lexeme.token);
        let key = before.next();
        let named_function = matches!(key, Some(Token::Ident(_))) && matches!(before.next(), Some(Token::Fn));
        key.is_some_and(Token::ends_operand) && !named_function && matches!(self.open.last(), Some(Open::Brace))
    }

    /// Whether what stands in the innermost hole so far may be all of its expression, so that a colon begins its
    /// format.
    fn hole_may_end(&self) -> bool {
        matches!(self.open.last(), Some(Open::Hole { .. })) && self.last().is_some_and(Token::ends_operand)
    }

    fn in_hole(&self) -> bool {
        self.open.iter().rev().any(|open| matches!(open, Open::Hole { .. }))
    }

    // Numbers.

    fn number(&mut self, lo: usize) {
        let radix = match (self.bytes[lo], self.peek(1)) {
            (b'0', b'x') => 16,
            (b'0', b'o') => 8,
            (b'0', b'b') => 2,
            _ => 10,
        };
        let mut is_float = false;
        let mut hi = if radix == 10 { self.digits(lo) } else { lo };
        if radix == 10 {
            let digit_at = |offset: usize| self.bytes.get(offset).is_some_and(u8::is_ascii_digit);
            if self.bytes.get(hi) == Some(&b'.') && digit_at(hi + 1) {
                is_float = true;
                hi = self.digits(hi + 1);
            }
            if matches!(self.bytes.get(hi), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(self.bytes.get(hi + 1), Some(b'+' | b'-')));
                let digit_at = |offset: usize| self.bytes.get(offset).is_some_and(u8::is_ascii_digit);
                if digit_at(hi + 1 + sign) {
                    is_float = true;
                    hi = self.digits(hi + 1 + sign);
                }
            }
        }
        let number_end = hi;
        while self.bytes.get(hi).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            hi += 1;
        }
        self.offset = hi;
        let literal = &self.text[lo..hi];
        let value = if radix == 10 && hi != number_end {
            None
        } else if is_float {
            float_value(literal)
        } else if radix == 10 {
            int_value(literal.as_bytes(), 10)
        } else {
            int_value(&literal.as_bytes()[2..], radix)
        };
        let bits = match value {
            Some(Ok(bits)) => bits,
            Some(Err(TooLarge)) => {
                self.error("E0103", format!("Number '{literal}' is too large"), lo, hi).labels[0].text = if is_float {
                    "a float reaches to about 1.8e308".into()
                } else {
                    "an int reaches to 9223372036854775807".into()
                };
                0
            }
            None => {
                self.error("E0102", format!("Invalid number literal '{literal}'"), lo, hi);
                0
            }
        };
        let index = self.out.numbers.len() as u32;
        self.out.numbers.push(bits);
        self.push(if is_float { Token::Float(index) } else { Token::Int(index) }, lo, hi);
    }

    fn digits(&self, mut offset: usize) -> usize {
        while self.bytes.get(offset).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'_') {
            offset += 1;
        }
        offset
    }
}

/// The text of a hole as messages quote it.
pub(super) fn clip(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

struct TooLarge;

/// The magnitude of an integer literal without its prefix; `None` if it is malformed. `2**63` is let through, because a
/// minus before it makes it an int; the parser reports the others.
fn int_value(digits: &[u8], radix: u64) -> Option<Result<u64, TooLarge>> {
    const LARGEST: u64 = i64::MIN.unsigned_abs();
    let mut value = 0u64;
    let mut too_large = false;
    let mut after_digit = false;
    for &byte in digits {
        if byte == b'_' {
            if !after_digit {
                return None;
            }
            after_digit = false;
            continue;
        }
        let digit = (byte as char).to_digit(radix as u32)?;
        after_digit = true;
        match value.checked_mul(radix).and_then(|value| value.checked_add(u64::from(digit))) {
            Some(next) if next <= LARGEST => value = next,
            _ => too_large = true,
        }
    }
    match (after_digit, too_large) {
        (false, _) => None,
        (true, true) => Some(Err(TooLarge)),
        (true, false) => Some(Ok(value)),
    }
}

fn float_value(literal: &str) -> Option<Result<u64, TooLarge>> {
    let bytes = literal.as_bytes();
    let digit_at = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let misplaced = |(index, _): (usize, &u8)| index == 0 || !digit_at(index - 1) || !digit_at(index + 1);
    if bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').any(misplaced) {
        return None;
    }
    let value: f64 = match literal.contains('_') {
        true => literal.replace('_', "").parse().ok()?,
        false => literal.parse().ok()?,
    };
    Some(if value.is_finite() { Ok(value.to_bits()) } else { Err(TooLarge) })
}
