//! Serving and tasks beside node, if that is installed: requests a second and latency over kept connections, memory of
//! idle ones, and programs about tasks.
//!
//!     cargo bench --bench serving
//!
//! Server and load run on a processor each where `taskset` is there; figures are the best of three, by turns. All is
//! loopback.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// How long a load lasts.
const LOAD: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const CONNECTIONS: [usize; 3] = [1, 64, 1000];
/// Connections whose memory is measured.
const IDLE: usize = 5000;
const TASKS: [&str; 4] = ["await", "gather", "yields", "channel"];

fn main() {
    // What runs benches and tests alike asks for a list.
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let engines: Vec<Engine> = [Engine::Walrus, Engine::Node].into_iter().filter(|engine| engine.is_there()).collect();
    if engines.len() == 1 {
        println!("node is not installed: no ratios");
    }
    pin(std::process::id(), 1);
    println!("{:32} {:>12} {:>12} {:>8}", "", "walrus", "node", "ratio");
    for connections in CONNECTIONS {
        let mut best = vec![Load::default(); engines.len()];
        for _ in 0..ROUNDS {
            for (engine, best) in engines.iter().zip(&mut best) {
                let server = Server::start(*engine, scratch.path());
                let load = load(server.address, connections);
                if load.requests > best.requests {
                    *best = load;
                }
            }
        }
        let requests: Vec<f64> = best.iter().map(|load| load.requests).collect();
        line(&format!("requests/s, {connections} connections"), &requests, false);
        let latencies: Vec<f64> = best.iter().map(|load| load.slowest_percent.as_secs_f64() * 1e3).collect();
        line(&format!("99th percentile, ms, {connections}"), &latencies, true);
    }
    let idle: Vec<f64> = engines.iter().map(|engine| idle_memory(*engine, scratch.path())).collect();
    line("bytes an idle connection", &idle, true);
    for name in TASKS {
        let times = best_times(&engines, name, scratch.path());
        line(&format!("{name}, ms"), &times, true);
    }
    let [inside, outside] = ["inside", "outside"].map(|name| best_times(&engines[..1], name, scratch.path())[0]);
    line("hot loop in a task, outside, ms", &[inside, outside], true);
}

/// A row of the table; of what is better small, the ratio is turned round.
fn line(what: &str, figures: &[f64], small_is_good: bool) {
    let ratio = match *figures {
        [own, other] if small_is_good => format!("{:.2}", other / own),
        [own, other] => format!("{:.2}", own / other),
        _ => String::new(),
    };
    let other = figures.get(1).map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
    println!("{what:32} {:>12.2} {other:>12} {ratio:>8}", figures[0]);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Walrus,
    Node,
}

impl Engine {
    fn is_there(self) -> bool {
        self == Engine::Walrus || Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok()
    }

    /// The command that runs one of the programs.
    fn command(self, name: &str, scratch: &Path) -> Command {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/serving");
        match self {
            Engine::Walrus => {
                let wbc: PathBuf = scratch.join(name).with_extension("wbc");
                let mut compile = Command::new(env!("CARGO_BIN_EXE_walrusc"));
                compile.arg(programs.join(name).with_extension("walrus")).arg("-o").arg(&wbc).stderr(Stdio::null());
                assert!(compile.status().is_ok_and(|status| status.success()), "{name} compiles");
                let mut command = Command::new(env!("CARGO_BIN_EXE_walrus-run"));
                command.arg("--jit").arg(wbc);
                command
            }
            Engine::Node => {
                let mut command = Command::new("node");
                command.arg(programs.join(name).with_extension("mjs"));
                command
            }
        }
    }
}

/// Keeps a process to one processor, if that can be.
fn pin(process: u32, processor: u32) {
    let (processor, process) = (processor.to_string(), process.to_string());
    let mut command = Command::new("taskset");
    let _ = command.args(["-a", "-c", "-p", &processor, &process]).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(engine: Engine, scratch: &Path) -> Server {
        let mut process = engine.command("hello", scratch).stdout(Stdio::piped()).spawn().expect("the server starts");
        pin(process.id(), 0);
        let mut port = String::new();
        let out = process.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut port).expect("it prints its port");
        let port = port.trim().parse().expect("its port");
        Server { process, address: (Ipv4Addr::LOCALHOST, port).into() }
    }

    /// Bytes that are in memory.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().map_or(f64::NAN, |kilobytes| kilobytes * 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Clone, Copy, Default)]
