//! One row of the results, and the text that rows are written in.

use super::measures::{ERRORS, MEASURES, Measured};
use crate::Error;

/// What one estimator did on one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Number of the scenario.
    pub scenario: usize,
    /// Number of the replicate.
    pub replicate: usize,
    /// Number of the estimator.
    pub estimator: usize,
    /// `converged`, why not, or `failed`.
    pub status: String,
    /// Iterations.
    pub iterations: usize,
    /// The measures.
    pub measured: Measured,
    /// Why it failed, or why it has no intervals; empty where neither is so.
    pub message: String,
    /// Seconds of the estimation alone: not a result, and not in the result file.
    pub seconds: f64,
}

/// A message as one field of one line.
pub(super) fn one_line(message: &str) -> String {
    message.replace(['\n', '\r'], " ")
}

/// Status of an estimator that gave nothing.
pub(super) const FAILED: &str = "failed";

impl Row {
    pub(super) fn blank(scenario: usize, replicate: usize, estimator: usize) -> Self {
        Self {
            scenario,
            replicate,
            estimator,
            status: String::new(),
            iterations: 0,
            measured: [None; MEASURES.len()],
            message: String::new(),
            seconds: 0.0,
        }
    }

    pub(super) fn failed(self, error: &Error) -> Self {
        Self { status: FAILED.to_owned(), message: one_line(&error.to_string()), ..self }
    }

    /// The place in the canonical order.
    pub(super) fn key(&self) -> (usize, usize, usize) {
        (self.scenario, self.replicate, self.estimator)
    }

    /// A measure by its name.
    pub fn measure(&self, name: &str) -> Option<f64> {
        MEASURES.iter().position(|m| *m == name).and_then(|i| self.measured[i])
    }

    /// Did the estimator reach what it should?
    pub fn is_converged(&self) -> bool {
        self.status == super::estimator::CONVERGED
    }

    /// Has the estimate no interval for any parameter?
    pub(super) fn lacks_intervals(&self) -> bool {
        self.measured[ERRORS].is_none()
    }

    /// The fields after the three numbers of the key, without the time; the first `measures`
    /// measures.
    pub(super) fn fields(&self, measures: usize) -> Vec<String> {
        let mut fields = vec![self.status.clone(), self.iterations.to_string()];
        // `{}` prints the shortest text that reads back as the same double.
        let measured = self.measured.iter().take(measures);
        fields.extend(measured.map(|x| x.map_or(String::new(), |x| x.to_string())));
        fields.push(self.message.clone());
        fields
    }

    pub(super) fn parse(
        key: (usize, usize, usize),
        fields: &[&str],
        seconds: f64,
        wanted: usize,
    ) -> Option<Self> {
        let [status, iterations, measures @ .., message] = fields else { return None };
        let mut row = Self::blank(key.0, key.1, key.2);
        if measures.len() != wanted {
            return None;
        }
        for (slot, text) in row.measured.iter_mut().zip(measures) {
            *slot = if text.is_empty() { None } else { Some(text.parse().ok()?) };
        }
        row.status = (*status).to_owned();
        row.iterations = iterations.parse().ok()?;
        row.message = (*message).to_owned();
        row.seconds = seconds;
        Some(row)
    }
}

/// CSV text in memory.
pub(super) struct CsvText(csv::Writer<Vec<u8>>);

impl CsvText {
    pub(super) fn new() -> Self {
        Self(csv::Writer::from_writer(Vec::new()))
    }

    pub(super) fn push(&mut self, fields: impl IntoIterator<Item = String>) -> crate::Result<()> {
        self.0.write_record(fields).map_err(|e| Error::file("the table", e))
    }

    pub(super) fn finish(self) -> crate::Result<String> {
        let failed = |e: String| Error::file("the table", e);
        let bytes = self.0.into_inner().map_err(|e| failed(e.to_string()))?;
        String::from_utf8(bytes).map_err(|e| failed(e.to_string()))
    }
}
