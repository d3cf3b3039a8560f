//! Elements of an npy array: numbers as `f64`, text as names.

use super::header::{Header, Kind, read_header};
use super::place::{Place, tuple};
use crate::linalg::require_room;
use crate::{Error, Result};
use ndarray::{Array, ArrayD, Dimension, Ix1, Ix2, Ix3, IxDyn, ShapeBuilder};
use std::io::Read;

/// Bytes decoded at a time.
const CHUNK: usize = 1 << 16;

/// Reads a numeric array of any rank, bounded by the `available` bytes of the source.
pub(super) fn read_numbers<D: Rank>(
    reader: &mut impl Read,
    available: u64,
    place: &Place<'_>,
) -> Result<Array<f64, D>> {
    let header = read_header(reader, place)?;
    let kind = numeric(&header, place)?;
    if header.shape.len() != D::RANK {
        return Err(place.fault(format!(
            "has shape {}, but {} is needed; {}",
            tuple(&header.shape),
            D::EXPECTED,
            D::REMEDY
        )));
    }
    if header.shape.contains(&0) {
        return Err(place.fault(format!(
            "has shape {} with an empty axis; at least one element along each axis is needed",
            tuple(&header.shape)
        )));
    }
    let count = require_promise(&header, kind, available, place)?;
    let mut values = Vec::new();
    reserve(&mut values, count, place)?;
    for_each_chunk(reader, count, kind.width(), place, |chunk| {
        decode(chunk, kind, header.big_endian, &mut values);
    })?;
    shaped(values, &header, place)
}

/// Reads a list of names: a one-dimensional array of text or integers with `length` entries.
pub(super) fn read_names(
    reader: &mut impl Read,
    available: u64,
    length: (usize, &str),
    place: &Place<'_>,
) -> Result<Vec<String>> {
    let header = read_header(reader, place)?;
    let kind = match header.kind {
        Some(Kind::Float32 | Kind::Float64 | Kind::Bool) | None => {
            return Err(place.fault(format!(
                "has type {}, but names are text; save it with numpy.array(names, dtype=str)",
                header.dtype
            )));
        }
        Some(kind) => kind,
    };
    let (needed, of) = length;
    if header.shape != [needed] {
        return Err(place.fault(format!(
            "has shape {}, but the data have {needed} {of}; give one name for each, \
             or leave the names out",
            tuple(&header.shape)
        )));
    }
    if kind.width() > CHUNK {
        return Err(place.fault(format!(
            "reserves {} bytes for each name (at most {CHUNK} make sense); \
             save it with numpy.array(names, dtype=str)",
            kind.width()
        )));
    }
    let count = require_promise(&header, kind, available, place)?;
    let mut names = Vec::new();
    for_each_chunk(reader, count, kind.width(), place, |chunk| {
        if kind.width() > 0 {
            names.extend(
                chunk.chunks_exact(kind.width()).map(|item| name(item, kind, header.big_endian)),
            );
        }
    })?;
    // Text of width 0 takes no bytes.
    names.resize(count, String::new());
    Ok(names)
}

/// The number of dimensions asked for, with the words for a mismatch.
pub(super) trait Rank: Dimension {
    const RANK: usize;
    const EXPECTED: &'static str;
    const REMEDY: &'static str;
}

impl Rank for Ix1 {
    const RANK: usize = 1;
    const EXPECTED: &'static str = "a vector (one number for each sample)";
    const REMEDY: &'static str = "reshape it, for example with x.reshape(n)";
}

impl Rank for Ix3 {
    const RANK: usize = 3;
    const EXPECTED: &'static str = "a 3-d array (samples, rows, columns)";
    const REMEDY: &'static str = "reshape it, for example with x.reshape(n, p, q)";
}

impl Rank for Ix2 {
    const RANK: usize = 2;
    const EXPECTED: &'static str = "a matrix (rows, columns)";
    const REMEDY: &'static str = "reshape it, for example with x.reshape(p, q)";
}

/// The type of the elements, which must be numbers.
pub(super) fn numeric(header: &Header, place: &Place<'_>) -> Result<Kind> {
    match header.kind {
        Some(kind) if header.is_number() => Ok(kind),
        _ => Err(unsupported(header, place)),
    }
}

fn unsupported(header: &Header, place: &Place<'_>) -> Error {
    place.fault(format!(
        "has elements of type {}, but real numbers are needed; save it with x.astype('float64')",
        header.dtype
    ))
}

