//! Raw results: one row per scenario × replicate × estimator, in canonical order.

use super::design::Study;
use super::measures::{ERRORS, MEASURES, Measured};
use super::summary::Summary;
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

/// All rows of a study (or of a part of it).
#[derive(Debug, Clone)]
pub struct Results {
    study: Study,
    rows: Vec<Row>,
}

impl Results {
    pub(super) fn new(study: &Study, mut rows: Vec<Row>) -> Self {
        rows.sort_by_key(Row::key);
        Self { study: study.clone(), rows }
    }

    /// The study.
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// The rows by scenario, replicate, estimator.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Means, Monte-Carlo standard errors and counts per scenario and estimator.
    pub fn summary(&self) -> Summary {
        Summary::new(&self.study, &self.rows)
    }

    /// `results.csv`: everything but times, so that equal studies give equal files.
    ///
    /// # Errors
    /// When a row cannot be written, which text always can.
    pub fn to_csv(&self) -> crate::Result<String> {
        let mut table = CsvText::new();
        let design =
            ["scenario", "n", "p", "q", "law", "dof_true", "rows", "cols", "contamination"];
        let head = design.into_iter().chain(["replicate", "estimator", "status", "iterations"]);
        let measures = self.study.measures();
        let head = head.chain(measures.iter().copied()).chain(["message"]);
        table.push(head.map(str::to_owned))?;
        for row in &self.rows {
            let s = &self.study.scenarios[row.scenario];
            let mut fields = vec![
                row.scenario.to_string(),
                s.n.to_string(),
                s.p.to_string(),
                s.q.to_string(),
                s.law.name().to_owned(),
                s.law.dof().map_or(String::new(), |x| x.to_string()),
                s.rows.to_string(),
                s.cols.to_string(),
                s.contamination.to_string(),
                row.replicate.to_string(),
                self.study.estimators[row.estimator].name().to_owned(),
            ];
            fields.extend(row.fields(measures.len()));
            table.push(fields)?;
        }
        table.finish()
    }

    /// `timings.csv`: seconds of every estimation, which no two runs share.
    ///
    /// # Errors
    /// As [`Results::to_csv`].
    pub fn timings_csv(&self) -> crate::Result<String> {
        let mut table = CsvText::new();
        table.push(["scenario", "replicate", "estimator", "seconds"].map(str::to_owned))?;
        for row in &self.rows {
            let name = self.study.estimators[row.estimator].name();
            table.push([
                row.scenario.to_string(),
                row.replicate.to_string(),
                name.to_owned(),
                row.seconds.to_string(),
            ])?;
        }
        table.finish()
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
