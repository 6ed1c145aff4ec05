//! Ordering: numbers with numbers, strings with strings, tuples and lists among themselves, lexicographically.
//!
//! Equal elements are skipped by `==`, so sequences may hold values that have no order as long as they are equal. As in
//! [`super::equal`], the walk keeps its own stack, and pairs met before are not compared again.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::ControlFlow::{self, Break, Continue};

use rustc_hash::FxBuildHasher;

use super::arith::invalid_operation;
use super::equal::equal;
use crate::bytecode::numeric;
use crate::runtime::error::Result;
use crate::runtime::heap::Heap;
use crate::runtime::object::{Gc, List, Tuple};
use crate::runtime::value::{Tag, Value};

/// How `a` and `b` are ordered; `None` if a NaN decides. `operator` is what the error names:
/// `Invalid operation '<' on operands 'int' and 'string'`.
#[inline]
pub fn compare(heap: &Heap, a: Value, b: Value, operator: &str) -> Result<Option<Ordering>> {
    match compare_flat(a, b) {
        Some(order) => Ok(order),
        None => compare_slow(heap, a, b, operator),
    }
}

/// `a < b`.
pub fn less(heap: &Heap, a: Value, b: Value) -> Result<bool> {
    Ok(compare(heap, a, b, "<")? == Some(Ordering::Less))
}

/// `a <= b`.
pub fn less_equal(heap: &Heap, a: Value, b: Value) -> Result<bool> {
    Ok(compare(heap, a, b, "<=")?.is_some_and(Ordering::is_le))
}

/// `a > b`.
pub fn greater(heap: &Heap, a: Value, b: Value) -> Result<bool> {
    Ok(compare(heap, a, b, ">")? == Some(Ordering::Greater))
}

/// `a >= b`.
pub fn greater_equal(heap: &Heap, a: Value, b: Value) -> Result<bool> {
    Ok(compare(heap, a, b, ">=")?.is_some_and(Ordering::is_ge))
}

/// The order of numbers and of strings; `None` for other operands.
#[inline]
fn compare_flat(a: Value, b: Value) -> Option<Option<Ordering>> {
    Some(match (a.tag(), b.tag()) {
        (Tag::Int, Tag::Int) => Some(a.int_bits().cmp(&b.int_bits())),
        (Tag::Float, Tag::Float) => a.float_bits().partial_cmp(&b.float_bits()),
        (Tag::Int, Tag::Float) => numeric::compare_int_float(a.int_bits(), b.float_bits()),
        (Tag::Float, Tag::Int) => numeric::compare_int_float(b.int_bits(), a.float_bits()).map(Ordering::reverse),
        // The order of UTF-8 bytes is that of code points.
        (Tag::Str, Tag::Str) => Some(a.as_str()?.as_str().cmp(b.as_str()?.as_str())),
        _ => return None,
    })
}

/// Two sequences of one type; all before `next` is equal.
struct Frame {
    pair: Pair,
    next: usize,
}

enum Pair {
    Lists(Gc<List>, Gc<List>),
    Tuples(Gc<Tuple>, Gc<Tuple>),
}

impl Pair {
    fn new(a: Value, b: Value) -> Option<Pair> {
        if let (Some(a), Some(b)) = (a.as_list(), b.as_list()) {
            return Some(Pair::Lists(a, b));
        }
        if let (Some(a), Some(b)) = (a.as_tuple(), b.as_tuple()) {
            return Some(Pair::Tuples(a, b));
        }
        None
    }

    fn get(&self, index: usize) -> (Option<Value>, Option<Value>) {
        match self {
            Pair::Lists(a, b) => (a.try_get(index), b.try_get(index)),
            Pair::Tuples(a, b) => (a.items().get(index).copied(), b.items().get(index).copied()),
        }
    }

    /// The order, if numbers and strings in front decide it: most sequences need no more. Otherwise, how many elements
    /// in front are equal.
    fn compare_front(&self, heap: &Heap) -> Front {
        match self {
            Pair::Tuples(a, b) => compare_items(a.items(), b.items()),
            Pair::Lists(a, b) => {
                if let (Some(a), Some(b)) = (a.as_ints(heap), b.as_ints(heap)) {
                    return Break(Some(a.cmp(b)));
                }
                if let (Some(a), Some(b)) = (a.as_floats(heap), b.as_floats(heap)) {
                    return Break(a.partial_cmp(b));
                }
                if let (Some(a), Some(b)) = (a.as_values(heap), b.as_values(heap)) {
                    return compare_items(a, b);
                }
                // Their storages differ, or hold bools.
                let pairs = (0..a.len().min(b.len())).map(|index| (a.get(index), b.get(index)));
                compare_pairs(pairs, a.len().cmp(&b.len()))
            }
        }
    }
}

