//! Memory of objects that were freed, kept for the next ones: small buffers of lists and strings, and tables of small
//! dicts.
//!
//! A sweep frees them by the thousand, and the program asks for as many of the same sizes. The system's allocator joins
//! neighbours each time and splits them again, which took a fifth of the time of programs that cut texts into lists.

use std::ptr::{self, NonNull};

use super::buffer;
use crate::runtime::object::SpareTables;

/// Sizes are rounded up to multiples of this, which is what buffers are aligned to.
const GRANULE: usize = 16;
/// Larger buffers are the system's.
const LARGEST: usize = 256;
const CLASSES: usize = LARGEST / GRANULE;
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
        (none.tables.most, none.buffers.most) = (0, 0);
        none
    }
}

/// A free buffer begins with the address of the next one of its size.
struct Free {
    next: *mut Free,
}

/// Free buffers by size.
///
/// Invariant: those in the list of a class are buffers of its size from [`buffer`], which nothing else uses.
pub(in crate::runtime) struct SpareBuffers {
    first: [*mut Free; CLASSES],
    bytes: usize,
    /// How many bytes are kept at most.
    most: usize,
}

impl Default for SpareBuffers {
    fn default() -> Self {
        SpareBuffers { first: [ptr::null_mut(); CLASSES], bytes: 0, most: MOST }
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
        let Some(free) = NonNull::new(self.first[class]) else { return buffer::allocate(rounded) };
        // SAFETY: by the invariant it is a free buffer of this class, which was written when it was freed.
        self.first[class] = unsafe { free.as_ref().next };
        self.bytes -= rounded;
        Some(free.cast())
    }

    /// Frees a buffer, or keeps it; nothing if the size is 0.
    ///
    /// # Safety
    /// `data` is a buffer of `size` bytes from [`SpareBuffers::resize`] that is not used afterwards.
    #[inline(never)]
    pub unsafe fn free(&mut self, data: *mut u8, size: usize) {
        let class = class_of(size);
        let kept = class.filter(|(_, rounded)| self.bytes + rounded <= self.most);
        // SAFETY: the buffer is the caller's to give away, and a small one is large enough and aligned for the link;
        // `allocate` has rounded small sizes.
        unsafe {
            let Some((class, rounded)) = kept else {
                return buffer::free(data, class.map_or(size, |(_, rounded)| rounded));
            };
            if cfg!(debug_assertions) {
                data.write_bytes(super::blocks::POISON, rounded);
            }
            data.cast::<Free>().write(Free { next: self.first[class] });
            self.first[class] = data.cast();
            self.bytes += rounded;
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
        if old_class.is_none() && new_class.is_none() {
            // SAFETY: passed on to the caller; neither size is rounded.
            return unsafe { buffer::resize(data, old_size, new_size) };
        }
        let new = match new_size {
            0 => NonNull::<u128>::dangling().cast(),
            _ => self.allocate(new_size)?,
        };
        // SAFETY: both are at least as large as what is copied, and different buffers; the old one is the caller's to
        // give away.
        unsafe {
            ptr::copy_nonoverlapping(data, new.as_ptr(), old_size.min(new_size));
            self.free(data, old_size);
        }
        Some(new.as_ptr())
    }
}

impl Drop for SpareBuffers {
    fn drop(&mut self) {
        for (class, first) in self.first.into_iter().enumerate() {
            let mut next = first;
            while let Some(free) = NonNull::new(next) {
                // SAFETY: by the invariant; the link is read before its buffer is freed.
                unsafe {
                    next = free.as_ref().next;
                    buffer::free(free.as_ptr().cast(), (class + 1) * GRANULE);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_keep_their_contents_through_all_sizes() {
        let mut spare = SpareBuffers::default();
        let sizes = [1, 16, 17, 64, 250, 256, 257, 1000, 70_000, 300, 256, 40, 0];
        let (mut data, mut old, mut kept) = (ptr::null_mut(), 0, 0);
        for size in sizes {
            // SAFETY: the buffer is the one that was given before.
            unsafe {
                data = spare.resize(data, old, size).expect("there is memory");
                kept = if old == 0 { 0 } else { kept.min(size) };
                for index in 0..kept {
                    assert_eq!(data.add(index).read(), index as u8, "{old} to {size}");
                }
                for index in 0..size {
                    data.add(index).write(index as u8);
                }
            }
            (old, kept) = (size, size);
        }
    }

    #[test]
    fn freed_buffers_are_given_again_up_to_a_limit() {
        let mut spare = SpareBuffers::default();
        let make = |spare: &mut SpareBuffers| spare.allocate(100).expect("there is memory").as_ptr();
        // SAFETY: each buffer is freed once before it is given again.
        let free = |spare: &mut SpareBuffers, data| unsafe { spare.free(data, 100) };
        let first = make(&mut spare);
        free(&mut spare, first);
        assert_eq!(make(&mut spare), first);
        let many: Vec<*mut u8> = (0..2 * MOST / 112).map(|_| make(&mut spare)).collect();
        many.into_iter().for_each(|data| free(&mut spare, data));
        assert!(spare.bytes <= MOST && spare.bytes > MOST / 2);
        free(&mut spare, first);
    }
}
