//! Operations on values of any type: what an instruction does when its operands are not the plain numbers that the interpreter handles itself.
//!
//! Invariant: an operation that fails has had no effect that the program could see, since the instruction may be executed again. None
//! calls back into Walrus code, so none needs to root its temporaries.

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
    fn module_name(&self, id: ModuleId) -> &str;
    /// By position in [`crate::bytecode::natives::NATIVES`].
    fn native_name(&self, index: usize) -> &str;
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
        Tag::Function | Tag::Native | Tag::Closure | Tag::Struct | Tag::Instance | Tag::BoundMethod | Tag::Cell => true,
    }
}
