//! `walrus test`: which tests there are, how each runs, what a failure says, and the reports.

use crate::Runs;
use crate::folder::Folder;
use crate::support::{Outcome, run};

#[track_caller]
fn test(folder: &Folder, status: i32, args: &[&str]) -> Outcome {
    folder.expect(status, &[&["test"], args].concat())
}

const PASSING: &str =
    "fn test_one : { core.assert(1 + 1 == 2); }\nasync fn test_two : { core.assert(true, \"yes\"); }\n";

#[test]
fn tests_are_found_run_and_counted() {
    let folder = Folder::new(&[
        ("a_test.walrus", PASSING),
        ("deep/b_test.walrus", "fn test_deep : { }\nfn helper : { throw \"not a test\"; }\nlet test_value = 1;\n"),
        ("not_a_file_of_tests.walrus", "fn test_never : { throw \"no\"; }\n"),
        ("tests/plain.walrus", "fn test_in_folder : { }\n"),
    ]);
    let outcome = test(&folder, 0, &[]);
    assert_eq!(
        outcome.out(),
        "a_test.walrus\n  ok     test_one\n  ok     test_two\ndeep/b_test.walrus\n  ok     test_deep\n\n3 passed, 0 failed\n"
    );
    // A package's folder of tests is looked through as a whole.
    std::fs::write(folder.path("Walrus.toml"), "[package]\nname = \"p\"\nversion = \"1.0.0\"\n").expect("writable");
    assert!(
        test(&folder, 0, &[]).out().ends_with("tests/plain.walrus\n  ok     test_in_folder\n\n4 passed, 0 failed\n")
    );
    assert!(test(&folder, 0, &["--filter", "b_test.walrus: test_d"]).out().ends_with("\n1 passed, 0 failed\n"));
    assert!(test(&folder, 0, &["--filter", "nothing"]).out().ends_with("\n0 passed, 0 failed\n"));
    assert!(test(&folder, 0, &["deep", "--jobs", "1"]).out().ends_with("\n1 passed, 0 failed\n"));
    assert!(test(&folder, 1, &["not_a_file_of_tests.walrus"]).out().contains("Thrown value: no\n"));
    assert!(test(&folder, 2, &["missing_test.walrus"]).err().starts_with("error: cannot read 'missing_test.walrus': "));
    assert!(test(&folder, 2, &["--jobs", "0"]).err().contains("--jobs"));
}

#[test]
fn each_test_has_a_machine_of_its_own() {
    let text = "import \"./counter.walrus\";\nimport \"std/sys\";\n\
                fn test_a : { counter.bump(); core.assert(counter.count() == 1); }\n\
                fn test_b : { counter.bump(); core.assert(counter.count() == 1); }\n\
                fn test_ends : { sys.exit(3); }\n";
    let counter = "let n = 0;\nfn bump : { n += 1; }\nfn count : { return n; }\n";
    let folder = Folder::new(&[("a_test.walrus", text), ("counter.walrus", counter)]);
    let outcome = test(&folder, 1, &["--all-modes"]);
    assert!(outcome.out().contains("  ok     test_a\n  ok     test_b\n  FAILED test_ends\n"), "{}", outcome.out());
    assert!(outcome.out().contains("a_test.walrus: test_ends (interpreted)\n    it ended with exit status: 3\n"));
}

#[test]
fn a_test_that_does_not_come_to_its_end_has_failed() {
    let text = "import \"std/sys\";\nfn test_exits : { println(1); sys.exit(0); core.assert(false); }\n\
                fn test_for_ever : { println(2); while true { } }\nfn test_passes : { }\n";
    let folder = Folder::new(&[("a_test.walrus", text)]);
    let outcome = test(&folder, 1, &["--timeout", "2"]);
    let out = outcome.out();
    assert!(out.contains("  FAILED test_exits\n  FAILED test_for_ever\n  ok     test_passes\n"), "{out}");
    assert!(
        out.contains(
            "test_exits\n    it ended the program with status 0, before it came to its end\n  it printed:\n    1\n"
        ),
        "{out}"
    );
    assert!(out.contains("test_for_ever\n    it was ended after 2 s (see --timeout)\n  it printed:\n    2\n"), "{out}");
    assert!(out.ends_with("\n1 passed, 2 failed\n"), "{out}");
}

