//! Heads of loops, blocks and what stands between them, as other languages write it; see [`super::expressions`].

use super::{Context, Recovery, to_be_written};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::{Expected, foreign_keyword};
use crate::syntax::lexer::{Lexeme, Token};

impl Recovery<'_> {
    /// `for i = 1, 10 { … }` and `for each x in xs { … }`.
    pub(super) fn counting_loop(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        let names = (start + 1..fault).all(|index| matches!(self.token(index), Some(Token::Ident(_) | Token::Comma)));
        if self.token(start) != Some(Token::For) || start + 2 > fault || !names {
            return false;
        }
        if start + 2 == fault && self.text_of(start + 1) == "each" && matches!(self.token(fault), Some(Token::Ident(_)))
        {
            let span = Span::new(self.file, self.span(start + 1).lo, self.span(fault).lo);
            let diagnostic = Diagnostic::error("E0208", "`each` is not a word of Walrus", self.span(start + 1))
                .labelled("a `for` loop goes over each item")
                .with_suggestion("remove it", span, "");
            self.report(fault, diagnostic);
            self.lexemes.remove(start + 1);
            return true;
        }
        let name = self.text_of(start + 1).to_string();
        if self.ident_text(fault).is_some_and(|word| matches!(word, "of" | "from"))
            || self.token(fault) == Some(Token::Colon)
        {
            let span = self.span(fault);
            let diagnostic =
                Diagnostic::error("E0208", format!("Expected `in`, found `{}`", self.text_of(fault)), span)
                    .labelled("write `in`")
                    .with_suggestion("write `in`", span, " in".trim_start());
            self.report(fault, diagnostic);
            self.lexemes[fault].token = Token::In;
            // After the word of another language the lexer took the list's or dict's bracket for a block's.
            if self.token(fault + 1) == Some(Token::LBrace) {
                self.lexemes[fault + 1].token = Token::LDict;
            }
            return true;
        }
        if self.token(fault) != Some(Token::Assign) {
            return false;
        }
        let end = self.line_end(fault);
        let is_head_end = |i: &usize| {
            matches!(self.token(*i), Some(Token::LBrace | Token::LDict)) || matches!(self.ident_text(*i), Some("do"))
        };
        let Some(open) = (fault..end).find(is_head_end) else {
            return false;
        };
        let span = self.span_between(start + 1, open);
        let mut diagnostic = Diagnostic::error("E0209", "A `for` loop goes over a range or a container", span)
            .labelled("Walrus has no loop of this form");
        let comma = self.expression_end(fault + 1);
        let last = (comma + 1, self.expression_end(comma + 1).min(open));
        let is_plain = self.token(comma) == Some(Token::Comma) && last.1 == open && last.0 < open;
        diagnostic = match is_plain {
            true => {
                let (first, last) = (self.text_between(fault + 1, comma), self.text_between(last.0, last.1));
                let end: Option<i64> = last.parse().ok().and_then(|last: i64| last.checked_add(1));
                let end = end.map_or_else(|| format!("{last} + 1"), |end| end.to_string());
                let written = format!("{name} in {first}..{end}");
                diagnostic.with_suggestion("go over a range, which ends before its second number", span, written)
            }
            false => diagnostic.with_help(format!(
                "to count, go over a range, which ends before its second number: `for {name} in 1..11 {{ }}`"
            )),
        };
        self.report(fault, diagnostic);
        if self.token(open) == Some(Token::LDict) {
            self.lexemes[open].token = Token::LBrace;
        }
        self.replace(fault..open, &[Token::In, Token::ErrorExpr]);
        true
    }

    /// `if c:`, `if c then`, `while c do`, `else:` and the lines below that stand further to the right.
    pub(super) fn block_by_indentation(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        if !expected.has("{") || self.before(fault).is_none() {
            return false;
        }
        let start = context.statement;
        let heads =
            matches!(self.token(start), Some(Token::If | Token::While | Token::For | Token::Try | Token::Struct));
        if !heads || context.frames.last().is_some_and(|frame| frame.opener > start) {
            return false;
        }
        let opener = self.token(fault) == Some(Token::Colon) || matches!(self.ident_text(fault), Some("then" | "do"));
        // The head of this block is the last line's: the statement's own, or that of its `else` or `catch`.
        let head = (start..fault)
            .rev()
            .find(|&index| index == start || matches!(self.token(index), Some(Token::Else | Token::Catch)))
            .unwrap_or(start);
        let line = self.line_end(head);
        let below = line.max(fault + usize::from(opener));
        let margin = self.indentation(head).len();
        let is_indented =
            self.token(below).is_some() && self.begins_line(below) && self.indentation(below).len() > margin;
        let one_line = opener && !self.begins_line(fault + 1);
        let is_block = if opener { is_indented || one_line } else { is_indented && fault == line };
        if !is_block {
            return self.statement_as_block(fault, head);
        }
        let body = fault + usize::from(opener);
        let end = if one_line { self.line_end(fault) } else { self.indented_end(head).max(body) };
        let (end, closed) = match (body..=end).find(|&index| self.ident_text(index) == Some("end")) {
            Some(word) if one_line || word == end => (word, true),
            _ => (end, false),
        };
        // A chain of `else` is one fault.
        let follows = head > self.from && self.lexemes[head - 1].token == Token::RBrace && {
            let before = self.lexemes[head - 1];
            before.lo == before.hi
        };
        if !follows {
            let word = self.text_of(head).to_string();
            let place = self.before(fault).map_or(0, |before| before.hi);
            let span = if opener { self.span(fault) } else { Span::new(self.file, place, place) };
            let article = if word.starts_with(['i', 'e']) { "an" } else { "a" };
            let message = format!("The block of {article} `{word}` stands in braces");
            let diagnostic = Diagnostic::error("E0209", message, span)
                .labelled("write `{`, and `}` behind the last line of the block")
                .with_suggestion("write `{`", span, if self.touches_before(fault) || !opener { " {" } else { "{" });
            self.report(fault, diagnostic);
        }
        let hi = self.span(end.max(body + 1) - 1).hi.max(self.span(fault).lo);
        let close = Lexeme { token: Token::RBrace, lo: hi, hi };
        let lo = self.before(fault).map_or(0, |before| before.hi);
        let open = Lexeme { token: Token::LBrace, lo, hi: lo };
        // Lines without `;` are of a language without it, and each would be reported.
        let is_walrus = end > body && matches!(self.token(end - 1), Some(Token::Semicolon | Token::RBrace));
        if closed {
            self.lexemes.remove(end);
        }
        self.lexemes.insert(end, close);
        if !is_walrus && end > body {
            self.replace(body..end, &[Token::ErrorStmt]);
        }
        self.lexemes.splice(fault..body, [open]);
        true
    }

    /// `xs.each do |x|` and the lines below up to `end`, `xs.each { |x| … }`.
    pub(super) fn block_as_argument(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let start = context.statement;
        let brace = matches!(self.token(fault), Some(Token::LBrace | Token::LDict))
            && self.token(fault + 1) == Some(Token::Pipe);
        if !(self.ident_text(fault) == Some("do") || brace) || !expected.has(";") || start >= fault {
            return false;
        }
        let end = if brace { self.closer_of(fault).map(|close| close + 1) } else { Some(self.foreign_end(fault)) };
        let Some(end) = end else { return false };
        let span = self.span_between(fault, self.line_end(fault).min(end));
        let diagnostic = Diagnostic::error("E0209", "A block is no argument", span)
            .labelled("a function is passed in parentheses")
            .with_help("`xs.map(: x { return x * 2; })`, or a loop: `for x in xs { }`");
        self.report(fault, diagnostic);
        // `do |x| f(x); end` in one line.
        let line = self.line_end(fault);
        let end = match (fault..line).rev().find(|&index| self.ident_text(index) == Some("end")) {
            Some(word) if !brace && word >= end => word + 1,
            _ => end,
        };
        let ends = matches!(self.token(end), Some(Token::Semicolon));
        self.replace(start..end + usize::from(ends), &[Token::ErrorStmt]);
        true
    }

    /// `if (c) println(1);`, a statement where a block is due.
    pub(super) fn statement_as_block(&mut self, fault: usize, head: usize) -> bool {
        let Some(before) = self.before(fault).map(|before| before.token) else { return false };
        let is_due = before.ends_operand() || before == Token::Else;
        let begins =
            self.token(fault).is_some_and(|token| super::begins_statement(token) || matches!(token, Token::Ident(_)));
        let end = self.expression_end(fault + 1);
        let is_short = !(fault..end).any(|index| self.token(index) == Some(Token::LBrace));
        if !is_due || !begins || !is_short || self.token(end) != Some(Token::Semicolon) {
            return false;
        }
        let statement = self.text_between(fault, end + 1).to_string();
        let written = format!("{{ {statement} }}");
        let span = self.span_between(fault, end + 1);
        let word = self.text_of(head).to_string();
        let article = if word.starts_with(['i', 'e']) { "an" } else { "a" };
        let error = Diagnostic::error("E0209", format!("The block of {article} `{word}` stands in braces"), span);
        let diagnostic = to_be_written(error, span, written);
        self.report(fault, diagnostic);
        let [lo, hi] = [self.span(fault).lo, span.hi];
        self.lexemes.insert(end + 1, Lexeme { token: Token::RBrace, lo: hi, hi });
        self.lexemes.insert(fault, Lexeme { token: Token::LBrace, lo, hi: lo });
        true
    }

    /// `except e {`, `catch (e) {`, `catch {` and `finally {`.
    pub(super) fn handler(&mut self, fault: usize, expected: &Expected) -> bool {
        let before = self.before(fault).map(|before| before.token);
        if before == Some(Token::Catch) && self.token(fault) == Some(Token::LBrace) {
            let place = self.span(fault - 1).hi;
            let span = Span::new(self.file, place, place);
            let diagnostic = Diagnostic::error("E0201", "Expected a name after `catch`", span)
                .labelled("what was thrown needs a name")
                .with_suggestion("name it", span, " e");
            self.report(fault, diagnostic);
            let name = self.name_of_keyword(Token::Catch);
            self.insert(fault, name);
            return true;
        }
        if before == Some(Token::Catch) && self.token(fault) == Some(Token::LParen) {
            let Some(close) = self.closer_of(fault) else { return false };
            let is_name = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_)));
            let Some(name) = (fault + 1..close).rev().find(is_name) else { return false };
            let name = self.lexemes[name];
            let text = self.text_in(&name).to_string();
            let span = self.span_between(fault, close + 1);
            let diagnostic = Diagnostic::error("E0209", "Names are written without brackets here", span)
                .labelled("write the name alone")
                .with_suggestion("write the name alone", span, text);
            self.report(fault, diagnostic);
            self.lexemes.splice(fault..close + 1, [name]);
            return true;
        }
        if before == Some(Token::RBrace) && expected.has("catch") && !expected.statement() {
            let span = self.span(fault);
            match self.ident_text(fault) {
                Some(word @ ("except" | "rescue")) => {
                    let line = self.line_end(fault);
                    let open = (fault..line)
                        .find(|&i| matches!(self.token(i), Some(Token::LBrace | Token::Colon)))
                        .unwrap_or(line);
                    let name =
                        (fault + 1..open).rev().find(|&index| matches!(self.token(index), Some(Token::Ident(_))));
                    let name = name.map(|name| self.lexemes[name]);
                    let text = name.map_or("e", |name| self.text_in(&name));
                    let by_indentation = self.token(open) == Some(Token::Colon);
                    let written = match by_indentation {
                        true => format!("}} catch {text} {{"),
                        false => format!("catch {text}"),
                    };
                    let whole = self.span_between(fault, open + usize::from(by_indentation));
                    let error = Diagnostic::error("E0208", format!("`{word}` is not a word of Walrus"), span);
                    let diagnostic = to_be_written(error, whole, written);
                    self.report(fault, diagnostic);
                    let hi = self.span_between(fault, open).hi;
                    let name = name.unwrap_or(Lexeme { token: self.name_of_keyword(Token::Catch), lo: hi, hi });
                    let word = Lexeme { token: Token::Catch, lo: span.lo, hi: span.hi.min(name.lo) };
                    self.lexemes.splice(fault..open, [word, name]);
                    return true;
                }
                Some("finally" | "ensure") => self.report_finally(fault),
                _ => {
                    self.try_without_catch(fault);
                    return true;
                }
            }
            // Without a `catch` the `try` has no meaning yet.
            let hi = self.span(fault).lo;
            let name = self.name_of_keyword(Token::Catch);
            let rest = [Token::Catch, name, Token::LBrace, Token::RBrace].map(|token| Lexeme { token, lo: hi, hi });
            self.lexemes.splice(fault..fault + 1, rest);
            return true;
        }
        if matches!(before, Some(Token::Ident(_)))
            && matches!(self.ident_text(fault - 1), Some("finally" | "ensure"))
            && fault >= 2
            && self.lexemes[fault - 2].token == Token::RBrace
            && matches!(self.token(fault), Some(Token::LBrace | Token::LDict | Token::Colon))
        {
            self.report_finally(fault - 1);
            if self.token(fault) == Some(Token::Colon) {
                let end = self.indented_end(fault - 1);
                self.replace(fault - 1..end, &[Token::ErrorStmt]);
            } else {
                self.lexemes[fault].token = Token::LBrace;
                self.lexemes.remove(fault - 1);
            }
            return true;
        }
        false
    }

    /// A block of a `try` with nothing behind it.
    fn try_without_catch(&mut self, fault: usize) {
        let place = self.before(fault).map_or(0, |before| before.hi);
        let span = Span::new(self.file, place, place);
        if !self.is_known(fault) {
            let diagnostic = Diagnostic::error("E0201", "Expected `catch` after the block of a `try`", span)
                .labelled("what is thrown is caught here")
                .with_suggestion("add a `catch`", span, " catch e { }");
            self.report(fault, diagnostic);
        }
        let name = self.name_of_keyword(Token::Catch);
        let rest = [Token::Catch, name, Token::LBrace, Token::RBrace];
        self.lexemes.splice(fault..fault, rest.map(|token| Lexeme { token, lo: place, hi: place }));
    }

    /// `while c { } else { }`
    pub(super) fn else_of_loop(&mut self, fault: usize, expected: &Expected) -> bool {
        let follows_block = self.before(fault).is_some_and(|before| before.token == Token::RBrace);
        if self.token(fault) != Some(Token::Else) || !expected.statement() || !follows_block {
            return false;
        }
        let Some(opener) = self.opener_of(fault - 1) else { return false };
        let head = self.context(opener).statement;
        if !matches!(self.token(head), Some(Token::While | Token::For)) {
            return false;
        }
        let word = self.text_of(head).to_string();
        let diagnostic = Diagnostic::error("E0209", format!("A `{word}` loop has no `else`"), self.span(fault))
            .labelled("an `else` belongs to an `if`")
            .with_help("what follows the loop stands behind it; a variable that is set before `break` tells whether there was one");
        self.report(fault, diagnostic);
        self.lexemes.remove(fault);
        true
    }

    pub(super) fn report_finally(&mut self, index: usize) {
        let text = self.text_of(index).to_string();
        let diagnostic = Diagnostic::error("E0208", format!("`{text}` is not a word of Walrus"), self.span(index))
            .labelled("Walrus has no block that always runs")
            .with_help("write it behind the `try`; a `catch` that throws on does it before its `throw`");
        self.report(index, diagnostic);
    }

    /// What `let i = a; i < b; i++` goes over, as a range.
    fn range_of_counting_head(&self, from: usize, close: usize, name: Token) -> Option<String> {
        let semicolons: Vec<usize> =
            (from..close).filter(|&index| self.token(index) == Some(Token::Semicolon)).collect();
        let &[first, second] = &semicolons[..] else { return None };
        let assign = (from..first).find(|&index| self.token(index) == Some(Token::Assign))?;
        let is_name = |index: usize| self.token(index) == Some(name);
        let by_one = match &self.lexemes[second + 1..close] {
            [a, b, c] => match [a.token, b.token, c.token] {
                [Token::Plus, Token::Plus, last] => last == name,
                [first, Token::Plus, Token::Plus] => first == name,
                [first, Token::AddAssign, Token::Int(_)] => first == name && self.text_in(c) == "1",
                _ => false,
            },
            _ => false,
        };
        if !by_one || !is_name(assign - 1) || !is_name(first + 1) {
            return None;
        }
        let start = self.text_between(assign + 1, first);
        let end = self.text_between(first + 3, second);
        match self.token(first + 2)? {
            Token::Lt => Some(format!("{start}..{end}")),
            Token::Le => match end.parse().ok().and_then(|end: i64| end.checked_add(1)) {
                Some(end) => Some(format!("{start}..{end}")),
                None => Some(format!("{start}..{end} + 1")),
            },
            _ => None,
        }
    }

    /// A conditional expression without its `else`, or with a `;` in one of its blocks.
    pub(super) fn conditional(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let Some(before) = self.before(fault) else { return false };
        if before.token == Token::RBrace && expected.has("else") && !expected.has(";") && !expected.statement() {
            if !self.is_known(fault) {
                let place = Span::new(self.file, before.hi, before.hi);
                let diagnostic = Diagnostic::error("E0201", "Expected `else` after the block", place)
                    .labelled("without it there is no value if the condition is false")
                    .with_help("a conditional expression has both: `if condition { a } else { b }`");
                self.report(fault, diagnostic);
            }
            for token in [Token::RBrace, Token::ErrorExpr, Token::LBrace, Token::Else] {
                self.insert(fault, token);
            }
            return true;
        }
        let in_block = context.frames.last().is_some_and(|frame| self.lexemes[frame.opener].token == Token::LBrace);
        let begins_statement = self.token(fault).is_some_and(super::begins_statement);
        // Of what may stand in braces, only this holds expressions alone.
        let is_value = in_block && expected.expression() && !expected.statement();
        let ends_statement =
            in_block && self.token(fault) == Some(Token::Semicolon) && expected.has("}") && !expected.has(";");
        if (is_value && begins_statement && context.statement == fault)
            || (ends_statement && self.token(fault + 1) != Some(Token::RBrace))
        {
            return self.statements_in_value(fault, context);
        }
        if ends_statement {
            if !self.is_known(fault) {
                let span = self.span(fault);
                let message = "A block of a conditional expression holds one expression";
                let diagnostic = Diagnostic::error("E0201", message, span)
                    .labelled("ends a statement")
                    .with_suggestion("remove the `;`", span, "");
                self.report(fault, diagnostic);
            }
            self.lexemes.remove(fault);
            return true;
        }
        false
    }

    /// `if c { let t = 3; t } else { 4 }` where a value is due.
    fn statements_in_value(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let Some(close) = self.closer_of(frame.opener) else { return false };
        if !self.is_known(fault) {
            let message = "A block of a conditional expression holds one expression";
            let span = self.span_between(frame.opener + 1, close);
            let diagnostic = Diagnostic::error("E0201", message, span)
                .labelled("these are statements")
                .with_help("assign in the statement: `let v = void; if condition { …; v = a; } else { v = b; }`")
                .with_help("or call a function that returns the value");
            self.report(fault, diagnostic);
        }
        self.replace(frame.opener + 1..close, &[Token::ErrorExpr]);
        true
    }

    /// `let {a, b} = d;`
    pub(super) fn names_of_dict(&mut self, fault: usize) -> bool {
        let is_let = self.before(fault).is_some_and(|before| before.token == Token::Let);
        if !is_let || !matches!(self.token(fault), Some(Token::LBrace | Token::LDict)) {
            return false;
        }
        let Some(close) = self.closer_of(fault) else { return false };
        let names: Vec<Lexeme> = self.lexemes[fault + 1..close].to_vec();
        let is_list = |lexeme: &Lexeme| matches!(lexeme.token, Token::Ident(_) | Token::Comma);
        if names.is_empty() || !names.iter().all(is_list) || self.token(close + 1) != Some(Token::Assign) {
            return false;
        }
        let names: Vec<Lexeme> = names.into_iter().filter(|one| matches!(one.token, Token::Ident(_))).collect();
        let end = self.expression_end(close + 2);
        let is_plain = end == close + 3 && self.ident_text(close + 2).is_some();
        let dict = self.text_between(close + 2, end);
        let written = names.iter().map(|name| self.text_in(name)).collect::<Vec<_>>();
        let entries = written.iter().map(|name| format!("{dict}[\"{name}\"]")).collect::<Vec<_>>();
        let written = format!("{} = {}", written.join(", "), entries.join(", "));
        let span = self.span_between(fault, end);
        let error = Diagnostic::error("E0209", "A dict is not taken apart by names", span);
        let diagnostic = match is_plain {
            true => to_be_written(error, span, written),
            false => error.labelled("entries are taken by their keys").with_help("`let a, b = d[\"a\"], d[\"b\"];`"),
        };
        self.report(fault, diagnostic);
        let hi = span.hi;
        let mut lets = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if index > 0 {
                lets.extend([Token::Semicolon, Token::Let].map(|token| Lexeme { token, lo: name.lo, hi: name.lo }));
            }
            lets.push(name);
            lets.extend([Token::Assign, Token::ErrorExpr].map(|token| Lexeme { token, lo: name.hi, hi: name.hi }));
        }
        debug_assert!(lets.last().is_none_or(|last| last.hi <= hi), "names stand before the dict");
        self.lexemes.splice(fault..end, lets);
        true
    }

    /// `let (a, b) = …`, `for (k, v) in …`, `for (x in xs)` and `for (let i = 0; i < n; i += 1)`.
    pub(super) fn names_in_brackets(&mut self, fault: usize) -> bool {
        let head = self.before(fault).map(|before| before.token);
        if !matches!(head, Some(Token::Let | Token::For | Token::Colon))
            || !matches!(self.token(fault), Some(Token::LParen | Token::LBracket))
        {
            return false;
        }
        let mut depth = 0;
        let mut close = fault;
        loop {
            match self.token(close) {
                None | Some(Token::LBrace | Token::RBrace) => return false,
                Some(Token::LParen | Token::LBracket) => depth += 1,
                Some(Token::RParen | Token::RBracket) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            close += 1;
        }
        let inner = &self.lexemes[fault + 1..close];
        let span = self.span(fault).to(self.span(close));
        if head == Some(Token::For) && inner.iter().any(|lexeme| lexeme.token == Token::Semicolon) {
            let assigned = inner.iter().position(|lexeme| lexeme.token == Token::Assign).unwrap_or(0);
            let is_name = |lexeme: &&Lexeme| matches!(lexeme.token, Token::Ident(_));
            let Some(&name) = inner[..assigned].iter().rev().chain(inner).find(is_name) else { return false };
            let text = self.text_in(&name).to_string();
            let mut diagnostic = Diagnostic::error("E0209", "A `for` loop goes over a range or a container", span)
                .labelled("Walrus has no loop of this form");
            diagnostic = match self.range_of_counting_head(fault + 1, close, name.token) {
                Some(range) => diagnostic.with_suggestion("go over a range", span, format!("{text} in {range}")),
                None => diagnostic.with_help(format!("to count, go over a range: `for {text} in 0..n {{ }}`")),
            };
            self.report(fault, diagnostic);
            let hi = span.hi;
            let rest = [Token::In, Token::ErrorExpr].map(|token| Lexeme { token, lo: hi, hi });
            self.lexemes.splice(fault..close + 1, [name].into_iter().chain(rest));
            return true;
        }
        if head == Some(Token::For)
            && let Some(of) = (fault + 1..close)
                .find(|&i| matches!(self.token(i), Some(Token::In | Token::Colon)) || self.text_of(i) == "of")
            && of + 1 < close
        {
            // `for (const x of xs)`
            let is_let = |index: usize| {
                self.token(index) == Some(Token::Let)
                    || foreign_keyword(self.text_of(index)).is_some_and(|(token, _)| token == Token::Let)
            };
            let first = if is_let(fault + 1) && fault + 2 < of { fault + 2 } else { fault + 1 };
            let names: Vec<Lexeme> = self.lexemes[first..of]
                .iter()
                .copied()
                .filter(|lexeme| matches!(lexeme.token, Token::Ident(_) | Token::Comma))
                .collect();
            if first > fault + 1 || self.token(of) != Some(Token::In) {
                let written = format!("{} in {}", self.text_between(first, of), self.text_between(of + 1, close));
                let error = Diagnostic::error("E0209", "The head of a `for` loop is written in another way", span);
                self.report(fault, to_be_written(error, span, written));
                self.lexemes.remove(close);
                self.lexemes[of].token = Token::In;
                self.lexemes.splice(fault..of, names);
                return true;
            }
        }
        let is_list = |lexeme: &Lexeme| matches!(lexeme.token, Token::Ident(_) | Token::Comma);
        let is_whole_head = head == Some(Token::For)
            && matches!(inner.first().map(|lexeme| lexeme.token), Some(Token::Ident(_)))
            && inner.iter().any(|lexeme| lexeme.token == Token::In);
        if inner.is_empty() || !(inner.iter().all(is_list) || is_whole_head) {
            return false;
        }
        if head == Some(Token::Colon) && !matches!(self.token(close + 1), Some(Token::LBrace | Token::LDict)) {
            return false;
        }
        let text = self.text[inner[0].lo as usize..inner[inner.len() - 1].hi as usize].to_string();
        let diagnostic = Diagnostic::error("E0209", "Names are written without brackets here", span)
            .labelled("write the names alone")
            .with_suggestion("remove the brackets", span, text);
        self.report(fault, diagnostic);
        self.lexemes.remove(close);
        self.lexemes.remove(fault);
        true
    }

    /// The first block whose `}` begins a line and is not indented like the line of its `{`.
    pub(super) fn misaligned_block(&self, fault: usize) -> Option<(usize, usize)> {
        let mut open: Vec<usize> = Vec::new();
        for index in self.from..fault {
            match self.lexemes[index].token {
                Token::LBrace | Token::LDict => open.push(index),
                Token::RBrace => {
                    let opener = open.pop()?;
                    let differs = self.indentation(opener) != self.indentation(index);
                    if self.begins_line(index) && differs && self.lexemes[opener].token == Token::LBrace {
                        return Some((opener, index));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The token behind an `if` with an `else` that begins at `from`.
    fn end_of_choice(&self, from: usize) -> Option<usize> {
        let mut index = from;
        let mut has_else = false;
        loop {
            match self.token(index)? {
                Token::LParen | Token::LBracket | Token::LDict | Token::HoleStart => index = self.closer_of(index)? + 1,
                Token::LBrace => {
                    index = self.closer_of(index)? + 1;
                    match self.token(index) {
                        Some(Token::Else) => has_else = true,
                        _ => return has_else.then_some(index),
                    }
                }
                Token::Semicolon | Token::RBrace => return None,
                _ => index += 1,
            }
        }
    }

    /// Whether an expression ends at the `}` of a function, where other languages would take it for the result.
    pub(super) fn is_last_expression(&self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let Some(mut frame) = context.frames.last() else { return false };
        // The last block of a chain of `if` and `else` may be the last of a function.
        let mut frames = context.frames.iter().rev().skip(1);
        while self.token(frame.statement) == Some(Token::If)
            && self.token(fault) == Some(Token::RBrace)
            && let Some(end) = self.end_of_choice(frame.statement)
            && self.token(end) == Some(Token::RBrace)
            && let Some(outer) = frames.next()
        {
            frame = outer;
        }
        let is_expression =
            expected.has("=") && self.token(context.statement).is_some_and(|t| !super::begins_statement(t));
        let mut head = (0..frame.opener).rev().map(|index| self.lexemes[index].token);
        let before = head.find(|token| !matches!(token, Token::Ident(_) | Token::Comma));
        is_expression && self.token(fault) == Some(Token::RBrace) && before == Some(Token::Colon)
    }
}
