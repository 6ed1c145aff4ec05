//! The gates of `examples/gates`, on the program as it is and broken on purpose, each time in another way.

#[path = "support/folder.rs"]
mod folder;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use folder::Folder;
use support::{Outcome, run, walrus_run, walrusc};

/// The program in a folder of its own, with what it compiles to as `base.wbc` outside of it.
fn sample() -> Folder {
    let folder = Folder::new(&[("gates/.keep", "")]);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gates");
    for entry in fs::read_dir(source).expect("the sample") {
        let path = entry.expect("readable").path();
        fs::copy(&path, folder.path("gates").join(path.file_name().expect("a name"))).expect("a copy");
    }
    let mut compile = walrusc();
    compile.current_dir(folder.root()).args(["gates/main.walrus", "-o", "base.wbc"]);
    assert_eq!(run(&mut compile, b"").expect("it ends").status, Some(0));
    assert!(folder.names().contains(&"base.wbc".to_owned()) && folder.has("gates/gates.sh"));
    folder
}

fn gates(folder: &Folder) -> Outcome {
    let programs = PathBuf::from(walrus_run().get_program());
    let programs = programs.parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = [programs].into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new("sh");
    command.arg(folder.path("gates/gates.sh")).arg(folder.path("base.wbc"));
    command.env("PATH", std::env::join_paths(all).expect("a path")).env("NO_COLOR", "1");
    run(&mut command, b"").expect("the gates end")
}

/// Breaks the program by replacing a text in one of its files; this gate must fail, and say what is wrong.
#[track_caller]
fn broken(file: &str, old: &str, new: &str, gate: &str, said: &str) {
    let folder = sample();
    let name = format!("gates/{file}");
    let text = String::from_utf8(folder.read(&name)).expect("UTF-8");
    assert!(text.contains(old), "{file} has no {old:?}");
    folder.write(&name, &text.replacen(old, new, 1));
    let outcome = gates(&folder);
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    let out = outcome.out();
    assert!(out.ends_with(&format!("gate failed: {gate}\n")), "{}", outcome.describe());
    assert!(out.contains(said), "it does not say {said:?}: {}", outcome.describe());
}

#[test]
fn the_program_passes() {
    let outcome = gates(&sample());
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    assert_eq!(outcome.out().matches("gate passed").count(), 8, "{}", outcome.describe());
}

#[test]
fn another_style() {
    broken("prices.walrus", "let sum = 0.0;", "let sum=0.0;", "format", "prices.walrus");
}

#[test]
fn what_always_fails() {
    let line = "if turnover < 0.0 { turnover += \"\"; }\nprintln(";
    broken("main.walrus", "println(", line, "warnings", "this always fails");
}

#[test]
fn a_mark_that_marks_nothing() {
    broken("prices.walrus", "// @jit\n    for price", "// @jit\n\n    for price", "native", "W0206");
}

#[test]
fn a_marked_loop_that_is_interpreted() {
    let import = "import \"./rates.walrus\";\n        sum +=";
    let folder = "prices.walrus";
    broken(folder, "sum +=", import, "native", "W0105");
}

#[test]
fn a_marked_loop_that_is_not_proven() {
    broken(
        "main.walrus",
        "listed.push(core.float(i % 90) + 0.5);",
        "listed.push(if i % 2 == 0 { i } else { 0.5 });",
        "proven",
        "W0106",
    );
}

#[test]
fn a_wrong_result() {
    broken("prices.walrus", "if price > most", "if price < most", "tests", "the_dearest_is_found_anywhere");
}

#[test]
fn a_loop_that_costs_more() {
    let old = "        sum += prices[i] * counts[i];\n";
    let new =
        "        let label = f\"{i}: {prices[i]}\";\n        if label != \"\" { sum += prices[i] * counts[i]; }\n";
    broken("prices.walrus", old, new, "cost", "allocations");
}
