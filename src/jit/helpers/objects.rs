//! Helpers for strings, dicts and iteration: direct forms of single instructions.
//!
//! None of them looks at the frame but for the registers that it is given, and none collects garbage. One that cannot
//! do its work (a key that is not there, memory that is short, an error) has no effect and says so: the code is left,
//! and the interpreter executes the instruction. The exception is printing, whose error is kept, as the text may have
//! been written in part.

use super::passed::{Registers, Status, Truth};
use super::status;
use crate::bytecode::op::HeapUse;
use crate::runtime::error::Result;
use crate::runtime::object::{Dict, Gc, Str};
use crate::runtime::ops::index::resolve_range;
use crate::runtime::ops::{self, compare, equal};
use crate::runtime::step::Stepped;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

pub(super) fn str_concat(vm: &mut Vm, left: Gc<Str>, right: Gc<Str>) -> Option<Gc<Str>> {
    if vm.heap.should_collect() {
        return None;
    }
    Str::concat(&mut vm.heap, left, right).ok()
}

pub(super) fn str_equal(left: Gc<Str>, right: Gc<Str>) -> Truth {
    left.is_same(&right).into()
}

pub(super) fn truthy(vm: &mut Vm, value: Value) -> Truth {
    ops::truthy(value, vm.image()).into()
}

pub(super) fn equal(vm: &mut Vm, left: Value, right: Value) -> Truth {
    equal::equal(&vm.heap, left, right).into()
}

pub(super) fn less(vm: &mut Vm, left: Value, right: Value) -> Status {
    compare::less(&vm.heap, left, right).map_or(Status::Leave, Status::jumps_if)
}

pub(super) fn less_equal(vm: &mut Vm, left: Value, right: Value) -> Status {
    compare::less_equal(&vm.heap, left, right).map_or(Status::Leave, Status::jumps_if)
}

pub(super) fn str_compare(left: Gc<Str>, right: Gc<Str>) -> i64 {
    left.as_str().cmp(right.as_str()) as i64
}

pub(super) fn str_len(text: Gc<Str>) -> i64 {
    text.char_len() as i64
}

pub(super) fn str_index(vm: &mut Vm, text: Gc<Str>, index: i64) -> Option<Gc<Str>> {
    if vm.heap.should_collect() {
        return None;
    }
    let len = text.char_len() as i64;
    let position = if index < 0 { index.wrapping_add(len) } else { index };
    if position < 0 || position >= len {
        return None;
    }
    let char = text.locate_char(&vm.heap, position as usize)?;
    Some(vm.heap.char_str(char))
}

pub(super) fn str_slice(vm: &mut Vm, text: Gc<Str>, start: i64, end: i64) -> Option<Gc<Str>> {
    if vm.heap.should_collect() {
        return None;
    }
    let len = text.char_len();
    let (start, end) = match (start as usize, end as usize) {
        (start, end) if start <= end && end <= len => (start, end),
        _ => resolve_range(start, end, len).ok()?,
    };
    text.slice(&mut vm.heap, start, end).ok().flatten()
}

pub(super) fn char_str(vm: &mut Vm, number: i64) -> Option<Gc<Str>> {
    let char = u32::try_from(number).ok().and_then(char::from_u32)?;
    if vm.heap.should_collect() {
        return None;
    }
    Some(vm.heap.char_str(char))
}

pub(super) fn call_method(vm: &mut Vm, row: u64, args: Registers, heap: u64) -> Status {
    call(vm, "call_method", heap, |vm| vm.call_method_for_native(row as usize, args.values()))
}

pub(super) fn call_library(vm: &mut Vm, row: u64, args: Registers, heap: u64) -> Status {
    call(vm, "call_library", heap, |vm| vm.call_library_for_native(row as usize, args.values()))
}

fn call(vm: &mut Vm, name: &'static str, heap: u64, run: impl FnOnce(&mut Vm) -> Result<Value>) -> Status {
    if vm.heap.should_collect() {
        return Status::Leave;
    }
    let called = vm.keeping_to(name, HeapUse::from_bits(heap as u8), run);
    if let Ok(result) = called {
        vm.set_native_result(result);
    }
    status(vm, called.map(|_| Stepped::Next))
}

