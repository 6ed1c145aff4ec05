//! The contract of both programs: instructions, programs as plain data, their file form, and the verifier.
//!
//! Invariant: nothing here knows a syntax tree or a runtime value.

pub mod check_facts;
#[forbid(unsafe_code)]
pub mod disassemble;
pub mod facts;
pub mod flow;
pub mod halves;
mod ids;
#[forbid(unsafe_code)]
mod load;
pub mod methods;
pub mod natives;
pub mod numeric;
pub mod op;
mod program;
pub mod type_rules;
pub mod types;
#[forbid(unsafe_code)]
pub mod verify;
#[forbid(unsafe_code)]
pub mod wbc;

pub use ids::*;
pub use load::{LoadError, load, load_wanted};
pub use op::{Op, Opcode};
pub use program::*;
pub use verify::{VerifiedProgram, VerifyError, verify};

/// Version of the rules that say which regions can be compiled; a file's verdicts hold for the version it was made with.
pub const VERDICT_RULES_VERSION: u32 = 1;
