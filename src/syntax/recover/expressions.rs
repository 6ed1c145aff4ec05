//! Expressions as other languages write them: each is reported once, with the Walrus way, and read as what was meant or
//! as a value about which nothing is known, so that nothing around it is reported because of it.

use super::heads::{Param, lexemes_of};
use super::{Context, Recovery, to_be_written};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::Expected;
use crate::syntax::lexer::{Lexeme, Token};

impl Recovery<'_> {
    /// An error with what is to be written, where something is expected that people leave out.
    pub(super) fn with_advice(&self, fault: usize, error: Diagnostic) -> Diagnostic {
        let Some(before) = self.before(fault) else { return error };
        match (before.token, self.token(fault)) {
            (Token::Async, Some(Token::Dot)) => error
                .with_note("`async` is a keyword: it begins a function that makes tasks")
                .with_help("give the module a name of its own, `import \"std/async\" as tasks;`, and write `tasks.`"),
            (Token::DotDot, Some(Token::RBracket)) => self.with_end_of_slice(fault, error),
            _ => error,
        }
    }

    /// `xs[1..]`
    fn with_end_of_slice(&self, fault: usize, error: Diagnostic) -> Diagnostic {
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
        // Of a slice, -1 is the end.
        let end = object.map_or("-1".to_owned(), |index| format!("{}.len()", self.text_of(index)));
        let place = Span::new(self.file, self.span(fault).lo, self.span(fault).lo);
        error.with_suggestion("a slice has both ends: write the second one, too", place, end)
    }

    /// The fault at a token is an expression in a form of another language.
    pub(super) fn foreign_expression(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        self.arrow(fault, context)
            || self.function_in_expression(fault)
            || self.typed_head(fault, context)
            || self.foreign_pair(fault)
            || self.named_argument(fault, context)
            || self.colon_in_index(fault, context)
            || self.method_after_colon(fault)
            || self.word_as_operator(fault, expected)
            || self.word_before_operand(fault)
            || self.closure_in_bars(fault)
            || self.reference(fault)
            || self.list_in_braces(fault, expected, context)
            || self.comprehension(fault, context)
            || self.value_before_if(fault, expected, context)
            || self.instance_in_braces(fault, expected)
            || self.division_read_as_comment(fault, expected, context)
    }

    // Where things end.

    /// The token that closes the bracket at `open`.
    pub(super) fn closer_of(&self, open: usize) -> Option<usize> {
        let mut depth = 0;
        for index in open..self.lexemes.len() {
            match self.lexemes[index].token {
                Token::LParen | Token::LBracket | Token::LBrace | Token::LDict | Token::HoleStart => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace | Token::HoleEnd => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(index);
            }
        }
        None
    }

    /// The token behind the expression that begins at `from`: a comma, semicolon or closing bracket that does not
    /// belong to it, or a word on a further line that begins a statement.
    pub(super) fn expression_end(&self, from: usize) -> usize {
        let mut index = from;
        while let Some(token) = self.token(index) {
            match token {
                Token::LParen | Token::LBracket | Token::LBrace | Token::LDict | Token::HoleStart => {
                    match self.closer_of(index) {
                        Some(close) => index = close,
                        None => return index,
                    }
                }
                Token::RParen | Token::RBracket | Token::RBrace | Token::HoleEnd => return index,
                Token::Comma | Token::Semicolon | Token::ErrorStmt => return index,
                token if index > from && self.begins_line(index) && super::begins_statement(token) => return index,
                _ => {}
            }
            index += 1;
        }
        index
    }

    /// Whether two tokens stand at `index` and behind it with nothing between.
    fn pair_at(&self, index: usize, first: Token, second: Token) -> bool {
        self.token(index) == Some(first) && self.token(index + 1) == Some(second) && self.touches_before(index + 1)
    }

    /// The text from one token up to, without, another.
    pub(super) fn text_between(&self, from: usize, end: usize) -> &str {
        if from >= end || end > self.lexemes.len() {
            return "";
        }
        &self.text[self.lexemes[from].lo as usize..self.lexemes[end - 1].hi as usize]
    }

    pub(super) fn span_between(&self, from: usize, end: usize) -> Span {
        self.span(from).to(self.span(end.max(from + 1) - 1))
    }

    /// Reports what stands from one token up to another, and what to write instead.
    pub(super) fn report_form(&mut self, range: std::ops::Range<usize>, message: &str, written: String) {
        let span = self.span_between(range.start, range.end);
        self.report(range.start, to_be_written(Diagnostic::error("E0209", message, span), span, written));
    }

    // Functions.

    /// `x => e`, `(a, b) => { … }`, `x -> e`, `-> int` behind parameters, `"key" => value`.
    fn arrow(&mut self, fault: usize, context: &Context) -> bool {
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
            Some(Token::Ident(_)) => (arrow - 1, self.params_between(arrow - 1..arrow)),
            Some(Token::RParen) => {
                let Some(open) = self.opener_of(arrow - 1) else { return false };
                (open, self.params_between(open + 1..arrow - 1))
            }
            _ => return false,
        };
        self.make_lambda(start, params, arrow + 2, "Functions are written without an arrow");
        true
    }

    /// `function (x) { … }` and `async (x) => …`.
    fn function_in_expression(&mut self, fault: usize) -> bool {
        if self.token(fault) == Some(Token::LParen)
            && fault > self.from
            && self.lexemes[fault - 1].token == Token::Async
        {
            let Some(close) = self.closer_of(fault) else { return false };
            if !self.pair_at(close + 1, Token::Assign, Token::Gt) {
                return false;
            }
            let params = self.params_between(fault + 1..close);
            self.make_lambda(fault, params, close + 3, "Functions are written without an arrow");
            return true;
        }
        if fault <= self.from || self.lexemes[fault - 1].token != Token::RParen {
            return false;
        }
        self.opener_of(fault - 1).is_some_and(|open| self.function_after_word(open, fault - 1))
    }

    /// `function (int a) { … }` and `(a = 1) => e`: the fault is in the parentheses already.
    fn typed_head(&mut self, fault: usize, context: &Context) -> bool {
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
    fn function_after_word(&mut self, open: usize, close: usize) -> bool {
        let has_body = matches!(self.token(close + 1), Some(Token::LBrace | Token::LDict));
        let is_word = open > self.from && matches!(self.text_of(open - 1), "function" | "func" | "fun" | "def" | "fn");
        if has_body && is_word {
            let params = self.params_between(open + 1..close);
            self.make_lambda(open - 1, params, close + 1, "Functions without a name begin with a `:`");
        }
        has_body && is_word
    }

    /// The bracket that the one at `close` closes.
    fn opener_of(&self, close: usize) -> Option<usize> {
        let mut depth = 0;
        for index in (self.from..=close).rev() {
            match self.lexemes[index].token {
                Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
                Token::LParen | Token::LBracket | Token::LBrace | Token::LDict => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(index);
            }
        }
        None
    }

    /// Reports a function without a name whose head begins at `start` and whose body, a block or an expression, begins
    /// at `body`, and makes it one of Walrus.
    fn make_lambda(&mut self, start: usize, params: Vec<Param>, body: usize, message: &str) {
        let written = format!(": {}", self.written_params(&params)).trim_end().to_string();
        let is_block = matches!(self.token(body), Some(Token::LBrace | Token::LDict));
        let end = self.expression_end(body).max(body);
        if is_block {
            let gap = self.gap_before(body);
            self.report_form(start..body, message, format!("{written}{gap}"));
            self.lexemes[body].token = Token::LBrace;
        } else {
            let value = self.text_between(body, end).to_string();
            let is_statement = matches!(self.token(body), Some(Token::Print | Token::Println | Token::Throw));
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
    fn closure_in_bars(&mut self, fault: usize) -> bool {
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

    /// `lambda x: e`, `function (x) { … }`, `new P(1)`, `typeof x`: the word stands before the fault.
    fn word_before_operand(&mut self, fault: usize) -> bool {
        if fault <= self.from || !matches!(self.token(fault - 1), Some(Token::Ident(_))) {
            return false;
        }
        let word = fault - 1;
        match self.text_of(word) {
            "lambda" => {
                let Some(colon) = (fault..self.expression_end(fault)).find(|&i| self.token(i) == Some(Token::Colon))
                else {
                    return false;
                };
                let params = self.params_between(fault..colon);
                self.make_lambda(word, params, colon + 1, "Functions are written without `lambda`");
            }
            "new" => {
                let span = Span::new(self.file, self.span(word).lo, self.span(fault).lo);
                let diagnostic = Diagnostic::error("E0208", "`new` is not a word of Walrus", self.span(word))
                    .labelled("calling a struct makes an instance")
                    .with_suggestion("remove it", span, "");
                self.report(fault, diagnostic);
                self.lexemes.remove(word);
            }
            "match" | "switch" | "when" => {
                let end = self.expression_end(fault);
                let Some(open) = (fault..end).find(|&i| matches!(self.token(i), Some(Token::LBrace | Token::LDict)))
                else {
                    return false;
                };
                let Some(close) = self.closer_of(open) else { return false };
                let text = self.text_of(word).to_string();
                let diagnostic =
                    Diagnostic::error("E0208", format!("`{text}` is not a word of Walrus"), self.span(word))
                        .labelled("a value is chosen by a condition")
                        .with_help("`if x == 1 { a } else if x == 2 { b } else { c }`");
                self.report(fault, diagnostic);
                self.replace(word..close + 1, &[Token::ErrorExpr]);
            }
            "typeof" | "sizeof" | "len" => {
                let end = self.expression_end(fault);
                let function = if self.text_of(word) == "typeof" { "type" } else { "len" };
                let written = format!("core.{function}({})", self.text_between(fault, end));
                self.report_form(word..end, "A function is called with parentheses", written);
                self.replace(word..end, &[Token::ErrorExpr]);
            }
            _ => return false,
        }
        true
    }

    /// `&x`, where a value is due.
    fn reference(&mut self, fault: usize) -> bool {
        let is_reference = self.token(fault) == Some(Token::Amp)
            && !self.before(fault).is_some_and(|before| before.token.ends_operand())
            && matches!(self.token(fault + 1), Some(Token::Ident(_) | Token::LBracket | Token::LParen));
        if is_reference {
            let span = self.span(fault);
            let diagnostic = Diagnostic::error("E0208", "`&` stands between two numbers only", span)
                .labelled("lists, dicts and instances are passed as they are, without a copy")
                .with_suggestion("remove it", span, "");
            self.report(fault, diagnostic);
            self.lexemes.remove(fault);
        }
        is_reference
    }

    /// `{1, 2}` and `{a = 1}`.
    fn list_in_braces(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
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
            Some(Token::Comma | Token::RBrace) if fault == opener + 2 => {
                let written = format!("[{}]", self.text_between(opener + 1, close));
                self.report_form(opener..close + 1, "A list is written in brackets", written);
            }
            _ => return false,
        }
        self.replace(opener..close + 1, &[Token::ErrorExpr]);
        true
    }

    // Operators.

    /// Two operators that stand for one of another language.
    fn foreign_pair(&mut self, fault: usize) -> bool {
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
            } else if pair(Token::Colon, Token::Colon) {
                self.report(fault, error.labelled("write `.`").with_suggestion("write `.`", span, "."));
                self.replace(index..index + 2, &[Token::Dot]);
            } else if pair(Token::DotDot, Token::Assign) {
                let end = self.expression_end(index + 2);
                let body = (index + 2..end).find(|&i| self.token(i) == Some(Token::LBrace)).unwrap_or(end);
                let last = self.text_between(index + 2, body).to_string();
                let whole = self.span_between(index, body.max(index + 2));
                let diagnostic = error.labelled("a range ends before its second number").with_suggestion(
                    "add one",
                    whole,
                    format!("..{last} + 1"),
                );
                self.report(fault, diagnostic);
                self.replace(index..index + 2, &[Token::DotDot]);
            } else if pair(Token::DotDot, Token::Dot) {
                let help = "sequences are joined with `+`: `[1] + xs`";
                self.report(fault, error.labelled("takes nothing apart here").with_help(help));
                self.lexemes.drain(index..index + 2);
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

    /// Whether `++` or `--` at `pair` is a statement with one name.
    fn is_step_of_variable(&self, pair: usize) -> bool {
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
    fn step_of_variable(&mut self, pair: usize) {
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
    fn word_as_operator(&mut self, fault: usize, expected: &Expected) -> bool {
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

    /// `s[1:3]`, `s[:2]`, `s[1:]`.
    fn colon_in_index(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        let is_index = self.lexemes[opener].token == Token::LBracket
            && opener > self.from
            && self.lexemes[opener - 1].token.ends_operand();
        if !is_index {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        let Some(colon) = (opener + 1..close).find(|&index| self.token(index) == Some(Token::Colon)) else {
            return false;
        };
        if colon > fault || (opener + 1..close).any(|index| matches!(self.token(index), Some(Token::LBrace))) {
            return false;
        }
        let from = self.text_between(opener + 1, colon).to_string();
        let to = self.text_between(colon + 1, close).to_string();
        let (from, to) = (if from.is_empty() { "0" } else { &from }, if to.is_empty() { "-1" } else { &to });
        self.report_form(opener + 1..close, "A slice is cut out by a range", format!("{from}..{to}"));
        self.replace(opener + 1..close, &[Token::ErrorExpr]);
        true
    }

    /// `s:upper()`.
    fn method_after_colon(&mut self, fault: usize) -> bool {
        let is_call = self.token(fault) == Some(Token::Colon)
            && self.before(fault).is_some_and(|before| before.token.ends_operand())
            && self.touches_before(fault)
            && matches!(self.token(fault + 1), Some(Token::Ident(_)))
            && self.touches_before(fault + 1)
            && self.token(fault + 2) == Some(Token::LParen);
        if !is_call {
            return false;
        }
        let span = self.span(fault);
        let diagnostic = Diagnostic::error("E0208", "A method is called with `.`", span)
            .labelled("write `.`")
            .with_suggestion("write `.`", span, ".");
        self.report(fault, diagnostic);
        self.lexemes[fault].token = Token::Dot;
        true
    }

    /// `f(name = value)`.
    fn named_argument(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        let is_call = self.token(fault) == Some(Token::Assign)
            && self.lexemes[opener].token == Token::LParen
            && opener > self.from
            && self.lexemes[opener - 1].token.ends_operand()
            && matches!(self.token(fault - 1), Some(Token::Ident(_)))
            && matches!(self.token(fault - 2), Some(Token::LParen | Token::Comma));
        if !is_call {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        let span = Span::new(self.file, self.span(fault - 1).lo, self.span(fault + 1).lo);
        let diagnostic =
            Diagnostic::error("E0209", "Arguments are passed without names", self.span_between(fault - 1, fault + 1))
                .labelled("arguments belong to parameters by their order")
                .with_suggestion("remove the name", span, "");
        self.report(fault, diagnostic);
        // All of this call are one fault.
        let mut index = opener + 1;
        let mut close = close;
        while index + 1 < close {
            let is_name = matches!(self.token(index), Some(Token::Ident(_)))
                && self.token(index + 1) == Some(Token::Assign)
                && matches!(self.token(index - 1), Some(Token::LParen | Token::Comma));
            if is_name {
                self.lexemes.drain(index..index + 2);
                close -= 2;
            }
            index += 1;
        }
        true
    }

    // Values.

    /// `[x * 2 for x in xs if x > 1]`.
    fn comprehension(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        if self.token(fault) != Some(Token::For)
            || !matches!(self.lexemes[opener].token, Token::LParen | Token::LBracket | Token::LDict)
        {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        let span = self.span_between(opener, close + 1);
        let diagnostic =
            Diagnostic::error("E0209", "Walrus has no comprehensions", span).labelled("a loop in a value").with_help(
                "a list is made of another by `xs.map(: x { return x * 2; })`, `xs.filter(…)`, or a loop that pushes",
            );
        self.report(fault, diagnostic);
        self.replace(opener + 1..close, &[Token::ErrorExpr]);
        if self.lexemes[opener].token == Token::LDict {
            self.replace(opener..opener + 3, &[Token::ErrorExpr]);
        }
        true
    }

    /// `a if c else b`.
    fn value_before_if(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let is_if = matches!(self.token(fault), Some(Token::If | Token::IfExpr));
        if !is_if || !expected.has("+") || self.begins_line(fault) || context.statement >= fault {
            return false;
        }
        let end = self.expression_end(fault + 1);
        let Some(otherwise) = (fault + 1..end).find(|&index| self.token(index) == Some(Token::Else)) else {
            return false;
        };
        if (fault + 1..otherwise).any(|index| self.token(index) == Some(Token::LBrace)) {
            return false;
        }
        let place = |token: Token| {
            matches!(token, Token::Assign | Token::Return | Token::Comma | Token::Semicolon)
                || matches!(token, Token::LParen | Token::LBracket | Token::LBrace | Token::LDict | Token::HoleStart)
                || matches!(token, Token::Print | Token::Println | Token::Throw | Token::Colon | Token::In)
        };
        let mut start = fault;
        let mut depth = 0;
        while start > self.from {
            let token = self.lexemes[start - 1].token;
            match token {
                Token::RParen | Token::RBracket | Token::RBrace => depth += 1,
                token if depth == 0 && place(token) => break,
                Token::LParen | Token::LBracket | Token::LBrace | Token::LDict => depth -= 1,
                _ => {}
            }
            start -= 1;
        }
        let [condition, yes, no] = [(fault + 1, otherwise), (start, fault), (otherwise + 1, end)]
            .map(|(from, end)| self.text_between(from, end));
        let written = format!("if {condition} {{ {yes} }} else {{ {no} }}");
        self.report_form(start..end, "The condition of a value stands before it", written);
        self.replace(start..end, &[Token::ErrorExpr]);
        true
    }

    /// `Point { x: 1, y: 2 }`.
    fn instance_in_braces(&mut self, fault: usize, expected: &Expected) -> bool {
        let is_brace = matches!(self.token(fault), Some(Token::LBrace | Token::LDict)) && !expected.has("{");
        let named = fault > self.from
            && matches!(self.token(fault - 1), Some(Token::Ident(_)))
            && self.text_of(fault - 1).starts_with(|c: char| c.is_ascii_uppercase());
        if !is_brace || !named {
            return false;
        }
        let Some(close) = self.closer_of(fault) else { return false };
        let span = self.span_between(fault - 1, close + 1);
        let written = format!("{}(…)", self.text_of(fault - 1));
        let diagnostic = Diagnostic::error("E0209", "An instance is made by a call", span)
            .labelled(format!("write `{written}`"))
            .with_help(
                "the arguments go to the struct's `init`, which sets the fields: `fn init : self, x { self.x = x; }`",
            );
        self.report(fault, diagnostic);
        self.replace(fault - 1..close + 1, &[Token::ErrorExpr]);
        if self.token(fault) == Some(Token::RBrace) {
            // The last value of a function, as some languages have it; that is no second fault.
            self.insert(fault, Token::Semicolon);
        }
        true
    }

    /// `7 // 2`, where the rest of the line is a comment.
    fn division_read_as_comment(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let Some(before) = self.before(fault).filter(|before| before.token.ends_operand()) else { return false };
        if !expected.has("+") || context.statement >= fault {
            return false;
        }
        let gap_end = self.lexemes.get(fault).map_or(self.text.len(), |lexeme| lexeme.lo as usize);
        let line = self.text[before.hi as usize..gap_end].lines().next().unwrap_or("");
        let comment = line.trim_start();
        let Some(operand) = comment.strip_prefix("//").map(str::trim) else { return false };
        let word =
            operand.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(operand.len());
        let is_division = match operand[word..].trim_start().chars().next() {
            // Prose goes on with a word.
            Some(next) => word > 0 && ";)],+-*/%<>=([".contains(next),
            None => operand.starts_with(|c: char| c.is_ascii_digit()),
        };
        if !is_division {
            return false;
        }
        let lo = before.hi + (line.len() - comment.len()) as u32;
        let span = Span::new(self.file, lo, lo + 2);
        let diagnostic = Diagnostic::error("E0208", "`//` begins a comment", span)
            .labelled("the rest of the line is not read")
            .with_note("an int divided by an int gives an int, without its fraction")
            .with_suggestion("write `/`", span, "/");
        self.report(fault, diagnostic);
        // What the comment holds is read as what it was meant to be, as far as brackets go.
        let end = lo + comment.trim_end().len() as u32;
        let mut depth = 0;
        let mut closers = Vec::new();
        for c in comment.chars() {
            let token = match c {
                '(' | '[' => {
                    depth += 1;
                    continue;
                }
                ')' | ']' if depth > 0 => {
                    depth -= 1;
                    continue;
                }
                ')' => Token::RParen,
                ']' => Token::RBracket,
                ';' => Token::Semicolon,
                _ => continue,
            };
            closers.push(Lexeme { token, lo: end, hi: end });
        }
        self.lexemes.splice(fault..fault, closers);
        true
    }
}