pub(super) fn make_dict(vm: &mut Vm, pairs: Registers) -> Option<Gc<Dict>> {
    if vm.heap.should_collect() {
        return None;
    }
    vm.make_dict(pairs.values()).ok()?.as_dict()
}

pub(super) fn concat(vm: &mut Vm, parts: Registers) -> Option<Gc<Str>> {
    if vm.heap.should_collect() {
        return None;
    }
    vm.concat_texts(parts.values()).ok()?.as_str()
}

pub(super) fn print(vm: &mut Vm, pc: u64, values: Registers, newline: u64) -> Status {
    let printed = vm.print(values.values(), newline != 0);
    if printed.is_err() {
        vm.set_pc_behind(pc as u32);
    }
    status(vm, printed.map(|()| Stepped::Next))
}

pub(super) fn dict_get(vm: &mut Vm, dict: Gc<Dict>, key: Value) -> Status {
    let Ok(Some(value)) = dict.get(&vm.heap, key) else { return Status::Leave };
    vm.set_native_result(value);
    Status::Next
}

pub(super) fn dict_get_or(vm: &mut Vm, dict: Gc<Dict>, key: Value, default: Value) -> Status {
    let Ok(found) = dict.get(&vm.heap, key) else { return Status::Leave };
    vm.set_native_result(found.unwrap_or(default));
    Status::Next
}

/// What [`dict_find`] gives for what cannot be a key.
pub const NO_KEY: u64 = 1;

pub(super) fn dict_find(vm: &mut Vm, dict: Gc<Dict>, key: Value) -> u64 {
    dict.find_listed(&vm.heap, key).map_or(NO_KEY, |found| found.map_or(0, |value| value.as_ptr() as u64))
}

pub(super) fn dict_find_str(vm: &mut Vm, dict: Gc<Dict>, key: Gc<Str>) -> u64 {
    dict.find_listed_str(&vm.heap, key).map_or(0, |value| value.as_ptr() as u64)
}

pub(super) fn dict_add(vm: &mut Vm, dict: Gc<Dict>, key: Value, value: Value) -> Status {
    if vm.heap.should_collect() {
        return Status::Leave;
    }
    dict.add(&mut vm.heap, key, value).map_or(Status::Leave, |()| Status::Next)
}

pub(super) fn dict_contains(vm: &mut Vm, dict: Gc<Dict>, key: Value) -> Status {
    dict.contains(&vm.heap, key).map_or(Status::Leave, Status::jumps_if)
}

pub(super) fn contains(vm: &mut Vm, value: Value, item: Value) -> Status {
    vm.is_member(value, item).map_or(Status::Leave, Status::jumps_if)
}

pub(super) fn dict_has_name(vm: &mut Vm, dict: Gc<Dict>, name: Gc<Str>) -> Truth {
    dict.get_str(&vm.heap, name).is_some().into()
}

pub(super) fn dict_set(vm: &mut Vm, dict: Gc<Dict>, key: Value, value: Value) -> Status {
    if vm.heap.should_collect() {
        return Status::Leave;
    }
    dict.insert(&mut vm.heap, key, value).map_or(Status::Leave, |_| Status::Next)
}

pub(super) fn dict_next(dict: Gc<Dict>, position: u64) -> u64 {
    dict.next_entry(position as usize).map_or(u64::MAX, |(behind, ..)| behind as u64 - 1)
}

pub(super) fn start_items(vm: &mut Vm, state: Window) -> Status {
    iterate(vm, state, true, false)
}

pub(super) fn next_item(vm: &mut Vm, state: Window) -> Status {
    iterate(vm, state, false, false)
}

pub(super) fn start_pairs(vm: &mut Vm, state: Window) -> Status {
    iterate(vm, state, true, true)
}

pub(super) fn next_pair(vm: &mut Vm, state: Window) -> Status {
    iterate(vm, state, false, true)
}

/// A step of an iteration. The first one jumps if there is no item, the others if there is one.
fn iterate(vm: &mut Vm, state: Window, starts: bool, pairs: bool) -> Status {
    if vm.heap.should_collect() {
        return Status::Leave;
    }
    vm.without_collections(|vm| vm.iterate_at(state, starts, pairs))
        .map_or(Status::Leave, |found| Status::jumps_if(found != starts))
}
