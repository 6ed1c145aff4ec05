//! Methods of lists that call a function with each item, taken apart: each call of the function in a frame of its own
//! on that of the method's caller.
//!
//! The interpreter executes such a method as one instruction ([`super::methods`]), which waits for the function. Native
//! code that makes a loop of it, the recorder and the shadow interpreter walk into the function, as into any call. Its
//! frame then stands on that of the caller, above what the method has to know ([`Items`]); where it lies tells it from
//! frames that calls have started. When it is left in the middle, it is run to its end, and the run time goes on with
//! the method from there: so whoever walks into such functions need not come to the method's end.

use super::call::{Callee, callee_of};
use super::error::Result;
use super::methods::list::{Reached, after_item, go_on};
use super::methods::with_pins;
use super::object::{Gc, List};
use super::value::Value;
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::methods::ListLoop;
use crate::bytecode::op::window::{Items, MethodCall};
use crate::bytecode::{FuncId, FunctionKind, Op, Reg};

/// A method that is taken apart, and the base of its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walked {
    pub method: ListLoop,
    base: Reg,
}

impl Vm {
    /// What an instruction of a function calls by name, if that may be a method of this kind.
    fn list_loop_named(&self, func: FuncId, op: Op) -> Option<Walked> {
        let (Op::CallMethod { base, argc, site } | Op::TailCallMethod { base, argc, site }) = op else { return None };
        Some(Walked { method: ListLoop::named(self.site_name(func, site), argc)?, base })
    }

    /// The method that the instruction at the top frame's pc calls and the function that this gives an item first, if
    /// both can be walked into and there is an item.
    fn list_loop_at(&self, op: Op) -> Option<(Walked, FuncId)> {
        let (walked, list, function) = self.given_to_list_loop(op)?;
        let Callee::Function(func, _) = callee_of(function) else { return None };
        let is_sync = self.image.program.functions[func.index()].kind != FunctionKind::Async;
        (!list.is_empty() && is_sync && self.takes(func, walked.method.takes())).then_some((walked, func))
    }

    /// The method of this kind that the instruction at the top frame's pc calls, with its list and what this is given
    /// as a function.
    fn given_to_list_loop(&self, op: Op) -> Option<(Walked, Gc<List>, Value)> {
        let walked = self.list_loop_named(self.top_function(), op)?;
        let register = |offset: u16| self.top_register(walked.base.above(offset).0.into());
        Some((walked, register(MethodCall::RECEIVER).as_list()?, register(MethodCall::ARGS)))
    }

    /// Whether the instruction at the top frame's pc calls a method that can be walked into.
    pub fn is_list_loop(&self, op: Op) -> bool {
        self.list_loop_at(op).is_some()
    }

    /// Whether the instruction at the top frame's pc calls a method of this kind, of a list without items: then it
    /// calls no function.
    pub fn is_loop_over_nothing(&self, op: Op) -> bool {
        self.given_to_list_loop(op).is_some_and(|(_, list, _)| list.is_empty())
    }

    /// The function that a method of a list is given as the top frame is about to call it, whatever becomes of it.
    pub fn function_of_list_loop(&self, op: Op) -> Option<Value> {
        self.given_to_list_loop(op).map(|(.., function)| function)
    }

    /// Calls the function of such a method with its first item, in a frame of its own; nothing if the method cannot be
    /// walked into.
    pub fn step_into_list_loop(&mut self, op: Op) -> Result<()> {
        let Some((walked, _)) = self.list_loop_at(op) else { return Ok(()) };
        let args = self.arguments_of(walked);
        let reached = Reached::nothing(self, walked.method, args);
        self.set_pc_behind(self.top_pc());
        self.call_with_item(walked, reached).map(|_| ())
    }

