//! Iteration over instances: `next` of a struct that was seen is inlined where it is small, and called natively
//! otherwise, as any known function is.
//!
//! It runs where the run time would run it, above the registers of the function that iterates, and gives an item or
//! `void`. An exit from within an inlined `next` rebuilds its frame there; the run time then runs that to its end and
//! takes the step of the iteration ([`Vm::finish_iterations`](crate::runtime::vm::Vm::finish_iterations)). Where items
//! are taken apart into two, whether that can be done is asked in front of the `Return` of an inlined `next`: an exit
//! behind it could not say that the step is still to be taken.

use super::env::{Env, Slot, Typed};
use super::loops::Edge;
use super::{Builder, Built, Purpose};
use crate::bytecode::flow::RegSet;
use crate::bytecode::op::shape::{Iteration, Over};
use crate::bytecode::op::window::Iter;
use crate::bytecode::{FuncId, Op, Reg, StructId};
use crate::jit::ir::{Compare, ExitReason, Inst, Mem, Repr, Terminator, Unary, Val};
use crate::runtime::object::Tuple;
use crate::runtime::value::{Tag, Value};

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
        let calls_iter = |id| {
            op.as_iteration().is_none_or(|step| step.starts) && self.vm.image().struct_def(id).method("iter").is_some()
        };
        self.iterator_in(base).filter(|found| !calls_iter(found.id))
    }

    /// The instance in a register, if its struct is known or was seen, with its `next`.
    fn iterator_in(&self, base: Reg) -> Option<ByNext> {
        let Slot::Value { value, .. } = self.env.register(self.home(base)) else { return None };
        let instance = value.as_tag(Tag::Instance)?;
        let id = self.env.struct_of(instance).or_else(|| self.feedback().instance_of.one())?;
        Some(ByNext { instance, id, next: self.vm.next_function(id)? })
    }

    /// Whether an iteration is by the `next` of a struct that was seen: then its item is there when it arrives.
    pub(super) fn iterates_by_next(&self, op: Op, base: Reg) -> bool {
        op.as_iteration().is_some_and(|step| step.over == Over::Items) && self.iterator_seen(op, base).is_some()
    }

    /// The first register of the frame of `next`, unless there is none so high.
    fn next_frame(&self) -> Option<Reg> {
        let registers = self.program.functions[self.context.func.index()].registers;
        registers.checked_add(Iter::NEXT_FRAME).map(Reg)
    }

    /// Walks into the `next` of an iteration, if it can be inlined; `into_body` and `behind` are what is alive where
    /// the step goes on with an item, and without.
    pub(super) fn inline_next(&mut self, op: Op, into_body: &RegSet, behind: &RegSet) -> Built<Option<Stepped>> {
        let Some(Iteration { over, starts, base, .. }) = op.as_iteration() else { return Ok(None) };
        if over == Over::Range || !self.is_reached() {
            return Ok(None);
        }
        self.operand(base, self.feedback().a)?;
        let Some(frame) = self.next_frame() else { return Ok(None) };
        let seen = match starts && self.inline_iter(base, frame)? {
            true => self.iterator_in(base),
            false => self.iterator_seen(op, base),
        };
        let Some(ByNext { instance, id, next }) = seen else { return Ok(None) };
        if !self.is_inlinable(next) {
            return Ok(None);
        }
        self.guard_struct(instance, id, false);
        if starts {
            self.start_by_next(base, Iter::BY_NEXT);
        }
        let register = self.home(frame);
        let purpose = if over == Over::Pairs { Purpose::Pairs } else { Purpose::Whole };
        let returns = self.walk_into_step(base, frame, instance, next, purpose)?;
        let (mut more, mut done) = (Vec::new(), Vec::new());
        for edge in returns {
            (self.current, self.env) = edge;
            let Slot::Value { value: item, .. } = self.env.register(register - 1) else { continue };
            self.env.kill_from(register - 1);
            match item {
                Typed::Known(Tag::Void, _) => done.push((self.current, self.env.clone())),
                Typed::Known(Tag::Tuple, pair) if over == Over::Pairs => {
                    for (index, reg) in [Iter::ITEM, Iter::SECOND].into_iter().enumerate() {
                        let part = self.item_of_pair(pair, index);
                        self.set(base.above(reg), part);
                    }
                    more.push((self.current, self.env.clone()));
                }
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

    /// Walks into the `next` or `iter` that a step of an iteration calls.
    fn walk_into_step(
        &mut self,
        base: Reg,
        frame: Reg,
        instance: Val,
        called: FuncId,
        purpose: Purpose,
    ) -> Built<Vec<Edge>> {
        let register = self.home(frame);
        self.env.set_register(register, Slot::Value { value: Typed::Known(Tag::Instance, instance), dirty: true });
        // The step is taken when it has returned: until then its state is alive, also what it will write.
        let alive = &self.live[self.live_at + 1];
        let state = (0..Iter::STATE).map(|offset| base.above(offset)).filter(|reg| !alive.contains(*reg));
        let state: Vec<u32> = state.map(|reg| self.home(reg)).collect();
        self.walk_into_waiting(state, frame, called, None, purpose)
    }

    /// Walks into a function for which an instruction waits that needs these registers when it has returned.
    pub(super) fn walk_into_waiting(
        &mut self,
        needed: impl IntoIterator<Item = u32>,
        frame: Reg,
        func: FuncId,
        closure: Option<Val>,
        purpose: Purpose,
    ) -> Built<Vec<Edge>> {
        let saved = self.context.saved.len();
        self.context.saved.extend(needed);
        let returns = self.walk_into_callee(frame, func, closure, purpose)?;
        self.context.saved.truncate(saved);
        Ok(returns)
    }

    /// Walks into the `iter` of an instance that is to be iterated, if its struct was seen and has one, and puts what
    /// that gives into the place of the instance; false, and nothing was done, if it is none that can be inlined.
    fn inline_iter(&mut self, base: Reg, frame: Reg) -> Built<bool> {
        let Some(instance) = self.get(base)?.as_tag(Tag::Instance) else { return Ok(false) };
        let Some(id) = self.env.struct_of(instance).or_else(|| self.feedback().instance_of.one()) else {
            return Ok(false);
        };
        let Some(iter) = self.vm.iter_function(id).filter(|iter| self.is_inlinable(*iter)) else { return Ok(false) };
        self.guard_struct(instance, id, false);
        self.start_by_next(base, Iter::BY_ITER);
        let given = self.home(frame) - 1;
        let mut edges = Vec::new();
        for edge in self.walk_into_step(base, frame, instance, iter, Purpose::Whole)? {
            (self.current, self.env) = edge;
            let Slot::Value { value, .. } = self.env.register(given) else { continue };
            self.env.kill_from(given);
            self.set(base, value);
            edges.push((self.current, self.env.clone()));
        }
        self.check_size()?;
        // Behind it `iter` must not be called again: what comes next must be certain, or do without an exit.
        let is_certain = match self.meet(edges, &self.live[self.live_at].clone())? {
            None => false,
            Some(_) => match self.get(base)? {
                Typed::Known(Tag::Instance, iterator) => {
                    let next = self.env.struct_of(iterator).and_then(|id| self.vm.next_function(id));
                    next.is_some_and(|next| self.is_inlinable(next))
                }
                Typed::Known(tag, _) => matches!(tag, Tag::List | Tag::Tuple | Tag::Dict | Tag::Str | Tag::Range),
                Typed::Any { .. } => false,
            },
        };
        if !is_certain {
            return self.refuse_inlining(self.pc);
        }
        Ok(true)
    }

    /// Where `next` is about to return a value that is to be taken apart into two: the edges on which it returns, and
    /// what. What is no tuple of two is left to the run time.
    pub(super) fn pairs_returned(&mut self, value: Typed, call: u32) -> Built<Vec<(Edge, Typed)>> {
        let mut edges = Vec::new();
        let pair = match value {
            Typed::Known(Tag::Void, _) => {
                edges.push(((self.current, self.env.clone()), value));
                return Ok(edges);
            }
            Typed::Known(Tag::Tuple, pair) => pair,
            Typed::Known(..) => {
                // Left in each iteration, it would be slower than called by the run time.
                return self.refuse_inlining(call);
            }
            Typed::Any { tag, payload } => {
                let is_item = self.is_item(tag);
                let (yes, no) = (self.new_block(), self.new_block());
                self.finish(Terminator::Branch(is_item, yes, no));
                let nothing = self.int(0);
                edges.push(((no, self.env.clone()), Typed::Known(Tag::Void, nothing)));
                self.current = yes;
                let exit = self.exit(ExitReason::Type);
                self.guard_tag(tag, Tag::Tuple, exit);
                match self.unpack(Tag::Tuple, payload) {
                    Typed::Known(_, pair) => pair,
                    Typed::Any { payload, .. } => payload,
                }
            }
        };
        let len = self.load(Mem::Header, pair, Tuple::LEN_OFFSET as i32, Repr::I64);
        let two = self.int(2);
        let fits = self.push(Inst::Icmp(Compare::Eq, len, two), Repr::Bool);
        let exit = self.exit(ExitReason::Bounds);
        self.guard(fits, true, exit);
        edges.push(((self.current, self.env.clone()), Typed::Known(Tag::Tuple, pair)));
        Ok(edges)
    }

    /// A part of a tuple that has so many.
    pub(super) fn item_of_pair(&mut self, pair: Val, index: usize) -> Typed {
        let offset = (Tuple::ITEMS_OFFSET + index * size_of::<Value>()) as i32;
        let tag = self.load(Mem::Header, pair, offset + Value::TAG_OFFSET as i32, Repr::I64);
        let payload = self.load(Mem::Header, pair, offset + Value::PAYLOAD_OFFSET as i32, Repr::I64);
        Typed::Any { tag, payload }
    }

    /// Where edges meet, if there are any.
    pub(super) fn meet(&mut self, edges: Vec<Edge>, live: &RegSet) -> Built<Option<Edge>> {
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

    fn start_by_next(&mut self, base: Reg, position: i64) {
        let (by_next, zero) = (self.int(position), self.int(0));
        self.set(base.above(Iter::POSITION), Typed::Known(Tag::Int, by_next));
        self.set(base.above(Iter::VERSION), Typed::Known(Tag::Int, zero));
    }

    /// The condition and the environments of a step of an iteration whose `next` is called; `None` if it is none.
    pub(super) fn iterate_by_next(&mut self, op: Op, base: Reg, starts: bool) -> Built<Option<(Val, Env, Env)>> {
        let Some(ByNext { instance, id, next }) = self.iterator_seen(op, base) else { return Ok(None) };
        let Some(frame) = self.next_frame() else { return Ok(None) };
        self.guard_struct(instance, id, false);
        self.prepare_step(&op)?;
        let exit = self.exit(ExitReason::Throw);
        let register = self.home(frame);
        self.region.window = self.region.window.max(register + 1);
        self.env.set_register(register, Slot::Value { value: Typed::Known(Tag::Instance, instance), dirty: true });
        self.write_home(register);
        let tag = self.call_native(register, next, None, exit)?;
        let payload = self.push(Inst::Unary(Unary::CallPayload, tag), Repr::I64);
        self.lists_change();
        self.env.kill_from(register - 1);
        if starts {
            self.start_by_next(base, Iter::BY_NEXT);
        }
        let more = self.is_item(tag);
        let done = self.env.clone();
        self.set(base.above(Iter::ITEM), Typed::Any { tag, payload });
        let body = self.env.clone();
        Ok(Some(if starts { (self.not(more), done, body) } else { (more, body, done) }))
    }

    /// Takes what a step has given to be of the types that were seen, on the edge into the loop's body, which begins at
    /// `target`.
    pub(super) fn check_items(&mut self, op: Op, target: u32, live: &RegSet) -> Built<()> {
        let Some(Iteration { over, base, .. }) = op.as_iteration() else { return Ok(()) };
        let (seen, proof) = (self.feedback(), self.proof());
        let parts = [(Iter::ITEM, seen.result, proof.result), (Iter::SECOND, seen.second, proof.second)];
        for (offset, seen, proof) in parts.into_iter().take(if over == Over::Pairs { 2 } else { 1 }) {
            let reg = base.above(offset);
            if live.contains(reg) {
                self.get(reg)?;
                self.check_seen(reg, seen.single(), proof, target, live);
            }
        }
        Ok(())
    }
}
