//! Fuel and counts of work: exact, the same in every mode and run, and a gate.
#![cfg(feature = "compile")]

#[path = "support/build.rs"]
mod build;
#[path = "support/host.rs"]
mod host;
#[path = "support/source.rs"]
mod source;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use host::MemoryHost;
use serde_json::Value;
use support::{Outcome, run as run_command, walrus_run};
use walrus::compile::compile_text;
use walrus::run::{JitSettings, RunOptions, Stress, WorkSettings, load_bytes, run};

/// How to run a program: with native code from which iteration on, and whether its guards fail once.
#[derive(Clone, Copy, Debug)]
struct Mode {
    threshold: Option<u32>,
    exits: bool,
}

const INTERPRETED: Mode = Mode { threshold: None, exits: false };
const NATIVE: [Mode; 3] = [
    Mode { threshold: Some(1), exits: false },
    Mode { threshold: Some(1), exits: true },
    Mode { threshold: Some(3), exits: false },
];

fn options(mode: Mode) -> RunOptions {
    let threshold = mode.threshold.unwrap_or(1000);
    let jit = JitSettings {
        compile: mode.threshold.is_some() && cfg!(feature = "jit"),
        loop_threshold: threshold,
        function_threshold: threshold,
        stress: if mode.exits { vec![Stress::Exits] } else { Vec::new() },
        wait: true,
        ..JitSettings::default()
    };
    RunOptions { max_heap: 64 << 20, jit, ..RunOptions::default() }
}

/// Status, standard output, message and reports of a run.
type Ended = (i32, String, String, String);

fn execute(bytes: &[u8], options: &RunOptions) -> Ended {
    let out = Arc::new(Mutex::new(Vec::new()));
    let program = load_bytes(bytes, options).expect("what the compiler writes can be loaded");
    let outcome = run(program, options, Box::new(MemoryHost { out: Arc::clone(&out) }));
    let stdout = String::from_utf8_lossy(&out.lock().expect("no writer panics")).into_owned();
    (outcome.status, stdout, outcome.message, outcome.report)
}

fn with_fuel(bytes: &[u8], mode: Mode, fuel: u64) -> Ended {
    execute(bytes, &RunOptions { fuel: Some(fuel), ..options(mode) })
}

/// The outcome of a run whose work is counted, and the report.
fn counted(bytes: &[u8], mode: Mode) -> (Ended, Value) {
    let work = WorkSettings { report: Some(None), ..WorkSettings::default() };
    let (status, stdout, message, report) = execute(bytes, &RunOptions { work, ..options(mode) });
    let value = serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {report}"));
    ((status, stdout, message, report), value)
}

fn compile(source: &str) -> Vec<u8> {
    let compilation = compile_text("main.walrus", source);
    compilation.encode().unwrap_or_else(|| panic!("it compiles: {:?}\n{source}", compilation.diagnostics))
}

/// Programs with all kinds of back edges and calls, small enough to be ended at each of their events.
const PROGRAMS: &[(&str, &str)] = &[
    ("nested loops", "let t = 0; for i in 0..6 { let k = i; while k > 0 { k -= 1; t += k; println(t); } }"),
    (
        "calls that are inlined",
        "fn half : n { return n / 2; } fn quarter : n { return half(half(n)); } let i = 0; \
         while i < 12 { println(quarter(i * 8)); i += 1; }",
    ),
    ("recursion", "fn fib : n { if n < 2 { return n; } println(n); return fib(n - 1) + fib(n - 2); } println(fib(6));"),
    (
        "leading blocks",
        "fn sum : xs, at { if at >= xs.len() { return 0; } return xs[at] + sum(xs, at + 1); } \
         for i in 0..4 { println(sum([1, 2, 3, i], 0)); }",
    ),
    (
        "tail calls",
        "fn down : n, t { if n == 0 { return t; } return down(n - 1, t + n); } \
         fn even : n { if n == 0 { return true; } return odd(n - 1); } \
         fn odd : n { if n == 0 { return false; } return even(n - 1); } \
         for i in 0..5 { println(down(i, 0), even(i)); }",
    ),
    (
        "functions that built-ins call",
        "let t = 0; for i in 0..4 { let xs = [3, 1, 2].map(: x { return x + i; }).filter(: x { return x % 2 == 0; }); \
         for x in xs { t += x; println(t); } }",
    ),
    (
        "iterators",
        "struct Down { fn init : self, n { self.n = n; } fn next : self { if self.n == 0 { return void; } \
         self.n -= 1; return self.n; } } for i in 0..4 { for x in Down(i) { println(x); } }",
    ),
    (
        "errors that are caught",
        "fn risky : n { if n % 3 == 0 { throw n; } return n; } let t = 0; \
         for i in 0..10 { try { t += risky(i); println(t); } catch e { t += 100; } }",
    ),
    (
        "methods, fields and globals",
        "struct P { fn init : self, x { self.x = x; self.n = 0; } fn add : self, o { self.n += 1; return P(self.x + o.x); } } \
         let total = 0; let a = P(0); for i in 0..8 { a = a.add(P(i)); total += a.x; println(total); }",
    ),
    (
        "types that change, texts and dicts",
        "let d = {}; let s = \"\"; for i in 0..9 { let v = i; if i > 5 { v = i * 0.5; } d[i % 3] = d.get(i % 3, 0) + v; \
         s = s + \"ab\"[i % 2]; println(s, d[i % 3]); }",
    ),
    (
        "a loop at the beginning of a function",
        "fn f : n { while n > 0 { n -= 1; println(n); } } for i in 0..5 { f(i); }",
    ),
    (
        "closures",
        "fn counter : { let n = 0; return : { n += 1; return n; }; } let c = counter(); let i = 0; \
         while i < 7 { println(c()); let f = : x { return x + i; }; println(f(i)); i += 1; }",
    ),
];