#[test]
fn a_failed_assert_shows_its_condition_and_each_operand_evaluated_once() {
    let text = "\
let calls = [];
fn f : x { calls.push(x); return x; }
fn test_equal : { core.assert(f(\"a\") + \"b\" == f(\"c\")); }
fn test_message : { println(\"printed\"); core.assert(f(3) < f(2), f\"after {calls}\"); }
fn test_not : { core.assert(not (f(1) in [f(1), 2])); }
fn test_value : { core.assert([1, 2].contains(f(3))); }
fn test_parts : { core.assert(f(1) == 1 and f(2) == 3 and f(4) == 4, core.str(calls)); }
fn test_range : { let n = 9; core.assert(n in 0..5); }
fn test_constant : { core.assert(false); }
fn test_caught : {
    try { core.assert(f(1) == 2); } catch e { core.assert(e == \"other\"); }
}
fn test_holds : {
    core.assert(f(1) == 1 and not false and f(2) != 1, core.str(f(3)));
    core.assert(calls == [1, 2, 3]);
    core.assert(1 < 2 or f(9));
    core.assert(core.assert(calls.len() == 3) == void);
    let assert = core.assert;
    assert(calls.len() == 3);
}
";
    let folder = Folder::new(&[("a_test.walrus", text)]);
    let outcome = test(&folder, 1, &["--all-modes"]);
    let out = outcome.out();
    for said in [
        "test_equal (interpreted)\n    Assertion failed: f(\"a\") + \"b\" == f(\"c\")\n       left: \"ab\"\n      right: \"c\"\n     --> a_test.walrus:3:19\n",
        "Assertion failed: after [3, 2]\n      f(3) < f(2)\n       left: 3\n      right: 2\n",
        "  it printed:\n    printed\n",
        "Assertion failed: not (f(1) in [f(1), 2])\n       left: 1\n      right: [1, 2]\n",
        "Assertion failed: [1, 2].contains(f(3))\n      value: false\n",
        "Assertion failed: [1, 2]\n      f(1) == 1 and f(2) == 3 and f(4) == 4\n      this part does not hold: f(2) == 3\n       left: 2\n      right: 3\n",
        "Assertion failed: n in 0..5\n       left: 9\n      right: 0..5\n",
        "Assertion failed: false\n      value: false\n",
        "right: \"other\"\n",
        "  ok     test_holds\n",
        "\n1 passed, 8 failed\n",
    ] {
        assert!(out.contains(said), "{said:?} is missing in\n{out}");
    }
    assert!(!out.contains("<test>"), "{out}");
    // Elsewhere the message is what the language says.
    let outcome = folder.expect(1, &["-e", "core.assert(1 == 2, \"m\");"]);
    assert!(outcome.err().starts_with("Assertion failed: m\n --> "), "{}", outcome.err());
}

#[test]
fn files_that_do_not_compile_fail_and_the_others_run() {
    let folder = Folder::new(&[
        ("a_test.walrus", PASSING),
        ("b_test.walrus", "fn test_x : { nope(); }\n"),
        ("c_test.walrus", "fn test_x : {\n"),
        ("d_test.walrus", "fn test_needs : x { }\n"),
    ]);
    let outcome = test(&folder, 1, &[]);
    assert!(
        outcome.err().contains("b_test.walrus:1") && outcome.err().contains("c_test.walrus:1"),
        "{}",
        outcome.err()
    );
    assert!(outcome.out().contains("c_test.walrus does not compile"), "{}", outcome.out());
    assert!(outcome.out().contains("Function 'test_needs' expected 1 arg(s) but got 0 arg(s)"), "{}", outcome.out());
    assert!(outcome.out().ends_with("\n2 passed, 3 failed\n"), "{}", outcome.out());
}

#[test]
fn results_are_written_as_junit() {
    let failing = "fn test_no : { println(\"<out>\\0\"); core.assert(\"<\" == \"&\"); }\n";
    let folder =
        Folder::new(&[("a_test.walrus", PASSING), ("b_test.walrus", failing), ("c_test.walrus", "fn test_x : {")]);
    test(&folder, 1, &["--junit", "out/results.xml"]);
    let report = String::from_utf8(folder.read("out/results.xml")).expect("UTF-8");
    for said in [
        "<testsuite name=\"a_test.walrus\" tests=\"2\" failures=\"0\" errors=\"0\"",
        "<testcase classname=\"a_test.walrus\" name=\"test_two\" time=\"",
        "<failure message=\"Assertion failed: &quot;&lt;&quot; == &quot;&amp;&quot;\">",
        "<system-out>&lt;out&gt;\u{fffd}\n</system-out>",
        "<error message=\"does not compile\"/>",
    ] {
        assert!(report.contains(said), "{said} is missing in\n{report}");
    }
}

#[test]
fn a_new_package_passes_its_tests() {
    let folder = Folder::new(&[]);
    folder.expect(0, &["new", "p"]);
    let inside = |args: &[&str]| run(folder.command(args).current_dir(folder.path("p")), b"").expect("walrus ends");
    let outcome = inside(&["test"]);
    assert_eq!(
        (outcome.status, outcome.out().ends_with("\n1 passed, 0 failed\n")),
        (Some(0), true),
        "{}",
        outcome.describe()
    );
    assert_eq!(inside(&["fmt", "--check"]).status, Some(0));
}
