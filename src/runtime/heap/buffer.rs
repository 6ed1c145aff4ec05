//! Memory for large objects and for the storage of lists and strings.
//!
//! Big buffers come from the operating system's own allocator, whatever the program's global one is: it grows them by
//! remapping pages, so a list of ten million ints never exists twice while it grows.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::NonNull;

use super::reserve;

/// Buffers of at least this many bytes come from the system allocator.
const BIG: usize = 64 << 10;
const ALIGN: usize = 16;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, ALIGN).ok()
}

/// A new buffer; `None` if the system has no memory left.
pub fn allocate(size: usize) -> Option<NonNull<u8>> {
    debug_assert!(size > 0);
    let layout = layout(size)?;
    // SAFETY: the layout is not empty.
    NonNull::new(unsafe { if size >= BIG { System.alloc(layout) } else { std::alloc::alloc(layout) } })
}

/// Frees a buffer of `size` bytes; nothing if the size is 0.
///
/// # Safety
/// `data` is a buffer of `size` bytes from this module that is not used afterwards.
pub unsafe fn free(data: *mut u8, size: usize) {
    if size == 0 {
        return;
    }
    let layout = layout(size).expect("the buffer was allocated with this layout");
    // SAFETY: the same layout, and so the same allocator, as when it was allocated.
    unsafe { if size >= BIG { System.dealloc(data, layout) } else { std::alloc::dealloc(data, layout) } }
}

/// Changes the size of a buffer, keeping its contents; `None`, and the old buffer unchanged, if there is no memory
/// left.
///
/// # Safety
/// `data` is a buffer of `old_size` bytes from this module, and is replaced by the result.
pub unsafe fn resize(data: *mut u8, old_size: usize, new_size: usize) -> Option<*mut u8> {
    // SAFETY: the layouts are those of the allocation; copies stay within the smaller of both buffers, which do not
    // overlap.
    unsafe {
        if new_size == 0 {
            free(data, old_size);
            return Some(NonNull::<u128>::dangling().as_ptr().cast());
        }
        if old_size == 0 {
            return Some(allocate(new_size)?.as_ptr());
        }
        let old_layout = layout(old_size)?;
        layout(new_size)?;
        match (old_size >= BIG, new_size >= BIG) {
            (true, true) => NonNull::new(System.realloc(data, old_layout, new_size)),
            (false, false) => NonNull::new(std::alloc::realloc(data, old_layout, new_size)),
            _ => {
                let new = allocate(new_size)?;
                std::ptr::copy_nonoverlapping(data, new.as_ptr(), old_size.min(new_size));
                free(data, old_size);
                Some(new)
            }
        }
        .map(NonNull::as_ptr)
    }
}

/// A new buffer, at the expense of a reserve if need be. Ends the process, as Rust's own collections do, if nothing
/// helps.
pub fn allocate_or_end(size: usize) -> NonNull<u8> {
    let layout = layout(size).expect("the heap bounds the size of objects");
    // SAFETY: the layout is not empty: objects have headers.
    let data = unsafe { if size >= BIG { reserve::allocate(layout) } else { std::alloc::alloc(layout) } };
    NonNull::new(data).unwrap_or_else(|| std::alloc::handle_alloc_error(layout))
}
