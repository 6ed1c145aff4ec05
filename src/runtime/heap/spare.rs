//! Memory of objects that were freed, kept for the next ones: small buffers of lists and strings, and tables of small
//! dicts.
//!
//! A sweep frees them by the thousand, and the program asks for as many of the same sizes. The system's allocator joins
//! neighbours each time and splits them again, which took a fifth of the time of programs that cut texts into lists.

use std::ptr::{self, NonNull};

use super::buffer;
use super::free_lists::FreeLists;
use crate::runtime::object::SpareTables;

/// Sizes are rounded up to multiples of this, which is what buffers are aligned to.
const GRANULE: usize = 16;
/// Larger buffers are the system's.
const LARGEST: usize = 256;
/// The most memory that is kept in buffers, in bytes.
const MOST: usize = 4 << 20;

/// See the module documentation.
#[derive(Default)]
pub(in crate::runtime) struct Spare {
    pub tables: SpareTables,
    pub buffers: SpareBuffers,
}

impl Spare {
    /// Keeps nothing from now on. Where memory is short, what is kept is what others want; and what is used again
    /// stands all over the system's, which then has no large piece left.
    pub fn none() -> Spare {
        let mut none = Spare::default();
        none.tables.close();
        none.buffers.free.close();
        none
    }
}

/// Free buffers by size: the pieces of a class are buffers of its size from [`buffer`].
pub(in crate::runtime) struct SpareBuffers {
    free: FreeLists<{ LARGEST / GRANULE }>,
}

impl Default for SpareBuffers {
    fn default() -> Self {
        SpareBuffers { free: FreeLists::new(MOST) }
    }
}

/// The class of buffers of so many bytes, if they are small, and how large those are.
fn class_of(size: usize) -> Option<(usize, usize)> {
    let rounded = size.next_multiple_of(GRANULE);
    (size > 0 && rounded <= LARGEST).then(|| (rounded / GRANULE - 1, rounded))
}

impl SpareBuffers {
    /// A buffer of at least so many bytes; `None` if the system has no memory left.
    #[inline]
    fn allocate(&mut self, size: usize) -> Option<NonNull<u8>> {
        let Some((class, rounded)) = class_of(size) else { return buffer::allocate(size) };
        self.free.take(class, rounded).or_else(|| buffer::allocate(rounded))
    }

    /// Frees a buffer, or keeps it; nothing if the size is 0.
    ///
    /// # Safety
    /// `data` is a buffer of `size` bytes from [`SpareBuffers::resize`] that is not used afterwards.
    #[inline(never)]
    pub unsafe fn free(&mut self, data: *mut u8, size: usize) {
        // SAFETY: the buffer is the caller's to give away; `allocate` has rounded small sizes, and a small one is large
        // enough and aligned for a link.
        unsafe {
            match class_of(size) {
                Some((class, rounded)) if self.free.has_room_for(rounded) => self.free.keep(class, data, rounded),
                class => buffer::free(data, class.map_or(size, |(_, rounded)| rounded)),
            }
        }
    }

    /// Makes (`old_size` 0), changes or frees (`new_size` 0) a buffer, keeping its contents; `None`, and the old buffer
    /// unchanged, if there is no memory left.
    ///
    /// # Safety
    /// `data` is a buffer of `old_size` bytes from this function, and is replaced by the result.
    pub unsafe fn resize(&mut self, data: *mut u8, old_size: usize, new_size: usize) -> Option<*mut u8> {
        let (old_class, new_class) = (class_of(old_size), class_of(new_size));
        if old_class.is_some() && old_class == new_class {
            return Some(data);
        }
        // SAFETY: passed on to the caller, with neither size rounded or both; what is copied is no larger than either
        // buffer, which are different ones, and the old one is the caller's to give away.
        unsafe {
            if old_class.is_none() && new_class.is_none() {
                return buffer::resize(data, old_size, new_size);
            }
            let new = match new_size {
                0 => NonNull::<u128>::dangling().cast(),
                _ => self.allocate(new_size)?,
            };
            ptr::copy_nonoverlapping(data, new.as_ptr(), old_size.min(new_size));
            self.free(data, old_size);
            Some(new.as_ptr())
        }
    }
}

impl Drop for SpareBuffers {
    fn drop(&mut self) {
        for size in (GRANULE..=LARGEST).step_by(GRANULE) {
            while let Some(data) = self.free.take(size / GRANULE - 1, size) {
                // SAFETY: by the invariant it is a buffer of this size that nothing else uses.
                unsafe { buffer::free(data.as_ptr(), size) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes the size of a buffer and shows what it holds.
    fn resized(
        spare: &mut SpareBuffers,
        data: *mut u8,
        old: usize,
        new: usize,
        see: impl FnOnce(&mut [u8]),
    ) -> *mut u8 {
        // SAFETY: each test gives the buffer that it was given last, which has this size; what is new in it is set.
        unsafe {
            let data = spare.resize(data, old, new).expect("there is memory");
            if new > old {
                data.add(old).write_bytes(0, new - old);
            }
            see(std::slice::from_raw_parts_mut(data, new));
            data
        }
    }

    #[test]
    fn buffers_keep_their_contents_through_all_sizes() {
        let mut spare = SpareBuffers::default();
        let (mut data, mut old) = (ptr::null_mut(), 0);
        for size in [1, 16, 17, 64, 250, 256, 257, 1000, 70_000, 300, 256, 40, 0] {
            data = resized(&mut spare, data, old, size, |bytes| {
                let kept = old.min(size);
                assert!(bytes[..kept].iter().enumerate().all(|(i, byte)| *byte == i as u8), "{old} to {size}");
                bytes.iter_mut().enumerate().for_each(|(i, byte)| *byte = i as u8);
            });
            old = size;
        }
    }

    #[test]
    fn freed_buffers_are_given_again_up_to_a_limit() {
        let mut spare = SpareBuffers::default();
        let make = |spare: &mut SpareBuffers| resized(spare, ptr::null_mut(), 0, 100, |_| ());
        let free = |spare: &mut SpareBuffers, data| _ = resized(spare, data, 100, 0, |_| ());
        let first = make(&mut spare);
        free(&mut spare, first);
        assert_eq!(make(&mut spare), first);
        let many: Vec<*mut u8> = (0..2 * MOST / 112).map(|_| make(&mut spare)).collect();
        many.into_iter().for_each(|data| free(&mut spare, data));
        assert!(!spare.free.has_room_for(MOST / 2) && spare.free.has_room_for(0));
        free(&mut spare, first);
    }
}
