//! What lowering makes of small programs, as disassembly; and that everything it makes verifies.

use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::verify::verify;
use walrus::bytecode::{LoopRegion, Op, Program};
use walrus::compile::{Compilation, compile_text};

fn compile(text: &str) -> Program {
    let compilation = compile_text("t.walrus", text);
    let Compilation { program, diagnostics, .. } = compilation;
    let mut program = program.unwrap_or_else(|| panic!("{diagnostics:?}"));
    // Listings here are about instructions.
    program.facts = None;
    if let Err(error) = verify(program.clone()) {
        panic!("{error}\n{}", disassemble(&program));
    }
    program
}

/// The disassembly of the functions of a program.
fn lower(text: &str) -> String {
    let listing = disassemble(&compile(text));
    listing[listing.find("\nfn0").expect("a body") + 1..].to_string()
}

/// The disassembly of the program's first function, which is what these tests are about.
fn first(text: &str) -> String {
    let listing = lower(text);
    let start = listing.find("\nfn1").expect("a function") + 1;
    let end = listing[start..].find("\nfn2").map_or(listing.len(), |end| start + end + 1);
    listing[start..end].trim_end().to_string()
}

fn messages(text: &str) -> Vec<String> {
    let report = compile_text("t.walrus", text).diagnostics.into_report();
    report.diagnostics.into_iter().map(|d| format!("{} {}", d.code, d.message)).collect()
}

#[test]
fn recursion_is_direct() {
    insta::assert_snapshot!(lower(
        "fn fib : n { if n < 2 { return n; } return fib(n - 1) + fib(n - 2); }\nprintln(fib(20));"
    ));
}

#[test]
fn results_go_where_they_are_wanted() {
    insta::assert_snapshot!(first(
        "fn f : a, b {
           let sum = a + b * 2 - 1;
           let call = f(a, sum);
           sum = f(b, call) + 1;
           call = f(a, b);
           let text = f\"{sum} of {call}\";
           return 10 - sum / 0.5;
         }"
    ));
}

#[test]
fn nothing_is_written_to_a_live_variable_too_early() {
    insta::assert_snapshot!(first(
        "fn f : a, b {
           a = b and a;
           a = a or (b and a);
           b = f(b, f(b, a));
           try { b = f(b, a); } catch e { println(b, e); }
           return a;
         }"
    ));
}

#[test]
fn conditions_branch_without_making_values() {
    insta::assert_snapshot!(first(
        "fn f : a, b {
           if a < 1 and not (b >= a or b == \"x\") { println(1); } else if 2 == a { println(2); }
           if not a { println(3); }
           return a < b or a;
         }"
    ));
}

#[test]
fn a_small_condition_is_tested_at_the_bottom() {
    insta::assert_snapshot!(first(
        "fn f : n { let i = 0; while i < n and i != 7 { if i == 3 { continue; } i += 1; } return i; }"
    ));
}

#[test]
fn a_large_condition_or_one_with_a_lambda_stays_at_the_top() {
    insta::assert_snapshot!(first(
        "fn f : n {
           while n + 1 < n * 2 and n - 1 < n * 3 and n / 2 < n * 4 { n += 1; }
           while (: { return n; })() { break; }
         }"
    ));
}

#[test]
fn loops_over_ranges_items_and_pairs() {
    insta::assert_snapshot!(first(
        "fn f : xs {
           // @jit
           for i in 0..xs.len() { for j in ..i { println(j); } }
           for x in xs { if x { break; } }
           for k, v in xs { return k; }
           while true { xs = xs + 1; }
         }"
    ));
}

#[test]
fn closures_copy_what_stays_and_share_what_changes() {
    insta::assert_snapshot!(lower(
        "fn f : a {
           let count = 0;
           for i in 0..3 { i += 1; let g = : { count += i; return a; }; g(); }
           fn self_seeing : n { count = n; return self_seeing(n); }
           fn plain : n { return plain(n); }
           return plain(self_seeing(count));
         }"
    ));
}

#[test]
fn structs_have_slots_and_direct_constructors() {
    insta::assert_snapshot!(lower(
        "struct P { fn init : self, x { self.x = x; } fn twice : x { return x * 2; } fn m : self { return twice(self.x); } }
         let p = P(1);
         println(p.m(), P.twice(2), P.m(p));
         fn wrong : { return P(); }
         fn tail : p { return p.m(); }
         { let k = p.x; struct Q { fn m : { return helper(k); } fn helper : x { return x; } } println(Q.m()); }"
    ));
}

