//! How a dict finds the position of a key.

/// Positions of entries by key.
#[derive(Clone, Default)]
pub(super) enum Index {
    /// A few entries are searched one by one.
    #[default]
    None,
    /// All keys are ints that lie densely enough: position plus one at the key itself, 0 where there is none. A lookup
    /// touches 4 bytes here where a hashed one touches 8 or more in a table twice as long.
    Direct(Vec<u32>),
    Hashed(Hashed),
}

impl Index {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Index::None)
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Index::None => 0,
            Index::Direct(positions) => positions.capacity() * size_of::<u32>(),
            Index::Hashed(hashed) => hashed.size(),
        }
    }

    /// Replaces each position by what `new_position` says.
    pub(super) fn renumber(&mut self, new_position: impl Fn(usize) -> usize) {
        match self {
            Index::None => {}
            Index::Direct(positions) => positions
                .iter_mut()
                .filter(|position| **position != 0)
                .for_each(|position| *position = new_position(*position as usize - 1) as u32 + 1),
            Index::Hashed(hashed) => hashed.renumber(new_position),
        }
    }
}

/// How many positions a direct index of `count` keys may have. Eight times four bytes is no more than an entry takes.
pub(super) fn direct_limit(count: usize) -> usize {
    count.saturating_mul(8).max(64)
}

/// Finds positions by hash: open addressing with linear probing.
///
/// A slot holds 32 bits of the hash above the position plus one, so that neither probing nor growing looks at entries
/// whose hash differs: what costs is memory that is not in the cache. Hashes are well mixed, and seeded, so runs of
/// slots stay short whatever the keys are.
#[derive(Clone, Default)]
pub(super) struct Hashed {
    /// None, or a power of two.
    slots: Vec<u64>,
    /// Slots that are not [`Hashed::EMPTY`].
    used: usize,
}

impl Hashed {
    const EMPTY: u64 = 0;
    /// A slot whose entry was removed; the position it seems to hold is beyond what a dict can hold.
    const DELETED: u64 = u32::MAX as u64;
    const FIRST_SLOTS: usize = 32;

    #[inline(always)]
    fn slot(hash: u32, position: usize) -> u64 {
        u64::from(hash) << 32 | (position as u64 + 1)
    }

    /// Where the slot of a matching entry is, and its position.
    #[inline(always)]
    pub(super) fn find(&self, hash: u32, same: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut index = hash as usize & mask;
        loop {
            // An index that is not in use has no slots, and one that is has an empty one.
            let slot = *self.slots.get(index)?;
            if slot == Self::EMPTY {
                return None;
            }
            if (slot >> 32) as u32 == hash && slot != Self::DELETED {
                let position = slot as u32 as usize - 1;
                if same(position) {
                    return Some((index, position));
                }
            }
            index = (index + 1) & mask;
        }
    }

    /// What the first slot that a hash leads to says, if it is of this hash; that may be no position at all.
    #[inline(always)]
    pub(super) fn first(&self, hash: u32) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let slot = *self.slots.get(hash as usize & mask)?;
        ((slot >> 32) as u32 == hash).then(|| (slot as u32 as usize).wrapping_sub(1))
    }

    /// Adds a position that is not in the index.
    pub(super) fn insert(&mut self, hash: u32, position: usize) {
        if self.is_full() {
            self.grow();
        }
        self.place(Self::slot(hash, position));
    }

    /// Puts a slot where there is room for it.
    fn place(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut index = (slot >> 32) as usize & mask;
        while self.slots[index] != Self::EMPTY && self.slots[index] != Self::DELETED {
            index = (index + 1) & mask;
        }
        self.used += usize::from(self.slots[index] == Self::EMPTY);
        self.slots[index] = slot;
    }

    /// Makes room, or just gets rid of deleted slots if they are many.
    #[cold]
    fn grow(&mut self) {
        let live = self.slots.iter().filter(|slot| !matches!(**slot, Self::EMPTY | Self::DELETED)).count();
        let len = (live * 3).next_power_of_two().max(Self::FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![Self::EMPTY; len]);
        self.used = 0;
        old.into_iter().filter(|slot| !matches!(*slot, Self::EMPTY | Self::DELETED)).for_each(|slot| self.place(slot));
    }

    /// Forgets the entry whose slot [`Hashed::find`] gave.
    pub(super) fn remove(&mut self, slot: usize) {
        self.slots[slot] = Self::DELETED;
    }

    /// Whether the next insertion moves every slot.
    pub(super) fn is_full(&self) -> bool {
        (self.used + 1) * 3 > self.slots.len() * 2
    }

    pub(super) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    /// Replaces each position by what `new_position` says.
    pub(super) fn renumber(&mut self, new_position: impl Fn(usize) -> usize) {
        for slot in &mut self.slots {
            if !matches!(*slot, Self::EMPTY | Self::DELETED) {
                *slot = Self::slot((*slot >> 32) as u32, new_position(*slot as u32 as usize - 1));
            }
        }
    }
}
