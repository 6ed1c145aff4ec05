//! Diagnostics as text: for people, one line each, as JSON lines, and as SARIF.
//!
//! Invariant: every renderer takes any diagnostic on any text. Spans are clamped to the text and to character boundaries
//! here, and long lines are clipped, before a layout engine sees them.

mod human;
mod json;
mod sarif;
mod short;

pub use human::human;
pub use json::json;
pub use sarif::sarif;
pub use short::short;

use super::{Diagnostic, Report, Severity, SourceMap};

/// The form in which diagnostics are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Human,
    Short,
    Json,
    Sarif,
}

/// Everything there is to say about one compilation, ready to be written.
pub fn report(report: &Report, map: &SourceMap, format: Format, colour: bool) -> String {
    let each = |render: &dyn Fn(&Diagnostic) -> String| -> String { report.diagnostics.iter().map(render).collect() };
    match format {
        Format::Human => {
            let mut out: String = report.diagnostics.iter().map(|d| human(d, map, colour) + "\n").collect();
            out.push_str(&summary(report));
            out
        }
        Format::Short => each(&|d| short(d, map)) + &summary(report),
        Format::Json => each(&|d| json(d, map)),
        Format::Sarif => sarif(report, map),
    }
}

/// The line behind the last diagnostic: how many errors there were. Empty if there were none.
pub fn summary(report: &Report) -> String {
    let shown = report.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let count = |n: usize| if n == 1 { "1 error".to_string() } else { format!("{n} errors") };
    match (shown, report.more_errors) {
        (0, 0) => String::new(),
        (shown, 0) => format!("{}\n", count(shown)),
        (shown, more) => format!("{} shown, {more} more not shown\n", count(shown)),
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

#[cfg(test)]
mod tests;