#[test]
fn tail_calls_reuse_the_frame_outside_try() {
    insta::assert_snapshot!(first(
        "fn f : g, n {
           if n == 1 { return f(g, n); }
           if n == 2 { return g(n); }
           if n == 3 { return f(g); }
           try { return f(g, n); } catch e { return f(e, n); }
         }"
    ));
}

#[test]
fn library_functions_are_called_directly_when_the_arguments_fit() {
    insta::assert_snapshot!(lower(
        "import \"std/math\" as m; println(m.sqrt(2), core.len([])); let f = m.sin; m.sqrt(); m.nope(1); println(m.pi);"
    ));
}

#[test]
fn places_are_evaluated_once() {
    insta::assert_snapshot!(first("fn f : xs, o { xs[o.i()] += 1; o.f().n *= 2; xs[0] and= o; o.n or= 3; }"));
}

#[test]
fn handlers_are_innermost_first() {
    insta::assert_snapshot!(first(
        "fn f : n {
           for i in 0..n { try { try { f(i); } catch a { break; } continue; } catch b { return b; } }
         }"
    ));
}

#[test]
fn long_literals_are_built_in_pieces() {
    let program = compile(&format!(
        "let xs = [{}]; let t = ({}); let d = {{{}}};",
        "1,".repeat(200),
        "1,".repeat(65),
        "1: 2,".repeat(65)
    ));
    let count = |wanted: fn(&Op) -> bool| program.code.iter().filter(|op| wanted(op)).count();
    assert_eq!(count(|op| matches!(op, Op::MakeList { .. })), 2);
    assert_eq!(count(|op| matches!(op, Op::ListAppend { .. })), 4);
    assert_eq!(count(|op| matches!(op, Op::TupleFromList { .. })), 1);
    assert_eq!(count(|op| matches!(op, Op::DictInsert { .. })), 1);
    assert!(program.functions[0].registers < 200);
}

#[test]
fn branches_reach_over_huge_bodies() {
    let body = "t += i; t -= 1;".repeat(30_000);
    let program = compile(&format!(
        "fn f : n {{ let t = 0; let i = 0; while i < n {{ {body} i += 1; if i == 5 {{ break; }} }} return t; }}"
    ));
    let [LoopRegion { back_edges, exits, header, end, .. }] = &program.loops[..] else { panic!("{:?}", program.loops) };
    assert_eq!(back_edges.len(), 1);
    assert_eq!(exits, &[*end]);
    assert!(end - header > 60_000);
}

#[test]
fn constants_beyond_the_reach_of_short_operands_are_loaded() {
    let program = compile(
        &(0..70_000)
            .map(|i| format!("println({i}.5 + x, x + {i}.5);"))
            .fold("let x = 1;".to_string(), |all, one| all + &one),
    );
    assert_eq!(program.constants.len(), 70_000);
    assert!(program.code.iter().any(|op| matches!(op, Op::LoadConst { constant, .. } if constant.0 > 60_000)));
}

#[test]
fn long_chains_need_neither_stack_nor_registers() {
    let program =
        compile(&format!("let x = 1; let y = x{}; if x{} {{ }}", " + x".repeat(100_000), " and x".repeat(100_000)));
    assert!(program.functions[0].registers < 10);
}

#[test]
fn a_loop_without_a_back_edge_is_none() {
    assert_eq!(compile("fn f : n { while n { for i in 0..3 { n -= i; } return n; } }").loops.len(), 1);
    assert_eq!(compile("fn f : n { return n; while n { n -= 1; } }").loops.len(), 0);
}

#[test]
fn nested_loops_know_their_parents() {
    let program =
        compile("while true { for i in 0..3 { for x in [] { println(x); } } while core.len([]) { println(1); } }");
    let tree: Vec<_> =
        program.loops.iter().map(|region| (region.depth, region.parent.map(|parent| parent.0))).collect();
    assert_eq!(tree, [(1, None), (2, Some(0)), (3, Some(1)), (2, Some(0))]);
}

