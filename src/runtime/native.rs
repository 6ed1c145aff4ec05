//! What native code and the JIT may see of the machine: layouts, and a few doors into its state.
//!
//! Native code is called by the tier with the machine and the base of the top frame. It keeps values in machine
//! registers, writes them home before it leaves or calls anything that looks at the frame, and returns the number of an
//! exit.

use super::call::{Begun, shift};
use super::error::{Error, ErrorKind, Result};
use super::heap::Watched;
use super::image::Image;
use super::methods::receiver_of;
use super::stack::MAX_FRAMES;
use super::step::Stepped;
use super::value::Value;
use super::vm::Vm;
use crate::bytecode::methods::find_method;
use crate::bytecode::op::HeapUse;
use crate::bytecode::{FuncId, GlobalId, Op, Program, SiteId, StructId};

/// Offsets from the address of a [`Vm`] and of what it points to.
pub mod layout {
    use std::mem::offset_of;

    use crate::runtime::heap::Heap;
    use crate::runtime::stack::{Frame, Stack};
    use crate::runtime::vm::Vm;

    /// Pointer to the first global. A boxed slice keeps its pointer in its first word; a test compares.
    pub const GLOBALS: i32 = offset_of!(Vm, globals) as i32;
    /// Pointer to the running frame.
    pub const TOP_FRAME: i32 = (offset_of!(Vm, stack) + Stack::TOP_OFFSET) as i32;
    /// Pointer to the last frame there is room for.
    pub const LAST_FRAME: i32 = (offset_of!(Vm, stack) + Stack::LAST_OFFSET) as i32;
    /// Pointer to the end of the registers that may be used.
    pub const STACK_LIMIT: i32 = (offset_of!(Vm, stack) + Stack::LIMIT_OFFSET) as i32;
    /// Lowest address of the native stack that native code of functions may use.
    pub const NATIVE_CODE_LIMIT: i32 = offset_of!(Vm, native_code_limit) as i32;
    /// Pointer to the native code of functions, by number. A boxed slice keeps its pointer in its first word; a test
    /// compares.
    pub const NATIVE_FUNCTIONS: i32 = offset_of!(Vm, native_functions) as i32;
    /// Bytes of a frame.
    pub const FRAME_SIZE: i32 = size_of::<Frame>() as i32;
    /// In a frame: its function.
    pub const FRAME_FUNCTION: i32 = offset_of!(Frame, function) as i32;
    /// In a frame: its register 0.
    pub const FRAME_BASE: i32 = offset_of!(Frame, base) as i32;
    /// In a frame: where it goes on.
    pub const FRAME_PC: i32 = offset_of!(Frame, pc) as i32;
    /// Pointer to the running closure, in a frame.
    pub const FRAME_CLOSURE: i32 = offset_of!(Frame, closure) as i32;
    /// Bytes in use.
    pub const HEAP_BYTES: i32 = (offset_of!(Vm, heap) + Heap::BYTES_OFFSET) as i32;
    /// How many iterations native code has begun of a loop that catches errors.
    pub const ROUNDS: i32 = offset_of!(Vm, rounds) as i32;
    /// Where a helper puts a value for native code.
    pub const RESULT: i32 = offset_of!(Vm, native_result) as i32;
    /// A collection is due when that many are in use.
    pub const HEAP_LIMIT: i32 = (offset_of!(Vm, heap) + Heap::LIMIT_OFFSET) as i32;
    /// The mark of new objects, a byte.
    pub const HEAP_COLOUR: i32 = (offset_of!(Vm, heap) + Heap::COLOUR_OFFSET) as i32;
    /// The heap itself.
    pub const HEAP: i32 = offset_of!(Vm, heap) as i32;
}

/// What a region is compiled to: machine and frame base in, and what came of it out.
pub type NativeCode = unsafe extern "C" fn(*mut Vm, *mut Value) -> NativeResult;

/// What native code says when it ends; both words travel in registers.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NativeResult {
    /// Below [`FIRST_EXIT`], the tag of the result of a function that has returned and whose frame is gone. From there
    /// on, the number of an exit, with that of the version in the upper half; or [`NOT_ENTERED`], or [`TAIL_CALLED`].
    pub said: u64,
    /// The payload of the result, if there is one.
    pub payload: u64,
}

