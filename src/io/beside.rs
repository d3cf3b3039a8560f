//! Arrays that stand beside the sample in its npz file.

use super::npz::Npz;
use super::place::{Place, shorten};
use super::{Format, Input, ReadOptions, Source, datasets, open};
use crate::Result;
use ndarray::{Array1, Array2};
use std::io::Cursor;
use std::path::Path;

/// What an npz file may hold beside the sample; each is `None` where it is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// Frequencies of the samples, array `weights` (n).
    pub weights: Option<Array1<f64>>,
    /// Precisions of the samples, array `precision_weights` (n).
    pub precision_weights: Option<Array1<f64>>,
    /// Covariates, array `design` (n × m).
    pub design: Option<Array2<f64>>,
    /// Names of the covariates, array `design_names` (m).
    pub design_names: Vec<String>,
}

/// The arrays beside the sample of n matrices in an npz file or bundled dataset; nothing for other
/// files.
///
/// # Errors
/// As [`read`](super::read); [`crate::Error::File`] when an array has another length than the
/// sample.
pub fn read_beside(data: &str, n: usize) -> Result<Beside> {
    match with_npz(data, |archive| Beside::read(archive, n)) {
        Some(found) => found,
        None => Ok(Beside::default()),
    }
}

/// A list of text or integers under `key` in the npz file or bundled dataset of the sample, one
/// for each of n matrices: classes, groups.
///
/// # Errors
/// As [`read`](super::read); [`crate::Error::File`] when there is none of that name.
pub fn read_text_array(data: &str, key: &str, n: usize) -> Result<Vec<String>> {
    let found = with_npz(data, |archive| {
        let names = archive.names(key, (n, "samples"))?;
        if names.is_empty() { Err(archive.absent(key)) } else { Ok(names) }
    });
    found.unwrap_or_else(|| {
        let place = Place::file(Path::new(data));
        Err(place.fault(format!("is no npz file, and holds no array {}", shorten(key))))
    })
}

/// Does something with the archive; `None` when the data are not in one.
fn with_npz<T>(
    data: &str,
    work: impl FnOnce(&mut Npz<'_, Box<dyn Source>>) -> Result<T>,
) -> Option<Result<T>> {
    let path = Path::new(data);
    let is_npz = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"));
    let place = Place::file(path);
    let archive = match datasets::find(data) {
        Some(dataset) => {
            let bytes: Box<dyn Source> = Box::new(Cursor::new(dataset.bytes()));
            Npz::open(bytes, dataset.bytes().len() as u64, place)
        }
        None if is_npz => open(path).and_then(|input| Npz::open(input.reader, input.length, place)),
        None => return None,
    };
    Some(archive.and_then(|mut archive| work(&mut archive)))
}

impl Beside {
    fn read(archive: &mut Npz<'_, Box<dyn Source>>, n: usize) -> Result<Self> {
        let mut vector = |key: &str| -> Result<Option<Array1<f64>>> {
            let Some(array) = archive.optional(key)? else { return Ok(None) };
            archive.require_length(key, array.len(), n)?;
            Ok(Some(array))
        };
        let (weights, precision_weights) = (vector("weights")?, vector("precision_weights")?);
        let design: Option<Array2<f64>> = archive.optional("design")?;
        let mut design_names = Vec::new();
        if let Some(design) = &design {
            archive.require_length("design", design.nrows(), n)?;
            design_names = archive.names("design_names", (design.ncols(), "covariates"))?;
        }
        Ok(Self { weights, precision_weights, design, design_names })
    }
}

/// Reads a vector: a 1-d `.npy`, the only or first 1-d array of numbers of a `.npz`, or a table
/// with one column of numbers.
///
/// # Errors
/// As [`read`](super::read).
pub fn read_vector(path: &Path) -> Result<Array1<f64>> {
    let Input { mut reader, length, format, path } = open(path)?;
    let place = Place::file(&path);
    match format {
        Format::Npy => super::npy::read_numbers(&mut reader, length, &place),
        Format::Npz => {
            let mut archive = Npz::open(reader, length, place)?;
            let key = archive.first_of_rank::<ndarray::Ix1>()?;
            archive.numbers(&key)
        }
        Format::Csv => {
            let matrix = super::matrix::read_matrix(reader, length, &place)?.values;
            match matrix.dim() {
                (_, 1) => Ok(matrix.column(0).to_owned()),
                (1, _) => Ok(matrix.row(0).to_owned()),
                (rows, cols) => Err(place.fault(format!(
                    "holds a matrix of {rows} × {cols}, but one number for each sample is needed"
                ))),
            }
        }
    }
}

impl ReadOptions {
    /// The options that take the array `key` of an npz file.
    pub fn key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }
}
