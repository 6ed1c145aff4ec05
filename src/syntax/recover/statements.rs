//! Statements, blocks and definitions as other languages write them; see [`super::expressions`].

use super::heads::{Param, lexemes_of};
use super::{Context, Recovery, to_be_written};
use crate::source::{Diagnostic, Span};
use crate::syntax::expected::{Expected, STANDARD_MODULES, foreign_keyword, misspelt_keyword};
use crate::syntax::lexer::{KEYWORDS, Lexeme, Token};

impl Recovery<'_> {
    /// The fault at a token is a statement in a form of another language.
    pub(super) fn foreign_statement(&mut self, fault: usize, expected: &Expected, context: &Context) -> bool {
        self.member_of_struct(fault, expected)
            || self.base_of_struct(fault, context)
            || self.import_of_names(fault, context)
            || self.handler(fault, expected)
            || self.else_of_loop(fault, expected)
            || self.condition_behind(fault, context)
            || self.decorator(fault, expected)
            || self.call_without_parentheses(fault, context)
            || self.statement_by_word(fault, context)
            || self.async_function(fault)
            || self.definition_with_type(fault, context)
            || self.type_of_name(fault, context)
            || self.counting_loop(fault, context)
            || self.block_by_indentation(fault, expected, context)
            || self.block_as_argument(fault, expected, context)
    }

    pub(super) fn ident_text(&self, index: usize) -> Option<&str> {
        matches!(self.token(index), Some(Token::Ident(_))).then(|| self.text_of(index))
    }

    /// The token behind those that stand on the line of `from`, which itself need not begin it.
    pub(super) fn line_end(&self, from: usize) -> usize {
        (from + 1..self.lexemes.len()).find(|&index| self.begins_line(index)).unwrap_or(self.lexemes.len())
    }

    /// The token behind the lines below `head` that stand further to the right, and behind an `end` that closes them.
    pub(super) fn indented_end(&self, head: usize) -> usize {
        let margin = self.indentation(head).len();
        let mut index = self.line_end(head);
        while index < self.lexemes.len() && (!self.begins_line(index) || self.indentation(index).len() > margin) {
            index += 1;
        }
        index
    }

    /// The token behind a statement of another language that begins at `start`: behind its block, be it in braces or
    /// further to the right, else behind its `;` or its line.
    pub(super) fn foreign_end(&self, start: usize) -> usize {
        let line = self.line_end(start);
        let mut index = start;
        while index < line {
            match self.lexemes[index].token {
                Token::LParen | Token::LBracket => index = self.closer_of(index).unwrap_or(index),
                Token::LBrace | Token::LDict => {
                    return self.closer_of(index).map_or(self.lexemes.len(), |close| close + 1);
                }
                Token::Semicolon => return index + 1,
                _ => {}
            }
            index += 1;
        }
        let end = self.indented_end(start);
        if self.ident_text(end) == Some("end") { end + 1 } else { end }
    }

    pub(super) fn name_of_keyword(&self, token: Token) -> Token {
        let index = KEYWORDS.iter().position(|&(_, keyword)| keyword == token).unwrap_or(0);
        Token::Ident(crate::syntax::ast::Symbol(index as u32))
    }

    // Statements that begin with a word of another language.

    fn statement_by_word(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        if start >= fault {
            return false;
        }
        let Some(word) = self.ident_text(start).map(str::to_string) else { return false };
        let next_is_name = matches!(self.token(start + 1), Some(Token::Ident(_)));
        let behind = start + 1 == fault;
        let error = Diagnostic::error("E0208", format!("`{word}` is not a word of Walrus"), self.span(start));
        let to_next = Span::new(self.file, self.span(start).lo, self.span(start + 1).lo);
        match word.as_str() {
            "match" | "switch" | "case" | "when" | "enum" | "impl" | "trait" | "interface" | "namespace" => {
                let has_block = matches!(self.token(fault), Some(Token::LBrace | Token::LDict));
                if !behind && !has_block {
                    return false;
                }
                let diagnostic = match word.as_str() {
                    "enum" => error
                        .labelled("kinds are told apart by texts or numbers")
                        .with_help("name them by variables: `let red = \"red\";`"),
                    "impl" | "trait" | "interface" => error.labelled("methods stand inside of their struct").with_help(
                        "`struct Point { fn length : self { } }`; any value that has a method can be used for it",
                    ),
                    "namespace" => error.labelled("each file is a module").with_help("`import \"./shapes.walrus\";`"),
                    _ => error
                        .labelled("one case after the other is asked for by `else if`")
                        .with_help("`if x == 1 { } else if x == 2 { } else { }`"),
                };
                self.report(fault, diagnostic);
                let end = self.foreign_end(start).max(fault);
                let defines = matches!(word.as_str(), "enum" | "trait" | "interface" | "namespace") && next_is_name;
                self.give_up(start, end, defines.then_some(self.lexemes[(start + 1).min(self.lexemes.len() - 1)]));
            }
            "do" if behind && matches!(self.token(fault), Some(Token::LBrace | Token::LDict)) => {
                let diagnostic = error
                    .labelled("Walrus has no loop that asks at its end")
                    .with_help("`while true { …; if not again { break; } }`");
                self.report(fault, diagnostic);
                if let Some(close) = self.closer_of(fault)
                    && (self.token(close + 1) == Some(Token::While) || self.ident_text(close + 1) == Some("until"))
                {
                    let end = self.expression_end(close + 1);
                    let end = if self.token(end) == Some(Token::Semicolon) { end + 1 } else { end };
                    self.lexemes.drain(close + 1..end);
                }
                // A loop, so that `break` may stand in it.
                self.lexemes[fault].token = Token::LBrace;
                self.replace(start..start + 1, &[Token::While, Token::True]);
            }
            "unless" if behind => {
                let open = (fault..self.line_end(start)).find(|&index| self.token(index) == Some(Token::LBrace));
                let condition = self.text_between(fault, open.unwrap_or(self.line_end(start))).to_string();
                let written = format!("if not ({condition})");
                let span = Span::new(self.file, self.span(start).lo, self.span(fault).lo + condition.len() as u32);
                let diagnostic =
                    error.labelled("write `if not`").with_suggestion(format!("write `{written}`"), span, written);
                self.report(fault, diagnostic);
                self.replace(start..start + 1, &[Token::If]);
            }
            "global" | "nonlocal" if behind && next_is_name => {
                let end = self.foreign_end(start);
                let span = self.span_between(start, end);
                let diagnostic = error.labelled("variables of outside are assigned to as they are").with_suggestion(
                    "remove it",
                    span,
                    "",
                );
                self.report(fault, diagnostic);
                self.replace(start..end, &[Token::ErrorStmt]);
            }
            "pass" if self.begins_line(fault) || self.token(fault) == Some(Token::RBrace) => {
                let span = self.span(start);
                let diagnostic = error.labelled("an empty block needs no word").with_suggestion("remove it", span, "");
                self.report(fault, diagnostic);
                self.replace(start..start + 1, &[Token::ErrorStmt]);
            }
            "end" | "fi" | "done" | "endif" if behind && (self.begins_line(fault) || self.token(fault).is_none()) => {
                let diagnostic = error.labelled("blocks end with `}`");
                self.report(fault, diagnostic);
                self.replace(start..start + 1, &[Token::ErrorStmt]);
            }
            "del" | "delete" if behind => {
                let diagnostic = error
                    .labelled("entries and elements are taken out by a method")
                    .with_help("`d.remove(key)`, `xs.remove(index)`");
                self.report(fault, diagnostic);
                self.lexemes.remove(start);
            }
            "assert" if behind => {
                let end = self.expression_end(fault);
                // A message behind a comma belongs to it.
                let end = match self.token(end) {
                    Some(Token::Comma) => self.expression_end(end + 1),
                    _ => end,
                };
                let written = format!("core.assert({})", self.text_between(fault, end));
                let diagnostic = to_be_written(error, self.span_between(start, end), written);
                self.report(fault, diagnostic);
                self.replace(start..end, &[Token::ErrorExpr]);
            }
            "yield" if behind => {
                let diagnostic = error
                    .labelled("Walrus has no generators")
                    .with_help("push the values to a list, or write a struct whose `next` gives one after the other and then `void`");
                self.report(fault, diagnostic);
                self.lexemes.remove(start);
            }
            "with" | "using" if behind => {
                let end = self.line_end(start);
                let Some(open) = (fault..end).find(|&index| self.token(index) == Some(Token::LBrace)) else {
                    return false;
                };
                let help = "`let f = io.file_open(path, \"r\");` and behind the last use `io.file_close(f);`";
                self.report(fault, error.labelled("what is opened is closed by a call").with_help(help));
                let hi = self.span(open).hi;
                let name = (start..open).rev().find(|&index| matches!(self.token(index), Some(Token::Ident(_))));
                let name = name.filter(|&name| self.token(name - 1) == Some(Token::As)).map(|name| self.lexemes[name]);
                if let Some(name) = name {
                    let rest = [
                        (Token::Let, hi),
                        (name.token, hi),
                        (Token::Assign, hi),
                        (Token::ErrorExpr, hi),
                        (Token::Semicolon, hi),
                    ];
                    let rest = rest.map(|(token, offset)| Lexeme { token, lo: offset, hi: offset });
                    self.lexemes.splice(open + 1..open + 1, rest);
                }
                self.lexemes.drain(start..open);
            }
            "repeat" if behind && (self.begins_line(fault) || self.token(fault) == Some(Token::LBrace)) => {
                let diagnostic = error
                    .labelled("Walrus has no loop that asks at its end")
                    .with_help("`while true { …; if done { break; } }`");
                self.report(fault, diagnostic);
                let until = (fault..self.lexemes.len()).find(|&index| self.ident_text(index) == Some("until"));
                let end = until.map_or(fault, |until| {
                    let line = self.line_end(until);
                    (until..line).find(|&i| self.token(i) == Some(Token::Semicolon)).map_or(line, |semi| semi + 1)
                });
                self.replace(start..end.max(start + 1), &[Token::ErrorStmt]);
            }
            "public" | "private" | "protected" | "static" | "final" | "export" | "pub" | "inline" | "local"
                if behind && self.is_definition(fault) =>
            {
                // The word behind it is reported itself, if it is none of Walrus.
                if matches!(self.token(fault), Some(Token::Fn | Token::Let | Token::Struct)) {
                    let diagnostic = error.labelled("every name at the top of a file can be imported").with_suggestion(
                        "remove it",
                        to_next,
                        "",
                    );
                    self.report(fault, diagnostic);
                }
                self.lexemes.remove(start);
            }
            "function" | "def" | "func" | "fun" | "proc" | "sub" if behind && next_is_name => {
                return self.function_by_indentation(start) || self.function_of_other_language(start);
            }
            _ => return false,
        }
        true
    }

    fn is_foreign_definition(&self, index: usize) -> bool {
        let token = self.ident_text(index).and_then(foreign_keyword).map(|(token, _)| token);
        matches!(token, Some(Token::Fn | Token::Struct | Token::Let))
    }

    /// `async function f(a) { … }`, `async def f(a):`.
    fn async_function(&mut self, fault: usize) -> bool {
        let is_head = self.before(fault).is_some_and(|before| before.token == Token::Async)
            && self.is_foreign_definition(fault)
            && matches!(self.token(fault + 1), Some(Token::Ident(_)));
        is_head && (self.function_by_indentation(fault) || self.function_of_other_language(fault))
    }

    /// Whether a definition begins here, of Walrus or of another language.
    fn is_definition(&self, index: usize) -> bool {
        let is_typed = matches!(self.token(index), Some(Token::Ident(_) | Token::Void))
            && matches!(self.token(index + 1), Some(Token::Ident(_)));
        matches!(self.token(index), Some(Token::Fn | Token::Let | Token::Struct))
            || self.is_foreign_definition(index)
            || is_typed
    }

    /// Exchanges tokens for a statement that says "an error was here", or that defines a name.
    fn give_up(&mut self, start: usize, end: usize, name: Option<Lexeme>) {
        let hi = self.span(end - 1).hi;
        match name {
            Some(name) => {
                let first = Lexeme { token: Token::Let, ..self.lexemes[start] };
                let rest =
                    [Token::Assign, Token::ErrorExpr, Token::Semicolon].map(|token| Lexeme { token, lo: hi, hi });
                self.lexemes.splice(start..end, [first, name].into_iter().chain(rest));
            }
            None => self.replace(start..end, &[Token::ErrorStmt]),
        }
    }

    // Functions and variables.

    /// `function f(a, b) { … }` and `int f(int a) { … }`: word, name, parameters in parentheses, block.
    fn function_of_other_language(&mut self, start: usize) -> bool {
        let name = start + 1;
        if self.token(name + 1) != Some(Token::LParen) {
            return false;
        }
        let Some(close) = self.closer_of(name + 1) else { return false };
        let body = (close + 1..self.line_end(close)).find(|&i| matches!(self.token(i), Some(Token::LBrace)));
        let body = body.or_else(|| (self.token(close + 1) == Some(Token::LBrace)).then_some(close + 1));
        let Some(body) = body else { return false };
        let params = self.params_between(name + 2..close);
        let head = format!("fn {} : {}", self.text_of(name), self.written_params(&params));
        let written = head.trim_end().to_string() + self.gap_before(body);
        self.report_form(start..body, "Functions are defined by `fn`, with their parameters behind a `:`", written);
        self.put_function_head(start, name, &params, body);
        true
    }

    /// What has to stand between what is written instead of a head and its block.
    pub(super) fn gap_before(&self, body: usize) -> &'static str {
        if self.touches_before(body) { " " } else { "" }
    }

    /// Exchanges what stands before the block at `body` for the head of a function.
    fn put_function_head(&mut self, start: usize, name: usize, params: &[Param], body: usize) {
        let first = self.span(start);
        let mut head = vec![
            Lexeme { token: Token::Fn, lo: first.lo, hi: first.hi },
            self.lexemes[name],
            Lexeme { token: Token::Colon, lo: self.span(name).hi, hi: self.span(name).hi },
        ];
        if name == start {
            head[0].hi = first.lo;
        }
        head.extend(lexemes_of(params));
        self.lexemes[body].token = Token::LBrace;
        self.lexemes.splice(start..body, head);
    }

    /// `int x = 5;` and `int main() { … }`.
    fn definition_with_type(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        if start + 1 == fault
            && self.ident_text(start).is_some()
            && self.token(fault) == Some(Token::Colon)
            && self.token(fault + 1) == Some(Token::Assign)
        {
            let written = format!("let {} =", self.text_of(start));
            self.report_form(start..fault + 2, "Variables are defined by `let`", written);
            let name = self.lexemes[start];
            self.lexemes.remove(fault);
            self.lexemes.insert(start, Lexeme { token: Token::Let, lo: name.lo, hi: name.lo });
            return true;
        }
        if self.token(fault) == Some(Token::Colon)
            && self.token(fault + 1) == Some(Token::Assign)
            && self.touches_before(fault + 1)
            && matches!(self.token(fault - 1), Some(Token::Ident(_)))
        {
            let span = self.span_between(fault, fault + 2);
            let error = Diagnostic::error("E0208", "`:=` is not an operator of Walrus", span);
            if self.token(start) == Some(Token::Let) && start + 2 == fault {
                self.report(fault, to_be_written(error, span, "="));
                self.lexemes.remove(fault);
            } else {
                let name = self.text_of(fault - 1);
                let help = format!("assign in a statement before: `let {name} = …;`");
                self.report(fault, error.labelled("an assignment has no value").with_help(help));
                self.lexemes.drain(fault - 1..fault + 2);
            }
            return true;
        }
        let typed = matches!(self.token(start), Some(Token::Ident(_) | Token::Void))
            && start + 1 == fault
            && matches!(self.token(fault), Some(Token::Ident(_)))
            && !self.begins_line(fault)
            && foreign_keyword(self.text_of(start)).is_none();
        if !typed {
            return false;
        }
        match self.token(fault + 1) {
            Some(Token::LParen) if self.function_of_other_language(start) => true,
            Some(Token::Assign | Token::Semicolon) => {
                let span = self.span(start);
                let diagnostic = Diagnostic::error("E0209", "Variables are defined by `let`, without a type", span)
                    .labelled("write `let`")
                    .with_suggestion("write `let`", span, "let");
                self.report(fault, diagnostic);
                self.replace(start..start + 1, &[Token::Let]);
                if self.token(fault + 1) == Some(Token::Semicolon) {
                    let hi = self.span(fault).hi;
                    let value = [Token::Assign, Token::ErrorExpr].map(|token| Lexeme { token, lo: hi, hi });
                    self.lexemes.splice(fault + 1..fault + 1, value);
                }
                true
            }
            _ => false,
        }
    }

    /// `let x: int = 5;` and `fn f : a: int, b: list[int] { … }`.
    fn type_of_name(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        let is_head = matches!(self.token(start), Some(Token::Let | Token::Fn))
            && context.frames.last().is_none_or(|frame| frame.opener < start)
            && self.token(fault) == Some(Token::Colon)
            && matches!(self.token(fault - 1), Some(Token::Ident(_)))
            && matches!(
                self.token(fault + 1),
                Some(Token::Ident(_) | Token::Void | Token::LBracket | Token::LParen | Token::Amp)
            );
        if !is_head {
            return false;
        }
        let span = self.span_between(fault, self.type_end(fault));
        let diagnostic = Diagnostic::error("E0209", "Names are written without types", span)
            .labelled("a variable may hold any value")
            .with_suggestion("remove the type", span, "");
        self.report(fault, diagnostic);
        // All of this head are one fault.
        let mut index = fault;
        while index < self.lexemes.len() {
            match self.lexemes[index].token {
                Token::Assign | Token::LBrace | Token::LDict | Token::Semicolon => break,
                Token::Colon => {
                    let end = self.type_end(index);
                    self.lexemes.drain(index..end);
                }
                _ => index += 1,
            }
        }
        true
    }

    fn type_end(&self, colon: usize) -> usize {
        let mut index = colon + 1;
        while let Some(token) = self.token(index) {
            match token {
                Token::LParen | Token::LBracket => index = self.closer_of(index).unwrap_or(index),
                Token::Assign | Token::Comma | Token::LBrace | Token::LDict | Token::Semicolon => break,
                _ => {}
            }
            index += 1;
        }
        index
    }

    // Modules.

    /// `import math`, `import a, b from "x"`, `from math import sqrt`.
    fn import_of_names(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        let is_named = self.ident_text(fault).is_some() || matches!(self.token(fault), Some(Token::Str(_)));
        let is_from = start + 1 == fault && self.ident_text(start) == Some("from") && is_named;
        let word = self.ident_text(start);
        let is_import = start + 1 == fault
            && (self.token(start) == Some(Token::Import)
                || matches!(word, Some("use" | "using" | "require" | "include")) && self.ident_text(fault).is_some());
        if !is_from && !is_import {
            return false;
        }
        let line = self.line_end(fault);
        let end =
            (fault..line).find(|&index| self.token(index) == Some(Token::Semicolon)).map_or(line, |semi| semi + 1);
        let is_end = |&index: &usize| matches!(self.token(index), Some(Token::Import | Token::As));
        let modules_end = (fault..end).find(is_end).unwrap_or(end);
        let is_name = |index: &usize| matches!(self.token(*index), Some(Token::Ident(_)));
        let Some(module) = (fault..modules_end)
            .rev()
            .find(|index| is_name(index) && self.ident_text(*index) != Some("from"))
            .or(matches!(self.token(fault), Some(Token::Str(_))).then_some(fault))
        else {
            return false;
        };
        // `import numpy as np`
        let other_name = (!is_from && self.token(modules_end) == Some(Token::As))
            .then(|| self.ident_text(modules_end + 1))
            .flatten();
        // `import { a, b } from "shapes"` has the module in a text already.
        let named = match (fault..end).find(|&index| matches!(self.token(index), Some(Token::Str(_)))) {
            Some(quoted) => self.text_of(quoted).trim_matches(['"', '\'']),
            None if is_from => self.text_of((fault..modules_end).rev().find(is_name).unwrap_or(module)),
            None => self.text_of(module),
        };
        let text = named.rsplit('/').next().unwrap_or(named);
        let text = text.split('.').next().unwrap_or(text);
        let path = match named.strip_prefix("std/").unwrap_or(named) {
            standard if STANDARD_MODULES.contains(&standard) => format!("std/{standard}"),
            path if path.ends_with(".walrus") => path.to_string(),
            // `import std/math`, also of a module that does not exist, which is told then.
            path if named.starts_with("std/") || self.ident_text(fault) == Some("std") => format!("std/{path}"),
            path => format!("./{}.walrus", path.trim_start_matches("./").trim_end_matches(".js")),
        };
        let written = match other_name {
            Some(name) => format!("import \"{path}\" as {name};"),
            None => format!("import \"{path}\";"),
        };
        let names: Vec<Lexeme> = match is_from {
            true => (modules_end..end).filter(is_name).map(|index| self.lexemes[index]).collect(),
            false => (fault..end).filter(is_name).map(|index| self.lexemes[index]).collect(),
        };
        let takes_names = is_from || matches!(self.token(fault), Some(Token::LBrace | Token::LDict));
        let use_of = match (takes_names, names.first()) {
            (true, Some(name)) => Some(format!("{text}.{}", self.text_in(name))),
            _ => None,
        };
        let span = self.span_between(start, end);
        let error = Diagnostic::error("E0209", "A module is imported by a text", span);
        let mut diagnostic = to_be_written(error, span, written);
        if let Some(use_of) = use_of {
            diagnostic = diagnostic.with_help(format!("its names are used through it: `{use_of}`"));
        }
        self.report(fault, diagnostic);
        // What the line would have defined stays defined.
        let mut lets = Vec::new();
        for name in names {
            let before = [Lexeme { token: Token::Let, lo: name.lo, hi: name.lo }, name];
            let after = [Token::Assign, Token::ErrorExpr, Token::Semicolon];
            lets.extend(before);
            lets.extend(after.map(|token| Lexeme { token, lo: name.hi, hi: name.hi }));
        }
        if lets.is_empty() {
            lets.push(Lexeme { token: Token::ErrorStmt, lo: span.lo, hi: span.hi });
        }
        self.lexemes.splice(start..end, lets);
        true
    }

    /// `println(x) if x > 1;`
    fn condition_behind(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        let word = self.text_of(fault).to_string();
        let is_condition = matches!(self.token(fault), Some(Token::If | Token::IfExpr)) || word == "unless";
        if !is_condition
            || start >= fault
            || self.begins_line(fault)
            || self.ends_with_block(start)
            || self.token(start) == Some(Token::Let)
            || !self.before(fault).is_some_and(|before| before.token.ends_operand())
            || context.frames.last().is_some_and(|frame| frame.opener >= start)
        {
            return false;
        }
        let end = self.expression_end(fault + 1);
        let has_block = (fault..end).any(|i| matches!(self.token(i), Some(Token::LBrace | Token::Else)));
        if has_block || self.token(end) != Some(Token::Semicolon) {
            return false;
        }
        let (statement, condition) = (self.text_between(start, fault), self.text_between(fault + 1, end));
        let written = match word == "unless" {
            true => format!("if not ({condition}) {{ {statement}; }}"),
            false => format!("if {condition} {{ {statement}; }}"),
        };
        self.report_form(start..end + 1, "A condition stands before what it decides on", written);
        self.lexemes.drain(fault..end);
        true
    }

    /// `@cache` before a function.
    fn decorator(&mut self, fault: usize, expected: &Expected) -> bool {
        if self.token(fault) != Some(Token::At) || !matches!(self.token(fault + 1), Some(Token::Ident(_))) {
            return false;
        }
        let name = self.text_of(fault + 1).to_string();
        if expected.statement() || expected.has("fn") {
            let line = self.line_end(fault);
            let is_decorator = line < self.lexemes.len()
                && (matches!(self.token(line), Some(Token::Fn | Token::Async | Token::Struct | Token::At))
                    || self.is_foreign_definition(line));
            if is_decorator {
                let span = self.span_between(fault, line);
                let diagnostic = Diagnostic::error("E0209", "Walrus has no decorators", span)
                    .labelled("a function is wrapped by a call")
                    .with_help(format!("below its definition: `let wrapped = {name}(name_of_the_function);`"));
                self.report(fault, diagnostic);
                self.lexemes.drain(fault..line);
                return true;
            }
        }
        if !expected.expression() {
            return false;
        }
        let span = self.span(fault);
        let error = Diagnostic::error("E0208", format!("`@{name}` is not a name of Walrus"), span);
        self.report(fault, to_be_written(error, span, "self."));
        self.lexemes.remove(fault);
        true
    }

    /// `f 3;`
    fn call_without_parentheses(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        let is_literal =
            matches!(self.token(fault), Some(Token::Int(_) | Token::Float(_) | Token::Str(_) | Token::FStringStart));
        if !is_literal || start + 1 != fault || self.begins_line(fault) || self.ident_text(start).is_none() {
            return false;
        }
        let word = self.text_of(start);
        // What is written for these is told by their own words.
        if foreign_keyword(word).is_some() || misspelt_keyword(word).is_some() || matches!(word, "F" | "r" | "R" | "b")
        {
            return false;
        }
        let mut end = self.expression_end(fault);
        while self.token(end) == Some(Token::Comma) {
            end = self.expression_end(end + 1);
        }
        let written = format!("{word}({})", self.text_between(fault, end));
        self.report_form(start..end, "A function is called with parentheses", written);
        self.replace(fault..end, &[]);
        true
    }

    // Structs.

    /// `struct Dog extends Animal {`, `struct Dog(Animal) {`, `struct Dog : Animal {`, `struct Box<T> {`.
    fn base_of_struct(&mut self, fault: usize, context: &Context) -> bool {
        let start = context.statement;
        if self.token(start) != Some(Token::Struct) || start + 2 != fault {
            return false;
        }
        let is_base = self.ident_text(fault).is_some()
            || matches!(self.token(fault), Some(Token::LParen | Token::Lt) | Some(Token::Colon));
        let line = self.line_end(fault);
        let open = (fault..line).find(|&index| matches!(self.token(index), Some(Token::LBrace | Token::LDict)));
        let colon = line - 1 > fault && self.token(line - 1) == Some(Token::Colon);
        let Some(end) = open.or(colon.then_some(line - 1)).filter(|&end| is_base && end > fault) else { return false };
        if self.token(fault) == Some(Token::LParen) && end == fault + 2 {
            // `class Dog():` names no other.
            self.lexemes.drain(fault..end);
            return true;
        }
        let span = self.span_between(fault, end);
        let diagnostic = Diagnostic::error("E0209", "Structs do not inherit", span)
            .labelled("a struct has the methods that are written in it")
            .with_help("keep an instance of the other struct in a field, and call its methods");
        self.report(fault, diagnostic);
        if open.is_some() {
            self.lexemes[end].token = Token::LBrace;
        }
        self.lexemes.drain(fault..end);
        true
    }

    /// Fields and methods in other forms, where a struct wants methods.
    fn member_of_struct(&mut self, fault: usize, expected: &Expected) -> bool {
        let wants_method = expected.has("fn") && expected.has("}") && !expected.statement();
        if !wants_method || self.token(fault).is_none() {
            return false;
        }
        let is_name = |this: &Self, index: usize| matches!(this.token(index), Some(Token::Ident(_)));
        // Words such as `public` and `static`, and types.
        let mut name = fault;
        while is_name(self, name) && is_name(self, name + 1) {
            name += 1;
        }
        if is_name(self, fault)
            && name > fault
            && self.is_foreign_definition(name - 1)
            && self.function_by_indentation(name - 1)
        {
            self.lexemes.drain(fault..name - 1);
            return true;
        }
        if is_name(self, name) && self.token(name + 1) == Some(Token::LParen) {
            let body = self.closer_of(name + 1).map(|close| (close, close + 1));
            if let Some((close, body)) = body.filter(|&(_, body)| matches!(self.token(body), Some(Token::LBrace))) {
                let is_maker = matches!(self.text_of(name), "constructor" | "__init__" | "initialize" | "new");
                let written_name = if is_maker { "init" } else { self.text_of(name) };
                let params = self.params_between(name + 2..close);
                let own = match params.first() {
                    Some(first) if first.is("self", self) => self.written_params(&params),
                    Some(_) => format!("self, {}", self.written_params(&params)),
                    None => "self".to_string(),
                };
                let written = format!("fn {written_name} : {own}{}", self.gap_before(body));
                self.report_form(
                    fault..body,
                    "Methods are defined by `fn`, with their parameters behind a `:`",
                    written,
                );
                self.put_function_head(fault, name, &params, body);
                return true;
            }
        }
        // Anything else up to the next method is taken for fields.
        let mut end = fault;
        let mut depth = 0;
        while let Some(token) = self.token(end) {
            match token {
                Token::Fn | Token::Async if depth == 0 && end > fault => break,
                Token::LParen | Token::LBracket | Token::LBrace | Token::LDict => depth += 1,
                Token::RBrace if depth == 0 => break,
                Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
                _ => {}
            }
            if depth == 0 && end > fault && is_name(self, end) && self.token(end + 1) == Some(Token::LParen) {
                break;
            }
            end += 1;
        }
        let is_field = is_name(self, fault) || self.token(fault) == Some(Token::Let);
        if end == fault || !is_field {
            return false;
        }
        let span = self.span_between(fault, end);
        let named = (fault..end)
            .rev()
            .find(|&index| is_name(self, index))
            .filter(|&index| index == fault || self.token(fault) == Some(Token::Let));
        let field = match self.token(fault) {
            Some(Token::Let) if is_name(self, fault + 1) => self.text_of(fault + 1),
            _ => named.map_or(self.text_of(name), |index| self.text_of(index)),
        };
        let help =
            format!("fields appear when they are assigned to: `fn init : self, {field} {{ self.{field} = {field}; }}`");
        let diagnostic = Diagnostic::error("E0209", "A struct lists its methods, not its fields", span)
            .labelled("no fields are declared")
            .with_help(help);
        self.report(fault, diagnostic);
        self.replace(fault..end, &[Token::ErrorStmt]);
        true
    }
}
