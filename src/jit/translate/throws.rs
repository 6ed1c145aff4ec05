//! Errors that native code catches: those thrown by inlined functions go to the handler of a caller as by a jump, and
//! those that called functions and the run time raise are taken over from the machine.
//!
//! An error leaves the frames between where it is raised and where it is caught. Those of inlined functions exist only
//! while something looks at frames, so nothing is to be undone. An error that a guard has found, such as an index out
//! of range, is the interpreter's, which executes the instruction again and goes to the handler; but where such an
//! error was seen to be caught, the run time is called to raise it.

use std::rc::Rc;

use super::env::Typed;
use super::loops::Edge;
use super::objects::STATE;
use super::{Builder, Built, Purpose, VM};
use crate::bytecode::op::HeapUse;
use crate::bytecode::{Op, Reg};
use crate::jit::helpers::{Helper, Status};
use crate::jit::ir::{Compare, ExitId, ExitReason, Inst, Repr, StartedFrame, Terminator, Val};
use crate::runtime::abi::Outcome;

/// An error on its way to the handler of the function that has so many frames of the region below its own.
pub(super) struct Thrown {
    pub catcher: usize,
    pub edge: Edge,
    pub value: Typed,
}

/// What is needed to have the run time raise the error of the current instruction, which has written home what it
/// reads.
pub(super) struct Raising {
    catcher: usize,
    heap: HeapUse,
    frames: Vec<StartedFrame>,
    /// The loop that the instruction stands in: guards elsewhere are in front of a loop.
    current_loop: Option<usize>,
}

impl Raising {
    /// Whether the instruction stands in this loop.
    pub(super) fn stands_in(&self, current_loop: Option<usize>) -> bool {
        self.current_loop == current_loop
    }
}

impl Builder<'_> {
    /// Whether guards of an instruction are to have its error raised, rather than leave for it.
    pub(super) fn may_raise(&mut self, op: Op) -> Built<Option<Raising>> {
        let Some(catcher) = self.catcher().filter(|_| self.profile.at(self.pc).raised) else { return Ok(None) };
        if self.calls_code(op)? || op.info().effects.calls {
            return Ok(None);
        }
        let needs = self.prepare_step(&op)?;
        let frames = self.started_frames()?;
        Ok(Some(Raising { catcher, heap: needs.heap, frames, current_loop: self.current_loop }))
    }

    /// Goes on where a condition is as expected. Elsewhere the run time executes the instruction. If it has raised no
    /// error then, native code is left behind it.
    #[inline(never)]
    pub(super) fn raise_unless(&mut self, condition: Val, expect: bool, raising: &Raising) {
        let (go_on, raise) = (self.new_block(), self.new_block());
        let (yes, no) = if expect { (go_on, raise) } else { (raise, go_on) };
        self.finish(Terminator::Branch(condition, yes, no));
        let env = self.env.clone();
        self.current = raise;
        let exit = self.exit(ExitReason::Throw);
        let status = self.execute(Helper::Raise, raising.heap, raising.frames.clone());
        self.lists_change();
        let is_left = self.is_status(status, Status::Leave);
        let (left, done) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_left, left, done));
        let executed = self.env.clone();
        self.current = left;
        self.catch(raising.catcher, exit);
        (self.current, self.env) = (done, executed);
        self.leave_behind();
        (self.current, self.env) = (go_on, env);
    }

    /// Leaves native code behind the current instruction, which the run time has executed.
    fn leave_behind(&mut self) {
        let accesses = self.op().accesses(self.program);
        if let Some(from) = accesses.clobbers_from {
            self.env.kill_from(self.home(Reg(from)));
        }
        for reg in accesses.writes {
            self.reload(reg);
        }
        let live = Rc::clone(&self.live);
        let exit = self.exit_with(ExitReason::Throw, self.pc + 1, &live[self.live_at + 1]);
        self.finish(Terminator::Exit(exit));
    }

    /// Who catches an error of the current instruction: how many frames stand below that function's own.
    pub(super) fn catcher(&self) -> Option<usize> {
        // What waits for `next` and `iter` is a step, which the run time ends.
        if self.op().as_iteration().is_some() {
            return None;
        }
        let pc = self.pc - self.context.flow.start;
        let is_own = self.context.purpose != Purpose::Leading && self.context.flow.handler_at(pc).is_some();
        if is_own { Some(self.context.frames.len()) } else { self.context.catcher }
    }

    /// Ends the current block by throwing a value.
    pub(super) fn throw_to(&mut self, catcher: usize, value: Typed) {
        if let Some(above) = self.context.frames.get(catcher) {
            self.env.kill_from(above.base - 1);
        }
        self.thrown.push(Thrown { catcher, edge: (self.current, self.env.clone()), value });
    }

    /// Goes on where an instruction that the run time executes is done. If it has raised an error, that goes to the
    /// handler in the region, if there is one; else the exit is taken.
    pub(super) fn go_on_if_done(&mut self, is_done: Val, exit: ExitId) {
        match self.catcher() {
            Some(catcher) => self.catch_unless(is_done, catcher, exit),
            None => self.guard(is_done, true, exit),
        }
    }

    /// Likewise behind a call whose result has this tag, which [`Inst::CallFunction`] was to catch errors of.
    pub(super) fn go_on_if_returned(&mut self, tag: Val, catcher: Option<usize>, exit: ExitId) {
        let Some(catcher) = catcher else { return };
        let raised = self.int(Outcome::RAISED.bits() as i64);
        let has_returned = self.push(Inst::Icmp(Compare::Ne, tag, raised), Repr::Bool);
        self.catch_unless(has_returned, catcher, exit);
    }

    fn catch_unless(&mut self, is_done: Val, catcher: usize, exit: ExitId) {
        let (done, raised) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(is_done, done, raised));
        let env = self.env.clone();
        self.current = raised;
        self.lists_change();
        self.catch(catcher, exit);
        (self.current, self.env) = (done, env);
    }

    /// Ends the current block by throwing the error that a helper ran into; takes the exit if that cannot be caught.
    fn catch(&mut self, catcher: usize, exit: ExitId) {
        let status = self.call(Helper::Catch, vec![VM], STATE);
        let is_caught = self.is_status(status, Status::Next);
        self.effect(Inst::Guard { condition: is_caught, expect: true, exit });
        let (tag, payload) = self.result_words();
        self.throw_to(catcher, Typed::Any { tag, payload });
    }
}
