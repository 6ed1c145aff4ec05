//! Methods of lists: those that call a function in [`callbacks`], those that sort in [`order`], the others here.
//!
//! Methods that look at all elements have a loop of their own for each unboxed storage.

mod callbacks;
mod order;

use std::cmp::Ordering;

use self::callbacks::push_result;
pub use self::callbacks::{
    Reached, after_item, all, any, filter, find, find_index, flat_map, go_on, group_by, map, max_by, min_by, reduce,
};
pub use self::order::{sort, sort_by, sorted};
use super::with_pins;
use crate::bytecode::numeric;
use crate::runtime::builtins::value::{
    arg, compare_numbers, count_value, expected_type, int_arg, is_number, list as list_value, list_arg, str_arg,
};
use crate::runtime::error::{Error, Result};
use crate::runtime::object::{Dict, Gc, List, Storage, Tuple};
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
    Ok(count_value(receiver(args)?.len()))
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
    Ok((0..list.len()).find(|&index| vm.equal(list.get(index), wanted)))
}

pub fn contains(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(Value::bool(position(vm, args)?.is_some()))
}

pub fn index_of(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    Ok(position(vm, args)?.map_or(Value::int(-1), count_value))
}

/// Inserts before the element that the index names; the length itself names the end.
pub fn insert(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    let (index, len) = (int_arg(args, 1)?, list.len());
    let place = if usize::try_from(index) == Ok(len) { len } else { resolve_index(index, len)? };
    list.insert(&mut vm.heap, place, arg(args, 2))?;
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

pub fn join(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, separator) = (receiver(args)?, str_arg(args, 1)?);
    // Long texts may occur many times over: what cannot fit is refused before any of it is made.
    let separators = list.len().saturating_sub(1).saturating_mul(separator.byte_len());
    let texts = (0..list.len()).filter_map(|index| list.get(index).as_str().map(|text| text.byte_len()));
    let known = texts.fold(separators, usize::saturating_add);
    vm.heap.check_room(known)?;
    let mut joined = String::with_capacity(known);
    let mut digits = itoa::Buffer::new();
    for index in 0..list.len() {
        if index > 0 {
            joined.push_str(separator.as_str());
        }
        let item = list.get(index);
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
        let list = List::with_capacity(
            &mut vm.heap,
            Storage::Ints,
            range.len().and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX),
        )?;
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
    // How a list without items keeps them is nobody's business: the sum is an int then.
    if let Some(floats) = list.as_floats(&vm.heap).filter(|floats| !floats.is_empty()) {
        // Not `sum`, which starts from -0.0. The order of additions is part of the result.
        return Ok(Value::float(floats.iter().fold(0.0, |sum, &float| sum + float)));
    }
    let mut sum = Value::int(0);
    for index in 0..list.len() {
        sum = vm.binary(BinaryOp::Add, sum, list.get(index))?;
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
    for index in 1..list.len() {
        let item = list.get(index);
        let better = if is_number(item) && is_number(best) {
            compare_numbers(item, best) == Some(wanted)
        } else {
            // Whatever is wanted, `<` is what orders items: an error names it.
            let [lower, upper] = if wanted == Ordering::Less { [item, best] } else { [best, item] };
            vm.ordering(OrderOp::Lt, lower, upper)?
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

/// How many elements equal the argument.
pub fn count(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, wanted) = (receiver(args)?, arg(args, 1));
    let mut found = 0;
    for index in 0..list.len() {
        found += usize::from(vm.equal(list.get(index), wanted));
    }
    Ok(count_value(found))
}

pub fn reversed(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let copy = receiver(args)?.copy(&mut vm.heap)?;
    copy.reverse();
    Ok(Value::from_list(copy))
}

/// The first of those elements that are one dict key.
pub fn unique(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    let (seen, kept) = (Dict::new(&mut vm.heap), List::new(&mut vm.heap));
    for index in 0..list.len() {
        let item = list.get(index);
        if seen.insert(&mut vm.heap, item, Value::VOID)?.is_none() {
            kept.push(&mut vm.heap, item)?;
        }
    }
    Ok(Value::from_list(kept))
}

/// Pairs of one element from each of two sources, as many as `len`.
fn pairs(vm: &mut Vm, len: usize, mut pair: impl FnMut(usize) -> [Value; 2]) -> Result<Value> {
    // A tuple of two takes three values' space, and its place in the list another.
    vm.heap.check_room_for(len, 4 * size_of::<Value>())?;
    let pairs: Vec<Value> = (0..len).map(|index| Value::from_tuple(Tuple::new(&mut vm.heap, &pair(index)))).collect();
    list_value(vm, &pairs)
}

pub fn zip(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, other) = (receiver(args)?, list_arg(args, 1)?);
    pairs(vm, list.len().min(other.len()), |index| [list.get(index), other.get(index)])
}

pub fn enumerate(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    pairs(vm, list.len(), |index| [count_value(index), list.get(index)])
}

/// Pieces of `n` elements, the last of which may have fewer.
pub fn chunks(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, size) = (receiver(args)?, int_arg(args, 1)?);
    if size < 1 {
        return Err(Error::message("Chunk size must be at least 1"));
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // Each piece is an object with a buffer of its own.
    vm.heap.check_room_for(list.len().div_ceil(size), size_of::<List>() + size_of::<Value>())?;
    vm.heap.check_room_for(list.len(), list.storage().element_size())?;
    let mut pieces = Vec::with_capacity(list.len().div_ceil(size));
    let mut start = 0;
    while start < list.len() {
        let end = start.saturating_add(size).min(list.len());
        pieces.push(Value::from_list(list.slice(&mut vm.heap, start, end)?));
        start = end;
    }
    list_value(vm, &pieces)
}
