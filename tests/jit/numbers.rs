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
