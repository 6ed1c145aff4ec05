//! Layout: which target of a branch the code should fall through to.
//!
//! The backend lays blocks out in reverse postorder, where the second target of a branch comes first. If that one
//! leaves a loop, all that comes after the loop would stand in the middle of it, and each iteration would take one jump
//! more. A processor takes one jump per cycle at best, and small loops are not much longer than that.

use super::cfg::Cfg;
use crate::jit::ir::{BlockId, Region, Terminator};

/// Marks the branches whose first target is in a loop that the second leaves.
pub fn mark(region: &mut Region, cfg: &Cfg) {
    for loop_blocks in &cfg.loops {
        for &id in &loop_blocks.blocks {
            let Terminator::Branch(_, yes, no) = region.block(id).end else { continue };
            let is_inside = |block| cfg.is_within(cfg.innermost(block), loop_blocks.index);
            if is_inside(yes) && !is_inside(no) && !leads_back(region, cfg, yes) {
                region.block_mut(id).stays_in_loop = true;
            }
        }
    }
}

/// Whether a block does nothing but jump back: it vanishes, and the loop's end is where it should be.
fn leads_back(region: &Region, cfg: &Cfg, id: BlockId) -> bool {
    let block = region.block(id);
    block.insts.is_empty() && matches!(block.end, Terminator::Jump(target, _) if cfg.is_before(target, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::TestRegion;

    #[test]
    fn a_loop_left_in_its_middle_is_marked_and_one_left_at_its_end_is_not() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        let mut middle = region.block;
        region.counted(zero, 1, Compare::Lt, end, |region, counter| {
            let found = region.push(Inst::Icmp(Compare::Ne, counter, zero));
            middle = region.block;
            let (inside, outside) = (region.new_block(), region.new_block());
            region.end(Terminator::Branch(found, inside, outside));
            region.block = outside;
            let exit = region.exit(ExitReason::LoopDone);
            region.end(Terminator::Exit(exit));
            region.block = inside;
        });
        let mut region = region.finish();
        let cfg = Cfg::of(&region);
        mark(&mut region, &cfg);
        let marked: Vec<BlockId> = region.order.iter().copied().filter(|id| region.block(*id).stays_in_loop).collect();
        assert_eq!(marked, [middle]);
    }
}
