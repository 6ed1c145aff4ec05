//! Operators on any two values. The interpreter handles ints and floats itself and comes here with the rest.

use crate::bytecode::numeric;
use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Gc, List, Storage, Str, Tuple};
use crate::runtime::value::{Tag, Value};

/// `Invalid operation '+' on operands 'int' and 'string'`.
#[cold]
pub fn invalid_operation(operator: &str, a: Value, b: Value) -> Error {
    let (a, b) = (a.tag().type_name(), b.tag().type_name());
    Error::message(format!("Invalid operation '{operator}' on operands '{a}' and '{b}'"))
}

/// `Invalid unary operation '-' on operand string`.
#[cold]
pub fn invalid_unary(operator: &str, a: Value) -> Error {
    Error::message(format!("Invalid unary operation '{operator}' on operand {}", a.tag().type_name()))
}

#[cold]
fn division_by_zero() -> Error {
    Error::message("Division by zero")
}

#[cold]
fn too_large() -> Error {
    Error::message("Value too large")
}

/// Two numbers as floats, if they are numbers.
#[inline]
fn floats(a: Value, b: Value) -> Option<(f64, f64)> {
    Some((as_float(a)?, as_float(b)?))
}

/// A number as a float.
#[inline]
fn as_float(value: Value) -> Option<f64> {
    match value.tag() {
        Tag::Int => Some(value.int_bits() as f64),
        Tag::Float => Some(value.float_bits()),
        _ => None,
    }
}

#[inline]
fn ints(a: Value, b: Value) -> Option<(i64, i64)> {
    a.as_int().zip(b.as_int())
}

/// `a + b`.
pub fn add(heap: &mut Heap, a: Value, b: Value) -> Result<Value> {
    match (a.tag(), b.tag()) {
        (Tag::Str, Tag::Str) => {
            let (Some(a), Some(b)) = (a.as_str(), b.as_str()) else { return Err(invalid_operation("+", a, b)) };
            Ok(Value::from_str(Str::concat(heap, a, b)?))
        }
        (Tag::Int, Tag::Int) => Ok(Value::int(a.int_bits().wrapping_add(b.int_bits()))),
        _ => add_others(heap, a, b),
    }
}

fn add_others(heap: &mut Heap, a: Value, b: Value) -> Result<Value> {
    if let Some((a, b)) = floats(a, b) {
        return Ok(Value::float(a + b));
    }
    if let (Some(a), Some(b)) = (a.as_list(), b.as_list()) {
        return Ok(Value::from_list(concat_lists(heap, a, b)?));
    }
    if let (Some(a), Some(b)) = (a.as_tuple(), b.as_tuple()) {
        heap.check_room_for(a.len() + b.len(), size_of::<Value>())?;
        let items = [a.items(), b.items()].concat();
        return Ok(Value::from_tuple(Tuple::new(heap, &items)));
    }
    if let (Some(a), Some(b)) = (a.as_dict(), b.as_dict()) {
        let sum = a.copy(heap)?;
        sum.extend_from(heap, &b)?;
        return Ok(Value::from_dict(sum));
    }
    Err(invalid_operation("+", a, b))
}

fn concat_lists(heap: &mut Heap, a: Gc<List>, b: Gc<List>) -> Result<Gc<List>> {
    let storage = match (a.is_empty(), b.is_empty()) {
        (true, _) => b.storage(),
        (_, true) => a.storage(),
        _ if a.storage() == b.storage() => a.storage(),
        _ => Storage::Values,
    };
    let sum = List::with_capacity(heap, storage, a.len() + b.len())?;
    sum.extend_from(heap, a)?;
    sum.extend_from(heap, b)?;
    Ok(sum)
}

/// `a - b`.
pub fn sub(a: Value, b: Value) -> Result<Value> {
    if let Some((a, b)) = ints(a, b) {
        return Ok(Value::int(a.wrapping_sub(b)));
    }
    let (x, y) = floats(a, b).ok_or_else(|| invalid_operation("-", a, b))?;
    Ok(Value::float(x - y))
}

