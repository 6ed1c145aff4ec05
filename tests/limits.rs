//! Hostile and huge sources, written to a temporary folder: each must run, or end in a diagnostic and exit status 1, in
//! bounded time and memory. The time limit of the test support stands for the bound.

mod support;

#[path = "support/build.rs"]
mod build;
#[path = "support/source.rs"]
mod source;

use std::fmt::Write;
use std::path::Path;

use build::{compile, execute};
use source::build;
use support::{Outcome, run, walrusc};

/// Compiles a source given as bytes.
fn compile_source(source: &[u8]) -> (tempfile::TempDir, Outcome) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("program.walrus");
    std::fs::write(&path, source).expect("the source can be written");
    let outcome = compile(&path, &folder.path().join("program.wbc")).expect("walrusc ends");
    (folder, outcome)
}

/// The program must be refused with a diagnostic that contains `message`.
#[track_caller]
fn refused(source: impl AsRef<[u8]>, message: &str) {
    let (_folder, outcome) = compile_source(source.as_ref());
    assert_eq!(outcome.status, Some(1), "{}", outcome.describe());
    assert!(outcome.err().contains(message), "expected '{message}': {}", outcome.describe());
    assert!(outcome.stderr.len() < 100_000, "the diagnostics fill {} bytes", outcome.stderr.len());
}

/// The program must either be refused with a diagnostic, or run and print exactly `output`.
#[track_caller]
fn refused_or_prints(source: impl AsRef<[u8]>, output: &str) {
    let (folder, outcome) = compile_source(source.as_ref());
    match outcome.status {
        Some(1) => assert!(outcome.err().contains("error"), "{}", outcome.describe()),
        Some(0) => prints(folder.path(), output),
        _ => panic!("{}", outcome.describe()),
    }
}

/// The program must compile and print exactly `output`.
#[track_caller]
fn runs(source: impl AsRef<[u8]>, output: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    match build(folder.path(), "program", source) {
        Ok(_) => prints(folder.path(), output),
        Err(problem) => panic!("{problem}"),
    }
}

#[track_caller]
fn prints(folder: &Path, output: &str) {
    let outcome = execute::<&str>(&folder.join("program.wbc"), &[]).expect("walrus-run ends");
    assert_eq!(outcome.status, Some(0), "{}", outcome.describe());
    assert_eq!(outcome.out(), output);
}

#[test]
fn source_that_is_not_utf8() {
    refused(b"println(1);\nprintln(\"\xff\");\n", "21");
    refused(b"\x80", "0");
    refused([0xC3], "0");
}

#[test]
fn byte_order_mark_is_skipped() {
    runs(b"\xEF\xBB\xBFprintln(1);", "1\n");
}

#[test]
fn folder_for_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let outcome = compile(folder.path(), &folder.path().join("program.wbc")).expect("walrusc ends");
    assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
    assert!(!outcome.stderr.is_empty());
}

#[test]
fn missing_file() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let outcome = compile(&folder.path().join("none.walrus"), &folder.path().join("x.wbc")).expect("walrusc ends");
    assert_eq!(outcome.status, Some(2), "{}", outcome.describe());
    assert!(outcome.err().contains("none.walrus"), "{}", outcome.describe());
}

#[test]
fn empty_sources() {
    runs("", "");
    runs("\n\n  // only a comment", "");
    runs("/* */", "");
    runs("\u{FEFF}", "");
}

#[test]
fn nul_and_control_characters() {
    refused("println(1);\0", "Invalid token");
    refused("let a = 1;\u{7}", "Invalid token");
    runs("println(\"a\0b\");", "a\0b\n");
    runs("println(1);\r\nprintln(2);\r\n", "1\n2\n");
}

#[test]
fn unterminated_anything() {
    for source in [
        "println(\"abc",
        "println(f\"abc",
        "println(f\"{1",
        "println(f\"{1}",
        "println(f\"{\"",
        "/* abc",
        "println(",
        "[1, 2",
        "{1: 2",
        "(1,",
        "fn f : a {",
        "struct S {",
        "struct S { fn m : self {",
        "if true {",
        "while true {",
        "for x in",
        "for x in [1] {",
        "try {",
        "try { } catch e {",
        "try { }",
        "let",
        "let x",
        "let x =",
        "import",
        "throw",
        "f\"{f\"{f\"{",
        "x[",
        "x.",
        ":",
        ": a",
        ": {",
        "-",
        "not",
        "1 +",
        "\"\\",
        "\"\\u",
        "\"\\u{",
        "f\"\\u{12",
        "1.5e",
        "0b",
        "async",
        "await",
        "println",
        "import @",
    ] {
        let (_folder, outcome) = compile_source(source.as_bytes());
        assert_eq!(outcome.status, Some(1), "{source}: {}", outcome.describe());
        assert!(outcome.err().contains("error"), "{source}: {}", outcome.describe());
    }
}

#[test]
fn nested_parentheses() {
    let deep = 100_000;
    refused_or_prints(format!("println({}1{});", "(".repeat(deep), ")".repeat(deep)), "1\n");
    refused(format!("println({}1;", "(".repeat(deep)), "error");
}

