//! Functions that a built-in calls for each element of something.
//!
//! All such calls start their frame at the same place, with as many arguments. So what is called, and where, is found
//! out once, and a call writes the arguments, starts the frame and jumps to the function's native code, or to what
//! stands in for it.

use super::call::{Callee, callee_of};
use super::error::Result;
use super::image::Function;
use super::object::{Closure, Gc};
use super::value::Value;
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::op::window::Call;

/// A value that a built-in calls with `N` arguments again and again. The built-in keeps it alive, as it does its
/// arguments.
pub struct Callback<const N: usize> {
    callee: Value,
    direct: Option<Direct>,
}

/// A function that takes just as many arguments.
struct Direct {
    function: *const Function,
    closure: Option<Gc<Closure>>,
    /// The depth of its frame, and its register 0, which lies above the frame that calls the built-in.
    depth: usize,
    base: Window,
}

impl<const N: usize> Callback<N> {
    /// Prepares calls from the frame that is on top.
    pub fn new(vm: &Vm, callee: Value) -> Callback<N> {
        let direct = match callee_of(callee) {
            // A request for memory that is refused for a test needs to know where the call begins; without a tier
            // nothing is native.
            Callee::Function(func, closure) if vm.watch.has_tier() && !vm.heap.refusals().are_on() => {
                let function = vm.image.function(func);
                let base = vm.stack.registers_end().above(1);
                let direct = Direct { function, closure, depth: vm.stack.depth() + 1, base };
                (usize::from(function.params) == N).then_some(direct)
            }
            _ => None,
        };
        Callback { callee, direct }
    }

    /// Calls it and waits for its result, as [`Vm::call`] does.
    #[inline]
    pub fn call(&self, vm: &mut Vm, args: [Value; N]) -> Result<Value> {
        let Some(direct) = &self.direct else { return vm.call(self.callee, &args) };
        debug_assert_eq!(vm.stack.depth() + 1, direct.depth);
        // SAFETY: the image's tables never move while the program runs.
        let function = unsafe { &*direct.function };
        if vm.stack.enter(function, direct.base, direct.closure).is_err() {
            return Err(vm.stack_overflow());
        }
        // `enter` proved the function's registers to lie in the stack, of which its parameters are the first. The slot
        // below lies above the frame that calls the built-in; room for it was proved with what is above it.
        direct.base.result().set(Call::CALLEE, self.callee);
        direct.base.fill(&args);
        let outer = std::mem::replace(&mut vm.inside_built_in, direct.depth);
        let result = vm.call_top_frame();
        vm.inside_built_in = outer;
        result
    }
}
