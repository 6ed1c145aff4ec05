//! Functions as regions of their own: calls from native code to native code, and returning.
//!
//! A caller writes the arguments home, which are the callee's registers, starts the callee's frame and jumps to its
//! code, found in a table of the machine: it is replaced when the callee is compiled again. The result comes back in
//! machine registers, as tag and payload. If the callee has no native code, or leaves it, a helper has the interpreter
//! run it to its end; the caller does not notice.
//!
//! # Tail calls
//! A function that calls itself last is a loop with its parameters as variables, also by way of others that are small:
//! they take over its frame, and their code follows. Any other function that is called last
//! takes over the frame: native code puts the arguments and the function there and ends with
//! [`Outcome::TAIL_CALLED`](crate::runtime::abi::Outcome::TAIL_CALLED). Whoever has called it calls the other function
//! next, so neither stack grows. Callees that are known only when running are found by a helper, which does what the
//! interpreter does.

use super::calls::{Args, Called, Callee};
use super::env::{Slot, Typed};
use super::loops::Return;
use super::{BASE, Builder, Built, Goes, MAX_WITH_STEPS_INLINED, Refusal, Stop, VM};
use crate::bytecode::flow::RegSet;
use crate::bytecode::op::window::{Call, MethodCall};
use crate::bytecode::{FuncId, FunctionKind, GlobalId, Op, Reg, SiteId};
use crate::facts::native_forms::{FEW_INLINED, MAX_INLINE_DEPTH, may_be_inlined};
use crate::jit::helpers::{Helper, Status};
use crate::jit::ir::{
    ExitId, ExitReason, Home, InlinedFrame, Inst, Mem, MemSet, Repr, StartedFrame, Terminator, Unary, Val,
};
use crate::runtime::value::Value;

