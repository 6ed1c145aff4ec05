//! `file:line:col: error[E0201]: message`, for editors and `grep`.

use super::severity_word;
use crate::source::{Diagnostic, SourceMap};

/// One line, with its line break.
pub fn short(diagnostic: &Diagnostic, map: &SourceMap) -> String {
    let span = diagnostic.primary();
    let severity = severity_word(diagnostic.severity);
    let (code, message) = (diagnostic.code, diagnostic.message.replace('\n', " "));
    match map.get(span.file) {
        Some(file) => {
            let at = file.position(span.lo);
            format!("{}:{}:{}: {severity}[{code}]: {message}\n", file.shown, at.line, at.column)
        }
        None => format!("{severity}[{code}]: {message}\n"),
    }
}
