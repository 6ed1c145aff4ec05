//! Methods of strings. Positions and widths count characters.

use memchr::{memchr_iter, memmem};
use smallvec::SmallVec;

use crate::runtime::builtins::convert::{parse_float, parse_int};
use crate::runtime::builtins::value::{arg, count_value, int_arg, list, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::object::{Gc, List, Storage, Str, Tuple};
use crate::runtime::ops::index::{out_of_bounds, resolve_index};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<Str>> {
    str_arg(args, 0)
}

/// A list of strings, all parts of one text, which may take many times its memory.
pub(in crate::runtime) fn parts<'t>(
    vm: &mut Vm,
    whole: &str,
    parts: impl Iterator<Item = &'t str> + Clone,
) -> Result<Value> {
    vm.heap.check_room(whole.len())?;
    // Counting tells what can never fit from what does not fit beside the other values; most texts are too short to
    // need it.
    if whole.len().saturating_mul(size_of::<Value>()) > vm.heap.max_heap() {
        vm.heap.check_room_for(parts.clone().count(), size_of::<Value>())?;
    }
    let before = vm.heap.bytes();
    // Most texts have few parts, which need no memory beside the list. Nothing is collected before they lie there.
    let mut made: SmallVec<[Value; 16]> = SmallVec::new();
    for part in parts {
        made.push(vm.heap.str_value(part));
        // The vector, and the list to come.
        vm.heap.check_growth(before, 2 * size_of_val(made.as_slice()))?;
    }
    list(vm, &made)
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count_value(receiver(args)?.char_len()))
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

fn trimmed(vm: &mut Vm, args: &[Value], trim: fn(&str) -> &str) -> Result<Value> {
    let text = receiver(args)?;
    let trimmed = trim(text.as_str());
    if trimmed.len() == text.byte_len() { Ok(Value::from_str(text)) } else { vm.string(trimmed) }
}

pub fn trim(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    trimmed(vm, args, str::trim)
}

pub fn trim_start(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    trimmed(vm, args, str::trim_start)
}

pub fn trim_end(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    trimmed(vm, args, str::trim_end)
}

/// The parts between separators; without one, the words between white space.
pub fn split(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    if args.len() < 2 {
        return parts(vm, text.as_str(), text.as_str().split_whitespace());
    }
    let separator = str_arg(args, 1)?;
    if separator.is_empty() {
        return chars(vm, args);
    }
    let (text, separator) = (text.as_str(), separator.as_str());
    if let [separator @ 0..128] = separator.as_bytes() {
        return parts(vm, text, pieces(text, memchr_iter(*separator, text.as_bytes()), 1));
    }
    let found = memmem::find_iter(text.as_bytes(), separator.as_bytes());
    parts(vm, text, pieces(text, found, separator.len()))
}

/// The pieces of a text between separators of `len` bytes, which were found at these places.
fn pieces(text: &str, found: impl Iterator<Item = usize> + Clone, len: usize) -> impl Iterator<Item = &str> + Clone {
    let mut start = 0;
    // A match of valid UTF-8 in valid UTF-8 lies on character boundaries.
    found.chain([text.len()]).map(move |end| {
        let piece = text.get(start..end).unwrap_or("");
        start = end + len;
        piece
    })
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
    let found = occurrences(text, old);
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
    let count = text.char_len();
    vm.heap.check_room_for(count, size)?;
    // Filled in place: a copy beside it would take as much again.
    let list = List::with_capacity(&mut vm.heap, Storage::Values, count)?;
    for char in text.as_str().chars() {
        let char = Value::from_str(vm.heap.char_str(char));
        list.push(&mut vm.heap, char)?;
    }
    Ok(Value::from_list(list))
}

/// Lines end with `\n` or `\r\n`, the last one need not.
pub fn lines(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    parts(vm, text.as_str(), text.as_str().lines())
}

/// The part before the first separator and the part behind it; void if there is none.
pub fn split_once(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, separator) = (receiver(args)?, str_arg(args, 1)?);
    if separator.is_empty() {
        return Err(Error::message("Empty separator"));
    }
    let Some((before, after)) = text.as_str().split_once(separator.as_str()) else { return Ok(Value::VOID) };
    vm.heap.check_room(text.byte_len())?;
    let pair = [before, after].map(|part| vm.heap.str_value(part));
    Ok(Value::from_tuple(Tuple::new(&mut vm.heap, &pair)))
}

