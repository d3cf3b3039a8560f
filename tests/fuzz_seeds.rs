//! The readers on the seeds of the fuzz targets. Not in the package, like the seeds.

// Helpers of tests may stop a test, too.
#![allow(clippy::unwrap_used)]

use kronfit::io::{self, ReadOptions};
use ndarray::Array3;

/// The seeds of the fuzz targets are files that NumPy wrote: 0, 1, .., 11 as (2, 3, 2).
#[test]
fn files_that_numpy_wrote() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let count = Array3::from_shape_vec((2, 3, 2), (0..12).map(f64::from).collect()).unwrap();
    let (mut read, mut refused) = (0, 0);
    for entry in std::fs::read_dir(seeds.join("npy")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        match io::read(&path, &ReadOptions::default()) {
            Ok(sample) if name == "b1" => {
                assert_eq!(sample.values(), count.mapv(|x| f64::from(x != 0.0)));
            }
            Ok(sample) => assert_eq!(sample.values(), count, "{name}"),
            Err(_) => {
                assert!(["complex", "record"].contains(&name.as_str()), "{name}");
                refused += 1;
            }
        }
        read += 1;
    }
    assert_eq!((read, refused), (16, 2));
    let options = ReadOptions { key: Some("x".to_owned()), ..ReadOptions::default() };
    for (file, rows) in [
        ("stored", ["r1", "ä", "漢"].as_slice()),
        ("deflated", &["r1", "ä", "漢"]),
        ("years", &["1999", "2000", "2001"]),
        ("zeros", &[]),
    ] {
        let sample = io::read(&seeds.join(format!("npz/{file}.npz")), &options).unwrap();
        assert_eq!(sample.values(), count, "{file}");
        assert_eq!(sample.row_names(), rows, "{file}");
    }
}

fn csv_seed(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/csv").join(name);
    std::fs::read(path).unwrap()
}

/// One table as many programs write it.
#[test]
fn tables_that_are_the_same() {
    let count = Array3::from_shape_vec((2, 3, 2), (0..12).map(f64::from).collect()).unwrap();
    for name in ["long", "semicolon", "sep", "tab", "utf16le", "utf16be", "packed", "gaps", "dates"]
    {
        let bytes = csv_seed(&format!("{name}.csv"));
        let sample = io::read_csv_bytes(&bytes, name).unwrap();
        assert_eq!(sample.sample_names(), ["0", "1"], "{name}");
        assert_eq!(sample.col_names(), ["c0", "c1"], "{name}");
        match name {
            "gaps" => {
                assert_eq!(sample.n_missing(), 2);
                assert_eq!(sample.first_missing(), Some([1, 0, 1]));
            }
            "dates" => {
                // December, January 31st, February 1st (the fourth day of week 5).
                let order = ["2023-12-31 23:59:59.5Z", "2024-01-31", "2024-W05-4T12:30+02:00"];
                assert_eq!(sample.row_names(), order);
                assert_eq!(sample.values()[[0, 0, 0]], 4.0);
            }
            _ => assert_eq!(sample.values(), count, "{name}"),
        }
    }
    for name in ["named.csv", "short.csv"] {
        let matrix = io::read_matrix_csv_bytes(&csv_seed(name), name).unwrap();
        assert_eq!(matrix.values, ndarray::arr2(&[[1.0, 0.5], [0.5, 2.0]]));
        assert_eq!(
            (matrix.row_names, matrix.col_names.as_slice()),
            (vec!["a".to_owned(), "b".to_owned()], &["a".to_owned(), "b".to_owned()][..])
        );
    }
}

/// What the fuzz target looks for, on each seed with one byte changed, and cut there.
#[test]
fn damaged_tables_never_panic() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/csv");
    let wide = ReadOptions { wide: true, ..ReadOptions::default() };
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let mut inputs: Vec<Vec<u8>> = (0..bytes.len()).map(|at| bytes[..at].to_vec()).collect();
        for at in 0..bytes.len() {
            for byte in [b'"', b'-', 0xff] {
                inputs.push(bytes.clone());
                inputs.last_mut().unwrap()[at] = byte;
            }
        }
        for input in inputs {
            let _ = io::read_csv_bytes(&input, "x.csv");
            let _ = io::read_csv_bytes_with(&input, &wide, "x.csv");
            let _ = io::read_sheet_bytes(&input, "x.csv");
            if let Ok(matrix) = io::read_matrix_csv_bytes(&input, "x.csv") {
                assert!(matrix.values.iter().all(|x| x.is_finite()));
            }
        }
    }
}
