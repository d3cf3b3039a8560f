//! Samples: NumPy arrays as they are, files, bundled datasets.

use crate::convert::to_python;
use crate::errors::exception;
use kronfit::data::{Names, Sample, SharedValues};
use kronfit::io::{self, ReadOptions};
use ndarray::ArrayView3;
use numpy::{PyArray3, PyReadonlyArray3, PyUntypedArrayMethods, ToPyArray};
use pyo3::prelude::*;
use std::sync::Arc;

/// A NumPy array that is kept alive and read where it is.
#[derive(Debug)]
struct Borrowed {
    start: *const f64,
    dim: (usize, usize, usize),
    _owner: Py<PyArray3<f64>>,
}

// SAFETY: the numbers are only read, and their owner is kept; that nobody writes to them meanwhile
// is what NumPy asks of every user of its arrays.
#[allow(unsafe_code)]
unsafe impl Send for Borrowed {}
#[allow(unsafe_code)]
unsafe impl Sync for Borrowed {}

impl SharedValues for Borrowed {
    fn view(&self) -> ArrayView3<'_, f64> {
        // SAFETY: `start` is the first of the owner's C-ordered numbers, of which there are as
        // many as `dim` says; an array that is referred to keeps its memory.
        #[allow(unsafe_code)]
        unsafe {
            ArrayView3::from_shape_ptr(self.dim, self.start)
        }
    }
}

/// A checked sample (n, p, q) with names.
#[pyclass(frozen, module = "kronfit._core")]
pub struct Data {
    /// The library's sample.
    pub sample: Arc<Sample>,
}

#[pymethods]
impl Data {
    /// A sample of a C-ordered float64 array (n, p, q), without a copy.
    #[new]
    #[pyo3(signature = (values, row_names=Vec::new(), col_names=Vec::new(), source="the array"))]
    fn new(
        values: PyReadonlyArray3<'_, f64>,
        row_names: Vec<String>,
        col_names: Vec<String>,
        source: &str,
    ) -> PyResult<Self> {
        let names = Names { rows: row_names, cols: col_names, ..Names::default() };
        let sample = if values.is_c_contiguous() && !values.is_empty() {
            let view = values.as_array();
            let (start, dim) = (view.as_ptr(), view.dim());
            let shared = Borrowed { start, dim, _owner: (*values).clone().unbind() };
            Sample::shared(Arc::new(shared), names, source)
        } else {
            Sample::incomplete(values.as_array().to_owned(), names, source)
        };
        Ok(Self { sample: Arc::new(sample.map_err(exception)?) })
    }

    /// Reads a file, or a bundled dataset by its name.
    #[staticmethod]
    #[pyo3(signature = (name, key=None))]
    fn read(py: Python<'_>, name: &str, key: Option<String>) -> PyResult<Self> {
        let sample = py
            .detach(|| io::load(name, &ReadOptions { key, ..ReadOptions::default() }))
            .map_err(exception)?;
        Ok(Self { sample: Arc::new(sample) })
    }

    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        self.sample.dim()
    }

    #[getter]
    fn row_names(&self) -> Vec<String> {
        self.sample.row_names().to_vec()
    }

    #[getter]
    fn col_names(&self) -> Vec<String> {
        self.sample.col_names().to_vec()
    }

    #[getter]
    fn source(&self) -> &str {
        self.sample.source()
    }

    /// A copy of the numbers.
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray3<f64>> {
        self.sample.values().to_pyarray(py)
    }
}

/// The bundled datasets: name, shape, description, source, licence.
#[pyfunction]
pub fn datasets(py: Python<'_>) -> PyResult<Py<PyAny>> {
    to_python(py, &io::datasets())
}
