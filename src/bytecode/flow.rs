//! Control flow of one function: basic blocks, reverse postorder, natural loops, liveness.
//!
//! Computed from the code itself, when a loop gets hot or memory gets short; what the file says about loops is a hint that is not needed here. Pcs are
//! counted from the function's first instruction.
//!
//! # Liveness
//! A register is live at a pc if some path from there reads it before writing it. A path may lead into a handler from any instruction the handler
//! covers. The jumps that drive loops write registers on one of their two ways only, so they kill on edges.
//!
//! # Throws
//! A `throw` that a handler of its own function covers is a jump there, which writes the error's register. Errors of other instructions are no edges that
//! native code takes: it leaves before those, and the interpreter goes to the handler. They count in finding loops, though: a loop may come round by its
//! handler only, and may stand in a handler. Native code of the former is entered anew after each error.

use super::op::access::Edge;
use super::{Function, Op, Program, Reg};

/// A block of a [`Flow`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BlockId(pub u32);

/// A loop of a [`Flow`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LoopIndex(pub u32);

/// Instructions `start..end` that run one after another.
#[derive(Debug)]
pub struct Block {
    pub start: u32,
    pub end: u32,
    /// Where the last instruction's jump leads.
    pub taken: Option<BlockId>,
    /// The block that follows, unless the last instruction ends control.
    pub next: Option<BlockId>,
    /// If the last instruction throws to a handler, where `taken` leads: the register that gets the error.
    pub caught: Option<Reg>,
    /// The handler that errors of this block's instructions go to.
    handler: Option<BlockId>,
    pub innermost: Option<LoopIndex>,
    live_in: RegSet,
    /// Registers that handlers covering this block read.
    handler_live: RegSet,
}

/// A natural loop.
#[derive(Debug)]
pub struct Loop {
    pub header: BlockId,
    pub blocks: Vec<BlockId>,
    pub parent: Option<LoopIndex>,
    /// Registers that some instruction of the loop writes or leaves undefined on the ways that native code takes.
    pub written: RegSet,
    /// The `base` of the `ForLoop` that is the only back edge on these ways, if it is one.
    pub counted: Option<Reg>,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Flow {
    /// Position of the function's first instruction in the program's code.
    pub start: u32,
    pub blocks: Vec<Block>,
    /// Reachable blocks, each after its predecessors but for back edges.
    pub order: Vec<BlockId>,
    pub loops: Vec<Loop>,
    registers: u16,
}

/// Control flow that no structured program has.
#[derive(Debug, PartialEq, Eq)]
pub struct Irreducible;

/// A set of registers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegSet(Vec<u64>);

impl RegSet {
    fn with_room(registers: u16) -> Self {
        RegSet(vec![0; usize::from(registers).div_ceil(64)])
    }

    pub fn contains(&self, reg: Reg) -> bool {
        self.0.get(reg.index() / 64).is_some_and(|word| word >> (reg.index() % 64) & 1 == 1)
    }

    /// Adds a register.
    pub fn insert(&mut self, reg: Reg) {
        self.make_room(reg.index() / 64 + 1);
        self.0[reg.index() / 64] |= 1 << (reg.index() % 64);
    }

    fn make_room(&mut self, words: usize) {
        if self.0.len() < words {
            self.0.resize(words, 0);
        }
    }

    fn remove(&mut self, reg: Reg) {
        self.0[reg.index() / 64] &= !(1 << (reg.index() % 64));
    }

    /// Adds the registers from a number up to the frame's last.
    pub fn add_from(&mut self, first: u16, registers: u16) {
        (first..registers).for_each(|reg| self.insert(Reg(reg)));
    }

    /// Adds all of `other`; whether that changed anything.
    pub fn add(&mut self, other: &RegSet) -> bool {
        self.make_room(other.0.len());
        let mut changed = false;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            changed |= *more & !*word != 0;
            *word |= more;
        }
        changed
    }

    pub fn iter(&self) -> impl Iterator<Item = Reg> + '_ {
        (0..self.0.len() * 64).map(|index| Reg(index as u16)).filter(|reg| self.contains(*reg))
    }
}

impl Flow {
    /// Analyses a function of the program.
    pub fn of(program: &Program, function: &Function) -> Result<Flow, Irreducible> {
        let code = &program.code[function.code.range()];
        let mut flow = Flow {
            start: function.code.start,
            blocks: Vec::new(),
            order: Vec::new(),
            loops: Vec::new(),
            registers: function.registers,
        };
        flow.find_blocks(code, function);
        flow.find_order();
        let dominators = flow.dominators();
        flow.find_loops(program, code, &dominators)?;
        flow.find_live(program, code, function);
        Ok(flow)
    }

