//! Iteration over instances: `next` of a struct that was seen is inlined where it is small, and called natively
//! otherwise, as any known function is.
//!
//! It runs where the run time would run it, above the registers of the function that iterates, and gives an item or
//! `void`. An exit from within an inlined `next` rebuilds its frame there; the run time then runs that to its end and
//! takes the step of the iteration ([`Vm::finish_iterations`](crate::runtime::vm::Vm::finish_iterations)).

use super::loops::Edge;
use super::*;
use crate::bytecode::StructId;
use crate::bytecode::op::shape::{Iteration, Over};
use crate::bytecode::op::window::Iter;

/// Where a step of an iteration goes on with an item, and where without one; `None` where it never does.
pub(super) struct Stepped {
    pub more: Option<Edge>,
    pub done: Option<Edge>,
}

/// A step of an iteration by the `next` of a struct that was seen.
struct ByNext {
    instance: Val,
    id: StructId,
    next: FuncId,
}

impl Builder<'_> {
    /// The instance that an instruction iterates over by its `next`, and that function, if its struct was seen and
    /// nothing else is called.
    fn iterator_seen(&self, op: Op, base: Reg) -> Option<ByNext> {
        let starts = match op {
            Op::IterPrep { .. } => true,
            Op::IterNext { .. } => false,
            _ => return None,
        };
        let Slot::Value { value, .. } = self.env.register(self.home(base)) else { return None };
        let instance = value.as_tag(Tag::Instance)?;
        let id = self.env.struct_of(instance).or_else(|| self.feedback().instance_of.one())?;
        let calls_iter = starts && self.vm.image().struct_def(id).method("iter").is_some();
        let next = self.vm.next_function(id).filter(|_| !calls_iter)?;
        Some(ByNext { instance, id, next })
    }

    /// Whether an iteration is by the `next` of a struct that was seen: then its item is there when it arrives.
    pub(super) fn iterates_by_next(&self, op: Op, base: Reg) -> bool {
        self.iterator_seen(op, base).is_some()
    }

    /// The first register of the frame of `next`, unless there is none so high.
    fn next_frame(&self) -> Option<Reg> {
        let registers = self.program.functions[self.context.func.index()].registers;
        registers.checked_add(Iter::NEXT_FRAME).map(Reg)
    }

    /// Walks into the `next` of an iteration, if it can be inlined; `into_body` and `behind` are what is alive where
    /// the step goes on with an item, and without.
    pub(super) fn inline_next(&mut self, op: Op, into_body: &RegSet, behind: &RegSet) -> Built<Option<Stepped>> {
        let Some(Iteration { over: Over::Items, starts, base, .. }) = op.as_iteration() else { return Ok(None) };
        if !self.is_reached() {
            return Ok(None);
        }
        self.operand(base, self.feedback().a)?;
        let Some(ByNext { instance, id, next }) = self.iterator_seen(op, base) else { return Ok(None) };
        let Some(frame) = self.next_frame().filter(|_| self.is_inlinable(next)) else { return Ok(None) };
        self.guard_struct(instance, id);
        let at = self.home(frame);
        self.env.set_register(at, Slot::Value { value: Typed::Known(Tag::Instance, instance), dirty: true });
        // The step is taken when `next` has returned: until then its state is alive, also what it will write.
        let alive = &self.live[self.live_at + 1];
        let state = (0..Iter::STATE).map(|at| base.above(at)).filter(|reg| !alive.contains(*reg));
        let state: Vec<u32> = state.map(|reg| self.home(reg)).collect();
        let saved = self.context.saved.len();
        self.context.saved.extend(state);
        let returns = self.walk_into_callee(frame, next, false)?;
        self.context.saved.truncate(saved);
        let (mut more, mut done) = (Vec::new(), Vec::new());
        for edge in returns {
            (self.current, self.env) = edge;
            let Slot::Value { value: item, .. } = self.env.register(at - 1) else { continue };
            self.env.kill_from(at - 1);
            if starts {
                self.start_by_next(base);
            }
            match item {
                Typed::Known(Tag::Void, _) => done.push((self.current, self.env.clone())),
                Typed::Known(..) => {
                    self.set(base.above(Iter::ITEM), item);
                    more.push((self.current, self.env.clone()));
                }
                Typed::Any { tag, .. } => {
                    let is_item = self.is_item(tag);
                    let (yes, no) = (self.new_block(), self.new_block());
                    self.finish(Terminator::Branch(is_item, yes, no));
                    done.push((no, self.env.clone()));
                    self.set(base.above(Iter::ITEM), item);
                    more.push((yes, self.env.clone()));
                }
            }
        }
        self.check_size()?;
        Ok(Some(Stepped { more: self.meet(more, into_body)?, done: self.meet(done, behind)? }))
    }

    /// Where edges meet, if there are any.
    fn meet(&mut self, edges: Vec<Edge>, live: &RegSet) -> Built<Option<Edge>> {
        if edges.is_empty() {
            return Ok(None);
        }
        self.merge(edges, live)?;
        Ok(Some((self.current, self.env.clone())))
    }

    fn is_item(&mut self, tag: Val) -> Val {
        let void = self.int(Tag::Void as i64);
        self.push(Inst::Icmp(Compare::Ne, tag, void), Repr::Bool)
    }

    fn start_by_next(&mut self, base: Reg) {
        let (by_next, zero) = (self.int(Iter::BY_NEXT), self.int(0));
        self.set(base.above(Iter::POSITION), Typed::Known(Tag::Int, by_next));
        self.set(base.above(Iter::VERSION), Typed::Known(Tag::Int, zero));
    }

    /// The condition and the environments of a step of an iteration whose `next` is called; `None` if it is none.
    pub(super) fn iterate_by_next(&mut self, op: Op, base: Reg, starts: bool) -> Built<Option<(Val, Env, Env)>> {
        let Some(ByNext { instance, id, next }) = self.iterator_seen(op, base) else { return Ok(None) };
        let Some(frame) = self.next_frame() else { return Ok(None) };
        self.guard_struct(instance, id);
        self.prepare_step(&op)?;
        let exit = self.exit(ExitReason::Throw);
        let at = self.home(frame);
        self.region.window = self.region.window.max(at + 1);
        self.env.set_register(at, Slot::Value { value: Typed::Known(Tag::Instance, instance), dirty: true });
        self.write_home(at);
        let tag = self.call_native(at, next, exit);
        let payload = self.push(Inst::Unary(Unary::CallPayload, tag), Repr::I64);
        self.lists_change();
        self.env.kill_from(at - 1);
        if starts {
            self.start_by_next(base);
        }
        let more = self.is_item(tag);
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
