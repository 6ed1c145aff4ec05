//! What walrusc says always fails, by line.

use std::collections::BTreeMap;

use walrus::compile::Compilation;

/// The messages of `W03xx` about each line of a program of one file, counted from 1.
pub fn by_line(compilation: &Compilation, text: &str) -> BTreeMap<usize, Vec<String>> {
    let mut warnings: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for found in compilation.diagnostics.iter().filter(|found| found.code.starts_with("W03")) {
        let line = 1 + text[..found.primary().lo as usize].matches('\n').count();
        warnings.entry(line).or_default().push(found.message.clone());
    }
    warnings
}
