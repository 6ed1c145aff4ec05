//! Memory put aside for the moment at which the system refuses to give more.
//!
//! Much is allocated by code that cannot fail: the standard library's collections, cells of the heap. So
//! [`WithReserve`], the allocator of the programs, gives a reserve back to the system when it is refused, and asks
//! again. The machine learns of it ([`take_refusal`]), and at its next safepoint collects garbage and fills the reserve
//! anew, or raises `Out of memory`, which the program may catch. There are two reserves: the second is for programs
//! that catch the error and go on as before, and ends them.
//!
//! Large requests never come here: the heap asks the system before it begins with them ([`is_available`]).

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use memmap2::MmapOptions;

/// The reserves, each null while it is spent.
static RESERVES: [AtomicPtr<u8>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];
/// Bytes of each; 0 before [`fill`].
static SIZE: AtomicUsize = AtomicUsize::new(0);
/// A reserve was spent since the machine last asked.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// What is left of the reserves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    Both,
    One,
    None,
}

/// The system's allocator, with a reserve behind it.
#[derive(Clone, Copy, Debug)]
pub struct WithReserve;

// SAFETY: all memory is the system allocator's, which is given the same layouts; spending a reserve touches no memory
// that was given out.
unsafe impl GlobalAlloc for WithReserve {
    /// # Safety
    /// As the trait demands.
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on to the caller.
        unsafe { or_from_reserve(System.alloc(layout), || System.alloc(layout)) }
    }

    /// # Safety
    /// As the trait demands.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on to the caller.
        unsafe { or_from_reserve(System.alloc_zeroed(layout), || System.alloc_zeroed(layout)) }
    }

    /// # Safety
    /// As the trait demands.
    #[inline]
    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        // SAFETY: passed on to the caller.
        unsafe { System.dealloc(data, layout) }
    }

    /// # Safety
    /// As the trait demands.
    #[inline]
    unsafe fn realloc(&self, data: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: passed on to the caller; what was refused has left `data` as it was.
        unsafe { or_from_reserve(System.realloc(data, layout, size), || System.realloc(data, layout, size)) }
    }
}

#[inline(always)]
fn or_from_reserve(given: *mut u8, again: impl Fn() -> *mut u8) -> *mut u8 {
    if given.is_null() { from_reserve(again) } else { given }
}

#[cold]
#[inline(never)]
fn from_reserve(again: impl Fn() -> *mut u8) -> *mut u8 {
    while spend() {
        let given = again();
        if !given.is_null() {
            return given;
        }
    }
    ptr::null_mut()
}

fn layout() -> Layout {
    Layout::from_size_align(SIZE.load(Ordering::Acquire), 16).expect("a small multiple of a page")
}

/// Gives a reserve back to the system; false if there is none.
fn spend() -> bool {
    for reserve in &RESERVES {
        let data = reserve.swap(ptr::null_mut(), Ordering::AcqRel);
        if !data.is_null() {
            REFUSED.store(true, Ordering::Release);
            // SAFETY: allocated by `refill` with this layout, and given to nobody else: it was swapped out.
            unsafe { System.dealloc(data, layout()) };
            return true;
        }
    }
    false
}

/// Puts two reserves of `size` bytes aside, once for the process.
pub fn fill(size: usize) {
    if SIZE.compare_exchange(0, size.max(1 << 16), Ordering::AcqRel, Ordering::Acquire).is_ok() {
        refill();
    }
}

/// Tries to put aside again what was spent; says what is there now. To be called by the thread that runs the program.
pub fn refill() -> Left {
    if SIZE.load(Ordering::Acquire) == 0 {
        return Left::Both;
    }
    let mut left = 0;
    // The second first: it is spent last.
    for reserve in RESERVES.iter().rev() {
        if reserve.load(Ordering::Acquire).is_null() {
            // SAFETY: the layout is not empty.
            let data = unsafe { System.alloc(layout()) };
            if data.is_null() {
                continue;
            }
            reserve.store(data, Ordering::Release);
        }
        left += 1;
    }
    match left {
        2 => Left::Both,
        1 => Left::One,
        _ => Left::None,
    }
}

/// Whether a reserve is missing.
#[inline]
pub fn is_short() -> bool {
    SIZE.load(Ordering::Acquire) != 0 && RESERVES.iter().any(|reserve| reserve.load(Ordering::Acquire).is_null())
}

/// Whether a reserve was spent since the last [`take_refusal`].
#[inline]
pub fn is_refused() -> bool {
    REFUSED.load(Ordering::Relaxed)
}

/// As [`is_refused`], for whoever deals with it.
pub fn take_refusal() -> bool {
    is_refused() && REFUSED.swap(false, Ordering::AcqRel)
}

/// Whether this many bytes could be had at once. The system is asked first, as the allocator would keep what it was
/// given; but it may also have kept enough from before.
pub fn is_available(bytes: usize) -> bool {
    MmapOptions::new().len(bytes).map_anon().is_ok() || has_kept(bytes)
}

#[cold]
fn has_kept(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes.max(1), 16) else { return false };
    // SAFETY: the layout is not empty, and nothing uses the memory.
    unsafe {
        let data = System.alloc(layout);
        if !data.is_null() {
            System.dealloc(data, layout);
        }
        !data.is_null()
    }
}

/// Memory from the system allocator, at the expense of a reserve if need be; null if nothing helps.
///
/// # Safety
/// The layout is not empty.
pub unsafe fn allocate(layout: Layout) -> *mut u8 {
    // SAFETY: passed on to the caller.
    unsafe { WithReserve.alloc(layout) }
}
