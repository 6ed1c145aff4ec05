//! Listeners: binding and accepting.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use super::stream::OpenStream;
use super::{Tried, authority, drop_ended, reason};
use crate::runtime::error::{Error, Result};
use crate::runtime::network::Listener;
use crate::runtime::object::{Gc, Task};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// How long accepting pauses when no file handle is free, in milliseconds.
const PAUSE: f64 = 100.0;

/// A listener with who waits for its connections.
pub(super) struct OpenListener {
    listener: Box<dyn Listener>,
    accepts: VecDeque<Gc<Task>>,
    /// The timer of a pause.
    pause: Option<Gc<Task>>,
}

impl OpenListener {
    pub(super) fn tasks(&self) -> impl Iterator<Item = Gc<Task>> {
        self.accepts.iter().copied()
    }
}

/// Whether the system has no file handle left, for the process or as a whole.
fn is_out_of_handles(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

impl Vm {
    /// Listens on the first address of the host on which that is possible; the handle.
    pub(in crate::runtime) fn bind(&mut self, host: &str, port: u16) -> Result<usize> {
        let net = self.net()?;
        let key = net.new_handle();
        let addresses = net.network.known_addresses(host);
        let failed = |error: &io::Error| {
            Error::message(reason(&format!("Failed to bind to '{}'", authority(host, port)), error))
        };
        let Some(addresses) = addresses else {
            return Err(failed(&io::Error::new(io::ErrorKind::AddrNotAvailable, "not an address of this machine")));
        };
        let mut problem = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match net.network.listen(SocketAddr::new(address, port), key) {
                Ok(listener) => {
                    net.listeners.insert(key, OpenListener { listener, accepts: VecDeque::new(), pause: None });
                    return Ok(key);
                }
                Err(error) => problem = error,
            }
        }
        Err(failed(&problem))
    }

    pub(in crate::runtime) fn is_listener(&self, handle: usize) -> bool {
        self.net.as_ref().is_some_and(|net| net.listeners.contains_key(&handle))
    }

    /// The port that a listener listens on.
    pub(in crate::runtime) fn local_port(&self, handle: usize) -> Option<u16> {
        self.net.as_ref()?.listeners.get(&handle)?.listener.local_addr().ok().map(|address| address.port())
    }

    /// A task of the next connection's handle.
    pub(in crate::runtime) fn accept(&mut self, handle: usize) -> Value {
        let task = self.operation(handle);
        if let Some(listener) = self.net.as_mut().and_then(|net| net.listeners.get_mut(&handle)) {
            listener.accepts.push_back(task);
        }
        self.try_accepts(handle);
        Value::from_task(task)
    }

    pub(super) fn try_accepts(&mut self, handle: usize) {
        loop {
            let Some(net) = &mut self.net else { return };
            let key = net.last_handle + 1;
            let Some(listener) = net.listeners.get_mut(&handle) else { return };
            drop_ended(&mut listener.accepts, |task| *task);
            let is_paused = listener.pause.is_some_and(|pause| pause.is_pending());
            // Who has asked for a connection comes before who serves them all.
            let task = listener.accepts.front().copied();
            let is_served = net.servers.get(&handle).is_some_and(|server| !server.is_closing());
            if is_paused || (task.is_none() && !is_served) {
                return;
            }
            match listener.listener.accept(key) {
                Ok(stream) => {
                    net.last_handle = key;
                    let Some(task) = task else {
                        self.serve_connection(stream, handle, key);
                        continue;
                    };
                    listener.accepts.pop_front();
                    net.streams.insert(key, OpenStream::new(stream));
                    self.finish_operation(task, Tried::Done(Value::int(key as i64)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if is_out_of_handles(&error) => return self.pause_accepting(handle),
                // A connection that was given up before it was accepted.
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {
                }
                Err(error) => {
                    let Some(task) = task else { return self.pause_accepting(handle) };
                    listener.accepts.pop_front();
                    self.finish_operation(task, Tried::Failed(reason("Failed to accept", &error)));
                }
            }
        }
    }

    fn pause_accepting(&mut self, handle: usize) {
        let timer = self.operation(handle);
        self.start_timer(timer, PAUSE);
        let Some(net) = &mut self.net else { return };
        if let Some(listener) = net.listeners.get_mut(&handle) {
            listener.pause = Some(timer);
        }
        if !std::mem::replace(&mut net.told_of_limit, true) {
            self.io.host.tell("No file handle is free: accepting connections pauses\n");
        }
    }

    /// Closes a listener, and wakes who waits for its connections.
    pub(in crate::runtime) fn close_listener(&mut self, handle: usize) {
        // Connections that a server could have seen are not lost.
        self.try_accepts(handle);
        let Some(listener) = self.net.as_mut().and_then(|net| net.listeners.remove(&handle)) else { return };
        for task in listener.accepts.into_iter().filter(|task| task.is_pending()) {
            self.finish_operation(task, Tried::Failed("Connection closed".into()));
        }
        self.close_server(handle);
    }
}
