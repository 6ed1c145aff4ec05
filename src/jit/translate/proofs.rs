//! What checked facts prove of the instruction at hand, which needs no guard, and tests of it for
//! [`super::super::judge`].
//!
//! A guard that is proved is made all the same, and marked: it tells the passes behind what rests on it, and the last
//! of these drops it ([`crate::jit::opt`]).

use std::rc::Rc;

use super::env::Typed;
use super::{Builder, Built};
use crate::bytecode::{Op, Reg, StructId};
use crate::facts::native_forms::observed;
use crate::jit::feedback::{TagSet, TypeFeedback};
use crate::jit::ir::{Binary, Exit, ExitId, ExitReason, Inst, Repr, Unary, Val};
use crate::jit::static_types::Judging;
use crate::runtime::value::Tag;

impl<'a> Builder<'a> {
    /// What checked facts say of the instruction at hand: that holds whenever it is executed.
    pub(super) fn proof(&self) -> &'a TypeFeedback {
        self.types.map_or(&TypeFeedback::NOTHING, |types| types.at(self.program, self.context.func, self.pc))
    }

    /// What checked facts say of the value that a register has before the instruction at hand, if it is one of the
    /// operands that are observed. The state of an iteration is none, and what a parameter is asked for may be absent.
    pub(super) fn proof_of(&self, reg: Reg) -> TagSet {
        let op = self.op();
        if op.as_iteration().is_some() || matches!(op, Op::JumpIfGiven { .. }) {
            return TagSet::default();
        }
        match observed(&op) {
            (Some(a), _) if a == reg => self.proof().a,
            (_, Some(b)) if b == reg => self.proof().b,
            _ => TagSet::default(),
        }
    }

    /// Whether checked facts prove that what the instruction at hand accesses, its first operand, is an instance of a
    /// struct.
    pub(super) fn proves_struct(&self, id: StructId) -> bool {
        let proof = self.proof();
        proof.a.single() == Some(Tag::Instance) && proof.instance_of.one() == Some(id)
    }

    /// Notes whether the guard that an exit is of is proved. It is that of no other guard.
    pub(super) fn mark(&mut self, exit: ExitId, is_proved: bool) {
        self.region.exits[exit.0 as usize].proved = is_proved;
    }

    /// As [`Self::guard_tag`], of what facts say to be of these types. The exit is that of no other guard.
    pub(super) fn guard_type(&mut self, tag: Val, wanted: Tag, proof: TagSet, exit: ExitId) {
        self.mark(exit, proof.single() == Some(wanted));
        self.guard_tag(tag, wanted, exit);
    }

    /// What facts say of the instruction at hand, if that is tested here: where it was executed while recording, so
    /// that its operands are there.
    fn judged(&self) -> Option<(TypeFeedback, Judging)> {
        let types = self.types.filter(|_| self.profile.at(self.pc).reached)?;
        Some((*types.at(self.program, self.context.func, self.pc), types.judging()?))
    }

    /// Tests the operands of the instruction at hand.
    pub(super) fn judge_operands(&mut self, op: Op) -> Built<()> {
        // The state of an iteration is told as a whole, not by register.
        let Some((proved, judging)) = self.judged().filter(|_| op.as_iteration().is_none()) else { return Ok(()) };
        let (a, b) = observed(&op);
        for (register, proved) in [(a, proved.a), (b, proved.b)] {
            if let Some(register) = register {
                let value = self.get(register)?;
                self.judge(value, proved, judging);
            }
        }
        Ok(())
    }

    /// Tests what the instruction at hand has written.
    pub(super) fn judge_result(&mut self, op: Op) -> Built<()> {
        let Some((proved, judging)) = self.judged() else { return Ok(()) };
        let live = Rc::clone(&self.live);
        if let Some(register) = op.result().filter(|register| live[self.live_at + 1].contains(*register)) {
            let value = self.get(register)?;
            self.judge(value, proved.result, judging);
        }
        Ok(())
    }

    fn judge(&mut self, value: Typed, proved: TagSet, judging: Judging) {
        let is_spoilt = judging == Judging::Spoilt && value.tag() == Some(Tag::Int);
        let is_right = match value {
            // Nothing is known of it, or it is absent.
            _ if proved.is_empty() || value.tag() == Some(Tag::Undef) => return,
            Typed::Known(tag, _) if proved.contains(tag) && !is_spoilt => return,
            Typed::Known(..) => self.truth(false),
            Typed::Any { tag, .. } => {
                let absent = 1 << Tag::Undef as u32;
                let (one, all) = (self.int(1), self.int((proved.bits() | absent).into()));
                let bit = self.push(Inst::Binary(Binary::Shl, one, tag), Repr::I64);
                let found = self.push(Inst::Binary(Binary::And, bit, all), Repr::I64);
                self.push(Inst::Unary(Unary::BitsToBool, found), Repr::Bool)
            }
        };
        let exit = Exit { frames: self.context.frames.clone(), ..Exit::plain(ExitReason::Fact, self.pc) };
        let exit = self.region.new_exit(exit);
        self.guard(is_right, true, exit);
    }
}
