//! npz archives: a zip file of npy arrays.

use super::header::{Header, read_header};
use super::npy::{Rank, read_names, read_numbers};
use super::place::{Place, list, shorten, tuple};
use crate::data::{Names, Sample};
use crate::linalg::require_no_infinity;
use crate::{Error, Result};
use ndarray::{Array, Ix3};
use std::io::{Read, Seek};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

/// Deflate cannot shrink anything by more than this factor (RFC 1951: 258 bytes in two bits).
const MOST_DEFLATED: u64 = 1032;

/// An open archive with its place and length.
pub(super) struct Npz<'a, R: Read + Seek> {
    archive: ZipArchive<R>,
    place: Place<'a>,
    length: u64,
}

impl<'a, R: Read + Seek> Npz<'a, R> {
    pub(super) fn open(reader: R, length: u64, place: Place<'a>) -> Result<Self> {
        let archive = ZipArchive::new(reader).map_err(|error| match error {
            ZipError::Io(error) => place.unreadable(&error),
            other => place.fault(format!(
                "not an npz file, or cut short ({other}); write it with numpy.savez"
            )),
        })?;
        Ok(Self { archive, place, length })
    }

    /// The sample under `key`, or the first 3-d array, with its names.
    pub(super) fn sample(&mut self, key: Option<&str>) -> Result<Sample> {
        let (key, others) = match key {
            Some(key) => (key.to_owned(), Vec::new()),
            None => self.of_rank::<Ix3>()?,
        };
        let values: Array<f64, Ix3> = self.numbers(&key)?;
        require_no_infinity(&self.place.array(&key).subject(), &values)?;
        let (n, p, q) = values.dim();
        let names = Names {
            samples: self.names("sample_names", (n, "samples"))?,
            rows: self.names("row_names", (p, "rows"))?,
            cols: self.names("col_names", (q, "columns"))?,
        };
        let sample = Sample::incomplete(values, names, self.place.subject())?;
        Ok(match others.is_empty() {
            true => sample,
            false => sample.with_note(format!(
                "{} holds several 3-d arrays: {} was taken, not {}; give the key of another to \
                 have that",
                self.place.subject(),
                shorten(&key),
                list(&others)
            )),
        })
    }

    /// The numeric array under `key`.
    pub(super) fn numbers<D: Rank>(&mut self, key: &str) -> Result<Array<f64, D>> {
        match self.optional(key)? {
            Some(array) => Ok(array),
            None => Err(self.absent(key)),
        }
    }

    /// There is no such array.
    pub(super) fn absent(&mut self, key: &str) -> Error {
        let there = self.describe();
        self.place.fault(format!(
            "holds no array {}; it holds {there}; give the key of one of these",
            shorten(key)
        ))
    }

    /// The numeric array under `key`, if there is one.
    pub(super) fn optional<D: Rank>(&mut self, key: &str) -> Result<Option<Array<f64, D>>> {
        let Some(index) = self.find(key) else { return Ok(None) };
        let read = |entry: &mut ZipFile<'_, R>, available, place: &Place<'_>| {
            read_numbers(entry, available, place)
        };
        self.entry(index, key, read).map(Some)
    }

    /// Is an array as long as the sample?
    pub(super) fn require_length(&self, key: &str, found: usize, n: usize) -> Result<()> {
        if found == n {
            return Ok(());
        }
        Err(self.place.array(key).fault(format!(
            "has {found} entries along its first axis, but the data have {n} samples; give one \
             for each"
        )))
    }

    /// The list of names under `key`; empty where there is none.
    pub(super) fn names(&mut self, key: &str, length: (usize, &str)) -> Result<Vec<String>> {
        match self.find(key) {
            None => Ok(Vec::new()),
            Some(index) => self.entry(index, key, |entry, available, place| {
                read_names(entry, available, length, place)
            }),
        }
    }

    /// Key of the only or first numeric array of the rank asked for.
    pub(super) fn first_of_rank<D: Rank>(&mut self) -> Result<String> {
        Ok(self.of_rank::<D>()?.0)
    }

    /// Key of the first numeric array of the rank asked for, and the quoted keys of the others.
    fn of_rank<D: Rank>(&mut self) -> Result<(String, Vec<String>)> {
        let (mut unreadable, mut found) = (None, Vec::new());
        for index in 0..self.archive.len() {
            match self.header(index) {
                Some((key, Ok(header))) if header.is_number() && header.shape.len() == D::RANK => {
                    found.push(key);
                }
                Some((_, Err(error))) => unreadable = unreadable.or(Some(error)),
                _ => {}
            }
        }
        if !found.is_empty() {
            let first = found.remove(0);
            return Ok((first, found.iter().map(|key| shorten(key)).collect()));
        }
        // An array that cannot be read may be the one that is looked for.
        if let Some(error) = unreadable {
            return Err(error);
        }
        let there = self.describe();
        Err(self.place.fault(format!(
            "holds no {}-d array of numbers; it holds {there}; save {} in it",
            D::RANK,
            D::EXPECTED
        )))
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.archive
            .index_for_name(&format!("{key}.npy"))
            .or_else(|| self.archive.index_for_name(key).filter(|_| key.ends_with(".npy")))
    }

    /// Key and header of an entry; `None` when it is not an npy array.
    fn header(&mut self, index: usize) -> Option<(String, Result<Header>)> {
        let key = self.archive.name_for_index(index)?.strip_suffix(".npy")?.to_owned();
        let header = self.entry(index, &key, |entry, _, place| read_header(entry, place));
        Some((key, header))
    }

    /// What is there, for messages.
    fn describe(&mut self) -> String {
        let mut arrays = Vec::new();
        for index in 0..self.archive.len() {
            match self.header(index) {
                Some((key, Ok(header))) => arrays.push(format!(
                    "{} {} of {}",
                    shorten(&key),
                    tuple(&header.shape),
                    header.dtype
                )),
                Some((key, Err(_))) => arrays.push(format!("{} (unreadable)", shorten(&key))),
                None => {}
            }
        }
        if arrays.is_empty() { "no array".to_owned() } else { list(&arrays) }
    }

    /// Opens an entry and gives its reader and the bytes that can be in it.
    fn entry<T>(
        &mut self,
        index: usize,
        key: &str,
        read: impl FnOnce(&mut ZipFile<'_, R>, u64, &Place<'_>) -> Result<T>,
    ) -> Result<T> {
        let place = self.place.array(key);
        let mut entry = self.archive.by_index(index).map_err(|error| unpackable(&place, &error))?;
        let (packed, size) = (entry.compressed_size().min(self.length), entry.size());
        if size > packed.saturating_mul(MOST_DEFLATED) {
            return Err(place.fault(format!(
                "claims {size} bytes, more than {packed} packed bytes can hold; copy or save it again"
            )));
        }
        read(&mut entry, size, &place)
    }
}

fn unpackable(place: &Place<'_>, error: &ZipError) -> Error {
    place.fault(format!("cannot be unpacked ({error}); write it with numpy.savez_compressed"))
}
