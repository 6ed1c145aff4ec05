//! The header: plain code, and the one part whose layout never changes, so that every version can say what a file is.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | magic |
//! | 4 | format version |
//! | 4 | flags: features that a reader must know |
//! | 32 | BLAKE3 of the sources |
//! | 8 | length of the body |
//! | 2 + n | producer, UTF-8 |
//! | 4 | number of sections |
//! | 24 each | section: id, flags (1: optional), offset in the body, length |
//! | 32 | seal: BLAKE3 of everything before it and of the body |
//! | … | the body |
//!
//! Integers are little-endian. The sections follow one another without gap and fill the body.

use super::{Meta, WbcError};

/// As PNG's: a high bit, line ends of both kinds and an end-of-file mark, so that transfers which damage binary files
/// show.
pub const MAGIC: [u8; 8] = *b"\x8aWBC\r\n\x1a\n";

/// Flag: the file was made with `--strip`.
pub const FLAG_STRIPPED: u32 = 1;

const KNOWN_FLAGS: u32 = FLAG_STRIPPED;
const SECTION_OPTIONAL: u32 = 1;
const SECTION_ENTRY_SIZE: usize = 24;
const MAX_SECTIONS: usize = 256;
const MAX_PRODUCER: usize = 255;

/// What any version can read of any file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    pub version: u32,
    pub flags: u32,
    /// Hash of the sources the program was compiled from.
    pub sources: [u8; 32],
    pub producer: String,
    pub body_len: u64,
    /// Hash of the header up to here and of the body.
    pub seal: [u8; 32],
    pub sections: Vec<SectionEntry>,
    body_start: usize,
}

/// A row of the section table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SectionEntry {
    pub id: u32,
    /// A reader that does not know the section may skip it.
    pub optional: bool,
    /// Counted from the start of the body.
    pub offset: u64,
    pub len: u64,
}

impl Header {
    /// Reads the header of a file of any version and checks that the file has the length it says.
    pub fn read(file: &[u8]) -> Result<Header, WbcError> {
        if file.is_empty() {
            return Err(WbcError::Empty);
        }
        if !file.starts_with(&MAGIC) {
            return Err(match file {
                _ if MAGIC.starts_with(file) => {
                    WbcError::Truncated { part: "header", needed: MAGIC.len() as u64, present: file.len() as u64 }
                }
                _ if file.iter().take(64).all(|byte| *byte >= b' ' || b"\t\n\r".contains(byte))
                    && file[0].is_ascii() =>
                {
                    WbcError::Text
                }
                _ => WbcError::NotWbc,
            });
        }
        let mut cursor = Cursor { file, offset: MAGIC.len() };
        let version = u32::from_le_bytes(cursor.take()?);
        let flags = u32::from_le_bytes(cursor.take()?);
        let sources = cursor.take::<32>()?;
        let body_len = u64::from_le_bytes(cursor.take()?);
        let producer_len = u16::from_le_bytes(cursor.take()?).into();
        if producer_len > MAX_PRODUCER {
            return Err(WbcError::BadHeader { why: "the producer's name is too long" });
        }
        let producer = std::str::from_utf8(cursor.slice(producer_len)?)
            .ok()
            .filter(|name| !name.contains(char::is_control))
            .ok_or(WbcError::BadHeader { why: "the producer's name is no text" })?
            .to_owned();
        let count = u32::from_le_bytes(cursor.take()?) as usize;
        if count > MAX_SECTIONS {
            return Err(WbcError::BadHeader { why: "there are too many sections" });
        }
        let mut sections = Vec::with_capacity(count);
        let mut end = 0u64;
        for _ in 0..count {
            let id = u32::from_le_bytes(cursor.take()?);
            let flags = u32::from_le_bytes(cursor.take()?);
            let offset = u64::from_le_bytes(cursor.take()?);
            let len = u64::from_le_bytes(cursor.take()?);
            if flags & !SECTION_OPTIONAL != 0 {
                return Err(WbcError::BadHeader { why: "a section has unknown flags" });
            }
            if offset != end {
                return Err(WbcError::BadHeader { why: "the sections leave gaps or overlap" });
            }
            end = offset.checked_add(len).ok_or(WbcError::BadHeader { why: "a section is too long" })?;
            sections.push(SectionEntry { id, optional: flags & SECTION_OPTIONAL != 0, offset, len });
        }
        if end != body_len {
            return Err(WbcError::BadHeader { why: "the sections do not fill the body" });
        }
        let seal = cursor.take::<32>()?;
        let body_start = cursor.offset;

        let present = (file.len() - body_start) as u64;
        if present < body_len {
            let needed = (body_start as u64).saturating_add(body_len);
            return Err(WbcError::Truncated { part: "body", needed, present: file.len() as u64 });
        }
        if present > body_len {
            return Err(WbcError::Trailing { extra: present - body_len });
        }
        Ok(Header { version, flags, sources, producer, body_len, seal, sections, body_start })
    }

