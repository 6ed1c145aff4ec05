//! The built-in methods of lists, strings, dicts, tuples and ranges, one file per type.
//!
//! [`FUNCTIONS`] is made from the table in [`crate::bytecode::methods`]: a row is implemented by the function of the
//! same name in the module of the same name, and a row without one does not compile. The first argument is the
//! receiver. The caller has checked the receiver's type and the number of arguments; the types of arguments are checked
//! here.
//!
//! Invariant: as in [`super::builtins`], a method fails for want of memory only before it has had an effect. Methods
//! that call Walrus code cannot be run again; they pin what they hold, since such a call may collect garbage, and make
//! their own allocations through [`Vm::with_memory`].

mod dict;
pub(super) mod list;
mod range;
mod sort;
pub(in crate::runtime) mod string;
mod tuple;

use super::builtins::BuiltinFn;
use super::error::{Error, Result};
use super::value::{Tag, Value};
use super::vm::Vm;
use crate::bytecode::methods::{METHODS, Receiver};

macro_rules! implementations {
    ($(
        $(#[$doc:meta])*
        $receiver:ident $name:ident ($($param:ident: $takes:ident),* ; $($optional:ident: $optional_takes:ident),*) $effect:ident $memory:ident -> $rule:tt;
    )*) => {
        /// Every built-in method, in the order of [`METHODS`].
        pub static FUNCTIONS: [BuiltinFn; METHODS.len()] = [$( self::$receiver::$name ),*];
    };
}

crate::for_each_method!(implementations);

/// Which methods a value of this type has.
pub fn receiver_of(tag: Tag) -> Option<Receiver> {
    match tag {
        Tag::List => Some(Receiver::List),
        Tag::Str => Some(Receiver::String),
        Tag::Dict => Some(Receiver::Dict),
        Tag::Tuple => Some(Receiver::Tuple),
        Tag::Range => Some(Receiver::Range),
        _ => None,
    }
}

/// Whether a value is a member of another, as `in` asks.
pub fn is_member(vm: &mut Vm, object: Value, item: Value) -> Result<bool> {
    let contains: BuiltinFn = match object.tag() {
        Tag::List => list::contains,
        Tag::Str => string::contains,
        Tag::Dict => dict::contains,
        Tag::Tuple => tuple::contains,
        Tag::Range => range::contains,
        tag => return Err(Error::message(format!("Type '{}' has no members to look in", tag.type_name()))),
    };
    Ok(contains(vm, &[object, item])?.bits() != 0)
}

/// Runs something that pins values, and lets go of them however it ends.
pub(in crate::runtime) fn with_pins<T>(vm: &mut Vm, first: Value, run: impl FnOnce(&mut Vm) -> Result<T>) -> Result<T> {
    let mark = vm.pin(first);
    let result = run(vm);
    vm.unpin_to(mark);
    result
}