/// Where a text occurs first, at or behind the character that the second argument names; -1 if nowhere.
pub fn index_of(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, wanted) = (receiver(args)?, str_arg(args, 1)?);
    let from = if args.len() > 2 { start_index(text, int_arg(args, 2)?)? } else { 0 };
    let start = text.byte_offset(from).unwrap_or(text.byte_len());
    let rest = text.as_str().get(start..).unwrap_or("");
    let Some(offset) = memmem::find(rest.as_bytes(), wanted.as_str().as_bytes()) else {
        return Ok(Value::int(-1));
    };
    let between =
        if text.is_ascii() { offset } else { rest.get(..offset).map_or(offset, |before| before.chars().count()) };
    Ok(count_value(from + between))
}

/// The character that an index names; the length itself names the end.
fn start_index(text: Gc<Str>, index: i64) -> Result<usize> {
    let len = text.char_len();
    if usize::try_from(index) == Ok(len) { Ok(len) } else { resolve_index(index, len) }
}

/// How often a text occurs without overlaps. An empty one is found before each character and at the end.
fn occurrences(text: Gc<Str>, wanted: Gc<Str>) -> usize {
    if wanted.is_empty() {
        text.char_len() + 1
    } else {
        memmem::find_iter(text.as_str().as_bytes(), wanted.as_str().as_bytes()).count()
    }
}

pub fn count(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count_value(occurrences(receiver(args)?, str_arg(args, 1)?)))
}

pub fn reversed(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    vm.heap.check_room(text.byte_len())?;
    let reversed: String = text.as_str().chars().rev().collect();
    vm.string(&reversed)
}

/// The number of the character at an index.
pub fn code_at(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (text, index) = (receiver(args)?, int_arg(args, 1)?);
    let position = resolve_index(index, text.char_len())?;
    let char = text.locate_char(&vm.heap, position).ok_or_else(|| out_of_bounds(index, text.char_len()))?;
    Ok(Value::int(u32::from(char).into()))
}

/// Whether a text is not empty and all its characters are of a kind.
fn is_all(args: &[Value], kind: fn(char) -> bool) -> Result<Value> {
    let text = receiver(args)?;
    Ok(Value::bool(!text.is_empty() && text.as_str().chars().all(kind)))
}

pub fn is_digit(_: &mut Vm, args: &[Value]) -> Result<Value> {
    is_all(args, |char| char.is_ascii_digit())
}

pub fn is_alpha(_: &mut Vm, args: &[Value]) -> Result<Value> {
    is_all(args, char::is_alphabetic)
}

pub fn is_alnum(_: &mut Vm, args: &[Value]) -> Result<Value> {
    is_all(args, char::is_alphanumeric)
}

pub fn is_space(_: &mut Vm, args: &[Value]) -> Result<Value> {
    is_all(args, char::is_whitespace)
}

pub fn is_upper(_: &mut Vm, args: &[Value]) -> Result<Value> {
    is_all(args, char::is_uppercase)
}

pub fn is_lower(_: &mut Vm, args: &[Value]) -> Result<Value> {
    is_all(args, char::is_lowercase)
}

pub fn repeat(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let text = receiver(args)?;
    let times = usize::try_from(int_arg(args, 1)?.max(0)).unwrap_or(usize::MAX);
    Ok(Value::from_str(text.repeat(&mut vm.heap, times)?))
}

/// The padding that a text needs to be `width` characters long: `fill` again and again, cut off where the width is
/// reached. An empty `fill` gives none.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at_bytes(text: &str, separator: u8) -> Vec<&str> {
        pieces(text, memchr_iter(separator, text.as_bytes()), 1).collect()
    }

    #[test]
    fn texts_are_cut_at_bytes() {
        assert_eq!(at_bytes("", b','), [""]);
        assert_eq!(at_bytes(",", b','), ["", ""]);
        assert_eq!(at_bytes("1 2 3", b' '), ["1", "2", "3"]);
        assert_eq!(at_bytes(",,a,", b','), ["", "", "a", ""]);
        assert_eq!(at_bytes("ä, öß,\u{10000}", b','), ["ä", " öß", "\u{10000}"]);
        assert_eq!(at_bytes("nothing", b','), ["nothing"]);
        assert_eq!(at_bytes("a\0b\u{7f}", 0), ["a", "b\u{7f}"]);
    }

    proptest! {
        #[test]
        fn pieces_are_those_of_std(text in "[a,é\u{10000}]{0,80}") {
            prop_assert_eq!(at_bytes(&text, b','), text.split(',').collect::<Vec<_>>());
            for separator in [",", ",,", "é", "a,"] {
                let found = memmem::find_iter(text.as_bytes(), separator.as_bytes());
                let ours: Vec<&str> = pieces(&text, found, separator.len()).collect();
                prop_assert_eq!(ours, text.split(separator).collect::<Vec<_>>());
            }
        }
    }
}
