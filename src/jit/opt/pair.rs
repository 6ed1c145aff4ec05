//! Division in pairs: what the next iteration of a loop is going to divide is divided along with what this one does.
//!
//! A processor divides two floats packed into one register in the time that it takes for one, and the divisions of a
//! small loop are what it waits for. So a loop with divisions that do not depend on one another does two iterations a
//! round. The first computes the operands of the second's divisions too, packed as far as possible, which is arithmetic
//! without effects and right to do even if there is no second. That is the unrolling of a loop by two with the packing
//! of Larsen and Amarasinghe, *Exploiting Superword Level Parallelism with Multimedia Instruction Sets*, for the one
//! operation where it pays.
//!
//! The loop must be a single block that goes back or leaves at its end, and what it defines must not be used behind it
//! but by the exit edge.

use rustc_hash::FxHashMap;

use super::cfg::{Cfg, LoopBlocks};
use crate::jit::ir::{Binary, Block, BlockId, ExitId, Inst, Region, Repr, Terminator, Unary, Val};

/// Instructions of a loop that is copied at most. In a longer one there is other work to do while it divides.
const MOST_INSTRUCTIONS: usize = 40;

/// Pairs the divisions of loops. The control flow of the region is not what the analysis says any more.
pub fn pair(region: &mut Region, cfg: &Cfg) {
    for loop_blocks in &cfg.loops {
        if let Some(shape) = Shape::of(region, loop_blocks)
            && shape.is_closed(region)
        {
            Pairing::new(region, &shape).run(&shape);
        }
    }
}

/// A loop of one block.
struct Shape {
    header: BlockId,
    preheader: BlockId,
    /// Does nothing but jump to the header.
    latch: BlockId,
    /// Does nothing but leave.
    way_out: BlockId,
    /// What the next iteration begins with.
    next: Vec<Val>,
}

impl Shape {
    fn of(region: &Region, loop_blocks: &LoopBlocks) -> Option<Shape> {
        let ([header, latch], &[only_latch]) = (&loop_blocks.blocks[..], &loop_blocks.latches[..]) else { return None };
        let Terminator::Branch(_, yes, no) = region.block(*header).end else { return None };
        let way_out = if yes == *latch { no } else { yes };
        let is_empty = |id: BlockId| region.block(id).insts.is_empty() && region.block(id).params.is_empty();
        let leaves = matches!(region.block(way_out).end, Terminator::Jump(..) | Terminator::Exit(_));
        let Terminator::Jump(_, next) = &region.block(*latch).end else { return None };
        let insts = &region.block(*header).insts;
        let divides = insts.iter().any(|(_, inst)| is_division(inst));
        let is_call = |inst: &Inst| {
            matches!(inst, Inst::Call { .. } | Inst::Find { .. } | Inst::Make { .. } | Inst::CallFunction { .. })
        };
        let calls = insts.iter().any(|(_, inst)| is_call(inst));
        let fits = divides && !calls && insts.len() <= MOST_INSTRUCTIONS;
        let is_simple = only_latch == *latch && is_empty(*latch) && is_empty(way_out) && leaves;
        let preheader = region.loops[loop_blocks.index].preheader;
        (is_simple && fits).then(|| Shape { header: *header, preheader, latch: *latch, way_out, next: next.clone() })
    }

    /// Whether nothing behind the loop uses what it defines, but by the exit edge. If it did, it would have to know
    /// which iteration was the last.
    fn is_closed(&self, region: &Region) -> bool {
        let mut inside = vec![false; region.reprs.len()];
        let header = region.block(self.header);
        for val in header.params.iter().copied().chain(header.insts.iter().filter_map(|(result, _)| *result)) {
            inside[val.0 as usize] = true;
        }
        let mut is_used = false;
        let mut see = |val: Val| is_used |= inside[val.0 as usize];
        for &id in region.order.iter().filter(|id| ![self.header, self.latch, self.way_out].contains(id)) {
            let block = region.block(id);
            for (_, inst) in &block.insts {
                inst.for_each_arg(&mut see);
                if let Some(exit) = inst.exit() {
                    region.exit(exit).for_each_val(&mut see);
                }
            }
            match &block.end {
                Terminator::Exit(exit) => region.exit(*exit).for_each_val(&mut see),
                end => end.for_each_arg(&mut see),
            }
        }
        !is_used
    }
}

