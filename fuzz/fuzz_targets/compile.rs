//! Any text as a program: compiled or refused with a diagnostic; what is compiled is accepted by the verifier, its
//! facts included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walrus::facts::{check_facts, load_checking_facts};
use walrus::compile::compile_text;

fuzz_target!(|text: &str| {
    let compilation = compile_text("main.walrus", text);
    match compilation.encode() {
        Some(bytes) => {
            let program = load_checking_facts(&bytes).expect("what the compiler writes is accepted");
            check_facts(&program).expect("its facts agree with its code");
        }
        None => assert!(compilation.diagnostics.iter().next().is_some(), "refused without a word"),
    }
});
