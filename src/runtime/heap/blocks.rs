//! Cells for small objects: blocks of 64 KiB, each cut into cells of one size.
//!
//! Sizes are multiples of 16. Each size has a list of free cells and one block that is still being cut ("bumped").
//! Every cell below the bump pointer begins with a [`Header`], whose kind is [`ObjKind::Free`] if it holds no object;
//! that is how the sweep walks a block.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{self, NonNull};

use super::{Swept, release_buffers, reserve};
use crate::runtime::object::{Gc, Header, ObjKind};

/// Cell sizes are multiples of this.
const GRANULE: usize = 16;
/// Objects larger than this get memory of their own.
pub const LARGEST_CELL: usize = 512;
const CLASSES: usize = LARGEST_CELL / GRANULE + 1;
const BLOCK: usize = 64 << 10;
/// Blocks are taken from the system by the chunk. Untouched pages of a chunk cost nothing.
const BLOCKS_PER_CHUNK: usize = 16;
/// What freed cells are filled with in debug builds and under stress, so that a use after free is seen.
pub const POISON: u8 = 0xDB;

/// The size of the cell that holds an object of `size` bytes.
#[inline(always)]
pub fn cell_size(size: usize) -> usize {
    class_of(size) * GRANULE
}

#[inline(always)]
pub fn class_of(size: usize) -> usize {
    size.div_ceil(GRANULE)
}

#[repr(C)]
struct FreeCell {
    header: Header,
    next: *mut FreeCell,
}

const _: () = assert!(size_of::<FreeCell>() <= GRANULE);

/// Byte offsets for native code that takes cells itself: the classes in [`Blocks`], in a class its free cells and the
/// uncut part of its block, and in a free cell the next one.
pub const CLASSES_OFFSET: usize = std::mem::offset_of!(Blocks, classes);
pub const CLASS_SIZE: usize = size_of::<Class>();
pub const FREE_OFFSET: usize = std::mem::offset_of!(Class, free);
pub const NEXT_FREE_OFFSET: usize = std::mem::offset_of!(FreeCell, next);
pub const BUMP_OFFSET: usize = std::mem::offset_of!(Class, bump);
pub const END_OFFSET: usize = std::mem::offset_of!(Class, end);

#[derive(Clone, Copy)]
#[repr(C)]
struct Class {
    free: *mut FreeCell,
    /// The uncut rest of this class's newest block.
    bump: *mut u8,
    end: *mut u8,
}

struct Block {
    start: NonNull<u8>,
    class: u8,
}

impl Block {
    /// Where its last cell ends.
    fn end(&self) -> *mut u8 {
        // SAFETY: the cells fill no more than the block.
        unsafe { self.start.as_ptr().add(cells_end(usize::from(self.class) * GRANULE)) }
    }
}

pub struct Blocks {
    classes: [Class; CLASSES],
    blocks: Vec<Block>,
    /// Blocks without objects, for any class.
    empty: Vec<NonNull<u8>>,
    chunks: Vec<NonNull<u8>>,
}

fn chunk_layout() -> Layout {
    Layout::from_size_align(BLOCK * BLOCKS_PER_CHUNK, BLOCK).expect("a valid constant layout")
}

impl Blocks {
    pub fn new() -> Blocks {
        let class = Class { free: ptr::null_mut(), bump: ptr::null_mut(), end: ptr::null_mut() };
        Blocks { classes: [class; CLASSES], blocks: Vec::new(), empty: Vec::new(), chunks: Vec::new() }
    }

    /// A cell for `size` bytes, at most [`LARGEST_CELL`], if no new block is needed. The caller writes a header into it
    /// at once.
    #[inline(always)]
    pub fn allocate(&mut self, size: usize) -> Option<NonNull<u8>> {
        let index = class_of(size);
        let class = &mut self.classes[index];
        if let Some(cell) = NonNull::new(class.free) {
            // SAFETY: the list links free cells of this class, which only this list knows.
            class.free = unsafe { cell.as_ref().next };
            return Some(cell.cast());
        }
        if class.bump < class.end {
            let cell = class.bump;
            // SAFETY: `bump..end` is the uncut part of a block, a whole number of cells long, so the next one ends
            // inside the block.
            unsafe {
                class.bump = cell.add(index * GRANULE);
                return Some(NonNull::new_unchecked(cell));
            }
        }
        None
    }

