//! Functions and structs in contexts: what becomes proven by them, what must not, and that the copies they are looked
//! at in do what the originals do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use judge::judge;
use random_programs::program as random_program;
use walrus::analysis::analyse;
use walrus::analysis::contexts::{Expanded, compare_unchanged};
use walrus::bytecode::facts::{Region, Verdict};
use walrus::bytecode::{Program, verify, wbc};
use walrus::compile::{Disk, Entry, Options, compile, compile_text};
use walrus::facts::check_facts;

#[path = "support/judge.rs"]
mod judge;
#[path = "support/random_programs/mod.rs"]
mod random_programs;

/// The regions that run and are not proven: `loop`, or the name of a function.
fn open(text: &str) -> Vec<String> {
    let program = compile_text("t.walrus", text).program.expect("it compiles");
    let regions = &program.facts.as_ref().expect("facts").regions;
    let open = regions.iter().filter(|region| region.reached && region.verdict != Verdict::Proven);
    let name = |region: Region| match region {
        Region::Loop(_) => "loop".to_owned(),
        Region::Function(func) => program.function_name(func).unwrap_or("").to_owned(),
    };
    open.map(|region| name(region.region)).collect()
}

const STACK: &str = "struct Stack {\n    fn init : self { self.items = []; }\n    fn push : self, x { self.items.push(x); }\n\
    \x20   fn pop : self { return self.items.pop(); }\n}\n\
    fn total : s, zero { let t = zero; while s.items.len() > 0 { t = t + s.pop(); } return t; }\n";

#[test]
fn two_containers_of_one_struct_may_hold_two_types() {
    let two = "let ints = Stack();\nlet texts = Stack();\n\
        for i in 0..9 { ints.push(i); texts.push(f\"{i}\"); }\nprintln(total(ints, 0), total(texts, \"\"));\n";
    assert_eq!(open(&format!("{STACK}{two}")), Vec::<String>::new());
    // Made where they are asked for.
    let made = "fn make : { return Stack(); }\n".to_owned() + &two.replace("= Stack()", "= make()");
    assert_eq!(open(&format!("{STACK}{made}")), Vec::<String>::new());
    // One that holds both is open, wherever it is looked at.
    let one = "let both = Stack();\nfor i in 0..9 { both.push(i); both.push(i + 0.5); }\nprintln(total(both, 0));\n";
    assert_eq!(open(&format!("{STACK}{one}")), ["loop", "total"]);
    // So is one of two that does.
    assert_eq!(open(&format!("{STACK}{two}{one}")), ["loop", "total"]);
}

#[test]
fn a_function_may_be_called_with_one_type_here_and_another_there() {
    let sum = "fn sum : xs, zero { let t = zero; for x in xs { t = t + x; } return t; }\n";
    let calls = "println(sum([1, 2], 0), sum([0.5], 0.0), sum([\"a\"], \"\"));\n";
    assert_eq!(open(&format!("{sum}{calls}")), Vec::<String>::new());
    // Through another function, and its closures.
    let through = "fn scaled : xs, by { return xs.map(: x { return x * by; }); }\n\
        fn twice : xs, by { return scaled(scaled(xs, by), by); }\nprintln(twice([1], 2), twice([0.5], 2.0));\n";
    assert_eq!(open(through), Vec::<String>::new());
    // A value that is known in each context, called with one type here and another there.
    let values = "fn ends : f, a, b { return (f(a) + 0, f(b) + 0.5); }\n\
        let x, y = ends(: x { return x * 2; }, 1, 2.0);\nlet z, w = ends(: x { return x * x; }, 3, 4.5);\n\
        println(x, y, z, w);\n";
    assert_eq!(open(values), Vec::<String>::new());
    // A call that gives it either is none of these.
    let either = "let xs = [1];\nxs.push(0.5);\nprintln(sum(xs, 0));\n";
    assert_eq!(open(&format!("{sum}{calls}{either}")), ["loop", "sum"]);
    // A few versions are made of a region.
    let four = "println(sum([[1]], []));\n";
    assert_eq!(open(&format!("{sum}{calls}{four}")), Vec::<String>::new());
    let five = "println(sum([(1, 2)], ()));\n";
    assert_eq!(open(&format!("{sum}{calls}{four}{five}")), ["loop", "sum"]);
}

