//! TCP for tasks: handles, and the operations that wait on them.
//!
//! An operation is a task ([`Work::Operation`]) in the queue of its handle. It is tried when it is begun and whenever there is news of the handle, in the order
//! of the calls, and ends when it succeeds or cannot. One that was cancelled is passed over, and has taken nothing.
//!
//! Nothing of this exists before a program makes its first handle.

mod connecting;
mod listener;
mod stream;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rustc_hash::FxHashMap;

use connecting::Connecting;
use listener::OpenListener;
use stream::OpenStream;
pub(super) use stream::Wanted;

use super::builtins::value::host_error;
use super::error::{Error, Result};
use super::network::Network;
use super::object::{Gc, Task, TaskState, Work};
use super::value::Value;
use super::vm::Vm;

/// How many tasks run until the network is looked at, if some can.
const TURNS: u32 = 64;

/// The program's handles.
pub struct Net {
    network: Box<dyn Network>,
    listeners: FxHashMap<usize, OpenListener>,
    streams: FxHashMap<usize, OpenStream>,
    connecting: FxHashMap<usize, Connecting>,
    last_handle: usize,
    news: Vec<usize>,
    turns: u32,
    /// It was told that no file handle is free.
    told_of_limit: bool,
}

/// What an operation comes to.
enum Tried {
    Done(Value),
    Failed(String),
    /// It has to wait.
    Later,
}

impl Net {
    /// The tasks of operations; those that have ended are looked at once more.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Gc<Task>> {
        let accepting = self.listeners.values().flat_map(|listener| listener.tasks());
        let streaming = self.streams.values().flat_map(|stream| stream.tasks());
        let connecting = self.connecting.values().map(|connecting| connecting.task());
        accepting.chain(streaming).chain(connecting)
    }

    fn new_handle(&mut self) -> usize {
        self.last_handle += 1;
        self.last_handle
    }
}

/// The system's reason for a failure, in a message.
fn reason(what: &str, error: &io::Error) -> String {
    host_error(what, error).to_string()
}

/// An address as messages write it.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Drops operations from the front that have ended otherwise.
fn drop_ended<T>(queue: &mut VecDeque<T>, task: impl Fn(&T) -> Gc<Task>) {
    while queue.front().is_some_and(|operation| !task(operation).is_pending()) {
        queue.pop_front();
    }
}

impl Vm {
    /// The network; the first call opens it.
    fn net(&mut self) -> Result<&mut Net> {
        if self.net.is_none() {
            let network =
                self.host.network().map_err(|error| Error::message(reason("Failed to use the network", &error)))?;
            self.net = Some(Box::new(Net {
                network,
                listeners: FxHashMap::default(),
                streams: FxHashMap::default(),
                connecting: FxHashMap::default(),
                last_handle: 0,
                news: Vec::new(),
                turns: 0,
                told_of_limit: false,
            }));
        }
        Ok(self.net.as_mut().expect("just made"))
    }

    /// A task of an operation on a handle.
    fn operation(&mut self, handle: usize) -> Gc<Task> {
        Task::new(&mut self.heap, Work::Operation(handle))
    }

    fn finish_operation(&mut self, task: Gc<Task>, tried: Tried) {
        match tried {
            Tried::Done(value) => self.end(task, TaskState::Ready, value),
            Tried::Failed(message) => {
                let message = self.heap.str_value(&message);
                self.end(task, TaskState::FailedWith, message);
            }
            Tried::Later => {}
        }
    }

    /// Whether an operation has not ended.
    pub(super) fn has_operations(&self) -> bool {
        self.net.as_ref().is_some_and(|net| net.tasks().any(|task| task.is_pending()))
    }

    /// Looks whether there is news of the network, now and then while tasks are ready, and tries what waits for it.
    pub(super) fn look_at_network(&mut self, is_busy: bool) -> Result<()> {
        let Some(net) = &mut self.net else { return Ok(()) };
        net.turns += 1;
        if is_busy && net.turns < TURNS {
            return Ok(());
        }
        self.wait_for_network(Some(Duration::ZERO))
    }

    /// Waits for news of the network, no longer than the limit.
    pub(super) fn wait_for_network(&mut self, limit: Option<Duration>) -> Result<()> {
        let Some(net) = &mut self.net else { return Ok(()) };
        net.turns = 0;
        let mut news = std::mem::take(&mut net.news);
        let waited = net.network.wait(limit, &mut news);
        for key in news.drain(..) {
            self.try_again(key);
        }
        if let Some(net) = &mut self.net {
            net.news = news;
        }
        waited.map_err(|error| Error::fatal(reason("Failed to wait for the network", &error)))
    }

    /// Tries what waits on a handle.
    fn try_again(&mut self, handle: usize) {
        let Some(net) = &self.net else { return };
        if net.streams.contains_key(&handle) {
            self.try_reads(handle);
            self.try_writes(handle);
        } else if net.listeners.contains_key(&handle) {
            self.try_accepts(handle);
        } else if net.connecting.contains_key(&handle) {
            self.try_connecting(handle);
        }
    }

    /// The time of an operation is over, or of what was put off.
    pub(super) fn time_out_operation(&mut self, task: Gc<Task>, handle: usize) {
        let Some(net) = &self.net else { return };
        if net.streams.contains_key(&handle) {
            self.time_out_stream(handle, task);
        } else if net.listeners.contains_key(&handle) {
            self.end(task, TaskState::Ready, Value::VOID);
            self.try_accepts(handle);
        }
    }
}
