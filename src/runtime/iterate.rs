//! Iteration: the state machine behind `for x in v`.
//!
//! Three registers of the loop hold the state: what is iterated, a position, and a number that tells whether a dict has changed. Nothing
//! is allocated to iterate, and the state is ordinary values, so the collector and a hand-made file can do it no harm: each
//! step looks at the tag again.

use super::error::{Error, Result};
use super::object::{BoundMethod, Gc, List, Range, Tuple};
use super::value::{Tag, Value};
use super::vm::Vm;
use crate::bytecode::op::window::Iter;

fn read(state: *mut Value, register: u16) -> Value {
    // SAFETY: the verifier proved the loop's registers to lie in the frame.
    unsafe { *state.add(register.into()) }
}

fn write(state: *mut Value, register: u16, value: Value) {
    // SAFETY: as for `read`.
    unsafe { *state.add(register.into()) = value };
}

impl Vm {
    /// Starts iterating the value in the first state register and takes the first step; false if there is no item. If this fails the
    /// register is as it was.
    #[inline(never)]
    pub(super) fn start_iteration(&mut self, state: *mut Value, pairs: bool) -> Result<bool> {
        let iterable = read(state, Iter::ITERABLE);
        let (iterable, position) = match iterable.tag() {
            Tag::Instance => match self.instance_iterator(iterable)? {
                iterator if iterator.tag() == Tag::Instance => (iterator, Iter::BY_NEXT),
                iterator => (iterator, 0),
            },
            Tag::Range | Tag::List | Tag::Tuple | Tag::Str | Tag::Dict => (iterable, 0),
            Tag::Module => (self.module_items(iterable)?, 0),
            _ => return Err(not_iterable(iterable)),
        };
        write(state, Iter::ITERABLE, iterable);
        write(state, Iter::POSITION, Value::int(position));
        write(state, Iter::VERSION, Value::int(iterable.as_dict().map_or(0, |dict| dict.key_version() as i64)));
        if pairs { self.next_pair(state) } else { self.next_item(state) }
    }

    /// What an instance is iterated by: what its `iter` gives, or the instance itself if it has `next`. An instance that is returned has
    /// `next`; anything else is iterable without calling Walrus code.
    pub(super) fn instance_iterator(&mut self, instance: Value) -> Result<Value> {
        let iterator = match self.bound(instance, "iter") {
            Some(iter) => self.call_from_instruction(iter, &[])?,
            None if self.bound(instance, "next").is_some() => return Ok(instance),
            None => return Err(self.instance_not_iterable(instance)),
        };
        match iterator.tag() {
            Tag::Instance if self.bound(iterator, "next").is_some() => Ok(iterator),
            Tag::Instance => Err(self.instance_not_iterable(iterator)),
            // `iter` has run: it must not be called again for want of memory.
            Tag::Module => self.with_memory(|vm| vm.module_items(iterator)),
            Tag::Range | Tag::List | Tag::Tuple | Tag::Str | Tag::Dict => Ok(iterator),
            _ => Err(not_iterable(iterator)),
        }
    }

    /// The next item of an instance with `next`; nothing at the end. The caller keeps the instance alive.
    pub(super) fn next_of_instance(&mut self, iterator: Value) -> Result<Option<Value>> {
        let Some(next) = self.bound(iterator, "next") else { return Err(not_iterable(iterator)) };
        let item = self.call_from_instruction(next, &[])?;
        Ok(if item.is_void() { None } else { Some(item) })
    }

    fn instance_not_iterable(&self, instance: Value) -> Error {
        not_iterable(instance)
    }

    /// A method of an instance's struct, bound.
    fn bound(&mut self, object: Value, name: &str) -> Option<Value> {
        let instance = object.as_instance()?;
        let position = self.image.struct_def(instance.struct_id()).method(name)?;
        Some(Value::from_bound_method(BoundMethod::new(&mut self.heap, object, instance.class().method(position))))
    }

    /// A module is iterated as a list of its names and values at that time.
    pub(super) fn module_items(&mut self, module: Value) -> Result<Value> {
        let names: Vec<(String, Value)> = match module.as_module() {
            Some(module) => self.module_names(module).map(|(name, value)| (name.to_owned(), value)).collect(),
            None => Vec::new(),
        };
        let items: Vec<Value> = names
            .into_iter()
            .map(|(name, value)| {
                let name = self.heap.str_value(&name);
                Value::from_tuple(Tuple::new(&mut self.heap, &[name, value]))
            })
            .collect();
        Ok(Value::from_list(List::from_values(&mut self.heap, &items)?))
    }

    /// Puts the next item into the item register; false at the end.
    #[inline]
    pub(super) fn next_item(&mut self, state: *mut Value) -> Result<bool> {
        let iterable = read(state, Iter::ITERABLE);
        let position = read(state, Iter::POSITION).int_bits();
        if let Some(list) = iterable.as_list() {
            let Some(item) = list.try_get(position as usize) else { return Ok(false) };
            write(state, Iter::POSITION, Value::int(position + 1));
            write(state, Iter::ITEM, item);
            return Ok(true);
        }
        self.next_other(state, iterable, position)
    }

