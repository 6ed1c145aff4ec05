//! The tree-sitter grammar of Walrus for Rust programs.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_walrus() -> *const ();
}

/// The language.
// SAFETY: the function is the one that tree-sitter generated.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_walrus) };

/// What is highlighted as what.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
