//! Tables of small dicts that were freed, kept for the next ones.
//!
//! Programs that use dicts as records make and drop them by the thousand, and the system's allocator takes longer to
//! join and split the memory of their tables than all else that is done for such a dict.

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::dict::{Entry, UNINDEXED};

/// The most memory that is kept, in bytes.
const MOST: usize = 2 << 20;

/// Empty tables by how many entries they have room for. Each begins with the address of the next: a sweep must not ask
/// for memory.
///
/// Invariant: those in a list are the memory of vectors of that capacity, which nothing else uses.
pub(in crate::runtime) struct SpareTables {
    first: [*mut Entry; UNINDEXED + 1],
    bytes: usize,
    /// How many bytes are kept at most.
    pub most: usize,
}

impl Default for SpareTables {
    fn default() -> Self {
        SpareTables { first: [ptr::null_mut(); UNINDEXED + 1], bytes: 0, most: MOST }
    }
}

impl SpareTables {
    /// An empty table with room for `count` entries.
    #[inline]
    pub fn take(&mut self, count: usize) -> Vec<Entry> {
        let Some(table) = self.first.get(count).copied().and_then(NonNull::new) else {
            return Vec::with_capacity(count);
        };
        self.bytes -= count * size_of::<Entry>();
        // SAFETY: by the invariant it is the memory of a vector with this capacity, which begins with a link since it
        // was kept.
        unsafe {
            self.first[count] = table.cast::<*mut Entry>().read();
            Vec::from_raw_parts(table.as_ptr(), 0, count)
        }
    }

    /// Keeps a table, if it is small and there are not enough; frees it otherwise.
    #[inline]
    pub fn keep(&mut self, table: Vec<Entry>) {
        let (room, size) = (table.capacity(), table.capacity() * size_of::<Entry>());
        if !(1..=UNINDEXED).contains(&room) || self.bytes + size > self.most {
            return;
        }
        let data = ManuallyDrop::new(table).as_mut_ptr();
        // SAFETY: the vector is given up, and an entry is larger than a link.
        unsafe { data.cast::<*mut Entry>().write(self.first[room]) };
        self.first[room] = data;
        self.bytes += size;
    }
}

impl Drop for SpareTables {
    fn drop(&mut self) {
        for room in 1..self.first.len() {
            while !self.first[room].is_null() {
                drop(self.take(room));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_kept_up_to_a_limit() {
        let mut spare = SpareTables::default();
        let table = spare.take(3);
        let address = table.as_ptr();
        spare.keep(table);
        let again = spare.take(3);
        assert_eq!(again.as_ptr(), address);
        for _ in 0..3 * MOST / size_of::<Entry>() {
            spare.keep(Vec::with_capacity(1));
        }
        assert!(spare.bytes <= MOST);
        // Large ones are none of these.
        spare.keep(Vec::with_capacity(1000));
        assert_eq!(spare.take(1000).len(), 0);
    }
}
