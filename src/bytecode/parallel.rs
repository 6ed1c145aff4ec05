//! Work on functions that do not depend on one another, on two threads.
//!
//! Invariant: how the work is divided depends on the program alone, so that facts are the same on every machine.

use std::sync::{Mutex, PoisonError};

use super::{Function, Program};

/// A program with fewer instructions is done before a second thread has started.
const WORTH_A_THREAD: usize = 20_000;

/// The position of the function at which the program's code is divided in about the middle.
pub fn middle(program: &Program) -> usize {
    let half = program.code.len() as u32 / 2;
    program.functions.partition_point(|function| function.code.start < half)
}

/// The program's functions in two runs of about the same amount of code.
pub fn split(program: &Program) -> (&[Function], &[Function]) {
    program.functions.split_at(middle(program))
}

/// Whether a second thread pays for this program.
pub fn is_worth_a_thread(program: &Program) -> bool {
    program.code.len() >= WORTH_A_THREAD
}

/// What `first` and `second` come to; in a large program the second is computed on a thread of its own.
pub fn both<A, B: Send>(program: &Program, first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
    if !is_worth_a_thread(program) {
        return (first(), second());
    }
    let second = Mutex::new(Some(second));
    // Taken by the thread, or here if the system has none to give.
    let take = || second.lock().unwrap_or_else(PoisonError::into_inner).take();
    std::thread::scope(|scope| {
        let running = std::thread::Builder::new().spawn_scoped(scope, || take().map(|second| second()));
        let first = first();
        let second = match running {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => take().map(|second| second()),
        };
        (first, second.expect("whoever takes it runs it"))
    })
}
