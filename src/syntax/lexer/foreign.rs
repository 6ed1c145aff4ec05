//! Characters that begin no token of Walrus, and operators of other languages: each is reported, and read as what was
//! meant.

use memchr::{memchr, memchr2, memchr3};

use super::{Lexer, Token};
use crate::source::Diagnostic;

impl Lexer<'_> {
    /// An operator of other languages: reported, and read as what it means there.
    pub(super) fn foreign_operator(&mut self, lo: usize, written: &str, walrus: &str, token: Token) {
        let hi = lo + written.len();
        let space = if self.bytes.get(hi).is_some_and(|byte| byte.is_ascii_whitespace()) { "" } else { " " };
        let span = self.span(lo, hi);
        let diagnostic = Diagnostic::error("E0101", format!("Invalid token '{written}'"), span)
            .labelled(format!("this operator is written `{walrus}`"))
            .with_suggestion(format!("write `{walrus}`"), span, format!("{walrus}{space}"));
        self.out.diagnostics.push(diagnostic);
        self.punct(lo, written.len(), token);
    }

    /// `println!(…)`: the mark behind a word is reported and left out.
    pub(super) fn bang_of_macro(&mut self, lo: usize) -> bool {
        let is_macro = matches!(self.last(), Some(Token::Ident(_) | Token::Print | Token::Println))
            && self.out.lexemes.last().is_some_and(|word| word.hi as usize == lo)
            && matches!(self.peek(1), b'(' | b'[');
        if is_macro {
            // `vec![1]` is a list, with or without the word.
            let word = self.out.lexemes.last().map_or(lo, |word| word.lo as usize);
            let is_list = self.peek(1) == b'[' && matches!(self.last(), Some(Token::Ident(_)));
            let mut diagnostic = Diagnostic::error("E0101", "Invalid token '!'", self.span(lo, lo + 1))
                .labelled("words are written without it");
            let text = &self.bytes[lo + 1..];
            let holes = memchr2(b'{', b';', text).filter(|&len| text[len] == b'{' && text[..len].contains(&b'"'));
            if is_list {
                diagnostic = diagnostic.with_suggestion("a list has no word in front", self.span(word, lo + 1), "");
                self.out.lexemes.pop();
            } else {
                diagnostic = diagnostic.with_suggestion("remove it", self.span(lo, lo + 1), "");
            }
            if holes.is_some() && !is_list {
                diagnostic = diagnostic.with_help("a text with values in it is `f\"x = {x}\"`");
            }
            self.out.diagnostics.push(diagnostic);
            self.offset = lo + 1;
        }
        is_macro
    }

    /// `{x!r}` in a format string.
    pub(super) fn bang_of_hole(&mut self, lo: usize) -> bool {
        let is_conversion =
            self.hole_may_end() && matches!(self.peek(1), b'r' | b's' | b'a') && matches!(self.peek(2), b'}' | b':');
        if is_conversion {
            let function = if self.peek(1) == b's' { "str" } else { "repr" };
            let diagnostic = Diagnostic::error("E0101", "Invalid token '!'", self.span(lo, lo + 2))
                .labelled("a value is converted by a function")
                .with_help(format!("write `{{core.{function}(x)}}`"));
            self.out.diagnostics.push(diagnostic);
            self.offset = lo + 2;
        }
        is_conversion
    }

    pub(super) fn invalid_token(&mut self, lo: usize) {
        let c = self.text[lo..].chars().next().unwrap_or('\0');
        self.offset = lo + c.len_utf8();
        let shown = if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        let hi = self.offset;
        let next = self.peek(0);
        // `#xs` where a value is due.
        let counts =
            next.is_ascii_alphabetic()
                && self.out.lexemes.last().is_some_and(|last| {
                    last.token.wants_operand() && !self.bytes[last.hi as usize..lo].contains(&b'\n')
                });
        let diagnostic = Diagnostic::error("E0101", format!("Invalid token '{shown}'"), self.span(lo, hi))
            .labelled("no token begins with this character");
        let ascii = match c {
            '\u{201C}' | '\u{201D}' => "\"",
            '\u{2018}' | '\u{2019}' => "\"",
            '\'' => return self.single_quotes(lo, diagnostic),
            '?' => return self.question_mark(lo, next, diagnostic),
            '`' => return self.template(lo, diagnostic),
            '$' => return self.out.diagnostics.push(diagnostic.with_help("names are written without it")),
            '\u{2013}' | '\u{2212}' => "-",
            '\u{A0}' => " ",
            '#' if counts => {
                let diagnostic = diagnostic.with_help("the length of a list or text is `core.len(x)`");
                return self.out.diagnostics.push(diagnostic);
            }
            '\\' if next.is_ascii_alphabetic() => {
                let help = "a function without a name is written `: x { return x + 1; }`";
                return self.out.diagnostics.push(diagnostic.with_help(help));
            }
            '#' => {
                self.out.diagnostics.push(diagnostic.with_help("a comment begins with `//`"));
                // What follows is most likely prose.
                self.offset =
                    memchr(b'\n', &self.bytes[self.offset..]).map_or(self.bytes.len(), |len| self.offset + len);
                return;
            }
            _ => return self.out.diagnostics.push(diagnostic),
        };
        let span = diagnostic.primary();
        self.out.diagnostics.push(diagnostic.with_suggestion(format!("write `{ascii}`"), span, ascii));
    }

    /// `a ? b : c`, `a?.b`, `a ?? b` and `a ??= b`.
    fn question_mark(&mut self, lo: usize, next: u8, mut diagnostic: Diagnostic) {
        let (text, help, token) = match next {
            b'?' if self.peek(1) == b'=' => ("??=", "", Token::OrAssign),
            b'?' => ("??", "`a or b` is `b` where `a` is void, false, zero or empty", Token::Or),
            b'.' => ("?.", "`d.get(key)` is `void` where the key is absent", Token::Dot),
            _ => {
                let help = "a value is chosen by `if condition { a } else { b }`";
                return self.out.diagnostics.push(diagnostic.with_help(help));
            }
        };
        // All its characters are one fault.
        diagnostic.message = format!("Invalid token '{text}'");
        diagnostic.labels[0].span.hi = (lo + text.len()) as u32;
        let span = diagnostic.primary();
        self.out.diagnostics.push(match token {
            Token::OrAssign => diagnostic.with_suggestion(
                "`or=` assigns where the variable is void, false, zero or empty",
                span,
                "or=",
            ),
            _ => diagnostic.with_help(help),
        });
        self.punct(lo, text.len(), token);
    }

    /// `'text'`, and `f'text'`.
    fn single_quotes(&mut self, lo: usize, diagnostic: Diagnostic) {
        const ADVICE: &str = "strings are written with double quotes";
        let start = lo + 1;
        let rest = &self.bytes[start..];
        // The whole text is one fault, if it ends on its line.
        let mut len = 0;
        while let Some(next) = memchr3(b'\'', b'\n', b'\\', &rest[len..]) {
            len += next;
            if rest[len] != b'\\' {
                break;
            }
            len = (len + 2).min(rest.len());
        }
        if rest.get(len) != Some(&b'\'') {
            return self.out.diagnostics.push(diagnostic.with_help(ADVICE));
        }
        let hi = start + len + 1;
        let inner = self.text.get(start..hi - 1).unwrap_or("");
        self.out.diagnostics.push(match !inner.contains('"') {
            true => diagnostic.with_suggestion(ADVICE, self.span(lo, hi), format!("\"{inner}\"")),
            false => diagnostic.with_help(ADVICE),
        });
        // The letter of `f'…'` is no name.
        let has_prefix = self.out.lexemes.last().is_some_and(|word| {
            word.hi as usize == lo && matches!(&self.text[word.lo as usize..lo], "f" | "F" | "r" | "b")
        });
        if has_prefix {
            self.out.lexemes.pop();
        }
        self.offset = hi;
        self.push(Token::ErrorExpr, lo, hi);
    }

    /// A text between back quotes.
    fn template(&mut self, lo: usize, diagnostic: Diagnostic) {
        const ADVICE: &str = "a text with values in it is `f\"x = {x}\"`";
        let Some(len) = memchr(b'`', &self.bytes[lo + 1..]) else {
            return self.out.diagnostics.push(diagnostic.with_help(ADVICE));
        };
        // The whole text is one fault.
        let hi = lo + len + 2;
        self.out.diagnostics.push(match format_string_of_template(&self.text[lo + 1..hi - 1]) {
            Some(written) => diagnostic.with_suggestion(ADVICE, self.span(lo, hi), written),
            None => diagnostic.with_help(ADVICE),
        });
        self.offset = hi;
        self.push(Token::ErrorExpr, lo, hi);
    }
}

/// A format string that says what a template of JavaScript does, if that is plain to see.
fn format_string_of_template(text: &str) -> Option<String> {
    if text.contains('"') || text.contains('\\') {
        return None;
    }
    let mut written = String::from("f\"");
    let mut rest = text;
    while let Some(place) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(place);
        match before.strip_suffix('$').filter(|_| brace.starts_with('{')) {
            Some(before) => {
                let end = brace.find('}')?;
                if brace[1..end].contains('{') || brace[1..end].trim().is_empty() {
                    return None;
                }
                written += before;
                written += &brace[..=end];
                rest = &brace[end + 1..];
            }
            None => {
                written += before;
                written += &brace[..1].repeat(2);
                rest = &brace[1..];
            }
        }
    }
    Some(written + rest + "\"")
}
