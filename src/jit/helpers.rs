//! What native code calls, once: name, signature, use of the heap, implementation.
//!
//! A helper that may run Walrus code or collect garbage needs every live reference in its home; the others need there
//! only what they read. A helper that stands for an instruction returns a [`Status`] rather than raising.

mod keeping;
mod lists;
mod objects;
mod passed;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lists::{list_concat, list_filled, list_item, list_pop, list_repeat, list_slice};
pub use objects::NO_KEY;
use objects::{
    call_library, call_method, char_str, concat, contains, dict_add, dict_contains, dict_find, dict_find_str, dict_get,
    dict_get_or, dict_has_name, dict_next, dict_set, equal, less, less_equal, make_dict, next_item, next_pair, print,
    start_items, start_pairs, str_compare, str_concat, str_equal, str_index, str_len, str_slice, truthy,
};
use passed::{AbiType, Registers, Truth, fit_registers};

pub use passed::{Argument, Status};

use crate::bytecode::numeric::{self, float_pow};
use crate::bytecode::op::HeapUse;
use crate::heap_use;
use crate::runtime::abi::{NativeResult, Outcome};
use crate::runtime::builtins::math::random::{self, float as rand_float, float_between as rand_range, int as rand_int};
use crate::runtime::builtins::math::real::{
    acos, asin, atan, atan2, cbrt, cos, degrees, exp, hypot, ln, log2, log10, radians, sin, tan,
};
use crate::runtime::error::{ErrorKind, Result};
use crate::runtime::object::{Dict, Gc, List, Str};
use crate::runtime::step::Stepped;
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;
use crate::runtime::window::Window;

macro_rules! helpers {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident = $function:ident ($(&mut $machine:ident;)? $($param:ident: $type:ty),*) -> $result:ty,
        heap($($heap:ident),+) $(, $makes:ident)?;
    )*) => {
        /// A function that native code may call.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Helper { $( $(#[doc = $doc])* $name, )* }

        impl Helper {
            /// All helpers.
            pub const ALL: &[Helper] = &[$( Helper::$name, )*];

            pub fn symbol(self) -> &'static str {
                match self { $( Helper::$name => stringify!($function), )* }
            }

            /// The words of each parameter.
            pub fn params(self) -> &'static [&'static [Argument]] {
                match self { $(
                    Helper::$name => const {
                        let params: &[&[Argument]] =
                            &[$( <*mut $machine as AbiType>::WORDS, )? $( <$type as AbiType>::WORDS ),*];
                        assert!(fit_registers(params), "the arguments do not all travel in registers");
                        params
                    },
                )* }
            }

            /// The words of the result.
            pub fn result(self) -> &'static [Argument] {
                match self { $( Helper::$name => <$result as AbiType>::WORDS, )* }
            }

            /// What of the heap the helper may look at or change. What most see of objects is enough to hash them,
            /// compare them or make text of them, and an instance counts as itself there, whatever its fields hold.
            pub fn heap(self) -> HeapUse {
                match self { $( Helper::$name => heap_use!($($heap),+), )* }
            }

            /// Whether it makes objects that are counted at the place which native code names. Steps, and functions
            /// that are run to their end, name their places themselves.
            pub fn is_told_its_place(self) -> bool {
                match self { $( Helper::$name => is_written!($($makes)?), )* }
            }

            fn plain_address(self) -> usize {
                match self { $( Helper::$name => shims::$function as *const () as usize, )* }
            }
        }

        /// What native code calls.
        mod shims {
            use super::*;

            $( shim!($name, $function, ($($machine)?), ($($param: $type),*), $result); )*
        }
    };
}

/// Whether a row has a word.
macro_rules! is_written {
    () => {
        false
    };
    (makes) => {
        true
    };
}

