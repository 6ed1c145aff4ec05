//! Load with random faults: clients that ask properly, in pieces and pipelined, among others that vanish, reset, send
//! nonsense, read slowly or wait for what never comes. No answer is lost, late or somebody else's, and memory does not
//! grow.
//!
//! A usual run takes some seconds. `WALRUS_LOAD=SECONDS:SEED` makes it as long as one likes, with a line of figures
//! every now and then:
//!
//!     WALRUS_LOAD=1800:1 cargo test --release --locked --test http load_with -- --nocapture

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::faults::{handles, wait_for_handles};
use super::malformed;
use super::random::Random;
use super::server::{MODES, Server, read_all, reset};
use super::{GET, body_of, get, memory, next_response, serve, status_of, text};

/// Every answer tells the number at the end of the path, so that nobody's can be taken for another's.
const PROGRAM: &str = r#"
import "std/async" as tasks;
import "std/core" as core;
import "std/http" as http;
import "std/net" as net;
let listener = net.tcp_bind("127.0.0.1", 0);
let port = net.tcp_local_port(listener);
println(f"listening on port {port}");
let url = f"http://127.0.0.1:{port}";
let jobs = tasks.channel(5);
async fn worker : {
    let job = await tasks.recv(jobs[1]);
    while job != void {
        if job[0] % 3 == 0 { tasks.yield(); }
        tasks.send(job[1], f"worked {job[0]}");
        job = await tasks.recv(jobs[1]);
    }
}
for i in 0..4 { worker(); }
fn spin : n { let s = 0; for i in 0..2000 { s = (s * 31 + i * n) % 65537; } return s; }
async fn later : ms, value { await tasks.sleep(ms); return value; }
async fn fails : ms { await tasks.sleep(ms); throw "on purpose"; }
async fn handler : request {
    let parts = request.path.split("/");
    let kind = parts[1];
    let number = parts[2].to_int();
    if kind == "plain" { return f"plain {number}"; }
    if kind == "echo" { return http.make_response(201, request.body); }
    if kind == "late" { return later(number % 4, f"late {number}"); }
    if kind == "hot" { return f"hot {number} {spin(number) == spin(number)}"; }
    if kind == "big" { return f"{number} ".repeat(40000); }
    if kind == "throw" { if number % 2 == 0 { await tasks.sleep(1); } throw f"thrown {number}"; }
    if kind == "cancelled" { let task = later(1000, 1); tasks.yield(); tasks.cancel(task); return task; }
    if kind == "timeout" { try { await tasks.timeout(later(1000, 1), 2); } catch e { return f"{e} {number}"; } }
    if kind == "channel" {
        let answer = tasks.channel();
        await tasks.send(jobs[0], [number, answer[0]]);
        return await tasks.recv(answer[1]);
    }
    if kind == "groups" {
        let losing = later(1000, 0);
        let first = await tasks.race([fails(0), losing, later(1, number)]);
        tasks.cancel(losing);
        let outcomes = await tasks.all_settled([losing, fails(0), later(0, 1)]);
        return f"{outcomes.map(: outcome { return outcome.status; })} {first}";
    }
    if kind == "fetch" {
        let answer = await http.fetch("POST", f"{url}/echo/{number}", {}, f"fetched {number}");
        return answer.body;
    }
    if kind == "given-up" {
        let fetching = http.fetch("GET", f"{url}/never/{number}", {}, void);
        let stream = await net.tcp_connect("127.0.0.1", port);
        await net.tcp_write(stream, f"POST /echo/{number} HTTP/1.1\r\nHost: a\r\nContent-Le");
        let reading = net.tcp_read(stream, 100);
        await tasks.sleep(number % 3);
        tasks.cancel(fetching);
        tasks.cancel(reading);
        net.tcp_close(stream);
        return f"given up {number}";
    }
    // Who asks for this goes away. A fetch that gives up ends its connection, which may be a client that still reads.
    if kind == "never" { await tasks.timeout(tasks.recv(tasks.channel()[1]), 300); }
    if kind == "objects" { return core.str(core.gc()["objects_after"]); }
    throw f"nobody asks for {kind}";
}
await http.serve(listener, handler);
"#;

/// Clients at once.
const CLIENTS: u64 = 12;
/// How often a client does what, of which the first are proper.
const ACTIONS: [u64; 10] = [3, 1, 2, 2, 1, 1, 1, 1, 1, 1];
const PROPER: usize = 3;
/// Between two lines of figures.
const SAMPLE: Duration = Duration::from_secs(1);

