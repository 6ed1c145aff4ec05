//! Global value numbering over dominators, after Briggs, Cooper and Simpson, *Value Numbering*: one walk in the
//! region's order with a table of what was computed. An entry serves where the block it stands in dominates.
//!
//! - **Constants** are kept once, at the head of the entry block; the backend makes them anew where they are used.
//! - **Loads** are numbered together with a version of the memory they read. Each kind of memory has its own; a store
//!   or a helper starts a new one. Objects do not overlap, so a store into a field changes those at its offset alone.
//!   Where control meets, a version goes on if all edges agree, and at a header unless the loop writes the memory.
//! - **Stores** make the value stored known to later loads of the same place. A store to another place of the same
//!   object leaves it known. What stores the word that is there already, such as the tag of a field that was tested
//!   for it, is dropped.
//! - **Division** by constants is expanded ([`division`]), so that quotient and remainder share their work.
//! - **Guards** whose condition has passed before are dropped. What branches say is not used: what a guard protects
//!   would then rest on the branch, and [`super::hoist`] knows guards only.

use rustc_hash::FxHashMap;

use super::cfg::Cfg;
use super::division;
use super::fold::{Folded, Values, fold, int_of};
use crate::jit::ir::{Binary, BlockId, Compare, Inst, Mem, MemSet, Region, Repr, Terminator, Unary, Val, Width};
use crate::runtime::object::{Header, ObjKind};

/// Numbers the values of a region.
pub fn number(region: &mut Region, cfg: &Cfg) {
    let loop_writes = cfg.loop_writes(region);
    let mut numbering = Numbering {
        rename: (0..region.reprs.len() as u32).map(Val).collect(),
        definitions: vec![None; region.reprs.len()],
        reprs: std::mem::take(&mut region.reprs),
        constants: FxHashMap::default(),
        pool: Vec::new(),
        table: FxHashMap::default(),
        passed: FxHashMap::default(),
        versions: Versions::default(),
        next_version: 1,
        stored: Vec::new(),
        remainders: FxHashMap::default(),
        cfg,
        block: region.order[0],
    };
    let mut at_end = vec![Versions::default(); region.blocks.len()];
    for place in 0..region.order.len() {
        let id = region.order[place];
        numbering.block = id;
        numbering.enter(region, &at_end, &loop_writes);
        let insts = std::mem::take(&mut region.block_mut(id).insts);
        let mut kept = Vec::with_capacity(insts.len());
        for (result, inst) in insts {
            numbering.visit(result, inst, &mut kept);
        }
        at_end[id.0 as usize] = numbering.versions.clone();
        region.block_mut(id).insts = kept;
    }
    let Numbering { rename, definitions, pool, reprs, .. } = numbering;
    region.reprs = reprs;
    let entry = region.order[0];
    region.block_mut(entry).insts.splice(0..0, pool.into_iter().map(|(val, inst)| (Some(val), inst)));
    let resolve = |val: &mut Val| *val = rename.get(val.0 as usize).copied().unwrap_or(*val);
    for place in 0..region.order.len() {
        let block = region.block_mut(region.order[place]);
        block.end.for_each_arg_mut(resolve);
        while let Terminator::Branch(condition, yes, no) = block.end
            && let Some(Some(Inst::Unary(Unary::Not, inner))) = definitions.get(condition.0 as usize)
        {
            block.end = Terminator::Branch(*inner, no, yes);
        }
    }
    region.exits.iter_mut().for_each(|exit| exit.for_each_val_mut(resolve));
    region.loops.iter_mut().for_each(|region_loop| region_loop.entry.for_each_val_mut(resolve));
    region.cells.iter_mut().for_each(resolve);
}

/// A word in memory whose value is known since a store in this block.
struct Stored {
    mem: Mem,
    base: Val,
    offset: i32,
    value: Val,
}

/// Which state of memory loads read. What is equal was read from memory that nothing has written in between.
#[derive(Clone, Default)]
struct Versions {
    kinds: [u32; MemSet::KINDS],
    /// Of the fields at an offset, where stores have started one since that of the kind.
    fields: FxHashMap<i32, u32>,
}

impl Versions {
    /// More offsets are not told apart: this is copied at the end of each block.
    const MAX_FIELDS: usize = 32;

    /// The version of the word at `offset` from an object, in memory of a kind.
    fn of_word(&self, mem: Mem, offset: i32) -> u32 {
        let kind = MemSet::of(mem).kinds().next().map_or(0, |kind| self.kinds[kind]);
        match self.fields.get(&offset) {
            Some(field) if mem == Mem::Field => kind.max(*field),
            _ => kind,
        }
    }

