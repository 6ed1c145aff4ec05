use super::*;
use crate::bytecode::{FuncId, StructId};
use crate::runtime::object::{BoundMethod, Cell, Closure, Instance, Range, StructObject, Tuple};

/// What a heap holds before anything was allocated: the short strings.
const BASE: usize = 129;

fn collect(heap: &mut Heap, roots: &[Value]) -> Collection {
    heap.collect(|marker| roots.iter().for_each(|root| marker.mark(*root)))
}

#[test]
fn what_is_reachable_stays_and_the_rest_goes() {
    let mut heap = Heap::new();
    let text = heap.str_value("kept in a cell");
    let cell = Value::from_cell(Cell::new(&mut heap, text));
    let closure = Value::from_closure(Closure::new(&mut heap, FuncId(0), &[cell]));
    let class = StructObject::new(&mut heap, StructId(0), &[closure]);
    let instance = Instance::new(&mut heap, class, 1);
    let range = Value::from_range(Range::new(&mut heap, 0, 5));
    instance.set_slot(0, range);
    let name = heap.new_str("side field");
    let side = heap.str_value("side value");
    instance.set_extra_field(&mut heap, name, side).unwrap();
    let bound = Value::from_bound_method(BoundMethod::new(&mut heap, Value::from_instance(instance), closure));
    let tuple = Value::from_tuple(Tuple::new(&mut heap, &[bound]));
    let dict = Dict::new(&mut heap);
    dict.insert(&mut heap, Value::int(1), tuple).unwrap();
    let list = List::from_values(&mut heap, &[Value::from_dict(dict)]).unwrap();

    for i in 0..1000 {
        heap.str_value(&format!("garbage {i}"));
    }
    let done = collect(&mut heap, &[Value::from_list(list)]);
    // text, cell, closure, struct, instance, range, name, side value, side dict, bound method, tuple, dict, list
    assert_eq!(done.objects_after, BASE + 13);
    assert_eq!(done.objects_freed, 1000);
    assert_eq!(done.objects_before, BASE + 1013);
    assert_eq!(heap.stats().objects, BASE + 13);
    let kept = instance.class().method(0).as_closure().and_then(|closure| closure.capture(0).as_cell());
    assert_eq!(kept.and_then(|cell| cell.get().as_str()).unwrap().as_str(), "kept in a cell");

    let done = collect(&mut heap, &[]);
    assert_eq!((done.objects_after, done.objects_freed, done.total_collections), (BASE, 13, 2));
}

#[test]
fn cycles_are_freed() {
    let mut heap = Heap::new();
    let a = List::new(&mut heap);
    let b = Value::from_tuple(Tuple::new(&mut heap, &[Value::from_list(a)]));
    a.push(&mut heap, b).unwrap();
    assert_eq!(collect(&mut heap, &[b]).objects_freed, 0);
    assert_eq!(collect(&mut heap, &[]).objects_freed, 2);
}

#[test]
fn very_deep_structures_are_marked_and_freed() {
    let mut heap = Heap::new();
    let mut value = Value::VOID;
    for i in 0..1_000_000 {
        value = if i % 2 == 0 {
            Value::from_tuple(Tuple::new(&mut heap, &[value]))
        } else {
            Value::from_list(List::from_values(&mut heap, &[value]).unwrap())
        };
    }
    assert_eq!(collect(&mut heap, &[value]).objects_freed, 0);
    assert_eq!(collect(&mut heap, &[]).objects_freed, 1_000_000);
}

#[test]
fn long_containers_are_marked_to_the_end() {
    let mut heap = Heap::new();
    let list = List::new(&mut heap);
    let dict = Dict::new(&mut heap);
    for i in 0..1000 {
        let text = heap.str_value(&format!("item {i}"));
        list.push(&mut heap, text).unwrap();
        let text = heap.str_value(&format!("value {i}"));
        dict.insert(&mut heap, Value::int(i), text).unwrap();
    }
    let tuple = Value::from_tuple(Tuple::new(&mut heap, &list.to_vec()));
    let done = collect(&mut heap, &[tuple, Value::from_dict(dict)]);
    assert_eq!((done.objects_freed, done.objects_after), (1, BASE + 2002));
}

