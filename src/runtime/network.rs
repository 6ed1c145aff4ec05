//! The network as the runtime sees it: sockets that never block, and one call that waits for any of them.
//!
//! Every socket, and every name that is being looked up, has a key that its maker chose. [`Network::wait`] tells keys
//! of which there is something new: that it may be tried again, not what will come of it.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Duration;

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
    /// Adds the keys that have news, waiting for some no longer than the limit.
    fn wait(&mut self, limit: Option<Duration>, news: &mut Vec<usize>) -> io::Result<()>;
}

/// A listening socket. Dropping it closes it.
pub trait Listener {
    /// The next connection, if one is there; it gets the key.
    fn accept(&mut self, key: usize) -> io::Result<Box<dyn Stream>>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A connection. What cannot be done at once is [`io::ErrorKind::WouldBlock`]. Dropping it closes it.
pub trait Stream {
    /// Whether connecting is over; its error if it failed.
    fn is_connected(&mut self) -> io::Result<bool>;
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn shutdown(&mut self, how: Shutdown) -> io::Result<()>;
    fn peer_addr(&self) -> io::Result<SocketAddr>;
    fn local_addr(&self) -> io::Result<SocketAddr>;
    fn set_nodelay(&mut self, nodelay: bool) -> io::Result<()>;
}
