//! Hashes of dict keys, and when two keys are one.
//!
//! The key rule: keys are equal when `==`, but an int, a float and a bool are never one key; all NaNs are one key, and
//! so are both zeros. It holds inside tuples too. Hashes are mixed with a seed of the process, so that nobody can
//! prepare keys that collide; no program can see them, as dicts keep insertion order.

use std::collections::{HashMap, HashSet};

use rustc_hash::FxBuildHasher;

use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Gc, Str, Tuple, mix};
use crate::runtime::value::{Tag, Value};

const K0: u64 = 0x9E37_79B9_7F4A_7C15;
const K1: u64 = 0xD6E8_FEB8_6659_FD93;

#[inline(always)]
fn combine(state: u64, word: u64) -> u64 {
    mix(state ^ word, K1 ^ state.rotate_left(29))
}

/// The hash of a value as a dict key; `Type '…' cannot be a dict key` if it cannot be one.
#[inline]
pub fn hash_key(heap: &Heap, key: Value) -> Result<u64> {
    match key.tag() {
        Tag::Int => Ok(hash_word(heap, key.bits(), Tag::Int)),
        Tag::Str => Ok(key.as_str().map_or(0, |string| hash_str(heap, &string))),
        _ => hash_other(heap, key),
    }
}

#[inline(always)]
fn hash_word(heap: &Heap, bits: u64, tag: Tag) -> u64 {
    // One folded multiplication leaves patterns in multiples of large powers of two; a second one costs little.
    mix(mix(bits ^ heap.hash_seed(), K0 ^ ((tag as u64) << 56)), K1)
}

/// The hash of a string, which is cached in it.
#[inline]
pub fn hash_str(heap: &Heap, string: &Gc<Str>) -> u64 {
    string.hash_or_else(|string| hash_text(heap.hash_seed(), string).max(1))
}

fn hash_text(seed: u64, string: &Str) -> u64 {
    match string.short_text() {
        Some(short) => {
            let [first, second] = short.words();
            mix(combine(mix(first ^ seed, K0 ^ (short.len() as u64) << 56), second), K0)
        }
        None => hash_bytes(seed, string.as_str().as_bytes()),
    }
}

fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ mix(bytes.len() as u64 ^ K1, K0);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = combine(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(combine(state, u64::from_le_bytes(last)), K0)
}

/// A float's bits, the same for all NaNs and for both zeros.
#[inline]
fn float_key_bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

#[inline(never)]
fn hash_other(heap: &Heap, key: Value) -> Result<u64> {
    if let Some(tuple) = key.as_tuple() {
        return hash_tuple(heap, tuple);
    }
    hash_flat(heap, key)
}

/// The hash of a key that is no tuple.
fn hash_flat(heap: &Heap, key: Value) -> Result<u64> {
    match key.tag() {
        Tag::Int | Tag::Bool | Tag::Void => Ok(hash_word(heap, key.bits(), key.tag())),
        Tag::Float => Ok(hash_word(heap, float_key_bits(key.float_bits()), Tag::Float)),
        Tag::Str => Ok(key.as_str().map_or(0, |string| hash_str(heap, &string))),
        Tag::Range => Ok(key
            .as_range()
            .map_or(0, |range| combine(combine(heap.hash_seed() ^ K1, range.start as u64), range.end as u64))),
        _ => Err(unhashable(key)),
    }
}

/// Tuples that one walk meets before it remembers them; few keys have so many.
const UNREMEMBERED: usize = 16;

/// A tuple that is being hashed; the items from `next` on are still to come.
struct Frame {
    tuple: Gc<Tuple>,
    next: usize,
    state: u64,
}

/// The hash of a tuple, most of which hold no others.
fn hash_tuple(heap: &Heap, tuple: Gc<Tuple>) -> Result<u64> {
    let mut state = hash_of_length(heap, tuple);
    for &item in tuple.items() {
        if item.tag() == Tag::Tuple {
            return hash_nested(heap, tuple);
        }
        state = combine(state, hash_flat(heap, item)?);
    }
    Ok(mix(state, K0))
}

