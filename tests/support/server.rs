//! A server written in Walrus, for tests that are its clients.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::support::{run, walrus_run, walrusc};

/// How long an answer may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The flags of the modes in which every server is tried.
pub const MODES: [&[&str]; 3] =
    [&[], &["--jit", "--jit-threshold", "1", "--jit-function-threshold", "1"], &["--task-stress"]];

/// A server that ends with the test.
pub struct Server {
    pub process: Child,
    pub port: u16,
    pub errors: Option<ChildStderr>,
    /// Kept open: what the program prints goes somewhere.
    _output: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts a program, whose first line of output ends in its port.
    pub fn start(source: &Path, flags: &[&str], arguments: &[&str]) -> Server {
        Server::start_by(walrus_run(), source, flags, arguments)
    }

    /// As [`Server::start`], by a command that runs `walrus-run` in some way.
    pub fn start_by(mut command: Command, source: &Path, flags: &[&str], arguments: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let program = folder.path().join("program.wbc");
        let compiled = run(walrusc().arg(source).arg("-o").arg(&program), b"").expect("walrusc runs");
        assert_eq!(compiled.status, Some(0), "{}", compiled.describe());
        assert!(compiled.stderr.is_empty(), "{}", compiled.describe());
        let mut process = command
            .args(flags)
            .arg(&program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("walrus-run runs");
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        output.read_line(&mut line).expect("the server says its port");
        let errors = process.stderr.take();
        let port =
            line.trim().rsplit(' ').next().and_then(|port| port.parse().ok()).expect("the line ends in the port");
        Server { process, port, errors, _output: output, _folder: folder }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit can be set");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time limit can be set");
        stream.set_nodelay(true).expect("the stream is open");
        stream
    }

    /// Ends the program, if it has not ended by itself; what it wrote to standard error.
    pub fn errors(mut self) -> String {
        // If it has ended there is nothing to kill.
        let _ = self.process.kill();
        let mut text = String::new();
        self.errors.take().expect("it is piped").read_to_string(&mut text).expect("readable");
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended by itself, the test has failed already, or has waited for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `walrus-run` with few handles for files.
#[cfg(unix)]
pub fn with_few_handles() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 24; exec \"$0\" \"$@\""]).arg(walrus_run().get_program());
    command
}

/// Ends a connection by a reset, whatever has not been read or sent.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("open");
}

/// All that comes until the other side ends the connection, or resets it.
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return bytes,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return bytes,
            Err(error) => {
                panic!("the server does not answer in time: {error}; so far {}", String::from_utf8_lossy(&bytes))
            }
        }
    }
}
