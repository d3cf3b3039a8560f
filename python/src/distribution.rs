//! Distributions: density, moments, entropy, draws.

use crate::errors::exception;
use crate::run::{Stop, aside};
use kronfit::family::{Law, LawName, MatrixDistribution};
use kronfit::linalg::Spd;
use kronfit::study::Truth;
use ndarray::{Array1, Array2};
use numpy::{PyArray1, PyArray2, PyArray3, PyReadonlyArray2, PyReadonlyArray3, ToPyArray};
use pyo3::prelude::*;
use std::sync::Arc;

/// A law with its location and both factors.
#[pyclass(frozen, module = "kronfit._core")]
pub struct Distribution {
    inner: Arc<MatrixDistribution>,
    /// A and B as they were given: draws and copies are made from these bits.
    factors: (Array2<f64>, Array2<f64>),
}

impl Distribution {
    /// The law with M, A and B.
    pub fn of(
        law: Arc<dyn Law>,
        mean: Array2<f64>,
        row: Array2<f64>,
        col: Array2<f64>,
    ) -> kronfit::Result<Self> {
        let (a, b) = (Spd::new("rowcov", row.clone())?, Spd::new("colcov", col.clone())?);
        let inner = Arc::new(MatrixDistribution::new(law, mean, a, b)?);
        Ok(Self { inner, factors: (row, col) })
    }
}

#[pymethods]
impl Distribution {
    #[new]
    fn new(
        law: &str,
        dof: Option<f64>,
        mean: PyReadonlyArray2<'_, f64>,
        row: PyReadonlyArray2<'_, f64>,
        col: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Self> {
        let own = |x: PyReadonlyArray2<'_, f64>| x.as_array().to_owned();
        let build = || Self::of(law.parse::<LawName>()?.law(dof)?, own(mean), own(row), own(col));
        build().map_err(exception)
    }

    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.inner.dim()
    }

    #[getter]
    fn dof(&self) -> Option<f64> {
        self.inner.law().dof()
    }

    #[getter]
    fn location<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.inner.location().to_pyarray(py)
    }

    #[getter]
    #[allow(clippy::type_complexity)]
    fn factors<'py>(
        &self,
        py: Python<'py>,
    ) -> (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>) {
        let (row, col) = &self.factors;
        (row.to_pyarray(py), col.to_pyarray(py))
    }

    /// ln f of every matrix (m, p, q).
    fn logpdf<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray3<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let view = values.as_array();
        let all = py.detach(|| self.inner.ln_pdf_all(view));
        Ok(all.map_err(exception)?.to_pyarray(py))
    }

    /// Squared distances of every matrix (m, p, q) from the location.
    fn distances<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray3<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let view = values.as_array();
        let one = |x| Ok(self.inner.whiten(x)?.iter().map(|z| z * z).sum());
        let all: kronfit::Result<Array1<f64>> = py.detach(|| view.outer_iter().map(one).collect());
        Ok(all.map_err(exception)?.to_pyarray(py))
    }

    /// n draws; draw i comes from stream i of the seed.
    pub fn rvs<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
    ) -> PyResult<Bound<'py, PyArray3<f64>>> {
        let (it, (row, col)) = (self.inner.clone(), self.factors.clone());
        let drawn = aside(py, &Stop::default(), move || {
            Truth::new(it.law().clone(), it.location().to_owned(), row, col)?.simulate(n, seed)
        })?;
        Ok(drawn.sample.values().to_pyarray(py))
    }

    /// E X; `None` where it does not exist.
    fn mean<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray2<f64>>> {
        self.inner.mean().map(|m| m.to_pyarray(py))
    }

    /// (A, B) with Cov(vec_rows X) = A ⊗ B; `None` where the covariance does not exist.
    #[allow(clippy::type_complexity)]
    fn cov<'py>(
        &self,
        py: Python<'py>,
    ) -> Option<(Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>)> {
        self.inner.covariance().map(|(a, b)| (a.to_pyarray(py), b.to_pyarray(py)))
    }

    /// Differential entropy in nats; `None` where there is no closed form.
    fn entropy(&self) -> Option<f64> {
        self.inner.entropy()
    }
}
