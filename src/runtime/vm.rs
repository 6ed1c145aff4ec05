//! The virtual machine: a loaded program, its heap, stacks and globals, and how it is run, called and unwound.

use std::rc::Rc;

use super::abi::NativeState;
use super::builtins;
use super::call::{Begun, Callee, callee_of};
use super::dead_registers::Liveness;
use super::error::{Error, ErrorKind, Result};
use super::heap::Heap;
use super::hooks::{Hooks, Thresholds, Tier};
use super::host::Host;
use super::image::Image;
use super::io::Io;
use super::net::Net;
use super::oracle::{Oracle, Seen};
use super::stack::{Frame, Stack};
use super::tasks::{Suspended, Tasks};
use super::unwinding::{Attempt, Unwinding, Unwound};
use super::value::Value;
use super::watch::Watch;
use crate::bytecode::FactsError;
use crate::bytecode::op::window::Call;
use crate::bytecode::{GlobalId, ModuleKind, Op, VerifiedProgram};
use crate::facts;
use crate::facts::check::CheckedTypes;

/// How much native stack must be left before Walrus code is called from a native function.
pub(super) const NATIVE_RESERVE: usize = 128 << 10;

/// What a run may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of heap, outside buffers included.
    pub max_heap: usize,
    /// Bytes of native stack of the thread that runs the program. Registers get four times as much address space.
    pub native_stack: usize,
}

/// A program and its state while it runs.
pub struct Vm {
    pub(super) image: Image,
    pub heap: Heap,
    pub(super) stack: Stack,
    pub(super) globals: Box<[Value]>,
    /// Which modules' bodies have begun.
    pub(super) begun: Box<[bool]>,
    pub io: Io,
    /// What the library remembers between calls: random generator, open files.
    pub library: builtins::State,
    /// Values that native functions hold on to while they call Walrus code.
    pub(super) pinned: Vec<Value>,
    /// Who counts what the run does, and who judges it.
    pub(super) watch: Watch,
    pub(super) unwinding: Unwinding,
    /// Native stack pointers below this are too deep to call Walrus code.
    pub(super) native_limit: usize,
    /// What there is for native code only.
    pub(super) native: NativeState,
    /// Which registers are dead, as far as that was asked.
    pub(super) liveness: Liveness,
    /// The scheduler, from the first task on.
    pub(super) tasks: Option<Box<Tasks>>,
    /// The network, from the first handle on.
    pub(super) net: Option<Box<Net>>,
    /// One more than the depth of the frame that called the innermost built-in which waits for a function; 0 if none
    /// does.
    pub(super) inside_built_in: usize,
    /// Switch tasks wherever waiting would not need it.
    pub(super) task_stress: bool,
    /// Texts are put together here before they become strings.
    pub(super) scratch: String,
}

impl Vm {
    /// Loads a program. To be called on the thread that will run it.
    pub fn new(program: VerifiedProgram, limits: &Limits, host: Box<dyn Host>) -> std::io::Result<Vm> {
        let mut heap = Heap::new();
        heap.set_max_heap(limits.max_heap);
        let image = Image::new(program, &mut heap);
        let globals = vec![Value::UNDEF; image.program.globals.len()].into();
        let begun = vec![false; image.program.modules.len()].into();
        let code_limit = stack_address().saturating_sub(limits.native_stack / 2);
        let native = NativeState::new(image.program.functions.len(), code_limit);
        Ok(Vm {
            watch: Watch::nobody(),
            image,
            heap,
            stack: Stack::new(limits.native_stack.saturating_mul(4))?,
            globals,
            begun,
            io: Io::new(host),
            library: builtins::State::default(),
            pinned: Vec::new(),
            native_limit: stack_address().saturating_sub(limits.native_stack) + NATIVE_RESERVE,
            native,
            unwinding: Unwinding::default(),
            liveness: Liveness::default(),
            tasks: None,
            net: None,
            inside_built_in: 0,
            task_stress: false,
            scratch: String::new(),
        })
    }

    /// Turns on counting of back edges and calls; to be called behind [`Vm::set_counts`].
    pub fn set_hooks(&mut self, thresholds: Thresholds, tier: Option<Rc<dyn Tier>>) {
        let hooks = Hooks::new(&self.image, self.watch.is_limited(), thresholds, tier);
        // The code of a tier goes with it.
        self.native.forget_functions();
        let hooks = self.watch.hooks.insert(Box::new(hooks));
        self.watch.counters = hooks.counters();
    }

    /// Closes files and writes what output is held back.
    pub fn finish(&mut self) -> Result<()> {
        self.library.close_files();
        self.io.flush()
    }

    /// The trace of the error that ended the program, as text.
    pub fn take_trace(&mut self) -> String {
        self.unwinding.trace.take().map_or_else(String::new, |trace| trace.render(&self.image))
    }

    /// Forgets the program's facts if they do not agree with its code.
    pub fn drop_wrong_facts(&mut self) -> std::result::Result<(), FactsError> {
        facts::check_facts(&self.image.program).inspect_err(|_| self.image.program.drop_facts())
    }