#[test]
fn limits_are_diagnostics() {
    let locals: String = (0..70_000).map(|i| format!("let _{i} = {i};")).collect();
    assert_eq!(
        messages(&format!("fn f : {{ {locals} }}")),
        [
            "E0501 A function needs at most 65000 registers for its variables and temporary values, but this one needs 70000"
        ]
    );
    let params: Vec<String> = (0..256).map(|i| format!("p{i}")).collect();
    assert_eq!(
        messages(&format!("fn f : {} {{ }}", params.join(", "))),
        ["E0501 A function has at most 255 parameters, but this one has 256"]
    );
    let fields = |count| -> String { (0..count).map(|i| format!("self.f{i} = {i};")).collect() };
    let with_fields = |count| format!("struct S {{ fn init : self {{ {} }} }} S();", fields(count));
    assert_eq!(
        messages(&with_fields(65_536)),
        ["E0501 The methods of a struct assign at most 65535 fields, but these assign 65536"]
    );
    assert_eq!(messages(&with_fields(65_535)), [""; 0]);
}

#[test]
fn unreachable_code_is_reported_once_a_block() {
    assert_eq!(
        messages("fn f : n { while true { if n { return 1; n += 1; n += 2; } } println(n); fn after : { } after(); }"),
        ["W0202 Unreachable code", "W0202 Unreachable code"]
    );
    assert_eq!(messages("fn f : { return 1; fn unused : { } }"), [""; 0]);
}

/// The instructions of `return EXPR`, without their operands.
fn ops_of(expr: &str) -> Vec<String> {
    let program = compile(&format!("fn f : x {{ return {expr}; }} f(1);"));
    let function = program.functions.iter().find(|function| function.params == 1).expect("the function f");
    let code = &program.code[function.code.start as usize..][..function.code.len as usize];
    let name = |op: &Op| format!("{op:?}").split([' ', '{']).next().unwrap_or_default().to_string();
    code.iter().map(name).filter(|name| !name.starts_with("Return")).collect()
}

#[test]
fn operators_on_literals_fold() {
    for (expr, load) in [
        ("1 + 2 * 3", "LoadInt"),
        ("9223372036854775807 + 1", "LoadConst"),
        ("(2 ** 10 - 1) % 7", "LoadInt"),
        ("-(3 - 1) << 2 | 1", "LoadInt"),
        ("1 / 2.0", "LoadConst"),
        ("1 < 2.5", "LoadTrue"),
        ("1 == true", "LoadFalse"),
        ("not 0", "LoadTrue"),
        ("0 or 7", "LoadInt"),
        ("1.5 and false", "LoadFalse"),
    ] {
        assert_eq!(ops_of(expr), [load], "{expr}");
    }
    assert_eq!(ops_of("1 + 2 + x"), ["KAdd"]);
    assert_eq!(ops_of("x * (60 * 60)"), ["MulK"]);
    assert_eq!(ops_of("x - -(4 + 1)"), ["SubK"]);
}

#[test]
fn what_may_throw_or_differ_does_not_fold() {
    for (expr, op) in [
        ("1 / 0", "DivK"),
        ("1 % 0", "ModK"),
        ("1 << -1", "Shl"),
        ("true + 1", "AddK"),
        ("true < false", "Lt"),
        ("-true", "Neg"),
        ("~1.5", "BitNot"),
        ("2 ** -1", "Pow"),
        ("2.0 ** 0.5", "Pow"),
        ("0.0 / 0.0", "DivK"),
        ("1 & 1.0", "BitAnd"),
    ] {
        assert_eq!(ops_of(expr).last().map(String::as_str), Some(op), "{expr}");
    }
    // Addition goes from left to right, and `x` may be a float or a string.
    assert_eq!(ops_of("x + 1 + 2"), ["AddK", "AddK"]);
    assert_eq!(ops_of("x and 1 < 2").len(), 3);
}

/// As a value, too, a test of a type makes no string of it; what only looks like one calls the function.
#[test]
fn tests_of_types_as_values_call_nothing() {
    let calls = |text: &str| {
        let program = compile(&format!("fn f : x, y {{ {text} }} f(1, 2);"));
        let is_call = |op: &&Op| matches!(op, Op::CallBuiltin { .. } | Op::Call { .. } | Op::CallMethod { .. });
        program.code[program.functions[1].code.range()].iter().filter(is_call).count()
    };
    assert_eq!(calls("return core.type(x) == \"int\";"), 0);
    assert_eq!(calls("x = \"struct instance\" != core.type(x); return [x, core.type(y) == \"list\"];"), 0);
    assert_eq!(calls("let t = core.type(x); return t == \"int\";"), 1, "the variable is asked for by nobody else");
    assert_eq!(calls("return core.type(x) == core.type(y);"), 2);
    assert_eq!(calls("return core.type(x) < \"int\";"), 1);
    assert_eq!(calls("return core.type(x) + \"int\";"), 1);
}

