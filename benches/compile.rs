//! Compiling generated programs: time with the analysis and without, for sizes that show whether it is linear, and for
//! shapes that are bad for some algorithm.
//!
//! `cargo bench --bench compile` prints the best of several rounds in milliseconds. "Without" is reading, resolving,
//! lowering and encoding; "with" is all that `walrusc` does but for files. "Verify" is the verifier on a program
//! without facts, "check" the check of a verified program's type facts by itself, and "added" what verifying a program
//! with facts and checking them beside takes longer than verifying it without, in units of "verify".

use std::fmt::Write;
use std::hint;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use walrus::bytecode::builtins::{HOST_MODULE, STD_MODULES, STD_MODULES_TO_COME};
use walrus::bytecode::{Program, load, verify, wbc};
use walrus::compile::{Entry, NoFiles, compile_text};
use walrus::facts::{check, check_facts, verify_with_facts};
use walrus::lower::{Input, lower};
use walrus::resolve::graph::{self, ModuleGraph, StdModules};
use walrus::resolve::resolve;
use walrus::source::{Diagnostics, SourceMap};
use walrus::syntax::Interner;

/// The one of `walrusc`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let heads = ["without", "with", "ratio", "lines/s", "verify", "check", "added"];
    println!("{:36} {}", "", heads.map(|head| format!("{head:>9}")).join(" "));
    // Words on the command line choose among the shapes.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    for (name, source) in &shapes() {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        // The smaller a program, the more it matters whether the system happens to be quick to run a second thread.
        let rounds = ((32 << 20) / source.len()).clamp(3, 60);
        let mut best = [Duration::MAX; 5];
        let mut note = |at: usize, took: Duration| best[at] = best[at].min(took);
        for _ in 0..rounds {
            note(0, time(|| compile_without_analysis(source)));
            let mut file = Vec::new();
            note(1, time(|| file = compile_text("big.walrus", source).encode().expect("it compiles")));
            let program = load(&file).expect("it loads").into_inner();
            let facts = program.facts.clone().expect("it has facts");
            let mut complete = Some(program.clone());
            let mut bare = Some(program.clone());
            bare.as_mut().expect("just made").facts = None;
            let mut verified = None;
            note(2, time(|| verified = bare.take().map(|program| verify(program).expect("it verifies"))));
            let verified = verified.expect("just verified");
            note(3, time(|| check::check(&verified, &facts).expect("the facts hold")));
            let mut checked = None;
            note(4, time(|| checked = complete.take().map(|program| verify_with_facts(program).expect("it verifies"))));
            assert_eq!(check_facts(&checked.expect("just verified")), Ok(()));
        }
        let [without, with, verify, check, both] = best.map(|time| time.as_secs_f64() * 1e3);
        let rate = source.lines().count() as f64 / with * 1e3;
        let (ratio, added) = (with / without, both / verify - 1.0);
        println!(
            "{name:36} {without:>9.1} {with:>9.1} {ratio:>9.2} {rate:>9.0} {verify:>9.2} {check:>9.2} {added:>9.2}"
        );
    }
}

fn shapes() -> Vec<(String, String)> {
    let lines = |count: usize| (format!("{count} lines"), program(count));
    vec![
        lines(1_000),
        lines(5_000),
        lines(10_000),
        lines(100_000),
        lines(200_000),
        lines(1_000_000),
        ("8000 lines, one condition open".to_owned(), program(8_000) + ONE_OPEN),
        ("8000 lines, all in contexts".to_owned(), in_contexts(8_000)),
        ("16000 lines, all in contexts".to_owned(), in_contexts(16_000)),
        ("a function of 50000 lines".to_owned(), one_long_function(50_000)),
        ("2000 nested blocks".to_owned(), nested_blocks(2_000)),
        ("10000 mutually recursive functions".to_owned(), mutual_recursion(10_000)),
    ]
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    let made = hint::black_box(work());
    let took = started.elapsed();
    drop(made);
    took
}

/// As `compile_text` does it, on a thread of its own: memory that a new thread asks for is fresh, which costs more than
/// memory used before.
fn compile_without_analysis(source: &str) -> Vec<u8> {
    let (_graph, _interner, sources, program) = std::thread::scope(|scope| {
        let running = std::thread::Builder::new().stack_size(512 << 20).spawn_scoped(scope, || make_program(source));
        running.expect("the system has a thread").join().expect("it compiles")
    });
    let files = sources.files().iter().map(|file| (file.name.as_str(), file.text()));
    wbc::encode(&program, &wbc::Meta::new(wbc::hash_sources(files)))
}

