//! The `.wbc` file: a [`Program`] as bytes and back.
//!
//! A file is a header (see [`Header`], readable by every version) and a body of sections, one after another, in the
//! order of the header's table. What a section holds:
//!
//! | section | encoding |
//! |---|---|
//! | strings | count, the `u32` ends, then the text |
//! | constants, functions, structs, modules, loops | bincode, fixed-width integers |
//! | code, sites | raw little-endian words |
//! | debug, facts, refusals | packed, see [`debug`] and [`facts`] |
//!
//! A reader skips an unknown section that is marked optional and refuses a file with an unknown required one. To add
//! a section: a row in `sections!`, an entry in [`encode`], a line in [`decode`]; a required one needs a new
//! [`FORMAT_VERSION`].
//!
//! Invariants: encoding is a function of the program and its [`Meta`] alone; decoding never panics, never allocates
//! more than a small multiple of the file's size, and reads each section to its last byte. What is decoded is *not*
//! sound to run: the verifier decides that. The hash finds accidents; it does not keep out a crafted file.

mod debug;
mod error;
mod facts;
mod header;
mod info;
mod reader;

pub use error::WbcError;
pub use header::{FLAG_STRIPPED, Header, SectionEntry};
pub use info::info;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::facts::Facts;
use super::{
    BuiltinRef, Constant, Function, Global, LoopRegion, Module, ModuleId, Op, Program, StrId, Strings, StructDef,
    parallel,
};
use reader::Reader;

/// The version of the format that this build writes and reads.
///
/// | version | walrusc | change |
/// |---|---|---|
/// | 1 | 0.1 | first |
/// | 2 | 0.2 | the library's functions are built-ins; instructions, sites and the library of 0.2 |
pub const FORMAT_VERSION: u32 = 2;

/// Files above this size are refused before anything is read, and bincode's limit for one section.
pub const MAX_FILE_SIZE: usize = 256 << 20;

/// What a file says about its making.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meta {
    /// Tool and version, such as `walrusc 0.1.0`; at most 255 bytes, longer ones are cut.
    pub producer: String,
    /// From [`hash_sources`].
    pub sources: [u8; 32],
}

impl Meta {
    /// For a program compiled by this version of walrusc.
    pub fn new(sources: [u8; 32]) -> Self {
        Meta { producer: concat!("walrusc ", env!("CARGO_PKG_VERSION")).to_owned(), sources }
    }
}

