//! Methods of lists that call a function with each item, as loops of the region: the function is inlined into a counted
//! loop.
//!
//! The interpreter executes such a method as one instruction. So in front of the loop exits lead to the instruction,
//! and in it they stand in the function, whose frame they rebuild above what the method has to know
//! ([`Items`]); the run time then goes on with the method
//! ([`list_loops`](crate::runtime::list_loops)). Between two calls of the function there is nothing to go on at, hence
//! no exit: what may fail of what is done with the function's result is done in front of its `Return`, as is asking
//! whether the list still keeps its elements as it did.
//!
//! A task cannot wait inside of such a method, and the run time tells by its own calls whether it is: so nothing that
//! may wait is inlined with the function ([`Builder::cannot_wait`]). Then the run time executes the method, and calls
//! the function's native code.

use std::rc::Rc;

use super::calls::Called;
use super::env::{Slot, Typed};
use super::lists::storage_for;
use super::loops::{Edge, ExitSource};
use super::{Builder, Built, Goes, LoopKey, Purpose, Stop};
use crate::bytecode::methods::ListLoop;
use crate::bytecode::op::window::{Items, MethodCall};
use crate::bytecode::{FuncId, Op, Reg};
use crate::jit::feedback::TagSet;
use crate::jit::feedback::Via;
use crate::jit::ir::{Binary, Compare, ExitReason, Home, Inst, Repr, Shape, Terminator, Unary, Val};
use crate::runtime::object::{List, ObjKind, Storage};
use crate::runtime::value::Tag;

/// Which method it is that a function is walked through for, and where its state lies in the region's frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ItemOf {
    method: ListLoop,
    state: u32,
    /// How the list that is made keeps its elements, if they are all of one type.
    storage: Storage,
    /// The list that is gone over and how it keeps its elements, if the function may change that.
    changing: Option<(Val, Storage)>,
}

impl ItemOf {
    fn home(self, offset: u16) -> u32 {
        self.state + u32::from(offset)
    }
}

/// The loop of a method.
#[derive(Clone, Copy)]
struct Walk {
    method: ListLoop,
    base: Reg,
    list: Val,
    storage: Storage,
    /// The first register above those of the function that calls the method.
    above: Reg,
}

