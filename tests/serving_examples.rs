//! The programs of `examples/servers`, each driven by clients of another make: the standard library of Rust.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use support::{run, walrus_run, walrusc};

/// A server that ends with the test.
struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(example: &str, flags: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let program = folder.path().join("program.wbc");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/servers").join(example);
        let compiled = run(walrusc().arg(source).arg("-o").arg(&program), b"").expect("walrusc runs");
        assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
        let mut process =
            walrus_run().args(flags).arg(&program).stdout(Stdio::piped()).spawn().expect("walrus-run runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("the server says its port");
        let port =
            line.trim().rsplit(' ').next().and_then(|port| port.parse().ok()).expect("the line ends in the port");
        Server { process, port, _folder: folder }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit can be set");
        Client(BufReader::new(stream))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended by itself, the test has failed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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

const MODES: [&[&str]; 3] =
    [&[], &["--jit", "--jit-threshold", "1", "--jit-function-threshold", "1"], &["--task-stress"]];

#[test]
fn an_echo_server_answers_many_at_once() {
    for flags in MODES {
        let server = Server::start("echo.walrus", flags);
        let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
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
        let server = Server::start("chat.walrus", flags);
        let mut members: Vec<Client> = Vec::new();
        for number in 0..20 {
            let mut member = server.connect();
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
