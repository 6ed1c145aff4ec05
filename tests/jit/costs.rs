//! What cost lines say beforehand, held against the code that is made.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::{execute, region, run, walrus_run, walrusc};

/// The cost of the loop in a line, as `--emit loops` has it.
fn cost(source: &str, line: u64) -> serde_json::Value {
    let outcome = run(walrusc().args(["-", "--emit", "loops", "-o", "-"]), source.as_bytes()).expect("walrusc runs");
    let document: serde_json::Value = serde_json::from_slice(&outcome.stdout).expect("a JSON document");
    let regions = document["regions"].as_array().expect("regions").clone();
    let found = regions.into_iter().find(|region| region["kind"] == "loop" && region["line"] == line);
    found.expect("a loop begins in the line")["cost"].clone()
}

fn count(cost: &serde_json::Value, what: &str) -> usize {
    cost[what].as_array().map_or(0, Vec::len)
}

/// How many instructions of a region's blocks make objects.
fn makes(region: &str) -> usize {
    let end = region.find("\nx0:").unwrap_or(region.len());
    region[..end].matches("= make ").count()
}

#[test]
fn objects_that_are_told_not_to_be_made_are_not_and_others_are() {
    let point = "struct P { fn init : self, x { self.x = x; } fn plus : self, o { return P(self.x + o.x); } }\n";
    for (body, made, not_made) in [
        ("a = a.plus(P(i));", 0, 2),
        ("let p = P(i); t += p.x;", 0, 1),
        ("let p = P(i); all[i % 4] = p;", 1, 0),
        ("let p = P(i); if p.x > 3 { t += p.x; } else { t -= p.x; }", 0, 1),
        ("let pair = (i, t); t += pair[0] - pair[1];", 0, 1),
        ("let xs = [i, i + 1]; t += xs[1];", 0, 1),
        ("let xs = [i, i + 1]; t += xs[i % 2];", 1, 0),
    ] {
        let source = format!(
            "{point}fn f : n {{ let a = P(0); let t = 0; let all = [a, a, a, a];\nfor i in 0..n {{ {body} }}\nreturn (t, a.x, all[0].x); }}\nprintln(f(5000));\n"
        );
        let cost = cost(&source, 3);
        assert_eq!((count(&cost, "allocations"), count(&cost, "not_made")), (made, not_made), "{body}: {cost}");
        assert_eq!(makes(&region(&source)), made, "{body}\n{}", region(&source));
    }
}

/// Two structs, in one line: `k` is a field of the one and a method of the other, `g` a method of both.
const STRUCTS: &str = "struct A { fn init : self { self.k = : x { return x; }; } fn g : self, x { return x; } } \
    struct B { fn k : self, x { return x + 1; } fn g : self, x { return x + 2; } } ";

#[test]
fn steps_are_those_that_are_told() {
    for (body, steps) in [
        ("t += s[1..3].len();", 0),
        ("let u = xs[1..3]; t += u.len();", 0),
        ("let u = (1, 2, t)[1..3]; t += u[0];", 1),
        ("t += s.len();", 0),
        ("if s.contains(\"a\") { t += 1; }", 0),
        ("let d = {i: t}; t += d.len();", 0),
        ("t += xs.map(: x { return x; }).len();", 0),
        ("xs.sort_by(: x { return x; }); t += xs.len();", 1),
        ("let ys = xs + xs * 2; ys.push(ys.pop()); t += ys.len();", 0),
        ("t += xs[i % 3];", 0),
        ("if i..3 == 1..3 { t += 1; }", 0),
        ("d[i % 5] = t; t += d[i % 5];", 0),
        ("t += one.k(xs[i % 3]);", 0),
        ("t += [one, two][i % 2].k(xs[i % 3]);", 0),
        ("t += [one, two][i % 2].g(xs[i % 3]);", 0),
    ] {
        let source = format!(
            "{STRUCTS}fn f : s, n {{ let t = 0; let xs = [1, 2, 3]; let d = {{}}; let one = A(); let two = B();\nfor i in 0..n {{ {body} }}\nreturn t; }}\nprintln(f(\"walrus\", 5000));\n"
        );
        assert_eq!(count(&cost(&source, 2), "steps"), steps, "{body}");
        let (_, stderr) = execute(&source, &["--jit", "--audit-verdicts"]);
        assert!(!stderr.contains("verdict: "), "{body}: {stderr}");
        assert_eq!(stderr.contains(&format!("{steps} steps as their cost lines say")), steps > 0, "{body}: {stderr}");
    }
}

