//! What the programs share: how arguments are read, what goes to a terminal and how, outputs that appear whole, and the
//! flags of compiling.
//!
//! The programs in `bin/` are thin: each says which flags it has and calls its façade with them.

pub mod args;
#[cfg(feature = "compile")]
pub mod build;
#[cfg(feature = "compile")]
pub mod cache;
#[cfg(feature = "compile")]
pub mod compile_flags;
#[cfg(feature = "compile")]
pub mod files;
#[cfg(feature = "compile")]
pub mod fmt;
#[cfg(feature = "compile")]
mod in_order;
#[cfg(feature = "compile")]
mod job;
#[cfg(feature = "compile")]
pub mod package;
#[cfg(feature = "compile")]
pub mod page;
pub mod terminal;
#[cfg(feature = "compile")]
pub mod test;

/// Exit statuses of a program itself, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Status {
    #[default]
    Success = 0,
    /// The Walrus program is at fault.
    Program = 1,
    /// The invocation, an input or an output is.
    Usage = 2,
}

impl From<Status> for std::process::ExitCode {
    fn from(status: Status) -> Self {
        std::process::ExitCode::from(status as u8)
    }
}
