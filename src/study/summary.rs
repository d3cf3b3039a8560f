//! Summaries: means with Monte-Carlo standard errors, counts, and the errors of ν̂.

use super::design::Study;
use super::measures::MEASURES;
use super::row::{CsvText, FAILED, Row};

/// Mean and Monte-Carlo standard error of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Moments {
    count: usize,
    mean: f64,
    error: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let count = values.len();
        if count == 0 {
            return Self::default();
        }
        let n = count as f64;
        let mean = values.iter().sum::<f64>() / n;
        let square: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let error = if count > 1 { (square / (n - 1.0) / n).sqrt() } else { f64::NAN };
        Self { count, mean, error }
    }
}

/// One estimator in one scenario.
///
/// Measures are averaged over the replicates that converged: look at [`Cell::converged`] first.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    replicates: usize,
    converged: usize,
    failed: usize,
    without_intervals: usize,
    measures: [Moments; MEASURES.len()],
    iterations: Moments,
    seconds: Moments,
    dof: DofErrors,
}

/// Errors of ν̂ against the true ν (1/ν = 0 for a Gaussian truth).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct DofErrors {
    infinite: usize,
    bias: Option<f64>,
    rmse: Option<f64>,
    inverse_rmse: Option<f64>,
}

impl DofErrors {
    fn new(estimates: &[f64], truth: Option<f64>) -> Self {
        let finite: Vec<f64> = estimates.iter().copied().filter(|x| x.is_finite()).collect();
        let root = |squares: Vec<f64>| {
            let n = squares.len() as f64;
            (n > 0.0).then(|| (squares.iter().sum::<f64>() / n).sqrt())
        };
        let known = truth.filter(|_| !finite.is_empty());
        let inverse = truth.map_or(0.0, f64::recip);
        Self {
            infinite: estimates.len() - finite.len(),
            bias: known
                .map(|dof| finite.iter().map(|x| x - dof).sum::<f64>() / finite.len() as f64),
            rmse: known.and_then(|dof| root(finite.iter().map(|x| (x - dof).powi(2)).collect())),
            inverse_rmse: root(estimates.iter().map(|x| (x.recip() - inverse).powi(2)).collect()),
        }
    }
}

impl Cell {
    fn new(rows: &[&Row], truth_dof: Option<f64>) -> Self {
        let good: Vec<&&Row> = rows.iter().filter(|r| r.is_converged()).collect();
        let column = |i: usize| good.iter().filter_map(|r| r.measured[i]).collect::<Vec<_>>();
        let dof = MEASURES.iter().position(|m| *m == "dof").map(column).unwrap_or_default();
        let all = |f: fn(&Row) -> f64| good.iter().map(|r| f(r)).collect::<Vec<_>>();
        Self {
            replicates: rows.len(),
            converged: good.len(),
            failed: rows.iter().filter(|r| r.status == FAILED).count(),
            without_intervals: good.iter().filter(|r| r.lacks_intervals()).count(),
            measures: std::array::from_fn(|i| Moments::of(&column(i))),
            iterations: Moments::of(&all(|r| r.iterations as f64)),
            seconds: Moments::of(&all(|r| r.seconds)),
            dof: DofErrors::new(&dof, truth_dof),
        }
    }

    /// Replicates.
    pub fn replicates(&self) -> usize {
        self.replicates
    }

    /// Replicates that converged.
    pub fn converged(&self) -> usize {
        self.converged
    }

    /// Replicates without any estimate.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// Replicates that converged but have no interval for any parameter: all of them where the study
    /// does not ask for coverage, or the estimator has no likelihood fit.
    pub fn without_intervals(&self) -> usize {
        self.without_intervals
    }

    fn moments(&self, measure: &str) -> Option<Moments> {
        let found = match measure {
            "iterations" => self.iterations,
            "seconds" => self.seconds,
            _ => self.measures[MEASURES.iter().position(|m| *m == measure)?],
        };
        (found.count > 0).then_some(found)
    }

    /// Mean of a measure (also `iterations` and `seconds`); `None` where there is none.
    pub fn mean(&self, measure: &str) -> Option<f64> {
        self.moments(measure).map(|m| m.mean)
    }

