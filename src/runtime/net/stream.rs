//! Streams: reading, writing, time limits, and the several ways in which they end.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr};

use super::serving::{HEAD, IDLE};
use super::{SCRATCH, Tried, drop_ended, reason, receive, send};
use crate::runtime::builtins::http::exchange::{refusal_dict, request_dict};
use crate::runtime::builtins::value::byte_list;
use crate::runtime::error::Result;
use crate::runtime::http::Rejection;
use crate::runtime::http::request::{Incoming, Request, Step};
use crate::runtime::network::{News, Stream};
use crate::runtime::object::{Gc, Task};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// The longest line.
const LONGEST_LINE: usize = 10 << 20;

/// How long what was written is sent after a stream was closed, in milliseconds.
const LINGER: f64 = 30_000.0;

/// What a read is to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::runtime) enum Wanted {
    /// Text of at most so many bytes, at least a character.
    Text(usize),
    /// A line without its end.
    Line,
    /// At most so many bytes.
    Bytes(usize),
    /// A request of HTTP with a body of at most so many bytes.
    Request(usize),
}

/// What is to be written.
pub(super) type Payload = Vec<u8>;

struct Read {
    task: Gc<Task>,
    wanted: Wanted,
    /// When its time is over, in nanoseconds of the host's clock.
    deadline: Option<u64>,
    /// How far a request has been looked at.
    incoming: Incoming,
    /// When a request that has begun is given up.
    refuse_at: Option<u64>,
}

struct Write {
    task: Gc<Task>,
    payload: Payload,
    sent: usize,
}

/// A connection with what waits on it.
pub(super) struct OpenStream {
    stream: Box<dyn Stream>,
    /// The other side's address: of a connection that was reset the system tells none.
    peer: Option<SocketAddr>,
    /// What was received and not read yet.
    buffer: Vec<u8>,
    /// How far the buffer is known to hold no end of a line.
    searched: usize,
    at_end: bool,
    /// The client whose request begins the buffer was told to send the body.
    was_told_to_continue: bool,
    reads: VecDeque<Read>,
    writes: VecDeque<Write>,
    /// Bytes of the writes.
    queued: usize,
    /// Bytes that the heap was told of.
    accounted: usize,
    read_limit: Option<f64>,
    write_limit: Option<f64>,
    /// The writing side is to be shut down behind what is to be sent.
    ends_writing: bool,
    /// The program has closed it: the timer until which the rest is sent.
    lingers: Option<Gc<Task>>,
}

/// What the buffer holds of what is wanted.
enum Found {
    Text(String),
    Bytes(Vec<u8>),
    Request(Box<Request>),
    Refused(Rejection),
    /// The client waits to be told to go on.
    Continue,
    End,
    Failed(String),
    More,
}

/// The bytes of the longest character in UTF-8.
const LONGEST_CHAR: usize = 4;

impl OpenStream {
    pub(super) fn stream(&mut self) -> &mut Box<dyn Stream> {
        &mut self.stream
    }

