//! Methods of dicts. What they list is in insertion order.

use super::sort::sort_keyed;
use super::with_pins;
use crate::runtime::builtins::value::{arg, count_value, expected_type, list};
use crate::runtime::callback::Callback;
use crate::runtime::error::{Error, Result};
use crate::runtime::object::{Dict, Gc, List, Tuple};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<Dict>> {
    let value = arg(args, 0);
    value.as_dict().ok_or_else(|| expected_type("dict", value))
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count_value(receiver(args)?.len()))
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

/// The value there, after inserting the default if there was none.
pub fn get_or_insert(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (dict, key, default) = (receiver(args)?, arg(args, 1), arg(args, 2));
    if let Some(value) = dict.get(&vm.heap, key)? {
        return Ok(value);
    }
    dict.insert(&mut vm.heap, key, default)?;
    Ok(default)
}

/// Calls a function with each key and value, and hands both and its result on, pinned. A dict whose keys change
/// meanwhile is an error, as in a loop.
fn for_each_result(
    vm: &mut Vm,
    args: &[Value],
    mut take: impl FnMut(&mut Vm, Value, Value, Value) -> Result<()>,
) -> Result<()> {
    let (dict, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let version = dict.key_version();
    let mut position = 0;
    while let Some((next, key, value)) = dict.next_entry(position) {
        position = next;
        let mark = vm.pin(key);
        vm.pin(value);
        let taken = function.call(vm, [key, value]).and_then(|result| {
            if dict.key_version() != version {
                return Err(Error::message("Dict changed size during iteration"));
            }
            vm.pin(result);
            take(vm, key, value, result)
        });
        vm.unpin_to(mark);
        taken?;
    }
    Ok(())
}

/// Inserts into a dict that a method makes while it calls Walrus code. All three are pinned.
fn insert_result(vm: &mut Vm, results: Gc<Dict>, key: Value, value: Value) -> Result<()> {
    vm.with_memory(|vm| results.insert(&mut vm.heap, key, value).map(|_| ()))
}

pub fn map_values(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let results = Dict::new(&mut vm.heap);
    with_pins(vm, Value::from_dict(results), |vm| {
        for_each_result(vm, args, |vm, key, _, made| insert_result(vm, results, key, made))
    })?;
    Ok(Value::from_dict(results))
}

pub fn filter(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let results = Dict::new(&mut vm.heap);
    with_pins(vm, Value::from_dict(results), |vm| {
        for_each_result(
            vm,
            args,
            |vm, key, value, kept| {
                if vm.truthy(kept) { insert_result(vm, results, key, value) } else { Ok(()) }
            },
        )
    })?;
    Ok(Value::from_dict(results))
}

/// A new dict of the same entries, ordered stably by what the function makes of them.
pub fn sort_by(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    // Keys by which the entries are sorted, keys and values of the dict.
    let held = [(); 3].map(|()| List::new(&mut vm.heap));
    let mark = vm.pin(Value::from_list(held[0]));
    vm.pin(Value::from_list(held[1]));
    vm.pin(Value::from_list(held[2]));
    let sorted = for_each_result(vm, args, |vm, key, value, by| {
        [by, key, value]
            .into_iter()
            .zip(held)
            .try_for_each(|(part, list)| vm.with_memory(|vm| list.push(&mut vm.heap, part)))
    })
    .and_then(|()| vm.with_memory(|vm| sorted_entries(vm, held)));
    vm.unpin_to(mark);
    sorted
}

fn sorted_entries(vm: &mut Vm, [order, keys, values]: [Gc<List>; 3]) -> Result<Value> {
    vm.heap.check_room_for(keys.len(), 3 * size_of::<Value>())?;
    let mut entries: Vec<(Value, usize)> = (0..keys.len()).map(|index| (order.get(index), index)).collect();
    sort_keyed(&vm.heap, &mut entries)?;
    let sorted = Dict::with_capacity(&mut vm.heap, entries.len())?;
    for (_, index) in entries {
        sorted.insert(&mut vm.heap, keys.get(index), values.get(index))?;
    }
    Ok(Value::from_dict(sorted))
}
