//! What is written is read back bit by bit; every element type and memory order is understood.

// Helpers of tests may stop a test, too.
#![allow(clippy::unwrap_used, clippy::panic)]

use kronfit::data::Sample;
use kronfit::io::{self, Entry, ReadOptions};
use ndarray::{Array2, Array3, ShapeBuilder};
use proptest::prelude::*;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn samples() -> impl Strategy<Value = Array3<f64>> {
    (1_usize..6, 1_usize..6, 1_usize..6, any::<bool>()).prop_flat_map(|(n, p, q, fortran)| {
        let finite = any::<f64>().prop_filter("finite", |x| x.is_finite());
        proptest::collection::vec(finite, n * p * q).prop_map(move |values| {
            Array3::from_shape_vec((n, p, q).set_f(fortran), values).unwrap()
        })
    })
}

/// Names without trailing NUL, which the npy format cannot tell from padding.
fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zA-Zäß漢𝕏 '\",=]{0,9}").unwrap()
}

fn named() -> impl Strategy<Value = Sample> {
    samples().prop_flat_map(|x| {
        let (_, p, q) = x.dim();
        (proptest::collection::vec(name(), p), proptest::collection::vec(name(), q))
            .prop_map(move |(rows, cols)| Sample::named(x.clone(), rows, cols, "made").unwrap())
    })
}

fn same(a: &Sample, b: &Sample) -> bool {
    let bits = |s: &Sample| s.values().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    a.dim() == b.dim() && bits(a) == bits(b)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn npy(x in samples()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        io::write_npy(&path, &x).unwrap();
        let back = io::read(&path, &ReadOptions::default()).unwrap();
        prop_assert!(same(&back, &Sample::new(x).unwrap()));
    }

    #[test]
    fn npz_with_names(sample in named()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        io::write_sample(&path, &sample).unwrap();
        let back = io::read(&path, &ReadOptions::default()).unwrap();
        prop_assert!(same(&back, &sample));
        prop_assert_eq!(back.row_names(), sample.row_names());
        prop_assert_eq!(back.col_names(), sample.col_names());
    }

    #[test]
    fn long_csv_in_any_order(x in samples(), seed in any::<u64>()) {
        let mut lines: Vec<_> = x
            .indexed_iter()
            .map(|((i, j, k), value)| format!("{k},{value:e},s{j},{i}"))
            .collect();
        // Rows have text labels, so their first lines stay first; the rest is shuffled.
        let (fixed, p) = (x.dim().2 * x.dim().1, lines.len() as u64);
        let rest = &mut lines[fixed..];
        for i in (1..rest.len()).rev() {
            rest.swap(i, (seed.wrapping_mul(i as u64 + p) % (i as u64 + 1)) as usize);
        }
        let text = format!("col,value,row,sample\n{}\n", lines.join("\n"));
        let back = io::read_csv_bytes(text.as_bytes(), "x.csv").unwrap();
        prop_assert!(same(&back, &Sample::new(x).unwrap()));
    }

    #[test]
    fn a_damaged_file_never_panics(sample in named(), at in any::<u64>(), byte in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        io::write_sample(&path, &sample).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = (at % bytes.len() as u64) as usize;
        bytes[at] = byte;
        let _ = io::read_npz_bytes(&bytes, &ReadOptions::default(), "x.npz");
        bytes.truncate(at);
        prop_assert!(io::read_npz_bytes(&bytes, &ReadOptions::default(), "x.npz").is_err());
    }
}

