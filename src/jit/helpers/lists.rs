//! Helpers that take from lists, and make lists of others. As those of [`objects`](super::objects), they collect
//! nothing, and have no effect if they cannot do their work.

use super::passed::Status;
use crate::runtime::error::Result;
use crate::runtime::object::{Gc, List};
use crate::runtime::ops::{arith, index};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// Makes a list, unless a collection is due.
fn make(vm: &mut Vm, make: impl FnOnce(&mut Vm) -> Result<Value>) -> Option<Gc<List>> {
    if vm.heap.should_collect() { None } else { make(vm).ok()?.as_list() }
}

pub(super) fn list_slice(vm: &mut Vm, list: Gc<List>, start: i64, end: i64) -> Option<Gc<List>> {
    make(vm, |vm| {
        let (start, end) = index::resolve_range(start, end, list.len())?;
        list.slice(&mut vm.heap, start, end).map(Value::from_list)
    })
}

pub(super) fn list_concat(vm: &mut Vm, left: Gc<List>, right: Gc<List>) -> Option<Gc<List>> {
    make(vm, |vm| arith::add(&mut vm.heap, Value::from_list(left), Value::from_list(right)))
}

pub(super) fn list_repeat(vm: &mut Vm, list: Gc<List>, count: i64) -> Option<Gc<List>> {
    make(vm, |vm| arith::mul(&mut vm.heap, Value::from_list(list), Value::int(count)))
}

pub(super) fn list_filled(vm: &mut Vm, value: Value, count: i64) -> Option<Gc<List>> {
    let count = usize::try_from(count).unwrap_or(0);
    make(vm, |vm| List::filled(&mut vm.heap, value, count).map(Value::from_list))
}

pub(super) fn list_item(vm: &mut Vm, list: Gc<List>, index: i64) -> Status {
    let Ok(position) = index::resolve_index(index, list.len()) else { return Status::Leave };
    vm.set_native_result(list.get(position));
    Status::Next
}

pub(super) fn list_pop(vm: &mut Vm, list: Gc<List>) -> Status {
    let Some(last) = list.pop() else { return Status::Leave };
    vm.set_native_result(last);
    Status::Next
}
