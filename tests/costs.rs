//! What walrusc says that an iteration or a call costs.

use walrus::analysis::{Asked, examine, report};
use walrus::bytecode::Program;
use walrus::compile::{Compilation, compile_text};

fn compiled(text: &str) -> Program {
    let Compilation { program, diagnostics, .. } = compile_text("t.walrus", text);
    program.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

/// The cost line of the loop or function that stands in a line of a program.
fn cost_of(text: &str, line: u32) -> String {
    let Compilation { program, sources, diagnostics, .. } = compile_text("t.walrus", text);
    let program = program.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let known = examine(&program, Asked { costs: true, ..Asked::default() });
    let here = |region: &&walrus::bytecode::facts::RegionFacts| sources.position(region.span).line == line;
    let at = known.facts.regions.iter().position(|region| here(&region)).expect("a region begins in the line");
    let file = known.facts.regions[at].span.file;
    walrus::analysis::costs::words::line(&known.costs[at], &program, &sources, file)
}

const POINT: &str = "struct Point { fn init : self, x, y { self.x = x; self.y = y; } fn add : self, o { return Point(self.x + o.x, self.y + o.y); } }\n";

#[test]
fn objects_that_stay_in_a_loop_are_told_not_to_be_made_and_others_to_be() {
    let stays = format!(
        "{POINT}fn run : n {{ let a = Point(0, 0);\nfor i in 0..n {{ a = a.add(Point(i, 1)); }}\nreturn a.x; }}\nprintln(run(3));\n"
    );
    assert_eq!(cost_of(&stays, 3), "does not make 2 Points (3:27, 1:91); nothing beside native code");
    let kept = format!(
        "{POINT}fn run : n {{ let all = [];\nfor i in 0..n {{ let p = Point(i, 1); all.push(p); }}\nreturn all.len(); }}\nprintln(run(3));\n"
    );
    assert_eq!(cost_of(&kept, 3), "allocates 1 Point (3:25)");
    // What is used behind a call that may collect was made before it.
    let crosses = format!(
        "{POINT}fn down : n {{ if n < 1 {{ return 0; }} return 1 + down(n - 1); }}\nfn run : n {{ let t = 0;\nfor i in 0..n {{ let p = Point(i, 1); t += down(i) + p.x; }}\nreturn t; }}\nprintln(run(3));\n"
    );
    assert_eq!(cost_of(&crosses, 4), "allocates 1 Point (4:25); calls 1 function it inlines in part (4:43, down)");
    let pair = "fn both : a, b { return (a + b, a - b); }\nfn run : n { let t = 0;\nfor i in 0..n { let p, q = both(i, 2); t += p * q; }\nreturn t; }\nprintln(run(3), both(1, 2));\n";
    assert_eq!(cost_of(pair, 3), "does not make 1 tuple (1:25); nothing beside native code");
    assert_eq!(cost_of(pair, 1), "allocates 1 tuple (1:25)");
}

#[test]
fn steps_helpers_and_waiting_are_told_with_their_places() {
    let text = "fn run : s, n { let d = {};\nfor i in 0..n {\n    d[i] = s[1..3];\n    for j in 0..2 { n += j; }\n}\nreturn d; }\nprintln(run(\"walrus\", 3));\n";
    assert_eq!(
        cost_of(text, 2),
        "allocates 1 string (3:12); does not make 1 range (3:14); \
         calls 2 helpers of the run time (3:12, string slice; 3:5, dict store)"
    );
    let slices =
        "fn run : xs { let n = 0;\nfor i in 0..2 { n += xs[i..3].len(); }\nreturn n; }\nprintln(run([1, 2, 3]));\n";
    assert_eq!(
        cost_of(slices, 2),
        "allocates 1 list (2:22); does not make 1 range (2:25); calls 1 helper of the run time (2:22, list slice)"
    );
    assert_eq!(cost_of(text, 4), "nothing beside native code; waits for the loop around it (2:1)");
    // A list whose items are kept in more than one way, seen together: a helper reads it, and the run time writes it.
    let mixed = "let xs = [1, 2.5];\nlet t = 0.0;\nfor i in 0..2 { t += xs[i] * 2.0; }\nprintln(t);\n";
    assert_eq!(cost_of(mixed, 3), "calls 1 helper of the run time (3:22, index of list)");
    let written = mixed.replace("t += xs[i] * 2.0;", "xs[i] = 3;");
    assert_eq!(cost_of(&written, 3), "1 possible step through the run time (3:17, store to an index of list)");
    // Operands of few kinds are told apart.
    let told = "fn f : x { return x / 2; }\nlet t = 0.0;\nfor x in [1, 2.5] { t += x / 2; if x == \"a\" { t = 0.0; } }\nprintln(t, f(1));\n";
    assert_eq!(cost_of(told, 3), "calls 1 helper of the run time (3:36, int or float != string)");
    // Kinds that are gone through by a helper, whichever it is.
    let kinds = "let t = 0;\nfor x in [[1], {0: 2}] { for y in x { t += 1; } }\nprintln(t);\n";
    assert_eq!(cost_of(kinds, 2), "calls 1 helper of the run time (2:26, iteration over list or dict)");
    let closure =
        "fn adder : k { let n = k; return : x { n += x; return n; }; }\nlet f = adder(1);\nfor i in 0..3 { f(i); }\n";
    assert_eq!(cost_of(closure, 3), "nothing beside native code");
    let large = format!("fn f : a {{ {} return a; }}\nfor i in 0..3 {{ f(i); }}\n", "a = a * 3 + 1;".repeat(50));
    assert_eq!(cost_of(&large, 2), "calls 1 function it cannot inline (2:17, f)");
    // It may return at once.
    let early = large.replace("{ a =", "{ if a == 1 { return 1; } a =");
    assert_eq!(cost_of(&early, 2), "calls 1 function it inlines in part (2:17, f)");
    let library =
        "let f = core.str;\nlet g = : f { let s = 0; for i in 0..3 { s += f(i).len(); } return s; };\nprintln(g(f));\n";
    assert_eq!(cost_of(library, 2), "1 step through the run time (2:47, call of a library function)");
}

/// Costs are of what happens: not of kinds that can but fail, of results that are no objects, nor of lists that native
/// code does not make.
#[test]
fn what_does_not_happen_costs_nothing() {
    let nothing = "nothing beside native code";
    let run = |head: &str, body: &str| {
        format!(
            "fn run : n, s {{ let t = 0; {head}\nfor i in 0..n {{ {body} }}\nreturn t; }}\nprintln(run(9, \"abc\"));\n"
        )
    };
    for (head, body, cost) in [
        ("let xs = [[\"a\", 1], [\"b\", 2]];", "for name, k in xs { t += k; }", nothing),
        ("", "try { if i < n { throw i; } } catch e { t += e; }", nothing),
        ("let at = void; let free = [1, 2];", "free[at] = i; at = i % 2;", nothing),
        ("", "for c in s { if c == \"a\" { t += 1; } }", nothing),
        ("let xs = [3, 1, 2];", "xs.sort();", "1 step through the run time (2:17, list.sort)"),
        ("", "t += [i, n, 5].max();", "does not make 1 list (2:22); nothing beside native code"),
        ("", "if i in [1, 2, n] { t += 1; }", "does not make 1 list (2:25); nothing beside native code"),
        ("", "if s in [\"a\", \"b\"] { t += 1; }", "does not make 1 list (2:25); nothing beside native code"),
        (
            "",
            "if s in [\"a\", s] { t += 1; }",
            "allocates 1 list (2:25); calls 1 helper of the run time (2:20, in list)",
        ),
        (
            "",
            "let xs = [0] * 5; t += xs.len();",
            "allocates 1 list (2:26); does not make 1 list (2:26); calls 1 helper of the run time (2:26, list * int)",
        ),
        (
            "let d = {1: 2};",
            "for pair in d { t += pair[1]; }",
            "allocates 1 tuple (2:17); calls 1 helper of the run time (2:17, iteration over dict)",
        ),
    ] {
        let told = cost_of(&run(head, body), 2);
        assert_eq!(told, cost, "{head} {body}");
    }
}

#[test]
fn a_difference_in_cost_is_told_and_worse() {
    let build = |body: &str| {
        compiled(&format!("fn f : s {{ let t = 0; for i in 0..3 {{ {body} }} return t; }}\nprintln(f(\"abc\"));\n"))
    };
    let (plain, stepping) = (build("t += i;"), build("let xs = (1, 2, 3); t += xs[0..i].len();"));
    let difference = report::difference(&plain, &stepping);
    assert!(difference.is_worse && difference.text.contains("loop 1: steps: 0 -> 1\n"), "{}", difference.text);
    assert!(!report::difference(&stepping, &plain).is_worse);
}
