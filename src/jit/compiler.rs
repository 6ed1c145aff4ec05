//! Where Cranelift runs: small regions are compiled by the program's thread itself, large ones beside it.
//!
//! An interpreted program gets little done in the half millisecond that a small region takes, and a thread costs a good
//! part of that: a tenth of a millisecond until it runs, more while its memory and caches are cold, and all of it if
//! both have to share a processor. Measured with all regions on the thread and a second core idle, short programs take
//! 0.9 to 1.03 times as long. So there is none until a region is large enough to be worth one. Large regions take up to
//! hundreds of milliseconds, which the program should not wait for.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::backend::{Backend, Compiled};
use super::dump::Texts;
use super::emit::EmitOptions;
use super::ir::Region;
use super::stopwatch::Stopwatch;
use super::translate::Refusal;

/// Instructions of a region that is compiled beside the program: about a millisecond's worth.
const LARGE: usize = 200;

/// A region to be compiled.
pub struct Job {
    pub region: Region,
    pub options: EmitOptions,
    pub texts: Texts,
}

/// A job that is done.
pub struct Done {
    pub region: Region,
    pub compiled: Result<Compiled, Refusal>,
    /// What it took of a processor.
    pub time: Duration,
}

/// Takes one job at a time.
#[derive(Default)]
pub struct Compiler {
    /// The program's own, made for the first small region.
    here: Option<Box<Backend>>,
    finished: Option<Done>,
    /// Started for the first large region.
    beside: Option<Beside>,
}

/// A thread with a backend of its own.
struct Beside {
    jobs: Sender<Job>,
    done: Receiver<Done>,
}

impl Compiler {
    /// Compiles a small region, or hands over a large one, unless the system has no thread for it.
    pub fn submit(&mut self, job: Job) {
        let is_large = job.region.instruction_count() >= LARGE;
        if is_large && self.beside.is_none() {
            self.beside = Beside::start();
        }
        let unsent = match &self.beside {
            Some(beside) if is_large => beside.jobs.send(job).err().map(|unsent| unsent.0),
            _ => Some(job),
        };
        if let Some(job) = unsent {
            self.finished = Some(compile(&mut self.here, job));
        }
    }

    /// The job, if it is done and was not taken yet.
    pub fn poll(&mut self) -> Option<Done> {
        self.finished.take().or_else(|| self.beside.as_ref()?.done.try_recv().ok())
    }

    /// Waits for the job that was submitted; `None` if the thread is gone.
    pub fn wait(&mut self) -> Option<Done> {
        self.finished.take().or_else(|| self.beside.as_ref()?.done.recv().ok())
    }
}

impl Beside {
    fn start() -> Option<Beside> {
        let (jobs, incoming) = channel();
        let (outgoing, done) = channel();
        let serve = move || {
            let mut backend = None;
            while let Ok(job) = incoming.recv() {
                if outgoing.send(compile(&mut backend, job)).is_err() {
                    return;
                }
            }
        };
        // The thread ends when the program's end of the channel is gone, or with the process.
        std::thread::Builder::new().name("walrus-compiler".into()).spawn(serve).ok()?;
        Some(Beside { jobs, done })
    }
}

/// Does a job, with a backend that is made if there is none yet.
fn compile(backend: &mut Option<Box<Backend>>, Job { region, options, texts }: Job) -> Done {
    let stopwatch = Stopwatch::start();
    let work = |backend: &mut Option<Box<Backend>>| {
        if backend.is_none() {
            *backend = Some(Box::new(Backend::new()?));
        }
        match backend {
            Some(backend) => backend.compile(&region, options, texts),
            None => unreachable!("it was just made"),
        }
    };
    let compiled = unless_it_panics(cfg!(debug_assertions), || work(backend)).unwrap_or_else(|| {
        // Nobody knows what state it is in. Its memory holds code that is in use, so it is never freed.
        std::mem::forget(backend.take());
        Err(Refusal::Panic)
    });
    Done { region, compiled, time: stopwatch.elapsed() }
}

thread_local! {
    /// Panics are caught at the moment, and nobody is to read of them.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// What the work comes to; `None` if it panics, unless that is to be loud.
fn unless_it_panics<T>(loud: bool, work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    if loud {
        return Some(work());
    }
    QUIET.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CATCHES.get() {
                report(panic);
            }
        }));
    });
    CATCHES.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_code_generator_is_a_refusal_unless_it_is_to_be_loud() {
        assert_eq!(unless_it_panics(false, || 1), Some(1));
        assert_eq!(unless_it_panics::<()>(false, || panic!("caught")), None);
        let loud = catch_unwind(|| unless_it_panics::<()>(true, || panic!("expected by this test")));
        assert!(loud.is_err());
    }
}
