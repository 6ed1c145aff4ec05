//! Any bytes as what a client or a server sends: the same message whole and byte by byte, or refused for the same
//! reason.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    walrus_fuzz::http_pieces::check(message);
});
