//! Iteration over instances: `next` of a struct that was seen is called natively, as any known function is.
//!
//! It runs where the run time would run it, above the registers of the region's function, and gives an item or `void`. It is not inlined: an exit
//! from within would have no instruction to come back to that knows what to do with the item.

use super::*;
use crate::bytecode::op::window::Iter;

impl Builder<'_> {
    /// The instance that an instruction iterates over by its `next`, and that function, if its struct was seen and nothing else is called.
    fn iterator_seen(&self, op: Op, base: Reg) -> Option<(Val, FuncId)> {
        let starts = match op {
            Op::IterPrep { .. } => true,
            Op::IterNext { .. } => false,
            _ => return None,
        };
        let Slot::Value { value, .. } = self.env.register(self.home(base)) else { return None };
        let (instance, id) = (value.as_tag(Tag::Instance)?, self.feedback().instance_of.one()?);
        let calls_iter = starts && self.vm.image().struct_def(id).method("iter").is_some();
        let next = self.vm.own_method(id, "next", 0).filter(|next| self.is_called_directly(*next) && !calls_iter)?;
        Some((instance, next))
    }

    /// Whether an iteration is by the `next` of a struct that was seen: then its item is there when it arrives.
    pub(super) fn iterates_by_next(&self, op: Op, base: Reg) -> bool {
        self.iterator_seen(op, base).is_some()
    }

    /// The condition and the environments of a step of such an iteration; `None` if it is none.
    pub(super) fn iterate_by_next(&mut self, op: Op, base: Reg, starts: bool) -> Built<Option<(Val, Env, Env)>> {
        let Some((instance, next)) = self.iterator_seen(op, base) else { return Ok(None) };
        let id = self.feedback().instance_of.one().ok_or(Stop::Refused(Refusal::Unsettled))?;
        self.guard_struct(instance, id);
        self.prepare_step(&op)?;
        let exit = self.exit(ExitReason::Throw);
        // As the run time has it: above the registers of this function the callee, and above that its frame.
        let at = u32::from(self.program.functions[self.context.func.index()].registers) + 1;
        self.region.window = self.region.window.max(at + 1);
        self.env.set_register(at, Slot::Value { value: Typed::Known(Tag::Instance, instance), dirty: true });
        self.write_home(at);
        let tag = self.call_native(at, next, exit);
        let payload = self.push(Inst::Unary(Unary::CallPayload, tag), Repr::I64);
        self.lists_change();
        self.env.kill_from(at - 1);
        if starts {
            let (by_next, zero) = (self.int(Iter::BY_NEXT), self.int(0));
            self.set(base.above(Iter::POSITION), Typed::Known(Tag::Int, by_next));
            self.set(base.above(Iter::VERSION), Typed::Known(Tag::Int, zero));
        }
        let void = self.int(Tag::Void as i64);
        let more = self.push(Inst::Icmp(Compare::Ne, tag, void), Repr::Bool);
        let done = self.env.clone();
        self.set(base.above(Iter::ITEM), Typed::Any { tag, payload });
        let body = self.env.clone();
        Ok(Some(if starts { (self.not(more), done, body) } else { (more, body, done) }))
    }

    /// Takes the item to be of the type that was seen, on the way into the loop's body, which begins at `target`.
    pub(super) fn check_item(&mut self, base: Reg, target: u32, live: &RegSet) -> Built<()> {
        let item = base.above(Iter::ITEM);
        if let (Typed::Any { tag, payload }, Some(seen)) = (self.get(item)?, self.feedback().result.single())
            && live.contains(item)
        {
            let exit = self.exit_with(ExitReason::Type, target, live);
            self.guard_tag(tag, seen, exit);
            let value = self.unpack(seen, payload);
            self.set(item, value);
        }
        Ok(())
    }
}
