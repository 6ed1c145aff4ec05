//! What the verifier accepts runs safely, and does the same in every mode.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walrus::bytecode::load;
use walrus_fuzz::{Mode, observe, seal};

const INTERPRETED: Mode = Mode { jit: false, gc_stress: false, exits: false, fuel: Some(20_000) };

fuzz_target!(|bytes: &[u8]| {
    let mut file = bytes.to_vec();
    seal(&mut file);
    let Ok(program) = load(&file) else { return };
    let expected = observe(program.clone(), INTERPRETED);
    // Where exactly memory ends depends on when garbage was collected last.
    if ["Out of fuel", "Out of memory"].iter().any(|end| expected.2.starts_with(end)) {
        return;
    }
    let native = Mode { jit: true, fuel: None, ..INTERPRETED };
    for mode in [native, Mode { exits: true, ..native }, Mode { gc_stress: true, ..INTERPRETED }] {
        assert_eq!(observe(program.clone(), mode), expected, "{mode:?}");
    }
});
