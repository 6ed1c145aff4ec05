//! Heads of functions and loops that were not understood: what they define stays defined, so that their bodies are not
//! full of errors.

use std::ops::Range;

use super::Recovery;
use crate::source::{Diagnostic, Span};
use crate::syntax::lexer::{Lexeme, Token};

impl Recovery<'_> {
    /// `def f(a):` and the lines below it that stand further to the right.
    pub(super) fn function_by_indentation(&mut self, start: usize) -> bool {
        if !matches!(self.token(start + 1), Some(Token::Ident(_))) {
            return false;
        }
        let close = match self.token(start + 2) {
            Some(Token::LParen) => self.closer_of(start + 2),
            _ => Some(start + 1),
        };
        let Some(close) = close else { return false };
        // A return type may stand before the colon, and there are languages without the colon.
        let line = |index: &usize| *index < self.lexemes.len() && !self.begins_line(*index);
        let last = (start + 1..).take_while(line).last().unwrap_or(start + 1);
        let has_brace = (start..=last).any(|index| matches!(self.token(index), Some(Token::LBrace | Token::LDict)));
        let colon = if self.token(last) == Some(Token::Colon) { last } else { close };
        if has_brace || (colon != last) {
            return false;
        }
        let margin = self.indentation(start).len();
        let is_body = |index: &usize| !self.begins_line(*index) || self.indentation(*index).len() > margin;
        let mut end = (colon + 1..self.lexemes.len()).take_while(is_body).last().map_or(colon + 1, |last| last + 1);
        if end == colon + 1 && self.token(start) == Some(Token::Fn) {
            return false;
        }
        if self.token(end).is_some_and(|token| matches!(token, Token::Ident(_))) && self.text_of(end) == "end" {
            end += 1;
        }
        let params = if close > start + 2 { self.params_between(start + 3..close) } else { Vec::new() };
        let spaced = format!("fn {} : {}", self.text_of(start + 1), self.written_params(&params));
        let written = format!("{} {{", spaced.trim_end());
        let span = Span::new(self.file, self.span(start).lo, self.span(colon).hi);
        let diagnostic = Diagnostic::error("E0209", "The body of a function stands in braces", span)
            .labelled(format!("write `{written}`, and `}}` behind the last line of its body"))
            .with_suggestion(format!("write `{written}`"), span, written);
        self.report(start, diagnostic);
        let token_at = |token: Token, index: usize| Lexeme { token, ..self.lexemes[index] };
        let name = self.lexemes[start + 1];
        let mut head = vec![token_at(Token::Fn, start), name, Lexeme { token: Token::Colon, lo: name.hi, hi: name.hi }];
        head.extend(lexemes_of(&params));
        let hi = self.span(end - 1).hi;
        head.push(Lexeme { token: Token::LBrace, lo: self.span(colon).hi, hi: self.span(colon).hi });
        head.extend([Token::ErrorStmt, Token::RBrace].map(|token| Lexeme { token, lo: hi, hi }));
        self.lexemes.splice(start..end, head);
        true
    }

    /// The head of a `for` or `fn` that was given up, in front of its block at `end`, as one that defines the same
    /// names.
    pub(super) fn head_that_defines(&self, start: usize, end: usize) -> Option<Vec<Lexeme>> {
        if self.token(end) != Some(Token::LBrace) {
            return None;
        }
        let hi = self.span(end - 1).hi;
        let token_at_end = |token| Lexeme { token, lo: hi, hi };
        let is_name = |lexeme: &&Lexeme| matches!(lexeme.token, Token::Ident(_));
        let (mut head, names, rest) = match self.token(start)? {
            Token::For => {
                let is_head = |lexeme: &&Lexeme| {
                    matches!(lexeme.token, Token::Ident(_) | Token::Comma | Token::LParen | Token::Let)
                };
                // Of `for x of xs` the first name alone: each further one comes behind a comma.
                let mut due = true;
                let mut names = Vec::new();
                for lexeme in self.lexemes[start + 1..end].iter().take_while(is_head) {
                    if is_name(&lexeme) && due {
                        names.push(*lexeme);
                        due = false;
                    }
                    due |= lexeme.token == Token::Comma;
                }
                (vec![self.lexemes[start]], names, vec![token_at_end(Token::In), token_at_end(Token::ErrorExpr)])
            }
            Token::Fn if matches!(self.token(start + 1), Some(Token::Ident(_))) => {
                let mut names: Vec<Lexeme> = Vec::new();
                for lexeme in self.lexemes[start + 2..end].iter().filter(is_name) {
                    if !names.iter().any(|known| known.token == lexeme.token) {
                        names.push(*lexeme);
                    }
                }
                let lo = self.span(start + 1).hi;
                let colon = Lexeme { token: Token::Colon, lo, hi: lo };
                (vec![self.lexemes[start], self.lexemes[start + 1], colon], names, vec![])
            }
            _ => return None,
        };
        if names.is_empty() && self.token(start) == Some(Token::For) {
            return None;
        }
        let names: Vec<Param> = names.into_iter().map(|name| Param { name, default: None }).collect();
        head.extend(lexemes_of(&names));
        head.extend(rest);
        Some(head)
    }

    /// The parameters in a head of any language: `a`, `a: int`, `int a`, `a = 1`, `*args`, and `a int` of Go.
    pub(super) fn params_between(&self, range: Range<usize>) -> Vec<Param> {
        // In Go, names stand before their types: `func f(` or `func (` comes before them.
        let word_before =
            |count: usize| range.start.checked_sub(count).is_some_and(|index| self.text_of(index) == "func");
        let is_go = word_before(2) || word_before(3);
        let mut params = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let end = self.expression_end(start).min(range.end);
            let find = |wanted: fn(Token) -> bool| (start..end).find(|&index| wanted(self.lexemes[index].token));
            let typed_end = find(|token| matches!(token, Token::Colon | Token::Assign)).unwrap_or(end);
            let mut names =
                self.lexemes[start..typed_end].iter().filter(|lexeme| matches!(lexeme.token, Token::Ident(_)));
            let default = find(|token| token == Token::Assign).map(|assign| assign + 1..end);
            let name = if is_go { names.next() } else { names.next_back() };
            params.extend(name.map(|name| Param { name: *name, default }));
            start = end + 1;
        }
        params
    }

    /// Parameters as they would be written in Walrus: without types, with their defaults.
    pub(super) fn written_params(&self, params: &[Param]) -> String {
        let written = |param: &Param| match &param.default {
            Some(default) => {
                format!("{} = {}", self.text_in(&param.name), self.text_between(default.start, default.end))
            }
            None => self.text_in(&param.name).to_string(),
        };
        params.iter().map(written).collect::<Vec<_>>().join(", ")
    }
}

/// A parameter of a head that is not one of Walrus.
pub(super) struct Param {
    name: Lexeme,
    /// The tokens of its default value, if it has one.
    default: Option<Range<usize>>,
}

impl Param {
    pub(super) fn is(&self, text: &str, of: &Recovery<'_>) -> bool {
        of.text_in(&self.name) == text
    }
}

/// Parameters with commas between them. Defaults become values about which nothing is known.
pub(super) fn lexemes_of(params: &[Param]) -> Vec<Lexeme> {
    let mut lexemes = Vec::new();
    for (index, Param { name, default }) in params.iter().enumerate() {
        if index > 0 {
            lexemes.push(Lexeme { token: Token::Comma, lo: name.lo, hi: name.lo });
        }
        lexemes.push(*name);
        if default.is_some() {
            lexemes.extend([Token::Assign, Token::ErrorExpr].map(|token| Lexeme { token, lo: name.hi, hi: name.hi }));
        }
    }
    lexemes
}