fn make_program(source: &str) -> (ModuleGraph, Interner, SourceMap, Program) {
    let (mut sources, mut interner, mut diagnostics) = (SourceMap::default(), Interner::default(), Diagnostics::new());
    let std = StdModules { available: STD_MODULES, to_come: STD_MODULES_TO_COME, host: HOST_MODULE, host_modules: &[] };
    let entry = Entry::Text { name: "big.walrus".into(), text: source.into(), folder: PathBuf::new() };
    let graph = graph::load(entry, &NoFiles, std, &mut sources, &mut interner, &mut diagnostics)
        .expect("text needs no reading");
    let mut resolution = resolve(&graph, &mut interner, &mut diagnostics);
    let input = Input {
        graph: &graph,
        resolution: &mut resolution,
        interner: &mut interner,
        sources: &sources,
        explains_asserts: false,
    };
    let program = lower(input, &mut diagnostics);
    assert!(!diagnostics.has_errors());
    (graph, interner, sources, program)
}

/// About so many lines of functions, loops, structs and calls.
fn program(lines: usize) -> String {
    let mut out = String::from("import \"std/math\";\n");
    for i in 1..=lines / 25 {
        let (modulus, limit, next, few) = (i % 97 + 2, i * 100, i + 1, i % 10);
        write!(
            out,
            "fn work_{i} : n, scale {{
  let total = 0;
  let xs = [];
  for i in 0..n {{ xs.push(i * {i} + scale); }}
  for x in xs {{
    if x % {modulus} == 0 and x > {i} {{
      total += x;
    }} else {{
      total = total - x / 3 + 1;
    }}
  }}
  while total > {limit} {{ total -= {i}; }}
  let label = f\"work {{total}} of {{n}}\";
  let d = {{\"name\": label, \"value\": math.sqrt(total * 1.0)}};
  return d.value + total;
}}
struct Thing_{i} {{
  fn init : self, a, b {{
    self.a = a;
    self.b = b;
  }}
  fn sum : self {{ return self.a + self.b; }}
}}
let v_{i} = Thing_{i}({i}, {next});
println(v_{i}.sum(), work_{i}({few}, 2));
"
        )
        .expect("a string takes any text");
    }
    out
}

/// A function with a condition that its callers close, and one that none does.
const ONE_OPEN: &str = "fn larger : a, b { return if a > b { a } else { b }; }
println(larger(1, 2), larger(\"a\", \"b\"));
fn sum : xs { let t = xs[0]; for x in xs { t = t + x; } return t; }
println(sum([1, 2]), sum([\"a\", 2.5]));
";

/// About so many lines of functions and structs that are used with values of several types, in a third of them so that
/// a condition stays open in each context.
fn in_contexts(lines: usize) -> String {
    let mut out = String::new();
    for i in 1..=lines / 24 {
        let last = if i % 3 == 0 { "2.5" } else { "\"b\"" };
        write!(
            out,
            "struct Stack_{i} {{
  fn init : self {{
    self.items = [];
    self.size = 0;
  }}
  fn push : self, x {{
    self.items.push(x);
    self.size += 1;
  }}
  fn total : self {{
    let t = self.items[0];
    for x in self.items {{ t = t + x; }}
    return t;
  }}
}}
fn larger_{i} : a, b {{
  if a > b {{ return a; }}
  return b;
}}
fn largest_{i} : xs {{
  let found = xs[0];
  for x in xs {{ found = larger_{i}(found, x); }}
  return found;
}}
let ints_{i} = Stack_{i}(); ints_{i}.push({i}); ints_{i}.push(larger_{i}({i}, 4));
let texts_{i} = Stack_{i}(); texts_{i}.push(\"a\"); texts_{i}.push({last});
println(ints_{i}.total(), texts_{i}.total(), largest_{i}([1, 2, {i}]), largest_{i}([\"a\", \"b\"]));
"
        )
        .expect("a string takes any text");
    }
    out
}

fn one_long_function(lines: usize) -> String {
    let mut out = String::from("fn long : n {\nlet t = 0;\n");
    for i in 0..lines / 5 {
        writeln!(out, "for i in 0..n {{\nif i % 7 == {} {{ continue; }}\nt += i * {i};\n}}\nt = t % 1000;", i % 7)
            .expect("a string takes any text");
    }
    out + "return t;\n}\nprintln(long(3));\n"
}

/// As many blocks as the parser lets nest, a loop in every fourth.
fn nested_blocks(depth: usize) -> String {
    let mut out = String::from("fn deep : n {\nlet t = 0;\n");
    for i in 0..depth {
        let head = ["if n > 1 {", "while t < 9 {", "try {", "if t != 3 {"][i % 4];
        writeln!(out, "{head}\nt += {i};").expect("a string takes any text");
    }
    for i in (0..depth).rev() {
        out.push_str(if i % 4 == 2 { "} catch e { t = 1; }\n" } else { "}\n" });
    }
    out + "return t;\n}\nprintln(deep(1));\n"
}

fn mutual_recursion(count: usize) -> String {
    let mut out = String::new();
    for i in 0..count {
        let (next, other) = ((i + 1) % count, (i * 7 + 3) % count);
        writeln!(
            out,
            "fn f{i} : n, x {{\nif n < 1 {{ return x; }}\nlet y = f{next}(n - 1, x);\nreturn f{other}(n - 2, y);\n}}"
        )
        .expect("a string takes any text");
    }
    out + "println(f0(3, 1));\n"
}
