//! Every bad input gives one exact sentence with file, place, reason and remedy.

// Helpers of tests may stop a test, too.
#![allow(clippy::unwrap_used, clippy::panic)]

use kronfit::io::{self, Entry, ReadOptions};
use kronfit::{Error, Result};
use ndarray::{Array2, Array3, ArrayD, IxDyn};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder for one test; messages are compared without its name.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn sentence<T>(&self, result: Result<T>) -> String {
        let folder = format!("{}/", self.0.path().display());
        match result {
            Ok(_) => panic!("bad input was accepted"),
            Err(error) => error.to_string().replace(&folder, ""),
        }
    }

    /// The sentence for reading a file with these bytes.
    fn reading(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.file(name, bytes);
        self.sentence(read(&path))
    }

    /// The sentence for asking a sample with missing cells to be complete.
    fn completing(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let sample = read(&self.file(name, bytes)).unwrap();
        self.sentence(sample.require_complete())
    }

    fn npz(&self, name: &str, entries: &[(&str, Entry<'_>)]) -> PathBuf {
        let path = self.path(name);
        io::write_npz(&path, entries).unwrap();
        path
    }
}

fn read(path: &Path) -> Result<kronfit::data::Sample> {
    io::read(path, &ReadOptions::default())
}

fn read_key(path: &Path, key: &str) -> Result<kronfit::data::Sample> {
    io::read(path, &ReadOptions { key: Some(key.to_owned()), ..ReadOptions::default() })
}

/// An npy file from the words of its header.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_with(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

fn npy_with(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.extend(data);
    bytes
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn numbers(shape: &[usize]) -> ArrayD<f64> {
    let count = shape.iter().product();
    ArrayD::from_shape_vec(IxDyn(shape), (0..count).map(|i| i as f64).collect()).unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&w| w.to_owned()).collect()
}

#[test]
fn missing_file() {
    let folder = Folder::new();
    assert_eq!(
        folder.sentence(read(&folder.path("x.npy"))),
        "x.npy: there is no such file; check the path \
         (bundled datasets: us-macro, digits, grunfeld, simulated-t)"
    );
    assert_eq!(
        folder.sentence(read(&folder.path("us-macro.npz"))),
        "us-macro.npz: there is no such file; the bundled dataset is called us-macro"
    );
    assert_eq!(
        folder.sentence(io::resolve("us-makro")),
        "us-makro: there is no such file; check the path \
         (bundled datasets: us-macro, digits, grunfeld, simulated-t)"
    );
    assert_eq!(
        folder.sentence(io::read_dataset("iris")),
        "the name of the dataset is 'iris', but must be one of us-macro, digits, grunfeld, \
         simulated-t"
    );
}

#[test]
fn folder_empty_file_and_extension() {
    let folder = Folder::new();
    let inside = folder.path("inner.npy");
    fs::create_dir(&inside).unwrap();
    assert_eq!(
        folder.sentence(read(&inside)),
        "inner.npy: is a folder; give a .npy, .npz or .csv file in it"
    );
    for name in ["x.npy", "x.npz", "x.csv"] {
        assert_eq!(
            folder.reading(name, ""),
            format!("{name}: is empty (0 bytes); copy or save it again")
        );
    }
    assert_eq!(
        folder.reading("x.dat", "1"),
        "x.dat: the extension 'dat' is not known; use .npy, .npz or .csv"
    );
    assert_eq!(folder.reading("x", "1"), "x: has no extension; use .npy, .npz or .csv");
    #[cfg(unix)]
    assert_eq!(
        folder.sentence(read(Path::new("/dev/null"))),
        "/dev/null: is not a regular file; save the data in a file first"
    );
}

#[test]
fn not_an_npy() {
    let folder = Folder::new();
    assert_eq!(
        folder.reading("x.npy", "sample,row,col,value\n"),
        "x.npy: not an npy array (it does not start with the bytes \\x93NUMPY); \
         write it with numpy.save"
    );
    assert_eq!(
        folder.reading("x.npy", b"\x93NUMPY\x09\x00\x10\x00"),
        "x.npy: npy format version 9 is not known (1, 2 and 3 are); write it with numpy.save"
    );
    assert_eq!(
        folder.reading("x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff"),
        "x.npy: the npy header claims to be 4294967295 bytes long (at most 65536 make sense); \
         write it with numpy.save"
    );
    assert_eq!(
        folder.reading("x.npy", npy_with("{'descr': '<f8', 'shape': (1,)}", &[])),
        "x.npy: the npy header '{'descr': '<f8', 'shape': (1,)}' is not understood; \
         write it with numpy.save"
    );
}

#[test]
fn truncated_npy() {
    let folder = Folder::new();
    let whole = npy("<f8", "(2, 2, 2)", &doubles(&[1.0; 8]));
    assert_eq!(
        folder.reading("x.npy", &whole[..whole.len() - 4]),
        "x.npy: is cut short: the header promises shape (2, 2, 2) of float64, 64 bytes, \
         but 60 follow; copy or save it again"
    );
    for length in [7, 9, 20] {
        assert_eq!(
            folder.reading("x.npy", &whole[..length]),
            "x.npy: ends within the npy header; copy or save it again"
        );
    }
    assert_eq!(
        folder.reading("x.npy", [whole.as_slice(), b"abc"].concat()),
        "x.npy: holds 3 bytes more than the header promises (shape (2, 2, 2) of float64); \
         save one array only"
    );
}

#[test]
fn wrong_rank() {
    let folder = Folder::new();
    assert_eq!(
        folder.reading("x.npy", npy("<f8", "(2, 2)", &doubles(&[1.0; 4]))),
        "x.npy: has shape (2, 2), but a 3-d array (samples, rows, columns) is needed; \
         reshape it, for example with x.reshape(n, p, q)"
    );
    assert_eq!(
        folder.reading("x.npy", npy("<f8", "(4,)", &doubles(&[1.0; 4]))),
        "x.npy: has shape (4,), but a 3-d array (samples, rows, columns) is needed; \
         reshape it, for example with x.reshape(n, p, q)"
    );
    let cube = folder.file("cube.npy", npy("<f8", "(1, 2, 2)", &doubles(&[1.0; 4])));
    assert_eq!(
        folder.sentence(io::read_matrix(&cube)),
        "cube.npy: has shape (1, 2, 2), but a matrix (rows, columns) is needed; \
         reshape it, for example with x.reshape(p, q)"
    );
}

#[test]
fn nan_and_infinity() {
    let folder = Folder::new();
    let mut values = [1.0; 12];
    values[9] = f64::NAN;
    assert_eq!(
        folder.completing("x.npy", npy("<f8", "(2, 3, 2)", &doubles(&values))),
        "x.npy: the value of sample 1, row 1, col 1 is missing; fill it in, or leave the sample out"
    );
    values[4] = f64::NEG_INFINITY;
    assert_eq!(
        folder.reading("x.npy", npy("<f8", "(2, 3, 2)", &doubles(&values))),
        "x.npy holds -inf at index [0, 2, 0]; remove or replace it"
    );
    // The index is that of the array, not of the memory.
    let fortran = "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3, 2), }\n";
    assert_eq!(
        folder.reading("x.npy", npy_with(fortran, &doubles(&values))),
        "x.npy holds -inf at index [0, 2, 0]; remove or replace it"
    );
    let mut cube = Array3::<f64>::ones((2, 3, 2));
    cube[[1, 2, 0]] = f64::INFINITY;
    let path = folder.npz("x.npz", &[("y", Entry::Array(cube.view().into_dyn()))]);
    assert_eq!(
        folder.sentence(read(&path)),
        "array 'y' of x.npz holds inf at index [1, 2, 0]; remove or replace it"
    );
    assert!(matches!(read(&path), Err(Error::NonFinite { index, .. }) if index == [1, 2, 0]));
}

#[test]
fn empty_axis() {
    let folder = Folder::new();
    assert_eq!(
        folder.reading("x.npy", npy("<f8", "(0, 4, 8)", &[])),
        "x.npy: has shape (0, 4, 8) with an empty axis; \
         at least one element along each axis is needed"
    );
}

#[test]
fn header_that_promises_too_much() {
    let folder = Folder::new();
    assert_eq!(
        folder.reading("x.npy", npy("<f8", "(10000, 10000, 10000)", &doubles(&[1.0; 3]))),
        "x.npy: is cut short: the header promises shape (10000, 10000, 10000) of float64, \
         8000000000000 bytes, but 24 follow; copy or save it again"
    );
    let huge = "(18446744073709551615, 18446744073709551615, 18446744073709551615)";
    assert!(folder.reading("x.npy", npy("<f8", huge, &[])).starts_with("x.npy: is cut short"));
}

#[test]
fn unsupported_types() {
    let folder = Folder::new();
    for (descr, name) in [
        ("<c16", "complex128"),
        ("|O", "object"),
        ("<f2", "float16"),
        ("<M8[ns]", "datetime64"),
        ("<U3", "text"),
        ("<V3", "'<V3'"),
    ] {
        assert_eq!(
            folder.reading("x.npy", npy(descr, "(1, 2, 2)", &[0; 64])),
            format!(
                "x.npy: has elements of type {name}, but real numbers are needed; \
                 save it with x.astype('float64')"
            )
        );
    }
    let record = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 1, 1), }";
    assert_eq!(
        folder.reading("x.npy", npy_with(record, &doubles(&[1.0]))),
        "x.npy: has elements of type a record, but real numbers are needed; \
         save it with x.astype('float64')"
    );
}

