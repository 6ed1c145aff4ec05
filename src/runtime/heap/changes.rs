//! What an operation has changed in memory, found by comparing: debug builds hold it against what the operation's row
//! says it may touch.
//!
//! Native code relies on these rows: it keeps fields, cells and globals in registers across an operation whose row does
//! not name them, and knows the lengths of lists. The comparison looks at every object of the heap, reachable or not,
//! so it takes nothing from the rows themselves.

use std::collections::HashSet;

use super::{Heap, mark};
use crate::bytecode::op::HeapUse;
use crate::runtime::object::{Cell, Dict, Gc, Header, Instance, List, ObjKind};
use crate::runtime::value::Value;

/// A larger heap is not compared: the tests have many small ones.
const LARGEST_HEAP: usize = 128 << 10;

/// A value as its two words, so that a NaN equals itself and `1` is not `1.0`.
type Words = (u64, u64);

fn words(value: Value) -> Words {
    (value.tag() as u64, value.bits())
}

/// The objects of one kind of use, and what was in them.
struct Contents {
    part: HeapUse,
    object: Gc<Header>,
    words: Vec<Words>,
}

/// What an operation must leave as it is.
pub(in crate::runtime) struct Watched {
    collections: usize,
    globals: Option<Vec<Words>>,
    objects: Vec<Contents>,
}

impl Watched {
    /// Writes down everything but what may be touched. `None` if the heap is too large for that.
    pub fn new(heap: &Heap, globals: &[Value], may_touch: HeapUse) -> Option<Watched> {
        if heap.bytes() > LARGEST_HEAP {
            return None;
        }
        // Fields that a struct's layout lacks are in a dict of the instance's own, which the program does not see as
        // one.
        let mut of_instances = HashSet::new();
        for_each_object(heap, |object| {
            if let ObjKind::Instance = object.kind() {
                of_instances.extend(mark::cast::<Instance>(object).extra().map(|extra| extra.as_ptr() as usize));
            }
        });
        let mut objects = Vec::new();
        for_each_object(heap, |object| {
            let part = match object.kind() {
                ObjKind::List => HeapUse::LISTS,
                ObjKind::Dict if !of_instances.contains(&(object.as_ptr() as usize)) => HeapUse::DICTS,
                ObjKind::Dict | ObjKind::Instance | ObjKind::Cell => HeapUse::FIELDS,
                _ => return,
            };
            if !may_touch.meets(part) {
                objects.push(Contents { part, object, words: contents(heap, object) });
            }
        });
        let globals = (!may_touch.meets(HeapUse::GLOBALS)).then(|| globals.iter().map(|&value| words(value)).collect());
        Some(Watched { collections: heap.collections(), globals, objects })
    }

    /// What was changed though it must not be.
    pub fn changed(&self, heap: &Heap, globals: &[Value]) -> Option<HeapUse> {
        if self.collections != heap.collections() {
            return None;
        }
        if let Some(before) = &self.globals
            && !before.iter().copied().eq(globals.iter().map(|&value| words(value)))
        {
            return Some(HeapUse::GLOBALS);
        }
        let changed = self.objects.iter().find(|before| before.words != contents(heap, before.object));
        changed.map(|before| before.part)
    }
}

fn for_each_object(heap: &Heap, mut visit: impl FnMut(Gc<Header>)) {
    heap.blocks.for_each_object(&mut visit);
    for large in &heap.large {
        // SAFETY: large objects in the list are alive.
        visit(unsafe { Gc::from_non_null(large.object) });
    }
}

/// What is in an object that can change. Two objects with the same words look the same to native code, too.
fn contents(heap: &Heap, object: Gc<Header>) -> Vec<Words> {
    match object.kind() {
        ObjKind::List => {
            let list = mark::cast::<List>(object);
            let storage = (list.storage() as u64, list.len() as u64);
            std::iter::once(storage).chain(list.to_vec().into_iter().map(words)).collect()
        }
        ObjKind::Dict => {
            let dict = mark::cast::<Dict>(object);
            let entries = dict.entries(heap).flat_map(|(key, value)| [words(key), words(value)]);
            std::iter::once((0, dict.key_version())).chain(entries).collect()
        }
        ObjKind::Instance => {
            let instance = mark::cast::<Instance>(object);
            let extra = instance.extra().map_or(0, |extra| extra.as_ptr() as u64);
            std::iter::once((0, extra)).chain(instance.slots().iter().map(|slot| words(slot.get()))).collect()
        }
        ObjKind::Cell => vec![words(mark::cast::<Cell>(object).get())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::StructId;
    use crate::runtime::object::StructObject;

    /// What of a small heap `operate` is found to change, with leave to touch some of it.
    fn changed(may_touch: HeapUse, operate: impl Fn(&mut Heap, &mut [Value], &[Value; 5])) -> Option<HeapUse> {
        let mut heap = Heap::new();
        let list = Value::from_list(List::from_values(&mut heap, &[Value::int(1), Value::int(2)]).unwrap());
        let dict = Value::from_dict(Dict::new(&mut heap));
        let cell = Value::from_cell(Cell::new(&mut heap, Value::VOID));
        let class = StructObject::new(&mut heap, StructId(0), &[]);
        let instance = Instance::new(&mut heap, class, 1);
        let extra = Dict::new(&mut heap);
        instance.set_extra(Some(extra));
        let mut globals = [Value::VOID];
        let objects = [list, dict, cell, Value::from_instance(instance), Value::from_dict(extra)];
        let watched = Watched::new(&heap, &globals, may_touch).unwrap();
        operate(&mut heap, &mut globals, &objects);
        watched.changed(&heap, &globals)
    }

    type Operation = fn(&mut Heap, &mut [Value], &[Value; 5]);

    fn every_part() -> [(HeapUse, Operation); 6] {
        [
            (HeapUse::LISTS, |heap, _, [list, ..]| list.as_list().unwrap().push(heap, Value::int(3)).unwrap()),
            (HeapUse::DICTS, |heap, _, [_, dict, ..]| {
                dict.as_dict().unwrap().insert(heap, Value::int(3), Value::VOID).unwrap();
            }),
            (HeapUse::FIELDS, |_, _, [_, _, cell, ..]| cell.as_cell().unwrap().set(Value::TRUE)),
            (HeapUse::FIELDS, |_, _, [_, _, _, instance, _]| instance.as_instance().unwrap().set_slot(0, Value::TRUE)),
            (HeapUse::FIELDS, |heap, _, [.., extra]| {
                extra.as_dict().unwrap().insert(heap, Value::int(3), Value::VOID).unwrap();
            }),
            (HeapUse::GLOBALS, |_, globals, _| globals[0] = Value::int(0)),
        ]
    }

    #[test]
    fn what_must_not_be_touched_is_seen_to_change() {
        for (part, operate) in every_part() {
            assert_eq!(changed(HeapUse::NONE, operate), Some(part));
        }
    }

    #[test]
    fn what_may_be_touched_is_not_looked_at() {
        for (part, operate) in every_part() {
            assert_eq!(changed(part, operate), None);
        }
        assert_eq!(changed(HeapUse::NONE, |heap, _, _| _ = heap.str_value("new")), None, "new objects are nobody's");
    }

    #[test]
    fn a_list_with_equal_elements_in_another_storage_has_changed() {
        let operate = |heap: &mut Heap, _: &mut [Value], objects: &[Value; 5]| {
            let list = objects[0].as_list().unwrap();
            list.push(heap, Value::VOID).unwrap();
            list.pop();
        };
        assert_eq!(changed(HeapUse::NONE, operate), Some(HeapUse::LISTS));
    }
}