    /// How many registers the function's frame has.
    pub fn registers(&self) -> u16 {
        self.registers
    }

    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    pub fn loop_at(&self, index: LoopIndex) -> &Loop {
        &self.loops[index.0 as usize]
    }

    /// The block that starts at a pc.
    pub fn block_at(&self, pc: u32) -> Option<BlockId> {
        self.blocks.binary_search_by_key(&pc, |block| block.start).ok().map(|index| BlockId(index as u32))
    }

    /// The block that a pc lies in.
    pub fn block_around(&self, pc: u32) -> Option<BlockId> {
        let index = self.blocks.partition_point(|block| block.start <= pc).checked_sub(1)?;
        (pc < self.blocks[index].end).then_some(BlockId(index as u32))
    }

    /// The loop whose header starts at a pc.
    pub fn loop_with_header(&self, pc: u32) -> Option<LoopIndex> {
        let header = self.block_at(pc)?;
        self.loops.iter().position(|l| l.header == header).map(|index| LoopIndex(index as u32))
    }

    pub fn loop_contains(&self, index: LoopIndex, block: BlockId) -> bool {
        self.loop_at(index).blocks.binary_search(&block).is_ok()
    }

    /// From a loop's first instruction to its last.
    pub fn instructions(&self, index: LoopIndex) -> u32 {
        let blocks = self.loop_at(index).blocks.iter().map(|&id| self.block(id));
        let (first, last) =
            blocks.fold((u32::MAX, 0), |(first, last), block| (first.min(block.start), last.max(block.end)));
        last.saturating_sub(first)
    }