#[test]
fn npz_without_a_sample_or_with_a_wrong_key() {
    let folder = Folder::new();
    let (matrix, names) = (numbers(&[2, 3]), words(&["a", "b"]));
    let entries = [("m", Entry::Array(matrix.view())), ("labels", Entry::Text(&names))];
    let path = folder.npz("x.npz", &entries);
    assert_eq!(
        folder.sentence(read(&path)),
        "x.npz: holds no 3-d array of numbers; it holds 'm' (2, 3) of float64, \
         'labels' (2,) of text; save a 3-d array (samples, rows, columns) in it"
    );
    assert_eq!(
        folder.sentence(read_key(&path, "y")),
        "x.npz: holds no array 'y'; it holds 'm' (2, 3) of float64, 'labels' (2,) of text; \
         give the key of one of these"
    );
    assert_eq!(
        folder.sentence(read_key(&path, "m")),
        "x.npz: array 'm': has shape (2, 3), but a 3-d array (samples, rows, columns) is needed; \
         reshape it, for example with x.reshape(n, p, q)"
    );
    assert_eq!(
        folder.sentence(read_key(&path, "labels")),
        "x.npz: array 'labels': has elements of type text, but real numbers are needed; \
         save it with x.astype('float64')"
    );
    let empty = folder.npz("empty.npz", &[]);
    assert_eq!(
        folder.sentence(read(&empty)),
        "empty.npz: holds no 3-d array of numbers; it holds no array; \
         save a 3-d array (samples, rows, columns) in it"
    );
    let npy = folder.file("x.npy", npy("<f8", "(1, 1, 1)", &doubles(&[1.0])));
    assert_eq!(
        folder.sentence(read_key(&npy, "m")),
        "x.npy: only npz files hold arrays by name; leave out the key 'm'"
    );
}

