//! Counts that cost a loop nothing.
//!
//! Promotion leaves a count as a parameter of the loop's header that goes up by one on each back edge. If another
//! parameter does so, such as the variable of a counted loop, the count is that and what the two differ by in front of
//! the loop: it is computed where an exit wants it, and nothing is left of it in the loop. Otherwise the addition moves
//! in front of the branch that leads back, so that the block for it vanishes.
//!
//! This is the elimination of induction variables of Allen, Cocke and Kennedy, *Reduction of Operator Strength*.

use super::cfg::{Cfg, LoopBlocks};
use crate::jit::ir::{Binary, BlockId, Inst, Mem, Region, Repr, Terminator, Val, Word};

/// Makes counts in loops as cheap as can be.
pub fn cheapen(region: &mut Region, cfg: &Cfg) {
    for blocks in &cfg.loops {
        while derive(region, cfg, blocks) {}
    }
    lift(region, cfg);
    leave_to_exits(region);
}

/// The instruction that defines a value, if it is one.
fn definition(region: &Region, val: Val) -> Option<&Inst> {
    let mut insts = region.order.iter().flat_map(|&id| &region.block(id).insts);
    insts.find(|(result, _)| *result == Some(val)).map(|(_, inst)| inst)
}

/// What a jump to a header passes.
fn args_of(region: &Region, from: BlockId, header: BlockId) -> Option<&[Val]> {
    match &region.block(from).end {
        Terminator::Jump(target, args) if *target == header => Some(args),
        _ => None,
    }
}

/// Replaces a parameter of a loop that only counts by another that goes up with it; whether there was one.
fn derive(region: &mut Region, cfg: &Cfg, blocks: &LoopBlocks) -> bool {
    let (header, preheader) = (region.loops[blocks.index].header, region.loops[blocks.index].preheader);
    let params = region.block(header).params.clone();
    let goes_up = |region: &Region, index: usize| {
        blocks.latches.iter().all(|&latch| {
            let next = args_of(region, latch, header).and_then(|args| definition(region, args[index]));
            matches!(next, Some(&Inst::Binary(Binary::Iadd, a, b)) if (a == params[index] && is_one(region, b))
                || (b == params[index] && is_one(region, a)))
        })
    };
    let rising: Vec<usize> =
        (0..params.len()).filter(|&index| region.repr(params[index]) == Repr::I64 && goes_up(region, index)).collect();
    let counts: Vec<usize> =
        rising.iter().copied().filter(|&index| only_counts(region, blocks, params[index])).collect();
    // Of several counts that nothing else goes along with, one stays.
    let Some(&base) = rising.iter().find(|index| !counts.contains(index)).or(counts.first()) else { return false };
    if args_of(region, preheader, header).is_none() || cfg.preds(header).len() != blocks.latches.len() + 1 {
        return false;
    }
    let Some(index) = counts.into_iter().rev().find(|&index| index != base) else { return false };
    let one = region.new_val(Repr::I64);
    let (differ, differ_next) = (region.new_val(Repr::I64), region.new_val(Repr::I64));
    let first = args_of(region, preheader, header).expect("it was there").to_vec();
    region.block_mut(preheader).insts.extend([
        (Some(differ), Inst::Binary(Binary::Isub, first[index], first[base])),
        (Some(one), Inst::Int(1)),
        (Some(differ_next), Inst::Binary(Binary::Iadd, differ, one)),
    ]);
    let nexts: Vec<Val> =
        blocks.latches.iter().map(|&latch| args_of(region, latch, header).expect("it was there")[index]).collect();
    for &id in &blocks.blocks {
        for (result, inst) in &mut region.block_mut(id).insts {
            if result.is_some_and(|result| nexts.contains(&result)) {
                *inst = Inst::Binary(Binary::Late, params[base], differ_next);
            }
        }
    }
    for &from in blocks.latches.iter().chain([&preheader]) {
        if let Terminator::Jump(_, args) = &mut region.block_mut(from).end {
            args.remove(index);
        }
    }
    let block = region.block_mut(header);
    block.params.remove(index);
    block.insts.insert(0, (Some(params[index]), Inst::Binary(Binary::Late, params[base], differ)));
    true
}

fn is_one(region: &Region, val: Val) -> bool {
    definition(region, val) == Some(&Inst::Int(1))
}

