//! Each rule of the language's syntax, seen through the printed tree.

use super::*;
use crate::source::FileId;

fn parse_text(text: &str) -> (String, Vec<String>) {
    let mut interner = Interner::new();
    let mut diagnostics = Diagnostics::new();
    let ast = parse(text, FileId(0), &mut interner, &mut diagnostics);
    let messages = diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    (print::print(&ast, &interner), messages)
}

/// The tree of a valid program, lines joined.
fn tree(text: &str) -> String {
    let (tree, messages) = parse_text(text);
    assert_eq!(messages, Vec::<String>::new(), "{text}");
    tree.trim_end().to_string()
}

/// The tree of one valid expression.
fn expr(text: &str) -> String {
    let tree = tree(&format!("x = {text};"));
    tree.strip_prefix("(= x ").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&tree).to_string()
}

#[test]
fn precedence() {
    assert_eq!(expr("a or b and c == d"), "(or a (and b (== c d)))");
    assert_eq!(expr("a == b..c"), "(== a (.. b c))");
    assert_eq!(expr("0..n + 1"), "(.. 0 (+ n 1))");
    assert_eq!(expr("..n | m"), "(.. (| n m))");
    assert_eq!(expr("a | b ^ c & d << e + f * g"), "(| a (^ b (& c (<< d (+ e (* f g))))))");
    assert_eq!(expr("a - b - c"), "(- (- a b) c)");
    assert_eq!(expr("not a == b"), "(== (not a) b)");
    assert_eq!(expr("-2 ** 2"), "(- (** 2 2))");
    assert_eq!(expr("2 ** -1"), "(** 2 -1)");
    assert_eq!(expr("2 ** 3 ** 2"), "(** 2 (** 3 2))");
    assert_eq!(expr("(-2) ** 2"), "(** (paren -2) 2)");
    assert_eq!(expr("await t ** 2"), "(** (await t) 2)");
    assert_eq!(expr("-await t"), "(- (await t))");
    assert_eq!(expr("await f(x)"), "(await (call f x))");
    assert_eq!(expr("a.b[1](2, 3,).in"), "(member (call (index (member a b) 1) 2 3) in)");
    assert_eq!(expr("a >> 1 << 2"), "(<< (>> a 1) 2)");
    assert_eq!(expr("~a % b / c"), "(/ (% (~ a) b) c)");
}

#[test]
fn a_minus_folds_into_the_literal_behind_it() {
    assert_eq!(expr("-9223372036854775808"), "-9223372036854775808");
    assert_eq!(expr("- 9223372036854775808"), "-9223372036854775808");
    assert_eq!(expr("-1.5"), "-1.5");
    assert_eq!(expr("1 - 1"), "(- 1 1)");
    assert_eq!(expr("1 -1"), "(- 1 1)");
    assert_eq!(expr("--5"), "(- -5)");
    assert_eq!(expr("-0x10"), "-16");
    let too_large = vec!["E0103 Number '9223372036854775808' is too large".to_string()];
    assert_eq!(parse_text("x = 9223372036854775808;").1, too_large);
    assert_eq!(parse_text("x = -9223372036854775808 ** 2;").1, too_large);
    assert_eq!(parse_text("x = 0 - 9223372036854775808;").1, too_large);
}

#[test]
fn literals_and_containers() {
    assert_eq!(expr("()"), "(tuple)");
    assert_eq!(expr("(1,)"), "(tuple 1)");
    assert_eq!(expr("(1, 2)"), "(tuple 1 2)");
    assert_eq!(expr("(1, 2, 3,)"), "(tuple 1 2 3)");
    assert_eq!(expr("(1)"), "(paren 1)");
    assert_eq!(expr("[]"), "(list)");
    assert_eq!(expr("[1, [2],]"), "(list 1 (list 2))");
    assert_eq!(expr("{}"), "(dict)");
    assert_eq!(expr("{1: 2, a: {b: {}},}"), "(dict 1 2 a (dict b (dict)))");
    assert_eq!(expr("{\"k\": : a { return {a: 1}; }}"), "(dict \"k\" (fn (a)\n  (return (dict a 1))))");
    assert_eq!(expr("{: { 1; }: 2}"), "(dict (fn ()\n  (do 1)) 2)");
}