struct Load {
    requests: f64,
    /// One request of a hundred took longer.
    slowest_percent: Duration,
}

struct Client {
    stream: TcpStream,
    sent: Instant,
    received: usize,
}

/// Connections that ask again as soon as they are answered.
fn load(address: SocketAddr, connections: usize) -> Load {
    let mut poll = Poll::new().expect("readiness");
    let length = length_of_answer(address);
    let mut clients: Vec<Client> = (0..connections)
        .map(|at| {
            // One after the other, so that no backlog overflows.
            let stream = std::net::TcpStream::connect(address).expect("it accepts");
            stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).expect("a socket");
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(at), Interest::READABLE).expect("a registration");
            Client { stream, sent: Instant::now(), received: 0 }
        })
        .collect();
    let mut latencies = Vec::new();
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 << 10]);
    let started = Instant::now();
    clients.iter_mut().for_each(Client::ask);
    while started.elapsed() < LOAD {
        poll.poll(&mut events, Some(Duration::from_millis(100))).expect("readiness");
        for event in &events {
            let client = &mut clients[event.token().0];
            loop {
                match client.stream.read(&mut buffer) {
                    Ok(0) => panic!("the server closed a connection"),
                    Ok(count) => client.received += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
            if client.received >= length {
                client.received -= length;
                latencies.push(client.sent.elapsed());
                client.ask();
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let slowest = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
    Load { requests: latencies.len() as f64 / seconds, slowest_percent: slowest }
}

impl Client {
    fn ask(&mut self) {
        self.sent = Instant::now();
        // So little always fits.
        self.stream.write_all(REQUEST).expect("a request is sent");
    }
}

/// Asks once; how long answers are.
fn length_of_answer(address: SocketAddr) -> usize {
    let mut stream = std::net::TcpStream::connect(address).expect("it accepts");
    stream.write_all(REQUEST).expect("a request is sent");
    answer_on(&mut stream)
}

fn answer_on(stream: &mut std::net::TcpStream) -> usize {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).expect("an answer");
        answer.extend_from_slice(&buffer[..count]);
        // Both send chunks or a length; the body tells its end.
        let text = String::from_utf8_lossy(&answer);
        let is_chunked = text.to_ascii_lowercase().contains("chunked");
        if count == 0 || text.ends_with(if is_chunked { "0\r\n\r\n" } else { "hello, world\n" }) {
            return answer.len();
        }
    }
}

/// Bytes that the server takes for a connection that has asked once and is kept.
fn idle_memory(engine: Engine, scratch: &Path) -> f64 {
    let server = Server::start(engine, scratch);
    let connect = |count: usize| -> Vec<std::net::TcpStream> {
        (0..count)
            .map(|_| {
                let mut stream = std::net::TcpStream::connect(server.address).expect("it accepts");
                stream.write_all(REQUEST).expect("a request is sent");
                answer_on(&mut stream);
                stream
            })
            .collect()
    };
    // What is taken once and kept is no connection's.
    drop(connect(IDLE / 10));
    std::thread::sleep(Duration::from_millis(500));
    let before = server.memory();
    let kept = connect(IDLE);
    std::thread::sleep(Duration::from_millis(500));
    let bytes = (server.memory() - before) / kept.len() as f64;
    drop(kept);
    bytes
}

/// Milliseconds that each engine takes for a program, start included.
fn best_times(engines: &[Engine], name: &str, scratch: &Path) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; engines.len()];
    for _ in 0..ROUNDS {
        for (engine, best) in engines.iter().zip(&mut best) {
            let mut command = engine.command(name, scratch);
            let started = Instant::now();
            let status = command.stdout(Stdio::null()).status().expect("it starts");
            assert!(status.success(), "{name} runs");
            *best = best.min(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    best
}
