//! Any bytes as an npz file, with and without a key: a sample or an error, never a panic.
#![no_main]

use kronfit::io::{ReadOptions, read_npz_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for key in [None, Some("x".to_owned())] {
        match read_npz_bytes(bytes, &ReadOptions { key, ..ReadOptions::default() }, "fuzz.npz") {
            Ok(sample) => {
                let (_, p, q) = sample.dim();
                assert!(sample.values().iter().all(|x| !x.is_infinite()));
                assert!(sample.row_names().is_empty() || sample.row_names().len() == p);
                assert!(sample.col_names().is_empty() || sample.col_names().len() == q);
            }
            Err(error) => assert!(error.to_string().contains("fuzz.npz")),
        }
    }
});