#[test]
fn nested_brackets_and_braces() {
    let deep = 100_000;
    refused_or_prints(format!("let x = {}{}; println(1);", "[".repeat(deep), "]".repeat(deep)), "1\n");
    refused_or_prints(format!("let x = {}1{}; println(1);", "{1: ".repeat(deep), "}".repeat(deep)), "1\n");
    refused_or_prints(format!("let x = 5; println(x{}{});", "[0".repeat(deep), "]".repeat(deep)), "");
}

#[test]
fn nested_blocks_and_functions() {
    let deep = 20_000;
    refused_or_prints(format!("{}println(1);{}", "if true {".repeat(deep), "}".repeat(deep)), "1\n");
    refused_or_prints(format!("{}println(1);{}", "fn f : {".repeat(deep), "}".repeat(deep)), "");
    refused_or_prints(format!("let x = {}1{}; println(1);", ": { return ".repeat(deep), "; }".repeat(deep)), "1\n");
    refused_or_prints(format!("{}println(1);{}", "try {".repeat(deep), "} catch e { }".repeat(deep)), "1\n");
}

#[test]
fn nested_format_strings() {
    let deep = 2_000;
    refused_or_prints(format!("println({}1{});", "f\"{".repeat(deep), "}\"".repeat(deep)), "1\n");
}

#[test]
fn chained_operators() {
    let many = 100_000;
    refused_or_prints(format!("println(0{});", " + 1".repeat(many)), "100000\n");
    refused_or_prints(format!("println(1{});", " ** 1".repeat(many)), "1\n");
    refused_or_prints(format!("println({}1);", "-".repeat(many)), "1\n");
    refused_or_prints(format!("println({}1);", "not ".repeat(many)), "true\n");
    refused_or_prints(format!("println(false{});", " or false".repeat(many)), "false\n");
    refused_or_prints(format!("println(true{});", " and true".repeat(many)), "true\n");
    refused_or_prints(format!("println(\"\"{});", " + \"\"".repeat(many)), "\n");
}

#[test]
fn chained_postfix() {
    let many = 50_000;
    refused_or_prints(format!("fn f : {{ return f; }} println(f{} == f);", "()".repeat(many)), "true\n");
    refused_or_prints(format!("let d = {{}}; d.x = d; println(d{} == d);", ".x".repeat(many)), "true\n");
}

#[test]
fn else_if_chain() {
    let mut source = String::from("let n = 19999;\nif n == -1 { }");
    for number in 0..20_000 {
        write!(source, " else if n == {number} {{ println({number}); }}").expect("a string takes any text");
    }
    refused_or_prints(source, "19999\n");
}

#[test]
fn five_megabytes_on_one_line() {
    runs("println(1);".repeat(5_000_000 / 11 / 10).replace("println(1);", "let a = 1; ") + "println(2);", "2\n");
    let (_folder, outcome) = compile_source(("let a = 1; ".repeat(5_000_000 / 11) + "oops oops;").as_bytes());
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.len() < 10_000, "a diagnostic shows {} bytes of one line", outcome.stderr.len());
}

#[test]
fn long_names_and_strings() {
    let name = "n".repeat(200_000);
    runs(format!("let {name} = 7; println({name});"), "7\n");
    let text = "x".repeat(1_000_000);
    runs(format!("println(\"{text}\".len());"), "1000000\n");
    refused(format!("println({});", "9".repeat(10_000)), "is too large");
    refused(format!("println({});", &name[..2_000]), "Undefined variable");
}

#[test]
fn many_constants() {
    let mut source = String::from("let t = 0;\nlet s = 0;\n");
    for number in 0..70_000 {
        writeln!(source, "t += {number}.5;").expect("a string takes any text");
    }
    source.push_str("println(t);\n");
    refused_or_prints(source, "2450000000\n");
    let mut list = String::from("let xs = [");
    for number in 0..70_000 {
        write!(list, "\"s{number}\", ").expect("a string takes any text");
    }
    list.push_str("];\nprintln(xs.len(), xs[69999]);\n");
    refused_or_prints(list, "70000 s69999\n");
}

#[test]
fn many_functions() {
    let mut source = String::new();
    for number in 0..70_000 {
        writeln!(source, "fn f{number} : a {{ return a + {number}; }}").expect("a string takes any text");
    }
    source.push_str("println(f69999(1));\n");
    refused_or_prints(source, "70000\n");
}

#[test]
fn many_locals() {
    let mut source = String::from("fn f : {\n");
    for number in 0..70_000 {
        writeln!(source, "let v{number} = {number};").expect("a string takes any text");
    }
    source.push_str("return v0 + v69999; }\nprintln(f());\n");
    refused_or_prints(source, "69999\n");
    let mut some = String::from("fn f : {\n");
    for number in 0..200 {
        writeln!(some, "let v{number} = {number};").expect("a string takes any text");
    }
    some.push_str("return v0 + v199; }\nprintln(f());\n");
    runs(some, "199\n");
}