    /// The types in the program's facts: see [`facts::checked_types`].
    pub fn checked_types(&self) -> std::result::Result<Option<CheckedTypes>, FactsError> {
        facts::checked_types(&self.image.program)
    }

    /// Makes the program run under the judge.
    pub fn set_oracle(&mut self, oracle: Oracle) {
        self.watch.oracle = Some(Box::new(oracle));
    }

    /// The judge, if one sits.
    pub fn oracle(&self) -> Option<&Oracle> {
        self.watch.oracle.as_deref()
    }

    /// Shows the judge, if one sits, that this frame, the top one, is about to execute the instruction at `pc`.
    #[inline(never)]
    pub(super) fn observe(&mut self, pc: *const Op, frame: *mut Frame) -> Result<()> {
        let Some(oracle) = &mut self.watch.oracle else { return Ok(()) };
        // SAFETY: the frame is the running one, and the pc points into the program's code.
        let (frame, pc) = unsafe { (*frame, pc.offset_from(self.image.program.code.as_ptr()) as u32) };
        let seen = Seen { image: &self.image, stack: &self.stack, heap: &self.heap, globals: &self.globals };
        oracle.judge(seen, &frame, pc)
    }

    /// Runs the main module's body to its end.
    pub fn run_main(&mut self) -> Result<()> {
        let main = self.image.program.main;
        self.begun[main.index()] = true;
        let ModuleKind::File(body) = self.image.program.modules[main.index()].kind else {
            unreachable!("the verifier proved that the main module is a file")
        };
        let base = self.stack.bottom().above(Call::ARGS);
        self.stack.make_room(base, 0).map_err(|_| self.stack_overflow())?;
        self.start_frame(body, base, None)?;
        self.run_top_frame().map(|_| ())
    }

    /// Runs the top frame until it returns.
    pub(super) fn run_top_frame(&mut self) -> Result<Value> {
        self.run_on(self.stack.depth(), Ok(()))
    }

    /// Runs on from the top frame, in which an error may just have been raised, until the `entry`-th frame returns.
    pub(super) fn run_on(&mut self, entry: usize, raised: Result<()>) -> Result<Value> {
        if let Err(error) = raised
            && let Unwound::Leave(error) = self.unwind(error, entry)
        {
            return Err(error);
        }
        match (&self.watch.oracle, &self.watch.hooks) {
            (Some(_), _) => self.run::<false, true, false>(entry),
            (None, Some(_)) if self.watch.counts_work() => self.run::<true, false, true>(entry),
            (None, Some(_)) => self.run::<true, false, false>(entry),
            (None, None) => self.run::<false, false, false>(entry),
        }
    }

    /// Calls a value for a built-in, as [`Vm::call_from_instruction`] does: no task can wait meanwhile.
    pub fn call(&mut self, callee: Value, args: &[Value]) -> Result<Value> {
        let outer = std::mem::replace(&mut self.inside_built_in, self.stack.depth() + 1);
        let result = self.call_from_instruction(callee, args);
        self.inside_built_in = outer;
        result
    }

    /// Calls a value from native code and waits for its result. The arguments and everything reachable from the
    /// caller's frame survive a collection in between; what else the caller holds must be pinned, see [`Vm::pin`].
    pub(super) fn call_from_instruction(&mut self, callee: Value, args: &[Value]) -> Result<Value> {
        let outer = self.heap.refusals().enter();
        let result = self.call_inside(callee, args);
        self.heap.refusals().leave(outer);
        result
    }

    fn call_inside(&mut self, callee: Value, args: &[Value]) -> Result<Value> {
        if !self.has_native_stack() {
            return Err(self.stack_overflow());
        }
        if let Some(builtin) = callee.as_builtin() {
            // It gets the caller's own slice: what stands above the running window would not survive a collection.
            let mark = self.pinned.len();
            self.pinned.extend_from_slice(args);
            let result = self.call_builtin_with(builtin, args);
            self.unpin_to(mark);
            return result;
        }
        let argc = u16::try_from(args.len()).map_err(|_| Error::message("Value too large"))?;
        let slot = self.stack.registers_end();
        if self.stack.make_room(slot, argc.saturating_add(4)).is_err() {
            return Err(self.stack_overflow());
        }
        slot.set(Call::CALLEE, callee);
        slot.above(Call::ARGS).fill(args);
        let begun = self.begin_call(slot, argc)?;
        let result = || slot.get(Call::RESULT);
        if begun == Begun::Done {
            return Ok(result());
        }
        // A constructor's frame starts one slot higher; what it makes stands in the call's slot, not in what `init`
        // returns.
        let constructs = self.stack.frame_at(self.stack.depth()).base != slot.above(Call::ARGS);
        let returned = self.run_called()?;
        Ok(if constructs { result() } else { returned })
    }

    /// Runs the top frame, which has just been started, until it returns: natively, if its function has native code.
    fn run_called(&mut self) -> Result<Value> {
        if !self.watch.has_tier() {
            let counted = self.count_native_call();
            return self.run_on(self.stack.depth(), counted);
        }
        self.call_top_frame()
    }