/// A path, and the status and body that it gets.
fn question(random: &mut Random) -> (String, u16, String) {
    let number = random.below(1_000_000);
    let kinds = [
        "plain",
        "plain",
        "late",
        "hot",
        "big",
        "throw",
        "cancelled",
        "timeout",
        "channel",
        "groups",
        "fetch",
        "given-up",
    ];
    let kind = random.pick(&kinds);
    let (status, body) = match kind {
        "plain" | "late" => (200, format!("{kind} {number}")),
        "hot" => (200, format!("hot {number} true")),
        "big" => (200, format!("{number} ").repeat(40_000)),
        "throw" | "cancelled" => (500, "Internal Server Error".into()),
        "timeout" => (200, format!("task timed out {number}")),
        "channel" => (200, format!("worked {number}")),
        "groups" => (200, format!("[cancelled, error, ok] {number}")),
        "fetch" => (200, format!("fetched {number}")),
        _ => (200, format!("given up {number}")),
    };
    (format!("/{kind}/{number}"), status, body)
}

/// A client, and what it did.
struct Client<'a> {
    server: &'a Server,
    random: Random,
    answers: &'a AtomicU64,
    faults: &'a AtomicU64,
}

impl Client<'_> {
    #[track_caller]
    fn expect(&self, response: &[u8], status: u16, body: &str) {
        assert_eq!((status_of(response), text(&body_of(response)).as_str()), (status, body));
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn pause(&mut self) {
        if self.random.percent(40) {
            std::thread::sleep(Duration::from_micros(self.random.below(2000)));
        }
    }

    fn write_in_pieces(&mut self, stream: &mut TcpStream, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + self.random.below(rest.len().min(40) as u64) as usize);
            stream.write_all(piece).expect("the server reads");
            rest = after;
            self.pause();
        }
    }

    /// A request with a body, in chunks or with a length, and what it gets.
    fn with_body(&mut self) -> (Vec<u8>, String) {
        let body = format!("body {} ", self.random.next()).repeat(1 + self.random.below(30) as usize);
        let mut request = b"POST /echo/1 HTTP/1.1\r\nHost: a\r\n".to_vec();
        if self.random.percent(50) {
            request.extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).bytes());
            return (request, body);
        }
        request.extend(b"Transfer-Encoding: chunked\r\n\r\n");
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(1 + self.random.below(rest.len() as u64) as usize);
            request.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).bytes());
            rest = after;
        }
        request.extend(b"0\r\n\r\n");
        (request, body)
    }

    fn act(&mut self) {
        let mut stream = self.server.connect();
        let action = self.random.weighted(&ACTIONS);
        if action >= PROPER {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        match action {
            // One request after the other on a connection that is kept.
            0 => {
                for _ in 0..self.random.between(1, 10) {
                    let (path, status, body) = question(&mut self.random);
                    write!(stream, "GET {path} {GET}").expect("the server reads");
                    self.expect(&next_response(&mut stream), status, &body);
                }
            }
            // Several at once.
            1 => {
                let questions: Vec<_> = (0..self.random.between(2, 8)).map(|_| question(&mut self.random)).collect();
                let requests: String = questions.iter().map(|(path, ..)| format!("GET {path} {GET}")).collect();
                stream.write_all(requests.as_bytes()).expect("the server reads");
                for (_, status, body) in questions {
                    self.expect(&next_response(&mut stream), status, &body);
                }
            }
            // With a body, and in pieces.
            2 => {
                for _ in 0..2 {
                    let (request, body) = self.with_body();
                    self.write_in_pieces(&mut stream, &request);
                    self.expect(&next_response(&mut stream), 201, &body);
                }
            }
            // Gone in the middle of a request.
            3 => {
                let (request, _) = self.with_body();
                let length = self.random.below(request.len() as u64) as usize;
                self.write_in_pieces(&mut stream, &request[..length]);
                if self.random.percent(50) {
                    reset(stream);
                }
            }
            // Gone while the answer comes, or before.
            4 => {
                let number = self.random.below(1_000_000);
                let path = self.random.pick(&["big", "late", "fetch", "groups", "never", "channel"]).to_owned();
                write!(stream, "GET /{path}/{number} {GET}").expect("the server reads");
                if path == "big" {
                    let length = self.random.below(100_000) as usize;
                    stream.read_exact(&mut vec![0; length]).expect("the answer comes");
                }
                self.pause();
                reset(stream);
            }
            // Nonsense, behind a request that is answered or alone.
            5 => {
                let rows = malformed::rows();
                let (name, request, status) = &rows[self.random.below(rows.len() as u64) as usize];
                if self.random.percent(50) {
                    write!(stream, "GET /plain/7 {GET}").expect("the server reads");
                    self.expect(&next_response(&mut stream), 200, "plain 7");
                }
                // A server may refuse, and stop reading, before it has read everything.
                let _ = stream.write_all(request);
                let response = read_all(&mut stream);
                assert_eq!(status_of(&response), *status, "{name}: {}", text(&response));
                self.answers.fetch_add(1, Ordering::Relaxed);
            }
            6 => {
                let bytes: Vec<u8> = (0..self.random.between(1, 10_000)).map(|_| self.random.next() as u8).collect();
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                assert_eq!(status_of(&read_all(&mut stream)), 400);
                self.answers.fetch_add(1, Ordering::Relaxed);
            }
            // The client's end of the stream comes before the answer.
            7 => {
                let (path, status, body) = question(&mut self.random);
                write!(stream, "GET {path} {GET}").expect("the server reads");
                stream.shutdown(Shutdown::Write).expect("open");
                self.expect(&next_response(&mut stream), status, &body);
                assert!(read_all(&mut stream).is_empty());
            }
            // A slow reader.
            8 => {
                write!(stream, "GET /big/12 {GET}").expect("the server reads");
                let mut response = Vec::new();
                let mut part = [0; 30_000];
                while !response.ends_with(b"12 ") || response.len() < 120_000 {
                    self.pause();
                    let count = stream.read(&mut part).expect("the answer comes");
                    assert_ne!(count, 0, "half an answer");
                    response.extend_from_slice(&part[..count]);
                }
                self.expect(&response, 200, &"12 ".repeat(40_000));
            }
            // Nothing at all.
            _ => std::thread::sleep(Duration::from_millis(self.random.below(20))),
        }
    }
}

