//! Tuples and ranges: immutable sequences.

use std::mem::offset_of;

use super::{Gc, Header, ObjKind};
use crate::runtime::heap::Heap;
use crate::runtime::value::Value;

/// An immutable sequence; the items follow inline.
#[repr(C)]
pub struct Tuple {
    header: Header,
    len: usize,
    items: [Value; 0],
}

impl Tuple {
    pub const LEN_OFFSET: usize = offset_of!(Tuple, len);
    pub const ITEMS_OFFSET: usize = offset_of!(Tuple, items);

    /// A tuple of these items.
    #[inline]
    pub fn new(heap: &mut Heap, items: &[Value]) -> Gc<Tuple> {
        let header = heap.header(ObjKind::Tuple, 0, 0);
        let tuple = Tuple { header, len: items.len(), items: [] };
        // SAFETY: `Tuple` has a trailing array of `Value`, and `len` says how many items follow.
        unsafe { heap.alloc_with_items(tuple, items, Self::ITEMS_OFFSET) }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub fn items(&self) -> &[Value] {
        // SAFETY: `new` wrote `len` items behind the struct, and they never change.
        unsafe { std::slice::from_raw_parts(self.items.as_ptr(), self.len) }
    }
}

/// `start..end`, end exclusive.
#[repr(C)]
pub struct Range {
    header: Header,
    pub start: i64,
    pub end: i64,
}

impl Range {
    pub const START_OFFSET: usize = offset_of!(Range, start);
    pub const END_OFFSET: usize = offset_of!(Range, end);

    #[inline]
    pub fn new(heap: &mut Heap, start: i64, end: i64) -> Gc<Range> {
        let header = heap.header(ObjKind::Range, 0, 0);
        heap.alloc(Range { header, start, end })
    }

    /// How many ints it holds; `None` if that is more than the largest int.
    pub fn len(&self) -> Option<i64> {
        if self.is_empty() { Some(0) } else { self.end.checked_sub(self.start) }
    }

    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_range_wider_than_an_int_is_no_int() {
        let mut heap = Heap::new();
        assert_eq!(Range::new(&mut heap, i64::MIN, i64::MAX).len(), None);
        assert_eq!(Range::new(&mut heap, 3, 1).len(), Some(0));
        assert_eq!(Range::new(&mut heap, -2, 3).len(), Some(5));
    }
}
