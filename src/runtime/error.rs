//! What can interrupt a running program.

use std::fmt;

use super::object::{Gc, Task};
use super::value::Value;

/// The result of an operation that may fail.
pub type Result<T> = std::result::Result<T, Error>;

/// An interruption, boxed so that results stay small: failing is the rare case.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// What a task that is about to be suspended waits for.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// The end of a task.
    Task(Gc<Task>),
    /// Its turn.
    Turn,
    /// Nothing: it goes on at once (testing).
    Nothing,
}

#[derive(Debug)]
pub enum ErrorKind {
    /// `throw value;`
    Thrown(Value),
    /// An error of the language; `catch` sees the message as a string.
    Message(String),
    /// A limit of the run (heap, fuel) was passed: ends the program, nothing catches it.
    Fatal(String),
    /// The operation needs more heap than is left. The interpreter collects garbage and executes the instruction again,
    /// once; the number is the bytes that were asked for.
    NeedsMemory(usize),
    /// The program's output cannot be written: the reason.
    Unwritable(String),
    /// `sys.exit(code)`.
    Exit(i32),
    /// The running task has to wait; the instruction is executed again when it goes on.
    Suspend(Wait),
    /// The running task was cancelled: its frames end, and nothing in them runs.
    Cancelled,
}

const _: () = assert!(size_of::<Error>() == 8);

impl Error {
    #[cold]
    pub fn new(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }

    /// A catchable error of the language.
    #[cold]
    pub fn message(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Message(text.into()))
    }

    #[cold]
    pub fn thrown(value: Value) -> Self {
        Self::new(ErrorKind::Thrown(value))
    }

    #[cold]
    pub fn fatal(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Fatal(text.into()))
    }

    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }

    /// Whether a `catch` of the program may see it.
    pub fn is_catchable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Thrown(_) | ErrorKind::Message(_))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:#x})", self.tag(), self.bits())
    }
}

/// What an uncaught error says first; a thrown value's text takes the program's names, so it is not among them.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Thrown(value) => write!(f, "{value:?}"),
            ErrorKind::Message(text) | ErrorKind::Fatal(text) => f.write_str(text),
            ErrorKind::NeedsMemory(bytes) => write!(f, "{bytes} bytes of memory are needed"),
            ErrorKind::Unwritable(reason) => write!(f, "cannot write the output: {reason}"),
            ErrorKind::Exit(status) => write!(f, "exit with status {status}"),
            ErrorKind::Suspend(_) => f.write_str("the task waits"),
            ErrorKind::Cancelled => f.write_str("task cancelled"),
        }
    }
}