/// Whatever a program does, it ends at the same unit of fuel with the same output and trace, natively as well.
#[test]
fn fuel_ends_a_run_at_the_same_unit_in_every_mode() {
    for (name, source) in PROGRAMS {
        let bytes = compile(source);
        let (ended, report) = counted(&bytes, INTERPRETED);
        assert_eq!(ended.0, 0, "{name}: {ended:?}");
        let events = count(&report["total"], "iterations") + count(&report["total"], "calls");
        assert!((8..400).contains(&events), "{name}: {events} events");
        for fuel in 0..events + 2 {
            let expected = with_fuel(&bytes, INTERPRETED, fuel);
            assert_eq!(expected.0 == 0, fuel >= events, "{name}: {events} events, {fuel} units: {expected:?}");
            for mode in NATIVE {
                assert_eq!(with_fuel(&bytes, mode, fuel), expected, "{name}: {fuel} units, {mode:?}");
            }
        }
    }
}

fn count(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} is a number: {value}"))
}

/// Iterations and calls by region.
fn events(report: &Value) -> BTreeMap<(u64, String), (u64, u64)> {
    let regions = report["regions"].as_array().expect("regions");
    let of_region = |region: &Value| {
        let name = format!("{} {}:{}", region["kind"], region["file"], region["line"]);
        ((count(region, "id"), name), (count(region, "iterations"), count(region, "calls")))
    };
    regions.iter().map(of_region).collect()
}

#[test]
fn iterations_and_calls_are_the_same_in_every_mode() {
    for (name, source) in PROGRAMS {
        compare_counts(name, &compile(source));
    }
}

/// Runs a program interpreted and natively; the events of each region have to be as many.
fn compare_counts(name: &str, bytes: &[u8]) {
    let (expected, interpreted) = counted(bytes, INTERPRETED);
    for mode in NATIVE {
        let (ended, report) = counted(bytes, mode);
        assert_eq!((ended.0, &ended.1, &ended.2), (expected.0, &expected.1, &expected.2), "{name}: {mode:?}");
        assert_eq!(events(&report), events(&interpreted), "{name}: {mode:?}");
        for region in report["regions"].as_array().expect("regions") {
            assert!(count(region, "native_iterations") <= count(region, "iterations"), "{name}: {region}");
            assert!(count(region, "native_calls") <= count(region, "calls"), "{name}: {region}");
        }
    }
}

/// The same for the fixtures of the language, as far as they end in time and by themselves.
#[test]
fn fixtures_are_counted_the_same_in_every_mode() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut compared = 0;
    for folder in ["language", "loops", "functions", "builtins"] {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "walrus")) {
            let source = std::fs::read_to_string(path).expect("a fixture can be read");
            let Some(bytes) = compile_text("main.walrus", &source).encode() else { continue };
            // Those with flags or a world of their own, and those that take long, are for the fixtures' own modes.
            let plain = with_fuel(&bytes, INTERPRETED, 30_000);
            if source.contains("// flags:") || source.contains("// skip") || plain.2.contains("Out of ") {
                continue;
            }
            // What looks at the heap or the clock sees something else each time.
            if ["gc", "heap", "std/time", "std/random", "sys."].iter().any(|word| source.contains(word)) {
                continue;
            }
            compare_counts(&path.display().to_string(), &bytes);
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared} fixtures");
}

