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
