//! `std/http` over real sockets: what is refused and how, what is answered and in which order, and how connections end.

mod support;

#[path = "http/faults.rs"]
mod faults;
#[path = "support/http_pieces.rs"]
mod http_pieces;
#[path = "http/load.rs"]
mod load;
#[path = "http/malformed.rs"]
mod malformed;
#[path = "support/random_programs/random.rs"]
mod random;
#[path = "support/server.rs"]
mod server;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use server::{MODES, PATIENCE, Server, read_all};

/// Says method, target and length of the body; `/count` says how often the handler ran before.
const COUNTING: &str = r#"
import "std/http" as http;
import "std/net" as net;
import "std/core" as core;
import "std/async" as tasks;
let listener = net.tcp_bind("127.0.0.1", 0);
println(f"listening on port {net.tcp_local_port(listener)}");
let count = 0;
async fn late : ms, answer { await tasks.sleep(ms); return answer; }
fn handler : request {
    let path = request.path;
    if path == "/count" { return core.str(count); }
    count += 1;
    if path == "/throw" { throw ["secret", 1]; }
    if path == "/fail" { return 1 / 0; }
    if path == "/int" { return 5; }
    if path == "/empty" { return {}; }
    if path == "/status" { return http.make_response(99 + 1, "x").copy() + {"status": 1000}; }
    if path == "/split" { return {"status": 200, "headers": {"a": "b\r\nc: d"}, "body": ""}; }
    if path == "/length" { return {"status": 200, "headers": {"content-length": "7"}, "body": "abc"}; }
    if path == "/right" { return {"status": 200, "headers": {"Content-Length": "3"}, "body": "abc"}; }
    if path == "/coding" { return {"status": 200, "headers": {"transfer-encoding": "chunked"}, "body": "abc"}; }
    if path == "/void" { return; }
    if path == "/cancelled" { let t = late(10, ""); tasks.cancel(t); return t; }
    if path == "/late" { return late(30, "late"); }
    if path == "/later" { return late(10, late(10, "later")); }
    if path == "/bytes" { return http.make_response(200, [0, 255, 10, 128]); }
    if path == "/204" { return http.make_response(204, "dropped"); }
    if path == "/304" { return http.make_response(304, "dropped"); }
    if path == "/close" { return http.make_response_with_headers(200, "bye", {"connection": "close"}); }
    if path == "/big" { return "0123456789abcdef".repeat(200000); }
    if path == "/echo" { return http.make_response(201, request.body); }
    if path == "/headers" { return core.repr([request.headers, request.header_pairs, request.query_params, request.query_pairs]); }
    if path == "/long" { return late(600000, "long"); }
    if path == "/never" { await tasks.recv(tasks.channel()[1]); }
    if path == "/stop" { net.tcp_close_listener(listener); return late(100, "stopping"); }
    return f"{request.method} {request.target} {request.content_length}";
}
await http.serve(listener, handler);
core.print_error("served");
"#;

const GET: &str = "HTTP/1.1\r\nHost: a\r\n\r\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn status_of(response: &[u8]) -> u16 {
    let text = text(response);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn body_of(response: &[u8]) -> Vec<u8> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n").expect("the head has an end");
    response[end + 4..].to_vec()
}

/// Starts a program given as text.
fn serve(program: &str, flags: &[&str]) -> Server {
    let (_folder, source) = written(program);
    Server::start(&source, flags, &[])
}

/// A program given as text, in a file of a folder.
fn written(program: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let source = folder.path().join("server.walrus");
    std::fs::write(&source, program).expect("the program can be written");
    (folder, source)
}

/// What a program wrote to standard error, once it has ended by itself; its exit status.
fn wait(mut server: Server) -> (Option<i32>, String) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = server.process.try_wait().expect("it can be waited for") {
            return (status.code(), server.errors());
        }
        assert!(Instant::now() < deadline, "the server does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The memory of a server's process, in bytes; none where that cannot be told.
fn memory(server: &Server) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<usize>().ok().map(|kilobytes| kilobytes << 10)
}

/// All that comes back for some bytes until the server ends the connection.
fn ask(server: &Server, request: &[u8]) -> Vec<u8> {
    let mut stream = server.connect();
    // A server may refuse, and stop reading, before it has read everything.
    let _ = stream.write_all(request);
    read_all(&mut stream)
}

