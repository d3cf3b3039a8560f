//! Comma-separated tables: the long form of a sample, and plain matrices.

use super::place::{Place, list, shorten};
use crate::data::{Names, Sample};
use crate::{Error, Result};
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use ndarray::{Array2, Array3};
use std::collections::HashMap;
use std::io::Read;

/// Columns of the long form; others are passed over.
const HEADER: [&str; 4] = ["sample", "row", "col", "value"];

/// One line of the long form.
struct Cell {
    /// Positions of the labels of sample, row and column.
    at: [usize; 3],
    value: f64,
    line: u64,
}

/// Labels of one axis in order of first appearance.
#[derive(Default)]
struct Labels {
    position: HashMap<String, usize>,
    names: Vec<String>,
}

impl Labels {
    fn intern(&mut self, label: &str) -> usize {
        if let Some(&position) = self.position.get(label) {
            return position;
        }
        let position = self.names.len();
        self.position.insert(label.to_owned(), position);
        self.names.push(label.to_owned());
        position
    }

    /// Final names, and the final position of each label: numeric order when all are integers.
    fn ordered(self) -> (Vec<String>, Vec<usize>) {
        let numbers: Option<Vec<i128>> = self.names.iter().map(|name| name.parse().ok()).collect();
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        if let Some(numbers) = numbers {
            order.sort_by_key(|&position| numbers[position]);
        }
        let mut rank = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            rank[old] = new;
        }
        (order.into_iter().map(|old| self.names[old].clone()).collect(), rank)
    }
}

/// Reads the long form: one line per cell, columns `sample,row,col,value` in any order.
pub(super) fn read_long(reader: impl Read, place: &Place<'_>) -> Result<Sample> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(reader);
    let columns = find_columns(&mut reader, place)?;
    let mut labels = [Labels::default(), Labels::default(), Labels::default()];
    let mut cells = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| malformed(&error, place))? {
        let line = record.position().map_or(0, csv::Position::line);
        let field = |axis: usize| record.get(columns[axis]).unwrap_or_default();
        let value = parse_value(field(3), line, columns[3], place)?;
        let mut at = [0; 3];
        for (axis, labels) in labels.iter_mut().enumerate() {
            let label = field(axis);
            if label.is_empty() {
                return Err(place.at_line(
                    line,
                    format!("the {} label is empty; name every {0}", HEADER[axis]),
                ));
            }
            at[axis] = labels.intern(label);
        }
        cells.push(Cell { at, value, line });
    }
    if cells.is_empty() {
        return Err(place.fault("has a header, but no data below it; add one line per cell"));
    }
    assemble(cells, labels, place)
}

fn find_columns<R: Read>(reader: &mut Reader<R>, place: &Place<'_>) -> Result<[usize; 4]> {
    let header = reader.headers().map_err(|error| malformed(&error, place))?;
    let mut columns = [0; 4];
    for (column, wanted) in columns.iter_mut().zip(HEADER) {
        let mut found =
            header.iter().enumerate().filter(|(_, name)| name.eq_ignore_ascii_case(wanted));
        *column = match (found.next(), found.next()) {
            (Some((position, _)), None) => position,
            (Some(_), Some(_)) => {
                return Err(place
                    .at_line(1, format!("two columns are called '{wanted}'; keep one of them")));
            }
            (None, _) => {
                let there: Vec<String> = header.iter().map(shorten).collect();
                return Err(place.at_line(
                    1,
                    format!(
                        "the header has no column '{wanted}' (it has {}); \
                         name the columns sample,row,col,value",
                        list(&there)
                    ),
                ));
            }
        };
    }
    Ok(columns)
}

/// How programs write a value that is not there.
const MISSING: [&str; 9] = ["", "na", "nan", "n/a", "<na>", "null", "none", "nil", "."];

