//! Sorting: stable, by a comparison that may fail and need not be consistent.
//!
//! The standard library's sort is used where the order is total and cannot fail; elsewhere a merge sort of our own,
//! which whatever the comparison says terminates with a permutation of the items.

use std::cmp::Ordering;

use crate::runtime::builtins::value::{compare_numbers, is_number};
use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Gc, Str};
use crate::runtime::ops::compare;
use crate::runtime::value::Value;

/// Pieces of up to this many items are sorted by insertion.
const RUN: usize = 8;

/// Sorts stably. `before(b, a)` says whether `b`, which stands behind `a`, must come before it. After an error the
/// items are not to be used: some may be lost.
pub fn merge_sort<T: Copy>(items: &mut [T], mut before: impl FnMut(T, T) -> Result<bool>) -> Result<()> {
    sort_part(items, &mut Vec::with_capacity(items.len() / 2), &mut before)
}

/// Sorts a half after the other and merges them: what a small part's comparisons have read of its items is still in the
/// processor's caches when they are merged. Passes over all items, from small parts to large ones, would read each from
/// memory in every pass.
fn sort_part<T: Copy>(items: &mut [T], left: &mut Vec<T>, before: &mut impl FnMut(T, T) -> Result<bool>) -> Result<()> {
    if items.len() <= RUN {
        return insertion_sort(items, before);
    }
    let middle = items.len() / 2;
    sort_part(&mut items[..middle], left, before)?;
    sort_part(&mut items[middle..], left, before)?;
    merge(items, middle, left, before)
}