/// Asks for a path over a connection that is closed behind it.
fn get(server: &Server, path: &str) -> Vec<u8> {
    ask(server, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
}

fn count(server: &Server) -> usize {
    text(&body_of(&get(server, "/count"))).parse().expect("a number")
}

/// The next response on a connection that is kept, by its content-length.
fn next_response(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).expect("in time"), 1, "the connection ended: {}", text(&bytes));
        bytes.push(byte[0]);
    }
    let head = text(&bytes).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    stream.read_exact(&mut body).expect("in time");
    bytes.extend(body);
    bytes
}

#[test]
fn what_is_malformed_is_refused_and_no_handler_runs() {
    let rows = malformed::rows();
    assert!(rows.len() >= 100);
    for flags in MODES {
        let server = serve(COUNTING, flags);
        for (name, request, status) in &rows {
            let response = ask(&server, request);
            assert_eq!(status_of(&response), *status, "{name}: {}", text(&response));
            assert!(text(&response).contains("\r\nconnection: close\r\n"), "{name}: {}", text(&response));
        }
        assert_eq!(count(&server), 0);
    }
}

#[test]
fn what_is_well_formed_is_answered() {
    let server = serve(COUNTING, &[]);
    for (request, given) in malformed::well_formed() {
        let mut stream = server.connect();
        stream.write_all(&request).expect("the server reads");
        let response = next_response(&mut stream);
        assert_eq!(status_of(&response), 200, "{}: {}", text(&request), text(&response));
        if !given.is_empty() {
            assert_eq!(text(&body_of(&response)), given, "{}", text(&request));
        }
    }
}

#[test]
fn every_prefix_and_a_split_at_each_byte() {
    let server = serve(COUNTING, &[]);
    let request = b"POST /echo?a=b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nt: u\r\n\r\n";
    for length in 0..request.len() {
        let mut stream = server.connect();
        stream.write_all(&request[..length]).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("open");
        let response = read_all(&mut stream);
        let expected = if length == 0 { 0 } else { 400 };
        assert_eq!(status_of(&response), expected, "the first {length} bytes: {}", text(&response));
    }
    assert_eq!(count(&server), 0);
    let mut stream = server.connect();
    for at in 1..request.len() {
        stream.write_all(&request[..at]).expect("the server reads");
        std::thread::sleep(Duration::from_millis(1));
        stream.write_all(&request[at..]).expect("the server reads");
        let response = next_response(&mut stream);
        assert_eq!(status_of(&response), 201, "split at {at}: {}", text(&response));
        assert_eq!(body_of(&response), b"hello world", "split at {at}");
    }
    for byte in request {
        stream.write_all(&[*byte]).expect("the server reads");
    }
    assert_eq!(body_of(&next_response(&mut stream)), b"hello world");
}

