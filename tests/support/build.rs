//! Programs that are compiled to a file and run from there.

use std::ffi::OsStr;
use std::path::Path;

use crate::support::{Outcome, run, walrus_run, walrusc};

/// Compiles a source file to `output`.
pub fn compile(source: &Path, output: &Path) -> Result<Outcome, String> {
    run(walrusc().arg(source).arg("-o").arg(output), b"")
}

/// Runs a compiled program with flags of walrus-run before it.
pub fn execute<S: AsRef<OsStr>>(program: &Path, flags: &[S]) -> Result<Outcome, String> {
    run(walrus_run().args(flags).arg(program), b"")
}
