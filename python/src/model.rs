//! Models by name, with arrays where the command line has files.

use crate::errors::exception;
use kronfit::model::{Dof, Mean, Model as Inner, ModelSpec};
use kronfit::structure::Structure;
use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

/// A name, or a matrix that is known.
#[derive(FromPyObject)]
pub enum Factor<'py> {
    /// A structure by its name.
    Name(String),
    /// A factor known up to its scale.
    Known(PyReadonlyArray2<'py, f64>),
}

/// A name, a known mean, or the designs of a growth curve.
#[derive(FromPyObject)]
pub enum Centre<'py> {
    /// A mean structure by its name.
    Name(String),
    /// M itself.
    Known(PyReadonlyArray2<'py, f64>),
    /// M = C Θ D.
    Linear(PyReadonlyArray2<'py, f64>, PyReadonlyArray2<'py, f64>),
}

/// `None`, a number, or `"estimate"`.
#[derive(FromPyObject)]
pub enum Freedom {
    /// A given ν.
    Given(f64),
    /// In words.
    Word(String),
}

/// Law × row structure × column structure × mean.
#[pyclass(frozen, module = "kronfit._core")]
pub struct Model {
    /// The library's model.
    pub inner: Inner,
}

#[pymethods]
impl Model {
    #[new]
    fn new(
        law: &str,
        rows: Factor<'_>,
        cols: Factor<'_>,
        mean: Centre<'_>,
        dof: Option<Freedom>,
    ) -> PyResult<Self> {
        let build = || {
            let model = of_law(law, dof.as_ref())?;
            Ok(model.rows(structure(rows)?).cols(structure(cols)?).mean(centre(mean)?))
        };
        Ok(Self { inner: build().map_err(exception)? })
    }

    /// The same model with another structure on the rows, on the columns, or another law.
    #[pyo3(signature = (rows=None, cols=None, law=None))]
    fn replace(
        &self,
        rows: Option<Factor<'_>>,
        cols: Option<Factor<'_>>,
        law: Option<&str>,
    ) -> PyResult<Self> {
        let build = || {
            let mut model = match law {
                Some(law) => of_law(law, None)?
                    .rows(self.inner.row_structure().clone())
                    .cols(self.inner.col_structure().clone())
                    .mean(self.inner.mean_structure().clone()),
                None => self.inner.clone(),
            };
            if let Some(rows) = rows {
                model = model.rows(structure(rows)?);
            }
            if let Some(cols) = cols {
                model = model.cols(structure(cols)?);
            }
            Ok(model)
        };
        Ok(Self { inner: build().map_err(exception)? })
    }

    /// Free parameters for p × q matrices.
    fn n_parameters(&self, p: usize, q: usize) -> usize {
        self.inner.n_parameters(p, q)
    }
}

fn of_law(law: &str, dof: Option<&Freedom>) -> kronfit::Result<Inner> {
    let mut spec = ModelSpec::new(law.parse()?);
    spec.dof = match dof {
        None => None,
        Some(Freedom::Given(dof)) => Some(Dof::Fixed(*dof)),
        Some(Freedom::Word(word)) => Some(word.parse()?),
    };
    spec.model()
}

fn structure(factor: Factor<'_>) -> kronfit::Result<Structure> {
    match factor {
        Factor::Name(name) => name.parse(),
        Factor::Known(matrix) => Ok(Structure::Known(matrix.as_array().to_owned())),
    }
}

fn centre(mean: Centre<'_>) -> kronfit::Result<Mean> {
    match mean {
        Centre::Name(name) => name.parse(),
        Centre::Known(matrix) => Ok(Mean::Known(matrix.as_array().to_owned())),
        Centre::Linear(left, right) => Ok(Mean::Linear {
            left: left.as_array().to_owned(),
            right: right.as_array().to_owned(),
        }),
    }
}
