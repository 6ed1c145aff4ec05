//! `file:line:col: error[E0201]: message`, for editors and `grep`.

use super::severity_word;
use crate::source::{Diagnostic, Severity, SourceMap};

/// One line, with its line break.
pub fn short(diagnostic: &Diagnostic, map: &SourceMap) -> String {
    let span = diagnostic.primary();
    let severity = severity_word(diagnostic.severity);
    let code = diagnostic.code;
    // What is wrong is in the message; what there is to know may be beside it.
    let mut parts = vec![diagnostic.message.as_str()];
    if diagnostic.severity == Severity::Note {
        let texts = diagnostic.labels.iter().take(1).map(|label| &label.text).chain(&diagnostic.notes);
        parts.extend(texts.filter(|text| !text.is_empty()).map(String::as_str));
    }
    let message = parts.join("; ").replace('\n', " ");
    match map.get(span.file) {
        Some(file) => {
            let position = file.position(span.lo);
            format!("{}:{}:{}: {severity}[{code}]: {message}\n", file.shown, position.line, position.column)
        }
        None => format!("{severity}[{code}]: {message}\n"),
    }
}
