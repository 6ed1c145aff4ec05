//! Workflow commands of GitHub Actions: `::error file=a.walrus,line=1,col=9,…::message`.

use super::text;
use crate::source::{Diagnostic, Severity, SourceMap};

/// One line, with its line break.
pub fn github(diagnostic: &Diagnostic, map: &SourceMap) -> String {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let span = diagnostic.primary();
    let place = map.get(span.file).map_or(String::new(), |file| {
        let (start, end) = (file.position(span.lo), file.position(span.hi));
        let mut place = format!("file={},line={},endLine={},", property(&file.shown), start.line, end.line);
        // Columns of several lines would be refused.
        if start.line == end.line {
            place.push_str(&format!("col={},endColumn={},", start.column, end.column.max(start.column)));
        }
        place
    });
    format!("::{command} {place}title={}::{}\n", property(diagnostic.code), message(&text(diagnostic)))
}

/// What stands behind the `::`.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
