//! Walrus inside another program: the example of the book, and what it promises about limits, permissions and missing
//! functions.
//!
//! One test, since the programs of a process share its reserve of memory.

#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../examples/embedding/main.rs"]
mod example;

use example::{Charges, compile_script, host, run_script};
use walrus::run::{HostValue, Outcome, SystemHost};

fn outcome_of(text: &str) -> (Outcome, Vec<(i64, String)>) {
    let charges = Charges::default();
    let compiled = compile_script(text).unwrap_or_else(|messages| panic!("{messages}"));
    let outcome = run_script(&compiled, host(&charges)).expect("it loads");
    let charges = charges.borrow().clone();
    (outcome, charges)
}

/// What a script charges for, which is how it tells what it found.
#[track_caller]
fn told(text: &str) -> Vec<String> {
    let (outcome, charges) =
        outcome_of(&format!("import \"host/shop\";\nfn tell : x {{ shop.charge(1, core.repr(x)); }}\n{text}"));
    assert_eq!(outcome.status, 0, "{}", outcome.message);
    charges.into_iter().map(|(_, words)| words).collect()
}

#[test]
fn programs_in_rust_offer_functions_and_set_limits() {
    // Values go both ways, errors of the host are errors of the script.
    assert_eq!(told("tell(shop.basket()); tell(shop.price(\"pot\") + 0.5);"), ["[(\"tea\", 2), (\"pot\", 4)]", "30.5"]);
    assert_eq!(
        told("try { shop.price(\"cup\"); } catch e { tell(e); } try { shop.price(tell); } catch e { tell(e); }"),
        ["\"There is no 'cup' in the shop\"", "\"Cannot pass type 'function' to the host\""]
    );
    assert_eq!(
        told(
            "let xs = []; xs.push(xs); try { shop.price(xs); } catch e { tell(e); } try { shop.price(); } catch e { tell(e); }"
        ),
        ["\"Nested too deeply\"", "\"Function 'price' expected 1 arg(s) but got 0 arg(s)\""]
    );
    // The module is one as any: a value, the same by every name, and known to the compiler.
    assert_eq!(told("import \"host/shop\" as other; tell(other == shop); tell(core.len(shop));"), ["true", "3"]);
    let message = compile_script("import \"host/shop\"; shop.prise(1);").map(drop);
    assert!(message.is_ok() || message.is_err_and(|message| message.contains("prise")));
    for wrong in ["import \"host/shoe\";", "import \"std/host\";"] {
        let message = compile_script(wrong).expect_err("nobody declared it");
        assert!(message.contains("not found"), "{message}");
    }
    assert!(
        compile_script("import \"host/shoe\";").expect_err("nobody declared it").contains("did you mean 'host/shop'?")
    );

    // Hot calls, beside the collector.
    assert_eq!(told("let sum = 0; for i in 0..3000 { sum += shop.price(\"tea\"); } tell(sum);"), ["15000"]);

    // Limits and permissions.
    let (outcome, charges) = outcome_of("import \"host/shop\"; shop.charge(7, \"before\"); while true { }");
    assert_eq!((outcome.status, charges.len()), (1, 1));
    assert!(outcome.message.starts_with("Out of fuel"), "{}", outcome.message);
    let (outcome, _) = outcome_of("let xs = []; for i in 0..50 { xs.push(\"x\" * 1000000 + core.str(i)); }");
    assert_eq!(outcome.status, 1, "{}", outcome.message);
    let forbidden = told(
        "import \"std/io\"; import \"std/process\";\n\
         for f in [: { io.read_file(\"x\"); }, : { process.run(\"true\", []); }] { try { f(); } catch e { tell(e); } }",
    );
    assert_eq!(forbidden, ["\"Not allowed: std/io.read_file\"", "\"Not allowed: std/process.run\""]);

    // What a program needs and nobody offers is named before anything runs.
    let compiled = compile_script("import \"host/shop\"; println(\"never\");").expect("it compiles");
    let other = SystemHost::new(Vec::new()).offering("shop", "basket", 0, |_| Ok(HostValue::Void)).offering(
        "shop",
        "price",
        2,
        |_| Ok(HostValue::Void),
    );
    let outcome = run_script(&compiled, other).expect("it loads");
    assert_eq!(outcome.status, 2);
    assert!(outcome.message.contains("host/shop.price (1 arg(s)), host/shop.charge (2 arg(s))"), "{}", outcome.message);
    assert!(!outcome.message.contains("basket"), "{}", outcome.message);
}