/// The hash of a program's sources: name and text of each file, in the order of the file table.
pub fn hash_sources<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (name, text) in files {
        for part in [name, text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

macro_rules! sections {
    ($( $(#[$doc:meta])* $name:ident = $id:literal, $text:literal, optional: $optional:literal; )*) => {
        /// A section this version knows.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Section { $( $(#[$doc])* $name = $id, )* }

        impl Section {
            pub const ALL: &[Section] = &[$( Section::$name, )*];

            pub fn from_id(id: u32) -> Option<Section> {
                match id {
                    $( $id => Some(Section::$name), )*
                    _ => None,
                }
            }

            /// The word reports and errors use.
            pub fn name(self) -> &'static str {
                match self { $( Section::$name => $text, )* }
            }

            /// Whether a program runs without it.
            pub fn is_optional(self) -> bool {
                match self { $( Section::$name => $optional, )* }
            }
        }
    };
}

sections! {
    Strings = 1, "strings", optional: false;
    Constants = 2, "constants", optional: false;
    Functions = 3, "functions", optional: false;
    Code = 4, "code", optional: false;
    Sites = 5, "sites", optional: false;
    Structs = 6, "structs", optional: false;
    /// The entry module, modules, globals and built-ins.
    Modules = 7, "modules", optional: false;
    Loops = 8, "loops", optional: true;
    Debug = 9, "debug", optional: true;
    /// Number 10 was an encoding of facts that is no longer read.
    Facts = 11, "facts", optional: true;
    /// The regions that are not compiled, and the version of the rules that say so. Absent if there are none. Number 12
    /// was without the version.
    Refusals = 13, "refusals", optional: true;
}

/// What the `modules` section holds.
#[derive(Serialize, Deserialize)]
struct ModulesSection {
    main: ModuleId,
    modules: Vec<Module>,
    globals: Vec<Global>,
    builtins: Vec<BuiltinRef>,
}

/// The bytes of a program's file. The same program and meta give the same bytes.
pub fn encode(program: &Program, meta: &Meta) -> Vec<u8> {
    encode_with(program, || meta.clone())
}

/// The same where making the meta, as by hashing sources, takes time: a second thread does so.
pub fn encode_with(program: &Program, meta: impl FnOnce() -> Meta + Send) -> Vec<u8> {
    let aside = || (program.facts.as_ref().map(facts::encode), meta());
    let (mut sections, (packed, meta)) = parallel::both(program, || sections_but_facts(program), aside);
    if let Some(packed) = packed {
        sections.push((Section::Facts, packed));
    }
    if !program.refused.is_empty() {
        sections.push((Section::Refusals, facts::encode_refused(&program.refused)));
    }
    let flags = if program.debug.is_none() { FLAG_STRIPPED } else { 0 };
    let sections: Vec<_> =
        sections.into_iter().map(|(section, bytes)| (section as u32, section.is_optional(), bytes)).collect();
    header::assemble(FORMAT_VERSION, flags, &meta, &sections)
}

fn sections_but_facts(program: &Program) -> Vec<(Section, Vec<u8>)> {
    let modules = ModulesSection {
        main: program.main,
        modules: program.modules.clone(),
        globals: program.globals.clone(),
        builtins: program.builtins.clone(),
    };
    let mut sections = vec![
        (Section::Strings, encode_strings(&program.strings)),
        (Section::Constants, to_bincode(&program.constants)),
        (Section::Functions, to_bincode(&program.functions)),
        (Section::Code, encode_code(&program.code)),
        (Section::Sites, program.sites.iter().flat_map(|name| name.0.to_le_bytes()).collect()),
        (Section::Structs, to_bincode(&program.structs)),
        (Section::Modules, to_bincode(&modules)),
        (Section::Loops, to_bincode(&program.loops)),
    ];
    if let Some(info) = &program.debug {
        sections.push((Section::Debug, debug::encode(info)));
    }
    sections
}

/// What of a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    All,
    /// Facts are left where they are: only the seal over the file is checked.
    WithoutFacts,
}

/// Reads a file of this version. The result may be any program at all: it must be verified before it runs.
pub fn decode(file: &[u8]) -> Result<Program, WbcError> {
    decode_wanted(file, Wanted::All)
}

/// As [`decode`], for a reader that may do without some parts.
pub fn decode_wanted(file: &[u8], wanted: Wanted) -> Result<Program, WbcError> {
    if file.len() > MAX_FILE_SIZE {
        return Err(WbcError::TooLarge { size: file.len() as u64 });
    }
    let header = Header::read(file)?;
    if header.version != FORMAT_VERSION {
        return Err(WbcError::OtherVersion { producer: header.producer, file: header.version, reader: FORMAT_VERSION });
    }
    if file.len() < HASH_ASIDE {
        header.check_seal(file)?;
        return decode_sections(file, &header, wanted);
    }
    std::thread::scope(|scope| {
        let hashing = std::thread::Builder::new().spawn_scoped(scope, || header.check_seal(file));
        let program = decode_sections(file, &header, wanted);
        let seal = match hashing {
            Ok(thread) => thread.join().expect("hashing does not panic"),
            // The system has no thread to give.
            Err(_) => header.check_seal(file),
        };
        // Damage is reported as such, not as what it made of a section.
        seal.and(program)
    })
}

/// The section of a file that has been decoded which [`decode_facts`] reads; none if it has none.
pub fn packed_facts(file: &[u8]) -> Option<&[u8]> {
    let header = Header::read(file).ok()?;
    let entry = header.sections.iter().find(|entry| entry.id == Section::Facts as u32)?;
    Some(header.section_bytes(entry, file))
}

/// What [`packed_facts`] holds.
pub fn decode_facts(packed: &[u8]) -> Result<Facts, WbcError> {
    facts::decode(packed)
}

/// Hashing takes about a third of the time of loading. Above this size a second thread for it pays.
const HASH_ASIDE: usize = 4 << 20;

fn decode_sections(file: &[u8], header: &Header, wanted: Wanted) -> Result<Program, WbcError> {
    header.check_flags()?;
    let mut found: [Option<&[u8]>; Section::ALL.len()] = [None; Section::ALL.len()];
    for entry in &header.sections {
        let Some(section) = Section::from_id(entry.id) else {
            if entry.optional {
                continue;
            }
            return Err(WbcError::UnknownSection { id: entry.id, producer: header.producer.clone() });
        };
        let slot = &mut found[Section::ALL.iter().position(|known| *known == section).expect("ALL is complete")];
        if slot.replace(header.section_bytes(entry, file)).is_some() {
            return Err(WbcError::damaged(section, "the section occurs twice"));
        }
    }
    let bytes_of = |section: Section| found[Section::ALL.iter().position(|known| *known == section)?];
    let required = |section: Section| bytes_of(section).ok_or(WbcError::MissingSection { section: section.name() });

    let modules: ModulesSection = from_bincode(Section::Modules, required(Section::Modules)?)?;
    Ok(Program {
        strings: decode_strings(required(Section::Strings)?)?,
        constants: from_bincode::<Vec<Constant>>(Section::Constants, required(Section::Constants)?)?,
        code: decode_code(required(Section::Code)?)?,
        functions: from_bincode::<Vec<Function>>(Section::Functions, required(Section::Functions)?)?,
        structs: from_bincode::<Vec<StructDef>>(Section::Structs, required(Section::Structs)?)?,
        modules: modules.modules,
        globals: modules.globals,
        builtins: modules.builtins,
        sites: decode_sites(required(Section::Sites)?)?,
        loops: match bytes_of(Section::Loops) {
            Some(bytes) => from_bincode::<Vec<LoopRegion>>(Section::Loops, bytes)?,
            None => Vec::new(),
        },
        main: modules.main,
        debug: bytes_of(Section::Debug).map(debug::decode).transpose()?,
        facts: match wanted {
            Wanted::All => bytes_of(Section::Facts).map(facts::decode).transpose()?,
            Wanted::WithoutFacts => None,
        },
        refused: bytes_of(Section::Refusals).map(facts::decode_refused).transpose()?.unwrap_or_default(),
    })
}

/// Fixed-width integers: decoding is twice as quick as with variable width, and no number has two encodings.
fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<MAX_FILE_SIZE>()
}

fn to_bincode<T: Serialize>(value: &T) -> Vec<u8> {
    // Sequences of known length and plain data: serde has nothing to refuse, and a Vec takes every byte.
    bincode::serde::encode_to_vec(value, config()).expect("plain data always encodes")
}

/// The types decoded here hold no text, no zero-sized element and no recursion, so a length prefix allocates at most
/// what serde takes on trust (a MiB) before the bytes run out.
fn from_bincode<T: DeserializeOwned>(section: Section, bytes: &[u8]) -> Result<T, WbcError> {
    match bincode::serde::decode_from_slice(bytes, config()) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok((_, used)) => Err(WbcError::damaged(section, format!("{} bytes are left over", bytes.len() - used))),
        // The library's messages are Rust debug text; the section is what a user can act on.
        Err(bincode::error::DecodeError::UnexpectedEnd { .. }) => {
            Err(WbcError::damaged(section, "it ends in the middle of an entry"))
        }
        Err(_) => Err(WbcError::damaged(section, "it holds something that is no entry")),
    }
}