#[test]
fn freed_cells_and_blocks_are_used_again() {
    let mut heap = Heap::new();
    reuse_cells(&mut heap);
    // Poisoning walks every cell; without it, dead blocks are cleared as a whole.
    heap.poison = false;
    reuse_cells(&mut heap);
}

fn reuse_cells(heap: &mut Heap) {
    let mut most = 0;
    for round in 0..20 {
        let keep = List::new(heap);
        for i in 0..20_000 {
            let value = Value::from_range(Range::new(heap, i, i));
            if i % 7 == 0 {
                keep.push(heap, value).unwrap();
            }
            // A different size each round, so that whole blocks change their class.
            Tuple::new(heap, &vec![Value::int(i); round]);
        }
        let done = collect(heap, &[Value::from_list(keep)]);
        assert_eq!(done.objects_after, BASE + 1 + 20_000usize.div_ceil(7));
        assert!((0..keep.len()).all(|i| keep.get(i).as_range().unwrap().start == i as i64 * 7));
        collect(heap, &[]);
        most = most.max(heap.blocks.chunk_count());
    }
    // The largest round allocates some 7 MB of tuples.
    assert!(most <= 10, "{most} MiB");
}

#[test]
fn bytes_return_to_what_they_were() {
    for poison in [true, false] {
        let mut heap = Heap::new();
        heap.poison = poison;
        fill_and_collect(&mut heap);
    }
}

fn fill_and_collect(heap: &mut Heap) {
    let before = heap.bytes();
    let list = List::new(heap);
    let dict = Dict::new(heap);
    let mut text = heap.new_str("start");
    let more = heap.new_str(" and more");
    for i in 0..10_000 {
        list.push(heap, Value::float(i as f64)).unwrap();
        dict.insert(heap, Value::int(i), Value::VOID).unwrap();
        text = Str::concat(heap, text, more).unwrap();
    }
    heap.new_str(&"x".repeat(100_000));
    Tuple::new(heap, &[Value::VOID; 1000]);
    assert!(heap.bytes() > before + 500_000);
    collect(heap, &[]);
    assert_eq!(heap.bytes(), before);
}

#[test]
fn a_collection_is_due_after_the_threshold() {
    let mut heap = Heap::new();
    assert_eq!(heap.set_threshold(100_000), *THRESHOLDS.start());
    assert!(!heap.should_collect());
    let start = heap.bytes();
    while !heap.should_collect() {
        Range::new(&mut heap, 0, 0);
    }
    assert!((95_000..105_000).contains(&(heap.bytes() - start)), "{}", heap.bytes() - start);
    collect(&mut heap, &[]);
    assert!(!heap.should_collect());
    heap.set_stress(true);
    assert!(heap.should_collect());
    collect(&mut heap, &[]);
    assert!(heap.should_collect());
}

#[test]
fn large_pieces_count_for_less_until_there_are_many() {
    let mut heap = Heap::new();
    let start = heap.bytes();
    let mut made = 0;
    while !heap.should_collect() {
        Tuple::new(&mut heap, &[Value::VOID; 25_000]);
        made += 1;
    }
    // 400 kB each.
    assert_eq!(made, 8_400_000 / 400_000, "{}", heap.bytes() - start);
    collect(&mut heap, &[]);
    let start = heap.bytes();
    while !heap.should_collect() {
        Range::new(&mut heap, 0, 0);
    }
    assert!((1 << 20..1_100_000).contains(&(heap.bytes() - start)), "{}", heap.bytes() - start);
}

