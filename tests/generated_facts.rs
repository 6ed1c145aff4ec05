//! Random programs under the judge of facts: no value that they compute may contradict its static type.
//!
//! `tests/differential` judges the same programs in one of its modes; this suite does so through the programs' own
//! front doors. `WALRUS_GENERATED=10000 cargo test --test generated_facts` runs that many programs instead of the usual
//! few hundred.

use std::process::{Command, Stdio};

use random_programs::program;

#[path = "support/random_programs/mod.rs"]
mod random_programs;

/// Back edges and calls that a program may make: many times what those that end do.
const FUEL: &str = "2000000";

#[test]
fn no_generated_program_contradicts_its_facts() {
    let count = std::env::var("WALRUS_GENERATED").ok().and_then(|count| count.parse().ok()).unwrap_or(300u64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, wbc) = (folder.path().join("prog.walrus"), folder.path().join("prog.wbc"));
    let (mut judged, mut values) = (0u64, 0u64);
    for seed in 1..=count {
        let text = program(seed);
        std::fs::write(&source, &text).expect("writable");
        let compiled = Command::new(env!("CARGO_BIN_EXE_walrusc"))
            .arg(&source)
            .arg("-o")
            .arg(&wbc)
            .output()
            .expect("walrusc runs");
        let errors = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "seed {seed}: {errors}\n{text}");
        let execute = |flags: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_walrus-run"));
            command.args(flags).args(["--max-heap", "256M"]).arg(&wbc).stdin(Stdio::null());
            command.output().expect("walrus-run runs")
        };
        // Now and then a program is endless, and no judge can be given a limit.
        let limited = execute(&["--fuel", FUEL]);
        if String::from_utf8_lossy(&limited.stderr).starts_with("Out of fuel") {
            continue;
        }
        let run = execute(&["--check-facts"]);
        let stderr = String::from_utf8_lossy(&run.stderr);
        let sound = !stderr.contains("A proven fact does not hold") && !stderr.contains("walrus-run:");
        assert!(sound && run.status.code().is_some_and(|code| code <= 1), "seed {seed}: {stderr}\n{text}");
        judged += u64::from(run.status.success());
        let checked = stderr.lines().find(|line| line.ends_with("agree with their static types"));
        values += checked.and_then(|line| line.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    }
    assert!(
        judged * 2 > count && values > 20 * count,
        "{judged} of {count} programs ran to their end, {values} values judged"
    );
}
