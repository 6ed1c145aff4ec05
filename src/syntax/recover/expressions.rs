//! Expressions as other languages write them: each is reported once, with the Walrus way, and read as what was meant or
//! as a value about which nothing is known, so that nothing around it is reported because of it.

use super::{Context, Recovery, to_be_written};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::Expected;
use crate::syntax::lexer::{Lexeme, Token};

impl Recovery<'_> {
    /// An error with what is to be written, where something is expected that people leave out.
    pub(super) fn with_advice(&self, fault: usize, expected: &Expected, error: Diagnostic) -> Diagnostic {
        let Some(before) = self.before(fault) else { return error };
        match (before.token, self.token(fault)) {
            (Token::Async, Some(Token::Dot)) => error
                .with_note("`async` is a keyword: it begins a function that makes tasks")
                .with_help("give the module a name of its own, `import \"std/async\" as tasks;`, and write `tasks.`"),
            (Token::DotDot, Some(Token::RBracket)) => self.with_end_of_slice(fault, error),
            (_, Some(Token::Slash)) if expected.expression() => {
                error.with_help("a pattern is a string, and `import \"std/regex\";` has `regex.matches(pattern, text)`")
            }
            (_, Some(_)) if before.token.ends_operand() && self.is_operand(fault) => {
                self.with_separator(fault, expected, error)
            }
            _ => error,
        }
    }

    /// `f(1 2)`, `{"a" 1}` and `if c 1 else 2`.
    fn with_separator(&self, fault: usize, expected: &Expected, error: Diagnostic) -> Diagnostic {
        let place = self.before(fault).map_or(0, |before| before.hi);
        let place = Span::new(self.file, place, place);
        let is_text =
            |index: usize| matches!(self.token(index), Some(Token::Str(_) | Token::FStringStart | Token::FStringEnd));
        if expected.has("{") && expected.has("=") && expected.has(",") {
            return error.with_suggestion("parameters are separated by commas", place, ",");
        }
        if expected.has("{") {
            let is_choice = (self.from..fault)
                .rev()
                .take_while(|&index| !matches!(self.lexemes[index].token, Token::Semicolon | Token::RBrace))
                .any(|index| self.lexemes[index].token == Token::IfExpr);
            return match is_choice {
                true => error.with_help("each value stands in braces: `if condition { a } else { b }`"),
                false => error,
            };
        }
        if expected.has(":") {
            return error.with_suggestion("a `:` stands between a key and its value", place, ":");
        }
        let is_one_of_several = [")", "]", "}"].iter().any(|closer| expected.has(closer));
        if !expected.has(",") || expected.has(";") || !is_one_of_several {
            return error;
        }
        let error = error.with_suggestion("values are separated by commas", place, ",");
        match is_text(fault - 1) && is_text(fault) && !self.begins_line(fault) {
            true => error.with_help("texts are joined with `+`"),
            false => error,
        }
    }

    /// The fault at a token is an expression in a form of another language.
    pub(super) fn foreign_expression(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        self.swapped_comparison(fault, context)
            || self.comparison_without_left_side(fault)
            || self.arrow(fault, context)
            || self.function_in_expression(fault)
            || self.typed_head(fault, context)
            || self.colon_in_index(fault, context)
            || self.foreign_pair(fault)
            || self.range_in_words(fault, expected, context)
            || self.named_argument(fault, context)
            || self.method_after_colon(fault)
            || self.word_as_operator(fault, expected)
            || self.word_before_operand(fault)
            || self.dotted(fault, expected)
            || self.quotes_of_three(fault)
            || self.conversion(fault, expected)
            || self.body_without_braces(fault, expected)
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
    pub(super) fn pair_at(&self, index: usize, first: Token, second: Token) -> bool {
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

    /// The bracket that the one at `close` closes.
    pub(super) fn opener_of(&self, close: usize) -> Option<usize> {
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
                self.new_instance(word, fault);
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
            "NOT" => {
                let span = self.span(word);
                let error = Diagnostic::error("E0208", "`NOT` is not a word of Walrus", span);
                self.report(fault, to_be_written(error, span, "not"));
                self.replace(word..fault, &[Token::Not]);
            }
            text @ ("F" | "r" | "R" | "b" | "B" | "u")
                if self.touches_before(fault) && matches!(self.token(fault), Some(Token::Str(_))) =>
            {
                let span = self.span_between(word, fault + 1);
                let literal = self.text_of(fault).to_string();
                let error = Diagnostic::error("E0209", format!("No string begins with `{text}`"), self.span(word));
                let diagnostic = match text {
                    "F" => to_be_written(error, span, format!("f{literal}")),
                    "b" | "B" => to_be_written(error, span, format!("core.bytes({literal})")),
                    _ if literal.contains('\\') => error
                        .labelled("a backslash is an escape in every string")
                        .with_help("a backslash itself is written `\\\\`"),
                    _ => to_be_written(error, span, literal),
                };
                if !self.is_known(fault) {
                    self.report(fault, diagnostic);
                }
                self.replace(word..fault + 1, &[Token::ErrorExpr]);
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

    /// `new P(1)` and `new Error("text")`.
    fn new_instance(&mut self, word: usize, fault: usize) {
        let error = Diagnostic::error("E0208", "`new` is not a word of Walrus", self.span(word));
        let name = self.text_of(fault);
        let value = match self.token(fault + 1) {
            Some(Token::LParen) => self.closer_of(fault + 1).map(|close| (fault + 2, close)),
            _ => None,
        };
        if let (true, Some((from, close))) = (name.ends_with("Error") || name.ends_with("Exception"), value) {
            let text = if from < close { self.text_between(from, close) } else { "\"what is wrong\"" };
            let (text, span) = (text.to_owned(), self.span_between(word, close + 1));
            let diagnostic =
                error.labelled("any value can be thrown").with_suggestion(format!("write `{text}`"), span, text);
            self.report(fault, diagnostic);
            self.replace(word..close + 1, &[Token::ErrorExpr]);
            return;
        }
        let empty = match name {
            "Map" | "Object" | "HashMap" | "Dictionary" => Some("{}"),
            "Array" | "List" | "ArrayList" => Some("[]"),
            _ => None,
        };
        if let (Some(written), Some((from, close))) = (empty, value)
            && from == close
        {
            let span = self.span_between(word, close + 1);
            self.report(fault, to_be_written(error, span, written));
            self.replace(word..close + 1, &[Token::ErrorExpr]);
            return;
        }
        let span = Span::new(self.file, self.span(word).lo, self.span(fault).lo);
        let diagnostic = error.labelled("calling a struct makes an instance").with_suggestion("remove it", span, "");
        self.report(fault, diagnostic);
        self.lexemes.remove(word);
    }

    /// `.5`, `5.`, `pair.0` and `"a" . "b"`.
    fn dotted(&mut self, fault: usize, expected: &Expected) -> bool {
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let next = fault + 1;
        if self.token(fault) == Some(Token::Dot) && expected.expression() {
            if !matches!(self.token(next), Some(Token::Int(_))) || !self.touches_before(next) {
                return false;
            }
            let written = format!("0.{}", self.text_of(next));
            self.report_form(fault..next + 1, "A number begins with a digit", written);
            self.replace(fault..next + 1, &[Token::ErrorExpr]);
            return true;
        }
        if !self.before(fault).is_some_and(|before| before.token == Token::Dot) || fault < self.from + 2 {
            return false;
        }
        let dot = fault - 1;
        match self.token(fault) {
            Some(Token::Int(_) | Token::Float(_)) if self.touches_before(fault) => {
                let places: Vec<&str> = self.text_of(fault).split('.').collect();
                if !places.iter().all(|place| is_digits(place)) {
                    return false;
                }
                let written: String = places.iter().map(|place| format!("[{place}]")).collect();
                self.report_form(dot..next, "An item is taken by its index in brackets", written);
                let [lo, hi] = [self.span(dot).lo, self.span(fault).hi];
                let value = Lexeme { token: Token::ErrorExpr, lo, hi };
                let open = Lexeme { token: Token::LBracket, lo, hi: lo };
                let close = Lexeme { token: Token::RBracket, lo: hi, hi };
                self.lexemes.splice(dot..next, [open, value, close]);
                true
            }
            Some(Token::Str(_) | Token::FStringStart) => {
                let span = self.span(dot);
                let error = Diagnostic::error("E0208", "`.` joins no texts", span);
                self.report(fault, to_be_written(error, span, "+"));
                self.replace(dot..fault, &[Token::Plus]);
                true
            }
            _ if matches!(self.token(dot - 1), Some(Token::Int(_))) && self.touches_before(dot) => {
                let text = self.text_of(dot - 1);
                if !is_digits(text) {
                    return false;
                }
                let written = format!("{text}.0");
                self.report_form(dot - 1..fault, "A number ends with a digit", written);
                self.replace(dot - 1..fault, &[Token::ErrorExpr]);
                true
            }
            _ => false,
        }
    }

    /// `"""text"""`
    fn quotes_of_three(&mut self, fault: usize) -> bool {
        let is_text = |index: usize| matches!(self.token(index), Some(Token::Str(_))) && self.touches_before(index);
        let last = fault + 1;
        if !is_text(fault) || !is_text(last) || self.text_of(last) != "\"\"" || fault <= self.from {
            return false;
        }
        let (first, prefix) = match self.lexemes[fault - 1].token {
            Token::Str(_) if self.text_of(fault - 1) == "\"\"" => (fault - 1, ""),
            Token::FStringEnd if fault >= self.from + 2 && self.token(fault - 2) == Some(Token::FStringStart) => {
                (fault - 2, "f")
            }
            _ => return false,
        };
        let written = format!("{prefix}{}", self.text_of(fault));
        let span = self.span_between(first, last + 1);
        let diagnostic = Diagnostic::error("E0209", "A string has one quote on each side", self.span(first))
            .labelled("it may span lines as it is")
            .with_suggestion("write one quote on each side", span, written);
        self.report(fault, diagnostic);
        self.replace(first..last + 1, &[Token::ErrorExpr]);
        true
    }

    /// `x as int` and `(int) x`.
    fn conversion(&mut self, fault: usize, expected: &Expected) -> bool {
        let function = |index: usize| {
            let text = self.text_of(index);
            Some(match text {
                "int" | "long" | "Integer" | "Int" | "i32" | "i64" | "u8" | "u32" | "u64" | "usize" => "int",
                "float" | "double" | "Float" | "Double" | "f32" | "f64" => "float",
                "str" | "string" | "String" => "str",
                _ => return None,
            })
        };
        let is_plain = |index: usize| {
            let ends = !matches!(self.token(index + 1), Some(Token::LParen | Token::LBracket | Token::Dot));
            self.is_operand(index) && self.token(index) != Some(Token::LParen) && ends
        };
        let message = "A value is converted by a function";
        let help = "`core.int(x)`, `core.float(x)` and `core.str(x)`";
        if self.token(fault) == Some(Token::As) && expected.has("+") {
            let Some(function) = function(fault + 1) else { return false };
            let value = fault - 1;
            let stands_alone = is_plain(value) && !self.before(value).is_some_and(|before| before.token == Token::Dot);
            if stands_alone {
                let written = format!("core.{function}({})", self.text_of(value));
                self.report_form(value..fault + 2, message, written);
            } else {
                let diagnostic = Diagnostic::error("E0209", message, self.span_between(fault, fault + 2))
                    .labelled("`as` is for modules")
                    .with_help(help);
                self.report(fault, diagnostic);
            }
            self.lexemes.drain(fault..fault + 2);
            return true;
        }
        let is_cast = fault >= self.from + 3
            && self.lexemes[fault - 1].token == Token::RParen
            && self.lexemes[fault - 3].token == Token::LParen
            && self.is_operand(fault);
        let Some(function) = function(fault.wrapping_sub(2)).filter(|_| is_cast) else { return false };
        if is_plain(fault) {
            let written = format!("core.{function}({})", self.text_of(fault));
            self.report_form(fault - 3..fault + 1, message, written);
        } else {
            let span = self.span_between(fault - 3, fault);
            let diagnostic =
                Diagnostic::error("E0209", message, span).labelled("a type is no function").with_help(help);
            self.report(fault, diagnostic);
        }
        self.lexemes.drain(fault - 3..fault);
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

    // Operators.

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
        let is_print = opener > self.from && matches!(self.lexemes[opener - 1].token, Token::Print | Token::Println);
        let is_sign = |this: &Self, index: usize| matches!(this.token(index), Some(Token::Assign | Token::Colon));
        let is_call = is_sign(self, fault)
            && self.lexemes[opener].token == Token::LParen
            && opener > self.from
            && (self.lexemes[opener - 1].token.ends_operand() || is_print)
            && matches!(self.token(fault - 1), Some(Token::Ident(_)))
            && matches!(self.token(fault - 2), Some(Token::LParen | Token::Comma));
        if !is_call {
            return false;
        }
        let Some(close) = self.closer_of(opener) else { return false };
        let span = Span::new(self.file, self.span(fault - 1).lo, self.span(fault + 1).lo);
        let error =
            Diagnostic::error("E0209", "Arguments are passed without names", self.span_between(fault - 1, fault + 1));
        let diagnostic = match is_print {
            true => error
                .labelled("printing takes values alone")
                .with_help("`println` ends the line and `print` does not; between items stands one space"),
            false => error.labelled("arguments belong to parameters by their order").with_suggestion(
                "remove the name",
                span,
                "",
            ),
        };
        self.report(fault, diagnostic);
        // All of this call are one fault.
        let mut index = opener + 1;
        let mut close = close;
        while index + 1 < close {
            let is_name = matches!(self.token(index), Some(Token::Ident(_)))
                && is_sign(self, index + 1)
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

    /// `x //= 2;`, which begins at `lo`.
    fn division_and_assignment(&mut self, fault: usize, lo: u32, comment: &str) -> bool {
        let Some(end) = comment.find(';') else { return false };
        let span = Span::new(self.file, lo, lo + 3);
        let diagnostic = Diagnostic::error("E0208", "`//` begins a comment", span)
            .labelled("the rest of the line is not read")
            .with_note("an int divided by an int gives an int, without its fraction")
            .with_suggestion("write `/=`", span, "/=");
        self.report(fault, diagnostic);
        let hi = lo + end as u32;
        let rest = [Token::DivAssign, Token::ErrorExpr, Token::Semicolon];
        self.lexemes.splice(fault..fault, rest.map(|token| Lexeme { token, lo: hi, hi }));
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
        if operand.starts_with('=') && !operand.starts_with("==") && expected.has(";") {
            return self.division_and_assignment(fault, before.hi + (line.len() - comment.len()) as u32, comment);
        }
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
