//! Heads: a first line and fields, up to an empty line. Lines end in CR LF and in nothing else.

use std::ops::Range;

use memchr::memchr;

use super::{Checked, MAX_FIELDS, MAX_HEAD, Rejection, is_token};

/// Where a field lies.
#[derive(Clone, Debug)]
pub struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Field {
    pub fn name<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &message[self.name.clone()]
    }

    pub fn value<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &message[self.value.clone()]
    }
}

/// The head of a message, as far as it has arrived.
#[derive(Debug, Default)]
pub struct Head {
    /// The first line, once it is there.
    line: Option<Range<usize>>,
    fields: Vec<Field>,
    /// Where the line begins that has not ended.
    line_start: usize,
    /// Bytes before this one are known to be fit for their line.
    scanned: usize,
}

impl Head {
    /// The fields alone that follow a chunked body.
    pub fn of_trailers() -> Head {
        Head { line: Some(0..0), ..Head::default() }
    }

    /// The first line.
    pub fn line<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        &message[self.line.clone().unwrap_or_default()]
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The values of the fields of a name, which is in lower case.
    pub fn values<'a>(&'a self, message: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let of_name = move |field: &&Field| field.name(message).eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(of_name).map(|field| field.value(message))
    }

    /// Whether one of the lists in the fields of a name has an item.
    pub fn lists(&self, message: &[u8], name: &str, item: &str) -> bool {
        self.values(message, name).flat_map(super::items).any(|found| found.eq_ignore_ascii_case(item.as_bytes()))
    }

    /// Goes on where the last call stopped; the length of the head once it is whole. The first line is handed to
    /// `check` as soon as it is there.
    pub fn advance(&mut self, message: &[u8], check: fn(&[u8]) -> Checked<()>) -> Checked<Option<usize>> {
        let arrived = &message[..message.len().min(MAX_HEAD)];
        while let Some(newline) = memchr(b'\n', &arrived[self.scanned..]).map(|offset| self.scanned + offset) {
            let end = match newline.checked_sub(1) {
                Some(end) if end >= self.line_start && arrived[end] == b'\r' => end,
                _ => {
                    self.check_bytes(&arrived[..newline])?;
                    return Err(Rejection::malformed("a line ends in LF without CR"));
                }
            };
            self.check_bytes(&arrived[..end])?;
            let line = self.line_start..end;
            (self.line_start, self.scanned) = (newline + 1, newline + 1);
            if line.is_empty() && self.line.is_some() {
                return Ok(Some(self.line_start));
            }
            match &self.line {
                // One empty line in front is what some clients leave behind a body.
                None if line.start == 0 && line.is_empty() => {}
                None => {
                    check(&arrived[line.clone()])?;
                    self.line = Some(line);
                }
                Some(_) => self.add_field(arrived, line)?,
            }
        }
        // The CR of a line's end may be all that is there of it.
        let end = arrived.len() - usize::from(arrived[self.scanned..].ends_with(b"\r"));
        self.check_bytes(&arrived[..end])?;
        match arrived.len() < MAX_HEAD {
            true => Ok(None),
            false if self.line.is_none() => Err(Rejection::new(414, "the request line is too long")),
            false => Err(Rejection::new(431, "the headers are too long")),
        }
    }

    /// Checks the rest of the bytes, which belong to one line and are not its end.
    fn check_bytes(&mut self, arrived: &[u8]) -> Checked<()> {
        let is_field = self.line.is_some();
        for &byte in arrived.get(self.scanned..).unwrap_or_default() {
            match byte {
                b'\r' => return Err(Rejection::malformed("a CR that ends no line")),
                b' '..=b'~' => {}
                b'\t' | 0x80.. if is_field => {}
                0x80.. => return Err(Rejection::malformed("the first line holds bytes beyond ASCII")),
                _ => return Err(Rejection::malformed("a control character in the head")),
            }
        }
        self.scanned = self.scanned.max(arrived.len());
        Ok(())
    }

    fn add_field(&mut self, message: &[u8], line: Range<usize>) -> Checked<()> {
        let text = &message[line.clone()];
        if matches!(text.first(), Some(b' ' | b'\t')) {
            return Err(Rejection::malformed("a folded line"));
        }
        let Some(colon) = memchr(b':', text) else { return Err(Rejection::malformed("a header without a colon")) };
        if !is_token(&text[..colon]) {
            return Err(Rejection::malformed("an invalid header name"));
        }
        if self.fields.len() == MAX_FIELDS {
            return Err(Rejection::new(431, "too many headers"));
        }
        let value = &text[colon + 1..];
        let start = line.start + colon + 1 + (value.len() - value.trim_ascii_start().len());
        let name = line.start..line.start + colon;
        self.fields.push(Field { name, value: start..start + value.trim_ascii().len() });
        Ok(())
    }
}
