//! Any bytes as a long csv, a wide one, a plain matrix and a table: numbers or an error, never a
//! panic.
#![no_main]

use kronfit::io::{ReadOptions, read_csv_bytes_with, read_matrix_csv_bytes, read_sheet_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for wide in [false, true] {
        let options = ReadOptions { wide, ..ReadOptions::default() };
        match read_csv_bytes_with(bytes, &options, "fuzz.csv") {
            Ok(sample) => {
                let (n, p, q) = sample.dim();
                let names = sample.names();
                assert_eq!((names.samples.len(), names.rows.len(), names.cols.len()), (n, p, q));
                let missing = sample.values().iter().filter(|x| x.is_nan()).count();
                assert_eq!(missing, sample.n_missing());
                assert!(sample.values().iter().all(|x| !x.is_infinite()));
            }
            Err(error) => assert!(error.to_string().contains("fuzz.csv")),
        }
    }
    match read_matrix_csv_bytes(bytes, "fuzz.csv") {
        Ok(matrix) => {
            let (p, q) = matrix.values.dim();
            assert!(matrix.row_names.is_empty() || matrix.row_names.len() == p);
            assert!(matrix.col_names.is_empty() || matrix.col_names.len() == q);
            assert!(matrix.values.iter().all(|x| x.is_finite()));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.csv")),
    }
    if let Err(error) = read_sheet_bytes(bytes, "fuzz.csv") {
        assert!(error.to_string().contains("fuzz.csv"));
    }
});
