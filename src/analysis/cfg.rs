//! Control-flow graph of one function.
//!
//! A block is a run of instructions that is entered only at its first and left only after its last, but for errors:
//! within a block all instructions have the same innermost handler, so an error edge belongs to a block as a whole. Pcs
//! are counted from the function's first instruction.

use std::ops::Range;

use smallvec::SmallVec;

use crate::bytecode::flow::{jump_target, leaders};
use crate::bytecode::graph::{Adjacency, Graph};
use crate::bytecode::liveness::Blocks;
use crate::bytecode::op::access::Edge;
use crate::bytecode::{Function, Op, Reg};

/// Longer runs are cut. Inference runs a block again whenever something it has read grows, so a straight run of
/// 20,000 calls must not be one block.
const MAX_BLOCK: u32 = 64;

/// Runs longer than this are cut behind a call: its result is what inference waits for most often, and little is alive
/// there.
const MAX_CALLING_BLOCK: u32 = 24;

/// Index of a block in its function, in code order. Block 0 is the entry.
pub type BlockId = u32;

/// A run of instructions `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    pub start: u32,
    pub end: u32,
    /// Where errors raised in the block go on: the handler's block, and the register that receives the error. `None` if
    /// they leave the function, or if nothing in the block can throw.
    pub handler: Option<(BlockId, Reg)>,
}

/// Blocks and edges of a function.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cfg {
    pub blocks: Vec<Block>,
    /// For each pc, its block.
    pub block_of: Vec<BlockId>,
    succs: Adjacency<BlockId>,
    preds: Adjacency<BlockId>,
}

impl Graph for Cfg {
    type Node = BlockId;

    fn len(&self) -> usize {
        self.blocks.len()
    }

    fn successors(&self, block: BlockId) -> impl Iterator<Item = BlockId> {
        self.succs(block).iter().copied()
    }
}

impl Blocks for Cfg {
    fn instructions(&self, block: BlockId) -> Range<usize> {
        let block = &self.blocks[block as usize];
        block.start as usize..block.end as usize
    }

    fn edges(&self, block: BlockId, code: &[Op]) -> impl Iterator<Item = (BlockId, Edge)> {
        let last = self.blocks[block as usize].end - 1;
        let op = &code[last as usize];
        let next =
            (!op.effects().ends && block + 1 < self.blocks.len() as u32).then_some((block + 1, Edge::FallThrough));
        let target = jump_target(op, last, code.len() as u32);
        [next, target.map(|target| (self.block_of[target as usize], Edge::Taken))].into_iter().flatten()
    }

    fn handler(&self, block: BlockId) -> Option<(BlockId, Reg)> {
        self.blocks[block as usize].handler
    }
}

impl Cfg {
    /// Builds the graph of `function`, whose instructions are `code`.
    pub fn new(function: &Function, code: &[Op]) -> Cfg {
        let len = code.len() as u32;
        let leader = leaders(function, code);
        let mut blocks: Vec<Block> = Vec::new();
        let mut block_of = Vec::with_capacity(code.len());
        for pc in 0..len {
            let full = blocks.last().is_some_and(|block| {
                let len = pc - block.start;
                len >= MAX_BLOCK || len >= MAX_CALLING_BLOCK && code[pc as usize - 1].effects().calls
            });
            if leader[pc as usize] || full {
                blocks.push(Block { start: pc, end: pc, handler: None });
            }
            block_of.push(blocks.len() as u32 - 1);
            let last = blocks.len() - 1;
            blocks[last].end = pc + 1;
        }
        let mut cfg = Cfg { blocks, block_of, ..Cfg::default() };
        cfg.assign_handlers(function, code);
        cfg.connect(code);
        cfg
    }

    /// Where control may go from a block; the handler's block comes last.
    pub fn succs(&self, block: BlockId) -> &[BlockId] {
        self.succs.of(block)
    }

    pub fn predecessors(&self) -> &Adjacency<BlockId> {
        &self.preds
    }

    pub fn preds(&self, block: BlockId) -> &[BlockId] {
        self.preds.of(block)
    }

    /// Whether an edge leads to where it comes from or before: without one there is no cycle.
    pub fn goes_back(&self) -> bool {
        (0..self.blocks.len() as u32).any(|block| self.succs(block).iter().any(|&succ| succ <= block))
    }

