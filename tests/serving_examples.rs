//! The programs of `examples/servers`, each driven by clients of another make: the standard library of Rust, and, where
//! they are installed, that of Python (`tests/serving/client.py`) and curl. Names, addresses, handles that are scarce,
//! and resets, too.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[path = "support/server.rs"]
mod server;

use server::{MODES, Server, read_all};
use support::{run, walrus_run, walrusc};

fn start(example: &str, flags: &[&str]) -> Server {
    Server::start(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers").join(example), flags, &[])
}

fn connect(server: &Server) -> Client {
    Client(BufReader::new(server.connect()))
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn say(&mut self, line: &str) {
        writeln!(self.0.get_mut(), "{line}").expect("the server reads");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the server answers in time");
        line.trim_end().to_owned()
    }
}

#[test]
fn an_echo_server_answers_many_at_once() {
    for flags in MODES {
        let server = start("echo.walrus", flags);
        let mut clients: Vec<Client> = (0..50).map(|_| connect(&server)).collect();
        for round in 0..20 {
            for (number, client) in clients.iter_mut().enumerate() {
                client.say(&format!("client {number}, round {round}"));
            }
            for (number, client) in clients.iter_mut().enumerate() {
                assert_eq!(client.hear(), format!("client {number}, round {round}"));
            }
        }
        // A line that arrives in pieces, and one that the other side does not wait for.
        clients[0].0.get_mut().write_all(b"in pie").expect("the server reads");
        drop(clients.pop());
        clients[0].say("ces");
        assert_eq!(clients[0].hear(), "in pieces");
    }
}

#[test]
fn a_chat_tells_everybody_else() {
    for flags in MODES {
        let server = start("chat.walrus", flags);
        let mut members: Vec<Client> = Vec::new();
        for number in 0..20 {
            let mut member = connect(&server);
            member.say(&format!("m{number}"));
            for other in &mut members {
                assert_eq!(other.hear(), format!("* m{number} joined"));
            }
            members.push(member);
        }
        members[3].say("hello");
        for (number, member) in members.iter_mut().enumerate().filter(|(number, _)| *number != 3) {
            assert_eq!(member.hear(), "m3: hello", "member {number}");
        }
        drop(members.remove(5));
        for member in &mut members {
            assert_eq!(member.hear(), "* m5 left");
        }
    }
}

/// Asks a server for something over a connection of its own; status and body.
fn ask(server: &Server, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = server.connect();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the server reads");
    stream.write_all(body.as_bytes()).expect("the server reads");
    let response = String::from_utf8(read_all(&mut stream)).expect("text");
    let (head, body) = response.split_once("\r\n\r\n").expect("the head has an end");
    (head[9..12].parse().expect("a status"), body.to_owned())
}

#[test]
fn an_api_keeps_notes_in_a_file() {
    for flags in MODES {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("notes.json");
        let file = file.to_str().expect("UTF-8");
        let start = || {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers/notes_api.walrus");
            Server::start(&source, flags, &["0", file])
        };
        let server = start();
        assert_eq!(ask(&server, "GET", "/notes", ""), (200, "[]\n".into()));
        for (number, text) in [(1, "milk"), (2, "äöü"), (3, "tea")] {
            let made = ask(&server, "POST", "/notes", &format!("{{\"text\": \"{text}\"}}"));
            assert_eq!(made, (201, format!("{{\"id\":{number},\"text\":\"{text}\"}}\n")));
        }
        assert_eq!(ask(&server, "PUT", "/notes/1", "{\"text\": \"bread\"}").0, 200);
        assert_eq!(ask(&server, "DELETE", "/notes/3", "").0, 204);
        let refused = [
            ("GET", "/notes/3", "", 404),
            ("GET", "/notes/x", "", 404),
            ("GET", "/other", "", 404),
            ("PATCH", "/notes", "", 405),
            ("POST", "/notes", "{", 400),
            ("POST", "/notes", "[1]", 422),
            ("PUT", "/notes/2", "{\"text\": 1}", 422),
        ];
        for (method, path, body, status) in refused {
            let (found, text) = ask(&server, method, path, body);
            assert_eq!(found, status, "{method} {path}: {text}");
            assert!(text.starts_with("{\"error\":"), "{method} {path}: {text}");
        }
        assert_eq!(server.errors(), "");
        // A server that is started again knows them.
        let server = start();
        assert_eq!(
            ask(&server, "GET", "/notes", ""),
            (200, "[{\"id\":1,\"text\":\"bread\"},{\"id\":2,\"text\":\"äöü\"}]\n".into())
        );
        assert_eq!(ask(&server, "POST", "/notes", "{\"text\": \"x\"}").1, "{\"id\":4,\"text\":\"x\"}\n");
    }
}

/// Pages that a test serves: what stands at a path, after how long. Counts who asks at the same time.
struct Pages {
    port: u16,
    most_at_once: Arc<AtomicUsize>,
}

fn pages(answer: fn(&str) -> (Duration, String)) -> Pages {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let (at_once, most_at_once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::clone(&most_at_once);
    // It serves until the test is over.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream.expect("a connection"));
                let mut line = String::new();
                stream.read_line(&mut line).expect("a request");
                let mut rest = String::new();
                while rest != "\r\n" {
                    rest.clear();
                    stream.read_line(&mut rest).expect("a header");
                }
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let (pause, response) = answer(line.split(' ').nth(1).expect("a target"));
                std::thread::sleep(pause);
                at_once.fetch_sub(1, Ordering::SeqCst);
                // Who asked may have given up.
                let _ = stream.get_mut().write_all(response.as_bytes());
            });
        }
    });
    Pages { port, most_at_once }
}

