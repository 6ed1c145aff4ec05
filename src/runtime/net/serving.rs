//! `http.serve`: connections that are read, answered and closed without a task of their own. A task starts when a whole
//! request is there.
//!
//! A connection without a request is a slot in a table, with neither buffer nor task. An exchange, that is the task
//! which waits for a handler's, ends in the scheduler; what it has come to is sent when the network is looked at next,
//! so that nothing is allocated while tasks are woken.

use std::io;
use std::net::Shutdown;

use super::deadlines::{Deadline, NEVER};
use super::{Net, SCRATCH, receive, send};
use crate::runtime::builtins::http::exchange::{Asked, answer_of, plain_answer, request_dict};
use crate::runtime::error::{Error, Result};
use crate::runtime::http::Rejection;
use crate::runtime::http::date::http_date;
use crate::runtime::http::request::{Incoming, Request, Step};
use crate::runtime::network::{News, Stream};
use crate::runtime::object::{Gc, Task, TaskState, Work};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

const SECOND: u64 = 1_000_000_000;

/// How long a connection may do nothing, and a body stand still.
pub(super) const IDLE: u64 = 60 * SECOND;

/// How long a head may take from its first byte on.
pub(super) const HEAD: u64 = 30 * SECOND;

/// How long a response may make no progress.
const STUCK: u64 = 30 * SECOND;

/// How long the rest is read and dropped behind the last response.
const DRAIN: u64 = SECOND;

/// The most bytes that are received while a handler runs.
const MOST_AHEAD: usize = 64 << 10;

/// A listener that is served.
pub(super) struct Server {
    /// The task of `serve`; it keeps the handler alive.
    task: Gc<Task>,
    handler: Value,
    max_body: usize,
    /// Connections that may still be answered.
    open: usize,
    /// The listener was closed: no connection gets a further request.
    is_closing: bool,
}

impl Server {
    pub(super) fn task(&self) -> Gc<Task> {
        self.task
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The first byte of a request.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// A handler.
    Handling,
    /// That the response is taken.
    Answering,
    /// That the client has seen the last response.
    Draining,
}

/// A connection of a served listener.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    listener: usize,
    phase: Phase,
    buffer: Vec<u8>,
    at_end: bool,
    incoming: Option<Box<Incoming>>,
    out: Vec<u8>,
    sent: usize,
    /// The task that waits for the handler's.
    exchange: Option<Gc<Task>>,
    asked: Asked,
    /// The response is the last one.
    closes: bool,
    deadline: Deadline,
    /// Bytes that the heap was told of.
    accounted: usize,
}

impl Connection {
    fn new(stream: Box<dyn Stream>, listener: usize) -> Connection {
        Connection {
            stream,
            listener,
            phase: Phase::Idle,
            buffer: Vec::new(),
            at_end: false,
            incoming: None,
            out: Vec::new(),
            sent: 0,
            exchange: None,
            asked: Asked { is_head: false, is_http_1_0: false, keeps_alive: false },
            closes: false,
            deadline: Deadline::default(),
            accounted: 0,
        }
    }

    pub(super) fn stream(&mut self) -> &mut Box<dyn Stream> {
        &mut self.stream
    }

    pub(super) fn exchange(&self) -> Option<Gc<Task>> {
        self.exchange
    }

    /// Whether the network alone can bring it further.
    pub(super) fn waits_for_network(&self) -> bool {
        !matches!(self.phase, Phase::Handling | Phase::Draining)
    }

    /// Receives something, if it is there; how many bytes.
    fn receive(&mut self, scratch: &mut [u8]) -> io::Result<Option<usize>> {
        let received = receive(&mut *self.stream, scratch)?;
        self.at_end |= received == Some(0);
        Ok(received)
    }

    /// Sends what the system takes; whether that is all.
    fn send(&mut self) -> io::Result<bool> {
        let is_all = send(&mut *self.stream, &self.out, &mut self.sent)?;
        if is_all {
            (self.out, self.sent) = (Vec::new(), 0);
        }
        Ok(is_all)
    }
}

/// What becomes of a connection after it was looked at.
enum Fate {
    Kept,
    Dropped,
}

impl Vm {
    /// A task that serves a listener.
    pub(in crate::runtime) fn serve(&mut self, listener: usize, handler: Value, max_body: usize) -> Result<Value> {
        let net = self.net()?;
        if net.servers.contains_key(&listener) {
            return Err(Error::message(format!("http.serve: listener {listener} is served already")));
        }
        let task = Task::about(&mut self.heap, Work::Serve(listener), handler);
        let server = Server { task, handler, max_body, open: 0, is_closing: false };
        self.net()?.servers.insert(listener, server);
        self.try_accepts(listener);
        Ok(Value::from_task(task))
    }

