//! The text of values, as `print` shows it, or as a program would write it.
//!
//! The walk keeps its own stack, so depth does not matter. A container that is being written carries a mark in its
//! header, which is how the walk sees that a container contains itself; the marks are gone when the walk ends.

use std::fmt::Write;

use super::Names;
use crate::bytecode::numeric;
use crate::runtime::error::Result;
use crate::runtime::heap::Heap;
use crate::runtime::object::{Dict, Gc, Header, Instance, List, Str, TaskState, Tuple};
use crate::runtime::value::{Tag, Value};

/// The text of a value as a string.
pub fn to_str(heap: &mut Heap, names: &dyn Names, value: Value) -> Result<Gc<Str>> {
    if let Some(string) = value.as_str() {
        return Ok(string);
    }
    let mut out = String::new();
    write_text(heap, names, &mut out, value)?;
    Ok(heap.new_str(&out))
}

/// The texts of values, joined: what an f-string makes.
pub fn concat(heap: &mut Heap, names: &dyn Names, values: &[Value]) -> Result<Gc<Str>> {
    let mut out = String::with_capacity(64);
    for value in values {
        write_text(heap, names, &mut out, *value)?;
    }
    heap.check_room(out.len())?;
    Ok(heap.new_str(&out))
}

/// Appends the text of a value. Fails only if the text would be larger than the heap may be.
pub fn write_text(heap: &Heap, names: &dyn Names, out: &mut String, value: Value) -> Result<()> {
    if !is_container(value.tag()) {
        write_flat(names, out, value);
        return Ok(());
    }
    let mut walk = Walk { frames: Vec::new(), style: Style::Plain };
    walk.write(heap, names, out, value)
}

/// Appends the text of a value as a program would write it: strings quoted, instances as `Name(field: value)`. Fails as
/// [`write_text`] does.
pub fn write_repr(heap: &Heap, names: &dyn Names, out: &mut String, value: Value) -> Result<()> {
    let mut walk = Walk { frames: Vec::new(), style: Style::Repr };
    walk.write(heap, names, out, value)
}

/// How texts are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Repr,
}

/// Appends a text in quotes, with escapes.
fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            // Exactly the characters of category Cc.
            char if char.is_control() => {
                write!(out, "\\u{{{:x}}}", u32::from(char)).expect("writing to a String cannot fail");
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

fn is_container(tag: Tag) -> bool {
    matches!(tag, Tag::List | Tag::Tuple | Tag::Dict)
}

/// Likewise, in a style.
fn write_flat_in(names: &dyn Names, out: &mut String, value: Value, style: Style) {
    match (style, value.as_str()) {
        (Style::Repr, Some(text)) => write_quoted(out, text.as_str()),
        _ => write_flat(names, out, value),
    }
}

/// Appends the text of a value that is no container.
fn write_flat(names: &dyn Names, out: &mut String, value: Value) {
    match value.tag() {
        Tag::Int => out.push_str(itoa::Buffer::new().format(value.int_bits())),
        Tag::Float => numeric::write_float(out, value.float_bits()),
        Tag::Str => out.push_str(value.as_str().as_ref().map_or("", |string| string.as_str())),
        tag => write_rare(names, out, tag, value).expect("writing to a String cannot fail"),
    }
}

fn write_rare(names: &dyn Names, out: &mut String, tag: Tag, value: Value) -> std::fmt::Result {
    match tag {
        Tag::Bool => out.write_str(if value.bits() != 0 { "true" } else { "false" }),
        Tag::Void => out.write_str("void"),
        Tag::Function | Tag::Closure => {
            let func = value.as_function().or_else(|| value.as_closure().map(|closure| closure.func()));
            let Some(func) = func else { return Ok(()) };
            let kind = if names.function_is_async(func) { "async_function" } else { "function" };
            write!(out, "<{kind}({})>", names.function_name(func))
        }
        Tag::BoundMethod => {
            // What is bound is a plain function or closure, so this goes no deeper.
            let Some(bound) = value.as_bound_method() else { return Ok(()) };
            write_rare(names, out, bound.method.tag(), bound.method)
        }
        Tag::Builtin => write!(out, "<native_function({})>", names.builtin_name(value.bits() as usize)),
        Tag::Module => match value.as_module() {
            Some(id) => write!(out, "<module {}>", names.module_name(id)),
            None => Ok(()),
        },
        Tag::Range => match value.as_range() {
            Some(range) => write!(out, "{}..{}", range.start, range.end),
            None => Ok(()),
        },
        Tag::Struct => match value.as_struct() {
            Some(object) => write!(out, "<struct {}>", names.struct_name(object.id())),
            None => Ok(()),
        },
        Tag::Instance => match value.as_instance() {
            Some(instance) => write!(out, "<instance of {}>", names.struct_name(instance.struct_id())),
            None => Ok(()),
        },
        Tag::Task => match value.as_task() {
            Some(task) => write!(out, "<task:{}>", state_name(task.state())),
            None => Ok(()),
        },
        Tag::Channel => match value.as_channel() {
            Some(end) => out.write_str(if end.sends { "<sender>" } else { "<receiver>" }),
            None => Ok(()),
        },
        _ => out.write_str(tag.type_name()),
    }
}

/// What a task's text and `async.status` call how far it is.
pub fn state_name(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "pending",
        TaskState::Ready => "ready",
        TaskState::FailedWith | TaskState::Threw => "failed",
        TaskState::Cancelled => "cancelled",
    }
}

enum Container {
    List(Gc<List>),
    Tuple(Gc<Tuple>),
    Dict(Gc<Dict>),
    /// Its fields, with their names.
    Instance(Vec<(String, Value)>),
}