    fn of(&self, inst: &Inst) -> u32 {
        match *inst {
            Inst::Load { mem, offset, .. } => self.of_word(mem, offset),
            _ => inst.reads().kinds().next().map_or(0, |kind| self.kinds[kind]),
        }
    }
}

struct Numbering<'a> {
    /// What stands for each value.
    rename: Vec<Val>,
    /// Pure instructions by what they define.
    definitions: Vec<Option<Inst>>,
    reprs: Vec<Repr>,
    constants: FxHashMap<Inst, Val>,
    pool: Vec<(Val, Inst)>,
    /// By instruction and version of the memory it reads: value and block.
    table: FxHashMap<(Inst, u32), (Val, BlockId)>,
    /// Conditions of guards that have passed.
    passed: FxHashMap<(Val, bool), BlockId>,
    versions: Versions,
    next_version: u32,
    stored: Vec<Stored>,
    /// Remainders by constants: dividend and divisor.
    remainders: FxHashMap<Val, (Val, i64)>,
    cfg: &'a Cfg,
    block: BlockId,
}

impl Values for Numbering<'_> {
    fn definition(&self, val: Val) -> Option<&Inst> {
        self.definitions[val.0 as usize].as_ref()
    }

    fn constant(&mut self, inst: Inst) -> Val {
        if let Some(val) = self.constants.get(&inst) {
            return *val;
        }
        let repr = match inst {
            Inst::Float(_) => Repr::F64,
            Inst::Bool(_) => Repr::Bool,
            _ => Repr::I64,
        };
        let val = self.new_val(repr);
        self.definitions[val.0 as usize] = Some(inst.clone());
        self.keep_constant(val, inst);
        val
    }
}