/// See [`Pair::compare_front`].
type Front = ControlFlow<Option<Ordering>, usize>;

fn compare_items(a: &[Value], b: &[Value]) -> Front {
    compare_pairs(a.iter().copied().zip(b.iter().copied()), a.len().cmp(&b.len()))
}

/// `lengths` decides if all pairs are equal.
#[inline(always)]
fn compare_pairs(pairs: impl Iterator<Item = (Value, Value)>, lengths: Ordering) -> Front {
    for (index, (a, b)) in pairs.enumerate() {
        match compare_flat(a, b) {
            Some(Some(Ordering::Equal)) => {}
            Some(order) => return Break(order),
            None => return Continue(index),
        }
    }
    Break(Some(lengths))
}

#[inline(never)]
fn compare_slow(heap: &Heap, a: Value, b: Value, operator: &str) -> Result<Option<Ordering>> {
    let Some(pair) = Pair::new(a, b) else { return Err(invalid_operation(operator, a, b)) };
    match pair.compare_front(heap) {
        Break(order) => Ok(order),
        Continue(next) => compare_rest(heap, (a, b), Frame { pair, next }, operator),
    }
}

/// The order of two sequences whose first elements that may differ are neither numbers nor strings.
#[inline(never)]
fn compare_rest(heap: &Heap, (a, b): (Value, Value), frame: Frame, operator: &str) -> Result<Option<Ordering>> {
    let mut met: HashSet<(u64, u64), FxBuildHasher> = HashSet::default();
    met.insert((a.bits(), b.bits()));
    let mut stack = vec![frame];
    while let Some(frame) = stack.last_mut() {
        let (a, b) = match frame.pair.get(frame.next) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => {
                stack.pop();
                continue;
            }
            (None, Some(_)) => return Ok(Some(Ordering::Less)),
            (Some(_), None) => return Ok(Some(Ordering::Greater)),
        };
        frame.next += 1;
        if let Some(order) = compare_flat(a, b) {
            if order != Some(Ordering::Equal) {
                return Ok(order);
            }
        } else if let Some(pair) = Pair::new(a, b) {
            if met.insert((a.bits(), b.bits())) {
                stack.push(Frame { pair, next: 0 });
            }
        } else if met.insert((a.bits(), b.bits())) && !equal(heap, a, b) {
            return Err(invalid_operation(operator, a, b));
        }
    }
    Ok(Some(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(heap: &mut Heap, items: &[Value]) -> Value {
        Value::from_list(List::from_values(heap, items).unwrap())
    }

    #[test]
    fn sequences_are_ordered_lexicographically() {
        let mut heap = Heap::new();
        let short = list(&mut heap, &[Value::int(1)]);
        let long = list(&mut heap, &[Value::float(1.0), Value::int(0)]);
        let big = list(&mut heap, &[Value::int(2)]);
        assert!(less(&heap, short, long).unwrap());
        assert!(less(&heap, long, big).unwrap());
        assert!(greater_equal(&heap, big, short).unwrap());
        assert!(less_equal(&heap, short, short).unwrap() && !less(&heap, short, short).unwrap());
    }

    #[test]
    fn elements_without_order_may_be_equal_but_not_decide() {
        let mut heap = Heap::new();
        let a = list(&mut heap, &[Value::VOID, Value::int(1)]);
        let b = list(&mut heap, &[Value::VOID, Value::int(2)]);
        assert!(less(&heap, a, b).unwrap());
        let c = list(&mut heap, &[Value::TRUE]);
        let error = compare(&heap, a, c, ">").unwrap_err();
        assert_eq!(error.to_string(), "Invalid operation '>' on operands 'void' and 'bool'");
        let tuple = Value::from_tuple(Tuple::new(&mut heap, &[]));
        let error = compare(&heap, tuple, a, "<").unwrap_err();
        assert_eq!(error.to_string(), "Invalid operation '<' on operands 'tuple' and 'list'");
    }

    #[test]
    fn a_nan_decides_for_neither_side() {
        let mut heap = Heap::new();
        let a = list(&mut heap, &[Value::float(f64::NAN), Value::int(1)]);
        assert_eq!(compare(&heap, a, a, "<").unwrap(), None);
        assert!(!less_equal(&heap, a, a).unwrap() && !greater(&heap, a, a).unwrap());
    }

    fn tuple(heap: &mut Heap, items: &[Value]) -> Value {
        Value::from_tuple(Tuple::new(heap, items))
    }

    #[test]
    fn tuples_are_decided_by_the_first_difference_or_the_length() {
        let mut heap = Heap::new();
        let (x, y) = (heap.str_value("x"), heap.str_value("y"));
        let items: [&[Value]; 5] = [
            &[],
            &[Value::int(1)],
            &[Value::int(1), Value::float(-0.5)],
            &[Value::float(1.0), Value::int(0), x],
            &[Value::int(1), Value::float(0.0), y, Value::VOID],
        ];
        let tuples = items.map(|items| tuple(&mut heap, items));
        for (i, a) in tuples.iter().enumerate() {
            for (j, b) in tuples.iter().enumerate() {
                assert_eq!(compare(&heap, *a, *b, "<").unwrap(), Some(i.cmp(&j)), "{i} {j}");
            }
        }
    }

    #[test]
    fn a_nan_decides_in_tuples_and_lists_of_any_storage() {
        let mut heap = Heap::new();
        let nan = Value::float(f64::NAN);
        let (one, two) = (Value::float(1.0), Value::int(2));
        let fronts: [(&[Value], &[Value]); 4] =
            [(&[one, nan], &[one, one]), (&[one, nan], &[one, two]), (&[two, nan], &[two, two]), (&[nan], &[nan, one])];
        for (a, b) in fronts {
            let (c, d) = (tuple(&mut heap, a), tuple(&mut heap, b));
            assert_eq!(compare(&heap, c, d, "<").unwrap(), None);
            let (c, d) = (list(&mut heap, a), list(&mut heap, b));
            assert_eq!(compare(&heap, c, d, "<").unwrap(), None);
        }
        // What is in front of it decides before.
        let (a, b) = (tuple(&mut heap, &[one, nan]), tuple(&mut heap, &[two, nan]));
        assert!(less(&heap, a, b).unwrap());
    }

    #[test]
    fn lists_of_different_storages_are_compared() {
        let mut heap = Heap::new();
        let ints = list(&mut heap, &[Value::int(1), Value::int(2)]);
        let floats = list(&mut heap, &[Value::float(1.0), Value::float(2.0)]);
        let mixed = list(&mut heap, &[Value::int(1), Value::float(2.0), Value::VOID]);
        let empty = list(&mut heap, &[]);
        let bools = list(&mut heap, &[Value::TRUE]);
        assert_eq!(compare(&heap, ints, floats, "<").unwrap(), Some(Ordering::Equal));
        assert!(less(&heap, floats, mixed).unwrap() && greater(&heap, mixed, ints).unwrap());
        assert!(less(&heap, empty, bools).unwrap() && greater(&heap, bools, empty).unwrap());
        assert_eq!(compare(&heap, bools, bools, "<").unwrap(), Some(Ordering::Equal));
        let error = compare(&heap, ints, bools, ">=").unwrap_err();
        assert_eq!(error.to_string(), "Invalid operation '>=' on operands 'int' and 'bool'");
    }

    #[test]
    fn nested_tuples_go_on_where_the_front_ends() {
        let mut heap = Heap::new();
        let (one, two) = (Value::int(1), Value::int(2));
        let (low, high) = (tuple(&mut heap, &[one, one]), tuple(&mut heap, &[one, two]));
        let other_low = tuple(&mut heap, &[one, one]);
        let (a, b) = (tuple(&mut heap, &[one, low, two]), tuple(&mut heap, &[one, high, one]));
        assert!(less(&heap, a, b).unwrap() && greater(&heap, b, a).unwrap());
        let c = tuple(&mut heap, &[one, other_low, one]);
        assert!(less(&heap, c, a).unwrap() && !less(&heap, a, c).unwrap());
        let text = heap.str_value("x");
        let d = tuple(&mut heap, &[one, text]);
        let error = compare(&heap, a, d, "<=").unwrap_err();
        assert_eq!(error.to_string(), "Invalid operation '<=' on operands 'tuple' and 'string'");
    }

    #[test]
    fn lists_that_contain_themselves_terminate() {
        let mut heap = Heap::new();
        let a = List::from_values(&mut heap, &[Value::int(1)]).unwrap();
        let b = List::from_values(&mut heap, &[Value::int(1)]).unwrap();
        a.push(&mut heap, Value::from_list(b)).unwrap();
        b.push(&mut heap, Value::from_list(a)).unwrap();
        assert_eq!(compare(&heap, Value::from_list(a), Value::from_list(b), "<").unwrap(), Some(Ordering::Equal));
        // a = [1, b] and b = [1, a, 1]: the second elements decide, and of those `b` is the longer one.
        b.push(&mut heap, Value::int(1)).unwrap();
        assert_eq!(compare(&heap, Value::from_list(a), Value::from_list(b), "<").unwrap(), Some(Ordering::Greater));
    }

    #[test]
    fn strings_are_ordered_by_code_points() {
        let mut heap = Heap::new();
        let (a, b) = (heap.str_value("\u{FFFF}"), heap.str_value("\u{10000}"));
        assert!(less(&heap, a, b).unwrap());
    }
}
