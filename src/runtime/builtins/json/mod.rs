//! `std/json`: values to JSON text and back. Neither direction recurses, so depth is no matter.
//!
//! `decode(encode(x))` equals `x` for all that JSON can say, tuples becoming lists; floats keep their type because an
//! integral one is written with `.0`.

pub mod decode;
pub mod encode;

use super::value::{arg, expected_type, int_arg, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

pub fn encode(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let mut layout = encode::Layout::COMPACT;
    if args.len() > 1 {
        let indent = int_arg(args, 1)?;
        layout.indent = usize::try_from(indent)
            .map_err(|_| Error::message(format!("json.encode: indentation must be at least 0, but is {indent}")))?;
    }
    if args.len() > 2 {
        let sorted = arg(args, 2);
        layout.sorted = sorted.as_bool().ok_or_else(|| expected_type("bool", sorted))?;
    }
    let written = encode::encode(&vm.heap, arg(args, 0), layout)?;
    vm.string(&written)
}

pub fn decode(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = str_arg(args, 0)?;
    decode::decode(&mut vm.heap, text.as_str())
}

#[cfg(test)]
mod tests;