    fn find_blocks(&mut self, code: &[Op], function: &Function) {
        let mut leader = vec![false; code.len() + 1];
        leader[0] = true;
        let target = |pc: usize, offset: i32| (pc as i64 + 1 + i64::from(offset)) as usize;
        for (pc, op) in code.iter().enumerate() {
            if let Some(offset) = op.jump_offset() {
                leader[target(pc, offset)] = true;
                leader[pc + 1] = true;
            }
            if op.effects().ends {
                leader[pc + 1] = true;
            }
        }
        for handler in &function.handlers {
            for pc in [handler.start, handler.end, handler.target] {
                leader[pc as usize] = true;
            }
        }
        let starts: Vec<usize> = (0..code.len()).filter(|&pc| leader[pc]).collect();
        let block_of = |pc: usize| starts.binary_search(&pc).ok().map(|index| BlockId(index as u32));
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(code.len());
            let last = &code[end - 1];
            let handler = function.handler_at(end as u32 - 1).filter(|_| matches!(last, Op::Throw { .. }));
            let jump = last.jump_offset().map(|offset| target(end - 1, offset));
            let covering = function.handler_at(start as u32).and_then(|handler| block_of(handler.target as usize));
            self.blocks.push(Block {
                start: start as u32,
                end: end as u32,
                taken: jump.or(handler.map(|handler| handler.target as usize)).and_then(block_of),
                caught: handler.map(|handler| handler.error),
                handler: covering,
                next: if last.effects().ends { None } else { block_of(end) },
                innermost: None,
                live_in: RegSet::with_room(self.registers),
                handler_live: RegSet::with_room(self.registers),
            });
        }
    }

    /// Where native code goes on after a block: the following one, then the jump's target.
    fn successors(&self, id: BlockId) -> impl Iterator<Item = BlockId> {
        let block = self.block(id);
        block.next.into_iter().chain(block.taken)
    }

    fn find_order(&mut self) {
        let mut seen = vec![false; self.blocks.len()];
        let mut postorder = Vec::new();
        // Entries: block, and which of its successors comes next.
        let mut stack = vec![(BlockId(0), 0)];
        seen[0] = true;
        while let Some((block, nth)) = stack.pop() {
            // The jump's target before what follows: code that follows in the text then comes first in reverse postorder.
            let successors = [self.block(block).handler, self.block(block).taken, self.block(block).next];
            match successors.get(nth) {
                None => postorder.push(block),
                Some(successor) => {
                    stack.push((block, nth + 1));
                    if let Some(successor) = *successor
                        && !std::mem::replace(&mut seen[successor.0 as usize], true)
                    {
                        stack.push((successor, 0));
                    }
                }
            }
        }
        postorder.reverse();
        self.order = postorder;
    }

    /// Immediate dominators, by position in the order (Cooper, Harvey, Kennedy).
    fn dominators(&self) -> Dominators {
        let mut position = vec![usize::MAX; self.blocks.len()];
        for (at, block) in self.order.iter().enumerate() {
            position[block.0 as usize] = at;
        }
        let mut predecessors = vec![Vec::new(); self.order.len()];
        for (at, block) in self.order.iter().enumerate() {
            for successor in self.successors(*block).chain(self.block(*block).handler) {
                predecessors[position[successor.0 as usize]].push(at);
            }
        }
        let mut idom = vec![usize::MAX; self.order.len()];
        idom[0] = 0;
        loop {
            let mut changed = false;
            for at in 1..self.order.len() {
                let mut new = usize::MAX;
                for &p in predecessors[at].iter().filter(|&&p| idom[p] != usize::MAX) {
                    new = if new == usize::MAX { p } else { intersect(&idom, p, new) };
                }
                changed |= std::mem::replace(&mut idom[at], new) != new;
            }
            if !changed {
                return Dominators { position, predecessors, idom };
            }
        }
    }

    fn find_loops(&mut self, program: &Program, code: &[Op], dominators: &Dominators) -> Result<(), Irreducible> {
        let Dominators { predecessors, .. } = dominators;
        for header in 0..self.order.len() {
            let latches: Vec<usize> = predecessors[header].iter().copied().filter(|&p| p >= header).collect();
            if latches.is_empty() {
                continue;
            }
            if latches.iter().any(|&latch| !dominators.dominates(header, latch)) {
                return Err(Irreducible);
            }
            let mut inside = vec![false; self.order.len()];
            inside[header] = true;
            let mut work = latches.clone();
            while let Some(at) = work.pop() {
                if !std::mem::replace(&mut inside[at], true) {
                    work.extend(&predecessors[at]);
                }
            }
            let mut blocks: Vec<BlockId> =
                (0..inside.len()).filter(|&at| inside[at]).map(|at| self.order[at]).collect();
            blocks.sort_by_key(|block| block.0);
            let natively = self.reached_within(self.order[header], &blocks);
            let mut written = RegSet::with_room(self.registers);
            for &id in &natively {
                let block = self.block(id);
                for op in &code[block.start as usize..block.end as usize] {
                    if let Some(base) = op.for_each_written(program, |reg| written.insert(reg)) {
                        written.add_from(base.0.saturating_add(1), self.registers);
                    }
                }
                block.caught.into_iter().for_each(|reg| written.insert(reg));
            }
            let mut native_latches =
                natively.iter().filter(|id| self.successors(**id).any(|successor| successor == self.order[header]));
            let counted = match (native_latches.next(), native_latches.next()) {
                (Some(latch), None) => match code[self.block(*latch).end as usize - 1] {
                    Op::ForLoop { base, .. } => Some(base),
                    _ => None,
                },
                _ => None,
            };
            let index = LoopIndex(self.loops.len() as u32);
            // Headers come in order, so an outer loop is found before the loops in it.
            let parent = self.block(self.order[header]).innermost;
            for &block in &blocks {
                self.blocks[block.0 as usize].innermost = Some(index);
            }
            self.loops.push(Loop { header: self.order[header], blocks, parent, written, counted });
        }
        // An edge backwards in the order that no loop owns would be irreducible; it was refused above.
        Ok(())
    }

    /// The blocks of a loop that native code comes to from its header; `blocks` are sorted.
    fn reached_within(&self, header: BlockId, blocks: &[BlockId]) -> Vec<BlockId> {
        let mut reached = vec![false; blocks.len()];
        let mut work = vec![header];
        while let Some(id) = work.pop() {
            if let Ok(at) = blocks.binary_search(&id)
                && !std::mem::replace(&mut reached[at], true)
            {
                work.extend(self.successors(id));
            }
        }
        blocks.iter().zip(reached).filter(|(_, reached)| *reached).map(|(id, _)| *id).collect()
    }

    fn find_live(&mut self, program: &Program, code: &[Op], function: &Function) {
        loop {
            let mut changed = false;
            for index in (0..self.blocks.len()).rev() {
                let (start, end) = (self.blocks[index].start, self.blocks[index].end);
                let mut handled = RegSet::with_room(self.registers);
                for handler in function.handlers.iter().filter(|handler| handler.start <= start && start < handler.end)
                {
                    if let Some(target) = self.block_at(handler.target) {
                        let mut live = self.block(target).live_in.clone();
                        live.remove(handler.error);
                        handled.add(&live);
                    }
                }
                changed |= self.blocks[index].handler_live.add(&handled);
                let mut live = self.live_after(program, BlockId(index as u32), code);
                for op in code[start as usize..end as usize].iter().rev() {
                    self.step_back(program, op, &mut live);
                    live.add(&handled);
                }
                changed |= self.blocks[index].live_in.add(&live);
            }
            if !changed {
                return;
            }
        }
    }

    fn live_after(&self, program: &Program, id: BlockId, code: &[Op]) -> RegSet {
        let block = self.block(id);
        let op = &code[block.end as usize - 1];
        let mut live = RegSet::with_room(self.registers);
        for (target, edge) in [(block.next, Edge::FallThrough), (block.taken, Edge::Taken)] {
            if let Some(target) = target {
                if let Some(error) = block.caught {
                    let mut into = self.block(target).live_in.clone();
                    into.remove(error);
                    live.add(&into);
                    continue;
                }
                let mut into = self.block(target).live_in.clone();
                op.writes_on(program, edge).into_iter().for_each(|reg| into.remove(reg));
                live.add(&into);
            }
        }
        live
    }

    fn step_back(&self, program: &Program, op: &Op, live: &mut RegSet) {
        let accesses = op.accesses(program);
        accesses.writes.into_iter().for_each(|reg| live.remove(reg));
        accesses.clobbers_from.map_or(0..0, |from| from..self.registers).for_each(|reg| live.remove(Reg(reg)));
        accesses.reads.into_iter().for_each(|reg| live.insert(reg));
    }

    /// Registers live when a block starts.
    pub fn live_in(&self, id: BlockId) -> &RegSet {
        &self.block(id).live_in
    }

    /// For each instruction of a block the registers live before it; and after the last one on top.
    pub fn live_before_each(&self, program: &Program, id: BlockId) -> Vec<RegSet> {
        let block = self.block(id);
        let code = &program.code[self.start as usize..];
        let mut live = self.live_after(program, id, code);
        live.add(&block.handler_live);
        let mut sets = vec![live.clone()];
        for op in code[block.start as usize..block.end as usize].iter().rev() {
            self.step_back(program, op, &mut live);
            live.add(&block.handler_live);
            sets.push(live.clone());
        }
        sets.reverse();
        sets
    }
}

