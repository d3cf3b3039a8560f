//! Any bytes as an npy file: a sample or an error, never a panic.
#![no_main]

use kronfit::io::read_npy_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match read_npy_bytes(bytes, "fuzz.npy") {
        Ok(sample) => assert!(sample.values().iter().all(|x| x.is_finite())),
        Err(error) => assert!(error.to_string().contains("fuzz.npy")),
    }
});
