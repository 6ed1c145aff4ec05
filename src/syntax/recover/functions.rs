//! Functions without a name as other languages write them; see [`super::expressions`].

use super::heads::{Param, lexemes_of};
use super::{Context, Recovery};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::Expected;
use crate::syntax::lexer::{Lexeme, Token};

impl Recovery<'_> {
    /// `x => e`, `(a, b) => { … }`, `x -> e`, `-> int` behind parameters, `"key" => value`.
    pub(super) fn arrow(&mut self, fault: usize, context: &Context) -> bool {
        let is_arrow = |index: usize| {
            self.pair_at(index, Token::Assign, Token::Gt) || self.pair_at(index, Token::Minus, Token::Gt)
        };
        let Some(arrow) =
            [fault, fault.wrapping_sub(1)].into_iter().find(|&index| index < self.lexemes.len() && is_arrow(index))
        else {
            return false;
        };
        if arrow <= self.from {
            return false;
        }
        if self.token(context.statement) == Some(Token::Fn)
            && context.frames.last().is_none_or(|f| f.opener < context.statement)
        {
            let Some(body) = (arrow..self.lexemes.len()).find(|&index| self.token(index) == Some(Token::LBrace)) else {
                return false;
            };
            let span = self.span_between(arrow, body);
            let diagnostic = Diagnostic::error("E0209", "Functions are written without types", span)
                .labelled("a function may return any value")
                .with_suggestion("remove the type", span, "");
            self.report(arrow, diagnostic);
            self.lexemes.drain(arrow..body);
            return true;
        }
        if arrow >= 2 && self.token(arrow - 2) == Some(Token::Catch) {
            let span = self.span_between(arrow, arrow + 2);
            let diagnostic = Diagnostic::error("E0208", "No arrow stands behind the name of a `catch`", span)
                .labelled("the block follows the name")
                .with_suggestion("remove it", Span::new(self.file, span.lo, self.span(arrow + 2).lo), "");
            self.report(arrow, diagnostic);
            self.lexemes.drain(arrow..arrow + 2);
            if self.token(arrow) == Some(Token::LDict) {
                self.lexemes[arrow].token = Token::LBrace;
            }
            return true;
        }
        let in_dict = context.frames.last().is_some_and(|frame| self.lexemes[frame.opener].token == Token::LDict);
        if in_dict && self.token(arrow) == Some(Token::Assign) {
            let span = self.span_between(arrow, arrow + 2);
            let diagnostic = Diagnostic::error("E0208", "`=>` is not an operator of Walrus", span)
                .labelled("write `:` between key and value")
                .with_suggestion("write `:`", span, ":");
            self.report(arrow, diagnostic);
            self.replace(arrow..arrow + 2, &[Token::Colon]);
            if arrow >= 2 && self.token(arrow - 2) == Some(Token::Colon) {
                // `:name => value`: the key is the word.
                self.replace(arrow - 2..arrow, &[Token::ErrorExpr]);
            }
            return true;
        }
        let (start, params) = match self.token(arrow - 1) {
            Some(Token::Ident(_)) => match self.colon_before_names(arrow) {
                Some(colon) => (colon, self.params_between(colon + 1..arrow)),
                None => (arrow - 1, self.params_between(arrow - 1..arrow)),
            },
            Some(Token::RParen) => {
                let Some(open) = self.opener_of(arrow - 1) else { return false };
                let params = self.params_between(open + 1..arrow - 1);
                (self.colon_before_names(open).unwrap_or(open), params)
            }
            // `: => e`
            Some(Token::Colon) if self.colon_before_names(arrow).is_some() => (arrow - 1, Vec::new()),
            _ => return false,
        };
        self.make_lambda(start, params, arrow + 2, "Functions are written without an arrow");
        true
    }

    /// `function (x) { … }`, `async (x) => …` and `: (x) => …`.
    pub(super) fn function_in_expression(&mut self, fault: usize) -> bool {
        if self.token(fault) == Some(Token::LParen)
            && fault > self.from
            && (self.lexemes[fault - 1].token == Token::Async || self.colon_before_names(fault) == Some(fault - 1))
        {
            let Some(close) = self.closer_of(fault) else { return false };
            if !self.pair_at(close + 1, Token::Assign, Token::Gt) {
                return false;
            }
            let params = self.params_between(fault + 1..close);
            let start = self.colon_before_names(fault).unwrap_or(fault);
            self.make_lambda(start, params, close + 3, "Functions are written without an arrow");
            return true;
        }
        if self.token(fault) == Some(Token::Fn) {
            return self.function_after_fn(fault);
        }
        if fault <= self.from || self.lexemes[fault - 1].token != Token::RParen {
            return false;
        }
        let Some(open) = self.opener_of(fault - 1) else { return false };
        self.function_after_word(open, fault - 1) || self.function_without_word(open, fault)
    }

    /// `fn (a) => e`, `fn a, b { … }` and `fn a => e`, where a value is due.
    fn function_after_fn(&mut self, fault: usize) -> bool {
        let is_head = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_) | Token::Comma));
        let (params, end) = match self.token(fault + 1) {
            Some(Token::LParen) => match self.closer_of(fault + 1) {
                Some(close) => (fault + 2..close, close + 1),
                None => return false,
            },
            Some(Token::Ident(_)) => {
                let end = (fault + 1..).take_while(is_head).last().map_or(fault + 1, |last| last + 1);
                (fault + 1..end, end)
            }
            _ => return false,
        };
        let is_arrow = self.pair_at(end, Token::Assign, Token::Gt) || self.pair_at(end, Token::Minus, Token::Gt);
        let is_block = matches!(self.token(end), Some(Token::LBrace | Token::LDict));
        // With a name and parentheses it is a definition, and with parentheses alone a form that has its own words.
        if !(is_arrow || is_block && self.token(fault + 1) != Some(Token::LParen)) {
            return false;
        }
        let params = self.params_between(params);
        let body = if is_arrow { end + 2 } else { end };
        self.make_lambda(fault, params, body, "Functions without a name begin with a `:`");
        true
    }

    /// `(a, b) { … }`
    fn function_without_word(&mut self, open: usize, body: usize) -> bool {
        let is_name = |index: usize| matches!(self.token(index), Some(Token::Ident(_) | Token::Comma));
        let place = open.checked_sub(1).filter(|&index| index >= self.from).and_then(|index| self.token(index));
        let is_value = matches!(place, Some(Token::Assign | Token::LParen | Token::Comma | Token::Return));
        let is_head = is_value && (open + 1..body - 1).all(is_name);
        if is_head && matches!(self.token(body), Some(Token::LBrace | Token::LDict)) {
            let params = self.params_between(open + 1..body - 1);
            self.make_lambda(open, params, body, "Functions without a name begin with a `:`");
            return true;
        }
        false
    }

    /// The `:` that begins a function without a name, if nothing but names stands between it and `end`.
    fn colon_before_names(&self, end: usize) -> Option<usize> {
        let is_name = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_) | Token::Comma));
        let first = (self.from..end).rev().take_while(is_name).last().unwrap_or(end);
        let colon = first.checked_sub(1).filter(|&index| index >= self.from)?;
        // Behind a value it stands between the key and the value of a dict.
        let is_behind_value = self.before(colon).is_some_and(|before| before.token.ends_operand());
        (self.token(colon) == Some(Token::Colon) && !is_behind_value).then_some(colon)
    }

    /// `: x x * 2`, `: x (x * 2)` and `: a, b a + b`: a body without its braces.
    pub(super) fn body_without_braces(&mut self, fault: usize, expected: &Expected) -> bool {
        if !expected.has("{") || !expected.has("=") || expected.expression() || self.begins_line(fault) {
            return false;
        }
        let Some(colon) = self.colon_before_names(fault) else { return false };
        let body = match self.token(fault) {
            Some(Token::Ident(_) | Token::Int(_) | Token::Float(_) | Token::Str(_) | Token::FStringStart) => fault,
            Some(Token::LParen | Token::LBracket | Token::Not | Token::Return | Token::Print | Token::Println) => fault,
            // `: x, x * 2`
            Some(token) if token.wants_operand() && self.token(fault - 2) == Some(Token::Comma) => fault - 1,
            Some(Token::Dot) if self.token(fault - 2) == Some(Token::Comma) => fault - 1,
            _ => return false,
        };
        let last = if body < fault { body - 1 } else { body };
        let params = self.params_between(colon + 1..last);
        self.make_lambda(colon, params, body, "The body of a function stands in braces");
        true
    }

    /// `function (int a) { … }` and `(a = 1) => e`: the fault is in the parentheses already.
    pub(super) fn typed_head(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let open = frame.opener;
        if fault <= open || self.lexemes[open].token != Token::LParen {
            return false;
        }
        let Some(close) = self.closer_of(open) else { return false };
        if self.pair_at(close + 1, Token::Assign, Token::Gt) || self.pair_at(close + 1, Token::Minus, Token::Gt) {
            let params = self.params_between(open + 1..close);
            self.make_lambda(open, params, close + 3, "Functions are written without an arrow");
            return true;
        }
        self.function_after_word(open, close)
    }

    /// A function without a name in a form of another language: a word, parameters between parentheses, a block.
    pub(super) fn function_after_word(&mut self, open: usize, close: usize) -> bool {
        let has_body = matches!(self.token(close + 1), Some(Token::LBrace | Token::LDict));
        let is_word = open > self.from && matches!(self.text_of(open - 1), "function" | "func" | "fun" | "def" | "fn");
        if has_body && is_word {
            let params = self.params_between(open + 1..close);
            self.make_lambda(open - 1, params, close + 1, "Functions without a name begin with a `:`");
        }
        has_body && is_word
    }

    /// Reports a function without a name whose head begins at `start` and whose body, a block or an expression, begins
    /// at `body`, and makes it one of Walrus.
    pub(super) fn make_lambda(&mut self, start: usize, params: Vec<Param>, body: usize, message: &str) {
        let written = format!(": {}", self.written_params(&params)).trim_end().to_string();
        let is_block = matches!(self.token(body), Some(Token::LBrace | Token::LDict));
        let end = self.expression_end(body).max(body);
        if is_block {
            let gap = self.gap_before(body);
            self.report_form(start..body, message, format!("{written}{gap}"));
            self.lexemes[body].token = Token::LBrace;
        } else {
            let value = self.text_between(body, end).to_string();
            let is_statement =
                matches!(self.token(body), Some(Token::Print | Token::Println | Token::Throw | Token::Return));
            let word = if is_statement { "" } else { "return " };
            self.report_form(start..end, message, format!("{written} {{ {word}{value}; }}"));
            // There may be nothing behind the head.
            let (lo, hi) = match end > body {
                true => (self.span(body).lo, self.span(end - 1).hi),
                false => (self.span(body - 1).hi, self.span(body - 1).hi),
            };
            let after = [Token::Semicolon, Token::RBrace].map(|token| Lexeme { token, lo: hi, hi });
            let before = [Token::LBrace, Token::Return].map(|token| Lexeme { token, lo, hi: lo });
            self.lexemes.splice(end..end, after);
            self.lexemes.splice(body..body, before.into_iter().take(if is_statement { 1 } else { 2 }));
        }
        let lo = self.span(start).lo;
        let mut head = vec![Lexeme { token: Token::Colon, lo, hi: lo }];
        head.extend(lexemes_of(&params));
        self.lexemes.splice(start..body, head);
    }

    /// `|x| x * 2`.
    pub(super) fn closure_in_bars(&mut self, fault: usize) -> bool {
        if self.token(fault) != Some(Token::Pipe)
            || self.before(fault).is_some_and(|before| before.token.ends_operand())
        {
            return false;
        }
        let is_param = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_) | Token::Comma | Token::Amp));
        let close = (fault + 1..).take_while(is_param).last().map_or(fault + 1, |last| last + 1);
        if self.token(close) != Some(Token::Pipe) {
            return false;
        }
        let params = self.params_between(fault + 1..close);
        self.make_lambda(fault, params, close + 1, "Functions are written without bars");
        true
    }
}