    /// Takes over a connection that was accepted.
    pub(super) fn serve_connection(&mut self, mut stream: Box<dyn Stream>, listener: usize, key: usize) {
        let now = self.now();
        let Some(net) = &mut self.net else { return };
        let Some(server) = net.servers.get_mut(&listener) else { return };
        server.open += 1;
        // A response leaves in one piece; what is held back is only the next one.
        let _ = stream.set_nodelay(true);
        let mut connection = Connection::new(stream, listener);
        connection.deadline.time = now.saturating_add(IDLE);
        net.deadlines.arm(key, &mut connection.deadline);
        net.connections.insert(key, connection);
    }

    /// Goes on with a connection of which there is news.
    pub(super) fn try_connection(&mut self, key: usize) {
        let Some(net) = &mut self.net else { return };
        let Some(connection) = net.connections.remove(&key) else { return };
        let scratch = std::mem::take(&mut net.scratch);
        self.go_on_with(key, connection, scratch);
    }

    fn go_on_with(&mut self, key: usize, mut connection: Connection, mut scratch: Vec<u8>) {
        scratch.resize(SCRATCH, 0);
        let fate = self.advance_connection(key, &mut connection, &mut scratch);
        let Some(net) = &mut self.net else { return };
        net.scratch = scratch;
        match fate {
            Fate::Kept => {
                let held = connection.buffer.capacity() + connection.out.capacity();
                self.heap.account(std::mem::replace(&mut connection.accounted, held), held);
                net.deadlines.arm(key, &mut connection.deadline);
                net.connections.insert(key, connection);
            }
            Fate::Dropped => self.drop_connection(connection),
        }
    }

    fn drop_connection(&mut self, connection: Connection) {
        self.heap.account(connection.accounted, 0);
        if connection.phase != Phase::Draining {
            self.connection_is_over(connection.listener);
        }
    }

    /// A connection will not be answered any more.
    fn connection_is_over(&mut self, listener: usize) {
        let Some(server) = self.net.as_mut().and_then(|net| net.servers.get_mut(&listener)) else { return };
        server.open -= 1;
        self.end_server(listener);
    }

    /// Ends the task of a server that is closing and has no connection left.
    fn end_server(&mut self, listener: usize) {
        let Some(net) = &mut self.net else { return };
        if net.servers.get(&listener).is_some_and(|server| server.is_closing && server.open == 0)
            && let Some(server) = net.servers.remove(&listener)
        {
            self.end(server.task, TaskState::Ready, Value::VOID);
        }
    }

    /// Does what can be done on a connection without waiting.
    fn advance_connection(&mut self, key: usize, connection: &mut Connection, scratch: &mut [u8]) -> Fate {
        loop {
            match connection.phase {
                Phase::Idle | Phase::Head | Phase::Body => match self.read_on(key, connection, scratch) {
                    None => return Fate::Dropped,
                    Some(true) => {}
                    Some(false) => return Fate::Kept,
                },
                Phase::Handling => {
                    // To hear of a client that is gone; one that has only ended its side may still read.
                    if connection.at_end || connection.buffer.len() >= MOST_AHEAD {
                        return Fate::Kept;
                    }
                    match connection.receive(scratch) {
                        Ok(Some(count)) => connection.buffer.extend_from_slice(&scratch[..count]),
                        Ok(None) => return Fate::Kept,
                        Err(_) => return Fate::Dropped,
                    }
                }
                Phase::Answering => {
                    let before = connection.sent;
                    match connection.send() {
                        Ok(true) if connection.closes => {
                            if connection.stream.shutdown(Shutdown::Write).is_err() || connection.at_end {
                                return Fate::Dropped;
                            }
                            connection.phase = Phase::Draining;
                            connection.buffer = Vec::new();
                            connection.deadline.time = self.now().saturating_add(DRAIN);
                            self.connection_is_over(connection.listener);
                        }
                        Ok(true) => {
                            connection.phase = Phase::Idle;
                            connection.deadline.time = self.now().saturating_add(IDLE);
                        }
                        Ok(false) => {
                            if connection.sent > before {
                                connection.deadline.time = self.now().saturating_add(STUCK);
                            }
                            return Fate::Kept;
                        }
                        Err(_) => return Fate::Dropped,
                    }
                }
                Phase::Draining => match connection.receive(scratch) {
                    Ok(None) => return Fate::Kept,
                    Ok(Some(0)) | Err(_) => return Fate::Dropped,
                    Ok(Some(_)) if self.now() >= connection.deadline.time => return Fate::Dropped,
                    Ok(Some(_)) => {}
                },
            }
        }
    }

