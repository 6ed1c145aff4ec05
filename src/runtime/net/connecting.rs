//! Connecting: a name's addresses are tried one after the other.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::stream::OpenStream;
use super::{Net, Tried, authority, reason};
use crate::runtime::error::Result;
use crate::runtime::network::{Network, Stream};
use crate::runtime::object::{Gc, Task};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// A connection that is being made, under the handle that it will have.
pub(super) struct Connecting {
    task: Gc<Task>,
    host: String,
    port: u16,
    /// Addresses still to be tried; none while the name is looked up.
    addresses: Option<VecDeque<IpAddr>>,
    /// The attempt that is under way.
    stream: Option<Box<dyn Stream>>,
    problem: io::Error,
}

impl Connecting {
    pub(super) fn task(&self) -> Gc<Task> {
        self.task
    }

    pub(super) fn stream(&mut self) -> Option<&mut Box<dyn Stream>> {
        self.stream.as_mut()
    }
}

/// What became of a step towards a connection.
pub(super) enum Step {
    Connected(Box<dyn Stream>),
    Failed(io::Error),
    Later,
}

impl Vm {
    /// A task of a connection's handle.
    pub(in crate::runtime) fn connect(&mut self, host: &str, port: u16) -> Result<Value> {
        let key = self.net()?.new_handle();
        let task = self.operation(key);
        let net = self.net()?;
        let connecting = Connecting::new(net, task, host, port, key);
        net.connecting.insert(key, connecting);
        self.try_connecting(key);
        Ok(Value::from_task(task))
    }

    pub(super) fn try_connecting(&mut self, key: usize) {
        let Some(net) = &mut self.net else { return };
        let Some(mut connecting) = net.connecting.remove(&key) else { return };
        let task = connecting.task;
        if !task.is_pending() {
            return;
        }
        match connecting.advance(&mut *net.network, key) {
            Step::Later => {
                net.connecting.insert(key, connecting);
            }
            Step::Connected(stream) => {
                net.streams.insert(key, OpenStream::new(stream));
                self.finish_operation(task, Tried::Done(Value::int(key as i64)));
            }
            Step::Failed(error) => {
                let what = format!("Failed to connect to '{}'", authority(&connecting.host, connecting.port));
                self.finish_operation(task, Tried::Failed(reason(&what, &error)));
            }
        }
    }
}

impl Connecting {
    /// Begins to look for a host's addresses; news of them and of the connection go by the key.
    pub(super) fn new(net: &mut Net, task: Gc<Task>, host: &str, port: u16, key: usize) -> Connecting {
        let addresses = net.network.known_addresses(host).map(VecDeque::from);
        if addresses.is_none() {
            net.network.look_up(host, key);
        }
        let problem = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        Connecting { task, host: host.to_owned(), port, addresses, stream: None, problem }
    }

    pub(super) fn advance(&mut self, network: &mut dyn Network, key: usize) -> Step {
        if self.addresses.is_none() {
            match network.answer(key) {
                None => return Step::Later,
                Some(Ok(found)) => self.addresses = Some(found.into()),
                Some(Err(error)) => return Step::Failed(error),
            }
        }
        loop {
            if let Some(mut stream) = self.stream.take() {
                match stream.is_connected() {
                    Ok(true) => return Step::Connected(stream),
                    Ok(false) => {
                        self.stream = Some(stream);
                        return Step::Later;
                    }
                    Err(error) => self.problem = error,
                }
            }
            let Some(address) = self.addresses.as_mut().and_then(VecDeque::pop_front) else {
                let problem = std::mem::replace(&mut self.problem, io::ErrorKind::Other.into());
                return Step::Failed(problem);
            };
            match network.connect(SocketAddr::new(address, self.port), key) {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => self.problem = error,
            }
        }
    }
}
