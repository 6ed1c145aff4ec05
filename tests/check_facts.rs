//! Every value that a fixture computes is one that its static type allows.
//!
//! `walrus-run --check-facts` compares them while the program runs; see `src/runtime/oracle.rs`. A violation would mean
//! that inference is unsound, and that a verdict of "proven" may be wrong.

#[path = "support/build.rs"]
mod build;
#[path = "support/judge.rs"]
mod judge;
#[path = "support/source.rs"]
mod source;
mod support;

use std::path::{Path, PathBuf};

use build::{compile, execute};
use judge::judge;
use source::build;
use support::walrus_run;

/// All programs below a folder but those that are only imported.
fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of fixtures") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "lib" {
            programs(&path, found);
        } else if name.ends_with(".walrus") && !name.starts_with('_') {
            found.push(path);
        }
    }
}

#[test]
fn proven_facts_hold_in_every_fixture() {
    let mut found = Vec::new();
    programs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut found);
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let wbc = scratch.path().join("prog.wbc");
    let (mut judged, mut values) = (0, 0u64);
    for path in found {
        // Programs that only a limit ends: no judge can be given one.
        if String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).contains("// flags: --fuel") {
            continue;
        }
        if compile(&path, &wbc).expect("walrusc ends").status != Some(0) {
            continue;
        }
        // Programs about tasks wait for minutes, of a clock that the runner of fixtures simulates too.
        let is_about_tasks = path.parent().is_some_and(|folder| folder.ends_with("fixtures/tasks"));
        let simulated: &[&str] = if is_about_tasks { &["--simulate", "0"] } else { &[] };
        let mut command = walrus_run();
        command.args(simulated).arg("--check-facts").arg(&wbc).current_dir(scratch.path());
        judged += 1;
        values += judge(&mut command, &path.display().to_string()).1;
    }
    assert!(judged > 100 && values > 100_000, "only {values} values of {judged} programs were looked at");
}

/// Runs a program that prints "done" under the judge.
#[track_caller]
fn judge_to_its_end(program: &str, flags: &[&str]) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let wbc = build(scratch.path(), "prog", program).expect("it compiles");
    let unjudged = execute(&wbc, flags).expect("it ends");
    let (judged, _) = judge(walrus_run().args(flags).arg("--check-facts").arg(&wbc), program);
    assert_eq!((&*judged.stdout, judged.status.code()), (&b"done\n"[..], Some(0)), "{program}");
    assert_eq!(unjudged.stdout, judged.stdout, "{program}");
}

/// The judge once looked at what an instruction had written when it was about to be executed for the second time (seed
/// 5,000,692).
#[test]
fn an_instruction_that_waits_for_memory_is_not_judged() {
    let program = "for i in 0..9 { try { i += 3000000; i += ((i + i) * \"a\"); } catch e { } } println(\"done\");";
    judge_to_its_end(program, &["--max-heap", "16M"]);
}

/// A collection under stress cleared what the last instruction had written if nobody would read it, before the judge
/// had looked (seed 300,017 of programs about tasks).
#[test]
fn what_nobody_reads_is_judged_before_it_is_cleared() {
    let program = "fn nothing : { } fn walk : n { for i in [2, 3, n] { nothing(); } for k, v in {1: n} { nothing(); } } \
                   walk(4); println(\"done\");";
    judge_to_its_end(program, &["--gc-stress"]);
}
