//! Fits: the options by name, the run, and what a fit says of itself.

use crate::convert::to_python;
use crate::data::Data;
use crate::distribution::Distribution;
use crate::errors::exception;
use crate::inference::StandardErrors;
use crate::model::Model;
use crate::run::{Stop, Watch, aside, here};
use kronfit::Error;
use kronfit::estimate::{Fit as Inner, FitOptions, Normalisation};
use kronfit::family::Law;
use kronfit::inference::{ErrorOptions, SampleScore, score};
use kronfit::report::{FitRecord, html::html, plot};
use kronfit::study::Truth;
use numpy::{PyArray1, PyArray2, PyArray3, ToPyArray};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Numbers in a sample up to which a fit stays on the caller's thread.
const SMALL: usize = 200_000;

/// The options of a fit by the names of the command line's flags.
pub fn options(given: &Bound<'_, PyDict>) -> PyResult<FitOptions> {
    let mut options = FitOptions::default();
    for (key, value) in given {
        let key: String = key.extract()?;
        let text = || value.extract::<String>();
        match key.as_str() {
            "method" => options.method = text()?.parse().map_err(exception)?,
            "tol" => options.tol = value.extract()?,
            "max_iter" => options.max_iter = value.extract()?,
            "optimizer" => options.search.optimizer = text()?.parse().map_err(exception)?,
            "coordinates" => options.coordinates = text()?.parse().map_err(exception)?,
            "certificate" => options.certificate = text()?.parse().map_err(exception)?,
            "time_limit" => options.time_limit = value.extract()?,
            "source" => options.source = text()?.parse().map_err(exception)?,
            "force" => options.force = value.extract()?,
            other => {
                let known = "method, tol, max_iter, optimizer, coordinates, certificate, \
                             time_limit, source or force";
                let text = format!("fit() has no option \"{other}\"; use {known}");
                return Err(PyTypeError::new_err(text));
            }
        }
    }
    Ok(options)
}

/// Fits a model to a sample.
#[pyfunction]
#[pyo3(signature = (data, model, options, callback=None))]
pub fn fit(
    py: Python<'_>,
    data: &Data,
    model: &Model,
    options: &Bound<'_, PyDict>,
    callback: Option<Py<PyAny>>,
) -> PyResult<Fit> {
    let options = self::options(options)?;
    let (n, p, q) = data.sample.dim();
    let (sample, model, stop) = (data.sample.clone(), model.inner.clone(), Stop::default());
    let mut watch = Watch { stop: stop.clone(), callback, signals: None };
    let fit = if n * p * q <= SMALL {
        watch.signals = Some(Instant::now());
        here(py, &stop, || model.fit_with(&sample, &options, &mut watch))?
    } else {
        aside(py, &stop, move || model.fit_with(&sample, &options, &mut watch))?
    };
    Ok(Fit { inner: Arc::new(fit) })
}

/// A fitted model.
#[pyclass(frozen, module = "kronfit._core")]
pub struct Fit {
    /// The library's fit.
    pub inner: Arc<Inner>,
}

#[pymethods]
impl Fit {
    #[getter]
    fn model(&self) -> &str {
        self.inner.model().law().name()
    }

    #[getter]
    fn rows(&self) -> String {
        self.inner.model().row_structure().to_string()
    }

    #[getter]
    fn cols(&self) -> String {
        self.inner.model().col_structure().to_string()
    }

