//! Standard errors, tests, profiles, comparisons, outliers.

use crate::convert::to_python;
use crate::data::Data;
use crate::errors::exception;
use crate::fit::{Fit, options};
use crate::model::Model;
use crate::run::{Stop, aside};
use kronfit::Error;
use kronfit::inference::{
    self, BootstrapOptions, InformationKind, IntervalScale, ProfileOptions, SeparabilityOptions,
    Shared, StandardErrors as Inner,
};
use kronfit::kronecker::Side;
use kronfit::report::{comparison_table, profile_figure};
use numpy::{PyArray1, PyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// `observed` or `expected`.
pub fn information(name: &str) -> kronfit::Result<InformationKind> {
    match name {
        "observed" => Ok(InformationKind::Observed),
        "expected" => Ok(InformationKind::Expected),
        other => Err(Error::domain(
            "the kind of standard errors",
            format!("\"{other}\""),
            "observed, expected or robust",
        )),
    }
}

/// Standard errors of a fit.
#[pyclass(frozen, module = "kronfit._core")]
pub struct StandardErrors {
    /// The library's standard errors.
    pub inner: Inner,
}

/// (name, estimate, standard error, low, high, scale).
type IntervalTuple = (String, f64, f64, f64, f64, &'static str);

#[pymethods]
impl StandardErrors {
    /// Wald intervals of everything that has one.
    fn intervals(&self, level: f64) -> PyResult<Vec<IntervalTuple>> {
        let all = self.inner.intervals(level).map_err(exception)?;
        let scale = |scale| match scale {
            IntervalScale::Linear => "linear",
            IntervalScale::Log => "log",
            IntervalScale::Atanh => "atanh",
            IntervalScale::Logit => "logit",
        };
        Ok(all
            .into_iter()
            .map(|i| (i.name, i.estimate, i.standard_error, i.low, i.high, scale(i.scale)))
            .collect())
    }

    #[getter]
    fn sigma2(&self) -> f64 {
        self.inner.sigma2
    }

    #[getter]
    fn dof(&self) -> Option<f64> {
        self.inner.dof
    }

    #[getter]
    fn row_factor<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.row_cov.to_pyarray(py)
    }

    #[getter]
    fn col_factor<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.col_cov.to_pyarray(py)
    }

    #[getter]
    fn row_correlation<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.row_correlation.to_pyarray(py)
    }

    #[getter]
    fn col_correlation<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.col_correlation.to_pyarray(py)
    }

    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.mean.to_pyarray(py)
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// Covariance of the estimates in the order of [`StandardErrors::intervals`].
    fn covariance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.inner.parameter_covariance().map_err(exception)?.to_pyarray(py))
    }

    /// The printed page.
    fn text(&self) -> String {
        self.inner.to_string()
    }
}

/// Simulated p-values, with a callback that is told how many are done.
struct Simulation {
    replicates: Option<usize>,
    seed: u64,
    stop: Stop,
    callback: Option<Py<PyAny>>,
}