#[test]
fn many_globals() {
    let mut source = String::new();
    for number in 0..70_000 {
        writeln!(source, "let g{number} = {number};").expect("a string takes any text");
    }
    source.push_str("fn f : { return g1 + g69999; }\nprintln(f());\n");
    refused_or_prints(source, "70000\n");
}

#[test]
fn many_parameters_and_arguments() {
    let names: Vec<String> = (0..70_000).map(|number| format!("p{number}")).collect();
    let values: Vec<String> = (0..70_000).map(|number| number.to_string()).collect();
    let source = format!("fn f : {} {{ return p69999; }}\nprintln(f({}));", names.join(", "), values.join(", "));
    refused_or_prints(source, "69999\n");
    let source =
        format!("fn f : {} {{ return p199; }}\nprintln(f({}));", names[..200].join(", "), values[..200].join(", "));
    runs(source, "199\n");
}

#[test]
fn many_fields_methods_and_captures() {
    let mut source = String::from("struct S { fn init : self {\n");
    for number in 0..5_000 {
        writeln!(source, "self.f{number} = {number};").expect("a string takes any text");
    }
    source.push_str("}\n");
    for number in 0..5_000 {
        writeln!(source, "fn m{number} : self {{ return self.f{number}; }}").expect("a string takes any text");
    }
    source.push_str("}\nprintln(S().m4999());\n");
    refused_or_prints(source, "4999\n");
    let mut captures = String::from("fn f : {\n");
    for number in 0..300 {
        writeln!(captures, "let v{number} = {number};").expect("a string takes any text");
    }
    captures.push_str("return : { let t = 0;\n");
    for number in 0..300 {
        writeln!(captures, "t += v{number};").expect("a string takes any text");
    }
    captures.push_str("return t; }; }\nprintln(f()());\n");
    refused_or_prints(captures, "44850\n");
}

#[test]
fn long_function_and_far_jumps() {
    let mut source = String::from("fn f : n {\nlet t = 0;\nwhile n > 0 {\nn -= 1;\nif n % 2 == 0 {\n");
    for number in 0..20_000 {
        writeln!(source, "t = t + n * {number} % 7;").expect("a string takes any text");
    }
    source.push_str("} else { continue; }\n}\nreturn t; }\nprintln(f(2) == f(1));\n");
    refused_or_prints(source, "true\n");
}

#[test]
fn errors_are_bounded() {
    let source = "oops oops;\n".repeat(50_000);
    let (_folder, outcome) = compile_source(source.as_bytes());
    assert_eq!(outcome.status, Some(1));
    let errors = outcome.err().lines().filter(|line| line.starts_with("error[")).count();
    assert!((1..=20).contains(&errors), "{errors} errors reported: {}", outcome.describe());
    assert!(outcome.stderr.len() < 100_000);
}

#[test]
fn several_errors_are_reported() {
    let source = "let a = ;\nprintln(missing_one);\nlet b = 1;\nprintln(missing_two);\nbreak;\n";
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("program.walrus");
    std::fs::write(&path, source).expect("the source can be written");
    let outcome = run(walrusc().args(["--check", "--message-format", "short"]).arg(&path), b"").expect("walrusc ends");
    assert_eq!(outcome.status, Some(1));
    let text = outcome.err();
    for line in [1, 2, 4, 5] {
        assert!(text.contains(&format!("program.walrus:{line}:")), "no error on line {line}: {}", outcome.describe());
    }
}

/// Shapes that are bad for an analysis that takes more than linear time: they would hang.
#[test]
fn a_very_long_function_of_loops() {
    let mut source = String::from("fn long : n {\nlet t = 0;\n");
    for number in 0..10_000 {
        writeln!(
            source,
            "for i in 0..n {{\nif i == {} {{ continue; }}\nt += i * {number};\n}}\nt = t % 1000;",
            number % 7
        )
        .expect("a string takes any text");
    }
    source.push_str("return t; }\nprintln(long(3) == long(3));\n");
    runs(source, "true\n");
}

#[test]
fn deeply_nested_loops_and_handlers() {
    let deep = 2_000;
    let mut source = String::from("fn deep : n {\nlet t = 0;\n");
    for number in 0..deep {
        let head = ["if n > 1 {", "while t < 9 {", "try {", "if t != 3 {"][number % 4];
        writeln!(source, "{head}\nt += {number};").expect("a string takes any text");
    }
    for number in (0..deep).rev() {
        source.push_str(if number % 4 == 2 { "} catch e { t = 1; }\n" } else { "}\n" });
    }
    source.push_str("return t; }\nprintln(deep(1));\n");
    refused_or_prints(source, "0\n");
}

#[test]
fn functions_that_call_one_another() {
    let count = 10_000;
    let mut source = String::new();
    for number in 0..count {
        let (next, other) = ((number + 1) % count, (number * 7 + 3) % count);
        writeln!(
            source,
            "fn f{number} : n, x {{ if n < 1 {{ return x; }} let y = f{next}(n - 1, x); return f{other}(n - 2, y); }}"
        )
        .expect("a string takes any text");
    }
    source.push_str("println(f0(3, 1));\n");
    runs(source, "1\n");
}
