//! Values to JSON text, compact or with a line for each item.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Gc, List, Str, Tuple};
use crate::runtime::value::{Tag, Value};

/// A container that is being written, and how many of its items have been.
enum Open {
    List(Gc<List>, usize),
    Tuple(Gc<Tuple>, usize),
    /// In the order in which they are written.
    Dict(Vec<(Gc<Str>, Value)>, usize),
}

/// How the text is laid out.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Spaces a level; none puts all on one line.
    pub indent: usize,
    /// Whether keys are sorted, or in their own order.
    pub sorted: bool,
}

impl Layout {
    pub const COMPACT: Layout = Layout { indent: 0, sorted: true };
}

/// The JSON text of a value.
pub fn encode(heap: &Heap, value: Value, layout: Layout) -> Result<String> {
    let mut encoder = Encoder { heap, out: String::new(), open: Vec::new(), inside: HashSet::default(), layout };
    encoder.begin(value)?;
    while encoder.step()? {}
    Ok(encoder.out)
}

struct Encoder<'h> {
    heap: &'h Heap,
    out: String,
    open: Vec<(u64, Open)>,
    /// Addresses of the open containers: one that is begun again contains itself.
    inside: HashSet<u64, FxBuildHasher>,
    layout: Layout,
}

#[cold]
fn json_error(problem: &str) -> Error {
    Error::message(format!("json.encode: {problem}"))
}

impl Encoder<'_> {
    /// Writes a value without parts, or opens a container.
    fn begin(&mut self, value: Value) -> Result<()> {
        // A value may hold another many times over, so a small one may have a text larger than the heap.
        if self.out.len() > self.heap.max_heap() {
            return Err(Error::message("Value too large"));
        }
        match value.tag() {
            Tag::Void => self.out.push_str("null"),
            Tag::Bool => self.out.push_str(if value.bits() != 0 { "true" } else { "false" }),
            Tag::Int => self.out.push_str(itoa::Buffer::new().format(value.int_bits())),
            Tag::Float => write_float(&mut self.out, value.float_bits())?,
            Tag::Str => {
                if let Some(text) = value.as_str() {
                    write_string(&mut self.out, text.as_str());
                }
            }
            _ => return self.open(value),
        }
        Ok(())
    }

    fn open(&mut self, value: Value) -> Result<()> {
        let open = if let Some(list) = value.as_list() {
            Open::List(list, 0)
        } else if let Some(tuple) = value.as_tuple() {
            Open::Tuple(tuple, 0)
        } else if let Some(dict) = value.as_dict() {
            let mut entries = Vec::with_capacity(dict.len());
            for (key, value) in dict.entries(self.heap) {
                match key.as_str() {
                    Some(key) => entries.push((key, value)),
                    None => {
                        let found = key.tag().type_name();
                        return Err(json_error(&format!("keys must be strings, but found type '{found}'")));
                    }
                }
            }
            if self.layout.sorted {
                entries.sort_unstable_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
            }
            Open::Dict(entries, 0)
        } else {
            return Err(json_error(&format!("cannot encode type '{}'", value.tag().type_name())));
        };
        if !self.inside.insert(value.bits()) {
            return Err(json_error("value contains itself"));
        }
        self.out.push(if matches!(open, Open::Dict(..)) { '{' } else { '[' });
        self.open.push((value.bits(), open));
        Ok(())
    }

    /// Writes the next item of the innermost container, or closes it; false when none is open.
    fn step(&mut self) -> Result<bool> {
        let depth = self.open.len();
        let Some((_, open)) = self.open.last_mut() else { return Ok(false) };
        let (item, index, end) = match open {
            Open::List(list, index) => (list.try_get(*index), index, ']'),
            Open::Tuple(tuple, index) => (tuple.items().get(*index).copied(), index, ']'),
            Open::Dict(entries, index) => {
                let entry = entries.get(*index).copied();
                if let Some((key, _)) = entry {
                    begin_item(self.heap, &mut self.out, *index, depth, self.layout)?;
                    write_string(&mut self.out, key.as_str());
                    self.out.push_str(if self.layout.indent > 0 { ": " } else { ":" });
                }
                (entry.map(|(_, value)| value), index, '}')
            }
        };
        match item {
            Some(item) => {
                if end == ']' {
                    begin_item(self.heap, &mut self.out, *index, depth, self.layout)?;
                }
                *index += 1;
                self.begin(item)?;
            }
            None => {
                if *index > 0 {
                    new_line(self.heap, &mut self.out, depth - 1, self.layout)?;
                }
                self.out.push(end);
                if let Some((address, _)) = self.open.pop() {
                    self.inside.remove(&address);
                }
            }
        }
        Ok(true)
    }
}

/// Writes what stands before an item of a container that is the innermost of `depth`.
fn begin_item(heap: &Heap, out: &mut String, index: usize, depth: usize, layout: Layout) -> Result<()> {
    if index > 0 {
        out.push(',');
    }
    new_line(heap, out, depth, layout)
}

/// Begins a line at a level, if there are lines. Deep values have much white space, so its size is looked at before it
/// is written.
fn new_line(heap: &Heap, out: &mut String, level: usize, layout: Layout) -> Result<()> {
    if layout.indent == 0 {
        return Ok(());
    }
    let spaces = level.saturating_mul(layout.indent);
    if out.len().saturating_add(spaces) > heap.max_heap() {
        return Err(Error::message("Value too large"));
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', spaces));
    Ok(())
}

/// The shortest decimal that reads back the same, with a fraction or an exponent so that it reads back as a float.
fn write_float(out: &mut String, value: f64) -> Result<()> {
    use std::fmt::Write;
    if !value.is_finite() {
        return Err(json_error(&format!("cannot encode {value}")));
    }
    let magnitude = value.abs();
    let written = if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) {
        write!(out, "{value:e}")
    } else if value.fract() == 0.0 {
        write!(out, "{value:.1}")
    } else {
        write!(out, "{value}")
    };
    written.map_err(|_| json_error("out of memory"))
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (offset, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => Some('"'),
            b'\\' => Some('\\'),
            b'\n' => Some('n'),
            b'\r' => Some('r'),
            b'\t' => Some('t'),
            0x08 => Some('b'),
            0x0c => Some('f'),
            0..0x20 => None,
            _ => continue,
        };
        out.push_str(&text[plain..offset]);
        plain = offset + 1;
        out.push('\\');
        match short {
            Some(letter) => out.push(letter),
            None => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("u00");
                out.push(HEX[usize::from(byte >> 4)].into());
                out.push(HEX[usize::from(byte & 15)].into());
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}
