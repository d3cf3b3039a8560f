//! The sample: one row-major array (n, p, q) that was checked once.

use super::names::Names;
use super::values::{SharedValues, Values};
use super::{Design, Weights};
use crate::linalg::{require_finite, require_no_infinity};
use crate::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView3, Axis};
use std::sync::Arc;

/// n observed matrices X_1..X_n, each p × q, with optional names of samples, rows and columns.
///
/// Every cell is finite, or missing: a missing cell holds NaN. Indices are zero-based everywhere.
#[derive(Debug, Clone)]
pub struct Sample {
    values: Values,
    names: Names,
    n_missing: usize,
    source: String,
    notes: Vec<String>,
    weights: Weights,
    design: Option<Design>,
}

/// Missing cells are equal to each other.
impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        self.dim() == other.dim()
            && self.names == other.names
            && self.source == other.source
            && self.weights == other.weights
            && self.design == other.design
            && self.values().iter().zip(&other.values()).all(same)
    }
}

impl Sample {
    /// A complete sample from an array (n, p, q) in any memory order.
    ///
    /// # Errors
    /// [`Error::Shape`] when an axis is empty, [`Error::NonFinite`] with the index of the first
    /// NaN or infinity.
    pub fn new(values: Array3<f64>) -> Result<Self> {
        Self::named(values, Vec::new(), Vec::new(), "the sample")
    }