/// A container that is being written; the parts from `next` on are still to come.
struct Frame {
    container: Container,
    header: Gc<Header>,
    next: usize,
    first: bool,
}

/// The containers that are being written, outermost first. Dropping it takes their marks away, however the walk ends.
struct Walk {
    frames: Vec<Frame>,
    style: Style,
}

/// Text is checked against the limit of the heap whenever it has grown by about this much.
const CHECK_EVERY: usize = 1 << 20;

impl Walk {
    fn write(&mut self, heap: &Heap, names: &dyn Names, out: &mut String, value: Value) -> Result<()> {
        let mut check_at = out.len() + CHECK_EVERY;
        self.begin(names, out, value);
        while let Some(frame) = self.frames.last_mut() {
            if out.len() >= check_at {
                heap.check_room(out.len())?;
                check_at = out.len() + CHECK_EVERY;
            }
            let Some((key, value)) = frame.advance() else {
                self.end(out);
                continue;
            };
            if !std::mem::take(&mut frame.first) {
                out.push_str(", ");
            }
            match key {
                Label::None => {}
                // A key is a tuple at most: it cannot be a list that contains the dict, but it may be deep.
                Label::Key(key) => write_key(heap, names, out, key, self.style)?,
                Label::Field(ref name) => out.push_str(name),
            }
            if !matches!(key, Label::None) {
                out.push_str(": ");
            }
            self.begin(names, out, value);
        }
        Ok(())
    }

    /// Writes a flat value, or the opening bracket of a container, whose parts then follow.
    fn begin(&mut self, names: &dyn Names, out: &mut String, value: Value) {
        let (mut container, open, cycle) = if let Some(list) = value.as_list() {
            (Container::List(list), '[', "[...]")
        } else if let Some(tuple) = value.as_tuple() {
            (Container::Tuple(tuple), '(', "(...)")
        } else if let Some(dict) = value.as_dict() {
            (Container::Dict(dict), '{', "{...}")
        } else if let (Style::Repr, Some(instance)) = (self.style, value.as_instance()) {
            out.push_str(names.struct_name(instance.struct_id()));
            (Container::Instance(Vec::new()), '(', "(...)")
        } else {
            return write_flat_in(names, out, value, self.style);
        };
        let Some(header) = value.as_object() else { return };
        if !header.enter() {
            out.push_str(cycle);
            return;
        }
        // Not of one that is inside itself, of which only its name is written.
        if let (Container::Instance(fields), Some(instance)) = (&mut container, value.as_instance()) {
            *fields = fields_of(names, instance);
        }
        out.push(open);
        self.frames.push(Frame { container, header, next: 0, first: true });
    }

    /// Writes the closing bracket of the innermost container.
    fn end(&mut self, out: &mut String) {
        let Some(frame) = self.frames.pop() else { return };
        frame.header.leave();
        out.push_str(match frame.container {
            Container::List(_) => "]",
            Container::Tuple(tuple) if tuple.len() == 1 => ",)",
            Container::Tuple(_) | Container::Instance(_) => ")",
            Container::Dict(_) => "}",
        });
    }
}

/// A key that is being written is walked on its own: a tuple may be key and value of one dict at once.
fn write_key(heap: &Heap, names: &dyn Names, out: &mut String, key: Value, style: Style) -> Result<()> {
    let Some(tuple) = key.as_tuple() else {
        write_flat_in(names, out, key, style);
        return Ok(());
    };
    // The tuple itself cannot be on the stack of the outer walk: a key holds no dict.
    debug_assert!(tuple.items().iter().all(|item| item.as_dict().is_none() && item.as_list().is_none()));
    Walk { frames: Vec::new(), style }.write(heap, names, out, key)
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.frames.iter().for_each(|frame| frame.header.leave());
    }
}

/// What stands before a part.
enum Label {
    None,
    Key(Value),
    Field(String),
}

/// The fields of an instance: first those that the methods of its struct assign, in the order of its slots, then the
/// others by name, wherever they are kept. Which of them have slots depends on code elsewhere.
fn fields_of(names: &dyn Names, instance: Gc<Instance>) -> Vec<(String, Value)> {
    let slots = instance.slots().len();
    let own = names.own_fields(instance.struct_id()).min(slots);
    let in_slot = |slot: usize| {
        let name = names.field_name(instance.struct_id(), slot)?;
        Some((name.to_owned(), instance.slot(slot))).filter(|(_, value)| !value.is_undef())
    };
    let mut others: Vec<(String, Value)> = (own..slots).filter_map(in_slot).collect();
    let mut position = 0;
    while let Some((next, key, value)) = instance.extra().and_then(|extra| extra.next_entry(position)) {
        others.extend(key.as_str().map(|key| (key.as_str().to_owned(), value)));
        position = next;
    }
    others.sort_by(|(a, _), (b, _)| a.cmp(b));
    (0..own).filter_map(in_slot).chain(others).collect()
}

impl Frame {
    /// The next part: an item, a key with its value, or a field.
    fn advance(&mut self) -> Option<(Label, Value)> {
        let index = self.next;
        self.next += 1;
        match &mut self.container {
            Container::List(list) => list.try_get(index).map(|item| (Label::None, item)),
            Container::Tuple(tuple) => tuple.items().get(index).map(|item| (Label::None, *item)),
            Container::Dict(dict) => {
                let (next, key, value) = dict.next_entry(index)?;
                self.next = next;
                Some((Label::Key(key), value))
            }
            Container::Instance(fields) => {
                let (name, value) = fields.get_mut(index)?;
                Some((Label::Field(std::mem::take(name)), *value))
            }
        }
    }
}

#[cfg(test)]
mod tests;
