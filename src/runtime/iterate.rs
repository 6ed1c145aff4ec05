//! Iteration: the state machine behind `for x in v`.
//!
//! Three registers of the loop hold the state: what is iterated, a position, and a number that tells whether a dict has
//! changed. Nothing is allocated to iterate, and the state is ordinary values, so the collector and a hand-made file
//! can do it no harm: each step looks at the tag again.
//!
//! # Frames of `next` and `iter`
//! The interpreter calls `next` of an instance from within the instruction, and waits. Native code that inlines `next`,
//! the recorder and the shadow interpreter walk into it, as into any call: then its frame stands on that of the loop,
//! where the run time would have put it, though no instruction expects its result. So does that of `iter`, which the
//! position tells from it. Whoever makes such frames sees to it
//! that they are ended by [`Vm::finish_next`] before the interpreter goes on, which [`Vm::finish_iterations`] does for
//! all of them. The functions that methods of lists call have such frames too ([`super::list_loops`]).

use super::error::{Error, Result};
use super::list_loops::Walked;
use super::object::{BoundMethod, Gc, List, Range, Tuple};
use super::value::{Tag, Value};
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::op::shape::{Iteration, Over};
use crate::bytecode::op::window::Iter;
use crate::bytecode::{FuncId, FunctionKind, Op, StructId};

/// Writes the state at the beginning of an iteration by what [`Vm::instance_iterator`] gives.
fn begin(state: Window, iterable: Value) {
    let position = if iterable.tag() == Tag::Instance { Iter::BY_NEXT } else { 0 };
    state.set(Iter::ITERABLE, iterable);
    state.set(Iter::POSITION, Value::int(position));
    state.set(Iter::VERSION, Value::int(iterable.as_dict().map_or(0, |dict| dict.key_version() as i64)));
}

/// What waits for a frame that no call has started.
enum Waiting {
    Step(Iteration),
    Method(Walked),
}

/// Whether what runs for a step is the `iter` of what is to be iterated.
fn waits_for_iter(step: Iteration, state: Window) -> bool {
    step.starts && state.get(Iter::POSITION).as_int() == Some(Iter::BY_ITER)
}

impl Vm {
    /// Starts iterating the value in the first state register and takes the first step; false if there is no item. If
    /// this fails the register is as it was.
    #[inline(never)]
    pub(super) fn start_iteration(&mut self, state: Window, pairs: bool) -> Result<bool> {
        let iterable = state.get(Iter::ITERABLE);
        let iterable = match iterable.tag() {
            Tag::Instance => self.instance_iterator(iterable)?,
            Tag::Range | Tag::List | Tag::Tuple | Tag::Str | Tag::Dict => iterable,
            Tag::Module => self.module_items(iterable)?,
            _ => return Err(not_iterable(iterable)),
        };
        self.start_with(state, iterable, pairs)
    }

    /// Takes the first step of an iteration by what [`Vm::instance_iterator`] gives.
    fn start_with(&mut self, state: Window, iterable: Value, pairs: bool) -> Result<bool> {
        begin(state, iterable);
        if pairs { self.next_pair(state) } else { self.next_item(state) }
    }

    /// What an instance is iterated by: what its `iter` gives, or the instance itself if it has `next`. An instance
    /// that is returned has `next`; anything else is iterable without calling Walrus code.
    pub(super) fn instance_iterator(&mut self, instance: Value) -> Result<Value> {
        let iterator = match self.bound(instance, "iter") {
            Some(iter) => self.call_from_instruction(iter, &[])?,
            None if self.bound(instance, "next").is_some() => return Ok(instance),
            None => return Err(self.instance_not_iterable(instance)),
        };
        self.given_by_iter(iterator)
    }

    /// What the `iter` of an instance has given, as something to be iterated without calling any other.
    fn given_by_iter(&mut self, iterator: Value) -> Result<Value> {
        match iterator.tag() {
            Tag::Instance if self.bound(iterator, "next").is_some() => Ok(iterator),
            Tag::Instance => Err(self.instance_not_iterable(iterator)),
            // `iter` has run: it must not be called again for want of memory.
            Tag::Module => self.with_memory(|vm| vm.module_items(iterator)),
            Tag::Range | Tag::List | Tag::Tuple | Tag::Str | Tag::Dict => Ok(iterator),
            _ => Err(not_iterable(iterator)),
        }
    }

