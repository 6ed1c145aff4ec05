//! Serving and tasks beside node, if that is installed: requests a second and latency over kept connections, memory of
//! idle ones and of tasks that sleep, and programs about tasks.
//!
//!     cargo bench --bench serving
//!     cargo bench --bench serving -- idle gather      # rows whose names contain a word
//!     WALRUS_BEFORE=…/walrus-run cargo bench --bench serving -- without     # beside another build
//!     WALRUS_BIN_DIR=…/release cargo bench --bench serving     # with programs that are built already
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
/// Tasks whose memory is measured; `sleeping` makes as many.
const SLEEPING: usize = 100_000;
/// How often a program without tasks runs in each round, of which the best counts.
const STARTS: usize = 40;

fn main() {
    // What runs benches and tests alike asks for a list.
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let is_wanted = |row: &str| words.is_empty() || words.iter().any(|word| row.contains(word));
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let engines: Vec<Engine> = [Engine::Walrus, Engine::Node].into_iter().filter(|engine| engine.is_there()).collect();
    if engines.len() == 1 {
        println!("node is not installed: no ratios");
    }
    pin(std::process::id(), 1);
    println!("{:36} {:>12} {:>12} {:>8}", "", "walrus", "node", "ratio");
    for connections in CONNECTIONS {
        let row = format!("requests/s, {connections} connections");
        if !is_wanted(&row) {
            continue;
        }
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
        line(&row, &requests, false);
        let latencies: Vec<f64> = best.iter().map(|load| load.slowest_percent.as_secs_f64() * 1e3).collect();
        line(&format!("99th percentile, ms, {connections}"), &latencies, true);
    }
    let each = |row: &str, figure: &dyn Fn(Engine) -> f64| {
        if is_wanted(row) {
            let figures: Vec<f64> = engines.iter().map(|engine| figure(*engine)).collect();
            line(row, &figures, true);
        }
    };
    each("bytes an idle connection", &|engine| idle_memory(engine, scratch.path()));
    each("bytes a sleeping task", &|engine| sleeping_memory(engine, scratch.path()));
    each("gather, MB at most", &|engine| most_memory(engine, "gather", scratch.path()) / 1e6);
    for name in TASKS {
        let row = format!("{name}, ms");
        if is_wanted(&row) {
            line(&row, &best_times(&engines, name, scratch.path()), true);
        }
    }
    if is_wanted("hot loop in a task, outside, ms") {
        let commands: Vec<Command> =
            ["inside", "outside"].map(|name| Engine::Walrus.command(name, scratch.path())).into();
        line("hot loop in a task, outside, ms", &best_of(commands, ROUNDS), true);
    }
    if let Some(before) = std::env::var_os("WALRUS_BEFORE") {
        for (what, name, rounds) in [("start", "empty", STARTS), ("loop", "outside", ROUNDS)] {
            let row = format!("without tasks: {what}, now, before, ms");
            if is_wanted(&row) {
                let now = Engine::Walrus.command(name, scratch.path());
                let mut then = Command::new(&before);
                then.args(now.get_args());
                line(&row, &best_of(vec![now, then], rounds), true);
            }
        }
    }
}

/// A row of the table; of what is better small, the ratio is turned round.
fn line(what: &str, figures: &[f64], small_is_good: bool) {
    let ratio = match *figures {
        [own, other] if small_is_good => format!("{:.2}", other / own),
        [own, other] => format!("{:.2}", own / other),
        _ => String::new(),
    };
    let other = figures.get(1).map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"));
    println!("{what:36} {:>12.2} {other:>12} {ratio:>8}", figures[0]);
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
                let mut compile = Command::new(program("walrusc", env!("CARGO_BIN_EXE_walrusc")));
                compile.arg(programs.join(name).with_extension("walrus")).arg("-o").arg(&wbc).stderr(Stdio::null());
                assert!(compile.status().is_ok_and(|status| status.success()), "{name} compiles");
                let mut command = Command::new(program("walrus-run", env!("CARGO_BIN_EXE_walrus-run")));
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

/// Where a program of ours is: in the folder that was named, or where this bench had it built.
fn program(name: &str, built: &str) -> PathBuf {
    std::env::var_os("WALRUS_BIN_DIR").map_or_else(|| built.into(), |folder| Path::new(&folder).join(name))
}

/// Keeps a process to one processor, if that can be.
fn pin(process: u32, processor: u32) {
    let (processor, process) = (processor.to_string(), process.to_string());
    let mut command = Command::new("taskset");
    let _ = command.args(["-a", "-c", "-p", &processor, &process]).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Bytes of a process's memory, by the name that the system gives them: those that are there, or the most that were.
fn memory(process: &Child, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
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
    let (seconds, answers) = (started.elapsed().as_secs_f64(), latencies.len());
    // Who has not been answered has waited at least as long; left out, a server that forgets some would look quick.
    latencies.extend(clients.iter().map(|client| client.sent.elapsed()));
    latencies.sort_unstable();
    let slowest = latencies.get(latencies.len() * 99 / 100).copied().unwrap_or_default();
    Load { requests: answers as f64 / seconds, slowest_percent: slowest }
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
    let memory = || memory(&server.process, "VmRSS").unwrap_or(f64::NAN);
    let before = memory();
    let kept = connect(IDLE);
    std::thread::sleep(Duration::from_millis(500));
    let bytes = (memory() - before) / kept.len() as f64;
    drop(kept);
    bytes
}

/// Bytes that a program takes for a task that sleeps. It says a line before it makes them, and one when all sleep.
fn sleeping_memory(engine: Engine, scratch: &Path) -> f64 {
    let mut process = engine.command("sleeping", scratch).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let mut figures = [f64::NAN; 2];
    for figure in &mut figures {
        lines.next().expect("it says a line").expect("UTF-8");
        *figure = memory(&process, "VmRSS").unwrap_or(f64::NAN);
    }
    let _ = process.kill();
    let _ = process.wait();
    (figures[1] - figures[0]) / SLEEPING as f64
}

/// The most bytes that a program had in memory.
fn most_memory(engine: Engine, name: &str, scratch: &Path) -> f64 {
    let mut process = engine.command(name, scratch).stdout(Stdio::null()).spawn().expect("it starts");
    let mut most = f64::NAN;
    while process.try_wait().expect("it can be asked").is_none() {
        most = memory(&process, "VmHWM").unwrap_or(most);
        std::thread::sleep(Duration::from_millis(1));
    }
    most
}

/// Milliseconds that each engine takes for a program, start included.
fn best_times(engines: &[Engine], name: &str, scratch: &Path) -> Vec<f64> {
    best_of(engines.iter().map(|engine| engine.command(name, scratch)).collect(), ROUNDS)
}

/// The fewest milliseconds that each command takes, by turns.
fn best_of(mut commands: Vec<Command>, rounds: usize) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; commands.len()];
    for _ in 0..rounds {
        for (command, best) in commands.iter_mut().zip(&mut best) {
            let started = Instant::now();
            let status = command.stdout(Stdio::null()).status().expect("it starts");
            assert!(status.success(), "{command:?} runs");
            *best = best.min(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    best
}