    /// Handlers come innermost first, so the first that covers a block owns it. Blocks already owned are skipped by
    /// a forest of "next free block" links, which keeps thousands of nested handlers linear.
    fn assign_handlers(&mut self, function: &Function, code: &[Op]) {
        if function.handlers.is_empty() {
            return;
        }
        let count = self.blocks.len();
        let mut next: Vec<u32> = (0..=count as u32).collect();
        fn find(next: &mut [u32], mut current: u32) -> u32 {
            while next[current as usize] != current {
                next[current as usize] = next[next[current as usize] as usize];
                current = next[current as usize];
            }
            current
        }
        for handler in &function.handlers {
            let (Some(&first), Some(&target)) =
                (self.block_of.get(handler.start as usize), self.block_of.get(handler.target as usize))
            else {
                continue;
            };
            let mut current = find(&mut next, first);
            while (current as usize) < count && self.blocks[current as usize].start < handler.end {
                let block = &mut self.blocks[current as usize];
                if code[block.start as usize..block.end as usize].iter().any(|op| op.effects().throws) {
                    block.handler = Some((target, handler.error));
                }
                next[current as usize] = current + 1;
                current = find(&mut next, current);
            }
        }
    }

    fn connect(&mut self, code: &[Op]) {
        let mut succs = Adjacency::default();
        for index in 0..self.blocks.len() as u32 {
            // Two edges at most and the handler: nearly always there is one.
            let mut own = SmallVec::<[BlockId; 3]>::new();
            let handler = self.handler(index).map(|(target, _)| target);
            for succ in self.edges(index, code).map(|(succ, _)| succ).chain(handler) {
                if !own.contains(&succ) {
                    own.push(succ);
                }
            }
            succs.push(own);
        }
        self.succs = succs;
        self.preds = Adjacency::predecessors(self, 0..self.blocks.len() as u32);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bytecode::graph::reverse_postorder;
    use crate::bytecode::*;

    pub(crate) fn function(registers: u16, params: u16, handlers: Vec<Handler>) -> Function {
        Function {
            name: StrId(0),
            kind: FunctionKind::Plain,
            module: ModuleId(0),
            params,
            required: params,
            registers,
            code: Run::default(),
            sites: Run::default(),
            captures: Vec::new(),
            handlers,
        }
    }

    #[test]
    fn diamond() {
        let code = [
            Op::JumpIfNot { a: Reg(0), to: 2 },
            Op::LoadInt { dst: Reg(1), value: 1 },
            Op::Jump { to: 1 },
            Op::LoadInt { dst: Reg(1), value: 2 },
            Op::Return { src: Reg(1) },
        ];
        let cfg = Cfg::new(&function(2, 1, vec![]), &code);
        assert_eq!(cfg.blocks.iter().map(|b| (b.start, b.end)).collect::<Vec<_>>(), [(0, 1), (1, 3), (3, 4), (4, 5)]);
        assert_eq!(cfg.succs(0), [1, 2]);
        assert_eq!(cfg.succs(1), [3]);
        assert_eq!(cfg.preds(3), [1, 2]);
        assert_eq!(reverse_postorder(&cfg), [0, 2, 1, 3]);
    }

    #[test]
    fn long_runs_are_cut() {
        let mut code = vec![Op::LoadVoid { dst: Reg(0) }; 1000];
        code.push(Op::ReturnVoid {});
        let cfg = Cfg::new(&function(1, 0, vec![]), &code);
        assert!(cfg.blocks.iter().all(|block| block.end - block.start <= MAX_BLOCK));
        assert_eq!(cfg.succs(3), [4]);
        assert_eq!(reverse_postorder(&cfg).len(), cfg.len());
    }

    #[test]
    fn innermost_handler_owns_a_block_and_only_blocks_that_throw_have_one() {
        let code = [
            Op::Add { dst: Reg(0), a: Reg(0), b: Reg(0) },
            Op::Throw { src: Reg(0) },
            Op::Move { dst: Reg(0), src: Reg(1) },
            Op::ReturnVoid {},
            Op::ReturnVoid {},
        ];
        let handlers = vec![
            Handler { start: 1, end: 2, target: 3, error: Reg(1) },
            Handler { start: 0, end: 3, target: 4, error: Reg(2) },
        ];
        let cfg = Cfg::new(&function(3, 1, handlers), &code);
        let owner = |pc: usize| cfg.blocks[cfg.block_of[pc] as usize].handler;
        assert_eq!(owner(0), Some((cfg.block_of[4], Reg(2))));
        assert_eq!(owner(1), Some((cfg.block_of[3], Reg(1))));
        assert_eq!(owner(2), None, "a move cannot throw");
        assert_eq!(cfg.succs(cfg.block_of[1]), [cfg.block_of[3]]);
    }
}
