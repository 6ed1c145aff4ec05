//! Equality: by mathematical value for numbers, by content for sequences and dicts, by identity for the rest.
//!
//! The walk keeps its own stack, so depth does not matter. Pairs of containers that were met before are not compared
//! again: either they are being compared, which counts as equal, or they turned out equal (the first difference ends it
//! all). So structures that contain themselves terminate, and shared parts are compared once.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

use crate::bytecode::numeric;
use crate::runtime::heap::Heap;
use crate::runtime::object::{Dict, Gc, List, Range, Storage, Tuple};
use crate::runtime::value::{Tag, Value};

/// `a == b`.
#[inline]
pub fn equal(heap: &Heap, a: Value, b: Value) -> bool {
    match compare_flat(a, b) {
        Some(result) => result,
        None => equal_deep(heap, a, b),
    }
}

/// Whether two values are equal, if that takes no look into containers.
#[inline]
fn compare_flat(a: Value, b: Value) -> Option<bool> {
    use Tag::*;
    Some(match (a.tag(), b.tag()) {
        (Int, Int) => a.bits() == b.bits(),
        (Float, Float) => a.float_bits() == b.float_bits(),
        (Int, Float) => numeric::int_eq_float(a.int_bits(), b.float_bits()),
        (Float, Int) => numeric::int_eq_float(b.int_bits(), a.float_bits()),
        (x, y) if x != y => false,
        (Str, Str) => {
            let (a, b) = (a.as_str()?, b.as_str()?);
            a.is_same(&b)
        }
        (Range, Range) => same_range(&*a.as_range()?, &*b.as_range()?),
        (List, List) | (Tuple, Tuple) | (Dict, Dict) => return None,
        _ => a.bits() == b.bits(),
    })
}

/// Ranges are the same if they are written the same.
pub(super) fn same_range(a: &Range, b: &Range) -> bool {
    a.start == b.start && a.end == b.end
}

/// Two containers of one type whose parts from `next` on are still to be compared.
struct Frame {
    pair: Pair,
    next: usize,
}

#[derive(Clone, Copy)]
enum Pair {
    Lists(Gc<List>, Gc<List>),
    Tuples(Gc<Tuple>, Gc<Tuple>),
    Dicts(Gc<Dict>, Gc<Dict>),
}

/// The set of met pairs is kept from this many on; few comparisons get so far.
const UNREMEMBERED: usize = 16;

fn equal_deep(heap: &Heap, a: Value, b: Value) -> bool {
    let mut stack = Vec::new();
    let mut met: HashSet<(u64, u64), FxBuildHasher> = HashSet::default();
    let mut pairs = 0;
    let (mut a, mut b) = (a, b);
    // Each round compares one pair of values, then goes on in the innermost pair of containers.
    loop {
        match compare_flat(a, b) {
            Some(false) => return false,
            Some(true) => {}
            None => {
                pairs += 1;
                if pairs <= UNREMEMBERED || met.insert((a.bits(), b.bits())) {
                    match open(heap, a, b) {
                        Opened::Differ => return false,
                        Opened::Same => {}
                        Opened::Compare(pair) => stack.push(Frame { pair, next: 0 }),
                    }
                }
            }
        }
        loop {
            let Some(frame) = stack.last_mut() else { return true };
            match step(heap, frame) {
                Step::Compare(x, y) => {
                    (a, b) = (x, y);
                    break;
                }
                Step::Differ => return false,
                Step::Done => {
                    stack.pop();
                }
            }
        }
    }
}

enum Opened {
    Differ,
    Same,
    Compare(Pair),
}

/// Compares what can be compared of two containers at once.
fn open(heap: &Heap, a: Value, b: Value) -> Opened {
    if let (Some(a), Some(b)) = (a.as_list(), b.as_list()) {
        let same = match (a.storage(), b.storage()) {
            _ if a.len() != b.len() => false,
            (Storage::Ints, Storage::Ints) => a.as_ints(heap) == b.as_ints(heap),
            (Storage::Floats, Storage::Floats) => a.as_floats(heap) == b.as_floats(heap),
            (Storage::Bools, Storage::Bools) => a.as_bools(heap) == b.as_bools(heap),
            _ => return Opened::Compare(Pair::Lists(a, b)),
        };
        return if same { Opened::Same } else { Opened::Differ };
    }
    if let (Some(a), Some(b)) = (a.as_tuple(), b.as_tuple()) {
        return if a.len() == b.len() { Opened::Compare(Pair::Tuples(a, b)) } else { Opened::Differ };
    }
    if let (Some(a), Some(b)) = (a.as_dict(), b.as_dict()) {
        return if a.len() == b.len() { Opened::Compare(Pair::Dicts(a, b)) } else { Opened::Differ };
    }
    Opened::Differ
}

enum Step {
    Compare(Value, Value),
    Differ,
    Done,
}

/// The next two values of a pair of containers.
fn step(heap: &Heap, frame: &mut Frame) -> Step {
    let index = frame.next;
    frame.next += 1;
    match frame.pair {
        Pair::Lists(a, b) if index < a.len() => Step::Compare(a.get(index), b.get(index)),
        Pair::Tuples(a, b) if index < a.len() => Step::Compare(a.items()[index], b.items()[index]),
        Pair::Dicts(a, b) => {
            let Some((next, key, value)) = a.next_entry(index) else { return Step::Done };
            frame.next = next;
            match b.get(heap, key) {
                Ok(Some(other)) => Step::Compare(value, other),
                _ => Step::Differ,
            }
        }
        Pair::Lists(..) | Pair::Tuples(..) => Step::Done,
    }
}

#[cfg(test)]
mod tests;
