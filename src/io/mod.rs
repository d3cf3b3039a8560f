//! Files: samples from npy, npz and csv, matrices, writers, bundled datasets.
//!
//! * **npy** (NumPy's array format): (n, p, q) of float32, float64, any integer width or bool, in
//!   C or Fortran order and either byte order. Integers beyond 2⁵³ are rounded to `f64`.
//! * **npz**: a zip of npy arrays, stored or deflated. The sample is the array asked for by
//!   [`ReadOptions::key`], or the only or first 3-d array of numbers; the optional arrays
//!   `sample_names` (n), `row_names` (p) and `col_names` (q) are text (or integers, such as years).
//! * **csv**, long form: a header with `sample`, `row`, `col`, `value` in any order (other columns
//!   are passed over), one line per cell in any order; or wide, one line per row of a sample.
//!   Separators, decimal commas, UTF-16 and gzip are recognised. Labels are names: in numeric order
//!   if all labels of an axis are numbers, by time if all are ISO dates, else in order of first
//!   appearance.
//!
//! NaN in an array, and an empty cell, `NA` or a missing line of a table, are missing cells of the
//! sample; an infinity is an error.
//!
//! Every fault is one sentence with file, place, reason and remedy. Memory is bounded by the
//! bytes that are there, not by what a header promises.

mod beside;
mod cells;
mod datasets;
mod decode;
mod formula;
mod header;
mod labels;
mod matrix;
mod npy;
mod npz;
mod place;
mod sheet;
mod stream;
mod values;
mod write;

pub use beside::{Beside, read_beside, read_text_array, read_vector};
pub use datasets::{Dataset, datasets, read_dataset};
pub use sheet::Sheet;
pub use stream::NpyBlocks;
pub use write::{
    Entry, remove_leftovers, write_atomically, write_npy, write_npz, write_sample, write_text,
};

use crate::data::{NamedMatrix, Names, Sample};
use crate::linalg::require_finite;
use crate::{Error, Result};
use ndarray::{Array2, Ix2};
use npz::Npz;
use place::{Place, shorten};
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

/// How to read a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Name of the array in an npz file; default: the only or the first 3-d array of numbers.
    pub key: Option<String>,
    /// Names of the columns of a csv in its own words; see [`Columns`].
    pub columns: Columns,
    /// A csv with one line per row of a sample (columns sample, row, and one for every column of
    /// the matrices) instead of one per cell.
    pub wide: bool,
}

/// The columns of a csv, where they have other names than `sample`, `row`, `col` and `value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Column with the labels of the samples.
    pub sample: Option<String>,
    /// Column with the labels of the rows.
    pub row: Option<String>,
    /// Column with the labels of the columns.
    pub col: Option<String>,
    /// Column with the numbers.
    pub value: Option<String>,
}

/// A format, by extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("npz") => Ok(Self::Npz),
            Some("csv" | "tsv" | "txt") => Ok(Self::Csv),
            Some("gz") => match path.file_stem().map(Path::new).map(Self::of) {
                Some(Ok(Self::Csv)) => Ok(Self::Csv),
                _ => Err(Error::file(path, "is packed, and only .csv.gz is read so; unpack it")),
            },
            Some(other) => Err(Error::file(
                path,
                format!("the extension {} is not known; use .npy, .npz or .csv", shorten(other)),
            )),
            None => Err(Error::file(path, "has no extension; use .npy, .npz or .csv")),
        }
    }
}

/// The sample of a file, or the bundled dataset of that name.
///
/// A name without a path separator that is the name of a bundled dataset is that dataset;
/// everything else is a path.
///
/// # Errors
/// As [`read`].
///
/// ```
/// use kronfit::io::{ReadOptions, load};
/// let sample = load("grunfeld", &ReadOptions::default())?;
/// assert_eq!(sample.dim(), (11, 20, 3));
/// # Ok::<(), kronfit::Error>(())
/// ```
pub fn load(data: &str, options: &ReadOptions) -> Result<Sample> {
    match datasets::find(data) {
        Some(dataset) => dataset.read(options.key.as_deref()),
        None => read(Path::new(data), options),
    }
}