#[test]
fn npz_that_is_none() {
    let folder = Folder::new();
    let sentence = folder.reading("x.npz", "this is not a zip archive, not even a short one");
    assert!(
        sentence.starts_with("x.npz: not an npz file, or cut short (")
            && sentence.ends_with("); write it with numpy.savez"),
        "{sentence}"
    );
    let cube = numbers(&[2, 2, 2]);
    let path = folder.npz("whole.npz", &[("x", Entry::Array(cube.view()))]);
    let bytes = fs::read(path).unwrap();
    let sentence = folder.reading("x.npz", &bytes[..bytes.len() - 30]);
    assert!(sentence.starts_with("x.npz: not an npz file, or cut short ("), "{sentence}");
}

#[test]
fn names_that_do_not_fit() {
    let folder = Folder::new();
    let (cube, three) = (numbers(&[2, 2, 4]), words(&["a", "b", "c"]));
    let rows = [("x", Entry::Array(cube.view())), ("row_names", Entry::Text(&three))];
    assert_eq!(
        folder.sentence(read(&folder.npz("x.npz", &rows))),
        "x.npz: array 'row_names': has shape (3,), but the data have 2 rows; \
         give one name for each, or leave the names out"
    );
    let cols = [("x", Entry::Array(cube.view())), ("col_names", Entry::Text(&three))];
    assert_eq!(
        folder.sentence(read(&folder.npz("x.npz", &cols))),
        "x.npz: array 'col_names': has shape (3,), but the data have 4 columns; \
         give one name for each, or leave the names out"
    );
    let two = numbers(&[2]);
    let float = [("x", Entry::Array(cube.view())), ("row_names", Entry::Array(two.view()))];
    assert_eq!(
        folder.sentence(read(&folder.npz("x.npz", &float))),
        "x.npz: array 'row_names': has type float64, but names are text; \
         save it with numpy.array(names, dtype=str)"
    );
}