    /// Reads on in a request: whether the connection is in another phase, or none if it is over.
    fn read_on(&mut self, key: usize, connection: &mut Connection, scratch: &mut [u8]) -> Option<bool> {
        // An interim response may not have been taken yet.
        if connection.send().is_err() {
            return None;
        }
        if !connection.buffer.is_empty() {
            let max_body = self.server(connection.listener).map_or(0, |server| server.max_body);
            let incoming = connection.incoming.get_or_insert_default();
            match incoming.advance(&connection.buffer, max_body) {
                Ok(Step::Whole(request)) => {
                    connection.incoming = None;
                    self.handle(key, connection, &request);
                    return Some(true);
                }
                Ok(Step::Continue) => {
                    connection.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    return Some(true);
                }
                Ok(Step::More) => {
                    let has_head = incoming.has_head();
                    if connection.phase == Phase::Idle {
                        connection.phase = Phase::Head;
                        connection.deadline.time = self.now().saturating_add(HEAD);
                    }
                    if has_head && connection.phase == Phase::Head {
                        connection.phase = Phase::Body;
                        connection.deadline.time = self.now().saturating_add(IDLE);
                    }
                }
                Err(refusal) => {
                    self.refuse(connection, refusal);
                    return Some(true);
                }
            }
        }
        if connection.at_end {
            if connection.buffer.is_empty() {
                return None;
            }
            self.refuse(connection, Rejection::malformed("the request ended early"));
            return Some(true);
        }
        match connection.receive(scratch) {
            Ok(Some(count)) => {
                connection.buffer.extend_from_slice(&scratch[..count]);
                if connection.phase == Phase::Body {
                    connection.deadline.time = self.now().saturating_add(IDLE);
                }
                Some(true)
            }
            Ok(None) if connection.buffer.is_empty() => {
                connection.buffer = Vec::new();
                let is_closing = self.server(connection.listener).is_none_or(|server| server.is_closing);
                (!is_closing).then_some(false)
            }
            Ok(None) => Some(false),
            Err(_) => None,
        }
    }

    fn server(&self, listener: usize) -> Option<&Server> {
        self.net.as_ref()?.servers.get(&listener)
    }

    fn http_date(&mut self) -> String {
        http_date(self.io.host.timestamp())
    }

    /// Answers what is no request, and ends the connection.
    fn refuse(&mut self, connection: &mut Connection, refusal: Rejection) {
        connection.incoming = None;
        let asked = Asked { is_head: false, is_http_1_0: false, keeps_alive: false };
        let date = self.http_date();
        let answer = plain_answer(refusal.status, refusal.error, asked, &date);
        connection.out.extend_from_slice(&answer.bytes);
        connection.closes = true;
        connection.phase = Phase::Answering;
        connection.deadline.time = self.now().saturating_add(STUCK);
    }

    /// Starts the handler on a request.
    fn handle(&mut self, key: usize, connection: &mut Connection, request: &Request) {
        let buffer = std::mem::take(&mut connection.buffer);
        connection.asked = Asked {
            is_head: request.method(&buffer) == b"HEAD",
            is_http_1_0: request.version() == "HTTP/1.0",
            keeps_alive: request.keeps_alive,
        };
        let dict = self.with_memory(|vm| request_dict(vm, &buffer, request));
        connection.buffer = buffer;
        connection.buffer.drain(..request.body.end());
        connection.phase = Phase::Handling;
        connection.deadline.time = NEVER;
        let exchange = Task::new(&mut self.heap, Work::Exchange(key));
        connection.exchange = Some(exchange);
        let Some(handler) = self.server(connection.listener).map(|server| server.handler) else { return };
        let handling = match dict {
            Ok(dict) => self.start_later(handler, Work::Start([dict].into())),
            Err(error) => {
                let message = self.heap.str_value(&error.to_string());
                self.ended_task(TaskState::FailedWith, message)
            }
        };
        if let Some(handling) = handling.as_task() {
            self.wait_in_exchange(exchange, handling);
        }
    }

    /// Makes an exchange wait for a task, which may have ended.
    fn wait_in_exchange(&mut self, exchange: Gc<Task>, task: Gc<Task>) {
        exchange.waits_for.set(Some(task));
        task.note_awaited();
        match task.is_pending() {
            true => task.waiters().push(exchange),
            false => self.exchange_is_ready(exchange),
        }
    }

    /// The task that an exchange waits for has ended. What comes of it is seen to later.
    pub(in crate::runtime) fn exchange_is_ready(&mut self, exchange: Gc<Task>) {
        let Work::Exchange(key) = *exchange.work() else { return };
        if let Some(net) = &mut self.net {
            net.answered.push_back(key);
        }
    }

    /// Sends what handlers have given.
    pub(in crate::runtime) fn answer_exchanges(&mut self) {
        while let Some(key) = self.net.as_mut().and_then(|net| net.answered.pop_front()) {
            self.answer_exchange(key);
        }
    }