    pub(super) fn new(stream: Box<dyn Stream>) -> OpenStream {
        OpenStream {
            peer: stream.peer_addr().ok(),
            stream,
            buffer: Vec::new(),
            searched: 0,
            at_end: false,
            was_told_to_continue: false,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            queued: 0,
            accounted: 0,
            read_limit: None,
            write_limit: None,
            ends_writing: false,
            lingers: None,
        }
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = Gc<Task>> {
        let reading = self.reads.iter().map(|read| read.task);
        reading.chain(self.writes.iter().map(|write| write.task)).chain(self.lingers)
    }

    fn peer(&self) -> String {
        self.peer.map_or_else(|| "?".to_owned(), |address| address.to_string())
    }

    /// Takes what is wanted from the buffer, if it is all there.
    fn take(&mut self) -> Found {
        let Some(read) = self.reads.front_mut() else { return Found::More };
        if self.buffer.is_empty() {
            return if self.at_end { Found::End } else { Found::More };
        }
        match read.wanted {
            Wanted::Request(max_body) => match read.incoming.advance(&self.buffer, max_body) {
                Ok(Step::Whole(request)) => Found::Request(Box::new(request)),
                Ok(Step::Continue) if !self.was_told_to_continue => Found::Continue,
                Ok(_) if self.at_end => Found::Refused(Rejection::malformed("the request ended early")),
                Ok(_) => Found::More,
                Err(refusal) => Found::Refused(refusal),
            },
            Wanted::Bytes(max) => Found::Bytes(self.take_bytes(max)),
            Wanted::Text(max) => self.take_text(max),
            Wanted::Line => self.take_line(),
        }
    }

    fn take_bytes(&mut self, max: usize) -> Vec<u8> {
        self.searched = 0;
        self.was_told_to_continue = false;
        self.buffer.drain(..max.min(self.buffer.len())).collect()
    }

    /// Whole characters. Bytes that are no text stay where they are.
    fn take_text(&mut self, max: usize) -> Found {
        // No more than may be taken is looked at, and room for one character: much may lie in the buffer while little
        // is read at a time.
        let head = &self.buffer[..self.buffer.len().min(max.saturating_add(LONGEST_CHAR))];
        let first = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let mut end = max.min(first.len());
        while !first.is_char_boundary(end) {
            end -= 1;
        }
        if end == 0 {
            // Not even one character fits: it is given all the same.
            end = first.chars().next().map_or(0, char::len_utf8);
        }
        if end > 0 {
            let text = first[..end].to_owned();
            self.take_bytes(end);
            return Found::Text(text);
        }
        match std::str::from_utf8(head) {
            Err(error) if error.error_len().is_none() && !self.at_end => Found::More,
            _ => Found::Failed("Invalid UTF-8 at byte 0".into()),
        }
    }

    fn take_line(&mut self) -> Found {
        let newline = memchr::memchr(b'\n', &self.buffer[self.searched..]).map(|offset| self.searched + offset);
        let (end, next) = match newline {
            Some(end) => (end, end + 1),
            None if self.buffer.len() > LONGEST_LINE => return Found::Failed("Line too long".into()),
            None if self.at_end => (self.buffer.len(), self.buffer.len()),
            None => {
                self.searched = self.buffer.len();
                return Found::More;
            }
        };
        if end > LONGEST_LINE {
            return Found::Failed("Line too long".into());
        }
        let line = &self.buffer[..end];
        let line = if newline.is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        match std::str::from_utf8(line) {
            Ok(line) => {
                let line = line.to_owned();
                self.take_bytes(next);
                Found::Text(line)
            }
            Err(error) => Found::Failed(format!("Invalid UTF-8 at byte {}", error.valid_up_to())),
        }
    }

    /// Receives something; false if nothing is there.
    fn receive(&mut self, scratch: &mut [u8]) -> io::Result<bool> {
        let Some(count) = receive(&mut *self.stream, scratch)? else { return Ok(false) };
        self.at_end |= count == 0;
        self.buffer.extend_from_slice(&scratch[..count]);
        Ok(true)
    }

    fn take_write(&mut self) -> Option<Write> {
        let write = self.writes.pop_front()?;
        self.queued -= write.payload.capacity();
        Some(write)
    }

    /// Sends as much as the system takes of the first write; whether that is all of it.
    fn send(&mut self) -> io::Result<bool> {
        let Some(write) = self.writes.front_mut() else { return Ok(true) };
        send(&mut *self.stream, &write.payload, &mut write.sent)
    }
}

pub(super) fn made(value: Result<Value>) -> Tried {
    value.map_or_else(|error| Tried::Failed(error.to_string()), Tried::Done)
}

impl Vm {
    fn stream(&mut self, handle: usize) -> Option<&mut OpenStream> {
        self.net.as_mut()?.streams.get_mut(&handle)
    }

    /// Whether the program may use the stream.
    pub(in crate::runtime) fn is_stream(&self, handle: usize) -> bool {
        let stream = self.net.as_ref().and_then(|net| net.streams.get(&handle));
        stream.is_some_and(|stream| stream.lingers.is_none())
    }

    /// The other side's address, or the own one.
    pub(in crate::runtime) fn stream_addr(&mut self, handle: usize, own: bool) -> Option<io::Result<String>> {
        let stream = &self.stream(handle)?.stream;
        let address = if own { stream.local_addr() } else { stream.peer_addr() };
        Some(address.map(|address| address.to_string()))
    }

    pub(in crate::runtime) fn set_nodelay(&mut self, handle: usize, nodelay: bool) -> io::Result<()> {
        self.stream(handle).map_or(Ok(()), |stream| stream.stream.set_nodelay(nodelay))
    }

    /// Limits the time of reads, or of writes, that begin later.
    pub(in crate::runtime) fn set_time_limit(&mut self, handle: usize, of_reads: bool, milliseconds: Option<f64>) {
        if let Some(stream) = self.stream(handle) {
            *(if of_reads { &mut stream.read_limit } else { &mut stream.write_limit }) = milliseconds;
        }
    }

