//! Random programs under the judge of facts: no value that they compute may contradict its static type, and nothing may
//! succeed of which walrusc has warned that it always fails.
//!
//! `tests/differential` judges the same programs in one of its modes; this suite does so through the programs' own
//! front doors. `WALRUS_GENERATED=10000 cargo test --test generated_facts` runs that many programs instead of the usual
//! few hundred.

#[path = "support/build.rs"]
mod build;
#[path = "support/judge.rs"]
mod judge;
#[path = "support/random_programs/mod.rs"]
mod random_programs;
mod support;

use build::{compile, execute};
use judge::judge;
use random_programs::program;
use support::walrus_run;

/// Back edges and calls that a program may make: many times what those that end do.
const FUEL: &str = "2000000";

#[test]
fn no_generated_program_contradicts_its_facts() {
    let count = std::env::var("WALRUS_GENERATED").ok().and_then(|count| count.parse().ok()).unwrap_or(300u64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, wbc) = (folder.path().join("prog.walrus"), folder.path().join("prog.wbc"));
    let (mut judged, mut values, mut warnings) = (0u64, 0u64, 0);
    for seed in 1..=count {
        let text = program(seed);
        let what = || format!("seed {seed}:\n{text}");
        std::fs::write(&source, &text).expect("writable");
        let compiled = compile(&source, &wbc).expect("walrusc runs");
        assert!(compiled.status == Some(0), "{}{}", what(), compiled.describe());
        warnings += compiled.err().matches("warning[W03").count() as u64;
        // Now and then a program is endless, and no judge can be given a limit.
        let limited = execute(&wbc, &["--max-heap", "256M", "--fuel", FUEL]).expect("it ends");
        if limited.err().starts_with("Out of fuel") {
            continue;
        }
        let (output, agree) = judge(walrus_run().args(["--max-heap", "256M", "--check-facts"]).arg(&wbc), &what());
        let status = output.status.code();
        assert!(status.is_some_and(|code| code <= 1), "{}: {status:?}", what());
        judged += u64::from(status == Some(0));
        values += agree;
    }
    assert!(
        judged * 2 > count && values > 20 * count && warnings * 5 > count,
        "{judged} of {count} programs ran to their end, {values} values judged, {warnings} warnings"
    );
}
