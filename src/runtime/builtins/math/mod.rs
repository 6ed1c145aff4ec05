//! `std/math`. What needs no Walrus value is in [`real`], where native code finds it too.
//!
//! NaN is no domain error: it goes in and comes out.

pub mod real;

use std::cmp::Ordering;

use self::real::{for_each_of_two, for_each_partial, for_each_total};
use super::value::{arg, compare_numbers, expected_type, int_arg, is_number, number_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

#[cold]
fn math_error(function: &str, problem: &str) -> Error {
    Error::message(format!("math.{function}: {problem}"))
}

macro_rules! constants {
    ($($name:ident = $value:expr;)*) => {$(
        pub fn $name(_: &mut Vm, _: &[Value]) -> Result<Value> {
            Ok(Value::float($value))
        }
    )*};
}

constants! {
    pi = std::f64::consts::PI;
    e = std::f64::consts::E;
    tau = std::f64::consts::TAU;
    inf = f64::INFINITY;
    nan = f64::NAN;
}

/// Functions from a number to a float that are defined everywhere.
macro_rules! total {
    ($($name:ident($x:ident) = $value:expr;)*) => {$(
        pub fn $name(_: &mut Vm, args: &[Value]) -> Result<Value> {
            Ok(Value::float(real::$name(number_arg(args, 0)?)))
        }
    )*};
}

for_each_total!(total);

/// Functions from a number to a float that are defined where the condition holds.
macro_rules! partial {
    ($($name:ident($x:ident) where $condition:ident = $value:expr;)*) => {$(
        pub fn $name(_: &mut Vm, args: &[Value]) -> Result<Value> {
            let x = number_arg(args, 0)?;
            if !real::$condition(x) {
                return Err(math_error(stringify!($name), "domain error"));
            }
            Ok(Value::float(real::$name(x)))
        }
    )*};
}

for_each_partial!(partial);

/// Functions of two numbers to a float.
macro_rules! binary {
    ($($name:ident($x:ident, $y:ident) = $value:expr;)*) => {$(
        pub fn $name(_: &mut Vm, args: &[Value]) -> Result<Value> {
            Ok(Value::float(real::$name(number_arg(args, 0)?, number_arg(args, 1)?)))
        }
    )*};
}

for_each_of_two!(binary);

macro_rules! predicates {
    ($($name:ident)*) => {$(
        pub fn $name(_: &mut Vm, args: &[Value]) -> Result<Value> {
            Ok(Value::bool(f64::$name(number_arg(args, 0)?)))
        }
    )*};
}

predicates! { is_finite is_nan }

pub fn is_inf(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(number_arg(args, 0)?.is_infinite()))
}

/// An argument that is a number, as it is.
fn operand(args: &[Value], index: usize) -> Result<Value> {
    let value = arg(args, index);
    if is_number(value) { Ok(value) } else { Err(expected_type("float", value)) }
}

fn is_nan_value(value: Value) -> bool {
    value.as_float().is_some_and(f64::is_nan)
}

pub fn abs(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let x = operand(args, 0)?;
    Ok(match x.tag() {
        Tag::Int => Value::int(x.int_bits().wrapping_abs()),
        _ => Value::float(x.float_bits().abs()),
    })
}

pub fn sign(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let x = operand(args, 0)?;
    Ok(Value::int(match compare_numbers(x, Value::int(0)) {
        Some(Ordering::Less) => -1,
        Some(Ordering::Greater) => 1,
        _ => 0,
    }))
}

/// The operand that is wanted, `first` if they are equal, NaN if one is.
fn choose(first: Value, second: Value, wanted: Ordering) -> Value {
    if is_nan_value(first) || is_nan_value(second) {
        return Value::float(f64::NAN);
    }
    if compare_numbers(second, first) == Some(wanted) { second } else { first }
}

pub fn min(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(choose(operand(args, 0)?, operand(args, 1)?, Ordering::Less))
}

pub fn max(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(choose(operand(args, 0)?, operand(args, 1)?, Ordering::Greater))
}

pub fn clamp(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let (x, low, high) = (operand(args, 0)?, operand(args, 1)?, operand(args, 2)?);
    if !matches!(compare_numbers(low, high), Some(Ordering::Less | Ordering::Equal)) {
        return Err(math_error("clamp", "invalid range"));
    }
    Ok(choose(choose(x, low, Ordering::Greater), high, Ordering::Less))
}

pub fn log(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let (x, base) = (number_arg(args, 0)?, number_arg(args, 1)?);
    if base <= 0.0 || base == 1.0 {
        return Err(math_error("log", "invalid base"));
    }
    if !real::is_not_below_or_at_zero(x) {
        return Err(math_error("log", "domain error"));
    }
    Ok(Value::float(real::log(x, base)))
}

pub fn lerp(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::float(real::lerp(number_arg(args, 0)?, number_arg(args, 1)?, number_arg(args, 2)?)))
}

pub fn seed(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    vm.library.random.seed(int_arg(args, 0)?);
    Ok(Value::VOID)
}

/// Random numbers as they are, for native code too.
pub mod random {
    use crate::runtime::vm::Vm;

    pub fn float(vm: &mut Vm) -> f64 {
        vm.library.random.generator(&*vm.io.host).float()
    }

    pub fn bool(vm: &mut Vm) -> bool {
        vm.library.random.generator(&*vm.io.host).bool()
    }

    /// `low` is at most `high`.
    pub fn int(vm: &mut Vm, low: i64, high: i64) -> i64 {
        vm.library.random.generator(&*vm.io.host).int(low, high)
    }

    /// Both limits are finite, and `low` is below `high`.
    pub fn float_between(vm: &mut Vm, low: f64, high: f64) -> f64 {
        vm.library.random.generator(&*vm.io.host).float_between(low, high)
    }
}

pub fn rand_float(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    Ok(Value::float(random::float(vm)))
}

pub fn rand_bool(vm: &mut Vm, _: &[Value]) -> Result<Value> {
    Ok(Value::bool(random::bool(vm)))
}

pub fn rand_int(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (low, high) = (int_arg(args, 0)?, int_arg(args, 1)?);
    if low > high {
        return Err(math_error("rand_int", "invalid range"));
    }
    Ok(Value::int(random::int(vm, low, high)))
}

pub fn rand_range(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (low, high) = (number_arg(args, 0)?, number_arg(args, 1)?);
    if !(low < high && low.is_finite() && high.is_finite()) {
        return Err(math_error("rand_range", "invalid range"));
    }
    Ok(Value::float(random::float_between(vm, low, high)))
}
