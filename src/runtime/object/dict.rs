//! Dicts: maps that keep insertion order.
//!
//! Entries lie densely in insertion order; an index finds them by hash once there are more than a few. A removed entry becomes a hole (key
//! [`Value::UNDEF`]); holes are squeezed out when they are as many as the entries. Positions of entries are what iteration counts, and they change only
//! together with [`Dict::key_version`].

use std::cell::{Cell, UnsafeCell};

use hashbrown::HashTable;

use super::{Gc, Header, ObjKind, Str};
use crate::runtime::error::Result;
use crate::runtime::heap::Heap;
use crate::runtime::ops::hash::{hash_key, hash_str, same_key};
use crate::runtime::value::Value;

/// A key with its value, in insertion order. A hole has the key [`Value::UNDEF`].
#[derive(Clone, Copy)]
pub struct Entry {
    hash: u64,
    pub key: Value,
    pub value: Value,
}

impl Entry {
    fn is_hole(&self) -> bool {
        self.key.is_undef()
    }
}

/// Up to this many entries are searched one by one, without an index.
const UNINDEXED: usize = 8;

#[derive(Default)]
struct Table {
    entries: Vec<Entry>,
    /// Positions in `entries`; empty until there are more than [`UNINDEXED`], and never partial.
    index: HashTable<u32>,
    holes: usize,
}

/// A map from keys to values.
#[repr(C)]
pub struct Dict {
    header: Header,
    /// Entries without holes.
    len: Cell<usize>,
    key_version: Cell<u64>,
    /// Bytes that the heap counts for the table.
    accounted: Cell<usize>,
    table: UnsafeCell<Table>,
}

impl Table {
    #[inline]
    fn find(&self, hash: u64, same: impl Fn(Value) -> bool) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|entry| entry.hash == hash && !entry.is_hole() && same(entry.key));
        }
        let found = self.index.find(hash, |&at| {
            let entry = &self.entries[at as usize];
            entry.hash == hash && same(entry.key)
        });
        found.map(|&at| at as usize)
    }

    fn push(&mut self, entry: Entry) {
        let at = self.entries.len();
        self.entries.push(entry);
        if !self.index.is_empty() {
            let entries = &self.entries;
            self.index.insert_unique(entry.hash, at as u32, |&at| entries[at as usize].hash);
        } else if at >= UNINDEXED {
            self.rebuild_index();
        }
    }

    fn rebuild_index(&mut self) {
        self.index.clear();
        if self.entries.len() <= UNINDEXED {
            return;
        }
        let entries = &self.entries;
        self.index.reserve(entries.len(), |&at| entries[at as usize].hash);
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.is_hole()) {
            self.index.insert_unique(entry.hash, at as u32, |&at| entries[at as usize].hash);
        }
    }

    fn remove(&mut self, at: usize) -> Value {
        let entry = self.entries[at];
        if !self.index.is_empty()
            && let Ok(found) = self.index.find_entry(entry.hash, |&position| position as usize == at)
        {
            found.remove();
        }
        if at + 1 == self.entries.len() {
            self.entries.pop();
        } else {
            self.entries[at] = Entry { hash: 0, key: Value::UNDEF, value: Value::VOID };
            self.holes += 1;
        }
        if (self.holes > UNINDEXED && self.holes * 2 > self.entries.len()) || self.index.is_empty() {
            self.compact();
        }
        entry.value
    }

    fn compact(&mut self) {
        self.entries.retain(|entry| !entry.is_hole());
        self.holes = 0;
        self.rebuild_index();
    }

    fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.allocation_size()
    }
}

impl Dict {
    pub const LEN_OFFSET: usize = 8;
    pub const KEY_VERSION_OFFSET: usize = 16;

    /// An empty dict.
    pub fn new(heap: &mut Heap) -> Gc<Dict> {
        let header = heap.header(ObjKind::Dict, 0, 0);
        heap.alloc(Dict {
            header,
            len: Cell::new(0),
            key_version: Cell::new(0),
            accounted: Cell::new(0),
            table: UnsafeCell::new(Table::default()),
        })
    }

