//! Control flow of a region: predecessors, dominators, loops ([`graph`]).
//!
//! The order of a region is topological but for edges back to headers, and its loops are known from the builder.

use crate::bytecode::graph::{self, Adjacency, Dominators, Graph};
use crate::jit::ir::{BlockId, MemSet, Region};

/// A loop of the region as a set of blocks.
#[derive(Debug)]
pub struct LoopBlocks {
    /// Index into [`Region::loops`].
    pub index: usize,
    /// All blocks, those of inner loops included, in the region's order.
    pub blocks: Vec<BlockId>,
    /// Blocks that jump back to the header.
    pub latches: Vec<BlockId>,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Cfg {
    preds: Adjacency<BlockId>,
    dominators: Dominators<BlockId>,
    innermost: Vec<Option<usize>>,
    /// Loops with an edge back to their header, outer before inner.
    pub loops: Vec<LoopBlocks>,
    parents: Vec<Option<usize>>,
}

impl graph::Node for BlockId {
    fn new(index: usize) -> Self {
        BlockId(index as u32)
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Graph for Region {
    type Node = BlockId;

    fn len(&self) -> usize {
        self.blocks.len()
    }

    fn successors(&self, block: BlockId) -> impl Iterator<Item = BlockId> {
        self.block(block).end.successors()
    }
}

impl Cfg {
    pub fn of(region: &Region) -> Cfg {
        let preds = Adjacency::predecessors(region, region.order.iter().copied());
        let dominators = Dominators::new(&region.order, &preds);
        let found = graph::Loops::find(&preds, &dominators);
        // The region's numbers of the loops that were found.
        let index_of = |header| region.loops.iter().position(|region_loop| region_loop.header == header);
        let indices: Vec<Option<usize>> = found.natural.iter().map(|natural| index_of(natural.header)).collect();
        let mut parents = vec![None; region.loops.len()];
        let mut loops = Vec::new();
        for (natural, index) in found.natural.into_iter().zip(&indices) {
            let Some(index) = *index else { continue };
            parents[index] = natural.parent.and_then(|parent| indices[parent]);
            loops.push(LoopBlocks { index, blocks: natural.nodes, latches: natural.latches });
        }
        loops.sort_by_key(|blocks| blocks.index);
        let innermost = found.innermost.iter().map(|natural| natural.and_then(|natural| indices[natural])).collect();
        Cfg { preds, dominators, innermost, loops, parents }
    }

    pub fn preds(&self, block: BlockId) -> &[BlockId] {
        self.preds.of(block)
    }

    pub fn only_pred(&self, block: BlockId) -> Option<BlockId> {
        match self.preds(block) {
            [pred] => Some(*pred),
            _ => None,
        }
    }

    /// Whether the first block stands before the second in the region's order.
    pub fn is_before(&self, a: BlockId, b: BlockId) -> bool {
        self.dominators.places().is_before(a, b)
    }

    /// The immediate dominator.
    pub fn idom(&self, block: BlockId) -> Option<BlockId> {
        self.dominators.immediate(block)
    }

    /// The last block on all paths to both.
    pub fn common_dominator(&self, a: BlockId, b: BlockId) -> BlockId {
        self.dominators.common(a, b)
    }

    /// Whether every path to `b` leads through `a`.
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        self.dominators.dominates(a, b)
    }

    /// The innermost loop a block stands in: index into [`Region::loops`].
    pub fn innermost(&self, block: BlockId) -> Option<usize> {
        self.innermost[block.0 as usize]
    }

    /// Whether a loop is another one or stands in it.
    pub fn is_within(&self, inner: Option<usize>, outer: usize) -> bool {
        let mut enclosing = inner;
        while let Some(index) = enclosing {
            if index == outer {
                return true;
            }
            enclosing = self.parents[index];
        }
        false
    }

    /// What each loop of the region may write.
    pub fn loop_writes(&self, region: &Region) -> Vec<MemSet> {
        let mut writes = vec![MemSet::NONE; region.loops.len()];
        for &id in &region.order {
            let Some(index) = self.innermost(id) else { continue };
            for (_, inst) in &region.block(id).insts {
                writes[index] = writes[index].with(inst.writes());
            }
        }
        for region_loop in self.loops.iter().rev() {
            if let Some(parent) = self.parents[region_loop.index] {
                writes[parent] = writes[parent].with(writes[region_loop.index]);
            }
        }
        writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::{Compare, Mem, Val};
    use crate::jit::opt::test_regions::TestRegion;

    #[test]
    fn nested_loops_and_dominators_are_found() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        region.counted(zero, 1, Compare::Lt, end, |region, _| region.counted(zero, 1, Compare::Lt, end, |_, _| {}));
        let region = region.finish();
        let cfg = Cfg::of(&region);
        let [outer, inner] = [0, 1].map(|index| region.loops[index].header);
        assert_eq!((cfg.innermost(outer), cfg.innermost(inner)), (Some(0), Some(1)));
        assert!(cfg.is_within(Some(1), 0) && !cfg.is_within(Some(0), 1));
        assert!(cfg.dominates(outer, inner) && !cfg.dominates(inner, outer));
        assert_eq!(cfg.loops[0].blocks.len(), cfg.loops[1].blocks.len() + 3);
        assert_eq!(cfg.innermost(region.order[0]), None);
        let last = *region.order.last().unwrap();
        assert!(cfg.innermost(last).is_none() && cfg.dominates(inner, last));
    }
}
