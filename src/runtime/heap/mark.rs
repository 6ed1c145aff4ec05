//! Marking: finding what is reachable, with a stack of its own instead of recursion.

use std::ops::Range;
use std::ptr::NonNull;

use crate::runtime::object::{
    BoundMethod, Cell, Channel, ChannelEnd, Closure, Dict, Gc, Header, Instance, List, ObjKind, Str, StructObject,
    Task, Tuple,
};
use crate::runtime::value::Value;

/// How many items of a list, tuple or dict are marked in one go. It bounds the mark stack: a long list of objects would
/// otherwise put all of them on it at once.
const STRIDE: usize = 128;

/// An object whose children from `next` on are still to be marked.
#[derive(Clone, Copy)]
pub struct Work {
    object: NonNull<Header>,
    next: usize,
}

/// Receives the roots of a collection.
pub struct Marker {
    stack: Vec<Work>,
    colour: u8,
    /// Values that were looked at.
    count: usize,
}

impl Marker {
    pub(super) fn new(stack: Vec<Work>, colour: u8) -> Marker {
        Marker { stack, colour, count: 0 }
    }

    /// Marks a value and, in the course of the collection, all that can be reached from it.
    #[inline]
    pub fn mark(&mut self, value: Value) {
        self.count += 1;
        if let Some(object) = value.as_object() {
            self.mark_object(object);
        }
    }

    /// Marks an object as [`Marker::mark`] does.
    #[inline]
    pub fn mark_object(&mut self, object: Gc<Header>) {
        if object.mark.get() == self.colour {
            return;
        }
        object.mark.set(self.colour);
        match object.kind() {
            ObjKind::Range | ObjKind::StrBuffer => {}
            ObjKind::Str => {
                if let Some(buffer) = cast::<Str>(object).buffer() {
                    buffer.header().mark.set(self.colour);
                }
            }
            ObjKind::List if cast::<List>(object).as_values_for_marking().is_none() => {}
            ObjKind::Free => unreachable!("a reachable value points to freed memory"),
            _ => self.stack.push(Work { object: object.as_non_null(), next: 0 }),
        }
    }

    /// Whether an object has been reached so far. [`Marker::mark_reachable`] makes that mean all roots so far.
    pub fn is_marked(&self, value: Value) -> bool {
        value.as_object().is_none_or(|object| object.mark.get() == self.colour)
    }

    /// Marks everything reachable from what was marked so far.
    pub fn mark_reachable(&mut self) {
        while let Some(Work { object, next }) = self.stack.pop() {
            // SAFETY: only objects that were reached are on the stack, and marking frees nothing.
            self.mark_children(unsafe { Gc::from_non_null(object) }, next);
        }
    }

    /// Marks the rest; returns the emptied stack for the next collection, and how many values were looked at.
    pub(super) fn finish(mut self) -> (Vec<Work>, usize) {
        self.mark_reachable();
        // After a collection of something very deep, the memory is worth more elsewhere.
        (if self.stack.capacity() > 64 << 10 { Vec::new() } else { self.stack }, self.count)
    }

    fn mark_children(&mut self, object: Gc<Header>, next: usize) {
        match object.kind() {
            ObjKind::List => {
                if let Some(items) = cast::<List>(object).as_values_for_marking() {
                    self.mark_stride(object, items, next, |marker, item| marker.mark(*item));
                }
            }
            ObjKind::Tuple => {
                self.mark_stride(object, cast::<Tuple>(object).items(), next, |marker, item| marker.mark(*item));
            }
            ObjKind::Dict => {
                let dict = cast::<Dict>(object);
                let places = self.next_stride(object, dict.places_for_marking(), next);
                dict.visit_for_marking(places, |value| self.mark(value));
            }
            _ => for_each_child(object, |value| self.mark(value)),
        }
    }

    #[inline(always)]
    fn mark_stride<T>(&mut self, object: Gc<Header>, items: &[T], next: usize, mark: impl Fn(&mut Self, &T)) {
        for item in &items[self.next_stride(object, items.len(), next)] {
            mark(self, item);
        }
    }

    /// Which of `count` items come next, from `next` on. If these are not all, the object comes up again.
    #[inline(always)]
    fn next_stride(&mut self, object: Gc<Header>, count: usize, next: usize) -> Range<usize> {
        let start = next.min(count);
        if count - start > STRIDE {
            self.stack.push(Work { object: object.as_non_null(), next: next + STRIDE });
        }
        start..count.min(start + STRIDE)
    }
}

/// The object as what its kind says it is. Callers have matched on the kind.
pub(super) fn cast<T>(object: Gc<Header>) -> Gc<T> {
    // SAFETY: each caller is in the arm of a match on `kind` that belongs to `T`.
    unsafe { Gc::from_non_null(object.as_non_null().cast()) }
}

/// Calls `visit` with every value that an object holds.
pub(super) fn for_each_child(object: Gc<Header>, mut visit: impl FnMut(Value)) {
    match object.kind() {
        ObjKind::Free | ObjKind::Range | ObjKind::Str | ObjKind::StrBuffer => {}
        ObjKind::List => {
            cast::<List>(object).as_values_for_marking().unwrap_or(&[]).iter().for_each(|item| visit(*item))
        }
        ObjKind::Tuple => cast::<Tuple>(object).items().iter().for_each(|item| visit(*item)),
        ObjKind::Dict => {
            let dict = cast::<Dict>(object);
            dict.visit_for_marking(0..dict.places_for_marking(), visit);
        }
        ObjKind::Closure => cast::<Closure>(object).captures().iter().for_each(|capture| visit(capture.get())),
        ObjKind::Struct => cast::<StructObject>(object).methods().iter().for_each(|method| visit(method.get())),
        ObjKind::Instance => {
            let instance = cast::<Instance>(object);
            visit(Value::from_struct(instance.class()));
            if let Some(extra) = instance.extra() {
                visit(Value::from_dict(extra));
            }
            instance.slots().iter().for_each(|slot| visit(slot.get()));
        }
        ObjKind::BoundMethod => {
            let bound = cast::<BoundMethod>(object);
            visit(bound.receiver);
            visit(bound.method);
        }
        ObjKind::Cell => visit(cast::<Cell>(object).get()),
        ObjKind::Task => cast::<Task>(object).for_each_child(visit),
        ObjKind::ChannelEnd => visit(Value::from_channel_core(cast::<ChannelEnd>(object).channel)),
        ObjKind::Channel => cast::<Channel>(object).for_each_child(visit),
    }
}