/// One name may not reserve a gigabyte that a short deflated entry could hold.
#[test]
fn names_that_are_too_wide() {
    let folder = Folder::new();
    let (cube, long) = (numbers(&[1, 1, 1]), ["x".repeat(20_000)]);
    let entries = [("x", Entry::Array(cube.view())), ("row_names", Entry::Text(&long))];
    assert_eq!(
        folder.sentence(read(&folder.npz("x.npz", &entries))),
        "x.npz: array 'row_names': reserves 80000 bytes for each name (at most 65536 make sense); \
         save it with numpy.array(names, dtype=str)"
    );
}

/// The checksum of the zip is compared, so a flipped bit in the data does not pass.
#[test]
fn npz_with_damaged_data() {
    let folder = Folder::new();
    let cube = numbers(&[2, 2, 2]);
    let path = folder.npz("whole.npz", &[("x", Entry::Array(cube.view()))]);
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for field in bytes[at + 16..at + 20].iter_mut() {
        *field ^= 0xff;
    }
    let sentence = folder.reading("x.npz", &bytes);
    assert!(
        sentence.starts_with("x.npz: array 'x': cannot be read (")
            && sentence.ends_with("); copy or save it again"),
        "{sentence}"
    );
}

#[test]
fn csv_faults() {
    let folder = Folder::new();
    let head = "sample,row,col,value\n1,a,u,1\n1,a,v,2\n";
    for (rest, sentence) in [
        (
            "1,b,u\n",
            "x.csv:4: 3 field(s) where the lines before have 4; \
             give every line the same number of fields",
        ),
        (
            "1,b,u,3\n1,b,v,4\n1,a,u,5\n",
            "x.csv:6: the cell of sample 1, row a, col u is already given in line 2; \
             remove one of the two",
        ),
        (
            "1,b,u,3,5\n",
            "x.csv:4: 5 field(s) where the lines before have 4; \
             give every line the same number of fields",
        ),
        (
            "1,b,u,12 kg\n",
            "x.csv:4: '12 kg' in column 4 is not a number; write numbers as 1.5 or 1.5e-3",
        ),
        ("1,b,u,-inf\n", "x.csv:4: the value in column 4 is -inf; remove or replace it"),
        ("1,b,u,1e999\n", "x.csv:4: the value in column 4 is inf; remove or replace it"),
        ("1,,u,3\n", "x.csv:4: the row label is empty; name every row"),
    ] {
        assert_eq!(folder.reading("x.csv", format!("{head}{rest}")), sentence);
    }
}

#[test]
fn csv_header_faults() {
    let folder = Folder::new();
    assert_eq!(
        folder.reading("x.csv", "sample,row,value\n1,a,2\n"),
        "x.csv:1: the header has no column 'col' (it has 'sample', 'row', 'value'); \
         name the columns sample,row,col,value, or say which they are"
    );
    assert_eq!(
        folder.reading("x.csv", "sample,row,col,value,Row\n1,a,b,2,c\n"),
        "x.csv:1: two columns are called 'row'; keep one of them"
    );
    assert_eq!(
        folder.reading("x.csv", "sample,row,col,value\n"),
        "x.csv: has a header, but no data below it; add one line per cell"
    );
    assert_eq!(
        folder.reading("x.csv", b"sample,row,col,value\n1,\xff,b,2\n"),
        "x.csv:2: is not UTF-8 text; save the file in the UTF-8 encoding"
    );
}

