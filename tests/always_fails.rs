//! What always fails: that each warning of `W03xx` says what the run says, where it says it, and that what fails for
//! the types of its operands is warned of. Every operator is tried with every pair of kinds of value, and every row of
//! the library with every kind it does not take.
//!
//! That no such instruction ever succeeds in any other program is seen to by the judge of `--check-facts`, which looks
//! at all fixtures (`tests/check_facts.rs`) and random programs (`tests/generated_facts.rs`, `tests/differential`).
#![cfg(feature = "compile")]

use std::sync::{Arc, Mutex};

use host::MemoryHost;
use walrus::bytecode;
use walrus::bytecode::builtins::{BUILTINS, HOST_MODULE};
use walrus::bytecode::methods::{METHODS, Receiver};
use walrus::bytecode::signature::{ArgumentError, Takes};
use walrus::bytecode::types::Tags;
use walrus::compile::compile_text;
use walrus::run::{RunOptions, run};

#[path = "support/certain_failures.rs"]
mod certain_failures;
#[path = "support/host.rs"]
mod host;

const PROLOGUE: &str = "import \"std/math\"; import \"std/io\"; import \"std/fs\"; import \"std/path\"; import \"std/process\"; \
                        import \"std/sys\"; import \"std/json\"; import \"std/async\" as tasks; import \"std/net\"; import \"std/http\"; import \"std/time\"; import \"std/regex\"; \
                        struct P { fn init : self { self.x = 1; } fn m : self, a { return a; } } fn f1 : a { return a; }\n";

/// A value of each kind.
const VALUES: &[(Tags, &str)] = &[
    (Tags::INT, "200"),
    (Tags::FLOAT, "1.5"),
    (Tags::BOOL, "true"),
    (Tags::STR, "\"s\""),
    (Tags::VOID, "void"),
    (Tags::RANGE, "(1..3)"),
    (Tags::LIST, "[1]"),
    (Tags::TUPLE, "(1, 2)"),
    (Tags::DICT, "{\"k\": 1}"),
    (Tags::FUNCTION, "f1"),
    (Tags::STRUCT, "P"),
    (Tags::INSTANCE, "P()"),
    (Tags::MODULE, "math"),
    (Tags::TASK, "tasks.sleep(0)"),
];

/// What walrusc warns of in each of some bodies of functions, and what calling it says: its error, or nothing.
fn try_all(bodies: &[String]) -> Vec<(Vec<String>, String)> {
    let mut text = PROLOGUE.to_owned();
    for (at, body) in bodies.iter().enumerate() {
        text += &format!("fn t{at} : {{ {body} }}\n");
    }
    for at in 0..bodies.len() {
        text += &format!("try {{ t{at}(); println(\"\"); }} catch e {{ println(e); }}\n");
    }
    let compilation = compile_text("main.walrus", &text);
    for found in compilation.diagnostics.iter() {
        assert!(!found.code.starts_with('E'), "{found:?}");
    }
    let mut warnings = certain_failures::by_line(&compilation, &text);
    let bytes = compilation.encode().expect("it compiles");
    let out = Arc::new(Mutex::new(Vec::new()));
    let options = RunOptions { check_facts: true, ..RunOptions::default() };
    let program = bytecode::load(&bytes).expect("it loads");
    let outcome = run(program, &options, Box::new(MemoryHost { out: Arc::clone(&out) }));
    assert_eq!(outcome.status, 0, "{}", outcome.message);
    let printed = String::from_utf8(out.lock().expect("no writer panics").clone()).expect("text");
    let messages: Vec<&str> = printed.lines().collect();
    assert_eq!(messages.len(), bodies.len(), "{printed}");
    messages
        .iter()
        .enumerate()
        // The prologue is the first line.
        .map(|(index, message)| (warnings.remove(&(index + 2)).unwrap_or_default(), message.to_string()))
        .collect()
}

/// Whether the text is that of an error which the kinds of the operands alone decide.
fn is_about_kinds(message: &str) -> bool {
    const ENDS: [&str; 11] = [
        "Invalid operation '",
        "Invalid unary operation '",
        "Expected type '",
        "Cannot index ",
        "Cannot assign into ",
        "Cannot call ",
        "Cannot get length of ",
        "Type '",
        "Function '",
        "Cannot convert '[",
        "Cannot convert 'void",
    ];
    ENDS.iter().any(|start| message.starts_with(start))
}

