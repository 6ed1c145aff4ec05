//! JSON text to values, as RFC 8259 has it: no comments, no trailing commas, nothing after the value.
//!
//! Numbers without fraction and exponent that fit an int are ints, all others floats; of duplicate keys the last one
//! wins.

use crate::runtime::error::{Error, Result};
use crate::runtime::heap::Heap;
use crate::runtime::object::{Dict, Gc, List};
use crate::runtime::value::Value;

/// A container whose end has not been read.
enum Open {
    Array(Vec<Value>),
    /// With the key whose value comes next.
    Object(Gc<Dict>, Value),
}

/// The value that the text stands for.
pub fn decode(heap: &mut Heap, text: &str) -> Result<Value> {
    let mut parser = Parser { text, offset: 0 };
    let mut open: Vec<Open> = Vec::new();
    // A short text may stand for values that take many times its memory. Counting tells what can never fit from what
    // does not fit beside the other values; most texts are too short to need it.
    if text.len().saturating_mul(size_of::<List>()) > heap.max_heap() {
        heap.check_room(least_size(text))?;
    }
    let before = heap.bytes();
    let mut waiting = 0;
    loop {
        // Items of open arrays stand in a vector, and will in a list.
        heap.check_growth(before, open.len() * size_of::<Open>() + 2 * waiting * size_of::<Value>())?;
        let Some(mut value) = parser.begin(heap, &mut open)? else { continue };
        // The value is complete. It may complete the container that it is in, and so on outward.
        loop {
            match open.last_mut() {
                None => {
                    parser.skip_space();
                    return if parser.offset == text.len() { Ok(value) } else { Err(parser.unexpected()) };
                }
                Some(Open::Array(items)) => {
                    items.push(value);
                    waiting += 1;
                    if !parser.comma_or(b']')? {
                        break;
                    }
                    waiting -= items.len();
                    value = Value::from_list(List::from_values(heap, items)?);
                }
                Some(Open::Object(dict, key)) => {
                    dict.insert(heap, *key, value)?;
                    if !parser.comma_or(b'}')? {
                        parser.skip_space();
                        *key = parser.key(heap)?;
                        break;
                    }
                    value = Value::from_dict(*dict);
                }
            }
            open.pop();
        }
    }
}

/// What the value of a text takes at the least: its containers and their items.
fn least_size(text: &str) -> usize {
    let (mut size, mut in_string, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => size += size_of::<List>(),
            b',' if !in_string => size += size_of::<Value>(),
            _ => {}
        }
    }
    size
}

struct Parser<'t> {
    text: &'t str,
    /// A byte offset. Always on a character boundary when an error is made.
    offset: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.offset += 1;
        }
    }

    #[cold]
    fn error(&self, problem: &str) -> Error {
        let before = self.text.get(..self.offset).unwrap_or(self.text);
        let line = 1 + memchr::memchr_iter(b'\n', before.as_bytes()).count();
        let column = 1 + before.rsplit('\n').next().unwrap_or("").chars().count();
        Error::message(format!("json.decode: {problem} at line {line} column {column}"))
    }

    #[cold]
    fn unexpected(&self) -> Error {
        match self.text.get(self.offset..).and_then(|rest| rest.chars().next()) {
            Some(char) if !char.is_control() => self.error(&format!("unexpected character '{char}'")),
            Some(char) => self.error(&format!("unexpected character '{}'", char.escape_default())),
            None => self.error("unexpected end of text"),
        }
    }

    /// Reads a value without parts or an empty container, or opens one that has parts.
    fn begin(&mut self, heap: &mut Heap, open: &mut Vec<Open>) -> Result<Option<Value>> {
        self.skip_space();
        Ok(Some(match self.peek() {
            Some(b'"') => self.string(heap)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'[') => {
                self.offset += 1;
                self.skip_space();
                if self.peek() != Some(b']') {
                    open.push(Open::Array(Vec::new()));
                    return Ok(None);
                }
                self.offset += 1;
                Value::from_list(List::new(heap))
            }
            Some(b'{') => {
                self.offset += 1;
                self.skip_space();
                let dict = Dict::new(heap);
                if self.peek() != Some(b'}') {
                    let key = self.key(heap)?;
                    open.push(Open::Object(dict, key));
                    return Ok(None);
                }
                self.offset += 1;
                Value::from_dict(dict)
            }
            Some(b't') => self.word("true", Value::TRUE)?,
            Some(b'f') => self.word("false", Value::FALSE)?,
            Some(b'n') => self.word("null", Value::VOID)?,
            _ => return Err(self.unexpected()),
        }))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value> {
        for byte in word.bytes() {
            if self.peek() != Some(byte) {
                return Err(self.unexpected());
            }
            self.offset += 1;
        }
        Ok(value)
    }

    /// After an item: false for a comma, true for the end of the container.
    fn comma_or(&mut self, end: u8) -> Result<bool> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.offset += 1;
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.offset += 1;
                Ok(true)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// A key and the colon after it.
    fn key(&mut self, heap: &mut Heap) -> Result<Value> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let key = self.string(heap)?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected());
        }
        self.offset += 1;
        Ok(key)
    }

    fn digits(&mut self) -> Result<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected());
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.offset;
        if self.peek() == Some(b'-') {
            self.offset += 1;
        }
        if self.peek() == Some(b'0') {
            self.offset += 1;
        } else {
            self.digits()?;
        }
        let mut integral = true;
        if self.peek() == Some(b'.') {
            self.offset += 1;
            integral = false;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.offset += 1;
            integral = false;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.offset += 1;
            }
            self.digits()?;
        }
        let digits = &self.text[start..self.offset];
        if integral && let Ok(int) = digits.parse() {
            return Ok(Value::int(int));
        }
        match digits.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::float(float)),
            _ => {
                self.offset = start;
                Err(self.error("number out of range"))
            }
        }
    }

    fn string(&mut self, heap: &mut Heap) -> Result<Value> {
        self.offset += 1;
        let mut unescaped = String::new();
        loop {
            let start = self.offset;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..0x20)) {
                self.offset += 1;
            }
            let plain = &self.text[start..self.offset];
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    if unescaped.is_empty() {
                        heap.check_room(plain.len())?;
                        return Ok(heap.str_value(plain));
                    }
                    unescaped.push_str(plain);
                    heap.check_room(unescaped.len())?;
                    return Ok(heap.str_value(&unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(plain);
                    let escaped = self.escape()?;
                    unescaped.push(escaped);
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Reads an escape sequence, the backslash included.
    fn escape(&mut self) -> Result<char> {
        let start = self.offset;
        self.offset += 1;
        let char = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte.into(),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.offset += 1;
                return self.unicode_escape(start);
            }
            _ => return Err(self.unexpected()),
        };
        self.offset += 1;
        Ok(char)
    }

    /// What follows `\u`; two of them if the first is half of a surrogate pair. A half alone is no character.
    fn unicode_escape(&mut self, start: usize) -> Result<char> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..0xdc00 if self.text.as_bytes()[self.offset..].starts_with(b"\\u") => {
                self.offset += 2;
                match self.hex4()? {
                    second @ 0xdc00..0xe000 => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => first,
                }
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| {
            self.offset = start;
            self.error("lone surrogate in a string")
        })
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return Err(self.unexpected());
            };
            code = code * 16 + digit;
            self.offset += 1;
        }
        Ok(code)
    }
}
