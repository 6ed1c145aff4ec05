//! Syntax errors: what to say about them, and how to go on.

use lalrpop_util::ParseError;

use super::ast::Ast;
use super::builder::Builder;
use super::grammar::FileParser;
use super::lexer::Tokens;
use crate::source::{Diagnostic, Diagnostics, FileId, Span};

pub(super) fn parse_tokens(text: &str, file: FileId, tokens: Tokens, diagnostics: &mut Diagnostics) -> Ast {
    let Tokens { lexemes, numbers, jit_marks, diagnostics: lexical, .. } = tokens;
    lexical.into_iter().for_each(|diagnostic| diagnostics.push(diagnostic));
    let mut builder = Builder::new(file, numbers, lexemes.len());
    let stream = lexemes.iter().map(|lexeme| Ok((lexeme.lo, lexeme.token, lexeme.hi)));
    if let Err(error) = FileParser::new().parse(&mut builder, stream) {
        let (lo, hi) = match error {
            ParseError::UnrecognizedToken { token: (lo, _, hi), .. } => (lo, hi),
            _ => (text.len() as u32, text.len() as u32),
        };
        diagnostics.push(Diagnostic::error("E0201", "Syntax error", Span::new(file, lo, hi)));
        builder.rewind();
    }
    let (ast, found) = builder.finish(jit_marks);
    found.into_iter().for_each(|diagnostic| diagnostics.push(diagnostic));
    ast
}
