//! Tasks: who runs, who waits for whom, and what happens when a task ends.
//!
//! All tasks run on one thread and share one register stack and one array of frames. The running task has their bottom;
//! a task that waits keeps a copy of its part ([`Saved`]), which goes back to the very same place
//! when it goes on. So suspending is two copies, and pointers into the stack stay good, those in machine registers of
//! native code as well.
//!
//! An instruction that has to wait fails with [`ErrorKind::Suspend`], as one that wants memory does, and is executed
//! again when the task goes on: an `await` then finds its task ended. The error comes to [`Vm::unwind`], which calls
//! [`Vm::suspend`].
//!
//! The main program is a task as well. When it waits, the others run on top of its native stack, each on a
//! [fiber](fibers) of native stack. A task whose frames are all the interpreter's gives its fiber back when it waits.
//! Where native code or the walk over an instance lies below what waits, the fiber is the task's until it goes on.
//!
//! Nothing of this exists before a program makes its first task.

mod channels;
mod fibers;
mod groups;
mod running;
mod timers;

use std::collections::VecDeque;
use std::rc::Rc;

use fibers::Fibers;
pub(super) use running::Suspended;
use smallvec::{SmallVec, smallvec};
use timers::Timers;

use super::error::{Error, ErrorKind, Result};
use super::heap::Marker;
use super::object::{Gc, Saved, Task, TaskState, Work};
use super::trace::Trace;
use super::value::Value;
use super::vm::Vm;

/// Failures nobody awaited that are told at the end, at most.
const TOLD_FAILURES: usize = 10;

/// The message of an error that awaits of a cancelled task raise.
const CANCELLED: &str = "task cancelled";

/// The scheduler's state.
pub struct Tasks {
    main: Gc<Task>,
    /// The task that runs; the main program's if none was started yet.
    current: Gc<Task>,
    /// Tasks that can go on, and timeouts that are over, in the order in which they came.
    ready: VecDeque<Gc<Task>>,
    /// Cancelled tasks that have a native stack to be unwound.
    doomed: Vec<Gc<Task>>,
    /// The task that whoever looks next is to run.
    next: Option<Gc<Task>>,
    timers: Timers,
    fibers: Fibers,
    /// The blocks of the task that went on last. Mostly the next one to wait is just as large: it may be the same.
    spare: Option<Box<Saved>>,
    /// How many tasks have ended.
    ends: u64,
    /// Tasks that have failed, in that order; those that somebody awaited meanwhile are taken out now and then.
    failed: Vec<Gc<Task>>,
    /// How many failed tasks there may be until they are looked through.
    failed_limit: usize,
    /// Nothing can become ready: the main program's `await` is to say so.
    deadlocked: bool,
    /// The first frame of the running task is that of an `init`.
    constructs: bool,
}

impl Tasks {
    fn new(main: Gc<Task>) -> Tasks {
        Tasks {
            main,
            current: main,
            ready: VecDeque::new(),
            doomed: Vec::new(),
            next: None,
            timers: Timers::default(),
            fibers: Fibers::default(),
            spare: None,
            ends: 0,
            failed: Vec::new(),
            failed_limit: 64,
            deadlocked: false,
            constructs: false,
        }
    }

    /// Calls `visit` with every task that may run or that others may depend on, but for those that have failed.
    pub(super) fn for_each_root(&self, visit: impl FnMut(Gc<Task>)) {
        let lists = self.ready.iter().chain(&self.doomed).chain(&self.next);
        lists
            .copied()
            .chain([self.main, self.current])
            .chain(self.timers.tasks())
            .chain(self.fibers.tasks())
            .for_each(visit);
    }

    /// Puts a task at the back of the queue.
    fn queue(&mut self, task: Gc<Task>) {
        if !task.queued.replace(true) {
            self.ready.push_back(task);
        }
    }

    /// Marks the failed tasks that may be told of; all else that is alive was marked. One that nobody can reach nobody
    /// will await, and once there are as many of them as are told, no later failure will be.
    pub(super) fn mark_failures(&mut self, marker: &mut Marker) {
        marker.mark_reachable();
        let mut certain = 0;
        self.failed.retain(|&task| {
            let is_kept = certain < TOLD_FAILURES && !task.was_awaited();
            let task = Value::from_task(task);
            if is_kept && !marker.is_marked(task) {
                certain += 1;
                marker.mark(task);
            }
            is_kept
        });
    }

