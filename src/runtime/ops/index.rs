//! Indexing and slicing of lists, tuples, strings and dicts. Members of modules and struct instances are the
//! interpreter's business.

use super::Names;
use super::text;
use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Range, Tuple};
use crate::runtime::value::{Tag, Value};

/// `object[index]`.
pub fn get_index(heap: &mut Heap, names: &dyn Names, object: Value, index: Value) -> Result<Value> {
    match object.tag() {
        Tag::Dict => {
            let Some(dict) = object.as_dict() else { return Err(cannot_index(object, index)) };
            match dict.get(heap, index)? {
                Some(value) => Ok(value),
                None => Err(key_not_found(heap, names, index)),
            }
        }
        Tag::List | Tag::Tuple | Tag::Str => match (index.as_int(), index.as_range()) {
            (Some(position), _) => get_item(heap, object, index, position),
            (_, Some(range)) => get_slice(heap, object, index, &range),
            _ => Err(cannot_index(object, index)),
        },
        _ => Err(cannot_index(object, index)),
    }
}

fn get_item(heap: &mut Heap, object: Value, index: Value, position: i64) -> Result<Value> {
    if let Some(list) = object.as_list() {
        return Ok(list.get(resolve_index(position, list.len())?));
    }
    if let Some(tuple) = object.as_tuple() {
        return Ok(tuple.items()[resolve_index(position, tuple.len())?]);
    }
    if let Some(string) = object.as_str() {
        let place = resolve_index(position, string.char_len())?;
        let c = string.locate_char(heap, place).ok_or_else(|| out_of_bounds(position, string.char_len()))?;
        return Ok(Value::from_str(heap.char_str(c)));
    }
    Err(cannot_index(object, index))
}

fn get_slice(heap: &mut Heap, object: Value, index: Value, range: &Range) -> Result<Value> {
    if let Some(list) = object.as_list() {
        let (start, end) = resolve_range(range.start, range.end, list.len())?;
        return Ok(Value::from_list(list.slice(heap, start, end)?));
    }
    if let Some(tuple) = object.as_tuple() {
        let (start, end) = resolve_range(range.start, range.end, tuple.len())?;
        heap.check_room_for(end - start, size_of::<Value>())?;
        return Ok(Value::from_tuple(Tuple::new(heap, &tuple.items()[start..end])));
    }
    if let Some(string) = object.as_str() {
        let (start, end) = resolve_range(range.start, range.end, string.char_len())?;
        let slice = string.slice(heap, start, end)?;
        return Ok(Value::from_str(slice.unwrap_or_else(|| heap.empty_str())));
    }
    Err(cannot_index(object, index))
}

/// `object[index] = value`.
pub fn set_index(heap: &mut Heap, object: Value, index: Value, value: Value) -> Result<()> {
    if let Some(list) = object.as_list() {
        let position = index.as_int().ok_or_else(|| cannot_index(object, index))?;
        return list.set(heap, resolve_index(position, list.len())?, value);
    }
    if let Some(dict) = object.as_dict() {
        return dict.insert(heap, index, value).map(drop);
    }
    Err(cannot_assign(object))
}

/// The position that an index names in a sequence: negative ones count from the end.
#[inline]
pub fn resolve_index(index: i64, len: usize) -> Result<usize> {
    let position = if index < 0 { index.wrapping_add(len as i64) } else { index };
    if (position as u64) < len as u64 { Ok(position as usize) } else { Err(out_of_bounds(index, len)) }
}

/// The positions that the bounds of a slice name in a sequence: a negative bound `k` is `len + k + 1`, so -1 is the
/// end.
pub fn resolve_range(start: i64, end: i64, len: usize) -> Result<(usize, usize)> {
    let resolve = |bound: i64| {
        let position = if bound < 0 { bound.wrapping_add(len as i64).wrapping_add(1) } else { bound };
        usize::try_from(position).ok().filter(|position| *position <= len).ok_or_else(|| out_of_bounds(bound, len))
    };
    let (from, to) = (resolve(start)?, resolve(end)?);
    if from > to {
        return Err(Error::message(format!("Range start '{start}' must be less than or equal to range end '{end}'")));
    }
    Ok((from, to))
}

/// `Index 10 out of bounds for object with len 2`.
#[cold]
pub fn out_of_bounds(index: i64, len: usize) -> Error {
    Error::message(format!("Index {index} out of bounds for object with len {len}"))
}

/// `Key 'b' not found`.
#[cold]
pub fn key_not_found(heap: &Heap, names: &dyn Names, key: Value) -> Error {
    let mut message = String::from("Key '");
    if let Err(error) = text::write_text(heap, names, &mut message, key) {
        return error;
    }
    message.push_str("' not found");
    Error::message(message)
}

/// `Cannot index non-indexable type 'int'`, or `Cannot index type 'list' with type 'string'`.
#[cold]
pub fn cannot_index(object: Value, index: Value) -> Error {
    let name = object.tag().type_name();
    match object.tag() {
        Tag::List | Tag::Tuple | Tag::Str | Tag::Dict | Tag::Module | Tag::Instance => {
            Error::message(format!("Cannot index type '{name}' with type '{}'", index.tag().type_name()))
        }
        _ => Error::message(format!("Cannot index non-indexable type '{name}'")),
    }
}

/// `Cannot assign into type 'string'`.
#[cold]
pub fn cannot_assign(object: Value) -> Error {
    Error::message(format!("Cannot assign into type '{}'", object.tag().type_name()))
}

#[cfg(test)]
mod tests;
