//! Functions: which are inlined, called natively, or left by a tail call; and some of what stands in them.

use super::*;

#[test]
fn calls_are_not_inlined_where_that_would_make_the_loop_too_large() {
    let call = "t = g(t, i); ";
    let function = "fn g : a, b { if a % 2 == 0 { a = a / 2; } else { a = 3 * a + b; } if b > a { return b - a; } return a + b % 7; }";
    let program = |calls: usize| {
        format!(
            "{function} fn f : n {{ let t = 0; for i in 0..n {{ {} }} return t; }} println(f(1200));",
            call.repeat(calls)
        )
    };
    assert!(!body(&region(&program(10))).contains("call"));
    assert!(body(&region(&program(600))).contains("call fn"));
}

const FIB: &str = "fn fib : n { if n < 2 { return n; } return fib(n - 1) + fib(n - 2); }
println(fib(20));";

#[test]
fn a_function_that_is_called_often_is_compiled_and_calls_itself() {
    let region = function_region(FIB);
    assert!(region.matches("call fn").count() >= 2, "{region}");
    assert!(!region.contains("step_call") && region.contains("return"), "{region}");
    let stats = statistics(FIB, &["--jit-wait"]);
    let fib = stats["regions"].as_array().expect("regions").iter().find(|region| region["function"] == "fib");
    assert_eq!(fib.expect("fib is a region")["compiled"], 1, "{stats}");
}

#[test]
fn a_function_that_calls_itself_last_is_a_loop() {
    let source = "fn count : n, t { if n == 0 { return t; } return count(n - 1, t + n); }
println(count(100000, 0));";
    let region = function_region(source);
    assert!(!body(&region).contains("guard") && !body(&region).contains("call"), "{region}");
    assert!(!body(&region).contains("load") && !body(&region).contains("store"), "{region}");
    let stats = statistics(source, &["--jit-wait"]);
    assert_eq!(stats["functions_compiled"], 1, "{stats}");
}

#[test]
fn a_parameter_that_changes_its_type_from_call_to_call_is_open() {
    let source = "fn count : n, t { if n == 0 { return t; } if n % 1000 == 0 { return count(n - 1, 0); } return count(n - 1, t + 0.5); }
println(count(100001, 0));";
    let (out, _) = execute(source, &["--jit"]);
    assert_eq!(out, "499.5\n");
    assert!(body(&function_region(source)).contains("select"));
}

#[test]
fn functions_that_call_each_other_last_give_up_their_frames_natively() {
    // As many frames would not fit.
    let of = |more: &str| {
        format!(
            "fn even : n {{ if n == 0 {{ return true; }} {more} return odd(n - 1); }}
fn odd : n {{ if n == 0 {{ return false; }} {more} return even(n - 1); }}
println(even(3000000));"
        )
    };
    let (small, large) = (of(""), of(&format!("let t = n; {}", "t = (t ^ n) & 1023; ".repeat(40))));
    for (source, compiled) in [(&small, 1), (&large, 2)] {
        let (out, _) = execute(source, &["--jit"]);
        assert_eq!(out, "true\n");
        let stats = statistics(source, &["--jit-wait"]);
        assert_eq!(stats["functions_compiled"], compiled, "{stats}");
    }
    // Small ones are one loop.
    let region = function_region(&small);
    assert!(!body(&region).contains("call"), "{region}");
    let region = function_region(&large);
    assert!(region.contains("tail call") && !region.contains("leaves at"), "{region}");
}