#[test]
fn lambdas() {
    assert_eq!(expr(": a, b { return a; }"), "(fn (a b)\n  (return a))");
    assert_eq!(expr(": { }"), "(fn ())");
    assert_eq!(expr("async : a { }"), "(async fn (a))");
    assert_eq!(expr("f(: x { g(); }, {1: 2})"), "(call f (fn (x)\n  (do (call g))) (dict 1 2))");
    assert_eq!(expr(": { }(1)"), "(call (fn ()) 1)");
    assert_eq!(tree("if : { } { a; }"), "(if (fn ())\n  (do a))");
    assert_eq!(tree("while {} { a; }"), "(while (dict)\n  (do a))");
    assert_eq!(tree("for x in {1: 2} { }"), "(for x (dict 1 2))");
    assert_eq!(tree(": a { };"), "(do (fn (a)))");
    assert_eq!(tree("async : a { };"), "(do (async fn (a)))");
}

#[test]
fn format_strings() {
    assert_eq!(expr(r#"f"""#), "(format)");
    assert_eq!(expr(r#"f"a{b}c""#), r#"(format "a" b "c")"#);
    assert_eq!(expr(r#"f"{{{a}}}""#), r#"(format "{" a "}")"#);
    assert_eq!(expr(r#"f"{d["key"]}""#), r#"(format (index d "key"))"#);
    assert_eq!(expr(r#"f"{d[\"key\"]}!""#), r#"(format (index d "key") "!")"#);
    assert_eq!(expr(r#"f"{ "}" }""#), r#"(format "}")"#);
    assert_eq!(expr(r#"f"{f"{x}y"}z""#), r#"(format (format x "y") "z")"#);
    assert_eq!(expr(r#"f"{f\"{x}y\"}z""#), r#"(format (format x "y") "z")"#);
    assert_eq!(expr(r#"f"{ {"a": {1: 2}}["a"] }""#), r#"(format (index (dict "a" (dict 1 2)) "a"))"#);
    assert_eq!(expr("f\"{xs.map(: x { return x; })}\""), "(format (call (member xs map) (fn (x)\n  (return x))))");
    assert_eq!(expr(r#"f"\n\"{a /* } */ + b}""#), r#"(format "\n\"" (+ a b))"#);
}

#[test]
fn statements() {
    assert_eq!(tree("let x = 1;"), "(let x 1)");
    assert_eq!(tree("x.y[0] += 2;"), "(+= (index (member x y) 0) 2)");
    for op in ["-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>", "and", "or"] {
        assert_eq!(tree(&format!("x {op}= 2;")), format!("({op}= x 2)"));
    }
    assert_eq!(tree("x and y;"), "(do (and x y))");
    assert_eq!(tree("; ; { ; };"), "(block)");
    assert_eq!(tree("{ let a = 1; } a;"), "(block\n  (let a 1))\n(do a)");
    assert_eq!(tree("if a { } else if b { c; } else { d; };"), "(if a else\n  (if b\n    (do c) else\n    (do d)))");
    assert_eq!(tree("while a { break; continue; }"), "(while a\n  (break)\n  (continue))");
    assert_eq!(tree("for k, v in d { }"), "(for k v d)");
    assert_eq!(tree("try { } catch e { throw e; }"), "(try catch e\n  (throw e))");
    assert_eq!(tree("fn f : a, b { return; }"), "(fn f (a b)\n  (return))");
    assert_eq!(tree("fn f : { return {}; }"), "(fn f ()\n  (return (dict)))");
    assert_eq!(tree("async fn f : self { }"), "(async fn f (self))");
    assert_eq!(
        tree("struct S { fn init : self, a { self.a = a; }; async fn g : x { } }"),
        "(struct S\n  (fn init (self a)\n    (= (member self a) a))\n  (async fn g (x)))"
    );
    assert_eq!(
        tree("import \"std/math\"; import \"./a.walrus\" as b; import @c; import @c as d;"),
        "(import \"std/math\")\n(import \"./a.walrus\" as b)\n(import @c)\n(import @c as d)"
    );
}

#[test]
fn printing() {
    assert_eq!(tree("println(a, b);"), "(println a b)");
    assert_eq!(tree("println (a, b);"), "(println a b)");
    assert_eq!(tree("println();"), "(println)");
    assert_eq!(tree("println;"), "(println)");
    assert_eq!(tree("println((1, 2));"), "(println (paren (tuple 1 2)))");
    assert_eq!(tree("println(1, 2) + (3,);"), "(println (+ (tuple 1 2) (tuple 3)))");
    assert_eq!(tree("print a;"), "(print a)");
    assert_eq!(tree("print {1: 2};"), "(print (dict 1 2))");
}

#[test]
fn what_parses_but_is_wrong() {
    assert_eq!(parse_text("x = a < b < c;").1, ["E0206 Comparisons do not chain"]);
    assert_eq!(parse_text("x = (a < b) == c;").1, Vec::<String>::new());
    assert_eq!(parse_text("f() = 1;").1, ["E0205 Invalid assignment target"]);
    assert_eq!(parse_text("(a) = 1;").1, ["E0205 Invalid assignment target"]);
}

#[test]
fn errors_are_found_one_by_one() {
    let text = "fn f : a {\n  let x = ;\n  let y = 1\n  foo(1, 2;\n  if a = 1 { b; }\n}\nvar z = 3;\nfunction g(a, b) { return a; }\nlet q = f\"{1 +}\";\n";
    let (tree, messages) = parse_text(text);
    assert_eq!(
        messages,
        [
            "E0201 Expected an expression, found `;`",
            "E0202 Expected `;` after the statement",
            "E0203 Unclosed `(`",
            "E0207 Assignment in a condition",
            "E0208 `var` is not a word of Walrus",
            "E0209 Functions are defined by `fn`, with their parameters behind a `:`",
            "E0108 Failed to parse f-string expression '1 +': expected an expression",
        ]
    );
    assert!(tree.contains("(fn g (a b)"), "{tree}");
    assert!(tree.contains("(let y 1)"), "{tree}");
}

#[test]
fn soup_neither_panics_nor_hangs() {
    // A fixed seed; splitmix64.
    let mut state = 0x57A1_2005u64;
    let mut next = move |n: usize| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    };
    let pieces = [
        "let ",
        "fn ",
        "f",
        "x",
        " = ",
        ";",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        ",",
        "if ",
        "else ",
        "while ",
        "for ",
        "in ",
        "try ",
        "catch ",
        "struct ",
        "S ",
        "f\"",
        "\"",
        "\\\"",
        "{{",
        "1",
        "2.5",
        " + ",
        "-",
        "**",
        "not ",
        "await ",
        "async ",
        "..",
        ".",
        "\n",
        "é",
        "\\",
        "//",
        "/*",
        "*/",
        "'",
        "print ",
        "println",
        "return ",
        "import ",
        "@",
        "as ",
        "0x",
        "_",
        "==",
        "<",
        "function ",
        "elif ",
        "\u{FEFF}",
        "\t",
        "\r\n",
        "and ",
        "and=",
        "throw ",
        "9223372036854775808",
    ];
    for round in 0..4000 {
        let len = 1 + next(if round % 100 == 0 { 400 } else { 40 });
        let text: String = (0..len).map(|_| pieces[next(pieces.len())]).collect();
        let (tree, messages) = parse_text(&text);
        assert!(!tree.contains("<error>") || !messages.is_empty(), "{text}");
    }
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..next(60)).map(|_| next(128) as u8).collect();
        let (_, _) = parse_text(&String::from_utf8_lossy(&bytes));
    }
}

/// The messages for a text, and that it takes no more than the time that a linear pass takes.
fn stress(text: &str) -> Vec<String> {
    let start = std::time::Instant::now();
    let messages = parse_text(text).1;
    assert!(start.elapsed().as_secs() < 60, "took {:?}", start.elapsed());
    messages
}

#[test]
fn nesting_is_limited() {
    let too_deep = ["E0502 Nested too deeply"];
    assert_eq!(stress(&format!("x = {}1{};", "(".repeat(100_000), ")".repeat(100_000))), too_deep);
    assert_eq!(stress(&"{".repeat(100_000)), too_deep);
    assert_eq!(stress(&format!("x = {}1;", "-".repeat(100_000))), too_deep);
    assert_eq!(stress(&format!("x = {}1;", "not ".repeat(100_000))), too_deep);
    assert_eq!(stress(&format!("x = {}1;", "2 ** ".repeat(100_000))), too_deep);
    assert_eq!(stress(&format!("x = {}", "f\"{".repeat(100_000))), too_deep);
    assert_eq!(stress(&format!("x = {}", "[".repeat(100_000))), too_deep);
    assert_eq!(stress(&format!("x = {}", "f(: a { let b = ".repeat(50_000))), too_deep);
    assert_eq!(stress(&format!("{}{}", "if a { ".repeat(2_000), "}".repeat(2_000))), Vec::<String>::new());
    assert_eq!(stress(&format!("x = {}1{};", "(".repeat(2_000), ")".repeat(2_000))), Vec::<String>::new());
}

#[test]
fn long_chains_parse() {
    let none: [&str; 0] = [];
    assert_eq!(stress(&format!("x = 1{};", " + 1".repeat(100_000))), none);
    assert_eq!(stress(&format!("x = a{};", " and a".repeat(100_000))), none);
    assert_eq!(stress(&format!("x = a{};", "()[1].b".repeat(100_000))), none);
    assert_eq!(stress(&format!("if a {{ }} {}", "else if b { c; } ".repeat(100_000))), none);
    assert_eq!(stress(&format!("x = [{}];", "1, ".repeat(1_000_000))), none);
    assert_eq!(stress(&"x = y + 1; ".repeat(500_000)), none);
}

#[test]
fn much_rubbish_takes_linear_time() {
    for text in [
        "}", ")", "\"", "f\"{", "\\\"", "x y ", "x\n", "else ", "$", "f\"{\"", "let ", "fn f : ", "{ x ", "(;", "'",
        "/*",
    ] {
        let messages = stress(&text.repeat(1_000_000 / text.len()));
        assert!(!messages.is_empty(), "{text}");
    }
    let function = format!("fn f : {{ {} }}", "let a = ;\n".repeat(100_000));
    assert!(!stress(&function).is_empty());
}

#[test]
fn membership_is_a_comparison() {
    assert_eq!(expr("a in b and c"), "(and (in a b) c)");
    assert_eq!(expr("a not in 0..n"), "(not-in a (.. 0 n))");
    assert_eq!(expr("(not a) in b"), "(in (paren (not a)) b)");
    assert_eq!(parse_text("x = a in b == c;").1, ["E0206 Comparisons do not chain"]);
    assert_eq!(parse_text("x = not a in b;").1, ["E0210 Write 'a not in b'"]);
}

#[test]
fn conditional_expressions_stand_where_operands_are_due() {
    assert_eq!(expr("if a { b } else { c }"), "(if-else a b c)");
    assert_eq!(expr("if a { b } else if c { d } else { e }(f)"), "(call (if-else a b (if-else c d e)) f)");
    assert_eq!(
        expr("1 + if a { {b: c} } else { if d { e } else { {} } }"),
        "(+ 1 (if-else a (dict b c) (if-else d e (dict))))"
    );
    assert_eq!(expr("if : x { f(); }(1) { a } else { b }").matches("if-else").count(), 1);
    assert!(tree("if a { b; } else { c; }").starts_with("(if a"));
    assert!(tree("while if a { b } else { c } { if d { e; } }").starts_with("(while (if-else a b c)"));
}

#[test]
fn several_targets() {
    assert_eq!(tree("let a, b = c, d;"), "(let a b = c d)");
    assert_eq!(tree("let a, b = c;"), "(let a b = c)");
    assert_eq!(tree("a, b.c, d[0] = e, f, g;"), "(= a (member b c) (index d 0) = e f g)");
    assert!(tree("for a, b, c in d { }").starts_with("(for a b c d"));
    assert_eq!(parse_text("let a, b = 1, 2, 3;").1, ["E0211 Expected 2 values, but found 3"]);
    assert_eq!(parse_text("let a = 1, 2;").1, ["E0211 Expected 1 value, but found 2"]);
}

#[test]
fn defaults_and_formats() {
    assert!(
        tree("fn f : a, b = 1, c = {} { }").starts_with("(fn f (a b c) b = 1 c = (dict)"),
        "{}",
        tree("fn f : a, b = 1, c = {} { }")
    );
    assert_eq!(expr("f\"{a:>5}{b}\""), "(format (formatted \">5\" a) b)");
    assert_eq!(expr("f\"{: { return 1; }():x}\"").matches("formatted \"x\"").count(), 1);
}