    /// The next item of an instance with `next`; nothing at the end. The caller keeps the instance alive.
    pub(super) fn next_of_instance(&mut self, iterator: Value) -> Result<Option<Value>> {
        let Some(next) = self.bound(iterator, "next") else { return Err(not_iterable(iterator)) };
        let item = self.call_from_instruction(next, &[])?;
        Ok(if item.is_void() { None } else { Some(item) })
    }

    /// The function that a step of an iteration at the top frame's pc calls first: `iter` or `next` without captures.
    pub fn called_by_step(&self, op: Op) -> Option<FuncId> {
        let Iteration { starts, base, .. } = op.as_iteration().filter(|step| step.over != Over::Range)?;
        let id = self.top_register(base.0.into()).as_instance()?.struct_id();
        if starts && self.has_iter(id) { self.iter_function(id) } else { self.next_function(id) }
    }

    /// Whether an iteration over instances of a struct begins with its `iter`.
    fn has_iter(&self, id: StructId) -> bool {
        self.image.struct_def(id).method("iter").is_some()
    }

    /// `iter` of a struct, if it captures nothing and is called as any function is.
    pub fn iter_function(&self, id: StructId) -> Option<FuncId> {
        self.step_function(id, "iter")
    }

    /// `next` of a struct, likewise.
    pub fn next_function(&self, id: StructId) -> Option<FuncId> {
        self.step_function(id, "next")
    }

    fn step_function(&self, id: StructId, name: &str) -> Option<FuncId> {
        let func = self.own_method(id, name, 0)?;
        (self.image.program.functions[func.index()].kind != FunctionKind::Async).then_some(func)
    }

    /// Starts the frame of the function that [`Vm::called_by_step`] has found for the instruction at the top frame's
    /// pc.
    pub fn step_into_next(&mut self, called: FuncId, op: Op) -> Result<()> {
        let Some(step) = op.as_iteration() else { return Ok(()) };
        let state = self.top_base().of(step.base);
        let iterator = state.get(Iter::ITERABLE);
        if step.starts {
            let is_iter = iterator.as_instance().is_some_and(|instance| self.has_iter(instance.struct_id()));
            state.set(Iter::POSITION, Value::int(if is_iter { Iter::BY_ITER } else { Iter::BY_NEXT }));
        }
        self.set_pc_behind(self.top_pc());
        self.start_step_frame(called, iterator)
    }

    /// Starts the frame of the `next` or `iter` of an instance for the top frame, whose pc is behind the step.
    fn start_step_frame(&mut self, called: FuncId, iterator: Value) -> Result<()> {
        let slot = self.stack.registers_end();
        if self.stack.make_room(slot, Iter::NEXT_FRAME + 1).is_err() {
            return Err(self.stack_overflow());
        }
        let base = slot.above(Iter::NEXT_FRAME);
        slot.set(0, Value::VOID);
        base.set(0, iterator);
        self.start_frame(called, base, None)
    }

    /// The step of an iteration whose `next` or `iter` runs in the frame at this depth, as a frame of its own.
    fn step_waiting_for(&self, depth: usize) -> Option<Iteration> {
        let below = self.stack.frame_at(depth.checked_sub(1).filter(|below| *below > 0)?);
        // SAFETY: the frame has called something, so its pc is one past that instruction of the program's code.
        let op = unsafe { &*below.pc.sub(1) };
        op.as_iteration().filter(|step| step.over != Over::Range)
    }

    /// What waits for the frame at this depth, if it is one that no call has started.
    fn waiting_for(&self, depth: usize) -> Option<Waiting> {
        match self.step_waiting_for(depth) {
            Some(step) => Some(Waiting::Step(step)),
            None => self.list_loop_waiting_for(depth).map(Waiting::Method),
        }
    }

