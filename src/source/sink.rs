//! Where diagnostics are collected.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

use super::{Diagnostic, Severity, Span};

/// How many errors are shown; the rest is only counted.
pub const ERROR_LIMIT: usize = 20;

/// Diagnostics kept at all. Past this a program of nothing but errors would take memory for nobody's good.
const KEPT_LIMIT: usize = 10_000;

/// The code of notes on what is as it should be.
const PROVEN: &str = "N0101";

/// Collects diagnostics: the same code at the same place is kept once.
#[derive(Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    seen: HashSet<(Span, &'static str), FxBuildHasher>,
    errors: usize,
    dropped_errors: usize,
}

/// What is to be shown, in the order of the source.
#[derive(Debug)]
pub struct Report {
    pub diagnostics: Vec<Diagnostic>,
    /// Errors that were found and are not shown.
    pub more_errors: usize,
}

impl Report {
    pub fn has_errors(&self) -> bool {
        self.more_errors > 0 || self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

impl Diagnostics {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a diagnostic, unless one with its code and place is there already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let is_error = diagnostic.severity == Severity::Error;
        // Errors do not lose their place to warnings.
        let room = if is_error { self.errors } else { self.kept.len() };
        if room >= KEPT_LIMIT {
            self.errors += usize::from(is_error);
            self.dropped_errors += usize::from(is_error);
            return;
        }
        if self.seen.insert((diagnostic.primary(), diagnostic.code)) {
            self.errors += usize::from(is_error);
            self.kept.push(diagnostic);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub fn error_count(&self) -> usize {
        self.errors
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// In the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }

    /// Sorts by file and place, what is well last, and cuts off after [`ERROR_LIMIT`] errors.
    pub fn into_report(self) -> Report {
        let mut diagnostics = self.kept;
        diagnostics.sort_by_key(|d| (d.code == PROVEN, d.primary().file, d.primary().lo, d.primary().hi));
        let mut errors = 0;
        let mut more_errors = self.dropped_errors;
        diagnostics.retain(|d| {
            if d.severity != Severity::Error {
                return true;
            }
            errors += 1;
            more_errors += usize::from(errors > ERROR_LIMIT);
            errors <= ERROR_LIMIT
        });
        Report { diagnostics, more_errors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn error(lo: u32) -> Diagnostic {
        Diagnostic::error("E0201", "x", Span::new(FileId(0), lo, lo + 1))
    }

    #[test]
    fn keeps_one_of_a_kind_and_sorts() {
        let mut sink = Diagnostics::new();
        sink.push(error(5));
        sink.push(error(1));
        sink.push(error(5));
        assert_eq!(sink.error_count(), 2);
        let report = sink.into_report();
        let places: Vec<u32> = report.diagnostics.iter().map(|d| d.primary().lo).collect();
        assert_eq!(places, [1, 5]);
        assert_eq!(report.more_errors, 0);
    }

    #[test]
    fn stops_at_twenty_errors_and_counts_the_rest() {
        let mut sink = Diagnostics::new();
        (0..25).rev().for_each(|lo| sink.push(error(lo)));
        sink.push(Diagnostic::warning("W0201", "w", Span::new(FileId(0), 100, 101)));
        let report = sink.into_report();
        assert_eq!(report.diagnostics.len(), 21);
        assert_eq!(report.more_errors, 5);
        assert_eq!(report.diagnostics[19].primary().lo, 19);
    }

    #[test]
    fn warnings_do_not_crowd_out_errors() {
        let mut sink = Diagnostics::new();
        for lo in 0..KEPT_LIMIT as u32 + 5 {
            sink.push(Diagnostic::warning("W0201", "w", Span::new(FileId(0), lo, lo + 1)));
        }
        sink.push(error(1));
        let report = sink.into_report();
        assert!(report.has_errors());
        assert_eq!(report.more_errors, 0);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut sink = Diagnostics::new();
        (0..KEPT_LIMIT as u32 + 50).for_each(|lo| sink.push(error(lo)));
        assert_eq!(sink.into_report().more_errors, KEPT_LIMIT + 50 - ERROR_LIMIT);
    }
}
