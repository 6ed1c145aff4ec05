//! The heap: allocation, accounting, and collection of what is no longer reachable.
//!
//! Objects up to 512 bytes live in cells of blocks ([`blocks`]), one size per block; bigger ones come from the system
//! one by one. Objects never move. Collection is precise mark ([`mark`]) and sweep; neither recurses, so the depth of
//! structures does not matter.
//!
//! # Policy
//! - Allocation never collects. It counts bytes, and [`Heap::should_collect`] turns true when a collection is due. The
//!   interpreter then calls [`Heap::collect`] at its next safepoint with the roots. So operations need not root their
//!   temporaries.
//! - Past `max_heap`, small allocations still succeed and make `should_collect` true; if [`Heap::over_limit`] holds
//!   after the collection, the interpreter ends the program. Big ones ask [`Heap::check_room`] first and fail with
//!   [`ErrorKind::NeedsMemory`]; the interpreter collects and executes the instruction once more. A single object
//!   larger than the limit is the catchable `Value too large`.
//! - When the system refuses memory below the limit, a [`reserve`] pays for what cannot fail, and a collection is due
//!   at once.
//! - Under `--alloc-stress` every request fails once before it succeeds ([`refusals`]).

mod blocks;
mod buffer;
mod changes;
mod free_lists;
mod mark;
mod refusals;
pub mod reserve;
mod spare;

use std::cell::Cell;
use std::mem::offset_of;
use std::ops::RangeInclusive;
use std::ptr::NonNull;

use super::error::{Error, ErrorKind, Result};
use super::object::{
    Channel, Cursor, Dict, Found, Gc, Header, List, ObjKind, RecentTexts, ShortText, SpareTables, Str, StrBuffer, Task,
};
use super::value::Value;
use blocks::Blocks;
pub(in crate::runtime) use changes::Watched;
pub(in crate::runtime) use free_lists::FreeLists;
pub use mark::Marker;
pub(in crate::runtime) use refusals::Refusals;
use spare::Spare;
pub(in crate::runtime) use spare::SpareBuffers;

/// Requests up to this many bytes are never refused, unless [`Refusals`] are on.
const SMALL_REQUEST: usize = 64 << 10;
/// No single object may be larger, whatever the limit: byte counts must not overflow.
const LARGEST_OBJECT: usize = 1 << 46;
/// How many bytes are allocated between collections at least, unless `set_threshold` says otherwise: from what the
/// second level of caches holds beside other things, to where more would save nothing.
const THRESHOLDS: RangeInclusive<usize> = 1 << 20..=8 << 20;
/// Between those limits, how many bytes are allocated for each that the last collection had to look at.
const FOR_EACH_MARKED: usize = 8;
/// Larger pieces of memory fit no cache, and giving them back to the system and asking for them again costs more than
/// they do: up to the greatest threshold they count for an eighth.
const LARGEST_CACHED: usize = 32 << 10;

/// What a collection did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Collection {
    pub objects_before: usize,
    pub objects_after: usize,
    pub objects_freed: usize,
    /// Collections so far, this one included.
    pub total_collections: usize,
}

/// Figures for `core.heap_stats`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeapStats {
    pub objects: usize,
    /// Bytes of all objects and their buffers, garbage included.
    pub bytes: usize,
    pub total_collections: usize,
    /// Objects freed so far.
    pub total_freed: usize,
    pub threshold: usize,
    /// Allocation beyond this many bytes makes a collection due.
    pub next_collection: usize,
}

