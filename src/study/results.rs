//! Raw results: one row per scenario × replicate × estimator, in canonical order.

use super::design::Study;
use super::row::{CsvText, Row};
use super::summary::Summary;

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