#[test]
fn a_callee_in_tail_position_that_varies_is_found_by_a_helper() {
    let of = |callees: &str| {
        function_region(&format!(
            "fn call : f, x {{ return f(x); }}
fn down : fs, n, x {{ if n == 0 {{ return x; }} let y = call(fs[n % fs.len()], x); return down(fs, n - 1, y + core.len([call(fs[0], y)])); }}
fn add : x {{ return x + 1; }}
println(down([{callees}], 5000, 0));"
        ))
    };
    // A few functions are checked for, and inlined or called; one of many is not.
    let many = (0..9).map(|k| format!(": x {{ return x + {k}; }}")).collect::<Vec<_>>().join(", ");
    let (known, unknown) = (of("add"), of(&many));
    assert!(!known.contains("call tail_call"), "{known}");
    assert!(unknown.contains("call tail_call") || unknown.contains("step_call"), "{unknown}");
}

#[test]
fn a_built_in_method_in_tail_position_is_a_call_and_a_return() {
    let of = |method: &str, rest: &str| {
        region(&format!(
            "fn g : xs {{ return xs.{method}; }}
             fn f : xs, n {{ let t = 0; for i in 0..n {{ t = t + g(xs){rest}; }} return t; }} println(f([1, 2, 3], 5000));"
        ))
    };
    let (len, join) = (of("len()", ""), of("join(\"-\")", ".len()"));
    assert!(!body(&len).contains("call") && !body(&len).contains("guard"), "{len}");
    // One without a form of its own is a helper's, and its caller is inlined all the same.
    assert!(body(&join).contains("call call_method") && !body(&join).contains("call fn"), "{join}");
}

#[test]
fn a_method_in_tail_position_is_inlined_with_its_caller() {
    let region = region(
        "struct P { fn init : self { self.n = 0; } fn add : self, d { self.n = self.n + d; return self.n; } fn inc : self { return self.add(1); } }
         fn f : n { let p = P(); let t = 0; for i in 0..n { t = t + p.inc(); } return t; } println(f(5000));",
    );
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn a_method_of_several_structs_in_tail_position_is_called_natively() {
    let shapes = (0..6).map(|at| {
        format!(
            "struct S{at} {{ fn init : self, n {{ self.n = n; }} fn of : self, x {{ return self.n * {at} + x; }} }}\n"
        )
    });
    let text = shapes.collect::<String>()
        + "struct Both {
    fn init : self, a, b { self.a = a; self.b = b; }
    fn of : self, x {
        if x % 2 == 0 { return self.a.of(x); }
        return self.b.of(x + 1);
    }
}
let all = [S0(1), S1(2), S2(3), S3(4), S4(5), S5(6)];
let both = []; for i in 0..6 { both.push(Both(all[i], Both(all[5 - i], all[i]))); }
let t = 0; for i in 0..9000 { t += both[i % 6].of(i); } println(t);";
    let (out, stderr) = execute(&text, &["--jit", "--audit-verdicts"]);
    assert!(out == "40578000\n" && stderr.contains("compiled as promised"), "{out}{stderr}");
    let stats = statistics(&text, &["--jit-wait"]);
    let regions = stats["regions"].as_array().expect("regions");
    let of = regions.iter().find(|region| region["function"] == "Both.of").expect("it is a region");
    assert!(of["compiled"].as_u64() > Some(0) && of["steps"].as_u64().unwrap_or(0) == 0, "{of}");
}

#[test]
fn a_function_that_a_loop_calls_is_compiled_with_the_loop_and_not_besides() {
    let stats = statistics(
        "fn g : x { return x * 2 + 1; } fn f : n { let t = 0; for i in 0..n { t = t + g(i); } return t; } println(f(50000));",
        &["--jit-wait"],
    );
    assert_eq!(stats["functions_compiled"], 1, "{stats}");
}

#[test]
fn a_function_called_with_other_types_gets_another_version() {
    let source = "fn sum : x, n { if n == 0 { return x; } return sum(x, n - 1) + x; }
let t = 0; for i in 0..50 { t += sum(1, 60); } for i in 0..50 { t += sum(0.5, 60); } println(t);";
    let (out, _) = execute(source, &["--jit"]);
    assert_eq!(out, "4575\n");
    let stats = statistics(source, &["--jit-wait"]);
    let sum = stats["regions"].as_array().expect("regions").iter().find(|region| region["function"] == "sum");
    assert_eq!(sum.expect("sum is a region")["compiled"], 2, "{stats}");
}

