//! Dominators, by the algorithm of Cooper, Harvey and Kennedy ("A Simple, Fast Dominance Algorithm", 2001).

use super::cfg::{BlockId, Cfg};

const UNKNOWN: u32 = u32::MAX;

/// The dominator tree of a function; blocks that cannot be reached are not in it.
#[derive(Clone, Debug)]
pub struct Dominators {
    /// The immediate dominator of each block; the entry's is itself.
    idom: Vec<BlockId>,
    /// Positions in a preorder walk of the tree and one past the last descendant: `a` dominates `b` if `b` lies in `a`'s interval.
    interval: Vec<(u32, u32)>,
}

impl Dominators {
    /// Computes dominators; `order` is the graph's reverse postorder.
    pub fn new(cfg: &Cfg, order: &[BlockId]) -> Dominators {
        let mut position = vec![UNKNOWN; cfg.len()];
        for (at, &block) in order.iter().enumerate() {
            position[block as usize] = at as u32;
        }
        let mut idom = vec![UNKNOWN; cfg.len()];
        if let Some(&entry) = order.first() {
            idom[entry as usize] = entry;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &block in order.iter().skip(1) {
                let mut new = UNKNOWN;
                for &pred in cfg.preds(block) {
                    if idom[pred as usize] == UNKNOWN {
                        continue;
                    }
                    new = if new == UNKNOWN { pred } else { intersect(&idom, &position, new, pred) };
                }
                if idom[block as usize] != new {
                    idom[block as usize] = new;
                    changed = true;
                }
            }
        }
        let interval = intervals(&idom, order);
        Dominators { idom, interval }
    }

    /// The immediate dominator; `None` for the entry and for blocks that cannot be reached.
    pub fn immediate(&self, block: BlockId) -> Option<BlockId> {
        let idom = self.idom[block as usize];
        (idom != UNKNOWN && idom != block).then_some(idom)
    }

    /// Whether every path from the entry to `b` leads through `a`; false if `b` cannot be reached.
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let ((start, end), (at, _)) = (self.interval[a as usize], self.interval[b as usize]);
        at != UNKNOWN && start <= at && at < end
    }
}

fn intersect(idom: &[BlockId], position: &[u32], mut a: BlockId, mut b: BlockId) -> BlockId {
    while a != b {
        while position[a as usize] > position[b as usize] {
            a = idom[a as usize];
        }
        while position[b as usize] > position[a as usize] {
            b = idom[b as usize];
        }
    }
    a
}

/// Sizes of subtrees bottom up, then positions top down; both follow from the reverse postorder, in which a dominator precedes
/// what it dominates.
fn intervals(idom: &[BlockId], order: &[BlockId]) -> Vec<(u32, u32)> {
    let mut size = vec![1u32; idom.len()];
    for &block in order.iter().skip(1).rev() {
        size[idom[block as usize] as usize] += size[block as usize];
    }
    let mut interval = vec![(UNKNOWN, UNKNOWN); idom.len()];
    let mut next_child = vec![0u32; idom.len()];
    for (at, &block) in order.iter().enumerate() {
        let start = match at {
            0 => 0,
            _ => {
                let next = &mut next_child[idom[block as usize] as usize];
                let start = *next;
                *next += size[block as usize];
                start
            }
        };
        interval[block as usize] = (start, start + size[block as usize]);
        next_child[block as usize] = start + 1;
    }
    interval
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cfg::tests::function;
    use crate::bytecode::{Op, Reg};

    fn dominators(code: &[Op]) -> (Cfg, Dominators) {
        let cfg = Cfg::new(&function(4, 1, vec![]), code);
        let order = cfg.reverse_postorder();
        let dominators = Dominators::new(&cfg, &order);
        (cfg, dominators)
    }

    #[test]
    fn a_join_is_dominated_by_the_fork_alone() {
        let (_, dominators) = dominators(&[
            Op::JumpIfNot { a: Reg(0), to: 2 },
            Op::LoadInt { dst: Reg(1), value: 1 },
            Op::Jump { to: 1 },
            Op::LoadInt { dst: Reg(1), value: 2 },
            Op::Return { src: Reg(1) },
        ]);
        assert_eq!(dominators.immediate(3), Some(0));
        assert!(dominators.dominates(0, 3) && !dominators.dominates(1, 3) && !dominators.dominates(2, 3));
        assert!(dominators.dominates(3, 3));
    }

    #[test]
    fn a_cycle_with_two_entries_has_no_dominating_header() {
        let (cfg, dominators) = dominators(&[
            Op::JumpIf { a: Reg(0), to: 1 },
            Op::LoadVoid { dst: Reg(1) },
            Op::JumpIf { a: Reg(0), to: -2 },
            Op::ReturnVoid {},
        ]);
        let (a, b) = (cfg.block_of[1], cfg.block_of[2]);
        assert!(!dominators.dominates(a, b) && !dominators.dominates(b, a));
    }

    #[test]
    fn unreachable_blocks_are_dominated_by_nothing() {
        let (cfg, dominators) = dominators(&[Op::ReturnVoid {}, Op::LoadVoid { dst: Reg(0) }, Op::ReturnVoid {}]);
        assert!(!dominators.dominates(0, cfg.block_of[1]));
        assert_eq!(dominators.immediate(cfg.block_of[1]), None);
    }
}
