//! What is said of loops and functions that are not proven: which types come from where, how many versions there can
//! be, and remedies that work.

use walrus::compile::{Disk, Entry, Format, Level, Options, compile};

/// The notes on a program, as a person reads them, and its regions as JSON.
fn told(text: &str) -> (String, serde_json::Value) {
    let options = Options { explain: true, ..Options::default() };
    let entry = Entry::Text { name: "t.walrus".to_owned(), text: text.into(), folder: Default::default() };
    let mut compilation = compile(entry, &Disk, &options).expect("text needs no reading");
    let json = compilation.loops_text().expect("it compiles");
    (compilation.render_diagnostics(Format::Human, false).0, serde_json::from_str(&json).expect("JSON"))
}

#[test]
fn types_are_followed_through_fields_items_captures_and_results() {
    let fields = "struct Acc { fn init : self { self.sum = 0; } fn add : self, x { if self.sum < x { self.sum = x; } } }\n\
        let acc = Acc();\nfor i in 0..9 { acc.add(0.5); }\nprintln(acc.sum);\n";
    let items = "let rows = [[1, 2]];\nrows.push([0.5]);\nlet t = 0;\n\
        for row in rows { for x in row { if x > 0.7 { t += 1; } } }\nfor i in 0..1 { if rows[i][0] > 0.7 { t += 1; } }\n";
    let captures =
        "fn f : {\n    let c = 0;\n    let add = : x { if c < x { c = x; } };\n    add(0.5);\n    return c;\n}\nf();\n";
    let results = "fn half : n {\n    if n % 2 == 0 { return 1; }\n    return 0.5;\n}\n\
        let t = 0;\nfor i in 0..9 { if half(i) > 0.7 { t += 1; } }\n";
    for (text, expected) in [
        (fields, &["`self.sum` is given an int here", "`self.sum` is given a float here"][..]),
        (items, &["compiled if rows[…][…]: int or float", "is given an int here", "is given a float here"]),
        (captures, &["compiled if c: int or float", "`c` becomes an int here"]),
        (results, &["`half(…)` is an int where this returns", "`half(…)` is a float where this returns"]),
    ] {
        let (notes, json) = told(text);
        for expected in expected {
            assert!(notes.contains(expected), "{expected}: {notes}");
        }
        let regions = json["regions"].as_array().expect("regions");
        let open = regions.iter().find(|region| region["verdict"] == "conditional").expect("a conditional region");
        assert_eq!(open["versions"], 2, "{open}");
        assert!(open["losses"].as_array().expect("losses").len() > 1 && open["advice"].is_string(), "{open}");
    }
}

#[test]
fn what_cannot_go_on_is_no_type_to_ask_for() {
    // Void in a field makes the program fail where it is used; in a `try`, it goes on.
    let list = "struct Node { fn init : self, v { self.v = v; self.next = void; } }\nlet n = Node(1);\nn.next = Node(2);\n\
        let t = 0;\nfor i in 0..9 { t += n.next.v; }\n";
    assert!(told(list).0.contains("N0101]: loop at top level is proven"), "{}", told(list).0);
    let caught = list.replace("t += n.next.v;", "try { t += n.next.v; } catch e { }");
    assert!(told(&caught).0.contains("compiled if n.next: struct instance"), "{}", told(&caught).0);
    // Of a value that may be anything, the kinds that have the method; a dict may have any entry.
    let page = "import \"std/json\";\nlet page = json.decode(\"3\");\nfor i in 0..9 { println(page.split(\",\")); }\n";
    assert!(told(page).0.contains("compiled if page: string or dict"), "{}", told(page).0);
    let names = page.replace("page.split(\",\")", "page[\"name\"]");
    assert!(told(&names).0.contains("N0101]: loop at top level is proven"), "{}", told(&names).0);
    let any = "import \"std/json\";\nlet n = json.decode(\"3\");\nlet t = 0.5;\nfor i in 0..9 { t += n; }\n";
    let (notes, json) = told(any);
    assert!(notes.contains("compiled if n: int or float") && notes.contains("values of many types"), "{notes}");
    assert_eq!(json["regions"][0]["versions"], 2);
    // A gate says it, too.
    let entry = Entry::Text { name: "t.walrus".to_owned(), text: any.into(), folder: Default::default() };
    let levels = vec![("jit-conditional=all".to_owned(), Level::Deny)];
    let mut compilation = compile(entry, &Disk, &Options { levels, ..Options::default() }).expect("no reading");
    let (gate, _) = compilation.render_diagnostics(Format::Json, false);
    assert!(gate.contains("W0106") && gate.contains("values of many types") && gate.contains("up to 2"), "{gate}");
}

