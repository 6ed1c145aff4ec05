//! `std/core`: lengths, texts, types, conversions, the heap, clocks, input, assertions.

use super::convert::{float_to_int, parse_float, parse_int};
use super::value::{arg, byte_list, bytes_arg, count_value, host_error, int_arg, range_len, str_arg, utf8};
use crate::runtime::error::{Error, Result};
use crate::runtime::object::Dict;
use crate::runtime::ops::text::write_repr;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

pub fn len(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let value = arg(args, 0);
    let len = if let Some(text) = value.as_str() {
        text.char_len()
    } else if let Some(list) = value.as_list() {
        list.len()
    } else if let Some(tuple) = value.as_tuple() {
        tuple.len()
    } else if let Some(dict) = value.as_dict() {
        dict.len()
    } else if let Some(range) = value.as_range() {
        return range_len(range);
    } else if let Some(module) = value.as_module() {
        vm.module_names(module).count()
    } else {
        let found = value.tag().type_name();
        return Err(Error::message(format!("Cannot get length of non-indexable type '{found}'")));
    };
    Ok(count_value(len))
}

pub fn str(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let value = arg(args, 0);
    if value.tag() == Tag::Str {
        return Ok(value);
    }
    let written = vm.text(value)?;
    vm.string(&written)
}

pub fn type_of(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.string(arg(args, 0).tag().type_name())
}

pub fn int(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let value = arg(args, 0);
    let converted = match value.tag() {
        Tag::Int => Some(value.int_bits()),
        Tag::Float => float_to_int(value.float_bits()),
        Tag::Bool => Some((value.bits() != 0).into()),
        Tag::Str => value.as_str().and_then(|text| parse_int(text.as_str())),
        _ => None,
    };
    converted.map(Value::int).map_or_else(|| Err(cannot_convert(vm, value, "int")?), Ok)
}

pub fn float(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let value = arg(args, 0);
    let converted = match value.tag() {
        Tag::Int => Some(value.int_bits() as f64),
        Tag::Float => Some(value.float_bits()),
        Tag::Bool => Some(if value.bits() != 0 { 1.0 } else { 0.0 }),
        Tag::Str => value.as_str().and_then(|text| parse_float(text.as_str())),
        _ => None,
    };
    converted.map(Value::float).map_or_else(|| Err(cannot_convert(vm, value, "float")?), Ok)
}

#[cold]
fn cannot_convert(vm: &Vm, value: Value, target: &str) -> Result<Error> {
    Ok(Error::message(format!("Cannot convert '{}' to {target}", vm.text(value)?)))
}

pub fn input(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    if let Some(&prompt) = args.first() {
        let prompt = vm.text(prompt)?;
        vm.io.write(prompt.as_bytes(), b"")?;
    }
    vm.io.flush()?;
    let line = vm.io.host.read_line(vm.heap.max_heap()).map_err(|error| host_error("Failed to read input", &error))?;
    // The line is gone from the input, so this must not fail: a line as long as the heap is what the limit cannot stop.
    Ok(vm.heap.str_value(&line))
}

/// A dict of counts.
fn figures(vm: &mut Vm, entries: &[(&str, usize)]) -> Result<Value> {
    let dict = Dict::with_capacity(&mut vm.heap, entries.len())?;
    for &(name, number) in entries {
        let key = vm.heap.str_value(name);
        dict.insert(&mut vm.heap, key, count_value(number))?;
    }
    Ok(Value::from_dict(dict))
}

pub fn gc(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    let done = vm.collect_garbage();
    figures(
        vm,
        &[
            ("objects_before", done.objects_before),
            ("objects_after", done.objects_after),
            ("objects_freed", done.objects_freed),
            ("total_collections", done.total_collections),
        ],
    )
}

pub fn heap_stats(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    let stats = vm.heap.stats();
    figures(
        vm,
        &[
            ("objects", stats.objects),
            ("bytes", stats.bytes),
            ("total_collections", stats.total_collections),
            ("total_freed", stats.total_freed),
            ("threshold", stats.threshold),
            ("next_collection", stats.next_collection),
        ],
    )
}

pub fn gc_threshold(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    match usize::try_from(int_arg(args, 0)?) {
        Ok(bytes) if bytes > 0 => Ok(count_value(vm.heap.set_threshold(bytes))),
        _ => Err(Error::message("core.gc_threshold: invalid threshold")),
    }
}

pub fn timestamp(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    Ok(Value::int(vm.io.host.timestamp()))
}

pub fn clock(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    Ok(Value::float(vm.io.host.clock()))
}

pub fn assert(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    if vm.truthy(arg(args, 0)) {
        return Ok(Value::VOID);
    }
    Err(Error::message(match args.get(1) {
        Some(&message) => format!("Assertion failed: {}", vm.text(message)?),
        None => "Assertion failed".to_owned(),
    }))
}

/// As `str`, with strings quoted and instances taken apart.
pub fn repr(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let mut out = String::new();
    write_repr(&vm.heap, &vm.image, &mut out, arg(args, 0))?;
    vm.string(&out)
}

/// The character of a number.
pub fn chr(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let number = int_arg(args, 0)?;
    let char = u32::try_from(number).ok().and_then(char::from_u32);
    let char = char.ok_or_else(|| Error::message(format!("Invalid character number {number}")))?;
    Ok(Value::from_str(vm.heap.char_str(char)))
}

/// The number of the character that a text of one consists of.
pub fn ord(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = str_arg(args, 0)?;
    let mut chars = text.as_str().chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Ok(Value::int(u32::from(char).into())),
        _ => Err(Error::message("Expected one character")),
    }
}

/// The UTF-8 bytes of a text.
pub fn bytes(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = str_arg(args, 0)?;
    byte_list(vm, text.as_str().as_bytes())
}

/// The text of UTF-8 bytes.
pub fn text(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let bytes = bytes_arg(args, 0)?;
    vm.string(utf8(&bytes)?)
}

/// The text of a value and a newline on standard error, behind all that was printed before.
pub fn print_error(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let mut line = vm.text(arg(args, 0))?;
    line.push('\n');
    vm.io.flush()?;
    // Where standard error cannot be written, there is nowhere to say so.
    let _ = vm.io.host.write_error(line.as_bytes());
    Ok(Value::VOID)
}
