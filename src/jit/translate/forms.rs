//! What the table of native forms says of the instruction at hand, for the types that its operands have or were seen to
//! have.

use super::env::{Slot, Typed};
use super::{Builder, Built};
use crate::bytecode::builtins::BUILTINS;
use crate::bytecode::types::Tags;
use crate::bytecode::{FuncId, Op, Reg};
use crate::facts::native_forms::{Apart, Form, Operation, observed};
use crate::jit::census;
use crate::jit::feedback::{ALL_TAGS, TagSet};
use crate::runtime::value::Tag;

impl Builder<'_> {
    /// What the table says.
    pub(super) fn form(&mut self, op: Op) -> Built<Form> {
        self.with_operation(op, |operation| {
            census::form(operation);
            operation.form()
        })
    }

    /// The register with an operand of open type whose types are to be told apart, and these.
    pub(super) fn apart(&mut self, op: Op) -> Built<Option<(Reg, Vec<Tag>)>> {
        let feedback = *self.feedback();
        let (first, second) = observed(&op);
        let is_open = |register: Option<Reg>, seen: TagSet| {
            let slot = register.map(|register| self.env.register(self.home(register)));
            seen.count() > 1 && !matches!(slot, Some(Slot::Value { value: Typed::Known(..), .. }))
        };
        if !is_open(first, feedback.a) && !is_open(second, feedback.b) {
            return Ok(None);
        }
        let apart = self.with_operation(op, |operation| operation.apart())?;
        Ok(apart.and_then(|Apart { is_first, kinds }| {
            let register = if is_first { first } else { second };
            let tag_of = |kind: Tags| ALL_TAGS.into_iter().find(|tag| tag.kind() == kind);
            Some((register?, kinds.into_iter().filter_map(tag_of).collect()))
        }))
    }

    /// Looks at the instruction with what is known of its operands.
    fn with_operation<T>(&mut self, op: Op, look: impl FnOnce(&Operation) -> T) -> Built<T> {
        let feedback = *self.feedback();
        let (first, second) = observed(&op);
        let (a, b) = (self.kinds(first, feedback.a)?, self.kinds(second, feedback.b)?);
        let one = feedback.instance_of.one();
        let structs = one.as_ref().map_or(feedback.structs.all(), std::slice::from_ref);
        let callees: Vec<FuncId> = feedback.callees.all().iter().map(|callee| callee.func).collect();
        // Functions and closures are told apart like several functions.
        let a = match op {
            Op::Call { argc, .. } | Op::TailCall { argc, .. } if self.callees_of(argc).is_some() => Tags::FUNCTION,
            _ => a,
        };
        let builtin = match op {
            Op::CallBuiltin { builtin, .. } => Some(&BUILTINS[self.vm.image().builtin(builtin)]),
            _ => None,
        };
        let name = op.site().map_or("", |site| self.vm.site_name(self.context.func, site));
        let known = Operation {
            program: self.program,
            op,
            a,
            b,
            name,
            builtin,
            // What was seen of that tells more than types do.
            is_regular: true,
            structs: structs.into(),
            callees: Some(callees.into()),
        };
        Ok(look(&known))
    }

    fn kinds(&mut self, register: Option<Reg>, seen: TagSet) -> Built<Tags> {
        let Some(register) = register else { return Ok(Tags::NONE) };
        Ok(match self.get(register)? {
            Typed::Known(tag, _) => tag.kind(),
            Typed::Any { .. } => seen.kinds(),
        })
    }

    /// Whether an instruction may give up the frame, so that it is no step like others.
    pub(super) fn gives_up_frame(&self, op: Op) -> bool {
        op.is_tail_call() && !op.effects().ends
    }

    /// In debug builds, that the table calls an instruction a step which is about to be one: else cost lines would be
    /// silent about it.
    pub(super) fn assert_step(&mut self, op: Op) -> Built<()> {
        if cfg!(debug_assertions) {
            let form = self.with_operation(op, |operation| operation.form())?;
            assert!(
                matches!(form, Form::Step | Form::Seen | Form::Open),
                "the table of native forms says {form:?} of a step: {op:?}"
            );
        }
        Ok(())
    }
}