    /// An empty dict with room for `count` entries.
    pub fn with_capacity(heap: &mut Heap, count: usize) -> Result<Gc<Dict>> {
        heap.check_room_for(count, size_of::<Entry>())?;
        let dict = Dict::new(heap);
        dict.table_mut(heap).entries.reserve_exact(count);
        dict.account(heap);
        Ok(dict)
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A number that changes whenever a key is added or removed.
    #[inline]
    pub fn key_version(&self) -> u64 {
        self.key_version.get()
    }

    /// The value at a key; an error if nothing like it can be a key.
    #[inline]
    pub fn get(&self, heap: &Heap, key: Value) -> Result<Option<Value>> {
        let hash = hash_key(heap, key)?;
        Ok(self.position(heap, hash, key).map(|at| self.table(heap).entries[at].value))
    }

    /// The value at a string key.
    pub fn get_str(&self, heap: &Heap, key: Gc<Str>) -> Option<Value> {
        let hash = hash_str(heap, &key);
        self.position(heap, hash, Value::from_str(key)).map(|at| self.table(heap).entries[at].value)
    }

    pub fn contains(&self, heap: &Heap, key: Value) -> Result<bool> {
        Ok(self.get(heap, key)?.is_some())
    }

    /// Puts a value at a key; returns the one that was there.
    #[inline]
    pub fn insert(&self, heap: &mut Heap, key: Value, value: Value) -> Result<Option<Value>> {
        let hash = hash_key(heap, key)?;
        if let Some(at) = self.position(heap, hash, key) {
            let entry = &mut self.table_mut(heap).entries[at];
            return Ok(Some(std::mem::replace(&mut entry.value, value)));
        }
        let entries = &self.table(heap).entries;
        let grows = entries.len() == entries.capacity();
        if grows {
            heap.check_room_for(entries.len() * 2, size_of::<Entry>() + size_of::<u64>())?;
        }
        self.table_mut(heap).push(Entry { hash, key, value });
        self.len.set(self.len() + 1);
        self.key_version.set(self.key_version.get() + 1);
        if grows || self.len() == UNINDEXED + 1 {
            self.account(heap);
        }
        Ok(None)
    }

    /// Removes a key; returns the value that was there.
    pub fn remove(&self, heap: &mut Heap, key: Value) -> Result<Option<Value>> {
        let hash = hash_key(heap, key)?;
        let Some(at) = self.position(heap, hash, key) else { return Ok(None) };
        let value = self.table_mut(heap).remove(at);
        self.len.set(self.len() - 1);
        self.key_version.set(self.key_version.get() + 1);
        Ok(Some(value))
    }

    /// Removes all keys and frees their memory.
    pub fn clear(&self, heap: &mut Heap) {
        *self.table_mut(heap) = Table::default();
        if !self.is_empty() {
            self.len.set(0);
            self.key_version.set(self.key_version.get() + 1);
        }
        self.account(heap);
    }

    /// A new dict of the same entries.
    pub fn copy(&self, heap: &mut Heap) -> Result<Gc<Dict>> {
        let copy = Dict::with_capacity(heap, self.len())?;
        copy.extend_from(heap, self)?;
        Ok(copy)
    }

    /// Inserts all entries of `other`, which win over those that are there.
    pub fn extend_from(&self, heap: &mut Heap, other: &Dict) -> Result<()> {
        let mut position = 0;
        while let Some((next, key, value)) = other.next_entry(position) {
            self.insert(heap, key, value)?;
            position = next;
        }
        Ok(())
    }

    /// The first entry at or after `position` in insertion order, and the position to go on at. Start with 0; positions stay meaningful while
    /// [`Dict::key_version`] is the same.
    #[inline]
    pub fn next_entry(&self, mut position: usize) -> Option<(usize, Value, Value)> {
        // SAFETY: the reference ends with this function, which changes nothing.
        let entries = unsafe { &(*self.table.get()).entries };
        loop {
            let entry = entries.get(position)?;
            position += 1;
            if !entry.is_hole() {
                return Some((position, entry.key, entry.value));
            }
        }
    }

    /// The entries in insertion order. The heap is borrowed so that nothing can change them meanwhile.
    pub fn entries<'h>(&'h self, heap: &'h Heap) -> impl Iterator<Item = (Value, Value)> + 'h {
        self.table(heap).entries.iter().filter(|entry| !entry.is_hole()).map(|entry| (entry.key, entry.value))
    }

    #[inline]
    fn position(&self, heap: &Heap, hash: u64, key: Value) -> Option<usize> {
        self.table(heap).find(hash, |other| same_key(other, key))
    }

    #[inline(always)]
    fn table<'h>(&self, _heap: &'h Heap) -> &'h Table {
        // SAFETY: changing the table takes the heap mutably, so the borrow of the heap keeps changes away.
        unsafe { &*self.table.get() }
    }

    #[allow(clippy::mut_from_ref, reason = "the mutable borrow is that of the heap")]
    #[inline(always)]
    fn table_mut<'h>(&self, _heap: &'h mut Heap) -> &'h mut Table {
        // SAFETY: every other access borrows the heap, or ends before its function returns.
        unsafe { &mut *self.table.get() }
    }

    fn account(&self, heap: &mut Heap) {
        let size = self.table(heap).size();
        heap.account(self.accounted.replace(size), size);
    }

    pub(in crate::runtime) fn entries_for_marking<'a>(&self) -> &'a [Entry] {
        // SAFETY: the marker holds it no longer than the collection, which changes no dict.
        let table: &'a Table = unsafe { &*self.table.get() };
        &table.entries
    }

    /// Frees the table, for the sweep; returns its size.
    ///
    /// # Safety
    /// Nothing uses the dict afterwards.
    pub(in crate::runtime) unsafe fn release(&self) -> usize {
        // SAFETY: the table is initialised, and the caller does not use it again.
        unsafe { std::ptr::drop_in_place(self.table.get()) };
        self.accounted.get()
    }
}

#[cfg(test)]
mod tests;
