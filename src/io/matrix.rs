//! Matrices from text: plain lines of numbers, or with names in the first line and column.

use super::cells::malformed;
use super::decode::Text;
use super::place::Place;
use super::values::{Values, is_missing, is_number};
use crate::Result;
use crate::data::NamedMatrix;
use csv::StringRecord;
use ndarray::Array2;
use std::io::Read;

/// Where the names of a matrix stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    header: bool,
    /// The first field of every line is the name of its row.
    row_names: bool,
    /// The header has no field above the row names (R's `write.table`).
    short: bool,
}

/// Reads a matrix from `length` bytes of text.
///
/// A first line without any number is a header, and names the columns. The first column holds the
/// names of the rows when its fields are no numbers, when the header leaves the corner empty or
/// out, or when it repeats the header's other names, as in a covariance matrix with numeric names.
pub(super) fn read_matrix(
    reader: impl Read,
    length: u64,
    place: &Place<'_>,
) -> Result<NamedMatrix> {
    let text = Text::open(reader, length, place)?;
    // A decimal comma comes with one of the first two.
    let separator = text.splitting(b"\t;,| ");
    let mut records = text.records(separator, false, true);
    let mut lines: Vec<(StringRecord, u64)> = Vec::new();
    let mut record = StringRecord::new();
    while records.read_record(&mut record).map_err(|error| malformed(&error, place))? {
        lines.push((record.clone(), record.position().map_or(0, csv::Position::line)));
    }
    let frame = frame(&lines);
    let (header, body) = lines.split_at(usize::from(frame.header).min(lines.len()));
    let skip = usize::from(frame.row_names);
    let mut values = Values::new(separator);
    let (mut numbers, mut row_names, mut width) = (Vec::new(), Vec::new(), None);
    for (record, line) in body {
        let expected = *width.get_or_insert(record.len());
        if record.len() != expected {
            return Err(place.at_line(
                *line,
                format!(
                    "{} field(s) where the lines before have {expected}; give every line the same \
                     number of fields",
                    record.len()
                ),
            ));
        }
        if frame.row_names {
            row_names.push(record.get(0).unwrap_or_default().to_owned());
        }
        for (column, field) in record.iter().enumerate().skip(skip) {
            numbers.push(values.read(field, *line, column, place)?);
        }
    }
    if numbers.is_empty() {
        return Err(place.fault("holds no numbers; write one line of numbers per row"));
    }
    let cols = width.unwrap_or(0) - skip;
    let col_names = match header {
        [(header, line), ..] => {
            let skip = if frame.short { 0 } else { skip };
            let names: Vec<String> = header.iter().skip(skip).map(str::to_owned).collect();
            if names.len() != cols {
                return Err(place.at_line(
                    *line,
                    format!("names {} columns, but the lines below have {cols}", names.len()),
                ));
            }
            names
        }
        [] => Vec::new(),
    };
    let values = Array2::from_shape_vec((body.len(), cols), numbers)
        .map_err(|error| place.fault(format!("cannot be shaped ({error})")))?;
    Ok(NamedMatrix { values, row_names, col_names, source: place.subject() })
}

fn frame(lines: &[(StringRecord, u64)]) -> Frame {
    let none = Frame { header: false, row_names: false, short: false };
    let Some(((first, _), body)) = lines.split_first() else { return none };
    let number = |field: &str| is_number(field);
    let words = |record: &StringRecord| record.iter().skip(1).all(|field| !number(field));
    let starts_with_word = |record: &StringRecord| {
        record.get(0).is_some_and(|field| !number(field) && !is_missing(field))
    };
    let named_rows = !body.is_empty() && body.iter().all(|(record, _)| starts_with_word(record));
    let short = body.first().is_some_and(|(record, _)| record.len() == first.len() + 1);
    if short {
        return Frame { header: true, row_names: true, short: true };
    }
    let corner = first.get(0).unwrap_or_default();
    if !body.is_empty() && first.len() > 1 && corner.is_empty() {
        return Frame { header: true, row_names: true, short: false };
    }
    if !number(corner) && words(first) {
        let repeats = body.len() + 1 == first.len()
            && body.iter().zip(first.iter().skip(1)).all(|((r, _), name)| r.get(0) == Some(name));
        return Frame { header: true, row_names: named_rows || repeats, short: false };
    }
    if !number(corner) && !body.is_empty() && !named_rows {
        // A word and then numbers, above lines of numbers: numeric names.
        return Frame { header: true, row_names: true, short: false };
    }
    let row_names = !number(corner) && (named_rows || body.is_empty());
    Frame { header: false, row_names, short: false }
}