    /// Monte-Carlo standard error of [`Cell::mean`]; `None` below two replicates.
    pub fn standard_error(&self, measure: &str) -> Option<f64> {
        self.moments(measure).map(|m| m.error).filter(|e| !e.is_nan())
    }

    /// Replicates in which ν̂ is infinite.
    pub fn dof_infinite(&self) -> usize {
        self.dof.infinite
    }

    /// Mean of ν̂ − ν over the finite ν̂.
    pub fn dof_bias(&self) -> Option<f64> {
        self.dof.bias
    }

    /// Root mean square of ν̂ − ν over the finite ν̂.
    pub fn dof_rmse(&self) -> Option<f64> {
        self.dof.rmse
    }

    /// Root mean square of 1/ν̂ − 1/ν over all ν̂.
    pub fn dof_inverse_rmse(&self) -> Option<f64> {
        self.dof.inverse_rmse
    }
}

/// Cells by scenario and estimator.
#[derive(Debug, Clone)]
pub struct Summary {
    study: Study,
    cells: Vec<Cell>,
}

impl Summary {
    pub(super) fn new(study: &Study, rows: &[Row]) -> Self {
        let width = study.estimators.len();
        let mut groups: Vec<Vec<&Row>> = vec![Vec::new(); study.scenarios.len() * width];
        rows.iter().for_each(|row| groups[row.scenario * width + row.estimator].push(row));
        let truth = |i: usize| study.scenarios[i / width].law.dof();
        let cells = groups.iter().enumerate().map(|(i, g)| Cell::new(g, truth(i))).collect();
        Self { study: study.clone(), cells }
    }

    /// The study.
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// The cell of a scenario and an estimator, by their numbers.
    ///
    /// # Panics
    /// When there is no such scenario or estimator, as slices do.
    pub fn cell(&self, scenario: usize, estimator: usize) -> &Cell {
        &self.cells[scenario * self.study.estimators.len() + estimator]
    }

    /// `summary.csv`: one line per scenario and estimator; mean and standard error per measure.
    ///
    /// # Errors
    /// When a row cannot be written, which text always can.
    pub fn to_csv(&self) -> crate::Result<String> {
        let mut table = CsvText::new();
        let counts = ["replicates", "converged", "failed", "iterations"];
        let head = [
            "scenario",
            "n",
            "p",
            "q",
            "law",
            "dof_true",
            "rows",
            "cols",
            "contamination",
            "estimator",
        ];
        let (measured, coverage) = (self.study.measures(), self.study.coverage.is_some());
        let measures = measured.iter().flat_map(|m| [(*m).to_owned(), format!("{m}_se")]);
        let dof = ["dof_infinite", "dof_bias", "dof_rmse", "dof_inverse_rmse"];
        let texts = |list: &[&str]| list.iter().map(|x| (*x).to_owned()).collect::<Vec<_>>();
        let last = if coverage { &["without_intervals"][..] } else { &[] };
        let head = texts(&head).into_iter().chain(texts(&counts)).chain(measures);
        table.push(head.chain(texts(&dof)).chain(texts(last)))?;
        for (i, s) in self.study.scenarios.iter().enumerate() {
            for (j, estimator) in self.study.estimators.iter().enumerate() {
                let cell = self.cell(i, j);
                let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
                let mut fields = vec![
                    i.to_string(),
                    s.n.to_string(),
                    s.p.to_string(),
                    s.q.to_string(),
                    s.law.name().to_owned(),
                    number(s.law.dof()),
                    s.rows.to_string(),
                    s.cols.to_string(),
                    s.contamination.to_string(),
                    estimator.name().to_owned(),
                    cell.replicates.to_string(),
                    cell.converged.to_string(),
                    cell.failed.to_string(),
                    number(cell.mean("iterations")),
                ];
                for measure in measured {
                    fields.push(number(cell.mean(measure)));
                    fields.push(number(cell.standard_error(measure)));
                }
                fields.push(cell.dof.infinite.to_string());
                fields.extend([cell.dof.bias, cell.dof.rmse, cell.dof.inverse_rmse].map(number));
                if coverage {
                    fields.push(cell.without_intervals.to_string());
                }
                table.push(fields)?;
            }
        }
        table.finish()
    }
}
