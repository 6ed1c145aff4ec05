//! Type inference over the whole program.
//!
//! Types grow from [`Type::NEVER`] until nothing changes. The unit of work is a block: its entry state (types of the
//! live registers) is kept, and it is run again when that state grows, or when a global, field, parameter, result or
//! class it has read does. Each type can grow only so often (sixteen kinds, eight identities, merging of classes), so
//! the work is linear in the program for all practical purposes; see `bytecode::types` for the lattice and
//! `facts::rules` for the instructions.

mod cursor;
mod places;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use self::places::Places;
use super::cfg::BlockId;
use super::program_flow::{ProgramFlow, code_of};
use crate::bytecode::graph::Graph;
use crate::bytecode::types::{ClassId, IdKind, IdSet, IdSets, Identity, Slot, Tags, Type};
use crate::bytecode::{FuncId, FunctionKind, ModuleKind, Program, Reg, StructId};
use crate::facts::rules::{At, Place, RuleIndex, TypeEnv, certain_failure, pass_failure, step};

pub use self::cursor::{Contacts, TypeCursor};
pub use self::places::Escapes;

/// Ends a list of queued blocks.
const NO_BLOCK: BlockId = BlockId::MAX;

/// The solver, and once it has run the solution.
#[derive(Clone)]
pub struct Inference<'p> {
    program: &'p Program,
    flow: &'p ProgramFlow,
    index: &'p RuleIndex,
    pub(super) places: Places,
    /// Types of live registers at block entries, all blocks of all functions end to end.
    entries: Vec<Type>,
    /// Per block: whether control reaches it.
    reached_blocks: Vec<bool>,
    reached_functions: Vec<bool>,
    queued: Vec<bool>,
    /// Queued blocks of each function but the running one: the last queued, and for each block the one queued before
    /// it.
    last_queued: Vec<BlockId>,
    queued_before: Vec<BlockId>,
    /// Queued blocks of the running function.
    dirty: BinaryHeap<Reverse<BlockId>>,
    running: Option<FuncId>,
    work: VecDeque<FuncId>,
    in_work: Vec<bool>,
    // The frame of the block being run.
    registers: Vec<Type>,
    /// No register above this one has been set since the block was entered.
    high: u16,
    func: FuncId,
    block: BlockId,
    judged: At,
    /// Where the running function's code starts.
    start: u32,
    handler: Option<BlockId>,
    followed: bool,
    propagating: bool,
    /// Whether to go on behind instructions that always fail.
    beyond_failures: bool,
}

impl<'p> Inference<'p> {
    /// Infers types for everything reachable from the body of the main module.
    pub fn run(program: &'p Program, flow: &'p ProgramFlow, index: &'p RuleIndex) -> Inference<'p> {
        let mut inference = Inference::unsolved(program, flow, index, false);
        inference.solve_from_main();
        inference
    }

    /// The same of a program some of whose functions are left out: their flow is empty. What they do is in the places,
    /// which are given their types, and in these functions' being reached.
    pub fn run_without(
        program: &'p Program,
        flow: &'p ProgramFlow,
        index: &'p RuleIndex,
        given: impl Iterator<Item = (Place, Type)>,
        sets: &IdSets,
        reached: &[FuncId],
    ) -> Inference<'p> {
        let mut inference = Inference::unsolved(program, flow, index, false);
        for (place, ty) in given {
            inference.places.give(place, ty, sets);
        }
        reached.iter().for_each(|&func| inference.reach(func));
        inference.solve_from_main();
        inference
    }

    /// The same as if instructions that always fail had succeeded: for looking at what stands behind them. No facts
    /// come of this.
    pub fn run_beyond_failures(program: &'p Program, flow: &'p ProgramFlow, index: &'p RuleIndex) -> Inference<'p> {
        let mut inference = Inference::unsolved(program, flow, index, true);
        inference.solve_from_main();
        inference
    }

    fn unsolved(
        program: &'p Program,
        flow: &'p ProgramFlow,
        index: &'p RuleIndex,
        beyond_failures: bool,
    ) -> Inference<'p> {
        let functions = program.functions.len();
        Inference {
            program,
            flow,
            index,
            places: Places::new(program),
            entries: vec![Type::NEVER; flow.live_count as usize],
            reached_blocks: vec![false; flow.block_count as usize],
            reached_functions: vec![false; functions],
            queued: vec![false; flow.block_count as usize],
            last_queued: vec![NO_BLOCK; functions],
            queued_before: vec![NO_BLOCK; flow.block_count as usize],
            dirty: BinaryHeap::new(),
            running: None,
            work: VecDeque::new(),
            in_work: vec![false; functions],
            registers: vec![Type::ANY; usize::from(flow.max_registers) + 8],
            high: 0,
            func: FuncId(0),
            block: 0,
            judged: At { func: FuncId(0), pc: 0, entered: 0 },
            start: 0,
            handler: None,
            followed: true,
            propagating: false,
            beyond_failures,
        }
    }

