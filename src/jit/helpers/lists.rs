//! Helpers that take from lists, and make lists of others. As those of [`objects`](super::objects), they collect
//! nothing, and have no effect if they cannot do their work.

use super::objects::{NONE, object};
use super::{Helper, LEAVE, NEXT, with_vm};
use crate::runtime::error::Result;
use crate::runtime::object::List;
use crate::runtime::ops::{arith, index};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// Makes a list, unless a collection is due.
///
/// # Safety
/// `vm` is the machine that runs the native code.
unsafe fn make(helper: Helper, vm: *mut Vm, make: impl FnOnce(&mut Vm) -> Result<Value>) -> u64 {
    // SAFETY: passed on to the caller.
    unsafe {
        with_vm(helper, vm, |vm| if vm.heap.should_collect() { NONE } else { make(vm).map_or(NONE, Value::bits) })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and a live list.
pub(super) unsafe extern "C" fn list_slice(vm: *mut Vm, list: *mut List, start: i64, end: i64) -> u64 {
    // SAFETY: native code passes on the machine it was given, and a list whose type it knows.
    unsafe {
        make(Helper::ListSlice, vm, |vm| {
            let list = object(list);
            let (start, end) = index::resolve_range(start, end, list.len())?;
            list.slice(&mut vm.heap, start, end).map(Value::from_list)
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and two live lists.
pub(super) unsafe extern "C" fn list_concat(vm: *mut Vm, a: *mut List, b: *mut List) -> u64 {
    // SAFETY: as in `list_slice`.
    unsafe {
        make(Helper::ListConcat, vm, |vm| {
            arith::add(&mut vm.heap, Value::from_list(object(a)), Value::from_list(object(b)))
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and a live list.
pub(super) unsafe extern "C" fn list_repeat(vm: *mut Vm, list: *mut List, count: i64) -> u64 {
    // SAFETY: as in `list_slice`.
    unsafe {
        make(Helper::ListRepeat, vm, |vm| arith::mul(&mut vm.heap, Value::from_list(object(list)), Value::int(count)))
    }
}

/// # Safety
/// Called by native code with the machine that runs it and the words of a live value.
pub(super) unsafe extern "C" fn list_filled(vm: *mut Vm, tag: u64, payload: u64, count: i64) -> u64 {
    // SAFETY: native code passes on the machine it was given and the parts of a value.
    unsafe {
        make(Helper::ListFilled, vm, |vm| {
            let count = usize::try_from(count).unwrap_or(0);
            List::filled(&mut vm.heap, Value::of_words(tag, payload), count).map(Value::from_list)
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and a live list.
pub(super) unsafe extern "C" fn list_pop(vm: *mut Vm, list: *mut List) -> u64 {
    // SAFETY: as in `list_slice`.
    unsafe {
        with_vm(Helper::ListPop, vm, |vm| match object(list).pop() {
            Some(last) => {
                vm.set_native_result(last);
                NEXT
            }
            None => LEAVE,
        })
    }
}
