//! Promotion: words of objects that a loop reads and writes live in machine registers while it runs. They are loaded in
//! front of the loop and stored behind it; each exit in between says which stores it has to make up for
//! ([`Exit::stores`]). Words that are only read are just loaded in front. Register promotion as in Lu and Cooper,
//! *Register Promotion in C Programs*, with the exits of sinking in LuaJIT.
//!
//! # What may be promoted
//! A word is a place of 8 bytes in an instance, a cell, or among the globals: tag or payload of a value; or a count of
//! work. Its object must be the same in all iterations.
//! - **Nothing else sees it**: the loop calls no function, and no helper that looks at fields
//!   ([`Helper::heap`](crate::jit::helpers::Helper::heap)).
//!   Nothing is collected inside a loop, since helpers that allocate leave native code instead.
//! - **No other name for it**: objects do not overlap, so only the same offset from another base can be the same word.
//!   That is excluded where the structs differ. If the other base does not change in the loop either, the two are
//!   compared in front of it.
//! - **It can be read in front of the loop**: a guard that dominates the preheader has found the object's struct, which
//!   has the slot; cells were checked in the entry block; globals always exist.
//!
//! The tag of a promoted field mostly stays what it is. If all stores put the same constant there and a guard of the
//! loop looks for this constant, the guard is made once in front of the loop, and the tag is that constant from then
//! on.
//!
//! Outer loops go first: what is promoted in one is in registers throughout those in it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::SpeculationBan;
use super::cfg::{Cfg, LoopBlocks};
use crate::jit::ir::{
    BlockId, Compare, Exit, ExitId, ExitReason, Inst, Loop, Mem, MemSet, Region, Repr, Terminator, Unary, Val, Width,
    Word,
};
use crate::runtime::object::{Cell, Instance};
use crate::runtime::value::Value;

/// Words a loop writes that are promoted at most: beyond, they would only move from objects to the native stack.
const MAX_WRITTEN: usize = 12;

/// Kinds of memory whose words are promoted.
const PROMOTED: [Mem; 3] = [Mem::Field, Mem::Globals, Mem::Count];

fn is_promoted(mem: Mem) -> bool {
    PROMOTED.contains(&mem)
}

/// Promotes words in the loops of a region. Whether anything was changed.
pub fn promote(region: &mut Region, cfg: &Cfg, ban: &SpeculationBan) -> bool {
    let is_access = |inst: &Inst| match inst {
        Inst::Load { mem, .. } | Inst::Store { mem, .. } => is_promoted(*mem),
        _ => false,
    };
    let in_loops = |id: &&BlockId| cfg.innermost(**id).is_some();
    if !region.order.iter().filter(in_loops).any(|id| region.block(*id).insts.iter().any(|(_, inst)| is_access(inst))) {
        return false;
    }
    let mut promoter = Promoter::new(region, cfg, ban);
    for blocks in &cfg.loops {
        promoter.run_loop(blocks);
    }
    promoter.finish()
}

/// How a loop uses a word.
#[derive(Default)]
struct Uses {
    /// Blocks that read or write it, each with the place of the access.
    accesses: Vec<(BlockId, usize)>,
    /// What is stored.
    stored: Vec<Val>,
    /// Loads as a float, and as bits.
    loads: [usize; 2],
}

/// A word that is promoted in the loop at hand.
struct Promoted {
    word: Word,
    repr: Repr,
    /// Its value in front of the loop; for a word that does not change, everywhere in it.
    init: Val,
    /// Whether the loop stores it.
    is_written: bool,
}

/// A guard of the struct of an instance.
struct StructGuard {
    instance: Val,
    id: u32,
    block: BlockId,
    place: usize,
}

struct Promoter<'a> {
    region: &'a mut Region,
    cfg: &'a Cfg,
    ban: &'a SpeculationBan,
    /// What stands for each value.
    rename: Vec<Val>,
    /// Pure instructions by what they define.
    definitions: Vec<Option<Inst>>,
    /// The block that each value is defined in; `None` for the two that the region begins with.
    defined_in: Vec<Option<BlockId>>,
    guards: Vec<StructGuard>,
    /// How many places leave by each exit.
    exit_uses: Vec<usize>,
    changed: bool,
}