    /// Whether `next`, `iter` or the function of a method of lists runs in the top frame, as a frame of its own.
    pub fn is_in_next(&self) -> bool {
        self.is_waited_for(self.depth())
    }

    /// Whether no call has started the frame at this depth, but a step or a method that waits for it.
    pub(super) fn is_waited_for(&self, depth: usize) -> bool {
        self.waiting_for(depth).is_some()
    }

    /// Ends such a frame, which is on top, with what it has returned, and with it the step of the iteration, or the
    /// method: whether that has jumped, and where it stands in the program's code. Nothing if there is another such
    /// frame now: for `next` of what `iter` has given, or for the next item of a method, which goes on without frames
    /// `to_the_end` if asked to. Fails if the item cannot be taken apart as the step wants it, or as the method does.
    pub fn finish_next(&mut self, item: Value, to_the_end: bool) -> Result<Option<(bool, u32)>> {
        let waiting = self.waiting_for(self.depth());
        self.stack.leave();
        let pc = self.top_pc() - 1;
        let step = match waiting {
            None => return Ok(Some((false, pc))),
            Some(Waiting::Method(walked)) => {
                return Ok(self.after_item(walked, item, to_the_end)?.then_some((false, pc)));
            }
            Some(Waiting::Step(step)) => step,
        };
        let state = self.top_base().of(step.base);
        if waits_for_iter(step, state) {
            let iterator = self.given_by_iter(item)?;
            if let Some(next) = iterator.as_instance().and_then(|iterator| self.next_function(iterator.struct_id())) {
                begin(state, iterator);
                self.start_step_frame(next, iterator)?;
                return Ok(None);
            }
        }
        Ok(Some((self.finish_step(step, item)?, pc)))
    }

    /// Ends the step of an iteration that the top frame, whose pc is behind it, has called `next` or `iter` for;
    /// whether it has jumped.
    fn finish_step(&mut self, step: Iteration, item: Value) -> Result<bool> {
        let state = self.top_base().of(step.base);
        if waits_for_iter(step, state) {
            let iterator = self.given_by_iter(item)?;
            let is_empty = !self.start_with(state, iterator, step.over == Over::Pairs)?;
            if is_empty {
                self.jump_from_step(step);
            }
            return Ok(is_empty);
        }
        let is_pair = step.over == Over::Pairs && !item.is_void();
        let (item, second) = if is_pair { self.unpack_pair(item)? } else { (item, Value::VOID) };
        let is_done = item.is_void() && !is_pair;
        if step.starts {
            state.set(Iter::POSITION, Value::int(Iter::BY_NEXT));
            state.set(Iter::VERSION, Value::int(0));
        }
        if !is_done {
            state.set(Iter::ITEM, item);
        }
        if is_pair {
            state.set(Iter::SECOND, second);
        }
        let jumps = is_done == step.starts;
        if jumps {
            self.jump_from_step(step);
        }
        Ok(jumps)
    }

    fn jump_from_step(&mut self, step: Iteration) {
        self.set_top_pc((i64::from(self.top_pc()) + i64::from(step.to)) as u32);
    }

    /// Runs to their ends the frames of `next`, `iter` and functions of methods that stand above the frame at depth
    /// `from`, with all above them, and ends the iterations' steps and the methods. An error may just have been raised
    /// in the top frame; what is returned was raised in the one that is on top then.
    pub fn finish_iterations(&mut self, from: usize, mut raised: Result<()>) -> Result<()> {
        while let Some((depth, waiting)) =
            (from + 1..=self.depth()).rev().find_map(|depth| Some((depth, self.waiting_for(depth)?)))
        {
            let ended = match waiting {
                Waiting::Step(_) => self.run_next(depth, raised),
                Waiting::Method(_) => {
                    let outer = std::mem::replace(&mut self.inside_built_in, depth);
                    let given = self.run_next(depth, raised);
                    self.inside_built_in = outer;
                    given
                }
            };
            raised = ended.and_then(|item| match waiting {
                Waiting::Step(step) => {
                    let jumped = self.finish_step(step, item)?;
                    if jumped && !step.starts { self.count_back_edge_unasked() } else { Ok(()) }
                }
                Waiting::Method(walked) => self.after_item(walked, item, true).map(|_| ()),
            });
        }
        raised
    }