#[test]
fn types_that_contain_themselves_have_a_name() {
    let text = "let tree = [1];\ntree.push(tree);\nlet deep = [tree];\nfor x in deep { println(x); }\n";
    let (notes, _) = told(text);
    assert!(notes.contains("T is int or list of T") && !notes.contains("…"), "{notes}");
    // Closures without a name are counted.
    let many = "let fs = [: x { return x; }, : x { return x; }];\nfor f in fs { println(f(1)); }\n";
    assert!(told(many).0.contains("one of 2 functions"), "{}", told(many).0);
}

#[test]
fn a_number_beside_a_float_is_converted() {
    let text = "let xs = [1, 2.5];\nlet t = 0.0;\nfor x in xs { t += x * 1.5 - x; }\nprintln(t);\n";
    assert!(told(text).0.contains("N0101]: loop at top level is proven"), "{}", told(text).0);
    // Not beside an int, beside what may be one, in a comparison, or where a failure goes on.
    for (old, new) in [
        ("x * 1.5", "x * 2"),
        ("x * 1.5", "x * xs[0]"),
        ("t += x * 1.5 - x;", "if x < 1.5 { t += 1.0; }"),
        ("[1, 2.5];", "[1, 2.5, void];"),
    ] {
        let other = text.replace(old, new);
        let other = if new.contains("void") {
            other.replace("t += x * 1.5 - x;", "try { t += x; } catch e { }")
        } else {
            other
        };
        assert!(told(&other).0.contains("compiled if x"), "{other}: {}", told(&other).0);
    }
}

#[test]
fn no_remedy_calls_a_value_that_has_no_name() {
    let text = "fn f : n { let s = 0; for i in 0..n { if 0 ** (-1 - i % 2) > 1e300 { s += 1; } } return s; }\nprintln(f(3));\n";
    let (notes, _) = told(text);
    assert!(notes.contains("help: give what is computed here one type everywhere"), "{notes}");
    assert!(!notes.contains("`a temporary value`"), "{notes}");
}

#[test]
fn remedies_make_regions_proven() {
    let acc = "struct Acc { fn init : self { self.sum = 0; } fn add : self, x { if self.sum < x { self.sum = x; } } }\n\
        let acc = Acc();\nfor i in 0..9 { acc.add(0.5); }\nprintln(acc.sum);\n";
    let scale = "fn scale : xs, by {\n    let t = 0;\n    for x in xs { if x > by { t += 1; } }\n    return t;\n}\n\
        for by in [3, 0.5] { println(scale([0.5], by)); }\n";
    let half = "fn half : n {\n    if n % 2 == 0 { return 1; }\n    return 0.5;\n}\n\
        let t = 0;\nfor i in 0..9 { if half(i) > 0.7 { t += 1; } }\nprintln(t);\n";
    let held = "fn f : {\n    let c = 0;\n    let add = : x { if c < x { c = x; } };\n    add(0.5);\n    return c;\n}\nprintln(f());\n";
    let json =
        "import \"std/json\";\nlet n = json.decode(\"3\");\nlet t = 0.5;\nfor i in 0..9 { t += n; }\nprintln(t);\n";
    let items = "let rows = [[1, 2]];\nrows.push([0.5]);\nlet t = 0;\nfor row in rows { for x in row { if x > 0.7 { t += 1; } } }\n";
    for (text, old, new, remedy) in [
        (acc, "self.sum = 0;", "self.sum = 0.0;", "give `self.sum` one type everywhere"),
        (scale, "[3,", "[3.0,", "pass one type as `by` everywhere"),
        (half, "return 1;", "return 1.0;", "give `half(…)` one type everywhere"),
        (held, "c = 0;", "c = 0.0;", "keep `c` of one type throughout"),
        (json, "json.decode(\"3\")", "core.float(json.decode(\"3\"))", "take `n` apart once"),
        (items, "[[1, 2]]", "[[1.0, 2.0]]", "give `x` one type everywhere"),
    ] {
        let (before, _) = told(text);
        assert!(before.contains("N0102") && before.contains(remedy), "{remedy}: {before}");
        let (after, _) = told(&text.replace(old, new));
        assert!(!after.contains("N0102"), "{remedy}: {after}");
    }
}

#[test]
fn three_hundred_functions_of_one_parameter_are_known() {
    let mut text =
        "fn apply : f, n { let t = 0; for i in 0..n { t = t + f(i); } return t; }\nlet total = 0;\n".to_owned();
    for at in 0..300 {
        text += &format!("total = total + apply(: x {{ return x * {at} + total; }}, 3);\n");
    }
    let (notes, json) = told(&(text + "println(total);\n"));
    let regions = json["regions"].as_array().expect("regions");
    assert_eq!(regions.len(), 302);
    assert!(regions.iter().all(|region| region["verdict"] == "proven"), "{notes}");
    assert!(notes.contains("compiled when hot, with f: one of 300 functions, n: int"), "{notes}");
    assert!(notes.contains("1 possible step through the run time (1:54, call of one of 300 functions)"), "{notes}");
}