impl NativeResult {
    /// # Safety
    /// A function has returned this: [`NativeResult::said`] is below [`FIRST_EXIT`].
    unsafe fn value(self) -> Value {
        // SAFETY: the words are tag and payload of a value, which its caller now has.
        unsafe { Value::of_words(self.said, self.payload) }
    }
}

/// What the first exit of a version is called. No tag is as large.
pub const FIRST_EXIT: u64 = 256;
/// The function was not entered: it has no native code, or the stacks are too full for it. Its frame stands at its
/// beginning.
pub const NOT_ENTERED: u64 = u64::MAX;
/// The function has given up its frame, in which another one is about to begin. Whoever called the native code calls
/// that of the other function next: so however long a chain of such calls is, the native stack does not grow.
pub const TAIL_CALLED: u64 = u64::MAX - 1;

/// Stands for the code of a function that has none.
///
/// # Safety
/// There is nothing to keep: it looks at neither argument.
pub(super) unsafe extern "C" fn not_native(_: *mut Vm, _: *mut Value) -> NativeResult {
    NativeResult { said: NOT_ENTERED, payload: 0 }
}

impl Vm {
    /// The program as data.
    pub fn program(&self) -> &Program {
        &self.image.program
    }

    /// The loaded program.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The address of the strings of one ASCII character, by its number. They stay where they are, and are the only
    /// ones of their texts.
    pub fn char_table(&self) -> usize {
        self.heap.short_strings().as_ptr() as usize
    }

    /// The ASCII character that a string of one is, or none.
    pub fn ascii_char(&self, text: Value) -> Option<u8> {
        text.as_str().filter(|text| text.byte_len() == 1).map(|text| text.as_str().as_bytes()[0])
    }

    /// The empty string, of which there is no other.
    pub fn empty_text(&self) -> Value {
        Value::from_str(self.heap.empty_str())
    }

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
    pub(super) fn set_top_pc_unchecked(&mut self, pc: u32) {
        let pc: *const Op = self.image.program.code.as_ptr().wrapping_add(pc as usize);
        // SAFETY: a frame is alive.
        unsafe { (*self.stack.frame()).pc = pc };
    }

    /// The running function.
    pub fn top_function(&self) -> FuncId {
        // SAFETY: a frame is alive, and its function belongs to the image.
        unsafe { (*(*self.stack.frame()).function).id }
    }

    /// Register 0 of the top frame.
    pub fn top_base(&self) -> *mut Value {
        // SAFETY: a frame is alive.
        unsafe { (*self.stack.frame()).base }
    }

    /// The value of a register of the top frame. Panics unless the function has it.
    pub fn top_register(&self, register: u32) -> Value {
        let registers = self.image.function(self.top_function()).registers;
        assert!(register < registers.into(), "register outside the frame");
        // SAFETY: the register lies in the top frame's window.
        unsafe { *self.top_base().add(register as usize) }
    }

    /// The value of a global, `Undef` if its `let` has not run.
    pub fn global(&self, global: GlobalId) -> Value {
        self.globals[global.index()]
    }

    /// A capture of the running closure. Panics if the function has no such capture.
    pub fn top_capture(&self, capture: crate::bytecode::CaptureId) -> Value {
        assert!(capture.index() < self.image.function(self.top_function()).captures.len(), "no such capture");
        self.capture(capture)
    }

    /// The member name of a site of a function.
    pub fn site_name(&self, func: FuncId, site: SiteId) -> &str {
        let function = &self.image.program.functions[func.index()];
        self.image.str(self.image.program.sites[function.sites.start as usize + site.index()])
    }

    /// The member name of a site of a function, as a string that lives as long as the program.
    pub fn site_name_value(&self, func: FuncId, site: SiteId) -> Value {
        let function = self.image.function(func);
        assert!(site.index() < self.image.program.functions[func.index()].sites.len as usize, "no such site");
        // SAFETY: a function's sites are as many as the program says.
        unsafe { (*function.sites.add(site.index())).name }
    }

