//! Methods of lists that call a function with each item.

use super::{body, execute, first_loop, output_and_statistics, region, statistics};

/// A loop that computes something of a list of ints.
fn of(expression: &str) -> String {
    region(&format!(
        "fn k : x {{ return x * 3 - 1; }}
fn f : xs, n {{ let t = 0; for i in 0..n {{ t += {expression}; }} return t; }} println(f([1, 2, 3, 4], 5000));"
    ))
}

#[test]
fn the_function_is_inlined_into_a_loop_and_a_large_one_is_called_by_the_run_time() {
    for expression in [
        "xs.map(: x { return x + i; }).len()",
        "xs.map(k).len()",
        "xs.filter(: x { return x > i; }).len()",
        "xs.reduce(: a, b { return a + b * i; }, 0)",
        "if xs.any(: x { return x == i; }) { 1 } else { 2 }",
        "if xs.all(: x { return x < i; }) { 1 } else { 2 }",
        "xs.find_index(: x { return x == i; })",
        "if xs.find(: x { return x == i; }) == void { 1 } else { 2 }",
    ] {
        let region = of(expression);
        let body = body(&region);
        assert!(!body.contains("step") && !body.contains("call fn"), "{expression}: {region}");
        assert!(body.matches("): loop").count() >= 2, "{expression}: {region}");
    }
    let large = "x = x * 3 + i; ".repeat(60);
    let called = of(&format!("xs.map(: x {{ {large} return x; }}).len()"));
    assert!(body(&called).contains("call step_call"), "{called}");
}

#[test]
fn what_may_wait_or_is_not_known_is_left_to_the_run_time() {
    for expression in [
        "xs.map([k, : x { return x; }][i % 2]).len()",
        "xs.map(: x { return xs.sorted(: a, b { return a - b; })[0]; }).len()",
        "xs.sorted(: a, b { return a - b; })[0]",
    ] {
        let region = of(expression);
        assert!(body(&region).contains("call step_call"), "{expression}: {region}");
    }
}

#[test]
fn results_of_one_kind_are_added_without_asking_for_it() {
    let (ints, mixed) =
        (of("xs.map(: x { return x + i; }).len()"), of("xs.map(: x { if x == 2 { return 0.5; } return x; }).len()"));
    // The last comparison with a list's header is that of its room.
    let looks = |region: &str| body(region).matches("booland").count();
    assert_eq!(looks(&ints), 0, "{ints}");
    assert!(looks(&mixed) > 0, "{mixed}");
}

#[test]
fn what_is_known_of_the_list_holds_in_the_loop_unless_its_function_changes_lists() {
    let source = |body: &str| {
        region(&format!(
            "fn f : xs, ys, n {{ let t = 0; for i in 0..n {{ t += xs.reduce(: a, b {{ {body} return a + b; }}, 0); }} return t; }} println(f([1, 2, 3], [], 5000));"
        ))
    };
    let (same, changed) = (source("let y = 1;"), source("ys.push(1);"));
    assert!(!body(&same).contains("load header"), "{same}");
    assert!(body(&changed).contains("load header"), "{changed}");
}

#[test]
fn a_loop_is_left_inside_the_function_and_goes_on_behind() {
    let of = |method: &str, rarely: &str| {
        let source = format!(
            "fn f : xs, n {{ let t = 0; for i in 0..n {{ t += {method}; }} return t; }}
fn twice : x {{ return x * 2; }}
fn odd : x, i {{ if i == 3000 {{ if x == 3 {{ {rarely} }} }} return x % 2 == 1; }}
println(f([1, 2, 3, 4, 5], 5000));"
        );
        let (native, statistics) = output_and_statistics(&source, &["--jit-wait"]);
        (native, execute(&source, &[]).0, statistics["exits"].as_u64().expect("a number"))
    };
    for method in [
        "xs.map(: x { return odd(x, i); }).len()",
        "xs.filter(: x { return odd(x, i); }).len()",
        "xs.reduce(: a, x { if odd(x, i) { return a + x; } return a; }, 0)",
        "xs.find_index(: x { return x > 2 and odd(x, i); })",
        "xs.find(: x { return x > 2 and odd(x, i); })",
        "if xs.any(: x { return x > 2 and odd(x, i); }) { 1 } else { 2 }",
        "if xs.all(: x { return odd(x, i) or x < 4; }) { 1 } else { 2 }",
    ] {
        // A call that had not been seen is an exit, and what facts tell the types of is none.
        for (rarely, left) in [("return twice(x) > 2;", 1), ("return true;", 0), ("return [x];", 0)] {
            let (native, interpreted, exits) = of(method, rarely);
            assert_eq!(native, interpreted, "{method}, {rarely}");
            assert!((left..=left + 1).contains(&exits), "{method}, {rarely}: {exits}");
        }
    }
}

#[test]
fn a_loop_that_comes_round_seldom_is_native_when_its_functions_are_hot() {
    let source = |method: &str| {
        format!(
            "fn f : xs, n {{ let t = 0; for i in 0..n {{ t += {method}; }} return t; }}
println(f([7] * 1000, 20));"
        )
    };
    let is_native = |source: &str| first_loop(&statistics(source, &["--jit-wait"]))["compiled"] == 1;
    assert!(is_native(&source("xs.map(: x { return x + i; }).len()")));
    assert!(!is_native(&source("xs.len()")), "it has done twenty iterations");
}
