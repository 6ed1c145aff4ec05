//! Functions as regions of their own: calls from native code to native code, and returning.
//!
//! A caller writes the arguments home, which are the callee's registers, starts the callee's frame and jumps to its code, found in a table of the
//! machine: it is replaced when the callee is compiled again. The result comes back in machine registers, as tag and payload. If the callee has no
//! native code, or leaves it, a helper has the interpreter run it to its end; the caller does not notice.

use super::*;
use crate::bytecode::FunctionKind;

impl Builder<'_> {
    /// Whether a call can go to the function's native code.
    pub(super) fn is_called_directly(&self, func: FuncId) -> bool {
        self.program.functions[func.index()].kind != FunctionKind::Async
    }

    /// Calls a function whose arguments stand above `base`.
    pub(super) fn call_directly(&mut self, base: Reg, func: FuncId) -> Built<Goes> {
        let op = self.op();
        self.prepare_step(&op)?;
        // The callee raises errors itself; the interpreter finds the caller's frame behind the call then.
        let exit = self.exit(ExitReason::Throw);
        let (return_pc, at) = (self.pc + 1, self.home(base));
        let addresses = self.vm.call_addresses(func, return_pc);
        // There must be room for its frame.
        self.region.inlined_depth = self.region.inlined_depth.max(1);
        let call = Inst::CallFunction { func, base: at + 1, return_pc, addresses, exit };
        let tag = self.push(call, Repr::I64);
        let payload = self.push(Inst::Unary(Unary::CallPayload, tag), Repr::I64);
        self.lists_change();
        self.env.kill_from(at);
        self.set(base, Typed::Any { tag, payload });
        let live = Rc::clone(&self.live);
        let after = &live[self.live_at + 1];
        if let Some(seen) = self.feedback().result.single()
            && after.contains(base)
        {
            let exit = self.exit_with(ExitReason::Type, return_pc, after);
            self.guard_tag(tag, seen, exit);
            let value = self.unpack(seen, payload);
            self.set(base, value);
        }
        self.check_size()?;
        Ok(Goes::On)
    }

    /// Ends the region's own function: globals that live in registers go home.
    pub(super) fn return_from_region(&mut self, value: Typed) {
        let globals: Vec<(GlobalId, Slot)> = self.env.globals.iter().map(|(&global, &slot)| (global, slot)).collect();
        for (global, slot) in globals {
            if let Slot::Value { value, dirty: true } = slot {
                let (mem, base, offset) = self.place_of(Home::Global(global));
                self.store_value(mem, base, offset, value);
            }
        }
        let (tag, payload) = self.parts(value);
        self.finish(Terminator::Return(tag, payload));
    }
}