#[test]
fn division_by_a_constant_multiplies() {
    let of = |divisor: &str| {
        region(&format!(
            "fn f : n, d {{ let t = 0; for i in 0..n {{ t = t + i / {divisor} + i % {divisor}; }} return t; }} println(f(5000, 10));"
        ))
    };
    let (constant, variable) = (of("10"), of("d"));
    assert_eq!(body(&constant).matches("mulhigh").count(), 1, "quotient and remainder share it: {constant}");
    assert!(!constant.contains("idiv") && !constant.contains("irem"), "{constant}");
    assert!(variable.contains("idiv") && !variable.contains("mulhigh"), "{variable}");
}

#[test]
fn arithmetic_moves_to_the_side_that_needs_it() {
    let of = |other: &str| {
        region(&format!(
            "fn f : n {{ let t = 0; for i in 0..n {{ let a = i * 7; if i != 5 {{ t = t + a; }} else {{ t = {other}; }} }} return t; }}
             println(f(5000));"
        ))
    };
    let (one, both) = (of("t - 1"), of("t - a"));
    let is_before_branch = |region: &str| {
        let body = body(region);
        body.find("imul") < body.find("branch")
    };
    assert!(!is_before_branch(&one), "{one}");
    assert!(is_before_branch(&both), "{both}");
}