#[test]
fn handlers_that_fail_are_reported_and_tell_the_client_nothing() {
    for flags in MODES {
        let server = serve(COUNTING, flags);
        let mut stream = server.connect();
        let failing =
            ["/throw", "/fail", "/int", "/empty", "/status", "/split", "/length", "/coding", "/void", "/cancelled"];
        for path in failing {
            write!(stream, "GET {path} {GET}").expect("the server reads");
            let response = next_response(&mut stream);
            assert_eq!(status_of(&response), 500, "{path}: {}", text(&response));
            assert_eq!(body_of(&response), b"Internal Server Error", "{path}");
        }
        for (path, body) in [("/right", "abc"), ("/late", "late"), ("/later", "later"), ("/a", "GET /a 0")] {
            write!(stream, "GET {path} {GET}").expect("the server reads");
            assert_eq!(text(&body_of(&next_response(&mut stream))), body);
        }
        drop(stream);
        get(&server, "/stop");
        let (status, errors) = wait(server);
        assert_eq!(status, Some(0), "{errors}");
        assert_eq!(errors.matches("http.serve: the handler failed: ").count(), failing.len(), "{errors}");
        assert!(errors.contains("the handler failed: [secret, 1]\n"), "{errors}");
        assert!(errors.contains("the handler failed: Division by zero\n"), "{errors}");
        assert!(errors.contains("the handler failed: task cancelled\n"), "{errors}");
        assert!(errors.ends_with("served\n"), "{errors}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = serve(COUNTING, &[]);
    let mut stream = server.connect();
    let mut all = String::new();
    for number in 0..100 {
        let path = if number % 10 == 0 { "/late".to_owned() } else { format!("/{number}") };
        all += &format!("GET {path} {GET}");
    }
    stream.write_all(all.as_bytes()).expect("the server reads");
    for number in 0..100 {
        let expected = if number % 10 == 0 { "late".to_owned() } else { format!("GET /{number} 0") };
        assert_eq!(text(&body_of(&next_response(&mut stream))), expected);
    }
    // A response is sent although what follows is malformed, or not whole.
    writeln!(stream, "GET /a {GET}GET / HTTP/1.1").expect("the server reads");
    let rest = text(&read_all(&mut stream));
    assert!(rest.contains("GET /a 0HTTP/1.1 400 "), "{rest}");
    let mut stream = server.connect();
    write!(stream, "GET /b {GET}GET /c HT").expect("the server reads");
    assert_eq!(body_of(&next_response(&mut stream)), b"GET /b 0");
    write!(stream, "TP/1.1\r\nHost: a\r\n\r\n").expect("the server reads");
    assert_eq!(body_of(&next_response(&mut stream)), b"GET /c 0");
}

#[test]
fn connections_are_kept_as_the_version_and_the_client_say() {
    let server = serve(COUNTING, &[]);
    let is_kept = |request: &str| {
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).expect("the server reads");
        let first = text(&next_response(&mut stream)).to_ascii_lowercase();
        // If it is closed there is nobody to read this.
        let _ = write!(stream, "GET / {GET}");
        (!read_all_but_wait(&mut stream).is_empty(), first)
    };
    let (kept, first) = is_kept("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(kept && !first.contains("connection:"), "{first}");
    let (kept, first) = is_kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n");
    assert!(!kept && first.contains("connection: close"), "{first}");
    let (kept, first) = is_kept("GET / HTTP/1.0\r\n\r\n");
    assert!(!kept && first.contains("connection: close"), "{first}");
    let (kept, first) = is_kept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert!(kept && first.contains("connection: keep-alive"), "{first}");
    let (kept, first) = is_kept("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!kept && first.contains("connection: close"), "{first}");
}

/// What comes within a moment.
fn read_all_but_wait(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("open");
    let mut part = [0; 4096];
    let count = stream.read(&mut part).unwrap_or(0);
    part[..count].to_vec()
}

#[test]
fn bodies_heads_and_statuses() {
    let server = serve(COUNTING, &[]);
    let mut stream = server.connect();
    let mut ask = |request: &str| {
        stream.write_all(request.as_bytes()).expect("the server reads");
        next_response(&mut stream)
    };
    let response = ask(&format!("GET /bytes {GET}"));
    assert_eq!(body_of(&response), [0, 255, 10, 128]);
    assert!(text(&response).contains("content-type: application/octet-stream\r\n"));
    assert!(text(&response).contains("\r\ndate: "));
    for path in ["/204", "/304"] {
        let response = ask(&format!("GET {path} {GET}"));
        assert!(!text(&response).contains("content-length"), "{}", text(&response));
        assert!(body_of(&response).is_empty());
    }
    // Its length, and nothing of it: the next response begins at once.
    stream.write_all(format!("HEAD /a {GET}GET /b {GET}").as_bytes()).expect("the server reads");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("in time");
        head.push(byte[0]);
    }
    assert!(text(&head).contains("content-length: 9\r\n"), "{}", text(&head));
    assert_eq!(body_of(&next_response(&mut stream)), b"GET /b 0");
    // A body that is no text comes as bytes, and goes back as such.
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\xff\x00a")
        .expect("the server reads");
    assert_eq!(body_of(&next_response(&mut stream)), b"\xff\x00a");
    let headers =
        "GET /headers?a=1&b=%20+&a=2 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nCookie: c\r\nCookie: d\r\n\r\n";
    stream.write_all(headers.as_bytes()).expect("the server reads");
    assert_eq!(
        text(&body_of(&next_response(&mut stream))),
        "[{\"host\": \"h\", \"x-a\": \"1, 2\", \"cookie\": \"c; d\"}, [[\"host\", \"h\"], [\"x-a\", \"1\"], [\"x-a\", \"2\"], \
         [\"cookie\", \"c\"], [\"cookie\", \"d\"]], {\"a\": \"2\", \"b\": \"  \"}, [[\"a\", \"1\"], [\"b\", \"  \"], [\"a\", \"2\"]]]"
    );
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let server = serve(COUNTING, &[]);
    let mut stream = server.connect();
    write!(stream, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
        .expect("open");
    let interim = next_response(&mut stream);
    assert_eq!(text(&interim), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").expect("open");
    assert_eq!(body_of(&next_response(&mut stream)), b"hello");
    // Not for a body that is refused, and not for one of no length.
    write!(stream, "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n").expect("open");
    assert_eq!(status_of(&next_response(&mut stream)), 200);
    write!(stream, "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10000001\r\n\r\n")
        .expect("open");
    assert_eq!(status_of(&next_response(&mut stream)), 413);
}

#[test]
fn large_bodies_slow_readers_and_refusals_that_arrive() {
    let server = serve(COUNTING, &[]);
    let mut stream = server.connect();
    let body = vec![b'x'; 3_000_000];
    write!(stream, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).expect("open");
    let mut writer = stream.try_clone().expect("open");
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&body).expect("open"));
        assert_eq!(body_of(&next_response(&mut stream)), body);
    });
    write!(stream, "GET /big {GET}").expect("open");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(body_of(&next_response(&mut stream)).len(), 3_200_000);
    // The client writes on for a while; it gets the refusal all the same, and no reset before it.
    let mut stream = server.connect();
    write!(stream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99000000\r\n\r\n").expect("open");
    for _ in 0..20 {
        stream.write_all(&[0; 4096]).expect("what is sent is read");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(status_of(&read_all(&mut stream)), 413);
}

#[test]
fn clients_that_vanish_at_any_point() {
    let server = serve(COUNTING, &[]);
    let request = format!("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b {GET}");
    for length in 0..=request.len() {
        let mut stream = server.connect();
        stream.write_all(&request.as_bytes()[..length]).expect("open");
        // With something unread a stream is reset when it is closed.
        if length % 2 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(stream);
    }
    for path in ["/big", "/never", "/late"] {
        let mut stream = server.connect();
        write!(stream, "GET {path} {GET}").expect("open");
        drop(stream);
    }
    assert_eq!(text(&body_of(&get(&server, "/z"))), "GET /z 0");
}

#[test]
fn random_bytes_get_an_answer() {
    let server = serve(COUNTING, &[]);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..40 {
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.push((state >> 32) as u8);
        }
        // Some begin like a request.
        if round % 2 == 0 {
            bytes.splice(0..0, b"GET / HTTP/1.1\r\nHost: a\r\n".iter().copied());
        }
        let response = ask(&server, &bytes);
        assert_eq!(status_of(&response), 400, "round {round}: {}", text(&response));
    }
    assert_eq!(count(&server), 0);
}

#[test]
fn closing_the_listener_lets_running_requests_end() {
    for flags in MODES {
        let server = serve(COUNTING, flags);
        let mut idle: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
        for stream in &mut idle {
            write!(stream, "GET /a {GET}").expect("open");
            next_response(stream);
        }
        let mut running = server.connect();
        write!(running, "GET /late {GET}").expect("open");
        let mut begun = server.connect();
        write!(begun, "GET /x HTTP/1.1\r\n").expect("open");
        std::thread::sleep(Duration::from_millis(20));
        let mut last = server.connect();
        write!(last, "GET /stop {GET}GET /b {GET}").expect("open");
        for stream in &mut idle {
            assert!(read_all(stream).is_empty());
        }
        let response = text(&read_all(&mut last));
        assert!(response.contains("connection: close\r\n") && response.ends_with("stopping"), "{response}");
        let response = text(&read_all(&mut running));
        assert!(response.ends_with("late"), "{response}");
        // A request that had begun may end, and is answered.
        write!(begun, "Host: a\r\n\r\n").expect("open");
        let response = text(&read_all(&mut begun));
        assert!(response.contains("connection: close\r\n") && response.ends_with("GET /x 0"), "{response}");
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
        let (status, errors) = wait(server);
        assert_eq!((status, errors.as_str()), (Some(0), "served\n"));
    }
}

/// A handler that keeps everybody waiting while a request comes on a connection that is kept, and closes the listener.
#[test]
fn requests_that_came_before_the_listener_was_closed_are_answered() {
    let program = r#"
import "std/http" as http;
import "std/net" as net;
import "std/time" as time;
let listener = net.tcp_bind("127.0.0.1", 0);
println(f"listening on port {net.tcp_local_port(listener)}");
fn handler : request {
    if request.path == "/close" {
        time.sleep(500);
        net.tcp_close_listener(listener);
    }
    return request.path;
}
await http.serve(listener, handler);
"#;
    for flags in MODES {
        let server = serve(program, flags);
        let (mut kept, mut closing) = (server.connect(), server.connect());
        write!(kept, "GET /a {GET}").expect("open");
        assert_eq!(body_of(&next_response(&mut kept)), b"/a");
        write!(closing, "GET /close {GET}").expect("open");
        std::thread::sleep(Duration::from_millis(100));
        write!(kept, "GET /b {GET}").expect("open");
        assert_eq!(body_of(&read_all(&mut closing)), b"/close");
        let response = text(&read_all(&mut kept));
        assert!(response.contains("connection: close\r\n") && response.ends_with("/b"), "{response}");
        assert_eq!(wait(server), (Some(0), String::new()));
    }
}

#[test]
fn cancelling_closes_all_at_once() {
    let program = r#"
import "std/http" as http;
import "std/net" as net;
import "std/core" as core;
import "std/async" as tasks;
let listener = net.tcp_bind("127.0.0.1", 0);
println(f"listening on port {net.tcp_local_port(listener)}");
let ends = tasks.channel();
let handling = void;
async fn wait : { await tasks.sleep(60000); return "never"; }
fn handler : request {
    if request.path == "/cancel" { tasks.send(ends[0], 1); }
    handling = wait();
    return handling;
}
let serving = http.serve(listener, handler);
await tasks.recv(ends[1]);
await tasks.sleep(50);
core.print_error(f"{tasks.cancel(serving)} {tasks.status(serving)} {tasks.status(handling)}");
try { await serving; } catch e { core.print_error(e); }
// The listener is still there: what comes is for the next.
let again = http.serve(listener, : request { net.tcp_close_listener(listener); return "again"; });
await again;
"#;
    for flags in MODES {
        let server = serve(program, flags);
        let mut idle = server.connect();
        let mut running = server.connect();
        write!(running, "GET /a {GET}").expect("open");
        let mut last = server.connect();
        write!(last, "GET /cancel {GET}").expect("open");
        for stream in [&mut idle, &mut running, &mut last] {
            assert!(read_all(stream).is_empty());
        }
        assert_eq!(body_of(&get(&server, "/")), b"again");
        let (status, errors) = wait(server);
        assert_eq!((status, errors.as_str()), (Some(0), "true cancelled cancelled\ntask cancelled\n"));
    }
}

#[test]
fn connections_leave_no_memory_behind() {
    let server = serve(COUNTING, &[]);
    let load = || {
        for _ in 0..20 {
            let mut streams: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
            for stream in &mut streams {
                write!(stream, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n").expect("open");
                stream.write_all(&[b'x'; 20_000]).expect("open");
            }
            for stream in &mut streams {
                assert_eq!(body_of(&next_response(stream)).len(), 20_000);
            }
        }
    };
    load();
    let before = memory(&server);
    load();
    load();
    if let (Some(before), Some(after)) = (before, memory(&server)) {
        assert!(after < before + (16 << 20), "{before} bytes became {after}");
    }
}

/// A handler that makes nothing never came to a safepoint, so that what each request had been made of was kept: three
/// kilobytes each.
#[test]
fn requests_leave_no_memory_behind_where_handlers_make_nothing() {
    let program = r#"
        import "std/http";
        import "std/net";
        let listener = net.tcp_bind("127.0.0.1", 0);
        println("port", net.tcp_local_port(listener));
        await http.serve(listener, : request { return "hello"; });
    "#;
    for flags in MODES {
        let server = serve(program, flags);
        let mut stream = server.connect();
        let requests = "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n".repeat(100);
        let mut load = |rounds: usize| {
            for _ in 0..rounds {
                stream.write_all(requests.as_bytes()).expect("the server reads");
                (0..100).for_each(|_| assert_eq!(body_of(&next_response(&mut stream)), b"hello"));
            }
        };
        load(5);
        let before = memory(&server);
        load(100);
        if let (Some(before), Some(after)) = (before, memory(&server)) {
            assert!(after < before + (20 << 20), "{before} bytes became {after}");
        }
    }
}

/// A program that fetches what a server of this test answers.
fn fetched(answers: Vec<&'static [u8]>, call: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let serving = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("the program connects");
            stream.set_read_timeout(Some(PATIENCE)).expect("open");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).expect("the program asks");
            for part in answer.chunks(7) {
                stream.write_all(part).expect("the program reads");
            }
        }
    });
    let program = format!(
        "import \"std/http\" as http;\nimport \"std/core\" as core;\nlet url = \"http://127.0.0.1:{port}\";\n\
         try {{ let r = {call}; println(r.ok, r.status, core.repr(r.headers), core.repr(r.body), r.content_length); }} catch e {{ println(e); }}\n"
    );
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (source, wbc) = (folder.path().join("a.walrus"), folder.path().join("a.wbc"));
    std::fs::write(&source, program).expect("written");
    let compiled = support::run(support::walrusc().arg(&source).arg("-o").arg(&wbc), b"").expect("walrusc runs");
    assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
    let outcome = support::run(support::walrus_run().arg(&wbc), b"").expect("walrus-run runs");
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    serving.join().expect("the server does not panic");
    outcome.out().replace(&port.to_string(), "PORT").trim_end().to_owned()
}

