//! Slices, ranges and what is written in brackets, as other languages write it; see [`super::expressions`].

use super::{Context, Recovery, to_be_written};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::Expected;
use crate::syntax::lexer::Token;

impl Recovery<'_> {
    /// `xs[1..]`
    pub(super) fn with_end_of_slice(&self, fault: usize, error: Diagnostic) -> Diagnostic {
        let mut depth = 0;
        let opener = (self.from..fault).rev().find(|&index| {
            match self.lexemes[index].token {
                Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
                Token::LParen | Token::LBrace | Token::LDict => depth -= 1,
                Token::LBracket if depth == 0 => return true,
                Token::LBracket => depth -= 1,
                _ => {}
            }
            depth < 0
        });
        let is_name = |index: usize| {
            let is_part = |index: usize| self.token(index) == Some(Token::Dot);
            matches!(self.token(index), Some(Token::Ident(_))) && (index == 0 || !is_part(index - 1))
        };
        let object = opener.and_then(|opener| opener.checked_sub(1)).filter(|&index| is_name(index));
        if let Some(opener) = opener
            && self.token(opener + 1) == Some(Token::Minus)
        {
            return match self.slice_bound(opener + 1, fault - 1) {
                Some(from) => error.with_note(FROM_THE_END).with_suggestion(
                    "a slice has both ends",
                    self.span_between(opener + 1, fault),
                    format!("{from}..-1"),
                ),
                None => error.with_note(FROM_THE_END).with_help("a slice has both ends: write the second one, too"),
            };
        }
        // Of a slice, -1 is the end.
        let end = object.map_or("-1".to_owned(), |index| format!("{}.len()", self.text_of(index)));
        let place = Span::new(self.file, self.span(fault).lo, self.span(fault).lo);
        error.with_suggestion("a slice has both ends: write the second one, too", place, end)
    }

    /// `{1, 2}` and `{a = 1}`.
    pub(super) fn list_in_braces(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        if self.lexemes[opener].token != Token::LDict || !expected.has(":") {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        match self.token(fault) {
            Some(Token::Assign) => {
                let place = self.span(fault);
                let diagnostic = Diagnostic::error("E0208", "Pairs of a dict are written with `:`", place)
                    .labelled("write `:`")
                    .with_help("a key that is a text is written with quotes: `{\"a\": 1}`");
                self.report(fault, diagnostic);
            }
            Some(Token::Comma | Token::RBrace | Token::Minus) if self.block_of_kotlin(opener, close) => return true,
            Some(Token::Comma | Token::RBrace) if fault == opener + 2 => {
                let written = format!("[{}]", self.text_between(opener + 1, close));
                let span = self.span_between(opener, close + 1);
                let error = Diagnostic::error("E0209", "A list is written in brackets", span).with_help(
                    "a set is a dict whose values are `true`: `{\"a\": true}`, and `\"a\" in set` asks for one",
                );
                self.report(opener, to_be_written(error, span, written));
            }
            Some(Token::StarStar) if fault == opener + 1 => {
                let diagnostic = Diagnostic::error("E0208", "`**` is a power", self.span(fault))
                    .labelled("takes nothing apart here")
                    .with_help("dicts are joined with `+`, and the right one wins: `defaults + {\"a\": 1}`");
                self.report(fault, diagnostic);
            }
            _ => return false,
        }
        self.replace(opener..close + 1, &[Token::ErrorExpr]);
        true
    }

    /// `s[1:3]`, `s[:2]`, `s[1:]`.
    pub(super) fn colon_in_index(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        let is_index = self.lexemes[opener].token == Token::LBracket
            && opener > self.from
            && self.lexemes[opener - 1].token.ends_operand();
        if !is_index {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        let mut depth = 0;
        let mut colons = Vec::new();
        for index in opener + 1..close {
            match self.lexemes[index].token {
                Token::LBrace => return false,
                Token::LParen | Token::LBracket | Token::LDict => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
                Token::Colon if depth == 0 => colons.push(index),
                _ => {}
            }
        }
        let Some(&colon) = colons.first().filter(|&&colon| colon <= fault) else { return false };
        let end = match colons.get(1) {
            // `xs[a:b:]`
            Some(&second) if second + 1 == close => second,
            Some(_) => {
                self.slice_with_step(opener, close);
                return true;
            }
            None => close,
        };
        let from = if colon == opener + 1 { Some("0".to_owned()) } else { self.slice_bound(opener + 1, colon) };
        let to = if colon + 1 == end { Some("-1".to_owned()) } else { self.slice_bound(colon + 1, end) };
        let counts_back = self.token(opener + 1) == Some(Token::Minus) || self.token(colon + 1) == Some(Token::Minus);
        let span = self.span_between(opener + 1, close);
        let mut diagnostic = Diagnostic::error("E0209", "A slice is cut out by a range", span);
        diagnostic = match (from, to) {
            (Some(from), Some(to)) => to_be_written(diagnostic, span, format!("{from}..{to}")),
            _ => diagnostic.labelled("write `a..b`"),
        };
        if counts_back {
            diagnostic = diagnostic.with_note(FROM_THE_END);
        }
        self.report(opener + 1, diagnostic);
        self.replace(opener + 1..close, &[Token::ErrorExpr]);
        true
    }

    /// `xs[a:b:c]`
    fn slice_with_step(&mut self, opener: usize, close: usize) {
        let span = self.span_between(opener + 1, close);
        let error = Diagnostic::error("E0209", "A slice has no step", span);
        let diagnostic =
            match self.text_between(opener + 1, close).split(':').map(str::trim).collect::<Vec<_>>()[..] {
                ["", "", "-1"] => error
                    .labelled("a copy from the last to the first is made by a method")
                    .with_suggestion("write `.reversed()`", self.span_between(opener, close + 1), ".reversed()"),
                _ => error.labelled("it has each item from one place to another").with_help(STEPS),
            };
        self.report(opener + 1, diagnostic);
        self.replace(opener + 1..close, &[Token::ErrorExpr]);
    }

    /// A bound of a slice of another language, where -1 stands before the last item and not behind it.
    fn slice_bound(&self, from: usize, end: usize) -> Option<String> {
        let text = self.text_between(from, end);
        if self.token(from) != Some(Token::Minus) {
            return Some(text.to_owned());
        }
        match self.token(from + 1).filter(|_| from + 2 == end)? {
            Token::Int(_) => {
                let count: i64 = self.text_of(from + 1).parse().ok()?;
                Some(format!("-{}", count.checked_add(1)?))
            }
            Token::Ident(_) => Some(format!("{text} - 1")),
            _ => None,
        }
    }

    /// `{ a, b -> a + b }`
    fn block_of_kotlin(&mut self, opener: usize, close: usize) -> bool {
        let is_name = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_) | Token::Comma));
        let arrow = (opener + 1..close).take_while(is_name).last().map_or(opener + 1, |last| last + 1);
        if arrow == opener + 1 || !self.pair_at(arrow, Token::Minus, Token::Gt) {
            return false;
        }
        let (names, value) = (self.text_between(opener + 1, arrow), self.text_between(arrow + 2, close));
        let written = format!(": {names} {{ return {value}; }}");
        self.report_form(opener..close + 1, "Functions are written without an arrow", written);
        self.replace(opener..close + 1, &[Token::ErrorExpr]);
        true
    }

    /// `0..10..2`, `0..10 step 2`, `0 to 10`.
    pub(super) fn range_in_words(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let follows_value = self.before(fault).is_some_and(|before| before.token.ends_operand());
        if !follows_value || expected.expression() || self.begins_line(fault) || context.statement >= fault {
            return false;
        }
        let span = self.span(fault);
        let in_loop = self.token(context.statement) == Some(Token::For)
            && context.frames.last().is_none_or(|frame| frame.opener < context.statement);
        match (self.token(fault), self.text_of(fault)) {
            (Some(Token::Ident(_)), "to" | "until" | "upto") if in_loop => {
                let diagnostic = Diagnostic::error("E0208", "A range is written with two dots", span)
                    .labelled("write `..`")
                    .with_note("a range ends before its second number")
                    .with_suggestion("write `..`", span, "..");
                self.report(fault, diagnostic);
                self.replace(fault..fault + 1, &[Token::DotDot]);
            }
            (Some(Token::DotDot), _) => self.step_of_range(fault, fault + 1),
            (Some(Token::Ident(_)), "step" | "by") if in_loop => self.step_of_range(fault, fault + 1),
            _ => return false,
        }
        true
    }

    /// Reports the step that begins at `word` and whose value begins at `value`, and goes on without it.
    fn step_of_range(&mut self, word: usize, value: usize) {
        let end = self.expression_end(value);
        let end = (value..end).find(|&index| self.token(index) == Some(Token::LBrace)).unwrap_or(end);
        let diagnostic = Diagnostic::error("E0209", "A range has no step", self.span_between(word, end.max(value)))
            .labelled("it has each number from its first to the one before its second")
            .with_help(STEPS);
        self.report(word, diagnostic);
        self.lexemes.drain(word..end);
    }

    /// `[x * 2 for x in xs if x > 1]`.
    pub(super) fn comprehension(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        if self.token(fault) != Some(Token::For)
            || !matches!(self.lexemes[opener].token, Token::LParen | Token::LBracket | Token::LDict)
        {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        let span = self.span_between(opener, close + 1);
        let diagnostic = Diagnostic::error("E0209", "Walrus has no comprehensions", span)
            .labelled("a loop in a value")
            .with_help(self.loop_of_comprehension(opener, fault, close));
        self.report(fault, diagnostic);
        self.replace(opener + 1..close, &[Token::ErrorExpr]);
        if self.lexemes[opener].token == Token::LDict {
            self.replace(opener..opener + 3, &[Token::ErrorExpr]);
        }
        true
    }

    /// What to write instead of a comprehension with its `for` at `word`.
    fn loop_of_comprehension(&self, opener: usize, word: usize, close: usize) -> String {
        const MAP: &str =
            "a list is made of another by `xs.map(: x { return x * 2; })`, `xs.filter(…)`, or a loop that pushes";
        let value = self.text_between(opener + 1, word);
        let inner = self.text_between(opener + 1, close);
        let one = |wanted: Token| {
            let mut found = (word + 1..close).filter(|&index| self.token(index) == Some(wanted));
            found.next().filter(|_| found.next().is_none())
        };
        let is_list = self.lexemes[opener].token != Token::LDict
            && (opener + 1..word).all(|i| self.lexemes[i].token != Token::Comma);
        let further = (word + 1..close).any(|index| self.token(index) == Some(Token::For));
        if !is_list || further || inner.contains('\n') || inner.len() > 60 || one(Token::In).is_none() {
            return MAP.to_owned();
        }
        let condition = (word + 1..close).find(|&i| matches!(self.token(i), Some(Token::If | Token::IfExpr)));
        let head = self.text_between(word, condition.unwrap_or(close));
        let body = format!("ys.push({value});");
        match condition {
            Some(condition) => {
                let asked = self.text_between(condition, close);
                format!("a loop that pushes: `let ys = []; {head} {{ {asked} {{ {body} }} }}`")
            }
            None => format!("a loop that pushes: `let ys = []; {head} {{ {body} }}`"),
        }
    }
}

/// How negative bounds count.
const FROM_THE_END: &str = "in a slice, a negative number counts from behind the last item: `xs[0..-1]` is all of `xs`";

/// How to go by steps.
const STEPS: &str = "to go by steps, count by a loop: `let i = 0; while i < n { …; i += 2; }`";
