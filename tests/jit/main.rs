//! What the native tier makes of loops: pairs of programs, one to which an optimisation applies and one to which it
//! must not.
//!
//! The region IR of the last compiled loop is looked at through `--dump ir`. That the code is right is the business of
//! the fixtures and of `differential`; here it is whether it is the code we mean.
#![cfg(all(feature = "jit", feature = "compile"))]

mod calls;
mod costs;
mod list_loops;
mod lists;
mod numbers;
mod proofs;
#[path = "../support/mod.rs"]
mod support;
mod texts;
mod tiering;

use support::{run, walrus_run, walrusc};

/// Compiles and runs a program with these flags; its standard output and standard error.
fn execute(source: &str, flags: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (text, program) = (folder.path().join("t.walrus"), folder.path().join("t.wbc"));
    std::fs::write(&text, source).expect("the folder is writable");
    let compiled = run(walrusc().arg(&text).arg("-o").arg(&program), b"").expect("walrusc runs");
    assert!(program.exists(), "{}", compiled.describe());
    let outcome = run(walrus_run().args(flags).arg(&program), b"").expect("walrus-run runs");
    (outcome.out(), outcome.err())
}

/// The IR of the region that was compiled last.
fn region(source: &str) -> String {
    // Functions are looked at by `function_region`.
    let flags = ["--jit", "--jit-wait", "--jit-function-threshold", "1000000000", "--dump", "ir"];
    let (_, stderr) = execute(source, &flags);
    let at = stderr.rfind("region t.walrus").unwrap_or_else(|| panic!("nothing was compiled: {stderr}"));
    stderr[at..].to_string()
}

/// The IR of the function whose `fn` stands alone on the first line, as it was compiled last.
fn function_region(source: &str) -> String {
    let (_, stderr) = execute(source, &["--jit", "--jit-wait", "--dump", "ir"]);
    let at = stderr.rfind("region t.walrus:1:").unwrap_or_else(|| panic!("it was not compiled: {stderr}"));
    let text = &stderr[at..];
    text[..text.find("\n\n").unwrap_or(text.len())].to_string()
}

/// What runs in every iteration: the blocks from the first loop header on, without the list of exits.
fn body(region: &str) -> &str {
    let start = region.find("): loop").expect("a region has a loop");
    let end = region.find("\nx0:").unwrap_or(region.len());
    &region[start..end]
}

fn statistics(source: &str, flags: &[&str]) -> serde_json::Value {
    output_and_statistics(source, flags).1
}

