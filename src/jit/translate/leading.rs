//! Leading blocks: what a function does before its first call, copied to where it is called.
//!
//! A function that is recursive, or too large to be inlined, often returns at once: at the end of a recursion, or for
//! arguments that need no work. Its blocks up to the first instruction that may have an effect are walked through at
//! the call site as if it were inlined. Where they come to such an instruction, the function is called with the
//! arguments as they were, and begins anew: nothing that cannot be done twice has happened. So no frame is made for
//! calls that return before that, which are half of all in a binary recursion. (Partial inlining: Way and Pollock,
//! Evaluation of a Region-based Partial Inlining Algorithm, 2002.)

use std::collections::HashSet;

use super::calls::Callee;
use super::loops::Return;
use super::{Builder, Built, Goes, Purpose};
use crate::bytecode::op::window::Call;
use crate::bytecode::{FuncId, Op, Reg, flow};
use crate::facts::native_forms::{MAX_LEADING, is_leading};
use crate::jit::ir::Terminator;

impl Builder<'_> {
    /// Whether a function was seen to return from its leading blocks, and these are few.
    pub(super) fn has_leading_return(&mut self, func: FuncId) -> bool {
        // Whether there is fuel for the call has to be known before its errors are.
        if !self.may_count_late() {
            return false;
        }
        if self.plan.no_inlining || self.plan.not_leading.contains(&self.pc) {
            return false;
        }
        let Ok(flow) = self.flows.of(self.program, func) else { return false };
        let mut pending = vec![flow::BlockId(0)];
        let mut met: HashSet<flow::BlockId> = pending.iter().copied().collect();
        let (mut count, mut returns) = (0, false);
        while let Some(id) = pending.pop() {
            let block = flow.block(id);
            if block.innermost.is_some() {
                continue;
            }
            let pcs = flow.start + block.start..flow.start + block.end;
            let leading = pcs.clone().take_while(|pc| is_leading(self.program.code[*pc as usize])).count();
            count += leading;
            if leading < pcs.len() {
                continue;
            }
            let last = pcs.end - 1;
            returns |= ends_function(self.program.code[last as usize]) && self.profile.at(last).reached;
            pending.extend(block.next.into_iter().chain(block.taken).filter(|next| met.insert(*next)));
        }
        returns && count <= MAX_LEADING
    }

    /// Calls a function, unless its leading blocks return.
    pub(super) fn call_behind_leading(&mut self, base: Reg, callee: Callee) -> Built<Goes> {
        let returns = self.behind_leading(
            |builder| {
                builder.move_args(base, &callee)?;
                let purpose = Purpose::Leading;
                builder.walk_into_callee(base.above(Call::ARGS), callee.func, callee.closure, purpose)
            },
            |builder| {
                let goes = builder.call_directly(base, callee)?;
                Ok((goes == Goes::On).then(|| (builder.current, builder.env.clone())))
            },
        )?;
        self.return_to_caller(base, returns)
    }

    /// Walks through the leading blocks of a function, and calls it where they do not return.
    pub(super) fn behind_leading(
        &mut self,
        walk: impl FnOnce(&mut Self) -> Built<Vec<Return>>,
        call: impl FnOnce(&mut Self) -> Built<Option<Return>>,
    ) -> Built<Vec<Return>> {
        let before = self.env.clone();
        let stopped_around = std::mem::take(&mut self.stopped);
        let mut returns = walk(self)?;
        let stopped = std::mem::replace(&mut self.stopped, stopped_around);
        if !stopped.is_empty() {
            let block = self.new_block();
            for open in stopped {
                self.region.block_mut(open).end = Terminator::Jump(block, Vec::new());
            }
            (self.current, self.env) = (block, before);
            returns.extend(call(self)?);
        }
        Ok(returns)
    }

    /// Whether walking through leading blocks has to stop in front of an instruction; the current block is left open
    /// then.
    pub(super) fn stops_leading(&mut self, op: Op) -> bool {
        let stops = self.context.purpose == Purpose::Leading && !is_leading(op);
        if stops {
            self.stopped.push(self.current);
        }
        stops
    }

    /// As [`Self::stops_leading`], in front of a loop.
    pub(super) fn stops_leading_at_loop(&mut self) -> bool {
        if self.context.purpose == Purpose::Leading {
            self.stopped.push(self.current);
        }
        self.context.purpose == Purpose::Leading
    }
}

fn ends_function(op: Op) -> bool {
    matches!(op, Op::Return { .. } | Op::ReturnVoid {})
}