    /// A cell for `size` bytes, as [`Blocks::allocate`] gives, in a new block.
    pub fn allocate_in_new_block(&mut self, size: usize) -> NonNull<u8> {
        let index = class_of(size);
        let start = self.take_empty();
        self.blocks.push(Block { start, class: index as u8 });
        let size = index * GRANULE;
        let class = &mut self.classes[index];
        // SAFETY: the block is `BLOCK` bytes long, and a block holds at least one cell.
        unsafe {
            class.bump = start.as_ptr().add(size);
            class.end = start.as_ptr().add(cells_end(size));
        }
        start
    }

    fn take_empty(&mut self) -> NonNull<u8> {
        if let Some(block) = self.empty.pop() {
            return block;
        }
        // SAFETY: the layout is not empty.
        let chunk = unsafe { reserve::allocate(chunk_layout()) };
        let chunk = NonNull::new(chunk).unwrap_or_else(|| std::alloc::handle_alloc_error(chunk_layout()));
        self.chunks.push(chunk);
        for i in (1..BLOCKS_PER_CHUNK).rev() {
            // SAFETY: the chunk has that many blocks.
            self.empty.push(unsafe { chunk.add(i * BLOCK) });
        }
        chunk
    }

    /// Gives chunks in which nothing is alive back to the system. To be called after a sweep, when the system has no
    /// memory left.
    pub fn give_back_empty_chunks(&mut self) {
        self.chunks.sort_unstable();
        let chunk_of = |chunks: &[NonNull<u8>], block: NonNull<u8>| chunks.partition_point(|chunk| *chunk <= block) - 1;
        let mut empty_blocks = vec![0; self.chunks.len()];
        for &block in &self.empty {
            empty_blocks[chunk_of(&self.chunks, block)] += 1;
        }
        let is_empty = |index: usize| empty_blocks[index] == BLOCKS_PER_CHUNK;
        self.empty.retain(|&block| !is_empty(chunk_of(&self.chunks, block)));
        let mut index = 0;
        self.chunks.retain(|chunk| {
            let goes = is_empty(index);
            index += 1;
            if goes {
                // SAFETY: the chunk was allocated with this layout. All its blocks were among the empty ones, and are
                // no longer.
                unsafe { System.dealloc(chunk.as_ptr(), chunk_layout()) };
            }
            !goes
        });
    }

    /// How many chunks were taken from the system.
    #[cfg(test)]
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// Where the cut part of a block ends.
    fn cut_end(&self, block: &Block) -> *mut u8 {
        if self.is_being_cut(block) { self.classes[usize::from(block.class)].bump } else { block.end() }
    }

    fn is_being_cut(&self, block: &Block) -> bool {
        self.classes[usize::from(block.class)].end == block.end()
    }

    /// Calls `visit` with every object, reachable or not.
    pub fn for_each_object(&self, mut visit: impl FnMut(Gc<Header>)) {
        for block in &self.blocks {
            let size = usize::from(block.class) * GRANULE;
            let end = self.cut_end(block);
            let mut cell = block.start.as_ptr();
            while cell < end {
                // SAFETY: every cell below the cut end begins with a header, and those that are not free hold objects.
                unsafe {
                    let header = NonNull::new_unchecked(cell.cast::<Header>());
                    if header.as_ref().kind != ObjKind::Free {
                        visit(Gc::from_non_null(header));
                    }
                    cell = cell.add(size);
                }
            }
        }
    }

    /// Frees every object whose mark is not `colour`, and rebuilds the lists of free cells in the order of addresses
    /// within each block.
    pub fn sweep(&mut self, colour: u8, poison: bool, swept: &mut Swept) {
        let mut tails: [*mut FreeCell; CLASSES] = [ptr::null_mut(); CLASSES];
        for class in &mut self.classes {
            class.free = ptr::null_mut();
        }
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.retain(|block| {
            let index = usize::from(block.class);
            let end = self.cut_end(block);
            // SAFETY: `end` is the end of the cut part of this very block.
            let (first, last, live) = unsafe {
                if !poison && clear_dead_block(block, end, colour, swept) {
                    (ptr::null_mut(), ptr::null_mut(), 0)
                } else {
                    sweep_block(block, end, colour, poison, swept)
                }
            };
            if live == 0 {
                if self.is_being_cut(block) {
                    self.classes[index].bump = ptr::null_mut();
                    self.classes[index].end = ptr::null_mut();
                }
                self.empty.push(block.start);
                return false;
            }
            if !first.is_null() {
                if tails[index].is_null() {
                    self.classes[index].free = first;
                } else {
                    // SAFETY: the tail is a free cell of a block that stays.
                    unsafe { (*tails[index]).next = first };
                }
                tails[index] = last;
            }
            true
        });
        self.blocks = blocks;
    }
}

