//! What an instruction may do where the runtime executes it: its row of the instruction table, less what the types of
//! its operands rule out.

use super::{Builder, Built};
use crate::bytecode::builtins::{BUILTINS, BuiltinEffect};
use crate::bytecode::methods::{METHODS, MethodEffect};
use crate::bytecode::op::HeapUse;
use crate::bytecode::op::window::{Call, MethodCall};
use crate::bytecode::signature::Memory;
use crate::bytecode::{Op, Reg, SiteId};
use crate::jit::feedback::TagSet;
use crate::runtime::value::Tag;

/// What native code has to see to before it has the runtime execute an instruction.
#[derive(Clone, Copy)]
pub(super) struct StepNeeds {
    /// It may run Walrus code, and collect garbage.
    pub calls: bool,
    pub heap: HeapUse,
}

impl Builder<'_> {
    /// What the current instruction needs if the runtime executes it.
    pub(super) fn step_needs(&mut self, op: &Op) -> Built<StepNeeds> {
        if self.may_call(op)? {
            return Ok(StepNeeds { calls: true, heap: HeapUse::ANY });
        }
        let row = op.info().heap;
        let heap = match *op {
            Op::GetIndex { object, .. }
            | Op::SetIndex { object, .. }
            | Op::GetMember { object, .. }
            | Op::FindMethod { object, .. }
            | Op::SetMember { object, .. }
            | Op::GetMemberNamed { object, .. }
            | Op::SetMemberNamed { object, .. } => row.within(use_through(self.get(object)?.tag())),
            Op::CallBuiltin { base, argc, .. } => {
                HeapUse::FIELDS.with(self.use_of_arguments(base.above(Call::ARGS), argc)?)
            }
            Op::CallMethod { base, argc, site } | Op::TailCallMethod { base, argc, site } => {
                // No dict: its entries come before its methods.
                let lists = match self.method_effect(base, site)? {
                    MethodEffect::Reads => HeapUse::NONE,
                    MethodEffect::Mutates | MethodEffect::Calls => HeapUse::LISTS,
                };
                lists.with(self.use_of_arguments(base.above(MethodCall::ARGS), argc)?)
            }
            // Over what calls nothing, see `may_call`.
            Op::IterPrep { .. } | Op::IterNext { .. } | Op::IterPrep2 { .. } | Op::IterNext2 { .. } => HeapUse::NONE,
            _ => row,
        };
        Ok(StepNeeds { calls: false, heap })
    }

    /// What a built-in that calls nothing may touch through its arguments: a module among them shows globals.
    pub(super) fn use_of_arguments(&mut self, first: Reg, count: u16) -> Built<HeapUse> {
        let mut heap = HeapUse::NONE;
        for reg in first.0..first.0.saturating_add(count) {
            let tag = self.get(Reg(reg))?.tag();
            heap = heap.with(use_through(tag).within(HeapUse::GLOBALS));
        }
        Ok(heap)
    }

    /// What the method called may do; anything, if it is none that is built in.
    fn method_effect(&mut self, base: Reg, site: SiteId) -> Built<MethodEffect> {
        Ok(self.built_in(base, site)?.map_or(MethodEffect::Calls, |method| METHODS[method].effect))
    }

    /// Whether an instruction that the runtime executes may run Walrus code.
    fn may_call(&mut self, op: &Op) -> Built<bool> {
        Ok(match *op {
            Op::CallBuiltin { builtin, .. } => {
                let spec = &BUILTINS[self.vm.image().builtin(builtin)];
                spec.effect == BuiltinEffect::Calls || spec.memory == Memory::Collects
            }
            Op::CallMethod { base, site, .. } | Op::TailCallMethod { base, site, .. } => {
                self.method_effect(base, site)? == MethodEffect::Calls
            }
            Op::IterPrep { base, .. }
            | Op::IterPrep2 { base, .. }
            | Op::IterNext { base, .. }
            | Op::IterNext2 { base, .. } => {
                let seen = self.feedback().a;
                let iterable = self.operand(base, seen)?;
                // Modules are turned into lists without running anything, but their globals are looked at.
                !iterable.tag().is_some_and(|tag| TagSet::PLAIN_ITERABLES.contains(tag))
            }
            _ => op.effects().calls,
        })
    }
}

/// What can be touched through a value of a type, or of any.
pub(super) fn use_through(tag: Option<Tag>) -> HeapUse {
    match tag {
        None => HeapUse::ANY,
        // Fields that are not in the struct's layout are found in a dict of the instance's own.
        Some(Tag::Instance | Tag::Cell) => HeapUse::FIELDS,
        Some(Tag::Module) => HeapUse::GLOBALS,
        Some(Tag::List) => HeapUse::LISTS,
        Some(Tag::Dict) => HeapUse::DICTS,
        Some(_) => HeapUse::NONE,
    }
}
