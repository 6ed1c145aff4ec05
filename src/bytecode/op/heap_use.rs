//! What of the heap an operation of the runtime touches, as native code has to know it.

/// What of the heap an operation of the runtime may look at or change, as far as native code has to know: it keeps
/// fields, cells and globals in machine registers, and remembers what it read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeapUse(u8);

impl HeapUse {
    pub const NONE: HeapUse = HeapUse(0);
    /// Changes lists that the program knows. Looking at them is not told: native code writes their elements at once.
    pub const LISTS: HeapUse = HeapUse(1);
    /// Changes dicts that the program knows.
    pub const DICTS: HeapUse = HeapUse(1 << 1);
    /// Looks at fields of instances or at cells, or assigns them.
    pub const FIELDS: HeapUse = HeapUse(1 << 2);
    /// Looks at globals, through a module for instance, or assigns them.
    pub const GLOBALS: HeapUse = HeapUse(1 << 3);
    pub const ANY: HeapUse = HeapUse((1 << 4) - 1);

    pub const fn with(self, other: HeapUse) -> HeapUse {
        HeapUse(self.0 | other.0)
    }

    pub fn meets(self, other: HeapUse) -> bool {
        self.0 & other.0 != 0
    }

    /// What both have.
    pub fn within(self, other: HeapUse) -> HeapUse {
        HeapUse(self.0 & other.0)
    }

    pub fn bits(self) -> u8 {
        self.0
    }

    /// From [`HeapUse::bits`]; bits that mean nothing are dropped.
    pub fn from_bits(bits: u8) -> HeapUse {
        HeapUse(bits).within(HeapUse::ANY)
    }
}

impl std::fmt::Debug for HeapUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (HeapUse::LISTS, "lists"),
            (HeapUse::DICTS, "dicts"),
            (HeapUse::FIELDS, "fields"),
            (HeapUse::GLOBALS, "globals"),
        ];
        f.debug_list().entries(parts.iter().filter(|(part, _)| self.meets(*part)).map(|(_, name)| name)).finish()
    }
}

/// The words of a `heap(…)` column as a [`HeapUse`].
#[macro_export]
macro_rules! heap_use {
    (none) => { $crate::bytecode::op::HeapUse::NONE };
    (any) => { $crate::bytecode::op::HeapUse::ANY };
    (lists) => { $crate::bytecode::op::HeapUse::LISTS };
    (dicts) => { $crate::bytecode::op::HeapUse::DICTS };
    (fields) => { $crate::bytecode::op::HeapUse::FIELDS };
    (globals) => { $crate::bytecode::op::HeapUse::GLOBALS };
    ($first:ident, $($rest:ident),+) => { $crate::heap_use!($first).with($crate::heap_use!($($rest),+)) };
}
