//! Methods of tuples.

use crate::runtime::builtins::value::{arg, count_value, expected_type};
use crate::runtime::error::Result;
use crate::runtime::object::{Gc, Tuple};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<Tuple>> {
    let value = arg(args, 0);
    value.as_tuple().ok_or_else(|| expected_type("tuple", value))
}

fn position(vm: &mut Vm, args: &[Value]) -> Result<Option<usize>> {
    let wanted = arg(args, 1);
    let tuple = receiver(args)?;
    Ok(tuple.items().iter().position(|&item| vm.equal(item, wanted)))
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count_value(receiver(args)?.len()))
}

pub fn contains(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(position(vm, args)?.is_some()))
}

pub fn index_of(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(position(vm, args)?.map_or(Value::int(-1), count_value))
}
