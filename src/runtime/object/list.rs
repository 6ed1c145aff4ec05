//! Lists, which keep their elements unboxed while all are ints, all floats or all bools.
//!
//! Invariant: `data` is a buffer of `cap` elements of the [`Storage`] in the header's flags, the first `len` of them
//! initialised. An empty list takes the storage of whatever is pushed first; a store of another type converts the
//! elements to `Values`, once.
//!
//! The buffer of a list that is made short lies behind its header, in the same cell; when it has to be larger, it is
//! one outside from then on.

use std::cell::Cell;
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{self, NonNull};

use super::{Gc, Header, ObjKind};
use crate::runtime::error::Result;
use crate::runtime::heap::{Heap, SpareBuffers};
use crate::runtime::value::{Tag, Value};

/// How a list keeps its elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Storage {
    /// `i64`
    Ints = 0,
    /// `f64`
    Floats = 1,
    /// A byte, 0 or 1.
    Bools = 2,
    /// [`Value`]
    Values = 3,
}

impl Storage {
    /// The storage that holds a value without boxing, or `Values`.
    #[inline(always)]
    pub fn of(value: Value) -> Storage {
        Storage::of_tag(value.tag())
    }

    /// The same for any value of a type.
    #[inline(always)]
    pub fn of_tag(tag: Tag) -> Storage {
        match tag {
            Tag::Int => Storage::Ints,
            Tag::Float => Storage::Floats,
            Tag::Bool => Storage::Bools,
            _ => Storage::Values,
        }
    }

    /// The storage that holds all of these values; `None` if there is none of them.
    fn of_all(values: &[Value]) -> Option<Storage> {
        let (first, rest) = values.split_first()?;
        let storage = Storage::of(*first);
        Some(if rest.iter().all(|value| Storage::of(*value) == storage) { storage } else { Storage::Values })
    }

    /// The storage with a number.
    #[inline(always)]
    pub fn numbered(number: u16) -> Storage {
        match number {
            0 => Storage::Ints,
            1 => Storage::Floats,
            2 => Storage::Bools,
            _ => Storage::Values,
        }
    }

    /// Bytes per element.
    #[inline(always)]
    pub fn element_size(self) -> usize {
        match self {
            Storage::Ints | Storage::Floats => 8,
            Storage::Bools => 1,
            Storage::Values => 16,
        }
    }
}

/// A mutable sequence.
#[repr(C)]
pub struct List {
    /// `flags` is the [`Storage`].
    header: Header,
    len: Cell<usize>,
    cap: Cell<usize>,
    data: Cell<*mut u8>,
}

/// The smallest buffer outside, in elements.
const FIRST_CAP: usize = 4;
/// The least room for elements behind the header of a list, in bytes.
const LEAST_ROOM: usize = 32;

impl List {
    pub const STORAGE_OFFSET: usize = Header::FLAGS_OFFSET;
    pub const LEN_OFFSET: usize = offset_of!(List, len);
    pub const CAP_OFFSET: usize = offset_of!(List, cap);
    pub const DATA_OFFSET: usize = offset_of!(List, data);
    /// Where elements are that lie in the list's cell.
    pub const ELEMENTS_OFFSET: usize = 32;
    /// The room for elements, in bytes, of a list that is made empty and is about to be filled: mostly with a few.
    pub const ROOM_TO_FILL: usize = 64;

    /// The room for elements in the cell of a list that begins with so many bytes of them; `None` if they have to lie
    /// outside.
    #[inline]
    pub fn room_for(bytes: usize) -> Option<usize> {
        let room = bytes.max(LEAST_ROOM).checked_next_multiple_of(16)?;
        (room <= Heap::LARGEST_CELL - List::ELEMENTS_OFFSET).then_some(room)
    }

    /// An empty list.
    #[inline]
    pub fn new(heap: &mut Heap) -> Gc<List> {
        List::with_room(heap, Storage::Ints, LEAST_ROOM)
    }

