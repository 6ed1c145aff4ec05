use proptest::prelude::*;

use super::*;

fn int_entries(dict: &Dict, heap: &Heap) -> Vec<(i64, i64)> {
    dict.entries(heap).map(|(key, value)| (key.as_int().unwrap(), value.as_int().unwrap())).collect()
}

#[test]
fn ints_floats_and_bools_are_different_keys() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    let keys = [Value::int(1), Value::float(1.0), Value::TRUE, Value::float(f64::NAN), Value::float(0.0), Value::VOID];
    for (i, key) in keys.into_iter().enumerate() {
        assert!(dict.insert(&mut heap, key, Value::int(i as i64)).unwrap().is_none());
    }
    for (i, key) in keys.into_iter().enumerate() {
        assert_eq!(dict.get(&heap, key).unwrap().and_then(Value::as_int), Some(i as i64));
    }
    assert_eq!(dict.get(&heap, Value::float(-0.0)).unwrap().and_then(Value::as_int), Some(4));
    assert_eq!(dict.len(), 6);
}

#[test]
fn strings_match_by_content() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    let key = heap.str_value("some key");
    dict.insert(&mut heap, key, Value::int(1)).unwrap();
    let same = heap.new_str("some key");
    assert_eq!(dict.get_str(&heap, same).and_then(Value::as_int), Some(1));
    let other = heap.new_str("other key");
    assert!(dict.get_str(&heap, other).is_none());
}

#[test]
fn the_key_version_changes_with_keys_only() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    let (one, two) = (Value::int(1), Value::int(2));
    dict.insert(&mut heap, one, one).unwrap();
    let version = dict.key_version();
    dict.insert(&mut heap, one, two).unwrap();
    assert_eq!(dict.key_version(), version);
    dict.insert(&mut heap, two, two).unwrap();
    dict.remove(&mut heap, two).unwrap();
    assert_ne!(dict.key_version(), version);
    let version = dict.key_version();
    dict.remove(&mut heap, two).unwrap();
    assert_eq!(dict.key_version(), version);
    dict.clear(&mut heap);
    assert_ne!(dict.key_version(), version);
}

#[test]
fn a_queue_of_keys_stays_small_and_quick() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    for i in 0..100_000 {
        dict.insert(&mut heap, Value::int(i), Value::int(i)).unwrap();
        if i >= 100 {
            let (_, first, _) = dict.next_entry(0).unwrap();
            assert_eq!(first.as_int(), Some(i - 100));
            dict.remove(&mut heap, first).unwrap();
        }
    }
    assert_eq!(dict.len(), 100);
    assert!(dict.places_for_marking() < 1000);
}

#[test]
fn values_are_at_small_keys_until_one_is_added_after_another_was_removed() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    let is_dense = |dict: &Dict| dict.places.get() > 0;
    for key in (0..100).rev() {
        dict.insert(&mut heap, Value::int(key), Value::float(0.5)).unwrap();
    }
    assert!(is_dense(&dict));
    for key in 0..90 {
        dict.remove(&mut heap, Value::int(key)).unwrap();
    }
    assert!(is_dense(&dict) && dict.places_for_marking() < 40);
    assert_eq!(dict.entries(&heap).count(), 10);
    dict.remove(&mut heap, Value::int(99)).unwrap();
    dict.insert(&mut heap, Value::int(99), Value::VOID).unwrap();
    assert!(!is_dense(&dict));
    let keys: Vec<_> = dict.entries(&heap).filter_map(|(key, _)| key.as_int()).collect();
    assert_eq!(keys, [98, 97, 96, 95, 94, 93, 92, 91, 90, 99]);
    dict.clear(&mut heap);
    for key in [1 << 40, 3, 2, 1, 0, 5, 6, 7, 8, 9] {
        dict.insert(&mut heap, Value::int(key), Value::VOID).unwrap();
    }
    assert!(!is_dense(&dict));
}

#[test]
fn keys_that_name_methods_are_noticed() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    for (key, names) in [("gets", false), ("Get", false), ("", false), ("ärger", false), ("get", true)] {
        let key = heap.str_value(key);
        dict.insert(&mut heap, key, Value::VOID).unwrap();
        assert_eq!(dict.names_method(), names);
    }
    dict.clear(&mut heap);
    assert!(!dict.names_method());
}

#[test]
fn a_refused_insert_changes_nothing() {
    let mut heap = Heap::new();
    let dict = Dict::new(&mut heap);
    let list = Value::from_list(crate::runtime::object::List::new(&mut heap));
    assert_eq!(dict.insert(&mut heap, list, list).unwrap_err().to_string(), "Type 'list' cannot be a dict key");
    assert_eq!((dict.len(), dict.key_version()), (0, 0));
}

proptest! {
    #[test]
    fn behaves_like_an_ordered_map(steps in prop::collection::vec((0..10u8, 0..40i64), 0..400)) {
        let mut heap = Heap::new();
        let dict = Dict::new(&mut heap);
        let mut model: Vec<(i64, i64)> = Vec::new();
        for (number, (action, key)) in (0i64..).zip(steps) {
            let position = model.iter().position(|entry| entry.0 == key);
            match action {
                0..=4 => {
                    let old = dict.insert(&mut heap, Value::int(key), Value::int(number)).unwrap();
                    prop_assert_eq!(old.and_then(Value::as_int), position.map(|position| model[position].1));
                    match position {
                        Some(position) => model[position].1 = number,
                        None => model.push((key, number)),
                    }
                }
                5..=8 => {
                    let old = dict.remove(&mut heap, Value::int(key)).unwrap();
                    prop_assert_eq!(old.and_then(Value::as_int), position.map(|position| model.remove(position).1));
                }
                _ if key == 0 => {
                    dict.clear(&mut heap);
                    model.clear();
                }
                _ => {
                    let copy = dict.copy(&mut heap).unwrap();
                    prop_assert_eq!(int_entries(&copy, &heap), model.clone());
                }
            }
            prop_assert_eq!(dict.len(), model.len());
            prop_assert_eq!(int_entries(&dict, &heap), model.clone());
            for key in 0..40 {
                let expected = model.iter().find(|entry| entry.0 == key).map(|entry| entry.1);
                prop_assert_eq!(dict.get(&heap, Value::int(key)).unwrap().and_then(Value::as_int), expected);
            }
        }
    }
}
