//! Loop-invariant code motion, inner loops first, with guards; the check of indices by ranges ([`bounds`]) is
//! part of the same walk, as what an index guards can move only when its guard is gone.
//!
//! # What may move in front of a loop
//! - **Arithmetic** of values defined outside: always, it has no effect.
//! - **Guards** of such conditions. On the straight path from the header each first iteration meets them, so they fail
//!   no oftener than they would. Elsewhere only checks of indices move, which are needed by nearly every loop that
//!   contains them.
//! - **Loads** of memory that the loop does not write, from addresses defined outside, if they may be executed there.
//!   Frame and globals always may. An object may be read only behind the guards that found it to be of its type, and an
//!   element only behind the guard of its index. So a load moves from the straight path only, and not past a guard that
//!   it may rest on ([`Hoister::protects`]). Likewise for finding an entry of a dict.

mod bounds;

use self::bounds::Inductions;
use super::SpeculationBan;
use super::cfg::{Cfg, LoopBlocks};
use super::fold::{Folded, Values, fold};
use crate::jit::ir::{
    Binary, BlockId, Compare, Exit, ExitId, ExitReason, Inst, Mem, MemSet, Region, Repr, Terminator, Val, Width,
};

/// Moves what is invariant in front of the loops of a region. Whether anything was moved.
pub fn hoist(region: &mut Region, cfg: &Cfg, ban: &SpeculationBan) -> bool {
    let mut hoister = Hoister::new(region, cfg, ban);
    for region_loop in cfg.loops.iter().rev() {
        hoister.run_loop(region_loop);
    }
    let Hoister { constants, changed, .. } = hoister;
    let entry = region.order[0];
    region.block_mut(entry).insts.splice(0..0, constants);
    changed
}

/// What holds at the end of a block, seen from the header of the loop at hand.
#[derive(Clone, Copy, Default)]
struct BlockState {
    /// An iteration may pass by the block.
    is_conditional: bool,
    /// A branch stood before that loads may rest on.
    is_behind_test: bool,
    /// A guard stood before that loads may rest on.
    is_blocked: bool,
}

impl BlockState {
    const UNKNOWN: BlockState = BlockState { is_conditional: true, is_behind_test: true, is_blocked: true };
}

struct Hoister<'a> {
    region: &'a mut Region,
    cfg: &'a Cfg,
    ban: &'a SpeculationBan,
    writes: Vec<MemSet>,
    /// The loop that each value is defined in.
    home: Vec<Option<usize>>,
    /// Pure instructions by what they define.
    definitions: Vec<Option<Inst>>,
    states: Vec<BlockState>,
    /// By value, the loop in which a guard of it as an index has stayed last.
    guarded_in: Vec<Option<usize>>,
    /// By loop, the exit of checks that hold for all iterations.
    exits: Vec<Option<ExitId>>,
    /// New constants, for the head of the entry block.
    constants: Vec<(Option<Val>, Inst)>,
    changed: bool,
}

impl Values for Hoister<'_> {
    fn definition(&self, val: Val) -> Option<&Inst> {
        self.definitions[val.0 as usize].as_ref()
    }

    fn constant(&mut self, inst: Inst) -> Val {
        let repr = match inst {
            Inst::Float(_) => Repr::F64,
            Inst::Bool(_) => Repr::Bool,
            _ => Repr::I64,
        };
        let val = self.new_val(repr, None, inst.clone());
        self.constants.push((Some(val), inst));
        val
    }
}

