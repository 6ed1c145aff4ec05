use super::*;
use crate::bytecode::{FuncId, ModuleId, StructId};
use crate::runtime::object::{BoundMethod, Closure, Instance, Range, StructObject};
use crate::runtime::ops::tests::Numbered;

fn text(heap: &Heap, value: Value) -> String {
    let mut out = String::new();
    write_text(heap, &Numbered, &mut out, value).unwrap();
    out
}

#[test]
fn flat_values() {
    let mut heap = Heap::new();
    let class = StructObject::new(&mut heap, StructId(0), &[]);
    let instance = Value::from_instance(Instance::new(&mut heap, class, 0));
    let closure = Value::from_closure(Closure::new(&mut heap, FuncId(2), &[]));
    let bound = Value::from_bound_method(BoundMethod::new(&mut heap, instance, Value::function(FuncId(1))));
    let range = Value::from_range(Range::new(&mut heap, -1, 5));
    for (value, expected) in [
        (Value::int(i64::MIN), "-9223372036854775808"),
        (Value::float(9.0), "9"),
        (Value::float(2.5), "2.5"),
        (Value::float(1e21), "1000000000000000000000"),
        (Value::float(f64::NAN), "NaN"),
        (Value::TRUE, "true"),
        (Value::VOID, "void"),
        (Value::function(FuncId(0)), "<function(main)>"),
        (Value::function(FuncId(3)), "<async_function(main)>"),
        (closure, "<function(<anonymous>)>"),
        (bound, "<function(Point.norm)>"),
        (Value::builtin(0), "<native_function(sqrt)>"),
        (Value::module(ModuleId(0)), "<module util>"),
        (Value::from_struct(class), "<struct Point>"),
        (instance, "<instance of Point>"),
        (range, "-1..5"),
    ] {
        assert_eq!(text(&heap, value), expected);
    }
}

#[test]
fn containers() {
    let mut heap = Heap::new();
    let a = heap.str_value("a");
    let list = Value::from_list(List::from_values(&mut heap, &[Value::int(1), a, Value::float(2.5)]).unwrap());
    assert_eq!(text(&heap, list), "[1, a, 2.5]");
    let single = Value::from_tuple(Tuple::new(&mut heap, &[list]));
    assert_eq!(text(&heap, single), "([1, a, 2.5],)");
    let pair = Value::from_tuple(Tuple::new(&mut heap, &[Value::int(1), Value::int(2)]));
    let dict = Dict::new(&mut heap);
    dict.insert(&mut heap, pair, pair).unwrap();
    dict.insert(&mut heap, a, list).unwrap();
    assert_eq!(text(&heap, Value::from_dict(dict)), "{(1, 2): (1, 2), a: [1, a, 2.5]}");
    let empty = [
        Value::from_list(List::new(&mut heap)),
        Value::from_tuple(Tuple::new(&mut heap, &[])),
        Value::from_dict(Dict::new(&mut heap)),
    ];
    assert_eq!(empty.map(|value| text(&heap, value)), ["[]", "()", "{}"]);
    // The same part twice is no cycle.
    let twice = Value::from_list(List::from_values(&mut heap, &[pair, pair]).unwrap());
    assert_eq!(text(&heap, twice), "[(1, 2), (1, 2)]");
}

#[test]
fn containers_that_contain_themselves_and_are_clean_afterwards() {
    let mut heap = Heap::new();
    let list = List::new(&mut heap);
    let dict = Dict::new(&mut heap);
    let tuple = Tuple::new(&mut heap, &[Value::from_list(list), Value::from_dict(dict)]);
    list.push(&mut heap, Value::from_list(list)).unwrap();
    list.push(&mut heap, Value::from_tuple(tuple)).unwrap();
    dict.insert(&mut heap, Value::int(1), Value::from_dict(dict)).unwrap();
    for _ in 0..2 {
        assert_eq!(text(&heap, Value::from_list(list)), "[[...], ([...], {1: {...}})]");
        assert_eq!(text(&heap, Value::from_tuple(tuple)), "([[...], (...)], {1: {...}})");
    }
    heap.collect(|marker| marker.mark(Value::from_list(list)));
    assert_eq!(text(&heap, Value::from_dict(dict)), "{1: {...}}");
}

#[test]
fn very_deep_values() {
    let mut heap = Heap::new();
    let depth = 1_000_000;
    let mut value = Value::from_tuple(Tuple::new(&mut heap, &[]));
    for _ in 0..depth {
        value = Value::from_list(List::from_values(&mut heap, &[value]).unwrap());
    }
    let expected = format!("{}(){}", "[".repeat(depth), "]".repeat(depth));
    assert!(text(&heap, value) == expected);
    let mut key = Value::from_tuple(Tuple::new(&mut heap, &[]));
    for _ in 0..1000 {
        key = Value::from_tuple(Tuple::new(&mut heap, &[key]));
    }
    let dict = Dict::new(&mut heap);
    dict.insert(&mut heap, key, Value::VOID).unwrap();
    assert_eq!(text(&heap, Value::from_dict(dict)).len(), 2 + 2 + 3000 + ": void".len());
}

#[test]
fn text_that_grows_without_bound_is_refused_and_leaves_no_marks() {
    let mut heap = Heap::new();
    heap.set_max_heap(4 << 20);
    let mut value = heap.str_value("some text");
    for _ in 0..40 {
        value = Value::from_list(List::from_values(&mut heap, &[value, value]).unwrap());
    }
    let mut out = String::new();
    assert!(write_text(&heap, &Numbered, &mut out, value).is_err());
    let inner = value.as_list().unwrap().get(0);
    assert!(value.as_object().unwrap().enter() && inner.as_object().unwrap().enter());
}

#[test]
fn joined_texts() {
    let mut heap = Heap::new();
    let a = heap.str_value("a = ");
    let joined = concat(&mut heap, &Numbered, &[a, Value::int(3), Value::VOID]).unwrap();
    assert_eq!(joined.as_str(), "a = 3void");
    assert_eq!(Value::from_str(to_str(&mut heap, &Numbered, a).unwrap()).bits(), a.bits());
}
