//! Running blocks again over a solution, to look at the types between instructions.
//!
//! Invariant: the solution is sealed, so nothing a block does can change it. What the rules would join, store or let
//! escape has been, and is not done again; so any number of replays may go through one solution at the same time.

use super::Inference;
use crate::analysis::cfg::BlockId;
use crate::analysis::flow::code_of;
use crate::bytecode::types::{ClassId, IdKind, IdSet, Identity, Type};
use crate::bytecode::{FuncId, Op, Program, Reg};
use crate::facts::rules::{At, Place, RuleIndex, TypeEnv, certain_failure, pass_failure, step};

/// The frame of a block that is run again.
pub struct Replay<'a> {
    solution: &'a Inference<'a>,
    registers: Vec<Type>,
    at: At,
    /// No register above this one has been set since the block was entered.
    high: u16,
    followed: bool,
}

impl<'a> Replay<'a> {
    pub fn new(solution: &'a Inference<'a>) -> Replay<'a> {
        let registers = vec![Type::ANY; solution.registers.len()];
        Replay { solution, registers, at: At { func: FuncId(0), pc: 0, entered: 0 }, high: 0, followed: true }
    }

    pub fn solution(&self) -> &'a Inference<'a> {
        self.solution
    }

    /// Runs a reached block and calls `visit` before each instruction that may be executed.
    pub fn block(&mut self, func: FuncId, block: BlockId, mut visit: impl FnMut(&mut Self, u32, Op)) {
        let solution = self.solution;
        if !solution.is_block_reached(func, block) {
            return;
        }
        let own = solution.flow.of(func);
        self.followed = own.is_followed();
        self.high = 0;
        for (&reg, slot) in own.live_in(block).iter().zip(own.live_slots(block)) {
            self.registers[reg.index()] = solution.entries[slot];
            self.high = self.high.max(reg.0);
        }
        let function = &solution.program.functions[func.index()];
        let code = code_of(solution.program, function);
        let bounds = own.cfg.blocks[block as usize];
        for pc in bounds.start..bounds.end {
            let op = code[pc as usize];
            self.at = At { func, pc: function.code.start + pc, entered: function.code.start + bounds.start };
            visit(self, pc, op);
            let fails = solution.beyond_failures && certain_failure(self, op).is_some();
            let goes_on = step(self, op) || fails && pass_failure(self, op);
            if !goes_on {
                return;
            }
        }
    }
}

impl TypeEnv for Replay<'_> {
    fn program(&self) -> &Program {
        self.solution.program
    }

    fn index(&self) -> &RuleIndex {
        self.solution.index
    }

    fn at(&self) -> At {
        self.at
    }

    #[inline]
    fn register(&mut self, reg: Reg) -> Type {
        if !self.followed {
            return Type::ANY;
        }
        self.registers.get(reg.index()).copied().unwrap_or(Type::ANY)
    }

    #[inline]
    fn set(&mut self, reg: Reg, ty: Type) {
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = ty;
        }
        self.high = self.high.max(reg.0);
    }

    fn restore(&mut self, reg: Reg, ty: Type) {
        if let Some(register) = self.registers.get_mut(reg.index()) {
            *register = ty;
        }
    }

    fn clobber_above(&mut self, base: Reg) {
        let first = usize::from(base.0).saturating_add(1);
        let end = (usize::from(self.high) + 1).min(self.registers.len());
        if first < end {
            self.registers[first..end].fill(Type::ANY);
        }
        self.high = base.0;
    }

    fn edge(&mut self, _: i32) {}

    fn read(&mut self, place: Place) -> Type {
        self.solution.places.final_type(place)
    }

    fn flow(&mut self, _: Place, _: Type) {}

    fn join(&mut self, a: Type, b: Type) -> Type {
        if a == b || b.is_never() {
            return a;
        }
        if a.is_never() {
            return b;
        }
        // Classes that meet have been merged, so two that differ are at most one and none.
        let class = a.class.min(b.class);
        debug_assert!(a.class == b.class || a.class.max(b.class) == ClassId::NONE);
        Type { tags: a.tags.or(b.tags), class, ids: self.solution.places.sets.known_union(a.ids, b.ids) }
    }

    fn escape(&mut self, _: Type) {}

    fn site(&mut self, pc: u32) -> ClassId {
        self.solution.places.known_site(pc)
    }

    fn reach(&mut self, _: FuncId) {}

    fn identity(&mut self, kind: IdKind) -> IdSet {
        self.solution.places.sets.known_singleton(kind)
    }

    #[inline(always)]
    fn member(&self, set: IdSet, at: usize) -> Option<Identity> {
        self.solution.places.sets.members(set).get(at).copied()
    }
}
