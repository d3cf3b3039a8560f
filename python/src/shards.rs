//! Fits to data that is kept elsewhere: questions go out as text, answers come back as arrays.

use crate::data::Data;
use crate::errors::exception;
use crate::fit::{Fit, options};
use crate::model::Model;
use crate::run::{Stop, Watch, here};
use kronfit::Error;
use kronfit::likelihood::{Question, Shards};
use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray3, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;
use std::time::Instant;

/// A callable that asks all shards and adds up their answers.
struct Asked {
    dim: (usize, usize, usize),
    name: String,
    ask: Py<PyAny>,
    stop: Stop,
}

impl Shards for Asked {
    fn dim(&self) -> (usize, usize, usize) {
        self.dim
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn ask(&self, question: &Question) -> kronfit::Result<Vec<f64>> {
        let text = question.to_text()?;
        let sums = !matches!(question, Question::Summaries { .. });
        Python::attach(|py| {
            let answer = self.ask.call1(py, (text, sums)).and_then(|answer| {
                Ok(answer.extract::<PyReadonlyArray1<'_, f64>>(py)?.as_array().to_vec())
            });
            answer.map_err(|error| {
                let reason = error.to_string();
                self.stop.fail(error);
                Error::Interrupted { reason }
            })
        })
    }
}

/// Fits a model to shards; `ask(question, sums)` gives the sum of all answers, or all of them.
#[pyfunction]
#[pyo3(signature = (dim, name, part, model, fit_options, ask, callback=None))]
#[allow(clippy::too_many_arguments)]
pub fn fit_shards(
    py: Python<'_>,
    dim: (usize, usize, usize),
    name: String,
    part: &Data,
    model: &Model,
    fit_options: &Bound<'_, PyDict>,
    ask: Py<PyAny>,
    callback: Option<Py<PyAny>>,
) -> PyResult<Fit> {
    let (options, stop) = (options(fit_options)?, Stop::default());
    let mut watch = Watch { stop: stop.clone(), callback, signals: Some(Instant::now()) };
    let shards = Asked { dim, name, ask, stop: stop.clone() };
    let fit =
        here(py, &stop, || model.inner.fit_shards(&shards, &part.sample, &options, &mut watch))?;
    Ok(Fit { inner: Arc::new(fit) })
}

/// A shard's answer to a question.
#[pyfunction]
pub fn answer<'py>(
    py: Python<'py>,
    question: &str,
    values: PyReadonlyArray3<'_, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let question = Question::from_text(question).map_err(exception)?;
    let view = values.as_array();
    let answer = py.detach(|| question.answer(view)).map_err(exception)?;
    Ok(answer.to_pyarray(py))
}
