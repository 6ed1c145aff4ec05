//! Tables of small dicts that were freed, kept for the next ones.
//!
//! Programs that use dicts as records make and drop them by the thousand, and the system's allocator takes longer to
//! join and split the memory of their tables than all else that is done for such a dict.

use std::mem::ManuallyDrop;

use super::dict::{Entry, UNINDEXED};
use crate::runtime::heap::FreeLists;

/// The most memory that is kept, in bytes.
const MOST: usize = 2 << 20;

/// Empty tables by how many entries they have room for: the pieces of a class are the memory of vectors of that
/// capacity.
pub(in crate::runtime) struct SpareTables {
    free: FreeLists<{ UNINDEXED + 1 }>,
}

impl Default for SpareTables {
    fn default() -> Self {
        SpareTables { free: FreeLists::new(MOST) }
    }
}

impl SpareTables {
    /// Keeps nothing from now on.
    pub fn close(&mut self) {
        self.free.close();
    }

    /// An empty table with room for `count` entries.
    #[inline]
    pub fn take(&mut self, count: usize) -> Vec<Entry> {
        match self.free.take(count, count * size_of::<Entry>()) {
            // SAFETY: by the invariant it is the memory of a vector with this capacity, which nothing else uses.
            Some(data) => unsafe { Vec::from_raw_parts(data.as_ptr().cast(), 0, count) },
            None => Vec::with_capacity(count),
        }
    }

    /// Keeps a table, if it is small and there are not enough; frees it otherwise.
    #[inline]
    pub fn keep(&mut self, table: Vec<Entry>) {
        let (room, size) = (table.capacity(), table.capacity() * size_of::<Entry>());
        if (1..=UNINDEXED).contains(&room) && self.free.has_room_for(size) {
            let data = ManuallyDrop::new(table).as_mut_ptr();
            // SAFETY: the vector is given up; an entry is larger than an address, and aligned like one.
            unsafe { self.free.keep(room, data.cast(), size) };
        }
    }
}

impl Drop for SpareTables {
    fn drop(&mut self) {
        for room in 1..=UNINDEXED {
            while !self.free.is_empty(room) {
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
        assert!(!spare.free.has_room_for(size_of::<Entry>()) && spare.free.has_room_for(0));
        // Large ones are none of these.
        spare.keep(Vec::with_capacity(1000));
        assert_eq!(spare.take(1000).len(), 0);
    }
}
