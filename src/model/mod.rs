//! The model: law × row structure × column structure × mean.

mod existence;
mod mean;
mod poles;
pub(crate) mod serial;
pub mod spec;
mod units;

pub use existence::{Existence, existence, required_samples};
pub use mean::Mean;
pub(crate) use poles::MARGIN;
pub use poles::Pole;
pub use spec::ModelSpec;

use crate::data::Sample;
use crate::family::{Gaussian, KroneckerT, Law, MatrixT, require_dof};
use crate::kronecker::Side;
use crate::structure::Structure;
use crate::{Error, Result};
use std::sync::Arc;

/// Degrees of freedom of a t law: given or estimated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Dof {
    /// A known ν > 0.
    Fixed(f64),
    /// The maximiser of the likelihood in ν; ν = ∞ is the Gaussian.
    #[default]
    Estimate,
}

impl Dof {
    /// The given ν, or the one that the search for ν̂ starts from.
    fn start(self) -> f64 {
        match self {
            Self::Fixed(dof) => dof,
            Self::Estimate => 5.0,
        }
    }
}

/// A model of matrix-valued observations: X_i = M + L_A Z_i L_Bᵀ with Z_i from a spherical law.
///
/// ```
/// use kronfit::model::{Mean, Model};
/// let model = Model::gaussian().mean(Mean::Zero);
/// assert_eq!(model.law().name(), "gaussian");
/// ```
#[derive(Debug, Clone)]
pub struct Model {
    law: Arc<dyn Law>,
    estimate_dof: bool,
    rows: Structure,
    cols: Structure,
    mean: Mean,
}

impl Model {
    /// A model with a law of the user's own, unstructured factors and a free mean.
    pub fn of(law: Arc<dyn Law>) -> Self {
        Self {
            law,
            estimate_dof: false,
            rows: Structure::default(),
            cols: Structure::default(),
            mean: Mean::default(),
        }
    }

    /// The matrix normal.
    pub fn gaussian() -> Self {
        Self::of(Arc::new(Gaussian))
    }

    /// The Kronecker t: vec X is a multivariate t with scale A ⊗ B.
    ///
    /// A given ν is checked by [`Model::check`].
    pub fn kronecker_t(dof: Dof) -> Self {
        Self::with_dof(Arc::new(KroneckerT::unchecked(dof.start())), dof)
    }

    /// The matrix-variate t in its determinant form, whose scale does not contain ν.
    ///
    /// A given ν is checked by [`Model::check`].
    pub fn matrix_t(dof: Dof) -> Self {
        Self::with_dof(Arc::new(MatrixT::unchecked(dof.start())), dof)
    }

    fn with_dof(law: Arc<dyn Law>, dof: Dof) -> Self {
        Self { estimate_dof: dof == Dof::Estimate, ..Self::of(law) }
    }

    /// The same model with another row structure.
    #[must_use]
    pub fn rows(mut self, rows: Structure) -> Self {
        self.rows = rows;
        self
    }

    /// The same model with another column structure.
    #[must_use]
    pub fn cols(mut self, cols: Structure) -> Self {
        self.cols = cols;
        self
    }

    /// The same model with another structure on one side.
    #[must_use]
    pub fn with(self, side: Side, structure: Structure) -> Self {
        match side {
            Side::Rows => self.rows(structure),
            Side::Cols => self.cols(structure),
        }
    }

    /// The same model with another mean.
    #[must_use]
    pub fn mean(mut self, mean: Mean) -> Self {
        self.mean = mean;
        self
    }

    /// The law (at its starting ν where ν is estimated).
    pub fn law(&self) -> &Arc<dyn Law> {
        &self.law
    }

    /// Is ν estimated?
    pub fn estimates_dof(&self) -> bool {
        self.estimate_dof
    }

    /// Structure of a side's factor.
    pub fn structure(&self, side: Side) -> &Structure {
        match side {
            Side::Rows => &self.rows,
            Side::Cols => &self.cols,
        }
    }

    /// Structure of A.
    pub fn row_structure(&self) -> &Structure {
        &self.rows
    }

    /// Structure of B.
    pub fn col_structure(&self) -> &Structure {
        &self.cols
    }

    /// The mean.
    pub fn mean_structure(&self) -> &Mean {
        &self.mean
    }

    /// Free parameters: mean + row factor + column factor − 1 (one scale is shared) + ν.
    pub fn n_parameters(&self, p: usize, q: usize) -> usize {
        self.mean.n_parameters(p, q)
            + self.rows.shape().n_parameters(p)
            + self.cols.shape().n_parameters(q)
            - 1
            + usize::from(self.estimate_dof)
    }

