//! Values at their keys: a dict whose keys are small ints that lie densely. Each key has its place, so a lookup hashes
//! and compares nothing, and touches nine bytes; native code does it itself.

use crate::runtime::value::{Tag, Value};

/// The tag of a key that is not there.
const ABSENT: u8 = Tag::Undef as u8;

/// Holes that are not worth the while.
const MOST_HOLES: usize = 8;

/// How far the keys of so many entries may reach. Four times nine bytes and an int of the order are little more than an
/// entry takes that is listed.
pub(super) fn dense_limit(count: usize) -> usize {
    count.saturating_mul(4).clamp(64, u32::MAX as usize)
}

/// See the module documentation. Both vectors are of one length.
#[derive(Clone, Default)]
pub(super) struct Dense {
    /// By key, the tag of its value.
    pub(super) tags: Vec<u8>,
    /// By key, the payload of its value.
    pub(super) payloads: Vec<u64>,
    /// The keys in the order they were inserted, and some that were removed: holes, as there are none of these once a
    /// key is added again.
    pub(super) order: Vec<u32>,
    holes: usize,
}

impl Dense {
    /// Of entries with these keys, the largest of which is `largest`, in this order.
    pub(super) fn of(entries: impl Iterator<Item = (Value, Value)>, largest: usize) -> Dense {
        let mut dense = Dense::default();
        dense.reach(largest);
        entries.for_each(|(key, value)| dense.put(key.bits() as usize, value));
        dense
    }

    /// Entries and holes.
    pub(super) fn positions(&self) -> usize {
        self.order.len()
    }

    /// Makes places for keys up to this one.
    fn reach(&mut self, key: usize) {
        let places = (key + 1).next_power_of_two();
        if places > self.tags.len() {
            self.tags.reserve_exact(places - self.tags.len());
            self.payloads.reserve_exact(places - self.payloads.len());
            self.tags.resize(places, ABSENT);
            self.payloads.resize(places, 0);
        }
    }

    fn put(&mut self, key: usize, value: Value) {
        (self.tags[key], self.payloads[key]) = (value.tag() as u8, value.bits());
        self.order.push(key as u32);
    }

    /// The place of a key that is there.
    #[inline(always)]
    fn place(&self, key: Value) -> Option<usize> {
        let place = key.bits() as usize;
        (key.is_int() && self.tags.get(place).is_some_and(|tag| *tag != ABSENT)).then_some(place)
    }

    #[inline(always)]
    fn at(&self, place: usize) -> Value {
        // SAFETY: whoever writes the vectors, native code too, writes the two words of a value at each place; where
        // none was put, they are those of an undefined one. What is put there lives as long as the dict, which traces
        // it.
        unsafe { Value::of_words(self.tags[place].into(), self.payloads[place]) }
    }

    #[inline(always)]
    pub(super) fn get(&self, key: Value) -> Option<Value> {
        self.place(key).map(|place| self.at(place))
    }

    /// Puts another value at a key that is there; returns the one before.
    #[inline(always)]
    pub(super) fn replace(&mut self, key: Value, value: Value) -> Option<Value> {
        let place = self.place(key)?;
        let before = self.at(place);
        (self.tags[place], self.payloads[place]) = (value.tag() as u8, value.bits());
        Some(before)
    }

    /// Whether the next new key needs more memory.
    pub(super) fn is_full_for(&self, key: Value) -> bool {
        self.holes > 0 || self.order.len() == self.order.capacity() || key.bits() >= self.tags.len() as u64
    }

    /// Adds a key that is not there; false, and nothing done, if the keys would no longer lie densely, or another one
    /// was removed.
    pub(super) fn push(&mut self, key: Value, value: Value) -> bool {
        let limit = dense_limit(self.order.len() + 1).max(self.tags.len()) as u64;
        if self.holes > 0 || !key.is_int() || key.bits() >= limit {
            return false;
        }
        self.reach(key.bits() as usize);
        self.put(key.bits() as usize, value);
        true
    }

    /// Removes a key; returns the value that was there.
    pub(super) fn remove(&mut self, key: Value) -> Option<Value> {
        let place = self.place(key)?;
        let value = self.at(place);
        (self.tags[place], self.payloads[place]) = (ABSENT, 0);
        if self.order.pop_if(|last| *last as usize == place).is_none() {
            self.holes += 1;
            // Whoever takes the first entry again and again does not go through all the holes each time.
            if self.holes > MOST_HOLES && self.holes * 2 > self.order.len() {
                self.order.retain(|key| self.tags[*key as usize] != ABSENT);
                self.holes = 0;
            }
        }
        Some(value)
    }

    /// Key and value by position in the order; none where there is a hole.
    #[inline]
    pub(super) fn entry(&self, position: usize) -> Option<(Value, Value)> {
        let key = Value::int((*self.order.get(position)?).into());
        self.get(key).map(|value| (key, value))
    }

    pub(super) fn size(&self) -> usize {
        self.tags.capacity() + self.payloads.capacity() * size_of::<u64>() + self.order.capacity() * size_of::<u32>()
    }
}