/// All objects of a running program.
#[repr(C)]
pub struct Heap {
    /// Bytes of cells, large objects and outside buffers in use, garbage included.
    bytes: usize,
    /// A collection is due when `bytes` has reached this.
    limit: usize,
    /// What large pieces of memory may raise the limit to.
    latest: usize,
    blocks: Blocks,
    large: Vec<Large>,
    /// What `Header::mark` of a live object holds; changes with each collection, so that marks need no clearing.
    colour: u8,
    stress: bool,
    /// Overwrite freed cells, so that a use after free is seen.
    poison: bool,
    /// What [`Heap::set_threshold`] was given.
    chosen_threshold: Option<usize>,
    /// Bytes that the last collection had to look at.
    looked_at: usize,
    max_heap: usize,
    /// Requests up to this many bytes are granted unseen.
    unseen_request: usize,
    /// Growth is granted unseen while the heap is not larger.
    unseen_growth: usize,
    refusals: Refusals,
    /// Nothing is refused but by the system.
    granting: bool,
    /// The system has given this much before, or would have: below it nobody asks.
    proven: Cell<usize>,
    /// Buffers and large objects given so far, so that an operation that is refused twice is seen to make no progress.
    given: usize,
    /// Bytes that were alive after the last collection.
    live: usize,
    collections: usize,
    freed: usize,
    /// Objects made so far, but for those that native code cuts a cell for.
    made: u64,
    /// Bytes that were in use and are not any more.
    returned: usize,
    hash_seed: u64,
    /// The strings of one ASCII character, and last the empty string.
    short_strings: Vec<Gc<Str>>,
    recent_texts: RecentTexts,
    mark_stack: Vec<mark::Work>,
    cursor: Cell<Cursor>,
    found: Cell<Found>,
    spare: Spare,
}

/// What native code needs to cut a cell; offsets are from the heap.
#[derive(Clone, Copy, Debug)]
pub struct NativeCell {
    pub size: usize,
    pub free_offset: usize,
    pub bump_offset: usize,
    pub end_offset: usize,
}

struct Large {
    object: NonNull<Header>,
    size: usize,
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// Byte offsets for native code that tests [`Heap::should_collect`].
    pub const BYTES_OFFSET: usize = offset_of!(Heap, bytes);
    pub const LIMIT_OFFSET: usize = offset_of!(Heap, limit);
    /// The most bytes that an object in a cell has.
    pub const LARGEST_CELL: usize = blocks::LARGEST_CELL;
    /// The mark of new objects.
    pub const COLOUR_OFFSET: usize = offset_of!(Heap, colour);

    /// In a free cell, the next one.
    pub const NEXT_FREE_OFFSET: usize = blocks::NEXT_FREE_OFFSET;

    /// For an object of `size` bytes that native code makes: the size of its cell, where the first free one is kept,
    /// and where the first and the last address of what is left of the block that such cells are cut from are. `None`
    /// for an object too large for a cell.
    pub fn native_cell(size: usize) -> Option<NativeCell> {
        let class = offset_of!(Heap, blocks) + blocks::CLASSES_OFFSET + blocks::class_of(size) * blocks::CLASS_SIZE;
        (size <= blocks::LARGEST_CELL).then(|| NativeCell {
            size: blocks::cell_size(size),
            free_offset: class + blocks::FREE_OFFSET,
            bump_offset: class + blocks::BUMP_OFFSET,
            end_offset: class + blocks::END_OFFSET,
        })
    }

    /// A cell for an object of `size` bytes that has been accounted for. Whoever asked, native code too, writes the
    /// object at once.
    #[inline]
    pub(in crate::runtime) fn allocate_cell(&mut self, size: usize) -> NonNull<u8> {
        self.blocks.allocate(size).unwrap_or_else(|| self.allocate_in_new_block(size))
    }

    pub fn new() -> Heap {
        use std::hash::{BuildHasher, RandomState};
        let mut heap = Heap {
            bytes: 0,
            limit: 0,
            latest: 0,
            blocks: Blocks::new(),
            large: Vec::new(),
            colour: 1,
            stress: false,
            poison: cfg!(debug_assertions),
            chosen_threshold: None,
            looked_at: 0,
            max_heap: LARGEST_OBJECT,
            unseen_request: SMALL_REQUEST,
            unseen_growth: LARGEST_OBJECT,
            refusals: Refusals::default(),
            granting: false,
            proven: Cell::new(0),
            given: 0,
            live: 0,
            collections: 0,
            freed: 0,
            made: 0,
            returned: 0,
            hash_seed: RandomState::new().hash_one(0u8),
            short_strings: Vec::new(),
            recent_texts: RecentTexts::default(),
            mark_stack: Vec::new(),
            cursor: Cell::new(Cursor::NONE),
            found: Cell::new(Found::NONE),
            spare: Spare::default(),
        };
        let mut short_strings = Vec::with_capacity(129);
        for code in 0..128u8 {
            short_strings.push(Str::new(&mut heap, char::from(code).encode_utf8(&mut [0; 4])));
        }
        short_strings.push(Str::new(&mut heap, ""));
        heap.short_strings = short_strings;
        heap.live = heap.bytes;
        heap.update_limit();
        heap
    }