/// Where native code once went through the run time and cost lines were silent.
#[test]
fn cost_lines_hold_where_few_have_looked() {
    for source in [
        // A function stands where it is called for a type that never comes there: what was seen of others tells
        // nothing of it, but types do.
        "struct Machine { fn init : self { self.state = \"s\"; } }
        let log = [];
        fn f : d { log.push(d.input); log.push(d.state); }
        fn g : m { log.push(\"enter\"); }
        fn call : h, data { h(data); }
        let m = Machine();
        for i in 0..4000 { if i % 2 == 0 { call(f, {\"state\": \"a\", \"input\": \"b\"}); } else { call(g, m); } }",
        // What is void fails, and is caught.
        "struct Node { fn init : self, value { self.value = value; } }
        fn value_or : node, other { try { return node.value; } catch e { return other; } }
        for i in 0..4000 { let node = void; if i % 3 != 0 { node = Node(i); } value_or(node, 1); }",
        "let prices = {\"apple\": 3}; let names = [\"apple\", \"fig\"]; let t = 0;
        for i in 0..4000 { try { t += prices.get(names[i % 2]) * 2; } catch e { t += 1; } }",
        // A list has been empty so far.
        "struct Stack { fn init : self { self.items = []; } fn top : self { return self.items[0]; } }
        let s = Stack(); let t = 0;
        for i in 0..4000 { try { t += s.top(); } catch e { t += 1; } }",
        // A bound method is compared; a method of the struct itself is called by a parameter.
        "struct P { fn get : self, k { return k; } }
        fn run : t, p { return t.get(p, 3); }
        let p = P(); let last = void; let n = 0;
        for i in 0..4000 { let f = p.get; if f == last { n += 1; } last = f; n += run(P, p); }",
        // One kind of operand has a form by what is seen alone.
        "fn put : v { v[0] = 1; return 1; }
        for i in 0..4000 { if i % 2 == 0 { put([1.5]); } else { put({0: 1, 1: 2}); } }",
        // Texts and others are gone through by turns.
        "fn count : v { let n = 0; for e in v { n += 1; } return n; }
        for i in 0..4000 { if i % 2 == 0 { count(\"abc\"); } else { count([[1, 2], [3, 4]]); } }",
    ] {
        for flags in [&[][..], &["--jit-threshold", "20", "--jit-function-threshold", "10"]] {
            let (_, stderr) = execute(source, &[&["--jit", "--jit-wait", "--audit-verdicts"], flags].concat());
            assert!(!stderr.contains("verdict: ") && stderr.contains("as promised"), "{source}: {stderr}");
        }
    }
}

/// In real programs, no instruction goes through the run time of which walrusc had not told.
#[test]
fn cost_lines_hold_for_the_programs_of_fixtures() {
    audit("fixtures/programs", &["--jit-threshold", "20", "--jit-function-threshold", "10"]);
}

#[test]
fn cost_lines_hold_for_the_programs_of_benches() {
    audit("benches/programs", &[]);
}

#[test]
fn cost_lines_hold_for_the_examples() {
    audit("examples", &["--jit-threshold", "20", "--jit-function-threshold", "10"]);
}

/// Runs the programs of a folder with these flags, and holds their verdicts and cost lines against what happens.
fn audit(folder: &str, flags: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let entries = std::fs::read_dir(folder).expect("the programs are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "walrus"));
    assert!(paths.len() > 10, "only {} programs were found", paths.len());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((at, path)) = Some(next.fetch_add(1, Relaxed)).and_then(|at| Some((at, paths.get(at)?))) {
            let program = scratch.path().join(format!("{at}.wbc"));
            let compiled = run(walrusc().arg(path).arg("-o").arg(&program), b"").expect("walrusc runs");
            assert!(program.exists(), "{}", compiled.describe());
            let mut execute = walrus_run();
            execute.args(["--jit", "--audit-verdicts"]).args(flags).arg(&program).current_dir(scratch.path());
            let outcome = run(&mut execute, b"").expect("walrus-run runs");
            let stderr = String::from_utf8_lossy(&outcome.stderr);
            let disagreements: Vec<&str> = stderr.lines().filter(|line| line.starts_with("verdict: ")).collect();
            assert!(disagreements.is_empty(), "{}: {disagreements:?}", path.display());
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
}
