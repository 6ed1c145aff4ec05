//! From text to tree: lexer, grammar, syntax errors.
//!
//! [`parse`] is the way in. The lexer makes tokens, the parser generated from `grammar/walrus.lalrpop` drives the
//! builder, and what the grammar refuses is reported and repaired in `recover`, so that a tree always comes out.

pub mod ast;
mod builder;
mod expected;
mod interner;
pub mod lexer;
pub mod print;
mod recover;
mod token;

pub use expected::STANDARD_MODULES;
pub use interner::Interner;

use crate::source::{Diagnostics, FileId};
use ast::Ast;

/// The parser that LALRPOP generates.
#[allow(clippy::all)]
mod grammar {
    lalrpop_util::lalrpop_mod!(walrus);
    pub use self::walrus::FileParser;
}

/// Parses one file. What is wrong is reported; where the parser had to recover, the tree has `Error` nodes.
pub fn parse(text: &str, file: FileId, interner: &mut Interner, diagnostics: &mut Diagnostics) -> Ast {
    let tokens = lexer::lex(text, file, interner);
    recover::parse_tokens(text, file, tokens, diagnostics)
}

#[cfg(test)]
mod tests;
