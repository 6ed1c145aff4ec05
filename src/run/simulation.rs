//! A clock and a network that are not there: time passes only while everything waits, and the only machine on the
//! network is the program's own. So tests about time and connections are exact and take none.
//!
//! With a seed, the network is as unkind as a real one may be: what is sent comes in pieces and after a while, and
//! sockets take or give less than they could. The same seed does the same each time.
//!
//! Invariants: what one end sends arrives in order; whoever was told [`io::ErrorKind::WouldBlock`] gets news when
//! trying again is worth it.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::runtime::network::{Listener, Network, News, Stream};

/// The simulated moment at which programs start: the beginning of 2026, in milliseconds since 1970.
const START: i64 = 1_767_225_600_000;

/// Bytes that are under way or not read yet, at most, in each direction of a connection.
const WINDOW: usize = 64 << 10;

/// Connections that wait to be accepted.
const BACKLOG: usize = 1024;

/// The longest that anything is under way, in nanoseconds.
const LONGEST_WAY: u64 = 2_000_000;

/// The first port that is given to who asks for any.
const FIRST_FREE_PORT: u16 = 40_000;

/// A simulated clock with a network. Clones share both.
#[derive(Clone)]
pub struct Simulation(Rc<World>);

struct World {
    /// Nanoseconds since the program started.
    now: Cell<u64>,
    /// The state of the generator of random numbers; 0 makes everything happen at once and whole.
    random: Cell<u64>,
    sockets: RefCell<Sockets>,
}

#[derive(Default)]
struct Sockets {
    /// By port and family, IPv6 or not.
    listeners: HashMap<(u16, bool), Waiting>,
    /// What is under way: the moment at which it happens, and how many were before.
    events: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Event>,
    /// How many events there were.
    events_made: u64,
    news: Vec<usize>,
    answers: HashMap<usize, io::Result<Vec<IpAddr>>>,
    ports_given: u16,
}

/// Connections that a listener has not accepted.
struct Waiting {
    key: usize,
    streams: VecDeque<End>,
}

enum Event {
    /// Bytes come to their end of the connection.
    Arrive(Direction, Vec<u8>),
    /// The sender has sent its last.
    Ends(Direction),
    /// The connection is made: the other end waits to be accepted.
    Connected(End, (u16, bool)),
    /// Whoever has this key may try again.
    TryAgain(usize),
    Answer(usize, io::Result<Vec<IpAddr>>),
}

/// One direction of a connection.
type Direction = Rc<RefCell<Pipe>>;

#[derive(Default)]
struct Pipe {
    arrived: VecDeque<u8>,
    /// Bytes that are under way.
    flying: usize,
    /// When the last of them comes.
    last: u64,
    is_ended: bool,
    /// The reader is gone with bytes unread, or whoever sent them has given up.
    is_reset: bool,
    has_reader: bool,
    /// The reader takes nothing any more, and drops what comes.
    is_deaf: bool,
    /// Its two ends, by the keys that news of them go by.
    reader: Option<usize>,
    writer: Option<usize>,
    /// The writer was told to try again later.
    is_full: bool,
}

/// One end of a connection.
struct End {
    world: Rc<World>,
    incoming: Direction,
    outgoing: Direction,
    /// The other end knows of it from then on.
    is_connected: Rc<Cell<bool>>,
    is_refused: Rc<Cell<bool>>,
    has_ended: bool,
    local: SocketAddr,
    peer: SocketAddr,
}

impl Simulation {
    /// A simulation whose network varies by the seed, or not at all if that is 0.
    pub fn new(seed: u64) -> Simulation {
        let random = if seed == 0 { 0 } else { seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 };
        Simulation(Rc::new(World { now: Cell::new(0), random: Cell::new(random), sockets: RefCell::default() }))
    }

    /// Seconds since the program started. Looking takes a microsecond, so who waits for a moment by looking comes to
    /// it.
    pub fn clock(&self) -> f64 {
        self.0.now.set(self.0.now.get() + 1000);
        self.0.now.get() as f64 / 1e9
    }

    /// Nanoseconds since the program started, by which timers go.
    pub fn nanoseconds(&self) -> u64 {
        self.0.now.get()
    }

    /// Milliseconds since 1970.
    pub fn timestamp(&self) -> i64 {
        START + (self.clock() * 1e3) as i64
    }

    /// Lets so many seconds pass.
    pub fn pause(&self, seconds: f64) {
        let passed = (seconds * 1e9).round().max(0.0) as u64;
        self.0.now.set(self.0.now.get().saturating_add(passed));
    }

    /// The simulated network.
    pub fn network(&self) -> Box<dyn Network> {
        Box::new(self.clone())
    }
}