const BUSY: &str = "
struct Point { fn init : self, x { self.x = x; } fn add : self, other { return Point(self.x + other.x); } }
fn collatz : n { let steps = 0; while n != 1 { if n % 2 == 0 { n = n / 2; } else { n = 3 * n + 1; } steps += 1; } return steps; }
let longest = 0;
let p = Point(0);
let words = {};
for i in 1..3000 {
    let steps = collatz(i);
    if steps > longest { longest = steps; }
    p = p.add(Point(steps));
    let key = \"k\" + core.str(steps % 7);
    words[key] = words.get(key, 0) + 1;
}
println(longest, p.x, words.len());
";

fn busy() -> Vec<u8> {
    compile(&format!("import \"std/core\";\n{BUSY}"))
}

/// Twenty runs in a row, byte-equal.
#[test]
fn a_report_is_the_same_in_each_run() {
    let bytes = busy();
    let mode = Mode { threshold: Some(100), exits: false };
    let (first, report) = counted(&bytes, mode);
    assert_eq!(first.0, 0, "{first:?}");
    if cfg!(feature = "jit") {
        let regions = report["regions"].as_array().expect("regions");
        assert!(regions.iter().any(|region| count(region, "native_iterations") > 100_000), "{report}");
    }
    for _ in 1..20 {
        assert_eq!(counted(&bytes, mode).0, first);
    }
}

/// What a report says of a program that can be counted by hand.
#[test]
fn counts_are_what_a_person_counts() {
    let source = "fn f : n { let xs = [n, n]; return xs; }\nlet t = 0;\nfor i in 0..10 {\n    t += f(i).len();\n}\nprintln(t);\n";
    let (_, report) = counted(&compile(source), INTERPRETED);
    let regions = report["regions"].as_array().expect("regions");
    let (of_loop, function) = (&regions[1], &regions[0]);
    assert_eq!((of_loop["kind"].as_str(), of_loop["line"].as_u64()), (Some("loop"), Some(3)));
    assert_eq!((count(of_loop, "iterations"), count(of_loop, "native_iterations")), (9, 0), "jumps back");
    assert_eq!((count(function, "calls"), count(function, "allocations")), (10, 10));
    assert_eq!(function["function"].as_str(), Some("f"));
    assert_eq!(report["version"].as_u64(), Some(1));
    assert_eq!(report["program"].as_str().map(str::len), Some(64));
    let names = ["interpreted", "iterations", "calls", "steps", "allocations", "allocated_bytes", "exits"];
    assert!(names.iter().all(|name| !report["total"][name].is_null()), "{report}");
    assert!(count(&report["total"], "allocated_bytes") >= 10 * 32, "{report}");
    assert_eq!(count(&report["total"], "calls"), 10);
}

/// A program on disk, and its gate.
struct Gated {
    folder: tempfile::TempDir,
}

impl Gated {
    fn new(source: &str) -> Gated {
        let gated = Gated { folder: tempfile::tempdir().expect("a folder") };
        gated.change(source);
        gated
    }

    fn change(&self, source: &str) {
        source::build(self.folder.path(), "program", source).unwrap_or_else(|problem| panic!("{problem}"));
    }

    fn gate(&self) -> PathBuf {
        self.folder.path().join("work.json")
    }

    fn run(&self, flags: &[&str]) -> Outcome {
        let mut command = walrus_run();
        command.current_dir(self.folder.path()).args(flags).arg(self.folder.path().join("program.wbc"));
        run_command(&mut command, b"").expect("walrus-run ends")
    }
}

const SUMS: &str = "fn sum : n { let t = 0; for i in 0..n { t += i; } return t; }\nprintln(sum(5000));\n";

