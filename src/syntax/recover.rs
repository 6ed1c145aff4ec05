//! Syntax errors: finding as many as there are, and a tree for what is right.
//!
//! The generated parser stops at the first token that it cannot use. Then the fault is reported, the *tokens* are
//! repaired (a `;` put in, a word replaced, a hopeless statement exchanged for [`Token::ErrorStmt`]), and parsing
//! begins again behind the last complete top-level statement. So the parser never has to guess, functions around a
//! fault stay in the tree, and the second fault in a function is found like the first.
//!
//! Termination: each repair moves the first unusable token to the right or takes tokens away, and their number is
//! limited, as is the work of parsing again.

mod blocks;
mod expressions;
mod functions;
mod heads;
mod operators;
mod sequences;
mod statements;

use std::cell::Cell;

use lalrpop_util::ParseError;

use super::ast::Ast;
use super::builder::Builder;
use super::expected::{Expected, foreign_keyword, found, misspelt_keyword};
use super::grammar::FileParser;
use super::lexer::{Lexeme, Token, Tokens, clip};
use crate::source::{Diagnostic, Diagnostics, FileId, Span};
use heads::lexemes_of;

/// Repairs in one file. More than are shown, so that the count of further errors means something.
const REPAIR_LIMIT: u32 = 100;

/// Tokens looked at again because of repairs, over all; a file of one huge statement meets this limit first.
const REPARSE_LIMIT: usize = 20_000_000;

/// Parses the tokens of a file into a tree.
pub(super) fn parse_tokens(text: &str, file: FileId, tokens: Tokens, diagnostics: &mut Diagnostics) -> Ast {
    let Tokens { lexemes, numbers, jit_marks, jit_comments, diagnostics: lexical, truncated } = tokens;
    let mut builder = Builder::new(file, numbers, lexemes.len());
    let lexical_spans = lexical.iter().map(|diagnostic| diagnostic.primary()).collect();
    lexical.into_iter().for_each(|diagnostic| diagnostics.push(diagnostic));
    let mut recovery =
        Recovery { text, file, lexemes, from: 0, truncated, lexical_spans, last_error: None, diagnostics };
    recovery.run(&mut builder);
    let (mut ast, found) = builder.finish(text, jit_marks);
    ast.jit_comments = jit_comments;
    found.into_iter().for_each(|diagnostic| diagnostics.push(diagnostic));
    ast
}

struct Recovery<'a> {
    text: &'a str,
    file: FileId,
    lexemes: Vec<Lexeme>,
    /// The first token behind the last complete top-level statement.
    from: usize,
    truncated: bool,
    /// Where the lexer reported something. A syntax error right there follows from it and is not reported.
    lexical_spans: Vec<Span>,
    /// Byte offset of the last token that was reported.
    last_error: Option<u32>,
    diagnostics: &'a mut Diagnostics,
}

/// An open bracket, and where the statement that it stands in begins.
#[derive(Clone, Copy)]
struct Frame {
    opener: usize,
    statement: usize,
}

/// Where in the nesting of the source a token stands.
struct Context {
    frames: Vec<Frame>,
    /// First token of the statement.
    statement: usize,
}