/// `a * b`.
pub fn mul(heap: &mut Heap, a: Value, b: Value) -> Result<Value> {
    if let Some((a, b)) = ints(a, b) {
        return Ok(Value::int(a.wrapping_mul(b)));
    }
    if let Some((a, b)) = floats(a, b) {
        return Ok(Value::float(a * b));
    }
    let (sequence, count) = match (a.as_int(), b.as_int()) {
        (None, Some(count)) => (a, count),
        (Some(count), None) => (b, count),
        _ => return Err(invalid_operation("*", a, b)),
    };
    let count = usize::try_from(count.max(0)).map_err(|_| too_large())?;
    if let Some(string) = sequence.as_str() {
        return Ok(Value::from_str(string.repeat(heap, count)?));
    }
    if let Some(list) = sequence.as_list() {
        return Ok(Value::from_list(repeat_list(heap, list, count)?));
    }
    Err(invalid_operation("*", a, b))
}

fn repeat_list(heap: &mut Heap, list: Gc<List>, count: usize) -> Result<Gc<List>> {
    let len = list.len().checked_mul(count).ok_or_else(too_large)?;
    if list.len() == 1 && list.storage() == Storage::of(list.get(0)) {
        return List::filled(heap, list.get(0), count);
    }
    let product = List::with_capacity(heap, list.storage(), len)?;
    if len == 0 {
        return Ok(product);
    }
    // Double what is there already, so that repeating a short list is no loop over tiny copies.
    product.extend_from(heap, list)?;
    while product.len() < len {
        product.repeat_front(heap, product.len().min(len - product.len()))?;
    }
    Ok(product)
}

/// `a / b`.
pub fn div(a: Value, b: Value) -> Result<Value> {
    if let Some((a, b)) = ints(a, b) {
        return numeric::int_div(a, b).map(Value::int).ok_or_else(division_by_zero);
    }
    let (x, y) = floats(a, b).ok_or_else(|| invalid_operation("/", a, b))?;
    Ok(Value::float(x / y))
}

/// `a % b`.
pub fn rem(a: Value, b: Value) -> Result<Value> {
    if let Some((a, b)) = ints(a, b) {
        return numeric::int_rem(a, b).map(Value::int).ok_or_else(division_by_zero);
    }
    let (x, y) = floats(a, b).ok_or_else(|| invalid_operation("%", a, b))?;
    Ok(Value::float(x % y))
}

/// `a ** b`.
pub fn pow(a: Value, b: Value) -> Result<Value> {
    if let Some((a, b)) = ints(a, b) {
        return Ok(match numeric::int_pow(a, b) {
            Some(power) => Value::int(power),
            None => Value::float(numeric::float_pow(a as f64, b as f64)),
        });
    }
    let (x, y) = floats(a, b).ok_or_else(|| invalid_operation("**", a, b))?;
    Ok(Value::float(numeric::float_pow(x, y)))
}

/// `a & b`.
pub fn bit_and(a: Value, b: Value) -> Result<Value> {
    let (x, y) = ints(a, b).ok_or_else(|| invalid_operation("&", a, b))?;
    Ok(Value::int(x & y))
}

/// `a | b`.
pub fn bit_or(a: Value, b: Value) -> Result<Value> {
    let (x, y) = ints(a, b).ok_or_else(|| invalid_operation("|", a, b))?;
    Ok(Value::int(x | y))
}

/// `a ^ b`.
pub fn bit_xor(a: Value, b: Value) -> Result<Value> {
    let (x, y) = ints(a, b).ok_or_else(|| invalid_operation("^", a, b))?;
    Ok(Value::int(x ^ y))
}

/// `a << b`.
pub fn shl(a: Value, b: Value) -> Result<Value> {
    let (x, y) = ints(a, b).ok_or_else(|| invalid_operation("<<", a, b))?;
    numeric::shl(x, y).map(Value::int).ok_or_else(negative_shift)
}

/// `a >> b`.
pub fn shr(a: Value, b: Value) -> Result<Value> {
    let (x, y) = ints(a, b).ok_or_else(|| invalid_operation(">>", a, b))?;
    numeric::shr(x, y).map(Value::int).ok_or_else(negative_shift)
}

#[cold]
fn negative_shift() -> Error {
    Error::message("Negative shift count")
}

/// `-a`.
pub fn neg(a: Value) -> Result<Value> {
    match a.tag() {
        Tag::Int => Ok(Value::int(a.int_bits().wrapping_neg())),
        Tag::Float => Ok(Value::float(-a.float_bits())),
        _ => Err(invalid_unary("-", a)),
    }
}

/// `~a`.
pub fn bit_not(a: Value) -> Result<Value> {
    a.as_int().map(|a| Value::int(!a)).ok_or_else(|| invalid_unary("~", a))
}

#[cfg(test)]
mod tests;
