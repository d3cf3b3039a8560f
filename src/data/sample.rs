//! The sample: one row-major array (n, p, q) that was checked once.

use crate::linalg::require_finite;
use crate::{Error, Result};
use ndarray::{Array2, Array3, ArrayView3, Axis};
use std::fmt::Debug;
use std::sync::Arc;

/// Row-major numbers (n, p, q) that somebody else keeps: another language's array, a mapped file.
pub trait SharedValues: Debug + Send + Sync {
    /// The numbers, the same at every call.
    fn view(&self) -> ArrayView3<'_, f64>;
}

/// Where the numbers of a sample are.
#[derive(Debug, Clone)]
enum Values {
    Own(Array3<f64>),
    Shared(Arc<dyn SharedValues>),
}

impl Values {
    fn view(&self) -> ArrayView3<'_, f64> {
        match self {
            Self::Own(values) => values.view(),
            Self::Shared(values) => values.view(),
        }
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

/// n observed matrices X_1..X_n, each p × q, all finite, with optional names.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    values: Values,
    row_names: Vec<String>,
    col_names: Vec<String>,
    source: String,
}

impl Sample {
    /// A sample from an array (n, p, q) in any memory order.
    ///
    /// # Errors
    /// [`Error::Shape`] when an axis is empty, [`Error::NonFinite`] with the index of the first
    /// NaN or infinity.
    pub fn new(values: Array3<f64>) -> Result<Self> {
        Self::named(values, Vec::new(), Vec::new(), "the sample")
    }

    /// A sample with names (each list may be empty) and the place that it came from, for messages.
    ///
    /// # Errors
    /// As [`Sample::new`]; [`Error::Shape`] when a list of names has the wrong length.
    pub fn named(
        values: Array3<f64>,
        row_names: Vec<String>,
        col_names: Vec<String>,
        source: impl Into<String>,
    ) -> Result<Self> {
        let source = source.into();
        check(values.view(), &row_names, &col_names, &source)?;
        let values = if values.is_standard_layout() {
            values
        } else {
            values.as_standard_layout().into_owned()
        };
        Ok(Self { values: Values::Own(values), row_names, col_names, source })
    }

    /// A sample of numbers that are kept elsewhere, without a copy; otherwise as
    /// [`Sample::named`]. They are checked once, here: who changes them later changes the sample.
    ///
    /// # Errors
    /// As [`Sample::named`]; [`Error::Unsupported`] when they are not row-major.
    pub fn shared(
        values: Arc<dyn SharedValues>,
        row_names: Vec<String>,
        col_names: Vec<String>,
        source: impl Into<String>,
    ) -> Result<Self> {
        let source = source.into();
        if !values.view().is_standard_layout() {
            return Err(Error::Unsupported {
                what: format!("the numbers of {source} are not in row-major order"),
                remedy: "copy them into a row-major array".to_owned(),
            });
        }
        check(values.view(), &row_names, &col_names, &source)?;
        Ok(Self { values: Values::Shared(values), row_names, col_names, source })
    }

    /// The observations (n, p, q), row-major.
    pub fn values(&self) -> ArrayView3<'_, f64> {
        self.values.view()
    }

    /// (n, p, q).
    pub fn dim(&self) -> (usize, usize, usize) {
        self.values.view().dim()
    }

    /// Names of the p rows; empty when there are none.
    pub fn row_names(&self) -> &[String] {
        &self.row_names
    }

    /// Names of the q columns; empty when there are none.
    pub fn col_names(&self) -> &[String] {
        &self.col_names
    }

    /// Where the data came from, for messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Average matrix (p × q).
    pub fn mean(&self) -> Array2<f64> {
        let values = self.values();
        values.sum_axis(Axis(0)) / values.len_of(Axis(0)) as f64
    }

    /// The sample of the transposed matrices, q × p: rows and columns change places.
    pub fn transposed(&self) -> Self {
        let values = self.values.view().permuted_axes([0, 2, 1]).as_standard_layout().into_owned();
        Self {
            values: Values::Own(values),
            row_names: self.col_names.clone(),
            col_names: self.row_names.clone(),
            source: self.source.clone(),
        }
    }
}

/// What every sample must be.
fn check(
    values: ArrayView3<'_, f64>,
    row_names: &[String],
    col_names: &[String],
    source: &str,
) -> Result<()> {
    let (n, p, q) = values.dim();
    if n == 0 || p == 0 || q == 0 {
        return Err(Error::shape(
            source,
            "at least one sample, one row and one column (n, p, q ≥ 1)",
            (n, p, q),
        ));
    }
    for (what, names, length) in [("row", row_names, p), ("column", col_names, q)] {
        if !names.is_empty() && names.len() != length {
            return Err(Error::shape(
                format!("the list of {what} names of {source}"),
                format!("{length} names"),
                names.len(),
            ));
        }
    }
    require_finite(source, &values)
}
