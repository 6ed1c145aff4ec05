use super::*;

fn list(heap: &mut Heap, items: &[Value]) -> Value {
    Value::from_list(List::from_values(heap, items).unwrap())
}

#[test]
fn numbers_are_equal_by_value_and_bools_are_no_numbers() {
    let mut heap = Heap::new();
    assert!(equal(&heap, Value::int(2), Value::float(2.0)));
    assert!(!equal(&heap, Value::int((1 << 53) + 1), Value::float((1u64 << 53) as f64)));
    assert!(!equal(&heap, Value::int(1), Value::TRUE));
    assert!(equal(&heap, Value::float(0.0), Value::float(-0.0)));
    let (ints, floats) = (list(&mut heap, &[Value::int(1)]), list(&mut heap, &[Value::float(1.0)]));
    assert!(equal(&heap, ints, floats));
    let bools = list(&mut heap, &[Value::TRUE]);
    assert!(!equal(&heap, ints, bools));
}

#[test]
fn a_list_with_a_nan_is_not_equal_to_itself() {
    let mut heap = Heap::new();
    let nan = Value::float(f64::NAN);
    for items in [&[nan][..], &[Value::VOID, nan]] {
        let xs = list(&mut heap, items);
        assert!(!equal(&heap, xs, xs));
    }
}

#[test]
fn dicts_are_equal_whatever_their_order_by_the_key_rule() {
    let mut heap = Heap::new();
    let (a, b) = (Dict::new(&mut heap), Dict::new(&mut heap));
    let (one, two) = (Value::int(1), Value::int(2));
    a.insert(&mut heap, one, two).unwrap();
    a.insert(&mut heap, two, one).unwrap();
    b.insert(&mut heap, two, Value::float(1.0)).unwrap();
    assert!(!equal(&heap, Value::from_dict(a), Value::from_dict(b)));
    b.insert(&mut heap, one, two).unwrap();
    assert!(equal(&heap, Value::from_dict(a), Value::from_dict(b)));
    b.remove(&mut heap, one).unwrap();
    b.insert(&mut heap, Value::float(1.0), two).unwrap();
    assert!(!equal(&heap, Value::from_dict(a), Value::from_dict(b)));
}

#[test]
fn structures_that_contain_themselves() {
    let mut heap = Heap::new();
    let a = List::new(&mut heap);
    let b = List::new(&mut heap);
    a.push(&mut heap, Value::from_list(a)).unwrap();
    b.push(&mut heap, Value::from_list(a)).unwrap();
    assert!(equal(&heap, Value::from_list(a), Value::from_list(b)));
    a.push(&mut heap, Value::int(1)).unwrap();
    b.push(&mut heap, Value::int(2)).unwrap();
    assert!(!equal(&heap, Value::from_list(a), Value::from_list(b)));

    let (c, d) = (Dict::new(&mut heap), Dict::new(&mut heap));
    for dict in [c, d] {
        let inner = Value::from_tuple(Tuple::new(&mut heap, &[Value::from_dict(dict)]));
        dict.insert(&mut heap, Value::VOID, inner).unwrap();
    }
    assert!(equal(&heap, Value::from_dict(c), Value::from_dict(d)));
}

#[test]
fn very_deep_lists() {
    let mut heap = Heap::new();
    let mut pair = [Value::int(1), Value::int(1)];
    for _ in 0..1_000_000 {
        pair = pair.map(|value| list(&mut heap, &[value]));
    }
    assert!(equal(&heap, pair[0], pair[1]));
}

#[test]
fn shared_parts_are_compared_once() {
    let mut heap = Heap::new();
    let mut pair = [Value::VOID, Value::VOID];
    for _ in 0..200 {
        pair = pair.map(|value| list(&mut heap, &[value, value]));
    }
    assert!(equal(&heap, pair[0], pair[1]));
}

#[test]
fn other_values_are_equal_by_identity() {
    use crate::bytecode::{FuncId, StructId};
    use crate::runtime::object::{Closure, Instance, StructObject};
    let mut heap = Heap::new();
    let class = StructObject::new(&mut heap, StructId(0), &[]);
    let a = Value::from_instance(Instance::new(&mut heap, class, 0));
    let b = Value::from_instance(Instance::new(&mut heap, class, 0));
    assert!(equal(&heap, a, a) && !equal(&heap, a, b));
    let f = Value::from_closure(Closure::new(&mut heap, FuncId(1), &[]));
    assert!(!equal(&heap, f, Value::function(FuncId(1))));
    assert!(equal(&heap, Value::function(FuncId(1)), Value::function(FuncId(1))));
}