/// A number, or NaN for a value that is missing.
fn parse_value(text: &str, line: u64, column: usize, place: &Place<'_>) -> Result<f64> {
    if MISSING.iter().any(|word| text.trim_start_matches('-').eq_ignore_ascii_case(word)) {
        return Ok(f64::NAN);
    }
    let reason = match text.parse::<f64>() {
        Ok(value) if value.is_finite() => return Ok(value),
        Ok(value) => format!("the value in column {} is {value}; remove or replace it", column + 1),
        Err(_) => format!(
            "{} in column {} is not a number; write numbers as 1.5 or 1.5e-3",
            shorten(text),
            column + 1
        ),
    };
    Err(place.at_line(line, reason))
}

/// Sorts the cells into the array; no cell may be there twice, and one without a line is missing.
fn assemble(mut cells: Vec<Cell>, labels: [Labels; 3], place: &Place<'_>) -> Result<Sample> {
    let [samples, rows, cols] = labels.map(Labels::ordered);
    for cell in &mut cells {
        for (position, (_, rank)) in cell.at.iter_mut().zip([&samples, &rows, &cols]) {
            *position = rank[*position];
        }
    }
    cells.sort_by_key(|cell| (cell.at, cell.line));
    let names = |at: [usize; 3]| {
        format!(
            "sample {}, row {}, col {}",
            shorten(&samples.0[at[0]]),
            shorten(&rows.0[at[1]]),
            shorten(&cols.0[at[2]])
        )
    };
    let twice = cells.windows(2).filter(|pair| pair[0].at == pair[1].at);
    if let Some(pair) = twice.min_by_key(|pair| pair[1].line) {
        return Err(place.at_line(
            pair[1].line,
            format!(
                "the cell of {} is already given in line {}; remove one of the two",
                names(pair[1].at),
                pair[0].line
            ),
        ));
    }
    let dim = (samples.0.len(), rows.0.len(), cols.0.len());
    require_dense(cells.len(), dim, place)?;
    let mut values = Array3::from_elem(dim, f64::NAN);
    for cell in &cells {
        values[cell.at] = cell.value;
    }
    let names = Names { samples: samples.0, rows: rows.0, cols: cols.0 };
    Sample::incomplete(values, names, place.subject())
}

/// Most cells of the array for each line of the file: with more, the labels are mistyped or stand
/// in the wrong columns, and the array would not fit into memory.
const MOST_CELLS_PER_LINE: usize = 100;

/// Refuses labels that promise far more cells than there are lines.
fn require_dense(lines: usize, (n, p, q): (usize, usize, usize), place: &Place<'_>) -> Result<()> {
    let cells = n.checked_mul(p).and_then(|rows| rows.checked_mul(q));
    if cells.is_some_and(|cells| cells <= lines.saturating_mul(MOST_CELLS_PER_LINE)) {
        return Ok(());
    }
    Err(place.fault(format!(
        "the labels make {n} samples of {p} × {q}, but only {lines} cells are given; look for \
         labels in the wrong column"
    )))
}

/// Reads a plain matrix: lines of numbers, after at most one line without any number.
pub(super) fn read_plain(reader: impl Read, place: &Place<'_>) -> Result<Array2<f64>> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).has_headers(false).from_reader(reader);
    let (mut values, mut rows, mut cols) = (Vec::new(), 0, 0);
    let mut record = StringRecord::new();
    let mut first = true;
    while reader.read_record(&mut record).map_err(|error| malformed(&error, place))? {
        let header = first && record.iter().all(|field| field.parse::<f64>().is_err());
        first = false;
        if header {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        for (column, field) in record.iter().enumerate() {
            values.push(parse_value(field, line, column, place)?);
        }
        rows += 1;
        cols = record.len();
    }
    if values.is_empty() {
        return Err(place.fault("holds no numbers; write one line of numbers per row"));
    }
    Array2::from_shape_vec((rows, cols), values)
        .map_err(|error| place.fault(format!("cannot be shaped ({error})")))
}

fn malformed(error: &csv::Error, place: &Place<'_>) -> Error {
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
