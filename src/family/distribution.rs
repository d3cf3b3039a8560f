//! One distribution: a law with its mean and both factors. Density, moments, entropy, sampling.

use super::{Law, Scratch};
use crate::linalg::{Root, Spd, Triangle, gemm, require_finite};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand_distr::Distribution;
use std::sync::Arc;

/// X = M + L_A Z L_Bᵀ with Z from a spherical law, p × q.
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
}

impl MatrixDistribution {
    /// The distribution with mean M (p × q), row factor A (p × p) and column factor B (q × q).
    ///
    /// # Errors
    /// [`Error::Shape`] when the orders do not fit, [`Error::NonFinite`] for a mean that is not
    /// finite, [`Error::Unsupported`] for a law without a sampler.
    pub fn new(law: Arc<dyn Law>, mean: Array2<f64>, row: Spd, col: Spd) -> Result<Self> {
        let orders = (row.order(), col.order());
        require_drawable(law.as_ref(), &mean, orders)?;
        let root = |factor: &Spd| Root::from_lower(factor.lower().to_owned());
        Ok(Self { law, mean, row: root(&row), col: root(&col) })
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
        self.law.has_mean().then(|| self.mean.view())
    }

    /// Row and column factors (A', B) with Cov(vec_rows X) = A' ⊗ B; `None` where the covariance
    /// does not exist (t laws with ν ≤ 2).
    pub fn covariance(&self) -> Option<(Array2<f64>, Array2<f64>)> {
        let (p, q) = self.dim();
        let factor = self.law.covariance_factor(p, q)?;
        Some((self.row.matrix() * factor, self.col.matrix()))
    }

    /// (q/2) ln|A| + (p/2) ln|B|.
    fn half_ln_det(&self) -> f64 {
        let (p, q) = self.dim();
        0.5 * (q as f64 * self.row.ln_det() + p as f64 * self.col.ln_det())
    }

    /// ln f(X), every constant included, for X (p × q).
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NonFinite`] for a bad X.
    pub fn ln_pdf(&self, x: ArrayView2<'_, f64>) -> Result<f64> {
        let (p, q) = self.dim();
        let z = self.whiten(x)?;
        let mut psi = Array2::zeros((p, q));
        let (rho, _) = self.law.weigh(z.view(), psi.view_mut(), &mut Scratch::default());
        Ok(self.law.ln_constant(p, q) - rho - self.half_ln_det())
    }

    /// ‖L_A⁻¹ (X − M) L_B⁻ᵀ‖², the squared Mahalanobis distance of X (p × q) in the scale A ⊗ B.
    ///
    /// # Errors
    /// As [`MatrixDistribution::ln_pdf`].
    pub fn squared_distance(&self, x: ArrayView2<'_, f64>) -> Result<f64> {
        Ok(self.whiten(x)?.iter().map(|z| z * z).sum())
    }

    fn whiten(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        let (p, q) = self.dim();
        if x.dim() != (p, q) {
            return Err(Error::shape("the point", format!("({p}, {q})"), x.dim()));
        }
        require_finite("the point", &x)?;
        Ok(two_sided(self.row.inverse(), (&x - &self.mean).view(), self.col.inverse()))
    }

    /// Differential entropy −E ln f(X) in nats; `None` where the law has no closed form.
    pub fn entropy(&self) -> Option<f64> {
        let (p, q) = self.dim();
        let mean_rho = self.law.mean_rho(p, q)?;
        Some(mean_rho - self.law.ln_constant(p, q) + self.half_ln_det())
    }
}

/// Draws one X (p × q). With ν far below 1 the t laws reach beyond the largest double: entries
/// may then be infinite.
impl Distribution<Array2<f64>> for MatrixDistribution {
    fn sample<R: Rng + ?Sized>(&self, mut rng: &mut R) -> Array2<f64> {
        let (p, q) = self.dim();
        match self.law.sampler() {
            Some(sampler) => {
                let z = sampler.draw(p, q, &mut rng);
                two_sided(self.row.lower(), z.view(), self.col.lower()) + &self.mean
            }
            None => Array2::from_elem((p, q), f64::NAN),
        }
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

/// Checks that a law has a sampler, and that a mean is finite and fits factors of these orders.
pub(crate) fn require_drawable(
    law: &dyn Law,
    mean: &Array2<f64>,
    orders: (usize, usize),
) -> Result<()> {
    if mean.dim() != orders {
        return Err(Error::shape("the mean", format!("{orders:?}"), mean.dim()));
    }
    require_finite("the mean", mean)?;
    if law.sampler().is_none() {
        return Err(Error::Unsupported {
            what: format!("the law \"{}\" has no sampler", law.name()),
            remedy: "implement `Law::sampler` for it".to_owned(),
        });
    }
    Ok(())
}
