//! Timers: tasks that end, or groups that are over, at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::runtime::error::Result;
use crate::runtime::object::{Gc, Task, TaskState, Work};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// A deadline in nanoseconds of the host's clock, and how many timers were made before. The task's address only makes
/// the order total.
type Entry = Reverse<(u64, u64, Key)>;

/// A task in the heap of timers.
#[derive(PartialEq, Eq, Debug)]
struct Key(Gc<Task>);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_ptr().cmp(&other.0.as_ptr())
    }
}

/// Timers that have not run out, the next first; those of tasks that have ended meanwhile are passed over.
#[derive(Default)]
pub(super) struct Timers {
    entries: BinaryHeap<Entry>,
    made: u64,
    /// How many there may be until those of ended tasks are taken out.
    limit: usize,
}

impl Timers {
    /// The tasks of all timers: those that have ended are looked at once more.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Gc<Task>> {
        self.entries.iter().map(|Reverse((_, _, Key(task)))| *task)
    }

    fn add(&mut self, deadline: u64, task: Gc<Task>) {
        if self.entries.len() >= self.limit.max(64) {
            self.entries.retain(|Reverse((_, _, Key(task)))| task.is_pending());
            self.limit = 2 * self.entries.len();
        }
        self.entries.push(Reverse((deadline, self.made, Key(task))));
        self.made += 1;
    }

    /// The next deadline, if anything waits for one.
    fn next(&mut self) -> Option<u64> {
        while let Some(Reverse((deadline, _, Key(task)))) = self.entries.peek() {
            if task.is_pending() {
                return Some(*deadline);
            }
            self.entries.pop();
        }
        None
    }

    fn pop(&mut self) -> Option<Gc<Task>> {
        self.entries.pop().map(|Reverse((_, _, Key(task)))| task)
    }
}

impl Vm {
    /// Nanoseconds of the host's clock.
    pub(in crate::runtime) fn now(&self) -> u64 {
        self.io.host.nanoseconds()
    }

    /// Starts a timer that runs out after so many milliseconds.
    pub(in crate::runtime) fn start_timer(&mut self, task: Gc<Task>, milliseconds: f64) {
        let deadline = self.now().saturating_add((milliseconds * 1e6) as u64);
        self.tasks().timers.add(deadline, task);
    }

    /// A task that ends after so many milliseconds.
    pub(in crate::runtime) fn sleeping_task(&mut self, milliseconds: f64) -> Value {
        let task = Task::new(&mut self.heap, Work::Timer);
        self.start_timer(task, milliseconds);
        Value::from_task(task)
    }

    /// Ends tasks whose time has come, and queues timeouts that are over behind all that this wakes.
    pub(super) fn fire_timers(&mut self) {
        if self.tasks().timers.next().is_none() {
            return;
        }
        let now = self.now();
        let mut over = Vec::new();
        while self.tasks().timers.next().is_some_and(|deadline| deadline <= now) {
            let Some(task) = self.tasks().timers.pop() else { break };
            let (is_group, handle) = match *task.work() {
                Work::Group(_) => (true, None),
                Work::Operation(handle) => (false, Some(handle)),
                _ => (false, None),
            };
            match handle {
                Some(handle) => self.time_out_operation(task, handle),
                None if is_group => over.push(task),
                None => self.end(task, TaskState::Ready, Value::VOID),
            }
        }
        over.into_iter().for_each(|task| self.tasks().queue(task));
    }

    /// Waits for the next timer or news of the network; false if there can be neither.
    pub(super) fn wait_for_something(&mut self) -> Result<bool> {
        let timer = self.tasks().timers.next();
        // A connection whose handler runs makes nothing ready; but while a timer is waited for its client may leave.
        if self.has_operations() || (timer.is_some() && self.has_connections()) {
            let deadline = timer.into_iter().chain(self.next_network_deadline()).min();
            let left = deadline.map(|deadline| deadline.saturating_sub(self.now()));
            self.wait_for_network(left.map(Duration::from_nanos))?;
            return Ok(true);
        }
        // Deadlines of connections that no operation waits for wake nobody.
        let Some(timer) = timer else { return Ok(false) };
        let left = timer.saturating_sub(self.now());
        self.io.host.pause(left as f64 / 1e9);
        Ok(true)
    }
}
