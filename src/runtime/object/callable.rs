//! Cells, closures and bound methods.

use std::cell;
use std::mem::offset_of;

use super::{Gc, Header, ObjKind};
use crate::bytecode::FuncId;
use crate::runtime::heap::Heap;
use crate::runtime::value::Value;

/// The home of a captured variable that is assigned after its capture.
#[repr(C)]
pub struct Cell {
    header: Header,
    value: cell::Cell<Value>,
}

impl Cell {
    pub const VALUE_OFFSET: usize = offset_of!(Cell, value);

    #[inline]
    pub fn new(heap: &mut Heap, value: Value) -> Gc<Cell> {
        let header = heap.header(ObjKind::Cell, 0, 0);
        heap.alloc(Cell { header, value: cell::Cell::new(value) })
    }

    #[inline(always)]
    pub fn get(&self) -> Value {
        self.value.get()
    }

    #[inline(always)]
    pub fn set(&self, value: Value) {
        self.value.set(value);
    }
}

/// A function with what it captured: values, or [`Cell`]s. The captures follow inline.
#[repr(C)]
pub struct Closure {
    /// `aux` is the [`FuncId`].
    header: Header,
    len: usize,
    captures: [cell::Cell<Value>; 0],
}

impl Closure {
    pub const FUNC_OFFSET: usize = Header::AUX_OFFSET;
    pub const LEN_OFFSET: usize = offset_of!(Closure, len);
    pub const CAPTURES_OFFSET: usize = offset_of!(Closure, captures);

    #[inline]
    pub fn new(heap: &mut Heap, func: FuncId, captures: &[Value]) -> Gc<Closure> {
        let header = heap.header(ObjKind::Closure, 0, func.0);
        let closure = Closure { header, len: captures.len(), captures: [] };
        // SAFETY: `Closure` has a trailing array of values, and `len` says how many follow.
        unsafe { heap.alloc_with_items(closure, captures, Self::CAPTURES_OFFSET) }
    }

    #[inline]
    pub fn func(&self) -> FuncId {
        FuncId(self.header.aux.get())
    }

    #[inline]
    pub fn captures(&self) -> &[cell::Cell<Value>] {
        // SAFETY: `new` wrote `len` values behind the struct; they are in cells.
        unsafe { std::slice::from_raw_parts(self.captures.as_ptr(), self.len) }
    }

    /// A captured value or cell. Panics if there is no such capture; the verifier proves that there is.
    #[inline]
    pub fn capture(&self, index: usize) -> Value {
        self.captures()[index].get()
    }

    /// Replaces a capture: a local function that captures itself is tied together after it was made.
    pub fn set_capture(&self, index: usize, value: Value) {
        self.captures()[index].set(value);
    }
}

/// A method together with its receiver.
#[repr(C)]
pub struct BoundMethod {
    header: Header,
    pub receiver: Value,
    /// A function or closure.
    pub method: Value,
}

impl BoundMethod {
    pub const RECEIVER_OFFSET: usize = offset_of!(BoundMethod, receiver);
    pub const METHOD_OFFSET: usize = offset_of!(BoundMethod, method);

    #[inline]
    pub fn new(heap: &mut Heap, receiver: Value, method: Value) -> Gc<BoundMethod> {
        let header = heap.header(ObjKind::BoundMethod, 0, 0);
        heap.alloc(BoundMethod { header, receiver, method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_kept_and_replaced() {
        let mut heap = Heap::new();
        let closure = Closure::new(&mut heap, FuncId(7), &[Value::int(1), Value::UNDEF]);
        closure.set_capture(1, Value::int(2));
        assert_eq!(closure.func(), FuncId(7));
        assert_eq!(closure.capture(0).as_int(), Some(1));
        assert_eq!(closure.capture(1).as_int(), Some(2));
        assert_eq!(closure.captures().len(), 2);
    }
}
