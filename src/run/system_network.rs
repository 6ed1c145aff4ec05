//! The network of this machine. Readiness comes from the system by way of `mio`; names that are in no file here are
//! looked up on a thread, so that nobody waits for a name server.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use socket2::{Domain, Socket, Type};

use crate::runtime::network::{Listener, Network, News, Stream};

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
        Ok(Box::new(SystemStream { stream, is_drained: false, is_ended: false }))
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

    fn wait(&mut self, limit: Option<Duration>, news: &mut Vec<News>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, limit) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        news.extend(self.events.iter().filter(|event| event.token() != ANSWERS).map(news_of));
        for (key, answer) in self.answers.try_iter() {
            self.answered.insert(key, answer);
            news.push(News::of(key));
        }
        Ok(())
    }
}

fn news_of(event: &Event) -> News {
    let is_end = event.is_read_closed() || event.is_error();
    News { key: event.token().0, can_read: is_end || event.is_readable(), is_end }
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

struct SystemStream {
    stream: TcpStream,
    /// Nothing is left to be read until there is news: the last read gave less than was asked for. To ask the system
    /// as well would cost a call for each request of a connection that is kept.
    is_drained: bool,
    /// The end of the stream, or an error, stands behind what is left. No news will tell of it again.
    is_ended: bool,
}

/// Whether the system tells again of a socket of which less was read than was asked for. Where readiness is made of
/// completions, only a read that finds nothing has the next one told.
const TELLS_AFTER_SHORT_READS: bool = cfg!(unix);

impl Stream for SystemStream {
    fn hear(&mut self, news: News) {
        self.is_ended |= news.is_end;
        self.is_drained &= !news.can_read;
    }

    fn is_connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_drained {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.stream.read(buffer)?;
        self.is_drained = TELLS_AFTER_SHORT_READS && !self.is_ended && 0 < count && count < buffer.len();
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            (self.is_drained, self.is_ended) = (false, true);
        }
        self.stream.shutdown(how)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    fn set_nodelay(&mut self, nodelay: bool) -> io::Result<()> {
        self.stream.set_nodelay(nodelay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The news of a key, waited for.
    fn wait_for(network: &mut SystemNetwork, key: usize) -> News {
        for _ in 0..100 {
            let mut news = Vec::new();
            network.wait(Some(Duration::from_secs(5)), &mut news).expect("it waits");
            if let Some(news) = news.into_iter().find(|news| news.key == key && news.can_read) {
                return news;
            }
        }
        panic!("no news of {key}");
    }

    #[test]
    fn a_short_read_is_not_repeated_until_there_is_news() {
        let mut network = SystemNetwork::new().expect("a network");
        let mut listener = network.listen((Ipv4Addr::LOCALHOST, 0).into(), 1).expect("it listens");
        let mut client =
            std::net::TcpStream::connect(listener.local_addr().expect("its address")).expect("it connects");
        wait_for(&mut network, 1);
        let mut stream = listener.accept(2).expect("a connection");
        let mut buffer = [0; 8];
        let mut read = |stream: &mut Box<dyn Stream>| stream.read(&mut buffer).map_err(|error| error.kind());

        client.write_all(b"one").expect("it is sent");
        stream.hear(wait_for(&mut network, 2));
        assert_eq!(read(&mut stream), Ok(3));
        client.write_all(b"12345678two").expect("it is sent");
        let news = wait_for(&mut network, 2);
        if TELLS_AFTER_SHORT_READS {
            assert_eq!(read(&mut stream), Err(io::ErrorKind::WouldBlock), "nobody has told it");
        }
        stream.hear(news);
        // What fills the buffer may not be all.
        assert_eq!((read(&mut stream), read(&mut stream)), (Ok(8), Ok(3)));

        // The end may come together with the last bytes, and no news behind them.
        client.write_all(b"last").expect("it is sent");
        drop(client);
        loop {
            let news = wait_for(&mut network, 2);
            stream.hear(news);
            if news.is_end {
                break;
            }
        }
        assert_eq!((read(&mut stream), read(&mut stream)), (Ok(4), Ok(0)));
    }

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