impl<'a> Promoter<'a> {
    fn new(region: &'a mut Region, cfg: &'a Cfg, ban: &'a SpeculationBan) -> Promoter<'a> {
        let count = region.reprs.len();
        let (mut definitions, mut defined_in, mut exit_uses) =
            (vec![None; count], vec![None; count], vec![0; region.exits.len()]);
        for &id in &region.order {
            let block = region.block(id);
            block.params.iter().for_each(|param| defined_in[param.0 as usize] = Some(id));
            for (result, inst) in &block.insts {
                if let Some(result) = result {
                    defined_in[result.0 as usize] = Some(id);
                    definitions[result.0 as usize] = inst.is_pure().then(|| inst.clone());
                }
                if let Some(exit) = inst.exit() {
                    exit_uses[exit.0 as usize] += 1;
                }
            }
            if let Terminator::Exit(exit) = block.end {
                exit_uses[exit.0 as usize] += 1;
            }
        }
        let rename = (0..count as u32).map(Val).collect();
        let mut promoter = Promoter {
            region,
            cfg,
            ban,
            rename,
            definitions,
            defined_in,
            guards: Vec::new(),
            exit_uses,
            changed: false,
        };
        promoter.find_guards();
        promoter
    }

    /// Finds the guards of structs; to be called again when instructions have moved.
    fn find_guards(&mut self) {
        self.guards.clear();
        for &id in &self.region.order {
            for (place, (_, inst)) in self.region.block(id).insts.iter().enumerate() {
                if let Inst::Guard { condition, expect: true, .. } = inst
                    && let Some(Inst::Icmp(Compare::Eq, found, wanted)) = &self.definitions[condition.0 as usize]
                    && let Some(Inst::Load { mem: Mem::Header, base, offset, .. }) = &self.definitions[found.0 as usize]
                    && let Some(Inst::Int(wanted)) = &self.definitions[wanted.0 as usize]
                    && *offset == Instance::STRUCT_OFFSET as i32
                    && self.region.struct_slots.contains_key(&(*wanted as u32))
                {
                    self.guards.push(StructGuard { instance: *base, id: *wanted as u32, block: id, place });
                }
            }
        }
    }

    fn resolve(&self, mut val: Val) -> Val {
        while self.rename[val.0 as usize] != val {
            val = self.rename[val.0 as usize];
        }
        val
    }

    fn int_of(&self, val: Val) -> Option<i64> {
        match self.definitions[self.resolve(val).0 as usize] {
            Some(Inst::Int(value)) => Some(value),
            _ => None,
        }
    }

    fn is_invariant(&self, index: usize, val: Val) -> bool {
        let block = self.defined_in[val.0 as usize];
        block.is_none_or(|block| !self.cfg.is_within(self.cfg.innermost(block), index))
    }

    fn new_val(&mut self, repr: Repr, block: BlockId, inst: Option<Inst>) -> Val {
        let val = self.region.new_val(repr);
        self.rename.push(val);
        self.definitions.push(inst);
        self.defined_in.push(Some(block));
        val
    }

    /// Appends an instruction to the preheader of a loop.
    fn push_before(&mut self, index: usize, inst: Inst, repr: Repr) -> Val {
        let preheader = self.region.loops[index].preheader;
        let val = self.new_val(repr, preheader, Some(inst.clone()));
        self.region.block_mut(preheader).insts.push((Some(val), inst));
        val
    }

    /// Makes a guard in front of a loop.
    fn guard_before(&mut self, index: usize, condition: Val, expect: bool, reason: ExitReason) {
        let Loop { preheader, ref entry, .. } = self.region.loops[index];
        let is_entry = entry.reason == ExitReason::EntryType && reason != ExitReason::Hoisted;
        let exit = Exit { reason: if is_entry { ExitReason::EntryType } else { reason }, ..entry.clone() };
        let exit = self.new_exit(exit);
        self.region.block_mut(preheader).insts.push((None, Inst::Guard { condition, expect, exit }));
    }

    fn new_exit(&mut self, exit: Exit) -> ExitId {
        self.exit_uses.push(1);
        self.region.new_exit(exit)
    }

    fn run_loop(&mut self, blocks: &LoopBlocks) {
        let index = blocks.index;
        if !self.has_usual_form(blocks) {
            return;
        }
        if self.changed {
            self.find_guards();
        }
        let uses = self.uses(blocks);
        let mut words: Vec<Word> = uses.keys().copied().collect();
        words.sort_unstable();
        let mut promoted: Vec<Promoted> = Vec::new();
        let mut distinct: Vec<(Val, Val)> = Vec::new();
        for word in words {
            let is_written = !uses[&word].stored.is_empty();
            let room = !is_written || promoted.iter().filter(|promoted| promoted.is_written).count() < MAX_WRITTEN;
            if !room || !self.is_invariant(index, word.base) || !self.can_be_read_before(index, word) {
                continue;
            }
            let Some(rivals) = self.rivals(index, word, &uses) else { continue };
            if !rivals.is_empty() && self.ban.applies_to(&self.region.loops[index]) {
                continue;
            }
            for rival in rivals {
                let pair = (word.base.min(rival), word.base.max(rival));
                if !distinct.contains(&pair) {
                    distinct.push(pair);
                    let same = self.push_before(index, Inst::Icmp(Compare::Eq, pair.0, pair.1), Repr::Bool);
                    self.guard_before(index, same, false, ExitReason::Hoisted);
                }
            }
            promoted.push(self.load_before(blocks, word, &uses[&word]));
        }
        if !promoted.is_empty() {
            self.changed = true;
            self.rewrite(blocks, &promoted);
        }
    }

    /// Whether blocks where control meets can take parameters, and those behind the loop are reached from it only.
    fn has_usual_form(&self, blocks: &LoopBlocks) -> bool {
        blocks.blocks.iter().all(|&id| {
            let preds = self.cfg.preds(id);
            let meets = preds.len() <= 1
                || preds.iter().all(|pred| matches!(self.region.block(*pred).end, Terminator::Jump(..)));
            let mut targets = self.region.block(id).end.successors();
            let leaves_alone = targets.all(|target| {
                let inside = self.cfg.is_within(self.cfg.innermost(target), blocks.index);
                inside || self.cfg.only_pred(target) == Some(id)
            });
            meets && leaves_alone
        })
    }

    /// The words that a loop reads or writes and that nothing else in it may look at.
    fn uses(&self, blocks: &LoopBlocks) -> FxHashMap<Word, Uses> {
        let mut uses: FxHashMap<Word, Uses> = FxHashMap::default();
        let mut seen = PROMOTED.map(|mem| (mem, false));
        for &id in &blocks.blocks {
            for (place, (result, inst)) in self.region.block(id).insts.iter().enumerate() {
                seen.iter_mut().for_each(|(mem, seen)| *seen |= sees(inst, *mem));
                let (word, stored) = match *inst {
                    Inst::Load { mem, base, offset, width: Width::Full, .. } => (Word { mem, base, offset }, None),
                    Inst::Store { mem, base, offset, value } => (Word { mem, base, offset }, Some(value)),
                    _ => continue,
                };
                if !is_promoted(word.mem) {
                    continue;
                }
                let uses = uses.entry(Word { base: self.resolve(word.base), ..word }).or_default();
                uses.accesses.push((id, place));
                match (stored, result) {
                    (Some(value), _) => uses.stored.push(value),
                    (None, Some(result)) => uses.loads[usize::from(self.region.repr(*result) != Repr::F64)] += 1,
                    _ => {}
                }
            }
        }
        uses.retain(|word, _| !seen.contains(&(word.mem, true)));
        uses
    }

    fn can_be_read_before(&self, index: usize, word: Word) -> bool {
        let end = word.offset + size_of::<u64>() as i32;
        match word.mem {
            Mem::Globals | Mem::Count => true,
            _ if self.is_cell(word.base) => end <= (Cell::VALUE_OFFSET + size_of::<Value>()) as i32,
            _ => self.struct_before(index, word.base).is_some_and(|id| {
                let slots = self.region.struct_slots.get(&id).copied().unwrap_or(0);
                word.offset >= Instance::SLOTS_OFFSET as i32
                    && end <= (Instance::SLOTS_OFFSET + slots * size_of::<Value>()) as i32
            }),
        }
    }

    fn is_cell(&self, val: Val) -> bool {
        self.region.cells.iter().any(|cell| self.resolve(*cell) == val)
    }

    /// The struct that an instance was found to be of in front of a loop.
    fn struct_before(&self, index: usize, instance: Val) -> Option<u32> {
        let preheader = self.region.loops[index].preheader;
        let mut guards = self.guards.iter().filter(|guard| self.resolve(guard.instance) == instance);
        guards.find(|guard| self.cfg.dominates(guard.block, preheader)).map(|guard| guard.id)
    }

    /// Other objects that must be shown to differ from that of a word, because the loop stores one of the two words;
    /// `None` if that cannot be done.
    fn rivals(&self, index: usize, word: Word, uses: &FxHashMap<Word, Uses>) -> Option<Vec<Val>> {
        let mut rivals = Vec::new();
        for (other, other_uses) in uses {
            let same_place = (other.mem, other.offset) == (word.mem, word.offset) && other.base != word.base;
            let one_is_written = !(other_uses.stored.is_empty() && uses[&word].stored.is_empty());
            if !same_place || !one_is_written || self.differ(index, word.base, other.base, other_uses) {
                continue;
            }
            if !self.is_invariant(index, other.base) {
                return None;
            }
            rivals.push(other.base);
        }
        rivals.sort_unstable();
        Some(rivals)
    }

    /// Whether an object is certainly not the one that is accessed in these places.
    fn differ(&self, index: usize, object: Val, other: Val, uses: &Uses) -> bool {
        if self.is_cell(object) || self.is_cell(other) {
            return self.is_cell(object) != self.is_cell(other)
                && (self.struct_before(index, object).is_some() || self.has_struct(other, uses, |_| true));
        }
        let Some(own) = self.struct_before(index, object) else { return false };
        self.has_struct(other, uses, |id| id != own)
    }

    /// Whether guards in front of all these accesses have found the instance to be of a struct that suits.
    fn has_struct(&self, instance: Val, uses: &Uses, suits: impl Fn(u32) -> bool) -> bool {
        uses.accesses.iter().all(|&(block, place)| {
            self.guards.iter().any(|guard| {
                let before =
                    if guard.block == block { guard.place < place } else { self.cfg.dominates(guard.block, block) };
                before && self.resolve(guard.instance) == instance && suits(guard.id)
            })
        })
    }

    /// Loads a word in front of a loop.
    fn load_before(&mut self, blocks: &LoopBlocks, word: Word, uses: &Uses) -> Promoted {
        let index = blocks.index;
        let only_floats = uses.loads[0] > 0 && uses.loads[1] == 0;
        let stores_floats = uses.loads[1] == 0
            && !uses.stored.is_empty()
            && uses.stored.iter().all(|stored| self.float_of(*stored).is_some());
        let repr = if only_floats || stores_floats { Repr::F64 } else { Repr::I64 };
        let Word { mem, base, offset } = word;
        let init = self.push_before(index, Inst::Load { mem, base, offset, repr, width: Width::Full }, repr);
        let is_written = !uses.stored.is_empty();
        if let Some((constant, is_met_first)) = self.constant_tag(blocks, word, uses)
            && (is_met_first || !self.ban.applies_to(&self.region.loops[index]))
        {
            let reason = if is_met_first { ExitReason::Field } else { ExitReason::Hoisted };
            let same = self.push_before(index, Inst::Icmp(Compare::Eq, init, constant), Repr::Bool);
            self.guard_before(index, same, true, reason);
            return Promoted { word, repr, init: constant, is_written: false };
        }
        Promoted { word, repr, init, is_written }
    }

    /// The float whose bits a value is.
    fn float_of(&self, val: Val) -> Option<Val> {
        match self.definitions[self.resolve(val).0 as usize] {
            Some(Inst::Unary(Unary::FloatToBits, float)) => Some(self.resolve(float)),
            _ => None,
        }
    }

    /// The constant that all stores of a word put there, if a guard of the loop wants it to be that; and whether each
    /// first iteration meets the guard.
    fn constant_tag(&self, blocks: &LoopBlocks, word: Word, uses: &Uses) -> Option<(Val, bool)> {
        let constant = self.resolve(*uses.stored.first()?);
        let number = self.int_of(constant)?;
        if !uses.stored.iter().all(|stored| self.int_of(*stored) == Some(number))
            || !self.is_invariant(blocks.index, constant)
        {
            return None;
        }
        let mut found = false;
        for &id in &blocks.blocks {
            for (_, inst) in &self.region.block(id).insts {
                let Inst::Guard { condition, expect: true, .. } = inst else { continue };
                let Some(Inst::Icmp(Compare::Eq, a, b)) = self.definitions[condition.0 as usize] else { continue };
                let is_load = matches!(self.definitions[a.0 as usize], Some(Inst::Load { mem, base, offset, .. })
                    if Word { mem, base: self.resolve(base), offset } == word);
                if is_load && self.int_of(b) == Some(number) {
                    if self.is_straight(blocks.index, id) {
                        return Some((constant, true));
                    }
                    found = true;
                }
            }
        }
        found.then_some((constant, false))
    }

    /// Whether control comes to a block from the loop's header without a branch.
    fn is_straight(&self, index: usize, block: BlockId) -> bool {
        let header = self.region.loops[index].header;
        let mut current = block;
        while current != header {
            match self.cfg.only_pred(current) {
                Some(pred) if matches!(self.region.block(pred).end, Terminator::Jump(..)) => current = pred,
                _ => return false,
            }
        }
        true
    }

    /// Makes the loop use values in the place of words, and stores what it has written behind it.
    fn rewrite(&mut self, blocks: &LoopBlocks, promoted: &[Promoted]) {
        let (index, header) = (blocks.index, self.region.loops[blocks.index].header);
        let places: FxHashMap<Word, usize> = promoted.iter().enumerate().map(|(place, p)| (p.word, place)).collect();
        // Which words the loops in it write, by header.
        let all_written: Vec<usize> = (0..promoted.len()).filter(|place| promoted[*place].is_written).collect();
        let written = self.written_in(blocks, &places, &all_written);
        let mut at_end: FxHashMap<BlockId, Vec<Val>> = FxHashMap::default();
        let mut params: FxHashMap<BlockId, Vec<usize>> = FxHashMap::default();
        let preheader = self.region.loops[index].preheader;
        at_end.insert(preheader, promoted.iter().map(|promoted| promoted.init).collect());
        for &id in &blocks.blocks {
            let preds: Vec<BlockId> =
                self.cfg.preds(id).iter().copied().filter(|pred| at_end.contains_key(pred)).collect();
            let mut now = at_end[&preds[0]].clone();
            let changing = match written.get(&id) {
                _ if id == header => all_written.clone(),
                Some(written) => written.clone(),
                None => all_written
                    .iter()
                    .copied()
                    .filter(|place| preds.iter().any(|pred| at_end[pred][*place] != now[*place]))
                    .collect(),
            };
            for &place in &changing {
                let param = self.new_val(promoted[place].repr, id, None);
                self.region.block_mut(id).params.push(param);
                now[place] = param;
            }
            if !changing.is_empty() {
                params.insert(id, changing);
            }
            self.rewrite_block(id, promoted, &places, &mut now);
            at_end.insert(id, now);
        }
        // What jumps pass, and what is stored on the exit edges.
        for (&id, now) in &at_end {
            let mut end = std::mem::replace(&mut self.region.block_mut(id).end, Terminator::None);
            if let Terminator::Jump(target, args) = &mut end
                && let Some(changing) = params.get(target)
            {
                args.extend(changing.iter().map(|place| now[*place]));
            }
            for target in end.successors() {
                if id != preheader && !at_end.contains_key(&target) {
                    let stores = all_written.iter().map(|place| {
                        let Word { mem, base, offset } = promoted[*place].word;
                        (None, Inst::Store { mem, base, offset, value: now[*place] })
                    });
                    self.region.block_mut(target).insts.splice(0..0, stores);
                }
            }
            self.region.block_mut(id).end = end;
        }
        for other in 0..self.region.loops.len() {
            let inner = self.region.loops[other].preheader;
            if other != index
                && inner != preheader
                && let Some(now) = at_end.get(&inner)
            {
                self.region.loops[other].entry.stores.extend(pending(promoted, now));
            }
        }
    }

    /// By header of the loops inside of one, which of the words that change are stored there.
    fn written_in(
        &self,
        blocks: &LoopBlocks,
        places: &FxHashMap<Word, usize>,
        all_written: &[usize],
    ) -> FxHashMap<BlockId, Vec<usize>> {
        let mut written: FxHashMap<BlockId, Vec<usize>> = FxHashMap::default();
        for inner in &self.cfg.loops {
            let header = self.region.loops[inner.index].header;
            if inner.index == blocks.index || !self.cfg.is_within(Some(inner.index), blocks.index) {
                continue;
            }
            let stores = inner.blocks.iter().flat_map(|id| &self.region.block(*id).insts).filter_map(|(_, inst)| {
                let Inst::Store { mem, base, offset, .. } = *inst else { return None };
                places.get(&Word { mem, base: self.resolve(base), offset }).copied()
            });
            let stores: FxHashSet<usize> = stores.collect();
            written.insert(header, all_written.iter().copied().filter(|place| stores.contains(place)).collect());
        }
        written
    }

    /// Replaces the loads and stores of a block; `now` are the values of the promoted words, before and after.
    fn rewrite_block(&mut self, id: BlockId, promoted: &[Promoted], places: &FxHashMap<Word, usize>, now: &mut [Val]) {
        let insts = std::mem::take(&mut self.region.block_mut(id).insts);
        let mut kept = Vec::with_capacity(insts.len());
        for (result, mut inst) in insts {
            match inst {
                Inst::Load { mem, base, offset, width: Width::Full, .. } => {
                    if let (Some(&place), Some(result)) =
                        (places.get(&Word { mem, base: self.resolve(base), offset }), result)
                    {
                        let value = self.converted(now[place], self.region.repr(result), id, &mut kept);
                        self.rename[result.0 as usize] = value;
                        continue;
                    }
                }
                Inst::Store { mem, base, offset, value } => {
                    if let Some(&place) = places.get(&Word { mem, base: self.resolve(base), offset }) {
                        // A word that is not written keeps the constant that it has.
                        if promoted[place].is_written {
                            let value = self.resolve(value);
                            now[place] = self.converted(value, promoted[place].repr, id, &mut kept);
                        }
                        continue;
                    }
                }
                Inst::Guard { ref mut exit, .. } | Inst::Make { ref mut exit, .. } => {
                    *exit = self.with_stores(*exit, promoted, now)
                }
                _ => {}
            }
            kept.push((result, inst));
        }
        self.region.block_mut(id).insts = kept;
    }

    /// A word's value as bits or as a float.
    fn converted(&mut self, val: Val, repr: Repr, block: BlockId, kept: &mut Vec<(Option<Val>, Inst)>) -> Val {
        let val = self.resolve(val);
        let inst = match (self.region.repr(val), repr) {
            (Repr::I64, Repr::F64) => match self.float_of(val) {
                Some(float) => return float,
                None => Inst::Unary(Unary::BitsToFloat, val),
            },
            (Repr::F64, Repr::I64) => Inst::Unary(Unary::FloatToBits, val),
            _ => return val,
        };
        let converted = self.new_val(repr, block, Some(inst.clone()));
        kept.push((Some(converted), inst));
        converted
    }

    /// An exit that makes up for the stores that are put off where it is taken.
    fn with_stores(&mut self, exit: ExitId, promoted: &[Promoted], now: &[Val]) -> ExitId {
        let mut stores = pending(promoted, now).peekable();
        if stores.peek().is_none() {
            return exit;
        }
        if self.exit_uses[exit.0 as usize] == 1 {
            self.region.exits[exit.0 as usize].stores.extend(stores);
            return exit;
        }
        self.exit_uses[exit.0 as usize] -= 1;
        let mut own = self.region.exit(exit).clone();
        own.stores.extend(stores);
        self.new_exit(own)
    }

    /// Applies the renaming. Whether anything was changed.
    fn finish(self) -> bool {
        let Promoter { region, mut rename, changed, .. } = self;
        if !changed {
            return false;
        }
        for index in 0..rename.len() {
            while rename[rename[index].0 as usize] != rename[index] {
                rename[index] = rename[rename[index].0 as usize];
            }
        }
        let resolve = |val: &mut Val| *val = rename[val.0 as usize];
        for place in 0..region.order.len() {
            let block = region.block_mut(region.order[place]);
            block.insts.iter_mut().for_each(|(_, inst)| inst.for_each_arg_mut(resolve));
            block.end.for_each_arg_mut(resolve);
        }
        region.exits.iter_mut().for_each(|exit| exit.for_each_val_mut(resolve));
        region.loops.iter_mut().for_each(|region_loop| region_loop.entry.for_each_val_mut(resolve));
        region.cells.iter_mut().for_each(resolve);
        true
    }
}

/// The stores that are put off while the promoted words have these values.
fn pending<'p>(promoted: &'p [Promoted], now: &'p [Val]) -> impl Iterator<Item = (Word, Val)> + 'p {
    let written = promoted.iter().zip(now).filter(|(promoted, _)| promoted.is_written);
    written.map(|(promoted, now)| (promoted.word, *now))
}

/// Whether an instruction other than loads and stores may look at memory of a kind, or change it.
fn sees(inst: &Inst, mem: Mem) -> bool {
    match inst {
        Inst::Load { .. } | Inst::Store { .. } => false,
        Inst::Call { helper, writes, .. } => MemSet::of_call(*helper, *writes).meets(MemSet::of(mem)),
        Inst::CallFunction { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::helpers::Helper;
    use crate::jit::ir::*;
    use crate::jit::opt::test_regions::{TestRegion, in_loops, text};

    const SLOT: i32 = Instance::SLOTS_OFFSET as i32;

    /// An instance of a struct with two slots, found in front of everything.
    fn instance(region: &mut TestRegion, frame_offset: i32, id: u32) -> Val {
        let instance = region.load(Mem::Frame, Val(1), frame_offset);
        let offset = Instance::STRUCT_OFFSET as i32;
        let found =
            region.push(Inst::Load { mem: Mem::Header, base: instance, offset, repr: Repr::I64, width: Width::U32 });
        let wanted = region.int(id.into());
        let same = region.push(Inst::Icmp(Compare::Eq, found, wanted));
        region.guard(same, ExitReason::Field);
        region.region.struct_slots.insert(id, 2);
        instance
    }

    /// `object.field += counter`, with the tag of ints checked and stored. The latter is dropped, as it is there
    /// already: in memory, that makes three accesses.
    fn add(region: &mut TestRegion, object: Val, offset: i32, counter: Val) {
        let (tag, zero) = (region.load(Mem::Field, object, offset), region.int(0));
        let is_int = region.push(Inst::Icmp(Compare::Eq, tag, zero));
        region.guard(is_int, ExitReason::Field);
        let payload = region.load(Mem::Field, object, offset + 8);
        let sum = region.push(Inst::Binary(Binary::Iadd, payload, counter));
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset, value: zero });
        region.effect(Inst::Store { mem: Mem::Field, base: object, offset: offset + 8, value: sum });
    }

    /// A loop with this body after the passes that come before promotion, and after it.
    fn promoted(
        ban: &SpeculationBan,
        make: impl FnOnce(&mut TestRegion) -> Vec<Val>,
        body: impl FnOnce(&mut TestRegion, Val, &[Val]),
    ) -> Region {
        let mut region = TestRegion::new();
        let objects = make(&mut region);
        let (zero, end) = (region.int(0), region.load(Mem::Frame, Val(1), 200));
        region.counted(zero, 1, Compare::Lt, end, |region, counter| body(region, counter, &objects));
        let mut region = region.finish();
        crate::jit::opt::optimise(&mut region, ban);
        region
    }

    fn field_accesses(region: &Region) -> usize {
        in_loops(region).matches(" field [").count()
    }

    #[test]
    fn a_field_is_in_a_register_throughout_and_stored_behind() {
        let region = promoted(
            &SpeculationBan::default(),
            |region| vec![instance(region, 8, 1)],
            |region, counter, objects| {
                add(region, objects[0], SLOT, counter);
                let odd = region.push(Inst::Icmp(Compare::Ne, counter, Val(0)));
                region.guard(odd, ExitReason::Domain);
            },
        );
        assert_eq!(field_accesses(&region), 0, "{region}");
        let last = *region.order.last().unwrap();
        assert!(text(&region, last).contains("store field"), "{region}");
        // The guard behind the sum makes up for the store of it; only the payload changes.
        let exit = region.exits.iter().find(|exit| exit.reason == ExitReason::Domain).unwrap();
        assert_eq!(exit.stores.len(), 1, "{region}");
        assert_eq!(exit.stores[0].0.offset, SLOT + 8, "{region}");
        assert!(in_loops(&region).contains("guard") && !in_loops(&region).contains("load"), "{region}");
    }

    #[test]
    fn a_field_stays_in_memory_where_another_name_may_be_its_object() {
        // The other object comes from a list in each iteration.
        let other_in = |id: u32| {
            promoted(
                &SpeculationBan::default(),
                |region| vec![instance(region, 8, 1)],
                |region, counter, objects| {
                    let data = region.load(Mem::Frame, Val(1), 40);
                    let payload = Inst::LoadElement { element: Element::ValuePayload, data, index: counter };
                    let other = region.push(payload);
                    let offset = Instance::STRUCT_OFFSET as i32;
                    let load = Inst::Load { mem: Mem::Header, base: other, offset, repr: Repr::I64, width: Width::U32 };
                    let (found, wanted) = (region.push(load), region.int(id.into()));
                    let same = region.push(Inst::Icmp(Compare::Eq, found, wanted));
                    region.region.struct_slots.insert(id, 2);
                    region.guard(same, ExitReason::Field);
                    add(region, other, SLOT, counter);
                    add(region, objects[0], SLOT, counter);
                },
            )
        };
        assert!(field_accesses(&other_in(1)) > 3, "{}", other_in(1));
        // An instance of another struct is another object.
        assert_eq!(field_accesses(&other_in(2)), 3, "{}", other_in(2));
    }

    #[test]
    fn two_objects_that_stay_are_compared_in_front() {
        let both = |ban: &SpeculationBan| {
            promoted(
                ban,
                |region| vec![instance(region, 8, 1), instance(region, 24, 1)],
                |region, counter, objects| objects.iter().for_each(|object| add(region, *object, SLOT, counter)),
            )
        };
        let region = both(&SpeculationBan::default());
        assert_eq!(field_accesses(&region), 0, "{region}");
        assert!(text(&region, region.order[0]).contains("guard not"), "{region}");
        // They were the same before.
        let region = both(&SpeculationBan { everywhere: true, ..SpeculationBan::default() });
        // The tags, which nothing stores, are read in front.
        assert_eq!(field_accesses(&region), 4, "{region}");
    }

    #[test]
    fn a_field_stays_in_memory_where_a_helper_looks_at_it() {
        let with = |helper, writes| {
            promoted(
                &SpeculationBan::default(),
                |region| vec![instance(region, 8, 1)],
                |region, counter, objects| {
                    add(region, objects[0], SLOT, counter);
                    region.effect(Inst::Call { helper, args: vec![Val(0), counter], writes });
                },
            )
        };
        let region = with(Helper::StepCall, MemSet::ALL);
        assert_eq!(field_accesses(&region), 3, "{region}");
        let region = with(Helper::StrLen, MemSet::NONE);
        assert_eq!(field_accesses(&region), 0, "{region}");
    }

    #[test]
    fn a_field_stays_in_memory_where_it_could_not_be_read_in_front() {
        // Nothing has found the object to be an instance of a struct with such a slot.
        for (offset, left) in [(SLOT + 16, 0), (SLOT + 32, 3)] {
            let region = promoted(
                &SpeculationBan::default(),
                |region| vec![instance(region, 8, 1)],
                |region, counter, objects| add(region, objects[0], offset, counter),
            );
            assert_eq!(field_accesses(&region), left, "{region}");
        }
    }

    #[test]
    fn a_loop_inside_has_the_field_in_a_register_too() {
        let region = promoted(
            &SpeculationBan::default(),
            |region| vec![instance(region, 8, 1)],
            |region, counter, objects| {
                let (zero, ten) = (region.int(0), region.int(10));
                let object = objects[0];
                region.counted(zero, 1, Compare::Lt, ten, |region, _| add(region, object, SLOT, counter));
            },
        );
        assert_eq!(field_accesses(&region), 0, "{region}");
        // What would be hoisted in front of the inner loop makes up for the store.
        assert_eq!(region.loops[1].entry.stores.len(), 1, "{region}");
        assert!(region.loops[0].entry.stores.is_empty(), "{region}");
    }

    #[test]
    fn a_loop_on_one_side_of_a_branch_carries_what_changes_only() {
        // The tag that the inner loop stores too is a constant: no parameter of its header may stand for it where the
        // ways meet.
        let region = promoted(
            &SpeculationBan::default(),
            |region| vec![instance(region, 8, 1)],
            |region, counter, objects| {
                let (word, zero, ten) = (region.load(Mem::Frame, Val(1), 48), region.int(0), region.int(10));
                let odd = region.push(Inst::Icmp(Compare::Ne, counter, word));
                region.when(odd, |region| {
                    region.counted(zero, 1, Compare::Lt, ten, |region, _| add(region, objects[0], SLOT, counter));
                });
                add(region, objects[0], SLOT, counter);
            },
        );
        assert_eq!(field_accesses(&region), 0, "{region}");
        // The counter and the payload.
        let inner = region.block(region.loops[1].header);
        assert_eq!(inner.params.len(), 2, "{region}");
    }

    #[test]
    fn what_one_side_of_a_branch_stores_meets_what_was_there() {
        let region = promoted(
            &SpeculationBan::default(),
            |region| vec![instance(region, 8, 1)],
            |region, counter, objects| {
                let word = region.load(Mem::Frame, Val(1), 48);
                let odd = region.push(Inst::Icmp(Compare::Ne, counter, word));
                region.when(odd, |region| add(region, objects[0], SLOT, counter));
            },
        );
        assert_eq!(field_accesses(&region), 0, "{region}");
        assert!(
            region.blocks.iter().filter(|block| block.params.len() == 1 && !block.is_loop_header).count() == 1,
            "{region}"
        );
        // The tag is read in front, but an iteration might not come to its guard.
        assert!(region.exits.iter().all(|exit| exit.reason != ExitReason::Hoisted), "{region}");
        assert!(in_loops(&region).contains("guard"), "{region}");
    }
}
