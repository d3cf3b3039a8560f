//! Simulation studies from their text, with estimators written in Python.

use crate::errors::exception;
use crate::run::{Stop, aside};
use kronfit::Error;
use kronfit::data::Sample;
use kronfit::estimate::Factors;
use kronfit::study::{Estimate, Estimator, RunOptions, Study};
use numpy::{PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// A Python callable as an estimator: it gets (n, p, q) and gives (row factor, column factor),
/// or (σ², row factor, column factor).
struct Callable {
    name: String,
    function: Py<PyAny>,
}

/// What a callable may give.
#[derive(FromPyObject)]
enum Answer<'py> {
    Three(f64, PyReadonlyArray2<'py, f64>, PyReadonlyArray2<'py, f64>),
    Two(PyReadonlyArray2<'py, f64>, PyReadonlyArray2<'py, f64>),
}

impl Estimator for Callable {
    fn name(&self) -> &str {
        &self.name
    }

    fn estimate(&self, sample: &Sample) -> kronfit::Result<Estimate> {
        Python::attach(|py| {
            let fault = |what: String| Error::Unsupported {
                what,
                remedy: "see the estimator's own code".to_owned(),
            };
            let x = sample.values().to_pyarray(py);
            let answer = self.function.call1(py, (x,)).map_err(|e| fault(e.to_string()))?;
            let factors = match answer.extract::<Answer<'_>>(py) {
                Ok(Answer::Three(sigma2, row, col)) => {
                    (sigma2, row.as_array().to_owned(), col.as_array().to_owned())
                }
                Ok(Answer::Two(row, col)) => {
                    (1.0, row.as_array().to_owned(), col.as_array().to_owned())
                }
                Err(_) => {
                    let what = format!(
                        "the estimator \"{}\" did not give (row, col) or (sigma2, row, col)",
                        self.name
                    );
                    return Err(fault(what));
                }
            };
            let (sigma2, row, col) = factors;
            Ok(Estimate::of(Factors { sigma2, row, col }))
        })
    }
}

/// Runs a study in memory: results, times and summary as CSV text, and the name.
#[pyfunction]
#[pyo3(signature = (text, name, estimators, threads, callback=None))]
pub fn study(
    py: Python<'_>,
    text: &str,
    name: &str,
    estimators: Vec<(String, Py<PyAny>)>,
    threads: usize,
    callback: Option<Py<PyAny>>,
) -> PyResult<(String, String, String, String)> {
    let mut study = Study::from_toml(text, Path::new(name)).map_err(exception)?;
    for (name, function) in estimators {
        study = study.estimator(Arc::new(Callable { name, function }));
    }
    let stop = Stop::default();
    let (flag, watch) = (stop.flag(), stop.clone());
    let _ = (callback, watch);
    let results = aside(py, &stop, move || {
        let options = RunOptions { threads, stop: Some(&flag), ..RunOptions::default() };
        study.run_in_memory(&options)
    })?;
    let csv = || {
        let tables = kronfit::report::StudyTables::new(&results.summary()).errors();
        Ok((results.to_csv()?, results.timings_csv()?, results.summary().to_csv()?, tables))
    };
    csv().map_err(exception)
}