/// The length of the part of a block that cells of `size` bytes fill.
fn cells_end(size: usize) -> usize {
    BLOCK / size * size
}

/// Frees everything in a block if nothing in it is marked, and leaves its cells as they are, since the block will be
/// cut anew: most blocks are such, and writing free cells into them would be wasted. False if something is marked; then
/// nothing was done.
///
/// # Safety
/// `end` is where the cut part of the block ends.
unsafe fn clear_dead_block(block: &Block, end: *mut u8, colour: u8, swept: &mut Swept) -> bool {
    let size = usize::from(block.class) * GRANULE;
    let (mut objects, mut with_buffers) = (0, false);
    let mut cell = block.start.as_ptr();
    while cell < end {
        // SAFETY: every cell below the cut end begins with a header. A free cell's mark is 0, which is no colour.
        unsafe {
            let header = &*cell.cast::<Header>();
            if header.mark.get() == colour {
                return false;
            }
            objects += usize::from(header.kind != ObjKind::Free);
            with_buffers |= has_buffers(header.kind);
            cell = cell.add(size);
        }
    }
    swept.objects += objects;
    swept.bytes += objects * size;
    if with_buffers {
        let mut cell = block.start.as_ptr();
        while cell < end {
            // SAFETY: as above, and all objects in the block are unreachable. Free cells have no buffers.
            unsafe {
                swept.bytes += release_buffers(NonNull::new_unchecked(cell.cast()), &mut swept.spare);
                cell = cell.add(size);
            }
        }
    }
    true
}

/// Whether objects of the kind keep something outside of their cells.
fn has_buffers(kind: ObjKind) -> bool {
    matches!(kind, ObjKind::List | ObjKind::Dict | ObjKind::StrBuffer | ObjKind::Task | ObjKind::Channel)
}

/// Frees what is unmarked in a block. Returns the first and last free cell, linked, and the number of live objects.
///
/// # Safety
/// `end` is where the cut part of the block ends.
unsafe fn sweep_block(
    block: &Block,
    end: *mut u8,
    colour: u8,
    poison: bool,
    swept: &mut Swept,
) -> (*mut FreeCell, *mut FreeCell, usize) {
    let size = usize::from(block.class) * GRANULE;
    let (mut first, mut last): (*mut FreeCell, *mut FreeCell) = (ptr::null_mut(), ptr::null_mut());
    let mut live = 0;
    let mut cell = block.start.as_ptr();
    while cell < end {
        // SAFETY: every cell below the cut end begins with a header. An object that was not marked is unreachable, so
        // its buffers and its cell are ours to free; free cells are linked by nothing but the list that is being built.
        unsafe {
            let header = NonNull::new_unchecked(cell.cast::<Header>());
            if header.as_ref().kind != ObjKind::Free && header.as_ref().mark.get() == colour {
                live += 1;
            } else {
                if header.as_ref().kind != ObjKind::Free {
                    swept.objects += 1;
                    swept.bytes += size + release_buffers(header, &mut swept.spare);
                    if poison {
                        cell.write_bytes(POISON, size);
                    }
                }
                let free = cell.cast::<FreeCell>();
                free.write(FreeCell { header: Header::new(ObjKind::Free, 0, 0, 0), next: ptr::null_mut() });
                if first.is_null() {
                    first = free;
                } else {
                    (*last).next = free;
                }
                last = free;
            }
            cell = cell.add(size);
        }
    }
    swept.survivors += live;
    (first, last, live)
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for chunk in &self.chunks {
            // SAFETY: each chunk was allocated with this layout, and the heap that owned the objects in it is gone.
            unsafe { System.dealloc(chunk.as_ptr(), chunk_layout()) };
        }
    }
}
