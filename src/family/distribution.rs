//! One distribution: a law with its mean and both factors. Density, moments, entropy, draws.

use super::{DistanceLaw, Law};
use crate::data::Sample;
use crate::linalg::{Root, Spd, Triangle, gemm, require_finite};
use crate::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayView3, Zip};
use rand::Rng;
use std::sync::Arc;

/// X = M + L_A Z L_Bᵀ with Z from a spherical law, p × q.
///
/// A density needs no sampler: a law that has none is refused where it is drawn from.
///
/// ```
/// use kronfit::family::{KroneckerT, MatrixDistribution};
/// use kronfit::linalg::Spd;
/// use ndarray::array;
/// use std::sync::Arc;
/// // A 1 × 1 Kronecker t with ν = 1 is the Cauchy law: f(1) = 1/(2π).
/// let law = Arc::new(KroneckerT::new(1.0).unwrap());
/// let cauchy =
///     MatrixDistribution::new(law, array![[0.0]], Spd::identity(1), Spd::identity(1)).unwrap();
/// let ln_pdf = cauchy.ln_pdf(array![[1.0]].view()).unwrap();
/// assert!((ln_pdf + std::f64::consts::TAU.ln()).abs() < 1e-14);
/// ```
#[derive(Debug, Clone)]
pub struct MatrixDistribution {
    law: Arc<dyn Law>,
    mean: Array2<f64>,
    row: Root,
    col: Root,
    names: (Vec<String>, Vec<String>),
}

impl MatrixDistribution {
    /// The distribution with mean M (p × q), row factor A (p × p) and column factor B (q × q).
    ///
    /// # Errors
    /// [`Error::Shape`] when the orders do not fit, [`Error::NonFinite`] for a mean that is not
    /// finite, [`Error::NotPositiveDefinite`] for a factor that rounding makes singular.
    pub fn new(law: Arc<dyn Law>, mean: Array2<f64>, row: Spd, col: Spd) -> Result<Self> {
        let root = |what: &str, factor: &Spd| lower(what, factor.matrix()).map(Root::from_lower);
        let orders = (row.order(), col.order());
        if mean.dim() != orders {
            return Err(Error::shape("the mean", format!("{orders:?}"), mean.dim()));
        }
        require_finite("the mean", &mean)?;
        let (row, col) = (root("the row factor", &row)?, root("the column factor", &col)?);
        Ok(Self::of_roots(law, mean, row, col))
    }

    /// The law itself, X = Z: M = 0, A = I, B = I.
    pub fn standard(law: Arc<dyn Law>, p: usize, q: usize) -> Self {
        let unit = |d| Root::scaled_identity(d, 1.0);
        Self::of_roots(law, Array2::zeros((p, q)), unit(p), unit(q))
    }

    /// From roots that fit the mean.
    pub(crate) fn of_roots(law: Arc<dyn Law>, mean: Array2<f64>, row: Root, col: Root) -> Self {
        Self { law, mean, row, col, names: Default::default() }
    }

    /// With names of rows and columns (or none), which simulated samples get.
    #[must_use]
    pub(crate) fn named(mut self, rows: &[String], cols: &[String]) -> Self {
        self.names = (rows.to_vec(), cols.to_vec());
        self
    }

    /// The law.
    pub fn law(&self) -> &Arc<dyn Law> {
        &self.law
    }

    /// (p, q).
    pub fn dim(&self) -> (usize, usize) {
        self.mean.dim()
    }