    /// An empty list with room for so many bytes of elements in its cell.
    #[inline]
    fn with_room(heap: &mut Heap, storage: Storage, room: usize) -> Gc<List> {
        let header = heap.header(ObjKind::List, storage as u16, 0);
        let outside = NonNull::<u128>::dangling().as_ptr().cast();
        let list = List { header, len: Cell::new(0), cap: Cell::new(0), data: Cell::new(outside) };
        // SAFETY: a list of length 0 has no elements that could be looked at.
        let list = unsafe { heap.alloc_uninit(list, Self::ELEMENTS_OFFSET, room) };
        if room > 0 {
            // SAFETY: the cell goes on for `room` bytes behind the header.
            list.data.set(unsafe { list.as_ptr().cast::<u8>().add(Self::ELEMENTS_OFFSET) });
            list.cap.set(room / storage.element_size());
        }
        list
    }

    /// An empty list with room for `cap` elements of a storage.
    pub fn with_capacity(heap: &mut Heap, storage: Storage, cap: usize) -> Result<Gc<List>> {
        heap.check_room_for(cap, storage.element_size())?;
        match List::room_for(cap.saturating_mul(storage.element_size())) {
            Some(room) => Ok(List::with_room(heap, storage, room)),
            None => {
                let list = List::with_room(heap, storage, 0);
                list.set_cap(heap, cap)?;
                Ok(list)
            }
        }
    }

    /// Whether the elements lie in the list's own cell.
    #[inline]
    fn has_own_room(&self) -> bool {
        self.data.get().addr() == (&raw const *self).addr() + Self::ELEMENTS_OFFSET
    }

    /// A list of these values, unboxed if they are of one type that allows it.
    pub fn from_values(heap: &mut Heap, values: &[Value]) -> Result<Gc<List>> {
        let Some(storage) = Storage::of_all(values) else { return Ok(List::new(heap)) };
        let list = List::with_capacity(heap, storage, values.len())?;
        for (i, value) in values.iter().enumerate() {
            // SAFETY: `i` is below the capacity, and the storage holds every one of the values.
            unsafe { list.write(storage, i, *value) };
        }
        list.len.set(values.len());
        Ok(list)
    }

    /// A list of the same value so many times.
    pub fn filled(heap: &mut Heap, value: Value, count: usize) -> Result<Gc<List>> {
        let storage = Storage::of(value);
        let list = List::with_capacity(heap, storage, count)?;
        let data = list.data.get();
        // SAFETY: the buffer has room for as many elements of the storage, which holds the value.
        unsafe {
            match storage {
                Storage::Ints | Storage::Floats => {
                    std::slice::from_raw_parts_mut(data.cast::<MaybeUninit<u64>>(), count)
                        .fill(MaybeUninit::new(value.bits()));
                }
                Storage::Bools => data.write_bytes(value.bits() as u8, count),
                Storage::Values => {
                    std::slice::from_raw_parts_mut(data.cast::<MaybeUninit<Value>>(), count)
                        .fill(MaybeUninit::new(value));
                }
            }
        }
        list.len.set(count);
        Ok(list)
    }

    pub fn from_ints(heap: &mut Heap, ints: &[i64]) -> Result<Gc<List>> {
        // SAFETY: ints are the elements of an `Ints` storage.
        unsafe { List::from_elements(heap, Storage::Ints, ints) }
    }

    pub fn from_floats(heap: &mut Heap, floats: &[f64]) -> Result<Gc<List>> {
        // SAFETY: floats are the elements of a `Floats` storage.
        unsafe { List::from_elements(heap, Storage::Floats, floats) }
    }

    /// # Safety
    /// `T` is the element type of the storage.
    unsafe fn from_elements<T: Copy>(heap: &mut Heap, storage: Storage, elements: &[T]) -> Result<Gc<List>> {
        debug_assert_eq!(size_of::<T>(), storage.element_size());
        let list = List::with_capacity(heap, storage, elements.len())?;
        // SAFETY: the new buffer has room for the elements.
        unsafe { ptr::copy_nonoverlapping(elements.as_ptr(), list.data.get().cast::<T>(), elements.len()) };
        list.len.set(elements.len());
        Ok(list)
    }

    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    pub fn storage(&self) -> Storage {
        Storage::numbered(self.header.flags.get())
    }

