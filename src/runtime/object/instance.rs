//! Struct definitions at run time, and their instances.

use std::cell;
use std::mem::offset_of;

use super::{Dict, Gc, Header, ObjKind, Str};
use crate::bytecode::StructId;
use crate::runtime::error::Result;
use crate::runtime::heap::Heap;
use crate::runtime::value::Value;

/// A struct with its methods as values (functions, or closures if the struct stands in a block), in definition order.
#[repr(C)]
pub struct StructObject {
    /// `aux` is the [`StructId`].
    header: Header,
    len: usize,
    methods: [cell::Cell<Value>; 0],
}

impl StructObject {
    pub const STRUCT_OFFSET: usize = Header::AUX_OFFSET;
    pub const LEN_OFFSET: usize = offset_of!(StructObject, len);
    pub const METHODS_OFFSET: usize = offset_of!(StructObject, methods);

    pub fn new(heap: &mut Heap, id: StructId, methods: &[Value]) -> Gc<StructObject> {
        let header = heap.header(ObjKind::Struct, 0, id.0);
        let object = StructObject { header, len: methods.len(), methods: [] };
        // SAFETY: `StructObject` has a trailing array of values, and `len` says how many follow.
        unsafe { heap.alloc_with_items(object, methods, Self::METHODS_OFFSET) }
    }

    #[inline]
    pub fn id(&self) -> StructId {
        StructId(self.header.aux.get())
    }

    #[inline]
    pub fn methods(&self) -> &[cell::Cell<Value>] {
        // SAFETY: `new` wrote `len` values behind the struct; they are in cells.
        unsafe { std::slice::from_raw_parts(self.methods.as_ptr(), self.len) }
    }

    /// A method by its place in the definition. Panics if there is none.
    #[inline]
    pub fn method(&self, index: usize) -> Value {
        self.methods()[index].get()
    }

    pub fn set_method(&self, index: usize, method: Value) {
        self.methods()[index].set(method);
    }
}

/// An instance. Fields with a fixed slot follow inline and are [`Value::UNDEF`] until they are assigned; others live in
/// a side table.
#[repr(C)]
pub struct Instance {
    /// `aux` is the [`StructId`], `flags` the number of slots.
    header: Header,
    class: Gc<StructObject>,
    extra: cell::Cell<Option<Gc<Dict>>>,
    slots: [cell::Cell<Value>; 0],
}

impl Instance {
    pub const STRUCT_OFFSET: usize = Header::AUX_OFFSET;
    pub const SLOT_COUNT_OFFSET: usize = Header::FLAGS_OFFSET;
    pub const CLASS_OFFSET: usize = offset_of!(Instance, class);
    /// A pointer to a [`Dict`], or null.
    pub const EXTRA_OFFSET: usize = offset_of!(Instance, extra);
    pub const SLOTS_OFFSET: usize = offset_of!(Instance, slots);

    /// An instance whose `slots` fixed fields are unassigned.
    #[inline]
    pub fn new(heap: &mut Heap, class: Gc<StructObject>, slots: u16) -> Gc<Instance> {
        let header = heap.header(ObjKind::Instance, slots, class.id().0);
        let instance = Instance { header, class, extra: cell::Cell::new(None), slots: [] };
        // SAFETY: `Instance` has a trailing array of values, and `flags` says how many follow.
        unsafe { heap.alloc_filled(instance, Value::UNDEF, slots.into(), Self::SLOTS_OFFSET) }
    }

    #[inline]
    pub fn struct_id(&self) -> StructId {
        StructId(self.header.aux.get())
    }

    #[inline]
    pub fn class(&self) -> Gc<StructObject> {
        self.class
    }

    #[inline]
    pub fn slots(&self) -> &[cell::Cell<Value>] {
        // SAFETY: `new` wrote as many values behind the struct as `flags` says; they are in cells.
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr(), self.header.flags.get().into()) }
    }

    /// A field with a fixed slot; [`Value::UNDEF`] if nothing was assigned to it.
    #[inline]
    pub fn slot(&self, index: usize) -> Value {
        self.slots()[index].get()
    }

    #[inline]
    pub fn set_slot(&self, index: usize, value: Value) {
        self.slots()[index].set(value);
    }

    /// The fields without a fixed slot, by name, in order of their first assignment.
    #[inline]
    pub fn extra(&self) -> Option<Gc<Dict>> {
        self.extra.get()
    }

    pub(in crate::runtime) fn set_extra(&self, extra: Option<Gc<Dict>>) {
        self.extra.set(extra);
    }

    /// A field without a fixed slot.
    pub fn extra_field(&self, heap: &Heap, name: Gc<Str>) -> Option<Value> {
        self.extra.get()?.get_str(heap, name)
    }

    /// Assigns a field without a fixed slot.
    pub fn set_extra_field(&self, heap: &mut Heap, name: Gc<Str>, value: Value) -> Result<()> {
        let extra = match self.extra.get() {
            Some(extra) => extra,
            None => {
                let extra = Dict::new(heap);
                self.extra.set(Some(extra));
                extra
            }
        };
        extra.insert(heap, Value::from_str(name), value)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        assert_eq!(size_of::<cell::Cell<Option<Gc<Dict>>>>(), 8);
    }

    #[test]
    fn fields_with_and_without_slots() {
        let mut heap = Heap::new();
        let class = StructObject::new(&mut heap, StructId(3), &[Value::VOID]);
        let instance = Instance::new(&mut heap, class, 2);
        assert!(instance.slot(0).is_undef() && instance.slot(1).is_undef());
        instance.set_slot(1, Value::int(5));
        assert_eq!(instance.slot(1).as_int(), Some(5));
        assert_eq!(instance.struct_id(), StructId(3));

        let name = heap.new_str("side");
        let same_name = heap.new_str("side");
        assert!(instance.extra_field(&heap, name).is_none());
        instance.set_extra_field(&mut heap, name, Value::TRUE).unwrap();
        assert_eq!(instance.extra_field(&heap, same_name).and_then(Value::as_bool), Some(true));
    }
}