#[test]
fn a_link_checker_fetches_twenty_at_a_time() {
    for flags in MODES {
        let pages = pages(|target| match target {
            "/" => {
                let links: String = (0..60).map(|number| format!("<a href=\"/p{number}\">{number}</a>")).collect();
                let others = "<a href=\"p0\"><a href=\"#top\"><a href=\"mailto:a\"><a href=\"/hangs\"><a href=\"http://127.0.0.1:1/\">";
                (Duration::ZERO, format!("HTTP/1.1 200 OK\r\n\r\n{links}{others}"))
            }
            "/hangs" => (Duration::from_secs(3), "HTTP/1.1 200 OK\r\n\r\n".into()),
            "/p7" => (Duration::ZERO, "HTTP/1.1 404 Not Found\r\n\r\n".into()),
            "/p8" => (Duration::ZERO, "nonsense\r\n".into()),
            _ => (Duration::from_millis(100), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".into()),
        });
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let program = folder.path().join("program.wbc");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers/link_checker.walrus");
        let compiled = run(walrusc().arg(&source).arg("-o").arg(&program), b"").expect("walrusc runs");
        assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
        let url = format!("http://localhost:{}/", pages.port);
        let outcome = run(walrus_run().args(flags).arg(&program).args([&url, "20", "1000"]), b"").expect("it ends");
        let out = outcome.out();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
        assert_eq!(lines.len(), 63, "{out}");
        assert_eq!(lines[0], format!("200 {url}p0"));
        assert_eq!(lines[7], format!("404 {url}p7"));
        assert!(lines[8].starts_with("Failed to read from 'localhost:"), "{out}");
        assert_eq!(lines[60], format!("task timed out {url}hangs"));
        assert!(lines[61].starts_with("Failed to connect to '127.0.0.1:1': "), "{out}");
        assert_eq!(lines[62], "62 links, 4 broken");
        assert_eq!(pages.most_at_once.load(Ordering::SeqCst), 20);
    }
}

#[test]
fn a_proxy_gives_up_in_time() {
    for flags in MODES {
        let pages = pages(|target| match target {
            "/slow" => (Duration::from_secs(3), "HTTP/1.1 200 OK\r\n\r\n".into()),
            "/broken" => (Duration::ZERO, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort".into()),
            other => {
                let fields = "Set-Cookie: a\r\nSet-Cookie: b\r\nConnection: x-hop\r\nX-Hop: c\r\n";
                (Duration::ZERO, format!("HTTP/1.1 203 Fine\r\n{fields}\r\nyou asked for {other}"))
            }
        });
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers/proxy.walrus");
        let server = Server::start(&source, flags, &[&format!("http://127.0.0.1:{}", pages.port), "0", "400"]);
        assert_eq!(ask(&server, "GET", "/a?b", ""), (203, "you asked for /a?b".into()));
        let mut stream = server.connect();
        stream.write_all(b"GET /c HTTP/1.0\r\n\r\n").expect("the server reads");
        let response = String::from_utf8(read_all(&mut stream)).expect("text");
        assert!(response.contains("set-cookie: a\r\nset-cookie: b\r\n") && !response.contains("x-hop"), "{response}");
        assert_eq!(ask(&server, "GET", "/slow", "").0, 504);
        assert_eq!(ask(&server, "GET", "/broken", "").0, 502);
        let errors = server.errors();
        assert!(errors.contains("/slow: task timed out\n") && errors.contains("/broken: Failed to read"), "{errors}");
    }
}

/// What `tests/serving/client.py` says, started with these arguments; `None` where there is no Python to run it.
fn python(arguments: &[String]) -> Option<Command> {
    let version = "import sys; sys.exit(sys.version_info < (3, 11))";
    let has_python = Command::new("python3").args(["-c", version]).status().is_ok_and(|status| status.success());
    if !has_python {
        println!("no Python of version 3.11 or later: left out");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/serving/client.py")).args(arguments);
    Some(command)
}

#[track_caller]
fn drive(what: &str, server: &Server, count: Option<u32>) {
    let mut arguments = vec![what.to_owned(), server.port.to_string()];
    arguments.extend(count.map(|count| count.to_string()));
    if let Some(mut client) = python(&arguments) {
        let outcome = run(&mut client, b"").expect("the client ends");
        assert_eq!(outcome.status, Some(0), "{what}: {}", outcome.describe());
    }
}

#[test]
fn clients_in_python_are_served() {
    for flags in MODES {
        drive("echo", &start("echo.walrus", flags), Some(200));
        drive("chat", &start("chat.walrus", flags), Some(30));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("notes.json");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers/notes_api.walrus");
        let server = Server::start(&source, flags, &["0", file.to_str().expect("UTF-8")]);
        drive("notes", &server, None);
        assert_eq!(server.errors(), "");
    }
}

/// What curl prints, asked for quietly with these arguments; `None` where there is none.
#[track_caller]
fn curl(arguments: &[&str], input: &[u8]) -> Option<String> {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("no curl: left out");
        return None;
    }
    let mut command = Command::new("curl");
    // Whatever stands in somebody's settings is no part of the test.
    command.args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]).args(arguments);
    let outcome = run(&mut command, input).expect("curl ends");
    assert_eq!(outcome.status, Some(0), "{arguments:?}: {}", outcome.describe());
    Some(outcome.out())
}

