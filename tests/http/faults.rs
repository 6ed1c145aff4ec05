//! Clients and handlers that do what they must not: nothing hangs, every request that was accepted is answered or its
//! connection ends, and what was taken for it comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::random::Random;
#[cfg(unix)]
use super::server::with_few_handles;
use super::server::{MODES, PATIENCE, Server, read_all, reset};
use super::{
    COUNTING, GET, body_of, count, get, http_pieces, malformed, memory, next_response, serve, status_of, text, wait,
    written,
};

/// The file handles that a server has open; none where that cannot be told.
pub fn handles(server: &Server) -> Option<usize> {
    std::fs::read_dir(format!("/proc/{}/fd", server.process.id())).ok().map(Iterator::count)
}

/// Waits until a server has no more handles than it had.
#[track_caller]
pub fn wait_for_handles(server: &Server, before: Option<usize>) {
    let deadline = Instant::now() + PATIENCE;
    while let (Some(before), Some(now)) = (before, handles(server)) {
        if now <= before {
            return;
        }
        assert!(Instant::now() < deadline, "{before} handles became {now}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn resets_at_every_point() {
    for flags in MODES {
        let server = serve(COUNTING, flags);
        get(&server, "/a");
        let before = handles(&server);
        let chunked = format!(
            "POST /late HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /b {GET}"
        );
        let expecting = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
        for request in [chunked.as_bytes(), expecting.as_bytes()] {
            for length in 0..=request.len() {
                let mut stream = server.connect();
                stream.write_all(&request[..length]).expect("open");
                // Before and after the server has seen it.
                if length % 2 == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                reset(stream);
            }
        }
        // While it answers: at every byte of a small response, and within a large one.
        let whole = {
            let mut stream = server.connect();
            write!(stream, "GET /c {GET}").expect("open");
            next_response(&mut stream).len()
        };
        for received in (0..=whole).map(|received| ("/c", received)).chain([("/big", 0), ("/big", 100_000)]) {
            let (path, received) = received;
            let mut stream = server.connect();
            write!(stream, "GET {path} {GET}GET {path} {GET}").expect("open");
            stream.read_exact(&mut vec![0; received]).expect("the response comes");
            reset(stream);
        }
        assert_eq!(text(&body_of(&get(&server, "/z"))), "GET /z 0");
        wait_for_handles(&server, before);
    }
}

#[test]
fn bodies_larger_and_smaller_than_promised() {
    for flags in MODES {
        let server = serve(COUNTING, flags);
        let promised = |length: usize| format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let in_chunks = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        // What is too much is no request.
        for request in [format!("{}hello, world\r\n", promised(5)), format!("{in_chunks}, world\r\n")] {
            let mut stream = server.connect();
            stream.write_all(request.as_bytes()).expect("the server reads");
            let response = next_response(&mut stream);
            assert_eq!((status_of(&response), body_of(&response)), (201, b"hello".to_vec()));
            assert_eq!(status_of(&read_all(&mut stream)), 400);
        }
        assert_eq!(count(&server), 2);
        // What is too little is waited for, and taken from what follows: it ends where it was promised.
        let mut stream = server.connect();
        write!(stream, "{}helGET /a {GET}", promised(5)).expect("the server reads");
        let response = next_response(&mut stream);
        assert_eq!((status_of(&response), body_of(&response)), (201, b"helGE".to_vec()));
        assert_eq!(text(&body_of(&next_response(&mut stream))), "T /a 0");
        drop(stream);
        assert_eq!(count(&server), 4);
        for request in [format!("{}hel", promised(5)), in_chunks[..in_chunks.len() - 2].to_owned()] {
            let mut stream = server.connect();
            stream.write_all(request.as_bytes()).expect("the server reads");
            stream.shutdown(Shutdown::Write).expect("open");
            assert_eq!(status_of(&read_all(&mut stream)), 400);
        }
        assert_eq!(count(&server), 4);
    }
}

#[test]
fn handlers_that_never_answer_hold_nobody_up() {
    for flags in MODES {
        let mut server = serve(COUNTING, flags);
        let ask = |path: &str| {
            let mut stream = server.connect();
            write!(stream, "GET {path} {GET}").expect("the server reads");
            stream
        };
        let mut waiting: Vec<TcpStream> =
            (0..100).map(|number| ask(if number == 7 { "/long" } else { "/never" })).collect();
        for _ in 0..20 {
            assert_eq!(text(&body_of(&get(&server, "/a"))), "GET /a 0");
        }
        let long = waiting.remove(7);
        assert_eq!(text(&body_of(&get(&server, "/stop"))), "stopping");
        // They are waited for until nobody waits for them.
        waiting.into_iter().for_each(reset);
        assert!(server.process.try_wait().expect("it can be asked").is_none());
        reset(long);
        let (status, errors) = wait(server);
        assert_eq!((status, errors.as_str()), (Some(0), "served\n"));
        // With the listener closed nothing else can come, which is told; the connection ends with the program.
        let server = serve(COUNTING, flags);
        let mut waiting = server.connect();
        write!(waiting, "GET /never {GET}").expect("the server reads");
        assert_eq!(text(&body_of(&get(&server, "/stop"))), "stopping");
        assert!(read_all(&mut waiting).is_empty());
        let (status, errors) = wait(server);
        assert!(status == Some(1) && errors.starts_with("Deadlock: every task is waiting\n"), "{errors}");
    }
}

/// With few handles for files, connections beyond them wait for others to end, and a handler that needs one is told.
#[cfg(unix)]
#[test]
fn requests_at_the_limit_of_handles() {
    let program = r#"
import "std/http" as http;
import "std/net" as net;
let listener = net.tcp_bind("127.0.0.1", 0);
println(f"listening on port {net.tcp_local_port(listener)}");
fn outcome : action { try { return action(); } catch e { return e; } }
async fn handler : request {
    if request.path == "/connect" { return outcome(: { return await net.tcp_connect("127.0.0.1", net.tcp_local_port(listener)); }); }
    if request.path == "/fetch" { return outcome(: { return await http.fetch("GET", f"http://127.0.0.1:{net.tcp_local_port(listener)}", {}, void); }); }
    if request.path == "/stop" { net.tcp_close_listener(listener); }
    return request.path;
}
await http.serve(listener, handler);
"#;
    for flags in MODES {
        let (_folder, source) = written(program);
        let server = Server::start_by(with_few_handles(), &source, flags, &[]);
        let mut clients: Vec<TcpStream> = (0..60).map(|_| server.connect()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            write!(client, "GET /{number} {GET}").expect("the system takes it");
        }
        let mut first = clients.remove(0);
        assert_eq!(text(&body_of(&next_response(&mut first))), "/0");
        for path in ["/connect", "/fetch"] {
            write!(first, "GET {path} {GET}").expect("the server reads");
            let answer = text(&body_of(&next_response(&mut first)));
            let is_told = answer.starts_with("Failed to connect to '127.0.0.1:");
            assert!(is_told && answer.contains("Too many open files"), "{answer}");
        }
        drop(first);
        // Who came first is served first, and makes room by leaving.
        for (number, mut client) in clients.into_iter().enumerate() {
            assert_eq!(text(&body_of(&next_response(&mut client))), format!("/{}", number + 1));
        }
        assert_eq!(text(&body_of(&get(&server, "/stop"))), "/stop");
        let (status, errors) = wait(server);
        assert_eq!((status, errors.as_str()), (Some(0), "No file handle is free: accepting connections pauses\n"));
    }
}

/// What a client found out about a request.
enum Asked {
    Answered,
    /// The connection ended without a byte of an answer.
    Ended,
}

/// Sends a request and reads its answer, which is whole or not there at all.
fn ask_once(stream: &mut TcpStream, path: &str) -> Asked {
    let ended = |error: &std::io::Error| {
        assert!(
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof),
            "no answer to {path}: {error}"
        );
        Asked::Ended
    };
    if let Err(error) = write!(stream, "GET {path} {GET}") {
        return ended(&error);
    }
    let (mut bytes, mut part) = (Vec::new(), [0; 1024]);
    loop {
        match stream.read(&mut part) {
            Ok(0) if bytes.is_empty() => return Asked::Ended,
            Ok(0) => panic!("half an answer to {path}: {}", text(&bytes)),
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if bytes.is_empty() => return ended(&error),
            Err(error) => panic!("half an answer to {path}: {error}: {}", text(&bytes)),
        }
        if text(&bytes).ends_with(&format!("you asked for {path}.")) {
            return Asked::Answered;
        }
    }
}

/// A server that closes its listener under load, and listens again on the same port, many times.
#[test]
fn a_listener_closed_under_load() {
    let program = r#"
import "std/async" as tasks;
import "std/core" as core;
import "std/http" as http;
import "std/net" as net;
let listener = net.tcp_bind("127.0.0.1", 0);
let port = net.tcp_local_port(listener);
println(f"listening on port {port}");
let last = false;
async fn handler : request {
    if request.path == "/close" or request.path == "/end" {
        last = request.path == "/end";
        net.tcp_close_listener(listener);
    } else if request.path.ends_with("7") {
        await tasks.sleep(2);
    } else if request.path.ends_with("8") {
        tasks.yield();
    }
    return f"you asked for {request.path}.";
}
let rounds = 0;
while not last {
    if rounds > 0 { listener = net.tcp_bind("127.0.0.1", port); }
    await http.serve(listener, handler);
    rounds += 1;
}
core.print_error(f"{rounds} rounds");
"#;
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 40;
    for flags in MODES {
        let server = serve(program, flags);
        let address = ("127.0.0.1", server.port);
        let connect = || {
            let deadline = Instant::now() + PATIENCE;
            loop {
                match TcpStream::connect(address) {
                    Ok(stream) => {
                        stream.set_read_timeout(Some(PATIENCE)).expect("open");
                        return stream;
                    }
                    Err(error) => assert!(Instant::now() < deadline, "nobody listens: {error}"),
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let (stop, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
        let mut figures = Vec::new();
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (stop, answers) = (&stop, &answers);
                scope.spawn(move || {
                    let mut number = client;
                    while !stop.load(Ordering::Relaxed) {
                        let mut stream = connect();
                        for _ in 0..20 {
                            number += CLIENTS + 1;
                            match ask_once(&mut stream, &format!("/{number}")) {
                                Asked::Answered => answers.fetch_add(1, Ordering::Relaxed),
                                Asked::Ended => break,
                            };
                        }
                    }
                });
            }
            for _ in 0..ROUNDS {
                std::thread::sleep(Duration::from_millis(15));
                // Its own answer comes although it closes, unless another round ended its connection before.
                while matches!(ask_once(&mut connect(), "/close"), Asked::Ended) {}
                figures.push(memory(&server));
            }
            stop.store(true, Ordering::Relaxed);
        });
        while matches!(ask_once(&mut connect(), "/end"), Asked::Ended) {}
        let (status, errors) = wait(server);
        assert_eq!(status, Some(0), "{errors}");
        assert_eq!(errors, format!("{} rounds\n", ROUNDS + 1));
        assert!(answers.load(Ordering::Relaxed) > ROUNDS, "{answers:?} answers");
        if let (Some(before), Some(after)) = (figures[ROUNDS / 2], figures[ROUNDS - 1]) {
            assert!(after < before + (8 << 20), "{before} bytes became {after}");
        }
    }
}

/// The property of the fuzz target `http`, on messages that are damaged at random, and on random ones.
#[test]
fn damaged_messages_are_the_same_whole_and_in_pieces() {
    let responses: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 204 None\r\nA: b\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nto the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\\\"\"\r\nabc\r\n0a\r\n0123456789\r\n0\r\nt: u\r\n\r\nX",
        b"HTTP/1.1 404 \r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    let well_formed: Vec<Vec<u8>> = malformed::well_formed().into_iter().map(|(request, _)| request).collect();
    let malformed: Vec<Vec<u8>> = malformed::rows().into_iter().map(|(_, request, _)| request).collect();
    let mut seeds = [well_formed, malformed, responses.iter().map(|response| response.to_vec()).collect()];
    // Those about limits take long byte by byte.
    seeds.iter_mut().for_each(|seeds| seeds.retain(|seed| seed.len() < 1000));
    let splices: [&[u8]; 12] =
        [b"\r\n", b"\r", b"\n", b":", b" ", b"\0", b"\r\n\r\n", b";", b"0", b"5", b"Content-Length: 3\r\n", b"\xff"];
    let mut random = Random::new(16);
    let (mut requests, mut answers) = (0, 0);
    for round in 0..20_000 {
        let seeds = &seeds[random.below(3) as usize];
        let mut message = seeds[random.below(seeds.len() as u64) as usize].clone();
        if round % 50 == 0 {
            message = (0..random.below(300)).map(|_| random.next() as u8).collect();
        }
        for _ in 0..random.below(4) {
            let length = message.len() as u64;
            let from = random.below(length + 1);
            let most = if random.percent(80) { 3 } else { length };
            let to = (from + random.below(most + 1)).min(length);
            message.splice(from as usize..to as usize, random.pick(&splices).iter().copied());
        }
        let (is_request, is_response) = http_pieces::check(&message);
        requests += u32::from(is_request);
        answers += u32::from(is_response);
    }
    // Enough of them are still whole.
    assert!(requests > 1000 && answers > 1000, "{requests} requests, {answers} responses");
}
