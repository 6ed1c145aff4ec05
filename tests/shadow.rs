//! The shadow interpreter notices what it is there to notice: snapshots made wrong on purpose are caught, right ones
//! are not.
#![cfg(all(feature = "jit", feature = "compile"))]

mod support;

use support::{run, walrus_run, walrusc};
use walrus::run::{JitSettings, Outcome, RunOptions, Stress, SystemHost};

/// Runs a program inside this process, with snapshots spoilt or not.
fn shadowed(source: &str, spoil_exits: bool) -> Outcome {
    let jit = JitSettings {
        compile: true,
        loop_threshold: 1,
        stress: vec![Stress::Exits, Stress::Shadow],
        wait: true,
        spoil_exits,
        ..JitSettings::default()
    };
    run_with(source, jit)
}

/// Runs a program inside this process.
fn run_with(source: &str, jit: JitSettings) -> Outcome {
    let bytes = walrus::compile::compile_text("t.walrus", source).encode().expect("the program compiles");
    let program = walrus::bytecode::load(&bytes).expect("what the compiler writes can be loaded");
    let options = RunOptions { max_heap: 64 << 20, jit, ..RunOptions::default() };
    walrus::run::run(program, &options, Box::new(SystemHost::new(Vec::new())))
}

/// How many exits `walrus-run` says it compared, and how many it passed over.
fn counts(source: &str) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (text, program) = (folder.path().join("t.walrus"), folder.path().join("t.wbc"));
    std::fs::write(&text, source).expect("the folder is writable");
    let compiled = run(walrusc().arg(&text).arg("-o").arg(&program), b"").expect("walrusc runs");
    assert!(program.exists(), "{}", compiled.describe());
    let flags = ["--jit", "--jit-threshold=1", "--jit-stress=exits,shadow", "--jit-wait", "--jit-stats"];
    let outcome = run(walrus_run().args(flags).arg(&program), b"").expect("walrus-run runs");
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    let line = stderr.lines().find(|line| line.starts_with("Shadow:")).unwrap_or_else(|| panic!("{stderr}"));
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

const PROGRAMS: &[(&str, &str)] = &[
    ("registers", "fn f : n { let t = 1; for i in 0..n { t = t * 3 + i; } return t; } f(200);"),
    ("globals", "let t = 1; for i in 0..200 { t = t + i * i; }"),
    (
        "inlined frames",
        "fn g : x { return x * 2 + 1; } fn f : n { let t = 0; for i in 0..n { t = t + g(t + i); } return t; } f(200);",
    ),
    ("nested loops", "fn f : n { let t = 0; for i in 0..n { for j in 0..i { t = t + i * j; } } return t; } f(30);"),
    (
        "lists",
        "fn f : xs, n { let t = 0; for i in 0..n { xs.push(i * t); t = t + xs[i]; xs[0] = t; } return t; } f([1], 200);",
    ),
    (
        "instances",
        "struct P { fn init : self { self.n = 0; } fn add : self, d { self.n = self.n + d; return self.n; } }
                   fn f : n { let p = P(); let t = 0; for i in 0..n { t = t + p.add(i); } return t; } f(200);",
    ),
    // Left in `next`, which has yet to give its item; the register for that held something else.
    (
        "iterations within loops",
        "struct Lists { fn init : self, xs { self.i = 0; self.xs = xs; }
             fn next : self { let x = self.xs[self.i]; self.i = self.i + 1; return x; } }
         fn f : n { let t = 0; for k in 0..n { for x in Lists([[k, 1], [2], void]) { t = t + x[0]; } } return t; }
         f(200);",
    ),
];

#[test]
fn wrong_snapshots_are_caught() {
    for (name, source) in PROGRAMS {
        let outcome = shadowed(source, true);
        assert_eq!(outcome.status, 1, "{name}: {outcome:?}");
        assert!(outcome.message.contains("that interpreting does not come by"), "{name}: {outcome:?}");
    }
}

#[test]
fn right_snapshots_are_not_complained_of() {
    for (name, source) in PROGRAMS {
        let outcome = shadowed(source, false);
        assert_eq!((outcome.status, outcome.message.as_str()), (0, ""), "{name}");
        let (compared, passed_over) = counts(source);
        assert!(compared > 0 && passed_over == 0, "{name}: {compared} compared, {passed_over} passed over");
    }
}

#[test]
fn what_cannot_be_undone_is_passed_over() {
    let source = "fn f : n { let t = 0.0; for i in 0..n { t = t + core.clock(); } return t; } f(200);";
    let outcome = shadowed(source, true);
    assert!(!outcome.message.contains("that interpreting does not come by"), "{outcome:?}");
}

/// What `--jit-stress facts` says of a program, with facts about ints held to be wrong or as they are.
fn judged(source: &str, spoil_facts: bool) -> Outcome {
    let jit = JitSettings {
        compile: true,
        loop_threshold: 1,
        function_threshold: 1,
        stress: vec![Stress::Facts, Stress::Exits],
        wait: true,
        spoil_facts,
        ..JitSettings::default()
    };
    run_with(source, jit)
}

#[test]
fn wrong_facts_are_caught_and_right_ones_are_not_complained_of() {
    for (name, source) in PROGRAMS {
        let outcome = judged(source, true);
        assert_eq!(outcome.status, 1, "{name}: {outcome:?}");
        assert!(outcome.message.contains("is not of the type that was proved for it"), "{name}: {outcome:?}");
        let outcome = judged(source, false);
        assert_eq!((outcome.status, outcome.message.as_str()), (0, ""), "{name}");
    }
}