    /// The element at `index`, which is below the length. Panics otherwise.
    #[inline]
    pub fn get(&self, index: usize) -> Value {
        assert!(index < self.len(), "list index out of bounds");
        // SAFETY: elements below the length are initialised.
        unsafe { self.read(index) }
    }

    #[inline]
    pub fn try_get(&self, index: usize) -> Option<Value> {
        (index < self.len()).then(|| self.get(index))
    }

    /// Replaces the element at `index`, which is below the length. Panics otherwise.
    #[inline]
    pub fn set(&self, heap: &mut Heap, index: usize, value: Value) -> Result<()> {
        assert!(index < self.len(), "list index out of bounds");
        let storage = self.storage_for(heap, value, 0)?;
        // SAFETY: the index is below the length, and the storage holds the value.
        unsafe { self.write(storage, index, value) };
        Ok(())
    }

    /// Appends an element.
    #[inline]
    pub fn push(&self, heap: &mut Heap, value: Value) -> Result<()> {
        let storage = self.storage();
        let len = self.len();
        if len < self.cap.get() && (storage == Storage::Values || storage == Storage::of(value)) {
            // SAFETY: there is room behind the last element, and the storage holds the value.
            unsafe { self.write(storage, len, value) };
            self.len.set(len + 1);
            return Ok(());
        }
        self.push_slow(heap, value)
    }

    #[cold]
    fn push_slow(&self, heap: &mut Heap, value: Value) -> Result<()> {
        let storage = self.storage_for(heap, value, 1)?;
        let len = self.len();
        // SAFETY: as in `push`.
        unsafe { self.write(storage, len, value) };
        self.len.set(len + 1);
        Ok(())
    }

    /// Removes and returns the last element.
    #[inline]
    pub fn pop(&self) -> Option<Value> {
        let last = self.len().checked_sub(1)?;
        let value = self.get(last);
        self.len.set(last);
        Some(value)
    }

    /// Inserts before `index`, which is at most the length. Panics otherwise.
    pub fn insert(&self, heap: &mut Heap, index: usize, value: Value) -> Result<()> {
        let len = self.len();
        assert!(index <= len, "list index out of bounds");
        let storage = self.storage_for(heap, value, 1)?;
        let size = storage.element_size();
        // SAFETY: there is room for one more element, so the elements from `index` on can move up by one.
        unsafe {
            let place = self.data.get().add(index * size);
            ptr::copy(place, place.add(size), (len - index) * size);
            self.write(storage, index, value);
        }
        self.len.set(len + 1);
        Ok(())
    }

    /// Removes and returns the element at `index`, which is below the length. Panics otherwise.
    pub fn remove(&self, index: usize) -> Value {
        let value = self.get(index);
        let len = self.len();
        let size = self.storage().element_size();
        // SAFETY: the elements behind `index` move down by one, inside the initialised part.
        unsafe {
            let place = self.data.get().add(index * size);
            ptr::copy(place.add(size), place, (len - index - 1) * size);
        }
        self.len.set(len - 1);
        value
    }

    /// Removes all elements and frees their memory.
    pub fn clear(&self, heap: &mut Heap) {
        self.len.set(0);
        // Freeing needs no room, so it cannot fail.
        let _ = self.set_cap(heap, 0);
    }

    /// Makes the list one of these elements, all of which suit the storage.
    pub(in crate::runtime) fn set_contents(&self, heap: &mut Heap, storage: Storage, items: &[Value]) -> Result<()> {
        self.clear(heap);
        self.take_storage(heap, storage)?;
        self.reserve(heap, items.len())?;
        items.iter().try_for_each(|item| self.push(heap, *item))
    }

    /// Drops the elements from `len` on.
    pub fn truncate(&self, len: usize) {
        self.len.set(self.len().min(len));
    }

    pub fn reverse(&self) {
        let len = self.len();
        let storage = self.storage();
        for i in 0..len / 2 {
            // SAFETY: both indices are below the length, and the values came from this storage.
            unsafe {
                let (a, b) = (self.read(i), self.read(len - 1 - i));
                self.write(storage, i, b);
                self.write(storage, len - 1 - i, a);
            }
        }
    }

