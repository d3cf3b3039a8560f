//! A sample from a text table: one line per cell, or one line per row of a sample.

use super::decode::{Records, Text};
use super::labels::Labels;
use super::place::{Place, list, shorten};
use super::values::Values;
use super::{Columns, ReadOptions};
use crate::data::{Names, Sample};
use crate::text::label;
use crate::{Error, Result};
use csv::{ErrorKind, StringRecord};
use ndarray::Array3;
use std::io::Read;

/// What the columns of the long form hold, and their usual names; other columns are passed over.
const AXES: [&str; 4] = ["sample", "row", "col", "value"];

/// One cell with the line that it stands in.
struct Cell {
    /// Positions of the labels of sample, row and column.
    at: [usize; 3],
    value: f64,
    line: u64,
}

/// Reads `length` bytes of text: the long form, or the wide one.
pub(super) fn read_sample(
    reader: impl Read,
    length: u64,
    options: &ReadOptions,
    place: &Place<'_>,
) -> Result<Sample> {
    let text = Text::open(reader, length, place)?;
    let names = wanted(&options.columns, options.wide, place)?;
    let separator = text.separator(|first| names.iter().all(|name| find(first, name).is_ok()));
    let mut values = Values::new(separator);
    let mut records = text.records(separator, true, false);
    let header = records.headers().map_err(|error| malformed(&error, place))?.clone();
    let columns: Vec<usize> =
        names.iter().map(|name| column(&header, name, &names, place)).collect::<Result<_>>()?;
    let (cells, labels) = match columns[..] {
        [sample, row, col, value] => {
            long(&mut records, [sample, row, col, value], &mut values, place)?
        }
        [sample, row] => wide(&mut records, &header, [sample, row], &mut values, place)?,
        _ => (Vec::new(), Default::default()),
    };
    if cells.is_empty() {
        let what = if options.wide { "row of a sample" } else { "cell" };
        return Err(
            place.fault(format!("has a header, but no data below it; add one line per {what}"))
        );
    }
    assemble(cells, labels, place)
}

/// The names of the columns that are needed.
fn wanted(columns: &Columns, wide: bool, place: &Place<'_>) -> Result<Vec<String>> {
    let Columns { sample, row, col, value } = columns;
    if wide && (col.is_some() || value.is_some()) {
        return Err(place.fault(
            "is read in its wide form, where every column but those of sample and row is a column \
             of the matrices; name these two only",
        ));
    }
    let given = [sample, row, col, value];
    let usual = given.into_iter().zip(AXES).map(|(name, usual)| name.as_deref().unwrap_or(usual));
    Ok(usual.take(if wide { 2 } else { 4 }).map(str::to_owned).collect())
}

/// Where a name stands in the header: as it is written, or else with letters of the other case.
/// How often it stands there, where that is not once.
fn find(header: &StringRecord, name: &str) -> std::result::Result<usize, usize> {
    let places = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        header.iter().enumerate().filter(|(_, field)| same(field)).map(|(i, _)| i).collect()
    };
    let exact = places(&|field| field == name);
    if let [only] = exact[..] {
        let others = AXES.contains(&name) && places(&|f| f.eq_ignore_ascii_case(name)).len() > 1;
        return if others { Err(2) } else { Ok(only) };
    }
    match places(&|field| field.eq_ignore_ascii_case(name))[..] {
        [only] => Ok(only),
        ref all => Err(all.len()),
    }
}

fn column(header: &StringRecord, name: &str, names: &[String], place: &Place<'_>) -> Result<usize> {
    find(header, name).map_err(|count| match count {
        0 => {
            let there: Vec<String> = header.iter().map(shorten).collect();
            place.at_line(
                1,
                format!(
                    "the header has no column {} (it has {}); name the columns {}, or say which \
                     they are",
                    shorten(name),
                    list(&there),
                    names.join(",")
                ),
            )
        }
        _ => {
            place.at_line(1, format!("two columns are called {}; keep one of them", shorten(name)))
        }
    })
}

type Cells = (Vec<Cell>, [Labels; 3]);

fn long(
    records: &mut Records<'_>,
    columns: [usize; 4],
    values: &mut Values,
    place: &Place<'_>,
) -> Result<Cells> {
    let (mut cells, mut labels) = (Vec::new(), <[Labels; 3]>::default());
    each(records, place, |record, line| {
        let field = |axis: usize| record.get(columns[axis]).unwrap_or_default();
        let value = values.read(field(3), line, columns[3], place)?;
        let mut at = [0; 3];
        for (axis, labels) in labels.iter_mut().enumerate() {
            at[axis] = labels.intern(named(field(axis), AXES[axis], line, place)?);
        }
        cells.push(Cell { at, value, line });
        Ok(())
    })?;
    Ok((cells, labels))
}