    /// As the run time calls `next`, from the middle.
    fn run_next(&mut self, depth: usize, raised: Result<()>) -> Result<Value> {
        if !self.has_native_stack() {
            self.stack.unwind_to(depth - 1);
            return Err(self.stack_overflow());
        }
        let outer = self.heap.refusals().enter();
        let result = self.run_on(depth, raised);
        self.heap.refusals().leave(outer);
        result
    }

    fn instance_not_iterable(&self, instance: Value) -> Error {
        not_iterable(instance)
    }

    /// A method of an instance's struct, bound.
    fn bound(&mut self, object: Value, name: &str) -> Option<Value> {
        let instance = object.as_instance()?;
        let position = self.image.struct_def(instance.struct_id()).method(name)?;
        Some(Value::from_bound_method(BoundMethod::new(&mut self.heap, object, instance.class().method(position))))
    }

    /// A module is iterated as a list of its names and values at that time.
    pub(super) fn module_items(&mut self, module: Value) -> Result<Value> {
        let names: Vec<(String, Value)> = match module.as_module() {
            Some(module) => self.module_names(module).map(|(name, value)| (name.to_owned(), value)).collect(),
            None => Vec::new(),
        };
        let items: Vec<Value> = names
            .into_iter()
            .map(|(name, value)| {
                let name = self.heap.str_value(&name);
                Value::from_tuple(Tuple::new(&mut self.heap, &[name, value]))
            })
            .collect();
        Ok(Value::from_list(List::from_values(&mut self.heap, &items)?))
    }

    /// Puts the next item into the item register; false at the end.
    #[inline]
    pub(super) fn next_item(&mut self, state: Window) -> Result<bool> {
        let iterable = state.get(Iter::ITERABLE);
        let position = state.get(Iter::POSITION).int_bits();
        if let Some(list) = iterable.as_list() {
            let Some(item) = list.try_get(position as usize) else { return Ok(false) };
            state.set(Iter::POSITION, Value::int(position + 1));
            state.set(Iter::ITEM, item);
            return Ok(true);
        }
        self.next_other(state, iterable, position)
    }

    #[inline(never)]
    fn next_other(&mut self, state: Window, iterable: Value, position: i64) -> Result<bool> {
        let place = position as usize;
        let (item, next) = match iterable.tag() {
            Tag::Range => {
                let Some(range) = iterable.as_range() else { return Ok(false) };
                match range.start.checked_add(position) {
                    Some(item) if item < range.end => (Value::int(item), position + 1),
                    _ => return Ok(false),
                }
            }
            Tag::Tuple => match iterable.as_tuple().and_then(|tuple| tuple.items().get(place).copied()) {
                Some(item) => (item, position + 1),
                None => return Ok(false),
            },
            Tag::Str => {
                let Some(text) = iterable.as_str() else { return Ok(false) };
                match text.as_str().get(place..).and_then(|rest| rest.chars().next()) {
                    Some(char) => (Value::from_str(self.heap.char_str(char)), position + char.len_utf8() as i64),
                    None => return Ok(false),
                }
            }
            Tag::Dict => match self.next_entry(state, iterable, position)? {
                Some((key, value, next)) => (Value::from_tuple(Tuple::new(&mut self.heap, &[key, value])), next),
                None => return Ok(false),
            },
            Tag::Instance => match self.next_of_instance(iterable)? {
                Some(item) => (item, position),
                None => return Ok(false),
            },
            _ => return Err(not_iterable(iterable)),
        };
        state.set(Iter::POSITION, Value::int(next));
        state.set(Iter::ITEM, item);
        Ok(true)
    }

