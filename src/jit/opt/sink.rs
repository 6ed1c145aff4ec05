//! Sinking: arithmetic moves down to the block that dominates all its uses, so that paths which do not need it do not
//! compute it. The later half of Click's *Global Code Motion / Global Value Numbering*; hoisting ([`super::hoist`]) is
//! the earlier.
//!
//! Nothing moves into a loop, and nothing into a block that only leads back to a header: such blocks vanish into the
//! branch before.

use super::cfg::Cfg;
use crate::jit::ir::{Binary, BlockId, Exit, Inst, Region, Terminator, Val};

/// Moves arithmetic to where it is needed.
pub fn sink(region: &mut Region, cfg: &Cfg) {
    let mut sinker = Sinker { cfg, needed_in: vec![None; region.reprs.len()] };
    let mut moved: Vec<Vec<(Option<Val>, Inst)>> = vec![Vec::new(); region.blocks.len()];
    for place in (0..region.order.len()).rev() {
        let id = region.order[place];
        match &region.block(id).end {
            Terminator::Exit(exit) => sinker.need_exit(region.exit(*exit), id),
            end => end.for_each_arg(|arg| sinker.need(arg, id)),
        }
        let insts = std::mem::take(&mut region.block_mut(id).insts);
        let mut kept = Vec::with_capacity(insts.len());
        // All uses of a value stand behind its definition, so going backwards they are known when it is met.
        for (result, inst) in insts.into_iter().rev() {
            let to = match result {
                Some(val) if sinks(&inst) => sinker.target(region, val, id),
                _ => id,
            };
            inst.for_each_arg(|arg| sinker.need(arg, to));
            if let Some(exit) = inst.exit() {
                sinker.need_exit(region.exit(exit), id);
            }
            if to == id { kept.push((result, inst)) } else { moved[to.0 as usize].push((result, inst)) }
        }
        kept.reverse();
        region.block_mut(id).insts = kept;
    }
    for (index, mut moved) in moved.into_iter().enumerate() {
        if !moved.is_empty() {
            moved.reverse();
            region.blocks[index].insts.splice(0..0, moved);
        }
    }
}

/// Whether an instruction gives the same wherever it stands. Division traps, so it stays behind its guards.
fn sinks(inst: &Inst) -> bool {
    match inst {
        Inst::Unary(..) | Inst::Icmp(..) | Inst::Fcmp(..) | Inst::Select(..) => true,
        Inst::Binary(op, ..) => !matches!(op, Binary::Idiv | Binary::Irem),
        _ => false,
    }
}

struct Sinker<'a> {
    cfg: &'a Cfg,
    /// The block that dominates all uses seen so far.
    needed_in: Vec<Option<BlockId>>,
}

impl Sinker<'_> {
    fn need(&mut self, val: Val, block: BlockId) {
        let needed = &mut self.needed_in[val.0 as usize];
        *needed = Some(needed.map_or(block, |known| self.cfg.common_dominator(known, block)));
    }

    fn need_exit(&mut self, exit: &Exit, block: BlockId) {
        exit.for_each_val(|val| self.need(val, block));
    }

    /// Where a value defined in a block is best computed.
    fn target(&self, region: &Region, val: Val, from: BlockId) -> BlockId {
        let Some(mut to) = self.needed_in[val.0 as usize] else { return from };
        while to != from && !self.suits(region, to, from) {
            match self.cfg.idom(to) {
                Some(idom) => to = idom,
                None => return from,
            }
        }
        to
    }

    fn suits(&self, region: &Region, to: BlockId, from: BlockId) -> bool {
        let (inner, outer) = (self.cfg.innermost(to), self.cfg.innermost(from));
        let enters_loop = inner.is_some_and(|inner| !self.cfg.is_within(outer, inner));
        let leads_back = matches!(region.block(to).end, Terminator::Jump(target, _) if region.block(target).is_loop_header && !self.cfg.is_before(to, target));
        !enters_loop && !leads_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, text};

    #[test]
    fn what_one_side_of_a_branch_needs_moves_there() {
        let mut region = TestRegion::new();
        let word = region.load(Mem::Frame, Val(1), 0);
        let square = region.push(Inst::Binary(Binary::Imul, word, word));
        let cube = region.push(Inst::Binary(Binary::Imul, square, word));
        let both = region.push(Inst::Binary(Binary::Iadd, word, word));
        let condition = region.push(Inst::Icmp(Compare::Ne, word, both));
        let (yes, no) = (region.new_block(), region.new_block());
        region.end(Terminator::Branch(condition, yes, no));
        region.block = yes;
        for value in [cube, both] {
            region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value });
        }
        let exit = region.exit(ExitReason::LoopDone);
        region.end(Terminator::Exit(exit));
        region.block = no;
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value: both });
        let mut region = region.finish();
        let cfg = Cfg::of(&region);
        sink(&mut region, &cfg);
        let entry = text(&region, region.order[0]);
        assert!(!entry.contains("imul") && entry.contains("iadd"), "{region}");
        let yes = text(&region, yes);
        assert!(yes.find(&format!("imul {word}, {word}")) < yes.find(&format!("imul {square}, {word}")), "{region}");
    }

    #[test]
    fn nothing_moves_into_a_loop_or_onto_the_way_back() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        let before = region.push(Inst::Binary(Binary::Imul, end, end));
        region.counted(zero, 1, Compare::Lt, end, |region, _| {
            region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value: before });
        });
        let mut region = region.finish();
        let header = region.loops[0].header;
        // A sum that only the back edge needs.
        let (param, sum) = (region.new_val(Repr::I64), region.new_val(Repr::I64));
        region.block_mut(header).params.push(param);
        region.block_mut(header).insts.push((Some(sum), Inst::Binary(Binary::Xor, param, end)));
        for id in region.order.clone() {
            if let Terminator::Jump(_, args) = &mut region.block_mut(id).end {
                args.push(if args[0] == zero { zero } else { sum });
            }
        }
        let cfg = Cfg::of(&region);
        sink(&mut region, &cfg);
        assert!(text(&region, region.order[0]).contains("imul"), "{region}");
        assert!(text(&region, header).contains("xor"), "{region}");
    }
}
