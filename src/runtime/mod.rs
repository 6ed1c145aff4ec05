//! Values, heap, interpreter, operations, built-ins and the standard library: all that runs a verified program without native code.
//!
//! Invariant: nothing here knows a syntax tree or the JIT.

pub mod error;
pub mod heap;
pub mod object;
pub mod ops;
pub mod value;
