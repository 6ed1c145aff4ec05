//! Frames: those that calls start, and those of inlined functions for as long as something looks at frames.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};

use super::{Emitter, flags, returning_result, signature};
use crate::bytecode::FuncId;
use crate::jit::helpers::Helper;
use crate::jit::ir::{ExitId, Mem, StartedFrame, Val};
use crate::runtime::abi::{Outcome, layout};
use crate::runtime::value::Value;

impl Emitter<'_> {
    /// Those of native code itself, and of what runs it to its end.
    pub(super) fn native_signatures(&mut self) -> [ir::SigRef; 2] {
        *self.native_signatures.get_or_insert_with(|| {
            let native = self.builder.import_signature(signature(self.call_conv));
            let finish = self.builder.import_signature(returning_result(self.call_conv, 2));
            [native, finish]
        })
    }

    /// At the beginning of a function: whether there is room for its registers, the frames it may start, and itself on
    /// the native stack.
    pub(super) fn check_room(&mut self) {
        let of_machine = flags(Mem::Vm);
        let window = i64::from(self.region.window) * size_of::<Value>() as i64;
        let frames = (self.region.inlined_depth as i64 + 1) * i64::from(layout::FRAME_SIZE);
        let of = |emitter: &mut Self, offset| emitter.builder.ins().load(types::I64, of_machine, emitter.vm, offset);
        // Addresses differ by less than the largest int. One branch for all three, since blocks are what costs compile
        // time.
        let low = of(self, layout::NATIVE_CODE_LIMIT);
        let here = self.builder.ins().get_stack_pointer(types::I64);
        let native_room = self.builder.ins().isub(here, low);
        let highest = self.builder.ins().iadd_imm_s(self.frame, frames);
        let last = of(self, layout::LAST_FRAME);
        let frame_room = self.builder.ins().isub(last, highest);
        let end = self.builder.ins().iadd_imm_s(self.base, window);
        let limit = of(self, layout::STACK_LIMIT);
        let window_room = self.builder.ins().isub(limit, end);
        let room = self.builder.ins().bor(native_room, frame_room);
        let room = self.builder.ins().bor(room, window_room);
        let has_room = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, room, 0);
        let not_entered = self.builder.create_block();
        self.builder.set_cold_block(not_entered);
        let enter = self.go_on_if(has_room, not_entered);
        self.builder.switch_to_block(not_entered);
        let outcome = self.builder.ins().iconst(types::I64, Outcome::NOT_ENTERED.bits() as i64);
        let leave = self.leave_block();
        self.builder.ins().jump(leave, &[outcome.into()]);
        self.builder.switch_to_block(enter);
    }

    /// Starts the frame of a function as [`crate::runtime::stack::Stack::enter`] does: `above` the region's own, which
    /// is that many frames below. There is room for it, as the region was entered on that condition. The frame below
    /// goes on at the second address.
    fn start_frame(
        &mut self,
        above: usize,
        [function, return_pc]: [usize; 2],
        closure: Option<Val>,
        base: u32,
    ) -> ir::Value {
        let of_machine = flags(Mem::Vm);
        let below = (above as i32 - 1) * layout::FRAME_SIZE;
        let return_pc = self.builder.ins().iconst(types::I64, return_pc as i64);
        self.builder.ins().store(of_machine, return_pc, self.frame, below + layout::FRAME_PC);
        let base = self.builder.ins().iadd_imm_s(self.base, i64::from(base) * size_of::<Value>() as i64);
        let function = self.builder.ins().iconst(types::I64, function as i64);
        let closure = self.closure_word(closure);
        // Its pc is written when it calls something or leaves native code; nobody looks at it before.
        let fields = [(function, layout::FRAME_FUNCTION), (base, layout::FRAME_BASE), (closure, layout::FRAME_CLOSURE)];
        for (value, offset) in fields {
            self.builder.ins().store(of_machine, value, self.frame, below + layout::FRAME_SIZE + offset);
        }
        base
    }

    /// What a frame has as the closure that runs.
    fn closure_word(&mut self, closure: Option<Val>) -> ir::Value {
        match closure {
            Some(closure) => self.value(closure),
            None => self.builder.ins().iconst(types::I64, 0),
        }
    }

    /// Makes the region's frame that of the function at this address.
    pub(super) fn give_frame_to(&mut self, function: usize, closure: Option<Val>) {
        let function = self.builder.ins().iconst(types::I64, function as i64);
        let closure = self.closure_word(closure);
        self.builder.ins().store(flags(Mem::Vm), function, self.frame, layout::FRAME_FUNCTION);
        self.builder.ins().store(flags(Mem::Vm), closure, self.frame, layout::FRAME_CLOSURE);
    }

    /// Starts the frames of inlined functions.
    pub(super) fn start_frames(&mut self, frames: &[StartedFrame]) {
        for (index, frame) in frames.iter().enumerate() {
            self.start_frame(index + 1, frame.addresses, frame.closure, frame.base);
        }
    }

    /// Says which frame is on top: the one so many `above` the region's own, which is given.
    pub(super) fn set_top_frame(&mut self, above: usize) -> ir::Value {
        let top = match above {
            0 => self.frame,
            _ => self.builder.ins().iadd_imm_s(self.frame, above as i64 * i64::from(layout::FRAME_SIZE)),
        };
        self.builder.ins().store(flags(Mem::Vm), top, self.vm, layout::TOP_FRAME);
        top
    }

    /// Starts the frame of a function, above those of the inlined functions that call it, and calls its code. The
    /// callee sees to its registers. One that has not returned is run to its end by `finish`.
    pub(super) fn call_function(
        &mut self,
        result: Option<Val>,
        frames: &[StartedFrame],
        (func, closure): (FuncId, Option<Val>),
        base: u32,
        addresses: [usize; 2],
        (finish, exit): (Helper, ExitId),
    ) -> Option<ir::Value> {
        let of_machine = flags(Mem::Vm);
        let table = self.builder.ins().load(types::I64, of_machine, self.vm, layout::NATIVE_FUNCTIONS);
        let native = self.builder.ins().load(types::I64, of_machine, table, func.0 as i32 * size_of::<usize>() as i32);
        self.start_frames(frames);
        let callee_base = self.start_frame(frames.len() + 1, addresses, closure, base);
        let callee_frame = self.set_top_frame(frames.len() + 1);
        let [native_signature, finish_signature] = self.native_signatures();
        let next = self.builder.create_block();
        let not_returned = self.cold_block();
        let tag_here = self.builder.append_block_param(next, types::I64);
        let payload_here = self.builder.append_block_param(next, types::I64);
        let call = |emitter: &mut Self, signature, callee, args: &[ir::Value], otherwise, passes_outcome: bool| {
            let call = emitter.builder.ins().call_indirect(signature, callee, args);
            let (outcome, payload) = (emitter.builder.inst_results(call)[0], emitter.builder.inst_results(call)[1]);
            let first_exit = Outcome::FIRST_EXIT as i64;
            let returned = emitter.builder.ins().icmp_imm_u(IntCC::UnsignedLessThan, outcome, first_exit);
            let result = [outcome.into(), payload.into()];
            emitter.builder.ins().brif(returned, next, &result, otherwise, &result[..usize::from(passes_outcome)]);
        };
        call(self, native_signature, native, &[self.vm, callee_base, callee_frame], not_returned, true);
        self.builder.switch_to_block(not_returned);
        let outcome = self.builder.block_params(not_returned)[0];
        let finish = self.builder.ins().iconst(types::I64, finish.address() as i64);
        let exit = self.exit_block(exit);
        let failed = if frames.is_empty() { exit } else { self.builder.create_block() };
        call(self, finish_signature, finish, &[self.vm, outcome], failed, false);
        if !frames.is_empty() {
            // Whoever leaves native code finds the region's frame on top.
            self.builder.set_cold_block(failed);
            self.builder.switch_to_block(failed);
            self.set_top_frame(0);
            self.builder.ins().jump(exit, &[]);
        }
        self.builder.switch_to_block(next);
        if !frames.is_empty() {
            self.set_top_frame(0);
        }
        if let Some(result) = result {
            self.call_payloads.push((result, payload_here));
        }
        Some(tag_here)
    }
}