    /// A task of what is read next.
    pub(in crate::runtime) fn read_stream(&mut self, handle: usize, wanted: Wanted) -> Value {
        let task = self.operation(handle);
        let now = self.now();
        let limit = self.stream(handle).and_then(|stream| {
            let deadline = stream.read_limit.map(|limit| now.saturating_add((limit * 1e6) as u64));
            let incoming = Incoming::default();
            stream.reads.push_back(Read { task, wanted, deadline, incoming, refuse_at: None });
            // What is there is read at once, told or not: the time of a read may be over before the next news.
            stream.stream.hear(News::of(handle));
            stream.read_limit
        });
        self.try_reads(handle);
        self.limit_operation(task, limit);
        Value::from_task(task)
    }

    /// A task of how many bytes were written.
    pub(in crate::runtime) fn write_stream(&mut self, handle: usize, payload: Vec<u8>) -> Value {
        let task = self.operation(handle);
        let limit = self.stream(handle).and_then(|stream| {
            stream.queued += payload.capacity();
            stream.writes.push_back(Write { task, payload, sent: 0 });
            stream.write_limit
        });
        self.try_writes(handle);
        self.limit_operation(task, limit);
        Value::from_task(task)
    }

    fn limit_operation(&mut self, task: Gc<Task>, limit: Option<f64>) {
        if let (true, Some(milliseconds)) = (task.is_pending(), limit) {
            self.start_timer(task, milliseconds);
        }
    }

    pub(super) fn try_reads(&mut self, handle: usize) {
        let Some(net) = &mut self.net else { return };
        let mut scratch = std::mem::take(&mut net.scratch);
        self.read_while_possible(handle, &mut scratch);
        if let Some(net) = &mut self.net {
            net.scratch = scratch;
        }
        self.account_stream(handle);
    }

    /// Tells the heap how much a stream holds by now.
    fn account_stream(&mut self, handle: usize) {
        let Some(stream) = self.stream(handle) else { return };
        let held = stream.buffer.capacity() + stream.queued;
        let before = std::mem::replace(&mut stream.accounted, held);
        self.heap.account(before, held);
    }

    fn read_while_possible(&mut self, handle: usize, scratch: &mut Vec<u8>) {
        loop {
            let Some(stream) = self.stream(handle) else { return };
            drop_ended(&mut stream.reads, |read| read.task);
            let Some(task) = stream.reads.front().map(|read| read.task) else { return };
            let mut found = stream.take();
            if matches!(found, Found::More) {
                scratch.resize(SCRATCH, 0);
                found = match stream.receive(scratch) {
                    Ok(true) => {
                        self.note_progress(handle, true);
                        continue;
                    }
                    Ok(false) => return self.note_progress(handle, false),
                    Err(error) => Found::Failed(reason(&format!("Failed to read from '{}'", stream.peer()), &error)),
                };
            }
            if matches!(found, Found::Continue) {
                self.tell_to_continue(handle);
                continue;
            }
            // The task stays in the queue, and so alive, until its value is made.
            let tried = self.tried(handle, found);
            if let Some(stream) = self.stream(handle) {
                stream.reads.pop_front();
            }
            self.finish_operation(task, tried);
        }
    }

    /// A request that has begun has to go on, and to end in time.
    fn note_progress(&mut self, handle: usize, has_received: bool) {
        let now = self.now();
        let Some(stream) = self.stream(handle) else { return };
        let Some(read) = stream.reads.front_mut() else { return };
        if !matches!(read.wanted, Wanted::Request(_)) || stream.buffer.is_empty() {
            return;
        }
        if read.refuse_at.is_none() {
            read.refuse_at = Some(now.saturating_add(HEAD));
            let task = read.task;
            self.start_timer(task, HEAD as f64 / 1e6);
        } else if has_received && read.incoming.has_head() {
            read.refuse_at = Some(now.saturating_add(IDLE));
        }
    }

    fn tell_to_continue(&mut self, handle: usize) {
        let Some(stream) = self.stream(handle) else { return };
        stream.was_told_to_continue = true;
        let told = self.write_stream(handle, b"HTTP/1.1 100 Continue\r\n\r\n".to_vec());
        // If that fails, so will reading.
        if let Some(told) = told.as_task() {
            told.note_awaited();
        }
    }

    fn tried(&mut self, handle: usize, found: Found) -> Tried {
        match found {
            Found::Request(request) => {
                let Some(stream) = self.stream(handle) else { return Tried::Later };
                let buffer = std::mem::take(&mut stream.buffer);
                let dict = self.with_memory(|vm| request_dict(vm, &buffer, &request));
                if let Some(stream) = self.stream(handle) {
                    stream.buffer = buffer;
                    stream.take_bytes(request.body.end());
                }
                made(dict)
            }
            Found::Refused(refusal) => made(self.with_memory(|vm| refusal_dict(vm, refusal.status, refusal.error))),
            Found::Text(text) => made(self.with_memory(|vm| vm.string(&text))),
            Found::Bytes(bytes) => made(self.with_memory(|vm| byte_list(vm, &bytes))),
            Found::End => Tried::Done(Value::VOID),
            Found::Failed(message) => Tried::Failed(message),
            Found::More | Found::Continue => Tried::Later,
        }
    }