    /// The model with positions instead of labels, where a structure asks for those of the sample;
    /// `None` where none does.
    ///
    /// # Errors
    /// As [`Structure::with_labels`].
    pub(crate) fn placed(&self, sample: &Sample) -> Result<Option<Self>> {
        if !(self.rows.uses_labels() || self.cols.uses_labels()) {
            return Ok(None);
        }
        let mut placed = self.clone();
        placed.rows = self.rows.with_labels(sample.row_names())?;
        placed.cols = self.cols.with_labels(sample.col_names())?;
        Ok(Some(placed))
    }

    /// Can this model be fitted to p × q matrices at all?
    ///
    /// # Errors
    /// [`Error::Domain`] for a ν that is not a finite number > 0; what the structures or the
    /// mean say.
    pub fn check(&self, p: usize, q: usize) -> Result<()> {
        if let Some(dof) = self.law.dof() {
            require_dof(dof)?;
        }
        self.rows.shape().check(p)?;
        self.cols.shape().check(q)?;
        self.mean.check(p, q)
    }

    /// With structured factors no theorem gives the number of samples, but the scatters must have
    /// the rank that the structures need: n samples give them nq − b and np − a, where a mean
    /// that spans the other side takes b columns or a rows from one sample.
    fn check_ranks(&self, rank: usize, n: usize, p: usize, q: usize) -> Result<Vec<String>> {
        let (row_need, col_need) =
            (self.rows.shape().required_rank(p), self.cols.shape().required_rank(q));
        let (cols, rows) = self.mean.dimensions_spent(p, q);
        let (spent_cols, spent_rows) = (rank * cols, rank * rows);
        let enough = |n: usize| {
            n * q >= row_need.saturating_add(spent_cols)
                && n * p >= col_need.saturating_add(spent_rows)
        };
        if enough(n) {
            return Ok(Vec::new());
        }
        let required = (n..).find(|&n| enough(n)).unwrap_or(n);
        let because = format!(
            " (a {} row factor needs a scatter of rank {row_need}, a {} column factor of rank \
             {col_need}, after a {} mean)",
            self.rows,
            self.cols,
            self.mean.name()
        );
        Err(Error::TooFewSamples { what: "the sample".to_owned(), n, required, p, q, because })
    }

    /// What the number of samples promises: warnings, or the error that says how many are needed.
    ///
    /// The counts are theorems for the Gaussian with unstructured factors and a known or free
    /// mean; they hold for the t laws at fixed ν in every case tried.
    ///
    /// # Errors
    /// [`Error::TooFewSamples`].
    pub fn check_count(&self, n: usize, p: usize, q: usize) -> Result<Vec<String>> {
        self.check_count_after(1, n, p, q)
    }

    /// [`Model::check_count`] with covariates of this rank: each of them has a mean of its own.
    ///
    /// # Errors
    /// [`Error::TooFewSamples`].
    pub fn check_count_after(
        &self,
        rank: usize,
        n: usize,
        p: usize,
        q: usize,
    ) -> Result<Vec<String>> {
        if !(self.rows.shape().is_unstructured() && self.cols.shape().is_unstructured()) {
            return self.check_ranks(rank, n, p, q);
        }
        let spent = self.mean.samples_spent() * rank;
        let verdict = existence(n.saturating_sub(spent), p, q);
        let worst = existence(n.saturating_sub(self.mean.samples_spent_at_most() * rank), p, q);
        match (verdict, worst) {
            (Existence::None, _) => Err(Error::TooFewSamples {
                what: "the sample".to_owned(),
                n,
                required: required_samples(p, q) + spent,
                p,
                q,
                because: match rank {
                    1 => self.mean.because().to_owned(),
                    _ => format!(" (the {rank} covariates cost one each)"),
                },
            }),
            (Existence::NotUnique, _) => Ok(vec![not_unique(n, p, q)]),
            (Existence::Unique, Existence::Unique)
            | (Existence::Undecided, Existence::Undecided) => Ok(Vec::new()),
            (Existence::Unique | Existence::Undecided, _) => Ok(vec![format!(
                "n = {n} is at the existence threshold for {p} × {q}: with this mean structure it \
                 is not known whether the maximum exists and is unique"
            )]),
        }
    }
}

/// What a count says about maxima that are not unique.
fn not_unique(n: usize, p: usize, q: usize) -> String {
    format!("with n = {n} samples of {p} × {q} {NOT_UNIQUE}: only the log-likelihood is meaningful")
}

const NOT_UNIQUE: &str = "the maximum exists but is not unique";

/// Is a warning the one that the count gave?
pub(crate) fn says_not_unique(warning: &str) -> bool {
    warning.contains(NOT_UNIQUE)
}
