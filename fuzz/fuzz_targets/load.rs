//! Any bytes as a `.wbc` file: decoded and verified, or refused on one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walrus::bytecode::disassemble::disassemble;
use walrus::bytecode::load;
use walrus::facts::{check_facts, load_checking_facts};

fuzz_target!(|bytes: &[u8]| {
    let mut file = bytes.to_vec();
    walrus_fuzz::seal(&mut file);
    match load(&file) {
        Ok(program) => {
            disassemble(&program);
            let checked = load_checking_facts(&file).expect("what is accepted is accepted with its facts checked");
            let _ = check_facts(&checked);
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
