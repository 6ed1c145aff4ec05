//! Numbers of kinds that were not there when a region was recorded.

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
