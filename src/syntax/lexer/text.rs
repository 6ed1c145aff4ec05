//! String text: escapes, the ends of strings, and the holes of format strings.

use memchr::{memchr, memchr2};

use super::{Lexer, NESTING_LIMIT, Open, RUNAWAY_LIMIT, Suspect, Token, clip};
use crate::source::Diagnostic;

/// How a stretch of string text ended.
enum Stretch {
    Quote,
    Hole,
    EndOfFile,
}

impl Lexer<'_> {
    /// A plain string; `escaped` if its quotes are written `\"`.
    pub(super) fn string(&mut self, lo: usize, escaped: bool) {
        let start = lo + 1 + usize::from(escaped);
        if !escaped
            && let Some(len) = memchr2(b'"', b'\\', &self.bytes[start..])
            && self.bytes[start + len] == b'"'
            && memchr(b'\r', &self.bytes[start..start + len]).is_none()
        {
            let symbol = self.interner.intern(&self.text[start..start + len]);
            self.offset = start + len + 1;
            self.suspect(lo, start);
            return self.push(Token::Str(symbol), lo, self.offset);
        }
        self.offset = start;
        match self.stretch(escaped, false) {
            Stretch::Quote => {
                let symbol = self.interner.intern(&self.decoded);
                self.suspect(lo, start);
                self.push(Token::Str(symbol), lo, self.offset);
            }
            Stretch::Hole | Stretch::EndOfFile => self.unterminated(lo, start, "string"),
        }
    }

    /// Notes the string that was just read if it looks as if it should have ended before.
    fn suspect(&mut self, lo: usize, start: usize) {
        let goes_on = self.bytes.get(self.offset).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if self.suspect.is_some()
            || !goes_on
            || self.in_hole()
            || memchr(b'\n', &self.bytes[start..self.offset]).is_none()
        {
            return;
        }
        self.suspect = Some(Suspect {
            lo,
            start,
            lexemes: self.out.lexemes.len(),
            jit_marks: self.out.jit_marks.len(),
            jit_comments: self.out.jit_comments.len(),
            diagnostics: self.out.diagnostics.len(),
            open: self.open.clone(),
            conditions: self.conditions.clone(),
        });
    }

    pub(super) fn fstring(&mut self, lo: usize, start: usize, escaped: bool) {
        self.push(Token::FStringStart, lo, start);
        self.offset = start;
        self.fstring_text(escaped);
    }

    /// Reads on in the text of a format string, up to its end or into the next hole.
    pub(super) fn fstring_text(&mut self, escaped: bool) {
        let lo = self.offset;
        let end = self.stretch(escaped, true);
        let hi = match end {
            Stretch::Quote => self.offset - 1 - usize::from(escaped),
            Stretch::Hole => self.offset - 1,
            Stretch::EndOfFile => self.offset,
        };
        if !self.decoded.is_empty() && !matches!(end, Stretch::EndOfFile) {
            let symbol = self.interner.intern(&self.decoded);
            self.push(Token::StrPart(symbol), lo, hi);
        }
        match end {
            Stretch::Quote => self.push(Token::FStringEnd, hi, self.offset),
            Stretch::Hole => {
                if self.open.len() >= NESTING_LIMIT {
                    self.error("E0502", "Nested too deeply".into(), hi, hi + 1);
                    self.out.truncated = true;
                    return;
                }
                self.push(Token::HoleStart, hi, self.offset);
                self.open.push(Open::Hole {
                    lo: hi as u32,
                    escaped,
                    tokens: self.out.lexemes.len() as u32,
                    diagnostics: self.out.diagnostics.len() as u32,
                });
            }
            Stretch::EndOfFile => {
                let start = self.out.lexemes.iter().rposition(|lexeme| lexeme.token == Token::FStringStart);
                let start = start.map_or(0, |index| index as u32);
                let quote = self.out.lexemes[start as usize];
                self.out.lexemes.truncate(start as usize);
                self.unterminated(quote.lo as usize, quote.hi as usize, "format string");
            }
        }
    }

    /// The format of a hole, from behind its colon up to the brace that ends both. Without one the string has ended,
    /// and what follows shows that the hole is not closed.
    pub(super) fn format(&mut self, colon: usize) {
        let lo = colon + 1;
        self.offset = lo;
        self.decoded.clear();
        while let Some(&byte) = self.bytes.get(self.offset) {
            match byte {
                b'}' | b'"' => break,
                b'\\' => self.escape(self.offset),
                b'\r' if self.bytes.get(self.offset + 1) == Some(&b'\n') => self.offset += 1,
                _ => {
                    let c = self.text[self.offset..].chars().next().unwrap_or_default();
                    self.decoded.push(c);
                    self.offset += c.len_utf8();
                }
            }
        }
        let symbol = self.interner.intern(&self.decoded);
        self.push(Token::HoleFormat(symbol), lo, self.offset);
    }

    /// A string without an end: reads it as if it ended with its line, unless there were too many of them. Which string
    /// it is that lacks its quote is not always the last: behind the right one, all quotes change their roles.
    fn unterminated(&mut self, lo: usize, start: usize, what: &str) {
        if self.in_hole() {
            // Whether the string or the hole is at fault is decided where the hole is given up.
            self.offset = self.bytes.len();
            return;
        }
        let (mut lo, mut start, mut what) = (lo, start, what);
        if let Some(suspect) = self.suspect.take()
            && self.runaways == 0
        {
            (lo, start, what) = (suspect.lo, suspect.start, "string");
            self.out.lexemes.truncate(suspect.lexemes);
            self.out.jit_marks.truncate(suspect.jit_marks);
            self.out.jit_comments.truncate(suspect.jit_comments);
            self.out.diagnostics.truncate(suspect.diagnostics);
            (self.open, self.conditions) = (suspect.open, suspect.conditions);
        }
        self.error("E0106", format!("Unterminated {what}"), lo, start).labels[0].text =
            format!("the {what} begins here and has no closing `\"`");
        self.offset = memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |len| start + len);
        self.push(Token::ErrorExpr, lo, self.offset);
        self.runaways += 1;
        self.out.truncated |= self.runaways > RUNAWAY_LIMIT;
    }

    /// Decodes text up to the closing quote, a hole, or the end of the file, into `self.decoded`.
    fn stretch(&mut self, escaped: bool, is_format: bool) -> Stretch {
        self.decoded.clear();
        loop {
            let from = self.offset;
            let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b'\r');
            let Some(len) = self.bytes[from..].iter().position(special) else {
                self.offset = self.bytes.len();
                return Stretch::EndOfFile;
            };
            let end = from + len;
            self.decoded.push_str(&self.text[from..end]);
            self.offset = end + 1;
            match self.bytes[end] {
                b'"' if !escaped => return Stretch::Quote,
                // A plain quote ends the outer string, so this one has no end.
                b'"' => {
                    self.offset = self.bytes.len();
                    return Stretch::EndOfFile;
                }
                b'\\' if escaped && self.bytes.get(end + 1) == Some(&b'"') => {
                    self.offset = end + 2;
                    return Stretch::Quote;
                }
                b'\\' if is_format && matches!(self.bytes.get(end + 1), Some(b'{' | b'}')) => self.escaped_brace(end),
                b'\\' => self.escape(end),
                // `\r\n` reads as `\n`.
                b'\r' if self.bytes.get(end + 1) == Some(&b'\n') => {}
                b'\r' => self.decoded.push('\r'),
                brace if !is_format => self.decoded.push(brace as char),
                brace if self.bytes.get(end + 1) == Some(&brace) => {
                    self.decoded.push(brace as char);
                    self.offset = end + 2;
                }
                b'{' => return Stretch::Hole,
                _ => {
                    let span = self.span(end, end + 1);
                    let diagnostic = Diagnostic::error("E0111", "Single '}' in format string", span);
                    self.out.diagnostics.push(if self.is_behind_nested_format() {
                        diagnostic
                            .labelled("the format before it has ended")
                            .with_help("a format has no holes in it: `core.format(x, spec)` takes one that is computed")
                    } else {
                        diagnostic.labelled("closes no hole").with_suggestion(
                            "write `}}` for a literal brace",
                            span,
                            "}}",
                        )
                    });
                }
            }
        }
    }

    /// Whether the hole that has just ended has a brace in its format, as formats of other languages may.
    fn is_behind_nested_format(&self) -> bool {
        let mut last = self.out.lexemes.iter().rev().take(2);
        last.any(|lexeme| {
            let text = || &self.bytes[lexeme.lo as usize..lexeme.hi as usize];
            matches!(lexeme.token, Token::HoleFormat(_)) && text().contains(&b'{')
        })
    }

    /// `\{` and `\}` in a format string, where other languages write a brace that begins or ends no hole.
    fn escaped_brace(&mut self, lo: usize) {
        let brace = self.bytes[lo + 1];
        self.offset = lo + 2;
        // What stands up to the other brace is one fault with it.
        let rest = &self.text[lo + 2..];
        let end = rest.find(['{', '}', '"', '\n']).filter(|&len| brace == b'{' && rest[len..].starts_with('}'));
        let (hi, written) = match end {
            Some(len) => (lo + 2 + len + 1, format!("{{{{{}}}}}", rest[..len].trim_end_matches('\\'))),
            None => (lo + 2, (brace as char).to_string().repeat(2)),
        };
        let inner = written[1..written.len() - 1].to_owned();
        self.decoded.push_str(if end.is_some() { &inner } else { &written[1..] });
        self.offset = hi;
        let span = self.span(lo, hi);
        let diagnostic = self.error("E0104", format!("Invalid escape sequence '\\{}'", brace as char), lo, lo + 2);
        diagnostic.labels[0].text = "a brace is written twice".into();
        *diagnostic = diagnostic.clone().with_suggestion(
            format!(
                "write `{written}` for {} that {} part of the text",
                if end.is_some() { "braces" } else { "a brace" },
                if end.is_some() { "are" } else { "is" }
            ),
            span,
            written,
        );
    }

    /// Decodes the escape whose backslash is at `lo`.
    fn escape(&mut self, lo: usize) {
        let c = self.text[lo + 1..].chars().next();
        let simple = match c {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('0') => '\0',
            Some('\\') => '\\',
            Some('"') => '"',
            Some('\'') => '\'',
            Some('u') => return self.unicode_escape(lo),
            Some(c) => {
                self.offset = lo + 1 + c.len_utf8();
                let shown = if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
                let hi = self.offset;
                let number = self.number_of_escape(c, hi);
                let span = self.span(lo, number.map_or(hi, |(_, hi)| hi));
                let diagnostic = self.error("E0104", format!("Invalid escape sequence '\\{shown}'"), lo, hi);
                if let Some((number, hi)) = number {
                    let written = format!("\\u{{{number:x}}}");
                    *diagnostic =
                        diagnostic.clone().with_suggestion("a character is written by its number", span, written);
                    self.offset = hi;
                } else if let '{' | '}' | '$' | '`' | '/' | '#' = c {
                    *diagnostic =
                        diagnostic.clone().with_suggestion("this character is written as it is", span, c.to_string());
                } else {
                    diagnostic.help.push("a backslash itself is written `\\\\`".into());
                }
                return;
            }
            None => {
                self.offset = self.bytes.len();
                return;
            }
        };
        self.decoded.push(simple);
        self.offset = lo + 2;
    }

    /// The number of the character that an escape of another language stands for, whose letter ends at `hi`, and where
    /// the escape ends: `\x1b`, `\e`, `\a`, `\b`, `\f`, `\v`.
    fn number_of_escape(&self, letter: char, hi: usize) -> Option<(u32, usize)> {
        let number = match letter {
            'a' => 7,
            'b' => 8,
            'v' => 11,
            'f' => 12,
            'e' => 27,
            'x' => {
                let digits = self.text.get(hi..hi + 2).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
                return Some((u32::from_str_radix(digits, 16).ok()?, hi + 2));
            }
            _ => return None,
        };
        Some((number, hi))
    }

    /// `\u{1F600}`.
    fn unicode_escape(&mut self, lo: usize) {
        let digits = lo + 3;
        let opened = self.bytes.get(lo + 2) == Some(&b'{');
        let rest = self.bytes.get(digits..).unwrap_or(&[]);
        let len = if opened { rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count() } else { 0 };
        let closed = rest.get(len) == Some(&b'}');
        let value = match len {
            1..=6 if closed => u32::from_str_radix(&self.text[digits..digits + len], 16).ok().and_then(char::from_u32),
            _ => None,
        };
        self.offset = match (opened, closed) {
            (true, true) => digits + len + 1,
            (true, false) => digits + len,
            (false, _) => lo + 2,
        };
        match value {
            Some(c) => self.decoded.push(c),
            None => {
                let hi = self.offset;
                // `\u00e9`
                let digits = self.text.get(lo + 2..lo + 6).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
                let span = self.span(lo, lo + 6);
                let written = digits.filter(|_| !opened).map(|digits| format!("\\u{{{digits}}}"));
                let diagnostic = self.error("E0105", "Invalid unicode escape sequence".into(), lo, hi);
                match written {
                    Some(written) => {
                        *diagnostic = diagnostic.clone().with_suggestion("the digits stand in braces", span, written);
                    }
                    None => diagnostic
                        .help
                        .push("write the number of a character in one to six hex digits: `\\u{1F600}`".into()),
                }
            }
        }
    }

    /// The text ended inside a hole. Reports the hole, forgets what was read in it, and goes on behind the quote that
    /// most likely was meant to end the string. Returns whether to go on.
    pub(super) fn abandon_hole(&mut self, depth: usize) -> bool {
        let Open::Hole { lo, tokens, diagnostics, .. } = self.open[depth] else { return false };
        self.open.truncate(depth);
        self.out.lexemes.truncate(tokens as usize);
        self.out.diagnostics.truncate(diagnostics as usize);
        let start = lo as usize + 1;
        let len = self.bytes[start..].iter().position(|byte| matches!(byte, b'"' | b'\n'));
        let end = len.map_or(self.bytes.len(), |len| start + len);
        let expression = self.text[start..end].trim_end_matches(['\r', '\\']);
        let shown = clip(expression);
        let span = self.span(lo as usize, start + expression.len());
        self.out.diagnostics.push(
            Diagnostic::error("E0108", format!("Failed to parse f-string expression '{shown}': expected `}}`"), span)
                .labelled("this hole is not closed")
                .with_help("a literal brace is written `{{`"),
        );
        self.push(Token::ErrorExpr, start, end);
        self.push(Token::HoleEnd, end, end);
        self.offset = end + usize::from(self.bytes.get(end) == Some(&b'"'));
        self.push(Token::FStringEnd, end, self.offset);
        self.runaways += 1;
        self.out.truncated |= self.runaways > RUNAWAY_LIMIT;
        !self.out.truncated
    }
}
