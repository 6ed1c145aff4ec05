//! Ordering: numbers with numbers, strings with strings, tuples and lists among themselves, lexicographically.
//!
//! Equal elements are skipped by `==`, so sequences may hold values that have no order as long as they are equal. As in
//! [`super::equal`], the walk keeps its own stack, and pairs met before are not compared again.

use std::cmp::Ordering;
use std::collections::HashSet;

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

    fn get(&self, at: usize) -> (Option<Value>, Option<Value>) {
        match self {
            Pair::Lists(a, b) => (a.try_get(at), b.try_get(at)),
            Pair::Tuples(a, b) => (a.items().get(at).copied(), b.items().get(at).copied()),
        }
    }
}

#[inline(never)]
fn compare_slow(heap: &Heap, a: Value, b: Value, operator: &str) -> Result<Option<Ordering>> {
    let Some(pair) = Pair::new(a, b) else { return Err(invalid_operation(operator, a, b)) };
    // Most sequences are decided by numbers or strings in front; that needs no memory.
    let mut next = 0;
    loop {
        match pair.get(next) {
            (Some(a), Some(b)) => match compare_flat(a, b) {
                Some(Some(Ordering::Equal)) => next += 1,
                Some(order) => return Ok(order),
                None => break,
            },
            (a, b) => return Ok(Some(a.is_some().cmp(&b.is_some()))),
        }
    }
    let mut met: HashSet<(u64, u64), FxBuildHasher> = HashSet::default();
    met.insert((a.bits(), b.bits()));
    let mut stack = vec![Frame { pair, next }];
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
