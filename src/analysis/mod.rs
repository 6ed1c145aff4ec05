//! Algorithms that produce facts from bytecode: control flow, dominators, loops, liveness, types, effects, verdicts.
//!
//! Invariant: nothing here knows a syntax tree or a runtime value; a [`Program`](crate::bytecode::Program) goes in, plain data comes
//! out. All passes use dense vectors and worklists, and their time is linear in the program but for the depth of its loops.

pub mod cfg;
pub mod dominators;
pub mod flow;
pub mod infer;
pub mod liveness;
pub mod loops;
pub mod type_facts;