    /// Whether the file is as it was written. Says nothing about who wrote it.
    pub fn check_seal(&self, file: &[u8]) -> Result<(), WbcError> {
        let sealed = file.split_at_checked(self.body_start).map(|(head, body)| seal(&head[..head.len() - 32], body));
        if sealed == Some(self.seal) { Ok(()) } else { Err(WbcError::HashMismatch) }
    }

    pub(super) fn check_flags(&self) -> Result<(), WbcError> {
        match self.flags & !KNOWN_FLAGS {
            0 => Ok(()),
            bits => Err(WbcError::UnknownFeatures { bits, producer: self.producer.clone() }),
        }
    }

    /// The bytes of a section of the file whose header this is.
    pub(super) fn section_bytes<'a>(&self, entry: &SectionEntry, file: &'a [u8]) -> &'a [u8] {
        let start = self.body_start + entry.offset as usize;
        &file[start..start + entry.len as usize]
    }
}

/// Puts a file together from its sections: id, whether optional, bytes.
pub(super) fn assemble(version: u32, flags: u32, meta: &Meta, sections: &[(u32, bool, Vec<u8>)]) -> Vec<u8> {
    let producer = &meta.producer[..meta.producer.floor_char_boundary(MAX_PRODUCER)];
    let body_len: usize = sections.iter().map(|(_, _, bytes)| bytes.len()).sum();
    let mut out = Vec::with_capacity(128 + producer.len() + SECTION_ENTRY_SIZE * sections.len() + body_len);
    out.extend(MAGIC);
    out.extend(version.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend(meta.sources);
    out.extend((body_len as u64).to_le_bytes());
    out.extend((producer.len() as u16).to_le_bytes());
    out.extend(producer.as_bytes());
    out.extend((sections.len() as u32).to_le_bytes());
    let mut offset = 0u64;
    for (id, optional, bytes) in sections {
        out.extend(id.to_le_bytes());
        out.extend((if *optional { SECTION_OPTIONAL } else { 0 }).to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend((bytes.len() as u64).to_le_bytes());
        offset += bytes.len() as u64;
    }
    let seal_at = out.len();
    out.extend([0; 32]);
    for (_, _, bytes) in sections {
        out.extend(bytes);
    }
    let (head, body) = out.split_at(seal_at + 32);
    let sealed = seal(&head[..seal_at], body);
    out[seal_at..seal_at + 32].copy_from_slice(&sealed);
    out
}

fn seal(head: &[u8], body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    *hasher.finalize().as_bytes()
}

struct Cursor<'a> {
    file: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn slice(&mut self, len: usize) -> Result<&'a [u8], WbcError> {
        let end = self.offset + len;
        let bytes = self.file.get(self.offset..end).ok_or(WbcError::Truncated {
            part: "header",
            needed: end as u64,
            present: self.file.len() as u64,
        })?;
        self.offset = end;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], WbcError> {
        Ok(self.slice(N)?.try_into().expect("a slice of N bytes"))
    }
}
