//! Programs that a test writes itself.

use std::path::{Path, PathBuf};

use crate::build::compile;

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
