//! Lists that are taken from, sliced, joined and repeated.

use super::{body, region};

#[test]
fn the_end_of_a_list_is_taken_in_place_and_other_places_are_not() {
    let of = |taken: &str| {
        region(&format!(
            "fn f : n {{ let xs = [1]; let t = 0; for i in 0..n {{ xs.push(i); t += xs.{taken}; }} return t; }} println(f(5000));"
        ))
    };
    assert!(!body(&of("pop()")).contains("call step"), "{}", of("pop()"));
    assert!(body(&of("remove(0)")).contains("call call_method"));
}

#[test]
fn a_slice_needs_no_range_and_a_list_that_is_repeated_no_list() {
    let of = |item: &str| {
        let source =
            format!("fn f : n {{ let t = 0; for i in 0..n {{ {item} t += xs.len(); }} return t; }} println(f(5000));");
        body(&region(&source)).to_string()
    };
    let slice = of("let xs = \"abc\".split(\"\")[0..1]; xs = xs[0..1];");
    assert!(slice.contains("call list_slice") && !slice.contains("make range"), "{slice}");
    let filled = of("let xs = [i] * 3;");
    assert!(filled.contains("call list_filled") && !filled.contains("make"), "{filled}");
    let changed = of("let one = [i]; one[0] = 4; let xs = one * 3;");
    assert!(changed.contains("call list_repeat") && changed.contains("make list"), "{changed}");
    let joined = of("let xs = [i] + [t];");
    assert!(joined.contains("call list_concat") && !joined.contains("step"), "{joined}");
}

#[test]
fn a_pair_that_next_returns_is_taken_apart_and_not_made() {
    let of = |item: &str| {
        let source = format!(
            "struct Pairs {{ fn init : self, n {{ self.i = 0; self.n = n; }} fn next : self {{ if self.i >= self.n {{ return void; }} self.i += 1; return {item}; }} }}
fn f : n {{ let s = 0; for a, b in Pairs(n) {{ s += a - b; }} return s; }} println(f(5000));"
        );
        body(&region(&source)).to_string()
    };
    let pairs = of("(self.i, 1)");
    assert!(!pairs.contains("call") && !pairs.contains("make") && !pairs.contains("load"), "{pairs}");
    assert!(of("[self.i, 1]").contains("call step_call"));
}

#[test]
fn a_small_iter_is_inlined_and_its_iterator_not_made() {
    let of = |iter: &str| {
        let source = format!(
            "struct UpTo {{ fn init : self, n {{ self.i = 0; self.n = n; }} fn next : self {{ if self.i >= self.n {{ return void; }} self.i += 1; return self.i; }} }}
struct All {{ fn init : self, n {{ self.n = n; self.last = UpTo(3); }} fn iter : self {{ {iter} }} }}
fn f : n {{ let s = 0; let all = All(3); for i in 0..n {{ for x in all {{ s += x; }} }} return s; }} println(f(5000));"
        );
        body(&region(&source)).to_string()
    };
    let inlined = of("return UpTo(self.n);");
    assert!(!inlined.contains("call") && !inlined.contains("make"), "{inlined}");
    // Of what struct it is only a guard could tell, and that could not call `iter` again.
    assert!(of("return self.last;").contains("call step_call"));
}

#[test]
fn an_empty_list_fits_code_for_others() {
    let source = "fn f : n { let xs = [[\"a\"], [], [\"b\", \"c\"]]; let t = 0; for i in 0..n { for x in xs[i % 3] { t += 1; } } return t; } println(f(6000));";
    let exits = super::statistics(source, &["--jit-wait"])["exits"].as_u64().expect("a number");
    assert!(exits < 5, "{exits}");
}

#[test]
fn a_list_that_is_made_for_one_question_is_not_made() {
    let asking = |value: &str| {
        let source = format!(
            "fn f : xs, a, n {{ let t = 0; for i in 0..n {{ let x = xs[i % 4]; {value} }} return t; }}\nprintln(f([1, 2, 3, 4], \"b\", 5000));"
        );
        let region = region(&source);
        body(&region).matches(" make ").count() + body(&region).matches(" call ").count()
    };
    for value in [
        "t += [x, i, 7].min();",
        "t += [i, x].max();",
        "if x in [2, 3] { t += 1; }",
        "if x in (2, 3) { t += 1; }",
        "if [x, 4].contains(2) { t += 1; }",
        "if a in [\"a\", \"b\"] { t += 1; }",
    ] {
        assert_eq!(asking(value), 0, "{value}");
    }
    for value in [
        // It is more than asked.
        "let ys = [x, i]; ys.push(3); t += ys.min();",
        // Who is greater, the runtime knows.
        "t += [[x, 1], [i, 2]].min()[0];",
        "if [x] in [[2], [3]] { t += 1; }",
    ] {
        assert!(asking(value) > 0, "{value}");
    }
}
