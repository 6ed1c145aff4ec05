//! The contract of both programs: instructions, programs as plain data, their file form, the verifier, and what both
//! may want to know about one function.
//!
//! Invariant: nothing here knows a syntax tree or a runtime value.

pub mod builtins;
pub mod disassemble;
pub mod facts;
pub mod flow;
#[forbid(unsafe_code)]
pub mod format_spec;
pub mod graph;
mod ids;
pub mod liveness;
mod load;
pub mod methods;
pub mod numeric;
pub mod op;
pub mod parallel;
mod program;
pub mod signature;
pub mod types;
pub mod verify;
pub mod wbc;

pub use ids::*;
pub use load::{LoadError, load, load_wanted, load_with_packed_facts};
pub use op::{Op, Opcode};
pub use program::*;
pub use verify::{FactsError, VerifiedProgram, VerifyError, verify};

/// Version of the rules that say which regions can be compiled, raised when they change from one release to the next;
/// these are the rules of 0.1.0, which is still being made. A file's verdicts hold for the version it was made with: a
/// runtime of another one uses neither them nor the refusals.
pub const VERDICT_RULES_VERSION: u32 = 2;