    pub(super) fn try_writes(&mut self, handle: usize) {
        self.write_while_possible(handle);
        self.account_stream(handle);
    }

    fn write_while_possible(&mut self, handle: usize) {
        loop {
            let Some(stream) = self.stream(handle) else { return };
            // Of what was cancelled a part may be on its way: the rest has to follow, or the other side could not make
            // sense of it.
            while stream.writes.front().is_some_and(|write| !write.task.is_pending() && write.sent == 0) {
                stream.take_write();
            }
            let sent = match stream.writes.is_empty() {
                true => break,
                false => stream.send(),
            };
            if matches!(sent, Ok(false)) {
                return;
            }
            let what = format!("Failed to write to '{}'", stream.peer());
            let Some(write) = stream.take_write() else { return };
            if write.task.is_pending() {
                let tried = match sent {
                    Ok(_) => Tried::Done(Value::int(write.payload.len() as i64)),
                    Err(error) => Tried::Failed(reason(&what, &error)),
                };
                self.finish_operation(write.task, tried);
            }
        }
        // All is sent.
        let Some(stream) = self.stream(handle) else { return };
        if std::mem::take(&mut stream.ends_writing) {
            // If the other side is gone already, there is nothing to end.
            let _ = stream.stream.shutdown(Shutdown::Write);
        }
        if let Some(timer) = stream.lingers {
            self.drop_stream(handle);
            self.finish_operation(timer, Tried::Done(Value::VOID));
        }
    }

    fn drop_stream(&mut self, handle: usize) -> Option<OpenStream> {
        let stream = self.net.as_mut()?.streams.remove(&handle)?;
        self.heap.account(stream.accounted, 0);
        Some(stream)
    }

    /// Ends reading, writing, or both; what was written before is still sent.
    pub(in crate::runtime) fn shut_down(&mut self, handle: usize, reading: bool, writing: bool) {
        let Some(stream) = self.stream(handle) else { return };
        if reading {
            stream.at_end = true;
            stream.buffer.clear();
            // If the other side is gone already, there is nothing to end.
            let _ = stream.stream.shutdown(Shutdown::Read);
        }
        stream.ends_writing |= writing;
        self.try_reads(handle);
        self.try_writes(handle);
    }

    /// Closes a stream: wakes who reads, and goes on sending for a while.
    pub(in crate::runtime) fn close_stream(&mut self, handle: usize) {
        let timer = self.operation(handle);
        let Some(stream) = self.stream(handle) else { return };
        stream.lingers = Some(timer);
        let reads = std::mem::take(&mut stream.reads);
        for read in reads.into_iter().filter(|read| read.task.is_pending()) {
            self.finish_operation(read.task, Tried::Failed("Connection closed".into()));
        }
        self.start_timer(timer, LINGER);
        self.try_writes(handle);
    }

    pub(super) fn time_out_stream(&mut self, handle: usize, task: Gc<Task>) {
        let Some(stream) = self.stream(handle) else { return };
        if stream.lingers == Some(task) {
            let dropped = self.drop_stream(handle);
            for write in dropped.into_iter().flat_map(|stream| stream.writes).filter(|write| write.task.is_pending()) {
                self.finish_operation(write.task, Tried::Failed("Connection closed".into()));
            }
            return self.finish_operation(task, Tried::Done(Value::VOID));
        }
        let read = stream.reads.iter().find(|read| read.task == task);
        let reads = read.is_some();
        if let Some(&Read { deadline, refuse_at: Some(refuse_at), .. }) = read {
            let (now, due) = (self.now(), deadline.map_or(refuse_at, |deadline| deadline.min(refuse_at)));
            if due > now {
                // It has made progress since the timer was started.
                return self.start_timer(task, (due - now) as f64 / 1e6);
            }
            if due == refuse_at {
                let refused = made(self.with_memory(|vm| refusal_dict(vm, 408, "the request took too long")));
                self.finish_operation(task, refused);
                return self.try_again(handle);
            }
        }
        let Some(stream) = self.stream(handle) else { return };
        let what = if reads { "read from" } else { "write to" };
        let message = format!("Failed to {what} '{}': timed out", stream.peer());
        self.finish_operation(task, Tried::Failed(message));
        // Who waits behind it is first now.
        self.try_again(handle);
    }
}
