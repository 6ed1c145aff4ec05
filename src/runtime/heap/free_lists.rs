//! Pieces of memory that were freed, by size, kept for whoever wants the same size again.

use std::ptr::{self, NonNull};

/// A free piece begins with the address of the next one of its class.
struct Free {
    next: *mut Free,
}

/// Free pieces by class. Keeping and giving one asks nobody for memory.
///
/// Invariant: those in the list of a class are of its size, large enough and aligned for a link, and nothing else uses
/// them.
pub(in crate::runtime) struct FreeLists<const CLASSES: usize> {
    first: [*mut Free; CLASSES],
    bytes: usize,
    /// How many bytes are kept at most.
    most: usize,
}

impl<const CLASSES: usize> FreeLists<CLASSES> {
    pub fn new(most: usize) -> FreeLists<CLASSES> {
        FreeLists { first: [ptr::null_mut(); CLASSES], bytes: 0, most }
    }

    /// Keeps nothing from now on. What is kept stays.
    pub fn close(&mut self) {
        self.most = 0;
    }

    /// Whether a piece of `size` bytes more may be kept.
    #[inline]
    pub fn has_room_for(&self, size: usize) -> bool {
        self.bytes + size <= self.most
    }

    pub fn is_empty(&self, class: usize) -> bool {
        self.first[class].is_null()
    }

    /// A piece of a class, whose size is `size`, if one is kept.
    #[inline]
    pub fn take(&mut self, class: usize, size: usize) -> Option<NonNull<u8>> {
        let free = NonNull::new(*self.first.get(class)?)?;
        // SAFETY: by the invariant it is free memory that begins with a link, which was written when it was kept.
        self.first[class] = unsafe { free.as_ref().next };
        self.bytes -= size;
        Some(free.cast())
    }

    /// Keeps a piece.
    ///
    /// # Safety
    /// It is of `size` bytes, the size of the class, at least those of an address and aligned for one, and the
    /// caller's to give away.
    #[inline]
    pub unsafe fn keep(&mut self, class: usize, data: *mut u8, size: usize) {
        debug_assert!(size >= size_of::<Free>() && data.cast::<Free>().is_aligned());
        // SAFETY: passed on to the caller.
        unsafe {
            if cfg!(debug_assertions) {
                data.write_bytes(super::blocks::POISON, size);
            }
            data.cast::<Free>().write(Free { next: self.first[class] });
        }
        self.first[class] = data.cast();
        self.bytes += size;
    }
}
