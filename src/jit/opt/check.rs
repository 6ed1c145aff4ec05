//! Checks the form of a region, in debug builds after each pass: each value is defined once, in front of whatever uses
//! it; a jump brings what the block it leads to takes; control goes back to headers of loops only.
//!
//! Cranelift checks types, but with its verifier off, as in release builds, it does not ask where a value comes from
//! until the register allocator stops at one that reaches the entry block undefined; and a value that is defined
//! elsewhere by chance is just wrong.

use super::cfg::Cfg;
use crate::jit::ir::{BlockId, ExitId, Region, Terminator, Val};

/// What is wrong with a region, if anything is.
pub fn check(region: &Region, cfg: &Cfg) -> Result<(), String> {
    let mut checker = Checker { region, cfg, defined: vec![None; region.reprs.len()] };
    // The machine and the frame.
    for val in [Val(0), Val(1)] {
        checker.define(val, region.order[0])?;
    }
    region.order.iter().try_for_each(|&id| checker.block(id))
}

struct Checker<'a> {
    region: &'a Region,
    cfg: &'a Cfg,
    /// The block of each definition that was met. Blocks stand behind those that dominate them, so a use finds its
    /// definition here.
    defined: Vec<Option<BlockId>>,
}

impl Checker<'_> {
    fn define(&mut self, val: Val, block: BlockId) -> Result<(), String> {
        match self.defined[val.0 as usize].replace(block) {
            Some(first) => Err(format!("{val} is defined in {first} and in {block}")),
            None => Ok(()),
        }
    }

    fn block(&mut self, id: BlockId) -> Result<(), String> {
        let block = self.region.block(id);
        block.params.iter().try_for_each(|param| self.define(*param, id))?;
        for (result, inst) in &block.insts {
            self.uses(id, |visit| inst.for_each_arg(visit)).map_err(|wrong| format!("{wrong} in `{inst}`"))?;
            if let Some(exit) = inst.exit() {
                self.exit(id, exit)?;
            }
            if let Some(result) = result {
                self.define(*result, id)?;
            }
        }
        self.uses(id, |visit| block.end.for_each_arg(visit))?;
        let heads_loop = |to| self.region.loops.iter().any(|region_loop| region_loop.header == to);
        if let Some(to) = block.end.successors().find(|&to| !self.cfg.is_before(id, to) && !heads_loop(to)) {
            return Err(format!("{id} goes back to {to}, which heads no loop"));
        }
        match &block.end {
            Terminator::Exit(exit) => self.exit(id, *exit),
            Terminator::Jump(target, args) => {
                let reprs = |vals: &[Val]| vals.iter().map(|val| self.region.repr(*val)).collect::<Vec<_>>();
                let (brought, taken) = (reprs(args), reprs(&self.region.block(*target).params));
                if brought == taken { Ok(()) } else { Err(format!("{id} brings {brought:?} to {target}({taken:?})")) }
            }
            Terminator::Branch(_, yes, no) => {
                match [yes, no].iter().find(|to| !self.region.block(***to).params.is_empty()) {
                    Some(to) => Err(format!("{id} branches to {to}, which takes parameters")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn exit(&self, id: BlockId, exit: ExitId) -> Result<(), String> {
        self.uses(id, |visit| self.region.exit(exit).for_each_val(visit))
            .map_err(|wrong| format!("{wrong} for x{}", exit.0))
    }

    /// Whether all these values are known in a block.
    fn uses(&self, id: BlockId, each: impl FnOnce(&mut dyn FnMut(Val))) -> Result<(), String> {
        let mut unknown = None;
        each(&mut |val| {
            if !self.defined[val.0 as usize].is_some_and(|block| self.cfg.dominates(block, id)) {
                unknown = Some(val);
            }
        });
        unknown.map_or(Ok(()), |val| Err(format!("{val} is used in {id} and not defined in front of it")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::TestRegion;

    fn wrong_with(region: &Region) -> String {
        check(region, &Cfg::of(region)).expect_err("something is wrong")
    }

    /// A branch whose edges meet in the current block; the value was computed on one of them.
    fn diamond(region: &mut TestRegion) -> Val {
        let word = region.load(Mem::Frame, Val(1), 8);
        let zero = region.int(0);
        let odd = region.push(Inst::Icmp(Compare::Ne, word, zero));
        region.when(odd, |region| region.push(Inst::Binary(Binary::Iadd, word, word)))
    }

    #[test]
    fn a_loop_is_in_form() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        region.counted(zero, 1, Compare::Lt, end, |region, counter| {
            region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 16, value: counter });
        });
        let region = region.finish();
        assert_eq!(check(&region, &Cfg::of(&region)), Ok(()));
    }

    #[test]
    fn a_value_of_one_way_is_not_known_where_both_meet() {
        let mut region = TestRegion::new();
        let sum = diamond(&mut region);
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 16, value: sum });
        assert!(wrong_with(&region.finish()).contains("not defined in front of it in `store"));
    }

    #[test]
    fn an_exit_writes_what_is_known_only() {
        let mut region = TestRegion::new();
        let sum = diamond(&mut region);
        let exit = region.exit(ExitReason::LoopDone);
        let boxed = Boxed { tag: BoxedTag::Known(0), payload: sum };
        region.region.exits[exit.0 as usize].values.push((Home::Register(3), boxed));
        region.end(Terminator::Exit(exit));
        assert!(wrong_with(&region.region).ends_with("for x0"));
    }

    #[test]
    fn a_jump_brings_what_the_block_takes() {
        let mut region = TestRegion::new();
        let next = region.new_block();
        region.param(next, Repr::F64);
        region.end(Terminator::Jump(next, vec![Val(0)]));
        region.block = next;
        assert!(wrong_with(&region.finish()).contains("brings [I64]"));
    }

    #[test]
    fn control_goes_back_to_headers_only() {
        let mut region = TestRegion::new();
        let (first, second) = (region.new_block(), region.new_block());
        region.end(Terminator::Jump(second, Vec::new()));
        region.block = second;
        region.end(Terminator::Jump(first, Vec::new()));
        region.block = first;
        assert!(wrong_with(&region.finish()).ends_with("b2 goes back to b1, which heads no loop"));
    }

    #[test]
    fn a_value_is_defined_once() {
        let mut region = TestRegion::new();
        let zero = region.int(0);
        region.region.block_mut(region.block).insts.push((Some(zero), Inst::Int(1)));
        assert!(wrong_with(&region.finish()).contains("is defined in b0 and in b0"));
    }
}
