//! Doors to the running frame: for the recorder, which executes one instruction at a time and enters calls itself, and
//! for whoever goes on where native code was left.

use crate::bytecode::op::window::{Call, MethodCall};
use crate::bytecode::{CaptureId, FuncId, Op, Reg, StructId};
use crate::runtime::abi::Called;
use crate::runtime::call::Begun;
use crate::runtime::error::{Error, ErrorKind, Result};
use crate::runtime::object::{Closure, Gc};
use crate::runtime::stack::{Frame, MAX_FRAMES};
use crate::runtime::step::Stepped;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

impl Vm {
    /// Number of frames.
    pub fn depth(&self) -> usize {
        self.stack.depth()
    }

    /// Where the top frame goes on, as an index into the program's code.
    pub fn top_pc(&self) -> u32 {
        // SAFETY: a frame is alive, and its pc points into the program's code.
        unsafe { (*self.stack.frame()).pc.offset_from(self.image.program.code.as_ptr()) as u32 }
    }

    /// Moves the top frame to an instruction of its function.
    pub fn set_top_pc(&mut self, pc: u32) {
        debug_assert!({
            let range = self.image.program.functions[self.top_function().index()].code.range();
            range.contains(&(pc as usize))
        });
        self.set_top_pc_unchecked(pc);
    }

    /// As [`Vm::set_top_pc`], also for one past the function's last instruction, where a call in progress may be.
    pub(in crate::runtime) fn set_top_pc_unchecked(&mut self, pc: u32) {
        let pc: *const Op = self.image.program.code.as_ptr().wrapping_add(pc as usize);
        // SAFETY: a frame is alive.
        unsafe { (*self.stack.frame()).pc = pc };
    }

    /// Moves the top frame to the beginning of its function. Native code that starts a frame leaves that to whoever
    /// needs it.
    pub(in crate::runtime) fn set_top_pc_to_start(&mut self) {
        // SAFETY: the frame is alive, and its function belongs to the image.
        unsafe { (*self.stack.frame()).pc = (*(*self.stack.frame()).function).code };
    }

    /// Moves the top frame behind an instruction of its function, where raising an error wants it.
    pub fn set_pc_behind(&mut self, pc: u32) {
        self.set_top_pc_unchecked(pc + 1);
    }

    /// The running function.
    pub fn top_function(&self) -> FuncId {
        // SAFETY: a frame is alive, and its function belongs to the image.
        unsafe { (*(*self.stack.frame()).function).id }
    }

    /// Register 0 of the top frame.
    pub fn top_base(&self) -> Window {
        // SAFETY: a frame is alive.
        unsafe { (*self.stack.frame()).base }
    }

    /// The top frame itself.
    pub fn top_frame(&self) -> *mut Frame {
        self.stack.frame()
    }

    /// The function of a frame so far below the top one, and where its code goes on; of the top one, where it stands.
    pub fn frame_below(&self, below: usize) -> Option<(FuncId, u32)> {
        let depth = self.depth().checked_sub(below).filter(|depth| *depth > 0)?;
        let frame = self.stack.frame_at(depth);
        let offset = (frame.pc as usize).wrapping_sub(self.image.program.code.as_ptr() as usize);
        // SAFETY: a frame's function belongs to the image.
        Some((unsafe { (*frame.function).id }, (offset / size_of::<Op>()) as u32))
    }

    /// The int in a register of a frame so far below the top one. It may be out of date where native code runs in that
    /// frame.
    pub fn int_below(&self, below: usize, register: Reg) -> Option<i64> {
        let depth = self.depth().checked_sub(below).filter(|depth| *depth > 0)?;
        let frame = self.stack.frame_at(depth);
        // SAFETY: a frame's function belongs to the image.
        let registers = unsafe { (*frame.function).registers };
        (register.0 < registers).then(|| frame.base.get(register.0))?.as_int()
    }

    /// The value of a register of the top frame. Panics unless the function has it.
    pub fn top_register(&self, register: u32) -> Value {
        let registers = self.image.function(self.top_function()).registers;
        assert!(register < registers.into(), "register outside the frame");
        self.top_base().far_above(register).get(0)
    }

    /// A capture of the running closure. Panics if the function has no such capture.
    pub fn top_capture(&self, capture: CaptureId) -> Value {
        assert!(capture.index() < self.image.function(self.top_function()).captures.len(), "no such capture");
        self.capture(capture)
    }

    /// Moves the arguments of a call of a member of the top frame down over the receiver, which a function in a field
    /// does not get.
    pub fn drop_receiver(&mut self, base: Reg, argc: u16) {
        let window = self.top_base().of(base);
        window.above(MethodCall::ARGS).shift(window.above(MethodCall::RECEIVER), argc.into());
    }

    /// Makes sure that native code may use `window` registers from the top frame's base and rebuild `frames` frames,
    /// and that enough native stack is left.
    pub fn room_for_native(&mut self, window: u32, frames: usize) -> bool {
        let base = self.top_base();
        let Ok(window) = u16::try_from(window) else { return false };
        self.has_native_stack() && self.stack.make_room(base, window).is_ok() && self.depth() + frames < MAX_FRAMES
    }

    /// Rebuilds the frame of an inlined function above the top frame: the top frame goes on at `return_pc` when it
    /// returns.
    pub fn push_inlined(
        &mut self,
        func: FuncId,
        offset: u32,
        return_pc: u32,
        region_base: Window,
        has_closure: bool,
    ) -> Result<()> {
        self.set_top_pc(return_pc);
        let base = region_base.far_above(offset);
        // Below an inlined frame lies the register of its caller that has the callee.
        let closure = if has_closure { base.result().get(Call::CALLEE).as_closure() } else { None };
        self.start_frame(func, base, closure)
    }

