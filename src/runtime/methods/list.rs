//! Methods of lists.
//!
//! Methods that look at all elements have a loop of their own for each unboxed storage. Those that call a function go by index and
//! look at the current length, as `for` does, because the function may change the list.

use std::cmp::Ordering;

use super::sort::{comes_after, merge_sort, sort_floats, sort_values};
use super::with_pins;
use crate::bytecode::numeric;
use crate::runtime::builtins::value::{arg, compare_numbers, count, expected_type, int_arg, is_number, str_arg};
use crate::runtime::error::{Error, Result};
use crate::runtime::object::{Gc, List, Storage, Tuple};
use crate::runtime::operators::{BinaryOp, OrderOp};
use crate::runtime::ops::index::{out_of_bounds, resolve_index};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

fn receiver(args: &[Value]) -> Result<Gc<List>> {
    let value = arg(args, 0);
    value.as_list().ok_or_else(|| expected_type("list", value))
}

pub fn push(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    receiver(args)?.push(&mut vm.heap, arg(args, 1))?;
    Ok(Value::VOID)
}

pub fn pop(_: &mut Vm, args: &[Value]) -> Result<Value> {
    receiver(args)?.pop().ok_or_else(|| Error::message("Cannot pop from an empty list"))
}

pub fn len(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(count(receiver(args)?.len()))
}

pub fn clear(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    receiver(args)?.clear(&mut vm.heap);
    Ok(Value::VOID)
}

pub fn reverse(_: &mut Vm, args: &[Value]) -> Result<Value> {
    receiver(args)?.reverse();
    Ok(Value::VOID)
}

/// Where the first element equal to the argument stands.
fn position(vm: &mut Vm, args: &[Value]) -> Result<Option<usize>> {
    let list = receiver(args)?;
    let wanted = arg(args, 1);
    let heap = &vm.heap;
    if let Some(ints) = list.as_ints(heap) {
        return Ok(match wanted.tag() {
            Tag::Int => ints.iter().position(|&int| int == wanted.int_bits()),
            Tag::Float => ints.iter().position(|&int| numeric::int_eq_float(int, wanted.float_bits())),
            _ => None,
        });
    }
    if let Some(floats) = list.as_floats(heap) {
        return Ok(match wanted.tag() {
            Tag::Float => floats.iter().position(|&float| float == wanted.float_bits()),
            Tag::Int => floats.iter().position(|&float| numeric::int_eq_float(wanted.int_bits(), float)),
            _ => None,
        });
    }
    Ok((0..list.len()).find(|&at| vm.equal(list.get(at), wanted)))
}

pub fn contains(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(position(vm, args)?.is_some()))
}

pub fn index_of(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(position(vm, args)?.map_or(Value::int(-1), count))
}

/// Inserts before the element that the index names; the length itself names the end.
pub fn insert(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    let (index, len) = (int_arg(args, 1)?, list.len());
    let at = if usize::try_from(index) == Ok(len) { len } else { resolve_index(index, len)? };
    list.insert(&mut vm.heap, at, arg(args, 2))?;
    Ok(Value::VOID)
}

pub fn remove(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    let index = int_arg(args, 1)?;
    if list.is_empty() {
        return Err(out_of_bounds(index, 0));
    }
    Ok(list.remove(resolve_index(index, list.len())?))
}

/// Sorts in place. A list that the given function changes meanwhile ends up with the elements that it had at the start.
pub fn sort(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    let Some(&by) = args.get(1) else {
        sort_in_place(vm, list)?;
        return Ok(Value::VOID);
    };
    let sorted = sorted_by(vm, list, by)?;
    with_pins(vm, Value::from_list(sorted), |vm| {
        vm.with_memory(|vm| {
            list.truncate(0);
            list.extend_from(&mut vm.heap, sorted)
        })
    })?;
    Ok(Value::VOID)
}

pub fn sorted(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    if let Some(&by) = args.get(1) {
        return sorted_by(vm, list, by).map(Value::from_list);
    }
    let copy = list.copy(&mut vm.heap)?;
    sort_in_place(vm, copy)?;
    Ok(Value::from_list(copy))
}

/// Sorts by `<`; after an error the list is as it was.
fn sort_in_place(vm: &mut Vm, list: Gc<List>) -> Result<()> {
    if let Some(ints) = list.as_ints_mut(&mut vm.heap) {
        ints.sort_unstable();
        return Ok(());
    }
    if let Some(floats) = list.as_floats_mut(&mut vm.heap) {
        sort_floats(floats);
        return Ok(());
    }
    vm.heap.check_room_for(list.len(), size_of::<Value>())?;
    let mut items = list.to_vec();
    sort_values(&vm.heap, &mut items)?;
    write_back(vm, list, &items)
}

