//! Switching: which task is next, starting and suspending it, and what becomes of it.

use std::rc::Rc;

use super::fibers::{self, Switch};
use crate::bytecode::Op;
use crate::bytecode::builtins::BUILTINS;
use crate::bytecode::op::window::{Call, New};
use crate::runtime::call::Begun;
use crate::runtime::error::{Error, ErrorKind, Result, Wait};
use crate::runtime::object::{Gc, Task, TaskState, Work};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// Tasks that may wait in calls of native code before loops in which others wait are left to the interpreter, which
/// needs no native stack for each.
const MOST_NATIVE: usize = 256;

/// Registers of a task that goes on whose copy is kept for the next one that waits.
const MOST_SPARE: usize = 256;

/// How a task was suspended.
pub(in crate::runtime) enum Suspended {
    /// It goes on: others have run meanwhile.
    AndResumed,
    /// Its frames are to be left alone by whoever runs them: the scheduler will copy them.
    ToBeResumed,
}

impl Vm {
    /// The instruction that the top frame executes has to wait; `entry` is the depth of the first frame of this run.
    #[inline(never)]
    pub(in crate::runtime) fn suspend(&mut self, wait: Wait, entry: usize) -> Result<Suspended> {
        if let Some(name) = self.waiting_built_in() {
            return Err(Error::message(format!("Cannot wait inside '{name}'")));
        }
        self.move_top_pc(-1);
        let tasks = self.tasks();
        let current = tasks.current;
        match wait {
            Wait::Task(task) => {
                current.waits_for.set(Some(task));
                task.waiters().push(current);
            }
            Wait::Turn => {
                current.switched.set(true);
                tasks.queue(current);
            }
            // Nobody is to see that it was away: no timer runs out meanwhile.
            Wait::Nothing => {
                debug_assert!(tasks.next.is_none(), "the task that runs was the next");
                tasks.next = Some(current);
            }
        }
        if current == tasks.main {
            let waited = self.run_others();
            if waited.is_err() {
                self.move_top_pc(1);
            }
            return waited.map(|()| Suspended::AndResumed);
        }
        if entry == 1 {
            return Ok(Suspended::ToBeResumed);
        }
        self.park(current);
        match self.check_cancelled() {
            Ok(()) => Ok(Suspended::AndResumed),
            Err(error) => {
                self.move_top_pc(1);
                Err(error)
            }
        }
    }

    /// Waits as an instruction wants to that a native executes for the top frame: when this returns, the instruction is
    /// to be executed again. An error has the frame's pc behind it.
    pub(in crate::runtime) fn wait_here(&mut self, error: Error) -> Result<()> {
        let ErrorKind::Suspend(wait) = *error.kind() else { return Err(error) };
        // No run of the interpreter begins at the frame: a native does, which must stay.
        self.suspend(wait, usize::MAX).map(|_| ())
    }

    pub(in crate::runtime) fn move_top_pc(&mut self, by: isize) {
        if self.stack.depth() > 0 {
            let frame = self.stack.frame();
            // SAFETY: the frame is alive. Its pc is one past the instruction that it executes, or on that one.
            unsafe { (*frame).pc = (*frame).pc.offset(by) };
        }
    }

    /// The innermost built-in that waits for a function it was given.
    fn waiting_built_in(&self) -> Option<&str> {
        let depth = self.inside_built_in.checked_sub(1)?;
        if depth == 0 {
            return Some("spawn");
        }
        let frame = self.stack.frame_at(depth);
        // SAFETY: a frame's pc is one past the instruction that it executes; the function lives as long as the image.
        let (op, function) = unsafe { (*frame.pc.sub(1), &*frame.function) };
        Some(match op {
            Op::CallBuiltin { builtin, .. } => BUILTINS[self.image.builtin(builtin)].name,
            Op::CallMethod { site, .. } | Op::TailCallMethod { site, .. } => self.site_name(function.id, site),
            Op::Call { base, .. } | Op::TailCall { base, .. } => {
                match frame.base.of(base).get(Call::CALLEE).as_builtin() {
                    Some(index) => BUILTINS[index].name,
                    None => "a built-in",
                }
            }
            _ => "a built-in",
        })
    }

