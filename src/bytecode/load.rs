//! From the bytes of a `.wbc` to a program that may run: decode, then verify.

use std::fmt;

use super::verify::{VerifiedProgram, VerifyError, verify};
use super::wbc::{Wanted, WbcError, decode_wanted, packed_facts};

/// Why a file cannot run, on one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadError {
    /// The file cannot be read as a program.
    File(WbcError),
    /// The program breaks a rule.
    Program(VerifyError),
}

/// Reads and verifies a file.
pub fn load(file: &[u8]) -> Result<VerifiedProgram, LoadError> {
    load_wanted(file, Wanted::All)
}

/// As [`load`], for a reader that may do without some parts. What it does not want is not checked: malformed facts
/// refuse a file when someone asks for facts.
pub fn load_wanted(file: &[u8], wanted: Wanted) -> Result<VerifiedProgram, LoadError> {
    let program = decode_wanted(file, wanted).map_err(LoadError::File)?;
    verify(program).map_err(LoadError::Program)
}

/// As [`load`], for a run that may come to ask for facts ([`VerifiedProgram::packed_facts`]): they are kept as they lie
/// in the file, and not looked at before.
pub fn load_with_packed_facts(file: &[u8]) -> Result<VerifiedProgram, LoadError> {
    let mut program = load_wanted(file, Wanted::WithoutFacts)?;
    program.keep_facts(packed_facts(file).map(Box::from));
    Ok(program)
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            LoadError::File(error) => error.fmt(f),
            LoadError::Program(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}