/// [`load`] with the default options.
///
/// # Errors
/// As [`read`].
pub fn resolve(data: &str) -> Result<Sample> {
    load(data, &ReadOptions::default())
}

/// Reads a sample from a `.npy`, `.npz` or `.csv` file.
///
/// # Errors
/// [`Error::File`] and [`Error::Parse`] with the place and the remedy, [`Error::NonFinite`] with
/// the index of the first NaN or infinity.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Sample> {
    let Input { mut reader, length, format, path } = open(path)?;
    let place = Place::file(&path);
    let key = options.key.as_deref();
    match format {
        _ if key.is_some() && format != Format::Npz => Err(place.fault(format!(
            "only npz files hold arrays by name; leave out the key {}",
            shorten(key.unwrap_or_default())
        ))),
        Format::Npy => sample_of_npy(&mut reader, length, &place),
        Format::Npz => Npz::open(reader, length, place)?.sample(key),
        Format::Csv => cells::read_sample(reader, length, options, &place),
    }
}

/// Reads a sample from the bytes of an npy file; `name` stands for the file in messages.
///
/// # Errors
/// As [`read`].
pub fn read_npy_bytes(bytes: &[u8], name: &str) -> Result<Sample> {
    sample_of_npy(&mut &*bytes, bytes.len() as u64, &Place::file(Path::new(name)))
}

/// Reads a sample from the bytes of an npz file; `name` stands for the file in messages.
///
/// # Errors
/// As [`read`].
pub fn read_npz_bytes(bytes: &[u8], options: &ReadOptions, name: &str) -> Result<Sample> {
    let place = Place::file(Path::new(name));
    Npz::open(Cursor::new(bytes), bytes.len() as u64, place)?.sample(options.key.as_deref())
}

/// Reads a sample from the bytes of a long csv file; `name` stands for the file in messages.
///
/// # Errors
/// As [`read`].
pub fn read_csv_bytes(bytes: &[u8], name: &str) -> Result<Sample> {
    read_csv_bytes_with(bytes, &ReadOptions::default(), name)
}

/// [`read_csv_bytes`] with options.
///
/// # Errors
/// As [`read`].
pub fn read_csv_bytes_with(bytes: &[u8], options: &ReadOptions, name: &str) -> Result<Sample> {
    cells::read_sample(bytes, bytes.len() as u64, options, &Place::file(Path::new(name)))
}

/// Reads a matrix from a `.npy` file (2-d), a `.npz` file (its only or first 2-d array) or a
/// `.csv` file (lines of numbers, with or without names in the first line and column).
///
/// # Errors
/// As [`read`].
pub fn read_matrix(path: &Path) -> Result<Array2<f64>> {
    Ok(read_named_matrix(path)?.values)
}

/// Reads a matrix with its names: those in the first line and column of a `.csv`, as R and pandas
/// write them, or the arrays `row_names` and `col_names` of a `.npz`, where their lengths fit.
///
/// # Errors
/// As [`read`].
pub fn read_named_matrix(path: &Path) -> Result<NamedMatrix> {
    let Input { mut reader, length, format, path } = open(path)?;
    let place = Place::file(&path);
    let plain = |values| NamedMatrix {
        values,
        row_names: Vec::new(),
        col_names: Vec::new(),
        source: place.subject(),
    };
    let matrix = match format {
        Format::Npy => plain(npy::read_numbers(&mut reader, length, &place)?),
        Format::Npz => {
            let mut archive = Npz::open(reader, length, place)?;
            let key = archive.first_of_rank::<Ix2>()?;
            let mut matrix = plain(archive.numbers(&key)?);
            let (rows, cols) = matrix.values.dim();
            matrix.row_names = archive.names("row_names", (rows, "rows")).unwrap_or_default();
            matrix.col_names = archive.names("col_names", (cols, "columns")).unwrap_or_default();
            matrix
        }
        Format::Csv => matrix::read_matrix(reader, length, &place)?,
    };
    require_finite(&place.subject(), &matrix.values)?;
    Ok(matrix)
}

