//! Native stacks for tasks.
//!
//! A fiber runs one task after another. If a task waits while native frames that belong to it lie on the fiber, it
//! keeps the fiber until it goes on.

use std::io;

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::runtime::error::Error;
use crate::runtime::object::{Gc, Task};
use crate::runtime::vm::{NATIVE_RESERVE, Vm};

/// Bytes of native stack of a fiber. Address space only: pages are taken when they are touched.
const FIBER_STACK: usize = 16 << 20;

/// Why a fiber gives control back.
pub(super) enum Switch {
    /// It has nothing to do: the next task is for somebody else.
    Idle,
    /// Its task waits on it.
    Parked,
    /// The program is over.
    Failed(Error),
}

type Routine = Coroutine<*mut Vm, Switch, (), DefaultStack>;

/// A native stack with what runs on it.
pub(super) struct Fiber {
    routine: Routine,
    /// Native stack pointers below these are too deep, see [`Vm::native_limit`].
    limits: (usize, usize),
}

impl Fiber {
    pub(super) fn new() -> io::Result<Fiber> {
        let stack = DefaultStack::new(FIBER_STACK)?;
        let limit = stack.limit().get();
        let routine = Routine::with_stack(stack, serve);
        Ok(Fiber { routine, limits: (limit + NATIVE_RESERVE, limit + FIBER_STACK / 2) })
    }

    /// Lets the fiber run until it gives control back.
    pub(super) fn resume(&mut self, vm: &mut Vm) -> Switch {
        let outer = (vm.native_limit, vm.native.code_limit);
        (vm.native_limit, vm.native.code_limit) = self.limits;
        let switch = match self.routine.resume(vm) {
            CoroutineResult::Yield(switch) => switch,
            CoroutineResult::Return(()) => unreachable!("a fiber serves for ever"),
        };
        (vm.native_limit, vm.native.code_limit) = outer;
        switch
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        // SAFETY: nothing goes on there, and what is left on the stack is frames of the machine, which own nothing but
        // memory that may leak. They cannot be unwound: native code is among them.
        unsafe { self.routine.force_reset() };
    }
}

/// What a fiber does: it runs tasks that need no other one.
fn serve(yielder: &Yielder<*mut Vm, Switch>, mut vm: *mut Vm) {
    loop {
        // SAFETY: whoever resumes a fiber gives it the machine, and does not touch it until the fiber gives control
        // back.
        let machine = unsafe { &mut *vm };
        machine.tasks().fibers.yielder = yielder;
        let switch = match machine.run_tasks() {
            Ok(()) => Switch::Idle,
            Err(error) => Switch::Failed(error),
        };
        vm = yielder.suspend(switch);
    }
}

/// The fibers there are.
pub(super) struct Fibers {
    idle: Vec<Fiber>,
    /// Those that tasks wait on.
    parked: Vec<Option<(Fiber, Gc<Task>)>>,
    /// Places in `parked` that are free.
    free: Vec<usize>,
    /// Where the running fiber gives control back.
    yielder: *const Yielder<*mut Vm, Switch>,
}

impl Default for Fibers {
    fn default() -> Self {
        Fibers { idle: Vec::new(), parked: Vec::new(), free: Vec::new(), yielder: std::ptr::null() }
    }
}

/// Fibers kept for later.
const MAX_IDLE: usize = 16;

impl Fibers {
    /// A fiber to run tasks that have none.
    pub(super) fn take_idle(&mut self) -> io::Result<Fiber> {
        self.idle.pop().map_or_else(Fiber::new, Ok)
    }

    pub(super) fn put_idle(&mut self, fiber: Fiber) {
        if self.idle.len() < MAX_IDLE {
            self.idle.push(fiber);
        }
    }

    /// Keeps a fiber that a task waits on; its number.
    pub(super) fn park(&mut self, fiber: Fiber, task: Gc<Task>) -> usize {
        match self.free.pop() {
            Some(number) => {
                self.parked[number] = Some((fiber, task));
                number
            }
            None => {
                self.parked.push(Some((fiber, task)));
                self.parked.len() - 1
            }
        }
    }

    pub(super) fn take_parked(&mut self, number: usize) -> Option<Fiber> {
        let (fiber, _) = self.parked.get_mut(number)?.take()?;
        self.free.push(number);
        Some(fiber)
    }

    /// How many tasks wait on fibers.
    pub(super) fn parked(&self) -> usize {
        self.parked.len() - self.free.len()
    }

    /// The tasks that wait on fibers.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Gc<Task>> {
        self.parked.iter().flatten().map(|(_, task)| *task)
    }
}

/// Gives control back from the running fiber until somebody resumes it.
pub(super) fn switch_away(vm: &mut Vm) {
    let yielder = vm.tasks().fibers.yielder;
    // SAFETY: the running fiber set it, and its frame that owns the yielder lies below the caller.
    let yielder_here = unsafe { &*yielder };
    yielder_here.suspend(Switch::Parked);
    vm.tasks().fibers.yielder = yielder;
}
