//! What native code calls, once: name, signature, use of the heap, implementation.
//!
//! A helper that may run Walrus code or collect garbage needs every live reference in its home; the others need there
//! only what they read. A helper returns a status rather than raising: see [`NEXT`], [`JUMP`], [`LEAVE`].

mod keeping;
mod lists;
mod objects;

use lists::{list_concat, list_filled, list_pop, list_repeat, list_slice};
use objects::{
    char_str, concat, contains, dict_contains, dict_get, dict_get_or, dict_has_name, dict_set, next_item, next_pair,
    print, start_items, start_pairs, str_compare, str_concat, str_equal, str_index, str_len, str_slice,
};

use crate::bytecode::numeric;
use crate::bytecode::op::HeapUse;
use crate::heap_use;
use crate::runtime::error::ErrorKind;
use crate::runtime::native::{NOT_ENTERED, NativeResult};
use crate::runtime::object::{Gc, List};
use crate::runtime::step::Stepped;
use crate::runtime::value::{Tag, Value};
use crate::runtime::vm::Vm;

/// The instruction is done.
pub const NEXT: u64 = 0;
/// The instruction is done and jumps.
pub const JUMP: u64 = 1;
/// The instruction was not executed (a collection is due, or the native stack is low), or it failed and the error is
/// pending.
pub const LEAVE: u64 = 2;

/// The type of an argument or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    Int,
    Float,
}

macro_rules! helpers {
    ($( $(#[doc = $doc:literal])* $name:ident = $function:ident ($($param:ident),*) -> $result:ident, heap($($heap:ident),+); )*) => {
        /// A function that native code may call.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Helper { $( $(#[doc = $doc])* $name, )* }

        impl Helper {
            /// All helpers.
            #[cfg(test)]
            pub const ALL: &[Helper] = &[$( Helper::$name, )*];

            pub fn symbol(self) -> &'static str {
                match self { $( Helper::$name => stringify!($function), )* }
            }

            pub fn params(self) -> &'static [Argument] {
                match self { $( Helper::$name => &[$( Argument::$param ),*], )* }
            }

            pub fn result(self) -> Argument {
                match self { $( Helper::$name => Argument::$result, )* }
            }

            /// What of the heap the helper may look at or change. What most see of objects is enough to hash them,
            /// compare them or make text of them, and an instance counts as itself there, whatever its fields hold.
            pub fn heap(self) -> HeapUse {
                match self { $( Helper::$name => heap_use!($($heap),+), )* }
            }

            fn plain_address(self) -> usize {
                match self { $( Helper::$name => $function as *const () as usize, )* }
            }
        }
    };
}