impl Simulation {
    fn with<T>(&self, work: impl FnOnce(Option<BootstrapOptions<'_>>) -> T) -> T {
        let progress = |done: usize| self.stop.tell(self.callback.as_ref(), done);
        work(self.replicates.map(|replicates| BootstrapOptions {
            replicates,
            seed: self.seed,
            progress: Some(&progress),
        }))
    }
}

/// Tests Cov(vec X) = A ⊗ B.
#[pyfunction]
#[pyo3(signature = (data, model, fit_options, bootstrap=None, seed=1, project=None, callback=None))]
#[allow(clippy::too_many_arguments)]
pub fn separability(
    py: Python<'_>,
    data: &Data,
    model: &Model,
    fit_options: &Bound<'_, PyDict>,
    bootstrap: Option<usize>,
    seed: u64,
    project: Option<(usize, usize)>,
    callback: Option<Py<PyAny>>,
) -> PyResult<(Py<PyAny>, String)> {
    let (fit, stop) = (options(fit_options)?, Stop::default());
    let simulation = Simulation { replicates: bootstrap, seed, stop: stop.clone(), callback };
    let (sample, mean) = (data.sample.clone(), model.inner.mean_structure().clone());
    let result = aside(py, &stop, move || {
        simulation.with(|bootstrap| {
            let options = SeparabilityOptions { mean, fit, bootstrap, projection: project };
            inference::separability(&sample, &options)
        })
    })?;
    Ok((to_python(py, &result)?, result.to_string()))
}

/// Tests a smaller model against a larger one, both fitted here.
#[pyfunction]
#[pyo3(signature = (data, null, alternative, fit_options, bootstrap=None, seed=1, callback=None))]
#[allow(clippy::too_many_arguments)]
pub fn nested_test(
    py: Python<'_>,
    data: &Data,
    null: &Model,
    alternative: &Model,
    fit_options: &Bound<'_, PyDict>,
    bootstrap: Option<usize>,
    seed: u64,
    callback: Option<Py<PyAny>>,
) -> PyResult<(Py<PyAny>, String)> {
    let (options, stop) = (options(fit_options)?, Stop::default());
    let simulation = Simulation { replicates: bootstrap, seed, stop: stop.clone(), callback };
    let sample = data.sample.clone();
    let (null, alternative) = (null.inner.clone(), alternative.inner.clone());
    let result = aside(py, &stop, move || {
        simulation.with(|bootstrap| {
            inference::nested_test(&sample, &null, &alternative, &options, bootstrap.as_ref())
        })
    })?;
    Ok((to_python(py, &result)?, result.to_string()))
}

/// Tests whether groups share A ⊗ B, A or B.
#[pyfunction]
#[pyo3(signature = (groups, shared, fit_options, bootstrap=None, seed=1, callback=None))]
pub fn equal_factors(
    py: Python<'_>,
    groups: Vec<PyRef<'_, Data>>,
    shared: &str,
    fit_options: &Bound<'_, PyDict>,
    bootstrap: Option<usize>,
    seed: u64,
    callback: Option<Py<PyAny>>,
) -> PyResult<(Py<PyAny>, String)> {
    let (options, stop) = (options(fit_options)?, Stop::default());
    let shared = match shared {
        "both" => Shared::Both,
        "rows" => Shared::Rows,
        "cols" => Shared::Cols,
        other => {
            let value = format!("\"{other}\"");
            return Err(exception(Error::domain("shared", value, "both, rows or cols")));
        }
    };
    let simulation = Simulation { replicates: bootstrap, seed, stop: stop.clone(), callback };
    let groups: Vec<_> = groups.iter().map(|data| data.sample.as_ref().clone()).collect();
    let result = aside(py, &stop, move || {
        simulation.with(|bootstrap| {
            inference::equal_factors(&groups, shared, &options, bootstrap.as_ref())
        })
    })?;
    Ok((to_python(py, &result)?, result.to_string()))
}

/// The profile likelihood of ν, or of the ρ of the rows or of the columns, with its figure.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn profile(
    py: Python<'_>,
    fit: &Fit,
    data: &Data,
    what: &str,
    level: f64,
    points: usize,
    fit_options: &Bound<'_, PyDict>,
) -> PyResult<(Py<PyAny>, f64, String, String)> {
    let options = ProfileOptions { level, points, fit: options(fit_options)? };
    let (inner, sample, what) = (fit.inner.clone(), data.sample.clone(), what.to_owned());
    let profile = aside(py, &Stop::default(), move || match what.as_str() {
        "dof" => inner.on(&sample)?.profile_dof(&options),
        "rows" => inner.on(&sample)?.profile_rho(Side::Rows, &options),
        "cols" => inner.on(&sample)?.profile_rho(Side::Cols, &options),
        other => Err(Error::domain(
            "what is profiled",
            format!("\"{other}\""),
            "dof (ν), rows (ρ of the rows) or cols (ρ of the columns)",
        )),
    })?;
    let figure = profile_figure(&profile, "profile").map_err(exception)?;
    Ok((to_python(py, &profile)?, profile.estimate, profile.to_string(), figure.svg))
}

/// A grid of models on one sample: one dict per model, and the table as text.
#[pyfunction]
#[pyo3(signature = (data, models, fit_options, sort, callback=None))]
pub fn compare(
    py: Python<'_>,
    data: &Data,
    models: Vec<PyRef<'_, Model>>,
    fit_options: &Bound<'_, PyDict>,
    sort: &str,
    callback: Option<Py<PyAny>>,
) -> PyResult<(Py<PyAny>, String)> {
    let (options, stop, sample) = (options(fit_options)?, Stop::default(), data.sample.clone());
    let models: Vec<_> = models.iter().map(|model| model.inner.clone()).collect();
    let order = sort.parse().map_err(exception)?;
    let watch = stop.clone();
    let mut rows = aside(py, &stop, move || {
        let mut last = None;
        Ok(inference::compare(&sample, &models, &options, &mut |done| {
            // Told of every step of every fit; who waits wants to know of every model.
            let news = last.replace(done) != Some(done);
            if news { watch.tell(callback.as_ref(), done) } else { !watch.is_set() }
        }))
    })?;
    inference::sort_compared(&mut rows, order);
    Ok((to_python(py, &rows)?, comparison_table(&rows).to_string()))
}

/// Distances of the samples with p-values: the reference law, columns, notes.
#[pyfunction]
pub fn outliers(
    py: Python<'_>,
    fit: &Fit,
    data: &Data,
) -> PyResult<(String, Py<PyDict>, Vec<String>)> {
    let (inner, sample) = (fit.inner.clone(), data.sample.clone());
    let found = aside(py, &Stop::default(), move || inner.on(&sample)?.outliers())?;
    let columns = PyDict::new(py);
    let column = |name: &str, of: fn(&inference::Distance) -> f64| {
        let values = found.distances.iter().map(of);
        columns.set_item(name, PyArray1::from_iter(py, values))
    };
    column("distance", |d| d.distance)?;
    column("statistic", |d| d.statistic)?;
    column("p_value", |d| d.p_value)?;
    column("holm", |d| d.holm)?;
    column("benjamini_hochberg", |d| d.benjamini_hochberg)?;
    Ok((found.reference, columns.unbind(), found.notes))
}

/// c (p × q) with Σ c_ij = the squared distance of one sample.
#[pyfunction]
pub fn contributions<'py>(
    py: Python<'py>,
    fit: &Fit,
    data: &Data,
    index: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let found = || fit.inner.on(&data.sample)?.contributions(index);
    let found = found().map_err(exception)?;
    Ok(found.cells.to_pyarray(py))
}