fn wide(
    records: &mut Records<'_>,
    header: &StringRecord,
    columns: [usize; 2],
    values: &mut Values,
    place: &Place<'_>,
) -> Result<Cells> {
    let (mut cells, mut labels) = (Vec::new(), <[Labels; 3]>::default());
    let mut numbers = Vec::new();
    for (position, name) in header.iter().enumerate().filter(|(i, _)| !columns.contains(i)) {
        let before = numbers.len();
        if labels[2].intern(named(name, "column", 1, place)?) != before {
            let reason = format!("two columns are called {}; rename one of them", shorten(name));
            return Err(place.at_line(1, reason));
        }
        numbers.push(position);
    }
    if numbers.is_empty() {
        return Err(place.at_line(1, "the header names no column of the matrices; add them"));
    }
    each(records, place, |record, line| {
        let field = |position: usize| record.get(position).unwrap_or_default();
        let sample = labels[0].intern(named(field(columns[0]), AXES[0], line, place)?);
        let row = labels[1].intern(named(field(columns[1]), AXES[1], line, place)?);
        for (col, &position) in numbers.iter().enumerate() {
            let value = values.read(field(position), line, position, place)?;
            cells.push(Cell { at: [sample, row, col], value, line });
        }
        Ok(())
    })?;
    Ok((cells, labels))
}

/// Hands every record with its line to `visit`.
pub(super) fn each(
    records: &mut Records<'_>,
    place: &Place<'_>,
    mut visit: impl FnMut(&StringRecord, u64) -> Result<()>,
) -> Result<()> {
    let mut record = StringRecord::new();
    while records.read_record(&mut record).map_err(|error| malformed(&error, place))? {
        visit(&record, record.position().map_or(0, csv::Position::line))?;
    }
    Ok(())
}

fn named<'r>(label: &'r str, what: &str, line: u64, place: &Place<'_>) -> Result<&'r str> {
    if label.is_empty() {
        return Err(place.at_line(line, format!("the {what} label is empty; name every {what}")));
    }
    Ok(label)
}

/// Sorts the cells into the array; none may be there twice, and one without a line is missing.
fn assemble(mut cells: Vec<Cell>, labels: [Labels; 3], place: &Place<'_>) -> Result<Sample> {
    let [samples, rows, cols] = labels.map(Labels::ordered);
    for cell in &mut cells {
        for (position, (_, rank)) in cell.at.iter_mut().zip([&samples, &rows, &cols]) {
            *position = rank[*position];
        }
    }
    cells.sort_by_key(|cell| (cell.at, cell.line));
    let names = Names { samples: samples.0, rows: rows.0, cols: cols.0 };
    let twice = cells.windows(2).filter(|pair| pair[0].at == pair[1].at);
    if let Some(pair) = twice.min_by_key(|pair| pair[1].line) {
        let [sample, row, col] = names.cell(pair[1].at);
        return Err(place.at_line(
            pair[1].line,
            format!(
                "the cell of sample {sample}, row {row}, col {col} is already given in line {}; \
                 remove one of the two",
                pair[0].line
            ),
        ));
    }
    let dim = (names.samples.len(), names.rows.len(), names.cols.len());
    require_dense(&cells, dim, &names, place)?;
    let mut values = Vec::new();
    super::npy::reserve(&mut values, dim.0 * dim.1 * dim.2, place)?;
    values.resize(dim.0 * dim.1 * dim.2, f64::NAN);
    let mut values = Array3::from_shape_vec(dim, values)
        .map_err(|error| place.fault(format!("cannot be shaped ({error})")))?;
    for cell in &cells {
        values[cell.at] = cell.value;
    }
    Sample::incomplete(values, names, place.subject())
}

/// Most cells of the array for each cell of the file: with more, the labels are mistyped or stand
/// in the wrong columns, and the array would not fit into memory.
const MOST_PER_CELL: usize = 100;

/// Refuses labels that promise far more cells than there are.
fn require_dense(
    cells: &[Cell],
    (n, p, q): (usize, usize, usize),
    names: &Names,
    place: &Place<'_>,
) -> Result<()> {
    let all = n.checked_mul(p).and_then(|rows| rows.checked_mul(q));
    if all.is_some_and(|all| all <= cells.len().saturating_mul(MOST_PER_CELL)) {
        return Ok(());
    }
    let last = |names: &[String]| names.last().map_or(String::new(), |name| label(name));
    Err(place.fault(format!(
        "the labels make {n} samples (up to {}) of {p} rows (up to {}) and {q} columns (up to {}), \
         but only {} cells are given; look for labels in the wrong column",
        last(&names.samples),
        last(&names.rows),
        last(&names.cols),
        cells.len()
    )))
}

pub(super) fn malformed(error: &csv::Error, place: &Place<'_>) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => place.at_line(
            line,
            format!(
                "{len} field(s) where the lines before have {expected_len}; \
                 give every line the same number of fields"
            ),
        ),
        ErrorKind::Utf8 { .. } => {
            place.at_line(line, "is not UTF-8 text; save the file in the UTF-8 encoding")
        }
        ErrorKind::Io(error) => place.unreadable(error),
        _ => place.fault(format!("cannot be read as csv ({error})")),
    }
}