/// A sorted copy. The order is what `by` says, called with an earlier and a later element.
fn sorted_by(vm: &mut Vm, list: Gc<List>, by: Value) -> Result<Gc<List>> {
    vm.heap.check_room_for(list.len(), 2 * size_of::<Value>())?;
    // The program may take elements out of the list while they are sorted; nobody else has the copy, which keeps them alive.
    let copy = list.copy(&mut vm.heap)?;
    with_pins(vm, Value::from_list(copy), |vm| {
        let mut items = copy.to_vec();
        merge_sort(&mut items, |later, earlier| comes_after(vm.call(by, &[earlier, later])?))?;
        write_back(vm, copy, &items)
    })?;
    Ok(copy)
}

/// Stores a permutation of a list's elements, which takes no memory since its storage holds each of them.
fn write_back(vm: &mut Vm, list: Gc<List>, items: &[Value]) -> Result<()> {
    debug_assert_eq!(list.len(), items.len());
    items.iter().enumerate().try_for_each(|(at, &item)| list.set(&mut vm.heap, at, item))
}

/// Appends to a list that a method makes while it calls Walrus code, and so must get the memory itself.
fn push_result(vm: &mut Vm, results: Gc<List>, value: Value) -> Result<()> {
    if results.push(&mut vm.heap, value).is_ok() {
        return Ok(());
    }
    with_pins(vm, value, |vm| vm.with_memory(|vm| results.push(&mut vm.heap, value)))
}

pub fn map(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, arg(args, 1));
    let results = List::new(&mut vm.heap);
    with_pins(vm, Value::from_list(results), |vm| {
        let mut at = 0;
        while let Some(item) = list.try_get(at) {
            let result = vm.call(function, &[item])?;
            push_result(vm, results, result)?;
            at += 1;
        }
        Ok(Value::from_list(results))
    })
}

pub fn filter(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, arg(args, 1));
    let results = List::new(&mut vm.heap);
    with_pins(vm, Value::from_list(results), |vm| {
        let mut at = 0;
        while let Some(item) = list.try_get(at) {
            // The function may take the item out of the list.
            let keep = with_pins(vm, item, |vm| vm.call(function, &[item]))?;
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
    let (list, function) = (receiver(args)?, arg(args, 1));
    let mut result = arg(args, 2);
    let mut at = 0;
    while let Some(item) = list.try_get(at) {
        result = vm.call(function, &[result, item])?;
        at += 1;
    }
    Ok(result)
}

pub fn join(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, separator) = (receiver(args)?, str_arg(args, 1)?);
    // Long texts may occur many times over: what cannot fit is refused before any of it is made.
    let separators = list.len().saturating_sub(1).saturating_mul(separator.byte_len());
    let texts = (0..list.len()).filter_map(|at| list.get(at).as_str().map(|text| text.byte_len()));
    let known = texts.fold(separators, usize::saturating_add);
    vm.heap.check_room(known)?;
    let mut joined = String::with_capacity(known);
    let mut digits = itoa::Buffer::new();
    for at in 0..list.len() {
        if at > 0 {
            joined.push_str(separator.as_str());
        }
        let item = list.get(at);
        if let Some(text) = item.as_str() {
            joined.push_str(text.as_str());
        } else if let Some(int) = item.as_int() {
            joined.push_str(digits.format(int));
        } else {
            joined.push_str(&vm.text(item)?);
            vm.heap.check_room(joined.len())?;
        }
    }
    vm.string(&joined)
}

/// Appends what `for` would give, all of it or, after an error, nothing.
pub fn extend(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, iterable) = (receiver(args)?, arg(args, 1));
    if iterable.tag() == Tag::Instance {
        let items = List::new(&mut vm.heap);
        with_pins(vm, Value::from_list(items), |vm| {
            collect_from_instance(vm, iterable, items)?;
            vm.with_memory(|vm| list.extend_from(&mut vm.heap, items))
        })?;
    } else {
        let items = items_of(vm, iterable)?;
        list.extend_from(&mut vm.heap, items)?;
    }
    Ok(Value::VOID)
}

