//! Helpers for strings, dicts and iteration: direct forms of single instructions, which take and give values in parts.
//!
//! None of them looks at the frame but for the registers whose address it is given, and none collects garbage. One that
//! cannot do its work (a key that is not there, memory that is short, an error) has no effect and says so: the code is
//! left, and the interpreter executes the instruction. The exception is printing, whose error is kept, as the text may
//! have been written in part.

use super::{Helper, JUMP, LEAVE, NEXT, status, with_vm};
use crate::runtime::object::{Dict, Gc, Str};
use crate::runtime::ops::index::resolve_range;
use crate::runtime::step::Stepped;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// # Safety
/// `object` points to a live object of type `T`.
pub(super) unsafe fn object<T>(object: *mut T) -> Gc<T> {
    debug_assert!(!object.is_null());
    // SAFETY: passed on to the caller; objects are never at address 0.
    unsafe { Gc::from_non_null(std::ptr::NonNull::new_unchecked(object)) }
}

/// What an object that could not be made is to native code.
pub(super) const NONE: u64 = 0;

/// # Safety
/// Called by native code with the machine that runs it and two live strings.
pub(super) unsafe extern "C" fn str_concat(vm: *mut Vm, a: *mut Str, b: *mut Str) -> u64 {
    // SAFETY: native code passes on the machine it was given, and strings whose types it knows.
    unsafe {
        with_vm(Helper::StrConcat, vm, |vm| {
            if vm.heap.should_collect() {
                return NONE;
            }
            Str::concat(&mut vm.heap, object(a), object(b)).map_or(NONE, |text| text.as_ptr() as u64)
        })
    }
}

/// # Safety
/// Called by native code with two live strings.
pub(super) unsafe extern "C" fn str_equal(a: *mut Str, b: *mut Str) -> u64 {
    // SAFETY: native code knows the types.
    let (a, b) = unsafe { (object(a), object(b)) };
    u64::from(a == b || a.as_str() == b.as_str())
}

/// # Safety
/// Called by native code with two live strings.
pub(super) unsafe extern "C" fn str_compare(a: *mut Str, b: *mut Str) -> i64 {
    // SAFETY: native code knows the types.
    let (a, b) = unsafe { (object(a), object(b)) };
    a.as_str().cmp(b.as_str()) as i64
}

/// # Safety
/// Called by native code with a live string.
pub(super) unsafe extern "C" fn str_len(text: *mut Str) -> u64 {
    // SAFETY: native code knows the type.
    unsafe { object(text) }.char_len() as u64
}

