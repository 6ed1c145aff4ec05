//! Why a file is refused: data, rendered to one line that says what is wrong, where, and what to do.

use std::fmt;

use super::Section;

/// A file that cannot be read as a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WbcError {
    /// The first bytes are not those of a `.wbc`.
    NotWbc,
    /// The first bytes are those of a `.walrus` source or other text.
    Text,
    Empty,
    TooLarge {
        size: u64,
    },
    /// The file ends before the part named.
    Truncated {
        part: &'static str,
        needed: u64,
        present: u64,
    },
    /// There are bytes after the body.
    Trailing {
        extra: u64,
    },
    /// The header says something impossible.
    BadHeader {
        why: &'static str,
    },
    OtherVersion {
        producer: String,
        file: u32,
        reader: u32,
    },
    /// Feature bits that this version does not know.
    UnknownFeatures {
        bits: u32,
        producer: String,
    },
    HashMismatch,
    UnknownSection {
        id: u32,
        producer: String,
    },
    MissingSection {
        section: &'static str,
    },
    /// A section does not decode.
    Damaged {
        section: &'static str,
        why: String,
    },
}

impl WbcError {
    pub(super) fn damaged(section: Section, why: impl Into<String>) -> Self {
        WbcError::Damaged { section: section.name(), why: why.into() }
    }
}

impl fmt::Display for WbcError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        const THIS: &str = concat!("walrus-run ", env!("CARGO_PKG_VERSION"));
        match self {
            WbcError::NotWbc => write!(f, "not a .wbc file: compile a program with `walrusc prog.walrus -o prog.wbc`"),
            WbcError::Text => {
                write!(f, "this is text, not a .wbc file: compile it first with `walrusc prog.walrus -o prog.wbc`")
            }
            WbcError::Empty => write!(f, "the file is empty, not a .wbc file: run walrusc again"),
            WbcError::TooLarge { size } => {
                write!(f, "{size} bytes are more than a .wbc file may have ({})", super::MAX_FILE_SIZE)
            }
            WbcError::Truncated { part, needed, present } => write!(
                f,
                "truncated: the {part} needs {needed} bytes but the file has {present}: copy it again or run walrusc again"
            ),
            WbcError::Trailing { extra } => {
                write!(f, "{extra} bytes follow the end of the program: copy the file again or run walrusc again")
            }
            WbcError::BadHeader { why } => write!(f, "damaged header: {why}: run walrusc again"),
            WbcError::OtherVersion { producer, file, reader } => {
                let advice =
                    if file < reader { "run walrusc again" } else { "update walrus-run or run this version's walrusc" };
                write!(f, "built by {producer} (format {file}), this {THIS} reads format {reader}: {advice}")
            }
            WbcError::UnknownFeatures { bits, producer } => write!(
                f,
                "built by {producer} with features (bits {bits:#x}) that this {THIS} does not know: update walrus-run or run this version's walrusc"
            ),
            WbcError::HashMismatch => {
                write!(f, "hash mismatch: the file was changed or damaged after it was built: run walrusc again")
            }
            WbcError::UnknownSection { id, producer } => write!(
                f,
                "built by {producer} with a section ({id}) that this {THIS} does not know: update walrus-run or run this version's walrusc"
            ),
            WbcError::MissingSection { section } => write!(f, "the section '{section}' is missing: run walrusc again"),
            WbcError::Damaged { section, why } => write!(f, "damaged section '{section}': {why}: run walrusc again"),
        }
    }
}

impl std::error::Error for WbcError {}