#[test]
fn curl_is_served() {
    for flags in MODES {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("notes.json");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers/notes_api.walrus");
        let server = Server::start(&source, flags, &["0", file.to_str().expect("UTF-8")]);
        let notes = format!("http://localhost:{}/notes", server.port);
        let Some(made) = curl(&["--data", r#"{"text": "milk"}"#, &notes], b"") else { return };
        assert_eq!(made, "{\"id\":1,\"text\":\"milk\"}\n");
        // So much is sent when the server has said that it wants it.
        let large = format!("{{\"text\":\"{}\"}}", "x".repeat(2_000_000));
        let status = ["--output", "/dev/null", "--write-out", "%{http_code} %{size_download}"];
        let sent = curl(&[&status[..], &["--data-binary", "@-", &notes]].concat(), large.as_bytes());
        assert_eq!(sent.as_deref(), Some("201 2000019"));
        let chunked = ["--header", "transfer-encoding: chunked", "--data-binary", "@-", &notes];
        let sent = curl(&[&status[..], &chunked].concat(), large.as_bytes());
        assert_eq!(sent.as_deref(), Some("201 2000019"));
        let one = format!("{notes}/1");
        let changed = curl(&["--request", "PUT", "--data", r#"{"text": "tea"}"#, &one], b"");
        assert_eq!(changed.as_deref(), Some("{\"id\":1,\"text\":\"tea\"}\n"));
        // Of a response without a body only the head is waited for, and the connection goes on.
        let head = curl(&["--head", "--write-out", "%{num_connects}", &one, "--next", "--silent", &one], b"");
        let head = head.expect("curl is there");
        assert!(head.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{head}");
        assert!(
            head.contains("\r\nallow: GET, PUT, DELETE\r\n") && head.ends_with("{\"id\":1,\"text\":\"tea\"}\n"),
            "{head}"
        );
        let both = curl(&["--write-out", "%{num_connects} ", &one, &one], b"");
        assert_eq!(both.as_deref(), Some("{\"id\":1,\"text\":\"tea\"}\n1 {\"id\":1,\"text\":\"tea\"}\n0 "));
        let gone = curl(&[&status[..], &["--http1.0", "--request", "DELETE", &one]].concat(), b"");
        assert_eq!(gone.as_deref(), Some("204 0"));
        assert_eq!(server.errors(), "");
    }
}

#[test]
fn a_thousand_members_chat() {
    drive("chat", &start("chat.walrus", &["--jit"]), Some(1000));
}

/// A server in Python, which ends with the test.
struct PythonPages {
    process: Child,
    port: u16,
}

impl PythonPages {
    fn start() -> Option<PythonPages> {
        let mut process = python(&["pages".to_owned()])?.stdout(Stdio::piped()).spawn().expect("Python runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says its port");
        Some(PythonPages { process, port: line.trim().parse().expect("a port") })
    }
}

impl Drop for PythonPages {
    fn drop(&mut self) {
        // If it has ended there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn servers_in_python_are_asked() {
    let Some(pages) = PythonPages::start() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let program = folder.path().join("program.wbc");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers");
    let compiled = run(walrusc().arg(examples.join("link_checker.walrus")).arg("-o").arg(&program), b"");
    assert_eq!(compiled.expect("walrusc runs").status, Some(0));
    for flags in MODES {
        let server = Server::start(
            &examples.join("proxy.walrus"),
            flags,
            &[&format!("http://127.0.0.1:{}", pages.port), "0", "1000"],
        );
        drive("proxy", &server, None);
        let url = format!("http://localhost:{}/", pages.port);
        let outcome = run(walrus_run().args(flags).arg(&program).args([&url, "20", "5000"]), b"").expect("it ends");
        assert!(outcome.out().ends_with("31 links, 1 broken\n"), "{}", outcome.describe());
    }
}

#[test]
fn ipv6_addresses_are_bound_and_reached() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("no IPv6 here: left out");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (source, program) = (folder.path().join("six.walrus"), folder.path().join("six.wbc"));
    let text = r#"
        import "std/async" as tasks;
        import "std/net" as net;
        import "std/http" as http;
        let listener = net.tcp_bind("::1", 0);
        let port = net.tcp_local_port(listener);
        let serving = http.serve(listener, : request { return request.headers["host"]; });
        let there = await net.tcp_connect("::1", port);
        println(net.tcp_peer_addr(there) == f"[::1]:{port}", net.tcp_stream_local_addr(there).starts_with("[::1]:"));
        let answer = await http.fetch("GET", f"http://[::1]:{port}/", {}, "");
        println(answer.status, answer.body == f"[::1]:{port}");
        net.tcp_close_listener(listener);
        await serving;
        try { await net.tcp_connect("::1", port); } catch error { println(error.starts_with(f"Failed to connect to '[::1]:{port}': ")); }
    "#;
    std::fs::write(&source, text).expect("writable");
    let compiled = run(walrusc().arg(&source).arg("-o").arg(&program), b"").expect("walrusc runs");
    assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
    for flags in MODES {
        let outcome = run(walrus_run().args(flags).arg(&program), b"").expect("it ends");
        assert_eq!(outcome.out(), "true true\n200 true\ntrue\n", "{}", outcome.describe());
    }
}

/// With few handles for files, those that connect beyond them wait, and are answered once others have gone.
#[cfg(unix)]
#[test]
fn connections_beyond_the_handles_wait() {
    for flags in MODES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers/echo.walrus");
        let server = Server::start_by(server::with_few_handles(), &source, flags, &[]);
        let mut clients: Vec<Client> = (0..60).map(|_| connect(&server)).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.say(&format!("client {number}"));
        }
        // Who came first is served first, and makes room by leaving.
        for (number, mut client) in clients.into_iter().enumerate() {
            assert_eq!(client.hear(), format!("client {number}"));
        }
        let errors = server.errors();
        assert_eq!(errors, "No file handle is free: accepting connections pauses\n");
    }
}

/// Names are looked up where the C library's shared files are not, as the programs are linked statically: in a root
/// with nothing in it but the program, beside a name server of this test.
#[cfg(target_os = "linux")]
#[test]
fn names_are_looked_up_without_shared_files() {
    let Ok(names) = std::net::UdpSocket::bind("127.0.0.1:53") else {
        println!("no name server can be started here: left out");
        return;
    };
    let text = r#"
        import "std/net" as net;
        import "std/core" as core;
        import "std/async" as tasks;
        let listener = net.tcp_bind("127.0.0.1", 0);
        let port = net.tcp_local_port(listener);
        let turns = 0;
        async fn turn : { while true { turns += 1; await tasks.sleep(1); } }
        turn();
        for host in ["localhost", "in.the.file", "served.test", "missing.test"] {
            try { println(host, core.type(await net.tcp_connect(host, port))); } catch error { println(error.replace(f"{port}", "PORT")); }
        }
        println(turns > 10);
    "#;
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let source = root.path().join("names.walrus");
    std::fs::write(&source, text).expect("writable");
    let compiled = run(walrusc().arg(&source), b"").expect("walrusc runs");
    assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
    std::fs::copy(walrus_run().get_program(), root.path().join("walrus-run")).expect("copied");
    std::fs::create_dir(root.path().join("etc")).expect("a folder can be made");
    std::fs::write(root.path().join("etc/hosts"), "127.0.0.1 other in.the.file\n").expect("writable");
    std::fs::write(root.path().join("etc/resolv.conf"), "nameserver 127.0.0.1\n").expect("writable");
    let inside = |argument: &str| {
        let mut command = Command::new("chroot");
        command.arg(root.path()).arg("/walrus-run").arg(argument);
        run(&mut command, b"")
    };
    if !inside("--version").is_ok_and(|outcome| outcome.status == Some(0)) {
        println!("not linked statically, or no other root can be entered: left out");
        return;
    }
    names.set_read_timeout(Some(Duration::from_millis(100))).expect("open");
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let mut packet = [0; 512];
                let Ok((length, from)) = names.recv_from(&mut packet) else { continue };
                // Others run meanwhile.
                std::thread::sleep(Duration::from_millis(50));
                let question = &packet[12..length];
                let end = question.iter().position(|byte| *byte == 0).expect("a name has an end") + 5;
                let is_known = question.windows(6).any(|six| six == b"served");
                let has_address = is_known && question[end - 3] == 1;
                let mut answer = packet[..2].to_vec();
                answer.extend([0x81, if is_known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0]);
                answer.extend(&question[..end]);
                if has_address {
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
                }
                names.send_to(&answer, from).expect("the program listens");
            }
        });
        let outcome = inside("/names.wbc").expect("it ends");
        is_over.store(true, Ordering::Relaxed);
        let unknown =
            "Failed to connect to 'missing.test:PORT': failed to lookup address information: Name or service not known";
        let expected = format!("localhost int\nin.the.file int\nserved.test int\n{unknown}\ntrue\n");
        assert_eq!(outcome.out(), expected, "{}", outcome.describe());
    });
}