    /// Appends the elements of `other` (which may be this list).
    pub fn extend_from(&self, heap: &mut Heap, other: Gc<List>) -> Result<()> {
        let count = other.len();
        if count == 0 {
            return Ok(());
        }
        self.admit(heap, other.storage(), count)?;
        let (len, storage) = (self.len(), self.storage());
        // SAFETY: there is room for `count` more elements; read the other's data only now, as reserving may have moved
        // it if both are one.
        unsafe {
            if storage == other.storage() {
                let size = storage.element_size();
                ptr::copy_nonoverlapping(other.data.get(), self.data.get().add(len * size), count * size);
            } else {
                for i in 0..count {
                    self.write(storage, len + i, other.read(i));
                }
            }
        }
        self.len.set(len + count);
        Ok(())
    }

    /// Appends its own first `count` elements. Panics if there are fewer.
    pub fn repeat_front(&self, heap: &mut Heap, count: usize) -> Result<()> {
        assert!(count <= self.len(), "a list repeats more than it has");
        self.reserve(heap, count)?;
        let bytes = |elements: usize| elements * self.storage().element_size();
        // SAFETY: there is room for `count` more elements behind those there are, of which the first `count` are read.
        unsafe {
            let data = self.data.get();
            ptr::copy_nonoverlapping(data, data.add(bytes(self.len())), bytes(count));
        }
        self.len.set(self.len() + count);
        Ok(())
    }

    /// Appends these values, all of them or, if there is too little room, none.
    pub fn extend_from_values(&self, heap: &mut Heap, values: &[Value]) -> Result<()> {
        let Some(common) = Storage::of_all(values) else { return Ok(()) };
        self.admit(heap, common, values.len())?;
        let (len, storage) = (self.len(), self.storage());
        for (i, value) in values.iter().enumerate() {
            // SAFETY: there is room behind the last element, and the storage holds every one of the values.
            unsafe { self.write(storage, len + i, *value) };
        }
        self.len.set(len + values.len());
        Ok(())
    }

    /// A new list of the elements `start..end`, which lie in this one. Panics otherwise.
    pub fn slice(&self, heap: &mut Heap, start: usize, end: usize) -> Result<Gc<List>> {
        assert!(start <= end && end <= self.len(), "list slice out of bounds");
        let storage = self.storage();
        let list = List::with_capacity(heap, storage, end - start)?;
        let size = storage.element_size();
        // SAFETY: the range lies in this list, and the new buffer has room for it.
        unsafe {
            ptr::copy_nonoverlapping(self.data.get().add(start * size), list.data.get(), (end - start) * size);
        }
        list.len.set(end - start);
        Ok(list)
    }

    /// A new list of the same elements.
    pub fn copy(&self, heap: &mut Heap) -> Result<Gc<List>> {
        self.slice(heap, 0, self.len())
    }