impl Builder<'_> {
    /// Whether a call can go to the function's native code, or into the function.
    pub(super) fn is_called_directly(&self, func: FuncId) -> bool {
        self.program.functions[func.index()].kind != FunctionKind::Async
    }

    /// Calls a function by way of its native code.
    pub(super) fn call_directly(&mut self, base: Reg, callee: Callee) -> Built<Goes> {
        let op = self.op();
        self.prepare_step(&op)?;
        // The callee raises errors itself; the interpreter finds the caller's frame behind the call then. If there is
        // no room for the callee, the interpreter executes the call: so what that reads stays where it is.
        let exit = self.exit(ExitReason::Throw);
        let register = self.home(base);
        let first = match callee.args {
            Args::InPlace => register + u32::from(Call::ARGS),
            Args::BehindReceiver(_) => register + u32::from(MethodCall::ARGS),
            Args::Bound { receiver, first, argc } => self.copy_bound(base, receiver, first, argc)?,
        };
        let tag = self.call_native(first, callee.func, callee.closure, exit)?;
        let payload = self.push(Inst::Unary(Unary::CallPayload, tag), Repr::I64);
        self.lists_change();
        self.env.kill_from(register);
        self.take_value(base, tag, payload);
        self.check_size()?;
        Ok(Goes::On)
    }

    /// Writes the arguments of a method that is bound to a receiver to registers behind those of the call; the first.
    fn copy_bound(&mut self, base: Reg, receiver: Typed, first: u16, argc: u16) -> Built<u32> {
        // The interpreter puts the result below.
        let to = self.home(base.above(first)) + u32::from(argc) + 1;
        let mut args = vec![receiver];
        for index in 0..argc {
            args.push(self.get(base.above(first + index))?);
        }
        self.region.window = self.region.window.max(to + u32::from(argc) + 1);
        for (index, value) in args.into_iter().enumerate() {
            let offset = (to as usize + index) * size_of::<Value>();
            self.store_value(Mem::Frame, BASE, offset as i32, value);
        }
        Ok(to)
    }

    /// Calls a function that takes over the frame of the inlined one at hand, with the arguments in its first
    /// registers; the result, where that one's caller wants it.
    pub(super) fn call_in_place(&mut self, func: FuncId) -> Built<Return> {
        let own = self.context.base;
        let function = &self.program.functions[func.index()];
        for register in own..own + u32::from(function.params) {
            self.write_home(register);
        }
        // If it was not called, the interpreter begins it there.
        let mut exit = self.state(ExitReason::Throw, function.code.start, &RegSet::default());
        let frame = exit.frames.last_mut().expect("an inlined function has a frame");
        (frame.func, frame.has_closure) = (func, false);
        (exit.is_tail_call, exit.uncounted) = (true, true);
        let exit = self.region.new_exit(exit);
        let mut frames = self.started_frames()?;
        let StartedFrame { addresses: [_, return_pc], base, .. } =
            frames.pop().expect("an inlined function has a frame");
        let [function, _] = self.vm.call_addresses(func, self.pc);
        self.region.inlined_depth = self.region.inlined_depth.max(frames.len() + 1);
        // Whoever catches what leaves the inlined function catches what leaves the one in its place.
        let catcher = self.context.catcher;
        let (addresses, is_caught) = ([function, return_pc], catcher.is_some());
        let call = Inst::CallFunction { frames, func, closure: None, base, addresses, exit, is_caught };
        let tag = self.push(call, Repr::I64);
        self.go_on_if_returned(tag, catcher, exit);
        let payload = self.push(Inst::Unary(Unary::CallPayload, tag), Repr::I64);
        self.lists_change();
        self.env.kill_from(own);
        self.env.set_register(own - 1, Slot::Value { value: Typed::Any { tag, payload }, dirty: true });
        self.check_size()?;
        Ok((self.current, self.env.clone()))
    }

    /// Calls a function whose arguments stand at home, in the registers from this one of the region's frame up; the tag
    /// of its result.
    pub(super) fn call_native(&mut self, first: u32, func: FuncId, closure: Option<Val>, exit: ExitId) -> Built<Val> {
        let return_pc = self.pc + 1;
        let addresses = self.vm.call_addresses(func, return_pc);
        let frames = self.started_frames()?;
        // There must be room for its frame.
        self.region.inlined_depth = self.region.inlined_depth.max(frames.len() + 1);
        let catcher = self.catcher();
        let is_caught = catcher.is_some();
        let call = Inst::CallFunction { frames, func, closure, base: first, addresses, exit, is_caught };
        let tag = self.push(call, Repr::I64);
        self.go_on_if_returned(tag, catcher, exit);
        Ok(tag)
    }

    /// The frames of the inlined functions that the current instruction stands in, for the time that others look at
    /// frames.
    pub(super) fn started_frames(&self) -> Built<Vec<StartedFrame>> {
        let start = |frame: &InlinedFrame| {
            let closure = match (frame.has_closure, self.env.register(frame.base - 1)) {
                (false, _) => None,
                (true, Slot::Value { value, .. }) => Some(value.boxed().payload),
                (true, _) => return Err(Stop::Refused(Refusal::Undefined)),
            };
            let addresses = self.vm.call_addresses(frame.func, frame.return_pc);
            Ok(StartedFrame { addresses, closure, base: frame.base })
        };
        self.context.frames.iter().map(start).collect()
    }

    /// Whether calls in tail position lead from the region's own function back to it, by way of functions that take
    /// over its frame.
    pub(super) fn calls_itself_last(&self) -> bool {
        self.leads_back(self.own_function, MAX_INLINE_DEPTH)
    }

    /// Whether a function calls the region's own in tail position, or by way of so many others.
    fn leads_back(&self, func: FuncId, depth: usize) -> bool {
        let code = &self.program.code[self.program.functions[func.index()].code.range()];
        code.iter().any(|op| match *op {
            Op::TailCallFn { func: callee, .. } => {
                callee == self.own_function
                    || (depth > 0 && may_be_inlined(self.program, callee) && self.leads_back(callee, depth - 1))
            }
            _ => false,
        })
    }

    /// Whether the code of a function that is called in tail position is to follow, in the frame of the caller: it
    /// leads back to the beginning of the region.
    fn takes_over(&self, func: FuncId) -> bool {
        let depth = MAX_INLINE_DEPTH - self.context.tail_calls;
        let is_small = self.region.reprs.len() <= MAX_WITH_STEPS_INLINED;
        let is_possible = is_small && !self.plan.no_inlining && depth > 0 && func != self.context.func;
        is_possible
            && self.tail_loop.is_some()
            && may_be_inlined(self.program, func)
            && self.leads_back(func, depth - 1)
    }

    /// Gives the region's frame up to a function whose arguments stand above `base`.
    pub(super) fn tail_call(&mut self, base: Reg, func: FuncId, closure: Option<Val>) -> Built<()> {
        let (params, registers) = {
            let function = &self.program.functions[func.index()];
            (function.params, u32::from(function.registers))
        };
        let args = (0..params).map(|index| self.get(base.above(Call::ARGS + index))).collect::<Built<Vec<Typed>>>()?;
        let [function, _] = self.vm.call_addresses(func, self.pc);
        // Another closure has captured other things.
        if func == self.own_function && closure.is_none() && self.tail_loop.is_some() {
            if self.context.func != func {
                self.effect(Inst::TakeOver(function));
            }
            return self.jump_to_start(&args);
        }
        self.region.window = self.region.window.max(registers);
        if closure.is_none() && self.takes_over(func) {
            self.effect(Inst::TakeOver(function));
            return self.walk_into_successor(func, args);
        }
        for (index, value) in args.into_iter().enumerate() {
            self.store_value(Mem::Frame, BASE, (index * size_of::<Value>()) as i32, value);
        }
        self.write_globals_home();
        self.finish(Terminator::TailCall(Some((function, closure))));
        Ok(())
    }

    /// Calls a function that is known now in tail position: inlined, by giving up the frame, or by the interpreter.
    fn tail_call_known(&mut self, base: Reg, callee: Callee) -> Built<Goes> {
        if let Some(call) = self.context.call_pc {
            self.move_args(base, &callee)?;
            let returns = self.inline_tail_call(base, callee.func, callee.closure, call)?;
            self.tail_returns.extend(returns);
            return Ok(Goes::Nowhere);
        }
        if !self.region.is_function || !self.is_called_directly(callee.func) {
            return Ok(self.leave());
        }
        self.move_args(base, &callee)?;
        self.tail_call(base, callee.func, callee.closure)?;
        Ok(Goes::Nowhere)
    }

    /// `return value(args)`.
    pub(super) fn tail_call_value(&mut self, base: Reg, argc: u16) -> Built<Goes> {
        let callee = self.operand(base, self.feedback().a)?;
        match self.callees_of(argc) {
            Some(callees) => {
                let exit = self.exit(ExitReason::Callee);
                let args = Called { value: callee, first: Call::ARGS, argc };
                self.choose_callee(args, &callees, exit, &mut |builder, callee| builder.tail_call_known(base, callee))?;
                Ok(Goes::Nowhere)
            }
            None => self.tail_call_by_run_time(base),
        }
    }

    /// `return receiver.name(args)`. A built-in method starts no frame: its result is returned by the instruction that
    /// follows.
    pub(super) fn tail_call_method(&mut self, base: Reg, argc: u16, site: SiteId) -> Built<Goes> {
        let receiver = self.operand(base.above(MethodCall::RECEIVER), self.feedback().a)?;
        if let Some(goes) = self.built_in_method(base, argc, site, receiver)? {
            return Ok(goes);
        }
        if self.built_in(base, site)?.is_some() {
            return self.step();
        }
        let name = self.vm.site_name(self.context.func, site);
        if let Some((instance, id, func)) = self.method_seen(argc, name, receiver) {
            self.guard_struct(instance, id, self.proves_struct(id));
            self.guard_no_extra(instance, Some(id));
            return self.tail_call_known(base, Callee::plain(func));
        }
        if let Some(callee) = self.method_of_struct(argc, name, receiver) {
            return self.tail_call_known(base, callee);
        }
        // What is walked into for the sake of one call grows with the cases of this one.
        let most = match self.context.call_pc {
            Some(_) => FEW_INLINED,
            None if self.region.is_function => usize::MAX,
            None => 0,
        };
        if let Some((instance, cases)) = self.methods_seen(argc, name, receiver).filter(|seen| seen.1.len() <= most) {
            self.choose_method(instance, cases, &mut |builder, callee| builder.tail_call_known(base, callee))?;
            return Ok(Goes::Nowhere);
        }
        if let Some(callees) = self.callees_of(argc)
            && let Some((value, exit)) = self.value_in_field(base, site)?
        {
            let called = Called { value, first: MethodCall::ARGS, argc };
            self.choose_callee(called, &callees, exit, &mut |builder, callee| builder.tail_call_known(base, callee))?;
            return Ok(Goes::Nowhere);
        }
        self.tail_call_by_run_time(base)
    }

    /// Has the run time execute a tail call; it gives the frame to another function, or there is a result.
    fn tail_call_by_run_time(&mut self, base: Reg) -> Built<Goes> {
        if self.context.call_pc.is_none() && !self.region.is_function {
            return Ok(self.leave());
        }
        if let Some(call) = self.context.call_pc {
            // The frame that another function would take over does not exist.
            return self.refuse_inlining(call);
        }
        let op = self.op();
        self.prepare_step(&op)?;
        let exit = self.exit(ExitReason::Throw);
        let pc = self.int(self.pc.into());
        let status = self.call(Helper::TailCall, vec![VM, pc], MemSet::ALL);
        let has_exited = self.is_status(status, Status::Leave);
        self.guard(has_exited, false, exit);
        let begins = self.push(Inst::Unary(Unary::BitsToBool, status), Repr::Bool);
        let (yes, no) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(begins, yes, no));
        self.current = yes;
        self.finish(Terminator::TailCall(None));
        self.current = no;
        self.lists_change();
        self.env.kill_from(self.home(base));
        self.reload(base);
        Ok(Goes::On)
    }

    /// Ends the region's own function: globals that live in registers go home.
    pub(super) fn return_from_region(&mut self, value: Typed) {
        self.write_globals_home();
        let (tag, payload) = self.parts(value);
        self.finish(Terminator::Return(tag, payload));
    }

    fn write_globals_home(&mut self) {
        let globals: Vec<(GlobalId, Slot)> = self.env.globals.iter().map(|(&global, &slot)| (global, slot)).collect();
        for (global, slot) in globals {
            if let Slot::Value { value, dirty: true } = slot {
                let (mem, base, offset) = self.place_of(Home::Global(global));
                self.store_value(mem, base, offset, value);
            }
        }
    }
}