#[test]
fn names_that_no_type_has_are_reported() {
    let name = |name: &str| messages(&format!("let x = [1]; if core.type(x) == \"{name}\" {{ x = 1; }} println(x);"));
    assert_eq!(name("itn"), ["W0204 No type is called 'itn'"]);
    assert_eq!(name("List"), ["W0204 No type is called 'List'"]);
    assert_eq!(name(""), ["W0204 No type is called ''"]);
    for known in ["int", "float", "bool", "string", "void", "range", "list", "tuple", "dict", "function", "struct"] {
        assert_eq!(name(known), [""; 0]);
    }
    for known in ["struct instance", "module", "task"] {
        assert_eq!(name(known), [""; 0]);
    }
    assert_eq!(name("cell"), ["W0204 No type is called 'cell'"], "no value of the language is one");
    let value = "let x = 1; let number = \"number\"; println(core.type(x) != \"strnig\", core.type(x) == number);";
    assert_eq!(messages(value), ["W0204 No type is called 'strnig'", "W0204 No type is called 'number'"]);
    assert_eq!(messages("let x = 1; println(core.type(x) < \"itn\", \"itn\" == x);"), [""; 0]);
    // Warned of once, though a function with far jumps is lowered twice.
    let long = format!("fn f : x {{ while x {{ {} }} return core.type(x) == \"itn\"; }}", "x = x + 1;".repeat(40_000));
    assert_eq!(messages(&long), ["W0204 No type is called 'itn'"]);
}

#[test]
fn conditions_that_never_change_are_reported() {
    let program = "let n = 1; if 1 < 2 { n += 1; } while 1 { break; } while 2 < 1 { n += 1; }
                   if not (2 > 1) { n += 2; } else if 0 { n += 3; }";
    let (is_true, is_false) = ("W0203 Condition is always true", "W0203 Condition is always false");
    let unreachable = "W0202 Unreachable code";
    let expected = [is_true, is_true, is_false, unreachable, is_false, unreachable, is_false, unreachable];
    assert_eq!(messages(program), expected);
    let unknown = "let n = 1; while (true) { n += 1; if n > 9 { break; } } while n < 5 and 1 / 0 { n += 1; }";
    assert_eq!(messages(unknown), [""; 0]);
}

#[test]
fn constants_reach_where_they_are_read() {
    insta::assert_snapshot!(lower(
        "fn f : n {
           let half = SIZE / 2;
           let add = : x { return x + half; };
           if DEBUG { println(NAME); } else if n == NAME { return add; }
           while RUNNING and n < half { n += SIZE; }
           return n & half;
         }
         let SIZE = 2 * 1024;
         let NAME = \"wal\" + \"rus\";
         let DEBUG = false;
         let RUNNING = not DEBUG;
         println(f(1), NAME * 2, RUNNING and f, f and false or f);"
    ));
}

/// How many instructions of a program read globals.
fn global_reads(text: &str) -> usize {
    compile(text).code.iter().filter(|op| matches!(op, Op::GetGlobal { .. })).count()
}

#[test]
fn a_global_is_constant_where_it_is_sure_to_be_set() {
    for text in [
        "let a = 1; println(a);",
        "let a = 1; fn f : { return a; } f();",
        "fn f : { return a; } let a = 1; f();",
        "fn f : { return g(); } fn g : { return a; } println(core.clock()); let a = 1; f();",
        "struct S { fn m : self { return a; } } let a = 1; println(S().m());",
        "fn f : { let b = a; return : { return b; }; } let a = 1; f();",
        "let a = 1; { fn f : { return a; } f(); } for i in 0..2 { if i == a { println(a); } }",
    ] {
        assert_eq!(global_reads(text), 0, "{text}");
    }
    for text in [
        "fn f : { return a; } f(); let a = 1;",
        "fn f : { return g(); } fn g : { return a; } f(); let a = 1;",
        "fn f : { return a; } let h = [f]; let a = 1;",
        "fn f : { return a; } let x = true and f(); let a = 1;",
        "let h = : { return a; }; let a = 1;",
        "struct S { fn m : self { return a; } } let s = S(); let a = 1;",
        "let a = 1; let a = 2; fn f : { return a; }",
        "let a = 1; fn f : { a = 2; return a; }",
        "let a = 1; a += 1; fn f : { return a; }",
        "let a = [1]; fn f : { return a; }",
        "try { println(a); } catch e { } let a = 1;",
    ] {
        assert_eq!(global_reads(text), 1 + usize::from(text.contains("+=")), "{text}");
    }
}

