//! Dicts: maps that keep insertion order.
//!
//! If the keys are small ints that lie densely, the values are at their keys ([`Dense`]), until one is added after
//! another was removed. Otherwise entries are listed in insertion order; an index ([`Index`]) finds them by hash once
//! there are more than a few. A removed entry becomes a hole (key [`Value::UNDEF`]); holes are squeezed out when they
//! are as many as the entries. Positions of entries are what iteration counts, and they change only together with
//! [`Dict::key_version`].

use std::cell::{Cell, UnsafeCell};
use std::mem::offset_of;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::LazyLock;

use super::dict_dense::{Dense, dense_limit};
use super::dict_index::{Hashed, Index, direct_limit};
use super::{Gc, Header, ObjKind, SpareTables, Str};
use crate::bytecode::methods::{METHODS, Receiver};
use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::ops::hash::{hash_key, hash_str, same_key};
use crate::runtime::value::{Tag, Value};

/// A key with its value, in insertion order. A hole has the key [`Value::UNDEF`].
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Entry {
    pub key: Value,
    pub value: Value,
}

impl Entry {
    pub const KEY_OFFSET: usize = offset_of!(Entry, key);
    pub const VALUE_OFFSET: usize = offset_of!(Entry, value);
    const HOLE: Entry = Entry { key: Value::UNDEF, value: Value::VOID };

    fn is_hole(&self) -> bool {
        self.key.is_undef()
    }
}

/// Up to this many entries are searched one by one, without an index.
pub(super) const UNINDEXED: usize = 8;
/// How many entries a table has room for when the first is added.
const FIRST_ROOM: usize = 4;
/// The most entries, holes included: the index counts them with 32 bits.
const MOST_ENTRIES: usize = u32::MAX as usize - 2;

/// Entries in the order of insertion.
#[derive(Clone)]
struct Listed {
    entries: Vec<Entry>,
    /// Positions in `entries`; not in use until there are more than [`UNINDEXED`], and never partial.
    index: Index,
    holes: usize,
    /// Values may move to their keys. Not again once they have moved back.
    may_be_dense: bool,
}

impl Default for Listed {
    fn default() -> Self {
        Listed { entries: Vec::new(), index: Index::None, holes: 0, may_be_dense: true }
    }
}

/// What a dict holds.
#[derive(Clone)]
enum Table {
    Listed(Listed),
    Dense(Dense),
}

impl Default for Table {
    fn default() -> Self {
        Table::Listed(Listed::default())
    }
}

/// A map from keys to values.
#[repr(C)]
pub struct Dict {
    header: Header,
    /// For native code: how many entries a table lists, holes included; none if it is dense. Beside the header, as is
    /// where they are: a lookup by name reads nothing else of the dict.
    listed: Cell<usize>,
    /// Where the entries are, or the tags of a dense table.
    tags: Cell<*mut u8>,
    /// For native code, how many places a dense table has, none if the table is not dense, and where the payloads are.
    places: Cell<usize>,
    payloads: Cell<*mut u64>,
    /// Where the keys of a dense table stand in the order of their insertion, and how many, holes included.
    order: Cell<*const u32>,
    ordered: Cell<usize>,
    /// Entries without holes.
    len: Cell<usize>,
    key_version: Cell<u64>,
    /// Bytes that the heap counts for the table.
    accounted: Cell<usize>,
    table: UnsafeCell<Table>,
}

/// In the flags: a key is, or was since the dict was empty, the name of a method of dicts.
const NAMES_METHOD: u16 = 1;

/// Where a string was found last. The heap keeps one, and forgets it when it collects, so the addresses always are
/// those of the dict and the key.
#[derive(Clone, Copy)]
pub(in crate::runtime) struct Found {
    dict: *const Dict,
    key: u64,
    version: u64,
    position: usize,
}

impl Found {
    pub(in crate::runtime) const NONE: Found = Found { dict: ptr::null(), key: 0, version: 0, position: 0 };
}

