//! The network of this machine. Readiness comes from the system by way of `mio`; names that are in no file here are
//! looked up on a thread, so that nobody waits for a name server.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use socket2::{Domain, Socket, Type};

use crate::runtime::network::{Listener, Network, Stream};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// The key of answers about names.
const ANSWERS: Token = Token(usize::MAX);

type Answer = (usize, io::Result<Vec<IpAddr>>);

/// See the module documentation.
pub struct SystemNetwork {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    answers: Receiver<Answer>,
    answer_to: Sender<Answer>,
    answered: HashMap<usize, io::Result<Vec<IpAddr>>>,
}

impl SystemNetwork {
    pub fn new() -> io::Result<SystemNetwork> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), ANSWERS)?);
        let (answer_to, answers) = mpsc::channel();
        Ok(SystemNetwork {
            poll,
            events: Events::with_capacity(1024),
            waker,
            answers,
            answer_to,
            answered: HashMap::new(),
        })
    }

    fn stream(registry: &Registry, mut stream: TcpStream, key: usize) -> io::Result<Box<dyn Stream>> {
        registry.register(&mut stream, Token(key), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Box::new(SystemStream(stream)))
    }
}

impl Network for SystemNetwork {
    fn listen(&mut self, address: SocketAddr, key: usize) -> io::Result<Box<dyn Listener>> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if cfg!(unix) {
            // A server that is started again gets its port although connections of the last one linger.
            socket.set_reuse_address(true)?;
        }
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(socket.into());
        self.poll.registry().register(&mut listener, Token(key), Interest::READABLE)?;
        Ok(Box::new(SystemListener { listener, registry: self.poll.registry().try_clone()? }))
    }

    fn connect(&mut self, address: SocketAddr, key: usize) -> io::Result<Box<dyn Stream>> {
        Self::stream(self.poll.registry(), TcpStream::connect(address)?, key)
    }

    fn known_addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Some(vec![address]);
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let found: Vec<IpAddr> = hosts.lines().filter_map(|line| address_of(line, host)).collect();
        (!found.is_empty()).then_some(found)
    }

    fn look_up(&mut self, host: &str, key: usize) {
        let (host, answer_to, waker) = (host.to_owned(), self.answer_to.clone(), Arc::clone(&self.waker));
        let ask = move || {
            let found = (host.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect());
            // If the program has ended there is nobody to tell.
            let _ = answer_to.send((key, found));
            let _ = waker.wake();
        };
        if let Err(error) = std::thread::Builder::new().name("name lookup".into()).spawn(ask) {
            let _ = self.answer_to.send((key, Err(error)));
            let _ = self.waker.wake();
        }
    }

    fn answer(&mut self, key: usize) -> Option<io::Result<Vec<IpAddr>>> {
        self.answered.remove(&key)
    }

    fn wait(&mut self, limit: Option<Duration>, news: &mut Vec<usize>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, limit) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let keys = self.events.iter().map(|event| event.token()).filter(|token| *token != ANSWERS);
        news.extend(keys.map(|token| token.0));
        for (key, answer) in self.answers.try_iter() {
            self.answered.insert(key, answer);
            news.push(key);
        }
        Ok(())
    }
}

/// The address of a line of the file of hosts, if it is the host's.
fn address_of(line: &str, host: &str) -> Option<IpAddr> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let address = words.next()?.parse().ok()?;
    words.any(|name| name.eq_ignore_ascii_case(host)).then_some(address)
}

struct SystemListener {
    listener: TcpListener,
    registry: Registry,
}

impl Listener for SystemListener {
    fn accept(&mut self, key: usize) -> io::Result<Box<dyn Stream>> {
        let (stream, _) = self.listener.accept()?;
        SystemNetwork::stream(&self.registry, stream, key)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct SystemStream(TcpStream);

impl Stream for SystemStream {
    fn is_connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.0.take_error()? {
            return Err(error);
        }
        match self.0.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn set_nodelay(&mut self, nodelay: bool) -> io::Result<()> {
        self.0.set_nodelay(nodelay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_file_of_hosts() {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(address_of("10.0.0.1 one two # three", "TWO"), address("10.0.0.1"));
        assert_eq!(address_of("10.0.0.1 one two # three", "three"), None);
        assert_eq!(address_of("# 10.0.0.1 one", "one"), None);
        assert_eq!(address_of("::1 six", "six"), address("::1"));
        assert_eq!(address_of("", "one"), None);
    }
}