impl<'a> Hoister<'a> {
    fn new(region: &'a mut Region, cfg: &'a Cfg, ban: &'a SpeculationBan) -> Hoister<'a> {
        let writes = cfg.loop_writes(region);
        let mut home = vec![None; region.reprs.len()];
        let mut definitions = vec![None; region.reprs.len()];
        for &id in &region.order {
            let block = region.block(id);
            block.params.iter().for_each(|param| home[param.0 as usize] = cfg.innermost(id));
            for (result, inst) in &block.insts {
                if let Some(result) = result {
                    home[result.0 as usize] = cfg.innermost(id);
                    definitions[result.0 as usize] = inst.is_pure().then(|| inst.clone());
                }
            }
        }
        let guarded_in = vec![None; region.reprs.len()];
        let (states, exits) = (vec![BlockState::default(); region.blocks.len()], vec![None; region.loops.len()]);
        Hoister {
            region,
            cfg,
            ban,
            writes,
            home,
            definitions,
            states,
            guarded_in,
            exits,
            constants: Vec::new(),
            changed: false,
        }
    }

    fn run_loop(&mut self, blocks: &LoopBlocks) {
        let index = blocks.index;
        let inductions = Inductions::of(self, blocks);
        for &id in &blocks.blocks {
            let mut state = self.state_at_start(index, id);
            let is_own = self.cfg.innermost(id) == Some(index);
            let insts = std::mem::take(&mut self.region.block_mut(id).insts);
            let mut kept = Vec::with_capacity(insts.len());
            for (result, inst) in insts {
                if is_own && self.moves(index, id, result, &inst, state, &inductions) {
                    self.changed = true;
                } else {
                    if let Inst::Guard { condition, exit, .. } = inst {
                        state.is_blocked |= self.protects(index, condition, exit);
                        if let Some(&Inst::Icmp(Compare::Below, position, _)) = self.definition(condition) {
                            self.guarded_in[position.0 as usize] = Some(index);
                        }
                    }
                    kept.push((result, inst));
                }
            }
            self.region.block_mut(id).insts = kept;
            self.states[id.0 as usize] = state;
        }
    }

    fn state_at_start(&self, index: usize, id: BlockId) -> BlockState {
        if id == self.region.loops[index].header {
            return BlockState::default();
        }
        let Some(idom) = self.cfg.idom(id) else { return BlockState::UNKNOWN };
        let mut state = self.states[idom.0 as usize];
        // One side of a branch is conditional, unless the branch leaves an inner loop.
        if let Terminator::Branch(condition, ..) = self.region.block(idom).end
            && self.cfg.only_pred(id) == Some(idom)
        {
            let left = self.cfg.innermost(idom).filter(|inner| !self.cfg.is_within(self.cfg.innermost(id), *inner));
            state.is_conditional |= left.is_none();
            state.is_behind_test |= left.is_none_or(|inner| !self.ends_by_count(inner, condition));
        }
        state
    }

    /// Whether a branch that leaves a loop does so by how far its iterations have come: what that could make safe to be
    /// read changes with them. Of tests for types, keys and indices, nothing may be read in front.
    fn ends_by_count(&self, inner: usize, condition: Val) -> bool {
        let changes = |val: Val| !self.is_invariant(inner, val);
        match self.definition(condition) {
            Some(&Inst::Icmp(Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge, a, b)) => changes(a) || changes(b),
            Some(&Inst::Icmp(Compare::Below | Compare::BelowEq, position, _)) => changes(position),
            // A tag is no sum.
            Some(&Inst::Icmp(Compare::Eq | Compare::Ne, a, _)) => {
                changes(a) && matches!(self.definition(a), Some(Inst::Binary(..)))
            }
            Some(&Inst::Fcmp(..)) => true,
            _ => false,
        }
    }

    /// Moves an instruction of the loop to its preheader, or makes it unnecessary there; whether that was possible.
    fn moves(
        &mut self,
        index: usize,
        block: BlockId,
        result: Option<Val>,
        inst: &Inst,
        state: BlockState,
        inductions: &Inductions,
    ) -> bool {
        if let Inst::Guard { .. } = inst {
            return self.moves_guard(index, block, inst, state, inductions);
        }
        let Some(result) = result else { return false };
        let mut invariant = true;
        inst.for_each_arg(|arg| invariant &= self.is_invariant(index, arg));
        if !invariant || !self.may_execute_before(index, inst, state) {
            return false;
        }
        self.push_before(index, Some(result), inst.clone());
        true
    }

    fn may_execute_before(&self, index: usize, inst: &Inst, state: BlockState) -> bool {
        let is_safe = !state.is_conditional && !state.is_behind_test && !state.is_blocked;
        match *inst {
            Inst::Binary(Binary::Idiv | Binary::Irem, _, divisor) => {
                matches!(self.definition(divisor), Some(Inst::Int(value)) if !matches!(value, 0 | -1))
            }
            Inst::Load { mem, .. } => {
                let always = matches!(mem, Mem::Frame | Mem::Globals);
                !self.writes[index].meets(MemSet::of(mem)) && (always || is_safe)
            }
            Inst::LoadElement { element, index: position, .. } => {
                !self.writes[index].meets(MemSet::of_element(element))
                    && is_safe
                    && self.guarded_in[position.0 as usize] != Some(index)
            }
            // It follows pointers, and is not cheap.
            Inst::Find { .. } => !self.writes[index].meets(inst.reads()) && is_safe,
            _ => inst.is_pure(),
        }
    }

    fn moves_guard(
        &mut self,
        index: usize,
        block: BlockId,
        guard: &Inst,
        state: BlockState,
        inductions: &Inductions,
    ) -> bool {
        let Inst::Guard { condition, expect, exit } = *guard else { return false };
        let reason = self.region.exit(exit).reason;
        let is_index = matches!(reason, ExitReason::Bounds | ExitReason::Hoisted);
        if self.is_invariant(index, condition) {
            let to = match reason {
                ExitReason::Type | ExitReason::Storage | ExitReason::Field | ExitReason::Callee
                    if !state.is_conditional =>
                {
                    Some(self.entry_exit(index, reason))
                }
                // What depends on a number is no matter of types: another version would not fit better.
                ExitReason::Divisor | ExitReason::Magnitude | ExitReason::Domain if !state.is_conditional => {
                    self.check_exit(index)
                }
                _ if is_index => self.check_exit(index),
                _ => None,
            };
            if let Some(exit) = to {
                self.push_before(index, None, Inst::Guard { condition, expect, exit });
                return true;
            }
        }
        is_index && expect && inductions.cover(self, index, condition, block)
    }

    /// Whether a guard that stays may be what makes loads behind it safe that could otherwise move.
    ///
    /// A check of a type or storage stands on a word loaded from the object that it is about, or from beside the
    /// payload that it is about. If that word changes with the iteration, so does what the guard protects, and nothing
    /// that reads it can move anyway. Checks of indices, which those for all iterations of inner loops are too, are
    /// known by the index, and others say nothing about memory. Checks of structs share no memory with the fields they
    /// protect. An index that never changes is one of a tuple, too, whose items are read without a word of indices.
    fn protects(&self, index: usize, condition: Val, exit: ExitId) -> bool {
        match self.region.exit(exit).reason {
            ExitReason::Bounds | ExitReason::Hoisted => match self.definition(condition) {
                Some(&Inst::Icmp(Compare::Below, position, _)) => {
                    matches!(self.definition(position), Some(Inst::Int(_)))
                }
                Some(Inst::Icmp(Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge, ..)) => false,
                _ => true,
            },
            ExitReason::Divisor | ExitReason::Magnitude | ExitReason::Domain | ExitReason::Fuel | ExitReason::Fact => {
                false
            }
            ExitReason::Type | ExitReason::Storage | ExitReason::Field | ExitReason::Callee => {
                let Some(&Inst::Icmp(Compare::Eq, word, _)) = self.definition(condition) else { return true };
                match self.definition(word) {
                    Some(Inst::Load { mem: Mem::Header, base, width: Width::U32, .. }) => {
                        self.is_invariant(index, *base)
                    }
                    // A parameter changes together with its payload, and a load together with that of its payload or of
                    // the list's buffer.
                    None | Some(Inst::Load { .. } | Inst::LoadElement { .. }) => self.is_invariant(index, word),
                    Some(_) => true,
                }
            }
            _ => true,
        }
    }

    fn is_invariant(&self, index: usize, val: Val) -> bool {
        !self.cfg.is_within(self.home[val.0 as usize], index)
    }

    /// Appends to the preheader of a loop.
    fn push_before(&mut self, index: usize, result: Option<Val>, inst: Inst) {
        let preheader = self.region.loops[index].preheader;
        if let Some(result) = result {
            self.home[result.0 as usize] = self.cfg.innermost(preheader);
        }
        self.region.block_mut(preheader).insts.push((result, inst));
    }

    /// Computes something in the preheader of a loop.
    fn compute_before(&mut self, index: usize, mut inst: Inst, repr: Repr) -> Val {
        loop {
            match fold(self, &inst) {
                Folded::Same => break,
                Folded::Val(val) => return val,
                Folded::Inst(simpler) => inst = simpler,
            }
        }
        if matches!(inst, Inst::Int(_) | Inst::Bool(_)) {
            return self.constant(inst);
        }
        let val = self.new_val(repr, None, inst.clone());
        self.push_before(index, Some(val), inst);
        val
    }

    /// Checks a condition in the preheader of a loop, for all its iterations.
    fn check_before(&mut self, index: usize, condition: Val, exit: ExitId) {
        if self.definition(condition) != Some(&Inst::Bool(true)) {
            self.push_before(index, None, Inst::Guard { condition, expect: true, exit });
        }
    }

    fn new_val(&mut self, repr: Repr, home: Option<usize>, inst: Inst) -> Val {
        self.home.push(home);
        self.guarded_in.push(None);
        self.definitions.push(Some(inst));
        self.region.new_val(repr)
    }

    /// The exit of checks before a loop for all its iterations, if such checks are allowed.
    fn check_exit(&mut self, index: usize) -> Option<ExitId> {
        if self.ban.applies_to(&self.region.loops[index]) {
            return None;
        }
        if self.exits[index].is_none() {
            self.exits[index] = Some(self.new_exit(index, ExitReason::Hoisted));
        }
        self.exits[index]
    }

    /// An exit before a loop for a guard that the first iteration would have met.
    fn entry_exit(&mut self, index: usize, reason: ExitReason) -> ExitId {
        let at_entry = self.region.loops[index].entry.reason == ExitReason::EntryType;
        self.new_exit(index, if at_entry { ExitReason::EntryType } else { reason })
    }

    fn new_exit(&mut self, index: usize, reason: ExitReason) -> ExitId {
        let exit = Exit { reason, ..self.region.loops[index].entry.clone() };
        self.region.new_exit(exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::opt::test_regions::{TestRegion, in_loops, text};

    fn hoisted(region: TestRegion, ban: &SpeculationBan) -> Region {
        let mut region = region.finish();
        let cfg = Cfg::of(&region);
        crate::jit::opt::numbering::number(&mut region, &cfg);
        hoist(&mut region, &cfg, ban);
        region
    }

    /// A loop that reads the header of an object behind a guard of the type found beside it.
    fn guarded_load(region: &mut TestRegion, between: impl FnOnce(&mut TestRegion)) {
        let list = region.load(Mem::Frame, Val(1), 8);
        let (zero, tag_of_lists) = (region.int(0), region.int(9));
        region.counted(zero, 1, Compare::Lt, list, |region, _| {
            between(region);
            let tag = region.load(Mem::Field, list, 32);
            let payload = region.load(Mem::Field, list, 40);
            let is_list = region.push(Inst::Icmp(Compare::Eq, tag, tag_of_lists));
            region.guard(is_list, ExitReason::Type);
            let len = region.len(payload);
            region.effect(Inst::Store { mem: Mem::Globals, base: Val(1), offset: 0, value: len });
        });
    }

    #[test]
    fn a_load_moves_together_with_its_guard() {
        let mut region = TestRegion::new();
        guarded_load(&mut region, |_| {});
        let region = hoisted(region, &SpeculationBan::default());
        let (before, inside) = (text(&region, region.order[0]), in_loops(&region));
        assert!(!inside.contains("load") && !inside.contains("guard"), "{region}");
        let guard = before.find("guard").expect("the guard moved");
        assert!(guard < before.find("load header").expect("the load moved"), "{region}");
    }

    #[test]
    fn a_load_stays_where_its_memory_is_written() {
        let mut region = TestRegion::new();
        guarded_load(&mut region, |region| {
            region.effect(Inst::Store { mem: Mem::Field, base: Val(1), offset: 0, value: Val(0) });
        });
        let region = hoisted(region, &SpeculationBan::default());
        let inside = in_loops(&region);
        assert!(
            inside.contains("load field") && inside.contains("guard") && inside.contains("load header"),
            "{region}"
        );
    }

    #[test]
    fn a_load_stays_on_one_side_of_a_branch() {
        let mut region = TestRegion::new();
        guarded_load(&mut region, |region| {
            let word = region.load(Mem::Frame, Val(1), 48);
            let zero = region.int(0);
            let odd = region.push(Inst::Icmp(Compare::Ne, word, zero));
            let (next, left) = (region.new_block(), region.new_block());
            region.end(Terminator::Branch(odd, next, left));
            region.block = left;
            let exit = region.exit(ExitReason::LoopDone);
            region.end(Terminator::Exit(exit));
            region.block = next;
        });
        let region = hoisted(region, &SpeculationBan::default());
        let inside = in_loops(&region);
        assert!(inside.contains("guard") && inside.contains("load header"), "{region}");
        assert!(!inside.contains("load frame"), "the frame can always be read: {region}");
    }

    #[test]
    fn a_load_does_not_move_past_the_status_of_a_helper() {
        let mut region = TestRegion::new();
        guarded_load(&mut region, |region| {
            let helper = crate::jit::helpers::Helper::Step;
            let status = region.push(Inst::Call { helper, args: vec![Val(0), Val(0)], writes: MemSet::NONE });
            let zero = region.int(0);
            let done = region.push(Inst::Icmp(Compare::Eq, status, zero));
            region.guard(done, ExitReason::Throw);
        });
        let region = hoisted(region, &SpeculationBan::default());
        assert!(in_loops(&region).contains("load header"), "{region}");
    }
}