#[test]
fn recursion_ends_in_contexts_too() {
    let text = "fn depth : t { if core.type(t) == \"list\" { return 1 + depth(t[0]); } return t; }\n\
        fn even : n, x { if n == 0 { return x; } return odd(n - 1, x); }\n\
        fn odd : n, x { if n == 0 { return x; } return even(n - 1, x); }\n\
        struct Tree {\n    fn init : self, v { self.v = v; self.left = void; self.right = void; }\n\
        \x20   fn add : self, v {\n        if v < self.v { if self.left == void { self.left = Tree(v); } else { self.left.add(v); } }\n\
        \x20       else if self.right == void { self.right = Tree(v); } else { self.right.add(v); }\n    }\n}\n\
        let ints = Tree(5);\nlet texts = Tree(\"m\");\nfor i in 0..20 { ints.add(i * 7 % 11); texts.add(f\"{i}\"); }\n\
        println(even(5, 1) + 1, even(4, \"a\") + \"b\", depth([[3]]), ints.left.v, texts.left.v);\n";
    assert_eq!(open(text), Vec::<String>::new());
}

/// Whether a program was found to be as its copy, which was checked and run under the judge of facts.
fn holds_in_contexts(program: &Program, what: &str, folder: &Path) -> bool {
    let Some(Expanded { program: mut copy, .. }) = Expanded::of(program) else { return false };
    copy.facts = Some(analyse(&copy));
    let verified = verify(copy.clone()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(check_facts(&verified), Ok(()), "{what}");
    let walrus_run = |program: &Program, name: &str, flags: &[&str]| {
        let file = folder.join(name);
        std::fs::write(&file, wbc::encode(program, &wbc::Meta::new([0; 32]))).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_walrus-run"));
        command.args(flags).args(["--max-heap", "256M"]).arg(file).stdin(Stdio::null());
        command
    };
    // Now and then a program is endless, and no judge can be given a limit.
    let original = walrus_run(program, "original.wbc", &["--fuel", "300000"]).output().expect("walrus-run runs");
    if String::from_utf8_lossy(&original.stderr).starts_with("Out of fuel") {
        return false;
    }
    let (copied, _) = judge(&mut walrus_run(&copy, "copied.wbc", &["--check-facts"]), what);
    let printed = |output: &Output| (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned());
    assert_eq!(printed(&original), printed(&copied), "{what}");
    true
}

#[test]
fn copies_of_random_programs_do_what_the_originals_do() {
    let count = std::env::var("WALRUS_GENERATED").ok().and_then(|count| count.parse().ok()).unwrap_or(150u64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut copied = 0;
    for seed in 1..=count {
        let text = random_program(seed);
        let program = compile_text("prog.walrus", &text).program.expect("it compiles");
        copied += u64::from(holds_in_contexts(&program, &format!("seed {seed}"), folder.path()));
    }
    assert!(copied * 10 > count, "{copied} of {count} programs have contexts");
}

#[test]
fn copies_of_fixtures_do_what_the_originals_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["fixtures/programs", "fixtures/verdicts", "fixtures/functions", "fixtures/loops", "examples"] {
        let own = std::fs::read_dir(root.join(folder)).expect("the folder is there");
        files.extend(own.map(|entry| entry.expect("readable").path()));
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "walrus"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut copied = 0;
    for path in files {
        let compilation = compile(Entry::File(path.clone()), &Disk, &Options::default()).expect("readable");
        let Some(program) = compilation.program else { continue };
        copied += usize::from(holds_in_contexts(&program, &path.display().to_string(), folder.path()));
    }
    assert!(copied > 5, "{copied} fixtures have contexts");
}

#[test]
fn types_of_what_copies_may_change_are_those_of_the_whole_program() {
    let (mut all, mut differing) = (0, Vec::new());
    for folder in ["programs", "functions", "language", "loops"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
        for entry in std::fs::read_dir(folder).expect("the fixtures are there") {
            let path = entry.expect("readable").path();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let Some(program) = compile_text("t.walrus", &text).program else { continue };
            let (unchanged, found) = compare_unchanged(&program);
            all += unchanged;
            differing.extend(found.into_iter().map(|found| format!("{}: {found}", path.display())));
        }
    }
    for seed in 1..=150 {
        let program = compile_text("t.walrus", &random_program(seed)).program.expect("it compiles");
        differing.extend(compare_unchanged(&program).1.into_iter().map(|found| format!("seed {seed}: {found}")));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(all > 300, "{all}");
}

#[test]
fn what_unchanged_functions_call_and_write_is_known() {
    let text = "fn sum : xs, zero { let t = zero; for x in xs { t = t + x; } return t; }\n\
        struct Count { fn init : self { self.n = 0; } fn more : self, by { self.n += by; } }\n\
        fn either : n { return if n > 1 { n } else { 0.5 }; }\n\
        fn quiet : n { let c = Count(); for i in 0..n { c.more(i); } return c.n; }\n\
        fn caller : n { let t = either(n); return quiet(n); }\n\
        println(sum([1], 0), sum([\"a\"], \"\"), quiet(3), caller(2));\n";
    let program = compile_text("t.walrus", text).program.expect("it compiles");
    assert_eq!(compare_unchanged(&program), (3, Vec::new()), "init, more and quiet are unchanged");
}