#[test]
fn each_operation_on_each_kind_of_value_is_warned_of_exactly_if_it_fails() {
    // Apart, as an instance that is indexed by a name may have any field.
    let (mut bodies, mut of_two) = (Vec::new(), Vec::new());
    for (_, a) in VALUES {
        for body in [
            "return -a;",
            "return ~a;",
            "for x in a { }",
            "return a();",
            "return a(1);",
            "let x, y = a;",
            "return a.nothing;",
            "return a.nothing();",
            "return a.len();",
            "return a.x;",
            "return a.m(1);",
            "return a.m();",
            "return a.sqrt(4);",
            "return a.sqrt();",
            "return a.start;",
            "a.x = 1;",
            "return 0..a;",
            "for i in 0..a { }",
            "return await a;",
            "let d = {}; d[a] = 1;",
            "return {a: 1};",
            "if a < 3 { }",
            "return a + 1;",
            "return 2 * a;",
        ] {
            bodies.push(format!("let a = {a}; {body}"));
        }
        for (_, b) in VALUES {
            for operator in ["+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "in"]
            {
                of_two.push(format!("let a = {a}; let b = {b}; return a {operator} b;"));
            }
            of_two.push(format!("let a = {a}; let b = {b}; return a[b];"));
            of_two.push(format!("let a = {a}; let b = {b}; a[b] = 1;"));
            of_two.push(format!("let a = {a}; let b = {b}; if a < b {{ return 1; }}"));
        }
    }
    let (mut warned, mut wrong) = (0, Vec::new());
    let tried = bodies.iter().zip(try_all(&bodies)).chain(of_two.iter().zip(try_all(&of_two)));
    for (body, (warnings, message)) in tried {
        // Which names there are is no matter of kinds.
        let by_name = message.starts_with("Type 'dict' has no member")
            || body.contains("[b]") && message.contains("has no member");
        match warnings.as_slice() {
            [] if !is_about_kinds(&message) || by_name => {}
            [warning] if *warning == message => warned += 1,
            _ => wrong.push(format!("{body}\n  warned of: {warnings:?}\n  run says: {message:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bodies.len(), wrong.join("\n"));
    assert!(warned > 1_500, "{warned}");
}

fn sample(takes: &Takes) -> &'static str {
    VALUES.iter().find(|(tag, _)| takes.tags.meets(*tag)).expect("it takes something").1
}

/// A call for each argument of a wrong kind, of the first `shown`, and for each wrong number of arguments.
fn wrong_calls(
    callee: &str,
    required: usize,
    takes: &[Takes],
    shown: usize,
    calls: &mut Vec<(String, Option<ArgumentError>)>,
) {
    let arguments = |count: usize| takes[..count].iter().map(sample).collect::<Vec<_>>();
    for (position, parameter) in takes.iter().enumerate().take(shown) {
        for (_, value) in VALUES.iter().filter(|(tag, _)| !parameter.tags.meets(*tag)) {
            let mut given = arguments(required.max(position + 1));
            given[position] = value;
            calls.push((format!("return {callee}({});", given.join(", ")), Some(parameter.refusal)));
        }
    }
    let too_many: Vec<&str> = arguments(takes.len()).into_iter().chain(["1"]).collect();
    calls.push((format!("return {callee}({});", too_many.join(", ")), None));
    if required > 0 {
        calls.push((format!("return {callee}({});", arguments(required - 1).join(", ")), None));
    }
}

#[test]
fn the_library_refuses_what_its_rows_do_not_take() {
    let mut calls = Vec::new();
    // No program calls what modules of an embedding program are made of.
    for spec in BUILTINS.iter().filter(|spec| spec.module != HOST_MODULE) {
        let module = spec.module.strip_prefix("std/").expect("a module of the library");
        // What a handle or a list holds is looked at before later arguments.
        let shown = match (module, spec.name) {
            ("net", _) | ("http", "read_request" | "serve") => 1,
            ("process", _) => 2,
            _ => spec.takes.len(),
        };
        // The module's own name is a keyword.
        let module = if module == "async" { "tasks" } else { module };
        wrong_calls(&format!("{module}.{}", spec.name), spec.required, spec.takes, shown, &mut calls);
    }
    for spec in METHODS {
        let receivers: &[&str] = match spec.receiver {
            Receiver::List => &["[1]", "[]"],
            Receiver::String => &["\"s\"", "\"\""],
            Receiver::Dict => &["{1: 2}", "{}"],
            Receiver::Tuple => &["(1, 2)", "()"],
            Receiver::Range => &["(0..3)", "(0..0)"],
        };
        for receiver in receivers {
            let (required, takes) = (spec.required, spec.takes);
            wrong_calls(&format!("{receiver}.{}", spec.name), required, takes, takes.len(), &mut calls);
        }
    }
    let bodies: Vec<String> = calls.iter().map(|(body, _)| body.clone()).collect();
    let mut wrong = Vec::new();
    for ((body, refusal), (warnings, message)) in calls.iter().zip(try_all(&bodies)) {
        let agree = match (warnings.as_slice(), refusal) {
            // The text of the value is not known when compiling.
            ([warning], Some(ArgumentError::Convert(target))) => {
                message.starts_with("Cannot convert '")
                    && message.ends_with(&format!("' to {target}"))
                    && warning.ends_with(target)
            }
            ([warning], _) => *warning == message,
            _ => false,
        };
        if !agree {
            wrong.push(format!("{body}\n  warned of: {warnings:?}\n  run says: {message:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bodies.len(), wrong.join("\n"));
    assert!(bodies.len() > 1_000, "{}", bodies.len());
}

#[test]
fn what_fails_for_a_literal_in_front_is_told_with_the_words_of_the_run() {
    let mut bodies: Vec<String> = Vec::new();
    for (_, value) in VALUES {
        for format in ["d", "x", "c", ".2f", "e", "g", "%", "s", ".2", "+", "5", "=5", ",", "05d"] {
            bodies.push(format!("let a = {value}; return f\"{{a:{format}}}\";"));
            bodies.push(format!("return core.format({value}, \"{format}\");"));
        }
    }
    let methods = ["map", "filter", "any", "all", "find", "find_index", "flat_map", "group_by", "min_by", "max_by"];
    for method in methods.iter().chain(&["sort_by"]) {
        for function in [": { return 1; }", ": a, b { return [a]; }", "5", "f1", "P"] {
            bodies.push(format!("return [3, 1].{method}({function});"));
        }
    }
    for function in [": a { return 1; }", ": a, b { return a < b; }", ": a, b { return a - b; }", "\"x\""] {
        bodies.push(format!("return [3, 1].sort({function});"));
        bodies.push(format!("return [3, 1].sorted({function});"));
        bodies.push(format!("return [3, 1].reduce({function}, 0);"));
    }
    for tuple in ["(1,)", "(1, 2)", "(1, 2, 3)", "[1]", "[1, 2]", "[1, 2, 3]"] {
        bodies.push(format!("let a, b = {tuple}; return a + b;"));
        bodies.push(format!("let a, b = 0, 0; a, b = {tuple}; return a + b;"));
    }
    bodies.push("for i, x in [1, 2] { println(i, x); }".to_owned());
    bodies.push("for i, x in [1.5] { println(i, x); }".to_owned());
    bodies.push("for i, x in 0..3 { println(i, x); }".to_owned());
    bodies.push("for a, b, c in 0..3 { println(a, b, c); }".to_owned());
    bodies.push("for a, b, c in [1] { println(a, b, c); }".to_owned());
    for value in ["\"ab\"", "(1, 2)", "{1: 2}", "(0..3)", "5", "void"] {
        bodies.push(format!("for i, x in {value}.enumerate() {{ println(i, x); }}"));
        bodies.push(format!("let a = {value}; for i, x in a.zip([1]) {{ println(i, x); }}"));
        bodies.push(format!("let a = {value}; for i, x in [1].zip(a) {{ println(i, x); }}"));
    }
    for call in ["P().x()", "P().x(f1(1))", "({\"size\": 1}).size()", "({\"size\": 1}).len(1)", "({\"k\": 1}).siz()"] {
        bodies.push(format!("return {call};"));
    }
    let mut wrong = Vec::new();
    let mut warned = 0;
    for (body, (warnings, message)) in bodies.iter().zip(try_all(&bodies)) {
        let starts = ["Unknown format '", "Expected ", "Function '", "Cannot call ", "Type '"];
        let fails = starts.iter().any(|start| message.starts_with(start));
        match warnings.as_slice() {
            [] if !fails => {}
            [warning] if *warning == message => warned += 1,
            _ => wrong.push(format!("{body}\n  warned of: {warnings:?}\n  run says: {message:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), bodies.len(), wrong.join("\n"));
    assert!(warned > 250, "{warned}");
}

/// What the help of a warning names.
fn help(text: &str) -> String {
    let compilation = compile_text("main.walrus", text);
    let found: Vec<String> = (compilation.diagnostics.iter().filter(|one| one.code.starts_with("W03")))
        .map(|one| {
            one.help
                .iter()
                .chain(one.suggestions.iter().map(|one| &one.message))
                .cloned()
                .collect::<Vec<_>>()
                .join("; ")
        })
        .collect();
    found.join(" | ")
}

#[test]
fn help_names_what_was_meant() {
    for (text, expected) in [
        ("[1].append(2);", "write `xs.push(x)`"),
        ("println([1].size());", "write `xs.len()`"),
        ("println(\"a\".length());", "write `s.len()`"),
        ("println(\"a\".len);", "`len` is a method, and methods of built-in types are no values: call it"),
        (
            "let d = {\"a\": 1}; for k in d.keys { println(k); }",
            "`keys` is a method, and methods of built-in types are no values: call it",
        ),
        ("let d = {}; d.count += 1;", "assign it first; `d.get(\"count\", 0)` is 0 where there is no such entry"),
        ("import \"std/regex\"; println(regex.match(\"a\", \"a\"));", "write `regex.matches(pattern, text)`"),
        ("import \"std/time\"; println(time.time());", "write `time.now()`"),
        (
            "println(core.sqrt(4));",
            "`sqrt` is not one of `core`: write `math.sqrt(…)`, and `import \"std/math\";` at the top",
        ),
        ("import \"std/math\"; println(math.pi(), core.sqrt(4));", "`sqrt` is not one of `core`: write `math.sqrt(…)`"),
        (
            "for i, x in [1, 2] { println(i, x); }",
            "each item is taken apart for the two names; to number items, write `.enumerate()` behind the list",
        ),
        (
            "let xs = [2, 1]; [2, 1].sort(: a, b { return a < b; }); println(xs);",
            "a comparison gives a number below, at or above 0, as `a - b` is, not whether `a < b`",
        ),
        (
            "println(f\"{1.5:d}\");",
            "`core.int(…)` makes an int of it, and the format `.0f` writes it without a fraction",
        ),
        ("println(\"a\".toUpperCase());", "write `s.upper()`"),
        ("import \"std/math\"; println(math.PI);", "write `math.pi()`"),
        ("import \"std/math\"; println(math.squareroot(2));", "write `math.sqrt(x)`"),
        ("import \"std/math\"; println(math.sqr(2));", "did you mean 'sqrt'?"),
        ("println([1].revers());", "did you mean 'reverse'?"),
        (
            "struct V { fn init : self { self.x = 1; } fn norm : self { return self.x; } } println(V().nrom());",
            "did you mean 'norm'?",
        ),
        ("struct V { fn init : self { self.width = 1; } } println(V().widht);", "did you mean 'width'?"),
        (
            "println((0..3).map(: x { return x; }));",
            "lists have this, a range does not: `let xs = []; xs.extend(0..n);`",
        ),
        ("println((0..3).sum());", "the ints of `a..b` add up to `(a + b - 1) * (b - a) / 2`; a loop adds up anything"),
        ("println((0..3).reversed());", "`0..n` goes upwards only: `for i in 0..n { let k = n - 1 - i; }`"),
        ("println((0..3).size());", "write `x.len()`"),
        ("let r = 0..3; println(r[0]);", "a range holds only its ends: its item at `i` is `r.start + i`"),
        (
            "import \"std/math\"; println(math.min(1, 2, 3));",
            "it takes two numbers; of more, make a list: `[a, b, c].min()`",
        ),
        ("struct P { } println(P.new());", "calling a struct makes an instance: `P(…)`"),
        ("struct P { } println(P() + P());", "structs define no operators: write a method, as `a.plus(b)`"),
        ("println(\"%d\" % 1);", "values are put into a text by a format string: `f\"x = {x}\"`"),
        ("println(\"a\" .. \"b\");", "texts are joined with `+`"),
        (
            "let xs = [1]; for i in 0..xs { println(i); }",
            "the number of its items is `core.len(x)`; `for item in x` goes over them",
        ),
        ("println([1].push);", "`push` is a method, and methods of built-in types are no values: call it"),
    ] {
        assert_eq!(help(text), expected, "{text}");
    }
}

#[test]
fn nothing_is_said_where_a_way_to_succeed_is_left() {
    for text in [
        "try { println(\"a\" + 3); } catch e { println(e); }",
        "fn add : a, b { return a + b; } println(add(1, 2), add(\"a\", \"b\"));",
        "fn greet : name, mark = \"!\" { return name + mark; } println(greet(\"a\"), greet(\"a\", \"?\"));",
        "let x = void; for i in 0..3 { if x != void { println(x + 1); } x = i; }",
        "let d = {\"len\": 1}; println(d.len);",
        "let d = {}; d.name = 1; println(d.name);",
        "struct S { fn m : self { return self.late; } } let s = S(); s.late = 1; println(s.m());",
        "import \"std/json\"; let v = json.decode(\"1\"); println(v + 1, v.x, v[0], v[\"a\"]);",
        "fn never : { return \"a\" - 1; }",
        // A list in a dict of other kinds, too: no entry has that name.
        "let rooms = {\"exits\": {\"north\": \"hall\"}, \"things\": [1]}; let things = rooms.things; things.remove(things.index_of(1)); println(things);",
        "println([].map(3));",
        // A function that is written in a `try`, whoever calls it.
        "let words = [\"a\"]; try { println(words.map(: x { return x + 1; })); } catch e { println(e); }",
        "try { fn f : x { return x.nothing; } println(f(1)); } catch e { println(e); }",
        "try { struct S { fn m : self { return 1 + \"a\"; } } println(S().m()); } catch e { println(e); }",
        // A list goes another way than what is none.
        "struct S { fn init : self { self.a = void; } fn set : self { self.a = [1]; } fn m : self { for x, y in self.a.zip([2]) { println(x, y); } } } let s = S(); s.set(); s.m();",
        "fn f : v { for x, y in v.zip([2]) { println(x, y); } for x, y in [2].zip(v) { println(x, y); } } f(if core.clock() > 0 { [1] } else { \"a\" });",
        "fn f : v { for i, x in v.enumerate() { println(i, x); } } f(if core.clock() > 0 { [1] } else { (1, 2) });",
        // What may have no items calls nothing and is not taken apart.
        "fn f : xs { println(xs.map(: a, b { return a; })); for i, x in xs { println(i, x); } for i, x in 0..core.len(xs) { println(i, x); } for a, b, c in xs { println(a, b, c); } } f([0] * 0);",
        "println([1].sorted(: a, b { return a < b; }), [].map(: a, b { return a; }), [1, 2].sorted(void));",
        "println([2, 1].sorted(: a, b { return if a < b { -1 } else { false }; }));",
        "let xs = [1]; xs.push(2); let a, b = xs; println(a, b);",
        "let x = if core.clock() > 0 { 1.5 } else { \"a\" }; println(f\"{x:.2f}\", f\"{true:5}\", f\"{[1]:>8}\");",
        "let ok = core.clock() < 0; println(ok and f\"{\"a\":d}\");",
        "let d = {}; d[core.str(1)] = : { return 2; }; println(d.size);",
        "let t = (1,); t[0] or= 2; println(t);",
        "let on = true; let n = 1; println(on or n + \"a\");",
    ] {
        let compilation = compile_text("main.walrus", text);
        let found: Vec<_> = compilation.diagnostics.iter().filter(|one| one.code.starts_with("W03")).collect();
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}