    /// Whether a function takes that many arguments.
    pub fn takes(&self, func: FuncId, argc: u16) -> bool {
        self.image.function(func).params == argc
    }

    /// The function that a call of a method comes to for instances of a struct which have no fields beside their fixed
    /// slots: `None` unless it takes the receiver, captures nothing, and takes as many arguments.
    pub fn plain_method(&self, id: StructId, name: &str, argc: u16) -> Option<FuncId> {
        self.own_method(id, name, argc).filter(|_| self.image.struct_def(id).field(name).is_none())
    }

    /// The function of a method that is looked for in the struct alone, whatever fields an instance has: `None` unless
    /// it takes the receiver, captures nothing, and takes as many arguments.
    pub fn own_method(&self, id: StructId, name: &str, argc: u16) -> Option<FuncId> {
        let def = self.image.struct_def(id);
        let method = &def.methods[def.method(name)?];
        let function = self.image.function(method.func);
        let plain = method.takes_self && function.captures.is_empty() && function.params == argc.checked_add(1)?;
        plain.then_some(method.func)
    }

    /// Whether a call of a method of instances as in [`Vm::plain_method`] comes to a method that takes the receiver.
    pub fn has_plain_method(&self, id: StructId, name: &str) -> bool {
        let def = self.image.struct_def(id);
        def.field(name).is_none() && def.method(name).is_some_and(|method| def.methods[method].takes_self)
    }

    /// The function that a call of a method through the struct itself comes to: `None` unless it captures nothing and
    /// takes as many arguments.
    pub fn method_of_struct(&self, id: StructId, name: &str, argc: u16) -> Option<FuncId> {
        let def = self.image.struct_def(id);
        let method = &def.methods[def.method(name)?];
        let function = self.image.function(method.func);
        (function.captures.is_empty() && function.params == argc).then_some(method.func)
    }

    /// The function in a field of the receiver's struct that a call of a member comes to at the top frame: `None`
    /// unless it captures nothing and takes as many arguments. Where the method was found before the arguments were
    /// evaluated, fields no longer matter.
    pub fn function_in_field(&self, base: crate::bytecode::Reg, argc: u16, site: SiteId) -> Option<FuncId> {
        let instance = self.top_register(u32::from(base.0) + 1).as_instance()?;
        if self.site(self.stack.frame(), site).is_found {
            return None;
        }
        let name = self.site_name(self.top_function(), site);
        let slot = self.image.struct_def(instance.struct_id()).field(name)?;
        instance.slot(slot).as_function().filter(|func| self.takes(*func, argc))
    }

