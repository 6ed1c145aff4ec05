//! What the fuzz targets share: sealing files, running them in a world with nothing in it but an output, and a property
//! that the tests know too.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};

use walrus::bytecode::VerifiedProgram;
use walrus::bytecode::wbc::Header;
use walrus::run::{JitSettings, RunOptions, Stress, run};

#[path = "../../tests/support/host.rs"]
mod host;
#[path = "../../tests/support/http_pieces.rs"]
pub mod http_pieces;

/// Makes the hash of a file right, as anyone who crafts one would. Bytes that are no file stay as they are.
pub fn seal(file: &mut [u8]) {
    let Ok(header) = Header::read(file) else { return };
    let Some(body) = file.len().checked_sub(header.body_len as usize).filter(|body| *body >= 32) else { return };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..body - 32]).update(&file[body..]);
    let hash = hasher.finalize();
    file[body - 32..body].copy_from_slice(hash.as_bytes());
}

/// How a program is run.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    pub jit: bool,
    pub gc_stress: bool,
    pub exits: bool,
    pub fuel: Option<u64>,
}

/// Status, output and message of a run with little memory.
pub fn observe(program: VerifiedProgram, mode: Mode) -> (i32, Vec<u8>, String) {
    let jit = JitSettings {
        compile: mode.jit,
        loop_threshold: 1,
        function_threshold: 1,
        stress: mode.exits.then_some(Stress::Exits).into_iter().collect(),
        wait: true,
        ..JitSettings::default()
    };
    let options =
        RunOptions { max_heap: 4 << 20, fuel: mode.fuel, gc_stress: mode.gc_stress, jit, ..RunOptions::default() };
    let out = Arc::new(Mutex::new(Vec::new()));
    let outcome = run(program, &options, Box::new(host::MemoryHost { out: Arc::clone(&out) }));
    let text = std::mem::take(&mut *out.lock().expect("no writer panics"));
    (outcome.status, text, outcome.message)
}
