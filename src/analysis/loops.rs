//! Natural loops of a function, and whether they are the loops that the lowering registered.
//!
//! A backward jump whose target dominates it is the back edge of a natural loop. A backward jump to anything else makes
//! the control flow irreducible; walrusc never emits one, but a `.wbc` is input.

use super::cfg::{BlockId, Cfg};
use crate::bytecode::LoopRegion;
use crate::bytecode::graph::Dominators;

/// Something about a loop that keeps it from being compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoopFault {
    /// A jump back to the header that no region registers, or a cycle that is entered elsewhere than at its header.
    Irregular,
}

/// What the control-flow graph says about the loops registered for one function, in their order.
#[derive(Clone, Debug, Default)]
pub struct LoopTree {
    /// For each registered loop: its fault, if any.
    pub faults: Vec<Option<LoopFault>>,
    /// For each block, the innermost registered loop that holds it, as a position among the function's loops.
    pub innermost: Vec<Option<u32>>,
    /// Cycles that no registered loop accounts for: the block of each backward jump's target.
    pub unregistered: Vec<BlockId>,
}

impl LoopTree {
    /// Checks `regions`, the loops of one function with inner loops after the loops around them, against the graph.
    pub fn new(cfg: &Cfg, dominators: &Dominators<BlockId>, order: &[BlockId], regions: &[&LoopRegion]) -> LoopTree {
        let mut tree = LoopTree {
            faults: vec![None; regions.len()],
            innermost: vec![None; cfg.blocks.len()],
            unregistered: Vec::new(),
        };
        let mut by_header: Vec<(u32, u32)> =
            regions.iter().enumerate().map(|(index, region)| (region.header, index as u32)).collect();
        by_header.sort_unstable();
        tree.nest(cfg, regions);

        for &block in order {
            for &succ in cfg.succs(block) {
                if dominators.places().is_before(block, succ) {
                    continue;
                }
                let header = cfg.blocks[succ as usize].start;
                let jump = cfg.blocks[block as usize].end - 1;
                let first = by_header.partition_point(|&(start, _)| start < header);
                let registered = by_header[first..]
                    .iter()
                    .take_while(|&&(start, _)| start == header)
                    .find(|&&(_, index)| regions[index as usize].back_edges.binary_search(&jump).is_ok());
                if registered.is_none() || !dominators.dominates(succ, block) {
                    tree.unregistered.push(succ);
                    // Every loop around the stray cycle runs it too.
                    let mut enclosing = tree.innermost[block as usize];
                    while let Some(index) = enclosing {
                        tree.faults[index as usize] = Some(LoopFault::Irregular);
                        enclosing = parent_in(regions, index);
                    }
                }
            }
        }
        tree
    }

    /// Regions are intervals of code that nest, so one sweep with a stack of open regions finds each block's innermost.
    fn nest(&mut self, cfg: &Cfg, regions: &[&LoopRegion]) {
        let mut open: Vec<u32> = Vec::new();
        let mut order: Vec<u32> = (0..regions.len() as u32).collect();
        order.sort_by_key(|&index| (regions[index as usize].header, std::cmp::Reverse(regions[index as usize].end)));
        let mut next = order.into_iter().peekable();
        for (block, bounds) in cfg.blocks.iter().enumerate() {
            while let Some(&index) = next.peek() {
                if regions[index as usize].header > bounds.start {
                    break;
                }
                open.push(index);
                next.next();
            }
            while open.last().is_some_and(|&index| regions[index as usize].end <= bounds.start) {
                open.pop();
            }
            self.innermost[block] = open.last().copied();
        }
    }
}

/// The position of the innermost other region whose interval encloses region `index`.
fn parent_in(regions: &[&LoopRegion], index: u32) -> Option<u32> {
    let region = regions[index as usize];
    (0..index).rev().find(|&candidate| {
        let outer = regions[candidate as usize];
        outer.header <= region.header && region.end <= outer.end && candidate != index
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cfg::tests::function;
    use crate::bytecode::graph::reverse_postorder;
    use crate::bytecode::*;
    use crate::source::Span;

    fn region(header: u32, end: u32, back: u32) -> LoopRegion {
        LoopRegion {
            func: FuncId(0),
            kind: LoopKind::While,
            header,
            end,
            back_edges: vec![back],
            exits: vec![end],
            parent: None,
            depth: 1,
            marked: false,
            span: Span::default(),
        }
    }

    fn tree(code: &[Op], regions: &[LoopRegion]) -> LoopTree {
        let cfg = Cfg::new(&function(4, 1, vec![]), code);
        let order = reverse_postorder(&cfg);
        let dominators = Dominators::new(&order, cfg.predecessors());
        LoopTree::new(&cfg, &dominators, &order, &regions.iter().collect::<Vec<_>>())
    }

    const NESTED: [Op; 4] = [
        Op::LoadVoid { dst: Reg(1) },
        Op::JumpIf { a: Reg(0), to: -2 },
        Op::JumpIf { a: Reg(0), to: -3 },
        Op::ReturnVoid {},
    ];

    #[test]
    fn registered_loops_have_no_fault() {
        let mut outer = region(0, 3, 2);
        outer.exits = vec![3];
        let tree = tree(&NESTED, &[outer, region(0, 2, 1)]);
        assert_eq!(tree.faults, [None, None]);
        assert_eq!(tree.innermost, [Some(1), Some(0), None]);
    }

    #[test]
    fn an_unregistered_back_edge_is_found_and_taints_the_loop_around_it() {
        let tree = tree(&NESTED, &[region(0, 3, 2)]);
        assert_eq!(tree.unregistered, [0]);
        assert_eq!(tree.faults, [Some(LoopFault::Irregular)]);
    }

    #[test]
    fn a_second_entry_makes_a_loop_irregular() {
        let code = [
            Op::JumpIf { a: Reg(0), to: 1 },
            Op::LoadVoid { dst: Reg(1) },
            Op::JumpIf { a: Reg(0), to: -2 },
            Op::ReturnVoid {},
        ];
        assert_eq!(tree(&code, &[region(1, 3, 2)]).faults, [Some(LoopFault::Irregular)]);
    }
}
