//! Running another program to its end.

use std::io::{self, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use super::read_within;
use crate::runtime::host::EndedProcess;

/// Runs a program with pipes for its streams. One that writes more than `most` bytes is ended.
pub fn run(program: &str, args: &[String], input: &str, most: usize) -> io::Result<EndedProcess> {
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // Each stream has a thread: a program that waits for one of them to be read or written may keep the others waiting.
    let streams = thread::scope(|scope| {
        let writer = thread::Builder::new().spawn_scoped(scope, move || {
            // One that ends without reading all of its input is no error.
            stdin.map(|mut stdin| stdin.write_all(input.as_bytes()))
        });
        let reader = thread::Builder::new().spawn_scoped(scope, move || read_stream(stderr, most));
        let readable = writer.as_ref().and(reader.as_ref()).is_ok();
        let out = if readable { read_stream(stdout, most) } else { Err(io::ErrorKind::WouldBlock.into()) };
        if out.is_err() {
            // It would write for ever, or wait for someone to read.
            let _ = child.kill();
        }
        let err = reader?.join().unwrap_or_else(|_| Err(io::Error::other("the reader failed")));
        Ok::<_, io::Error>((out?, err?))
    });
    if streams.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    let (out, err) = streams?;
    Ok(EndedProcess { status: number_of(status), out, err })
}

fn read_stream(stream: Option<impl Read>, most: usize) -> io::Result<Vec<u8>> {
    stream.map_or(Ok(Vec::new()), |mut stream| read_within(&mut stream, most))
}

/// The exit status, or minus the number of the signal that ended the program.
fn number_of(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return -signal;
    }
    status.code().unwrap_or(-1)
}
