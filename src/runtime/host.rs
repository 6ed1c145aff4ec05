//! The world outside, as the runtime sees it: one trait, so that the library itself opens no file and reads no clock.

use std::io;
use std::sync::Arc;

use super::output::Pending;

/// What the program's surroundings provide.
pub trait Host {
    /// Whether output goes to a terminal, which sees it line by line.
    fn out_is_terminal(&self) -> bool;
    /// Told before anything is printed where output waits, for a host that must write it however the process ends.
    fn keep_output(&mut self, _pending: &Arc<Pending>) {}
    /// Writes some of the output that waits, through [`Pending::write_with`].
    fn write_out(&mut self, pending: &Pending) -> io::Result<()>;
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
