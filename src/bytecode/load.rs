//! From the bytes of a `.wbc` to a program that may run: decode, then verify.

use std::fmt;

use super::verify::{VerifiedProgram, VerifyError, verify};
use super::wbc::{WbcError, decode};

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
    let program = decode(file).map_err(LoadError::File)?;
    verify(program).map_err(LoadError::Program)
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