impl Builder<'_> {
    /// A method of a list that calls a function with each item; `None` if it is none, or no loop can be made of it, and
    /// nothing was done.
    pub(super) fn list_loop(&mut self, base: Reg, argc: u16, name: &str, list: Val) -> Built<Option<Goes>> {
        let Some(method) = ListLoop::named(name, argc) else { return Ok(None) };
        let (Some(storage), &[callee]) = (self.feedback().storage.one(), self.feedback().callees.all()) else {
            return Ok(None);
        };
        let is_known = matches!(callee.via, Via::Function | Via::Closure) && self.vm.takes(callee.func, method.takes());
        let registers = self.program.functions[self.context.func.index()].registers;
        let has_room = registers.checked_add(Items::FRAME + method.takes()).is_some();
        if !self.is_reached() || !is_known || !has_room || !self.is_inlinable(callee.func) {
            return Ok(None);
        }
        let value = self.get(base.above(MethodCall::ARGS))?;
        let exit = self.exit(ExitReason::Callee);
        let called = Called { value, first: MethodCall::ARGS, argc };
        let walk = Walk { method, base, list, storage, above: Reg(registers) };
        let mut goes = Goes::Nowhere;
        self.choose_callee(called, &[callee], exit, &mut |builder, callee| {
            goes = builder.walk_through_items(walk, callee.func, callee.closure)?;
            Ok(goes)
        })?;
        Ok(Some(goes))
    }

    /// Builds the loop, and goes on behind it.
    fn walk_through_items(&mut self, walk: Walk, func: FuncId, closure: Option<Val>) -> Built<Goes> {
        let Walk { method, base, list, storage, above } = walk;
        let kept = if method == ListLoop::Map { self.storage_returned(func) } else { storage };
        let key = LoopKey { pc: self.pc, base: self.home(above) };
        let changing = if self.lists_may_change(key) {
            // In the loop there is no exit for it but in front of the function's `Return`.
            self.guard_storage(list, storage, self.feedback().empty, ExitSource::Here);
            Some((list, storage))
        } else {
            None
        };
        let item_of = ItemOf { method, state: key.base, storage: kept, changing };
        let dirty = |value| Slot::Value { value, dirty: true };
        let results = match method {
            ListLoop::Map | ListLoop::Filter => {
                let shape = Shape { kind: ObjKind::List, flags: kept as u16, aux: List::ROOM_TO_FILL as u32 };
                Typed::Known(Tag::List, self.make(shape, Vec::new()))
            }
            ListLoop::Reduce => self.get(base.above(MethodCall::ARGS + 1))?,
            ListLoop::Any | ListLoop::All | ListLoop::Find | ListLoop::FindIndex => {
                Typed::Known(Tag::Void, self.int(0))
            }
        };
        let start = self.int(0);
        let (results_at, position_at) = (item_of.home(Items::RESULTS), item_of.home(Items::POSITION));
        let mut variables = vec![Home::Register(position_at)];
        match method {
            ListLoop::Reduce => variables.push(Home::Register(results_at)),
            ListLoop::Filter => variables.push(Home::Register(item_of.home(Items::COUNT))),
            _ => {}
        }
        let live = Rc::clone(&self.live);
        let entry = self.state(ExitReason::Type, self.pc, &live[self.live_at]);
        self.env.set_register(results_at, dirty(results));
        self.env.set_register(position_at, dirty(Typed::Known(Tag::Int, start)));
        self.env.set_register(item_of.home(Items::COUNT), dirty(Typed::Known(Tag::Int, start)));
        let around = self.current_loop;
        let state = self.start_loop(key, variables, entry, |_| ())?;

        let facts = match changing {
            None => self.list_facts(list, storage),
            Some(_) => self.facts_unguarded(list, storage),
        };
        let Typed::Known(_, position) = self.of_method(item_of, Items::POSITION) else {
            unreachable!("positions are ints")
        };
        let more = self.push(Inst::Icmp(Compare::Below, position, facts.len), Repr::Bool);
        let (body, done) = (self.new_block(), self.new_block());
        self.finish(Terminator::Branch(more, body, done));
        let mut ends: Vec<(Edge, Typed)> = Vec::new();
        (self.current, self.current_loop) = (done, around);
        let end = self.end_of_items(item_of);
        ends.push(((self.current, self.env.clone()), end));

        (self.current, self.current_loop) = (body, Some(state));
        let (item, _) = self.element(facts, position, None);
        self.env.set_register(item_of.home(Items::ITEM), dirty(item));
        let args = match method {
            ListLoop::Reduce => vec![self.of_method(item_of, Items::RESULTS), item],
            _ => vec![item],
        };
        for (register, value) in (item_of.home(Items::FRAME)..).zip(args) {
            self.env.set_register(register, dirty(value));
        }
        let window = self.home(base)..=self.home(base.above(MethodCall::RECEIVER + method.takes()));
        let saved = window.chain(item_of.state..item_of.home(Items::STATE));
        let frame = above.above(Items::FRAME);
        let returns = self.walk_into_waiting(saved, frame, func, closure, Purpose::Item(item_of))?;
        self.finish_item(item_of, returns, state, &mut ends)?;

        self.current_loop = around;
        let result = self.home(base);
        let mut edges = Vec::new();
        for (edge, value) in ends {
            (self.current, self.env) = edge;
            self.env.kill_from(result);
            self.set(base, value);
            edges.push((self.current, self.env.clone()));
        }
        let mut alive = live[self.live_at + 1].clone();
        alive.insert(base);
        self.merge(edges, &alive)?;
        self.env.kill_from(result + 1);
        self.check_size()?;
        Ok(Goes::On)
    }

    /// What a method gives when no item is left.
    fn end_of_items(&mut self, item_of: ItemOf) -> Typed {
        match item_of.method {
            ListLoop::Map | ListLoop::Filter | ListLoop::Reduce => self.of_method(item_of, Items::RESULTS),
            ListLoop::Any => Typed::Known(Tag::Bool, self.truth(false)),
            ListLoop::All => Typed::Known(Tag::Bool, self.truth(true)),
            ListLoop::Find => Typed::Known(Tag::Void, self.int(0)),
            ListLoop::FindIndex => Typed::Known(Tag::Int, self.int(-1)),
        }
    }

    /// In front of the `Return` of a function that was given an item: does what may fail of what the method does with
    /// the value.
    pub(super) fn before_item_returns(&mut self, value: Typed, item_of: ItemOf, call: u32) -> Built<Typed> {
        let seen = self.feedback().a;
        let value = self.of_seen_type(value, seen, TagSet::default()).unwrap_or(value);
        if let Some((list, storage)) = item_of.changing {
            self.guard_storage(list, storage, true, ExitSource::Here);
        }
        match item_of.method {
            // As many results as items.
            ListLoop::Map => self.keep(item_of, Items::POSITION, value, call)?,
            ListLoop::Reduce => {}
            ListLoop::Filter => {
                let Some(truth) = self.truth_of(value, seen)? else { return self.refuse_inlining(call) };
                let (keep, drop) = (self.new_block(), self.new_block());
                self.finish(Terminator::Branch(truth, keep, drop));
                self.current = keep;
                let item = self.of_method(item_of, Items::ITEM);
                self.keep(item_of, Items::COUNT, item, call)?;
                let next = self.new_block();
                for block in [self.current, drop] {
                    self.region.block_mut(block).end = Terminator::Jump(next, Vec::new());
                }
                self.current = next;
                let (Typed::Known(_, count) | Typed::Any { payload: count, .. }) =
                    self.of_method(item_of, Items::COUNT);
                let more = self.push(Inst::Unary(Unary::BoolToBits, truth), Repr::I64);
                let count = self.push(Inst::Binary(Binary::Iadd, count, more), Repr::I64);
                let value = Typed::Known(Tag::Int, count);
                self.env.set_register(item_of.home(Items::COUNT), Slot::Value { value, dirty: true });
            }
            ListLoop::Any | ListLoop::All | ListLoop::Find | ListLoop::FindIndex => {
                return match self.truth_of(value, seen)? {
                    Some(truth) => Ok(Typed::Known(Tag::Bool, truth)),
                    None => self.refuse_inlining(call),
                };
            }
        }
        Ok(value)
    }

    /// Part of the state of the method whose function is being walked through.
    fn of_method(&self, item_of: ItemOf, offset: u16) -> Typed {
        match self.env.register(item_of.home(offset)) {
            Slot::Value { value, .. } => value,
            Slot::Initial | Slot::Dead => {
                unreachable!("a method's state is known while its function is walked through")
            }
        }
    }

    /// Appends a value to the list that a method makes, which has as many elements as a part of the state says.
    fn keep(&mut self, item_of: ItemOf, count: u16, value: Typed, call: u32) -> Built<()> {
        let (results, count) = (self.of_method(item_of, Items::RESULTS), self.of_method(item_of, count));
        let (Typed::Known(_, list) | Typed::Any { payload: list, .. }) = results;
        let (Typed::Known(_, len) | Typed::Any { payload: len, .. }) = count;
        let storage = storage_for(value);
        let is_mixed = self.plan.mixed_results.contains(&call);
        if storage != Some(item_of.storage) && !is_mixed {
            // Then each addition has to look.
            self.plan.mixed_results.insert(call);
            return Err(Stop::Again);
        }
        let storage = storage.unwrap_or(Storage::Values);
        let suits = if is_mixed { Some(self.storage_is(list, storage)) } else { None };
        self.append(list, len, suits, storage, value);
        Ok(())
    }

    /// How a list keeps what a function was seen to return, if it is of one type; any way if nothing is known.
    fn storage_returned(&self, func: FuncId) -> Storage {
        let pcs = self.program.functions[func.index()].code.range();
        let mut seen = pcs.filter_map(|pc| self.profile.at(pc as u32).a.single().filter(|_| self.returns_value(pc)));
        seen.next().map_or(Storage::Ints, Storage::of_tag)
    }

    fn returns_value(&self, pc: usize) -> bool {
        matches!(self.program.code[pc], Op::Return { .. })
    }

    /// Behind the function's `Return`: ends the method, or goes on with the next item.
    fn finish_item(
        &mut self,
        item_of: ItemOf,
        returns: Vec<Edge>,
        state: usize,
        ends: &mut Vec<(Edge, Typed)>,
    ) -> Built<()> {
        if returns.is_empty() {
            return Ok(());
        }
        let given = item_of.home(Items::CALLEE);
        let live = Rc::clone(&self.live);
        let mut alive = live[self.live_at].clone();
        let is_wanted = !item_of.method.makes_list();
        let end = if is_wanted { given + 1 } else { given };
        // The state, and where a value was returned to.
        (item_of.state..end).for_each(|register| alive.insert(Reg((register - self.context.base) as u16)));
        self.merge(returns, &alive)?;
        let value =
            if is_wanted { self.of_method(item_of, Items::CALLEE) } else { Typed::Known(Tag::Void, self.int(0)) };
        self.env.kill_from(given);
        let position = item_of.home(Items::POSITION);
        let Typed::Known(_, index) = self.of_method(item_of, Items::POSITION) else {
            unreachable!("positions are ints")
        };
        let ends_it = match item_of.method {
            ListLoop::Map | ListLoop::Filter => None,
            ListLoop::Reduce => {
                let dirty = Slot::Value { value, dirty: true };
                self.env.set_register(item_of.home(Items::RESULTS), dirty);
                None
            }
            ListLoop::Any => Some((true, Typed::Known(Tag::Bool, self.truth(true)))),
            ListLoop::All => Some((false, Typed::Known(Tag::Bool, self.truth(false)))),
            ListLoop::Find => Some((true, self.of_method(item_of, Items::ITEM))),
            ListLoop::FindIndex => Some((true, Typed::Known(Tag::Int, index))),
        };
        if let Some((wanted, end)) = ends_it {
            let Typed::Known(Tag::Bool, truth) = value else { unreachable!("a truth value is returned") };
            let (ended, next) = (self.new_block(), self.new_block());
            let (yes, no) = if wanted { (ended, next) } else { (next, ended) };
            self.finish(Terminator::Branch(truth, yes, no));
            ends.push(((ended, self.env.clone()), end));
            self.current = next;
        }
        let one = self.int(1);
        let next = self.push(Inst::Binary(Binary::Iadd, index, one), Repr::I64);
        let next = Typed::Known(Tag::Int, next);
        self.env.set_register(position, Slot::Value { value: next, dirty: true });
        self.close_loop(state)
    }

    /// Something may wait for a task, if so: then the functions of methods that it is in are not inlined.
    pub(super) fn cannot_wait(&mut self, may_wait: bool) -> Built<()> {
        match self.context.list_loop.filter(|_| may_wait) {
            Some(call) => self.refuse_inlining(call),
            None => Ok(()),
        }
    }
}