helpers! {
    /// `(machine, pc, bits of a [`HeapUse`])`: executes an instruction that calls nothing and touches no more of the
    /// heap than that; gives a status.
    Step = step (Int, Int, Int) -> Int, heap(any);
    /// `(machine, pc)`: executes an instruction that may run Walrus code and collect garbage; gives a status.
    StepCall = step_call (Int, Int) -> Int, heap(any);
    /// `(machine, what the native code said)`: runs to its end a function that native code has called. It answers as
    /// native code does: with the result, or with what is no tag if the call has to be executed again.
    FinishCall = finish_call (Int, Int) -> Int, heap(any);
    /// `(machine, pc)`: executes a tail call of a value or a method; gives a status, [`JUMP`] if another function is
    /// about to begin in the frame.
    TailCall = tail_call (Int, Int) -> Int, heap(any);
    /// `(machine, list, tag, payload)`: appends; gives a status.
    ListPush = list_push (Int, Int, Int, Int) -> Int, heap(lists);
    /// `(machine, list)`: takes the last element; gives a status, and the element in the machine.
    ListPop = list_pop (Int, Int) -> Int, heap(lists);
    /// `(machine, list, start, end)`: a slice, or 0 if that was not made.
    ListSlice = list_slice (Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, left, right)`: the lists joined, or 0 if that was not done.
    ListConcat = list_concat (Int, Int, Int) -> Int, heap(none);
    /// `(machine, list, count)`: the list so many times over, or 0 if that was not done.
    ListRepeat = list_repeat (Int, Int, Int) -> Int, heap(none);
    /// `(machine, tag, payload, count)`: a list of a value so many times, or 0 if that was not made.
    ListFilled = list_filled (Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, left, right)`: the strings joined, or 0 if that was not done.
    StrConcat = str_concat (Int, Int, Int) -> Int, heap(none);
    /// `(left, right)`: whether strings are equal.
    StrEqual = str_equal (Int, Int) -> Int, heap(none);
    /// `(left, right)`: -1, 0 or 1.
    StrCompare = str_compare (Int, Int) -> Int, heap(none);
    /// `(string)`: number of characters.
    StrLen = str_len (Int) -> Int, heap(none);
    /// `(machine, string, index)`: a character, or 0 if there is none there.
    StrIndex = str_index (Int, Int, Int) -> Int, heap(none);
    /// `(machine, string, start, end)`: a slice, or 0 if that was not made.
    StrSlice = str_slice (Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, number)`: the string of a character, or 0 if there is none of this number, or that was not made.
    CharStr = char_str (Int, Int) -> Int, heap(none);
    /// `(machine, address of registers, count)`: the texts of values joined, or 0 if that was not done.
    Concat = concat (Int, Int, Int) -> Int, heap(none);
    /// `(machine, pc, address of registers, count, newline)`: prints; gives a status.
    Print = print (Int, Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, dict, tag, payload)`: looks a key up; gives a status, and the value in the machine.
    DictGet = dict_get (Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, dict, tag, payload, tag, payload)`: looks a key up, with a default; as `DictGet`.
    DictGetOr = dict_get_or (Int, Int, Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, dict, tag, payload)`: whether a key is there, as a status: [`JUMP`] if it is.
    DictContains = dict_contains (Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, tag, payload, tag, payload)`: whether the first value has the second as a member, as a status:
    /// [`JUMP`] if it has.
    Contains = contains (Int, Int, Int, Int, Int) -> Int, heap(none);
    /// `(machine, dict, string)`: whether an entry has this name.
    DictHasName = dict_has_name (Int, Int, Int) -> Int, heap(none);
    /// `(machine, dict, tag, payload, tag, payload)`: puts a value at a key; gives a status.
    DictSet = dict_set (Int, Int, Int, Int, Int, Int) -> Int, heap(dicts);
    /// `(machine, address of a loop's state)`: starts an iteration that calls nothing; status [`JUMP`] if there is no
    /// item.
    StartItems = start_items (Int, Int) -> Int, heap(none);
    /// `(machine, address of a loop's state)`: the next item; status [`JUMP`] if there is one.
    NextItem = next_item (Int, Int) -> Int, heap(none);
    /// As `StartItems`, for two values an item.
    StartPairs = start_pairs (Int, Int) -> Int, heap(none);
    /// As `NextItem`, for two values an item.
    NextPair = next_pair (Int, Int) -> Int, heap(none);
    /// `(machine, size)`: memory for a small object, which was accounted for and is written at once.
    NewCell = new_cell (Int, Int) -> Int, heap(none);
    /// The remainder of floats.
    FloatRem = float_rem (Float, Float) -> Float, heap(none);
    /// The power of floats.
    FloatPow = float_pow (Float, Float) -> Float, heap(none);
    /// The power of ints; 0 for a negative exponent.
    IntPow = int_pow (Int, Int) -> Int, heap(none);
    /// How an int compares with a float, exactly: -1, 0 or 1; 2 if the float is NaN.
    CompareNumbers = compare_numbers (Int, Float) -> Int, heap(none);
}

impl Helper {
    /// Whether the helper leaves all registers as they are, and its result in the machine: one that is called where
    /// control seldom comes to.
    pub fn keeps_registers(self) -> bool {
        keeping::KEEPS && matches!(self, Helper::NewCell | Helper::ListPush)
    }

    /// Where it begins.
    pub fn address(self) -> usize {
        match self {
            Helper::NewCell => keeping::new_cell_keeping as *const () as usize,
            Helper::ListPush => keeping::list_push_keeping as *const () as usize,
            plain => plain.plain_address(),
        }
    }
}

/// Runs a helper's body with the machine. It touches no more of the heap than the helper's row says, which debug builds
/// check.
///
/// # Safety
/// `vm` is the machine that called the native code; nobody else uses it while the helper runs.
unsafe fn with_vm(helper: Helper, vm: *mut Vm, run: impl FnOnce(&mut Vm) -> u64) -> u64 {
    // SAFETY: passed on to the caller.
    let vm = unsafe { &mut *vm };
    let result = vm.keeping_to(helper.symbol(), helper.heap(), run);
    vm.charge_named();
    result
}

fn status(vm: &mut Vm, stepped: crate::runtime::error::Result<Stepped>) -> u64 {
    match stepped {
        Ok(Stepped::Next) => NEXT,
        Ok(Stepped::Jump) => JUMP,
        // The interpreter executes the instruction again, and makes room first.
        Err(error) if matches!(error.kind(), ErrorKind::NeedsMemory(_)) => LEAVE,
        Err(error) => {
            vm.set_pending(error);
            LEAVE
        }
    }
}

/// # Safety
/// Called by native code with the machine that runs it.
unsafe extern "C" fn step(vm: *mut Vm, pc: u64, heap: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given.
    unsafe {
        with_vm(Helper::Step, vm, |vm| {
            if vm.heap.should_collect() {
                return LEAVE;
            }
            // The frame lacks what lives in machine registers only.
            let heap = HeapUse::from_bits(heap as u8);
            let stepped =
                vm.touching_only(heap, |vm| vm.without_collections(|vm| vm.step_at_without_safepoint(pc as u32)));
            vm.count_step(pc as u32);
            status(vm, stepped)
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it.
unsafe extern "C" fn step_call(vm: *mut Vm, pc: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given.
    unsafe {
        with_vm(Helper::StepCall, vm, |vm| {
            if !vm.may_nest() {
                return LEAVE;
            }
            let stepped = vm.step_at(pc as u32);
            vm.count_step(pc as u32);
            status(vm, stepped)
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it.
unsafe extern "C" fn tail_call(vm: *mut Vm, pc: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given.
    unsafe {
        with_vm(Helper::TailCall, vm, |vm| {
            if !vm.may_nest() || vm.heap.should_collect() {
                return LEAVE;
            }
            let replaced = vm.tail_call_at(pc as u32);
            vm.count_step(pc as u32);
            status(vm, replaced.map(|replaced| if replaced { Stepped::Jump } else { Stepped::Next }))
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it, and the frame of the function it has called on top.
unsafe extern "C" fn finish_call(vm: *mut Vm, left: u64) -> NativeResult {
    // SAFETY: native code passes on the machine it was given.
    let vm = unsafe { &mut *vm };
    match vm.finish_native_call(left) {
        Ok(Some(result)) => result,
        Ok(None) => NativeResult { said: NOT_ENTERED, payload: 0 },
        Err(error) => {
            vm.set_pending(error);
            NativeResult { said: NOT_ENTERED, payload: 0 }
        }
    }
}

/// # Safety
/// Called by native code with the machine that runs it and the parts of a list and a value that are alive.
unsafe extern "C" fn list_push(vm: *mut Vm, list: *mut List, tag: u64, payload: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given, a pointer to a live list, and the two words of a value.
    unsafe {
        with_vm(Helper::ListPush, vm, |vm| {
            let Some(list) = std::ptr::NonNull::new(list) else { return LEAVE };
            if vm.heap.should_collect() {
                return LEAVE;
            }
            let words = [tag, payload];
            debug_assert!(tag <= Tag::LAST as u64);
            let value: Value = *words.as_ptr().cast();
            match Gc::from_non_null(list).push(&mut vm.heap, value) {
                Ok(()) => NEXT,
                // The interpreter asks again, and deals with it.
                Err(_) => LEAVE,
            }
        })
    }
}

/// # Safety
/// Called by native code with the machine that runs it and a size that
/// [`Heap::native_cell`](crate::runtime::heap::Heap::native_cell) allows.
unsafe extern "C" fn new_cell(vm: *mut Vm, size: u64) -> u64 {
    // SAFETY: native code passes on the machine it was given.
    unsafe { with_vm(Helper::NewCell, vm, |vm| vm.cell_for_native(size as usize) as u64) }
}

extern "C" fn float_rem(a: f64, b: f64) -> f64 {
    a % b
}

extern "C" fn float_pow(a: f64, b: f64) -> f64 {
    a.powf(b)
}

extern "C" fn int_pow(a: i64, b: i64) -> i64 {
    numeric::int_pow(a, b).unwrap_or(0)
}

extern "C" fn compare_numbers(a: i64, b: f64) -> i64 {
    numeric::compare_int_float(a, b).map_or(2, |order| order as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_distinct() {
        let mut symbols: Vec<_> = Helper::ALL.iter().map(|helper| helper.symbol()).collect();
        symbols.sort_unstable();
        symbols.dedup();
        assert_eq!(symbols.len(), Helper::ALL.len());
    }
}