    /// Copies the frames of a task that is about to wait.
    fn save(&mut self, task: Gc<Task>, fiber: Option<usize>) {
        let pinned = std::mem::take(&mut self.pinned);
        let tasks = self.tasks();
        let constructs = tasks.constructs;
        let mut saved = tasks.spare.take().unwrap_or_default();
        if !self.stack.take_into(&mut saved.frames, &mut saved.registers) {
            (saved.frames, saved.registers) = self.stack.take();
        }
        (saved.pinned, saved.fiber, saved.constructs) = (pinned, fiber, constructs);
        task.set_work(&mut self.heap, Work::Suspended(saved));
    }

    /// Puts the frames of a task back.
    fn restore(&mut self, task: Gc<Task>) {
        if let Work::Suspended(mut saved) = task.take_work(&mut self.heap) {
            self.stack.put_back(&saved.frames, &saved.registers);
            self.pinned = std::mem::take(&mut saved.pinned);
            let tasks = self.tasks();
            tasks.constructs = saved.constructs;
            if saved.registers.len() <= MOST_SPARE {
                tasks.spare = Some(saved);
            }
        }
        self.run_as(task);
    }

    /// The frames on the stack are the task's from here on.
    fn run_as(&mut self, task: Gc<Task>) {
        self.tasks().current = task;
        if let Some(oracle) = &mut self.watch.oracle {
            oracle.forget_frames();
        }
    }

    /// The task waits with native frames below it: the fiber stays with it.
    fn park(&mut self, task: Gc<Task>) {
        let rounds = self.native.rounds;
        let lets_others_ask = self.tasks().fibers.parked() < MOST_NATIVE;
        let questions = self.put_questions_off(lets_others_ask);
        self.save(task, None);
        fibers::switch_away(self);
        self.restore(task);
        self.take_questions_up(questions);
        self.native.rounds = rounds;
    }

    /// The main program waits: the others run until it can go on.
    fn run_others(&mut self) -> Result<()> {
        let main = self.tasks().main;
        let (rounds, pinned) = (self.native.rounds, self.pinned.len());
        let questions = self.put_questions_off(true);
        self.save(main, None);
        let result = self.run_until_main(main);
        self.restore(main);
        self.take_questions_up(questions);
        self.native.rounds = rounds;
        debug_assert_eq!(self.pinned.len(), pinned);
        result
    }

    fn run_until_main(&mut self, main: Gc<Task>) -> Result<()> {
        loop {
            let task = self.next_task()?;
            if task == main {
                return self.watch.burn();
            }
            self.tasks().next = Some(task);
            let parked = match &*task.work() {
                Work::Suspended(saved) => saved.fiber,
                _ => None,
            };
            let fibers = &mut self.tasks().fibers;
            let mut fiber = match parked.and_then(|number| fibers.take_parked(number)) {
                Some(fiber) => {
                    self.tasks().next = None;
                    self.watch.burn()?;
                    fiber
                }
                None => fibers
                    .take_idle()
                    .map_err(|_| Error::fatal("Out of memory: too many tasks wait in calls of native code"))?,
            };
            match fiber.resume(self) {
                Switch::Idle => self.tasks().fibers.put_idle(fiber),
                Switch::Parked => {
                    let current = self.tasks().current;
                    let number = self.tasks().fibers.park(fiber, current);
                    if let Work::Suspended(saved) = &mut *current.work_mut() {
                        saved.fiber = Some(number);
                    }
                }
                Switch::Failed(error) => {
                    self.tasks().fibers.put_idle(fiber);
                    return Err(error);
                }
            }
        }
    }

    /// Runs tasks on the running fiber, until the next one is not for it.
    pub(super) fn run_tasks(&mut self) -> Result<()> {
        loop {
            let task = match self.tasks().next.take() {
                Some(task) => task,
                None => self.next_task()?,
            };
            let has_fiber = matches!(&*task.work(), Work::Suspended(saved) if saved.fiber.is_some());
            if has_fiber || task == self.tasks().main {
                self.tasks().next = Some(task);
                return Ok(());
            }
            self.run_task(task)?;
        }
    }

