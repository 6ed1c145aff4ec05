//! Deadlines of connections, of which there may be thousands and which nearly always move before they come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A deadline that never comes.
pub(super) const NEVER: u64 = u64::MAX;

/// When a connection is to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// Nanoseconds of the host's clock.
    pub time: u64,
    /// When the heap will ask; a later deadline needs no entry of its own until then.
    armed: u64,
}

impl Default for Deadline {
    fn default() -> Deadline {
        Deadline { time: NEVER, armed: NEVER }
    }
}

/// The entries of all connections, the next first: the moment and the handle.
#[derive(Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(u64, usize)>>);

impl Deadlines {
    /// Sees to it that the heap asks for a connection in time.
    pub(super) fn arm(&mut self, handle: usize, deadline: &mut Deadline) {
        if deadline.time < deadline.armed {
            deadline.armed = deadline.time;
            self.0.push(Reverse((deadline.time, handle)));
        }
    }

    pub(super) fn next(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((time, _))| *time)
    }

    /// The handle of an entry whose moment has come, and that moment.
    pub(super) fn pop(&mut self, now: u64) -> Option<(usize, u64)> {
        self.next().filter(|&time| time <= now)?;
        self.0.pop().map(|Reverse((time, handle))| (handle, time))
    }

    /// Whether a connection's deadline has come, now that an entry of that moment was taken out.
    pub(super) fn is_over(&mut self, handle: usize, deadline: &mut Deadline, entry: u64, now: u64) -> bool {
        if entry != deadline.armed {
            return false;
        }
        deadline.armed = NEVER;
        if deadline.time <= now {
            return true;
        }
        self.arm(handle, deadline);
        false
    }
}
