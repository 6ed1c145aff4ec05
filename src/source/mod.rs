//! Files, spans, and diagnostics as data.
//!
//! Invariant: nothing here opens files or knows the language; texts are handed in, and every renderer accepts any span.

mod bounded;
pub mod codes;
mod diagnostic;
mod map;
mod reason;
#[cfg(feature = "compile")]
pub mod render;
mod sink;
mod span;
#[cfg(feature = "compile")]
pub mod spelling;

pub use bounded::read_at_most;
pub use diagnostic::{Diagnostic, Label, Severity, Suggestion};
pub use map::{LineColumn, SourceFile, SourceMap};
pub use reason::reason;
pub use sink::{Diagnostics, ERROR_LIMIT, Report};
pub use span::{FileId, Span};