/// Leaves the counts of exit edges that do nothing else to their exits, so that these edges are as empty as without.
fn leave_to_exits(region: &mut Region) {
    for place in 0..region.order.len() {
        let id = region.order[place];
        let stored = |(_, inst): &(Option<Val>, Inst)| match *inst {
            Inst::Store { mem: Mem::Count, base, offset, value } => {
                Some((Word { mem: Mem::Count, base, offset }, value))
            }
            _ => None,
        };
        let stores: Option<Vec<(Word, Val)>> = region.block(id).insts.iter().map(stored).collect();
        if let (Terminator::Exit(exit), Some(stores)) = (&region.block(id).end, stores)
            && !stores.is_empty()
        {
            let mut own = region.exit(*exit).clone();
            own.stores.extend(stores);
            let own = region.new_exit(own);
            let block = region.block_mut(id);
            block.insts.clear();
            block.end = Terminator::Exit(own);
        }
    }
}

/// Whether the loop does nothing with a parameter that goes up but to add to it, and to store it as a count.
fn only_counts(region: &Region, blocks: &LoopBlocks, param: Val) -> bool {
    let is_next = |inst: &Inst| matches!(inst, Inst::Binary(Binary::Iadd, a, b) if *a == param || *b == param);
    let mut values = vec![param];
    let mut is_stored = false;
    for (result, inst) in blocks.blocks.iter().flat_map(|&id| &region.block(id).insts) {
        if is_next(inst) {
            values.extend(*result);
        }
    }
    let stored =
        |stores: &[(Word, Val)]| stores.iter().any(|(word, value)| word.mem == Mem::Count && values.contains(value));
    is_stored |= region.exits.iter().any(|exit| stored(&exit.stores));
    for &id in &region.order {
        for (_, inst) in &region.block(id).insts {
            if let Inst::Store { mem: Mem::Count, value, .. } = inst {
                is_stored |= values.contains(value);
                continue;
            }
            let mut is_used = false;
            inst.for_each_arg(|arg| is_used |= values.contains(&arg));
            if is_used && !is_next(inst) {
                return false;
            }
        }
        if let Terminator::Branch(condition, ..) = region.block(id).end
            && values.contains(&condition)
        {
            return false;
        }
    }
    let is_shown = region.exits.iter().any(|exit| {
        exit.values.iter().any(|(_, boxed)| values.contains(&boxed.payload))
            || exit.made.iter().any(|made| made.words.iter().any(|word| values.contains(word)))
    });
    is_stored && !is_shown
}

/// Empties blocks that only count on a back edge, if counting can be done in front of the branch to them: such blocks
/// vanish into it then.
fn lift(region: &mut Region, cfg: &Cfg) {
    for place in 0..region.order.len() {
        let id = region.order[place];
        let block = region.block(id);
        let adds = |(_, inst): &(Option<Val>, Inst)| {
            matches!(inst, Inst::Binary(Binary::Iadd | Binary::Late, ..) | Inst::Int(_))
        };
        let leads_back = matches!(block.end, Terminator::Jump(header, _) if region.block(header).is_loop_header
            && !cfg.is_before(id, header));
        let Some(before) = cfg.only_pred(id).filter(|_| leads_back && block.insts.iter().all(adds)) else { continue };
        if cfg.innermost(before) == cfg.innermost(id) && before != id {
            let counts = std::mem::take(&mut region.block_mut(id).insts);
            region.block_mut(before).insts.extend(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::TestRegion;

    #[test]
    fn a_count_beside_a_counter_leaves_nothing_in_the_loop() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        region.counted(zero, 1, Compare::Lt, end, |_, _| {});
        let mut region = region.finish();
        let (header, preheader) = (region.loops[0].header, region.loops[0].preheader);
        let (count, next, one) = (region.new_val(Repr::I64), region.new_val(Repr::I64), region.new_val(Repr::I64));
        region.block_mut(preheader).insts.push((Some(one), Inst::Int(1)));
        region.block_mut(header).params.push(count);
        region.block_mut(header).insts.push((Some(next), Inst::Binary(Binary::Iadd, count, one)));
        for id in region.order.clone() {
            let is_first = id == preheader;
            if let Terminator::Jump(target, args) = &mut region.block_mut(id).end
                && *target == header
            {
                args.push(if is_first { zero } else { next });
            }
        }
        let word = Word { mem: Mem::Count, base: Val(1), offset: 16 };
        region.exits.iter_mut().for_each(|exit| exit.stores.push((word, count)));
        let cfg = Cfg::of(&region);
        cheapen(&mut region, &cfg);
        assert_eq!(region.block(header).params.len(), 1, "{region}");
        assert!(region.to_string().contains(&format!("{count} = late ")), "{region}");
    }
}