#[test]
fn a_few_functions_called_as_values_are_inlined() {
    let region = region(
        "fn a : x { return x * 2; } fn b : x { return x - 1; }
         fn f : fs, n { let t = 0; for i in 0..n { t = t + fs[i % 2](i); } return t; } println(f([a, b], 5000));",
    );
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn a_closure_with_captures_is_inlined() {
    let region = region(
        "fn f : n { let k = 1; let g = : x { k = k + x; return k; }; let t = 0; for i in 0..n { t = t + g(i); } return t; } println(f(5000));",
    );
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn a_function_called_last_is_inlined_with_its_caller() {
    let region = region(
        "fn g : x { return x * 2 + 1; } fn h : x { return g(x + 1); }
         fn f : n { let t = 0; for i in 0..n { t = t + h(i); } return t; } println(f(5000));",
    );
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn functions_that_call_each_other_last_are_not_inlined_for_ever() {
    let region = region(
        "fn even : n { if n == 0 { return 1; } return odd(n - 1); } fn odd : n { if n == 0 { return 0; } return even(n - 1); }
         fn f : n { let t = 0; for i in 0..n { t = t + even(i % 9); } return t; } println(f(5000));",
    );
    assert!(body(&region).contains("call fn"), "{region}");
}

const UP_TO: &str = "struct UpTo { fn init : self, n { self.i = 0; self.n = n; } fn next : self { if self.i >= self.n { return void; } self.i += 1; return self.i; } }
";

#[test]
fn a_small_next_is_inlined_and_its_iterator_lives_in_registers() {
    let by_next =
        region(&format!("{UP_TO}fn f : n {{ let s = 0; for x in UpTo(n) {{ s += x; }} return s; }} println(f(5000));"));
    let text = body(&by_next);
    assert!(!text.contains("call") && !text.contains("guard") && !text.contains("load"), "{by_next}");
    // Each iterator of the inner loop is not even made.
    let nested = region(&format!(
        "{UP_TO}fn f : n {{ let s = 0; for i in 0..n {{ for x in UpTo(5) {{ s += x; }} }} return s; }} println(f(2000));"
    ));
    assert!(!body(&nested).contains("make") && !body(&nested).contains("call"), "{nested}");
}

#[test]
fn a_next_that_is_recursive_or_has_the_run_time_look_at_frames_is_called() {
    let of = |next: &str| {
        region(&format!(
            "struct Deep {{ fn init : self, n {{ self.i = 0; self.n = n; }} fn next : self {{ if self.i >= self.n {{ return void; }} self.i += 1; {next} return self.i; }} }}
fn f : n {{ let s = 0; for x in Deep(n) {{ s += x; }} return s; }} println(f(5000));"
        ))
    };
    assert!(!body(&of("")).contains("call"));
    assert!(body(&of("if self.i % 2 == 1 { return self.next(); }")).contains("call fn"));
    assert!(body(&of("let d = {}; d[self.i] = self;")).contains("call fn"));
}

#[test]
fn a_loop_over_a_struct_is_left_inside_its_next_and_goes_on_behind() {
    let of = |rarely: &str| {
        let source = format!(
            "fn twice : x {{ return x * 2; }}
struct Kinds {{ fn init : self, n {{ self.i = 0; self.n = n; }} fn next : self {{ if self.i >= self.n {{ return void; }} self.i += 1; if self.i == 3000 {{ {rarely} }} return self.i; }} }}
fn f : n {{ let s = 0; for x in Kinds(n) {{ s += x; }} return s; }} println(f(5000));"
        );
        let exits = statistics(&source, &["--jit-wait"])["exits"].as_u64().expect("a number");
        (execute(&source, &["--jit"]).0, exits)
    };
    assert_eq!(of("self.i = 3000;"), ("12502500\n".to_string(), 0));
    assert_eq!(of("self.i = twice(1500);"), ("12502500\n".to_string(), 1));
}

/// Whether the function of a program that stands on its own line is compiled.
fn is_compiled(source: &str) -> bool {
    let stats = statistics(source, &["--jit-wait"]);
    let regions = stats["regions"].as_array().expect("regions");
    let of_line = regions.iter().find(|region| region["line"] == 1 && region["kind"] == "function");
    of_line.is_some_and(|region| region["compiled"] == 1)
}

#[test]
fn a_function_that_built_ins_call_often_is_compiled_by_itself() {
    let called = |callee: &str, times: u32| {
        format!(
            "fn double : x {{ return x * 2; }}
let xs = []; for i in 0..{times} {{ xs.push(i); }} let s = xs.map({callee}); println(s[-1]);"
        )
    };
    assert!(is_compiled(&called("double", 3000)));
    assert!(!is_compiled(&called("double", 40)), "it is not hot");
    assert!(!is_compiled(&called(": x { return x; }", 3000)), "another is called");
    // A loop takes along what it calls.
    assert!(!is_compiled(
        "fn double : x { return x * 2; }
let s = 0; for i in 0..3000 { s = double(i); } println(s);"
    ));
}

#[test]
fn methods_of_many_structs_are_called_natively_and_only_small_ones_inlined() {
    let of = |structs: usize| {
        let long = "let t = x; ".to_string() + &"t = t * 3 + self.k - t / 7; ".repeat(6);
        let defined: String = (0..structs)
            .map(|at| match at % 2 {
                0 => format!(
                    "struct S{at} {{ fn init : self {{ self.k = {at}; }} fn of : self, x {{ return x + self.k; }} }}\n"
                ),
                _ => format!(
                    "struct S{at} {{ fn init : self {{ self.k = {at}; }} fn of : self, x {{ {long} return t; }} }}\n"
                ),
            })
            .collect();
        let made: String = (0..structs).map(|at| format!("S{at}(), ")).collect();
        region(&format!(
            "{defined}fn f : xs, n {{ let t = 0; for i in 0..n {{ t += xs[i % {structs}].of(i); }} return t; }} println(f([{made}], 5000));"
        ))
    };
    assert!(!body(&of(4)).contains("call"), "{}", of(4));
    let eight = of(8);
    assert_eq!((body(&eight).matches("call fn").count(), body(&eight).contains("step")), (4, false), "{eight}");
    assert!(body(&of(9)).contains("call step_call"));
}