/// What a program prints, and the statistics of that run.
fn output_and_statistics(source: &str, flags: &[&str]) -> (String, serde_json::Value) {
    let (stdout, stderr) = execute(source, &[&["--jit", "--jit-stats=json"], flags].concat());
    let line = stderr.lines().last().unwrap_or_default();
    (stdout, serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {stderr}")))
}

/// What statistics say of the loop that stands first in the source.
fn first_loop(statistics: &serde_json::Value) -> &serde_json::Value {
    let mut regions = statistics["regions"].as_array().expect("regions").iter();
    regions.find(|region| region["kind"] == "loop").expect("a loop")
}

const SUM: &str = "fn f : n { let t = 0; for i in 0..n { t = t + i; } return t; } println(f(5000));";

#[test]
fn an_int_loop_has_neither_guards_nor_memory_accesses() {
    let region = region(SUM);
    let body = body(&region);
    assert!(!body.contains("guard") && !body.contains("load") && !body.contains("store"), "{region}");
    // One parameter for the sum and one for counter and variable together.
    assert!(region.contains("b1(v14: i64, v16: i64): loop") || body.matches("i64").count() <= 2, "{region}");
}

#[test]
fn a_variable_that_changes_its_type_is_open() {
    let region = region(
        "fn f : n { let t = 0; for i in 0..n { t = t + 0.5; if i % 100 == 0 { t = 1; } } return t; } println(f(5000));",
    );
    assert!(body(&region).contains("select"), "{region}");
}

#[test]
fn the_storage_check_of_a_list_is_hoisted() {
    let source =
        "fn f : xs, n { let t = 0; for i in 0..n { t = t + xs[i % 3]; } return t; } println(f([1, 2, 3], 5000));";
    let region = region(source);
    assert!(!body(&region).contains("load header"), "{region}");
    assert!(region.contains("load header"), "{region}");
}

#[test]
fn the_storage_check_is_not_hoisted_where_lists_change() {
    let source = "fn f : xs, n { let t = 0; for i in 0..n { t = t + xs[i % 3]; xs.push(i); } return t; } println(f([1, 2, 3], 5000));";
    let region = region(source);
    assert!(body(&region).contains("load header"), "{region}");
}

#[test]
fn a_global_lives_in_a_register() {
    let region = region("let t = 0; for i in 0..5000 { t = t + i; } println(t);");
    assert!(!body(&region).contains("globals"), "{region}");
    assert!(region.contains("g0 ="), "the exit writes it: {region}");
}

#[test]
fn a_global_stays_in_memory_where_unknown_code_may_look_at_it() {
    let region = region(
        "let t = 0; let xs = [1]; fn f : x { t = t + x; } for i in 0..5000 { t = t + i; xs.sort_by(f); } println(t);",
    );
    assert!(body(&region).contains("store globals"), "{region}");
    assert!(body(&region).contains("call step"), "{region}");
}

#[test]
fn a_small_function_is_inlined() {
    let region = region(
        "fn g : x { return x * 2 + 1; } fn f : n { let t = 0; for i in 0..n { t = t + g(i); } return t; } println(f(5000));",
    );
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn a_recursive_function_is_not_inlined() {
    let region = region(
        "fn g : x { if x < 2 { return x; } return g(x / 2) + 1; } fn f : n { let t = 0; for i in 0..n { t = t + g(i); } return t; } println(f(5000));",
    );
    assert!(body(&region).contains("call fn"), "{region}");
}

#[test]
fn a_method_of_one_struct_is_inlined() {
    let region = region(
        "struct P { fn init : self { self.n = 0; } fn add : self, d { self.n = self.n + d; return self.n; } }
         fn f : n { let p = P(); let t = 0; for i in 0..n { t = t + p.add(i); } return t; } println(f(5000));",
    );
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn methods_of_a_few_structs_are_inlined_behind_a_chain_of_checks() {
    let region = region(&shapes(4));
    assert!(!body(&region).contains("call"), "{region}");
}

#[test]
fn methods_of_many_structs_are_called() {
    let region = region(&shapes(9));
    assert!(body(&region).contains("call step_call"), "{region}");
}

/// A loop that calls a method of instances of so many structs.
fn shapes(count: usize) -> String {
    let structs = (0..count).map(|k| format!("struct S{k} {{ fn f : self, x {{ return x * {k} + 1; }} }} "));
    let instances: Vec<String> = (0..count).map(|k| format!("S{k}()")).collect();
    format!(
        "{} fn f : n {{ let xs = [{}]; let t = 0; for i in 0..n {{ t = t + xs[i % {count}].f(i); }} return t; }} println(f(9000));",
        structs.collect::<String>(),
        instances.join(", ")
    )
}

#[test]
fn dicts_and_strings_have_direct_forms() {
    let source = "fn f : n { let d = {}; let s = \"abc\"; let t = \"\";
        for i in 0..n { d[i % 7] = d.get(i % 7, 0) + d.len(); if d.contains(i) { t = s[i % 3] + f\"{i}\"; }
            if t == s { t = \"\"; } for k, v in d { if v > k { d[k] = v + core.len(t); } } println(t); }
        return t; } f(5000);";
    let region = region(source);
    for helper in ["dict_find", "dict_add", "str_index", "str_concat", "dict_next", "print"] {
        assert!(body(&region).contains(&format!("call {helper}(")), "{helper}: {region}");
    }
    assert!(!body(&region).contains("call step"), "{region}");
}

#[test]
fn sequences_are_compared_by_a_helper() {
    let region = region(
        "fn f : n { let t = [1]; for i in 0..n { t = t + [i]; if t == [2] { t = [1]; } t = [t[0]]; } return t; } println(f(5000));",
    );
    assert!(!body(&region).contains("call step(") && body(&region).contains("call equal("), "{region}");
}

#[test]
fn a_slice_of_a_tuple_is_left_to_the_run_time() {
    let region =
        region("fn f : n { let t = 0; for i in 0..n { t = (1, t, i)[1..3][1]; } return t; } println(f(5000));");
    assert!(body(&region).contains("call step("), "{region}");
}

#[test]
fn a_loop_that_is_not_hot_is_not_compiled() {
    let statistics = statistics("fn f : n { let t = 0; for i in 0..n { t += i; } return t; } println(f(900));", &[]);
    assert_eq!(statistics["functions_compiled"], 0);
}

#[test]
fn without_counting_nothing_is_compiled() {
    let (stdout, stderr) = execute(SUM, &["--jit", "--no-jit-profile", "--jit-stats"]);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("12497500\n", ""));
}

#[test]
fn native_loops_are_entered_at_their_first_iteration() {
    let entered = |last: &str| {
        let source =
            format!("{}{last}", SUM.replace("println(f(5000));", "println(f(5000)); println(f(1)); println(f(1));"));
        first_loop(&statistics(&source, &["--jit-wait"]))["entered"].as_u64()
    };
    assert_eq!(entered(""), Some(3));
    assert_eq!(entered("println(f(0));"), Some(3), "a loop without iterations is not entered");
}

#[test]
fn many_loops_that_end_when_they_are_compiled_are_not_all_compiled() {
    let loops: String = (0..300).map(|k| format!("for i in 0..1100 {{ t = t + i % {}; }}\n", k + 2)).collect();
    let source = format!("let t = 0;\n{loops}println(t);");
    let compiled = |flags: &[&str]| statistics(&source, flags)["functions_compiled"].as_u64();
    assert_eq!(compiled(&["--jit-wait"]), Some(300));
    let without_waiting = compiled(&[]);
    assert!(without_waiting < Some(150), "{without_waiting:?}");
}

/// Which loops of a nest of three were compiled, from the outermost.
fn compiled_loops_of_nest(rounds: [u32; 3]) -> Vec<bool> {
    let [outer, middle, inner] = rounds;
    let source = format!(
        "fn f : {{ let t = 0; for i in 0..{outer} {{ let s = t % 7; for j in 0..{middle} {{ for k in 0..{inner} {{ t = t + k * s + j; }} }} t = t + i; }} return t; }} println(f());"
    );
    let statistics = statistics(&source, &[]);
    let regions = statistics["regions"].as_array().expect("regions");
    let loops = regions.iter().filter(|region| region["kind"] == "loop");
    loops.map(|region| region["compiled"].as_u64() > Some(0)).collect()
}

#[test]
fn a_nest_is_compiled_as_a_whole_when_its_outermost_loop_comes_round() {
    assert_eq!(compiled_loops_of_nest([500, 40, 10]), [true, false, false]);
    // Its second iteration begins only after the inner loops have been hot twice.
    assert_eq!(compiled_loops_of_nest([500, 170, 10]), [true, false, false]);
}

#[test]
fn a_loop_inside_does_not_wait_for_an_outermost_loop_that_takes_long() {
    assert!(compiled_loops_of_nest([3, 20_000, 10])[1..].contains(&true));
    assert!(compiled_loops_of_nest([3, 10, 200_000])[2]);
}

/// Whether the loop of a function, and the function itself, are compiled when it is called so often and the loop has so
/// many iterations. Lists that it builds keep it from being inlined.
fn compiled_by_itself(calls: u32, iterations: u32) -> [bool; 2] {
    let program = format!(
        "fn f : n {{ let t = [0]; for i in 0..n {{ t = [t[0] + i]; }} return t[0]; }}
         let s = 0; for call in 0..{calls} {{ s += f({iterations}); }} println(s);"
    );
    let statistics = statistics(&program, &["--jit-wait"]);
    let regions = statistics["regions"].as_array().expect("regions");
    ["loop", "function"].map(|kind| {
        regions.iter().any(|region| region["function"] == "f" && region["kind"] == kind && region["compiled"] == 1)
    })
}

#[test]
fn a_loop_that_is_soon_over_is_left_to_its_function() {
    assert_eq!(compiled_by_itself(6000, 3), [false, true]);
}

#[test]
fn a_loop_that_takes_long_does_not_wait_for_its_function() {
    assert!(compiled_by_itself(6000, 40)[0]);
    // Nor does one of a function that is called a few times only.
    assert!(compiled_by_itself(90, 15)[0]);
}

#[test]
fn a_way_that_is_taken_now_and_then_is_seen_before_the_loop_is_compiled() {
    let region_with = |period: u32| {
        region(&format!(
            "import \"std/json\"; struct P {{ fn init : self {{ self.n = 0; }} }}
             fn f : n, p {{ let t = 0; for i in 0..n {{ if i % {period} == {period} - 2 {{ p.n = i; t = t + p.n; }} else {{ t += 1; }} }} return t; }}
             println(f(5000, P())); f(0, json.decode(\"1\"));"
        ))
    };
    assert!(!region_with(7).contains("unseen"), "{}", region_with(7));
    // What is seldom taken, and of which facts do not tell the type, is left to the interpreter, and has no part in the
    // native code.
    let region = region_with(500);
    assert!(region.contains("unseen") && !region.contains("call step"), "{region}");
}

#[test]
fn code_that_is_come_to_often_later_is_taken_in_by_the_version_that_replaces_the_first() {
    let program = |from: u32| {
        format!(
            "import \"std/json\";
             fn f : n, items {{ let t = 0; for i in 0..n {{ if i > {from} {{ t += items[i % 4]; }} t += 1; }} return t; }}
             println(f(9000, [1, 2, 3, 4])); f(0, json.decode(\"1\"));"
        )
    };
    let late = region(&program(3000));
    assert!(!late.contains("unseen"), "{late}");
    assert_eq!(statistics(&program(3000), &["--jit-wait"])["functions_compiled"], 2);
    // Come to a few times only, it is not worth another version.
    let seldom = region(&program(8980));
    assert!(seldom.contains("unseen"), "{seldom}");
    assert_eq!(statistics(&program(8980), &["--jit-wait"])["functions_compiled"], 1);
}

#[test]
fn leading_blocks_stand_where_the_function_is_called_if_it_was_seen_to_return_from_them() {
    // So much more that it does not stand within itself as a whole.
    let rest = format!("{} return fib(n - 1) + fib(n - 2);", "c = (c ^ n) & 1023; ".repeat(40));
    let of = |first: &str| {
        function_region(&format!(
            "fn fib : n {{ {first} if n < 2 {{ return n; }} {rest} }} let c = 0; println(fib(18)); println(c);"
        ))
    };
    // The function's own comparison, and one for each of its calls.
    let region_of_fib = of("");
    assert_eq!(region_of_fib.matches("icmp lt").count(), 3, "{region_of_fib}");
    // An effect comes first, so nothing may be done twice.
    let region_of_counts = of("c += 1;");
    assert_eq!(region_of_counts.matches("icmp lt").count(), 1, "{region_of_counts}");
}

#[test]
fn code_that_was_not_seen_is_native_where_facts_tell_its_types() {
    let run = |flags: &[&str]| {
        let source = "struct P { fn init : self { self.n = 0; } }
                      fn f : n, p, items, words {
                          let t = 0;
                          for i in 0..n {
                              if i > 5000 { p.n = i; t += p.n + items[i % 4] + core.len(words); items[i % 4] = t % 7; for item in items { t += item; } }
                              if i > 6000 { t += words[\"a\"]; }
                              t += 1;
                          }
                          return t;
                      }
                      println(f(9000, P(), [1, 2, 3, 4], {\"a\": 1}));";
        statistics(source, flags)
    };
    let with_facts = run(&["--jit-wait"]);
    assert_eq!((&with_facts["functions_compiled"], &with_facts["exits"]), (&1.into(), &0.into()), "{with_facts}");
}

#[test]
fn a_list_that_keeps_its_elements_otherwise_than_facts_suggest_costs_no_version_after_another() {
    // When the loop begins the list has no elements, so it keeps none as floats yet; nor does the other, whose float
    // comes late.
    for items in ["[]", "[1, 2, 3]"] {
        let source = format!(
            "fn f : n, items {{
                 let t = 0.0;
                 for i in 0..n {{ if i == 1500 {{ items.push(0.5); }} if i > 2000 {{ t += items[0]; }} t += 1.0; }}
                 return t;
             }}
             println(f(5000, {items}));"
        );
        let statistics = statistics(&source, &["--jit-wait"]);
        assert!(loops_of(&statistics)[0]["compiled"].as_u64() <= Some(3), "{statistics}");
    }
}

#[test]
fn a_version_takes_the_types_that_did_not_fit_beside_those_it_has() {
    // The argument is seldom a string, so whenever the function is compiled an int is at hand.
    let source = "fn tail : n, x { let s = [x]; if n == 0 { return s[0]; } return tail(n - 1, x); }
                  fn run : n { let k = 0; for i in 0..n { if i % 50 == 49 { if tail(1, \"s\") == \"s\" { k += 1; } } else { k += tail(2, i) - i; } } return k; }
                  println(run(20000));";
    let statistics = statistics(source, &["--jit-wait"]);
    let regions = statistics["regions"].as_array().expect("regions");
    let tail = regions.iter().find(|region| region["function"] == "tail").expect("a region for it");
    assert!(tail["compiled"].as_u64() <= Some(2) && tail["refused"].is_null(), "{tail}");
}

#[test]
fn what_stands_behind_a_long_inner_loop_is_recorded_or_taken_in_at_once() {
    let exits = |iterations: u32| {
        let source = format!(
            "fn f : n, out {{ for i in 0..n {{ let t = 0; for j in 0..{iterations} {{ t += i * j; }} out[i % 3] = t; }} return out[2]; }}
             println(f(300, [0, 0, 0]));"
        );
        let statistics = statistics(&source, &["--jit-wait"]);
        let outer = loops_of(&statistics)[0].clone();
        (outer["compiled"].as_u64(), outer["exits"].as_u64())
    };
    assert_eq!(exits(200), (Some(1), Some(0)));
    assert_eq!(exits(5000), (Some(1), Some(0)));
}

/// The loops of a program's statistics.
fn loops_of(statistics: &serde_json::Value) -> Vec<&serde_json::Value> {
    let regions = statistics["regions"].as_array().expect("regions");
    regions.iter().filter(|region| region["kind"] == "loop").collect()
}

#[test]
fn each_of_many_hot_loops_says_why_it_is_or_is_not_native() {
    let loops: String = (0..300).map(|k| format!("for i in 0..1100 {{ t = t + i % {}; }}\n", k + 2)).collect();
    let statistics = statistics(&format!("let t = 0;\n{loops}println(t);"), &[]);
    for region in loops_of(&statistics) {
        let is_native = region["phase"] == "native";
        assert!(is_native == region["why"].is_null() && region["phase"] != "cold", "{region}");
        assert_eq!(is_native, region["compiled"].as_u64() > Some(0), "{region}");
    }
}

#[test]
fn a_loop_in_the_native_code_of_another_says_so() {
    let source = "fn f : n { let s = 0; for i in 0..n { for j in 0..n { s += i * j; } } return s; } println(f(400));";
    let statistics = statistics(source, &["--jit-wait"]);
    let loops = loops_of(&statistics);
    let (outer, inner) = (loops[0], loops[1]);
    assert!(outer["phase"] == "native" && outer["inside"].is_null(), "{outer}");
    assert!(inner["phase"] == "native" && inner["inside"] == outer["id"] && inner["compiled"] == 0, "{inner}");
    let alone = SUM.replace("println(f(5000));", "println(f(5000)); println(f(1));");
    assert!(loops_of(&self::statistics(&alone, &["--jit-wait"]))[0]["inside"].is_null());
}

#[test]
fn what_goes_through_the_runtime_is_counted() {
    let steps = |body: &str| {
        let source = format!("fn f : n {{ let t = 0; for i in 0..n {{ {body} }} return t; }} println(f(5000));");
        loops_of(&statistics(&source, &["--jit-wait"]))[0]["steps"].as_u64()
    };
    assert_eq!(steps("t += i;"), Some(0));
    assert_eq!(steps("t += (1, 2, i)[1..3][0];"), Some(1));
}

#[test]
fn a_loop_is_called_by_its_head_everywhere() {
    let source = "fn f : n {\n    let s = 0;\n    let i = 0;\n    while i < n {\n        // a comment\n\n        i += 1;\n        s += i;\n    }\n    return s;\n}\nprintln(f(5000));";
    let (_, stderr) = execute(source, &["--jit", "--jit-wait", "--jit-log", "--jit-stats", "--dump", "ir"]);
    for expected in ["jit: hot t.walrus:4:5", "jit: compiled t.walrus:4:5", "region t.walrus:4:5:", " t.walrus:4:5 "] {
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
    let statistics = statistics(source, &[]);
    assert!(loops_of(&statistics)[0]["line"] == 4 && loops_of(&statistics)[0]["column"] == 5, "{statistics}");
}

#[test]
fn each_reason_that_only_running_shows_is_explained() {
    for why in walrus::bytecode::facts::Why::ALL {
        assert!(walrus::source::codes::find_code(why.code()).is_some(), "{}", why.code());
    }
}

#[test]
fn statistics_begin_as_users_know_them() {
    let (_, stderr) = execute(SUM, &["--jit", "--jit-wait", "--jit-stats"]);
    assert!(
        stderr.starts_with("Hot-spot Statistics:\n  Total tracked regions: 2\n  Hot loops: 1\n  Hot functions: 0\n  JIT compiled regions: 1\n  Hottest spot: f@t.walrus:1 ("),
        "{stderr}"
    );
    assert!(
        stderr.contains("\nType Profile: ") && stderr.contains("\nJIT Stats: 1 functions compiled in "),
        "{stderr}"
    );
}

#[test]
fn the_log_names_each_event() {
    let (_, stderr) = execute(SUM, &["--jit", "--jit-wait", "--jit-log=json"]);
    let events: Vec<String> = stderr
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            event["event"].as_str().unwrap_or_default().to_string()
        })
        .collect();
    assert_eq!(events, ["hot", "recording", "compiling", "compiled"]);
}

#[test]
fn verdicts_agree_with_what_happens() {
    let (_, stderr) = execute(SUM, &["--jit", "--audit-verdicts"]);
    let (regions, what) = stderr.trim_end().split_once(" regions: ").expect("it says what it compared");
    assert!(regions.parse::<usize>().is_ok_and(|regions| regions > 0), "{stderr}");
    assert!(what.contains(" compiled as promised") && !what.starts_with("0 "), "{stderr}");
}

/// What is about native code is no silent nothing where there is none.
#[test]
fn audits_and_dumps_need_native_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, wbc) = (folder.path().join("t.walrus"), folder.path().join("t.wbc"));
    std::fs::write(&source, "println(1);").expect("writable");
    let compiled = std::process::Command::new(env!("CARGO_BIN_EXE_walrusc")).arg(&source).arg("-o").arg(&wbc).status();
    assert!(compiled.is_ok_and(|status| status.success()));
    for flags in [&["--audit-verdicts"][..], &["--dump", "ir"], &["--perf-map"]] {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_walrus-run")).args(flags).arg(&wbc).output();
        let run = run.expect("it runs");
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{flags:?}");
        assert!(run.stdout.is_empty() && stderr.contains(flags[0]) && stderr.contains("--jit"), "{stderr}");
    }
}

/// Static verdicts hold for every fixture about loops.
#[test]
fn verdicts_agree_for_the_fixtures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/loops");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the fixtures are there") {
        let path = entry.expect("a folder can be read").path();
        if path.extension().is_none_or(|extension| extension != "walrus") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a fixture can be read");
        // Modules stand beside the fixture, and the program elsewhere.
        if source.contains("import \"./") {
            continue;
        }
        let (_, stderr) = execute(&source, &["--jit", "--audit-verdicts"]);
        let disagreements: Vec<&str> = stderr.lines().filter(|line| line.starts_with("verdict: ")).collect();
        assert!(disagreements.is_empty(), "{}: {disagreements:?}", path.display());
        seen += 1;
    }
    assert!(seen > 10, "only {seen} fixtures were found");
}

/// A function over a list, called with one long enough for all its iterations.
fn over_list(body: &str) -> String {
    format!(
        "fn f : xs, n {{ let t = 0; {body} return t; }} let xs = []; for i in 0..6000 {{ xs.push(i); }} println(f(xs, 5000));"
    )
}

#[test]
fn an_index_that_follows_the_counter_is_checked_before_the_loop() {
    for body in [
        "for i in 0..n { t = t + xs[i]; }",
        "for i in 1..n { t = t + xs[i - 1] * xs[i + 1]; }",
        "for i in 0..n { t = t + xs[n - i]; }",
        "let i = 0; while i <= n { t = t + xs[i]; i = i + 2; }",
        "let i = n; while i > 0 { t = t + xs[i]; i = i - 1; }",
        "for i in 0..n { if t != 5 { t = t + xs[i]; } t = t + 1; }",
        "let i = 0; while true { if i >= n { break; } t = t + xs[i]; i = i + 1; }",
        "for i in 0..50 { for j in 0..100 { t = t + xs[i * 100 + j]; } }",
    ] {
        let region = region(&over_list(body));
        assert!(!self::body(&region).contains("guard"), "{body}: {region}");
        assert!(region.contains("hoisted-check"), "{body}: {region}");
    }
}

#[test]
fn another_index_is_checked_in_each_iteration() {
    for body in [
        // The list changes.
        "for i in 0..n { t = t + xs[i]; xs.push(t); }",
        // The index depends on what the loop computes.
        "for i in 0..n { t = t + xs[t % 7]; }",
        // The counter does not step evenly.
        "let i = 0; while i < n { t = t + xs[i]; if t % 2 == 0 { i = i + 1; } else { i = i + 2; } }",
        // The bound changes.
        "let i = 0; while i < n { t = t + xs[i]; n = n - t % 2; i = i + 1; }",
        // Nothing bounds the counter.
        "let i = 0; while t < 3000000 { t = t + xs[i]; i = i + 1; }",
    ] {
        let region = region(&over_list(body));
        assert!(self::body(&region).contains("icmp below"), "{body}: {region}");
    }
}

#[test]
fn a_check_before_the_loop_that_keeps_failing_is_taken_back() {
    // The loop is left before the index gets too large.
    let source = "fn f : xs, n { let i = 0; while i < n { if xs[i] == 150 { break; } i = i + 1; } return i; }
        let xs = []; for i in 0..200 { xs.push(i); } let t = 0; for i in 0..3000 { t = t + f(xs, 100000); } println(t);";
    let (output, log) = execute(source, &["--jit", "--jit-wait", "--jit-log"]);
    assert_eq!(output, "450000\n");
    let failed = log.lines().filter(|line| line.contains("reason=hoisted-check") && line.contains("exit")).count();
    assert!((1..20).contains(&failed), "{log}");
    assert!(!log.contains("refused"), "{log}");
}

/// Sums the rows of a table, with something done in the inner loop.
fn over_rows(inner: &str) -> String {
    format!(
        "fn f : rows, other, n {{ let t = 0; for i in 0..n {{ for j in 0..3 {{ t = t + rows[i][j]; {inner} }} }} return t; }}
         let rows = []; for i in 0..1500 {{ rows.push([1, 2, 3]); }} println(f(rows, [1, 2], 1500));"
    )
}

#[test]
fn a_row_is_loaded_before_the_loop_over_its_elements() {
    let region = region(&over_rows(""));
    let inner = &region[region.rfind("): loop").expect("a region has a loop")..];
    let inner = &inner[..inner.find("branch").expect("the loop has an end")];
    assert_eq!(inner.matches("load").count(), 1, "{region}");
    assert!(!inner.contains("guard"), "{region}");
}

#[test]
fn a_row_is_loaded_in_the_loop_where_lists_change() {
    let region = region(&over_rows("other.push(j);"));
    let inner = &region[region.rfind("): loop").expect("a region has a loop")..];
    assert!(inner.contains("load header"), "{region}");
}

#[test]
fn a_field_is_read_once_where_nothing_can_have_changed_it() {
    let source = |between: &str| {
        format!(
            "struct P {{ fn init : self, x {{ self.x = x; }} }}
             fn f : p, q, n {{ let t = 0; for i in 0..n {{ t = t + p.x; {between} t = t * p.x; }} return t; }}
             println(f(P(3), P(4), 5000));"
        )
    };
    // Tag and payload, in front of the loop.
    let plain = region(&source(""));
    assert!(!body(&plain).contains("load field"), "{plain}");
    // Whether the two are one is asked in front of the loop too.
    let assigned = region(&source("q.x = i;"));
    assert!(!body(&assigned).contains("load field"), "{assigned}");
    // Of the payload; the tag is a matter of proof.
    let unknown = region(&source("[p, q][i % 2].x = i;"));
    let payloads = body(&unknown).lines().filter(|line| line.contains("load field") && line.ends_with(" + 32]"));
    assert_eq!(payloads.count(), 2, "{unknown}");
}

/// A loop that adds to a field of an instance, with something else done in each iteration.
fn adding(other: &str) -> String {
    format!(
        "struct P {{ fn init : self, x {{ self.x = x; }} fn add : self, d {{ self.x = self.x + d; return self.x; }} }}
         struct Q {{ fn init : self, x {{ self.x = x; }} }}
         fn f : p, q, ps, qs, n {{ let t = 0; for i in 0..n {{ p.x = p.x + i; {other} }} return t; }}
         println(f(P(3), P(4), [P(1), P(2)], [Q(1), Q(2)], 5000));"
    )
}

#[test]
fn a_field_that_a_loop_adds_to_is_in_a_register() {
    // With what else may stand in the loop: how many accesses to fields that leaves, before the ways out.
    let others = [
        ("", 0),
        ("t += p.add(1);", 0),
        ("q.x += 1;", 0),
        ("if i % 3 == 0 { p.x = 0; }", 0),
        ("for j in 0..3 { p.x += j; }", 0),
        ("qs[i % 2].x = i;", 2),
    ];
    for (other, left) in others {
        let region = region(&adding(other));
        let body = body(&region);
        let loops = &body[..body.rfind("store field").expect("it is stored behind the loop")];
        let loops = &loops[..loops.rfind("):").expect("a block begins there")];
        assert_eq!(loops.matches("field [").count(), left, "{other}: {region}");
    }
}

#[test]
fn a_field_stays_in_memory_where_something_may_look_at_it() {
    for other in ["t += ps[i % 2].x;", "ps[i % 2].x = i;", "p = ps[i % 2];", "p.late = i;"] {
        let region = region(&adding(other));
        assert!(body(&region).contains("store field"), "{other}: {region}");
    }
}

/// A loop that reads and writes a field of instances of so many structs, which have it in the first slot or in the
/// second.
fn fields_of(count: usize) -> String {
    let structs = (0..count).map(|k| {
        let (first, second) = if k % 2 == 0 { ("x", "y") } else { ("y", "x") };
        format!("struct S{k} {{ fn init : self {{ self.{first} = {k}; self.{second} = 1; }} }} ")
    });
    let instances: Vec<String> = (0..count).map(|k| format!("S{k}()")).collect();
    format!(
        "{} fn f : n {{ let xs = [{}]; let t = 0; for i in 0..n {{ let o = xs[i % {count}]; o.x = o.x + i; t = t + o.x; }} return t; }} println(f(9000));",
        structs.collect::<String>(),
        instances.join(", ")
    )
}

#[test]
fn fields_of_a_few_structs_are_found_by_a_chain_of_checks() {
    for count in 2..9 {
        let region = region(&fields_of(count));
        assert!(!body(&region).contains("call"), "{region}");
        assert!(region.matches("store field").count() >= 4, "{region}");
    }
}

#[test]
fn fields_of_many_structs_are_left_to_the_run_time() {
    let region = region(&fields_of(9));
    assert!(body(&region).contains("call step"), "{region}");
}

#[test]
fn an_index_with_a_step_that_stays_is_checked_in_front() {
    let of = |change: &str| {
        region(&format!(
            "fn f : xs, n, p {{ let m = 0; while m < n {{ xs[m] = m; m = m + p; {change} }} return m; }}
             let xs = []; for i in 0..5000 {{ xs.push(0); }} println(f(xs, 5000, 1));"
        ))
    };
    let (stays, changes) = (of(""), of("p = 3 - p;"));
    assert!(!body(&stays).contains("guard"), "{stays}");
    assert!(body(&changes).contains("guard"), "{changes}");
}

#[test]
fn a_captured_variable_that_a_loop_assigns_is_in_a_register() {
    let of = |call: &str| {
        region(&format!(
            "fn f : n {{ let t = 0; let get = : {{ return t; }}; for i in 0..n {{ t = t + i; {call} }} return get(); }} println(f(5000));"
        ))
    };
    let (alone, called) = (of(""), of("get();"));
    assert!(!body(&alone).contains("load field"), "{alone}");
    assert!(body(&called).contains("store field"), "{called}");
}

#[test]
fn a_global_is_in_a_register_inside_a_loop_that_calls_nothing() {
    let region = region(
        "let t = 0; let xs = [1]; fn f : x { t = t + x; }
         fn g : n { for i in 0..n { xs.sort_by(f); for j in 0..50 { t = t + j; } } } g(2000); println(t);",
    );
    let inner = &region[region.rfind("): loop").expect("a region has a loop")..];
    let inner = &inner[..inner.find("branch").expect("the loop has an end")];
    assert!(!inner.contains("globals ["), "{region}");
    assert!(region.contains("store globals"), "{region}");
}

#[test]
fn a_throw_to_a_handler_of_its_function_is_a_jump() {
    let region = region(
        "fn f : n { let t = 0; for i in 0..n { try { throw i; } catch e { t = t + e; } } return t; } println(f(5000));",
    );
    let body = body(&region);
    assert!(!body.contains("guard") && body.matches("exit").count() == 1, "{region}");
}

#[test]
fn a_throw_that_a_caller_handles_is_a_jump_out_of_what_is_inlined() {
    let region = region(
        "fn g : x { if x % 2 == 0 { throw x; } return x; }
         fn f : n { let t = 0; for i in 0..n { try { t = t + g(i); } catch e { t = t + 1; } } return t; } println(f(5000));",
    );
    assert!(!region.contains("leaves at") && !body(&region).contains("guard"), "{region}");
}

#[test]
fn one_deep_recursion_is_enough_to_compile_a_function() {
    let source = |depth: u32| {
        format!(
            "fn deep : n {{ if n == 0 {{ return 0; }} let k = deep(n - 1); return k + 1; }} println(deep({depth}));"
        )
    };
    let compiled = |depth| statistics(&source(depth), &["--jit-wait"])["regions"][0]["compiled"].as_i64();
    assert_eq!(compiled(9000), Some(1));
    // Called more often than makes it hot, but most such functions become native with a loop.
    assert_eq!(compiled(1000), Some(0));
}

/// How often the first loop of a program was compiled.
fn times_compiled(source: &str) -> i64 {
    first_loop(&statistics(source, &["--jit-wait"]))["compiled"].as_i64().expect("a loop was hot")
}

#[test]
fn errors_that_a_loop_catches_are_no_reason_to_compile_it_again() {
    let source = |fails: &str| {
        format!(
            "fn f : n, xs, z {{ let t = 0; for i in 0..n {{ try {{ t += {fails}; }} catch e {{ t += 1; }} }} return t; }} \
             println(f(5000, [1, 2, 3, 4], 0));"
        )
    };
    assert_eq!(times_compiled(&source("xs[i % 8]")), 1);
    assert_eq!(times_compiled(&source("100 / (i % 4)")), 1);
    assert_eq!(times_compiled(&source("100 << (2 - i % 4)")), 1);
    // What does not change would be divided by in front of the loop, if the error had not been seen.
    assert_eq!(times_compiled(&source("100 / z")), 1);
}

#[test]
fn indices_that_turn_out_to_count_from_the_end_are_a_reason() {
    let source = "fn f : n, xs { let t = 0; let at = 2; for i in 0..n { if i > 2500 { at = 0 - 1 - i % 3; } t += xs[at]; } return t; } \
                  println(f(5000, [1, 2, 3]));";
    assert_eq!(times_compiled(source), 2);
}

#[test]
fn a_loop_that_comes_round_by_errors_only_is_compiled_and_kept() {
    let source = "fn f : n { let i = 0; while true { try { i = i + 1; if i > n { return i; } let x = 10 / (i % 1); break; } catch e { i = i + 1; } } }
        println(f(90000));";
    let (out, log) = execute(source, &["--jit", "--jit-wait", "--jit-log", "--audit-verdicts"]);
    assert_eq!(out, "90001\n");
    assert!(log.contains("compiled") && !log.contains("refused") && !log.contains("verdict:"), "{log}");
}

#[test]
fn a_loop_in_a_handler_is_compiled() {
    let region = region(
        "fn f : n { let t = 0; try { t = [][0]; } catch e { for i in 0..n { t += i; } } return t; } println(f(5000));",
    );
    assert!(body(&region).contains("iadd") && !body(&region).contains("guard"), "{region}");
}

/// A loop of so many statements of three instructions each.
fn of_size(statements: usize) -> String {
    let statements: String = (0..statements).map(|k| format!("t = t * {} + i % {};", k + 3, k + 2)).collect();
    format!("fn f : n {{ let t = 0; for i in 0..n {{ {statements} }} return t; }} println(f(1200));")
}

#[test]
fn a_loop_is_compiled_up_to_the_size_that_verdicts_allow() {
    let flags = ["--jit", "--jit-wait", "--jit-log", "--audit-verdicts"];
    let (_, log) = execute(&of_size(1300), &flags);
    assert!(log.contains("compiled t.walrus:1") && !log.contains("verdict:"), "{log}");
}

#[test]
fn a_loop_past_the_size_that_verdicts_allow_is_refused_for_it() {
    let flags = ["--jit", "--jit-wait", "--jit-log", "--audit-verdicts"];
    let (_, log) = execute(&of_size(1400), &flags);
    assert!(log.contains("refused t.walrus:1:23 reason=W0102") && !log.contains("verdict:"), "{log}");
}

/// Verdicts are about types. What keeps leaving its native code for errors that are caught outside of it is refused,
/// and no verdict is wrong.
#[test]
fn a_refusal_for_errors_is_no_wrong_verdict() {
    let source = "fn f : d, n { let s = 0; for i in 0..n { s += 100 / (d - i); } return s; }
fn g : n { if n == 0 { return 0; } let s = 0; try { s = f(2, 9); } catch e { s = 1; } return s + g(n - 1); }
println(f(1000, 900), g(60000));";
    let flags = ["--jit", "--jit-wait", "--jit-log", "--audit-verdicts", "--jit-function-threshold", "1000000000"];
    let (_, log) = execute(source, &flags);
    assert!(log.contains("N0216") && !log.contains("verdict:"), "{log}");
}

/// A loop that is too large is refused before its function is analysed; so it costs hardly more than interpreting it.
#[test]
fn a_loop_that_is_too_large_is_not_analysed() {
    let mut source = String::from("let t = 0;\nfor i in 0..1200 {\n");
    for at in 0..20_000 {
        let _ = std::fmt::Write::write_fmt(&mut source, format_args!("if i == {at} {{ t += 1; }}\n"));
    }
    source.push_str("if i > 3 { continue; }\n}\nprintln(t);");
    let (out, log) = execute(&source, &["--jit", "--jit-wait", "--jit-log"]);
    assert_eq!(out, "1200\n");
    assert!(log.contains("W0102"), "{log}");
}

/// `--dump` into a folder: a file for each stage, version and region, named so that it can be found from the source.
#[test]
fn dumps_go_into_files_of_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let dumps = folder.path().join("made/for/it");
    let request = format!("ir,clif,asm:{}", dumps.display());
    let (stdout, stderr) = execute(SUM, &["--jit", "--jit-wait", "--dump", &request]);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("12497500\n", ""));
    let read = |stage: &str| {
        let path = dumps.join(format!("t.walrus-1-23-loop-f.1.{stage}"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    assert!(read("ir").contains("): loop") && read("clif").starts_with("function ") && read("asm").contains("ret"));

    std::fs::write(folder.path().join("file"), "").expect("writable");
    let request = format!("ir:{}", folder.path().join("file/folder").display());
    let (stdout, stderr) = execute(SUM, &["--jit", "--dump", &request]);
    assert!(stdout.is_empty() && stderr.contains("cannot make the folder"), "{stderr}");
    for request in ["ir:", "ir,llvm"] {
        let (stdout, stderr) = execute(SUM, &["--jit", "--dump", request]);
        assert!(stdout.is_empty() && stderr.contains("--dump"), "{stderr}");
    }
}
