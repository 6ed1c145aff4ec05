//! The catalogue of diagnostic codes: one row per code, with the long text that `walrusc --explain CODE` prints.
//!
//! Families: `E01xx` lexical, `E02xx` syntax, `E03xx` names and scopes, `E04xx` modules, `E05xx` limits and what is not
//! built yet, `W01xx` why a region is not compiled, `W02xx` lints.

/// A row of the catalogue.
pub struct CodeInfo {
    pub code: &'static str,
    /// A few words: what the fault is.
    pub title: &'static str,
    /// Markdown: what is wrong, an example, how to mend it.
    pub explanation: &'static str,
}

/// All codes, ascending.
pub static CODES: &[CodeInfo] = &[];

/// The row of a code, matched without regard to case.
pub fn find_code(code: &str) -> Option<&'static CodeInfo> {
    CODES.iter().find(|info| info.code.eq_ignore_ascii_case(code))
}
