//! What facts prove has no guard, and what they cannot tell has one.

use crate::{body, region};

/// The guards of a loop by the reasons of their exits, but for those of indices, and those that only test proofs, as
/// debug builds do.
fn guards(source: &str) -> Vec<String> {
    let region = region(source);
    let reason = |exit: &str| {
        let start = region.find(&format!("\n{exit}: ")).expect("each exit is told") + exit.len() + 3;
        region[start..].split(" at ").next().unwrap_or_default().to_owned()
    };
    let exits =
        body(&region).lines().filter(|line| line.contains("guard ")).filter_map(|line| line.split(' ').next_back());
    exits.map(reason).filter(|reason| !["fact", "bounds"].contains(&&**reason)).collect()
}

const POINT: &str = "struct P { fn init : self, x, y { self.x = x; self.y = y; } }\n";

/// A loop over a list of two, indexed so that nothing can be hoisted.
fn over(list: &str, value: &str) -> String {
    format!(
        "fn f : xs, n {{ let t = 0.0; for i in 0..n {{ let p = xs[i % 2]; t += {value}; }} return t; }}\nprintln(f({list}, 5000));"
    )
}

#[test]
fn fields_of_the_only_struct_there_is_need_no_guard() {
    let none: [&str; 0] = [];
    assert_eq!(guards(&format!("{POINT}{}", over("[P(0.5, 1.5), P(2.0, 3.0)]", "p.x * p.y"))), none);
    // Of two structs the one is looked for that was seen.
    let other =
        "struct Q { fn init : self { self.x = 0.5; } }\nfn g : b { if b { return Q(); } return P(1.0, 2.0); }\n";
    let either = over("[P(0.5, 1.5), g(false)]", "p.x");
    assert_eq!(guards(&format!("{POINT}{other}{either}")), ["field"]);
    // A field that may hold either is tested for what was seen.
    let wide = over("[P(0.5, 1.5), P(2.0, 2.5)]", "p.y");
    assert_eq!(guards(&format!("{POINT}let other = P(0.5, \"a\");\n{wide}\nprintln(other.y);")), ["field"]);
}

#[test]
fn a_field_that_may_be_missing_is_looked_for() {
    let late = "struct P { fn init : self, x { if x > 0.0 { self.x = x; } } }\n";
    assert_eq!(guards(&format!("{late}{}", over("[P(0.5), P(2.0)]", "p.x"))), ["field"]);
    let outside = "struct P { fn init : self, y { self.y = y; } }\nfn make : y { let p = P(y); p.x = y; return p; }\n";
    assert_eq!(guards(&format!("{outside}{}", over("[make(0.5), make(2.0)]", "p.x"))), ["field"]);
}

#[test]
fn items_of_one_kind_need_no_guard() {
    let none: [&str; 0] = [];
    assert_eq!(guards(&over("[(1, 0.5), (2, 1.5)]", "p[1]")), none);
    assert_eq!(guards(&over("[(1, 0.5), (2, \"a\"), (3, 1.5)]", "p[0]")), none);
    // Of two kinds, what was seen.
    assert_eq!(guards(&over("[(1, 0.5), (2, 1.5), (3, \"a\")]", "p[1]")), ["type"]);
}

#[test]
fn the_storage_of_lists_is_no_matter_of_facts() {
    let rows = over("[[0.5, 1.0], [1.5, 2.0]]", "p[0]");
    assert_eq!(guards(&rows), ["storage"]);
}
