//! What native code and its helpers pass to each other, and in which registers of the machine it travels.

use crate::runtime::abi::{NativeResult, Outcome};
use crate::runtime::object::Gc;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

/// A machine register that passes an argument or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    Int,
    Float,
}

/// A type that native code passes to a helper, or gets from it. It is made of words that each travel in a register, as
/// the C calling convention has structs of up to two words.
pub trait AbiType: Sized {
    const WORDS: &'static [Argument];
}

macro_rules! abi_types {
    ($( $type:ty: $($word:ident),+; )*) => { $(
        impl AbiType for $type {
            const WORDS: &'static [Argument] = &[$( Argument::$word ),+];
        }
        const _: () = assert!(size_of::<$type>() == <$type as AbiType>::WORDS.len() * 8);
    )* };
}

abi_types! {
    *mut Vm: Int;
    i64: Int;
    u64: Int;
    f64: Float;
    *mut u8: Int;
    Status: Int;
    Truth: Int;
    Value: Int, Int;
    Registers: Int, Int;
    Window: Int;
    Outcome: Int;
    NativeResult: Int, Int;
}

impl<T> AbiType for Gc<T> {
    const WORDS: &'static [Argument] = &[Argument::Int];
}

/// An object that could not be made is 0 to native code.
impl<T> AbiType for Option<Gc<T>> {
    const WORDS: &'static [Argument] = &[Argument::Int];
}

/// The most words of ints that go into registers. A struct must not be split between these and the stack.
const MOST_WORDS: usize = 6;

/// Whether arguments of these words all travel in registers.
pub const fn fit_registers(params: &[&[Argument]]) -> bool {
    let (mut words, mut index) = (0, 0);
    while index < params.len() {
        words += params[index].len();
        index += 1;
    }
    words <= MOST_WORDS
}

/// What came of a helper that stands for an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Status {
    /// The instruction is done.
    Next = 0,
    /// The instruction is done and jumps.
    Jump = 1,
    /// The instruction was not executed (a collection is due, or the native stack is low), or it failed and the error
    /// is pending.
    Leave = 2,
}

impl Status {
    /// Done; whether it jumps.
    pub fn jumps_if(jumps: bool) -> Status {
        if jumps { Status::Jump } else { Status::Next }
    }
}

/// A truth value that fills its word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Truth {
    False = 0,
    True = 1,
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Truth {
        if truth { Truth::True } else { Truth::False }
    }
}

/// Registers of the frame that native code runs in.
///
/// Invariant: they lie in the frame's window and hold live values. Native code, which is the only one to make it, has
/// written them home.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Registers {
    first: *const Value,
    count: u64,
}

impl Registers {
    pub fn values(&self) -> &[Value] {
        // SAFETY: the registers hold live values (the invariant above), and stay where they are while a helper runs.
        unsafe { std::slice::from_raw_parts(self.first, self.count as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told() {
        let value = <Value as AbiType>::WORDS;
        assert!(fit_registers(&[&[Argument::Int], &[Argument::Int], value, value]));
        assert!(!fit_registers(&[&[Argument::Int], value, value, value]));
    }
}
