//! The library: `std/core`, `std/math`, `std/io`, `std/fs`, `std/path`, `std/process`, `std/time`, `std/regex`,
//! `std/sys`, `std/json`, `std/async`, `std/net` and `std/http`, a file or folder each.
//!
//! [`FUNCTIONS`] is made from the table in [`crate::bytecode::builtins`]: a row is implemented by the function of the
//! same name in the module of the same name, and a row without one does not compile. The caller has checked the number
//! of arguments; types are checked here.
//!
//! Invariant: a function here either fails before it has had an effect or does not fail for want of memory, because the
//! caller then collects garbage and runs it once more. The outside world is reached through the
//! [`Host`](super::host::Host) alone.

mod async_;
pub mod convert;
mod core;
mod format;
mod fs;
mod host;
pub(in crate::runtime) mod http;
mod io;
pub mod json;
pub mod math;
mod net;
mod path;
mod process;
mod random;
mod regex;
mod sys;
mod time;
pub(in crate::runtime) mod value;

use super::error::Result;
use super::value::Value;
use super::vm::Vm;
use crate::bytecode::builtins::BUILTINS;

/// A native function. Called with as many arguments as its row of the table allows.
pub type BuiltinFn = fn(&mut Vm, &[Value]) -> Result<Value>;

macro_rules! implementations {
    // Names that are keywords of Rust.
    (@path core type) => { self::core::type_of };
    (@path async yield) => { self::async_::yield_turn };
    (@path async $name:ident) => { self::async_::$name };
    (@path core format) => { self::format::format };
    (@path $module:ident $name:ident) => { self::$module::$name };
    ($(
        $(#[$doc:meta])*
        $module:ident $name:ident ($($param:ident: $takes:ident),* ; $($optional:ident: $optional_takes:ident),*) $effect:ident $memory:ident -> $result:tt;
    )*) => {
        /// Every native function, in the order of [`BUILTINS`].
        pub static FUNCTIONS: [BuiltinFn; BUILTINS.len()] = [$( implementations!(@path $module $name) ),*];
    };
}

crate::for_each_builtin!(implementations);

/// What the library remembers between calls.
#[derive(Default)]
pub struct State {
    random: random::Random,
    files: io::Files,
    patterns: regex::Patterns,
}

impl State {
    /// Closes the files that the program left open. Whether that writes all they hold cannot be told to anyone any
    /// more.
    pub fn close_files(&mut self) {
        self.files.close_all();
    }
}