fn npy_bytes(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let dictionary =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
    bytes.extend((dictionary.len() as u32).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn every_number_type_in_both_byte_orders() {
    let expected = [1.0, 0.0, 3.0, 100.0];
    macro_rules! check {
        ($($number:ty => $code:literal),*) => {$(
            let little: Vec<u8> = expected.iter().flat_map(|&v| (v as $number).to_le_bytes()).collect();
            let big: Vec<u8> = expected.iter().flat_map(|&v| (v as $number).to_be_bytes()).collect();
            for (order, data) in [("<", little), (">", big)] {
                let bytes = npy_bytes(&format!("{order}{}", $code), false, "(1, 2, 2)", &data);
                let sample = io::read_npy_bytes(&bytes, "x.npy").unwrap();
                assert_eq!(sample.values().iter().copied().collect::<Vec<_>>(), expected, $code);
            }
        )*};
    }
    check!(f32 => "f4", f64 => "f8", i8 => "i1", i16 => "i2", i32 => "i4", i64 => "i8",
           u8 => "u1", u16 => "u2", u32 => "u4", u64 => "u8");
    let negative = npy_bytes("<i2", false, "(1, 1, 1)", &(-7_i16).to_le_bytes());
    assert_eq!(io::read_npy_bytes(&negative, "x.npy").unwrap().values()[[0, 0, 0]], -7.0);
    let truth = npy_bytes("|b1", false, "(1, 1, 2)", &[0, 1]);
    assert_eq!(io::read_npy_bytes(&truth, "x.npy").unwrap().values()[[0, 0, 1]], 1.0);
}

#[test]
fn fortran_order() {
    let bytes = npy_bytes("|u1", true, "(2, 1, 3)", &[0, 10, 1, 11, 2, 12]);
    let sample = io::read_npy_bytes(&bytes, "x.npy").unwrap();
    assert_eq!(sample.values(), ndarray::arr3(&[[[0., 1., 2.]], [[10., 11., 12.]]]));
    assert!(sample.values().is_standard_layout());
}

fn zip_of(method: CompressionMethod, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn names_of_every_type_stored_and_deflated() {
    let x = npy_bytes("|i1", false, "(1, 2, 2)", &[1, 2, 3, 4]);
    let utf32 = |order: fn(u32) -> [u8; 4]| -> Vec<u8> {
        ['ä', 'b', 'c', '\0'].iter().flat_map(|&c| order(c as u32)).collect()
    };
    let years: Vec<u8> = [1999_i64, -3].iter().flat_map(|y| y.to_be_bytes()).collect();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        for (descr, data, expected) in [
            ("<U2", utf32(u32::to_le_bytes), ["äb", "c"]),
            (">U2", utf32(u32::to_be_bytes), ["äb", "c"]),
            ("|S3", b"ab\0xyz".to_vec(), ["ab", "xyz"]),
            (">i8", years.clone(), ["1999", "-3"]),
            ("<U0", Vec::new(), ["", ""]),
        ] {
            let bytes = zip_of(
                method,
                &[
                    ("note.txt", b"hello".to_vec()),
                    ("row_names.npy", npy_bytes(descr, false, "(2,)", &data)),
                    ("a.npy", npy_bytes("|i1", false, "(1,)", &[1])),
                    ("x.npy", x.clone()),
                ],
            );
            let sample = io::read_npz_bytes(&bytes, &ReadOptions::default(), "x.npz").unwrap();
            assert_eq!(sample.dim(), (1, 2, 2));
            assert_eq!(sample.row_names(), expected, "{descr}");
            assert!(sample.col_names().is_empty());
        }
    }
}

#[test]
fn the_key_chooses_the_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let (one, two) = (Array3::<f64>::ones((1, 2, 2)), Array3::<f64>::ones((2, 2, 2)) * 2.0);
    let eye = Array2::<f64>::eye(3);
    io::write_npz(
        &path,
        &[
            ("eye", Entry::Array(eye.view().into_dyn())),
            ("one", Entry::Array(one.view().into_dyn())),
            ("two", Entry::Array(two.view().into_dyn())),
        ],
    )
    .unwrap();
    assert_eq!(io::read(&path, &ReadOptions::default()).unwrap().dim(), (1, 2, 2));
    let options = ReadOptions { key: Some("two".to_owned()), ..ReadOptions::default() };
    assert_eq!(io::read(&path, &options).unwrap().values(), two);
    assert_eq!(io::read_matrix(&path).unwrap(), eye);
}

/// A packed size that cannot unpack to what the entry claims is refused before any allocation.
#[test]
fn zip_entries_that_claim_too_much_are_refused() {
    let x = npy_bytes("<f8", false, "(2, 2, 2)", &[0; 64]);
    let mut bytes = zip_of(CompressionMethod::Deflated, &[("x.npy", x)]);
    let central = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for at in [22, central + 24] {
        bytes[at..at + 4].copy_from_slice(&4_000_000_000_u32.to_le_bytes());
    }
    let error = io::read_npz_bytes(&bytes, &ReadOptions::default(), "x.npz").unwrap_err();
    assert!(error.to_string().contains("claims 4000000000 bytes, more than"), "{error}");
}

#[test]
fn integer_labels_sort_by_value_and_text_labels_by_appearance() {
    let text = "\u{feff}Sample, row ,col,value,note\n\
                10,1990,gdp,1,x\n10,1989,gdp,2,\n9,1990,gdp,3,\n9,1989,gdp,4,\n\
                10,1990,cpi,5,\"a,\nb\"\n10,1989,cpi,6,\n9,1990,cpi,7,\n9,1989,cpi,8,\n";
    let sample = io::read_csv_bytes(text.as_bytes(), "x.csv").unwrap();
    assert_eq!(sample.row_names(), ["1989", "1990"]);
    assert_eq!(sample.col_names(), ["gdp", "cpi"]);
    let expected = ndarray::arr3(&[[[4., 8.], [3., 7.]], [[2., 6.], [1., 5.]]]);
    assert_eq!(sample.values(), expected);
}

#[test]
fn matrices_with_and_without_a_header() {
    let expected = ndarray::arr2(&[[1.0, -2.5], [3e-3, 4.0]]);
    for text in ["1,-2.5\n3e-3,4\n", "a,b\n1, -2.5\r\n3e-3,4"] {
        assert_eq!(io::read_matrix_csv_bytes(text.as_bytes(), "m.csv").unwrap().values, expected);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.npy");
    io::write_npy(&path, &expected.t()).unwrap();
    assert_eq!(io::read_matrix(&path).unwrap(), expected.t());
}

#[test]
fn bundled_datasets_have_the_shape_that_they_state() {
    for dataset in io::datasets() {
        let sample = io::read_dataset(dataset.name).unwrap();
        assert_eq!(sample.dim(), dataset.shape, "{}", dataset.name);
        assert_eq!(sample.source(), dataset.name);
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(dataset.file);
        assert!(same(&io::read(&path, &ReadOptions::default()).unwrap(), &sample));
        assert!(same(&io::resolve(dataset.name).unwrap(), &sample));
    }
}

#[cfg(unix)]
#[test]
fn results_are_ordinary_files_and_links_stay_links() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (target, link, plain) =
        (folder.path().join("t.txt"), folder.path().join("l.txt"), folder.path().join("p.txt"));
    std::fs::write(&plain, "").unwrap();
    io::write_text(&target, "one").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&target), mode(&plain));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    io::write_text(&link, "two").unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "two");
    // A device is written to, not replaced by a file.
    io::write_text(std::path::Path::new("/dev/null"), "gone").unwrap();
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}