/// Appends the items of a struct instance to a list that is pinned.
fn collect_from_instance(vm: &mut Vm, instance: Value, items: Gc<List>) -> Result<()> {
    let iterator = vm.instance_iterator(instance)?;
    with_pins(vm, iterator, |vm| {
        if iterator.tag() != Tag::Instance {
            return vm.with_memory(|vm| {
                let all = items_of(vm, iterator)?;
                items.extend_from(&mut vm.heap, all)
            });
        }
        while let Some(item) = vm.next_of_instance(iterator)? {
            push_result(vm, items, item)?;
        }
        Ok(())
    })
}

/// The items of an iterable whose iteration runs no Walrus code: a list itself, a new list for others.
fn items_of(vm: &mut Vm, iterable: Value) -> Result<Gc<List>> {
    if let Some(list) = iterable.as_list() {
        return Ok(list);
    }
    if let Some(tuple) = iterable.as_tuple() {
        return List::from_values(&mut vm.heap, tuple.items());
    }
    if let Some(range) = iterable.as_range() {
        let list =
            List::with_capacity(&mut vm.heap, Storage::Ints, usize::try_from(range.len()).unwrap_or(usize::MAX))?;
        (range.start..range.end).try_for_each(|int| list.push(&mut vm.heap, Value::int(int)))?;
        return Ok(list);
    }
    if let Some(text) = iterable.as_str() {
        vm.heap.check_room_for(text.char_len(), size_of::<Value>())?;
        let chars: Vec<Value> = text.as_str().chars().map(|char| Value::from_str(vm.heap.char_str(char))).collect();
        return List::from_values(&mut vm.heap, &chars);
    }
    if let Some(dict) = iterable.as_dict() {
        vm.heap.check_room_for(dict.len(), size_of::<Value>())?;
        let entries: Vec<(Value, Value)> = dict.entries(&vm.heap).collect();
        let items: Vec<Value> = entries
            .into_iter()
            .map(|(key, value)| Value::from_tuple(Tuple::new(&mut vm.heap, &[key, value])))
            .collect();
        return List::from_values(&mut vm.heap, &items);
    }
    let items = if iterable.tag() == Tag::Module { vm.module_items(iterable)?.as_list() } else { None };
    items.ok_or_else(|| Error::message(format!("Type '{}' is not iterable", iterable.tag().type_name())))
}

pub fn copy(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::from_list(receiver(args)?.copy(&mut vm.heap)?))
}

pub fn first(_: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(receiver(args)?.try_get(0).unwrap_or(Value::VOID))
}

pub fn last(_: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    Ok(list.len().checked_sub(1).and_then(|last| list.try_get(last)).unwrap_or(Value::VOID))
}

/// `0 + first + second + …`
pub fn sum(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    if let Some(ints) = list.as_ints(&vm.heap) {
        return Ok(Value::int(ints.iter().fold(0, |sum, &int| sum.wrapping_add(int))));
    }
    if let Some(floats) = list.as_floats(&vm.heap) {
        // Not `sum`, which starts from -0.0. The order of additions is part of the result.
        return Ok(Value::float(floats.iter().fold(0.0, |sum, &float| sum + float)));
    }
    let mut sum = Value::int(0);
    for at in 0..list.len() {
        sum = vm.binary(BinaryOp::Add, sum, list.get(at))?;
    }
    Ok(sum)
}

/// The first element that no later one comes before in the order wanted; void if there is none.
fn extreme(vm: &mut Vm, args: &[Value], wanted: Ordering) -> Result<Value> {
    let list = receiver(args)?;
    let Some(mut best) = list.try_get(0) else { return Ok(Value::VOID) };
    if let Some(ints) = list.as_ints(&vm.heap) {
        let best = if wanted == Ordering::Less { ints.iter().min() } else { ints.iter().max() };
        return Ok(best.map_or(Value::VOID, |&best| Value::int(best)));
    }
    if let Some(floats) = list.as_floats(&vm.heap) {
        let choose = |best: f64, float: f64| if float.partial_cmp(&best) == Some(wanted) { float } else { best };
        return Ok(floats.iter().copied().reduce(choose).map_or(Value::VOID, Value::float));
    }
    let operator = if wanted == Ordering::Less { OrderOp::Lt } else { OrderOp::Gt };
    for at in 1..list.len() {
        let item = list.get(at);
        let better = if is_number(item) && is_number(best) {
            compare_numbers(item, best) == Some(wanted)
        } else {
            vm.ordering(operator, item, best)?
        };
        if better {
            best = item;
        }
    }
    Ok(best)
}

pub fn min(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    extreme(vm, args, Ordering::Less)
}

pub fn max(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    extreme(vm, args, Ordering::Greater)
}
