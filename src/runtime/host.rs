//! The world outside, as the runtime sees it: one trait, so that the library itself opens no file and reads no clock.

use std::io;

use super::error::{Error, ErrorKind, Result};

/// What the program's surroundings provide.
pub trait Host {
    /// Whether output goes to a terminal, which sees it line by line.
    fn out_is_terminal(&self) -> bool;
    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// A line of input with its newline, or what is left; empty at the end.
    fn read_line(&mut self) -> io::Result<String>;
    /// Milliseconds since 1970.
    fn timestamp(&self) -> i64;
    /// Seconds since some moment before the program started.
    fn clock(&self) -> f64;
    /// Does nothing for so many seconds of [`Host::clock`].
    fn pause(&mut self, seconds: f64);
    fn env(&self, name: &str) -> Option<String>;
    /// The program's path, then the user's arguments.
    fn args(&self) -> &[String];
    fn current_dir(&self) -> io::Result<String>;
    fn open(&mut self, path: &str, mode: OpenMode) -> io::Result<Box<dyn HostFile>>;
    fn exists(&self, path: &str) -> bool;
    fn read_file(&self, path: &str) -> io::Result<String>;
    fn write_file(&mut self, path: &str, text: &str) -> io::Result<()>;
}

/// How a program opens a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    Read,
    /// Emptied or made.
    Write,
    /// Made if missing; writes go to the end.
    Append,
    /// Made if missing, not emptied.
    ReadWrite,
}

/// An open file.
pub trait HostFile {
    /// The rest of the file.
    fn read_rest(&mut self) -> io::Result<String>;
    /// The next line with its newline; empty at the end.
    fn read_line(&mut self) -> io::Result<String>;
    fn write(&mut self, text: &str) -> io::Result<()>;
    fn flush(&mut self) -> io::Result<()>;
}

/// The program's output on its way to the host: in blocks, or line by line on a terminal.
pub struct Output {
    buffer: Vec<u8>,
    by_line: bool,
}

/// Bytes gathered before they are handed to the host.
const BLOCK: usize = 32 << 10;

impl Output {
    pub fn new(by_line: bool) -> Output {
        Output { buffer: Vec::new(), by_line }
    }

    /// Takes text, and what ends it, to be written sooner or later.
    #[inline]
    pub fn write(&mut self, host: &mut dyn Host, bytes: &[u8], end: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend_from_slice(end);
        let ends_line = || bytes.contains(&b'\n') || end.contains(&b'\n');
        if self.buffer.len() >= BLOCK || self.by_line && ends_line() { self.flush(host) } else { Ok(()) }
    }

    /// Writes what is held back. A closed pipe ends the program quietly.
    pub fn flush(&mut self, host: &mut dyn Host) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = host.write_out(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::new(ErrorKind::Exit(0)),
            _ => Error::new(ErrorKind::Unwritable(error.to_string())),
        })
    }
}
