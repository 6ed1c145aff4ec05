//! Walrus: an ahead-of-analysis compiler (`walrusc`) and a JIT runtime (`walrus-run`) for a small dynamic language.
//!
//! `ARCHITECTURE.md` is the map: which room holds what, which may import which, and why.

#[cfg(feature = "compile")]
pub mod analysis;
pub mod bytecode;
pub mod cli;
#[cfg(feature = "compile")]
pub mod compile;
#[cfg(feature = "compile")]
pub mod format;
#[cfg(feature = "jit")]
pub mod jit;
#[cfg(feature = "compile")]
pub mod lower;
#[cfg(feature = "compile")]
pub mod resolve;
pub mod run;
pub mod runtime;
pub mod source;
#[cfg(feature = "compile")]
pub mod syntax;