/// What the hash of a tuple begins with.
fn hash_of_length(heap: &Heap, tuple: Gc<Tuple>) -> u64 {
    combine(heap.hash_seed(), tuple.len() as u64)
}

/// Hashes the tuple and all tuples in it in one walk that needs no recursion. The hash of an inner tuple is that of the
/// same tuple on its own, so one that is met again need not be walked again: a value may share its parts so often that
/// its text would fill any memory.
fn hash_nested(heap: &Heap, tuple: Gc<Tuple>) -> Result<u64> {
    let open = |tuple: Gc<Tuple>| Frame { tuple, next: 0, state: hash_of_length(heap, tuple) };
    let mut known: HashMap<u64, u64, FxBuildHasher> = HashMap::default();
    let mut met = 1;
    let mut outer = Vec::new();
    let mut frame = open(tuple);
    loop {
        let Some(&item) = frame.tuple.items().get(frame.next) else {
            let hash = mix(frame.state, K0);
            if met > UNREMEMBERED {
                known.insert(Value::from_tuple(frame.tuple).bits(), hash);
            }
            let Some(parent) = outer.pop() else { return Ok(hash) };
            frame = parent;
            frame.state = combine(frame.state, hash);
            continue;
        };
        frame.next += 1;
        let hash = match (item.as_tuple(), known.get(&item.bits())) {
            (Some(_), Some(&hash)) => hash,
            (Some(inner), None) => {
                met += 1;
                outer.push(std::mem::replace(&mut frame, open(inner)));
                continue;
            }
            (None, _) => hash_flat(heap, item)?,
        };
        frame.state = combine(frame.state, hash);
    }
}

#[cold]
fn unhashable(key: Value) -> Error {
    Error::message(format!("Type '{}' cannot be a dict key", key.tag().type_name()))
}

/// Whether two hashable values are one key.
#[inline]
pub fn same_key(a: Value, b: Value) -> bool {
    if a.tag() != b.tag() {
        return false;
    }
    a.bits() == b.bits() || (!matches!(a.tag(), Tag::Int | Tag::Bool) && same_key_slow(a, b))
}

fn same_key_slow(a: Value, b: Value) -> bool {
    if let (Some(a), Some(b)) = (a.as_tuple(), b.as_tuple()) {
        return same_tuples(a, b);
    }
    same_flat(a, b)
}

/// Whether two values, not both tuples, are one key.
fn same_flat(a: Value, b: Value) -> bool {
    if a.tag() != b.tag() {
        return false;
    }
    match a.tag() {
        Tag::Float => float_key_bits(a.float_bits()) == float_key_bits(b.float_bits()),
        Tag::Str => a.as_str().zip(b.as_str()).is_some_and(|(a, b)| a.is_same(&b)),
        Tag::Range => a.as_range().zip(b.as_range()).is_some_and(|(a, b)| super::equal::same_range(&a, &b)),
        _ => a.bits() == b.bits(),
    }
}

fn same_tuples(a: Gc<Tuple>, b: Gc<Tuple>) -> bool {
    if a.len() != b.len() {
        return false;
    }
    for (&x, &y) in a.items().iter().zip(b.items()) {
        if x.tag() == Tag::Tuple && y.tag() == Tag::Tuple {
            return same_nested(a, b);
        }
        if !same_flat(x, y) {
            return false;
        }
    }
    true
}