impl Numbering<'_> {
    fn new_val(&mut self, repr: Repr) -> Val {
        self.reprs.push(repr);
        let val = Val(self.reprs.len() as u32 - 1);
        self.rename.push(val);
        self.definitions.push(None);
        val
    }

    fn keep_constant(&mut self, val: Val, inst: Inst) {
        self.constants.insert(inst.clone(), val);
        self.pool.push((val, inst));
    }

    /// The versions of memory at the start of the block.
    fn enter(&mut self, region: &Region, at_end: &[Versions], loop_writes: &[MemSet]) {
        self.stored.clear();
        let (cfg, block) = (self.cfg, self.block);
        let mut preds = cfg.preds(block).iter().filter(|pred| cfg.is_before(**pred, block));
        let Some(first) = preds.next() else { return };
        self.versions = at_end[first.0 as usize].clone();
        let others = preds.map(|pred| &at_end[pred.0 as usize]);
        for kind in MemSet::ALL.kinds() {
            if others.clone().any(|other| other.kinds[kind] != self.versions.kinds[kind]) {
                self.start_version(kind);
            }
        }
        let mut offsets: Vec<i32> = others.clone().flat_map(|other| other.fields.keys()).copied().collect();
        offsets.extend(self.versions.fields.keys());
        offsets.sort_unstable();
        offsets.dedup();
        for offset in offsets {
            let version = self.versions.of_word(Mem::Field, offset);
            if others.clone().any(|other| other.of_word(Mem::Field, offset) != version) {
                self.start_field_version(offset);
            }
        }
        if region.block(self.block).is_loop_header
            && let Some(index) = cfg.innermost(self.block)
            && region.loops[index].header == self.block
        {
            loop_writes[index].kinds().for_each(|kind| self.start_version(kind));
        }
    }

    fn start_version(&mut self, kind: usize) {
        self.versions.kinds[kind] = self.next_version;
        self.next_version += 1;
        if MemSet::of(Mem::Field).kinds().next() == Some(kind) {
            self.versions.fields.clear();
        }
    }

    /// Starts a version of the fields at an offset.
    fn start_field_version(&mut self, offset: i32) {
        if self.versions.fields.len() >= Versions::MAX_FIELDS && !self.versions.fields.contains_key(&offset) {
            MemSet::of(Mem::Field).kinds().for_each(|kind| self.start_version(kind));
            return;
        }
        self.versions.fields.insert(offset, self.next_version);
        self.next_version += 1;
    }

    fn visit(&mut self, result: Option<Val>, mut inst: Inst, kept: &mut Vec<(Option<Val>, Inst)>) {
        inst.for_each_arg_mut(|val| *val = self.rename[val.0 as usize]);
        match result {
            Some(val) if inst.is_pure() => self.visit_pure(val, inst, kept),
            _ => {
                if let Inst::Guard { condition, expect, .. } = &mut inst {
                    while let Some(Inst::Unary(Unary::Not, inner)) = self.definition(*condition) {
                        (*condition, *expect) = (*inner, !*expect);
                    }
                    if self.definition(*condition) == Some(&Inst::Bool(*expect)) {
                        return;
                    }
                    match self.passed.get(&(*condition, *expect)) {
                        Some(block) if self.cfg.dominates(*block, self.block) => return,
                        _ => _ = self.passed.insert((*condition, *expect), self.block),
                    }
                }
                if self.is_there_already(&inst) {
                    return;
                }
                self.write(&inst);
                if let (Some(object), Inst::Make { shape, words, .. }) = (result, &inst)
                    && shape.kind != ObjKind::List
                {
                    self.remember_made(object, words);
                }
                kept.push((result, inst));
            }
        }
    }

    /// Makes loads of the words of a new object give what it was made with.
    fn remember_made(&mut self, object: Val, words: &[Val]) {
        for (index, &word) in words.iter().enumerate() {
            let repr = self.reprs[word.0 as usize];
            let offset = (size_of::<Header>() + index * size_of::<u64>()) as i32;
            for mem in [Mem::Header, Mem::Field, Mem::Capture].into_iter().filter(|_| repr != Repr::Bool) {
                let load = Inst::Load { mem, base: object, offset, repr, width: Width::Full };
                let version = self.versions.of(&load);
                self.table.insert((load, version), (word, self.block));
            }
        }
    }

    /// Divides by a constant, or takes the remainder, without dividing, if the instruction does that.
    fn expand_division(&mut self, val: Val, inst: &Inst, kept: &mut Vec<(Option<Val>, Inst)>) -> bool {
        let Inst::Binary(op @ (Binary::Idiv | Binary::Irem), a, by) = *inst else { return false };
        let Some(divisor) = int_of(self, by) else { return false };
        let mut push = |inst| self.append(inst, kept);
        let Some(quotient) = division::quotient(a, divisor, &mut push) else { return false };
        if op == Binary::Idiv {
            self.rename[val.0 as usize] = quotient;
            return true;
        }
        let product = push(Inst::Binary(Binary::Imul, quotient, by));
        self.visit_pure(val, Inst::Binary(Binary::Isub, a, product), kept);
        self.remainders.insert(self.rename[val.0 as usize], (a, divisor));
        true
    }

    /// Whether a remainder by a power of two is 0 is seen from the lower bits, whatever the sign.
    fn test_lower_bits(&mut self, inst: &Inst, kept: &mut Vec<(Option<Val>, Inst)>) -> Option<Inst> {
        let Inst::Icmp(op @ (Compare::Eq | Compare::Ne), remainder, zero) = *inst else { return None };
        let &(a, divisor) = self.remainders.get(&remainder)?;
        let size = divisor.unsigned_abs();
        if int_of(self, zero) != Some(0) || !size.is_power_of_two() {
            return None;
        }
        let mask = self.constant(Inst::Int(size as i64 - 1));
        let lower = self.append(Inst::Binary(Binary::And, a, mask), kept);
        Some(Inst::Icmp(op, lower, zero))
    }

    /// Numbers a new instruction that gives an int.
    fn append(&mut self, inst: Inst, kept: &mut Vec<(Option<Val>, Inst)>) -> Val {
        if matches!(inst, Inst::Int(_)) {
            return self.constant(inst);
        }
        let val = self.new_val(Repr::I64);
        self.visit_pure(val, inst, kept);
        self.rename[val.0 as usize]
    }

    fn visit_pure(&mut self, val: Val, mut inst: Inst, kept: &mut Vec<(Option<Val>, Inst)>) {
        loop {
            match fold(self, &inst) {
                Folded::Same => break,
                Folded::Val(other) => {
                    self.rename[val.0 as usize] = other;
                    return;
                }
                Folded::Inst(simpler) => inst = simpler,
            }
        }
        if self.expand_division(val, &inst, kept) {
            return;
        }
        if let Some(test) = self.test_lower_bits(&inst, kept) {
            inst = test;
        }
        if matches!(inst, Inst::Int(_) | Inst::Float(_) | Inst::Bool(_)) {
            match self.constants.get(&inst) {
                Some(known) => self.rename[val.0 as usize] = *known,
                None => {
                    self.definitions[val.0 as usize] = Some(inst.clone());
                    self.keep_constant(val, inst);
                }
            }
            return;
        }
        let key = (inst.clone(), self.versions.of(&inst));
        match self.table.get(&key) {
            Some((known, block)) if self.cfg.dominates(*block, self.block) => self.rename[val.0 as usize] = *known,
            _ => {
                self.table.insert(key, (val, self.block));
                self.definitions[val.0 as usize] = Some(inst.clone());
                kept.push((Some(val), inst));
            }
        }
    }

    /// Whether an instruction stores the word that is there, as a load or a store and a guard have told.
    fn is_there_already(&self, inst: &Inst) -> bool {
        let Inst::Store { mem, base, offset, value } = *inst else { return false };
        let load = Inst::Load { mem, base, offset, repr: Repr::I64, width: Width::Full };
        let known = |key: &(Inst, u32)| {
            self.table.get(key).filter(|(_, block)| self.cfg.dominates(*block, self.block)).map(|(val, _)| *val)
        };
        let version = self.versions.of(&load);
        let Some(there) = known(&(load, version)) else { return false };
        let passed = |condition: Val| {
            self.passed.get(&(condition, true)).is_some_and(|block| self.cfg.dominates(*block, self.block))
        };
        there == value || known(&(Inst::Icmp(Compare::Eq, there, value), 0)).is_some_and(passed)
    }

    fn write(&mut self, inst: &Inst) {
        match *inst {
            Inst::Store { mem: Mem::Field, offset, .. } => self.start_field_version(offset),
            _ => inst.writes().kinds().for_each(|kind| self.start_version(kind)),
        }
        match *inst {
            Inst::Store { mem, base, offset, value } => {
                let size = size_of::<u64>() as i32;
                self.stored.retain(|known| {
                    let is_elsewhere = (known.offset - offset).abs() >= size;
                    known.mem != mem || is_elsewhere && (known.base == base || mem == Mem::Field)
                });
                self.stored.push(Stored { mem, base, offset, value });
                for index in 0..self.stored.len() {
                    self.remember_stored(index);
                }
            }
            Inst::Call { .. } | Inst::CallFunction { .. } => {
                let writes = inst.writes();
                self.stored.retain(|known| !writes.meets(MemSet::of(known.mem)));
            }
            _ => {}
        }
    }

    /// Makes loads of a stored word, at the present version of its memory, give what was stored.
    fn remember_stored(&mut self, index: usize) {
        let Stored { mem, base, offset, value } = self.stored[index];
        let load = |repr| Inst::Load { mem, base, offset, repr, width: Width::Full };
        let mut remember = |repr, val| {
            let version = self.versions.of_word(mem, offset);
            self.table.insert((load(repr), version), (val, self.block));
        };
        match self.reprs[value.0 as usize] {
            Repr::Bool => {}
            repr => remember(repr, value),
        }
        if let Some(&Inst::Unary(Unary::FloatToBits, float)) = self.definitions[value.0 as usize].as_ref() {
            remember(Repr::F64, float);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, text};

    fn numbered(region: TestRegion) -> String {
        let mut region = region.finish();
        let cfg = Cfg::of(&region);
        number(&mut region, &cfg);
        let blocks: Vec<String> = region.order.iter().map(|id| text(&region, *id)).collect();
        blocks.concat()
    }

    #[test]
    fn a_load_is_not_repeated_until_its_memory_is_written() {
        let mut region = TestRegion::new();
        let list = region.load(Mem::Frame, Val(1), 8);
        let first = region.len(list);
        let again = region.len(list);
        region.effect(Inst::Store { mem: Mem::Field, base: list, offset: 64, value: again });
        let unharmed = region.len(list);
        region.effect(Inst::Store { mem: Mem::Header, base: list, offset: 64, value: unharmed });
        let changed = region.len(list);
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value: changed });
        let text = numbered(region);
        assert_eq!(text.matches("load header").count(), 2, "{text}");
        assert!(text.contains(&format!("[{list} + 64], {first}")), "{text}");
        assert!(text.contains(&format!("[v1 + 0], {changed}")), "{text}");
    }

    #[test]
    fn a_store_makes_a_load_known_and_spares_its_neighbour() {
        let mut region = TestRegion::new();
        let object = region.load(Mem::Frame, Val(1), 8);
        let other = region.load(Mem::Frame, Val(1), 24);
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset: 32, value: other });
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset: 40, value: object });
        let known = region.load(Mem::Field, object, 32);
        // This may be the same object under another name.
        region.effect(Inst::Store { mem: Mem::Field, base: other, offset: 32, value: known });
        let open = region.load(Mem::Field, object, 32);
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value: open });
        let text = numbered(region);
        assert_eq!(text.matches("load field").count(), 1, "{text}");
        assert!(text.contains(&format!("store field [{other} + 32], {other}")), "{text}");
    }

    #[test]
    fn a_store_into_a_field_changes_those_at_its_offset_alone() {
        let mut region = TestRegion::new();
        let object = region.load(Mem::Frame, Val(1), 8);
        let other = region.load(Mem::Frame, Val(1), 24);
        let first = region.load(Mem::Field, object, 32);
        let second = region.load(Mem::Field, object, 40);
        let zero = region.int(0);
        let is_zero = region.push(Inst::Icmp(Compare::Eq, first, zero));
        region.when(is_zero, |region| {
            region.effect(Inst::Store { mem: Mem::Field, base: other, offset: 40, value: first });
        });
        let unharmed = region.load(Mem::Field, object, 32);
        let open = region.load(Mem::Field, object, 40);
        let sum = region.push(Inst::Binary(Binary::Iadd, unharmed, open));
        let sum = region.push(Inst::Binary(Binary::Iadd, sum, second));
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value: sum });
        let text = numbered(region);
        assert_eq!(text.matches(&format!("load field [{object} + 32]")).count(), 1, "{text}");
        assert_eq!(text.matches(&format!("load field [{object} + 40]")).count(), 2, "{text}");
    }

    #[test]
    fn what_is_there_already_is_not_stored() {
        // What happens to the field between its test and the store, and how many stores are left.
        type Between = fn(&mut TestRegion, Val, Val);
        let cases: [(Between, usize); 4] = [
            (|_, _, _| (), 0),
            (
                |region, other, float| {
                    region.effect(Inst::Store { mem: Mem::Field, base: other, offset: 40, value: float })
                },
                1,
            ),
            (
                |region, other, float| {
                    region.effect(Inst::Store { mem: Mem::Field, base: other, offset: 32, value: float })
                },
                2,
            ),
            (
                |region, other, _| {
                    let helper = crate::jit::helpers::Helper::Step;
                    let writes = MemSet::of(Mem::Field);
                    region.effect(Inst::Call { helper, args: vec![Val(0), other], writes });
                },
                1,
            ),
        ];
        for (index, (between, stores)) in cases.into_iter().enumerate() {
            let mut region = TestRegion::new();
            let object = region.load(Mem::Frame, Val(1), 8);
            let other = region.load(Mem::Frame, Val(1), 24);
            let float = region.int(1);
            let tag = region.load(Mem::Field, object, 32);
            let same = region.push(Inst::Icmp(Compare::Eq, tag, float));
            region.guard(same, ExitReason::Field);
            between(&mut region, other, float);
            region.effect(Inst::Store { mem: Mem::Field, base: object, offset: 32, value: float });
            assert_eq!(numbered(region).matches("store field").count(), stores, "case {index}");
        }
        // Without a guard nothing is known.
        let mut region = TestRegion::new();
        let object = region.load(Mem::Frame, Val(1), 8);
        let float = region.int(1);
        let tag = region.load(Mem::Field, object, 32);
        region.effect(Inst::Store { mem: Mem::Frame, base: Val(1), offset: 0, value: tag });
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset: 32, value: float });
        assert_eq!(numbered(region).matches("store field").count(), 1);
    }

    #[test]
    fn a_loop_that_writes_memory_reads_it_again() {
        for (helper_writes, loads) in [(MemSet::LISTS, 2), (MemSet::of(Mem::Field), 1)] {
            let mut region = TestRegion::new();
            let list = region.load(Mem::Frame, Val(1), 8);
            let before = region.len(list);
            let zero = region.int(0);
            region.counted(zero, 1, Compare::Lt, before, |region, _| {
                let len = region.len(list);
                region.effect(Inst::Store { mem: Mem::Globals, base: Val(1), offset: 0, value: len });
                let helper = crate::jit::helpers::Helper::Step;
                region.effect(Inst::Call { helper, args: vec![Val(0), len], writes: helper_writes });
            });
            let text = numbered(region);
            assert_eq!(text.matches("load header").count(), loads, "{text}");
        }
    }

    #[test]
    fn a_guard_that_passed_before_is_dropped_where_it_dominates_only() {
        let mut region = TestRegion::new();
        let word = region.load(Mem::Frame, Val(1), 0);
        let zero = region.int(0);
        let positive = region.push(Inst::Icmp(Compare::Gt, word, zero));
        let odd = region.push(Inst::Icmp(Compare::Ne, word, zero));
        region.when(odd, |region| {
            region.guard(positive, ExitReason::Domain);
            let again = region.push(Inst::Icmp(Compare::Gt, word, zero));
            region.guard(again, ExitReason::Domain);
        });
        region.guard(positive, ExitReason::Domain);
        let text = numbered(region);
        assert_eq!(text.matches("guard").count(), 2, "{text}");
    }
}