    #[getter]
    fn mean_structure(&self) -> &'static str {
        self.inner.model().mean_structure().name()
    }

    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        self.inner.dim()
    }

    #[getter]
    fn sigma2(&self) -> f64 {
        self.inner.sigma2()
    }

    #[getter]
    fn row_factor<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.row_cov().to_pyarray(py)
    }

    #[getter]
    fn col_factor<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.col_cov().to_pyarray(py)
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.mean().to_pyarray(py)
    }

    #[getter]
    fn dof(&self) -> Option<f64> {
        self.inner.dof()
    }

    #[getter]
    fn dof_estimated(&self) -> bool {
        self.inner.model().estimates_dof()
    }

    #[getter]
    fn llf(&self) -> f64 {
        self.inner.log_likelihood()
    }

    #[getter]
    fn n_parameters(&self) -> usize {
        self.inner.n_parameters()
    }

    #[getter]
    fn aic(&self) -> f64 {
        self.inner.aic()
    }

    #[getter]
    fn aicc(&self) -> Option<f64> {
        self.inner.aicc()
    }

    #[getter]
    fn bic(&self) -> f64 {
        self.inner.bic()
    }

    #[getter]
    fn score(&self) -> f64 {
        self.inner.score()
    }

    #[getter]
    fn converged(&self) -> bool {
        self.inner.is_converged()
    }

    #[getter]
    fn termination(&self) -> &'static str {
        self.inner.termination().name()
    }

    #[getter]
    fn method(&self) -> String {
        self.inner.method().to_owned()
    }

    #[getter]
    fn iterations(&self) -> usize {
        self.inner.iterations()
    }

    #[getter]
    fn passes(&self) -> usize {
        self.inner.passes()
    }

    #[getter]
    fn seconds(&self) -> f64 {
        self.inner.seconds()
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.inner.warnings().to_vec()
    }

    #[getter]
    fn source(&self) -> &str {
        self.inner.source()
    }

    #[getter]
    fn row_names(&self) -> Vec<String> {
        self.inner.row_names().to_vec()
    }

    #[getter]
    fn col_names(&self) -> Vec<String> {
        self.inner.col_names().to_vec()
    }

    /// Every step: iteration, passes, seconds, log-likelihood, score, ν.
    #[getter]
    fn trace(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        to_python(py, &self.inner.trace())
    }

    /// σ², A and B by a normalisation.
    #[allow(clippy::type_complexity)]
    fn factors<'py>(
        &self,
        py: Python<'py>,
        rule: &str,
    ) -> PyResult<(f64, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>)> {
        let rule: Normalisation = rule.parse().map_err(exception)?;
        let factors = self.inner.factors(rule);
        Ok((factors.sigma2, factors.row.to_pyarray(py), factors.col.to_pyarray(py)))
    }

    /// Cov(vec_rows X) = factor · σ²(A ⊗ B); `None` where there is no covariance.
    #[getter]
    fn covariance_factor(&self) -> Option<f64> {
        let (_, p, q) = self.inner.dim();
        self.inner.law().covariance_factor(p, q)
    }

    /// The record that the command line writes, as a dict.
    fn record(&self, py: Python<'_>, rule: &str) -> PyResult<Py<PyAny>> {
        let rule: Normalisation = rule.parse().map_err(exception)?;
        to_python(py, &FitRecord::new(&self.inner, rule))
    }

    /// The printed page.
    fn text(&self) -> String {
        self.inner.to_string()
    }

    /// The page as HTML with figures.
    #[pyo3(signature = (command, data=None))]
    fn html(&self, py: Python<'_>, command: &str, data: Option<&Data>) -> PyResult<String> {
        let figures = py
            .detach(|| plot::figures(&self.inner, data.map(|d| d.sample.as_ref())))
            .map_err(exception)?;
        Ok(html(&self.inner, command, &figures))
    }

    /// All figures: (name, title, SVG text).
    #[pyo3(signature = (data=None))]
    fn figures(
        &self,
        py: Python<'_>,
        data: Option<&Data>,
    ) -> PyResult<Vec<(String, String, String)>> {
        let figures = py
            .detach(|| plot::figures(&self.inner, data.map(|d| d.sample.as_ref())))
            .map_err(exception)?;
        Ok(figures.into_iter().map(|f| (f.name, f.title, f.svg)).collect())
    }

    /// Standard errors from the observed or expected information, plain or robust.
    fn standard_errors(
        &self,
        py: Python<'_>,
        data: &Data,
        information: &str,
        robust: bool,
    ) -> PyResult<StandardErrors> {
        let information = crate::inference::information(information).map_err(exception)?;
        let options = ErrorOptions { information, robust };
        let (fit, sample) = (self.inner.clone(), data.sample.clone());
        let errors =
            aside(py, &Stop::default(), move || fit.on(&sample)?.standard_errors_with(options))?;
        Ok(StandardErrors { inner: errors })
    }

    /// ln f(X_i), distance and p-value (NaN where it is not known) of new matrices.
    #[allow(clippy::type_complexity)]
    fn score_samples<'py>(
        &self,
        py: Python<'py>,
        data: &Data,
    ) -> PyResult<[Bound<'py, PyArray1<f64>>; 3]> {
        let scores = py.detach(|| score(&self.inner, &data.sample)).map_err(exception)?;
        let column =
            |of: fn(&SampleScore) -> f64| PyArray1::from_iter(py, scores.samples.iter().map(of));
        Ok([
            column(|s| s.log_density),
            column(|s| s.distance),
            column(|s| s.p_value.unwrap_or(f64::NAN)),
        ])
    }

    /// n samples of the fitted law.
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let fit = self.inner.clone();
        let drawn = aside(py, &Stop::default(), move || Truth::fitted(&fit).simulate(n, seed))?;
        Ok(drawn.sample.values().to_pyarray(py))
    }

    /// Refuses a sample that is not the one that was fitted.
    fn require_sample(&self, data: &Data) -> PyResult<()> {
        self.inner.on(&data.sample).map(drop).map_err(exception)
    }

    /// The record that can be loaded, as JSON text.
    fn to_json(&self) -> PyResult<String> {
        self.inner.model().spec().map_err(exception)?;
        FitRecord::new(&self.inner, Normalisation::Trace).to_json().map_err(exception)
    }

    /// Writes the record to a file, whole or not at all.
    fn save(&self, path: &str) -> PyResult<()> {
        self.inner.save(path).map_err(exception)
    }

    /// Reads a record from text.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        let fit = Inner::from_json(text, Path::new("the fit")).map_err(exception)?;
        Ok(Self { inner: Arc::new(fit) })
    }

    /// Reads a record from a file.
    #[staticmethod]
    fn load(path: &str) -> PyResult<Self> {
        Ok(Self { inner: Arc::new(Inner::load(path).map_err(exception)?) })
    }

    /// The specification of the model.
    fn specification(&self) -> Model {
        Model { inner: self.inner.model().clone() }
    }

    /// The fitted distribution.
    fn distribution(&self) -> PyResult<Distribution> {
        let fit = &self.inner;
        let build = || {
            let row = fit.row_cov() * fit.sigma2();
            Distribution::of(fitted_law(fit)?, fit.mean().to_owned(), row, fit.col_cov().clone())
        };
        build().map_err(exception)
    }
}

/// The law at ν̂.
fn fitted_law(fit: &Inner) -> kronfit::Result<Arc<dyn Law>> {
    let law = fit.model().law();
    match (fit.model().estimates_dof(), fit.dof(), law.dof_family()) {
        (false, ..) => Ok(law.clone()),
        (true, Some(dof), Some(family)) => Ok(family.at(dof)),
        (true, None, Some(family)) => Ok(family.limit()),
        (true, _, None) => Err(Error::Unsupported {
            what: format!("the law {} has no degrees of freedom", law.name()),
            remedy: "choose a t law".to_owned(),
        }),
    }
}