    fn answer_exchange(&mut self, key: usize) {
        let Some(connection) = self.net.as_mut().and_then(|net| net.connections.get(&key)) else { return };
        let (listener, mut asked) = (connection.listener, connection.asked);
        let Some(exchange) = connection.exchange else { return };
        let Some(task) = exchange.waits_for.get().filter(|task| !task.is_pending()) else { return };
        // A handler may give a task of its response.
        if let Some(next) = task.result().as_task().filter(|_| task.state() == TaskState::Ready) {
            return self.wait_in_exchange(exchange, next);
        }
        asked.keeps_alive &= self.server(listener).is_some_and(|server| !server.is_closing);
        let date = self.http_date();
        let result = match task.state() {
            TaskState::Ready => self.with_memory(|vm| answer_of(vm, task.result(), asked, &date)),
            _ => Err(self.error_of(task)),
        };
        let answer = result.unwrap_or_else(|error| {
            self.tell_of_failure(task, &error);
            plain_answer(500, "Internal Server Error", asked, &date)
        });
        exchange.waits_for.set(None);
        let now = self.now();
        let Some(net) = &mut self.net else { return };
        let Some(mut connection) = net.connections.remove(&key) else { return };
        connection.exchange = None;
        connection.out.extend_from_slice(&answer.bytes);
        connection.closes = answer.closes;
        connection.phase = Phase::Answering;
        connection.deadline.time = now.saturating_add(STUCK);
        let scratch = std::mem::take(&mut net.scratch);
        self.go_on_with(key, connection, scratch);
    }

    /// Reports a handler's error.
    fn tell_of_failure(&mut self, task: Gc<Task>, error: &Error) {
        let text = match error.kind() {
            crate::runtime::error::ErrorKind::Thrown(value) => {
                self.text(*value).unwrap_or_else(|_| "(a value too large to print)".into())
            }
            _ => error.to_string(),
        };
        let trace = task.trace().map(|trace| trace.render(&self.image)).unwrap_or_default();
        let newline = if trace.is_empty() || trace.ends_with('\n') { "" } else { "\n" };
        self.io.host.tell(&format!("http.serve: the handler failed: {text}\n{trace}{newline}"));
    }

    /// Looks at the connections whose deadline has come.
    pub(super) fn expire_connections(&mut self) {
        if self.net.as_ref().is_none_or(|net| net.deadlines.next().is_none()) {
            return;
        }
        let now = self.now();
        loop {
            let Some(Net { deadlines, connections, scratch, .. }) = self.net.as_deref_mut() else { return };
            let Some((key, entry)) = deadlines.pop(now) else { return };
            let Some(connection) = connections.get_mut(&key) else { continue };
            if !deadlines.is_over(key, &mut connection.deadline, entry, now) {
                continue;
            }
            let Some(mut connection) = connections.remove(&key) else { continue };
            match connection.phase {
                Phase::Head | Phase::Body => {
                    let scratch = std::mem::take(scratch);
                    self.refuse(&mut connection, Rejection::new(408, "the request took too long"));
                    self.go_on_with(key, connection, scratch);
                }
                _ => self.drop_connection(connection),
            }
        }
    }

    /// The listener was closed: idle connections end, and the others when they are answered.
    pub(super) fn close_server(&mut self, listener: usize) {
        let Some(net) = &mut self.net else { return };
        let Some(server) = net.servers.get_mut(&listener) else { return };
        server.is_closing = true;
        let is_idle = |connection: &Connection| connection.listener == listener && connection.phase == Phase::Idle;
        let idle: Vec<usize> =
            net.connections.iter().filter(|(_, connection)| is_idle(connection)).map(|(&key, _)| key).collect();
        for key in idle {
            // A request may have come that nobody has been told of: it is answered.
            if let Some(connection) = self.net.as_mut().and_then(|net| net.connections.get_mut(&key)) {
                connection.stream.hear(News::of(key));
            }
            self.try_connection(key);
        }
        self.end_server(listener);
    }

    /// Ends a server that was cancelled, with all its connections. The tasks that it waited for.
    pub(in crate::runtime) fn stop_serving(&mut self, listener: usize) -> Vec<Gc<Task>> {
        let Some(net) = &mut self.net else { return Vec::new() };
        net.servers.remove(&listener);
        let keys: Vec<usize> = net
            .connections
            .iter()
            .filter(|(_, connection)| connection.listener == listener && connection.phase != Phase::Draining)
            .map(|(&key, _)| key)
            .collect();
        let dropped: Vec<Connection> = keys.iter().filter_map(|key| net.connections.remove(key)).collect();
        for connection in &dropped {
            self.heap.account(connection.accounted, 0);
        }
        dropped.iter().filter_map(Connection::exchange).collect()
    }
}
