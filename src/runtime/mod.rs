//! Values, heap, interpreter, operations, built-ins and the standard library: all that runs a verified program without
//! native code.
//!
//! Invariant: nothing here knows a syntax tree or the JIT.

pub mod abi;
pub mod builtins;
mod call;
pub mod callback;
mod collecting;
pub mod counts;
mod dead_registers;
pub mod error;
pub mod heap;
pub mod hooks;
pub mod host;
pub mod http;
pub mod image;
mod interpreter;
pub mod io;
mod iterate;
mod lines;
pub mod list_loops;
mod make;
mod member;
pub mod methods;
pub mod net;
pub mod network;
pub mod object;
mod operators;
pub mod ops;
pub mod oracle;
pub mod output;
pub mod regions;
pub mod replay;
pub mod stack;
pub mod step;
pub mod tasks;
mod trace;
mod unwinding;
pub mod value;
pub mod vm;
mod watch;
pub mod window;
