//! Files, spans, and diagnostics as data.

pub mod codes;
mod diagnostic;
mod span;

pub use diagnostic::{Diagnostic, Label, Severity, Suggestion};
pub use span::{FileId, Span};
