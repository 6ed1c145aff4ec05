//! Methods that call a function with each element. They go by index and look at the current length, as `for` does,
//! because the function may change the list; an element that they still need is pinned meanwhile, for the function may
//! take it out.

use super::receiver;
use crate::runtime::builtins::value::{arg, count_value, expected_type};
use crate::runtime::callback::Callback;
use crate::runtime::error::Result;
use crate::runtime::methods::with_pins;
use crate::runtime::object::{Dict, Gc, List};
use crate::runtime::ops::compare;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// Appends to a list that a method makes while it calls Walrus code, and so must get the memory itself.
pub(super) fn push_result(vm: &mut Vm, results: Gc<List>, value: Value) -> Result<()> {
    if results.push(&mut vm.heap, value).is_ok() {
        return Ok(());
    }
    with_pins(vm, value, |vm| vm.with_memory(|vm| results.push(&mut vm.heap, value)))
}

pub fn map(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let results = List::new(&mut vm.heap);
    with_pins(vm, Value::from_list(results), |vm| {
        let mut at = 0;
        while let Some(item) = list.try_get(at) {
            let result = function.call(vm, [item])?;
            push_result(vm, results, result)?;
            at += 1;
        }
        Ok(Value::from_list(results))
    })
}

pub fn filter(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let results = List::new(&mut vm.heap);
    with_pins(vm, Value::from_list(results), |vm| {
        let mut at = 0;
        while let Some(item) = list.try_get(at) {
            // The function may take the item out of the list.
            let keep = with_pins(vm, item, |vm| function.call(vm, [item]))?;
            if vm.truthy(keep) {
                push_result(vm, results, item)?;
            }
            at += 1;
        }
        Ok(Value::from_list(results))
    })
}

/// What the function has made so far is held by the call that it is passed to.
pub fn reduce(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let mut result = arg(args, 2);
    let mut at = 0;
    while let Some(item) = list.try_get(at) {
        result = function.call(vm, [result, item])?;
        at += 1;
    }
    Ok(result)
}

/// The first element, and its index, of which the function says `wanted`.
fn first_judged(vm: &mut Vm, args: &[Value], wanted: bool) -> Result<Option<(usize, Value)>> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let mut at = 0;
    while let Some(item) = list.try_get(at) {
        let verdict = with_pins(vm, item, |vm| function.call(vm, [item]))?;
        if vm.truthy(verdict) == wanted {
            return Ok(Some((at, item)));
        }
        at += 1;
    }
    Ok(None)
}

pub fn any(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(first_judged(vm, args, true)?.is_some()))
}

pub fn all(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(first_judged(vm, args, false)?.is_none()))
}

pub fn find(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(first_judged(vm, args, true)?.map_or(Value::VOID, |(_, item)| item))
}

pub fn find_index(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(first_judged(vm, args, true)?.map_or(Value::int(-1), |(at, _)| count_value(at)))
}

/// Appends the elements of each list that the function makes.
pub fn flat_map(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let results = List::new(&mut vm.heap);
    with_pins(vm, Value::from_list(results), |vm| {
        let mut at = 0;
        while let Some(item) = list.try_get(at) {
            let part = function.call(vm, [item])?;
            let items = part.as_list().ok_or_else(|| expected_type("list", part));
            let items = vm.blaming(arg(args, 1), items)?;
            with_pins(vm, part, |vm| vm.with_memory(|vm| results.extend_from(&mut vm.heap, items)))?;
            at += 1;
        }
        Ok(Value::from_list(results))
    })
}

/// A dict of lists: the elements by what the function makes of them, both in order of first appearance.
pub fn group_by(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let groups = Dict::new(&mut vm.heap);
    with_pins(vm, Value::from_dict(groups), |vm| {
        let mut at = 0;
        while let Some(item) = list.try_get(at) {
            with_pins(vm, item, |vm| {
                let key = function.call(vm, [item])?;
                with_pins(vm, key, |vm| {
                    let added = add_to_group(vm, groups, key, item);
                    vm.blaming(arg(args, 1), added)
                })
            })?;
            at += 1;
        }
        Ok(Value::from_dict(groups))
    })
}

fn add_to_group(vm: &mut Vm, groups: Gc<Dict>, key: Value, item: Value) -> Result<()> {
    if let Some(group) = groups.get(&vm.heap, key)?.and_then(|group| group.as_list()) {
        return push_result(vm, group, item);
    }
    vm.with_memory(|vm| {
        let group = List::from_values(&mut vm.heap, &[item])?;
        groups.insert(&mut vm.heap, key, Value::from_list(group)).map(|_| ())
    })
}

/// The first element whose key no other comes before; `before` compares the keys of a later element and the best so
/// far.
fn best_by(vm: &mut Vm, args: &[Value], before: impl Fn(&Vm, Value, Value) -> Result<bool>) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let Some(first) = list.try_get(0) else { return Ok(Value::VOID) };
    let mark = vm.pin(first);
    let search = |vm: &mut Vm| {
        let (mut best, mut best_key) = (first, function.call(vm, [first])?);
        vm.pin(best_key);
        let mut at = 1;
        while let Some(item) = list.try_get(at) {
            let key = with_pins(vm, item, |vm| function.call(vm, [item]))?;
            if before(vm, key, best_key)? {
                (best, best_key) = (item, key);
                vm.unpin_to(mark);
                vm.pin(best);
                vm.pin(best_key);
            }
            at += 1;
        }
        Ok(best)
    };
    let best = search(vm);
    vm.unpin_to(mark);
    best
}

pub fn min_by(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    best_by(vm, args, |vm, key, best| compare::less(&vm.heap, key, best))
}

pub fn max_by(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    best_by(vm, args, |vm, key, best| compare::less(&vm.heap, best, key))
}
