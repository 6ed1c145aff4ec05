//! Operators of other languages; see [`super::expressions`].

use super::{Context, Recovery, to_be_written};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::Expected;
use crate::syntax::lexer::{Lexeme, Token};

impl Recovery<'_> {
    /// Two operators that stand for one of another language.
    pub(super) fn foreign_pair(&mut self, fault: usize) -> bool {
        for index in [fault, fault.wrapping_sub(1), fault.wrapping_sub(2)] {
            if index >= self.lexemes.len() || index < self.from {
                continue;
            }
            let pair = |first, second| self.pair_at(index, first, second);
            let span = self.span_between(index, (index + 2).min(self.lexemes.len()));
            let text = self.text_between(index, (index + 2).min(self.lexemes.len())).to_string();
            let error = Diagnostic::error("E0208", format!("`{text}` is not an operator of Walrus"), span);
            if pair(Token::Tilde, Token::Assign) || pair(Token::Lt, Token::Gt) {
                self.report(fault, error.labelled("write `!=`").with_suggestion("write `!=`", span, "!="));
                self.replace(index..index + 2, &[Token::Ne]);
            } else if pair(Token::Colon, Token::Colon) && !self.begins_slice(index) {
                self.report(fault, error.labelled("write `.`").with_suggestion("write `.`", span, "."));
                self.replace(index..index + 2, &[Token::Dot]);
            } else if pair(Token::DotDot, Token::Assign) {
                let end = self.expression_end(index + 2);
                let body = (index + 2..end).find(|&i| self.token(i) == Some(Token::LBrace)).unwrap_or(end);
                let last = self.text_between(index + 2, body);
                let one_more = last.parse().ok().and_then(|last: i64| last.checked_add(1));
                let written = one_more.map_or_else(|| format!("..{last} + 1"), |end| format!("..{end}"));
                let whole = self.span_between(index, body.max(index + 2));
                let diagnostic =
                    error.labelled("a range ends before its second number").with_suggestion("add one", whole, written);
                self.report(fault, diagnostic);
                self.replace(index..index + 2, &[Token::DotDot]);
            } else if pair(Token::DotDot, Token::Dot) {
                self.three_dots(index, fault);
            } else if (pair(Token::Plus, Token::Plus) || pair(Token::Minus, Token::Minus))
                && self.is_step_of_variable(index)
            {
                self.step_of_variable(index);
            } else {
                continue;
            }
            return true;
        }
        false
    }

    /// `[...xs, 1]`, `f(...xs)`, and `0...n`.
    fn three_dots(&mut self, dots: usize, fault: usize) {
        let span = self.span_between(dots, dots + 2);
        let error = Diagnostic::error("E0208", "`...` is not an operator of Walrus", span);
        if self.before(dots).is_some_and(|before| before.token.ends_operand()) {
            let diagnostic = error.labelled("a range has two dots, and ends before its second number").with_suggestion(
                "write `..`",
                span,
                "..",
            );
            self.report(fault, diagnostic);
            self.replace(dots..dots + 2, &[Token::DotDot]);
            return;
        }
        let help = "sequences are joined with `+`: `[1] + xs`";
        self.report(fault, error.labelled("takes nothing apart here").with_help(help));
        self.lexemes.drain(dots..dots + 2);
    }

    /// `xs[::2]`
    fn begins_slice(&self, colons: usize) -> bool {
        self.before(colons).is_some_and(|before| before.token == Token::LBracket)
            || !matches!(self.token(colons + 2), Some(Token::Ident(_) | Token::Lt))
    }

    /// Whether `++` or `--` at `pair` is a statement with one name.
    pub(super) fn is_step_of_variable(&self, pair: usize) -> bool {
        let begins = |index: usize| {
            index <= self.from
                || matches!(
                    self.token(index - 1),
                    Some(Token::Semicolon | Token::LBrace | Token::RBrace | Token::ErrorStmt)
                )
        };
        let ends = |index: usize| matches!(self.token(index), Some(Token::Semicolon | Token::RBrace) | None);
        let is_name = |index: usize| matches!(self.token(index), Some(Token::Ident(_)));
        (begins(pair) && is_name(pair + 2) && ends(pair + 3))
            || (pair > self.from && is_name(pair - 1) && begins(pair - 1) && (ends(pair + 2)))
    }

    /// `i--;` and `++i;`.
    pub(super) fn step_of_variable(&mut self, pair: usize) {
        let operator = self.text_between(pair, pair + 2).to_string();
        let (step, token) = if operator == "++" { ("+= 1", Token::AddAssign) } else { ("-= 1", Token::SubAssign) };
        let is_prefix = matches!(self.token(pair + 2), Some(Token::Ident(_)));
        let (range, name) = match is_prefix {
            true => (pair..pair + 3, self.lexemes[pair + 2]),
            false => (pair - 1..pair + 2, self.lexemes[pair - 1]),
        };
        let written = format!("{} {step}", self.text_in(&name));
        let whole = self.span_between(range.start, range.end);
        let span = self.span_between(pair, pair + 2);
        let error = Diagnostic::error("E0208", format!("`{operator}` is not an operator of Walrus"), span);
        self.report(pair, to_be_written(error, whole, written));
        let hi = whole.hi;
        let name = Lexeme { token: name.token, lo: whole.lo, hi: whole.lo.max(name.hi.min(hi)) };
        let rest = [token, Token::ErrorExpr].map(|token| Lexeme { token, lo: hi, hi });
        self.lexemes.splice(range, [name].into_iter().chain(rest));
    }

    /// `a is b`, `a is not b`, `a instanceof B`.
    pub(super) fn word_as_operator(&mut self, fault: usize, expected: &Expected) -> bool {
        if !matches!(self.token(fault), Some(Token::Ident(_))) || !expected.has("==") {
            return false;
        }
        let word = self.text_of(fault).to_string();
        let (len, written, token) = match (word.as_str(), self.token(fault + 1)) {
            ("is", Some(Token::Not)) => (2, "!=", Token::Ne),
            ("is", _) => (1, "==", Token::Eq),
            ("isnt" | "ne", _) => (1, "!=", Token::Ne),
            ("eq", _) => (1, "==", Token::Eq),
            ("instanceof", _) => (1, "", Token::Eq),
            ("mod", _) => (1, "%", Token::Percent),
            ("AND", _) => (1, "and", Token::And),
            ("OR", _) => (1, "or", Token::Or),
            _ => return false,
        };
        let span = self.span_between(fault, fault + len);
        let text = self.text_between(fault, fault + len).to_string();
        let error = Diagnostic::error("E0208", format!("`{text}` is not an operator of Walrus"), span);
        let diagnostic = match written {
            "" => error
                .labelled("not known here")
                .with_help("`core.type(x)` tells the type of a value: `core.type(x) == \"int\"`"),
            _ => to_be_written(error, span, written),
        };
        self.report(fault, diagnostic);
        self.replace(fault..fault + len, &[token]);
        if written.is_empty() {
            let end = (fault + 1..self.lexemes.len())
                .take_while(|&index| matches!(self.token(index), Some(Token::Ident(_) | Token::Dot)))
                .last()
                .map_or(fault + 1, |last| last + 1);
            self.replace(fault + 1..end, &[Token::ErrorExpr]);
        }
        true
    }

    /// `=` in a condition, `===`, `++`.
    pub(super) fn foreign_operator(&mut self, fault: usize, context: &Context) -> bool {
        let span = self.span(fault);
        let touches = self.touches_before(fault);
        let before = self.before(fault).map(|before| before.token);
        match (before, self.token(fault)) {
            (Some(Token::Eq | Token::Ne), Some(Token::Assign)) if touches => {
                let span = self.span(fault - 1).to(span);
                let written = if before == Some(Token::Eq) { "==" } else { "!=" };
                let error = Diagnostic::error("E0208", format!("`{written}=` is not an operator of Walrus"), span);
                self.report(fault, to_be_written(error, span, written));
                self.lexemes.remove(fault);
                true
            }
            (Some(Token::Plus), Some(Token::Plus)) if touches && self.is_operand(fault + 1) => {
                let span = self.span(fault - 1).to(span);
                let diagnostic = Diagnostic::error("E0208", "`++` is not an operator of Walrus", span)
                    .labelled("texts, lists and tuples are joined with `+`")
                    .with_suggestion("write `+`", span, "+");
                self.report(fault, diagnostic);
                self.lexemes.remove(fault);
                true
            }
            (Some(Token::Plus), Some(Token::Plus)) if touches => {
                let span = self.span(fault - 1).to(span);
                let diagnostic = Diagnostic::error("E0208", "`++` is not an operator of Walrus", span)
                    .labelled("write `+= 1`")
                    .with_suggestion("write `+= 1`", span, " += 1");
                self.report(fault, diagnostic);
                self.replace(fault - 1..fault + 1, &[Token::AddAssign, Token::ErrorExpr]);
                true
            }
            (Some(Token::Assign), Some(token)) if touches && assigned_by(token).is_some() => {
                let span = self.span(fault - 1).to(span);
                let (written, assign) = assigned_by(token).unwrap_or(("=", Token::Assign));
                let error = Diagnostic::error(
                    "E0208",
                    format!("`={}` is not an operator of Walrus", self.text_of(fault)),
                    span,
                );
                self.report(fault, to_be_written(error, span, written));
                self.replace(fault - 1..fault + 1, &[assign]);
                true
            }
            (_, Some(Token::Assign))
                if matches!(self.token(context.statement), Some(Token::If | Token::While))
                    && context.frames.last().is_none_or(|frame| {
                        frame.opener < context.statement || frame.statement == context.statement
                    }) =>
            {
                let diagnostic = Diagnostic::error("E0207", "Assignment in a condition", span)
                    .labelled("`=` assigns and `==` compares")
                    .with_suggestion("compare with `==`", span, "==");
                self.report(fault, diagnostic);
                self.lexemes[fault].token = Token::Eq;
                true
            }
            _ => false,
        }
    }

    /// Whether a value begins here.
    pub(super) fn is_operand(&self, index: usize) -> bool {
        use Token::*;
        matches!(
            self.token(index),
            Some(Ident(_) | Int(_) | Float(_) | Str(_) | FStringStart | LParen | LBracket | LDict | True | False)
        )
    }

    /// `x >= 3` with its characters swapped, in a condition: `x => 3` and `x =< 3`.
    pub(super) fn swapped_comparison(&mut self, fault: usize, context: &Context) -> bool {
        let is_condition = matches!(self.token(context.statement), Some(Token::If | Token::While))
            && context.frames.last().is_none_or(|frame| frame.opener < context.statement);
        if !is_condition || !self.touches_before(fault + 1) || self.token(fault) != Some(Token::Assign) {
            return false;
        }
        let (written, token) = match self.token(fault + 1) {
            Some(Token::Gt) => (">=", Token::Ge),
            Some(Token::Lt) => ("<=", Token::Le),
            _ => return false,
        };
        let span = self.span_between(fault, fault + 2);
        let text = self.text_between(fault, fault + 2).to_string();
        let error = Diagnostic::error("E0208", format!("`{text}` is not an operator of Walrus"), span);
        self.report(fault, to_be_written(error, span, written));
        self.replace(fault..fault + 2, &[token]);
        true
    }

    /// `x > 2 and < 5`
    pub(super) fn comparison_without_left_side(&mut self, fault: usize) -> bool {
        let is_comparison = |index: usize| {
            matches!(
                self.token(index),
                Some(Token::Lt | Token::Le | Token::Gt | Token::Ge | Token::Eq | Token::Ne | Token::In)
            )
        };
        let is_joined = self.before(fault).is_some_and(|before| matches!(before.token, Token::And | Token::Or));
        if !is_joined || !is_comparison(fault) {
            return false;
        }
        let place = Span::new(self.file, self.span(fault).lo, self.span(fault).lo);
        let mut diagnostic = Diagnostic::error("E0201", "A comparison has a value on both sides", self.span(fault))
            .labelled("nothing stands on the left of this");
        // The value is the one before the nearest comparison, if that is plain.
        let is_part = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_) | Token::Dot | Token::Int(_)));
        let left = (self.from..fault - 1).rev().find(|&index| is_comparison(index)).and_then(|comparison| {
            let first = (self.from..comparison).rev().take_while(is_part).last()?;
            let opens = self.before(first).is_none_or(|before| {
                matches!(before.token, Token::If | Token::While | Token::IfExpr | Token::LParen | Token::Assign)
                    || matches!(before.token, Token::And | Token::Or | Token::Return)
            });
            opens.then(|| self.text_between(first, comparison).to_string())
        });
        diagnostic = match left {
            Some(left) => diagnostic.with_suggestion("write the value again", place, format!("{left} ")),
            None => diagnostic.with_help("write the value again: `a < b and b < c`"),
        };
        self.report(fault, diagnostic);
        self.insert(fault, Token::ErrorExpr);
        true
    }
}

/// The assignment that is meant by `=` in front of an operator, such as `=+`.
fn assigned_by(operator: Token) -> Option<(&'static str, Token)> {
    Some(match operator {
        Token::Plus => ("+=", Token::AddAssign),
        Token::Star => ("*=", Token::MulAssign),
        Token::Slash => ("/=", Token::DivAssign),
        Token::Percent => ("%=", Token::ModAssign),
        Token::StarStar => ("**=", Token::PowAssign),
        Token::Amp => ("&=", Token::BitAndAssign),
        Token::Pipe => ("|=", Token::BitOrAssign),
        Token::Caret => ("^=", Token::BitXorAssign),
        _ => return None,
    })
}