/// The function that native code calls: it has the signature that the row says, and so has the helper, or this does not
/// compile. A helper that takes the machine touches no more of the heap than its row says, which debug builds check.
macro_rules! shim {
    ($name:ident, $function:ident, (), ($($param:ident: $type:ty),*), $result:ty) => {
        pub extern "C" fn $function($($param: $type),*) -> $result {
            Helper::$name.count_call();
            super::$function($($param),*)
        }
    };
    ($name:ident, $function:ident, ($machine:ident), ($($param:ident: $type:ty),*), $result:ty) => {
        /// # Safety
        /// Called by native code with the machine that runs it and objects, values and registers that are what the
        /// types say.
        pub unsafe extern "C" fn $function(vm: *mut $machine, $($param: $type),*) -> $result {
            // SAFETY: native code passes on the machine it was given, and nobody else uses that while the helper runs.
            let vm = unsafe { &mut *vm };
            Helper::$name.count_call();
            let heap = Helper::$name.heap();
            let run = |vm: &mut $machine| super::$function(vm, $($param),*);
            let result = match Helper::$name {
                // An exit cuts the cells of all its objects before it writes any, so the heap cannot be walked here.
                Helper::NewCell => vm.touching_only(heap, run),
                _ => vm.keeping_to(stringify!($function), heap, run),
            };
            if Helper::$name.is_told_its_place() {
                vm.charge_named();
            }
            result
        }
    };
}

