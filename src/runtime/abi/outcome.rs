//! What native code says when it ends: one word that emitter, tier and runtime read alike.

use crate::runtime::stack::Frame;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

/// What a region is compiled to: the machine, its top frame's base and that frame in, and what came of it out.
pub type NativeCode = unsafe extern "C" fn(*mut Vm, Window, *mut Frame) -> NativeResult;

/// What native code says when it ends; both words travel in registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NativeResult {
    pub outcome: Outcome,
    /// The payload of the result, if a function has returned one.
    pub payload: u64,
}

impl NativeResult {
    /// There is no result.
    pub fn without_value(outcome: Outcome) -> NativeResult {
        NativeResult { outcome, payload: 0 }
    }

    /// # Safety
    /// A function has returned this: see [`Outcome::has_returned`].
    pub(super) unsafe fn value(self) -> Value {
        // SAFETY: the words are tag and payload of a value, which its caller now has.
        unsafe { Value::of_words(self.outcome.0, self.payload) }
    }
}

/// How native code has ended, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Outcome(u64);

/// An [`Outcome`], decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// A function has returned, and its frame is gone.
    Returned,
    /// The function was not entered: it has no native code, or the stacks are too full for it. Its frame stands at its
    /// beginning.
    NotEntered,
    /// The function has given up its frame, in which another one is about to begin. Whoever called the native code
    /// calls that of the other function next: so however long a chain of such calls is, the native stack does not grow.
    TailCalled,
    /// It was left by an exit.
    Exited(TakenExit),
}

/// An exit that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TakenExit {
    /// The number of the version, if it is one of a function.
    pub version: u32,
    /// The exit's position in the version.
    pub exit: u32,
}

impl Outcome {
    /// Words below are tags of results: no tag is as large.
    pub const FIRST_EXIT: u64 = 256;
    /// What a caller in native code that catches errors is told in place of a result; never decoded.
    pub const RAISED: Outcome = Outcome(Self::FIRST_EXIT - 1);
    /// [`Ended::NotEntered`].
    pub const NOT_ENTERED: Outcome = Outcome(u64::MAX);
    /// [`Ended::TailCalled`].
    pub const TAIL_CALLED: Outcome = Outcome(u64::MAX - 1);

    /// [`Ended::Exited`].
    pub fn exited(taken: TakenExit) -> Outcome {
        Outcome(u64::from(taken.version) << 32 | (u64::from(taken.exit) + Self::FIRST_EXIT))
    }

    /// [`Ended::Returned`], of a value with this tag in a register where the caller wants it.
    pub(super) fn returned(value: Value) -> NativeResult {
        NativeResult { outcome: Outcome(value.tag() as u64), payload: value.bits() }
    }

    /// The word, for the code that is emitted.
    pub fn bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub fn has_returned(self) -> bool {
        self.0 < Self::FIRST_EXIT
    }

    pub fn decode(self) -> Ended {
        match self {
            Outcome::NOT_ENTERED => Ended::NotEntered,
            Outcome::TAIL_CALLED => Ended::TailCalled,
            _ if self.has_returned() => Ended::Returned,
            Outcome(word) => {
                let exit = (word as u32).wrapping_sub(Self::FIRST_EXIT as u32);
                Ended::Exited(TakenExit { version: (word >> 32) as u32, exit })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for (version, exit) in [(0, 0), (0, 7), (9, 0), (1 << 20, 300_000)] {
            let taken = TakenExit { version, exit };
            assert_eq!(Outcome::exited(taken).decode(), Ended::Exited(taken));
        }
        assert_eq!(Outcome::NOT_ENTERED.decode(), Ended::NotEntered);
        assert_eq!(Outcome::TAIL_CALLED.decode(), Ended::TailCalled);
        assert_eq!(Outcome::returned(Value::TRUE).outcome.decode(), Ended::Returned);
    }
}
