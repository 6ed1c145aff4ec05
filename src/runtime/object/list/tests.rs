use proptest::prelude::*;

use super::*;

fn bits(list: &List) -> Vec<(Tag, u64)> {
    list.to_vec().into_iter().map(|value| (value.tag(), value.bits())).collect()
}

#[test]
fn an_empty_list_takes_the_first_kind_and_converts_once() {
    let mut heap = Heap::new();
    for (value, storage) in [
        (Value::int(1), Storage::Ints),
        (Value::float(1.5), Storage::Floats),
        (Value::TRUE, Storage::Bools),
        (Value::VOID, Storage::Values),
    ] {
        let list = List::new(&mut heap);
        list.push(&mut heap, value).unwrap();
        assert_eq!(list.storage(), storage);
        list.pop();
        list.push(&mut heap, Value::float(0.5)).unwrap();
        assert_eq!(list.storage(), if storage == Storage::Values { Storage::Values } else { Storage::Floats });
        list.set(&mut heap, 0, Value::int(7)).unwrap();
        assert_eq!(list.storage(), Storage::Values);
        assert_eq!(list.get(0).as_int(), Some(7));
    }
}

#[test]
fn a_list_that_is_refused_memory_is_as_it_was() {
    let mut heap = Heap::new();
    let text = heap.str_value("x");
    let other = List::from_values(&mut heap, &[text]).unwrap();
    type Grow = fn(&List, &mut Heap, Gc<List>) -> Result<()>;
    let ways: [Grow; 5] = [
        |list, heap, other| list.push(heap, other.get(0)),
        |list, heap, other| list.insert(heap, 1, other.get(0)),
        |list, heap, other| list.set(heap, 1, other.get(0)),
        |list, heap, other| list.extend_from(heap, other),
        |list, heap, other| list.extend_from_values(heap, &[other.get(0)]),
    ];
    for len in 2..40 {
        for grow in ways {
            let ints: Vec<i64> = (0..len).collect();
            let list = List::from_ints(&mut heap, &ints).unwrap();
            // Each attempt is granted one request more.
            heap.set_alloc_stress(true);
            while grow(&list, &mut heap, other).is_err() {
                assert_eq!(list.as_ints(&heap), Some(&ints[..]));
            }
            heap.set_alloc_stress(false);
            assert_eq!(list.storage(), Storage::Values);
        }
    }
}

#[test]
fn typed_views() {
    let mut heap = Heap::new();
    let ints = List::from_ints(&mut heap, &[3, 1, 2]).unwrap();
    ints.as_ints_mut(&mut heap).unwrap().sort_unstable();
    assert_eq!(ints.as_ints(&heap), Some(&[1, 2, 3][..]));
    assert!(ints.as_values(&heap).is_none() && ints.as_floats(&heap).is_none());
    let floats = List::from_floats(&mut heap, &[0.5]).unwrap();
    assert_eq!(floats.as_floats(&heap), Some(&[0.5][..]));
    let bools = List::from_values(&mut heap, &[Value::TRUE, Value::FALSE]).unwrap();
    assert_eq!(bools.as_bools(&heap), Some(&[1, 0][..]));
}

#[test]
fn a_list_extends_itself() {
    let mut heap = Heap::new();
    let list = List::from_ints(&mut heap, &[1, 2, 3]).unwrap();
    for _ in 0..10 {
        list.extend_from(&mut heap, list).unwrap();
    }
    assert_eq!(list.len(), 3 << 10);
    assert_eq!(list.get(3071).as_int(), Some(3));
}

#[test]
fn a_bool_list_keeps_bytes() {
    let mut heap = Heap::new();
    let before = heap.bytes();
    let list = List::new(&mut heap);
    for i in 0..1_000_000 {
        list.push(&mut heap, Value::bool(i % 3 == 0)).unwrap();
    }
    assert!(heap.bytes() - before < 1_600_000);
    assert_eq!(list.get(999_999).as_bool(), Some(true));
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8, i64),
    Pop,
    Set(usize, u8, i64),
    Insert(usize, u8, i64),
    Remove(usize),
    Reverse,
    Truncate(usize),
    Clear,
    ExtendFromSlice(usize, usize),
}