    /// The location M (p × q), which is the mean where that exists.
    pub fn location(&self) -> ArrayView2<'_, f64> {
        self.mean.view()
    }

    /// E X = M; `None` where it does not exist (t laws with ν ≤ 1).
    pub fn mean(&self) -> Option<ArrayView2<'_, f64>> {
        let (p, q) = self.dim();
        self.law.has_mean(p, q).then(|| self.mean.view())
    }

    /// Row and column factors (A', B) with Cov(vec_rows X) = A' ⊗ B; `None` where the covariance
    /// does not exist (t laws with ν ≤ 2).
    pub fn covariance(&self) -> Option<(Array2<f64>, Array2<f64>)> {
        let (p, q) = self.dim();
        let factor = self.law.covariance_factor(p, q)?;
        Some((self.row.matrix() * factor, self.col.matrix()))
    }

    /// The law of a draw's distance from M, where it is known.
    pub fn distance_law(&self) -> Option<DistanceLaw> {
        let (p, q) = self.dim();
        self.law.distance_law(p, q)
    }

    /// Z = L_A⁻¹ (X − M) L_B⁻ᵀ.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NonFinite`] for a bad X.
    pub fn whiten(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if x.dim() != self.dim() {
            return Err(Error::shape("the point", format!("{:?}", self.dim()), x.dim()));
        }
        require_finite("the point", &x)?;
        Ok(two_sided(self.row.inverse(), (&x - &self.mean).view(), self.col.inverse()))
    }

    /// The log-density of an X by its whitened Z.
    pub(crate) fn ln_pdf_white(&self, z: ArrayView2<'_, f64>) -> f64 {
        let (p, q) = self.dim();
        self.law.ln_constant(p, q) - self.law.weighting().rho(z) - self.half_ln_det()
    }

    /// ln f(X), every constant included, for X (p × q).
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NonFinite`] for a bad X.
    pub fn ln_pdf(&self, x: ArrayView2<'_, f64>) -> Result<f64> {
        Ok(self.ln_pdf_white(self.whiten(x)?.view()))
    }

    /// ln f of every matrix of an array (n, p, q).
    ///
    /// # Errors
    /// As [`MatrixDistribution::ln_pdf`].
    pub fn ln_pdf_all(&self, values: ArrayView3<'_, f64>) -> Result<Array1<f64>> {
        values.outer_iter().map(|x| self.ln_pdf(x)).collect()
    }

    /// Differential entropy −E ln f(X) in nats; `None` where the law has no closed form.
    pub fn entropy(&self) -> Option<f64> {
        let (p, q) = self.dim();
        let mean_rho = self.law.mean_rho(p, q)?;
        Some(mean_rho - self.law.ln_constant(p, q) + self.half_ln_det())
    }

    /// (q/2) ln|A| + (p/2) ln|B|.
    fn half_ln_det(&self) -> f64 {
        let (p, q) = self.dim();
        0.5 * (q as f64 * self.row.ln_det() + p as f64 * self.col.ln_det())
    }

    /// One X (p × q). With ν far below 1 the t laws reach beyond the largest double: entries may
    /// then be infinite.
    ///
    /// Sums are plain loops in one order: the same generator gives the same numbers whatever
    /// vector instructions the machine has.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a law without a sampler.
    pub fn draw(&self, rng: &mut dyn Rng) -> Result<Array2<f64>> {
        let (p, q) = self.dim();
        let sampler = self.law.sampler().ok_or_else(|| Error::Unsupported {
            what: format!("the law \"{}\" has no sampler", self.law.name()),
            remedy: "implement `Law::sampler` for it".to_owned(),
        })?;
        let z = sampler.draw(p, q, rng);
        let (row, col) = (self.row.lower(), self.col.lower());
        let mut half = Array2::<f64>::zeros((p, q));
        Zip::indexed(&mut half).for_each(|(i, j), to| {
            *to = (0..=j).map(|k| z[[i, k]] * col[[j, k]]).sum();
        });
        Ok(Array2::from_shape_fn((p, q), |(i, j)| {
            let deviation: f64 = (0..=i).map(|k| row[[i, k]] * half[[k, j]]).sum();
            self.mean[[i, j]] + deviation
        }))
    }

    /// n independent matrices, with the names of the distribution's rows and columns.
    ///
    /// # Errors
    /// As [`MatrixDistribution::draw`]; [`Error::Shape`] for n = 0; [`Error::NonFinite`] when a law
    /// with a very small ν left the range of double precision.
    pub fn simulate(&self, n: usize, rng: &mut dyn Rng) -> Result<Sample> {
        let (p, q) = self.dim();
        let mut values = Array3::zeros((n, p, q));
        for mut x in values.outer_iter_mut() {
            x.assign(&self.draw(rng)?);
        }
        self.sample_of(values)
    }

    /// Drawn matrices as a sample.
    pub(crate) fn sample_of(&self, values: Array3<f64>) -> Result<Sample> {
        let (rows, cols) = self.names.clone();
        Sample::named(values, rows, cols, "the simulated sample")
    }
}

/// P Y Qᵀ for lower triangular P and Q.
fn two_sided(
    p: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    q: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let (full, lower, upper) = (Triangle::Full, Triangle::Lower, Triangle::Upper);
    let mut half = Array2::zeros(y.dim());
    gemm(1.0, (p, lower), (y, full), false, (half.view_mut(), full));
    let mut whole = Array2::zeros(y.dim());
    gemm(1.0, (half.view(), full), (q.reversed_axes(), upper), false, (whole.view_mut(), full));
    whole
}

/// Cholesky by plain loops: tuned kernels round differently on different processors.
fn lower(what: &str, matrix: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
    let d = matrix.nrows();
    let mut lower = Array2::<f64>::zeros((d, d));
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[[i, k]] * lower[[j, k]]).sum();
            let rest = matrix[[i, j]] - known;
            if i > j {
                lower[[i, j]] = rest / lower[[j, j]];
            } else if rest > 0.0 {
                lower[[i, i]] = rest.sqrt();
            } else {
                return Err(Error::NotPositiveDefinite { what: what.to_owned(), minor: i + 1 });
            }
        }
    }
    Ok(lower)
}