#[test]
fn fetched_responses() {
    let get = "await http.fetch(\"GET\", url, {}, void)";
    let rows: &[(&[u8], &str)] = &[
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "true 200 {\"content-length\": \"2\"} \"hi\" 2"),
        (b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "false 404 {\"content-length\": \"0\"} \"\" 0"),
        // Redirects are not followed.
        (
            b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
            "false 302 {\"location\": \"/b\", \"content-length\": \"0\"} \"\" 0",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", "true 200 {} \"to the end\" 10"),
        (b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", "true 204 {\"a\": \"b\"} \"\" 0"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              3\r\nabc\r\n2;x\r\n\xff\xfe\r\n0\r\nt: u\r\n\r\n",
            "true 200 {\"transfer-encoding\": \"chunked\"} [97, 98, 99, 255, 254] 5",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "Failed to read from '127.0.0.1:PORT': the response ended early"),
        (b"HTTP/1.1 200 OK\r\nContent-Len", "Failed to read from '127.0.0.1:PORT': the response ended early"),
        (b"", "Failed to read from '127.0.0.1:PORT': the response ended early"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "Failed to read from '127.0.0.1:PORT': the response ended early",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "Failed to read from '127.0.0.1:PORT': malformed response: a chunk without a size",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "Failed to read from '127.0.0.1:PORT': malformed response: more than one content-length",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100000001\r\n\r\n",
            "Failed to read from '127.0.0.1:PORT': malformed response: the body is too large",
        ),
        (
            b"220 smtp.example.com ESMTP\r\n",
            "Failed to read from '127.0.0.1:PORT': malformed response: an invalid status line",
        ),
    ];
    for (answer, expected) in rows {
        assert_eq!(fetched(vec![*answer], get), *expected, "{}", text(answer));
    }
    let head =
        fetched(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], "await http.fetch(\"HEAD\", url, {}, void)");
    assert_eq!(head, "true 200 {\"content-length\": \"9\"} \"\" 0");
}