/// Puts a server under load for so long; fails if an answer is lost, or memory or handles are.
fn load(flags: &[&str], seed: u64, time: Duration, is_long: bool) {
    let mut server = serve(PROGRAM, flags);
    let errors = BufReader::new(server.errors.take().expect("it is piped"));
    // The answer to this needs a handle itself.
    let objects = || text(&body_of(&get(&server, "/objects/0"))).parse::<usize>().expect("a number");
    objects();
    let before = handles(&server);
    let (answers, faults) = (AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let mut figures = Vec::new();
    std::thread::scope(|scope| {
        // Nobody hears of a failure but whoever reads this.
        scope.spawn(|| {
            for line in errors.lines().map_while(Result::ok) {
                // Behind it comes its trace, which is indented or begins with the number of a line.
                let is_trace = line.starts_with(|first: char| first == ' ' || first.is_ascii_digit());
                let is_expected = is_trace || line.is_empty() || line.starts_with("http.serve: the handler failed: ");
                assert!(is_expected, "the server says: {line}");
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let random = Random::new(seed * 1000 + number);
                let mut client = Client { server: &server, random, answers: &answers, faults: &faults };
                scope.spawn(move || {
                    while begun.elapsed() < time {
                        client.act();
                        if is_long {
                            // It runs beside other work.
                            std::thread::sleep(Duration::from_micros(client.random.below(20_000)));
                        }
                    }
                })
            })
            .collect();
        while clients.iter().all(|client| !client.is_finished()) {
            std::thread::sleep(if is_long { 30 * SAMPLE } else { SAMPLE }.min(time / 8));
            figures.push((objects(), memory(&server)));
            if is_long {
                let (objects, bytes) = figures[figures.len() - 1];
                println!(
                    "{:6.0} s {answers:>9?} answers {faults:>9?} faults {objects:>7} objects {:>8} KiB {:>4} handles",
                    begun.elapsed().as_secs_f64(),
                    bytes.unwrap_or_default() >> 10,
                    handles(&server).unwrap_or_default(),
                );
            }
        }
        let lost = clients.into_iter().filter_map(|client| client.join().err()).count();
        // What waits for what never comes gives up on its own, and timers of tasks that were cancelled run out.
        std::thread::sleep(Duration::from_millis(1500));
        if lost == 0 {
            wait_for_handles(&server, before);
            figures.push((objects(), memory(&server)));
        }
        // Ends the reader of its errors.
        let _ = Command::new("kill").arg(server.process.id().to_string()).status();
        assert_eq!(lost, 0, "clients that did not get what they expected, seed {seed}");
    });
    let (first, last) = (figures[figures.len() / 4], figures[figures.len() - 1]);
    println!(
        "{flags:?}, seed {seed}: {answers:?} answers, {faults:?} faults; objects and memory at a quarter {first:?}, at the end {last:?}"
    );
    assert!(answers.load(Ordering::Relaxed) > 100);
    assert!(last.0 < first.0 + 500, "{} objects became {}", first.0, last.0);
    if let (Some(first), Some(last)) = (first.1, last.1) {
        assert!(last < first + (16 << 20), "{first} bytes became {last}");
    }
}

#[test]
fn load_with_random_faults() {
    let wanted = std::env::var("WALRUS_LOAD").ok();
    let numbers = wanted.as_deref().map(|wanted| {
        let numbers = wanted.split_once(':').and_then(|(time, seed)| Some((time.parse().ok()?, seed.parse().ok()?)));
        numbers.unwrap_or_else(|| panic!("WALRUS_LOAD is SECONDS:SEED"))
    });
    let (seconds, seed) = numbers.unwrap_or((6, 1));
    for (flags, seed) in MODES.into_iter().zip(seed..) {
        load(flags, seed, Duration::from_secs(seconds) / MODES.len() as u32, wanted.is_some());
    }
}