struct Dominators {
    position: Vec<usize>,
    predecessors: Vec<Vec<usize>>,
    idom: Vec<usize>,
}

impl Dominators {
    fn dominates(&self, a: usize, b: usize) -> bool {
        debug_assert_eq!(self.position.iter().filter(|&&at| at == a).count(), 1);
        let mut at = b;
        while at > a {
            at = self.idom[at];
        }
        at == a
    }
}

fn intersect(idom: &[usize], mut a: usize, mut b: usize) -> usize {
    while a != b {
        while a > b {
            a = idom[a];
        }
        while b > a {
            b = idom[b];
        }
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::{ConstId, FuncId, FunctionKind, ModuleId, Run, ShortConst, StrId};

    fn program(code: Vec<Op>) -> Program {
        let function = Function {
            name: StrId(0),
            kind: FunctionKind::Plain,
            module: ModuleId(0),
            params: 0,
            required: 0,
            registers: 8,
            code: Run { start: 0, len: code.len() as u32 },
            sites: Run::default(),
            captures: Vec::new(),
            handlers: Vec::new(),
        };
        let _ = (ConstId(0), FuncId(0), ShortConst(0));
        Program { code, functions: vec![function], ..Program::default() }
    }

    #[test]
    fn a_counted_loop() {
        let program = program(vec![
            Op::LoadInt { dst: Reg(0), value: 0 },
            Op::LoadInt { dst: Reg(1), value: 0 },
            Op::LoadInt { dst: Reg(2), value: 9 },
            Op::ForPrep { base: Reg(1), exit: 2 },
            Op::Add { dst: Reg(0), a: Reg(0), b: Reg(3) },
            Op::ForLoop { base: Reg(1), back: -2 },
            Op::Return { src: Reg(0) },
        ]);
        let flow = Flow::of(&program, &program.functions[0]).unwrap();
        assert_eq!(flow.loops.len(), 1);
        let inner = &flow.loops[0];
        assert_eq!(inner.counted, Some(Reg(1)));
        let header = flow.block(inner.header);
        assert_eq!((header.start, header.end), (4, 6));
        let live: Vec<u16> = flow.live_in(inner.header).iter().map(|reg| reg.0).collect();
        // The counter, its end, the sum and the variable.
        assert_eq!(live, [0, 1, 2, 3]);
        let written: Vec<u16> = inner.written.iter().map(|reg| reg.0).collect();
        assert_eq!(written, [0, 1, 3]);
        assert!(flow.live_in(BlockId(0)).iter().next().is_none());
    }

    #[test]
    fn a_jump_into_a_loop_is_irreducible() {
        let program = program(vec![
            Op::JumpIf { a: Reg(0), to: 1 },
            Op::LoadVoid { dst: Reg(1) },
            Op::LoadVoid { dst: Reg(2) },
            Op::JumpIf { a: Reg(0), to: -3 },
            Op::ReturnVoid {},
        ]);
        assert_eq!(Flow::of(&program, &program.functions[0]).err(), Some(Irreducible));
    }
}