/// Half a minute for a head, a minute for a body that stands still: waited for in one test, as all of it passes at
/// once.
#[test]
fn slow_requests_are_refused() {
    let server = serve(COUNTING, &[]);
    let mut head = server.connect();
    let mut patient = server.connect();
    for stream in [&mut head, &mut patient] {
        stream.set_read_timeout(Some(Duration::from_secs(50))).expect("open");
        write!(stream, "GET /a HTTP/1.1\r\nHost: a\r\n").expect("open");
    }
    // A byte now and then does not help.
    let begun = Instant::now();
    for _ in 0..14 {
        std::thread::sleep(Duration::from_secs(2));
        write!(head, "x").expect("open");
    }
    write!(patient, "\r\n").expect("open");
    assert_eq!(status_of(&next_response(&mut patient)), 200);
    let response = read_all(&mut head);
    assert_eq!(status_of(&response), 408, "{}", text(&response));
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(29) && waited < Duration::from_secs(40), "{waited:?}");
}

#[test]
fn slow_requests_do_not_hold_others_up() {
    let server = serve(COUNTING, &[]);
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            write!(stream, "GET / HTTP/1.1\r\nHost:").expect("open");
            stream
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..50 {
        assert_eq!(body_of(&get(&server, "/q")), b"GET /q 0");
    }
    assert!(begun.elapsed() < PATIENCE);
    drop(slow);
}
