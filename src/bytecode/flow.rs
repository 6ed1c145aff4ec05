//! Control flow of one function: basic blocks, reverse postorder, natural loops, liveness. See [`graph`] and
//! [`super::liveness`].
//!
//! Computed from the code itself, when a loop gets hot or memory gets short; what the file says about loops is a hint
//! that is not needed here. Pcs are counted from the function's first instruction.
//!
//! # Throws
//! A `throw` that a handler of its own function covers is a jump there, which writes the error's register. Errors of
//! other instructions lead to the handler from within their block: native code goes there itself where it has a value
//! that was thrown, as from an inlined or a called function, and otherwise leaves before the instruction, so that the
//! interpreter goes there. A loop's back edge may lead through its handler only, and a loop may stand in a handler.

use std::ops::Range;

use super::graph::{self, Adjacency, Dominators, Graph, Loops};
pub use super::liveness::RegSet;
use super::liveness::{Blocks, Liveness};
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
    /// The handler that errors of this block's instructions go to, and the register that receives them.
    handler: Option<(BlockId, Reg)>,
    pub innermost: Option<LoopIndex>,
    live_in: RegSet,
}

/// A natural loop.
#[derive(Debug)]
pub struct Loop {
    pub header: BlockId,
    pub blocks: Vec<BlockId>,
    pub parent: Option<LoopIndex>,
    /// Registers that some instruction of the loop writes or leaves undefined, or that receives an error.
    pub written: RegSet,
    /// The `base` of the `ForLoop` that is the only back edge, if it is one.
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
    liveness: Liveness,
}

/// Control flow that no structured program has.
#[derive(Debug, PartialEq, Eq)]
pub struct Irreducible;

