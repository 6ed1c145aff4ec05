//! Blocks, merges and loops: the control flow of the region.
//!
//! An edge is an open block with the environment at its end. Where several edges meet, each is closed with a jump that
//! passes what differs; where one arrives alone, its block simply goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::env::{Env, Slot, Typed};
use super::throws::Thrown;
use super::{Builder, Built, Goes, LoopKey, LoopState, Passed, Purpose, Refusal, Stop};
use crate::bytecode::flow::{self, BlockId as FlowBlock, Flow, LoopIndex, RegSet};
use crate::bytecode::op::shape::Iteration;
use crate::bytecode::op::window::Range;
use crate::bytecode::{GlobalId, Op, Reg};
use crate::jit::ir::{BlockId, Exit, ExitId, ExitReason, Home, Repr, Terminator, Val};
use crate::runtime::value::Tag;

/// An open block and what holds at its end.
pub(super) type Edge = (BlockId, Env);

/// A return of an inlined function, with its result in the caller's register.
pub(super) type Return = Edge;

impl Builder<'_> {
    /// Walks through the blocks of the current context, or of one loop of it, from `start`. Returns the edges on which
    /// an inlined function returns.
    pub(super) fn walk(&mut self, within: Option<LoopIndex>, first: FlowBlock, start: Edge) -> Built<Vec<Return>> {
        let flow = Rc::clone(&self.context.flow);
        let mut walk = Walk { within, pending: HashMap::new(), loops: HashMap::new(), returns: Vec::new() };
        walk.pending.insert(first, vec![start]);
        for &block in &flow.order {
            let Some(edges) = walk.pending.remove(&block) else { continue };
            self.check_size()?;
            let inner = flow.block(block).innermost;
            let own_loop = inner.filter(|index| flow.loop_at(*index).header == block);
            let enclosing = match own_loop {
                Some(index) => flow.loop_at(index).parent,
                None => inner,
            };
            self.current_loop = enclosing.and_then(|index| walk.loops.get(&index).copied()).or(self.context.outer_loop);
            self.pc = flow.start + flow.block(block).start;
            let live = flow.live_before_each(self.program, block);
            self.merge(edges, &live[0])?;
            self.live = Rc::new(live);
            self.live_at = 0;
            if own_loop.is_some() && self.stops_leading_at_loop() {
                continue;
            }
            if let Some(index) = own_loop {
                let state = self.open_loop(&flow, index)?;
                walk.loops.insert(index, state);
            }
            self.block(&flow, block, &mut walk)?;
        }
        Ok(walk.returns)
    }

    fn block(&mut self, flow: &Flow, block: FlowBlock, walk: &mut Walk) -> Built<()> {
        let (start, end) = (flow.block(block).start, flow.block(block).end);
        let live = Rc::clone(&self.live);
        for pc in start..end {
            self.pc = flow.start + pc;
            self.asked.set(None);
            self.live = Rc::clone(&live);
            self.live_at = (pc - start) as usize;
            let op = self.op();
            if self.stops_leading(op) {
                return Ok(());
            }
            self.judge_operands(op)?;
            if pc + 1 == end && (op.jump_offset().is_some() || op.effects().ends) {
                self.last_instruction(flow, block, op, walk)?;
                return self.follow_thrown(flow, block, walk);
            }
            let goes = self.instruction(op)?;
            walk.returns.append(&mut self.tail_returns);
            self.follow_thrown(flow, block, walk)?;
            if goes == Goes::Nowhere {
                return Ok(());
            }
            self.judge_result(op)?;
        }
        let next = flow.block(block).next.ok_or(Stop::Refused(Refusal::Irreducible))?;
        let edge = (self.current, self.env.clone());
        self.follow(flow, next, edge, walk)
    }

    fn last_instruction(&mut self, flow: &Flow, block: FlowBlock, op: Op, walk: &mut Walk) -> Built<()> {
        let (next, taken) = (flow.block(block).next, flow.block(block).taken);
        if cfg!(debug_assertions) && (op.as_iteration().is_some() || op.effects().ends) {
            // Nobody else asks, so that these would not be counted.
            self.form(op)?;
        }
        match op {
            Op::Return { .. } | Op::ReturnVoid {} if self.context.call_pc.is_some() || self.region.is_function => {
                let value = match op {
                    Op::Return { src } => self.get(src)?,
                    _ => Typed::Known(Tag::Void, self.int(0)),
                };
                match self.context.call_pc {
                    Some(call) if self.context.purpose == Purpose::Pairs => {
                        for (edge, value) in self.pairs_returned(value, call)? {
                            (self.current, self.env) = edge;
                            self.return_from_inlined(value, walk);
                        }
                    }
                    Some(call) if let Purpose::Item(item_of) = self.context.purpose => {
                        let value = self.before_item_returns(value, item_of, call)?;
                        self.return_from_inlined(value, walk);
                    }
                    Some(_) => self.return_from_inlined(value, walk),
                    None => self.return_from_region(value),
                }
                return Ok(());
            }
            Op::TailCallFn { .. } if !self.is_reached() => {
                self.unseen();
                return Ok(());
            }
            Op::TailCallFn { base, func } if let Some(call) = self.context.call_pc => {
                let returns = self.inline_tail_call(base, func, None, call)?;
                walk.returns.extend(returns);
                return Ok(());
            }
            Op::TailCallFn { base, func } if self.region.is_function && self.is_called_directly(func) => {
                self.tail_call(base, func, None)?;
                return Ok(());
            }
            Op::Jump { .. } => {
                let target = taken.ok_or(Stop::Refused(Refusal::Irreducible))?;
                self.count_arrival(op, true, flow.start + flow.block(target).start);
                let edge = (self.current, self.env.clone());
                return self.follow(flow, target, edge, walk);
            }
            Op::Throw { src } if let Some((handler, error)) = taken.zip(flow.block(block).caught) => {
                let value = self.get(src)?;
                self.set(error, value);
                let edge = (self.current, self.env.clone());
                return self.follow(flow, handler, edge, walk);
            }
            Op::Throw { src } if let Some(catcher) = self.context.catcher => {
                let value = self.get(src)?;
                self.throw_to(catcher, value);
                return Ok(());
            }
            _ if op.effects().ends => {
                self.leave();
                return Ok(());
            }
            _ => {}
        }
        let (next, taken) = next.zip(taken).ok_or(Stop::Refused(Refusal::Irreducible))?;
        if let Some(Iteration { starts, .. }) = op.as_iteration() {
            let (body, behind) = if starts { (next, taken) } else { (taken, next) };
            let (into_body, behind_it) = (flow.live_in(body), flow.live_in(behind));
            let stepped = match self.next_of_dict(op, into_body, behind_it)? {
                None => self.inline_next(op, into_body, behind_it)?,
                stepped => stepped,
            };
            if let Some(stepped) = stepped {
                if let Some(edge) = stepped.more {
                    (self.current, self.env) = edge;
                    self.count_arrival(op, !starts, flow.start + flow.block(body).start);
                    self.check_items(op, flow.start + flow.block(body).start, flow.live_in(body))?;
                    let edge = (self.current, self.env.clone());
                    self.follow(flow, body, edge, walk)?;
                }
                return stepped.done.map_or(Ok(()), |edge| self.follow(flow, behind, edge, walk));
            }
        }
        let Some((condition, on_taken, on_next)) = self.branch(op)? else { return Ok(()) };
        if let Some(known) = self.const_bool(condition) {
            let (target, env) = if known { (taken, on_taken) } else { (next, on_next) };
            self.count_arrival(op, known, flow.start + flow.block(target).start);
            return self.follow(flow, target, (self.current, env), walk);
        }
        let (yes, no) = (self.new_block(), self.new_block());
        self.finish(match self.inverse_of.get(&condition) {
            Some(inverse) => Terminator::Branch(*inverse, no, yes),
            None => Terminator::Branch(condition, yes, no),
        });
        let (live, live_at, pc) = (Rc::clone(&self.live), self.live_at, self.pc);
        for (target, block, env, is_taken) in [(next, no, on_next, false), (taken, yes, on_taken, true)] {
            (self.live, self.live_at, self.pc) = (Rc::clone(&live), live_at, pc);
            (self.current, self.env) = (block, env);
            self.arrive(op, is_taken, flow.start + flow.block(target).start, flow.live_in(target))?;
            let edge = (self.current, self.env.clone());
            self.follow(flow, target, edge, walk)?;
        }
        Ok(())
    }

    /// Sends the errors that a block's handler receives there. The current block and environment stay what they are.
    fn follow_thrown(&mut self, flow: &Flow, block: FlowBlock, walk: &mut Walk) -> Built<()> {
        let depth = self.context.frames.len();
        let own: Vec<Thrown> = self.thrown.extract_if(.., |thrown| thrown.catcher == depth).collect();
        if own.is_empty() {
            return Ok(());
        }
        let (handler, error) = flow.handler_at(flow.block(block).start).ok_or(Stop::Refused(Refusal::Irreducible))?;
        let here = (self.current, self.env.clone());
        for Thrown { edge, value, .. } in own {
            (self.current, self.env) = edge;
            self.set(error, value);
            let edge = (self.current, self.env.clone());
            self.follow(flow, handler, edge, walk)?;
        }
        (self.current, self.env) = here;
        Ok(())
    }

    fn return_from_inlined(&mut self, value: Typed, walk: &mut Walk) {
        if self.context.purpose == Purpose::Leading {
            self.count_call();
        }
        let result = self.context.base - 1;
        self.env.kill_from(self.context.base);
        self.env.set_register(result, Slot::Value { value, dirty: true });
        walk.returns.push((self.current, self.env.clone()));
    }

    /// Sends an edge to a block of the flow graph: onward, back to a header, or out of the region.
    fn follow(&mut self, flow: &Flow, target: FlowBlock, edge: Edge, walk: &mut Walk) -> Built<()> {
        (self.current, self.env) = edge;
        if let Some(within) = walk.within
            && !flow.loop_contains(within, target)
        {
            let exit =
                self.exit_with(ExitReason::LoopDone, flow.start + flow.block(target).start, flow.live_in(target));
            self.finish(Terminator::Exit(exit));
            return Ok(());
        }
        let header = flow.block(target).innermost.filter(|index| flow.loop_at(*index).header == target);
        if let Some(state) = header.and_then(|index| walk.loops.get(&index).copied()) {
            return self.close_loop(state);
        }
        walk.pending.entry(target).or_default().push((self.current, self.env.clone()));
        Ok(())
    }

    /// Makes the current block and environment those where all edges have met.
    pub(super) fn merge(&mut self, mut edges: Vec<Edge>, live: &RegSet) -> Built<()> {
        if edges.len() == 1 {
            (self.current, self.env) = edges.remove(0);
            self.forget_dead(live);
            return Ok(());
        }
        for (block, env) in &mut edges {
            (self.current, self.env) = (*block, env.clone());
            self.forget_dead(live);
            *env = self.env.clone();
        }
        let target = self.new_block();
        let mut merged = Env {
            registers: Vec::new(),
            globals: BTreeMap::new(),
            lists: common(edges.iter().map(|(_, env)| &env.lists)),
            instances: common(edges.iter().map(|(_, env)| &env.instances)),
        };
        let mut args: Vec<Vec<Val>> = vec![Vec::new(); edges.len()];
        let registers = edges.iter().map(|(_, env)| env.registers.len()).min().unwrap_or(0);
        for register in 0..registers as u32 {
            let slots: Vec<Slot> = edges.iter().map(|(_, env)| env.register(register)).collect();
            let slot = self.merge_slots(Home::Register(register), &slots, &edges, target, &mut args)?;
            merged.set_register(register, slot);
        }
        let globals: BTreeSet<GlobalId> = edges.iter().flat_map(|(_, env)| env.globals.keys().copied()).collect();
        for global in globals {
            let get = |env: &Env| env.globals.get(&global).copied().unwrap_or(Slot::Initial);
            let slots: Vec<Slot> = edges.iter().map(|(_, env)| get(env)).collect();
            let slot = self.merge_slots(Home::Global(global), &slots, &edges, target, &mut args)?;
            merged.globals.insert(global, slot);
        }
        for ((block, _), args) in edges.iter().zip(args) {
            self.region.block_mut(*block).end = Terminator::Jump(target, args);
        }
        (self.current, self.env) = (target, merged);
        Ok(())
    }

    fn merge_slots(
        &mut self,
        home: Home,
        slots: &[Slot],
        edges: &[Edge],
        target: BlockId,
        args: &mut [Vec<Val>],
    ) -> Built<Slot> {
        if slots.iter().all(|slot| *slot == Slot::Initial) {
            return Ok(Slot::Initial);
        }
        if slots.contains(&Slot::Dead) {
            return Ok(Slot::Dead);
        }
        let mut values = Vec::with_capacity(slots.len());
        let mut any_dirty = false;
        for slot in slots {
            values.push(match *slot {
                Slot::Value { value, dirty } => {
                    any_dirty |= dirty;
                    value
                }
                _ => self.initial(home),
            });
        }
        if values.iter().all(|value| *value == values[0]) {
            return Ok(Slot::Value { value: values[0], dirty: any_dirty });
        }
        let passed = match values[0].tag().filter(|tag| values.iter().all(|value| value.tag() == Some(*tag))) {
            Some(Tag::Str) if values.iter().all(|value| self.char_code(*value).is_some()) => Passed::Char,
            Some(tag) => Passed::Of(tag),
            None => Passed::Open,
        };
        for ((value, (block, _)), args) in values.iter().zip(edges).zip(args) {
            self.current = *block;
            self.pass(*value, passed, args);
        }
        self.current = target;
        let value = self.parameter(target, passed);
        Ok(Slot::Value { value, dirty: true })
    }

    /// Adds the arguments for a parameter to a jump from the current block.
    fn pass(&mut self, value: Typed, passed: Passed, args: &mut Vec<Val>) {
        match (passed, value) {
            (Passed::Char, _) if let Some(code) = self.char_code(value) => args.push(code),
            (Passed::Of(_) | Passed::Char, Typed::Known(_, payload)) => args.push(payload),
            _ => {
                let (tag, payload) = self.parts(value);
                args.extend([tag, payload]);
            }
        }
    }

    /// A parameter of the current block.
    fn parameter(&mut self, block: BlockId, passed: Passed) -> Typed {
        let in_loop = self.current_loop;
        let mut add = |repr| {
            let val = self.new_val(repr, in_loop);
            self.region.block_mut(block).params.push(val);
            val
        };
        match passed {
            Passed::Of(tag) => Typed::Known(tag, add(repr_of(tag))),
            Passed::Open => Typed::Any { tag: add(Repr::I64), payload: add(Repr::I64) },
            Passed::Char => {
                let code = add(Repr::I64);
                Typed::Known(Tag::Str, self.char_of(code))
            }
        }
    }

    /// Marks as dead what nothing reads from here on, so that it is neither merged nor written home.
    fn forget_dead(&mut self, live: &RegSet) {
        let base = self.context.base;
        for register in base..self.env.registers.len() as u32 {
            if !live.contains(Reg((register - base) as u16)) {
                self.env.registers[register as usize] = Slot::Dead;
            }
        }
    }

    /// Starts a loop of the bytecode.
    fn open_loop(&mut self, flow: &Flow, index: LoopIndex) -> Built<usize> {
        let natural = flow.loop_at(index);
        let key = LoopKey { pc: self.pc, base: self.context.base };
        let live = flow.live_in(natural.header).clone();
        let is_region = self.loops.is_empty() && !self.region.is_function;

        // The variable of a counted loop equals its counter at the header, so one parameter does for both.
        let variable = self.counted_variable(natural, &live, is_region);
        let homes: Vec<Home> = live
            .iter()
            .filter(|reg| natural.written.contains(*reg) && Some(*reg) != variable)
            .map(|reg| Home::Register(self.home(reg)))
            .collect();
        let mut entry = self.state(ExitReason::Type, self.pc, &live);
        if is_region {
            // Nothing has happened yet.
            entry.reason = ExitReason::EntryType;
        }

        let state = self.start_loop(key, homes, entry, |_| ())?;
        if let (Some(variable), Some(counter)) = (variable, natural.counted) {
            let value = self.get(counter)?;
            self.set(variable, value);
        }
        Ok(state)
    }

    /// The form in which a variable is passed along a loop's back edge.
    fn passed_to_loop(&self, value: Typed, home: Home, key: LoopKey) -> Passed {
        match value.tag().filter(|_| !self.plan.widened.contains(&(key, home))) {
            Some(Tag::Str) if self.char_code(value).is_some() && !self.plan.not_chars.contains(&(key, home)) => {
                Passed::Char
            }
            Some(tag) => Passed::Of(tag),
            None => Passed::Open,
        }
    }

    /// Starts a loop that the function's calls of itself in tail position lead back to, with its parameters as
    /// variables.
    pub(super) fn open_tail_loop(&mut self, flow: &Flow) -> Built<()> {
        let key = LoopKey { pc: self.header_pc, base: 0 };
        let params = self.program.functions[self.context.func.index()].params;
        let live = flow.live_in(FlowBlock(0));
        let registers =
            (0..params).map(Reg).filter(|reg| live.contains(*reg)).map(|reg| Home::Register(self.home(reg)));
        let homes: Vec<Home> = registers.collect();
        // Nothing has happened yet: what fails in front of the loop has not entered the function.
        let entry = Exit { uncounted: true, ..Exit::plain(ExitReason::EntryType, self.header_pc) };
        let state = self.start_loop(key, homes, entry, |builder| builder.env.registers.clear())?;
        (self.tail_loop, self.context.outer_loop) = (Some(state), Some(state));
        Ok(())
    }

    /// Ends the current block as a loop's preheader and starts its header, with these variables and the globals that
    /// the region writes; what `forget` says does not go into the loop.
    pub(super) fn start_loop(
        &mut self,
        key: LoopKey,
        mut homes: Vec<Home>,
        entry: Exit,
        forget: impl FnOnce(&mut Self),
    ) -> Built<usize> {
        let is_region = self.loops.is_empty() && !self.region.is_function;
        if !self.plan.globals_in_memory {
            homes.extend(self.plan.written_globals.iter().map(|global| Home::Global(*global)));
        }
        let preheader = self.current;
        let (mut args, mut params) = (Vec::new(), Vec::new());
        for home in homes {
            let value = match self.slot(home) {
                Slot::Value { value, .. } => value,
                Slot::Initial => self.initial(home),
                Slot::Dead => return Err(Stop::Refused(Refusal::Undefined)),
            };
            let value = self.as_char(value, home, key, is_region);
            let passed = self.passed_to_loop(value, home, key);
            self.pass(value, passed, &mut args);
            params.push((home, passed));
        }
        let header = self.new_block();
        self.region.block_mut(header).is_loop_header = true;
        self.finish(Terminator::Jump(header, args));
        let lists = if self.lists_may_change(key) { Vec::new() } else { self.env.lists.clone() };
        let (parent, instances) = (self.current_loop, self.env.instances.clone());
        self.loops.push(LoopState {
            key,
            parent,
            preheader,
            header,
            params: params.clone(),
            entry,
            lists,
            texts: Vec::new(),
            instances,
        });
        let state = self.loops.len() - 1;
        self.current_loop = Some(state);
        self.current = header;
        self.env.lists.clear();
        forget(self);
        for (home, passed) in params {
            let value = self.parameter(header, passed);
            self.region.instances.extend(value.as_tag(Tag::Instance));
            self.set_slot(home, Slot::Value { value, dirty: true });
        }
        Ok(state)
    }

    /// Goes back to the beginning of the region's own function, which is a loop's header, with these arguments.
    pub(super) fn jump_to_start(&mut self, args: &[Typed]) -> Built<()> {
        let state = self.tail_loop.ok_or(Stop::Refused(Refusal::Irreducible))?;
        for (index, &value) in args.iter().enumerate() {
            self.env.set_register(index as u32, Slot::Value { value, dirty: true });
        }
        self.close_loop(state)
    }

    /// The variable of a counted loop, if it certainly equals the counter whenever control is at the header.
    fn counted_variable(&mut self, natural: &flow::Loop, live: &RegSet, is_region: bool) -> Option<Reg> {
        let counter = natural.counted?;
        let variable = counter.above(Range::VARIABLE);
        if !live.contains(variable) || !live.contains(counter) {
            return None;
        }
        let (a, b) = (self.get(counter).ok()?, self.get(variable).ok()?);
        let (a, b) = (a.as_tag(Tag::Int)?, b.as_tag(Tag::Int)?);
        if a == b {
            return Some(variable);
        }
        if !is_region {
            return None;
        }
        self.check_same_at_entry(a, b);
        Some(variable)
    }

    fn slot(&self, home: Home) -> Slot {
        match home {
            Home::Register(register) => self.env.register(register),
            Home::Global(global) => self.env.globals.get(&global).copied().unwrap_or(Slot::Initial),
        }
    }

    fn set_slot(&mut self, home: Home, slot: Slot) {
        match home {
            Home::Register(register) => self.env.set_register(register, slot),
            Home::Global(global) => {
                self.env.globals.insert(global, slot);
            }
        }
    }

    /// Ends the current block with a jump back to a header.
    pub(super) fn close_loop(&mut self, state: usize) -> Built<()> {
        let (header, key) = (self.loops[state].header, self.loops[state].key);
        let params = self.loops[state].params.clone();
        let mut args = Vec::new();
        for (home, passed) in params {
            let value = match self.slot(home) {
                Slot::Value { value, .. } => value,
                Slot::Initial => self.initial(home),
                Slot::Dead => return Err(Stop::Refused(Refusal::Undefined)),
            };
            let wanted = match passed {
                Passed::Open => value.tag(),
                Passed::Of(tag) => Some(tag),
                Passed::Char => Some(Tag::Str),
            };
            if passed == Passed::Char && self.char_code(value).is_none() {
                self.plan.not_chars.insert((key, home));
                self.again = true;
            }
            match wanted {
                Some(wanted) if value.tag() != Some(wanted) => {
                    self.plan.widened.insert((key, home));
                    self.again = true;
                    let dummy = match repr_of(wanted) {
                        Repr::I64 => self.int(0),
                        Repr::F64 => self.float(0.0),
                        Repr::Bool => self.truth(false),
                        Repr::F64x2 => unreachable!("no value of the language is a pair"),
                    };
                    args.push(dummy);
                }
                _ => self.pass(value, passed, &mut args),
            }
        }
        self.finish(Terminator::Jump(header, args));
        Ok(())
    }

    /// The outermost loop around the current instruction in whose preheader something may be done that depends on these
    /// values alone and that `allowed` permits; none if it must be done here.
    pub(super) fn hoist_target(&self, depends: &[Val], allowed: impl Fn(LoopKey) -> bool) -> Option<usize> {
        let mut target = None;
        let mut enclosing = self.current_loop;
        while let Some(index) = enclosing {
            let state = &self.loops[index];
            let inside = depends.iter().any(|val| self.is_defined_in(*val, index));
            if inside || !allowed(state.key) {
                break;
            }
            target = Some(index);
            enclosing = state.parent;
        }
        target
    }

    fn is_defined_in(&self, val: Val, index: usize) -> bool {
        let mut enclosing = self.defined_in[val.0 as usize];
        while let Some(inner) = enclosing {
            if inner == index {
                return true;
            }
            enclosing = self.loops[inner].parent;
        }
        false
    }

    /// Runs `emit` at the end of a loop's preheader.
    pub(super) fn in_preheader<T>(&mut self, index: usize, emit: impl FnOnce(&mut Self, ExitSource) -> T) -> T {
        let (block, in_loop) = (self.current, self.current_loop);
        (self.current, self.current_loop) = (self.loops[index].preheader, self.loops[index].parent);
        let result = emit(self, ExitSource::Preheader(index));
        (self.current, self.current_loop) = (block, in_loop);
        result
    }

    /// A new exit for a guard that stands here or in a preheader.
    pub(super) fn exit_from(&mut self, source: ExitSource, reason: ExitReason) -> ExitId {
        match source {
            ExitSource::Here => self.exit(reason),
            ExitSource::Preheader(index) => {
                let mut exit = self.loops[index].entry.clone();
                if exit.reason == ExitReason::EntryType {
                    debug_assert!(exit.values.is_empty() && exit.frames.is_empty() && exit.pc == self.header_pc);
                    return self.entry_exit();
                }
                exit.reason = reason;
                self.region.new_exit(exit)
            }
        }
    }
}

/// Where a guard stands, and so what its exit restores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ExitSource {
    Here,
    Preheader(usize),
}

/// The state of one walk through a function or loop.
struct Walk {
    within: Option<LoopIndex>,
    pending: HashMap<FlowBlock, Vec<Edge>>,
    loops: HashMap<LoopIndex, usize>,
    returns: Vec<Return>,
}

pub(super) fn repr_of(tag: Tag) -> Repr {
    match tag {
        Tag::Float => Repr::F64,
        Tag::Bool => Repr::Bool,
        _ => Repr::I64,
    }
}

/// What all lists of facts agree on.
fn common<'e, T: Copy + PartialEq + 'e>(mut lists: impl Iterator<Item = &'e Vec<T>>) -> Vec<T> {
    let Some(first) = lists.next() else { return Vec::new() };
    let mut facts = first.clone();
    for list in lists {
        facts.retain(|fact| list.contains(fact));
    }
    facts
}