#[test]
fn a_gate_lets_the_same_work_through_and_no_more() {
    let jit: &[&str] = if cfg!(feature = "jit") { &["--jit"] } else { &[] };
    let with = |flags: &[&'static str]| [jit, flags].concat();
    let program = Gated::new(SUMS);
    let blessed = program.run(&with(&["--work-gate", "work.json", "--bless"]));
    assert_eq!((blessed.status, blessed.err().as_ref()), (Some(0), ""), "{}", blessed.describe());
    let gate = std::fs::read_to_string(program.gate()).expect("the gate was written");
    let again = program.run(&with(&["--work-gate", "work.json"]));
    assert_eq!((again.status, again.err().as_ref()), (Some(0), ""), "{}", again.describe());
    assert_eq!(std::fs::read_to_string(program.gate()).expect("it is there"), gate);

    // Lines move.
    program.change(&format!("// Sums.\n\n{SUMS}"));
    assert_eq!(program.run(&with(&["--work-gate", "work.json"])).status, Some(0));
    // One iteration in a hundred more.
    program.change(&SUMS.replace("5000", "5050"));
    let more = program.run(&with(&["--work-gate", "work.json"]));
    assert_eq!((more.status, more.out().as_ref()), (Some(1), "12748725\n"), "{}", more.describe());
    assert!(
        more.err().contains("program.walrus:1:25: loop in sum: 5049 iterations, 4999 before"),
        "{}",
        more.describe()
    );
    assert_eq!(std::fs::read_to_string(program.gate()).expect("it is there"), gate, "nothing is overwritten");
    assert_eq!(program.run(&with(&["--work-gate", "work.json", "--work-slack", "2"])).status, Some(0));
    // A program that fails is not blessed, and its own failure is what is told.
    program.change(&format!("{SUMS} throw 1;"));
    let failed = program.run(&with(&["--work-gate", "work.json", "--bless"]));
    assert_eq!(failed.status, Some(1), "{}", failed.describe());
    assert!(failed.err().contains("was not written"), "{}", failed.describe());
    assert_eq!(std::fs::read_to_string(program.gate()).expect("it is there"), gate);
}

#[cfg(feature = "jit")]
#[test]
fn a_loop_that_becomes_native_is_no_more_work_and_one_that_does_not_any_more_is() {
    let program = Gated::new(SUMS);
    assert_eq!(program.run(&["--work-gate", "work.json", "--bless"]).status, Some(0));
    let native = program.run(&["--jit", "--work-gate", "work.json"]);
    assert_eq!(native.status, Some(0), "{}", native.describe());
    let note = "work: note: 'work.json' is of a run with no flags, and this one has '--jit': counts depend on them\n";
    assert_eq!(native.err(), note);
    assert_eq!(program.run(&["--jit", "--work-gate", "work.json", "--bless"]).status, Some(0));
    let interpreted = program.run(&["--work-gate", "work.json"]);
    assert_eq!(interpreted.status, Some(1));
    assert!(
        interpreted.err().starts_with("work: note: 'work.json' is of a run with '--jit', and this one has no flags")
    );
    assert!(interpreted.err().contains("instructions interpreted"), "{}", interpreted.describe());
}

#[test]
fn a_gate_that_is_none_is_an_error_of_usage() {
    let program = Gated::new(SUMS);
    let refused = |content: Option<&str>, message: &str| {
        match content {
            Some(content) => std::fs::write(program.gate(), content).expect("writable"),
            None => drop(std::fs::remove_file(program.gate())),
        }
        let outcome = program.run(&["--work-gate", "work.json"]);
        assert_eq!((outcome.status, outcome.out().as_ref()), (Some(2), ""), "{}", outcome.describe());
        assert!(outcome.err().contains(message), "expected '{message}': {}", outcome.describe());
        assert_eq!(outcome.err().lines().count(), 1, "{}", outcome.describe());
        if let Some(content) = content {
            assert_eq!(std::fs::read_to_string(program.gate()).expect("it is there"), content);
        }
    };
    refused(None, "--bless");
    refused(Some(""), "is not JSON");
    refused(Some("[1, 2"), "is not JSON");
    refused(Some("{}"), "it has no \"version\"");
    refused(Some("{\"version\": 7, \"regions\": []}"), "version 7");
    refused(Some("{\"version\": 1, \"regions\": 3}"), "is no work report");
    assert_eq!(program.run(&["--work-gate", "work.json", "--bless"]).status, Some(0), "it is written anew");
    let own = std::fs::read_to_string(program.gate()).expect("it is there");
    let other = own.replace("program.walrus", "other.walrus");
    refused(Some(&other), "another program, 'other.walrus'");

    for (flags, message) in [
        (&["--bless"][..], "--work-gate"),
        (&["--work-slack", "3"], "--work-gate"),
        (&["--work-gate", "work.json", "--work-slack", "many"], "--work-slack"),
        (&["--work-report", "--check-facts"], "--check-facts"),
    ] {
        let outcome = program.run(flags);
        assert_eq!((outcome.status, outcome.out().as_ref()), (Some(2), ""), "{}", outcome.describe());
        assert!(outcome.err().contains(message), "{}", outcome.describe());
    }
    let unwritable = program.run(&["--work-report=missing/folder/work.json"]);
    assert_eq!((unwritable.status, unwritable.out().as_ref()), (Some(2), "12497500\n"), "{}", unwritable.describe());
    assert!(unwritable.err().contains("cannot write"), "{}", unwritable.describe());
}

/// A report goes to a file and leaves what the program prints alone; `walrus` takes the same flags.
#[test]
fn a_report_goes_where_it_is_wanted() {
    let program = Gated::new(SUMS);
    let to_file = program.run(&["--work-report=report.json"]);
    assert_eq!((to_file.out().as_ref(), to_file.err().as_ref()), ("12497500\n", ""));
    let text = std::fs::read_to_string(program.folder.path().join("report.json")).expect("it was written");
    let wbc = program.folder.path().join("program.wbc");
    let to_stderr = build::execute(&wbc, &["--work-report"]).expect("walrus-run ends");
    assert_eq!((to_stderr.out().as_ref(), to_stderr.err().as_ref()), ("12497500\n", text.as_str()));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_walrus"));
    command.current_dir(program.folder.path()).args([
        "run",
        "--no-jit",
        "--no-cache",
        "--work-report",
        "program.walrus",
    ]);
    let outcome = run_command(&mut command, b"").expect("walrus ends");
    assert_eq!((outcome.out().as_ref(), outcome.err().as_ref()), ("12497500\n", text.as_str()));
}

/// What a gate holds on to: totals of orders, found by name, over lists of numbers.
const ORDERS: &str = "
struct Order { fn init : self, id, price, count { self.id = id; self.price = price; self.count = count; } }
fn price_of : order { return order.price * order.count; }
fn total : orders { let sum = 0; for order in orders { sum += price_of(order); } return sum; }
fn names : orders { let text = \"\"; for order in orders { text = text + \"x\"; } return text.len(); }
let orders = [];
for i in 0..3000 { orders.push(Order(i, i % 7 + 1, 2)); }
let all = 0;
for round in 0..5 { all += total(orders); }
println(all, names(orders));
";

/// Six ways in which a change makes a program do more, each caught by another count; the program prints the same.
#[cfg(feature = "jit")]
#[test]
fn a_gate_finds_each_way_in_which_a_program_does_more() {
    let program = Gated::new(ORDERS);
    let flags = &["--jit", "--work-gate", "work.json"];
    let blessed = program.run(&[&flags[..], &["--bless"]].concat());
    assert_eq!(blessed.status, Some(0), "{}", blessed.describe());
    for (from, to, caught) in [
        ("0..5 { all += total(orders); }", "0..5 { all += total(orders); total(orders); }", "calls"),
        ("sum += price_of(order);", "let pair = [order, order]; sum += price_of(pair[0]);", "in total"),
        ("let text = \"\";", "let text = \"\"; let k = 0; while k < 100 { k += 1; }", "iterations"),
        ("i % 7 + 1, 2)", "if i % 2 == 0 { i % 7 + 1 } else { (i % 7 + 1) * 1.0 }, 2)", "exits"),
        (
            "{ return order.price * order.count; }",
            "{ let t = [order.price]; let s = t + []; return s[0] * order.count; }",
            "function price_of",
        ),
        (
            "return text.len(); }",
            "let k = 0; while k < 40 { k += 1; } return text.len(); }",
            "instructions interpreted",
        ),
    ] {
        program.change(&ORDERS.replace(from, to));
        let outcome = program.run(flags);
        assert_eq!(outcome.status, Some(1), "{to}: {}", outcome.describe());
        assert!(outcome.err().lines().all(|line| line.starts_with("work: program.walrus:")), "{}", outcome.describe());
        assert!(!outcome.err().contains("outside of functions"), "{to}: {}", outcome.describe());
        assert!(outcome.err().contains(caught), "{to} is caught by {caught}: {}", outcome.describe());
    }
    program.change(ORDERS);
    assert_eq!(program.run(flags).status, Some(0));
}
