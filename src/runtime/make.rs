//! What instructions make of values and registers: closures, containers, texts, and what is printed.

use super::error::Result;
use super::object::{Closure, Dict, StructObject, Tuple};
use super::ops::{self, text::write_text};
use super::value::{Tag, Value};
use super::vm::Vm;
use super::window::Window;
use crate::bytecode::{CaptureId, CaptureSource, FuncId, StructId};

impl Vm {
    #[inline(always)]
    pub(super) fn truthy(&self, value: Value) -> bool {
        match value.tag() {
            Tag::Bool | Tag::Int => value.bits() != 0,
            Tag::Void => false,
            _ => self.truthy_object(value),
        }
    }

    #[inline(never)]
    fn truthy_object(&self, value: Value) -> bool {
        ops::truthy(value, &self.image)
    }

    pub(super) fn cell_value(&self, cell: Value) -> Result<Value> {
        match cell.as_cell() {
            Some(cell) => Ok(cell.get()),
            None => Err(self.expected_type("cell", cell)),
        }
    }

    pub(super) fn set_cell_value(&self, cell: Value, value: Value) -> Result<()> {
        match cell.as_cell() {
            Some(cell) => {
                cell.set(value);
                Ok(())
            }
            None => Err(self.expected_type("cell", cell)),
        }
    }

    /// A capture of the running closure.
    #[inline(always)]
    pub(super) fn capture(&self, capture: CaptureId) -> Value {
        // SAFETY: a frame runs. The verifier proved that its function has such a capture; a function with captures is
        // entered through a closure of it only, and a closure holds as many values as its function has captures.
        let closure = unsafe { (*self.stack.frame()).closure.unwrap_unchecked() };
        closure.capture(capture.index())
    }

    fn captured(&self, source: CaptureSource, base: Window) -> Value {
        match source {
            CaptureSource::Register(reg) => base.get(reg.0),
            CaptureSource::Capture(capture) => self.capture(capture),
        }
    }

    pub(super) fn make_closure(&mut self, func: FuncId, base: Window) -> Value {
        let captures: Vec<Value> =
            self.image.function(func).captures.iter().map(|&source| self.captured(source, base)).collect();
        Value::from_closure(Closure::new(&mut self.heap, func, &captures))
    }

    pub(super) fn make_struct(&mut self, def: StructId, base: Window) -> Value {
        let methods: Vec<FuncId> = self.image.struct_def(def).methods.iter().map(|method| method.func).collect();
        let methods: Vec<Value> = methods.into_iter().map(|func| self.make_closure(func, base)).collect();
        Value::from_struct(StructObject::new(&mut self.heap, def, &methods))
    }

    /// Appends all items or, if there is too little room, none: the instruction is executed again then.
    pub(super) fn append_items(&mut self, list: Value, items: &[Value]) -> Result<()> {
        let Some(list) = list.as_list() else { return Err(self.expected_type("list", list)) };
        list.extend_from_values(&mut self.heap, items)
    }

    pub(super) fn tuple_from_list(&mut self, list: Value) -> Result<Value> {
        let Some(items) = list.as_list() else { return Err(self.expected_type("list", list)) };
        let items = items.to_vec();
        Ok(Value::from_tuple(Tuple::new(&mut self.heap, &items)))
    }

    /// A dict of keys and values by turns.
    pub fn make_dict(&mut self, pairs: &[Value]) -> Result<Value> {
        Ok(Value::from_dict(Dict::of_pairs(&mut self.heap, pairs)?))
    }

    pub(super) fn insert_pairs(&mut self, dict: Value, pairs: &[Value]) -> Result<()> {
        let Some(dict) = dict.as_dict() else { return Err(self.expected_type("dict", dict)) };
        for pair in pairs.chunks_exact(2) {
            dict.insert(&mut self.heap, pair[0], pair[1])?;
        }
        Ok(())
    }

    /// The texts of values joined.
    pub fn concat_texts(&mut self, parts: &[Value]) -> Result<Value> {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let written = parts.iter().try_for_each(|&part| write_text(&self.heap, &self.image, &mut text, part));
        let result = written.and_then(|()| self.joined_string(&text));
        self.scratch = text;
        result
    }

    /// A string of this text, which was put together, if there is room for it.
    pub fn joined_string(&mut self, text: &str) -> Result<Value> {
        self.heap.check_room(text.len())?;
        Ok(Value::from_str(self.heap.joined_str(text)))
    }

    /// A string of this text, if there is room for it.
    pub fn string(&mut self, text: &str) -> Result<Value> {
        self.heap.check_room(text.len())?;
        Ok(self.heap.str_value(text))
    }

    /// The text of a value.
    pub fn text(&self, value: Value) -> Result<String> {
        let mut text = String::new();
        write_text(&self.heap, &self.image, &mut text, value)?;
        Ok(text)
    }

    /// Prints values, with a space between any two.
    pub fn print(&mut self, values: &[Value], newline: bool) -> Result<()> {
        // The commonest by far, and text needs not be put together for it.
        if let [value] = values {
            let end = if newline { "\n" } else { "" };
            if let Some(int) = value.as_int() {
                let mut digits = itoa::Buffer::new();
                return self.io.write(digits.format(int).as_bytes(), end.as_bytes());
            }
            if let Some(text) = value.as_str() {
                return self.io.write(text.as_str().as_bytes(), end.as_bytes());
            }
        }
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let mut written = Ok(());
        for (i, &value) in values.iter().enumerate() {
            if i > 0 {
                text.push(' ');
            }
            written = write_text(&self.heap, &self.image, &mut text, value);
            if written.is_err() {
                break;
            }
        }
        if newline {
            text.push('\n');
        }
        let result = written.and_then(|()| self.io.write(text.as_bytes(), b""));
        self.scratch = text;
        result
    }
}