/// Reads a matrix from the bytes of a csv file; `name` stands for the file in messages.
///
/// # Errors
/// As [`read`].
pub fn read_matrix_csv_bytes(bytes: &[u8], name: &str) -> Result<NamedMatrix> {
    let place = Place::file(Path::new(name));
    let matrix = matrix::read_matrix(bytes, bytes.len() as u64, &place)?;
    require_finite(&place.subject(), &matrix.values)?;
    Ok(matrix)
}

/// Reads a table with a header and a line for each sample: covariates, weights, classes.
///
/// # Errors
/// As [`read`].
pub fn read_sheet(path: &Path) -> Result<Sheet> {
    let Input { reader, length, format, path } = open(path)?;
    let place = Place::file(&path);
    if format != Format::Csv {
        return Err(place.fault("is no table of text; give a .csv file with a header"));
    }
    sheet::read_sheet(reader, length, &place)
}

/// Reads a table from the bytes of a csv file; `name` stands for the file in messages.
///
/// # Errors
/// As [`read`].
pub fn read_sheet_bytes(bytes: &[u8], name: &str) -> Result<Sheet> {
    sheet::read_sheet(bytes, bytes.len() as u64, &Place::file(Path::new(name)))
}

fn sample_of_npy(reader: &mut impl Read, length: u64, place: &Place<'_>) -> Result<Sample> {
    let values = npy::read_numbers(reader, length, place)?;
    Sample::incomplete(values, Names::default(), place.subject())
}

/// Bytes that can be read from any place.
trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// A file, or standard input, with its bytes and its format.
struct Input {
    reader: Box<dyn Source>,
    length: u64,
    format: Format,
    /// The path, or the words for standard input.
    path: PathBuf,
}

/// Opens a regular file that is not empty, or standard input for `-`.
fn open(path: &Path) -> Result<Input> {
    if path == Path::new("-") {
        return standard_input();
    }
    let meta = path.metadata().map_err(|error| absent(path, &error))?;
    if meta.is_dir() {
        return Err(Error::file(path, "is a folder; give a .npy, .npz or .csv file in it"));
    }
    if !meta.is_file() {
        return Err(Error::file(path, "is not a regular file; save the data in a file first"));
    }
    let format = Format::of(path)?;
    if meta.len() == 0 {
        return Err(Error::file(path, "is empty (0 bytes); copy or save it again"));
    }
    let file = File::open(path).map_err(|error| absent(path, &error))?;
    let (reader, length) = (Box::new(BufReader::new(file)), meta.len());
    Ok(Input { reader, length, format, path: path.to_owned() })
}

/// All of standard input; its first bytes tell the format.
fn standard_input() -> Result<Input> {
    let path = PathBuf::from("standard input");
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Place::file(&path).unreadable(&error))?;
    let format = match bytes.as_slice() {
        [] => return Err(Error::file(path, "is empty (0 bytes); send the data to it")),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Format::Npy,
        [b'P', b'K', 3, 4, ..] => Format::Npz,
        _ => Format::Csv,
    };
    let length = bytes.len() as u64;
    Ok(Input { reader: Box::new(Cursor::new(bytes)), length, format, path })
}

fn absent(path: &Path, error: &std::io::Error) -> Error {
    let reason = match error.kind() {
        ErrorKind::NotFound => {
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
            match stem.as_deref().and_then(datasets::find) {
                Some(dataset) => {
                    format!("there is no such file; the bundled dataset is called {}", dataset.name)
                }
                None => format!(
                    "there is no such file; check the path (bundled datasets: {})",
                    datasets::names()
                ),
            }
        }
        ErrorKind::PermissionDenied => {
            "may not be read (permission denied); change its permissions".to_owned()
        }
        _ => format!("cannot be opened ({error})"),
    };
    Error::file(path, reason)
}