    /// The elements, if the list keeps ints. The heap is borrowed so that nothing can move them meanwhile.
    #[inline]
    pub fn as_ints<'h>(&self, _heap: &'h Heap) -> Option<&'h [i64]> {
        // SAFETY: an `Ints` storage.
        (self.storage() == Storage::Ints).then(|| unsafe { self.elements() })
    }

    /// The elements, if the list keeps floats.
    #[inline]
    pub fn as_floats<'h>(&self, _heap: &'h Heap) -> Option<&'h [f64]> {
        // SAFETY: a `Floats` storage.
        (self.storage() == Storage::Floats).then(|| unsafe { self.elements() })
    }

    /// The elements, if the list keeps bools: 0 or 1.
    #[inline]
    pub fn as_bools<'h>(&self, _heap: &'h Heap) -> Option<&'h [u8]> {
        // SAFETY: a `Bools` storage.
        (self.storage() == Storage::Bools).then(|| unsafe { self.elements() })
    }

    /// The elements, if the list keeps values.
    #[inline]
    pub fn as_values<'h>(&self, _heap: &'h Heap) -> Option<&'h [Value]> {
        self.as_values_for_marking()
    }

    /// The elements for changing in place, if the list keeps ints.
    #[inline]
    pub fn as_ints_mut<'h>(&self, _heap: &'h mut Heap) -> Option<&'h mut [i64]> {
        // SAFETY: an `Ints` storage, and the only borrow of the heap.
        (self.storage() == Storage::Ints).then(|| unsafe { self.elements_mut() })
    }

    /// The elements for changing in place, if the list keeps floats.
    #[inline]
    pub fn as_floats_mut<'h>(&self, _heap: &'h mut Heap) -> Option<&'h mut [f64]> {
        // SAFETY: a `Floats` storage, and the only borrow of the heap.
        (self.storage() == Storage::Floats).then(|| unsafe { self.elements_mut() })
    }

    /// The elements for changing in place, if the list keeps values.
    #[inline]
    pub fn as_values_mut<'h>(&self, _heap: &'h mut Heap) -> Option<&'h mut [Value]> {
        // SAFETY: a `Values` storage, and the only borrow of the heap.
        (self.storage() == Storage::Values).then(|| unsafe { self.elements_mut() })
    }

    /// All elements as values, copied.
    pub fn to_vec(&self) -> Vec<Value> {
        (0..self.len()).map(|i| self.get(i)).collect()
    }

    pub(in crate::runtime) fn as_values_for_marking<'a>(&self) -> Option<&'a [Value]> {
        // SAFETY: a `Values` storage; the marker holds it no longer than the collection, which changes no list.
        (self.storage() == Storage::Values).then(|| unsafe { self.elements() })
    }

    /// Frees the buffer, for the sweep; returns its size, unless it is part of the cell.
    ///
    /// # Safety
    /// Nothing uses the list afterwards.
    #[inline]
    pub(in crate::runtime) unsafe fn release(&self, spare: &mut SpareBuffers) -> usize {
        if self.has_own_room() {
            return 0;
        }
        let size = self.cap.get() * self.storage().element_size();
        // SAFETY: `data` is a buffer of this size by the invariant of the list.
        unsafe { spare.free(self.data.get(), size) };
        size
    }

    /// # Safety
    /// `T` is the element type of the storage, and the storage is not moved or freed during `'a`.
    unsafe fn elements<'a, T>(&self) -> &'a [T] {
        // SAFETY: the first `len` elements are initialised; the caller answers for type and lifetime.
        unsafe { std::slice::from_raw_parts(self.data.get().cast(), self.len()) }
    }

    /// # Safety
    /// As for `elements`, and nothing else accesses the elements during `'a`.
    unsafe fn elements_mut<'a, T>(&self) -> &'a mut [T] {
        // SAFETY: as in `elements`.
        unsafe { std::slice::from_raw_parts_mut(self.data.get().cast(), self.len()) }
    }

    /// # Safety
    /// `index` is below the length.
    #[inline(always)]
    unsafe fn read(&self, index: usize) -> Value {
        let data = self.data.get();
        // SAFETY: the element is initialised and of the type that the storage says.
        unsafe {
            match self.storage() {
                Storage::Ints => Value::int(*data.cast::<i64>().add(index)),
                Storage::Floats => Value::float(*data.cast::<f64>().add(index)),
                Storage::Bools => Value::bool(*data.add(index) != 0),
                Storage::Values => *data.cast::<Value>().add(index),
            }
        }
    }

    /// # Safety
    /// `index` is below the capacity, `storage` is the list's, and it is `Values` or the storage of the value.
    #[inline(always)]
    unsafe fn write(&self, storage: Storage, index: usize, value: Value) {
        debug_assert!(index < self.cap.get() && storage == self.storage());
        debug_assert!(storage == Storage::Values || storage == Storage::of(value));
        let data = self.data.get();
        // SAFETY: the element lies in the buffer.
        unsafe {
            match storage {
                Storage::Ints | Storage::Floats => data.cast::<u64>().add(index).write(value.bits()),
                Storage::Bools => data.add(index).write(value.bits() as u8),
                Storage::Values => data.cast::<Value>().add(index).write(value),
            }
        }
    }

    /// Makes the storage one that holds `value`, and room for `more` elements; returns the storage.
    #[inline]
    fn storage_for(&self, heap: &mut Heap, value: Value, more: usize) -> Result<Storage> {
        self.admit(heap, Storage::of(value), more)?;
        Ok(self.storage())
    }

    /// Makes the storage one that holds elements of the storage `wanted`, and room for `more` elements. If memory is
    /// refused, elements and their storage are as before: what native code leaves to be done again is compared so.
    #[inline]
    fn admit(&self, heap: &mut Heap, wanted: Storage, more: usize) -> Result<()> {
        let storage = self.storage();
        if storage == Storage::Values || storage == wanted {
            return self.reserve(heap, more);
        }
        self.change_storage(heap, wanted, more)
    }

    /// As [`List::admit`], where the storage is not one that holds such elements.
    #[cold]
    fn change_storage(&self, heap: &mut Heap, wanted: Storage, more: usize) -> Result<()> {
        if self.is_empty() {
            self.take_storage(heap, wanted)?;
            return self.reserve(heap, more);
        }
        let (len, storage) = (self.len(), self.storage());
        let old_size = self.cap.get() * storage.element_size();
        let cap = self.cap_for(heap, Storage::Values, more).unwrap_or(self.cap.get());
        let new_size = cap.saturating_mul(Storage::Values.element_size());
        // SAFETY: the new buffer has room for all elements as values; the old one, if it is one outside, is freed after
        // they were copied.
        unsafe {
            let new = heap.resize_buffer(ptr::null_mut(), 0, new_size)?;
            for i in 0..len {
                new.cast::<Value>().add(i).write(self.read(i));
            }
            if !self.has_own_room() {
                heap.resize_buffer(self.data.get(), old_size, 0)?;
            }
            self.data.set(new);
        }
        self.cap.set(cap);
        self.set_storage(Storage::Values);
        Ok(())
    }

    /// Makes the storage of a list without elements another one.
    fn take_storage(&self, heap: &mut Heap, storage: Storage) -> Result<()> {
        debug_assert!(self.is_empty());
        if self.has_own_room() {
            self.cap.set(self.cap.get() * self.storage().element_size() / storage.element_size());
        } else {
            self.set_cap(heap, 0)?;
        }
        self.set_storage(storage);
        Ok(())
    }

    fn set_storage(&self, storage: Storage) {
        debug_assert!(self.is_empty() || storage == Storage::Values);
        self.header.flags.set(storage as u16);
    }

    /// Makes room for `more` elements, growing by a factor, so that pushing is amortised O(1).
    pub fn reserve(&self, heap: &mut Heap, more: usize) -> Result<()> {
        self.cap_for(heap, self.storage(), more).map_or(Ok(()), |cap| self.set_cap(heap, cap))
    }

    /// The elements to have room for, in a storage, so that `more` fit in; `None` if there is room for them.
    fn cap_for(&self, heap: &Heap, storage: Storage, more: usize) -> Option<usize> {
        let cap = self.cap.get();
        if more <= cap - self.len() {
            return None;
        }
        // Doubling a big buffer would waste much; pages of it that are not touched yet cost nothing, but the heap
        // counts them.
        let grown = if cap < 4096 { cap * 2 } else { cap + cap / 2 };
        // Room to grow must not be what makes the list too large.
        let grown = grown.min(heap.max_heap() / storage.element_size());
        Some(grown.max(self.len().saturating_add(more)).max(FIRST_CAP))
    }

    fn set_cap(&self, heap: &mut Heap, cap: usize) -> Result<()> {
        let size = self.storage().element_size();
        let new_size = cap.saturating_mul(size);
        if self.has_own_room() {
            if cap <= self.cap.get() {
                return Ok(());
            }
            // SAFETY: the new buffer is larger than the room in the cell, which it does not overlap.
            unsafe {
                let data = heap.resize_buffer(ptr::null_mut(), 0, new_size)?;
                ptr::copy_nonoverlapping(self.data.get(), data, self.len() * size);
                self.data.set(data);
            }
            self.cap.set(cap);
            return Ok(());
        }
        // SAFETY: `data` is the buffer of the list, and is replaced at once.
        let data = unsafe { heap.resize_buffer(self.data.get(), self.cap.get() * size, new_size)? };
        self.data.set(data);
        self.cap.set(cap);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