    /// Moves the arguments of a call of a member of the top frame down over the receiver, which a function in a field
    /// does not get.
    pub fn drop_receiver(&mut self, base: crate::bytecode::Reg, argc: u16) {
        let receiver = self.top_base().wrapping_add(base.index() + 1);
        // The verifier proved that the window of a call, receiver and arguments, lies in the frame's registers.
        shift(receiver.wrapping_add(1), receiver, argc.into());
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
    pub fn push_inlined(&mut self, func: FuncId, offset: u32, return_pc: u32, region_base: *mut Value) -> Result<()> {
        self.set_top_pc(return_pc);
        self.start_frame(func, region_base.wrapping_add(offset as usize), None)
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

    /// Runs something during which no operation collects garbage: one that wants memory fails with
    /// [`ErrorKind::NeedsMemory`] before it has had an effect.
    pub fn without_collections<T>(&mut self, run: impl FnOnce(&mut Vm) -> T) -> T {
        let outer = std::mem::replace(&mut self.must_not_collect, true);
        let result = run(self);
        self.must_not_collect = outer;
        result
    }

    /// Runs something that touches no more of the heap than this: native code relies on it.
    pub fn touching_only<T>(&mut self, heap: HeapUse, run: impl FnOnce(&mut Vm) -> T) -> T {
        if !cfg!(debug_assertions) {
            return run(self);
        }
        let outer = std::mem::replace(&mut self.touchable, heap);
        let result = run(self);
        self.touchable = outer;
        result
    }

    /// As [`Vm::touching_only`], for the operation of this name. Debug builds compare memory before and after it, the
    /// first times and then ever more seldom.
    pub fn keeping_to<T>(&mut self, name: &'static str, heap: HeapUse, run: impl FnOnce(&mut Vm) -> T) -> T {
        if !cfg!(debug_assertions) || heap == HeapUse::ANY {
            return run(self);
        }
        let times = self.times_run.entry(name).or_insert(0);
        *times += 1;
        let watched = (*times < 8 || times.is_power_of_two()).then(|| Watched::new(&self.heap, &self.globals, heap));
        let result = self.touching_only(heap, run);
        if let Some(changed) = watched.flatten().and_then(|watched| watched.changed(&self.heap, &self.globals)) {
            panic!("'{name}' has changed {changed:?}, and its row names {heap:?}");
        }
        result
    }

    /// An operation is about to look at this part of the heap, or to change it. Debug builds compare that with what it
    /// may touch.
    #[inline(always)]
    pub(super) fn touches(&self, part: HeapUse) {
        debug_assert!(self.touchable.meets(part), "an instruction touches what its row does not tell: {part:?}");
    }

    fn op_at(&self, pc: u32) -> *const Op {
        debug_assert!({
            let range = self.image.program.functions[self.top_function().index()].code.range();
            range.contains(&(pc as usize))
        });
        &self.image.program.code[pc as usize]
    }

    /// Collects garbage; everything alive must be in its home.
    pub fn collect_now(&mut self) -> Result<()> {
        self.collect()
    }

    /// Whether a helper of native code may call Walrus code: it nests on the native stack.
    pub fn may_nest(&self) -> bool {
        self.has_native_stack()
    }

    /// Starts the frame that `CallFn` at the top frame's pc starts. For the recorder, which walks into known functions.
    pub fn step_into(&mut self, func: FuncId, base: crate::bytecode::Reg) -> Result<()> {
        let pc = self.top_pc();
        self.set_top_pc(pc + 1);
        self.start_frame(func, self.top_base().wrapping_add(base.index() + 1), None)
    }

    /// Makes the instance that `New` at the top frame's pc makes, and starts the frame of its `init`, if it has one;
    /// whether it has. For the recorder.
    pub fn step_into_new(&mut self, def: StructId, base: crate::bytecode::Reg) -> Result<bool> {
        self.set_top_pc_unchecked(self.top_pc() + 1);
        let begun = self.begin_new(self.top_base().wrapping_add(base.index()), def)?;
        Ok(begun == Begun::Frame)
    }

    /// The function that `New` calls to initialise instances of a struct.
    pub fn init_of_struct(&self, def: StructId) -> Option<FuncId> {
        let def = self.image.struct_def(def);
        Some(def.methods[def.init?].func)
    }

    /// A cell for an object of `size` bytes that native code makes and has accounted for; it writes the object at once.
    pub fn cell_for_native(&mut self, size: usize) -> *mut u8 {
        self.heap.allocate_cell(size).as_ptr()
    }

    /// Lets the function that `TailCallFn` at the top frame's pc calls take over the frame.
    pub fn step_into_instead(&mut self, func: FuncId, base: crate::bytecode::Reg) -> Result<()> {
        let pc = self.top_pc();
        self.set_top_pc_unchecked(pc + 1);
        self.replace_frame(func, self.top_base().wrapping_add(base.index() + 1), None)
    }

    /// `StartTask` in the top frame, which is to be ended: the task that goes on with it.
    pub fn start_task_of_top_frame(&mut self) -> Result<Value> {
        self.task_of_frame()
    }

    /// Ends the top frame, which [`Vm::step_into`] started, with a result.
    pub fn step_out(&mut self, result: Value) {
        let base = self.top_base();
        self.stack.leave();
        // SAFETY: below a callee's base lies the caller's register of the call.
        unsafe { *base.sub(1) = result };
    }

    /// Moves the top frame behind an instruction of its function, where raising an error wants it.
    pub fn set_pc_behind(&mut self, pc: u32) {
        self.set_top_pc_unchecked(pc + 1);
    }

    /// How many iterations native code has begun of loops that catch errors, since this was last set.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    pub fn set_rounds(&mut self, rounds: u64) {
        self.rounds = rounds;
    }

    /// Hands a value to native code.
    pub fn set_native_result(&mut self, value: Value) {
        self.native_result = value;
    }

    /// A step of an iteration over anything but an instance or a module, which calls nothing: whether there is an item.
    /// `starts` makes the state first.
    ///
    /// # Safety
    /// `state` is the address of the loop's registers, in a window that exists.
    pub unsafe fn iterate_at(&mut self, state: *mut Value, starts: bool, pairs: bool) -> Result<bool> {
        match (starts, pairs) {
            (true, _) => self.start_iteration(state, pairs),
            (false, false) => self.next_item(state),
            (false, true) => self.next_pair(state),
        }
    }

    /// Executes a `throw` at the top frame's pc if a handler of its function covers it; whether one does.
    pub fn throw_within(&mut self, src: crate::bytecode::Reg) -> bool {
        let function = &self.image.program.functions[self.top_function().index()];
        let start = function.code.start;
        let Some(handler) = function.handler_at(self.top_pc() - start) else { return false };
        let (target, error) = (start + handler.target, handler.error);
        let value = self.top_register(src.0.into());
        // SAFETY: the verifier proved the handler's register to lie in the frame.
        unsafe { *self.top_base().add(error.index()) = value };
        self.set_top_pc(target);
        true
    }

    /// Makes calls in native code go to a function's native code; with `None`, to the interpreter.
    pub fn set_native_function(&mut self, func: FuncId, code: Option<NativeCode>) {
        self.native_functions[func.index()] = code.unwrap_or(not_native);
    }

    /// Addresses that a call in native code needs: the function, and the instruction to go on at.
    pub fn call_addresses(&self, func: FuncId, return_pc: u32) -> [usize; 2] {
        let function = self.image.function(func);
        let return_pc = &raw const self.image.program.code[return_pc as usize];
        [&raw const *function as usize, return_pc as usize]
    }

    /// Moves the top frame to the beginning of its function. Native code that starts a frame leaves that to whoever
    /// needs it.
    pub fn set_top_pc_to_start(&mut self) {
        // SAFETY: the frame is alive, and its function belongs to the image.
        unsafe { (*self.stack.frame()).pc = (*(*self.stack.frame()).function).code };
    }

    /// Puts the result of a function whose native code has returned where its caller wants it. The function's frame was
    /// on top, with this base.
    ///
    /// # Safety
    /// `result` is what the native code said, and below [`FIRST_EXIT`].
    pub unsafe fn take_native_result(&mut self, base: *mut Value, result: NativeResult) {
        // SAFETY: the caller vouches for the result; below the base of a callee lies the caller's register for it.
        unsafe { *base.sub(1) = result.value() };
    }

    /// Calls the function of the top frame, which has just been started, as native code does. Its result; the frame is
    /// gone then, in any case.
    pub(super) fn call_top_frame(&mut self) -> Result<Value> {
        let base = self.top_base();
        let code = self.native_functions[self.top_function().index()];
        // SAFETY: the table holds the code of this function, or the stand-in; its frame is on top and about to begin.
        // The code itself sees to room.
        let mut result = unsafe { code(self, base) };
        if result.said >= FIRST_EXIT {
            result = self.finish_native_call(result.said)?.ok_or_else(|| self.stack_overflow())?;
        }
        // SAFETY: native code says so, or what stands in for it.
        Ok(unsafe { result.value() })
    }

    /// Runs to its end a function that native code has called, and that did not return natively; its frame is on top.
    /// `left` is what its native code said. Its result, which is where the caller wants it, too; `None` if the call has
    /// to be executed again, by the interpreter: the frame is gone then.
    pub fn finish_native_call(&mut self, left: u64) -> Result<Option<NativeResult>> {
        let entry = self.stack.depth();
        let base = self.top_base();
        let at_home = || {
            // SAFETY: below the base of the callee's frame lies the caller's register for the result, where it is by
            // then; a value is two words.
            let [said, payload] = unsafe { *base.sub(1).cast::<[u64; 2]>() };
            NativeResult { said, payload }
        };
        // Only a call that has had no effect can be executed again.
        if left == NOT_ENTERED && !self.may_nest() {
            self.stack.leave();
            return Ok(None);
        }
        let left = self.follow_tail_calls(left);
        if left < FIRST_EXIT {
            return Ok(Some(at_home()));
        }
        let raised = if left == NOT_ENTERED {
            self.begin_not_entered()
        } else {
            match self.hooks.as_ref().and_then(|hooks| hooks.tier()) {
                Some(tier) => tier.after_exit(self, left),
                None => Ok(()),
            }
        };
        if self.stack.depth() < entry {
            return raised.map(|()| Some(at_home()));
        }
        let result = self.run_on(entry, raised)?;
        // SAFETY: below the base of the frame that has just ended lies the caller's register for the result.
        unsafe { *base.sub(1) = result };
        Ok(Some(at_home()))
    }

    /// Calls native code for as long as functions give their frame, which is on top, up to one another. What the last
    /// one said; if that has returned, its result is where the caller wants it.
    pub fn follow_tail_calls(&mut self, mut left: u64) -> u64 {
        let base = self.top_base();
        while left == TAIL_CALLED {
            let code = self.native_functions[self.top_function().index()];
            // SAFETY: the table holds the code of this function, or the stand-in; its frame is on top and about to
            // begin. The code itself sees to room.
            let result = unsafe { code(self, base) };
            left = result.said;
            if left < FIRST_EXIT {
                // SAFETY: the code says so, and has ended the frame that had this base.
                unsafe { self.take_native_result(base, result) };
            }
        }
        left
    }

    /// Makes the function of the top frame, which native code has started but not entered, ready for the interpreter.
    /// It counts as called, so native code may have run it to its end afterwards.
    pub fn begin_not_entered(&mut self) -> Result<()> {
        self.set_top_pc_to_start();
        let registers = self.image.function(self.top_function()).registers;
        if self.stack.make_room(self.top_base(), registers).is_err() {
            self.stack.leave();
            return Err(self.stack_overflow());
        }
        self.on_call()
    }

    /// Executes the tail call of a value or a method at an index of the program's code, which belongs to the top
    /// frame's function. Whether another function is about to begin in the frame; otherwise the result is there, for
    /// the `Return` that follows. All that is alive must be at home.
    pub fn tail_call_at(&mut self, pc: u32) -> Result<bool> {
        let depth = self.depth();
        let frame = self.stack.frame();
        self.set_pc_behind(pc);
        let slot = |base: crate::bytecode::Reg| self.top_base().wrapping_add(base.index());
        let begun = match self.image.program.code[pc as usize] {
            Op::TailCall { base, argc } => self.begin_tail_call(slot(base), argc)?,
            Op::TailCallMethod { base, argc, site } => self.begin_tail_method_call(slot(base), argc, frame, site)?,
            _ => return Err(Error::fatal("not a tail call of a value or a method")),
        };
        if begun == Begun::Frame && self.depth() == depth {
            return Ok(true);
        }
        self.finish_call(begun)?;
        Ok(false)
    }

    /// Whether a method call comes to a built-in method, so that it starts no frame.
    pub fn calls_built_in(&self, base: crate::bytecode::Reg, site: SiteId) -> bool {
        let receiver = self.top_register(u32::from(base.0) + 1);
        let name = self.site_name(self.top_function(), site);
        let is_known = receiver_of(receiver.tag()).is_some_and(|kind| find_method(kind, name).is_some());
        let is_found = self.site(self.stack.frame(), site).is_found;
        is_known && (is_found || !self.has_entry(receiver, self.site_name_value(self.top_function(), site)))
    }

    /// Keeps an error that a helper of native code ran into, until the native code has been left.
    pub fn set_pending(&mut self, error: Error) {
        self.pending = Some(error);
    }

    /// Whether a helper ran into an error.
    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The error that a helper ran into, if that is why native code was left.
    pub fn take_pending(&mut self) -> Option<Error> {
        self.pending.take()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_boxed_slice_begins_with_its_pointer() {
        let boxed: Box<[u64]> = vec![1, 2, 3].into();
        let first: *const u64 = boxed.as_ptr();
        // SAFETY: a boxed slice is two words, of which the first is read here.
        let word = unsafe { *(&raw const boxed).cast::<*const u64>() };
        assert_eq!(word, first);
    }
}
