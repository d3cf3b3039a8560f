//! Tables beside a sample: covariates, weights, labels, one line for each sample.

use super::cells::{each, malformed};
use super::decode::Text;
use super::place::{Place, list, shorten};
use super::values::Values;
use crate::data::Sample;
use crate::text::label;
use crate::{Error, Result};
use ndarray::Array1;
use std::collections::HashMap;
use std::io::Read;

/// Name of the column that holds the labels of the samples.
const SAMPLE: &str = "sample";

/// A table with a header and a line for each sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    header: Vec<String>,
    /// Text of the cells, line by line.
    rows: Vec<Vec<String>>,
    /// Labels of the samples, where there is a column `sample`.
    samples: Option<Vec<String>>,
    separator: u8,
    source: String,
}

impl Sheet {
    /// Names of the columns, that of the sample labels left out.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Number of lines below the header.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Is there no line below the header?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Labels of the samples, where there is a column `sample`.
    pub fn samples(&self) -> Option<&[String]> {
        self.samples.as_deref()
    }

    /// Where the table came from, for messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The table with its lines in the order of the samples: by label where it has a column
    /// `sample`, else in its own order.
    ///
    /// A sample without names is matched by its zero-based index. Lines of other samples are left
    /// out.
    ///
    /// # Errors
    /// [`Error::Names`] when a sample has no line, or two; [`Error::Shape`] when the table has no
    /// labels and not one line for each sample.
    pub fn matched(&self, sample: &Sample) -> Result<Self> {
        let (n, _, _) = sample.dim();
        let Some(labels) = &self.samples else {
            if self.len() != n {
                let expected = format!("{n} lines, one for each sample of {}", sample.source());
                return Err(Error::shape(&self.source, expected, self.len()));
            }
            return Ok(self.clone());
        };
        let numbered: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        let wanted =
            if sample.sample_names().is_empty() { &numbered } else { sample.sample_names() };
        let mut place = HashMap::new();
        for (line, name) in labels.iter().enumerate() {
            if place.insert(name.as_str(), line).is_some() {
                return Err(Error::file(
                    &self.source,
                    format!("has two lines for sample {}; keep one of them", label(name)),
                ));
            }
        }
        let lines: Option<Vec<usize>> =
            wanted.iter().map(|name| place.get(name.as_str()).copied()).collect();
        let Some(lines) = lines else {
            let there: Vec<String> = wanted
                .iter()
                .filter(|name| !place.contains_key(name.as_str()))
                .map(|name| label(name))
                .collect();
            return Err(Error::Names {
                what: format!("the sample labels of {}", self.source),
                whose: sample.source().to_owned(),
                here: Vec::new(),
                there,
            });
        };
        let rows = lines.iter().map(|&line| self.rows[line].clone()).collect();
        Ok(Self { rows, samples: Some(wanted.to_vec()), ..self.clone() })
    }

    /// The text of a column.
    ///
    /// # Errors
    /// [`Error::File`] names the columns that there are.
    pub fn column(&self, name: &str) -> Result<Vec<&str>> {
        let Some(at) = self.header.iter().position(|head| head == name) else {
            let there: Vec<String> = self.header.iter().map(|h| shorten(h)).collect();
            return Err(Error::file(
                &self.source,
                format!("has no column {} (it has {})", shorten(name), list(&there)),
            ));
        };
        Ok(self.rows.iter().map(|row| row[at].as_str()).collect())
    }

    /// The numbers of a column; NaN where a value is missing.
    ///
    /// # Errors
    /// As [`Sheet::column`]; [`Error::File`] when a cell is no number.
    pub fn numbers(&self, name: &str) -> Result<Array1<f64>> {
        let mut values = Values::new(self.separator);
        let place = Place::file(self.source.as_ref());
        let cells = self.column(name)?;
        // The header is line 1.
        let read = |(line, text): (usize, &&str)| values.read(text, line as u64 + 2, 0, &place);
        cells.iter().enumerate().map(read).collect()
    }

    /// Does the column hold numbers only (or missing values)?
    pub fn is_numeric(&self, name: &str) -> bool {
        self.numbers(name).is_ok()
    }
}

/// Reads a table with a header from `length` bytes of text.
pub(super) fn read_sheet(reader: impl Read, length: u64, place: &Place<'_>) -> Result<Sheet> {
    let text = Text::open(reader, length, place)?;
    let separator = text.splitting(b"\t;,|");
    let mut records = text.records(separator, true, false);
    let header = records.headers().map_err(|error| malformed(&error, place))?.clone();
    let at = header.iter().position(|head| head.eq_ignore_ascii_case(SAMPLE));
    let mut names: Vec<String> = header.iter().map(str::to_owned).collect();
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            let reason = format!("two columns are called {}; rename one of them", shorten(name));
            return Err(place.at_line(1, reason));
        }
    }
    if let Some(at) = at {
        names.remove(at);
    }
    let (mut rows, mut samples) = (Vec::new(), Vec::new());
    each(&mut records, place, |record, _| {
        let mut row: Vec<String> = record.iter().map(str::to_owned).collect();
        if let Some(at) = at {
            samples.push(row.remove(at));
        }
        rows.push(row);
        Ok(())
    })?;
    if rows.is_empty() {
        return Err(place.fault("has a header, but no data below it; add a line for each sample"));
    }
    let samples = at.map(|_| samples);
    Ok(Sheet { header: names, rows, samples, separator, source: place.subject() })
}