/// Inserts each item where a binary search finds its place, unless it stays where it is.
fn insertion_sort<T: Copy>(items: &mut [T], before: &mut impl FnMut(T, T) -> Result<bool>) -> Result<()> {
    for end in 1..items.len() {
        let item = items[end];
        if !before(item, items[end - 1])? {
            continue;
        }
        let (mut from, mut to) = (0, end - 1);
        while from < to {
            let middle = from.midpoint(to);
            if before(item, items[middle])? {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        items.copy_within(from..end, from + 1);
        items[from] = item;
    }
    Ok(())
}

/// Merges the sorted parts before and from `middle` on.
fn merge<T: Copy>(
    items: &mut [T],
    middle: usize,
    left: &mut Vec<T>,
    before: &mut impl FnMut(T, T) -> Result<bool>,
) -> Result<()> {
    // Parts that are in order already cost one comparison.
    if middle >= items.len() || !before(items[middle], items[middle - 1])? {
        return Ok(());
    }
    left.clear();
    left.extend_from_slice(&items[..middle]);
    let (mut from_left, mut from_right, mut to) = (0, middle, 0);
    // The place written to never overtakes the right part: it is ahead of it by what is left of the left part.
    while from_left < left.len() && from_right < items.len() {
        if before(items[from_right], left[from_left])? {
            items[to] = items[from_right];
            from_right += 1;
        } else {
            items[to] = left[from_left];
            from_left += 1;
        }
        to += 1;
    }
    let rest = &left[from_left..];
    items[to..to + rest.len()].copy_from_slice(rest);
    Ok(())
}

/// The order of `<` made total: NaN comes last.
fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

pub fn sort_floats(floats: &mut [f64]) {
    // Only zeros of either sign and NaNs are equal and yet can be told apart.
    if floats.iter().any(|float| float.is_nan() || float.to_bits() == (-0.0f64).to_bits()) {
        floats.sort_by(|a, b| float_order(*a, *b));
    } else {
        floats.sort_unstable_by(f64::total_cmp);
    }
}

/// Sorts by `<`. If two items cannot be compared, that comparison's error, and the items are not to be used.
pub fn sort_values(heap: &Heap, items: &mut [Value]) -> Result<()> {
    if let Some(mut texts) = items.iter().map(|&item| Text::of(item)).collect::<Option<Vec<Text>>>() {
        // Strings with the same text are one to the program, so the sort need not be stable.
        texts.sort_unstable_by(Text::order);
        for (item, Text { text, .. }) in items.iter_mut().zip(texts) {
            *item = Value::from_str(text);
        }
        return Ok(());
    }
    if items.iter().all(|item| is_number(*item)) {
        items.sort_by(|a, b| number_order(*a, *b));
        return Ok(());
    }
    merge_sort(items, |b, a| compare::less(heap, b, a))
}

/// Sorts pairs stably by `<` of what stands first in them.
pub fn sort_keyed<T: Copy>(heap: &Heap, pairs: &mut [(Value, T)]) -> Result<()> {
    if pairs.iter().all(|(key, _)| is_number(*key)) {
        pairs.sort_by(|(a, _), (b, _)| number_order(*a, *b));
        return Ok(());
    }
    if let Some(mut texts) = pairs.iter().map(|&(key, with)| Some((Text::of(key)?, with))).collect::<Option<Vec<_>>>() {
        texts.sort_by(|(a, _), (b, _)| a.order(b));
        for (pair, (text, with)) in pairs.iter_mut().zip(texts) {
            *pair = (Value::from_str(text.text), with);
        }
        return Ok(());
    }
    merge_sort(pairs, |(b, _), (a, _)| compare::less(heap, b, a))
}

/// The order of `<` of numbers made total: NaN comes last.
fn number_order(a: Value, b: Value) -> Ordering {
    compare_numbers(a, b).unwrap_or_else(|| is_nan(a).cmp(&is_nan(b)))
}

fn is_nan(value: Value) -> bool {
    value.as_float().is_some_and(f64::is_nan)
}

/// A string with the first bytes of its text as a number of the same order: most comparisons then follow no pointer.
#[derive(Clone, Copy)]
struct Text {
    first: u64,
    text: Gc<Str>,
}

impl Text {
    fn of(value: Value) -> Option<Text> {
        let text = value.as_str()?;
        let mut first = [0; 8];
        let len = text.as_str().len().min(8);
        first[..len].copy_from_slice(&text.as_str().as_bytes()[..len]);
        Some(Text { first: u64::from_be_bytes(first), text })
    }

    fn order(&self, other: &Text) -> Ordering {
        self.first.cmp(&other.first).then_with(|| self.text.as_str().cmp(other.text.as_str()))
    }
}

/// What the result of a `by` function says: whether its first argument comes after its second.
pub fn comes_after(result: Value) -> Result<bool> {
    match result.as_int() {
        Some(int) => Ok(int > 0),
        None => {
            let found = result.tag().type_name();
            Err(Error::message(format!("Expected type 'int', but found type '{found}'")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merge_sort_is_the_stable_sort_of_std(keys in prop::collection::vec(0u8..20, 0..300)) {
            let mut ours: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            let mut theirs = ours.clone();
            merge_sort(&mut ours, |b, a| Ok(b.0 < a.0)).unwrap();
            theirs.sort_by_key(|item| item.0);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn an_inconsistent_comparison_still_gives_a_permutation(len in 0usize..200, mut answers in any::<u64>()) {
            let mut items: Vec<usize> = (0..len).collect();
            merge_sort(&mut items, |_, _| {
                answers = answers.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                Ok(answers >> 63 == 0)
            })
            .unwrap();
            items.sort_unstable();
            prop_assert!(items.into_iter().eq(0..len));
        }

        #[test]
        fn strings_are_sorted_by_code_points(texts in prop::collection::vec("[a-c\\x00é\u{FFFF}\u{10000}]{0,10}", 0..40)) {
            let mut heap = Heap::new();
            let mut items: Vec<Value> = texts.iter().map(|text| heap.str_value(text)).collect();
            sort_values(&heap, &mut items).unwrap();
            let mut expected = texts.clone();
            expected.sort_by(|a, b| a.chars().cmp(b.chars()));
            let sorted: Vec<String> =
                items.iter().map(|item| item.as_str().unwrap().as_str().to_owned()).collect();
            prop_assert_eq!(sorted, expected);
        }

        #[test]
        fn floats_and_mixed_numbers_agree(floats in prop::collection::vec(any::<f64>(), 0..60)) {
            let mut fast = floats.clone();
            sort_floats(&mut fast);
            let mut values: Vec<Value> = floats.iter().map(|float| Value::float(*float)).collect();
            sort_values(&Heap::new(), &mut values).unwrap();
            prop_assert!(fast.iter().zip(&values).all(|(float, value)| float.to_bits() == value.bits()));
            prop_assert!(fast.windows(2).all(|pair| float_order(pair[0], pair[1]).is_le()));
        }
    }

    #[test]
    fn zeros_keep_their_order_and_nans_come_last() {
        let mut floats = [f64::NAN, 0.0, -0.0, 1.0, 0.0, f64::NEG_INFINITY];
        sort_floats(&mut floats);
        let bits: Vec<u64> = floats[..5].iter().map(|float| float.to_bits()).collect();
        let expected = [f64::NEG_INFINITY, 0.0, -0.0, 0.0, 1.0].map(f64::to_bits);
        assert_eq!(bits, expected);
        assert!(floats[5].is_nan());
    }

    #[test]
    fn a_failing_comparison_ends_the_sort() {
        let mut items = [3, 2, 1];
        assert!(merge_sort(&mut items, |_, _| Err(Error::message("no"))).is_err());
        let error = sort_values(&Heap::new(), &mut [Value::int(1), Value::VOID]).unwrap_err();
        assert_eq!(error.to_string(), "Invalid operation '<' on operands 'void' and 'int'");
    }
}
