//! Methods that sort lists. The list that is sorted is written at the end only, so that after an error it is as it was.

use super::callbacks::push_result;
use super::receiver;
use crate::runtime::builtins::value::{arg, is_number};
use crate::runtime::callback::Callback;
use crate::runtime::error::{Error, Result};
use crate::runtime::methods::sort::{comes_after, merge_sort, sort_floats, sort_keyed, sort_values};
use crate::runtime::methods::with_pins;
use crate::runtime::object::{Gc, List};
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// Sorts in place. A list that the given function changes meanwhile stays as the function left it, and that is an
/// error.
pub fn sort(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let list = receiver(args)?;
    match args.get(1) {
        None => sort_in_place(vm, list)?,
        Some(&by) => sort_calling(vm, list, |vm, copy| sort_by_function(vm, copy, by))?,
    }
    Ok(Value::VOID)
}

/// Sorts in place by what a function makes of each element, called once for each.
pub fn sort_by(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, key) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    sort_calling(vm, list, |vm, copy| {
        let keys = List::new(&mut vm.heap);
        with_pins(vm, Value::from_list(keys), |vm| {
            for index in 0..copy.len() {
                let made = key.call(vm, [copy.get(index)])?;
                push_result(vm, keys, made)?;
            }
            let mut keyed: Vec<(Value, Value)> =
                (0..copy.len()).map(|index| (keys.get(index), copy.get(index))).collect();
            sort_keyed(&vm.heap, &mut keyed)?;
            Ok(keyed.into_iter().map(|(_, item)| item).collect())
        })
    })?;
    Ok(Value::VOID)
}

/// Sorts a list by something that runs Walrus code, which is given a copy that nobody else has: it keeps the elements
/// alive, and tells afterwards whether the list has been changed.
fn sort_calling(vm: &mut Vm, list: Gc<List>, sort: impl FnOnce(&mut Vm, Gc<List>) -> Result<Vec<Value>>) -> Result<()> {
    vm.heap.check_room_for(list.len(), 2 * size_of::<Value>())?;
    let copy = list.copy(&mut vm.heap)?;
    with_pins(vm, Value::from_list(copy), |vm| {
        let sorted = sort(vm, copy)?;
        let same =
            list.len() == copy.len() && (0..list.len()).all(|index| is_same(vm, list.get(index), copy.get(index)));
        if !same {
            return Err(Error::message("List changed during sort"));
        }
        vm.with_memory(|vm| write_back(vm, list, &sorted))
    })
}

/// The elements of a list that nobody else has, in the order that a function says.
fn sort_by_function(vm: &mut Vm, copy: Gc<List>, function: Value) -> Result<Vec<Value>> {
    let (mut items, by) = (copy.to_vec(), Callback::new(vm, function));
    merge_sort(&mut items, |later, earlier| {
        let result = by.call(vm, [earlier, later])?;
        vm.blaming(function, comes_after(result))
    })?;
    Ok(items)
}

/// Whether a program cannot tell that one value has taken the place of the other: values that can change are told by
/// identity.
fn is_same(vm: &mut Vm, a: Value, b: Value) -> bool {
    let identical = a.tag() == b.tag() && a.bits() == b.bits();
    let plain = is_number(a) || matches!(a.tag(), Tag::Str | Tag::Range);
    identical || plain && vm.equal(a, b)
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
    // The program may take elements out of the list while they are sorted; nobody else has the copy, which keeps them
    // alive.
    let copy = list.copy(&mut vm.heap)?;
    with_pins(vm, Value::from_list(copy), |vm| {
        let items = sort_by_function(vm, copy, by)?;
        write_back(vm, copy, &items)
    })?;
    Ok(copy)
}

/// Stores a permutation of a list's elements, which takes no memory since its storage holds each of them.
fn write_back(vm: &mut Vm, list: Gc<List>, items: &[Value]) -> Result<()> {
    debug_assert_eq!(list.len(), items.len());
    items.iter().enumerate().try_for_each(|(index, &item)| list.set(&mut vm.heap, index, item))
}