    /// Whether the top frame's function was called by a built-in, which waits for its result.
    pub fn is_called_by_built_in(&self) -> bool {
        self.inside_built_in == self.stack.depth()
    }

    /// Does work that calls no Walrus code and may need so many bytes of native stack; on another stack, if less is
    /// left of this one.
    pub fn with_native_room<T>(&mut self, bytes: usize, work: impl FnOnce(&mut Vm) -> T) -> T {
        match stack_address().saturating_sub(self.native_limit) >= bytes {
            true => work(self),
            false => stacker::grow(bytes, || work(self)),
        }
    }

    /// Whether enough native stack is left to call Walrus code.
    pub(super) fn has_native_stack(&self) -> bool {
        stack_address() >= self.native_limit
    }

    /// Keeps a value alive until [`Vm::unpin_to`] is given the number returned here.
    pub fn pin(&mut self, value: Value) -> usize {
        self.pinned.push(value);
        self.pinned.len() - 1
    }

    /// Lets go of all values pinned since the mark was taken.
    pub fn unpin_to(&mut self, mark: usize) {
        self.pinned.truncate(mark);
    }

    /// Finds who handles an error raised in the top frame, whose pc is saved. `entry` is the depth of the first frame
    /// of this run.
    ///
    /// A caught error is a new string more often than not, and nothing else in a loop that only catches errors may
    /// allocate. So there is a safepoint in front of the handler's first instruction.
    #[cold]
    #[inline(never)]
    pub(super) fn unwind(&mut self, error: Error, entry: usize) -> Unwound {
        let mut error = match *error.kind() {
            ErrorKind::Suspend(wait) => match self.suspend(wait, entry) {
                Ok(Suspended::AndResumed) => return Unwound::Resume,
                Ok(Suspended::ToBeResumed) => return Unwound::Leave(error),
                Err(error) => error,
            },
            _ => match self.retry_with_memory(error) {
                Ok(()) => return Unwound::Resume,
                Err(error) => error,
            },
        };
        loop {
            if let Err(error) = self.unwinding.enter_handler(error, entry, &self.image, &mut self.stack, &mut self.heap)
            {
                return Unwound::Leave(error);
            }
            if !self.heap.should_collect() {
                return Unwound::Resume;
            }
            match self.collect() {
                Ok(()) => return Unwound::Resume,
                Err(next) => error = next,
            }
            let frame = self.stack.frame();
            // The handler's first instruction is what raises the next one, and a saved pc is one past it.
            // SAFETY: the frame is alive; code does not end with the instruction that control has just come to.
            unsafe { (*frame).pc = (*frame).pc.add(1) };
        }
    }

    /// Checks what a function has given to the built-in that called it. If that is wrong and nothing catches the error,
    /// the trace begins with the function, for that is where to mend it.
    pub(super) fn blaming<T>(&mut self, callee: Value, checked: Result<T>) -> Result<T> {
        if checked.as_ref().is_err_and(Error::is_catchable) {
            let callee = callee.as_bound_method().map_or(callee, |bound| bound.method);
            let func = if let Callee::Function(func, _) = callee_of(callee) { Some(func) } else { None };
            self.unwinding.blame(&self.image, &self.stack, func);
        }
        checked
    }

    /// If the instruction wanted memory: collects and makes the frame execute it again. An instruction asks before it
    /// has any effect and for all it needs at once, so the second attempt does not ask again.
    fn retry_with_memory(&mut self, error: Error) -> Result<()> {
        let wanted = match error.kind() {
            ErrorKind::NeedsMemory(bytes) => *bytes,
            _ => return Err(error),
        };
        let is_for_the_test = self.heap.refusals().is_for_the_test(&error);
        self.make_memory(error)?;
        let frame = self.stack.frame();
        // SAFETY: the frame is alive.
        let attempt = Attempt { pc: unsafe { (*frame).pc }, wanted, given: self.heap.given() };
        if is_for_the_test {
            self.heap.expect_success();
        } else if !self.unwinding.may_attempt(attempt) {
            return Err(self.no_memory(wanted));
        }
        // SAFETY: the frame is alive and its pc is one past the instruction.
        unsafe { (*frame).pc = (*frame).pc.sub(1) };
        Ok(())
    }

    #[cold]
    pub(super) fn stack_overflow(&self) -> Error {
        Error::message("Stack overflow")
    }

    /// The heap is full.
    #[cold]
    pub(super) fn heap_limit(&self) -> Error {
        Error::fatal(format!(
            "Out of memory: the heap passed its limit of {} bytes (see --max-heap)",
            self.heap.max_heap()
        ))
    }

    #[cold]
    pub(super) fn undefined_global(&self, global: GlobalId) -> Error {
        let name = self.image.str(self.image.program.globals[global.index()].name);
        Error::message(format!("Undefined variable '{name}'"))
    }
}

/// Roughly where the native stack stands.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0u8;
    std::hint::black_box(&raw const here) as usize
}