    fn solve_from_main(&mut self) {
        let main = self.program.modules.get(self.program.main.index());
        if let Some(ModuleKind::File(body)) = main.map(|module| module.kind) {
            self.reach(body);
        }
        self.solve();
    }

    /// The same program under the supposition that functions nobody calls are called with anything. What the
    /// supposition implies stays in the copy: it tells users of libraries and of unfinished programs what their loops
    /// would need.
    pub fn suppose_all_called(&self) -> Inference<'p> {
        let mut copy = self.clone();
        for index in 0..copy.program.functions.len() {
            let func = FuncId(index as u32);
            if !copy.is_reached(func) {
                let ids = copy.identity(IdKind::Function(func));
                copy.escape(Type { ids, ..Type::of(Tags::FUNCTION) });
                copy.reach(func);
                copy.solve();
            }
        }
        copy
    }

    /// Ends the growing of types: each type is written down with the class it has after all merging, so that the
    /// solution can be read without being changed.
    pub fn seal(&mut self) {
        self.places.seal();
        for ty in &mut self.entries {
            *ty = self.places.normal(*ty);
        }
    }

    /// The program that the types are of.
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// What its rules look up by name.
    pub fn index(&self) -> &'p RuleIndex {
        self.index
    }

    /// Its control flow.
    pub fn control_flow(&self) -> &'p ProgramFlow {
        self.flow
    }

    pub fn is_reached(&self, func: FuncId) -> bool {
        self.reached_functions[func.index()]
    }

    pub fn is_block_reached(&self, func: FuncId, block: BlockId) -> bool {
        self.reached_blocks[(self.flow.of(func).first_block + block) as usize]
    }

    /// The types of the live registers at a block's entry. The solution must be sealed.
    pub fn entry(&self, func: FuncId, block: BlockId) -> impl ExactSizeIterator<Item = (Reg, Type)> {
        let own = self.flow.of(func);
        let types = &self.entries[own.live_slots(block)];
        own.live_in(block).iter().copied().zip(types.iter().copied())
    }

    fn solve(&mut self) {
        while let Some(func) = self.work.pop_front() {
            self.in_work[func.index()] = false;
            self.running = Some(func);
            let first = self.flow.of(func).first_block;
            let mut block = std::mem::replace(&mut self.last_queued[func.index()], NO_BLOCK);
            while block != NO_BLOCK {
                self.dirty.push(Reverse(block));
                block = self.queued_before[(first + block) as usize];
            }
            while let Some(Reverse(block)) = self.dirty.pop() {
                self.queued[(first + block) as usize] = false;
                self.run_block(func, block);
            }
        }
        self.running = None;
    }

    fn queue(&mut self, func: FuncId, block: BlockId) {
        let number = (self.flow.of(func).first_block + block) as usize;
        if std::mem::replace(&mut self.queued[number], true) {
            return;
        }
        if self.running == Some(func) {
            return self.dirty.push(Reverse(block));
        }
        self.queued_before[number] = std::mem::replace(&mut self.last_queued[func.index()], block);
        if !std::mem::replace(&mut self.in_work[func.index()], true) {
            self.work.push_back(func);
        }
    }

    /// Queues the blocks that have read a place that grew.
    fn wake(&mut self) {
        while let Some(number) = self.places.woken.pop() {
            let func = self.flow.owners[number as usize];
            self.queue(func, number - self.flow.of(func).first_block);
        }
    }

    /// Carries out what growing a place has entailed: merging classes, letting values escape, waking readers.
    ///
    /// One identity's escape entails others', thousands deep; the outermost call works them off one by one.
    #[inline]
    fn propagate(&mut self) {
        if !self.propagating && !self.places.is_settled() {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.propagating = true;
        loop {
            self.places.merge_pending();
            self.wake();
            let Some(id) = self.places.escaping.pop() else { break };
            self.escape_identity(id);
        }
        self.propagating = false;
    }

    fn escape_identity(&mut self, id: IdKind) {
        match id {
            IdKind::Function(func) => {
                if self.places.escapes.functions.get(func.index()) != Some(&false) {
                    return;
                }
                self.places.escapes.functions[func.index()] = true;
                self.reach(func);
                for param in 0..self.program.functions[func.index()].params {
                    self.flow(Place::Param(func, param), Type::ANY);
                }
                let result = self.places.get(Place::Result(func));
                self.places.escape(result);
            }
            IdKind::Struct(def) => {
                if self.places.escapes.structs.get(def.index()) != Some(&false) {
                    return;
                }
                self.places.escapes.structs[def.index()] = true;
                self.places.escaping.push(IdKind::Instance(def));
                for method in &self.program.structs[def.index()].methods {
                    self.places.escaping.push(IdKind::Function(method.func));
                }
            }
            IdKind::Instance(def) => self.escape_instance(def),
            IdKind::Module(module) => {
                if self.places.escapes.modules.get(module.index()) != Some(&false) {
                    return;
                }
                self.places.escapes.modules[module.index()] = true;
                for export in &self.program.modules[module.index()].exports {
                    if let Some(escaped) = self.places.escapes.globals.get_mut(export.global.index()) {
                        *escaped = true;
                        let ty = self.places.get(Place::Global(export.global));
                        self.places.escape(ty);
                    }
                }
            }
            IdKind::Builtin(_) => {}
        }
    }

    /// Unknown code may read and write all fields of an instance and call all its methods, the instance being `self`.
    fn escape_instance(&mut self, def: StructId) {
        if self.places.escapes.instances.get(def.index()) != Some(&false) {
            return;
        }
        self.places.escapes.instances[def.index()] = true;
        self.places.open_fields(def);
        let program = self.program;
        for method in &program.structs[def.index()].methods {
            let Some(function) = program.functions.get(method.func.index()) else { continue };
            self.reach(method.func);
            for param in 0..function.params {
                let ty = if method.takes_self && param == 0 {
                    Type { ids: self.identity(IdKind::Instance(def)), ..Type::of(Tags::INSTANCE) }
                } else {
                    Type::ANY
                };
                self.flow(Place::Param(method.func, param), ty);
            }
            self.places.escapes.results[method.func.index()] = true;
            let result = self.places.get(Place::Result(method.func));
            self.places.escape(result);
        }
    }

    /// Joins `ty` into the entry state of a block of the running function.
    fn join_entry(&mut self, func: FuncId, block: BlockId, slot: usize, ty: Type) {
        let old = self.places.normal(self.entries[slot]);
        if old == ty {
            return;
        }
        if old.is_never() && !ty.is_never() {
            // The first to come: there is nothing to merge.
            self.entries[slot] = ty;
            return self.queue(func, block);
        }
        let new = self.places.join(old, ty);
        self.entries[slot] = new;
        if new.tags != old.tags || new.ids != old.ids {
            self.queue(func, block);
        }
        self.propagate();
    }

    fn enter(&mut self, func: FuncId, block: BlockId) {
        let number = (self.flow.of(func).first_block + block) as usize;
        if !std::mem::replace(&mut self.reached_blocks[number], true) {
            self.queue(func, block);
        }
    }

    fn run_block(&mut self, func: FuncId, block: BlockId) {
        let (program, flow) = (self.program, self.flow);
        let own = flow.of(func);
        let function = &program.functions[func.index()];
        let bounds = own.cfg.blocks[block as usize];
        self.func = func;
        self.block = block;
        self.followed = own.is_followed();
        self.high = 0;
        for (&reg, slot) in own.live_in(block).iter().zip(own.live_slots(block)) {
            let ty = self.places.normal(self.entries[slot]);
            self.registers[reg.index()] = ty;
            self.high = self.high.max(reg.0);
        }
        self.handler = None;
        if let Some((target, error)) = bounds.handler {
            self.enter(func, target);
            let thrown = self.read(Place::Thrown);
            let caught = self.join(thrown, Type::STR);
            for (&reg, slot) in own.live_in(target).iter().zip(own.live_slots(target)) {
                let ty = if reg == error { caught } else { self.registers[reg.index()] };
                self.join_entry(func, target, slot, ty);
            }
            self.handler = Some(target);
        }
        let code = code_of(program, function);
        self.start = function.code.start;
        self.judged = At { func, pc: 0, entered: self.start + bounds.start };
        for pc in bounds.start..bounds.end {
            let op = code[pc as usize];
            self.judged.pc = self.start + pc;
            let fails = self.beyond_failures && certain_failure(self, op).is_some();
            let goes_on = step(self, op) || fails && pass_failure(self, op);
            if !goes_on {
                return;
            }
        }
        if (bounds.end as usize) < code.len() {
            self.go(bounds.end);
        }
    }

    /// Control may go on at a pc of the function, with the registers as they are.
    fn go(&mut self, target: u32) {
        let own = self.flow.of(self.func);
        let Some(&block) = own.cfg.block_of.get(target as usize) else { return };
        self.enter(self.func, block);
        for (&reg, slot) in own.live_in(block).iter().zip(own.live_slots(block)) {
            let ty = self.places.normal(self.registers[reg.index()]);
            self.join_entry(self.func, block, slot, ty);
        }
    }

    /// The type in a place. The solution must be sealed.
    pub fn type_of(&self, place: Place) -> Type {
        self.places.final_type(place)
    }
}