fn encode_strings(strings: &Strings) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + 4 * strings.ends.len() + strings.text.len());
    out.extend((strings.ends.len() as u32).to_le_bytes());
    out.extend(strings.ends.iter().flat_map(|end| end.to_le_bytes()));
    out.extend(strings.text.as_bytes());
    out
}

fn decode_strings(bytes: &[u8]) -> Result<Strings, WbcError> {
    let mut reader = Reader::new(Section::Strings, bytes);
    let count = reader.u32()?;
    let ends = reader.u32s(count)?;
    let text = reader.text(reader.remaining())?.to_owned();
    Ok(Strings { text, ends })
}

fn encode_code(code: &[Op]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 * code.len());
    for op in code {
        out.extend_from_slice(&op.encode().to_le_bytes());
    }
    out
}

fn decode_code(bytes: &[u8]) -> Result<Vec<Op>, WbcError> {
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(WbcError::damaged(Section::Code, "its length is no multiple of an instruction's"));
    }
    let mut code = Vec::with_capacity(words.len());
    for word in words {
        let Some(op) = Op::decode(u64::from_le_bytes(*word)) else {
            return Err(WbcError::damaged(Section::Code, format!("word {} is no instruction", code.len())));
        };
        code.push(op);
    }
    Ok(code)
}

fn decode_sites(bytes: &[u8]) -> Result<Vec<StrId>, WbcError> {
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(WbcError::damaged(Section::Sites, "its length is no multiple of an entry's"));
    }
    Ok(words.iter().map(|word| StrId(u32::from_le_bytes(*word))).collect())
}