#[test]
fn a_local_is_constant_if_nothing_assigns_to_it() {
    let names = |body: &str| {
        let listing = first(&format!("fn f : p {{ let a = 7; {body} }} f(1);"));
        listing
            .lines()
            .skip(2)
            .filter_map(|line| line.split_whitespace().nth(1))
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(names("return p + a * 2;"), ["LoadInt", "AddK", "Return"]);
    assert_eq!(names("a = p; return p + a * 2;"), ["LoadInt", "Move", "MulK", "Add", "Return"]);
    // Where no instruction takes a constant, the register is as good.
    assert_eq!(names("return p & a;"), ["LoadInt", "BitAnd", "Return"]);
    // Which carries nothing, but is another function each time.
    assert_eq!(names("return : { return a; };"), ["LoadInt", "MakeClosure", "Return"]);
    assert_eq!(names("return : { a += 1; };"), ["LoadInt", "NewCell", "MakeClosure", "Return"]);
}

#[test]
fn comparisons_of_types_are_tests_of_types() {
    insta::assert_snapshot!(first(
        "fn f : x, xs {
           if core.type(x) == \"int\" { return 1; }
           let t = core.type(x);
           while \"float\" != core.type(xs[0]) and t == \"string\" { xs.pop(); }
           if not (core.type(x) == \"nothing of the kind\") { return t; }
         }"
    ));
    let tests = |body: &str| {
        let program = compile(&format!("fn f : x, y {{ {body} }} f(1, 2);"));
        program.code.iter().filter(|op| matches!(op, Op::JumpIfType { .. } | Op::JumpIfNotType { .. })).count()
    };
    assert_eq!(tests("let t = core.type(x); if t == \"int\" { return y; }"), 1);
    assert_eq!(tests("let t = core.type(x); x = y; if t == \"int\" { return y; }"), 0);
    assert_eq!(tests("let t = core.type(x); t = y; if t == \"int\" { return y; }"), 0);
    assert_eq!(tests("if core.type(x) == core.type(y) { return y; }"), 0);
    assert_eq!(tests("if core.type(x) < \"int\" { return y; }"), 0);
    assert_eq!(tests("let core = x; if core.type(x) == \"int\" { return y; }"), 0);
    assert_eq!(tests("core = y; if core.type(x) == \"int\" { return y; }"), 0);
    assert_eq!(tests("import \"std/math\" as core; if core.type(x) == \"int\" { return y; }"), 0);
}

#[test]
fn settings_are_no_mistakes() {
    let (is_true, is_false) = ("W0203 Condition is always true", "W0203 Condition is always false");
    let unreachable = "W0202 Unreachable code";
    for text in [
        "let debug = false; fn f : { if debug { println(1); } if not debug { return 1; } println(3); } f();",
        "let level = 2; if level > 3 { println(level); } else { println(0); }",
        "fn f : { let verbose = true; if verbose { return 1; } else { println(2); } return 3; } f();",
        "fn f : p { let fast = false; if p and fast { return 1; } return 3; } f(1);",
        "fn f : { let limit = 3; return : x { if limit > 5 { return x; } return 1; }; } f();",
        "fn f : p { let on = true; while on { if p { return 1; } } println(p); } f(1);",
        "let on = true; while on { println(on); break; }",
    ] {
        assert_eq!(messages(text), [""; 0], "{text}");
    }
    assert_eq!(messages("fn f : { let n = 1; if n > 2 { println(n); } } f();"), [is_false, unreachable]);
    assert_eq!(messages("fn f : { let n = 1; if n < 2 { return n; } println(n); } f();"), [is_true, unreachable]);
    assert_eq!(messages("let done = false; while not done { println(done); }"), [is_true]);
    assert_eq!(messages("let i = 0; while i < 10 { println(i); }"), [is_true]);
    assert_eq!(messages("if \"a\" + \"b\" == \"ab\" { println(1); }"), [is_true]);
}
