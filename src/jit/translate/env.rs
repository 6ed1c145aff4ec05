//! What is known about each home at a point of the region while it is being built.

use std::collections::BTreeMap;

use crate::bytecode::{GlobalId, StructId};
use crate::jit::ir::{Boxed, BoxedTag, Val};
use crate::runtime::object::Storage;
use crate::runtime::value::Tag;

/// A value of the language in SSA form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    /// The type is known, and the payload is in the form that suits it: an int, a float, a truth value, or a pointer.
    Known(Tag, Val),
    /// Tag and payload are known at run time only.
    Any { tag: Val, payload: Val },
}

impl Typed {
    pub fn tag(self) -> Option<Tag> {
        if let Typed::Known(tag, _) = self { Some(tag) } else { None }
    }

    /// The payload, if the value is of this type.
    pub fn as_tag(self, wanted: Tag) -> Option<Val> {
        match self {
            Typed::Known(tag, payload) if tag == wanted => Some(payload),
            _ => None,
        }
    }

    pub fn boxed(self) -> Boxed {
        match self {
            Typed::Known(tag, payload) => Boxed { tag: BoxedTag::Known(tag as u64), payload },
            Typed::Any { tag, payload } => Boxed { tag: BoxedTag::Dynamic(tag), payload },
        }
    }

    /// Whether the collector may have to see the value.
    pub fn may_be_object(self) -> bool {
        self.tag().is_none_or(Tag::is_heap)
    }
}

/// What is known about a home.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// It holds what it held when the region was entered; not looked at yet.
    Initial,
    /// Nothing reads it before it is written again.
    Dead,
    /// Its value; `dirty` if memory does not hold it.
    Value { value: Typed, dirty: bool },
}

/// What is known about a list while nothing can have changed its length, storage or buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListFacts {
    pub storage: Storage,
    pub len: Val,
    pub data: Val,
}

/// See the module documentation.
#[derive(Clone, Debug)]
pub struct Env {
    /// By register, counted from the base of the region's frame; what lies beyond is dead.
    pub registers: Vec<Slot>,
    /// Globals that live in SSA.
    pub globals: BTreeMap<GlobalId, Slot>,
    pub lists: Vec<(Val, ListFacts)>,
    /// Instances whose struct was checked. It never changes.
    pub instances: Vec<(Val, StructId)>,
}

impl Env {
    pub fn register(&self, register: u32) -> Slot {
        self.registers.get(register as usize).copied().unwrap_or(Slot::Dead)
    }

    pub fn set_register(&mut self, register: u32, slot: Slot) {
        if self.registers.len() <= register as usize {
            self.registers.resize(register as usize + 1, Slot::Dead);
        }
        self.registers[register as usize] = slot;
    }

    pub fn kill_from(&mut self, register: u32) {
        self.registers.truncate(register as usize);
    }

    pub fn list_facts(&self, list: Val) -> Option<ListFacts> {
        self.lists.iter().find(|(known, _)| *known == list).map(|(_, facts)| *facts)
    }

    pub fn struct_of(&self, instance: Val) -> Option<StructId> {
        self.instances.iter().find(|(known, _)| *known == instance).map(|(_, id)| *id)
    }
}