    /// Whether the interpreter should collect at its next safepoint.
    #[inline(always)]
    pub fn should_collect(&self) -> bool {
        self.bytes >= self.limit
    }

    /// Whether what is alive exceeds `max_heap`; meaningful after a collection.
    pub fn over_limit(&self) -> bool {
        self.live > self.max_heap
    }

    /// Bytes in use, garbage included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn max_heap(&self) -> usize {
        self.max_heap
    }

    /// Limits the heap to this many bytes.
    pub fn set_max_heap(&mut self, bytes: usize) {
        self.max_heap = bytes.min(LARGEST_OBJECT);
        self.unseen_growth = if self.refusals.are_on() { 0 } else { self.max_heap };
        self.update_limit();
    }

    /// Whether memory is granted beyond the limit from now on, for what cannot be executed again. The next safepoint
    /// sees to the limit. Returns what held before.
    pub fn set_granting(&mut self, granting: bool) -> bool {
        std::mem::replace(&mut self.granting, granting)
    }

    /// Makes each request for memory fail once before it succeeds.
    pub fn set_alloc_stress(&mut self, stress: bool) {
        self.refusals.turn(stress);
        self.unseen_request = if stress { 0 } else { SMALL_REQUEST };
        self.set_max_heap(self.max_heap);
    }

    /// The state of `--alloc-stress`.
    #[inline]
    pub(in crate::runtime) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// An operation that `--alloc-stress` has refused something is about to be executed again: the next safepoint is to
    /// notice that it has succeeded.
    #[cold]
    pub(in crate::runtime) fn expect_success(&mut self) {
        self.refusals.expect_success();
        self.update_limit();
    }

    /// Whether a safepoint was due for nothing but [`Heap::expect_success`].
    #[inline]
    pub(in crate::runtime) fn has_only_succeeded(&mut self) -> bool {
        if !self.refusals.take_success() {
            return false;
        }
        self.update_limit();
        !self.should_collect()
    }

    /// Sets how many bytes may be allocated between collections at least; returns the previous number.
    pub fn set_threshold(&mut self, bytes: usize) -> usize {
        let previous = self.threshold();
        self.chosen_threshold = Some(bytes.max(1));
        self.update_limit();
        previous
    }

    /// How many bytes may be allocated between collections at least. Left to itself, a heap in which little is alive is
    /// collected often: what has died is still in the caches then, and is used again.
    fn threshold(&self) -> usize {
        self.chosen_threshold.unwrap_or_else(|| {
            let wanted = self.looked_at.saturating_mul(FOR_EACH_MARKED);
            wanted.clamp(*THRESHOLDS.start(), *THRESHOLDS.end())
        })
    }

    /// With stress, a collection is due all the time, and freed memory is overwritten.
    pub fn set_stress(&mut self, stress: bool) {
        self.stress = stress;
        self.poison = stress || cfg!(debug_assertions);
        self.update_limit();
    }

    /// Whether [`Heap::set_stress`] has turned stress on.
    pub fn is_stressed(&self) -> bool {
        self.stress
    }

    fn update_limit(&mut self) {
        (self.limit, self.latest) = if self.stress || self.refusals.expects_success() {
            (0, 0)
        } else {
            // Close to the limit, collecting at every allocation would stop the program without saving much.
            let most = self.max_heap.max(self.live.saturating_add(self.max_heap / 16));
            let after = |bytes: usize| self.live.saturating_add(bytes.max(self.live)).min(most);
            (after(self.threshold()), after(self.chosen_threshold.unwrap_or(*THRESHOLDS.end())))
        };
    }

    /// Takes note of so many bytes that one object has got: see [`LARGEST_CACHED`].
    fn note_growth(&mut self, bytes: usize) {
        if bytes > LARGEST_CACHED {
            let raised = self.limit.saturating_add(bytes - bytes / 8);
            self.limit = raised.min(self.latest).max(self.limit);
        }
    }

    /// Refuses a big request that would pass the limit. To be called before an operation has had effects.
    #[inline]
    pub fn check_room(&self, bytes: usize) -> Result<()> {
        if bytes <= self.unseen_request { Ok(()) } else { self.check_big(bytes) }
    }

    #[cold]
    fn check_big(&self, bytes: usize) -> Result<()> {
        if !self.granting {
            self.refusals.ask()?;
        }
        if bytes <= SMALL_REQUEST {
            return Ok(());
        }
        let most = if self.granting { LARGEST_OBJECT } else { self.max_heap };
        if bytes > most {
            return Err(Error::message("Value too large"));
        }
        if self.bytes.saturating_add(bytes) > most {
            return Err(Error::new(ErrorKind::NeedsMemory(bytes)));
        }
        let wanted = self.bytes + bytes;
        if wanted > self.proven.get() {
            if !reserve::is_available(bytes) {
                return Err(Error::new(ErrorKind::NeedsMemory(bytes)));
            }
            self.proven.set(wanted);
        }
        Ok(())
    }

    /// Whether this many bytes more would be within the limit, so that only the system can be what refuses them.
    pub fn is_within_limit(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= self.max_heap
    }

    /// After a collection because the system has refused memory: gives back what is free, and asks the system again
    /// about all that is wanted.
    #[cold]
    pub(in crate::runtime) fn give_back(&mut self) {
        self.blocks.give_back_empty_chunks();
        self.spare = Spare::none();
        self.proven.set(0);
    }

    /// Objects made so far, but for those that native code cuts a cell for.
    pub(in crate::runtime) fn objects_given(&self) -> u64 {
        self.made
    }

    /// Bytes given so far, whatever has become of them.
    pub(in crate::runtime) fn bytes_given(&self) -> usize {
        self.bytes + self.returned
    }

    /// How many buffers and large objects were given so far.
    pub(in crate::runtime) fn given(&self) -> usize {
        self.given
    }

    /// Makes a collection due if a reserve was spent. Called where memory comes from the system, which is seldom.
    #[inline]
    fn heed_refusal(&mut self) {
        if reserve::is_refused() {
            self.limit = 0;
        }
    }

    /// [`Heap::check_room`] for `count` pieces of `size` bytes.
    pub fn check_room_for(&self, count: usize, size: usize) -> Result<()> {
        self.check_room(count.saturating_mul(size))
    }

    /// Refuses to go on with a value that is built of many small ones, which pass the limit unseen one by one. `before`
    /// is [`Heap::bytes`] from before the first of them, `besides` the bytes of what else is held for the value. To be
    /// called before the operation has had effects: it is executed again after a collection.
    #[inline]
    pub fn check_growth(&self, before: usize, besides: usize) -> Result<()> {
        let wanted = self.bytes.saturating_add(besides);
        if wanted <= self.unseen_growth { Ok(()) } else { self.check_much_growth(before, besides) }
    }

    #[cold]
    fn check_much_growth(&self, before: usize, besides: usize) -> Result<()> {
        if self.granting {
            return Ok(());
        }
        self.refusals.ask()?;
        if self.bytes.saturating_add(besides) <= self.max_heap {
            return Ok(());
        }
        let grown = self.bytes - before + besides;
        Err(match grown > self.max_heap {
            true => Error::message("Value too large"),
            false => Error::new(ErrorKind::NeedsMemory(grown)),
        })
    }

    /// What hashes are mixed with, so that nobody can prepare colliding keys.
    #[inline]
    pub fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// The strings of one ASCII character, by its number, and behind them the empty one. There are no others of these
    /// texts, so they are equal to what they are identical with.
    pub(in crate::runtime) fn short_strings(&self) -> &[Gc<Str>] {
        &self.short_strings
    }

    /// A string of this text.
    pub fn new_str(&mut self, text: &str) -> Gc<Str> {
        match ShortText::of(text) {
            Some(short) => self.short_str(short),
            None => Str::new(self, text),
        }
    }

    /// The strings of short texts that were made lately.
    #[inline(always)]
    pub(in crate::runtime) fn recent_texts(&mut self) -> &mut RecentTexts {
        &mut self.recent_texts
    }

    /// A value that is a string of this text.
    pub fn str_value(&mut self, text: &str) -> Value {
        Value::from_str(self.new_str(text))
    }

    /// The string of one character.
    #[inline]
    pub fn char_str(&mut self, c: char) -> Gc<Str> {
        match self.short_strings.get(c as usize) {
            Some(&short) if c.is_ascii() => short,
            _ => self.new_str(c.encode_utf8(&mut [0; 4])),
        }
    }

    pub fn empty_str(&self) -> Gc<Str> {
        self.short_strings[128]
    }

    /// How often garbage was collected. [`Heap::stats`] counts objects besides, which takes a walk through the heap.
    pub fn collections(&self) -> usize {
        self.collections
    }

    pub fn stats(&self) -> HeapStats {
        let mut objects = self.large.len();
        self.blocks.for_each_object(|_| objects += 1);
        HeapStats {
            objects,
            bytes: self.bytes,
            total_collections: self.collections,
            total_freed: self.freed,
            threshold: self.threshold(),
            next_collection: self.limit,
        }
    }

    /// Frees every object that cannot be reached from what `mark_roots` marks.
    pub fn collect(&mut self, mark_roots: impl FnOnce(&mut Marker)) -> Collection {
        self.colour = if self.colour == 1 { 2 } else { 1 };
        let mut marker = Marker::new(std::mem::take(&mut self.mark_stack), self.colour);
        for &string in &self.short_strings {
            marker.mark(Value::from_str(string));
        }
        mark_roots(&mut marker);
        let marked;
        (self.mark_stack, marked) = marker.finish();
        self.looked_at = marked * size_of::<Value>() + self.recent_texts.size();

        self.cursor.set(Cursor::NONE);
        self.found.set(Found::NONE);
        self.recent_texts.forget_unmarked(self.colour);
        let freed = self.sweep();
        self.live = self.bytes;
        self.collections += 1;
        self.freed += freed.objects;
        self.update_limit();
        if cfg!(debug_assertions) {
            self.verify();
        }
        Collection {
            objects_before: freed.survivors + freed.objects,
            objects_after: freed.survivors,
            objects_freed: freed.objects,
            total_collections: self.collections,
        }
    }

    fn sweep(&mut self) -> Swept {
        let mut swept = Swept { spare: std::mem::take(&mut self.spare), ..Swept::default() };
        self.blocks.sweep(self.colour, self.poison, &mut swept);
        let colour = self.colour;
        self.large.retain(|large| {
            // SAFETY: the list holds live large objects, each once.
            unsafe {
                if large.object.as_ref().mark.get() == colour {
                    swept.survivors += 1;
                    return true;
                }
                swept.bytes += release_buffers(large.object, &mut swept.spare) + large.size;
                buffer::free(large.object.as_ptr().cast(), large.size);
            }
            swept.objects += 1;
            false
        });
        self.bytes -= swept.bytes;
        self.returned += swept.bytes;
        self.spare = std::mem::take(&mut swept.spare);
        swept
    }

    /// Checks that every object is of a known kind and that everything it refers to is alive and of the kind that its
    /// tag says. Meaningful right after a collection: later, garbage may exist, but it still refers only to what has
    /// not been freed.
    pub fn verify(&self) {
        let check = |value: Value| {
            if let Some(object) = value.as_object() {
                assert_eq!(object.kind() as u64, value.tag() as u64, "a value whose tag is not its object's kind");
            }
        };
        self.blocks.for_each_object(|object| mark::for_each_child(object, check));
        for large in &self.large {
            // SAFETY: large objects in the list are alive.
            mark::for_each_child(unsafe { Gc::from_non_null(large.object) }, check);
        }
    }

    /// Where the last look into a string ended.
    pub(in crate::runtime) fn cursor(&self) -> &Cell<Cursor> {
        &self.cursor
    }

    /// Tables for dicts that are about to be made.
    #[inline(always)]
    pub(in crate::runtime) fn spare_tables(&mut self) -> &mut SpareTables {
        &mut self.spare.tables
    }

    /// Where a string was found last in a dict.
    #[inline(always)]
    pub(in crate::runtime) fn found(&self) -> &Cell<Found> {
        &self.found
    }

    /// The header of an object about to be allocated.
    #[inline(always)]
    pub(in crate::runtime) fn header(&self, kind: ObjKind, flags: u16, aux: u32) -> Header {
        Header::new(kind, self.colour, flags, aux)
    }

    /// Moves an object into the heap. `T` begins with a [`Header`] of its kind.
    #[inline]
    pub(in crate::runtime) fn alloc<T>(&mut self, object: T) -> Gc<T> {
        let place = self.allocate(size_of::<T>()).cast::<T>();
        // SAFETY: `allocate` gives at least `size_of::<T>()` bytes aligned to 16 that nothing else uses.
        unsafe {
            place.write(object);
            Gc::from_non_null(place)
        }
    }

    /// Moves an object into the heap with `items` after it.
    ///
    /// # Safety
    /// `T` ends with an array of `I` at byte `offset`, and `object` says that `items.len()` of them follow.
    #[inline]
    pub(in crate::runtime) unsafe fn alloc_with_items<T, I: Copy>(
        &mut self,
        object: T,
        items: &[I],
        offset: usize,
    ) -> Gc<T> {
        debug_assert!(offset <= size_of::<T>());
        let place = self.allocate((offset + size_of_val(items)).max(size_of::<T>())).cast::<T>();
        // SAFETY: the place is large enough for the object and for the items behind it, and new, so it does not overlap
        // them.
        unsafe {
            place.write(object);
            let behind = place.cast::<u8>().add(offset).cast::<I>();
            std::ptr::copy_nonoverlapping(items.as_ptr(), behind.as_ptr(), items.len());
            Gc::from_non_null(place)
        }
    }

    /// Moves an object into the heap with `count` bytes after it that are not initialised.
    ///
    /// # Safety
    /// `T` ends with an array of bytes at `offset`, and the caller writes them before anyone sees the object.
    #[inline]
    pub(in crate::runtime) unsafe fn alloc_uninit<T>(&mut self, object: T, offset: usize, count: usize) -> Gc<T> {
        debug_assert!(offset <= size_of::<T>());
        let place = self.allocate((offset + count).max(size_of::<T>())).cast::<T>();
        // SAFETY: the place is large enough for the object.
        unsafe {
            place.write(object);
            Gc::from_non_null(place)
        }
    }

    /// Moves an object into the heap with `count` copies of `item` after it.
    ///
    /// # Safety
    /// `T` ends with an array of `I` at byte `offset`, and `object` says that `count` of them follow.
    #[inline]
    pub(in crate::runtime) unsafe fn alloc_filled<T, I: Copy>(
        &mut self,
        object: T,
        item: I,
        count: usize,
        offset: usize,
    ) -> Gc<T> {
        debug_assert!(offset <= size_of::<T>());
        let place = self.allocate((offset + count * size_of::<I>()).max(size_of::<T>())).cast::<T>();
        // SAFETY: the place is large enough for the object and for the items behind it.
        unsafe {
            place.write(object);
            let behind = place.cast::<u8>().add(offset).cast::<I>();
            for i in 0..count {
                behind.add(i).write(item);
            }
            Gc::from_non_null(place)
        }
    }

    /// Memory for an object of `size` bytes. The caller writes a header into it at once.
    #[inline]
    fn allocate(&mut self, size: usize) -> NonNull<u8> {
        self.made += 1;
        if size <= blocks::LARGEST_CELL {
            self.bytes += blocks::cell_size(size);
            self.allocate_cell(size)
        } else {
            self.allocate_large(size)
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_in_new_block(&mut self, size: usize) -> NonNull<u8> {
        let cell = self.blocks.allocate_in_new_block(size);
        self.heed_refusal();
        cell
    }

    #[cold]
    fn allocate_large(&mut self, size: usize) -> NonNull<u8> {
        let place = buffer::allocate_or_end(size);
        self.large.push(Large { object: place.cast(), size });
        self.bytes += size;
        self.note_growth(size);
        self.given += 1;
        self.heed_refusal();
        place
    }

    /// Grows, shrinks, makes (`old_size` 0) or frees (`new_size` 0) the outside buffer of an object, or refuses without
    /// an effect.
    ///
    /// # Safety
    /// `data` is the buffer of `old_size` bytes that this function gave, and the caller forgets it for the one
    /// returned.
    pub(in crate::runtime) unsafe fn resize_buffer(
        &mut self,
        data: *mut u8,
        old_size: usize,
        new_size: usize,
    ) -> Result<*mut u8> {
        if new_size > old_size {
            self.check_room(new_size)?;
        }
        // SAFETY: passed on to the caller.
        let data = unsafe { self.spare.buffers.resize(data, old_size, new_size) };
        let Some(data) = data else {
            self.proven.set(0);
            return Err(Error::new(ErrorKind::NeedsMemory(new_size)));
        };
        self.bytes = self.bytes - old_size + new_size;
        self.note_growth(new_size.saturating_sub(old_size));
        self.returned += old_size.saturating_sub(new_size);
        self.given += 1;
        self.heed_refusal();
        Ok(data)
    }

    /// Accounts for memory that an object keeps in a Rust collection.
    pub(in crate::runtime) fn account(&mut self, old_size: usize, new_size: usize) {
        self.bytes = self.bytes - old_size + new_size;
        self.note_growth(new_size.saturating_sub(old_size));
        self.returned += old_size.saturating_sub(new_size);
        self.given += usize::from(new_size != old_size);
        self.heed_refusal();
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        let mut spare = std::mem::take(&mut self.spare);
        self.blocks.for_each_object(|object| {
            // SAFETY: nothing uses the object's buffers any more: the heap is going away.
            unsafe { release_buffers(object.as_non_null(), &mut spare) };
        });
        for large in &self.large {
            // SAFETY: as above, for the object as well.
            unsafe {
                release_buffers(large.object, &mut spare);
                buffer::free(large.object.as_ptr().cast(), large.size);
            }
        }
    }
}

/// What a sweep freed and kept.
#[derive(Default)]
struct Swept {
    survivors: usize,
    objects: usize,
    bytes: usize,
    spare: Spare,
}

/// Frees the buffers that an object keeps outside of its cell, or keeps them for the next, and returns their size.
///
/// # Safety
/// The object is initialised, and its buffers are not used afterwards.
#[inline]
unsafe fn release_buffers(object: NonNull<Header>, spare: &mut Spare) -> usize {
    // SAFETY: the kind in the header says which type the object is; the caller answers for the rest.
    unsafe {
        match object.as_ref().kind {
            ObjKind::List => object.cast::<List>().as_ref().release(&mut spare.buffers),
            ObjKind::Dict => object.cast::<Dict>().as_ref().release(&mut spare.tables),
            ObjKind::StrBuffer => object.cast::<StrBuffer>().as_ref().release(&mut spare.buffers),
            ObjKind::Task => object.cast::<Task>().as_ref().release(),
            ObjKind::Channel => object.cast::<Channel>().as_ref().release(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