    /// The next entry of a dict, with the position after it.
    fn next_entry(&self, state: Window, dict: Value, position: i64) -> Result<Option<(Value, Value, i64)>> {
        let Some(dict) = dict.as_dict() else { return Ok(None) };
        if state.get(Iter::VERSION).int_bits() != dict.key_version() as i64 {
            return Err(Error::message("Dict changed size during iteration"));
        }
        Ok(dict.next_entry(position as usize).map(|(next, key, value)| (key, value, next as i64)))
    }

    /// Puts the parts of the next item, a sequence of two, into the item register and the one above it; false at the
    /// end.
    #[inline(never)]
    pub(super) fn next_pair(&mut self, state: Window) -> Result<bool> {
        let iterable = state.get(Iter::ITERABLE);
        let position = state.get(Iter::POSITION);
        if iterable.tag() == Tag::Dict {
            let Some((key, value, next)) = self.next_entry(state, iterable, position.int_bits())? else {
                return Ok(false);
            };
            state.set(Iter::POSITION, Value::int(next));
            state.set(Iter::ITEM, key);
            state.set(Iter::SECOND, value);
            return Ok(true);
        }
        let last = state.get(Iter::ITEM);
        if !self.next_item(state)? {
            return Ok(false);
        }
        let item = state.get(Iter::ITEM);
        let (first, second) = match self.unpack_pair(item) {
            Ok(pair) => pair,
            Err(error) => {
                // An instruction that fails has had no effect.
                state.set(Iter::POSITION, position);
                state.set(Iter::ITEM, last);
                return Err(error);
            }
        };
        state.set(Iter::ITEM, first);
        state.set(Iter::SECOND, second);
        Ok(true)
    }

    fn unpack_pair(&mut self, item: Value) -> Result<(Value, Value)> {
        let wrong = |found: usize| Err(wrong_count(2, found as i128));
        if let Some(tuple) = item.as_tuple() {
            return match tuple.items() {
                [first, second] => Ok((*first, *second)),
                items => wrong(items.len()),
            };
        }
        if let Some(list) = item.as_list() {
            return match (list.len(), list.try_get(0), list.try_get(1)) {
                (2, Some(first), Some(second)) => Ok((first, second)),
                (len, ..) => wrong(len),
            };
        }
        if let Some(text) = item.as_str() {
            let mut chars = text.as_str().chars();
            return match (chars.next(), chars.next(), chars.next()) {
                (Some(first), Some(second), None) => {
                    Ok((Value::from_str(self.heap.char_str(first)), Value::from_str(self.heap.char_str(second))))
                }
                _ => wrong(text.as_str().chars().count()),
            };
        }
        if let Some(range) = item.as_range() {
            return match range_len(range) {
                2 => Ok((Value::int(range.start), Value::int(range.start + 1))),
                len => Err(wrong_count(2, len)),
            };
        }
        Err(self.expected_type("tuple", item))
    }

    /// A value to be taken apart into `count` others, as something that can be indexed: a list, tuple or string itself,
    /// a list of a range.
    #[inline(never)]
    pub(super) fn unpackable(&mut self, value: Value, count: u16) -> Result<Value> {
        let range = value.as_range();
        let found = if let Some(tuple) = value.as_tuple() {
            tuple.items().len() as i128
        } else if let Some(list) = value.as_list() {
            list.len() as i128
        } else if let Some(text) = value.as_str() {
            text.as_str().chars().count() as i128
        } else if let Some(range) = range {
            range_len(range)
        } else {
            return Err(self.expected_type("tuple", value));
        };
        if found != i128::from(count) {
            return Err(wrong_count(count, found));
        }
        let Some(range) = range else { return Ok(value) };
        let items: Vec<Value> = (range.start..range.end).map(Value::int).collect();
        Ok(Value::from_list(List::from_values(&mut self.heap, &items)?))
    }
}

fn range_len(range: Gc<Range>) -> i128 {
    (i128::from(range.end) - i128::from(range.start)).max(0)
}

#[cold]
fn wrong_count(expected: u16, found: i128) -> Error {
    Error::message(format!("Expected {expected} values to unpack, but found {found}"))
}

#[cold]
fn not_iterable(value: Value) -> Error {
    Error::message(format!("Type '{}' is not iterable", value.tag().type_name()))
}
