//! Strings: immutable UTF-8, with appending that is linear in the total length.
//!
//! The bytes of a string follow it inline, or lie in a [`StrBuffer`] that strings made by appending share. `s + t`
//! writes into the buffer of `s` if `s` is the latest text in it and room is left: the older string still sees its own
//! length. A string that is the result of a concatenation gets a buffer when it is appended to, so that a single
//! `a + b` does not pay for one.
//!
//! A text of a few bytes is two words ([`ShortText`]), zeros behind its end; so such texts are compared and hashed
//! without a loop, and cutting one out again gives the string that was made lately ([`super::RecentTexts`]).
//!
//! Invariants: `data..data + len` is valid UTF-8 that never changes and never moves while the string is alive. The
//! bytes of a short text follow its string, and zeros follow them up to [`ShortText::MOST`].

use std::cell::Cell;
use std::mem::offset_of;
use std::ptr;

use super::short_text::ShortText;
use super::{Gc, Header, ObjKind};
use crate::runtime::error::Result;
use crate::runtime::heap::{Heap, SpareBuffers};

/// All characters are ASCII: bytes are characters.
const ASCII: u16 = 1;
/// The bytes lie in a [`StrBuffer`], whose address follows the struct.
const BUFFERED: u16 = 2;
/// The result of a concatenation.
const APPENDED: u16 = 4;

/// Appending to something shorter than this copies: buffers have a price too.
const SMALLEST_BUFFERED: usize = 64;
/// No character count is cached yet.
const UNCOUNTED: u32 = u32::MAX;

/// An immutable text.
#[repr(C)]
pub struct Str {
    /// `flags` are facts, `aux` caches the number of characters.
    header: Header,
    len: usize,
    hash: Cell<u64>,
    data: *const u8,
    /// The bytes, or the pointer to the buffer.
    tail: [usize; 0],
}

impl Str {
    pub const FLAGS_OFFSET: usize = Header::FLAGS_OFFSET;
    /// The bit of the flags that says all characters are ASCII.
    pub const ASCII_FLAG: u16 = ASCII;
    /// In bytes.
    pub const LEN_OFFSET: usize = offset_of!(Str, len);
    /// 0 if it was not computed yet.
    pub const HASH_OFFSET: usize = offset_of!(Str, hash);
    pub const DATA_OFFSET: usize = offset_of!(Str, data);
    /// The most bytes of a short text.
    pub const SHORT: usize = ShortText::MOST;
    /// Where the bytes of a short text are, zeros behind them. What is there of another may be read, too, and says
    /// nothing.
    pub const TAIL_OFFSET: usize = offset_of!(Str, tail);

    /// A new string of a text. [`Heap::new_str`] shares short ones.
    pub(in crate::runtime) fn new(heap: &mut Heap, text: &str) -> Gc<Str> {
        if let Some(short) = ShortText::of(text) {
            return Str::short(heap, short);
        }
        let flags = if text.is_ascii() { ASCII } else { 0 };
        Str::inline(heap, flags, UNCOUNTED, &[text.as_bytes()])
    }

    /// A new string of a short text.
    #[inline]
    pub(in crate::runtime) fn short(heap: &mut Heap, text: ShortText) -> Gc<Str> {
        let header = heap.header(ObjKind::Str, if text.is_ascii() { ASCII } else { 0 }, UNCOUNTED);
        let string = Str { header, len: text.len(), hash: Cell::new(0), data: ptr::null(), tail: [] };
        // SAFETY: the place has room for the words behind the struct, which are written before anyone sees the string.
        unsafe {
            let string = heap.alloc_uninit(string, Self::TAIL_OFFSET, ShortText::MOST);
            let tail = string.as_ptr().cast::<u8>().add(Self::TAIL_OFFSET);
            (*string.as_ptr()).data = tail;
            tail.cast::<[u8; ShortText::MOST]>().write(text.bytes());
            string
        }
    }