    /// A complete sample with names (each list may be empty) and the place that it came from, for
    /// messages.
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
        let names = Names { rows: row_names, cols: col_names, ..Names::default() };
        check(values.view(), &names, &source)?;
        require_finite(&source, &values)?;
        Ok(Self {
            values: Values::own(values),
            names,
            n_missing: 0,
            source,
            notes: Vec::new(),
            weights: Weights::None,
            design: None,
        })
    }

    /// A sample that may have missing cells, which hold NaN.
    ///
    /// ```
    /// use kronfit::data::{Names, Sample};
    /// let mut x = ndarray::Array3::<f64>::ones((2, 3, 2));
    /// x[[1, 2, 0]] = f64::NAN;
    /// let sample = Sample::incomplete(x, Names::default(), "the example")?;
    /// assert_eq!(sample.n_missing(), 1);
    /// assert_eq!(
    ///     sample.require_complete().unwrap_err().to_string(),
    ///     "the example: the value of sample 1, row 2, col 0 is missing; fill it in, or leave the \
    ///      sample out"
    /// );
    /// # Ok::<(), kronfit::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when an axis is empty or a list of names has the wrong length,
    /// [`Error::NonFinite`] with the index of the first infinity.
    pub fn incomplete(
        values: Array3<f64>,
        names: Names,
        source: impl Into<String>,
    ) -> Result<Self> {
        let source = source.into();
        check(values.view(), &names, &source)?;
        require_no_infinity(&source, &values)?;
        let n_missing = values.iter().filter(|x| x.is_nan()).count();
        Ok(Self {
            values: Values::own(values),
            names,
            n_missing,
            source,
            notes: Vec::new(),
            weights: Weights::None,
            design: None,
        })
    }

    /// A sample of numbers that are kept elsewhere, without a copy; missing cells hold NaN. They are
    /// checked once, here: who changes them later changes the sample.
    ///
    /// # Errors
    /// As [`Sample::incomplete`]; [`Error::Unsupported`] when they are not row-major.
    pub fn shared(
        values: Arc<dyn SharedValues>,
        names: Names,
        source: impl Into<String>,
    ) -> Result<Self> {
        let source = source.into();
        let view = values.view();
        if !view.is_standard_layout() {
            return Err(Error::Unsupported {
                what: format!("the numbers of {source} are not in row-major order"),
                remedy: "copy them into a row-major array".to_owned(),
            });
        }
        check(view, &names, &source)?;
        require_no_infinity(&source, &view)?;
        let n_missing = view.iter().filter(|x| x.is_nan()).count();
        Ok(Self {
            values: Values::Shared(values),
            names,
            n_missing,
            source,
            notes: Vec::new(),
            weights: Weights::None,
            design: None,
        })
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

    /// The same sample with names of its n matrices (none: an empty list).
    ///
    /// # Errors
    /// [`Error::Shape`] when the list has the wrong length.
    pub fn with_sample_names(mut self, names: Vec<String>) -> Result<Self> {
        self.names.samples = names;
        self.names.check(&self.source, self.values.view().dim())?;
        Ok(self)
    }

    /// The observations (n, p, q), row-major; missing cells hold NaN.
    pub fn values(&self) -> ArrayView3<'_, f64> {
        self.values.view()
    }

    /// (n, p, q).
    pub fn dim(&self) -> (usize, usize, usize) {
        self.values.view().dim()
    }

    /// All names.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Names of the n samples; empty when there are none.
    pub fn sample_names(&self) -> &[String] {
        &self.names.samples
    }

    /// Names of the p rows; empty when there are none.
    pub fn row_names(&self) -> &[String] {
        &self.names.rows
    }

    /// Names of the q columns; empty when there are none.
    pub fn col_names(&self) -> &[String] {
        &self.names.cols
    }

    /// Where the data came from, for messages.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The same sample with something that was decided when it was read.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What was decided when the data were read, and the user should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Is any cell missing?
    pub fn has_missing(&self) -> bool {
        self.n_missing > 0
    }

    /// Number of missing cells.
    pub fn n_missing(&self) -> usize {
        self.n_missing
    }

    /// Index (sample, row, column) of the first missing cell.
    pub fn first_missing(&self) -> Option<[usize; 3]> {
        if !self.has_missing() {
            return None;
        }
        self.values().indexed_iter().find(|(_, x)| x.is_nan()).map(|((i, r, c), _)| [i, r, c])
    }

    /// For work that is defined for complete samples only.
    ///
    /// # Errors
    /// [`Error::Missing`] with the first missing cell.
    pub fn require_complete(&self) -> Result<()> {
        match self.first_missing() {
            None => Ok(()),
            Some(index) => {
                let [sample, row, col] = self.names.cell(index);
                let (what, count) = (self.source.clone(), self.n_missing);
                Err(Error::Missing { what, sample, row, col, count })
            }
        }
    }

    /// The same sample with rows and columns in another order.
    pub(super) fn reordered(&self, rows: Option<&[usize]>, cols: Option<&[usize]>) -> Self {
        let mut out = self.clone();
        let mut values = self.values().to_owned();
        let sides = [(Axis(1), rows, &mut out.names.rows), (Axis(2), cols, &mut out.names.cols)];
        for (axis, order, names) in sides {
            if let Some(order) = order {
                values = values.select(axis, order);
                *names = order.iter().filter_map(|&i| names.get(i).cloned()).collect();
            }
        }
        out.values = Values::own(values);
        out
    }

    /// The same sample in other units: every value of row i and column j multiplied by c_i d_j.
    #[must_use]
    pub(crate) fn scaled(&self, rows: &Array1<f64>, cols: &Array1<f64>) -> Self {
        let mut values = self.values().to_owned();
        for mut x in values.outer_iter_mut() {
            for (mut row, c) in x.outer_iter_mut().zip(rows) {
                row.zip_mut_with(cols, |x, d| *x *= c * d);
            }
        }
        Self { values: Values::own(values), ..self.clone() }
    }

    /// Average matrix (p × q); NaN where a cell is missing in any of the samples.
    pub fn mean(&self) -> Array2<f64> {
        self.values().sum_axis(Axis(0)) / self.dim().0 as f64
    }

    /// The sample of the transposed matrices, q × p: rows and columns change places.
    pub fn transposed(&self) -> Self {
        let values = Values::own(self.values().permuted_axes([0, 2, 1]).to_owned());
        let Names { samples, rows, cols } = self.names.clone();
        Self { values, names: Names { samples, rows: cols, cols: rows }, ..self.clone() }
    }
}

fn check(values: ArrayView3<'_, f64>, names: &Names, source: &str) -> Result<()> {
    let (n, p, q) = values.dim();
    if n == 0 || p == 0 || q == 0 {
        return Err(Error::shape(
            source,
            "at least one sample, one row and one column (n, p, q ≥ 1)",
            (n, p, q),
        ));
    }
    names.check(source, (n, p, q))
}
