//! The compiler's thread.
//!
//! Cranelift runs beside the program, which is interpreted, or runs native code of an inner loop, in the meantime. The thread is started before
//! the arguments are even read: what a first compilation costs is mostly code that has to come into memory and caches, and that can happen early.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::backend::{Backend, Compiled, Dump};
use super::build::Refusal;
use super::emit::EmitOptions;
use super::ir::Region;

/// Sizes of what is compiled for nothing until there is something to do: small first, since that may be soon.
const WARM_UP: [u32; 2] = [1, 4];

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

/// The thread, seen from the program's.
pub struct Compiler {
    jobs: Sender<Job>,
    done: Receiver<Done>,
}

impl Compiler {
    /// Starts the thread; `None` if the system gives none.
    pub fn start() -> Option<Compiler> {
        let (jobs, incoming) = channel();
        let (outgoing, done) = channel();
        let thread = std::thread::Builder::new().name("walrus-compiler".into());
        // The thread ends when the program's end of the channel is gone, or with the process.
        thread.spawn(move || serve(&incoming, &outgoing)).ok()?;
        Some(Compiler { jobs, done })
    }

    /// Hands over a job; false if the thread is gone.
    pub fn submit(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }

    /// The oldest job that is done and was not taken yet.
    pub fn poll(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }

    /// Waits for the oldest job; `None` if the thread is gone.
    pub fn wait(&self) -> Option<Done> {
        self.done.recv().ok()
    }
}

/// What the thread does.
fn serve(jobs: &Receiver<Job>, done: &Sender<Done>) {
    let mut backend = Backend::new();
    let mut next = None;
    for size in WARM_UP {
        next = jobs.try_recv().ok();
        match &mut backend {
            Some(backend) if next.is_none() => backend.warm_up(size),
            _ => break,
        }
    }
    let mut next = next.or_else(|| jobs.recv().ok());
    while let Some(Job { region, options, dump }) = next {
        let started = Instant::now();
        let compiled = match &mut backend {
            Some(backend) => backend.compile(&region, options, dump),
            None => Err(Refusal::Backend),
        };
        if done.send(Done { region, compiled, time: started.elapsed() }).is_err() {
            return;
        }
        next = jobs.recv().ok();
    }
}