    /// The task whose turn it is. If there is none, waits until there is; if there cannot be one, it is the main
    /// program's, which is told so.
    fn next_task(&mut self) -> Result<Gc<Task>> {
        if let Some(task) = self.tasks().next.take() {
            return Ok(task);
        }
        if let Some(task) = self.tasks().doomed.pop() {
            return Ok(task);
        }
        loop {
            // No frame is on the stack here. Tasks, requests and answers are made by the scheduler and the network, and
            // what runs between may be code that never comes to a safepoint of its own.
            if self.heap.should_collect() {
                self.collect()?;
            }
            self.fire_timers();
            self.answer_exchanges();
            self.look_at_network()?;
            if let Some(task) = self.tasks().ready.pop_front() {
                task.queued.set(false);
                if !task.is_pending() {
                    continue;
                }
                let is_timeout = matches!(*task.work(), Work::Group(_));
                if is_timeout {
                    self.time_out(task);
                    continue;
                }
                return Ok(task);
            }
            self.io.flush()?;
            if !self.wait_for_something()? {
                let tasks = self.tasks();
                let main = tasks.main;
                tasks.deadlocked = true;
                if let Some(task) = main.waits_for.take() {
                    task.waiters().remove(main);
                }
                return Ok(main);
            }
        }
    }

    /// Runs a task until it waits or ends.
    fn run_task(&mut self, task: Gc<Task>) -> Result<()> {
        self.run_as(task);
        self.watch.burn()?;
        let is_new = matches!(*task.work(), Work::Start(_) | Work::Enter(_));
        let result = if is_new {
            self.tasks().constructs = false;
            let callee = task.subject();
            let (args, is_entered) = match task.take_work(&mut self.heap) {
                Work::Start(args) => (args, false),
                Work::Enter(args) => (args, true),
                _ => return Ok(()),
            };
            let mark = self.pinned.len();
            self.pinned.push(callee);
            self.pinned.extend_from_slice(&args);
            let result = self.start(callee, &args, is_entered);
            self.unpin_to(mark);
            if matches!(&result, Err(error) if matches!(error.kind(), ErrorKind::Suspend(_))) && self.stack.depth() == 0
            {
                // A built-in that is a task by itself: it is called again.
                task.set_work(&mut self.heap, Work::Start(args));
                self.suspend_without_frames(task);
                return Ok(());
            }
            result
        } else {
            self.restore(task);
            self.run_on(1, Ok(()))
        };
        self.record_outcome(task, result)
    }

    fn suspend_without_frames(&mut self, task: Gc<Task>) {
        task.switched.set(true);
        self.tasks().queue(task);
    }

    /// What becomes of a task whose frames have been run as far as they go.
    fn record_outcome(&mut self, task: Gc<Task>, result: Result<Value>) -> Result<()> {
        let (state, value) = match result.map_err(Error::into_kind) {
            Ok(returned) => {
                let value = match self.tasks().constructs {
                    // The instance that the task has made.
                    true => self.stack.bottom().get(New::INSTANCE),
                    false => returned,
                };
                (TaskState::Ready, value)
            }
            Err(ErrorKind::Suspend(_)) => {
                self.save(task, None);
                return Ok(());
            }
            Err(ErrorKind::Cancelled) => return Ok(()),
            Err(ErrorKind::Thrown(value)) => (TaskState::Threw, value),
            Err(ErrorKind::Message(text)) => (TaskState::FailedWith, self.heap.str_value(&text)),
            Err(kind) => return Err(Error::new(kind)),
        };
        if task.is_pending() {
            let trace = self.unwinding.trace.take().map(Rc::new);
            self.end_traced(task, state, value, trace);
        }
        Ok(())
    }

    /// Makes a task's call, or enters it.
    fn start(&mut self, callee: Value, args: &[Value], is_entered: bool) -> Result<Value> {
        if let Some(index) = callee.as_builtin() {
            return self.call_builtin_with(index, args);
        }
        let argc = u16::try_from(args.len()).map_err(|_| Error::message("Value too large"))?;
        let slot = self.stack.bottom();
        if self.stack.make_room(slot, argc.saturating_add(4)).is_err() {
            return Err(self.stack_overflow());
        }
        slot.set(Call::CALLEE, callee);
        slot.above(Call::ARGS).fill(args);
        if is_entered {
            let closure = callee.as_closure();
            let func = callee.as_function().or(closure.map(|closure| closure.func()));
            let Some(func) = func else { return Err(Error::fatal("a task of no function")) };
            self.start_frame(func, slot.above(Call::ARGS), closure)?;
            // Behind `StartTask`.
            self.move_top_pc(1);
        } else if self.begin_call(slot, argc)? == Begun::Done {
            return Ok(slot.get(Call::RESULT));
        } else {
            let base = self.stack.frame_at(self.stack.depth()).base;
            self.tasks().constructs = callee.as_struct().is_some() && base != slot.above(Call::ARGS);
        }
        self.run_on(1, Ok(()))
    }
}
