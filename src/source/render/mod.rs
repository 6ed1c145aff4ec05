//! Diagnostics as text: for people, one line each, as JSON lines, as workflow commands of GitHub, and as SARIF.
//!
//! Invariant: every renderer takes any diagnostic on any text. Spans are clamped to the text and to character
//! boundaries here, and long lines are clipped, before a layout engine sees them.

mod github;
mod human;
mod json;
mod sarif;
mod short;

pub use github::github;
pub use human::human;
pub use json::json;
pub use sarif::Sarif;
pub use short::short;

use super::{Diagnostic, Report, Severity, SourceMap};

/// The form in which diagnostics are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Human,
    Short,
    Json,
    /// One document for all programs, which [`Sarif`] makes; one of a single compilation is made by [`report`].
    Sarif,
    Github,
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
        Format::Sarif => Sarif::of(report, map).document(),
        Format::Github => each(&|d| github(d, map)),
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

/// The message with its notes and help, for formats that have no place of their own for them.
fn text(diagnostic: &Diagnostic) -> String {
    let notes = diagnostic.notes.iter().map(|note| format!("\nnote: {note}"));
    let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}"));
    // What a note has to say is in its label, too.
    let label = diagnostic
        .labels
        .iter()
        .take(1)
        .filter(|label| diagnostic.severity == Severity::Note && !label.text.is_empty());
    let label = label.map(|label| format!("\n{}", label.text));
    std::iter::once(diagnostic.message.clone()).chain(label).chain(notes).chain(help).collect()
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