helpers! {
    /// Executes the instruction at `pc`, which calls nothing and touches no more of the heap than the bits of a
    /// [`HeapUse`] say.
    Step = step(&mut Vm; pc: u64, heap: u64) -> Status, heap(any);
    /// Likewise, one that native code has found to raise an error. That is no step: the error is all that it does.
    Raise = raise(&mut Vm; pc: u64, heap: u64) -> Status, heap(any);
    /// Executes the instruction at `pc`, which may run Walrus code and collect garbage.
    StepCall = step_call(&mut Vm; pc: u64) -> Status, heap(any);
    /// Runs to its end a function that native code has called and that has ended so. It answers as native code does:
    /// with the result, or by not having been entered if the call has to be executed again.
    FinishCall = finish_call(&mut Vm; outcome: Outcome) -> NativeResult, heap(any);
    /// Likewise, but an error that may be caught is a result that is no value of the language.
    FinishCaughtCall = finish_caught_call(&mut Vm; outcome: Outcome) -> NativeResult, heap(any);
    /// Takes the error that a helper ran into; the value that a handler receives is in the machine. It leaves if that
    /// cannot be caught in native code.
    Catch = catch(&mut Vm;) -> Status, heap(none);
    /// Executes the tail call of a value or a method at `pc`; it jumps if another function is about to begin in the
    /// frame.
    TailCall = tail_call(&mut Vm; pc: u64) -> Status, heap(any);
    /// Calls the built-in method of a row of their table, with its receiver and arguments. It runs no Walrus code and
    /// touches no more of the heap than the bits of a [`HeapUse`] say; the result is in the machine.
    CallMethod = call_method(&mut Vm; row: u64, args: Registers, heap: u64) -> Status, heap(any), makes;
    /// Calls a function of the library likewise.
    CallLibrary = call_library(&mut Vm; row: u64, args: Registers, heap: u64) -> Status, heap(any), makes;
    /// Appends.
    ListPush = list_push(&mut Vm; list: Gc<List>, value: Value) -> Status, heap(lists);
    /// Takes the last element; it is in the machine.
    ListPop = list_pop(&mut Vm; list: Gc<List>) -> Status, heap(lists);
    /// A slice; nothing if that was not made.
    ListSlice = list_slice(&mut Vm; list: Gc<List>, start: i64, end: i64) -> Option<Gc<List>>, heap(none), makes;
    /// The lists joined; nothing if that was not done.
    ListConcat = list_concat(&mut Vm; left: Gc<List>, right: Gc<List>) -> Option<Gc<List>>, heap(none), makes;
    /// The list so many times over; nothing if that was not done.
    ListRepeat = list_repeat(&mut Vm; list: Gc<List>, count: i64) -> Option<Gc<List>>, heap(none), makes;
    /// A list of a value so many times; nothing if that was not made.
    ListFilled = list_filled(&mut Vm; value: Value, count: i64) -> Option<Gc<List>>, heap(none), makes;
    /// The strings joined; nothing if that was not done.
    StrConcat = str_concat(&mut Vm; left: Gc<Str>, right: Gc<Str>) -> Option<Gc<Str>>, heap(none), makes;
    /// Whether strings are equal.
    StrEqual = str_equal(left: Gc<Str>, right: Gc<Str>) -> Truth, heap(none);
    /// Whether a value is truthy.
    Truthy = truthy(&mut Vm; value: Value) -> Truth, heap(none);
    /// Whether values are equal.
    Equal = equal(&mut Vm; left: Value, right: Value) -> Truth, heap(none);
    /// Jumps if a value is less than another.
    Less = less(&mut Vm; left: Value, right: Value) -> Status, heap(none);
    /// Likewise, or equal.
    LessEqual = less_equal(&mut Vm; left: Value, right: Value) -> Status, heap(none);
    /// -1, 0 or 1.
    StrCompare = str_compare(left: Gc<Str>, right: Gc<Str>) -> i64, heap(none);
    /// Number of characters.
    StrLen = str_len(text: Gc<Str>) -> i64, heap(none);
    /// A character; nothing if there is none there.
    StrIndex = str_index(&mut Vm; text: Gc<Str>, index: i64) -> Option<Gc<Str>>, heap(none), makes;
    /// A slice; nothing if that was not made.
    StrSlice = str_slice(&mut Vm; text: Gc<Str>, start: i64, end: i64) -> Option<Gc<Str>>, heap(none), makes;
    /// The string of the character with a number; nothing if there is none, or that was not made.
    CharStr = char_str(&mut Vm; number: i64) -> Option<Gc<Str>>, heap(none), makes;
    /// A dict of keys and values by turns; nothing if that was not made.
    MakeDict = make_dict(&mut Vm; pairs: Registers) -> Option<Gc<Dict>>, heap(none), makes;
    /// The texts of values joined; nothing if that was not done.
    Concat = concat(&mut Vm; parts: Registers) -> Option<Gc<Str>>, heap(none), makes;
    /// Prints; `pc` is that of the instruction.
    Print = print(&mut Vm; pc: u64, values: Registers, newline: u64) -> Status, heap(none);
    /// An item of a list that keeps its items in whatever way; the value is in the machine.
    ListItem = list_item(&mut Vm; list: Gc<List>, index: i64) -> Status, heap(none);
    /// Looks a key up; the value is in the machine.
    DictGet = dict_get(&mut Vm; dict: Gc<Dict>, key: Value) -> Status, heap(none);
    /// As `DictGet`, with a default.
    DictGetOr = dict_get_or(&mut Vm; dict: Gc<Dict>, key: Value, default: Value) -> Status, heap(none);
    /// The address of the value that a dict lists at a key; 0 if it lists none, as for ints in a dense dict, and
    /// [`NO_KEY`] if that cannot be a key.
    DictFind = dict_find(&mut Vm; dict: Gc<Dict>, key: Value) -> u64, heap(none);
    /// Likewise, of a string.
    DictFindStr = dict_find_str(&mut Vm; dict: Gc<Dict>, key: Gc<Str>) -> u64, heap(none);
    /// The position of the first entry of a dict, in the order of their insertion, at or behind a position; behind all
    /// positions if there is none.
    DictNext = dict_next(dict: Gc<Dict>, position: u64) -> u64, heap(none);
    /// Adds a key that is not there, with a value.
    DictAdd = dict_add(&mut Vm; dict: Gc<Dict>, key: Value, value: Value) -> Status, heap(dicts);
    /// Jumps if a key is there.
    DictContains = dict_contains(&mut Vm; dict: Gc<Dict>, key: Value) -> Status, heap(none);
    /// Jumps if a value has another as a member.
    Contains = contains(&mut Vm; value: Value, item: Value) -> Status, heap(none);
    /// Whether an entry has this name.
    DictHasName = dict_has_name(&mut Vm; dict: Gc<Dict>, name: Gc<Str>) -> Truth, heap(none);
    /// Puts a value at a key.
    DictSet = dict_set(&mut Vm; dict: Gc<Dict>, key: Value, value: Value) -> Status, heap(dicts);
    /// Starts an iteration that calls nothing; it jumps if there is no item.
    StartItems = start_items(&mut Vm; state: Window) -> Status, heap(none), makes;
    /// Goes on to the next item; it jumps if there is one.
    NextItem = next_item(&mut Vm; state: Window) -> Status, heap(none), makes;
    /// As `StartItems`, for two values an item.
    StartPairs = start_pairs(&mut Vm; state: Window) -> Status, heap(none), makes;
    /// As `NextItem`, for two values an item.
    NextPair = next_pair(&mut Vm; state: Window) -> Status, heap(none), makes;
    /// Memory for a small object, which was accounted for and is written at once. The size is one that
    /// [`Heap::native_cell`](crate::runtime::heap::Heap::native_cell) allows.
    NewCell = new_cell(&mut Vm; size: u64) -> *mut u8, heap(none);
    /// The remainder of floats.
    FloatRem = float_rem(a: f64, b: f64) -> f64, heap(none);
    /// The power of floats.
    FloatPow = float_pow(a: f64, b: f64) -> f64, heap(none);
    /// Functions of `std/math` on floats in their domain.
    Sin = sin(x: f64) -> f64, heap(none);
    Cos = cos(x: f64) -> f64, heap(none);
    Tan = tan(x: f64) -> f64, heap(none);
    Asin = asin(x: f64) -> f64, heap(none);
    Acos = acos(x: f64) -> f64, heap(none);
    Atan = atan(x: f64) -> f64, heap(none);
    Atan2 = atan2(y: f64, x: f64) -> f64, heap(none);
    Exp = exp(x: f64) -> f64, heap(none);
    Ln = ln(x: f64) -> f64, heap(none);
    Log2 = log2(x: f64) -> f64, heap(none);
    Log10 = log10(x: f64) -> f64, heap(none);
    Cbrt = cbrt(x: f64) -> f64, heap(none);
    Hypot = hypot(x: f64, y: f64) -> f64, heap(none);
    Degrees = degrees(x: f64) -> f64, heap(none);
    Radians = radians(x: f64) -> f64, heap(none);
    /// Random numbers, with arguments that the function takes.
    RandFloat = rand_float(&mut Vm;) -> f64, heap(none);
    RandBool = rand_bool(&mut Vm;) -> Truth, heap(none);
    RandInt = rand_int(&mut Vm; low: i64, high: i64) -> i64, heap(none);
    RandRange = rand_range(&mut Vm; low: f64, high: f64) -> f64, heap(none);
    /// The power of ints; 0 for a negative exponent.
    IntPow = int_pow(a: i64, b: i64) -> i64, heap(none);
    /// How an int compares with a float, exactly: -1, 0 or 1; 2 if the float is NaN.
    CompareNumbers = compare_numbers(a: i64, b: f64) -> i64, heap(none);
}