    #[inline(never)]
    fn next_other(&mut self, state: *mut Value, iterable: Value, position: i64) -> Result<bool> {
        let at = position as usize;
        let (item, next) = match iterable.tag() {
            Tag::Range => {
                let Some(range) = iterable.as_range() else { return Ok(false) };
                match range.start.checked_add(position) {
                    Some(item) if item < range.end => (Value::int(item), position + 1),
                    _ => return Ok(false),
                }
            }
            Tag::Tuple => match iterable.as_tuple().and_then(|tuple| tuple.items().get(at).copied()) {
                Some(item) => (item, position + 1),
                None => return Ok(false),
            },
            Tag::Str => {
                let Some(text) = iterable.as_str() else { return Ok(false) };
                match text.as_str().get(at..).and_then(|rest| rest.chars().next()) {
                    Some(char) => (Value::from_str(self.heap.char_str(char)), position + char.len_utf8() as i64),
                    None => return Ok(false),
                }
            }
            Tag::Dict => match self.next_entry(state, iterable, position)? {
                Some((key, value, next)) => (Value::from_tuple(Tuple::new(&mut self.heap, &[key, value])), next),
                None => return Ok(false),
            },
            Tag::Instance => match self.next_of_instance(iterable)? {
                Some(item) => (item, position),
                None => return Ok(false),
            },
            _ => return Err(not_iterable(iterable)),
        };
        write(state, Iter::POSITION, Value::int(next));
        write(state, Iter::ITEM, item);
        Ok(true)
    }

    /// The next entry of a dict, with the position after it.
    fn next_entry(&self, state: *mut Value, dict: Value, position: i64) -> Result<Option<(Value, Value, i64)>> {
        let Some(dict) = dict.as_dict() else { return Ok(None) };
        if read(state, Iter::VERSION).int_bits() != dict.key_version() as i64 {
            return Err(Error::message("Dict changed size during iteration"));
        }
        Ok(dict.next_entry(position as usize).map(|(next, key, value)| (key, value, next as i64)))
    }

    /// Puts the parts of the next item, a sequence of two, into the item register and the one above it; false at the end.
    #[inline(never)]
    pub(super) fn next_pair(&mut self, state: *mut Value) -> Result<bool> {
        let iterable = read(state, Iter::ITERABLE);
        let position = read(state, Iter::POSITION);
        if iterable.tag() == Tag::Dict {
            let Some((key, value, next)) = self.next_entry(state, iterable, position.int_bits())? else {
                return Ok(false);
            };
            write(state, Iter::POSITION, Value::int(next));
            write(state, Iter::ITEM, key);
            write(state, Iter::SECOND, value);
            return Ok(true);
        }
        let last = read(state, Iter::ITEM);
        if !self.next_item(state)? {
            return Ok(false);
        }
        let item = read(state, Iter::ITEM);
        let (first, second) = match self.unpack_pair(item) {
            Ok(pair) => pair,
            Err(error) => {
                // An instruction that fails has had no effect.
                write(state, Iter::POSITION, position);
                write(state, Iter::ITEM, last);
                return Err(error);
            }
        };
        write(state, Iter::ITEM, first);
        write(state, Iter::SECOND, second);
        Ok(true)
    }

    fn unpack_pair(&mut self, item: Value) -> Result<(Value, Value)> {
        let wrong = |found: usize| Err(wrong_count(2, found as i128));
        if let Some(tuple) = item.as_tuple() {
            return match tuple.items() {
                [first, second] => Ok((*first, *second)),
                items => wrong(items.len()),
            };
        }
        if let Some(list) = item.as_list() {
            return match (list.len(), list.try_get(0), list.try_get(1)) {
                (2, Some(first), Some(second)) => Ok((first, second)),
                (len, ..) => wrong(len),
            };
        }
        if let Some(text) = item.as_str() {
            let mut chars = text.as_str().chars();
            return match (chars.next(), chars.next(), chars.next()) {
                (Some(first), Some(second), None) => {
                    Ok((Value::from_str(self.heap.char_str(first)), Value::from_str(self.heap.char_str(second))))
                }
                _ => wrong(text.as_str().chars().count()),
            };
        }
        if let Some(range) = item.as_range() {
            return match range_len(range) {
                2 => Ok((Value::int(range.start), Value::int(range.start + 1))),
                len => Err(wrong_count(2, len)),
            };
        }
        Err(self.expected_type("tuple", item))
    }

    /// A value to be taken apart into `count` others, as something that can be indexed: a list, tuple or string itself, a list of a
    /// range.
    #[inline(never)]
    pub(super) fn unpackable(&mut self, value: Value, count: u16) -> Result<Value> {
        let range = value.as_range();
        let found = if let Some(tuple) = value.as_tuple() {
            tuple.items().len() as i128
        } else if let Some(list) = value.as_list() {
            list.len() as i128
        } else if let Some(text) = value.as_str() {
            text.as_str().chars().count() as i128
        } else if let Some(range) = range {
            range_len(range)
        } else {
            return Err(self.expected_type("tuple", value));
        };
        if found != i128::from(count) {
            return Err(wrong_count(count, found));
        }
        let Some(range) = range else { return Ok(value) };
        let items: Vec<Value> = (range.start..range.end).map(Value::int).collect();
        Ok(Value::from_list(List::from_values(&mut self.heap, &items)?))
    }
}

fn range_len(range: Gc<Range>) -> i128 {
    (i128::from(range.end) - i128::from(range.start)).max(0)
}

#[cold]
fn wrong_count(expected: u16, found: i128) -> Error {
    Error::message(format!("Expected {expected} values to unpack, but found {found}"))
}

#[cold]
fn not_iterable(value: Value) -> Error {
    Error::message(format!("Type '{}' is not iterable", value.tag().type_name()))
}
