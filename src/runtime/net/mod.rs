//! TCP for tasks: handles, and the operations that wait on them; on top of it HTTP ([`serving`], [`fetching`]).
//!
//! An operation is a task ([`Work::Operation`]) in the queue of its handle. It is tried when it is begun and whenever
//! there is news of the handle, in the order of the calls, and ends when it succeeds or cannot. One that was cancelled
//! is passed over, and has taken nothing.
//!
//! Nothing of this exists before a program makes its first handle.

mod connecting;
mod deadlines;
mod fetching;
mod listener;
mod serving;
mod stream;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rustc_hash::FxHashMap;

use connecting::Connecting;
use deadlines::Deadlines;
use fetching::Fetch;
use listener::OpenListener;
use serving::{Connection, Server};
use stream::OpenStream;
pub(super) use stream::Wanted;

use super::builtins::value::host_error;
use super::error::{Error, Result};
use super::network::{Network, News, Stream};
use super::object::{Gc, Task, TaskState, Work};
use super::value::Value;
use super::vm::Vm;

/// How many tasks run until the network is looked at, if some can.
const TURNS: u32 = 64;

/// Bytes asked of the system at a time.
const SCRATCH: usize = 64 << 10;

/// The program's handles.
pub struct Net {
    network: Box<dyn Network>,
    listeners: FxHashMap<usize, OpenListener>,
    streams: FxHashMap<usize, OpenStream>,
    connecting: FxHashMap<usize, Connecting>,
    /// By listener.
    servers: FxHashMap<usize, Server>,
    /// Of all servers. The program has no handles of them.
    connections: FxHashMap<usize, Connection>,
    /// Connections whose handlers have ended.
    answered: VecDeque<usize>,
    deadlines: Deadlines,
    fetches: FxHashMap<usize, Fetch>,
    /// Where bytes are received; who has use for them copies them.
    scratch: Vec<u8>,
    last_handle: usize,
    news: Vec<News>,
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
    /// All tasks that the network keeps alive.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Gc<Task>> {
        let serving = self.servers.values().map(|server| server.task());
        let exchanges = self.connections.values().filter_map(|connection| connection.exchange());
        self.operations().chain(serving).chain(exchanges)
    }

    /// The tasks of operations; those that have ended are looked at once more.
    fn operations(&self) -> impl Iterator<Item = Gc<Task>> {
        let accepting = self.listeners.values().flat_map(|listener| listener.tasks());
        let streaming = self.streams.values().flat_map(|stream| stream.tasks());
        let connecting = self.connecting.values().map(|connecting| connecting.task());
        let fetching = self.fetches.values().map(|fetch| fetch.task());
        fetching.chain(accepting).chain(streaming).chain(connecting)
    }

    /// The stream of a key, whatever it is for.
    fn stream_of(&mut self, key: usize) -> Option<&mut Box<dyn Stream>> {
        if let Some(connection) = self.connections.get_mut(&key) {
            Some(connection.stream())
        } else if let Some(stream) = self.streams.get_mut(&key) {
            Some(stream.stream())
        } else if let Some(fetch) = self.fetches.get_mut(&key) {
            fetch.stream()
        } else {
            self.connecting.get_mut(&key).and_then(Connecting::stream)
        }
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
                self.io.host.network().map_err(|error| Error::message(reason("Failed to use the network", &error)))?;
            self.net = Some(Box::new(Net {
                network,
                listeners: FxHashMap::default(),
                streams: FxHashMap::default(),
                connecting: FxHashMap::default(),
                servers: FxHashMap::default(),
                connections: FxHashMap::default(),
                answered: VecDeque::new(),
                deadlines: Deadlines::default(),
                fetches: FxHashMap::default(),
                scratch: Vec::new(),
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
        let Some(net) = &self.net else { return false };
        let is_served = net.servers.values().any(|server| !server.is_closing());
        is_served
            || net.operations().any(|task| task.is_pending())
            || net.connections.values().any(Connection::waits_for_network)
    }

    /// Whether there are connections of servers: their clients may leave, or their time may be over.
    pub(super) fn has_connections(&self) -> bool {
        self.net.as_ref().is_some_and(|net| !net.connections.is_empty())
    }

    /// When connections are to be looked at, if nothing comes of them before.
    pub(super) fn next_network_deadline(&self) -> Option<u64> {
        self.net.as_ref()?.deadlines.next()
    }

    /// Looks whether there is news of the network, now and then while tasks are ready, and tries what waits for it.
    /// When none is, whoever waits for the next thing to happen looks.
    pub(super) fn look_at_network(&mut self) -> Result<()> {
        let Some(net) = &mut self.net else { return Ok(()) };
        net.turns += 1;
        if net.turns < TURNS {
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
        for news in news.drain(..) {
            if let Some(stream) = self.net.as_mut().and_then(|net| net.stream_of(news.key)) {
                stream.hear(news);
            }
            self.try_again(news.key);
        }
        if let Some(net) = &mut self.net {
            net.news = news;
        }
        self.expire_connections();
        waited.map_err(|error| Error::fatal(reason("Failed to wait for the network", &error)))
    }

    /// Tries what waits on a handle.
    fn try_again(&mut self, handle: usize) {
        let Some(net) = &self.net else { return };
        if net.connections.contains_key(&handle) {
            self.try_connection(handle);
        } else if net.fetches.contains_key(&handle) {
            self.try_fetch(handle);
        } else if net.streams.contains_key(&handle) {
            self.try_reads(handle);
            self.try_writes(handle);
        } else if net.listeners.contains_key(&handle) {
            self.try_accepts(handle);
        } else if net.connecting.contains_key(&handle) {
            self.try_connecting(handle);
        } else if let Some(net) = &mut self.net {
            // Whoever asked for a name no longer waits.
            net.network.answer(handle);
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

/// Receives something, if it is there; how many bytes, which are none at the end of the stream.
fn receive(stream: &mut dyn Stream, scratch: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(scratch) {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Sends what the system takes of bytes of which so many were sent before; whether that is all.
fn send(stream: &mut dyn Stream, bytes: &[u8], sent: &mut usize) -> io::Result<bool> {
    while *sent < bytes.len() {
        match stream.write(&bytes[*sent..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *sent += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
