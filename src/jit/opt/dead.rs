//! Dead code elimination: marks what effects, control and exits need, through block parameters, and removes the rest.
//! Parameters that only feed themselves round a loop go with it.

use super::cfg::Cfg;
use crate::jit::ir::{BlockId, Exit, Region, Terminator, Val};

#[derive(Clone, Copy)]
enum Definition {
    None,
    /// Block, place in it.
    Inst(BlockId, usize),
    /// Block, number of the parameter.
    Param(BlockId, usize),
}

/// Removes what nothing uses.
pub fn remove(region: &mut Region, cfg: &Cfg) {
    let mut definitions = vec![Definition::None; region.reprs.len()];
    for &id in &region.order {
        let block = region.block(id);
        for (place, param) in block.params.iter().enumerate() {
            definitions[param.0 as usize] = Definition::Param(id, place);
        }
        for (place, (result, _)) in block.insts.iter().enumerate() {
            if let Some(result) = result {
                definitions[result.0 as usize] = Definition::Inst(id, place);
            }
        }
    }

    let mut live = Live { is_live: vec![false; region.reprs.len()], pending: Vec::new() };
    for &id in &region.order {
        let block = region.block(id);
        for (_, inst) in &block.insts {
            if !inst.is_pure() {
                inst.for_each_arg(|val| live.mark(val));
            }
            if let Some(exit) = inst.exit() {
                live.mark_exit(region.exit(exit));
            }
        }
        match &block.end {
            Terminator::Branch(condition, ..) => live.mark(*condition),
            Terminator::Exit(exit) => live.mark_exit(region.exit(*exit)),
            Terminator::Return(tag, payload) => {
                live.mark(*tag);
                live.mark(*payload);
            }
            Terminator::TailCall(Some((_, Some(closure)))) => live.mark(*closure),
            Terminator::Jump(..) | Terminator::None | Terminator::TailCall(_) => {}
        }
    }
    while let Some(val) = live.pending.pop() {
        match definitions[val.0 as usize] {
            Definition::None => {}
            Definition::Inst(block, place) => region.block(block).insts[place].1.for_each_arg(|arg| live.mark(arg)),
            Definition::Param(block, place) => {
                for &pred in cfg.preds(block) {
                    if let Terminator::Jump(_, args) = &region.block(pred).end {
                        live.mark(args[place]);
                    }
                }
            }
        }
    }

    let is_live = |val: &Val| live.is_live[val.0 as usize];
    let kept: Vec<Vec<bool>> = region.blocks.iter().map(|block| block.params.iter().map(is_live).collect()).collect();
    for place in 0..region.order.len() {
        let block = region.block_mut(region.order[place]);
        block.params.retain(is_live);
        block.insts.retain(|(result, inst)| !inst.is_pure() || result.as_ref().is_none_or(is_live));
        if let Terminator::Jump(target, args) = &mut block.end {
            let mut keep = kept[target.0 as usize].iter();
            args.retain(|_| keep.next().copied().unwrap_or(true));
        }
    }
}

struct Live {
    is_live: Vec<bool>,
    pending: Vec<Val>,
}

impl Live {
    fn mark(&mut self, val: Val) {
        if !std::mem::replace(&mut self.is_live[val.0 as usize], true) {
            self.pending.push(val);
        }
    }

    fn mark_exit(&mut self, exit: &Exit) {
        exit.for_each_val(|val| self.mark(val));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, in_loops};

    #[test]
    fn a_parameter_that_only_feeds_itself_goes() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        region.counted(zero, 1, Compare::Lt, end, |_, _| {});
        let mut region = region.finish();
        let header = region.loops[0].header;
        let idle = region.new_val(Repr::I64);
        let sum = region.new_val(Repr::I64);
        region.block_mut(header).params.push(idle);
        region.block_mut(header).insts.push((Some(sum), Inst::Binary(Binary::Iadd, idle, end)));
        for id in region.order.clone() {
            if let Terminator::Jump(_, args) = &mut region.block_mut(id).end {
                args.push(if args[0] == zero { zero } else { sum });
            }
        }
        let cfg = Cfg::of(&region);
        remove(&mut region, &cfg);
        assert_eq!(region.block(header).params.len(), 1);
        assert_eq!(in_loops(&region).matches("iadd").count(), 1, "{region}");
    }

    #[test]
    fn what_an_exit_restores_stays() {
        let mut region = TestRegion::new();
        let word = region.load(Mem::Frame, Val(1), 8);
        let kept = region.push(Inst::Binary(Binary::Iadd, word, word));
        region.push(Inst::Binary(Binary::Imul, word, word));
        let mut region = region.finish();
        let boxed = Boxed { tag: BoxedTag::Known(0), payload: kept };
        region.exits[0].values.push((Home::Register(0), boxed));
        let cfg = Cfg::of(&region);
        remove(&mut region, &cfg);
        let text = region.to_string();
        assert!(text.contains("iadd") && !text.contains("imul"), "{text}");
    }
}
