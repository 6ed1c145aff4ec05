//! When what is hot becomes native, how often it is made anew, and how much stays interpreted.

use super::{SUM, first_loop, statistics};

#[test]
fn an_exit_that_is_taken_often_leads_to_another_version() {
    let source = "fn f : xs, n { let t = 0; for i in 0..n { let x = xs[i % 2]; if i > 3000 { x = xs[2]; } t = t + x; } return t; }
        println(f([1, 2, 0.5, \"\"], 6000));";
    let statistics = statistics(source, &["--jit-wait"]);
    let region = first_loop(&statistics);
    assert!(region["compiled"].as_u64() > Some(1), "{statistics}");
    assert!(region["exits"].as_u64() < Some(100), "{statistics}");
}

/// Nothing is measured for that, so it is the same in each run.
#[test]
fn what_has_too_little_to_do_waits_unless_the_user_says_what_is_hot() {
    let phase = |source: &str, flags: &[&str]| {
        let statistics = statistics(source, flags);
        let region = first_loop(&statistics);
        (region["phase"].to_string(), region["why"].to_string())
    };
    let waits = (r#""waiting""#.to_string(), r#""N0219""#.to_string());
    let native = (r#""native""#.to_string(), "null".to_string());
    let many = SUM.replace("5000", "5000000");
    assert_eq!(phase(SUM, &[]), waits);
    assert_eq!(phase(&many, &[]), native);
    assert_eq!(phase(SUM, &["--jit-wait"]), native);
    assert_eq!(phase(SUM, &["--jit-threshold", "500"]), native);
    // What calls it says how often; a loop that does not know how many iterations it has to have run for long.
    let called = format!("{} for k in 0..1000 {{ f(5000); }}", SUM.replace("println(f(5000));", ""));
    assert_eq!(phase(&called, &[]), native);
    let open = |n: u32| format!("fn f : n {{ let i = 0; while i < n {{ i = i + 1; }} return i; }} println(f({n}));");
    assert_eq!(phase(&open(5000), &[]), waits);
    assert_eq!(phase(&open(5_000_000), &[]), native);
}

/// The way from each exit is recorded the first time that it is taken, so one version learns what all of them showed.
#[test]
fn exits_far_apart_do_not_lead_to_a_version_each() {
    let source = "fn f : xs, n { let t = 0;
        for i in 0..n {
            let k = i % 128;
            if k == 0 { t += xs[0]; } else if k == 32 { t += xs[1] * 2; } else if k == 64 { t -= xs[2]; } else if k == 96 { t += xs[3]; }
            if i == n / 2 { for j in 0..4 { xs[j] = 0.5; } }
            if t > 100 { t = 1; }
        }
        return t;
    }
    println(f([1, 2, 3, 4], 80000));";
    let statistics = statistics(source, &["--jit-wait"]);
    let compiled = first_loop(&statistics)["compiled"].as_u64();
    assert!(compiled >= Some(2) && compiled <= Some(5), "{statistics}");
}

/// While native code of a loop runs, or a recording that has come to it, frames of a recursion that do the same ask for
/// themselves: they are recorded, and entered.
#[test]
fn a_recursion_through_closures_and_a_loop_is_not_interpreted_for_long() {
    let lisp = std::fs::read_to_string("benches/programs/lisp.walrus").expect("a program");
    let statistics = statistics(&lisp, &["--jit-wait"]);
    let regions = statistics["regions"].as_array().expect("regions");
    let interpreted: u64 = regions.iter().filter_map(|region| region["count"].as_u64()).sum();
    assert!(interpreted < 100_000, "{interpreted} calls and iterations of 3,000,000: {statistics}");
}
