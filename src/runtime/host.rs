//! The world outside, as the runtime sees it: one trait, so that the library itself opens no file and reads no clock.

use std::io;
use std::sync::Arc;

use super::network::Network;
use super::output::Pending;

/// What the program's surroundings provide.
pub trait Host {
    /// Whether output goes to a terminal, which sees it line by line.
    fn out_is_terminal(&self) -> bool;
    /// Told before anything is printed where output waits, for a host that must write it however the process ends.
    fn keep_output(&mut self, _pending: &Arc<Pending>) {}
    /// Writes some of the output that waits, through [`Pending::write_with`].
    fn write_out(&mut self, pending: &Pending) -> io::Result<()>;
    /// A line of input with its newline, or what is left; empty at the end. More than `most` bytes are the error
    /// [`io::ErrorKind::FileTooLarge`], here and below.
    fn read_line(&mut self, most: usize) -> io::Result<String>;
    /// Milliseconds since 1970.
    fn timestamp(&self) -> i64;
    /// Seconds since some moment before the program started.
    fn clock(&self) -> f64;
    /// The same in nanoseconds, by which timers go.
    fn nanoseconds(&self) -> u64 {
        (self.clock() * 1e9) as u64
    }
    /// Does nothing for so many seconds of [`Host::clock`].
    fn pause(&mut self, seconds: f64);
    /// Opens the network; the runtime asks once.
    fn network(&mut self) -> io::Result<Box<dyn Network>>;
    fn env(&self, name: &str) -> Option<String>;
    /// The program's path, then the user's arguments.
    fn args(&self) -> &[String];
    fn current_dir(&self) -> io::Result<String>;
    fn open(&mut self, path: &str, mode: OpenMode) -> io::Result<Box<dyn HostFile>>;
    fn exists(&self, path: &str) -> bool;
    fn read_file(&self, path: &str, most: usize) -> io::Result<Vec<u8>>;
    fn write_file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;

    // What follows a host need not have: without it, programs get an error that says so.

    /// Whether the program may do what a part of the library is for.
    fn permits(&self, _: Capability) -> bool {
        true
    }
    /// All that is left of the input.
    fn read_input(&mut self, _most: usize) -> io::Result<Vec<u8>> {
        unsupported()
    }
    /// Writes to standard error, past the program's output.
    fn write_error(&mut self, _: &[u8]) -> io::Result<()> {
        unsupported()
    }
    /// Says something that is not the program's output. There is nobody to tell that this failed.
    fn tell(&mut self, text: &str) {
        let _ = self.write_error(text.as_bytes());
    }
    fn append_file(&mut self, _path: &str, _bytes: &[u8]) -> io::Result<()> {
        unsupported()
    }
    fn info(&self, _path: &str) -> io::Result<FileInfo> {
        unsupported()
    }
    /// The names in a folder, in any order.
    fn list_dir(&self, _path: &str) -> io::Result<Vec<String>> {
        unsupported()
    }
    /// Makes a folder and those that it is to be in; one that is there is fine.
    fn make_dir(&mut self, _path: &str) -> io::Result<()> {
        unsupported()
    }
    /// Removes a file or an empty folder.
    fn remove(&mut self, _path: &str) -> io::Result<()> {
        unsupported()
    }
    /// Removes a file, or a folder with all in it.
    fn remove_all(&mut self, _path: &str) -> io::Result<()> {
        unsupported()
    }
    fn rename(&mut self, _from: &str, _to: &str) -> io::Result<()> {
        unsupported()
    }
    fn copy(&mut self, _from: &str, _to: &str) -> io::Result<()> {
        unsupported()
    }
    /// The folder for what need not last.
    fn temp_dir(&self) -> String {
        "/tmp".to_owned()
    }
    /// Makes a new folder there; its path.
    fn make_temp_dir(&mut self) -> io::Result<String> {
        unsupported()
    }
    /// Whether it has a function of `host/MODULE` that takes so many arguments. A program that imports others is not
    /// run.
    fn offers(&self, _module: &str, _function: &str, _arguments: usize) -> bool {
        false
    }
    /// Calls such a function. An error is one of the Walrus program, which may catch its text.
    fn call(&mut self, module: &str, function: &str, _arguments: Vec<HostValue>) -> Result<HostValue, String> {
        Err(format!("host/{module} has no function '{function}'"))
    }
    /// Runs a program, which reads `input`, to its end.
    fn run(&mut self, _program: &str, _args: &[String], _input: &str, _most: usize) -> io::Result<EndedProcess> {
        unsupported()
    }
}

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A part of the library that a host may forbid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Capability {
    /// std/fs
    Fs,
    /// std/net, and of std/http what uses it
    Net,
    /// std/process
    Process,
    /// sys.env_get
    Env,
    /// std/io
    Io,
}

impl Capability {
    pub const ALL: [Capability; 5] =
        [Capability::Fs, Capability::Net, Capability::Process, Capability::Env, Capability::Io];

    /// What a program must be permitted to call a built-in that reaches the outside world.
    pub fn needed(module: &str, name: &str) -> Option<Capability> {
        match (module, name) {
            ("std/fs", _) => Some(Capability::Fs),
            ("std/net", _) | ("std/http", "read_request" | "serve" | "fetch") => Some(Capability::Net),
            ("std/process", _) => Some(Capability::Process),
            ("std/sys", "env_get") => Some(Capability::Env),
            ("std/io", _) => Some(Capability::Io),
            _ => None,
        }
    }
}

/// A value on its way between a program and the one that embeds it: data, copied.
#[derive(Clone, PartialEq, Debug)]
pub enum HostValue {
    Void,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<HostValue>),
    Tuple(Vec<HostValue>),
    /// In the order of its entries.
    Dict(Vec<(HostValue, HostValue)>),
}

/// What there is at a path.
#[derive(Clone, Copy, Debug)]
pub struct FileInfo {
    pub is_file: bool,
    pub is_dir: bool,
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified: i64,
}

/// A program that was run.
#[derive(Clone, Debug)]
pub struct EndedProcess {
    /// The exit status, or minus the number of the signal that ended it.
    pub status: i32,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
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
    fn read_rest(&mut self, most: usize) -> io::Result<String>;
    /// The next line with its newline; empty at the end.
    fn read_line(&mut self, most: usize) -> io::Result<String>;
    fn write(&mut self, text: &str) -> io::Result<()>;
    fn flush(&mut self) -> io::Result<()>;
}