impl World {
    /// A number below `most` and at least 0; 0 if nothing varies.
    fn below(&self, most: u64) -> u64 {
        let mut state = self.random.get();
        if state == 0 || most == 0 {
            return 0;
        }
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.random.set(state);
        (state >> 11) % most
    }

    /// Whether something happens that does once in so many times.
    fn happens(&self, once_in: u64) -> bool {
        self.random.get() != 0 && self.below(once_in) == 0
    }

    /// Of so many bytes, how many are moved at a time.
    fn some_of(&self, count: usize) -> usize {
        count - self.below(count as u64) as usize
    }

    /// The moment at which something comes that leaves now.
    fn arrival(&self) -> u64 {
        self.now.get() + self.below(LONGEST_WAY)
    }

    fn at(&self, moment: u64, event: Event) {
        let sockets = &mut *self.sockets.borrow_mut();
        sockets.events_made += 1;
        sockets.events.push(Reverse((moment, sockets.events_made)));
        sockets.happenings.insert(sockets.events_made, event);
    }

    fn tell(&self, key: Option<usize>) {
        self.sockets.borrow_mut().news.extend(key);
    }

    /// Lets happen what is due.
    fn catch_up(&self) {
        loop {
            let event = {
                let sockets = &mut *self.sockets.borrow_mut();
                match sockets.events.peek() {
                    Some(Reverse((moment, _))) if *moment <= self.now.get() => {}
                    _ => return,
                }
                let number = sockets.events.pop().map(|Reverse((_, number))| number);
                number.and_then(|number| sockets.happenings.remove(&number))
            };
            match event {
                Some(event) => self.happen(event),
                None => return,
            }
        }
    }

    fn happen(&self, event: Event) {
        match event {
            Event::Arrive(direction, bytes) => {
                let mut pipe = direction.borrow_mut();
                pipe.flying -= bytes.len();
                if pipe.has_reader && !pipe.is_deaf {
                    pipe.arrived.extend(bytes);
                }
                self.tell(pipe.reader);
            }
            Event::Ends(direction) => {
                let mut pipe = direction.borrow_mut();
                pipe.is_ended = true;
                self.tell(pipe.reader);
            }
            Event::Connected(end, address) => {
                let client = end.incoming.borrow().writer;
                let sockets = &mut *self.sockets.borrow_mut();
                match sockets.listeners.get_mut(&address) {
                    Some(listener) if listener.streams.len() < BACKLOG => {
                        end.is_connected.set(true);
                        listener.streams.push_back(end);
                        let key = listener.key;
                        sockets.news.push(key);
                    }
                    _ => end.is_refused.set(true),
                }
                sockets.news.extend(client);
            }
            Event::TryAgain(key) => self.tell(Some(key)),
            Event::Answer(key, answer) => {
                let sockets = &mut *self.sockets.borrow_mut();
                sockets.answers.insert(key, answer);
                sockets.news.push(key);
            }
        }
    }
}

impl Network for Simulation {
    fn listen(&mut self, address: SocketAddr, key: usize) -> io::Result<Box<dyn Listener>> {
        if !address.ip().is_loopback() && !address.ip().is_unspecified() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let sockets = &mut *self.0.sockets.borrow_mut();
        let mut place = (address.port(), address.is_ipv6());
        while place.0 == 0 || (address.port() == 0 && sockets.listeners.contains_key(&place)) {
            place.0 = FIRST_FREE_PORT + sockets.ports_given;
            sockets.ports_given += 1;
        }
        if sockets.listeners.contains_key(&place) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        sockets.listeners.insert(place, Waiting { key, streams: VecDeque::new() });
        let address = SocketAddr::new(address.ip(), place.0);
        Ok(Box::new(SimulatedListener { world: Rc::clone(&self.0), address }))
    }

