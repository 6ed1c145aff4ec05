//! Methods that call a function with each element. They go by index and look at the current length, as `for` does,
//! because the function may change the list; an element that they still need is pinned meanwhile, for the function may
//! take it out.
//!
//! Those of [`ListLoop`] can be gone on with from any item, which is how they end when their function was called by
//! other means: see [`list_loops`](crate::runtime::list_loops).

use super::receiver;
use crate::bytecode::methods::ListLoop;
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

/// How far a method has come that calls its function with one item after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reached {
    /// The list that is being made; of `reduce`, what its function gave last.
    pub results: Value,
    /// The index of the item that comes next.
    pub index: usize,
}

impl Reached {
    /// Before the first item.
    pub fn nothing(vm: &mut Vm, method: ListLoop, args: &[Value]) -> Reached {
        let results = match method {
            ListLoop::Map | ListLoop::Filter => Value::from_list(List::new(&mut vm.heap)),
            ListLoop::Reduce => arg(args, 2),
            ListLoop::Any | ListLoop::All | ListLoop::Find | ListLoop::FindIndex => Value::VOID,
        };
        Reached { results, index: 0 }
    }
}

/// Does what is to be done when the function was called with an item and has given a value; what the method gives, if
/// that ends it. Whoever calls it holds the list that is being made.
pub fn after_item(
    vm: &mut Vm,
    method: ListLoop,
    reached: &mut Reached,
    item: Value,
    given: Value,
) -> Result<Option<Value>> {
    let index = reached.index;
    reached.index += 1;
    let end = match method {
        ListLoop::Reduce => {
            reached.results = given;
            return Ok(None);
        }
        ListLoop::Map | ListLoop::Filter => {
            let kept = match method {
                ListLoop::Map => Some(given),
                _ => vm.truthy(given).then_some(item),
            };
            if let Some((results, value)) = reached.results.as_list().zip(kept) {
                push_result(vm, results, value)?;
            }
            return Ok(None);
        }
        ListLoop::Any => Value::TRUE,
        ListLoop::All => Value::FALSE,
        ListLoop::Find => item,
        ListLoop::FindIndex => count_value(index),
    };
    Ok((vm.truthy(given) == (method != ListLoop::All)).then_some(end))
}

/// Goes on with a method from where it has come to, to its end. Each kind has a loop of its own: one for all, around
/// [`after_item`], took 1.05 of the time, and `map` in it 1.17 (interpreted, one-line functions).
pub fn go_on(vm: &mut Vm, method: ListLoop, args: &[Value], reached: Reached) -> Result<Value> {
    let Reached { results, index } = reached;
    match (method, results.as_list()) {
        (ListLoop::Map, Some(list)) => map_from(vm, args, list, index),
        (ListLoop::Filter, Some(list)) => filter_from(vm, args, list, index),
        (ListLoop::Map | ListLoop::Filter, None) => Err(expected_type("list", results)),
        (ListLoop::Reduce, _) => reduce_from(vm, args, results, index),
        (ListLoop::Any, _) => Ok(Value::bool(first_judged(vm, args, true, index)?.is_some())),
        (ListLoop::All, _) => Ok(Value::bool(first_judged(vm, args, false, index)?.is_none())),
        (ListLoop::Find, _) => Ok(first_judged(vm, args, true, index)?.map_or(Value::VOID, |(_, item)| item)),
        (ListLoop::FindIndex, _) => {
            Ok(first_judged(vm, args, true, index)?.map_or(Value::int(-1), |(index, _)| count_value(index)))
        }
    }
}

fn map_from(vm: &mut Vm, args: &[Value], results: Gc<List>, mut index: usize) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    with_pins(vm, Value::from_list(results), |vm| {
        while let Some(item) = list.try_get(index) {
            let result = function.call(vm, [item])?;
            push_result(vm, results, result)?;
            index += 1;
        }
        Ok(Value::from_list(results))
    })
}

fn filter_from(vm: &mut Vm, args: &[Value], results: Gc<List>, mut index: usize) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    with_pins(vm, Value::from_list(results), |vm| {
        while let Some(item) = list.try_get(index) {
            // The function may take the item out of the list.
            let keep = with_pins(vm, item, |vm| function.call(vm, [item]))?;
            if vm.truthy(keep) {
                push_result(vm, results, item)?;
            }
            index += 1;
        }
        Ok(Value::from_list(results))
    })
}

/// What the function has made so far is held by the call that it is passed to.
fn reduce_from(vm: &mut Vm, args: &[Value], mut result: Value, mut index: usize) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    while let Some(item) = list.try_get(index) {
        result = function.call(vm, [result, item])?;
        index += 1;
    }
    Ok(result)
}

/// The first element from an index on, and its own index, of which the function says `wanted`.
fn first_judged(vm: &mut Vm, args: &[Value], wanted: bool, mut index: usize) -> Result<Option<(usize, Value)>> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    while let Some(item) = list.try_get(index) {
        let verdict = with_pins(vm, item, |vm| function.call(vm, [item]))?;
        if vm.truthy(verdict) == wanted {
            return Ok(Some((index, item)));
        }
        index += 1;
    }
    Ok(None)
}

macro_rules! list_loops {
    ($($function:ident: $method:ident,)*) => {
        $(
            pub fn $function(vm: &mut Vm, args: &[Value]) -> Result<Value> {
                let nothing = Reached::nothing(vm, ListLoop::$method, args);
                go_on(vm, ListLoop::$method, args, nothing)
            }
        )*
    };
}

list_loops! {
    map: Map,
    filter: Filter,
    reduce: Reduce,
    any: Any,
    all: All,
    find: Find,
    find_index: FindIndex,
}

/// Appends the elements of each list that the function makes.
pub fn flat_map(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let results = List::new(&mut vm.heap);
    with_pins(vm, Value::from_list(results), |vm| {
        let mut index = 0;
        while let Some(item) = list.try_get(index) {
            let part = function.call(vm, [item])?;
            let items = part.as_list().ok_or_else(|| expected_type("list", part));
            let items = vm.blaming(arg(args, 1), items)?;
            with_pins(vm, part, |vm| vm.with_memory(|vm| results.extend_from(&mut vm.heap, items)))?;
            index += 1;
        }
        Ok(Value::from_list(results))
    })
}

/// A dict of lists: the elements by what the function makes of them, both in order of first appearance.
pub fn group_by(vm: &mut Vm, args: &[Value]) -> Result<Value> {
    let (list, function) = (receiver(args)?, Callback::new(vm, arg(args, 1)));
    let groups = Dict::new(&mut vm.heap);
    with_pins(vm, Value::from_dict(groups), |vm| {
        let mut index = 0;
        while let Some(item) = list.try_get(index) {
            with_pins(vm, item, |vm| {
                let key = function.call(vm, [item])?;
                with_pins(vm, key, |vm| {
                    let added = add_to_group(vm, groups, key, item);
                    vm.blaming(arg(args, 1), added)
                })
            })?;
            index += 1;
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
        let mut index = 1;
        while let Some(item) = list.try_get(index) {
            let key = with_pins(vm, item, |vm| function.call(vm, [item]))?;
            if before(vm, key, best_key)? {
                (best, best_key) = (item, key);
                vm.unpin_to(mark);
                vm.pin(best);
                vm.pin(best_key);
            }
            index += 1;
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
