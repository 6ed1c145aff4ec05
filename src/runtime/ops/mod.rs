//! Operations on values of any type: what an instruction does when its operands are not the plain numbers that the
//! interpreter handles itself.
//!
//! Invariant: an operation that fails has had no effect that the program could see, since the instruction may be
//! executed again. None calls back into Walrus code, so none needs to root its temporaries.

pub mod arith;
pub mod compare;
pub mod equal;
pub mod hash;
pub mod index;
pub mod text;

use super::value::{Tag, Value};
use crate::bytecode::{FuncId, ModuleId, StructId};

/// What the text of functions, structs and modules is made of; the loaded program knows.
pub trait Names {
    /// `name`, `Struct.name` or `<anonymous>`.
    fn function_name(&self, func: FuncId) -> &str;
    fn function_is_async(&self, func: FuncId) -> bool;
    fn struct_name(&self, id: StructId) -> &str;
    /// The name of a field that has a fixed slot, by its position.
    fn field_name(&self, id: StructId, slot: usize) -> Option<&str>;
    /// How many of its slots, from the first, are those of fields that its methods assign.
    fn own_fields(&self, id: StructId) -> usize;
    fn module_name(&self, id: ModuleId) -> &str;
    /// By position in [`crate::bytecode::builtins::BUILTINS`].
    fn builtin_name(&self, index: usize) -> &str;
    /// Whether a module defines no name, which makes it falsy.
    fn module_is_empty(&self, id: ModuleId) -> bool;
}

/// Whether a condition holds for a value.
#[inline]
pub fn truthy(value: Value, names: &dyn Names) -> bool {
    match value.tag() {
        Tag::Int | Tag::Bool => value.bits() != 0,
        Tag::Float => value.float_bits() != 0.0,
        Tag::Void | Tag::Undef => false,
        Tag::Module => value.as_module().is_some_and(|id| !names.module_is_empty(id)),
        Tag::Str => value.as_str().is_some_and(|string| !string.is_empty()),
        Tag::List => value.as_list().is_some_and(|list| !list.is_empty()),
        Tag::Tuple => value.as_tuple().is_some_and(|tuple| !tuple.is_empty()),
        Tag::Dict => value.as_dict().is_some_and(|dict| !dict.is_empty()),
        Tag::Range => value.as_range().is_some_and(|range| !range.is_empty()),
        Tag::Function | Tag::Builtin | Tag::Closure | Tag::Struct | Tag::Instance | Tag::BoundMethod | Tag::Cell => {
            true
        }
        Tag::Task | Tag::Channel | Tag::ChannelCore => true,
    }
}

#[cfg(test)]
pub(in crate::runtime) mod tests {
    use super::*;
    use crate::runtime::heap::Heap;
    use crate::runtime::object::{List, Range};

    /// Names made of numbers, for tests that have no program.
    pub struct Numbered;

    impl Names for Numbered {
        fn function_name(&self, func: FuncId) -> &str {
            ["main", "Point.norm", "<anonymous>"][func.index() % 3]
        }

        fn function_is_async(&self, func: FuncId) -> bool {
            func.index() >= 3
        }

        fn struct_name(&self, _: StructId) -> &str {
            "Point"
        }

        fn field_name(&self, _: StructId, slot: usize) -> Option<&str> {
            ["x", "y"].get(slot).copied()
        }

        fn own_fields(&self, _: StructId) -> usize {
            2
        }

        fn module_name(&self, _: ModuleId) -> &str {
            "util"
        }

        fn builtin_name(&self, _: usize) -> &str {
            "sqrt"
        }

        fn module_is_empty(&self, id: ModuleId) -> bool {
            id.0 == 0
        }
    }

    #[test]
    fn falsy_values() {
        let mut heap = Heap::new();
        let list = List::new(&mut heap);
        let range = Value::from_range(Range::new(&mut heap, 3, 3));
        let (empty, text) = (heap.str_value(""), heap.str_value("0"));
        for falsy in [
            Value::FALSE,
            Value::VOID,
            Value::int(0),
            Value::float(-0.0),
            Value::from_list(list),
            range,
            empty,
            Value::module(ModuleId(0)),
        ] {
            assert!(!truthy(falsy, &Numbered), "{falsy:?}");
        }
        list.push(&mut heap, Value::FALSE).unwrap();
        for value in [
            Value::TRUE,
            Value::int(-1),
            Value::float(f64::NAN),
            Value::from_list(list),
            text,
            Value::module(ModuleId(1)),
            Value::function(FuncId(0)),
        ] {
            assert!(truthy(value, &Numbered), "{value:?}");
        }
    }
}
