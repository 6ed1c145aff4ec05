//! The network as the runtime sees it: sockets that never block, and one call that waits for any of them.
//!
//! Every socket, and every name that is being looked up, has a key that its maker chose. [`Network::wait`] tells keys
//! of which there is something new: that it may be tried again, not what will come of it. A socket has to hear of its
//! news before it is tried: it may have said that nothing is left to be read, and would go on saying so.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Duration;

/// What [`Network::wait`] tells of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct News {
    pub key: usize,
    /// Something may be there to be read; if not, there is only room for what is to be written.
    pub can_read: bool,
    /// The other side has ended its stream, or the connection is broken. Nothing else will be told of that.
    pub is_end: bool,
}

impl News {
    /// Any news.
    pub fn of(key: usize) -> News {
        News { key, can_read: true, is_end: false }
    }
}

/// What opens sockets and waits for them.
pub trait Network {
    /// Listens on an address; port 0 takes a free one.
    fn listen(&mut self, address: SocketAddr, key: usize) -> io::Result<Box<dyn Listener>>;
    /// Begins to connect to an address.
    fn connect(&mut self, address: SocketAddr, key: usize) -> io::Result<Box<dyn Stream>>;
    /// The addresses of a host that are known without asking anybody.
    fn known_addresses(&self, host: &str) -> Option<Vec<IpAddr>>;
    /// Begins to look up a name; the key tells when the answer is there.
    fn look_up(&mut self, host: &str, key: usize);
    /// The answer about a name.
    fn answer(&mut self, key: usize) -> Option<io::Result<Vec<IpAddr>>>;
    /// Adds what is new, waiting for something no longer than the limit.
    fn wait(&mut self, limit: Option<Duration>, news: &mut Vec<News>) -> io::Result<()>;
}

/// A listening socket. Dropping it closes it.
pub trait Listener {
    /// The next connection, if one is there; it gets the key.
    fn accept(&mut self, key: usize) -> io::Result<Box<dyn Stream>>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A connection. What cannot be done at once is [`io::ErrorKind::WouldBlock`]. Dropping it closes it.
pub trait Stream {
    /// Hears of its news, see the module documentation.
    fn hear(&mut self, _news: News) {}
    /// Whether connecting is over; its error if it failed.
    fn is_connected(&mut self) -> io::Result<bool>;
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn shutdown(&mut self, how: Shutdown) -> io::Result<()>;
    fn peer_addr(&self) -> io::Result<SocketAddr>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn set_nodelay(&mut self, nodelay: bool) -> io::Result<()>;
}
