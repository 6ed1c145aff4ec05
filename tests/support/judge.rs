//! Programs under the judge of facts, and the rule by which its word is taken.

use std::process::{Command, Output, Stdio};

/// Runs walrus-run with `--check-facts`, which compares every value with its static type: how it ended, and how many
/// values agree, which is told of a program that ends well. Panics, with a text that says what it was, if a fact does
/// not hold or the judge could not sit.
#[track_caller]
pub fn judge(walrus_run: &mut Command, what: &str) -> (Output, u64) {
    let output = walrus_run.stdin(Stdio::null()).output().expect("walrus-run runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("A proven fact does not hold") && !errors.contains("walrus-run:"), "{what}: {errors}");
    let line = errors.lines().find(|line| line.ends_with("agree with their static types"));
    let values = line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0);
    (output, values)
}
