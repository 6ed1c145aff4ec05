//! Where Cranelift runs: small regions are compiled by the program's thread itself, large ones beside it.
//!
//! An interpreted program gets little done in the half millisecond that a small region takes, and a thread costs a good part of that: a tenth of a
//! millisecond until it runs, more while its memory and caches are cold, and all of it if both have to share a processor. Measured with all regions on
//! the thread and a second core idle, short programs take 0.9 to 1.03 times as long. So there is none until a region is large enough to be worth one. Large
//! regions take up to hundreds of milliseconds, which the program should not wait for.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::backend::{Backend, Compiled, Dump};
use super::emit::EmitOptions;
use super::ir::Region;
use super::translate::Refusal;

/// Instructions of a region that is compiled beside the program: about a millisecond's worth.
const LARGE: usize = 200;

/// A region to be compiled.
pub struct Job {
    pub region: Region,
    pub options: EmitOptions,
    pub dump: Dump,
}

/// A job that is done.
pub struct Done {
    pub region: Region,
    pub compiled: Result<Compiled, Refusal>,
    /// What it took.
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
    /// Compiles a small region, or hands over a large one; false if the system has no thread for it.
    pub fn submit(&mut self, job: Job) -> bool {
        if job.region.instruction_count() < LARGE {
            self.finished = Some(compile(&mut self.here, job));
            return true;
        }
        if self.beside.is_none() {
            self.beside = Beside::start();
        }
        self.beside.as_ref().is_some_and(|beside| beside.jobs.send(job).is_ok())
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
fn compile(backend: &mut Option<Box<Backend>>, Job { region, options, dump }: Job) -> Done {
    let started = Instant::now();
    if backend.is_none() {
        *backend = Backend::new().map(Box::new);
    }
    let compiled = match backend {
        Some(backend) => backend.compile(&region, options, dump),
        None => Err(Refusal::Backend),
    };
    Done { region, compiled, time: started.elapsed() }
}
