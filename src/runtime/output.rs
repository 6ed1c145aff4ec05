//! The program's output on its way to the host: gathered in blocks, or line by line on a terminal.
//!
//! What waits lies in one piece of memory that never moves, with two counts beside it: bytes printed and bytes written.
//! Both change in single stores and in an order that leaves them true at every moment, so that a signal handler, which
//! may come between any two instructions, can write exactly what is left ([`Pending::rest`]).

use std::cell::UnsafeCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::error::{Error, ErrorKind, Result};
use super::host::Host;
use crate::source::reason;

/// Bytes gathered before they are handed to the host.
const BLOCK: usize = 32 << 10;

/// What was printed and not written yet.
pub struct Pending {
    bytes: UnsafeCell<[u8; BLOCK]>,
    /// Bytes that count as printed: those of whole prints, but for prints larger than a block.
    printed: AtomicUsize,
    /// How many of them the host has written.
    written: AtomicUsize,
    /// A write is under way, so `written` may be less than what has left.
    being_written: AtomicBool,
}

// SAFETY: bytes below `printed` do not change until `printed` is 0 again, and only the one `Output` writes above.
// Another thread that reads does so because the process is about to end, and sees bytes of the program's output at
// worst.
unsafe impl Sync for Pending {}

impl Pending {
    fn new() -> Pending {
        Pending {
            bytes: UnsafeCell::new([0; BLOCK]),
            printed: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            being_written: AtomicBool::new(false),
        }
    }

    /// What is still to be written.
    pub fn rest(&self) -> &[u8] {
        let printed = self.printed.load(Ordering::Acquire);
        let written = self.written.load(Ordering::Acquire).min(printed);
        // SAFETY: `printed` is at most the size, and bytes below it do not change while they are read: only `Output`
        // could do that, and it does so after `clear`, on the thread that reads or that waits for the end of the
        // process.
        unsafe { std::slice::from_raw_parts(self.bytes.get().cast::<u8>().add(written), printed - written) }
    }

    /// Whether a write is under way, so that nobody can say what is left.
    pub fn is_being_written(&self) -> bool {
        self.being_written.load(Ordering::Acquire)
    }

    /// Has `write` write some of what is left; it returns how many bytes.
    pub fn write_with(&self, write: impl FnOnce(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        self.being_written.store(true, Ordering::Release);
        let result = write(self.rest());
        if let Ok(count) = result {
            self.written.store(self.written.load(Ordering::Relaxed) + count, Ordering::Release);
        }
        self.being_written.store(false, Ordering::Release);
        match result? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            _ => Ok(()),
        }
    }

    /// Copies bytes to a place that does not count as printed yet.
    #[inline(always)]
    fn put(&self, place: usize, bytes: &[u8]) {
        assert!(bytes.len() <= BLOCK - place);
        // SAFETY: the place lies in the block, and nobody reads what is above `printed`.
        unsafe {
            let place = self.bytes.get().cast::<u8>().add(place);
            place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// In this order, so that nothing counts as left in between.
    fn clear(&self) {
        self.printed.store(0, Ordering::Release);
        self.written.store(0, Ordering::Release);
    }
}

/// See the module documentation.
pub struct Output {
    pending: Arc<Pending>,
    /// Bytes in the block.
    filled: usize,
    by_line: bool,
}

impl Output {
    /// The output of a program, which `host` is told of.
    pub fn new(host: &mut dyn Host) -> Output {
        let pending = Arc::new(Pending::new());
        host.keep_output(&pending);
        Output { pending, filled: 0, by_line: host.out_is_terminal() }
    }

    /// Takes text, and what ends it, to be written sooner or later.
    #[inline]
    pub fn write(&mut self, host: &mut dyn Host, bytes: &[u8], end: &[u8]) -> Result<()> {
        if self.by_line || bytes.len() + end.len() >= BLOCK - self.filled {
            return self.write_slow(host, bytes, end);
        }
        self.pending.put(self.filled, bytes);
        self.pending.put(self.filled + bytes.len(), end);
        self.filled += bytes.len() + end.len();
        self.pending.printed.store(self.filled, Ordering::Release);
        Ok(())
    }

    #[cold]
    fn write_slow(&mut self, host: &mut dyn Host, bytes: &[u8], end: &[u8]) -> Result<()> {
        for mut part in [bytes, end] {
            while !part.is_empty() {
                let (fits, rest) = part.split_at(part.len().min(BLOCK - self.filled));
                self.pending.put(self.filled, fits);
                self.filled += fits.len();
                self.pending.printed.store(self.filled, Ordering::Release);
                if self.filled == BLOCK {
                    self.flush(host)?;
                }
                part = rest;
            }
        }
        let ends_line = bytes.contains(&b'\n') || end.contains(&b'\n');
        if self.by_line && ends_line { self.flush(host) } else { Ok(()) }
    }

    /// Writes what is held back. A closed pipe ends the program quietly.
    pub fn flush(&mut self, host: &mut dyn Host) -> Result<()> {
        let written = self.write_all(host);
        self.pending.clear();
        self.filled = 0;
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Error::new(ErrorKind::Exit(0)),
            _ => Error::new(ErrorKind::Unwritable(reason(&error))),
        })
    }

    fn write_all(&mut self, host: &mut dyn Host) -> io::Result<()> {
        while !self.pending.rest().is_empty() {
            match host.write_out(&self.pending) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => done?,
            }
        }
        Ok(())
    }
}