fn same_nested(a: Gc<Tuple>, b: Gc<Tuple>) -> bool {
    let mut stack = vec![(a, b)];
    // Pairs that were met are being compared or were found the same: the first difference ends it all.
    let mut met: HashSet<(u64, u64), FxBuildHasher> = HashSet::default();
    let mut pairs = 0;
    while let Some((a, b)) = stack.pop() {
        pairs += 1;
        if a == b || pairs > UNREMEMBERED && !met.insert((Value::from_tuple(a).bits(), Value::from_tuple(b).bits())) {
            continue;
        }
        if a.len() != b.len() {
            return false;
        }
        for (&a, &b) in a.items().iter().zip(b.items()) {
            match (a.as_tuple(), b.as_tuple()) {
                (Some(a), Some(b)) => stack.push((a, b)),
                _ if !same_flat(a, b) => return false,
                _ => {}
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(heap: &mut Heap, items: &[Value]) -> Value {
        Value::from_tuple(Tuple::new(heap, items))
    }

    #[test]
    fn keys_of_different_types_differ() {
        let heap = Heap::new();
        for (a, b) in [
            (Value::int(1), Value::float(1.0)),
            (Value::int(1), Value::TRUE),
            (Value::int(0), Value::VOID),
            (Value::FALSE, Value::VOID),
        ] {
            assert!(!same_key(a, b));
            assert_ne!(hash_key(&heap, a).unwrap(), hash_key(&heap, b).unwrap());
        }
    }

    #[test]
    fn nans_are_one_key_and_so_are_zeros_inside_tuples_too() {
        let mut heap = Heap::new();
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1 << 63 | 5);
        for (a, b) in [(f64::NAN, other_nan), (0.0, -0.0)] {
            let (a, b) = (Value::float(a), Value::float(b));
            assert!(same_key(a, b));
            assert_eq!(hash_key(&heap, a).unwrap(), hash_key(&heap, b).unwrap());
            let (a, b) = (key(&mut heap, &[Value::int(1), a]), key(&mut heap, &[Value::int(1), b]));
            assert!(same_key(a, b));
            assert_eq!(hash_key(&heap, a).unwrap(), hash_key(&heap, b).unwrap());
        }
        let (a, b) = (key(&mut heap, &[Value::int(1)]), key(&mut heap, &[Value::float(1.0)]));
        assert!(!same_key(a, b));
    }

    #[test]
    fn a_list_in_a_tuple_is_no_key() {
        let mut heap = Heap::new();
        let list = Value::from_list(crate::runtime::object::List::new(&mut heap));
        let inner = key(&mut heap, &[list]);
        let outer = key(&mut heap, &[inner]);
        let error = hash_key(&heap, outer).unwrap_err();
        assert_eq!(error.to_string(), "Type 'list' cannot be a dict key");
    }

    #[test]
    fn very_deep_tuples() {
        let mut heap = Heap::new();
        let mut pair = [Value::int(1), Value::int(1)];
        for _ in 0..1_000_000 {
            pair = pair.map(|value| key(&mut heap, &[value]));
        }
        assert!(same_key(pair[0], pair[1]));
        assert_eq!(hash_key(&heap, pair[0]).unwrap(), hash_key(&heap, pair[1]).unwrap());
    }

    #[test]
    fn tuples_that_share_their_parts() {
        let mut heap = Heap::new();
        let mut pair = [Value::int(1), Value::int(1)];
        for _ in 0..200 {
            pair = pair.map(|value| key(&mut heap, &[value, value]));
        }
        assert_eq!(hash_key(&heap, pair[0]).unwrap(), hash_key(&heap, pair[1]).unwrap());
        assert!(same_key(pair[0], pair[1]));
        let other = key(&mut heap, &[pair[0], Value::int(1)]);
        assert!(!same_key(other, key(&mut heap, &[pair[1], pair[1]])));
    }

    #[test]
    fn where_an_inner_tuple_ends_counts() {
        let mut heap = Heap::new();
        let (one, two) = (Value::int(1), Value::int(2));
        let (inner, both) = (key(&mut heap, &[one]), key(&mut heap, &[one, two]));
        let (a, b) = (key(&mut heap, &[inner, two]), key(&mut heap, &[both]));
        assert_ne!(hash_key(&heap, a).unwrap(), hash_key(&heap, b).unwrap());
        assert!(!same_key(a, b));
    }

    #[test]
    fn runs_of_ints_spread_over_low_and_high_bits() {
        let heap = Heap::new();
        for step in [1u64, 8, 1 << 20, 1 << 40] {
            let hashes: Vec<u64> =
                (0..4096u64).map(|i| hash_key(&heap, Value::int((i * step) as i64)).unwrap()).collect();
            for shift in [0, 57 - 5] {
                let mut seen = std::collections::HashSet::new();
                seen.extend(hashes.iter().map(|hash| hash >> shift & 0xFFF));
                assert!(seen.len() > 2400, "{step} {shift}: {}", seen.len());
            }
        }
    }
}
