//! Tables of small dicts that were freed, kept for the next ones.
//!
//! Programs that use dicts as records make and drop them by the thousand, and the system's allocator takes longer to
//! join and split the memory of their tables than all else that is done for such a dict.

use super::dict::{Entry, UNINDEXED};

/// The most memory that is kept, in bytes.
const MOST: usize = 2 << 20;

/// Empty tables by how many entries they have room for.
#[derive(Default)]
pub(in crate::runtime) struct SpareTables {
    by_room: [Vec<Vec<Entry>>; UNINDEXED + 1],
    bytes: usize,
}

impl SpareTables {
    /// An empty table with room for `count` entries.
    #[inline]
    pub fn take(&mut self, count: usize) -> Vec<Entry> {
        match self.by_room.get_mut(count).and_then(Vec::pop) {
            Some(table) => {
                self.bytes -= count * size_of::<Entry>();
                table
            }
            None => Vec::with_capacity(count),
        }
    }

    /// Keeps a table, if it is small and there are not enough; frees it otherwise.
    #[inline]
    pub fn keep(&mut self, mut table: Vec<Entry>) {
        let (room, size) = (table.capacity(), table.capacity() * size_of::<Entry>());
        if let Some(tables) = self.by_room.get_mut(room)
            && room > 0
            && self.bytes + size <= MOST
        {
            table.clear();
            tables.push(table);
            self.bytes += size;
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