/// A loop that is being changed to two iterations a round.
struct Pairing<'a> {
    region: &'a mut Region,
    preheader: BlockId,
    /// What the loop's block does, in order.
    old: Vec<(Option<Val>, Inst)>,
    /// Where each value of it is defined in `old`; parameters are not in it.
    defined_at: FxHashMap<Val, usize>,
    /// What each parameter is in the second iteration.
    next: FxHashMap<Val, Val>,
    /// By instruction, whether it is executed for both iterations at once.
    is_packed: Vec<bool>,
    /// The first iteration, as far as it is written.
    first: Vec<(Option<Val>, Inst)>,
    is_written: Vec<bool>,
    /// What the second iteration's values are, as far as the first computes them already.
    second: FxHashMap<Val, Val>,
    /// Values of both iterations in one register.
    packed: FxHashMap<Val, Val>,
}

impl<'a> Pairing<'a> {
    fn new(region: &'a mut Region, shape: &Shape) -> Pairing<'a> {
        let old = std::mem::take(&mut region.block_mut(shape.header).insts);
        Pairing {
            preheader: shape.preheader,
            defined_at: old.iter().enumerate().filter_map(|(place, (result, _))| Some(((*result)?, place))).collect(),
            next: region.block(shape.header).params.iter().copied().zip(shape.next.iter().copied()).collect(),
            is_packed: vec![false; old.len()],
            first: Vec::new(),
            is_written: vec![false; old.len()],
            second: FxHashMap::default(),
            packed: FxHashMap::default(),
            region,
            old,
        }
    }

    fn run(mut self, shape: &Shape) {
        for place in 0..self.old.len() {
            if let Inst::Binary(Binary::Fdiv, a, b) = self.old[place].1 {
                self.is_packed[place] = self.are_known_next(place, [a, b]);
            }
        }
        if !self.is_packed.contains(&true) {
            self.region.block_mut(shape.header).insts = self.old;
            return;
        }
        self.pack_operands(shape);
        for place in 0..self.old.len() {
            let (result, inst) = self.old[place].clone();
            match result {
                Some(result) if self.is_packed[place] && is_division(&inst) => {
                    let both = self.both(result);
                    self.first.push((Some(result), Inst::Unary(Unary::First, both)));
                    let next = self.write(Inst::Unary(Unary::Second, both), Repr::F64);
                    self.second.insert(result, next);
                }
                // Written when a division needs it.
                _ if self.is_packed[place] || self.is_written[place] => continue,
                _ => self.first.push((result, inst)),
            }
            self.is_written[place] = true;
        }
        self.finish(shape);
    }

    fn write(&mut self, inst: Inst, repr: Repr) -> Val {
        let val = self.region.new_val(repr);
        self.first.push((Some(val), inst));
        val
    }

    /// Whether the first iteration, having come to an instruction, can compute what some values are in the second.
    fn are_known_next(&self, place: usize, vals: [Val; 2]) -> bool {
        let among = |known: &[bool], val: Val| self.defined_at.get(&val).is_none_or(|&index| known[index]);
        // Of its own values those that are there, and those that it can compute at once.
        let mut first: Vec<bool> = Vec::with_capacity(self.old.len());
        let mut next: Vec<bool> = Vec::with_capacity(self.old.len());
        for (index, (_, inst)) in self.old.iter().enumerate() {
            let known = index < place || (is_free(inst) && all_args(inst, |arg| among(&first, arg)));
            first.push(known);
        }
        let known_next = |next: &[bool], val: Val| match self.next.get(&val) {
            Some(&begins_with) => among(&first, begins_with),
            None => among(next, val),
        };
        for (index, (_, inst)) in self.old.iter().enumerate() {
            let is_there = index < place && self.is_packed[index];
            let known = is_there || (is_free(inst) && all_args(inst, |arg| known_next(&next, arg)));
            next.push(known);
        }
        vals.into_iter().all(|val| known_next(&next, val))
    }

    /// Packs the arithmetic too that nothing needs but what is packed: divisions, so far.
    fn pack_operands(&mut self, shape: &Shape) {
        let mut alone = vec![false; self.old.len()];
        let mut packed = vec![false; self.old.len()];
        let defined_at = &self.defined_at;
        let mark = |needed: &mut Vec<bool>, val: Val| {
            if let Some(&place) = defined_at.get(&val) {
                needed[place] = true;
            }
        };
        shape.next.iter().for_each(|val| mark(&mut alone, *val));
        let region = &*self.region;
        region.block(shape.header).end.for_each_arg(|val| mark(&mut alone, val));
        match &region.block(shape.way_out).end {
            Terminator::Exit(exit) => region.exit(*exit).for_each_val(|val| mark(&mut alone, val)),
            end => end.for_each_arg(|val| mark(&mut alone, val)),
        }
        // Uses stand behind definitions, so going backwards they are known.
        for (place, (_, inst)) in self.old.iter().enumerate().rev() {
            let can_be = matches!(inst, Inst::Binary(Binary::Fadd | Binary::Fsub | Binary::Fmul, ..));
            self.is_packed[place] |= can_be && packed[place] && !alone[place];
            let needed = if self.is_packed[place] { &mut packed } else { &mut alone };
            inst.for_each_arg(|arg| mark(needed, arg));
            if let Inst::Guard { exit, .. } = inst {
                region.exit(*exit).for_each_val(|val| mark(&mut alone, val));
            }
        }
    }

    /// A value of both iterations; that of the second can be computed.
    fn both(&mut self, val: Val) -> Val {
        if let Some(&known) = self.packed.get(&val) {
            return known;
        }
        let place = self.defined_at.get(&val).copied();
        let both = match place.map(|place| (self.is_packed[place], self.old[place].1.clone())) {
            Some((true, Inst::Binary(op, a, b))) => {
                let (a, b) = (self.both(a), self.both(b));
                self.write(Inst::Binary(op, a, b), Repr::F64x2)
            }
            None if !self.next.contains_key(&val) => {
                let both = self.region.new_val(Repr::F64x2);
                self.region.block_mut(self.preheader).insts.push((Some(both), Inst::Pack(val, val)));
                both
            }
            _ => {
                let next = self.of_next(val);
                self.write(Inst::Pack(val, next), Repr::F64x2)
            }
        };
        self.packed.insert(val, both);
        both
    }

    /// The second iteration's value, computed by the first, which can: see [`Self::are_known_next`].
    fn of_next(&mut self, val: Val) -> Val {
        if let Some(&known) = self.second.get(&val) {
            return known;
        }
        if let Some(&next) = self.next.get(&val) {
            self.advance(next);
            return next;
        }
        let Some(&place) = self.defined_at.get(&val) else { return val };
        let mut inst = self.old[place].1.clone();
        inst.for_each_arg_mut(|arg| *arg = self.of_next(*arg));
        let repr = self.region.repr(val);
        let next = self.write(inst, repr);
        self.second.insert(val, next);
        next
    }

    /// Computes a value of the first iteration now, if it was not yet.
    fn advance(&mut self, val: Val) {
        let Some(&place) = self.defined_at.get(&val) else { return };
        if !std::mem::replace(&mut self.is_written[place], true) {
            let inst = self.old[place].1.clone();
            inst.for_each_arg(|arg| self.advance(arg));
            self.first.push((Some(val), inst));
        }
    }

    /// Makes the second iteration of what the first has not computed for it, and joins the two.
    fn finish(mut self, shape: &Shape) {
        let mut insts = Vec::with_capacity(self.old.len());
        let mut renamed = std::mem::take(&mut self.next);
        renamed.extend(self.second.drain());
        for ((result, mut inst), is_packed) in
            std::mem::take(&mut self.old).into_iter().zip(std::mem::take(&mut self.is_packed))
        {
            let is_there = result.is_some_and(|result| renamed.contains_key(&result));
            if is_there || is_packed {
                continue;
            }
            inst.for_each_arg_mut(|arg| rename(arg, &renamed));
            if let Inst::Guard { exit, .. } = &mut inst {
                *exit = copy_of_exit(self.region, *exit, &renamed);
            }
            let result = result.map(|result| {
                let copy = self.region.new_val(self.region.repr(result));
                renamed.insert(result, copy);
                copy
            });
            insts.push((result, inst));
        }
        let region = &mut *self.region;
        let header = region.block_mut(shape.header);
        header.insts = self.first;
        let (pc, stays_in_loop) = (header.pc, header.stays_in_loop);
        let Terminator::Branch(mut condition, yes, _) = header.end else { unreachable!("so is the shape") };
        let goes_on_if = yes == shape.latch;
        let (second, way_out) = (region.new_block(pc), region.new_block(region.block(shape.way_out).pc));
        let branch = |condition, on: BlockId, out: BlockId| match goes_on_if {
            true => Terminator::Branch(condition, on, out),
            false => Terminator::Branch(condition, out, on),
        };
        region.block_mut(shape.header).end = branch(condition, second, shape.way_out);
        rename(&mut condition, &renamed);
        *region.block_mut(second) = Block {
            params: Vec::new(),
            insts,
            end: branch(condition, shape.latch, way_out),
            pc,
            is_loop_header: false,
            stays_in_loop,
        };
        region.block_mut(shape.latch).end.for_each_arg_mut(|arg| rename(arg, &renamed));
        let mut end = region.block(shape.way_out).end.clone();
        end.for_each_arg_mut(|arg| rename(arg, &renamed));
        if let Terminator::Exit(exit) = &mut end {
            *exit = copy_of_exit(region, *exit, &renamed);
        }
        region.block_mut(way_out).end = end;
        let behind =
            |region: &Region, block: BlockId| 1 + region.order.iter().position(|id| *id == block).expect("it is");
        let place = behind(region, shape.header);
        region.order.insert(place, second);
        let place = behind(region, shape.way_out).max(place + 1);
        region.order.insert(place, way_out);
    }
}

fn rename(val: &mut Val, renamed: &FxHashMap<Val, Val>) {
    *val = renamed.get(val).copied().unwrap_or(*val);
}

/// An exit of the second iteration.
fn copy_of_exit(region: &mut Region, exit: ExitId, renamed: &FxHashMap<Val, Val>) -> ExitId {
    let mut copy = region.exit(exit).clone();
    copy.for_each_val_mut(|val| rename(val, renamed));
    region.new_exit(copy)
}

fn is_division(inst: &Inst) -> bool {
    matches!(inst, Inst::Binary(Binary::Fdiv, ..))
}

fn all_args(inst: &Inst, mut holds: impl FnMut(Val) -> bool) -> bool {
    let mut all = true;
    inst.for_each_arg(|arg| all = all && holds(arg));
    all
}

/// Whether an instruction may be executed earlier, and though nobody needs its result. A division is never executed but
/// in its place.
fn is_free(inst: &Inst) -> bool {
    match inst {
        Inst::Int(_) | Inst::Float(_) | Inst::Bool(_) => true,
        Inst::Unary(op, _) => !matches!(op, Unary::Refine | Unary::CallPayload),
        Inst::Binary(op, ..) => !matches!(op, Binary::Idiv | Binary::Irem | Binary::Fdiv),
        Inst::Icmp(..) | Inst::Fcmp(..) | Inst::Select(..) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, in_loops};

    /// `do { sum += body } while (i += 1) < end`: the loop's text after pairing.
    fn paired(body: impl FnOnce(&mut TestRegion, Val, Val) -> Val) -> String {
        let mut region = TestRegion::new();
        let (zero, one, end) = (region.int(0), region.int(1), region.load(Mem::Frame, Val(1), 8));
        let start = region.push(Inst::Float(0));
        let (preheader, header) = (region.block, region.new_block());
        region.region.block_mut(header).is_loop_header = true;
        let (counter, sum) = (region.param(header, Repr::I64), region.param(header, Repr::F64));
        region.end(Terminator::Jump(header, vec![zero, start]));
        region.region.loops.push(Loop { header, preheader, entry: Exit::plain(ExitReason::Type, 7) });
        region.block = header;
        let sum = body(&mut region, counter, sum);
        let next = region.push(Inst::Binary(Binary::Iadd, counter, one));
        let more = region.push(Inst::Icmp(Compare::Lt, next, end));
        let (back, done) = (region.new_block(), region.new_block());
        region.end(Terminator::Branch(more, back, done));
        region.block = back;
        region.end(Terminator::Jump(header, vec![next, sum]));
        region.block = done;
        let mut region = region.finish();
        let cfg = Cfg::of(&region);
        pair(&mut region, &cfg);
        in_loops(&region)
    }

    fn float(region: &mut TestRegion, inst: Inst) -> Val {
        let val = region.push(inst);
        region.region.reprs[val.0 as usize] = Repr::F64;
        val
    }

    #[test]
    fn divisions_by_what_the_counter_gives_are_paired_with_their_operands() {
        let text = paired(|region, counter, sum| {
            let x = float(region, Inst::Unary(Unary::IntToFloat, counter));
            let square = float(region, Inst::Binary(Binary::Fmul, x, x));
            let quotient = float(region, Inst::Binary(Binary::Fdiv, x, square));
            float(region, Inst::Binary(Binary::Fadd, sum, quotient))
        });
        let count = |what: &str| text.matches(what).count();
        assert_eq!((count("fdiv"), count("fmul"), count("pack"), count("fadd")), (1, 1, 1, 2), "{text}");
    }

    #[test]
    fn what_is_needed_alone_is_not_packed() {
        let text = paired(|region, counter, sum| {
            let x = float(region, Inst::Unary(Unary::IntToFloat, counter));
            let square = float(region, Inst::Binary(Binary::Fmul, x, x));
            let quotient = float(region, Inst::Binary(Binary::Fdiv, x, square));
            let both = float(region, Inst::Binary(Binary::Fadd, quotient, square));
            float(region, Inst::Binary(Binary::Fadd, sum, both))
        });
        assert_eq!((text.matches("fdiv").count(), text.matches("fmul").count()), (1, 2), "{text}");
    }

    #[test]
    fn a_division_that_waits_for_the_last_one_is_left_alone() {
        let text = paired(|region, counter, sum| {
            let x = float(region, Inst::Unary(Unary::IntToFloat, counter));
            float(region, Inst::Binary(Binary::Fdiv, x, sum))
        });
        assert!(text.matches("fdiv").count() == 1 && !text.contains("pack"), "{text}");
    }

    #[test]
    fn what_is_read_from_memory_is_not_read_ahead() {
        let text = paired(|region, counter, sum| {
            let x = region.push(Inst::LoadElement { element: Element::Float, data: Val(1), index: counter });
            let quotient = float(region, Inst::Binary(Binary::Fdiv, x, x));
            float(region, Inst::Binary(Binary::Fadd, sum, quotient))
        });
        assert!(text.matches("fdiv").count() == 1 && !text.contains("pack"), "{text}");
    }

    #[test]
    fn a_loop_whose_values_are_used_behind_it_is_left_alone() {
        let mut region = TestRegion::new();
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 8));
        let mut used = zero;
        region.counted(zero, 1, Compare::Lt, end, |region, counter| {
            let x = float(region, Inst::Unary(Unary::IntToFloat, counter));
            used = float(region, Inst::Binary(Binary::Fdiv, x, x));
        });
        let after = region.new_block();
        region.end(Terminator::Jump(after, Vec::new()));
        region.block = after;
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 8, value: used });
        let mut region = region.finish();
        let blocks = region.order.len();
        let cfg = Cfg::of(&region);
        pair(&mut region, &cfg);
        assert_eq!(region.order.len(), blocks);
    }
}
