//! Walrus: an ahead-of-analysis compiler (`walrusc`) and a JIT runtime (`walrus-run`) for a small dynamic language.
//!
//! `ARCHITECTURE.md` is the map: which room holds what, which may import which, and why.

#[cfg(feature = "compile")]
#[forbid(unsafe_code)]
pub mod analysis;
#[forbid(unsafe_code)]
pub mod bytecode;
#[forbid(unsafe_code)]
pub mod cli;
#[cfg(feature = "compile")]
#[forbid(unsafe_code)]
pub mod compile;
#[forbid(unsafe_code)]
pub mod facts;
#[cfg(feature = "compile")]
#[forbid(unsafe_code)]
pub mod format;
#[cfg(feature = "jit")]
pub mod jit;
#[cfg(feature = "compile")]
#[forbid(unsafe_code)]
pub mod lower;
#[cfg(feature = "compile")]
#[forbid(unsafe_code)]
pub mod resolve;
pub mod run;
pub mod runtime;
#[forbid(unsafe_code)]
pub mod source;
#[cfg(feature = "compile")]
#[forbid(unsafe_code)]
pub mod syntax;
