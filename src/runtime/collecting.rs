//! When and from where garbage is collected, and what comes of memory that is refused.

use super::error::{Error, Result};
use super::heap::Collection;
use super::heap::reserve::{self, Left};
use super::value::Value;
use super::vm::Vm;

/// What a program sees when the system refuses memory.
const OUT_OF_MEMORY: &str = "Out of memory";

impl Vm {
    /// Collects garbage now. Everything reachable from frames, globals, the image and pinned values stays.
    pub(super) fn collect(&mut self) -> Result<()> {
        if self.heap.has_only_succeeded() {
            return Ok(());
        }
        self.collect_garbage();
        if self.heap.over_limit() {
            self.collect_all_garbage();
        }
        if self.heap.over_limit() { Err(self.heap_limit()) } else { self.answer_refusal() }
    }

    /// After a collection that was due because the system refused memory: puts the reserve aside anew, or raises the
    /// error. After any other, what was spent before is put aside if it can be: a program that has caught the error
    /// may come to the limit again.
    #[inline]
    fn answer_refusal(&mut self) -> Result<()> {
        if reserve::take_refusal() {
            return self.answer_refusal_now();
        }
        if reserve::is_short() {
            self.fill_reserve();
        }
        Ok(())
    }

    #[cold]
    fn fill_reserve(&mut self) {
        self.heap.give_back();
        reserve::refill();
    }

    #[cold]
    fn answer_refusal_now(&mut self) -> Result<()> {
        self.collect_all_garbage();
        self.heap.give_back();
        match reserve::refill() {
            Left::Both => Ok(()),
            Left::One => Err(Error::message(OUT_OF_MEMORY)),
            Left::None => Err(Error::fatal(OUT_OF_MEMORY)),
        }
    }

    /// The error of an operation that wants this many bytes, which are not to be had.
    #[cold]
    pub(super) fn no_memory(&self, bytes: usize) -> Error {
        match self.heap.is_within_limit(bytes) {
            true => Error::message(OUT_OF_MEMORY),
            false => self.heap_limit(),
        }
    }

    /// Collects also what only dead registers hold.
    #[cold]
    pub(super) fn collect_all_garbage(&mut self) -> Collection {
        let is_judged = self.watch.oracle.is_some();
        self.liveness.forget_dead_registers(&mut self.stack, &self.image.program, is_judged);
        self.mark_and_sweep()
    }

    /// As [`Vm::collect`], for `core.gc()`, which does not care about the limit.
    pub fn collect_garbage(&mut self) -> Collection {
        if self.heap.is_stressed() { self.collect_all_garbage() } else { self.mark_and_sweep() }
    }

    fn mark_and_sweep(&mut self) -> Collection {
        self.stack.forget_above();
        let (stack, globals, pinned, image) = (&self.stack, &self.globals, &self.pinned, &self.image);
        let (tasks, net) = (&mut self.tasks, &self.net);
        self.heap.collect(|marker| {
            stack.live().iter().chain(globals.iter()).chain(pinned).for_each(|&value| marker.mark(value));
            for depth in 1..=stack.depth() {
                if let Some(closure) = stack.frame_at(depth).closure {
                    marker.mark(Value::from_closure(closure));
                }
            }
            image.for_each_root(|value| marker.mark(value));
            if let Some(tasks) = tasks {
                tasks.for_each_root(|task| marker.mark(Value::from_task(task)));
            }
            if let Some(net) = net {
                net.tasks().for_each(|task| marker.mark(Value::from_task(task)));
            }
            if let Some(tasks) = tasks {
                tasks.mark_failures(marker);
            }
        })
    }
}
