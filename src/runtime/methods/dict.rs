//! Methods of dicts. What they list is in insertion order.

use crate::runtime::builtins::value::{arg, count, expected_type, list};
use crate::runtime::error::Result;
use crate::runtime::object::{Dict, Gc, Tuple};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<Dict>> {
    let value = arg(args, 0);
    value.as_dict().ok_or_else(|| expected_type("dict", value))
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count(receiver(args)?.len()))
}

pub fn keys(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let keys: Vec<Value> = receiver(args)?.entries(&vm.heap).map(|(key, _)| key).collect();
    list(vm, &keys)
}

pub fn values(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let values: Vec<Value> = receiver(args)?.entries(&vm.heap).map(|(_, value)| value).collect();
    list(vm, &values)
}

pub fn items(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let dict = receiver(args)?;
    // A tuple of two takes three values' space.
    vm.heap.check_room_for(dict.len(), 4 * size_of::<Value>())?;
    let entries: Vec<(Value, Value)> = dict.entries(&vm.heap).collect();
    let items: Vec<Value> =
        entries.into_iter().map(|(key, value)| Value::from_tuple(Tuple::new(&mut vm.heap, &[key, value]))).collect();
    list(vm, &items)
}

pub fn contains(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(receiver(args)?.contains(&vm.heap, arg(args, 1))?))
}

pub fn get(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let found = receiver(args)?.get(&vm.heap, arg(args, 1))?;
    Ok(found.unwrap_or_else(|| arg(args, 2)))
}

pub fn remove(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let removed = receiver(args)?.remove(&mut vm.heap, arg(args, 1))?;
    Ok(removed.unwrap_or(Value::VOID))
}

pub fn clear(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    receiver(args)?.clear(&mut vm.heap);
    Ok(Value::VOID)
}

pub fn copy(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::from_dict(receiver(args)?.copy(&mut vm.heap)?))
}
