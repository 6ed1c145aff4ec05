//! Programs that a test writes itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::support::{Outcome, run, walrus_run, walrusc};

/// Compiles a source file to `output`.
pub fn compile(source: &Path, output: &Path) -> Result<Outcome, String> {
    run(walrusc().arg(source).arg("-o").arg(output), b"")
}

/// Writes a program into `folder`, compiles it, and says where the result is; any diagnostic is an error.
pub fn build(folder: &Path, name: &str, source: impl AsRef<[u8]>) -> Result<PathBuf, String> {
    let path = folder.join(format!("{name}.walrus"));
    std::fs::write(&path, source).map_err(|error| error.to_string())?;
    let output = folder.join(format!("{name}.wbc"));
    let outcome = compile(&path, &output)?;
    if outcome.status != Some(0) {
        return Err(format!("walrusc refused {name}.walrus: {}", outcome.describe()));
    }
    Ok(output)
}

/// Runs a compiled program with flags of walrus-run before it.
pub fn execute<S: AsRef<OsStr>>(program: &Path, flags: &[S]) -> Result<Outcome, String> {
    run(walrus_run().args(flags).arg(program), b"")
}