    fn connect(&mut self, address: SocketAddr, key: usize) -> io::Result<Box<dyn Stream>> {
        if !address.ip().is_loopback() {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        let place = (address.port(), address.is_ipv6());
        let port = {
            let sockets = &mut *self.0.sockets.borrow_mut();
            if !sockets.listeners.contains_key(&place) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            sockets.ports_given += 1;
            FIRST_FREE_PORT + sockets.ports_given - 1
        };
        let pipe = |reader, writer| Rc::new(RefCell::new(Pipe { has_reader: true, reader, writer, ..Pipe::default() }));
        let (there, back) = (pipe(None, Some(key)), pipe(Some(key), None));
        let own = SocketAddr::new(address.ip(), port);
        let client = End {
            world: Rc::clone(&self.0),
            incoming: Rc::clone(&back),
            outgoing: Rc::clone(&there),
            is_connected: Rc::default(),
            is_refused: Rc::default(),
            has_ended: false,
            local: own,
            peer: address,
        };
        let server = End {
            world: Rc::clone(&self.0),
            incoming: there,
            outgoing: back,
            is_connected: Rc::clone(&client.is_connected),
            is_refused: Rc::clone(&client.is_refused),
            has_ended: false,
            local: address,
            peer: own,
        };
        self.0.at(self.0.arrival(), Event::Connected(server, place));
        Ok(Box::new(client))
    }

    fn known_addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Some(vec![address]);
        }
        let is_local = host.eq_ignore_ascii_case("localhost");
        is_local.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
    }

    /// Names in `.test` are the program's own machine; there are no others.
    fn look_up(&mut self, host: &str, key: usize) {
        let answer = match host.ends_with(".test") {
            true => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            false => Err(io::Error::new(io::ErrorKind::NotFound, "the name is not known")),
        };
        self.0.at(self.0.arrival(), Event::Answer(key, answer));
    }

    fn answer(&mut self, key: usize) -> Option<io::Result<Vec<IpAddr>>> {
        self.0.sockets.borrow_mut().answers.remove(&key)
    }

    fn wait(&mut self, limit: Option<Duration>, news: &mut Vec<News>) -> io::Result<()> {
        let world = &*self.0;
        let end = limit.map(|limit| world.now.get().saturating_add(limit.as_nanos() as u64));
        loop {
            world.catch_up();
            let next = {
                let sockets = &mut *world.sockets.borrow_mut();
                news.extend(sockets.news.drain(..).map(News::of));
                sockets.events.peek().map(|Reverse((moment, _))| *moment)
            };
            if !news.is_empty() || end.is_some_and(|end| end <= world.now.get()) {
                return Ok(());
            }
            match next.into_iter().chain(end).min() {
                Some(moment) => world.now.set(moment),
                None => return Err(io::Error::other("nothing can happen any more in the simulated network")),
            }
        }
    }
}

struct SimulatedListener {
    world: Rc<World>,
    address: SocketAddr,
}

impl Listener for SimulatedListener {
    fn accept(&mut self, key: usize) -> io::Result<Box<dyn Stream>> {
        let place = (self.address.port(), self.address.is_ipv6());
        let end = {
            let sockets = &mut *self.world.sockets.borrow_mut();
            let waiting = sockets.listeners.get_mut(&place).and_then(|listener| listener.streams.pop_front());
            waiting.ok_or(io::ErrorKind::WouldBlock)?
        };
        end.incoming.borrow_mut().reader = Some(key);
        end.outgoing.borrow_mut().writer = Some(key);
        // Something may have arrived.
        self.world.tell(Some(key));
        Ok(Box::new(end))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        let place = (self.address.port(), self.address.is_ipv6());
        // Ends of connections tell the other ones so when they are dropped, which the table must not be borrowed for.
        let listener = self.world.sockets.borrow_mut().listeners.remove(&place);
        drop(listener);
    }
}

impl End {
    /// Nothing more is sent.
    fn end_writing(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let last = self.outgoing.borrow().last.max(self.world.now.get());
            self.world.at(last, Event::Ends(Rc::clone(&self.outgoing)));
        }
    }

    /// Has whoever asked too early try again.
    fn later(&self, key: Option<usize>) -> io::Error {
        if let Some(key) = key {
            self.world.at(self.world.arrival(), Event::TryAgain(key));
        }
        io::ErrorKind::WouldBlock.into()
    }
}