/// A thousand lines can promise a thousand million cells; none of them may be allocated.
#[test]
fn csv_labels_that_promise_too_much() {
    let folder = Folder::new();
    let mut text = String::from("sample,row,col,value\n");
    for i in 0..20_000 {
        text.push_str(&format!("{i},{i},{i},1\n"));
    }
    assert_eq!(
        folder.reading("x.csv", text),
        "x.csv: the labels make 20000 samples (up to 19999) of 20000 rows (up to 19999) and 20000 \
         columns (up to 19999), but only 20000 cells are given; look for labels in the wrong column"
    );
}

#[test]
fn csv_cells_without_a_value() {
    let folder = Folder::new();
    let head = "sample,row,col,value\n1,a,u,1\n1,a,v,2\n";
    for word in ["", "NA", "nan", "NaN", "n/a", "NULL", ".", "-nan", "<NA>"] {
        assert_eq!(
            folder.completing("x.csv", format!("{head}1,b,u,{word}\n1,b,v,4\n")),
            "x.csv: the value of sample 1, row b, col u is missing; fill it in, or leave the \
             sample out",
            "{word}"
        );
    }
    assert_eq!(
        folder.completing("x.csv", format!("{head}1,b,u,3\n2,b,v,4\n")),
        "x.csv: the value of sample 1, row b, col v is missing (and 3 more); fill it in, or leave \
         the sample out"
    );
}

#[test]
fn matrices() {
    let folder = Folder::new();
    let path = folder.file("m.csv", "1,2\n3\n");
    assert_eq!(
        folder.sentence(io::read_matrix(&path)),
        "m.csv:2: 1 field(s) where the lines before have 2; \
         give every line the same number of fields"
    );
    let path = folder.file("m.csv", "1,x\n3,4\n");
    assert_eq!(
        folder.sentence(io::read_matrix(&path)),
        "m.csv:1: 'x' in column 2 is not a number; write numbers as 1.5 or 1.5e-3"
    );
    let path = folder.file("m.csv", "a,b\n");
    assert_eq!(
        folder.sentence(io::read_matrix(&path)),
        "m.csv: holds no numbers; write one line of numbers per row"
    );
    let path = folder.file("m.npy", npy("<f8", "(2, 1)", &doubles(&[1.0, f64::NAN])));
    assert_eq!(
        folder.sentence(io::read_matrix(&path)),
        "m.npy holds NaN at index [1, 0]; remove or replace it"
    );
}

#[test]
fn outputs_that_cannot_be_written_leave_nothing() {
    let folder = Folder::new();
    let matrix = Array2::<f64>::eye(2);
    assert_eq!(
        folder
            .sentence(io::write_npy(&folder.path("none/x.npy"), &matrix))
            .replace(&folder.0.path().display().to_string(), ""),
        "none/x.npy: cannot be written: there is no folder none; create it first"
    );
    assert_eq!(
        folder.sentence(io::write_text(folder.0.path(), "x")).split(": ").nth(1).unwrap(),
        "is a folder; give the name of a file in it"
    );
    let path = folder.file("kept.txt", "before");
    let failed = io::write_atomically(&path, |out| {
        use std::io::Write;
        out.write_all(b"half")?;
        Err(std::io::Error::other("the disk is full"))
    });
    assert_eq!(
        folder.sentence(failed),
        "kept.txt: cannot be written (the disk is full); nothing was left behind"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1);
    let eye = matrix.view().into_dyn();
    assert_eq!(
        folder.sentence(io::write_npz(
            &folder.path("y.npz"),
            &[("a", Entry::Array(eye.clone())), ("a", Entry::Array(eye))]
        )),
        "y.npz: array 'a': is given twice; rename one of them"
    );
}
