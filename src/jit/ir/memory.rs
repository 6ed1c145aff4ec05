//! Kinds of memory that native code reads and writes, and sets of them.

use crate::bytecode::op::HeapUse;
use crate::jit::helpers::Helper;
use crate::runtime::object::ObjKind;

/// Kinds of memory that never overlap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mem {
    Frame,
    Globals,
    /// State of the machine: stacks, heap figures.
    Vm,
    /// Headers of objects: kind, storage, length, pointer to the elements.
    Header,
    /// Struct fields and cells.
    Field,
    /// All of dicts, but what [`Mem::Keys`] is.
    Dict,
    /// Which keys dicts list, and where the entries of these are.
    Keys,
    /// What closures have captured: it never changes while the closure is alive.
    Capture,
    /// What never changes while the region runs.
    Constant,
    /// Counts of work, and what is left of the fuel.
    Count,
}

/// Elements of lists, by storage and part; bytes of strings; what dicts have at their keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    Int,
    Float,
    Bool,
    ValueTag,
    ValuePayload,
    /// A byte of a string, as an int.
    Byte,
    /// At a key of a dict whose table is dense.
    DictTag,
    DictPayload,
}

/// The header of an object that native code makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Shape {
    pub kind: ObjKind,
    pub flags: u16,
    /// Of a list, whose header has nothing there: the least room for its elements, in bytes.
    pub aux: u32,
}

/// How wide a load or store is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Width {
    Full,
    /// Zero-extended.
    U16,
    U32,
}

/// A set of kinds of memory, elements of lists counted by [`Element`]. [`Mem::Capture`] and [`Mem::Constant`]
/// belong to none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct MemSet(u16);

impl MemSet {
    /// Kinds of memory that can be written.
    pub const KINDS: usize = 13;
    pub const NONE: MemSet = MemSet(0);
    pub const ALL: MemSet = MemSet((1 << Self::KINDS) - 1);
    /// What is known about lists: headers and elements.
    pub const LISTS: MemSet = MemSet(MemSet::of(Mem::Header).0 | 0x3e0);
    /// What is known about dicts.
    pub const DICTS: MemSet = MemSet::of(Mem::Dict).with(MemSet::of(Mem::Keys));

    pub const fn of(mem: Mem) -> MemSet {
        match mem {
            Mem::Frame => MemSet(1),
            Mem::Globals => MemSet(1 << 1),
            Mem::Vm => MemSet(1 << 2),
            Mem::Header => MemSet(1 << 3),
            Mem::Field => MemSet(1 << 4),
            Mem::Dict => MemSet(1 << 10),
            Mem::Count => MemSet(1 << 11),
            Mem::Keys => MemSet(1 << 12),
            Mem::Capture | Mem::Constant => MemSet::NONE,
        }
    }

    pub const fn of_element(element: Element) -> MemSet {
        match element {
            Element::Int => MemSet(1 << 5),
            Element::Float => MemSet(1 << 6),
            Element::Bool => MemSet(1 << 7),
            Element::ValueTag => MemSet(1 << 8),
            Element::ValuePayload => MemSet(1 << 9),
            // Texts never change.
            Element::Byte => MemSet::NONE,
            Element::DictTag | Element::DictPayload => MemSet::of(Mem::Dict),
        }
    }

    /// What a call may look at or change, which tells what it may write. An instruction or a built-in that the run time
    /// executes for native code touches that and nothing else; of other helpers the row says what of the heap they
    /// touch.
    pub fn of_call(helper: Helper, told: MemSet) -> MemSet {
        match helper {
            Helper::Step | Helper::Raise | Helper::CallMethod | Helper::CallLibrary => told,
            _ => MemSet::of_heap(helper.heap()).with(told),
        }
    }

    /// What an operation of the runtime may write that touches this much of the heap.
    pub fn of_heap(heap: HeapUse) -> MemSet {
        // A field outside the struct's layout changes the instance's header.
        let fields = MemSet::of(Mem::Field).with(MemSet::of(Mem::Header));
        let parts = [
            (HeapUse::LISTS, MemSet::LISTS),
            (HeapUse::DICTS, MemSet::DICTS),
            (HeapUse::FIELDS, fields),
            (HeapUse::GLOBALS, MemSet::of(Mem::Globals)),
        ];
        parts.iter().filter(|(part, _)| heap.meets(*part)).fold(MemSet::NONE, |set, (_, mem)| set.with(*mem))
    }

    pub const fn with(self, other: MemSet) -> MemSet {
        MemSet(self.0 | other.0)
    }

    pub fn meets(self, other: MemSet) -> bool {
        self.0 & other.0 != 0
    }

    pub fn has_all(self, other: MemSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// Numbers of the kinds in the set, below [`Self::KINDS`].
    pub fn kinds(self) -> impl Iterator<Item = usize> {
        (0..Self::KINDS).filter(move |kind| self.0 & (1 << kind) != 0)
    }
}