impl Stream for End {
    fn is_connected(&mut self) -> io::Result<bool> {
        if self.is_refused.get() { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(self.is_connected.get()) }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.incoming.borrow_mut();
        if pipe.is_reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if pipe.is_deaf {
            return Ok(0);
        }
        if pipe.arrived.is_empty() {
            return if pipe.is_ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        if self.world.happens(8) {
            return Err(self.later(pipe.reader));
        }
        let count = self.world.some_of(buffer.len().min(pipe.arrived.len()));
        for (place, byte) in buffer.iter_mut().zip(pipe.arrived.drain(..count)) {
            *place = byte;
        }
        if std::mem::take(&mut pipe.is_full) {
            self.world.tell(pipe.writer);
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.outgoing.borrow_mut();
        if self.incoming.borrow().is_reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.has_ended || !pipe.has_reader {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = WINDOW.saturating_sub(pipe.flying + pipe.arrived.len());
        if room == 0 {
            pipe.is_full = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.world.happens(8) {
            return Err(self.later(pipe.writer));
        }
        let count = self.world.some_of(bytes.len().min(room));
        pipe.flying += count;
        pipe.last = pipe.last.max(self.world.arrival());
        self.world.at(pipe.last, Event::Arrive(Rc::clone(&self.outgoing), bytes[..count].to_vec()));
        Ok(count)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            self.end_writing();
        }
        if how != Shutdown::Write {
            let mut pipe = self.incoming.borrow_mut();
            pipe.is_deaf = true;
            pipe.arrived.clear();
        }
        Ok(())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    fn set_nodelay(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let lost = {
            let mut pipe = self.incoming.borrow_mut();
            pipe.has_reader = false;
            pipe.reader = None;
            self.world.tell(pipe.writer);
            pipe.flying > 0 || !pipe.arrived.is_empty()
        };
        self.outgoing.borrow_mut().writer = None;
        if lost {
            // As of a system that is sent what nobody will read.
            let mut pipe = self.outgoing.borrow_mut();
            pipe.is_reset = true;
            self.world.tell(pipe.reader);
        } else {
            self.end_writing();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Waits until one of the ways to go on does.
    fn when<T>(network: &mut Simulation, mut attempt: impl FnMut(&mut Simulation) -> io::Result<T>) -> T {
        for _ in 0..10_000 {
            match attempt(network) {
                Ok(value) => return value,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            let mut news = Vec::new();
            network.wait(None, &mut news).expect("something happens");
            assert!(!news.is_empty(), "without a limit only news end a wait");
        }
        panic!("it never becomes possible");
    }

    fn pair(network: &mut Simulation) -> (Box<dyn Listener>, Box<dyn Stream>, Box<dyn Stream>) {
        let mut listener = network.listen(HERE, 1).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let mut client = network.connect(address, 2).expect("somebody listens");
        let server = when(network, |_| listener.accept(3));
        assert!(client.is_connected().is_ok_and(|is| is));
        (listener, client, server)
    }

    #[test]
    fn time_passes_only_while_somebody_waits() {
        let world = Simulation::new(0);
        let before = world.clock();
        assert_eq!(world.nanoseconds(), world.nanoseconds());
        assert!(world.clock() - before < 1e-5);
        world.pause(3600.0);
        assert!((world.clock() - before - 3600.0).abs() < 1e-5);
        assert_eq!(world.timestamp(), START + 3_600_000);
        let mut news = Vec::new();
        world.clone().wait(Some(Duration::from_secs(5)), &mut news).expect("there is a limit");
        assert!((world.clock() - before - 3605.0).abs() < 1e-5 && news.is_empty());
        assert!(world.clone().wait(None, &mut news).is_err(), "it would never end");
    }

    #[test]
    fn what_is_sent_arrives_in_order_whatever_the_seed() {
        for seed in 0..30 {
            let network = &mut Simulation::new(seed);
            let (_listener, mut client, mut server) = pair(network);
            let sent: Vec<u8> = (0..200_000u32).map(|index| (index % 251) as u8).collect();
            let (mut offset, mut received, mut buffer) = (0, Vec::new(), [0; 5000]);
            while received.len() < sent.len() {
                when(network, |_| {
                    let mut moved = false;
                    if offset < sent.len() {
                        match client.write(&sent[offset..]) {
                            Ok(count) => (offset, moved) = (offset + count, true),
                            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                        }
                    }
                    match server.read(&mut buffer) {
                        Ok(count) => received.extend_from_slice(&buffer[..count]),
                        Err(error) if !moved => return Err(error),
                        Err(_) => {}
                    }
                    Ok(())
                });
            }
            assert!(received == sent, "seed {seed}");
            client.shutdown(Shutdown::Write).expect("it is open");
            assert_eq!(when(network, |_| server.read(&mut buffer)), 0);
            // The other direction goes on.
            assert_eq!(when(network, |_| server.write(b"x")), 1);
            assert_eq!(when(network, |_| client.read(&mut buffer)), 1);
        }
    }

    #[test]
    fn an_end_that_goes_with_bytes_unread_resets_the_other() {
        let network = &mut Simulation::new(0);
        let (_listener, mut client, server) = pair(network);
        assert_eq!(client.write(b"nobody reads this").ok(), Some(17));
        drop(server);
        let kind = |result: io::Result<usize>| result.map_err(|error| error.kind());
        assert_eq!(kind(client.read(&mut [0; 9])), Err(io::ErrorKind::ConnectionReset));
        assert_eq!(kind(client.write(b"x")), Err(io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn nobody_listens_twice_or_after_closing() {
        let network = &mut Simulation::new(0);
        let listener = network.listen(HERE, 1).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
        assert_eq!(kind(network.listen(address, 2).map(drop)), Err(io::ErrorKind::AddrInUse));
        let mut client = network.connect(address, 3).expect("somebody listens");
        drop(listener);
        assert_eq!(kind(network.connect(address, 4).map(drop)), Err(io::ErrorKind::ConnectionRefused));
        network.wait(Some(Duration::from_secs(1)), &mut Vec::new()).expect("there is a limit");
        assert!(client.is_connected().is_err(), "the listener was gone before the connection was made");
    }
}
