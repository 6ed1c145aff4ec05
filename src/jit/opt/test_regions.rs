//! Hand-built regions for the tests of passes.

use crate::jit::ir::{
    Binary, BlockId, Compare, Element, Exit, ExitId, ExitReason, Inst, Loop, Mem, Region, Repr, Terminator, Val, Width,
};
use crate::runtime::object::List;

/// A region under construction, with its machine and frame as values 0 and 1.
pub struct TestRegion {
    pub region: Region,
    pub block: BlockId,
}

impl TestRegion {
    pub fn new() -> TestRegion {
        let mut region = Region::default();
        region.new_val(Repr::I64);
        region.new_val(Repr::I64);
        let entry = region.new_block(0);
        region.order.push(entry);
        TestRegion { region, block: entry }
    }

    pub fn new_block(&mut self) -> BlockId {
        let block = self.region.new_block(0);
        self.region.order.push(block);
        block
    }

    pub fn param(&mut self, block: BlockId, repr: Repr) -> Val {
        let val = self.region.new_val(repr);
        self.region.block_mut(block).params.push(val);
        val
    }

    pub fn push(&mut self, inst: Inst) -> Val {
        let repr = match &inst {
            Inst::Icmp(..) | Inst::Fcmp(..) | Inst::Bool(_) => Repr::Bool,
            Inst::Float(_) => Repr::F64,
            Inst::Load { repr, .. } => *repr,
            Inst::LoadElement { element: Element::Float, .. } => Repr::F64,
            _ => Repr::I64,
        };
        let val = self.region.new_val(repr);
        self.region.block_mut(self.block).insts.push((Some(val), inst));
        val
    }

    pub fn int(&mut self, value: i64) -> Val {
        self.push(Inst::Int(value))
    }

    pub fn load(&mut self, mem: Mem, base: Val, offset: i32) -> Val {
        self.push(Inst::Load { mem, base, offset, repr: Repr::I64, width: Width::Full })
    }

    pub fn len(&mut self, list: Val) -> Val {
        self.load(Mem::Header, list, List::LEN_OFFSET as i32)
    }

    pub fn effect(&mut self, inst: Inst) {
        self.region.block_mut(self.block).insts.push((None, inst));
    }

    pub fn exit(&mut self, reason: ExitReason) -> ExitId {
        self.region.new_exit(Exit::plain(reason, 9))
    }

    pub fn guard(&mut self, condition: Val, reason: ExitReason) {
        let exit = self.exit(reason);
        self.effect(Inst::Guard { condition, expect: true, exit });
    }

    pub fn end(&mut self, end: Terminator) {
        self.region.block_mut(self.block).end = end;
    }

    /// A loop `i = from; do { body } while (i += step) op to`, entered from the current block, which goes on behind it.
    pub fn counted(&mut self, from: Val, step: i64, op: Compare, to: Val, body: impl FnOnce(&mut TestRegion, Val)) {
        let (preheader, header) = (self.block, self.new_block());
        self.region.block_mut(header).is_loop_header = true;
        let counter = self.param(header, Repr::I64);
        self.end(Terminator::Jump(header, vec![from]));
        let entry = Exit::plain(ExitReason::Type, 7);
        self.region.loops.push(Loop { header, preheader, entry });
        self.block = header;
        body(self, counter);
        let step = self.int(step);
        let next = self.push(Inst::Binary(Binary::Iadd, counter, step));
        let more = self.push(Inst::Icmp(op, next, to));
        let (back, done) = (self.new_block(), self.new_block());
        self.end(Terminator::Branch(more, back, done));
        self.block = back;
        self.end(Terminator::Jump(header, vec![next]));
        self.block = done;
    }

    /// A branch to `body` if a condition holds, and past it if not; the block where both edges meet is the current one
    /// then.
    pub fn when<T>(&mut self, condition: Val, body: impl FnOnce(&mut TestRegion) -> T) -> T {
        let (yes, no) = (self.new_block(), self.new_block());
        self.end(Terminator::Branch(condition, yes, no));
        self.block = yes;
        let result = body(self);
        let both = self.new_block();
        self.end(Terminator::Jump(both, Vec::new()));
        self.block = no;
        self.end(Terminator::Jump(both, Vec::new()));
        self.block = both;
        result
    }

    /// Ends the region.
    pub fn finish(mut self) -> Region {
        let exit = self.exit(ExitReason::LoopDone);
        self.end(Terminator::Exit(exit));
        self.region
    }
}

/// The instructions of a block as text.
pub fn text(region: &Region, block: BlockId) -> String {
    region.block(block).insts.iter().map(|(_, inst)| format!("{inst}\n")).collect()
}

/// All instructions of the region's loops as text.
pub fn in_loops(region: &Region) -> String {
    let cfg = super::cfg::Cfg::of(region);
    region.order.iter().filter(|id| cfg.innermost(**id).is_some()).map(|id| text(region, *id)).collect()
}
