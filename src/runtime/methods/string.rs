//! Methods of strings. Positions and widths count characters.

use memchr::memmem;

use crate::runtime::builtins::convert::{parse_float, parse_int};
use crate::runtime::builtins::value::{arg, count, int_arg, list, str_arg};
use crate::runtime::error::Result;
use crate::runtime::object::{Gc, Str};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<Str>> {
    str_arg(args, 0)
}

/// A list of strings, all parts of one text.
fn parts<'t>(vm: &mut Vm, whole: &str, parts: impl Iterator<Item = &'t str>) -> Result<Value> {
    vm.heap.check_room(whole.len())?;
    let parts: Vec<Value> = parts.map(|part| vm.heap.str_value(part)).collect();
    list(vm, &parts)
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count(receiver(args)?.char_len()))
}

pub fn upper(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    let upper = if text.is_ascii() { text.as_str().to_ascii_uppercase() } else { text.as_str().to_uppercase() };
    vm.string(&upper)
}

pub fn lower(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    let lower = if text.is_ascii() { text.as_str().to_ascii_lowercase() } else { text.as_str().to_lowercase() };
    vm.string(&lower)
}

pub fn trim(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    let trimmed = text.as_str().trim();
    if trimmed.len() == text.byte_len() { Ok(Value::from_str(text)) } else { vm.string(trimmed) }
}

pub fn split(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, separator) = (receiver(args)?, str_arg(args, 1)?);
    if separator.is_empty() {
        return chars(vm, args);
    }
    let (text, separator) = (text.as_str(), separator.as_str());
    let mut start = 0;
    let ends = memmem::find_iter(text.as_bytes(), separator.as_bytes()).chain([text.len()]);
    // A match of valid UTF-8 in valid UTF-8 lies on character boundaries.
    let pieces = ends.map(|end| {
        let piece = text.get(start..end).unwrap_or("");
        start = end + separator.len();
        piece
    });
    parts(vm, text, pieces)
}

pub fn contains(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, wanted) = (receiver(args)?, str_arg(args, 1)?);
    Ok(Value::bool(memmem::find(text.as_str().as_bytes(), wanted.as_str().as_bytes()).is_some()))
}

pub fn starts_with(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(receiver(args)?.as_str().starts_with(str_arg(args, 1)?.as_str())))
}

pub fn ends_with(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(receiver(args)?.as_str().ends_with(str_arg(args, 1)?.as_str())))
}

/// Replaces every occurrence, from the left. An empty one is found before each character and at the end.
pub fn replace(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, old, new) = (receiver(args)?, str_arg(args, 1)?, str_arg(args, 2)?);
    let found = if old.is_empty() {
        text.char_len() + 1
    } else {
        memmem::find_iter(text.as_str().as_bytes(), old.as_str().as_bytes()).count()
    };
    if found == 0 {
        return Ok(Value::from_str(text));
    }
    let kept = text.byte_len() - if old.is_empty() { 0 } else { found * old.byte_len() };
    vm.heap.check_room(found.saturating_mul(new.byte_len()).saturating_add(kept))?;
    vm.string(&text.as_str().replace(old.as_str(), new.as_str()))
}

pub fn chars(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    // Strings of ASCII characters are shared, others are objects of their own.
    let size = if text.is_ascii() { size_of::<Value>() } else { 4 * size_of::<Value>() };
    vm.heap.check_room_for(text.char_len(), size)?;
    let chars: Vec<Value> = text.as_str().chars().map(|char| Value::from_str(vm.heap.char_str(char))).collect();
    list(vm, &chars)
}

/// Lines end with `\n` or `\r\n`, the last one need not.
pub fn lines(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    parts(vm, text.as_str(), text.as_str().lines())
}

pub fn index_of(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, wanted) = (receiver(args)?, str_arg(args, 1)?);
    let Some(at) = memmem::find(text.as_str().as_bytes(), wanted.as_str().as_bytes()) else {
        return Ok(Value::int(-1));
    };
    Ok(count(if text.is_ascii() { at } else { text.as_str().get(..at).map_or(at, |before| before.chars().count()) }))
}

pub fn repeat(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    let times = usize::try_from(int_arg(args, 1)?.max(0)).unwrap_or(usize::MAX);
    Ok(Value::from_str(text.repeat(&mut vm.heap, times)?))
}

/// The padding that a text needs to be `width` characters long: `fill` again and again, cut off where the width is reached. An
/// empty `fill` gives none.
fn padding(vm: &mut Vm, text: Gc<Str>, width: i64, fill: Gc<Str>) -> Result<String> {
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(text.char_len());
    if missing == 0 || fill.is_empty() {
        return Ok(String::new());
    }
    let (whole, rest) = (missing / fill.char_len(), missing % fill.char_len());
    let cut = fill.byte_offset(rest).and_then(|end| fill.as_str().get(..end)).unwrap_or("");
    let size = whole.saturating_mul(fill.byte_len()).saturating_add(cut.len()).saturating_add(text.byte_len());
    vm.heap.check_room(size)?;
    let mut padding = String::with_capacity(size);
    padding.extend(std::iter::repeat_n(fill.as_str(), whole));
    padding.push_str(cut);
    Ok(padding)
}

pub fn pad_left(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, width, fill) = (receiver(args)?, int_arg(args, 1)?, str_arg(args, 2)?);
    let mut padded = padding(vm, text, width, fill)?;
    if padded.is_empty() {
        return Ok(arg(args, 0));
    }
    padded.push_str(text.as_str());
    vm.string(&padded)
}

pub fn pad_right(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, width, fill) = (receiver(args)?, int_arg(args, 1)?, str_arg(args, 2)?);
    let mut padded = padding(vm, text, width, fill)?;
    if padded.is_empty() {
        return Ok(arg(args, 0));
    }
    padded.insert_str(0, text.as_str());
    vm.string(&padded)
}

pub fn to_int(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(parse_int(receiver(args)?.as_str()).map_or(Value::VOID, Value::int))
}

pub fn to_float(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(parse_float(receiver(args)?.as_str()).map_or(Value::VOID, Value::float))
}
