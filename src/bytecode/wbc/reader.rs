//! Bounded reading of the sections that are packed by hand. Every length is checked against the bytes that are left
//! before anything is allocated for it.

use super::{Section, WbcError};

pub struct Reader<'a> {
    section: Section,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(section: Section, bytes: &'a [u8]) -> Self {
        Reader { section, rest: bytes }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn damaged(&self, why: &str) -> WbcError {
        WbcError::damaged(self.section, why)
    }

    fn ends_early(&self) -> WbcError {
        self.damaged("it ends in the middle of an entry")
    }

    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], WbcError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.ends_early())?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn u32(&mut self) -> Result<u32, WbcError> {
        let (word, rest) = self.rest.split_first_chunk().ok_or_else(|| self.ends_early())?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*word))
    }

    pub fn u32s(&mut self, count: u32) -> Result<Vec<u32>, WbcError> {
        let bytes = self.bytes((count as usize).saturating_mul(4))?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    pub fn text(&mut self, len: usize) -> Result<&'a str, WbcError> {
        std::str::from_utf8(self.bytes(len)?).map_err(|_| self.damaged("its text is not UTF-8"))
    }

    /// A count of entries of which each takes at least `min_size` bytes.
    pub fn count(&mut self, min_size: usize) -> Result<usize, WbcError> {
        let count = self.u32()? as usize;
        if count.saturating_mul(min_size) > self.rest.len() {
            return Err(self.damaged("it announces more entries than it has bytes for"));
        }
        Ok(count)
    }

    /// A number of at most 35 bits in groups of seven, the lowest first; the top bit of a byte says that another
    /// follows.
    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, WbcError> {
        match self.rest {
            [low, rest @ ..] if *low < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    /// Three [`Self::varint`]s of one byte each, if such are next and `wanted` agrees; otherwise nothing is read.
    #[inline]
    pub fn short_varints(&mut self, wanted: impl FnOnce([u8; 3]) -> bool) -> Option<[u8; 3]> {
        let (bytes, rest) = self.rest.split_first_chunk::<3>()?;
        if (bytes[0] | bytes[1] | bytes[2]) >= 0x80 || !wanted(*bytes) {
            return None;
        }
        self.rest = rest;
        Some(*bytes)
    }

    fn long_varint(&mut self) -> Result<u64, WbcError> {
        let mut value = 0;
        for group in 0..5 {
            let (byte, rest) = self.rest.split_first().ok_or_else(|| self.ends_early())?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << (7 * group);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.damaged("a number is too long"))
    }

    /// A [`Self::varint`] that fits 32 bits.
    ///
    /// Facts are hardly anything but such numbers, most of one byte: those are read without a call.
    #[inline(always)]
    pub fn varint32(&mut self) -> Result<u32, WbcError> {
        match self.rest {
            [low, rest @ ..] if *low < 0x80 => {
                self.rest = rest;
                Ok(u32::from(*low))
            }
            _ => self.longer_varint32(),
        }
    }

    #[inline(never)]
    fn longer_varint32(&mut self) -> Result<u32, WbcError> {
        u32::try_from(self.varint()?).map_err(|_| self.damaged("a number is too large"))
    }

    pub fn finish(self) -> Result<(), WbcError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.damaged("bytes are left over")) }
    }
}

/// Appends what [`Reader::varint`] reads.
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    debug_assert!(value < 1 << 35);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small differences of either sign as small numbers.
pub fn zigzag(difference: u32) -> u32 {
    difference << 1 ^ ((difference as i32) >> 31) as u32
}

pub fn unzigzag(bits: u32) -> u32 {
    bits >> 1 ^ (bits & 1).wrapping_neg()
}