/// A value of one of the kinds that storages tell apart.
fn value(kind: u8, number: i64) -> Value {
    match kind {
        0 => Value::int(number),
        1 => Value::float(number as f64 / 3.0),
        2 => Value::bool(number & 1 == 1),
        _ => Value::VOID,
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly one kind at a time, so that lists stay unboxed for a while.
    let step = |kind: u8| {
        let kinds = prop_oneof![20 => Just(kind), 1 => 0..4u8];
        let number = any::<i64>();
        prop_oneof![
            8 => (kinds.clone(), number).prop_map(|(kind, number)| Step::Push(kind, number)),
            2 => Just(Step::Pop),
            2 => (any::<usize>(), kinds.clone(), number)
                .prop_map(|(index, kind, number)| Step::Set(index, kind, number)),
            2 => (any::<usize>(), kinds, number).prop_map(|(index, kind, number)| Step::Insert(index, kind, number)),
            2 => any::<usize>().prop_map(Step::Remove),
            1 => Just(Step::Reverse),
            1 => any::<usize>().prop_map(Step::Truncate),
            1 => (0..30usize).prop_map(|n| if n == 0 { Step::Clear } else { Step::Pop }),
            1 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Step::ExtendFromSlice(a, b)),
        ]
    };
    (0..4u8).prop_flat_map(move |kind| prop::collection::vec(step(kind), 0..120))
}

proptest! {
    #[test]
    fn behaves_like_a_vec(steps in steps()) {
        let mut heap = Heap::new();
        let list = List::new(&mut heap);
        let mut model: Vec<Value> = Vec::new();
        for step in steps {
            let len = model.len();
            match step {
                Step::Push(kind, number) => {
                    list.push(&mut heap, value(kind, number)).unwrap();
                    model.push(value(kind, number));
                }
                Step::Pop => prop_assert_eq!(list.pop().map(Value::bits), model.pop().map(Value::bits)),
                Step::Set(index, kind, number) if len > 0 => {
                    list.set(&mut heap, index % len, value(kind, number)).unwrap();
                    model[index % len] = value(kind, number);
                }
                Step::Insert(index, kind, number) => {
                    list.insert(&mut heap, index % (len + 1), value(kind, number)).unwrap();
                    model.insert(index % (len + 1), value(kind, number));
                }
                Step::Remove(index) if len > 0 => {
                    prop_assert_eq!(list.remove(index % len).bits(), model.remove(index % len).bits());
                }
                Step::Reverse => {
                    list.reverse();
                    model.reverse();
                }
                Step::Truncate(to) => {
                    list.truncate(to % (len + 1));
                    model.truncate(to % (len + 1));
                }
                Step::Clear => {
                    list.clear(&mut heap);
                    model.clear();
                }
                Step::ExtendFromSlice(a, b) if len < 500 => {
                    let (a, b) = (a % (len + 1), b % (len + 1));
                    let slice = list.slice(&mut heap, a.min(b), a.max(b)).unwrap();
                    list.extend_from(&mut heap, slice).unwrap();
                    model.extend_from_within(a.min(b)..a.max(b));
                }
                _ => {}
            }
            let expected: Vec<(Tag, u64)> = model.iter().map(|value| (value.tag(), value.bits())).collect();
            prop_assert_eq!(bits(&list), expected);
        }
        let copy = List::from_values(&mut heap, &model).unwrap();
        prop_assert_eq!(bits(&copy), bits(&list));
    }
}

#[test]
fn a_short_list_lies_in_its_cell_until_it_is_longer_or_of_another_kind() {
    let mut heap = Heap::new();
    let before = heap.bytes();
    let list = List::from_values(&mut heap, &[Value::TRUE; 20]).unwrap();
    assert!(list.has_own_room() && list.cap.get() >= 20);
    assert_eq!(heap.bytes() - before, 64, "twenty bytes of elements are rounded up");
    list.push(&mut heap, Value::int(1)).unwrap();
    assert!(!list.has_own_room() && list.len() == 21 && list.get(20).as_int() == Some(1));

    // Its room is as large as it was, whatever it is for.
    for storage in [Storage::Values, Storage::Bools, Storage::Floats, Storage::Values, Storage::Ints] {
        let list = List::from_values(&mut heap, &[Value::TRUE, Value::FALSE]).unwrap();
        let items = match storage {
            Storage::Values => vec![Value::VOID; 5],
            Storage::Bools => vec![Value::TRUE; 40],
            Storage::Floats => vec![Value::float(0.5); 9],
            Storage::Ints => vec![Value::int(3); 9],
        };
        list.set_contents(&mut heap, storage, &items).unwrap();
        assert_eq!((list.storage(), list.to_vec().len(), list.has_own_room()), (storage, items.len(), false));
        list.set_contents(&mut heap, Storage::Bools, &[Value::TRUE]).unwrap();
        assert_eq!(bits(&list), [(Tag::Bool, 1)]);
    }

    let list = List::filled(&mut heap, Value::VOID, 100).unwrap();
    assert!(!list.has_own_room() && list.len() == 100 && list.get(99).is_void());
    list.clear(&mut heap);
    assert!(list.is_empty() && list.cap.get() == 0);
    heap.collect(|_| {});
    assert_eq!(heap.bytes(), before);
}