    /// The text, if it is short.
    #[inline(always)]
    pub(in crate::runtime) fn short_text(&self) -> Option<ShortText> {
        // SAFETY: a string's cell has room for the words of a short text behind the struct, and they are initialised if
        // it is one.
        (self.len <= ShortText::MOST).then(|| unsafe {
            ShortText::from_parts(self.tail.as_ptr().cast::<[u8; ShortText::MOST]>().read(), self.len)
        })
    }

    /// The bytes of a short text as native code compares them: see [`Str::TAIL_OFFSET`].
    pub fn short_words(&self) -> Option<[u64; 2]> {
        self.short_text().map(ShortText::words)
    }

    /// Whether two strings have the same text.
    #[inline]
    pub fn is_same(&self, other: &Str) -> bool {
        if ptr::eq(self, other) {
            return true;
        }
        if self.len != other.len {
            return false;
        }
        match self.short_text().zip(other.short_text()) {
            Some((a, b)) => a == b,
            None => self.as_str() == other.as_str(),
        }
    }

    /// A string of the pieces, which together are valid UTF-8 that `flags` and `count` describe, and not short.
    fn inline(heap: &mut Heap, flags: u16, count: u32, pieces: &[&[u8]]) -> Gc<Str> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let header = heap.header(ObjKind::Str, flags, count);
        let string = Str { header, len, hash: Cell::new(0), data: ptr::null(), tail: [] };
        debug_assert!(len > ShortText::MOST);
        // SAFETY: the place has room for `len` bytes behind the struct, all of which are written before anyone sees the
        // string.
        unsafe {
            let string = heap.alloc_uninit(string, Self::TAIL_OFFSET, len);
            let mut target = string.as_ptr().cast::<u8>().add(Self::TAIL_OFFSET);
            (*string.as_ptr()).data = target;
            for piece in pieces {
                ptr::copy_nonoverlapping(piece.as_ptr(), target, piece.len());
                target = target.add(piece.len());
            }
            string
        }
    }

    fn buffered(heap: &mut Heap, buffer: Gc<StrBuffer>, flags: u16, count: u32, len: usize) -> Gc<Str> {
        let header = heap.header(ObjKind::Str, flags | BUFFERED | APPENDED, count);
        let string = Str { header, len, hash: Cell::new(0), data: buffer.data, tail: [] };
        // SAFETY: with `BUFFERED` set, one pointer follows the struct.
        unsafe { heap.alloc_with_items(string, &[buffer], Self::TAIL_OFFSET) }
    }

    #[inline(always)]
    pub fn as_str(&self) -> &str {
        // SAFETY: the bytes are valid UTF-8 and do not change (the invariant above).
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.data, self.len)) }
    }

    /// Length in bytes.
    #[inline(always)]
    pub fn byte_len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.header.flags.get() & ASCII != 0
    }

    /// Length in characters. O(1) for ASCII, and for others from the second time on.
    #[inline]
    pub fn char_len(&self) -> usize {
        if self.is_ascii() { self.len } else { self.count_chars() }
    }

    fn count_chars(&self) -> usize {
        let cached = self.header.aux.get();
        if cached != UNCOUNTED {
            return cached as usize;
        }
        let count = self.as_str().chars().count();
        self.header.aux.set(u32::try_from(count).unwrap_or(UNCOUNTED));
        count
    }

    /// The byte offset of a character, or of the end if `index` is the number of characters; `None` past it.
    pub fn byte_offset(&self, index: usize) -> Option<usize> {
        if self.is_ascii() {
            return (index <= self.len).then_some(index);
        }
        let text = self.as_str();
        text.char_indices()
            .map(|(offset, _)| offset)
            .nth(index)
            .or_else(|| (index == self.char_len()).then_some(text.len()))
    }

    /// The character at an index below the number of characters.
    pub fn char_at(&self, index: usize) -> Option<char> {
        if self.is_ascii() {
            return self.as_str().as_bytes().get(index).map(|byte| char::from(*byte));
        }
        self.as_str().chars().nth(index)
    }

    /// As [`Str::byte_offset`], going on from where the last look into this string ended if that is nearer than either
    /// end. So a loop over the characters by index takes linear time for text of any kind.
    pub fn locate(&self, heap: &Heap, index: usize) -> Option<usize> {
        if self.is_ascii() {
            return (index <= self.len).then_some(index);
        }
        let (text, count) = (self.as_str(), self.char_len());
        if index > count {
            return None;
        }
        let last = heap.cursor().get();
        let known = if ptr::eq(last.string, self) { (last.index, last.offset) } else { (0, 0) };
        let (from, offset) = [(0, 0), known, (count, text.len())]
            .into_iter()
            .min_by_key(|(from, _)| from.abs_diff(index))
            .unwrap_or_default();
        let offset = if index >= from {
            let rest = &text[offset..];
            offset + rest.char_indices().nth(index - from).map_or(rest.len(), |(found, _)| found)
        } else {
            text[..offset].char_indices().nth_back(from - index - 1).map_or(0, |(found, _)| found)
        };
        heap.cursor().set(Cursor { string: self, index, offset });
        Some(offset)
    }

    /// As [`Str::char_at`], by [`Str::locate`].
    #[inline]
    pub fn locate_char(&self, heap: &Heap, index: usize) -> Option<char> {
        if self.is_ascii() {
            return self.as_str().as_bytes().get(index).map(|byte| char::from(*byte));
        }
        self.as_str()[self.locate(heap, index)?..].chars().next()
    }

    /// A new string of the characters `start..end`; `None` unless `start <= end` and both are within the text.
    #[inline(always)]
    pub fn slice(&self, heap: &mut Heap, start: usize, end: usize) -> Result<Option<Gc<Str>>> {
        if self.is_ascii()
            && let Some(short) = ShortText::within(self.as_str(), start, end)
        {
            heap.check_room(short.len())?;
            return Ok(Some(heap.short_str(short)));
        }
        self.long_slice(heap, start, end)
    }

    #[inline(never)]
    fn long_slice(&self, heap: &mut Heap, start: usize, end: usize) -> Result<Option<Gc<Str>>> {
        let bounds = self.locate(heap, start).zip(self.locate(heap, end));
        let Some(text) = bounds.and_then(|(from, to)| self.as_str().get(from..to)) else { return Ok(None) };
        heap.check_room(text.len())?;
        Ok(Some(heap.new_str(text)))
    }

    /// The hash that is cached, or the one that `compute` gives, which is not 0.
    #[inline]
    pub(in crate::runtime) fn hash_or_else(&self, compute: impl FnOnce(&Str) -> u64) -> u64 {
        match self.hash.get() {
            0 => {
                let hash = compute(self);
                self.hash.set(hash);
                hash
            }
            hash => hash,
        }
    }

    /// The hash that is cached, or 0.
    #[inline(always)]
    pub(in crate::runtime) fn cached_hash(&self) -> u64 {
        self.hash.get()
    }

    /// Whether the collection of this colour has reached the string.
    pub(super) fn is_marked(&self, colour: u8) -> bool {
        self.header.mark.get() == colour
    }

    pub(in crate::runtime) fn buffer(&self) -> Option<Gc<StrBuffer>> {
        // SAFETY: with `BUFFERED` set, the pointer to the buffer follows the struct.
        (self.header.flags.get() & BUFFERED != 0).then(|| unsafe { *self.tail.as_ptr().cast::<Gc<StrBuffer>>() })
    }

    /// `left` followed by `right`: amortised O(length of `right`) if `left` was made by the latest append of its chain.
    pub fn concat(heap: &mut Heap, left: Gc<Str>, right: Gc<Str>) -> Result<Gc<Str>> {
        if left.is_empty() {
            return Ok(right);
        }
        if right.is_empty() {
            return Ok(left);
        }
        if let Some(short) = left.short_text().zip(right.short_text()).and_then(|(a, b)| a.followed_by(b)) {
            heap.check_room(short.len())?;
            // Of two characters at least, as neither side is empty.
            return Ok(Str::short(heap, short));
        }
        let len = left.len + right.len;
        let flags = left.header.flags.get() & right.header.flags.get() & ASCII;
        let count = left.joint_count(&right);

        if let Some(buffer) = left.buffer() {
            // SAFETY: the heap is not collected in here, so both strings stay alive.
            if unsafe { buffer.extend(left.len, right.data, right.len) } {
                return Ok(Str::buffered(heap, buffer, flags, count, len));
            }
        }
        if left.header.flags.get() & APPENDED == 0 || len < SMALLEST_BUFFERED {
            heap.check_room(len)?;
            let pieces = [left.as_str().as_bytes(), right.as_str().as_bytes()];
            return Ok(Str::inline(heap, flags | APPENDED, count, &pieces));
        }
        // Room to grow must not be what makes the text too large.
        let buffer = StrBuffer::new(heap, len.saturating_mul(2).min(heap.max_heap()).max(len))?;
        // SAFETY: the buffer is new, so its first text begins at 0; it has room for both.
        unsafe {
            buffer.extend(0, left.data, left.len);
            buffer.extend(left.len, right.data, right.len);
        }
        Ok(Str::buffered(heap, buffer, flags, count, len))
    }

    /// The number of characters of both together, if both are known.
    fn joint_count(&self, other: &Str) -> u32 {
        let known = |string: &Str| match string.header.aux.get() {
            _ if string.is_ascii() => u32::try_from(string.len).ok(),
            UNCOUNTED => None,
            count => Some(count),
        };
        known(self).zip(known(other)).and_then(|(a, b)| a.checked_add(b)).unwrap_or(UNCOUNTED)
    }

    /// The text `count` times.
    pub fn repeat(&self, heap: &mut Heap, count: usize) -> Result<Gc<Str>> {
        heap.check_room_for(count, self.len)?;
        if count == 0 || self.len == 0 {
            return Ok(heap.empty_str());
        }
        let text = self.as_str().repeat(count);
        Ok(heap.new_str(&text))
    }
}

