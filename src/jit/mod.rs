//! Native code for hot loops: the tier above the interpreter.
//!
//! # The way of a loop
//! 1. The interpreter counts its back edges. At the threshold it asks the tier ([`Jit`]).
//! 2. The recorder executes some iterations one instruction at a time and notes types ([`record`], [`feedback`]).
//! 3. The builder makes region IR from the bytecode, these types, and for what was not executed those in the file's
//!    facts ([`static_types`], [`translate`], [`ir`]); passes improve it ([`opt`]); the backend makes native code
//!    ([`emit`], [`backend`]).
//! 4. From then on each back edge in the interpreter enters the native code with the frame as it is. It returns the
//!    number of an exit; [`Jit`] rebuilds inlined frames and sets the pc, and the interpreter goes on.
//! 5. An exit that is taken often sends the recorder out again and leads to another version of the code, up to a limit.
//!
//! A function that stays hot is recorded for some calls and compiled from its beginning; see [`translate`] for how
//! native code calls it.
//!
//! A hot inner loop asks the loop around it, and is compiled as part of that if that takes its back edge soon.
//!
//! # What safety rests on
//! Every assumption about a type is a guard or was checked at the entry of the region, whether it comes from what was
//! seen or from the file's facts. Native code re-executes in the interpreter whatever fails, so that errors are raised
//! in one place.

mod backend;
pub mod census;
mod compiler;
mod dump;
mod emit;
mod feedback;
mod helpers;
mod ir;
mod judge;
mod log;
mod opt;
mod perf_map;
mod record;
mod shadow;
mod static_types;
mod stats;
mod stopwatch;
mod tier;
mod translate;

pub use dump::{Dump, Stage};
pub use log::{LogFormat, log_facts_dropped};
pub use shadow::Limits as ShadowLimits;
pub use static_types::Judging;
pub use tier::{Jit, JitOptions};