/// The contents of a dict at some time.
#[derive(Clone)]
pub struct DictImage {
    table: Table,
    len: usize,
    key_version: u64,
    flags: u16,
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
        self.table.entries()
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

impl Listed {
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

    /// The position of a string, as [`Listed::find`] gives.
    #[inline(always)]
    fn find_str(&self, heap: &Heap, key: Gc<Str>) -> Option<usize> {
        let is_same = |position: usize| self.entries[position].key.as_str().is_some_and(|found| found.is_same(&key));
        match &self.index {
            Index::Direct(_) => None,
            Index::Hashed(hashed) => {
                let hash = (hash_str(heap, &key) >> 32) as u32;
                hashed.find(hash, is_same).map(|(_, position)| position)
            }
            // Short texts are mostly shared, so an address tells, and is compared sooner.
            Index::None => {
                let wanted = Value::from_str(key);
                let is_it = |entry: &Entry| entry.key.bits() == wanted.bits() && entry.key.tag() == Tag::Str;
                self.entries
                    .iter()
                    .position(is_it)
                    .or_else(|| (0..self.entries.len()).find(|position| is_same(*position)))
            }
        }
    }

    /// As [`Listed::find_str`], if the first look finds this very string: short texts are mostly shared, and runs of
    /// slots are short.
    #[inline(always)]
    fn find_at_once(&self, key: Gc<Str>) -> Option<usize> {
        let Index::Hashed(hashed) = &self.index else { return None };
        let position = hashed.first((key.cached_hash() >> 32) as u32)?;
        (self.entries.get(position)?.key.as_str() == Some(key)).then_some(position)
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

    /// Adds a key that is not in the table, and can be a key. Gives the table that is to take it instead, if the keys
    /// are found to lie densely.
    fn push(&mut self, heap: &Heap, entry: Entry) -> Result<Option<Dense>> {
        let position = self.entries.len();
        if self.index.is_none() && position < UNINDEXED {
            self.entries.push(entry);
            return Ok(None);
        }
        let hash = short_hash(heap, entry.key)?;
        if let Some(dense) = self.make_index(heap, entry.key)? {
            return Ok(Some(dense));
        }
        self.entries.push(entry);
        match &mut self.index {
            Index::None => {}
            Index::Direct(positions) => positions[entry.key.bits() as usize] = position as u32 + 1,
            Index::Hashed(hashed) => hashed.insert(hash, position),
        }
        Ok(None)
    }

    /// Makes an index that has room for one more key, of the kind that suits the keys; or the values at their keys.
    #[inline]
    fn make_index(&mut self, heap: &Heap, key: Value) -> Result<Option<Dense>> {
        let fits = match &self.index {
            Index::None => false,
            Index::Direct(positions) => key.is_int() && (key.bits() as usize) < positions.len(),
            Index::Hashed(hashed) => !hashed.is_full(),
        };
        if fits { Ok(None) } else { self.rebuild_index(heap, key) }
    }

    #[cold]
    fn rebuild_index(&mut self, heap: &Heap, key: Value) -> Result<Option<Dense>> {
        let live = || self.entries.iter().enumerate().filter(|(_, entry)| !entry.is_hole());
        let count = self.entries.len() - self.holes + 1;
        let limit = direct_limit(count) as u64;
        // A negative key is a large one here.
        let largest = live()
            .map(|(_, entry)| entry.key)
            .chain([key])
            .try_fold(0, |largest: u64, key| (key.is_int() && key.bits() < limit).then(|| largest.max(key.bits())));
        match largest {
            Some(largest) if self.may_be_dense && largest < dense_limit(count) as u64 => {
                let entries = live().map(|(_, entry)| (entry.key, entry.value));
                return Ok(Some(Dense::of(entries, largest as usize)));
            }
            // Those that will be dense are not indexed like this on the way: it would serve them too well.
            Some(largest) if !self.may_be_dense => {
                let mut positions = vec![0; (largest as usize + 1).next_power_of_two()];
                live().for_each(|(position, entry)| positions[entry.key.bits() as usize] = position as u32 + 1);
                self.index = Index::Direct(positions);
            }
            // It grows by itself, without a look at the entries.
            _ if matches!(self.index, Index::Hashed(_)) => {}
            _ => {
                let mut hashed = Hashed::default();
                for (position, entry) in live() {
                    hashed.insert(short_hash(heap, entry.key)?, position);
                }
                self.index = Index::Hashed(hashed);
            }
        }
        Ok(None)
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

    /// The same entries as a dense table has, which are no longer to be kept like that.
    fn of_dense(heap: &Heap, dense: &Dense) -> Result<Listed> {
        let mut listed = Listed { may_be_dense: false, ..Listed::default() };
        listed.entries.reserve(dense.positions() + 1);
        for position in 0..dense.positions() {
            if let Some((key, value)) = dense.entry(position) {
                listed.push(heap, Entry { key, value })?;
            }
        }
        Ok(listed)
    }
}

impl Table {
    /// Whether the next new key needs more memory.
    fn is_full_for(&self, key: Value) -> bool {
        match self {
            Table::Listed(listed) => listed.entries.len() == listed.entries.capacity(),
            // It may have to be listed.
            Table::Dense(dense) => dense.is_full_for(key),
        }
    }

    /// Adds a key that is not in the table, and can be a key.
    fn push(&mut self, heap: &Heap, entry: Entry) -> Result<()> {
        match self {
            Table::Dense(dense) => {
                if dense.push(entry.key, entry.value) {
                    return Ok(());
                }
                let mut listed = Listed::of_dense(heap, dense)?;
                listed.push(heap, entry)?;
                *self = Table::Listed(listed);
            }
            Table::Listed(listed) => {
                if let Some(mut dense) = listed.push(heap, entry)? {
                    dense.push(entry.key, entry.value);
                    *self = Table::Dense(dense);
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, heap: &Heap, key: Value) -> Result<Option<Value>> {
        match self {
            Table::Listed(listed) => listed.remove(heap, key),
            Table::Dense(dense) => {
                hash_key(heap, key)?;
                Ok(dense.remove(key))
            }
        }
    }

    /// The first entry at or after `position`, and the position behind it.
    #[inline]
    fn next_entry(&self, mut position: usize) -> Option<(usize, Value, Value)> {
        match self {
            Table::Dense(dense) => (position..dense.positions())
                .find_map(|index| dense.entry(index).map(|(key, value)| (index + 1, key, value))),
            Table::Listed(listed) => loop {
                let entry = listed.entries.get(position)?;
                position += 1;
                if !entry.is_hole() {
                    return Some((position, entry.key, entry.value));
                }
            },
        }
    }

    /// The entries in insertion order.
    fn entries(&self) -> impl Iterator<Item = (Value, Value)> + '_ {
        let mut position = 0;
        std::iter::from_fn(move || {
            let (next, key, value) = self.next_entry(position)?;
            position = next;
            Some((key, value))
        })
    }

    fn size(&self) -> usize {
        match self {
            Table::Listed(listed) => listed.size(),
            Table::Dense(dense) => dense.size(),
        }
    }
}

/// Whether a text is the name of a method of dicts. Each new key is asked about.
#[inline]
fn names_method(text: &str) -> bool {
    let Some((named, first)) = METHOD_NAMES.get(text.len()).zip(text.as_bytes().first()) else { return false };
    named.letters >> (first & 31) & 1 == 1 && named.names.contains(&text)
}

/// The names of methods of dicts that have the same length.
#[derive(Default)]
struct MethodNames {
    names: Vec<&'static str>,
    /// A bit for each letter that one of them begins with.
    letters: u32,
}

static METHOD_NAMES: LazyLock<[MethodNames; 32]> = LazyLock::new(|| {
    let mut by_length = std::array::from_fn(|_| MethodNames::default());
    for method in METHODS.iter().filter(|method| method.receiver == Receiver::Dict) {
        let named: &mut MethodNames = &mut by_length[method.name.len()];
        named.letters |= 1 << (method.name.as_bytes()[0] & 31);
        named.names.push(method.name);
    }
    by_length
});

impl Dict {
    pub const LEN_OFFSET: usize = offset_of!(Dict, len);
    pub const KEY_VERSION_OFFSET: usize = offset_of!(Dict, key_version);
    pub const FLAGS_OFFSET: usize = Header::FLAGS_OFFSET;
    /// How many places a dense table has.
    pub const PLACES_OFFSET: usize = offset_of!(Dict, places);
    /// The address of its tags, a byte each, which is that of `Undef` where there is no entry.
    pub const TAGS_OFFSET: usize = offset_of!(Dict, tags);
    /// The address of its payloads.
    pub const PAYLOADS_OFFSET: usize = offset_of!(Dict, payloads);
    /// How many entries a table lists, holes included: 0 if it is dense.
    pub const LISTED_OFFSET: usize = offset_of!(Dict, listed);
    /// The address of these.
    pub const ENTRIES_OFFSET: usize = offset_of!(Dict, tags);
    /// The address of the keys of a dense table, 32 bits each, in the order of their insertion.
    pub const ORDER_OFFSET: usize = offset_of!(Dict, order);
    /// How many these are, with those that were removed, at whose places there is nothing.
    pub const ORDERED_OFFSET: usize = offset_of!(Dict, ordered);

    /// An empty dict.
    pub fn new(heap: &mut Heap) -> Gc<Dict> {
        Dict::of_entries(heap, Vec::new(), 0)
    }

    /// A dict of a few entries, of different keys that need no index.
    #[inline]
    fn of_entries(heap: &mut Heap, mut entries: Vec<Entry>, flags: u16) -> Gc<Dict> {
        debug_assert!(entries.len() <= UNINDEXED);
        let header = heap.header(ObjKind::Dict, flags, 0);
        let (len, size) = (entries.len(), entries.capacity() * size_of::<Entry>());
        let dict = Dict {
            header,
            len: Cell::new(len),
            key_version: Cell::new(len as u64),
            places: Cell::new(0),
            tags: Cell::new(entries.as_mut_ptr().cast()),
            payloads: Cell::new(ptr::null_mut()),
            listed: Cell::new(len),
            order: Cell::new(ptr::null()),
            ordered: Cell::new(0),
            accounted: Cell::new(size),
            table: UnsafeCell::new(Table::Listed(Listed { entries, ..Listed::default() })),
        };
        let dict = heap.alloc(dict);
        heap.account(0, size);
        dict
    }

    /// A dict of keys and values by turns, as a literal makes it: of keys that are alike the last counts.
    pub fn of_pairs(heap: &mut Heap, pairs: &[Value]) -> Result<Gc<Dict>> {
        let count = pairs.len() / 2;
        let are_plain = || pairs.chunks_exact(2).all(|pair| matches!(pair[0].tag(), Tag::Int | Tag::Str));
        if count > UNINDEXED || !are_plain() {
            let dict = Dict::with_capacity(heap, count)?;
            for pair in pairs.chunks_exact(2) {
                dict.insert(heap, pair[0], pair[1])?;
            }
            return Ok(dict);
        }
        heap.check_room_for(count, size_of::<Entry>())?;
        let mut entries = heap.spare_tables().take(count);
        let mut flags = 0;
        for pair in pairs.chunks_exact(2) {
            let (key, value) = (pair[0], pair[1]);
            match entries.iter_mut().find(|entry| same_key(entry.key, key)) {
                Some(entry) => entry.value = value,
                None => entries.push(Entry { key, value }),
            }
            if key.as_str().is_some_and(|key| names_method(key.as_str())) {
                flags = NAMES_METHOD;
            }
        }
        Ok(Dict::of_entries(heap, entries, flags))
    }

    /// An empty dict with room for `count` entries.
    pub fn with_capacity(heap: &mut Heap, count: usize) -> Result<Gc<Dict>> {
        heap.check_room_for(count, size_of::<Entry>())?;
        let dict = Dict::new(heap);
        if let Table::Listed(listed) = dict.table_mut(heap) {
            listed.entries.reserve_exact(count);
        }
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

    /// The position of a key in a table of entries; an error if nothing like it can be a key. Whoever looks up a string
    /// reads or writes it again before long, so the last one that was found is remembered.
    #[inline]
    fn find(&self, heap: &Heap, listed: &Listed, key: Value) -> Result<Option<usize>> {
        if key.tag() != Tag::Str || !matches!(listed.index, Index::Hashed(_)) {
            return listed.find(heap, key);
        }
        let (last, version) = (heap.found().get(), self.key_version());
        if last.dict == ptr::from_ref(self) && last.key == key.bits() && last.version == version {
            return Ok(Some(last.position));
        }
        let found = listed.find(heap, key)?;
        if let Some(position) = found {
            heap.found().set(Found { dict: self, key: key.bits(), version, position });
        }
        Ok(found)
    }

    /// The value at a key; an error if nothing like it can be a key.
    #[inline]
    pub fn get(&self, heap: &Heap, key: Value) -> Result<Option<Value>> {
        match self.table(heap) {
            Table::Dense(dense) => match dense.get(key) {
                None if !key.is_int() => hash_key(heap, key).map(|_| None),
                value => Ok(value),
            },
            Table::Listed(listed) => Ok(self.find(heap, listed, key)?.map(|position| listed.entries[position].value)),
        }
    }

    /// Where the value is that is listed at a key; an error if nothing like it can be a key. It stays there until a key
    /// is added or removed. Values at their keys have no such place.
    #[inline]
    pub fn find_listed(&self, heap: &Heap, key: Value) -> Result<Option<NonNull<Value>>> {
        match self.table(heap) {
            Table::Dense(_) => hash_key(heap, key).map(|_| None),
            Table::Listed(listed) => Ok(listed.find(heap, key)?.map(|position| self.place_of_value(position))),
        }
    }

    /// As [`Dict::find_listed`], for a string.
    #[inline]
    pub fn find_listed_str(&self, heap: &Heap, key: Gc<Str>) -> Option<NonNull<Value>> {
        match self.table(heap) {
            Table::Dense(_) => None,
            Table::Listed(listed) => match listed.find_at_once(key) {
                Some(position) => Some(self.place_of_value(position)),
                None => self.search_listed_str(heap, key),
            },
        }
    }

    #[inline(never)]
    fn search_listed_str(&self, heap: &Heap, key: Gc<Str>) -> Option<NonNull<Value>> {
        match self.table(heap) {
            Table::Dense(_) => None,
            Table::Listed(listed) => listed.find_str(heap, key).map(|position| self.place_of_value(position)),
        }
    }

    fn place_of_value(&self, position: usize) -> NonNull<Value> {
        // SAFETY: the reference ends with this function, which only takes an address from it; the caller has just found
        // the position in a table of entries.
        match unsafe { &mut *self.table.get() } {
            Table::Listed(listed) => NonNull::from(&mut listed.entries[position].value),
            Table::Dense(_) => unreachable!("positions are those of entries"),
        }
    }

    /// Puts a value at a key that is not there; an error if nothing like it can be a key.
    pub fn add(&self, heap: &mut Heap, key: Value, value: Value) -> Result<()> {
        debug_assert!(!self.contains(heap, key)?);
        self.insert_new(heap, key, value).map(|_| ())
    }

    /// The value at a string key.
    pub fn get_str(&self, heap: &Heap, key: Gc<Str>) -> Option<Value> {
        self.get(heap, Value::from_str(key)).ok().flatten()
    }

    pub fn contains(&self, heap: &Heap, key: Value) -> Result<bool> {
        Ok(self.get(heap, key)?.is_some())
    }

    /// Whether a key may be the name of a method: that comes before the method.
    #[inline]
    pub fn names_method(&self) -> bool {
        self.header.flags.get() & NAMES_METHOD != 0
    }

    /// Puts a value at a key; returns the one that was there.
    #[inline]
    pub fn insert(&self, heap: &mut Heap, key: Value, value: Value) -> Result<Option<Value>> {
        match self.table(heap) {
            Table::Listed(listed) => {
                if let Some(position) = self.find(heap, listed, key)?
                    && let Table::Listed(listed) = self.table_mut(heap)
                {
                    return Ok(Some(std::mem::replace(&mut listed.entries[position].value, value)));
                }
            }
            Table::Dense(_) => {
                if let Table::Dense(dense) = self.table_mut(heap)
                    && let Some(before) = dense.replace(key, value)
                {
                    return Ok(Some(before));
                }
                hash_key(heap, key)?;
            }
        }
        self.insert_new(heap, key, value)
    }

    fn insert_new(&self, heap: &mut Heap, key: Value, value: Value) -> Result<Option<Value>> {
        if self.table(heap).is_full_for(key) {
            if self.len() >= MOST_ENTRIES {
                return Err(Error::message("Value too large"));
            }
            // The index grows at other times than the entries; together they take this much at most.
            heap.check_room_for(self.len() * 2, size_of::<Entry>() + 3 * size_of::<u64>())?;
            if self.has_no_room(heap) {
                let room = heap.spare_tables().take(FIRST_ROOM);
                if let Table::Listed(listed) = self.table_mut(heap) {
                    listed.entries = room;
                }
            }
        }
        // SAFETY: nothing else refers to the table; hashing the key reads the heap's seed and the key, which is no
        // dict.
        unsafe { &mut *self.table.get() }.push(heap, Entry { key, value })?;
        if !self.names_method() && key.as_str().is_some_and(|key| names_method(key.as_str())) {
            self.header.flags.set(self.header.flags.get() | NAMES_METHOD);
        }
        self.len.set(self.len() + 1);
        self.key_version.set(self.key_version.get() + 1);
        self.account(heap);
        Ok(None)
    }

    fn has_no_room(&self, heap: &Heap) -> bool {
        matches!(self.table(heap), Table::Listed(Listed { entries, .. }) if entries.capacity() == 0)
    }

    /// Where a key is listed, holes included.
    pub fn position_listed(&self, heap: &Heap, key: Value) -> Option<usize> {
        match self.table(heap) {
            Table::Listed(listed) => listed.find(heap, key).ok()?,
            Table::Dense(_) => None,
        }
    }

    /// Removes a key; returns the value that was there.
    pub fn remove(&self, heap: &mut Heap, key: Value) -> Result<Option<Value>> {
        // SAFETY: as in `insert_new`.
        let removed = unsafe { &mut *self.table.get() }.remove(heap, key)?;
        if removed.is_some() {
            self.len.set(self.len() - 1);
            self.key_version.set(self.key_version.get() + 1);
            self.account(heap);
        }
        Ok(removed)
    }

    /// Removes all keys and frees their memory.
    pub fn clear(&self, heap: &mut Heap) {
        *self.table_mut(heap) = Table::default();
        self.header.flags.set(self.header.flags.get() & !NAMES_METHOD);
        if !self.is_empty() {
            self.len.set(0);
            self.key_version.set(self.key_version.get() + 1);
        }
        self.account(heap);
    }

    /// A new dict of the same entries.
    pub fn copy(&self, heap: &mut Heap) -> Result<Gc<Dict>> {
        let copy = Dict::new(heap);
        copy.become_copy(heap, self)?;
        Ok(copy)
    }

    /// Inserts all entries of `other`, which win over those that are there.
    pub fn extend_from(&self, heap: &mut Heap, other: &Dict) -> Result<()> {
        if self.is_empty() {
            return self.become_copy(heap, other);
        }
        let mut position = 0;
        while let Some((next, key, value)) = other.next_entry(position) {
            self.insert(heap, key, value)?;
            position = next;
        }
        Ok(())
    }

    /// Takes all entries of `other`, without looking for any.
    fn become_copy(&self, heap: &mut Heap, other: &Dict) -> Result<()> {
        heap.check_room(other.table(heap).size())?;
        let theirs = other.image(heap);
        let flags = self.header.flags.get() & !NAMES_METHOD | theirs.flags & NAMES_METHOD;
        self.put(heap, DictImage { key_version: self.key_version.get() + 1, flags, ..theirs });
        Ok(())
    }

    /// The first entry at or after `position` in insertion order, and the position to go on at. Start with 0; positions
    /// stay meaningful while [`Dict::key_version`] is the same.
    #[inline]
    pub fn next_entry(&self, position: usize) -> Option<(usize, Value, Value)> {
        // SAFETY: the reference ends with this function, which changes nothing.
        unsafe { &*self.table.get() }.next_entry(position)
    }

    /// The entries in insertion order. The heap is borrowed so that nothing can change them meanwhile.
    pub fn entries<'h>(&'h self, heap: &'h Heap) -> impl Iterator<Item = (Value, Value)> + 'h {
        self.table(heap).entries()
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
        let flags = self.header.flags.get();
        DictImage { table: self.table(heap).clone(), len: self.len(), key_version: self.key_version(), flags }
    }

    /// Makes the contents those of an image, positions of entries included. What the image refers to must be alive.
    pub fn set_image(&self, heap: &mut Heap, image: &DictImage) {
        // A version that was before may come again, with other keys.
        heap.found().set(Found::NONE);
        self.put(heap, image.clone());
    }

    fn put(&self, heap: &mut Heap, image: DictImage) {
        *self.table_mut(heap) = image.table;
        self.len.set(image.len);
        self.key_version.set(image.key_version);
        self.header.flags.set(image.flags);
        self.account(heap);
    }

    /// Tells the heap how large the table is, and native code where: called whenever it may have grown or become
    /// another.
    #[inline]
    fn account(&self, heap: &mut Heap) {
        let (places, tags, payloads, listed, order) = match self.table_mut(heap) {
            Table::Dense(dense) => {
                (dense.tags.len(), dense.tags.as_mut_ptr(), dense.payloads.as_mut_ptr(), 0, dense.order.as_slice())
            }
            Table::Listed(Listed { entries, .. }) => {
                (0, entries.as_mut_ptr().cast(), ptr::null_mut(), entries.len(), [].as_slice())
            }
        };
        self.order.set(order.as_ptr());
        self.ordered.set(order.len());
        self.places.set(places);
        self.tags.set(tags);
        self.payloads.set(payloads);
        self.listed.set(listed);
        let size = self.table(heap).size();
        let accounted = self.accounted.replace(size);
        heap.account(accounted, size);
    }

    /// How many places there are that [`Dict::visit_for_marking`] goes through.
    pub(in crate::runtime) fn places_for_marking(&self) -> usize {
        // SAFETY: the reference ends with this function, which changes nothing.
        match unsafe { &*self.table.get() } {
            Table::Listed(listed) => listed.entries.len(),
            Table::Dense(dense) => dense.positions(),
        }
    }

    /// Calls `visit` with what is at some of the places.
    pub(in crate::runtime) fn visit_for_marking(&self, places: Range<usize>, mut visit: impl FnMut(Value)) {
        // SAFETY: the marker holds it no longer than the collection, which changes no dict.
        match unsafe { &*self.table.get() } {
            Table::Listed(listed) => {
                for entry in &listed.entries[places] {
                    visit(entry.key);
                    visit(entry.value);
                }
            }
            Table::Dense(dense) => places.filter_map(|place| dense.entry(place)).for_each(|(_, value)| visit(value)),
        }
    }

    /// Frees the table, for the sweep, or keeps it for another dict; returns its size.
    ///
    /// # Safety
    /// Nothing uses the dict afterwards.
    pub(in crate::runtime) unsafe fn release(&self, spare: &mut SpareTables) -> usize {
        // SAFETY: the table is initialised, and the caller does not use it again.
        match unsafe { self.table.get().read() } {
            Table::Listed(Listed { entries, .. }) => spare.keep(entries),
            Table::Dense(_) => {}
        }
        self.accounted.get()
    }
}

#[cfg(test)]
mod tests;
