//! Dicts: maps that keep insertion order.
//!
//! Entries lie densely in insertion order; an index ([`Index`]) finds them by hash once there are more than a few. A removed entry becomes a hole
//! (key [`Value::UNDEF`]); holes are squeezed out when they are as many as the entries. Positions of entries are what iteration counts, and they change
//! only together with [`Dict::key_version`].

use std::cell::{Cell, UnsafeCell};

use super::dict_index::{Hashed, Index, direct_limit};
use super::{Gc, Header, ObjKind, Str};
use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::ops::hash::{hash_key, hash_str, same_key};
use crate::runtime::value::{Tag, Value};

/// A key with its value, in insertion order. A hole has the key [`Value::UNDEF`].
#[derive(Clone, Copy)]
pub struct Entry {
    pub key: Value,
    pub value: Value,
}

impl Entry {
    const HOLE: Entry = Entry { key: Value::UNDEF, value: Value::VOID };

    fn is_hole(&self) -> bool {
        self.key.is_undef()
    }
}

/// Up to this many entries are searched one by one, without an index.
const UNINDEXED: usize = 8;
/// The most entries, holes included: the index counts them with 32 bits.
const MOST_ENTRIES: usize = u32::MAX as usize - 2;

#[derive(Clone, Default)]
struct Table {
    entries: Vec<Entry>,
    /// Positions in `entries`; not in use until there are more than [`UNINDEXED`], and never partial.
    index: Index,
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

/// The contents of a dict at some time.
pub struct DictImage {
    table: Table,
    len: usize,
    key_version: u64,
}

impl DictImage {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries in insertion order.
    pub fn entries(&self) -> impl Iterator<Item = (Value, Value)> + '_ {
        self.table.entries.iter().filter(|entry| !entry.is_hole()).map(|entry| (entry.key, entry.value))
    }
}

/// What the index knows of a hash.
#[inline(always)]
fn short_hash(heap: &Heap, key: Value) -> Result<u32> {
    Ok((hash_key(heap, key)? >> 32) as u32)
}

/// The position a direct index has for an int key.
#[inline(always)]
fn direct_position(positions: &[u32], key: Value) -> Option<usize> {
    (positions.get(key.bits() as usize).copied()? as usize).checked_sub(1)
}

impl Table {
    /// The position of a key; an error if nothing like it can be a key.
    #[inline(always)]
    fn find(&self, heap: &Heap, key: Value) -> Result<Option<usize>> {
        match &self.index {
            Index::Direct(positions) if key.is_int() => Ok(direct_position(positions, key)),
            Index::Hashed(hashed) => {
                let hash = short_hash(heap, key)?;
                Ok(self.find_hashed(hashed, hash, key).map(|(_, position)| position))
            }
            _ => self.find_unindexed(heap, key),
        }
    }

    /// Slot and position of a key with this hash.
    #[inline(always)]
    fn find_hashed(&self, hashed: &Hashed, hash: u32, key: Value) -> Option<(usize, usize)> {
        hashed.find(hash, |position| same_key(self.entries[position].key, key))
    }

    #[inline(never)]
    fn find_unindexed(&self, heap: &Heap, key: Value) -> Result<Option<usize>> {
        if !matches!(key.tag(), Tag::Int | Tag::Str) {
            short_hash(heap, key)?;
        }
        if !self.index.is_none() {
            // A direct index: all keys are ints, and this is none.
            return Ok(None);
        }
        Ok(self.entries.iter().position(|entry| same_key(entry.key, key)))
    }

    /// Adds a key that is not in the table, and can be a key.
    fn push(&mut self, heap: &Heap, entry: Entry) -> Result<()> {
        let position = self.entries.len();
        if self.index.is_none() && position < UNINDEXED {
            self.entries.push(entry);
            return Ok(());
        }
        let hash = short_hash(heap, entry.key)?;
        self.make_index(heap, entry.key)?;
        self.entries.push(entry);
        match &mut self.index {
            Index::None => {}
            Index::Direct(positions) => positions[entry.key.bits() as usize] = position as u32 + 1,
            Index::Hashed(hashed) => hashed.insert(hash, position),
        }
        Ok(())
    }

    /// Makes an index that has room for one more key, of the kind that suits the keys.
    #[inline]
    fn make_index(&mut self, heap: &Heap, key: Value) -> Result<()> {
        let fits = match &self.index {
            Index::None => false,
            Index::Direct(positions) => key.is_int() && (key.bits() as usize) < positions.len(),
            Index::Hashed(hashed) => !hashed.is_full(),
        };
        if fits { Ok(()) } else { self.rebuild_index(heap, key) }
    }

