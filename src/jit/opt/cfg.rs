//! Control flow of a region: predecessors, dominators, loops.
//!
//! The order of a region is topological but for edges back to headers, and its loops are known from the builder. So one pass in this order finds
//! immediate dominators: Cooper, Harvey and Kennedy, *A Simple, Fast Dominance Algorithm*, which needs no second round on
//! reducible graphs.

use super::super::ir::*;

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
    preds: Vec<Vec<BlockId>>,
    /// Place in the region's order; `u32::MAX` for blocks that are not in it.
    position: Vec<u32>,
    idom: Vec<Option<BlockId>>,
    depth: Vec<u32>,
    /// Preorder number in the dominator tree, and that of the first block behind those it dominates.
    subtree: Vec<(u32, u32)>,
    innermost: Vec<Option<usize>>,
    /// Loops that come round, outer before inner.
    pub loops: Vec<LoopBlocks>,
    parents: Vec<Option<usize>>,
}

impl Cfg {
    pub fn of(region: &Region) -> Cfg {
        let count = region.blocks.len();
        let mut position = vec![u32::MAX; count];
        let mut preds = vec![Vec::new(); count];
        for (place, &id) in region.order.iter().enumerate() {
            position[id.0 as usize] = place as u32;
            region.block(id).end.for_each_successor(|target| preds[target.0 as usize].push(id));
        }
        let mut cfg = Cfg {
            preds,
            position,
            idom: vec![None; count],
            depth: vec![0; count],
            subtree: vec![(0, 0); count],
            innermost: vec![None; count],
            loops: Vec::new(),
            parents: vec![None; region.loops.len()],
        };
        for &id in &region.order[1..] {
            let mut idom = None;
            for &pred in cfg.preds(id).iter().filter(|pred| cfg.is_before(**pred, id)) {
                idom = Some(idom.map_or(pred, |known| cfg.common_dominator(known, pred)));
            }
            cfg.idom[id.0 as usize] = idom;
            cfg.depth[id.0 as usize] = idom.map_or(0, |idom| cfg.depth[idom.0 as usize] + 1);
        }
        cfg.number_subtrees(region);
        for index in 0..region.loops.len() {
            cfg.find_loop(region, index);
        }
        cfg
    }

    fn find_loop(&mut self, region: &Region, index: usize) {
        let header = region.loops[index].header;
        let latches: Vec<BlockId> =
            self.preds(header).iter().copied().filter(|pred| !self.is_before(*pred, header)).collect();
        if latches.is_empty() {
            return;
        }
        self.parents[index] = self.innermost[header.0 as usize];
        let mut is_inside = vec![false; region.blocks.len()];
        is_inside[header.0 as usize] = true;
        let mut blocks = vec![header];
        let mut pending = latches.clone();
        while let Some(block) = pending.pop() {
            if !std::mem::replace(&mut is_inside[block.0 as usize], true) {
                blocks.push(block);
                pending.extend_from_slice(self.preds(block));
            }
        }
        blocks.sort_unstable_by_key(|block| self.position[block.0 as usize]);
        for block in &blocks {
            self.innermost[block.0 as usize] = Some(index);
        }
        self.loops.push(LoopBlocks { index, blocks, latches });
    }

    pub fn preds(&self, block: BlockId) -> &[BlockId] {
        &self.preds[block.0 as usize]
    }

    pub fn only_pred(&self, block: BlockId) -> Option<BlockId> {
        match self.preds(block) {
            [pred] => Some(*pred),
            _ => None,
        }
    }

    /// Whether the first block stands before the second in the region's order.
    pub fn is_before(&self, a: BlockId, b: BlockId) -> bool {
        self.position[a.0 as usize] < self.position[b.0 as usize]
    }

    pub fn idom(&self, block: BlockId) -> Option<BlockId> {
        self.idom[block.0 as usize]
    }

    /// The last block on all ways to both.
    pub fn common_dominator(&self, mut a: BlockId, mut b: BlockId) -> BlockId {
        while a != b {
            let deeper = if self.depth[a.0 as usize] >= self.depth[b.0 as usize] { &mut a } else { &mut b };
            match self.idom(*deeper) {
                Some(idom) => *deeper = idom,
                None => return *deeper,
            }
        }
        a
    }

    /// Whether every way to `b` leads through `a`.
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let ((from, to), (at, _)) = (self.subtree[a.0 as usize], self.subtree[b.0 as usize]);
        from <= at && at < to
    }

    /// Numbers the dominator tree in preorder, so that the blocks that a block dominates are a range.
    fn number_subtrees(&mut self, region: &Region) {
        // Sizes first: in reverse order, all that a block dominates has been counted when it is met.
        let mut sizes = vec![1u32; region.blocks.len()];
        for &id in region.order.iter().rev() {
            if let Some(idom) = self.idom(id) {
                sizes[idom.0 as usize] += sizes[id.0 as usize];
            }
        }
        // Then each block takes the next part of its dominator's range.
        let mut next = vec![0u32; region.blocks.len()];
        let mut top = 0;
        for &id in &region.order {
            let free = match self.idom(id) {
                Some(idom) => &mut next[idom.0 as usize],
                None => &mut top,
            };
            let from = *free;
            *free += sizes[id.0 as usize];
            self.subtree[id.0 as usize] = (from, from + sizes[id.0 as usize]);
            next[id.0 as usize] = from + 1;
        }
    }

    /// The innermost loop a block stands in: index into [`Region::loops`].
    pub fn innermost(&self, block: BlockId) -> Option<usize> {
        self.innermost[block.0 as usize]
    }

    /// Whether a loop is another one or stands in it.
    pub fn is_within(&self, inner: Option<usize>, outer: usize) -> bool {
        let mut at = inner;
        while let Some(index) = at {
            if index == outer {
                return true;
            }
            at = self.parents[index];
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
    use super::super::test_regions::Sample;
    use super::*;

    #[test]
    fn nested_loops_and_dominators_are_found() {
        let mut sample = Sample::new();
        let (zero, end) = (sample.int(0), sample.load(Mem::Frame, Val(1), 8));
        sample.counted(zero, 1, Compare::Lt, end, |sample, _| sample.counted(zero, 1, Compare::Lt, end, |_, _| {}));
        let region = sample.finish();
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
