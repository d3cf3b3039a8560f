//! Files: samples from npy, npz and csv, matrices, writers, bundled datasets.
//!
//! * **npy** (NumPy's array format): (n, p, q) of float32, float64, any integer width or bool, in
//!   C or Fortran order and either byte order. Integers beyond 2⁵³ are rounded to `f64`.
//! * **npz**: a zip of npy arrays, stored or deflated. The sample is the array asked for by
//!   [`ReadOptions::key`], or the only or first 3-d array of numbers; the optional arrays
//!   `row_names` (p) and `col_names` (q) are text (or integers, such as years).
//! * **csv**, long form: a header with `sample`, `row`, `col`, `value` in any order (other columns
//!   are passed over), one line per cell in any order. Labels are names, in order of first
//!   appearance; if all labels of an axis are integers, in numeric order.
//!
//! Every fault is one sentence with file, place, reason and remedy. Memory is bounded by the
//! bytes that are there, not by what a header promises.

mod datasets;
mod header;
mod npy;
mod npz;
mod place;
mod stream;
mod table;
mod write;

pub use datasets::{Dataset, datasets, read_dataset};
pub use stream::NpyBlocks;
pub use write::{Entry, write_atomically, write_npy, write_npz, write_sample, write_text};

use crate::data::{Names, Sample};
use crate::linalg::require_finite;
use crate::{Error, Result};
use ndarray::{Array2, Ix2};
use npz::Npz;
use place::{Place, shorten};
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind};
use std::path::Path;

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
            Some("csv") => Ok(Self::Csv),
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
    let (file, length, format) = open(path)?;
    let mut reader = BufReader::new(file);
    let place = Place::file(path);
    let key = options.key.as_deref();
    match format {
        _ if key.is_some() && format != Format::Npz => Err(place.fault(format!(
            "only npz files hold arrays by name; leave out the key {}",
            shorten(key.unwrap_or_default())
        ))),
        Format::Npy => sample_of_npy(&mut reader, length, &place),
        Format::Npz => Npz::open(reader, length, place)?.sample(key),
        Format::Csv => table::read_long(reader, &place),
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
    table::read_long(bytes, &Place::file(Path::new(name)))
}

/// Reads a matrix from a `.npy` file (2-d), a `.npz` file (its only or first 2-d array) or a
/// `.csv` file (lines of numbers; a first line without any number is a header and passed over).
///
/// # Errors
/// As [`read`].
pub fn read_matrix(path: &Path) -> Result<Array2<f64>> {
    let (file, length, format) = open(path)?;
    let mut reader = BufReader::new(file);
    let place = Place::file(path);
    let matrix = match format {
        Format::Npy => npy::read_numbers(&mut reader, length, &place)?,
        Format::Npz => {
            let mut archive = Npz::open(reader, length, place)?;
            let key = archive.first_of_rank::<Ix2>()?;
            archive.numbers(&key)?
        }
        Format::Csv => table::read_plain(reader, &place)?,
    };
    require_finite(&place.subject(), &matrix)?;
    Ok(matrix)
}

/// Reads a matrix from the bytes of a plain csv file; `name` stands for the file in messages.
///
/// # Errors
/// As [`read`].
pub fn read_matrix_csv_bytes(bytes: &[u8], name: &str) -> Result<Array2<f64>> {
    table::read_plain(bytes, &Place::file(Path::new(name)))
}

fn sample_of_npy(
    reader: &mut impl std::io::Read,
    length: u64,
    place: &Place<'_>,
) -> Result<Sample> {
    let values = npy::read_numbers(reader, length, place)?;
    Sample::incomplete(values, Names::default(), place.subject())
}

/// Opens a regular file that is not empty.
fn open(path: &Path) -> Result<(File, u64, Format)> {
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
    Ok((file, meta.len(), format))
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
