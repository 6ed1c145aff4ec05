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
        ("println([1].size());", "write `core.len(xs)`"),
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
        "let t = (1,); t[0] or= 2; println(t);",
        "let on = true; let n = 1; println(on or n + \"a\");",
    ] {
        let compilation = compile_text("main.walrus", text);
        let found: Vec<_> = compilation.diagnostics.iter().filter(|one| one.code.starts_with("W03")).collect();
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}
