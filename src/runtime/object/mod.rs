//! The layouts of heap objects, and the only code that touches their memory.
//!
//! Every object is `#[repr(C)]` with a [`Header`] first; native code reads the fields at the `*_OFFSET` constants.
//!
//! # How aliasing is kept out
//! An object is reached through [`Gc`], a `Copy` handle that derefs to a shared reference. Fields that change are
//! `Cell`s, so two handles to one object are never a problem. Borrowed memory follows two rules:
//! - Views of storage that may move ([`List::as_ints`] and its like, [`Dict`] entries) borrow the
//!   [`Heap`](super::heap::Heap) as a token, and every operation that can grow, convert or free storage takes
//!   `&mut Heap`: the borrow checker keeps them apart.
//! - The text of a [`Str`] never changes and never moves, so [`Str::as_str`] borrows only the handle.
//!
//! Invariant: a [`Gc`] is used only while its object is alive. Only [`Heap::collect`](super::heap::Heap::collect)
//! frees, the interpreter calls it only at safepoints between instructions, and marks every register, global, constant
//! and pinned value there; so an operation or native may hold any handle until it returns or calls back into Walrus
//! code.

mod callable;
mod dict;
mod dict_dense;
mod dict_index;
mod instance;
mod list;
mod sequence;
mod short_text;
mod spare_tables;
mod string;
mod task;

use std::cell;
use std::fmt;
use std::mem::offset_of;
use std::ops::Deref;
use std::ptr::NonNull;

pub use callable::{BoundMethod, Cell, Closure};
pub(in crate::runtime) use dict::Found;
pub use dict::{Dict, DictImage, Entry};
pub use instance::{Instance, StructObject};
pub use list::{List, Storage};
pub use sequence::{Range, Tuple};
pub(in crate::runtime) use short_text::{RecentTexts, ShortText, mix};
pub(in crate::runtime) use spare_tables::SpareTables;
pub(in crate::runtime) use string::Cursor;
pub use string::{Str, StrBuffer};
pub use task::{Channel, ChannelEnd, Group, Rule, Saved, Task, TaskState, Work};

use crate::runtime::value::Tag;

/// The type of an object; numbered like the [`Tag`] of a value that points to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ObjKind {
    /// A cell of a block that holds no object.
    Free = 0,
    Str = Tag::Str as u8,
    List = Tag::List as u8,
    Tuple = Tag::Tuple as u8,
    Dict = Tag::Dict as u8,
    Range = Tag::Range as u8,
    Closure = Tag::Closure as u8,
    Struct = Tag::Struct as u8,
    Instance = Tag::Instance as u8,
    BoundMethod = Tag::BoundMethod as u8,
    Cell = Tag::Cell as u8,
    Task = Tag::Task as u8,
    ChannelEnd = Tag::Channel as u8,
    Channel = Tag::ChannelCore as u8,
    /// The growing text that strings made by appending share. No value points to it.
    StrBuffer = 64,
}

/// The first eight bytes of every object.
#[repr(C)]
pub struct Header {
    pub(in crate::runtime) kind: ObjKind,
    /// The colour of the collection that last reached the object, and [`Header::VISITING`].
    pub(in crate::runtime) mark: cell::Cell<u8>,
    /// Meaning depends on the kind: storage of a list, facts about a string.
    pub(in crate::runtime) flags: cell::Cell<u16>,
    /// Meaning depends on the kind: function or struct id, character count.
    pub(in crate::runtime) aux: cell::Cell<u32>,
}

impl Header {
    pub const KIND_OFFSET: usize = offset_of!(Header, kind);
    pub const MARK_OFFSET: usize = offset_of!(Header, mark);
    pub const FLAGS_OFFSET: usize = offset_of!(Header, flags);
    pub const AUX_OFFSET: usize = offset_of!(Header, aux);

    /// Set in `mark` while a walk that must notice cycles is inside the object.
    const VISITING: u8 = 0x80;

    pub(in crate::runtime) fn new(kind: ObjKind, colour: u8, flags: u16, aux: u32) -> Header {
        Header { kind, mark: cell::Cell::new(colour), flags: cell::Cell::new(flags), aux: cell::Cell::new(aux) }
    }

    /// The header of an object as native code writes it, all but the mark.
    pub fn word_without_mark(kind: ObjKind, flags: u16, aux: u32) -> u64 {
        let [a, b] = flags.to_ne_bytes();
        let [c, d, e, f] = aux.to_ne_bytes();
        u64::from_ne_bytes([kind as u8, 0, a, b, c, d, e, f])
    }

    pub fn kind(&self) -> ObjKind {
        self.kind
    }

    /// Notes that a walk is inside the object; false if one already was. Pair it with [`Header::leave`].
    pub(in crate::runtime) fn enter(&self) -> bool {
        let mark = self.mark.get();
        self.mark.set(mark | Self::VISITING);
        mark & Self::VISITING == 0
    }

    pub(in crate::runtime) fn leave(&self) {
        self.mark.set(self.mark.get() & !Self::VISITING);
    }
}

/// A handle to an object of the heap: one word, `Copy`, compared by identity.
///
/// Invariant: see the module's documentation; it is what makes `Deref` sound.
#[repr(transparent)]
pub struct Gc<T>(NonNull<T>);

impl<T> Clone for Gc<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Gc<T> {}

impl<T> PartialEq for Gc<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Gc<T> {}

impl<T> fmt::Debug for Gc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}", self.0)
    }
}

impl<T> Gc<T> {
    /// # Safety
    /// `object` points to an object of type `T` that the heap owns.
    #[inline(always)]
    pub unsafe fn from_non_null(object: NonNull<T>) -> Gc<T> {
        Gc(object)
    }

    #[inline(always)]
    pub fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }

    #[inline(always)]
    pub fn as_non_null(self) -> NonNull<T> {
        self.0
    }
}

impl<T> Deref for Gc<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the object is alive by the invariant of `Gc` (the interpreter roots what it holds), and what changes
        // in it is in cells, so a shared reference is all anyone has.
        unsafe { self.0.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::value::Value;

    #[test]
    fn offsets_are_what_native_code_assumes() {
        assert_eq!(size_of::<Header>(), 8);
        assert_eq!(Value::TAG_OFFSET, 0);
    }

    #[test]
    fn a_header_is_the_word_that_native_code_writes() {
        let header = Header::new(ObjKind::Instance, 0, 0x1234, 0x5678_9abc);
        // SAFETY: a header is eight initialised bytes.
        let word = unsafe { std::mem::transmute::<Header, u64>(header) };
        assert_eq!(word, Header::word_without_mark(ObjKind::Instance, 0x1234, 0x5678_9abc));
    }
}