impl graph::Node for BlockId {
    fn new(index: usize) -> Self {
        BlockId(index as u32)
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Graph for Flow {
    type Node = BlockId;

    fn len(&self) -> usize {
        self.blocks.len()
    }

    /// The jump's target before what follows: code that follows in the text then comes first in reverse postorder.
    fn successors(&self, id: BlockId) -> impl Iterator<Item = BlockId> {
        let block = self.block(id);
        [block.handler.map(|(target, _)| target), block.taken, block.next].into_iter().flatten()
    }
}

impl Blocks for Flow {
    fn instructions(&self, id: BlockId) -> Range<usize> {
        let block = self.block(id);
        block.start as usize..block.end as usize
    }

    /// A `throw` to a handler is no edge here, as errors of any instruction get there.
    fn edges(&self, id: BlockId, _: &[Op]) -> impl Iterator<Item = (BlockId, Edge)> {
        let block = self.block(id);
        let next = block.next.map(|next| (next, Edge::FallThrough));
        let taken = block.taken.filter(|_| block.caught.is_none()).map(|taken| (taken, Edge::Taken));
        [next, taken].into_iter().flatten()
    }

    fn handler(&self, id: BlockId) -> Option<(BlockId, Reg)> {
        self.block(id).handler
    }
}

/// The positions in `code` at which blocks start, and one past its end: what jumps lead to and what follows them, and
/// where handlers begin and end.
pub fn leaders(function: &Function, code: &[Op]) -> Vec<bool> {
    let mut leader = vec![false; code.len() + 1];
    leader[0] = true;
    for (pc, op) in code.iter().enumerate() {
        let target = jump_target(op, pc as u32, code.len() as u32);
        if let Some(target) = target {
            leader[target as usize] = true;
        }
        if target.is_some() || op.effects().ends {
            leader[pc + 1] = true;
        }
    }
    for handler in &function.handlers {
        for pc in [handler.start, handler.end, handler.target] {
            if let Some(leader) = leader.get_mut(pc as usize) {
                *leader = true;
            }
        }
    }
    leader
}

/// The target of the jump at `pc`, if `op` is one and stays within the function, which has `len` instructions.
pub fn jump_target(op: &Op, pc: u32, len: u32) -> Option<u32> {
    let target = i64::from(pc) + 1 + i64::from(op.jump_offset()?);
    (0..i64::from(len)).contains(&target).then_some(target as u32)
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
            liveness: Liveness::default(),
        };
        flow.find_blocks(code, function);
        flow.order = graph::reverse_postorder(&flow);
        let predecessors = Adjacency::predecessors(&flow, flow.order.iter().copied());
        let dominators = Dominators::new(&flow.order, &predecessors);
        flow.find_loops(program, code, Loops::find(&predecessors, &dominators))?;
        flow.find_live(program, code);
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
        let leader = leaders(function, code);
        let starts: Vec<usize> = (0..code.len()).filter(|&pc| leader[pc]).collect();
        let block_of = |pc: usize| starts.binary_search(&pc).ok().map(|index| BlockId(index as u32));
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(code.len());
            let last = &code[end - 1];
            let handler = function.handler_at(end as u32 - 1).filter(|_| matches!(last, Op::Throw { .. }));
            let jump = jump_target(last, end as u32 - 1, code.len() as u32);
            let covering = function.handler_at(start as u32);
            self.blocks.push(Block {
                start: start as u32,
                end: end as u32,
                taken: jump.or(handler.map(|handler| handler.target)).and_then(|pc| block_of(pc as usize)),
                caught: handler.map(|handler| handler.error),
                handler: covering.and_then(|handler| Some((block_of(handler.target as usize)?, handler.error))),
                next: if last.effects().ends { None } else { block_of(end) },
                innermost: None,
                live_in: RegSet::default(),
            });
        }
    }

    fn find_loops(&mut self, program: &Program, code: &[Op], found: Loops<BlockId>) -> Result<(), Irreducible> {
        if !found.irreducible.is_empty() {
            return Err(Irreducible);
        }
        let number = |index: Option<usize>| index.map(|index| LoopIndex(index as u32));
        for (block, innermost) in self.blocks.iter_mut().zip(&found.innermost) {
            block.innermost = number(*innermost);
        }
        for natural in found.natural {
            let mut blocks = natural.nodes;
            blocks.sort_unstable();
            let mut written = RegSet::with_room(self.registers);
            for &id in &blocks {
                let block = self.block(id);
                for op in &code[block.start as usize..block.end as usize] {
                    if let Some(base) = op.for_each_written(program, |reg| written.insert(reg)) {
                        written.add_from(base.0.saturating_add(1), self.registers);
                    }
                }
                block.handler.iter().for_each(|(_, error)| written.insert(*error));
            }
            let mut latches =
                blocks.iter().filter(|id| self.successors(**id).any(|successor| successor == natural.header));
            let counted = match (latches.next(), latches.next()) {
                (Some(latch), None) => match code[self.block(*latch).end as usize - 1] {
                    Op::ForLoop { base, .. } => Some(base),
                    _ => None,
                },
                _ => None,
            };
            let parent = number(natural.parent);
            self.loops.push(Loop { header: natural.header, blocks, parent, written, counted });
        }
        Ok(())
    }

    fn find_live(&mut self, program: &Program, code: &[Op]) {
        let predecessors = Adjacency::predecessors(self, (0..self.blocks.len() as u32).map(BlockId));
        let live = Liveness::new(program, self, &predecessors, code, self.registers, usize::MAX);
        self.liveness = live.expect("any size is within the limit");
        for index in 0..self.blocks.len() {
            self.blocks[index].live_in = self.liveness.set_of(BlockId(index as u32));
        }
    }

    /// Where errors of the instruction at a pc go, and the register that receives them.
    pub fn handler_at(&self, pc: u32) -> Option<(BlockId, Reg)> {
        self.block(self.block_around(pc)?).handler
    }

    /// Registers live when a block starts.
    pub fn live_in(&self, id: BlockId) -> &RegSet {
        &self.block(id).live_in
    }

    /// For each instruction of a block the registers live before it; and after the last one on top.
    pub fn live_before_each(&self, program: &Program, id: BlockId) -> Vec<RegSet> {
        self.liveness.before_each(program, self, id, &program.code[self.start as usize..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::Run;

    fn program(code: Vec<Op>) -> Program {
        let code_run = Run { start: 0, len: code.len() as u32 };
        let function = Function { registers: 8, code: code_run, ..Function::empty() };
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