impl Helper {
    /// Whether its result depends on the state of the random generator, and changes that.
    pub fn is_random(self) -> bool {
        matches!(self, Helper::RandFloat | Helper::RandBool | Helper::RandInt | Helper::RandRange)
    }

    /// Whether the helper leaves all registers as they are, and its result in the machine: one that is called where
    /// control seldom comes to.
    pub fn keeps_registers(self) -> bool {
        keeping::wrapper(self).is_some()
    }

    /// Where native code calls it.
    pub fn address(self) -> usize {
        keeping::wrapper(self).unwrap_or_else(|| self.plain_address())
    }

    /// Notes a call in debug builds, for the [census](super::census).
    fn count_call(self) {
        if cfg!(debug_assertions) {
            CALLED[self as usize].fetch_add(1, Relaxed);
        }
    }

    /// How often this process has called it, if that is counted.
    pub fn times_called(self) -> u64 {
        CALLED[self as usize].load(Relaxed)
    }
}

static CALLED: [AtomicU64; Helper::ALL.len()] = [const { AtomicU64::new(0) }; Helper::ALL.len()];

/// As [`status`], for an instruction, which is counted unless it is executed again.
fn status_of_step(vm: &mut Vm, pc: u64, stepped: Result<Stepped>) -> Status {
    if !matches!(&stepped, Err(error) if matches!(error.kind(), ErrorKind::NeedsMemory(_))) {
        vm.count_step(pc as u32);
    }
    status(vm, stepped)
}