/// # Safety
/// Called by native code with the machine that runs it and a live string.
pub(super) unsafe extern "C" fn str_index(vm: *mut Vm, text: *mut Str, index: i64) -> u64 {
    // SAFETY: native code passes on the machine it was given, and a string whose type it knows.
    unsafe {
        with_vm(Helper::StrIndex, vm, |vm| {
            if vm.heap.should_collect() {
                return NONE;
            }
            let text = object(text);
            let len = text.char_len() as i64;
            let at = if index < 0 { index.wrapping_add(len) } else { index };
            if at < 0 || at >= len {
                return NONE;
            }
            let Some(char) = text.locate_char(&vm.heap, at as usize) else { return NONE };
            vm.heap.char_str(char).as_ptr() as u64
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and a live string.
pub(super) unsafe extern "C" fn str_slice(vm: *mut Vm, text: *mut Str, start: i64, end: i64) -> u64 {
    // SAFETY: native code passes on the machine it was given, and a string whose type it knows.
    unsafe {
        with_vm(Helper::StrSlice, vm, |vm| {
            if vm.heap.should_collect() {
                return NONE;
            }
            let text = object(text);
            let Ok((start, end)) = resolve_range(start, end, text.char_len()) else { return NONE };
            match text.slice(&mut vm.heap, start, end) {
                Ok(Some(slice)) => slice.as_ptr() as u64,
                _ => NONE,
            }
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it.
pub(super) unsafe extern "C" fn char_str(vm: *mut Vm, number: i64) -> u64 {
    // SAFETY: native code passes on the machine it was given.
    unsafe {
        with_vm(Helper::CharStr, vm, |vm| {
            let char = u32::try_from(number).ok().and_then(char::from_u32);
            match char.filter(|_| !vm.heap.should_collect()) {
                Some(char) => vm.heap.char_str(char).as_ptr() as u64,
                None => NONE,
            }
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and registers of its frame, which hold live values.
pub(super) unsafe extern "C" fn concat(vm: *mut Vm, first: *const Value, count: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given, and has written the registers home.
    unsafe {
        with_vm(Helper::Concat, vm, |vm| {
            if vm.heap.should_collect() {
                return NONE;
            }
            let parts = std::slice::from_raw_parts(first, count as usize);
            vm.concat_texts(parts).map_or(NONE, Value::bits)
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and registers of its frame, which hold live values.
pub(super) unsafe extern "C" fn print(vm: *mut Vm, pc: u64, first: *const Value, count: u64, newline: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given, and has written the registers home.
    unsafe {
        with_vm(Helper::Print, vm, |vm| {
            let values = std::slice::from_raw_parts(first, count as usize);
            let printed = vm.print(values, newline != 0);
            if printed.is_err() {
                vm.set_pc_behind(pc as u32);
            }
            status(vm, printed.map(|()| Stepped::Next))
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it, a live dict and the words of a live value.
pub(super) unsafe extern "C" fn dict_get(vm: *mut Vm, dict: *mut Dict, tag: u64, payload: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given, a dict whose type it knows, and the parts of a value.
    unsafe {
        with_vm(Helper::DictGet, vm, |vm| match object(dict).get(&vm.heap, Value::of_words(tag, payload)) {
            Ok(Some(value)) => {
                vm.set_native_result(value);
                NEXT
            }
            _ => LEAVE,
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it, a live dict and the words of live values.
pub(super) unsafe extern "C" fn dict_get_or(
    vm: *mut Vm,
    dict: *mut Dict,
    tag: u64,
    payload: u64,
    default_tag: u64,
    default: u64,
) -> u64 {
    // SAFETY: as in `dict_get`.
    unsafe {
        with_vm(Helper::DictGetOr, vm, |vm| match object(dict).get(&vm.heap, Value::of_words(tag, payload)) {
            Ok(found) => {
                let value = found.unwrap_or_else(|| Value::of_words(default_tag, default));
                vm.set_native_result(value);
                NEXT
            }
            Err(_) => LEAVE,
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it, a live dict and the words of a live value.
pub(super) unsafe extern "C" fn dict_contains(vm: *mut Vm, dict: *mut Dict, tag: u64, payload: u64) -> u64 {
    // SAFETY: as in `dict_get`.
    unsafe {
        with_vm(Helper::DictContains, vm, |vm| match object(dict).contains(&vm.heap, Value::of_words(tag, payload)) {
            Ok(false) => NEXT,
            Ok(true) => JUMP,
            Err(_) => LEAVE,
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it, and the words of live values.
pub(super) unsafe extern "C" fn contains(vm: *mut Vm, tag: u64, payload: u64, item_tag: u64, item: u64) -> u64 {
    // SAFETY: as in `dict_get`.
    unsafe {
        with_vm(Helper::Contains, vm, |vm| {
            match vm.is_member(Value::of_words(tag, payload), Value::of_words(item_tag, item)) {
                Ok(false) => NEXT,
                Ok(true) => JUMP,
                Err(_) => LEAVE,
            }
        })
    }
}

/// # Safety
/// Called by native code with a live dict and string.
pub(super) unsafe extern "C" fn dict_has_name(vm: *mut Vm, dict: *mut Dict, name: *mut Str) -> u64 {
    // SAFETY: native code passes on the machine it was given; it knows the types.
    unsafe { with_vm(Helper::DictHasName, vm, |vm| u64::from(object(dict).get_str(&vm.heap, object(name)).is_some())) }
}

/// # Safety
/// Called by native code with the machine that runs it, a live dict and the words of live values.
pub(super) unsafe extern "C" fn dict_set(
    vm: *mut Vm,
    dict: *mut Dict,
    key_tag: u64,
    key: u64,
    value_tag: u64,
    value: u64,
) -> u64 {
    // SAFETY: as in `dict_get`.
    unsafe {
        with_vm(Helper::DictSet, vm, |vm| {
            if vm.heap.should_collect() {
                return LEAVE;
            }
            let (key, value) = (Value::of_words(key_tag, key), Value::of_words(value_tag, value));
            match object(dict).insert(&mut vm.heap, key, value) {
                Ok(_) => NEXT,
                Err(_) => LEAVE,
            }
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and the state registers of a loop, which hold live values.
pub(super) unsafe extern "C" fn start_items(vm: *mut Vm, state: *mut Value) -> u64 {
    // SAFETY: native code passes on the machine it was given, and has written the state home.
    unsafe { iterate(Helper::StartItems, vm, |vm| Ok(!vm.iterate_at(state, true, false)?)) }
}

/// # Safety
/// As for [`start_items`].
pub(super) unsafe extern "C" fn next_item(vm: *mut Vm, state: *mut Value) -> u64 {
    // SAFETY: as in `start_items`.
    unsafe { iterate(Helper::NextItem, vm, |vm| vm.iterate_at(state, false, false)) }
}

/// # Safety
/// As for [`start_items`].
pub(super) unsafe extern "C" fn start_pairs(vm: *mut Vm, state: *mut Value) -> u64 {
    // SAFETY: as in `start_items`.
    unsafe { iterate(Helper::StartPairs, vm, |vm| Ok(!vm.iterate_at(state, true, true)?)) }
}

/// # Safety
/// As for [`start_items`].
pub(super) unsafe extern "C" fn next_pair(vm: *mut Vm, state: *mut Value) -> u64 {
    // SAFETY: as in `start_items`.
    unsafe { iterate(Helper::NextPair, vm, |vm| vm.iterate_at(state, false, true)) }
}

/// # Safety
/// `vm` is the machine that runs the native code.
unsafe fn iterate(
    helper: Helper,
    vm: *mut Vm,
    step: impl FnOnce(&mut Vm) -> crate::runtime::error::Result<bool>,
) -> u64 {
    // SAFETY: passed on to the caller.
    unsafe {
        with_vm(helper, vm, |vm| {
            if vm.heap.should_collect() {
                return LEAVE;
            }
            match vm.without_collections(step) {
                Ok(false) => NEXT,
                Ok(true) => JUMP,
                Err(_) => LEAVE,
            }
        })
    }
}
