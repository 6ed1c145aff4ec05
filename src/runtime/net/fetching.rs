//! `http.fetch`: one request over a connection of its own.

use std::io;

use super::connecting::{Connecting, Step as Connect};
use super::{SCRATCH, Tried, reason, receive, send};
use crate::runtime::builtins::http::exchange::response_dict;
use crate::runtime::error::Result;
use crate::runtime::http::response::{Incoming, Response, Step};
use crate::runtime::http::url::Url;
use crate::runtime::network::Stream;
use crate::runtime::object::{Gc, Task};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// The largest body of a response.
const MAX_BODY: usize = 100_000_000;

/// A request that is under way.
pub(super) struct Fetch {
    task: Gc<Task>,
    method: String,
    /// Where the answer comes from, in messages.
    peer: String,
    connecting: Option<Connecting>,
    stream: Option<Box<dyn Stream>>,
    request: Vec<u8>,
    sent: usize,
    buffer: Vec<u8>,
    incoming: Incoming,
    /// Bytes that the heap was told of.
    accounted: usize,
}

impl Fetch {
    pub(super) fn task(&self) -> Gc<Task> {
        self.task
    }

    pub(super) fn stream(&mut self) -> Option<&mut Box<dyn Stream>> {
        self.stream.as_mut().or_else(|| self.connecting.as_mut()?.stream())
    }
}

/// What became of a fetch after it was looked at.
enum Fetched {
    Later,
    Whole(Response),
    Failed(String),
}

impl Vm {
    /// A task of the response to a request.
    pub(in crate::runtime) fn fetch(&mut self, method: &str, url: Url, request: Vec<u8>) -> Result<Value> {
        let key = self.net()?.new_handle();
        let task = self.operation(key);
        let connecting = Connecting::new(self.net()?, task, &url.host, url.port, key);
        let fetch = Fetch {
            task,
            method: method.to_owned(),
            peer: super::authority(&url.host, url.port),
            connecting: Some(connecting),
            stream: None,
            request,
            sent: 0,
            buffer: Vec::new(),
            incoming: Incoming::default(),
            accounted: 0,
        };
        self.keep_fetch(key, fetch);
        self.try_fetch(key);
        Ok(Value::from_task(task))
    }

    pub(super) fn try_fetch(&mut self, key: usize) {
        let Some(net) = &mut self.net else { return };
        let Some(mut fetch) = net.fetches.remove(&key) else { return };
        self.heap.account(fetch.accounted, 0);
        if !fetch.task.is_pending() {
            return;
        }
        if let Some(mut connecting) = fetch.connecting.take() {
            match connecting.advance(&mut *net.network, key) {
                Connect::Later => {
                    fetch.connecting = Some(connecting);
                    return self.keep_fetch(key, fetch);
                }
                Connect::Connected(mut stream) => {
                    // The request leaves in one piece.
                    let _ = stream.set_nodelay(true);
                    fetch.stream = Some(stream);
                }
                Connect::Failed(error) => {
                    let message = reason(&format!("Failed to connect to '{}'", fetch.peer), &error);
                    self.finish_operation(fetch.task, Tried::Failed(message));
                    return;
                }
            }
        }
        let mut scratch = std::mem::take(&mut net.scratch);
        scratch.resize(SCRATCH, 0);
        let fetched = fetch.advance(&mut scratch);
        net.scratch = scratch;
        let tried = match fetched {
            Fetched::Later => return self.keep_fetch(key, fetch),
            Fetched::Failed(message) => Tried::Failed(message),
            Fetched::Whole(response) => {
                // Its task must outlive a collection.
                let root = Value::from_task(fetch.task);
                let mark = self.pinned.len();
                self.pinned.push(root);
                let dict = self.with_memory(|vm| response_dict(vm, &fetch.buffer, &response));
                self.unpin_to(mark);
                super::stream::made(dict)
            }
        };
        self.finish_operation(fetch.task, tried);
    }

    /// Puts a fetch that is to go on where news of it is looked for.
    fn keep_fetch(&mut self, key: usize, mut fetch: Fetch) {
        let Some(net) = &mut self.net else { return };
        fetch.accounted = fetch.request.capacity() + fetch.buffer.capacity();
        self.heap.account(0, fetch.accounted);
        net.fetches.insert(key, fetch);
    }

    /// Drops what is under way for an operation that was cancelled.
    pub(in crate::runtime) fn drop_operation(&mut self, handle: usize) {
        let Some(net) = &mut self.net else { return };
        if let Some(fetch) = net.fetches.remove(&handle) {
            self.heap.account(fetch.accounted, 0);
        }
        net.connecting.remove(&handle);
    }
}

impl Fetch {
    fn failed(&self, verb: &str, error: &io::Error) -> Fetched {
        Fetched::Failed(reason(&format!("Failed to {verb} '{}'", self.peer), error))
    }

    /// Sends and receives what can be without waiting.
    fn advance(&mut self, scratch: &mut [u8]) -> Fetched {
        let Some(mut stream) = self.stream.take() else { return Fetched::Later };
        let fetched = self.exchange(&mut *stream, scratch);
        self.stream = Some(stream);
        fetched
    }

    fn exchange(&mut self, stream: &mut dyn Stream, scratch: &mut [u8]) -> Fetched {
        // A server may answer before it has read everything, and stop reading then: what counts is its answer.
        let unsent = send(stream, &self.request, &mut self.sent).err();
        loop {
            let received = match receive(stream, scratch) {
                Ok(received) => received,
                Err(error) => return self.failed("read from", unsent.as_ref().unwrap_or(&error)),
            };
            let Some(count) = received else {
                return match unsent {
                    None => Fetched::Later,
                    Some(error) => self.failed("write to", &error),
                };
            };
            self.buffer.extend_from_slice(&scratch[..count]);
            if let Some(fetched) = self.read_on(count == 0) {
                return fetched;
            }
        }
    }

    /// Looks at what has been received, unless it is too little.
    fn read_on(&mut self, is_at_end: bool) -> Option<Fetched> {
        loop {
            return match self.incoming.advance(&self.buffer, is_at_end, MAX_BODY, &self.method) {
                Ok(Step::Interim(length)) => {
                    self.buffer.drain(..length);
                    continue;
                }
                Ok(Step::Whole(response)) => Some(Fetched::Whole(response)),
                Ok(Step::More) if is_at_end => {
                    Some(Fetched::Failed(format!("Failed to read from '{}': the response ended early", self.peer)))
                }
                Ok(Step::More) => None,
                Err(refusal) => {
                    let message = format!("Failed to read from '{}': malformed response: {}", self.peer, refusal.error);
                    Some(Fetched::Failed(message))
                }
            };
        }
    }
}
