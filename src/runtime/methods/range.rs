//! Methods of ranges.

use std::cmp::Ordering;

use crate::runtime::builtins::value::{arg, compare_numbers, expected_type, range_len};
use crate::runtime::error::Result;
use crate::runtime::object::{Gc, Range};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<Range>> {
    let value = arg(args, 0);
    value.as_range().ok_or_else(|| expected_type("range", value))
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    range_len(receiver(args)?)
}

/// Whether one of the range's ints equals the value: a float may, if it is integral.
pub fn contains(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let range = receiver(args)?;
    let value = arg(args, 1);
    let integral = value.is_int() || value.as_float().is_some_and(|float| float.fract() == 0.0);
    let not_below = compare_numbers(value, Value::int(range.start)).is_some_and(Ordering::is_ge);
    let below_end = compare_numbers(value, Value::int(range.end)).is_some_and(Ordering::is_lt);
    Ok(Value::bool(integral && not_below && below_end))
}