impl TypeEnv for Inference<'_> {
    fn program(&self) -> &Program {
        self.program
    }

    fn index(&self) -> &RuleIndex {
        self.index
    }

    fn at(&self) -> At {
        self.judged
    }

    fn register(&mut self, reg: Reg) -> Type {
        if !self.followed {
            return Type::ANY;
        }
        let ty = self.registers.get(reg.index()).copied().unwrap_or(Type::ANY);
        self.places.normal(ty)
    }

    fn set(&mut self, reg: Reg, ty: Type) {
        if !self.followed {
            return self.escape(ty);
        }
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = ty;
        }
        self.high = self.high.max(reg.0);
        if let Some(target) = self.handler {
            let own = self.flow.of(self.func);
            if let Ok(index) = own.live_in(target).binary_search(&reg) {
                let slot = own.live_slots(target).start + index;
                let error = own.cfg.blocks[self.block as usize].handler.map(|(_, error)| error);
                if error != Some(reg) {
                    self.join_entry(self.func, target, slot, ty);
                }
            }
        }
    }

    fn restore(&mut self, reg: Reg, ty: Type) {
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = ty;
        }
    }

    fn clobber_above(&mut self, base: Reg) {
        if !self.followed {
            return;
        }
        let first = usize::from(base.0).saturating_add(1);
        let end = (usize::from(self.high) + 1).min(self.registers.len());
        if first < end {
            self.registers[first..end].fill(Type::ANY);
        }
        self.high = base.0;
        if let Some(target) = self.handler {
            let own = self.flow.of(self.func);
            let error = own.cfg.blocks[self.block as usize].handler.map(|(_, error)| error);
            let live = own.live_in(target);
            let slots = own.live_slots(target);
            for (&reg, slot) in live.iter().zip(slots).rev().take_while(|&(&reg, _)| reg > base) {
                if error != Some(reg) {
                    self.join_entry(self.func, target, slot, Type::ANY);
                }
            }
        }
    }

    fn edge(&mut self, to: i32) {
        self.go((self.judged.pc - self.start + 1).wrapping_add_signed(to));
    }

    fn read(&mut self, place: Place) -> Type {
        let number = self.flow.of(self.func).first_block + self.block;
        self.places.read(place, number)
    }

    fn flow(&mut self, place: Place, ty: Type) {
        if !self.places.grow(place, ty) {
            return;
        }
        match place {
            Place::Param(func, param) => {
                let own = self.flow.of(func);
                if !own.is_followed() {
                    self.places.escape(ty);
                } else if self.is_reached(func)
                    && let Ok(index) = own.live_in(0).binary_search(&Reg(param))
                {
                    self.join_entry(func, 0, own.live_slots(0).start + index, ty);
                }
            }
            Place::Result(func) => {
                let escapes = &self.places.escapes;
                if escapes.functions[func.index()] || escapes.results[func.index()] {
                    self.places.escape(ty);
                }
            }
            Place::Global(global) if self.places.escapes.globals[global.index()] => self.places.escape(ty),
            _ => {}
        }
        self.propagate();
    }

    fn join(&mut self, a: Type, b: Type) -> Type {
        let ty = self.places.join(a, b);
        self.propagate();
        self.places.normal(ty)
    }

    fn escape(&mut self, ty: Type) {
        self.places.escape(ty);
        self.propagate();
    }

    fn site(&mut self, pc: u32) -> ClassId {
        self.places.site(pc)
    }

    fn reach(&mut self, func: FuncId) {
        if self.reached_functions.get(func.index()) != Some(&false) {
            return;
        }
        self.reached_functions[func.index()] = true;
        let function = &self.program.functions[func.index()];
        let own = self.flow.of(func);
        if own.cfg.is_empty() {
            return;
        }
        if function.kind == FunctionKind::Async {
            self.places.escapes.results[func.index()] = true;
        }
        self.enter(func, 0);
        for (&reg, slot) in own.live_in(0).iter().zip(own.live_slots(0)) {
            let ty = if reg.0 < function.params { self.places.get(Place::Param(func, reg.0)) } else { Type::ANY };
            let ty = self.places.normal(ty);
            self.join_entry(func, 0, slot, ty);
        }
    }

    fn identity(&mut self, kind: IdKind) -> IdSet {
        self.places.sets.singleton(kind)
    }

    #[inline(always)]
    fn member(&self, set: IdSet, index: usize) -> Option<Identity> {
        self.places.sets.members(set).get(index).copied()
    }
}

/// The types a class gives to what its containers hold.
pub fn slot_types(inference: &Inference<'_>, class: ClassId) -> [Type; Slot::COUNT] {
    Slot::ALL.map(|slot| inference.type_of(Place::Slot(class, slot)))
}