    #[cold]
    fn rebuild_index(&mut self, heap: &Heap, key: Value) -> Result<()> {
        let live = || self.entries.iter().enumerate().filter(|(_, entry)| !entry.is_hole());
        let limit = direct_limit(self.entries.len() - self.holes + 1) as u64;
        // A negative key is a large one here.
        let largest = live()
            .map(|(_, entry)| entry.key)
            .chain([key])
            .try_fold(0, |largest: u64, key| (key.is_int() && key.bits() < limit).then(|| largest.max(key.bits())));
        match largest {
            Some(largest) => {
                let mut positions = vec![0; (largest as usize + 1).next_power_of_two()];
                live().for_each(|(position, entry)| positions[entry.key.bits() as usize] = position as u32 + 1);
                self.index = Index::Direct(positions);
            }
            // It grows by itself, without a look at the entries.
            None if matches!(self.index, Index::Hashed(_)) => {}
            None => {
                let mut hashed = Hashed::default();
                for (position, entry) in live() {
                    hashed.insert(short_hash(heap, entry.key)?, position);
                }
                self.index = Index::Hashed(hashed);
            }
        }
        Ok(())
    }

    fn remove(&mut self, heap: &Heap, key: Value) -> Result<Option<Value>> {
        if self.index.is_none() {
            return Ok(self.find_unindexed(heap, key)?.map(|position| self.entries.remove(position).value));
        }
        let Some(position) = self.find(heap, key)? else { return Ok(None) };
        let hash = short_hash(heap, key)?;
        match &mut self.index {
            Index::None => {}
            Index::Direct(positions) => positions[key.bits() as usize] = 0,
            Index::Hashed(hashed) => {
                if let Some((slot, _)) = hashed.find(hash, |found| found == position) {
                    hashed.remove(slot);
                }
            }
        }
        let entry = std::mem::replace(&mut self.entries[position], Entry::HOLE);
        self.holes += 1;
        if self.holes > UNINDEXED && self.holes * 2 > self.entries.len() {
            self.compact();
        }
        Ok(Some(entry.value))
    }

    fn compact(&mut self) {
        let mut kept = 0;
        let new_positions: Vec<u32> =
            self.entries.iter().map(|entry| (kept, kept += u32::from(!entry.is_hole())).0).collect();
        self.index.renumber(|position| new_positions[position] as usize);
        self.entries.retain(|entry| !entry.is_hole());
        self.holes = 0;
    }

    fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.size()
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
        let table = self.table(heap);
        Ok(table.find(heap, key)?.map(|position| table.entries[position].value))
    }

    /// The value at a string key.
    pub fn get_str(&self, heap: &Heap, key: Gc<Str>) -> Option<Value> {
        let table = self.table(heap);
        let value = Value::from_str(key);
        let position = match &table.index {
            Index::None => table.entries.iter().position(|entry| same_key(entry.key, value)),
            Index::Direct(_) => None,
            Index::Hashed(hashed) => {
                table.find_hashed(hashed, (hash_str(heap, &key) >> 32) as u32, value).map(|(_, position)| position)
            }
        };
        position.map(|position| table.entries[position].value)
    }

    pub fn contains(&self, heap: &Heap, key: Value) -> Result<bool> {
        Ok(self.table(heap).find(heap, key)?.is_some())
    }

    /// Puts a value at a key; returns the one that was there.
    #[inline]
    pub fn insert(&self, heap: &mut Heap, key: Value, value: Value) -> Result<Option<Value>> {
        match self.table(heap).find(heap, key)? {
            Some(position) => {
                let entry = &mut self.table_mut(heap).entries[position];
                Ok(Some(std::mem::replace(&mut entry.value, value)))
            }
            None => self.insert_new(heap, key, value),
        }
    }

    fn insert_new(&self, heap: &mut Heap, key: Value, value: Value) -> Result<Option<Value>> {
        let entries = &self.table(heap).entries;
        if entries.len() == entries.capacity() {
            if entries.len() >= MOST_ENTRIES {
                return Err(Error::message("Value too large"));
            }
            // The index grows at other times than the entries; together they take this much at most.
            heap.check_room_for(entries.len() * 2, size_of::<Entry>() + 3 * size_of::<u64>())?;
        }
        // SAFETY: nothing else refers to the table; hashing the key reads the heap's seed and the key, which is no dict.
        unsafe { &mut *self.table.get() }.push(heap, Entry { key, value })?;
        self.len.set(self.len() + 1);
        self.key_version.set(self.key_version.get() + 1);
        self.account(heap);
        Ok(None)
    }

    /// Removes a key; returns the value that was there.
    pub fn remove(&self, heap: &mut Heap, key: Value) -> Result<Option<Value>> {
        // SAFETY: as in `insert_new`.
        let removed = unsafe { &mut *self.table.get() }.remove(heap, key)?;
        if removed.is_some() {
            self.len.set(self.len() - 1);
            self.key_version.set(self.key_version.get() + 1);
        }
        Ok(removed)
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

    /// The contents now.
    pub fn image(&self, heap: &Heap) -> DictImage {
        DictImage { table: self.table(heap).clone(), len: self.len(), key_version: self.key_version() }
    }

    /// Makes the contents those of an image, positions of entries included. What the image refers to must be alive.
    pub fn set_image(&self, heap: &mut Heap, image: &DictImage) {
        *self.table_mut(heap) = image.table.clone();
        self.len.set(image.len);
        self.key_version.set(image.key_version);
        self.account(heap);
    }

    #[inline]
    fn account(&self, heap: &mut Heap) {
        let size = self.table(heap).size();
        let accounted = self.accounted.replace(size);
        heap.account(accounted, size);
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