    /// Executes the instruction at an index of the program's code, which belongs to the top frame's function; see
    /// [`Vm::step`]. The top frame's pc is left behind the instruction. If it has to wait for a task, or lets others
    /// run first, they run meanwhile, and the caller finds all as it was but for what is on the heap.
    pub fn step_at(&mut self, pc: u32) -> Result<Stepped> {
        let op = self.op_at(pc);
        loop {
            // SAFETY: the instruction belongs to the top frame's function.
            match unsafe { self.step(op) } {
                Err(error) if matches!(error.kind(), ErrorKind::Suspend(_)) => self.wait_here(error)?,
                stepped => return stepped,
            }
        }
    }

    /// As [`Vm::step_at`], without a collection after the instruction; see [`Vm::step_without_safepoint`].
    pub fn step_at_without_safepoint(&mut self, pc: u32) -> Result<Stepped> {
        let op = self.op_at(pc);
        // SAFETY: the instruction belongs to the top frame's function.
        unsafe { self.step_without_safepoint(op) }
    }

    fn op_at(&self, pc: u32) -> *const Op {
        debug_assert!({
            let range = self.image.program.functions[self.top_function().index()].code.range();
            range.contains(&(pc as usize))
        });
        &self.image.program.code[pc as usize]
    }

    /// Starts the frame that `CallFn` at the top frame's pc starts. For the recorder, which walks into known functions.
    pub fn step_into(&mut self, func: FuncId, base: Reg) -> Result<()> {
        self.step_into_closure(func, None, base)
    }

    /// As [`Vm::step_into`], for a function that may be a closure.
    pub fn step_into_closure(&mut self, func: FuncId, closure: Option<Gc<Closure>>, base: Reg) -> Result<()> {
        let pc = self.top_pc();
        self.set_top_pc(pc + 1);
        self.start_frame(func, self.top_base().of(base).above(Call::ARGS), closure)
    }

    /// Puts the receiver that a method is bound to in front of the arguments of its call from the top frame, which
    /// stand from so far above `base` up. Whether there was room.
    pub fn put_receiver_of(&mut self, called: &Called, base: Reg, first: u16, argc: u16) -> bool {
        let Some(receiver) = called.receiver else { return true };
        let slot = self.top_base().of(base);
        if self.stack.make_room(slot, argc.saturating_add(2)).is_err() {
            return false;
        }
        slot.above(first).shift(slot.above(MethodCall::ARGS), argc.into());
        slot.set(MethodCall::RECEIVER, receiver);
        true
    }

    /// Makes the instance that `New` at the top frame's pc makes, and starts the frame of its `init`, if it has one;
    /// whether it has. For the recorder.
    pub fn step_into_new(&mut self, def: StructId, base: Reg) -> Result<bool> {
        self.set_top_pc_unchecked(self.top_pc() + 1);
        let begun = self.begin_new(self.top_base().of(base), def)?;
        Ok(begun == Begun::Frame)
    }

    /// Lets the function that a tail call at the top frame's pc calls take over the frame.
    pub fn step_into_instead(&mut self, func: FuncId, closure: Option<Gc<Closure>>, base: Reg) -> Result<()> {
        let pc = self.top_pc();
        self.set_top_pc_unchecked(pc + 1);
        self.replace_frame(func, self.top_base().of(base).above(Call::ARGS), closure)
    }

    /// `StartTask` in the top frame, which is to be ended: the task that goes on with it.
    pub fn start_task_of_top_frame(&mut self) -> Result<Value> {
        self.task_of_frame()
    }

    /// Ends the top frame, which [`Vm::step_into`] started, with a result.
    pub fn step_out(&mut self, result: Value) {
        let base = self.top_base();
        self.stack.leave();
        base.result().set(Call::RESULT, result);
    }

    /// Executes a `throw` at the top frame's pc if a frame from the `lowest`-th up handles it, and none in between is
    /// waited for by a step or a built-in; whether it was.
    pub fn throw_above(&mut self, src: Reg, lowest: usize) -> bool {
        let (value, pc) = (self.top_register(src.0.into()), self.top_pc());
        let raised = self.raise_above(Error::thrown(value), pc, lowest);
        if raised.is_err() {
            self.set_top_pc_unchecked(pc);
        }
        raised.is_ok()
    }

    /// Raises the error of the instruction at `pc`, which belongs to the top frame, likewise.
    pub fn raise_above(&mut self, error: Error, pc: u32, lowest: usize) -> Result<()> {
        let innermost = (lowest..=self.depth()).rev().find(|&depth| self.is_waited_for(depth));
        let lowest = innermost.unwrap_or(lowest).max(self.depth_inside_built_in());
        self.set_pc_behind(pc);
        self.unwinding.enter_handler_above(error, lowest, &mut self.stack, &mut self.heap)
    }

    /// A step of an iteration over anything but an instance or a module, which calls nothing: whether there is an item.
    /// `starts` makes the state first.
    pub fn iterate_at(&mut self, state: Window, starts: bool, pairs: bool) -> Result<bool> {
        match (starts, pairs) {
            (true, _) => self.start_iteration(state, pairs),
            (false, false) => self.next_item(state),
            (false, true) => self.next_pair(state),
        }
    }
}
