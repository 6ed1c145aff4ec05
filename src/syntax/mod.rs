//! From text to tree: lexer, grammar, syntax errors.

pub mod ast;