/// Compares what the header promises with the bytes that are there; gives the number of elements.
pub(super) fn require_promise(
    header: &Header,
    kind: Kind,
    available: u64,
    place: &Place<'_>,
) -> Result<usize> {
    let promised = header.count().saturating_mul(kind.width() as u128);
    let there = u128::from(available.saturating_sub(header.length));
    if promised > there {
        return Err(place.fault(format!(
            "is cut short: the header promises shape {} of {}, {promised} bytes, but {there} \
             follow; copy or save it again",
            tuple(&header.shape),
            header.dtype
        )));
    }
    if promised < there {
        return Err(place.fault(format!(
            "holds {} bytes more than the header promises (shape {} of {}); save one array only",
            there - promised,
            tuple(&header.shape),
            header.dtype
        )));
    }
    usize::try_from(header.count()).map_err(|_| place.fault("is too large for this machine"))
}

pub(super) fn reserve(values: &mut Vec<f64>, count: usize, place: &Place<'_>) -> Result<()> {
    if let Err(error) = require_room("the array", &[count], 1) {
        return Err(place.fault(error));
    }
    values.try_reserve_exact(count).map_err(|_| {
        place.fault(format!(
            "{count} numbers do not fit into the memory of this machine; split the file"
        ))
    })
}

/// Hands whole elements, none wider than a chunk, to `use_chunk`, then asks for the end (which
/// makes zip check its sum).
fn for_each_chunk(
    reader: &mut impl Read,
    count: usize,
    width: usize,
    place: &Place<'_>,
    mut use_chunk: impl FnMut(&[u8]),
) -> Result<()> {
    let total = count.saturating_mul(width);
    let size = (CHUNK - CHUNK % width.max(1)).min(total);
    let mut buffer = vec![0; size];
    let mut left = total;
    while left > 0 {
        let now = left.min(size);
        reader.read_exact(&mut buffer[..now]).map_err(|error| place.unreadable(&error))?;
        use_chunk(&buffer[..now]);
        left -= now;
    }
    match reader.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(place.fault("is longer than it says; copy or save it again")),
        Err(error) => Err(place.unreadable(&error)),
    }
}

/// Appends the elements of a chunk; integers beyond 2⁵³ are rounded to the nearest `f64`.
pub(super) fn decode(chunk: &[u8], kind: Kind, big_endian: bool, values: &mut Vec<f64>) {
    macro_rules! each {
        ($number:ty) => {{
            let (items, _) = chunk.as_chunks::<{ size_of::<$number>() }>();
            if big_endian {
                values.extend(items.iter().map(|&item| <$number>::from_be_bytes(item) as f64));
            } else {
                values.extend(items.iter().map(|&item| <$number>::from_le_bytes(item) as f64));
            }
        }};
    }
    match kind {
        Kind::Float64 => each!(f64),
        Kind::Float32 => each!(f32),
        Kind::Signed(1) => each!(i8),
        Kind::Signed(2) => each!(i16),
        Kind::Signed(4) => each!(i32),
        Kind::Signed(_) => each!(i64),
        Kind::Unsigned(1) => each!(u8),
        Kind::Unsigned(2) => each!(u16),
        Kind::Unsigned(4) => each!(u32),
        Kind::Unsigned(_) => each!(u64),
        Kind::Bool => values.extend(chunk.iter().map(|&byte| f64::from(byte != 0))),
        Kind::Unicode(_) | Kind::Bytes(_) => {}
    }
}

/// One name; NumPy pads with zeros.
fn name(item: &[u8], kind: Kind, big_endian: bool) -> String {
    let (whole, padded) = match kind {
        Kind::Unicode(_) => {
            let (units, _) = item.as_chunks::<4>();
            let text: String = units
                .iter()
                .map(|&u| if big_endian { u32::from_be_bytes(u) } else { u32::from_le_bytes(u) })
                .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            (text, true)
        }
        Kind::Bytes(_) => (String::from_utf8_lossy(item).into_owned(), true),
        Kind::Signed(_) | Kind::Unsigned(_) => (integer(item, kind, big_endian), false),
        Kind::Float32 | Kind::Float64 | Kind::Bool => (String::new(), false),
    };
    if padded { whole.trim_end_matches('\0').to_owned() } else { whole }
}

fn integer(item: &[u8], kind: Kind, big_endian: bool) -> String {
    let negative = matches!(kind, Kind::Signed(_))
        && (if big_endian { item.first() } else { item.last() }).is_some_and(|&b| b >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    for (slot, index) in wide.iter_mut().zip(0..item.len()) {
        *slot = item[if big_endian { item.len() - 1 - index } else { index }];
    }
    i128::from_le_bytes(wide).to_string()
}

fn shaped<D: Rank>(values: Vec<f64>, header: &Header, place: &Place<'_>) -> Result<Array<f64, D>> {
    let shape = IxDyn(&header.shape).set_f(header.fortran);
    ArrayD::from_shape_vec(shape, values)
        .and_then(|array| array.into_dimensionality::<D>())
        .map_err(|error| place.fault(format!("cannot be shaped ({error})")))
}