#[test]
fn the_limit_refuses_big_requests_and_reports_small_ones() {
    let mut heap = Heap::new();
    heap.set_max_heap(1 << 20);
    let list = List::new(&mut heap);
    let text = heap.str_value(&"x".repeat(1000));
    let too_large = super::super::ops::arith::mul(&mut heap, text, Value::int(1 << 20)).unwrap_err();
    assert_eq!(too_large.to_string(), "Value too large");
    assert!(too_large.is_catchable());
    let absurd = super::super::ops::arith::mul(&mut heap, text, Value::int(i64::MAX)).unwrap_err();
    assert_eq!(absurd.to_string(), "Value too large");

    heap.new_str(&"y".repeat(400_000));
    let bytes = heap.bytes();
    let refused = super::super::ops::arith::mul(&mut heap, text, Value::int(700)).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::NeedsMemory(700_000)));
    assert_eq!(heap.bytes(), bytes);
    collect(&mut heap, &[text, Value::from_list(list)]);
    super::super::ops::arith::mul(&mut heap, text, Value::int(700)).unwrap();

    let mut roots = vec![text];
    while !heap.should_collect() {
        roots.push(Value::from_range(Range::new(&mut heap, 0, 0)));
    }
    collect(&mut heap, &roots);
    assert!(!heap.over_limit());
    while !heap.over_limit() {
        for _ in 0..1000 {
            roots.push(Value::from_range(Range::new(&mut heap, 0, 0)));
        }
        collect(&mut heap, &roots);
    }
    assert!(roots.len() >= 30_000, "{}", roots.len());
}

#[test]
fn a_refused_growth_leaves_the_list_as_it_was() {
    let mut heap = Heap::new();
    heap.set_max_heap(1 << 20);
    let list = List::new(&mut heap);
    let error = loop {
        if let Err(error) = list.push(&mut heap, Value::int(list.len() as i64)) {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::NeedsMemory(_) | ErrorKind::Message(_)));
    let len = list.len();
    assert!(len > 20_000);
    assert_eq!(list.get(len - 1).as_int(), Some(len as i64 - 1));
    // Converting needs twice the memory and is refused as well, without harm.
    assert!(list.set(&mut heap, 0, Value::VOID).is_err());
    assert_eq!(list.get(0).as_int(), Some(0));
}

#[test]
fn large_objects() {
    let mut heap = Heap::new();
    let inner = heap.str_value("in a large tuple");
    let large = Value::from_tuple(Tuple::new(&mut heap, &[inner; 100]));
    let done = collect(&mut heap, &[large]);
    assert_eq!((done.objects_freed, done.objects_after), (0, BASE + 2));
    assert_eq!(large.as_tuple().unwrap().items()[99].as_str().unwrap().as_str(), "in a large tuple");
    assert_eq!(collect(&mut heap, &[]).objects_freed, 2);
}

#[test]
fn short_strings_are_shared_and_survive() {
    let mut heap = Heap::new();
    collect(&mut heap, &[]);
    assert_eq!(heap.new_str("a"), heap.char_str('a'));
    assert_eq!(heap.new_str(""), heap.empty_str());
    assert_eq!(heap.char_str('z').as_str(), "z");
    assert_eq!(heap.char_str('é').as_str(), "é");
    assert_eq!(heap.stats().objects, BASE + 1);
}

#[test]
fn empty_chunks_go_back_to_the_system() {
    let mut heap = Heap::new();
    let kept = Tuple::new(&mut heap, &[Value::int(7)]);
    for _ in 0..200_000 {
        Tuple::new(&mut heap, &[Value::int(1)]);
    }
    let before = heap.blocks.chunk_count();
    heap.collect(|marker| marker.mark(Value::from_tuple(kept)));
    heap.give_back();
    assert!(before > 4 && heap.blocks.chunk_count() < 3, "{before} chunks before");
    for _ in 0..200_000 {
        Tuple::new(&mut heap, &[Value::int(2)]);
    }
    assert_eq!(kept.items()[0].as_int(), Some(7));
    heap.collect(|marker| marker.mark(Value::from_tuple(kept)));
    heap.verify();
}
