//! `std/json`: values to JSON text and back. Neither direction recurses, so depth is no matter.
//!
//! `decode(encode(x))` equals `x` for all that JSON can say, tuples becoming lists; floats keep their type because an integral one is
//! written with `.0`.

pub mod decode;
pub mod encode;

use super::value::{arg, str_arg};
use crate::runtime::error::Result;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

pub fn encode(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let written = encode::encode(&vm.heap, arg(args, 0))?;
    vm.string(&written)
}

pub fn decode(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = str_arg(args, 0)?;
    decode::decode(&mut vm.heap, text.as_str())
}

#[cfg(test)]
mod tests;