    /// Receiver and arguments of a method that the top frame calls.
    fn arguments_of(&self, walked: Walked) -> &'static [Value] {
        let first = self.top_base().of(walked.base).above(MethodCall::RECEIVER);
        // SAFETY: the window of the call lies in the frame, and the stack never moves. Nothing writes there while the
        // method runs, and nobody keeps the slice for longer.
        unsafe { first.values(usize::from(walked.method.takes()) + 1) }
    }

    /// Where the state of a method lies that the top frame calls.
    fn items_state(&self) -> Window {
        self.stack.registers_end()
    }

    /// Starts the frame of the function with the next item; false if there is none.
    fn call_with_item(&mut self, walked: Walked, reached: Reached) -> Result<bool> {
        let args = self.arguments_of(walked);
        let (Some(list), Callee::Function(func, closure)) = (args[0].as_list(), callee_of(args[1])) else {
            return Ok(false);
        };
        let Some(item) = list.try_get(reached.index) else { return Ok(false) };
        let state = self.items_state();
        if self.stack.make_room(state, Items::FRAME + walked.method.takes()).is_err() {
            return Err(self.stack_overflow());
        }
        let position = Value::int(i64::try_from(reached.index).unwrap_or(i64::MAX));
        let words = [reached.results, position, item, Value::VOID, args[1]];
        let given = [reached.results, item];
        let given = if walked.method == ListLoop::Reduce { &given[..] } else { &given[1..] };
        let base = state.above(Items::FRAME);
        debug_assert_eq!(words.len(), usize::from(Items::FRAME));
        state.fill(&words);
        base.fill(given);
        self.start_frame(func, base, closure)?;
        Ok(true)
    }

    /// The method that has called the function of the frame at this depth with an item.
    pub(super) fn list_loop_waiting_for(&self, depth: usize) -> Option<Walked> {
        let (frame, below) =
            (self.stack.frame_at(depth), self.stack.frame_at(depth.checked_sub(1).filter(|lower| *lower > 0)?));
        // SAFETY: a frame's function lives as long as the image.
        let function = unsafe { &*below.function };
        let state = below.base.above(function.registers);
        if frame.base != state.above(Items::FRAME) {
            return None;
        }
        // SAFETY: the frame has called something, so its pc is one past that instruction of the program's code.
        self.list_loop_named(function.id, unsafe { *below.pc.sub(1) })
    }

    /// The frame of a method's function, which has given a value, is gone: does what follows. With `to_the_end` the run
    /// time goes on with the method; otherwise the function gets a frame with the next item, if there is one. Whether
    /// the method has ended: then its result stands where it belongs.
    pub(super) fn after_item(&mut self, walked: Walked, given: Value, to_the_end: bool) -> Result<bool> {
        let state = self.items_state();
        // The function's frame stood above, so these registers hold what was written there.
        let [results, position, item] = [Items::RESULTS, Items::POSITION, Items::ITEM].map(|offset| state.get(offset));
        let mut reached = Reached { results, index: position.as_int().map_or(0, |index| index as usize) };
        let result = with_pins(self, results, |vm| {
            with_pins(vm, item, |vm| match after_item(vm, walked.method, &mut reached, item, given)? {
                Some(result) => Ok(Some(result)),
                None if !to_the_end && vm.call_with_item(walked, reached)? => Ok(None),
                None => {
                    let args = vm.arguments_of(walked);
                    go_on(vm, walked.method, args, reached).map(Some)
                }
            })
        })?;
        let Some(result) = result else { return Ok(false) };
        self.top_base().of(walked.base).set(MethodCall::RESULT, result);
        Ok(true)
    }

    /// Has what runs in the top frame know that it is called by a method of a list, if it or one below, above a depth,
    /// is; `outside` is what was known there.
    pub fn mark_list_loops(&mut self, above: usize, outside: usize) {
        let innermost = (above + 1..=self.depth()).rev().find(|depth| self.list_loop_waiting_for(*depth).is_some());
        self.inside_built_in = innermost.unwrap_or(outside);
    }

    /// The index of the item that the top frame's function was given by a method of a list.
    pub fn item_of_list_loop(&self) -> Option<usize> {
        self.list_loop_waiting_for(self.depth())?;
        let position = self.top_base().below(Items::FRAME).get(Items::POSITION);
        position.as_int().map(|index| index as usize)
    }

    /// The depth of the frame that a built-in waits for, 0 if none does.
    pub fn depth_inside_built_in(&self) -> usize {
        self.inside_built_in
    }

    pub fn set_inside_built_in(&mut self, depth: usize) {
        self.inside_built_in = depth;
    }
}
