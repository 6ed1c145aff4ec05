//! Offsets from the address of a [`Vm`] and of what it points to, for the code that is emitted.

use std::mem::offset_of;

use crate::runtime::heap::Heap;
use crate::runtime::stack::{Frame, Stack};
use crate::runtime::vm::Vm;

/// Pointer to the first global. A boxed slice keeps its pointer in its first word; a test compares.
pub const GLOBALS: i32 = offset_of!(Vm, globals) as i32;
/// Pointer to the running frame.
pub const TOP_FRAME: i32 = (offset_of!(Vm, stack) + Stack::TOP_OFFSET) as i32;
/// Pointer to the last frame there is room for.
pub const LAST_FRAME: i32 = (offset_of!(Vm, stack) + Stack::LAST_OFFSET) as i32;
/// Pointer to the end of the registers that may be used.
pub const STACK_LIMIT: i32 = (offset_of!(Vm, stack) + Stack::LIMIT_OFFSET) as i32;
/// Lowest address of the native stack that native code of functions may use.
pub const NATIVE_CODE_LIMIT: i32 = offset_of!(Vm, native.code_limit) as i32;
/// Pointer to the native code of functions, by number. A boxed slice keeps its pointer in its first word; a test
/// compares.
pub const NATIVE_FUNCTIONS: i32 = offset_of!(Vm, native.functions) as i32;
/// Bytes of a frame.
pub const FRAME_SIZE: i32 = size_of::<Frame>() as i32;
/// In a frame: its function.
pub const FRAME_FUNCTION: i32 = offset_of!(Frame, function) as i32;
/// In a frame: its register 0.
pub const FRAME_BASE: i32 = offset_of!(Frame, base) as i32;
/// In a frame: where it goes on.
pub const FRAME_PC: i32 = offset_of!(Frame, pc) as i32;
/// Pointer to the running closure, in a frame.
pub const FRAME_CLOSURE: i32 = offset_of!(Frame, closure) as i32;
/// Bytes in use.
pub const HEAP_BYTES: i32 = (offset_of!(Vm, heap) + Heap::BYTES_OFFSET) as i32;
/// How many iterations native code has begun of a loop that catches errors.
pub const ROUNDS: i32 = offset_of!(Vm, native.rounds) as i32;
/// Where a helper puts a value for native code.
pub const RESULT: i32 = offset_of!(Vm, native.result) as i32;
/// A collection is due when that many are in use.
pub const HEAP_LIMIT: i32 = (offset_of!(Vm, heap) + Heap::LIMIT_OFFSET) as i32;
/// The mark of new objects, a byte.
pub const HEAP_COLOUR: i32 = (offset_of!(Vm, heap) + Heap::COLOUR_OFFSET) as i32;
/// The heap itself.
pub const HEAP: i32 = offset_of!(Vm, heap) as i32;

#[cfg(test)]
mod tests {
    #[test]
    fn a_boxed_slice_begins_with_its_pointer() {
        let boxed: Box<[u64]> = vec![1, 2, 3].into();
        let first: *const u64 = boxed.as_ptr();
        // SAFETY: a boxed slice is two words, of which the first is read here.
        let word = unsafe { *(&raw const boxed).cast::<*const u64>() };
        assert_eq!(word, first);
    }
}
