//! Numbers: divisions, and kinds that were not there when a region was recorded.

use super::{body, execute, region, statistics};

/// Numbers of kinds that were not seen at first: the next version has a form for them.
#[test]
fn numbers_of_rare_kinds_have_native_forms() {
    for (source, rare) in [
        (
            "fn f : d, n { let s = 0; for i in 0..n { if i == 3000 { d = -1; } s += i / d + i % d; } return s; } println(f(RARE, 60000));",
            "1",
        ),
        (
            "fn f : x, n { let s = 0; for i in 0..n { if x + i > 1.5e18 { s += 1; } } return s; } println(f(RARE, 60000));",
            "2000000000000000000",
        ),
        (
            "fn f : a, b, n { let s = 0.0; for i in 0..n { if i == 3000 { b = -1; } s += a ** b; } return s; } println(f(2, RARE, 60000));",
            "3",
        ),
        (
            "fn f : t, n { let s = 0; let at = RARE; for i in 0..n { if i == 3000 { at = -1; } s += t[at]; } return s; } println(f((4, 5), 60000));",
            "0",
        ),
    ] {
        let source = source.replace("RARE", rare);
        let (_, log) = execute(&source, &["--jit", "--jit-wait", "--jit-log", "--audit-verdicts"]);
        assert!(!log.contains("refused") && !log.contains("verdict:"), "{source}: {log}");
        let exits = statistics(&source, &["--jit-wait"])["exits"].as_u64();
        assert!(exits < Some(30), "{source}: {exits:?}");
    }
}

#[test]
fn a_divisor_of_minus_one_costs_nothing_where_no_negative_one_was_seen() {
    let of = |divisor: &str| {
        region(&format!(
            "fn f : d, n {{ let s = 0; for i in 1..n {{ s += i / (d {divisor} i); }} return s; }} println(f(0, 5000));"
        ))
    };
    assert!(!body(&of("+")).contains("select") && body(&of("-")).contains("select"));
}

#[test]
fn a_constant_divisor_needs_no_guard() {
    let region = region("fn f : n { let t = 0; for i in 0..n { t = t + i % 7; } return t; } println(f(5000));");
    assert!(!region.contains("divisor"), "{region}");
}

#[test]
fn a_divisor_that_may_be_zero_is_guarded() {
    let region = region("fn f : n, d { let t = 0; for i in 0..n { t = t + i % d; } return t; } println(f(5000, 7));");
    assert!(region.contains("divisor"), "{region}");
}

#[test]
fn divisions_of_two_iterations_are_made_at_once() {
    let region = region(
        "fn f : n { let t = 0.0; for i in 0..n { t = t + 1.0 / (i * 0.5 + 1.0); } return t; } println(f(5000));",
    );
    let body = body(&region);
    assert_eq!((body.matches("fdiv").count(), body.matches("fmul").count()), (1, 1), "{region}");
    assert!(body.contains("first") && body.contains("second"), "{region}");
}

#[test]
fn a_division_by_the_last_result_is_made_alone() {
    let region = region("fn f : n { let t = 1.0; for i in 0..n { t = 1.0 / (t + i); } return t; } println(f(5000));");
    assert!(!body(&region).contains("second"), "{region}");
}

/// The body of a loop that adds up what an expression gives for a counter `i` and a float `x`.
fn sum_of(expression: &str) -> String {
    let region = region(&format!(
        "import \"std/math\"; fn f : n {{ let s = 0.0; let x = -400.5; for i in 0..n {{ s += {expression}; x += 0.25; }} return s; }} println(f(5000));"
    ));
    body(&region).to_owned()
}

#[test]
fn functions_on_numbers_are_instructions() {
    for (expression, expected) in [
        ("math.abs(i - 500)", "select"),
        ("math.sign(x)", "booltobits"),
        ("math.min(i, 700)", "select"),
        ("math.max(x, i * 0.5)", "select"),
        ("math.clamp(i, 20, 900)", "select"),
        ("math.round(x)", "trunc"),
        ("math.fract(x)", "trunc"),
        ("math.lerp(x, 3.0, 0.25)", "fmul"),
        ("core.int(x)", "floattoint"),
        ("core.float(i)", "inttofloat"),
        ("math.tau()", "fadd"),
        ("x ** 2", "fmul"),
        ("math.pow(x, 2)", "fmul"),
        ("(if math.is_nan(x) { 1 } else { i })", "fcmp ne"),
        ("(if math.is_finite(x) { 1 } else { i })", "fabs"),
    ] {
        let body = sum_of(expression);
        assert!(body.contains(expected) && !body.contains("call"), "{expression}: {body}");
    }
}

#[test]
fn other_functions_on_numbers_are_called_with_floats() {
    for (expression, called) in [
        ("math.sin(x)", "call sin("),
        ("math.atan2(x, i)", "call atan2("),
        ("math.ln(i + 1)", "call ln("),
        ("x ** 3", "call float_pow("),
        ("math.rand_float()", "call rand_float("),
        ("math.rand_int(0, i)", "call rand_int("),
    ] {
        let body = sum_of(expression);
        assert!(body.contains(called) && body.matches("call").count() == 1, "{expression}: {body}");
    }
}

#[test]
fn functions_on_numbers_of_open_kinds_are_called_by_their_row() {
    // Which of the two is less depends on how large the int is, and so does the kind of the result.
    assert!(sum_of("math.min(i, x)").contains("call call_library("));
    // That of a constant is known.
    assert!(!sum_of("math.min(3, x)").contains("call"));
    let region = region(
        "import \"std/math\"; fn f : xs, n { let s = 0.0; for i in 0..n { s += math.abs(xs[i % 2]); } return s; } println(f([1, -0.5], 5000));",
    );
    assert!(body(&region).contains("call call_library("), "{region}");
}

/// What is out of a function's domain is an error that the interpreter raises.
#[test]
fn a_domain_is_guarded_where_there_is_one() {
    assert!(sum_of("math.asin(x / 1000.0)").contains("guard") && sum_of("core.int(x)").contains("guard"));
    assert!(!sum_of("math.atan(x)").contains("guard") && !sum_of("core.int(i)").contains("guard"));
}

#[test]
fn a_constant_is_not_asked_whether_it_is_nan() {
    let asked = |expression| sum_of(expression).matches("fcmp ne").count();
    assert_eq!((asked("math.max(x, 0.5)"), asked("math.max(x, i * 0.5)")), (1, 2));
}
