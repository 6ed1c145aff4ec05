//! Events, which are back edges and calls, in native code: each burns fuel where that is limited, and is counted where
//! work is.
//!
//! Counts are words in memory that are loaded, added to and stored where the event is. The passes promote them as they
//! do fields, so that a loop counts in a register, and its exits store what they have come to. Fuel is such a word,
//! too, and a guard: where none is left, native code is left with the frames as they are at the event, and the error
//! raised there.

use super::Builder;
use crate::bytecode::Op;
use crate::jit::helpers::Helper;
use crate::jit::ir::{Binary, Exit, ExitReason, Inst, Mem, Repr, Unary, Val};
use crate::runtime::counts::{Counted, NativeCounts};

impl Builder<'_> {
    /// Control comes from an instruction, which has jumped or not, to this pc: an event if that leads back to a header.
    /// What leaves from here on goes on there.
    pub(super) fn count_arrival(&mut self, op: Op, jumped: bool, target: u32) {
        if jumped && op.jump_offset().is_some_and(|offset| offset < 0) {
            self.count(Counted::BackEdge(target), target);
        }
    }

    /// The function that is walked through begins here.
    pub(super) fn count_call(&mut self) {
        self.count(Counted::Call(self.context.func), self.context.flow.start);
    }

    fn count(&mut self, event: Counted, pc: u32) {
        let Some(counting) = self.counting else { return };
        let cells = self.int(counting.cells as i64);
        if counting.burns {
            let left = self.load(Mem::Count, cells, NativeCounts::FUEL, Repr::I64);
            let is_left = self.push(Inst::Unary(Unary::BitsToBool, left), Repr::Bool);
            let exit = Exit { frames: self.context.frames.clone(), ..Exit::plain(ExitReason::Fuel, pc) };
            let exit = self.region.new_exit(exit);
            self.guard(is_left, true, exit);
            self.add_to_count(cells, NativeCounts::FUEL, left, -1);
        }
        if counting.counts {
            let offset = counting.of_event(event);
            let count = self.load(Mem::Count, cells, offset, Repr::I64);
            self.add_to_count(cells, offset, count, 1);
        }
    }

    fn add_to_count(&mut self, cells: Val, offset: i32, count: Val, by: i64) {
        let by = self.int(by);
        let value = self.push(Inst::Binary(Binary::Iadd, count, by), Repr::I64);
        self.effect(Inst::Store { mem: Mem::Count, base: cells, offset, value });
    }

    /// Says for which instruction a helper is about to be called, if objects that it makes are counted.
    pub(super) fn name_place(&mut self, helper: Helper) {
        if let Some(counting) = self.counting.filter(|counting| counting.counts && helper.is_told_its_place()) {
            let (cells, pc) = (self.int(counting.cells as i64), self.int(self.pc.into()));
            // The helper reads it, so it is no count that may stay in a register.
            self.effect(Inst::Store { mem: Mem::Vm, base: cells, offset: NativeCounts::PLACE, value: pc });
        }
    }

    /// Whether calls may be counted behind what they do: no fuel has to be left for them.
    pub(super) fn may_count_late(&self) -> bool {
        self.counting.is_none_or(|counting| !counting.burns)
    }
}
