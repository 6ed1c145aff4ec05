//! Tests of what facts prove, for [`super::super::judge`].

use std::rc::Rc;

use super::env::Typed;
use super::{Builder, Built};
use crate::bytecode::Op;
use crate::facts::native_forms::observed;
use crate::jit::feedback::{TagSet, TypeFeedback};
use crate::jit::ir::{Binary, Exit, ExitReason, Inst, Repr, Unary};
use crate::jit::static_types::Judging;
use crate::runtime::value::Tag;

impl Builder<'_> {
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
