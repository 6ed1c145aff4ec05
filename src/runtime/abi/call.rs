//! Calls between native code and the rest of the runtime: the table of native functions, what stands in for a function
//! without native code, and what is done about a callee that did not return natively.

use super::outcome::{Ended, NativeCode, NativeResult, Outcome};
use super::state::not_native;
use crate::bytecode::op::window::Call;
use crate::bytecode::{FuncId, Op, Reg};
use crate::runtime::call::Begun;
use crate::runtime::error::{Error, Result};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

impl Vm {
    /// Makes calls in native code go to a function's native code; with `None`, to the interpreter.
    pub fn set_native_function(&mut self, func: FuncId, code: Option<NativeCode>) {
        self.native.functions[func.index()] = code.unwrap_or(not_native);
    }

    /// Calls a built-in method that runs no Walrus code: a row of the table, the receiver and its arguments. It fails
    /// before it has had an effect, and does not collect garbage.
    pub fn call_method_for_native(&mut self, row: usize, args: &[Value]) -> Result<Value> {
        self.without_collections(|vm| vm.call_built_in_method_with(row, args))
    }

    /// Likewise, a function of the library whose result depends on its arguments alone.
    pub fn call_library_for_native(&mut self, row: usize, args: &[Value]) -> Result<Value> {
        self.without_collections(|vm| vm.call_builtin_with(row, args))
    }

    /// Whether a helper of native code may call Walrus code: it nests on the native stack.
    pub fn may_nest(&self) -> bool {
        self.has_native_stack()
    }

    /// Calls the function of the top frame, which has just been started, as native code does. Its result; the frame is
    /// gone then, in any case.
    pub(in crate::runtime) fn call_top_frame(&mut self) -> Result<Value> {
        let base = self.top_base();
        let code = self.native.functions[self.top_function().index()];
        // SAFETY: the table holds the code of this function, or the stand-in; its frame is on top and about to begin.
        // The code itself sees to room.
        let mut result = unsafe { code(self, base, self.stack.frame()) };
        if !result.outcome.has_returned() {
            result = self.finish_native_call(result.outcome)?.ok_or_else(|| self.stack_overflow())?;
        }
        // SAFETY: native code says so, or what stands in for it.
        Ok(unsafe { result.value() })
    }

    /// Runs to its end a function that native code has called, and that did not return natively; its frame is on top.
    /// Its result, which is where the caller wants it, too; `None` if the call has to be executed again, by the
    /// interpreter: the frame is gone then.
    pub fn finish_native_call(&mut self, outcome: Outcome) -> Result<Option<NativeResult>> {
        let entry = self.stack.depth();
        let base = self.top_base();
        let at_home = || Outcome::returned(base.result().get(Call::RESULT));
        // Only a call that has had no effect can be executed again.
        if outcome == Outcome::NOT_ENTERED && !self.may_nest() {
            self.stack.leave();
            return Ok(None);
        }
        let raised = match self.follow_tail_calls(outcome).decode() {
            Ended::Returned => return Ok(Some(at_home())),
            Ended::NotEntered | Ended::TailCalled => self.begin_not_entered(),
            Ended::Exited(taken) => match self.watch.tier() {
                Some(tier) => tier.after_exit(self, taken),
                None => Ok(()),
            },
        };
        if self.stack.depth() < entry {
            return raised.map(|()| Some(at_home()));
        }
        let result = self.run_on(entry, raised)?;
        base.result().set(Call::RESULT, result);
        Ok(Some(at_home()))
    }

    /// Calls native code for as long as functions give their frame, which is on top, up to one another. How the last
    /// one has ended; if it has returned, its result is where the caller wants it.
    pub fn follow_tail_calls(&mut self, mut outcome: Outcome) -> Outcome {
        let base = self.top_base();
        while outcome == Outcome::TAIL_CALLED {
            let code = self.native.functions[self.top_function().index()];
            // SAFETY: the table holds the code of this function, or the stand-in; its frame is on top and about to
            // begin. The code itself sees to room.
            let result = unsafe { code(self, base, self.stack.frame()) };
            outcome = result.outcome;
            if outcome.has_returned() {
                // SAFETY: the code says so, and has ended the frame that had this base.
                unsafe { self.take_native_result(base, result) };
            }
        }
        outcome
    }

    /// Puts the result of a function whose native code has returned where its caller wants it. The function's frame was
    /// on top, with this base.
    ///
    /// # Safety
    /// `result` is what the native code gave, and it has returned.
    pub unsafe fn take_native_result(&mut self, base: Window, result: NativeResult) {
        // SAFETY: the caller vouches for the result.
        base.result().set(Call::RESULT, unsafe { result.value() });
    }

    /// Makes the function of the top frame, which native code has started but not entered, ready for the interpreter.
    /// It counts as called, so native code may have run it to its end afterwards.
    pub fn begin_not_entered(&mut self) -> Result<()> {
        self.set_top_pc_to_start();
        let registers = self.image.function(self.top_function()).registers;
        if self.stack.make_room(self.top_base(), registers).is_err() {
            self.stack.leave();
            return Err(self.stack_overflow());
        }
        self.on_call()
    }

    /// Executes the tail call of a value or a method at an index of the program's code, which belongs to the top
    /// frame's function. Whether another function is about to begin in the frame; otherwise the result is there, for
    /// the `Return` that follows. All that is alive must be at home.
    pub fn tail_call_at(&mut self, pc: u32) -> Result<bool> {
        let depth = self.depth();
        let frame = self.stack.frame();
        self.set_pc_behind(pc);
        let slot = |base: Reg| self.top_base().of(base);
        let begun = match self.image.program.code[pc as usize] {
            Op::TailCall { base, argc } => self.begin_tail_call(slot(base), argc)?,
            Op::TailCallMethod { base, argc, site } => self.begin_tail_method_call(slot(base), argc, frame, site)?,
            _ => return Err(Error::fatal("not a tail call of a value or a method")),
        };
        if begun == Begun::Frame && self.depth() == depth {
            return Ok(true);
        }
        self.finish_call(begun)?;
        Ok(false)
    }

    /// How many iterations native code has begun of loops that catch errors, since this was last set.
    pub fn rounds(&self) -> u64 {
        self.native.rounds
    }

    pub fn set_rounds(&mut self, rounds: u64) {
        self.native.rounds = rounds;
    }

    /// Hands a value to native code.
    pub fn set_native_result(&mut self, value: Value) {
        self.native.result = value;
    }

    /// Keeps an error that a helper of native code ran into, until the native code has been left.
    pub fn set_pending(&mut self, error: Error) {
        self.native.pending = Some(error);
    }

    /// Whether a helper ran into an error.
    pub fn has_pending(&self) -> bool {
        self.native.pending.is_some()
    }

    /// What a handler in native code receives of the error that a helper ran into. `None` if none can be caught there:
    /// the native code is to be left.
    pub fn catch_pending(&mut self) -> Option<Value> {
        // Behind an error there is room for a collection, which native code leaves to the interpreter.
        let error = self.native.pending.take_if(|error| error.is_catchable() && !self.heap.should_collect())?;
        Some(self.unwinding.caught_by_native(error, &mut self.heap))
    }

    /// The error that a helper ran into, if that is why native code was left.
    pub fn take_pending(&mut self) -> Option<Error> {
        self.native.pending.take()
    }
}