    fn note_failure(&mut self, task: Gc<Task>) {
        if self.failed.len() >= self.failed_limit {
            self.failed.retain(|task| !task.was_awaited());
            self.failed_limit = (2 * self.failed.len()).max(64);
        }
        self.failed.push(task);
    }
}

impl Vm {
    /// Makes tasks switch wherever they need not wait.
    pub fn set_task_stress(&mut self, stress: bool) {
        self.task_stress = stress;
    }

    /// The scheduler. The first call makes it; the main program runs then.
    #[inline]
    fn tasks(&mut self) -> &mut Tasks {
        if self.tasks.is_none() {
            self.make_tasks();
        }
        self.tasks.as_mut().expect("just made")
    }

    #[cold]
    fn make_tasks(&mut self) {
        let main = Task::new(&mut self.heap, Work::None);
        self.tasks = Some(Box::new(Tasks::new(main)));
    }

    /// `StartTask`: a task that goes on with the top frame, which has just been started.
    pub(super) fn task_of_frame(&mut self) -> Result<Value> {
        let frame = *self.stack.frame_at(self.stack.depth());
        // SAFETY: a frame's function lives as long as the image.
        let function = unsafe { &*frame.function };
        let callee = frame.closure.map_or(Value::function(function.id), Value::from_closure);
        // SAFETY: the parameters are the first registers of the frame's window.
        let args = unsafe { frame.base.values(function.params.into()) };
        Ok(self.start_later(callee, Work::Enter(args.into())))
    }

    /// A task of a call, which is to start or to be entered.
    pub(super) fn start_later(&mut self, callee: Value, work: Work) -> Value {
        let task = Task::about(&mut self.heap, work, callee);
        self.tasks().queue(task);
        Value::from_task(task)
    }

    /// A task that has ended.
    pub(super) fn ended_task(&mut self, state: TaskState, result: Value) -> Value {
        let task = Task::new(&mut self.heap, Work::None);
        self.end(task, state, result);
        Value::from_task(task)
    }

    /// `await` of a value: what its task has come to. An error that asks for the task to wait, if that has not ended.
    pub(super) fn result_of(&mut self, value: Value) -> Result<Value> {
        let Some(task) = value.as_task() else { return Err(self.expected_type("task", value)) };
        if self.task_stress && self.inside_built_in == 0 && !task.is_pending() {
            let current = self.tasks().current;
            if !current.switched.replace(true) {
                return Err(Error::new(ErrorKind::Suspend(super::error::Wait::Nothing)));
            }
            current.switched.set(false);
        }
        match task.state() {
            TaskState::Pending => {
                if std::mem::take(&mut self.tasks().deadlocked) {
                    return Err(Error::message("Deadlock: every task is waiting"));
                }
                Err(Error::new(ErrorKind::Suspend(super::error::Wait::Task(task))))
            }
            TaskState::Ready => Ok(task.result()),
            _ => {
                task.note_awaited();
                self.unwinding.cause = task.trace();
                Err(self.error_of(task))
            }
        }
    }

    /// The error that awaiting a failed or cancelled task raises.
    pub(super) fn error_of(&self, task: Gc<Task>) -> Error {
        let result = task.result();
        match (task.state(), result.as_str()) {
            (TaskState::Threw, _) => Error::thrown(result),
            (TaskState::FailedWith, Some(message)) => Error::message(message.as_str()),
            _ => Error::message(CANCELLED),
        }
    }

    /// Ends a task and wakes who waits for it.
    pub(super) fn end(&mut self, task: Gc<Task>, state: TaskState, result: Value) {
        self.end_traced(task, state, result, None);
    }

    /// Likewise, by an error that may have been raised somewhere.
    fn end_traced(&mut self, task: Gc<Task>, state: TaskState, result: Value, trace: Option<Rc<Trace>>) {
        self.note_end(task, state, result, trace);
        self.wake_waiters(smallvec![task]);
    }

    /// Ends a task that nobody is told of yet.
    fn note_end(&mut self, task: Gc<Task>, state: TaskState, result: Value, trace: Option<Rc<Trace>>) {
        task.set_work(&mut self.heap, trace.map_or(Work::None, Work::Failed));
        let tasks = self.tasks();
        tasks.ends += 1;
        task.end(state, result, tasks.ends);
        if task.has_failed() {
            tasks.note_failure(task);
        }
    }

