//! How library functions and methods take their arguments apart and make their results.

use std::cmp::Ordering;

use crate::bytecode::numeric;
use crate::runtime::error::{Error, Result};
use crate::runtime::object::{Dict, Gc, List, Range, Str};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;
use crate::source::reason;

/// An argument, or void if it was left out.
#[inline]
pub fn arg(args: &[Value], index: usize) -> Value {
    args.get(index).copied().unwrap_or(Value::VOID)
}

/// An argument of the wrong type.
#[cold]
pub fn expected_type(expected: &str, found: Value) -> Error {
    Error::message(format!("Expected type '{expected}', but found type '{}'", found.tag().type_name()))
}

/// A string argument.
#[inline]
pub fn str_arg(args: &[Value], index: usize) -> Result<Gc<Str>> {
    let value = arg(args, index);
    value.as_str().ok_or_else(|| expected_type("string", value))
}

/// An int argument.
#[inline]
pub fn int_arg(args: &[Value], index: usize) -> Result<i64> {
    let value = arg(args, index);
    value.as_int().ok_or_else(|| expected_type("int", value))
}

/// A list argument.
#[inline]
pub fn list_arg(args: &[Value], index: usize) -> Result<Gc<List>> {
    let value = arg(args, index);
    value.as_list().ok_or_else(|| expected_type("list", value))
}

/// A numeric argument as a float.
#[inline]
pub fn number_arg(args: &[Value], index: usize) -> Result<f64> {
    let value = arg(args, index);
    match value.tag() {
        Tag::Float => Ok(value.float_bits()),
        Tag::Int => Ok(value.int_bits() as f64),
        _ => Err(expected_type("float", value)),
    }
}

/// A time in milliseconds that the library function of this name is given.
pub fn milliseconds_arg(args: &[Value], index: usize, function: &str) -> Result<f64> {
    let milliseconds = number_arg(args, index)?;
    // Written so that NaN is refused, too.
    match milliseconds >= 0.0 {
        true => Ok(milliseconds),
        false => Err(Error::message(format!("{function}: milliseconds must be >= 0"))),
    }
}

/// Whether a value is an int or a float.
#[inline]
pub fn is_number(value: Value) -> bool {
    matches!(value.tag(), Tag::Int | Tag::Float)
}

/// Compares two numbers by mathematical value; `None` if one is NaN or no number.
#[inline]
pub fn compare_numbers(a: Value, b: Value) -> Option<Ordering> {
    match (a.tag(), b.tag()) {
        (Tag::Int, Tag::Int) => Some(a.int_bits().cmp(&b.int_bits())),
        (Tag::Float, Tag::Float) => a.float_bits().partial_cmp(&b.float_bits()),
        (Tag::Int, Tag::Float) => numeric::compare_int_float(a.int_bits(), b.float_bits()),
        (Tag::Float, Tag::Int) => numeric::compare_int_float(b.int_bits(), a.float_bits()).map(Ordering::reverse),
        _ => None,
    }
}

/// A list made by a library function.
pub fn list(vm: &mut Vm, items: &[Value]) -> Result<Value> {
    Ok(Value::from_list(List::from_values(&mut vm.heap, items)?))
}

/// An int that counts something in memory.
pub fn count_value(count: usize) -> Value {
    Value::int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// How many ints a range holds, if that is an int.
pub fn range_len(range: Gc<Range>) -> Result<Value> {
    range.len().map(Value::int).ok_or_else(|| Error::message("Value too large"))
}

/// The error of an operation that the host could not do, without the number that the system gives it. A file that is
/// too large for the host's limit, and not for the system's, is more than a value may hold.
#[cold]
pub fn host_error(what: &str, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::FileTooLarge && error.raw_os_error().is_none() {
        return Error::message("Value too large");
    }
    Error::message(format!("{what}: {}", reason(error)))
}

/// [`host_error`] about a path or another name: `Failed to read 'p': reason`.
#[cold]
pub fn failed(verb: &str, name: &str, error: &std::io::Error) -> Error {
    host_error(&format!("Failed to {verb} '{name}'"), error)
}

/// Puts a value at a name in a new dict.
pub fn insert_named(vm: &mut Vm, dict: Gc<Dict>, name: &str, value: Value) -> Result<()> {
    let key = vm.heap.str_value(name);
    dict.insert(&mut vm.heap, key, value).map(|_| ())
}

/// A list of ints from 0 to 255 as bytes.
pub fn bytes_arg(args: &[Value], index: usize) -> Result<Vec<u8>> {
    let list = list_arg(args, index)?;
    (0..list.len())
        .map(|position| {
            let item = list.get(position);
            let int = item.as_int().ok_or_else(|| expected_type("int", item))?;
            u8::try_from(int).map_err(|_| Error::message(format!("Invalid byte {int}")))
        })
        .collect()
}

/// A list of ints from 0 to 255. Asks for the memory before it makes anything.
pub fn byte_list(vm: &mut Vm, bytes: &[u8]) -> Result<Value> {
    vm.heap.check_room_for(bytes.len(), size_of::<i64>())?;
    let ints: Vec<i64> = bytes.iter().map(|&byte| byte.into()).collect();
    Ok(Value::from_list(List::from_ints(&mut vm.heap, &ints)?))
}

/// Bytes as text.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| Error::message(format!("Invalid UTF-8 at byte {}", error.valid_up_to())))
}
