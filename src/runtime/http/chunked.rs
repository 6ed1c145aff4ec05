//! Bodies in chunks.

use super::head::Head;
use super::{Checked, MAX_EXTENSIONS, Rejection, is_token_byte};

/// The most digits of a chunk's size: as many as a word has.
const MAX_DIGITS: usize = 16;

/// What the next byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    /// The digits of a size, of which there are so many.
    Size(usize),
    /// White space between a size and its extensions.
    BeforeExtension,
    /// The blanks behind a semicolon.
    ExtensionStart,
    Extension,
    /// A text in quotes in an extension.
    Quoted,
    /// Behind a backslash in one.
    Escaped,
    /// The LF of a size's line.
    SizeEnd,
    /// So many bytes of the body.
    Data(usize),
    DataCr,
    DataLf,
    Trailers,
}

/// How far a body in chunks has arrived.
#[derive(Debug)]
pub struct Scanner {
    offset: usize,
    place: Position,
    size: usize,
    total: usize,
    /// Bytes of extensions so far.
    extensions: usize,
    trailers: Head,
    trailers_start: usize,
}

impl Default for Scanner {
    fn default() -> Scanner {
        Scanner {
            offset: 0,
            place: Position::Size(0),
            size: 0,
            total: 0,
            extensions: 0,
            trailers: Head::of_trailers(),
            trailers_start: 0,
        }
    }
}

impl Scanner {
    /// Where the body ends, with its trailers.
    pub fn end(&self) -> usize {
        self.offset
    }

    /// Goes on where the last call stopped; whether the body is whole. Its bytes are put behind `out`.
    pub fn advance(&mut self, body: &[u8], max: usize, mut out: Option<&mut Vec<u8>>) -> Checked<bool> {
        loop {
            if self.place == Position::Trailers {
                let length = self.trailers.advance(&body[self.trailers_start..], |_| Ok(()))?;
                self.offset = self.trailers_start + length.unwrap_or(0);
                return Ok(length.is_some());
            }
            let Some(&byte) = body.get(self.offset) else { return Ok(false) };
            if let Position::Data(left) = self.place {
                let part = &body[self.offset..body.len().min(self.offset + left)];
                if let Some(out) = &mut out {
                    out.extend_from_slice(part);
                }
                self.offset += part.len();
                self.place = if part.len() == left { Position::DataCr } else { Position::Data(left - part.len()) };
                continue;
            }
            self.offset += 1;
            self.place = self.after(byte, max)?;
        }
    }

    /// What comes after a byte that is no data.
    fn after(&mut self, byte: u8, max: usize) -> Checked<Position> {
        let next = match (self.place, byte) {
            (Position::Size(digits), _) if byte.is_ascii_hexdigit() => {
                if digits == MAX_DIGITS {
                    return Err(Rejection::malformed("a chunk's size has too many digits"));
                }
                let digit = char::from(byte).to_digit(16).unwrap_or(0) as usize;
                self.size = if digits == 0 { digit } else { self.size << 4 | digit };
                return Ok(Position::Size(digits + 1));
            }
            (Position::Size(0), _) => return Err(Rejection::malformed("a chunk without a size")),
            (Position::Size(_) | Position::Extension, b'\r') => Position::SizeEnd,
            (Position::Size(_) | Position::BeforeExtension | Position::Extension, b';') => Position::ExtensionStart,
            (Position::Size(_) | Position::BeforeExtension, b' ' | b'\t') => Position::BeforeExtension,
            (Position::ExtensionStart, b' ' | b'\t') => Position::ExtensionStart,
            (Position::ExtensionStart, _) if is_token_byte(byte) => Position::Extension,
            (Position::Extension, b' ' | b'\t' | b'=') => Position::Extension,
            (Position::Extension, _) if is_token_byte(byte) => Position::Extension,
            (Position::Extension, b'"') => Position::Quoted,
            (Position::Quoted, b'"') => Position::Extension,
            (Position::Quoted, b'\\') => Position::Escaped,
            (Position::Quoted | Position::Escaped, b'\t' | b' '..=b'~' | 0x80..) => Position::Quoted,
            (Position::SizeEnd, b'\n') => return self.begin_chunk(max),
            (Position::DataCr, b'\r') => return Ok(Position::DataLf),
            (Position::DataLf, b'\n') => return Ok(Position::Size(0)),
            (Position::DataCr | Position::DataLf, _) => {
                return Err(Rejection::malformed("a chunk is longer than its size"));
            }
            _ => return Err(Rejection::malformed("a malformed line of a chunk")),
        };
        if next != Position::SizeEnd {
            self.extensions += 1;
            if self.extensions > MAX_EXTENSIONS {
                return Err(Rejection::new(413, "the extensions of chunks are too long"));
            }
        }
        Ok(next)
    }

    fn begin_chunk(&mut self, max: usize) -> Checked<Position> {
        if self.size == 0 {
            self.trailers_start = self.offset;
            return Ok(Position::Trailers);
        }
        self.total = self.total.saturating_add(self.size);
        match self.total <= max {
            true => Ok(Position::Data(self.size)),
            false => Err(Rejection::new(413, "the body is too large")),
        }
    }
}

/// The bytes of a body that was found to be whole.
pub fn decode(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // It was scanned before, so this cannot find anything wrong.
    let _ = Scanner::default().advance(body, usize::MAX, Some(&mut bytes));
    bytes
}