    /// Wakes whoever waits for tasks that have ended. That may end groups, whose waiters follow.
    fn wake_waiters(&mut self, mut ended: SmallVec<[Gc<Task>; 4]>) {
        let mut next = 0;
        while let Some(&task) = ended.get(next) {
            next += 1;
            let waiters = std::mem::take(&mut *task.waiters());
            for &waiter in waiters.as_slice().iter().filter(|waiter| waiter.is_pending()) {
                task.note_awaited();
                waiter.waits_for.set(None);
                let (is_group, is_exchange) = match *waiter.work() {
                    Work::Group(_) => (true, false),
                    Work::Exchange(_) => (false, true),
                    _ => (false, false),
                };
                if is_exchange {
                    waiter.waits_for.set(Some(task));
                    self.exchange_is_ready(waiter);
                } else if !is_group {
                    self.tasks().queue(waiter);
                } else if let Some((state, result)) = self.member_ended(waiter, task) {
                    self.note_end(waiter, state, result, task.trace());
                    ended.push(waiter);
                }
            }
        }
    }

    /// Cancels a task, and what it waits for if nobody else does. Whether it had not ended.
    pub(super) fn cancel(&mut self, task: Gc<Task>) -> bool {
        if !task.is_pending() {
            return false;
        }
        let mut cancelled: SmallVec<[Gc<Task>; 4]> = smallvec![task];
        let mut next = 0;
        while let Some(&task) = cancelled.get(next) {
            next += 1;
            if !task.is_pending() {
                continue;
            }
            let waited_for = self.mark_cancelled(task);
            for other in waited_for.into_iter().filter(|other| other.is_pending()) {
                other.waiters().remove(task);
                if !other.waiters().as_slice().iter().any(|waiter| waiter.is_pending()) {
                    cancelled.push(other);
                }
            }
        }
        self.wake_waiters(cancelled);
        true
    }

    /// Makes a task one that was cancelled, and takes it from where it waits. The tasks that it waited for.
    fn mark_cancelled(&mut self, task: Gc<Task>) -> Vec<Gc<Task>> {
        let mut waited_for: Vec<Gc<Task>> = task.waits_for.take().into_iter().collect();
        let work = task.take_work(&mut self.heap);
        match &work {
            Work::Group(group) => waited_for.extend(&group.members),
            Work::Receive(channel) => channel.receivers().retain(|&other| other != task),
            Work::Send(channel) => channel.senders().retain(|&other| other != task),
            Work::Serve(listener) => waited_for.extend(self.stop_serving(*listener)),
            Work::Operation(handle) => self.drop_operation(*handle),
            Work::Suspended(saved) if saved.fiber.is_some() => {
                task.set_work(&mut self.heap, work);
                self.tasks().doomed.push(task);
            }
            _ => {}
        }
        let tasks = self.tasks();
        tasks.ends += 1;
        task.end(TaskState::Cancelled, Value::VOID, tasks.ends);
        waited_for
    }

    /// An error if the running task was cancelled: nothing of it may run any more.
    pub(super) fn check_cancelled(&mut self) -> Result<()> {
        match self.tasks().current.state() {
            TaskState::Cancelled => Err(Error::new(ErrorKind::Cancelled)),
            _ => Ok(()),
        }
    }

    /// `yield()`: lets others run first. The instruction that calls it is executed twice.
    pub(super) fn yield_turn(&mut self) -> Result<()> {
        let inside = self.inside_built_in != 0;
        let tasks = self.tasks();
        if tasks.current.switched.replace(false) || (inside && tasks.ready.is_empty()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Suspend(super::error::Wait::Turn)))
    }

    /// What is to be told at the program's end of tasks that failed and nobody awaited.
    pub fn unawaited_failures(&self) -> String {
        let Some(tasks) = &self.tasks else { return String::new() };
        let failed = tasks.failed.iter().filter(|task| !task.was_awaited()).take(TOLD_FAILURES);
        failed
            .map(|task| {
                let text = self.text(task.result()).unwrap_or_else(|_| "(a value too large to print)".into());
                format!("Task failed and nobody awaited it: {text}\n")
            })
            .collect()
    }

    /// The tasks of a list.
    pub(super) fn tasks_in(&self, list: Value) -> Result<Vec<Gc<Task>>> {
        let Some(items) = list.as_list() else { return Err(self.expected_type("list", list)) };
        let task = |index| {
            let item = items.get(index);
            item.as_task().ok_or_else(|| self.expected_type("task", item))
        };
        let mut tasks = Vec::with_capacity(items.len());
        for index in 0..items.len() {
            tasks.push(task(index)?);
        }
        Ok(tasks)
    }
}
