//! What the integration tests share: where the two programs are, and how to run one with a time limit.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program that has not ended by then hangs. Generous, because debug builds share small machines.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How a program ended and what it wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// `None` when a signal ended it.
    pub status: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Outcome {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The whole outcome, shortened, for the message of a failed test.
    pub fn describe(&self) -> String {
        format!("status {:?}\n--- stdout\n{}\n--- stderr\n{}", self.status, shorten(&self.out()), shorten(&self.err()))
    }
}

/// At most some screens of a text, cut in the middle.
pub fn shorten(text: &str) -> String {
    const HALF: usize = 3000;
    if text.len() <= 2 * HALF {
        return text.to_owned();
    }
    let head: String = text.chars().take(HALF).collect();
    let tail: Vec<char> = text.chars().rev().take(HALF).collect();
    format!("{head}\n[…]\n{}", tail.into_iter().rev().collect::<String>())
}

/// The compiler, with no environment that could change its output.
pub fn walrusc() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_walrusc")))
}

/// The runner, likewise.
pub fn walrus_run() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_walrus-run")))
}

/// A program with no environment that could change its output.
pub fn clean(mut command: Command) -> Command {
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("RUST_BACKTRACE");
    command
}

/// Runs a command with the given standard input; an error when it does not end in time.
pub fn run(command: &mut Command, stdin: &[u8]) -> Result<Outcome, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let mut input = child.stdin.take().expect("stdin is piped");
    let mut out = child.stdout.take().expect("stdout is piped");
    let mut err = child.stderr.take().expect("stderr is piped");
    std::thread::scope(|scope| {
        // A program that reads nothing may close its end; that is its right.
        let feeder = scope.spawn(move || drop(input.write_all(stdin)));
        let reader = scope.spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).map(|_| bytes)
        });
        let complaints = scope.spawn(move || {
            let mut bytes = Vec::new();
            err.read_to_end(&mut bytes).map(|_| bytes)
        });
        let deadline = Instant::now() + TIME_LIMIT;
        let mut pause = Duration::from_micros(500);
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
                return Err(format!("{command:?} did not end within {} s", TIME_LIMIT.as_secs()));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        feeder.join().expect("the feeder does not panic");
        let stdout = reader.join().expect("the reader does not panic").map_err(|error| error.to_string())?;
        let stderr = complaints.join().expect("the reader does not panic").map_err(|error| error.to_string())?;
        Ok(Outcome { status: status.code(), stdout, stderr })
    })
}
