//! What speaks against telling that an instruction always fails, though its operands say so: that its line may well run
//! without it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::infer::{Inference, TypeCursor};
use super::super::names::Names;
use super::super::program_flow::{ProgramFlow, code_of};
use super::CertainFailure;
use crate::bytecode::flow::jump_target;
use crate::bytecode::graph::Graph;
use crate::bytecode::{FuncId, Op, Program};
use crate::facts::rules::only_way;
use crate::source::Span;

/// How many blocks in front are looked at.
const REACH: usize = 64;

pub(super) struct Doubts<'a> {
    pub program: &'a Program,
    pub flow: &'a ProgramFlow,
    pub names: &'a Names<'a>,
    /// What is reached if failures are passed over.
    pub beyond: &'a Inference<'a>,
    pub ways: &'a Ways,
}

impl Doubts<'_> {
    fn code(&self, func: FuncId) -> &[Op] {
        code_of(self.program, &self.program.functions[func.index()])
    }

    /// The call of a method that is made where no value is found under its name, of a call of such a value. A dict may
    /// have other entries than that one.
    pub fn method_instead(&self, found: &CertainFailure) -> Option<u32> {
        let code = self.code(found.func);
        let (Op::Call { base, .. } | Op::TailCall { base, .. }) = code[found.pc as usize] else { return None };
        let place = self.names.span(found.func, found.pc);
        let is_it = |pc: &u32| {
            let (Op::CallMethod { base: other, .. } | Op::TailCallMethod { base: other, .. }) = code[*pc as usize]
            else {
                return false;
            };
            other == base && self.names.span(found.func, *pc) == place
        };
        // It stands in front, and between the two the moves of at most 255 arguments.
        (0..found.pc).rev().take(256 + 2).find(is_it)
    }

    /// Whether a failure stands in a part of an expression, assignment or head of a loop that a jump within the same
    /// one may pass over: the right side of `and`, what `or=` stores, the call of `zip` where it is not a list's. Its
    /// line may well run without it.
    pub fn is_decided_in_passing(&self, found: &CertainFailure) -> bool {
        let cfg = &self.flow.of(found.func).cfg;
        let place = self.names.span(found.func, found.pc);
        let start = cfg.block_of[found.pc as usize];
        let mut seen = FxHashSet::from_iter([start]);
        let mut open = vec![start];
        while let Some(block) = open.pop() {
            for &before in cfg.preds(block) {
                // Within an expression, all goes forwards: what comes from behind is another round of a loop.
                let comes = before < block
                    && self.beyond.is_block_reached(found.func, before)
                    && self.goes_to(found.func, before).is_none_or(|only| only == block);
                if !comes {
                    continue;
                }
                if self.decides(found.func, before, block, place) {
                    return true;
                }
                if seen.len() < REACH && seen.insert(before) {
                    open.push(before);
                }
            }
        }
        false
    }

    /// The last instruction of a block.
    fn last(&self, func: FuncId, block: u32) -> (u32, &Op) {
        let pc = self.flow.of(func).cfg.blocks[block as usize].end - 1;
        (pc, &self.code(func)[pc as usize])
    }

    /// The only block that a block's conditional jump ever goes to, where types or literals say so.
    fn goes_to(&self, func: FuncId, block: u32) -> Option<u32> {
        let (pc, op) = self.last(func, block);
        match *self.ways.0.get(&(func, pc))? {
            true => {
                let target = jump_target(op, pc, self.code(func).len() as u32)?;
                Some(self.flow.of(func).cfg.block_of[target as usize])
            }
            false => Some(block + 1),
        }
    }

    /// Whether a block ends with a jump of what stands at `place`, which may as well go elsewhere than to `block`.
    fn decides(&self, func: FuncId, before: u32, block: u32, place: Span) -> bool {
        let (pc, op) = self.last(func, before);
        let span = self.names.span(func, pc);
        let encloses = span.file == place.file && span.lo <= place.lo && place.hi <= span.hi;
        // What a method call goes on with is decided by what was found, not by what the program says.
        let jumps = op.jump_offset().is_some() && !op.effects().ends && !matches!(op, Op::JumpIfGiven { .. });
        let mut others = self.flow.of(func).cfg.successors(before).filter(|&other| other != block);
        jumps
            && encloses
            && self.goes_to(func, before).is_none()
            && others.any(|other| self.beyond.is_block_reached(func, other))
    }
}

/// Conditional jumps that only ever go one way: whether they jump.
#[derive(Default)]
pub(super) struct Ways(FxHashMap<(FuncId, u32), bool>);

impl Ways {
    pub fn note(&mut self, types: &mut TypeCursor<'_>, func: FuncId, pc: u32, op: Op) {
        if let Some(jumps) = only_way(types, op) {
            self.0.insert((func, pc), jumps);
        }
    }
}
