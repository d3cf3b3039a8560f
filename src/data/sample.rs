//! The sample: one row-major array (n, p, q) that was checked once.

use super::{Design, Weights};
use crate::linalg::require_finite;
use crate::{Error, Result};
use ndarray::{Array2, Array3, ArrayView3, Axis};

/// n observed matrices X_1..X_n, each p × q, all finite, with optional names.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    values: Array3<f64>,
    row_names: Vec<String>,
    col_names: Vec<String>,
    source: String,
    weights: Weights,
    design: Option<Design>,
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
        let (n, p, q) = values.dim();
        if n == 0 || p == 0 || q == 0 {
            return Err(Error::shape(
                &source,
                "at least one sample, one row and one column (n, p, q ≥ 1)",
                (n, p, q),
            ));
        }
        for (what, names, length) in [("row", &row_names, p), ("column", &col_names, q)] {
            if !names.is_empty() && names.len() != length {
                return Err(Error::shape(
                    format!("the list of {what} names of {source}"),
                    format!("{length} names"),
                    names.len(),
                ));
            }
        }
        require_finite(&source, &values)?;
        let values = if values.is_standard_layout() {
            values
        } else {
            values.as_standard_layout().into_owned()
        };
        let (weights, design) = (Weights::None, None);
        Ok(Self { values, row_names, col_names, source, weights, design })
    }

    /// The same sample with weights.
    ///
    /// # Errors
    /// As [`Weights::check`].
    pub fn with_weights(mut self, weights: Weights) -> Result<Self> {
        weights.check(self.dim().0, &self.source)?;
        self.weights = weights;
        Ok(self)
    }

    /// The same sample with covariates: X_i = Σ_k z_ik Θ_k + E_i takes the place of one mean for
    /// all. There is an intercept where the design has one.
    ///
    /// # Errors
    /// [`Error::Shape`] when the design is of another number of samples.
    pub fn with_design(mut self, design: Design) -> Result<Self> {
        let n = self.dim().0;
        if design.matrix().nrows() != n {
            let what = format!("the design of {}", self.source);
            let expected = format!("one row for each of the {n} samples");
            return Err(Error::shape(what, expected, design.matrix().dim()));
        }
        self.design = Some(design);
        Ok(self)
    }

    /// The same sample without covariates.
    #[must_use]
    pub fn without_design(mut self) -> Self {
        self.design = None;
        self
    }

    /// What the samples count.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The covariates.
    pub fn design(&self) -> Option<&Design> {
        self.design.as_ref()
    }

    /// Does a sample have nothing but its values: no covariates, all measured alike?
    pub(crate) fn has_one_mean(&self) -> bool {
        self.design.is_none() && !matches!(self.weights, Weights::Precision(_))
    }

    /// For work that takes all samples alike.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there are weights or covariates.
    pub fn require_alike(&self, what: &str) -> Result<()> {
        if self.design.is_none() && self.weights == Weights::None {
            return Ok(());
        }
        Err(Error::Unsupported {
            what: format!("{what} with weights or covariates"),
            remedy: "leave them out".to_owned(),
        })
    }

    /// The observations (n, p, q), row-major.
    pub fn values(&self) -> ArrayView3<'_, f64> {
        self.values.view()
    }

    /// (n, p, q).
    pub fn dim(&self) -> (usize, usize, usize) {
        self.values.dim()
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
        self.values.sum_axis(Axis(0)) / self.values.len_of(Axis(0)) as f64
    }

    /// The sample of the transposed matrices, q × p: rows and columns change places.
    pub fn transposed(&self) -> Self {
        let values = self.values.view().permuted_axes([0, 2, 1]).as_standard_layout().into_owned();
        Self {
            values,
            row_names: self.col_names.clone(),
            col_names: self.row_names.clone(),
            source: self.source.clone(),
            weights: self.weights.clone(),
            design: self.design.clone(),
        }
    }
}