impl Recovery<'_> {
    fn run(&mut self, builder: &mut Builder) {
        let parser = FileParser::new();
        let mut work = 0;
        for _ in 0..REPAIR_LIMIT {
            let taken = Cell::new(self.from);
            let stream = self.lexemes[self.from..].iter().map(|lexeme| {
                taken.set(taken.get() + 1);
                Ok((lexeme.lo, lexeme.token, lexeme.hi))
            });
            let (fault, names) = match parser.parse(builder, stream) {
                Ok(()) => return,
                Err(ParseError::UnrecognizedToken { expected, .. }) => (taken.get() - 1, expected),
                Err(ParseError::UnrecognizedEof { expected, .. }) => (self.lexemes.len(), expected),
                Err(_) => (self.lexemes.len(), Vec::new()),
            };
            builder.rewind();
            work += fault - self.from;
            let end = builder.checkpoint.end;
            if !builder.done.is_empty() {
                let passed = self.lexemes[self.from..].partition_point(|lexeme| lexeme.hi <= end);
                self.from = (self.from + passed).min(fault);
            }
            if work > REPARSE_LIMIT {
                self.report_unless_known(fault, &Expected::new(names));
                return;
            }
            self.repair(fault, &Expected::new(names));
            let in_order = |pair: &[Lexeme]| pair[0].lo <= pair[0].hi && pair[0].hi <= pair[1].lo;
            debug_assert!(self.lexemes[self.from..].windows(2).all(in_order), "a repair has put tokens out of order");
        }
    }

    // Places.

    fn token(&self, index: usize) -> Option<Token> {
        self.lexemes.get(index).map(|lexeme| lexeme.token)
    }

    /// The token before, if it belongs to what is parsed now.
    fn before(&self, index: usize) -> Option<Lexeme> {
        if index > 0 { self.lexemes.get(index - 1).copied() } else { None }
    }

    fn span(&self, index: usize) -> Span {
        match self.lexemes.get(index) {
            Some(lexeme) => Span::new(self.file, lexeme.lo, lexeme.hi),
            None => {
                let end = self.text.len() as u32;
                Span::new(self.file, end, end)
            }
        }
    }

    fn text_of(&self, index: usize) -> &str {
        let span = self.span(index);
        self.text.get(span.lo as usize..span.hi as usize).unwrap_or("")
    }

    fn text_in(&self, lexeme: &Lexeme) -> &str {
        &self.text[lexeme.lo as usize..lexeme.hi as usize]
    }

    /// Whether a line break stands before the token.
    fn begins_line(&self, index: usize) -> bool {
        let end = self.lexemes.get(index).map_or(self.text.len(), |lexeme| lexeme.lo as usize);
        let start = self.before(index).map_or(0, |lexeme| lexeme.hi as usize);
        self.text.as_bytes().get(start..end).is_none_or(|gap| gap.contains(&b'\n'))
    }

    fn touches_before(&self, index: usize) -> bool {
        self.before(index).is_some_and(|before| before.hi == self.span(index).lo)
    }

    fn context(&self, fault: usize) -> Context {
        let mut frames: Vec<Frame> = Vec::new();
        let mut statement = self.from;
        for index in self.from..fault {
            match self.lexemes[index].token {
                Token::LParen | Token::LBracket | Token::LDict | Token::HoleStart => {
                    frames.push(Frame { opener: index, statement });
                }
                Token::LBrace => {
                    frames.push(Frame { opener: index, statement });
                    statement = index + 1;
                }
                Token::RParen | Token::RBracket | Token::HoleEnd => _ = frames.pop(),
                Token::RBrace => {
                    let Some(frame) = frames.pop() else { continue };
                    statement = frame.statement;
                    let is_block = self.lexemes[frame.opener].token == Token::LBrace;
                    let at_statement_level =
                        frames.last().is_none_or(|f| self.lexemes[f.opener].token == Token::LBrace);
                    let goes_on = matches!(self.token(index + 1), Some(Token::Else | Token::Catch));
                    if is_block && at_statement_level && self.ends_with_block(statement) && !goes_on {
                        statement = index + 1;
                    }
                }
                Token::Semicolon | Token::ErrorStmt => statement = index + 1,
                _ => {}
            }
        }
        Context { frames, statement }
    }

    /// Whether a statement that begins with this token ends with a block.
    fn ends_with_block(&self, statement: usize) -> bool {
        match self.token(statement) {
            Some(Token::If | Token::While | Token::For | Token::Try | Token::Fn | Token::Struct | Token::LBrace) => {
                true
            }
            Some(Token::Async) => self.token(statement + 1) == Some(Token::Fn),
            _ => false,
        }
    }

    // Reporting.

    fn report(&mut self, index: usize, diagnostic: Diagnostic) {
        self.last_error = Some(self.span(index).lo);
        self.diagnostics.push(diagnostic);
    }

    /// Whether the fault at this token follows from one that was reported. Then so do further ones at the same token.
    fn is_known(&mut self, fault: usize) -> bool {
        let span = self.span(fault);
        if self.last_error == Some(span.lo) || (self.truncated && fault >= self.lexemes.len()) {
            return true;
        }
        let from = self.before(fault).map_or(0, |before| before.lo);
        let known = self.lexical_spans.iter().any(|lexical| lexical.lo <= span.hi && lexical.hi >= from);
        if known {
            self.last_error = Some(span.lo);
        }
        known
    }

    fn report_unless_known(&mut self, fault: usize, expected: &Expected) {
        if self.is_known(fault) {
            return;
        }
        let words = expected.words();
        let found = found(self.token(fault), self.text_of(fault));
        let mut diagnostic = Diagnostic::error("E0201", format!("Expected {words}, found {found}"), self.span(fault))
            .labelled(format!("expected {words}"));
        if expected.has("identifier") && !expected.expression() && self.text_of(fault).starts_with(char::is_alphabetic)
        {
            diagnostic = diagnostic.with_note(format!("{found} is a keyword and cannot be a name"));
        }
        let diagnostic = self.with_advice(fault, expected, diagnostic);
        self.report(fault, diagnostic);
    }

    // Repairs.

    fn replace(&mut self, range: std::ops::Range<usize>, with: &[Token]) {
        let lo = self.span(range.start).lo;
        let hi = if range.is_empty() { lo } else { self.span(range.end - 1).hi };
        // New tokens share the place of the old ones: the first takes it, the others stand at its end.
        let lexemes =
            with.iter().enumerate().map(|(index, &token)| Lexeme { token, lo: if index == 0 { lo } else { hi }, hi });
        self.lexemes.splice(range, lexemes);
    }

    /// Puts a token in right behind the one before `index`.
    fn insert(&mut self, index: usize, token: Token) {
        let place = self.before(index).map_or(0, |before| before.hi);
        self.lexemes.insert(index, Lexeme { token, lo: place, hi: place });
    }

    fn repair(&mut self, fault: usize, expected: &Expected) {
        let context = self.context(fault);
        if self.hole(fault, expected, &context)
            || self.conditional(fault, expected, &context)
            || self.names_in_brackets(fault)
            || self.names_of_dict(fault)
            || self.foreign_statement(fault, expected, &context)
            || self.foreign_expression(fault, expected, &context)
            || self.foreign_word(fault, &context)
            || self.foreign_function(fault)
            || self.foreign_operator(fault, &context)
            || self.brackets(fault, expected, &context)
            || self.tuple_without_parentheses(fault, &context)
            || self.missing_semicolon(fault, expected, &context)
            || self.block_read_as_dict(fault, &context)
        {
            return;
        }
        match fault >= self.lexemes.len() {
            true => self.end_of_file(fault, expected, &context),
            false => self.give_up_statement(fault, expected, &context),
        }
    }

    /// A fault inside `f"{…}"`.
    fn hole(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let Some(frame) = context
            .frames
            .iter()
            .rev()
            .find(|frame| matches!(self.lexemes[frame.opener].token, Token::HoleStart | Token::LBrace))
        else {
            return false;
        };
        if self.lexemes[frame.opener].token != Token::HoleStart {
            return false;
        }
        let mut depth = 1;
        let mut end = fault;
        loop {
            match self.token(end) {
                None => return false,
                Some(Token::HoleStart) => depth += 1,
                Some(Token::HoleEnd) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
        }
        if !self.is_known(fault) {
            let (start, stop) = (self.lexemes[frame.opener].hi, self.lexemes[end].lo);
            let expression = clip(self.text[start as usize..stop as usize].trim());
            let words = expected.words();
            let span = if fault == end { Span::new(self.file, start, stop.max(start)) } else { self.span(fault) };
            let message = format!("Failed to parse f-string expression '{expression}': expected {words}");
            let mut diagnostic = Diagnostic::error("E0108", message, span).labelled(format!("expected {words}"));
            if self.token(fault) == Some(Token::Assign) && fault + 1 == end {
                let value = expression.trim_end_matches('=').trim_end();
                diagnostic =
                    diagnostic.with_help(format!("its text is written in front of it: `f\"{value} = {{{value}}}\"`"));
            }
            self.report(fault, diagnostic);
        }
        self.replace(frame.opener + 1..end, &[Token::ErrorExpr]);
        true
    }

    /// `function`, `var`, `elif`, `let mut` and other words from elsewhere.
    fn foreign_word(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        if start + 2 == fault && self.token(start) == Some(Token::Let) && self.text_of(start + 1) == "mut" {
            let diagnostic = Diagnostic::error("E0208", "`mut` is not a word of Walrus", self.span(start + 1))
                .labelled("every variable can be assigned to")
                .with_suggestion("remove it", Span::new(self.file, self.span(start + 1).lo, self.span(fault).lo), "");
            self.report(fault, diagnostic);
            self.lexemes.remove(start + 1);
            return true;
        }
        if start >= fault || !matches!(self.token(start), Some(Token::Ident(_))) {
            return false;
        }
        let word = self.text_of(start);
        let Some((token, written)) = foreign_keyword(word).or_else(|| misspelt_keyword(word)) else { return false };
        // `use(x);` and `val = 1;` are what they look like; the fault is elsewhere.
        if start + 1 != fault && !matches!(token, Token::Else) {
            return false;
        }
        if token == Token::Fn && self.function_by_indentation(start) {
            return true;
        }
        let word = self.text_of(start).to_string();
        let span = self.span(start);
        let error = Diagnostic::error("E0208", format!("`{word}` is not a word of Walrus"), span);
        self.report(fault, to_be_written(error, span, written));
        match token {
            // The `if` before it may be complete already, so that an `else` would begin a statement.
            Token::Else => self.replace(start..start + 1, &[Token::If]),
            Token::While if written == "while true" => self.replace(start..start + 1, &[Token::While, Token::True]),
            token => self.replace(start..start + 1, &[token]),
        }
        true
    }

    /// `fn f(a, b) { }`, `fn f { }` and `fn (a) { }`.
    fn foreign_function(&mut self, fault: usize) -> bool {
        let anonymous = self.before(fault).is_some_and(|before| before.token == Token::Fn);
        let named = fault >= 2
            && self.token(fault - 2) == Some(Token::Fn)
            && matches!(self.token(fault - 1), Some(Token::Ident(_)));
        if self.token(fault) == Some(Token::Fn) && self.token(fault + 1) == Some(Token::Colon) {
            // `fn : a { }` where an expression is due.
            let diagnostic =
                Diagnostic::error("E0209", "Anonymous functions are written without `fn`", self.span(fault))
                    .labelled("a function without a name begins with its `:`")
                    .with_suggestion(
                        "remove `fn`",
                        Span::new(self.file, self.span(fault).lo, self.span(fault + 1).lo),
                        "",
                    );
            self.report(fault, diagnostic);
            self.lexemes.remove(fault);
            return true;
        }
        if self.token(fault) == Some(Token::Fn) && self.token(fault + 1) == Some(Token::LParen) {
            return self.foreign_function(fault + 1);
        }
        let head_start = if anonymous { fault - 1 } else { fault };
        match self.token(fault) {
            Some(Token::LBrace) if named => {
                let place = Span::new(self.file, self.span(fault - 1).hi, self.span(fault - 1).hi);
                let error = Diagnostic::error("E0209", "Expected `:` after the function's name", place)
                    .labelled("a `:` stands before the parameters, also when there are none");
                let receiver = self.receiver_used_in(fault);
                let diagnostic = match receiver {
                    Some(_) => error.with_suggestion("add the `:` and `self`", place, " : self"),
                    None => error.with_suggestion("add the `:`", place, " :"),
                };
                self.report(fault, diagnostic);
                if let Some(receiver) = receiver {
                    self.insert(fault, receiver);
                }
                self.insert(fault, Token::Colon);
                true
            }
            Some(Token::Ident(_)) if named && !self.begins_line(fault) => {
                let is_head = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_) | Token::Comma));
                let body = (fault..).take_while(is_head).last().map_or(fault, |last| last + 1);
                if !matches!(self.token(body), Some(Token::LBrace | Token::LDict)) {
                    return false;
                }
                let names: Vec<Lexeme> = (fault..body)
                    .filter(|&index| self.lexemes[index].token != Token::Comma)
                    .map(|index| self.lexemes[index])
                    .collect();
                let written = names.iter().map(|name| self.text_in(name)).collect::<Vec<_>>().join(", ");
                let (span, written) = (self.span_between(fault, body), format!(": {written}"));
                let error = Diagnostic::error("E0209", "Expected `:` after the function's name", span);
                self.report(fault, to_be_written(error, span, written));
                let lo = span.lo;
                let mut head = vec![Lexeme { token: Token::Colon, lo, hi: lo }];
                for (index, name) in names.into_iter().enumerate() {
                    if index > 0 {
                        head.push(Lexeme { token: Token::Comma, lo: name.lo, hi: name.lo });
                    }
                    head.push(name);
                }
                self.lexemes[body].token = Token::LBrace;
                self.lexemes.splice(fault..body, head);
                true
            }
            Some(Token::Star | Token::StarStar | Token::DotDot | Token::Amp)
                if self.before(fault).is_some_and(|before| matches!(before.token, Token::Colon | Token::Comma)) =>
            {
                self.rest_of_arguments(fault)
            }
            Some(Token::LParen) if named && self.function_by_indentation(fault - 2) => true,
            Some(Token::LParen) if named || anonymous => {
                let Some(body) = (fault..self.lexemes.len())
                    .take_while(|&index| self.lexemes[index].token != Token::Semicolon)
                    .find(|&index| matches!(self.lexemes[index].token, Token::LBrace | Token::LDict))
                else {
                    return false;
                };
                let close = (fault..body).find(|&index| self.lexemes[index].token == Token::RParen).unwrap_or(body);
                let params = self.params_between(fault + 1..close);
                let written = format!(": {}", self.written_params(&params)).trim_end().to_string();
                let lo = self.span(head_start).lo;
                let span = Span::new(self.file, lo, self.span(body - 1).hi);
                let (message, replacement) = if anonymous {
                    ("Anonymous functions are written without `fn` and parentheses", written.clone())
                } else {
                    ("Parameters are written after a `:`, without parentheses", format!(" {written}"))
                };
                let mut diagnostic = Diagnostic::error("E0209", message, span)
                    .labelled(format!("write `{written}`"))
                    .with_suggestion(format!("write `{written}`"), span, replacement);
                if (fault..close).any(|i| matches!(self.token(i), Some(Token::Star | Token::StarStar | Token::DotDot)))
                {
                    diagnostic = diagnostic.with_help(LIST_OF_ARGUMENTS);
                }
                self.report(fault, diagnostic);
                let mut head = vec![Lexeme { token: Token::Colon, ..self.lexemes[fault] }];
                head.extend(lexemes_of(&params));
                self.lexemes[body].token = Token::LBrace;
                self.lexemes.splice(head_start..body, head);
                true
            }
            _ => false,
        }
    }

    /// The name `self`, if the block at `open` uses it.
    fn receiver_used_in(&self, open: usize) -> Option<Token> {
        let close = self.closer_of(open)?;
        (open..close).find(|&index| self.text_of(index) == "self").and_then(|index| self.token(index))
    }

    /// `fn f : *args { }`
    fn rest_of_arguments(&mut self, fault: usize) -> bool {
        let end = (fault..self.lexemes.len()).find(|&index| matches!(self.token(index), Some(Token::Ident(_))));
        let Some(end) = end.filter(|&end| end <= fault + 2) else { return false };
        let diagnostic =
            Diagnostic::error("E0209", "A function takes a fixed number of arguments", self.span_between(fault, end))
                .labelled("no parameter stands for several arguments")
                .with_help(LIST_OF_ARGUMENTS);
        self.report(fault, diagnostic);
        self.lexemes.drain(fault..end);
        true
    }

    /// Says, unless that was said, that a closing bracket closes nothing, and goes on without it.
    fn remove_unmatched(&mut self, fault: usize) {
        if !self.is_known(fault) {
            let text = self.text_of(fault).to_string();
            let diagnostic =
                Diagnostic::error("E0204", format!("Unmatched `{text}`"), self.span(fault)).labelled("closes nothing");
            self.report(fault, diagnostic);
        }
        self.lexemes.remove(fault);
    }

    /// Brackets that do not match.
    fn brackets(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let token = self.token(fault);
        let open = context.frames.last().map(|frame| (frame.opener, self.lexemes[frame.opener].token));
        let is_closer = matches!(token, Some(Token::RParen | Token::RBracket | Token::RBrace));
        let Some((opener, open)) = open else {
            if !is_closer {
                return false;
            }
            if context.statement < fault {
                // Something else is missing before it, unless nothing else could be.
                if !expected.has(";") || token == Some(Token::RBrace) {
                    return false;
                }
            }
            self.remove_unmatched(fault);
            return true;
        };
        let (closer, written, opened) = match open {
            Token::LParen => (Token::RParen, ")", "("),
            Token::LBracket => (Token::RBracket, "]", "["),
            Token::LDict => (Token::RBrace, "}", "{"),
            _ => {
                if !matches!(token, Some(Token::RParen | Token::RBracket)) || !expected.has(";") {
                    return false;
                }
                self.remove_unmatched(fault);
                return true;
            }
        };
        if !expected.has(written) || token == Some(closer) {
            return false;
        }
        let ends_here = is_closer
            || matches!(token, Some(Token::Semicolon | Token::LBrace) | None)
            || (self.begins_line(fault) && token.is_some_and(begins_statement));
        if !ends_here {
            return false;
        }
        if !self.is_known(fault) {
            let diagnostic = Diagnostic::error("E0203", format!("Unclosed `{opened}`"), self.span(opener))
                .labelled(format!("this `{opened}` is not closed"))
                .with_label(self.span(fault), format!("expected `{written}` here"));
            self.report(fault, diagnostic);
        }
        // `(1, 2]`: the wrong one was meant to be the right one, if nothing waits for it.
        let wanted_further_out = context.frames.iter().rev().skip(1).any(|frame| {
            let open = self.lexemes[frame.opener].token;
            match token {
                Some(Token::RParen) => open == Token::LParen,
                Some(Token::RBracket) => open == Token::LBracket,
                _ => true,
            }
        });
        match is_closer && token != Some(Token::RBrace) && !wanted_further_out {
            true => self.lexemes[fault].token = closer,
            false => self.insert(fault, closer),
        }
        true
    }

    /// `return a, b;` and `println a, b;`
    fn tuple_without_parentheses(&mut self, fault: usize, context: &Context) -> bool {
        let first = context.statement + 1;
        if self.token(fault) != Some(Token::Comma) || fault <= first {
            return false;
        }
        let (label, advice) = match self.token(first - 1) {
            Some(Token::Return) => ("one value is returned", "return a tuple of the values"),
            Some(Token::Print | Token::Println) => {
                ("without parentheses one value is printed", "print all of them: write parentheses")
            }
            _ => return false,
        };
        let line = (fault + 1..self.lexemes.len()).find(|&index| self.begins_line(index)).unwrap_or(self.lexemes.len());
        let is_end = |index: &usize| self.token(*index) == Some(Token::Semicolon);
        let Some(end) = (fault..line).find(is_end) else { return false };
        if !self.is_known(fault) {
            let mut values = self.span_between(first, end);
            let written = format!("({})", &self.text[values.lo as usize..values.hi as usize]);
            if self.token(first - 1) != Some(Token::Return) {
                // As in a call, nothing stands between the word and the parentheses.
                values.lo = self.span(first - 1).hi;
            }
            let diagnostic = Diagnostic::error("E0201", "Expected `;`, found `,`", self.span(fault))
                .labelled(label)
                .with_suggestion(advice, values, written);
            self.report(fault, diagnostic);
        }
        self.insert(end, Token::RParen);
        self.insert(first, Token::LParen);
        true
    }

    fn missing_semicolon(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        let Some(before) = self.before(fault) else { return false };
        let token = self.token(fault);
        let ends_here = match token {
            None => true,
            Some(token) => {
                let next_word = begins_statement(token) && before.token.ends_operand();
                token == Token::RBrace || self.begins_line(fault) || next_word
            }
        };
        if !expected.has(";") || !ends_here || context.statement >= fault {
            return false;
        }
        if !self.is_known(fault) {
            let place = Span::new(self.file, before.hi, before.hi);
            let mut diagnostic = Diagnostic::error("E0202", "Expected `;` after the statement", place)
                .labelled("the statement ends here");
            if self.is_last_expression(fault, expected, context) {
                let span = Span::new(self.file, self.span(context.statement).lo, before.hi);
                let value = &self.text[span.lo as usize..span.hi as usize];
                diagnostic = diagnostic
                    .with_note("a function gives the value that it returns, not that of its last expression")
                    .with_suggestion("return the value", span, format!("return {value};"));
            } else {
                diagnostic = diagnostic.with_suggestion("add the `;`", place, ";");
                diagnostic.suggestions[0].machine_applicable = true;
            }
            self.report(fault, diagnostic);
        }
        self.insert(fault, Token::Semicolon);
        true
    }

    /// `if x + { … }`: after an operator the lexer took the block for a dict.
    fn block_read_as_dict(&mut self, fault: usize, context: &Context) -> bool {
        let Some(frame) = context.frames.last() else { return false };
        let opener = frame.opener;
        let heads_block = matches!(self.token(frame.statement), Some(Token::If | Token::While | Token::For));
        if self.lexemes[opener].token != Token::LDict || !heads_block || opener <= frame.statement {
            return false;
        }
        if !self.is_known(fault) {
            let diagnostic = Diagnostic::error("E0201", "Expected an expression, found `{`", self.span(opener))
                .labelled("expected an expression before the block");
            self.report(fault, diagnostic);
        }
        self.lexemes[opener].token = Token::LBrace;
        // The tokens behind may be dicts or blocks in truth; only what the lexer cannot know from the brace alone
        // changes.
        self.insert(opener, Token::ErrorExpr);
        true
    }

    /// The file ends in the middle of something.
    fn end_of_file(&mut self, fault: usize, expected: &Expected, context: &Context) {
        let known = self.is_known(fault);
        match context.frames.last() {
            Some(frame) if !known => {
                let opener = frame.opener;
                let text = self.text_of(opener).to_string();
                let closer = match self.lexemes[opener].token {
                    Token::LParen => ")",
                    Token::LBracket => "]",
                    _ => "}",
                };
                let mut diagnostic = Diagnostic::error("E0203", format!("Unclosed `{text}`"), self.span(opener))
                    .labelled(format!("this `{text}` is not closed"))
                    .with_label(self.span(fault), format!("expected `{closer}` before the end of the file"));
                if let Some((opener, closer)) = self.misaligned_block(fault) {
                    diagnostic = diagnostic
                        .with_label(self.span(opener), "this block may be the one that lacks its `}`,")
                        .with_label(self.span(closer), "because this `}`, which closes it, is indented otherwise");
                }
                self.report(fault, diagnostic);
            }
            None if !known => self.report_unless_known(fault, expected),
            _ => {}
        }
        let only_blocks = context.frames.iter().all(|frame| self.lexemes[frame.opener].token == Token::LBrace);
        if known || !only_blocks || context.frames.is_empty() {
            // A second look has not helped, or the statement cannot be saved.
            self.replace(self.from..fault, &[Token::ErrorStmt]);
            self.last_error = Some(self.span(self.lexemes.len()).lo);
            return;
        }
        if context.statement < fault {
            self.replace(context.statement..fault, &[Token::ErrorStmt]);
        }
        let end = self.text.len() as u32;
        let closers = context.frames.iter().map(|_| Lexeme { token: Token::RBrace, lo: end, hi: end });
        self.lexemes.extend(closers);
    }

    /// The white space at the beginning of the token's line.
    fn indentation(&self, index: usize) -> &str {
        let before = &self.text[..self.span(index).lo as usize];
        let line = &self.text[before.rfind('\n').map_or(0, |offset| offset + 1)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Exchanges the statement for one that says "an error was here", so that the rest can be read.
    fn give_up_statement(&mut self, fault: usize, expected: &Expected, context: &Context) {
        let start = context.statement;
        if !self.follows_repaired_block(fault, start) {
            self.report_unless_known(fault, expected);
        }
        let block = context.frames.iter().rposition(|frame| self.lexemes[frame.opener].token == Token::LBrace);
        let in_struct = block.is_some_and(|index| {
            let frame = context.frames[index];
            self.token(frame.statement) == Some(Token::Struct) && frame.opener == frame.statement + 2
        });
        let inner = &context.frames[block.map_or(0, |index| index + 1)..];
        let dicts = inner.iter().filter(|frame| self.lexemes[frame.opener].token == Token::LDict).count();
        let end = self.synchronise(fault, start, dicts, in_struct).max(if start == fault { fault + 1 } else { fault });
        let is_let = self.token(start) == Some(Token::Let) && matches!(self.token(start + 1), Some(Token::Ident(_)));
        if is_let && start + 1 < fault && !in_struct {
            // The name stays defined, so that its uses are not reported as well.
            let hi = self.span(end - 1).hi;
            let rest = [Token::Assign, Token::ErrorExpr, Token::Semicolon];
            let rest = rest.map(|token| Lexeme { token, lo: hi, hi });
            self.lexemes.splice(start + 2..end, rest);
        } else if let Some(head) = self.head_that_defines(start, end).filter(|_| !in_struct) {
            self.lexemes.splice(start..end, head);
        } else {
            self.replace(start..end, &[Token::ErrorStmt]);
        }
    }

    /// `else` or `catch` behind a block whose head was given up.
    fn follows_repaired_block(&self, fault: usize, start: usize) -> bool {
        start == fault
            && matches!(self.token(fault), Some(Token::Else | Token::Catch))
            && self.before(fault).is_some_and(|before| before.token == Token::RBrace)
            && self.last_error.is_some()
    }

    /// The end of the statement around `fault`: behind its `;`, or before its block, the `}` around it, or a word at
    /// the beginning of a line that begins a statement. `braces` counts the dicts that are open.
    fn synchronise(&self, fault: usize, start: usize, mut braces: usize, in_struct: bool) -> usize {
        for index in fault..self.lexemes.len() {
            match self.lexemes[index].token {
                Token::Semicolon if braces == 0 => return index + 1,
                Token::RBrace if braces == 0 => return index,
                Token::RBrace => {
                    braces -= 1;
                    if braces == 0 && in_struct && !matches!(self.token(index + 1), Some(Token::Semicolon)) {
                        return index + 1;
                    }
                }
                Token::LBrace if braces == 0 && !in_struct && index > start => return index,
                Token::LBrace | Token::LDict => braces += 1,
                token
                    if braces == 0
                        && index > start
                        && index > fault
                        && begins_statement(token)
                        && self.begins_line(index) =>
                {
                    return index;
                }
                _ => {}
            }
        }
        self.lexemes.len()
    }
}

/// What is done instead of taking any number of arguments.
const LIST_OF_ARGUMENTS: &str =
    "to pass any number of values, take a list: `fn f : values { }`, and call `f([1, 2, 3])`";

/// An error with what is to be written instead of what stands at a span.
fn to_be_written(error: Diagnostic, span: Span, written: impl Into<String>) -> Diagnostic {
    let written = written.into();
    let advice = format!("write `{}`", written.trim_end());
    error.labelled(advice.clone()).with_suggestion(advice, span, written)
}

/// Words that begin a statement and nothing else.
fn begins_statement(token: Token) -> bool {
    use Token::*;
    matches!(
        token,
        Let | Fn | Struct | If | While | For | Break | Continue | Return | Import | Print | Println | Throw | Try
    )
}
