//! Running blocks again over a solution, to look at the types between instructions.
//!
//! Invariant: the solution is sealed, so nothing a block does can change it. What the rules would join, store or let
//! escape has been, and is not done again; so any number of cursors may go through one solution at the same time.

use super::Inference;
use crate::analysis::cfg::BlockId;
use crate::analysis::program_flow::code_of;
use crate::bytecode::types::{ClassId, IdKind, IdSet, Identity, Tags, Type};
use crate::bytecode::{FuncId, Op, Program, Reg};
use crate::facts::rules::{At, Place, RuleIndex, TypeEnv, certain_failure, pass_failure, step};

/// What blocks that were run again had to do with: the types of places that they read and write, of what they make and
/// let escape, where these tell more than one kind; and the functions that they call. Of what containers hold, kinds
/// are not noted: whoever puts it there has to do with the containers' class.
#[derive(Default)]
pub struct Contacts {
    pub types: Vec<Type>,
    pub functions: Vec<FuncId>,
}

impl Contacts {
    fn note(&mut self, ty: Type) {
        let is_plain = ty.class == ClassId::NONE && ty.ids == IdSet::EMPTY && (ty.is_single() || ty.is_never());
        if !is_plain && self.types.last() != Some(&ty) {
            self.types.push(ty);
        }
    }
}

/// The frame of a block that is run again.
pub struct TypeCursor<'a> {
    /// Noted if asked for.
    pub contacts: Option<Contacts>,
    solution: &'a Inference<'a>,
    registers: Vec<Type>,
    judged: At,
    /// No register above this one has been set since the block was entered.
    high: u16,
    followed: bool,
}

impl<'a> TypeCursor<'a> {
    pub fn new(solution: &'a Inference<'a>) -> TypeCursor<'a> {
        let registers = vec![Type::ANY; solution.registers.len()];
        TypeCursor {
            contacts: None,
            solution,
            registers,
            judged: At { func: FuncId(0), pc: 0, entered: 0 },
            high: 0,
            followed: true,
        }
    }

    pub fn solution(&self) -> &'a Inference<'a> {
        self.solution
    }

    #[inline]
    fn contact_with(&mut self, place: Place, ty: Type) {
        match place {
            Place::Slot(class, _) => {
                self.contact(Type::container(Tags::NONE, class));
                self.contact(Type { tags: Tags::NONE, ..ty });
            }
            _ => self.contact(ty),
        }
    }

    #[inline]
    fn contact(&mut self, ty: Type) {
        if let Some(contacts) = &mut self.contacts {
            contacts.note(ty);
        }
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
            self.judged = At { func, pc: function.code.start + pc, entered: function.code.start + bounds.start };
            visit(self, pc, op);
            let fails = solution.beyond_failures && certain_failure(self, op).is_some();
            let goes_on = step(self, op) || fails && pass_failure(self, op);
            if !goes_on {
                return;
            }
        }
    }
}

impl TypeEnv for TypeCursor<'_> {
    fn program(&self) -> &Program {
        self.solution.program
    }

    fn index(&self) -> &RuleIndex {
        self.solution.index
    }

    fn at(&self) -> At {
        self.judged
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
        let ty = self.solution.places.final_type(place);
        self.contact_with(place, ty);
        ty
    }

    fn flow(&mut self, place: Place, _: Type) {
        if self.contacts.is_some() {
            self.contact_with(place, self.solution.places.final_type(place));
        }
    }

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

    fn escape(&mut self, ty: Type) {
        // Scalars that escape change nothing; of others no more is known.
        if ty.class != ClassId::NONE || ty.ids != IdSet::EMPTY {
            self.contact(Type::ANY);
        }
    }

    fn site(&mut self, pc: u32) -> ClassId {
        let class = self.solution.places.known_site(pc);
        self.contact(Type::container(Tags::NONE, class));
        class
    }

    fn reach(&mut self, func: FuncId) {
        if let Some(contacts) = &mut self.contacts {
            contacts.functions.push(func);
        }
    }

    fn identity(&mut self, kind: IdKind) -> IdSet {
        let ids = self.solution.places.sets.known_singleton(kind);
        self.contact(Type { ids, ..Type::NEVER });
        ids
    }

    #[inline(always)]
    fn member(&self, set: IdSet, index: usize) -> Option<Identity> {
        self.solution.places.sets.members(set).get(index).copied()
    }
}
