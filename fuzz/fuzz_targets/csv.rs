//! Any bytes as a long csv and as a plain matrix: numbers or an error, never a panic.
#![no_main]

use kronfit::io::{read_csv_bytes, read_matrix_csv_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match read_csv_bytes(bytes, "fuzz.csv") {
        Ok(sample) => {
            let (_, p, q) = sample.dim();
            assert_eq!((sample.row_names().len(), sample.col_names().len()), (p, q));
            assert!(sample.values().iter().all(|x| !x.is_infinite()));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.csv")),
    }
    match read_matrix_csv_bytes(bytes, "fuzz.csv") {
        Ok(matrix) => assert!(matrix.values.iter().all(|x| x.is_finite())),
        Err(error) => assert!(error.to_string().contains("fuzz.csv")),
    }
});