/// Where the last look into a string that is not ASCII ended. The heap keeps one, and forgets it when it collects, so
/// the address always is that of the string it was taken from.
#[derive(Clone, Copy)]
pub(in crate::runtime) struct Cursor {
    string: *const Str,
    index: usize,
    offset: usize,
}

impl Cursor {
    pub(in crate::runtime) const NONE: Cursor = Cursor { string: ptr::null(), index: 0, offset: 0 };
}

/// The growing text that strings made by appending to one another share.
///
/// Invariant: the first `len` bytes of `data` are initialised and belong to strings; they never change.
#[repr(C)]
pub struct StrBuffer {
    header: Header,
    len: Cell<usize>,
    cap: usize,
    data: *mut u8,
}

impl StrBuffer {
    fn new(heap: &mut Heap, cap: usize) -> Result<Gc<StrBuffer>> {
        // SAFETY: a new buffer, which the object owns from here on.
        let data = unsafe { heap.resize_buffer(ptr::null_mut(), 0, cap)? };
        let header = heap.header(ObjKind::StrBuffer, 0, 0);
        Ok(heap.alloc(StrBuffer { header, len: Cell::new(0), cap, data }))
    }

    pub(in crate::runtime) fn header(&self) -> &Header {
        &self.header
    }

    /// Appends if the text so far is `offset` bytes long and there is room.
    ///
    /// # Safety
    /// `text` points to `len` readable bytes.
    unsafe fn extend(&self, offset: usize, text: *const u8, len: usize) -> bool {
        if self.len.get() != offset || self.cap - offset < len {
            return false;
        }
        // SAFETY: the target lies behind everything that strings see, inside the buffer; so it does not overlap `text`
        // even if that lies in the same buffer.
        unsafe { ptr::copy_nonoverlapping(text, self.data.add(offset), len) };
        self.len.set(offset + len);
        true
    }

    /// Frees the bytes, for the sweep; returns their number.
    ///
    /// # Safety
    /// Nothing uses the buffer or its strings afterwards.
    pub(in crate::runtime) unsafe fn release(&self, spare: &mut SpareBuffers) -> usize {
        // SAFETY: `data` is a buffer of `cap` bytes.
        unsafe { spare.free(self.data, self.cap) };
        self.cap
    }
}

#[cfg(test)]
mod tests;