/// A peer that resets ends what waits on its stream with an error that names it, never with a signal.
#[test]
fn peers_that_reset() {
    let text = r#"
        import "std/http" as http;
        import "std/net" as net;
        let listener = net.tcp_bind("127.0.0.1", 0);
        println(f"port {net.tcp_local_port(listener)}");
        async fn meet : what, stream {
            let peer = net.tcp_peer_addr(stream);
            await net.tcp_write(stream, "now\n");
            try {
                for round in 0..1000 {
                    if what == "read" { await net.tcp_read(stream, 10); }
                    if what == "bytes" { await net.tcp_read_bytes(stream, 10); }
                    if what == "line" { await net.tcp_read_line(stream); }
                    if what == "request" { await http.read_request(stream, 10); }
                    if what == "write" { await net.tcp_write(stream, "x".repeat(100000)); }
                }
                return "it goes on";
            } catch error {
                net.tcp_close(stream);
                return f"{what}: {error.replace(peer, "PEER")}";
            }
        }
        let met = [];
        while true {
            let stream = await net.tcp_accept(listener);
            let what = await net.tcp_read_line(stream);
            if what == "report" {
                for outcome in met { await net.tcp_write(stream, f"{outcome}\n"); }
                net.tcp_close(stream);
                break;
            }
            met.push(await meet(what, stream));
        }
    "#;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let source = folder.path().join("resets.walrus");
    std::fs::write(&source, text).expect("writable");
    for flags in MODES {
        let server = Server::start(&source, flags, &[]);
        for what in ["read", "bytes", "line", "request", "write"] {
            let mut client = connect(&server);
            client.say(what);
            assert_eq!(client.hear(), "now");
            server::reset(client.0.into_inner());
        }
        let mut client = connect(&server);
        client.say("report");
        for what in ["read", "bytes", "line", "request", "write"] {
            let verb = if what == "write" { "write to" } else { "read from" };
            let heard = client.hear();
            let reasons = ["Connection reset by peer", "Broken pipe"];
            let is_expected = |reason: &&str| heard == format!("{what}: Failed to {verb} 'PEER': {reason}");
            assert!(reasons.iter().any(is_expected), "{heard}");
        }
    }
}