fn status(vm: &mut Vm, stepped: Result<Stepped>) -> Status {
    match stepped {
        Ok(stepped) => Status::jumps_if(stepped == Stepped::Jump),
        // The interpreter executes the instruction again, and makes room first.
        Err(error) if matches!(error.kind(), ErrorKind::NeedsMemory(_)) => Status::Leave,
        Err(error) => {
            vm.set_pending(error);
            Status::Leave
        }
    }
}

fn step(vm: &mut Vm, pc: u64, heap: u64) -> Status {
    match step_quietly(vm, pc, heap) {
        Some(stepped) => status_of_step(vm, pc, stepped),
        None => Status::Leave,
    }
}

fn raise(vm: &mut Vm, pc: u64, heap: u64) -> Status {
    step_quietly(vm, pc, heap).map_or(Status::Leave, |stepped| status(vm, stepped))
}

/// Executes an instruction that calls nothing, unless a collection is due.
fn step_quietly(vm: &mut Vm, pc: u64, heap: u64) -> Option<Result<Stepped>> {
    if vm.heap.should_collect() {
        return None;
    }
    // The frame lacks what lives in machine registers only.
    let heap = HeapUse::from_bits(heap as u8);
    Some(vm.touching_only(heap, |vm| vm.without_collections(|vm| vm.step_at_without_safepoint(pc as u32))))
}

fn step_call(vm: &mut Vm, pc: u64) -> Status {
    if !vm.may_nest() {
        return Status::Leave;
    }
    let stepped = vm.step_at(pc as u32);
    status_of_step(vm, pc, stepped)
}

fn tail_call(vm: &mut Vm, pc: u64) -> Status {
    if !vm.may_nest() || vm.heap.should_collect() {
        return Status::Leave;
    }
    let replaced = vm.tail_call_at(pc as u32);
    status_of_step(vm, pc, replaced.map(|replaced| if replaced { Stepped::Jump } else { Stepped::Next }))
}

fn finish_call(vm: &mut Vm, outcome: Outcome) -> NativeResult {
    finish(vm, outcome, false)
}

fn finish_caught_call(vm: &mut Vm, outcome: Outcome) -> NativeResult {
    finish(vm, outcome, true)
}

/// The frame of the function that native code has called is on top.
fn finish(vm: &mut Vm, outcome: Outcome, is_caught: bool) -> NativeResult {
    let otherwise = match vm.finish_native_call(outcome) {
        Ok(Some(result)) => return result,
        Ok(None) => Outcome::NOT_ENTERED,
        Err(error) => {
            let can_be_caught = is_caught && error.is_catchable();
            vm.set_pending(error);
            if can_be_caught { Outcome::RAISED } else { Outcome::NOT_ENTERED }
        }
    };
    NativeResult::without_value(otherwise)
}

fn catch(vm: &mut Vm) -> Status {
    let Some(value) = vm.catch_pending() else { return Status::Leave };
    vm.set_native_result(value);
    Status::Next
}

fn list_push(vm: &mut Vm, list: Gc<List>, value: Value) -> Status {
    if vm.heap.should_collect() {
        return Status::Leave;
    }
    // If that fails, the interpreter asks again, and deals with it.
    list.push(&mut vm.heap, value).map_or(Status::Leave, |()| Status::Next)
}

fn new_cell(vm: &mut Vm, size: u64) -> *mut u8 {
    vm.cell_for_native(size as usize)
}

fn float_rem(a: f64, b: f64) -> f64 {
    a % b
}

fn rand_bool(vm: &mut Vm) -> Truth {
    random::bool(vm).into()
}

fn int_pow(a: i64, b: i64) -> i64 {
    numeric::int_pow(a, b).unwrap_or(0)
}

fn compare_numbers(a: i64, b: f64) -> i64 {
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
