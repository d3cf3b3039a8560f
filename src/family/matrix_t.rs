//! The matrix-variate t law in its determinant form.

use super::dof::{self, BearingParts, DofBearing, Summaries};
use super::{
    DistanceLaw, DofFamily, Gaussian, Law, Margins, MatrixWeights, Sampler, Scratch, TwoSided,
    Weighting,
};
use crate::Result;
use crate::linalg::{batch, invert_in_place, symmetric_eigen};
use crate::special::{ln_multigamma_difference, log_ratio_minus, multidigamma_difference};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use std::sync::Arc;

/// Matrix-variate t with ν degrees of freedom on p × q matrices, κ = ν+p+q−1.
///
/// ln f(X) = lnΓ_p(κ/2) − lnΓ_p((ν+p−1)/2) − (pq/2) ln π − (q/2) ln|A| − (p/2) ln|B|
/// − (κ/2) ln|I + A⁻¹(X−M)B⁻¹(X−M)ᵀ|.
///
/// The scale does not contain ν: mean M (ν > 1), Cov(vec_rows X) = (A ⊗ B)/(ν−2) (ν > 2), and
/// with A = νA₀ the limit ν → ∞ is N(M, A₀, B). For p = 1 or q = 1 it is the multivariate t with
/// scale (A ⊗ B)/ν. All work is on the smaller of p and q.
///
/// # References
/// Dickey (1967), Annals of Mathematical Statistics 38, 511–518; Gupta & Nagar (1999), Matrix
/// Variate Distributions, chapter 4.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatrixT {
    dof: f64,
}

impl MatrixT {
    /// The law with ν = `dof`.
    ///
    /// # Errors
    /// [`crate::Error::Domain`] unless ν is a finite number > 0.
    pub fn new(dof: f64) -> Result<Self> {
        dof::require_dof(dof)?;
        Ok(Self { dof })
    }

    /// Without the check, for a ν that is checked later or was found inside the domain.
    pub(crate) fn unchecked(dof: f64) -> Self {
        Self { dof }
    }

    fn kappa(&self, p: usize, q: usize) -> f64 {
        self.dof + (p + q - 1) as f64
    }
}

/// W = (I + YYᵀ)⁻¹Y for Y = Z or Zᵀ, whichever has fewer rows.
struct Small<'a> {
    /// Number of rows of Y.
    s: usize,
    /// Number of columns of Y.
    t: usize,
    /// Is Y the transpose of Z?
    flipped: bool,
    /// Y, row-major.
    y: &'a mut [f64],
    /// W, row-major.
    w: &'a mut [f64],
    /// Lower Cholesky factor of I + YYᵀ, row-major s × s.
    lower: &'a mut [f64],
    /// Free, s × t.
    spare: &'a mut [f64],
}

impl<'a> Small<'a> {
    fn new(z: ArrayView2<'_, f64>, scratch: &'a mut Scratch) -> Self {
        let (p, q) = z.dim();
        let (s, t, flipped) = if p <= q { (p, q, false) } else { (q, p, true) };
        scratch.buffer.resize(3 * s * t + s * s, 0.0);
        let (y, rest) = scratch.buffer.split_at_mut(s * t);
        let (w, rest) = rest.split_at_mut(s * t);
        let (spare, lower) = rest.split_at_mut(s * t);
        copy_in(z, flipped, y);
        Self { s, t, flipped, y, w, lower, spare }
    }

    fn rows(x: &[f64], t: usize, i: usize) -> &[f64] {
        &x[i * t..(i + 1) * t]
    }

    /// Factors I + YYᵀ and gives its log-determinant.
    ///
    /// The identity is never added to the Gram matrix: elimination keeps G' = pivots − 1, so the
    /// logarithm is exact also where YYᵀ is tiny (large ν). G' stays positive semidefinite;
    /// rounding that says otherwise is cut off.
    fn factor(&mut self) -> f64 {
        let (s, t) = (self.s, self.t);
        for i in 0..s {
            for j in 0..=i {
                self.lower[i * s + j] = dot(Self::rows(self.y, t, i), Self::rows(self.y, t, j));
            }
        }
        let mut ln_det = 0.0;
        for k in 0..s {
            let excess = self.lower[k * s + k].max(0.0);
            ln_det += excess.ln_1p();
            let pivot = (1.0 + excess).sqrt();
            self.lower[k * s + k] = pivot;
            for i in k + 1..s {
                self.lower[i * s + k] /= pivot;
            }
            for i in k + 1..s {
                let factor = self.lower[i * s + k];
                for j in k + 1..=i {
                    self.lower[i * s + j] -= factor * self.lower[j * s + k];
                }
            }
        }
        ln_det
    }

    /// x ← (I + YYᵀ)⁻¹ x for x with s rows of t numbers.
    fn solve(lower: &[f64], s: usize, t: usize, x: &mut [f64]) {
        for i in 0..s {
            let (done, rest) = x.split_at_mut(i * t);
            let row = &mut rest[..t];
            for k in 0..i {
                axpy(-lower[i * s + k], Self::rows(done, t, k), row);
            }
            row.iter_mut().for_each(|v| *v /= lower[i * s + i]);
        }
        for i in (0..s).rev() {
            let (head, done) = x.split_at_mut((i + 1) * t);
            let row = &mut head[i * t..];
            for k in i + 1..s {
                axpy(-lower[k * s + i], Self::rows(done, t, k - i - 1), row);
            }
            row.iter_mut().for_each(|v| *v /= lower[i * s + i]);
        }
    }

    /// Fills `w` and gives ln|I + YYᵀ|.
    fn weigh(&mut self) -> f64 {
        let ln_det = self.factor();
        self.w.copy_from_slice(self.y);
        Self::solve(self.lower, self.s, self.t, self.w);
        ln_det
    }

    /// spare ← (I + YYᵀ)⁻¹ [K − (KYᵀ + YKᵀ)W], the derivative of W along K = H or Hᵀ.
    fn derivative(&mut self, h: ArrayView2<'_, f64>) {
        let (s, t) = (self.s, self.t);
        copy_in(h, self.flipped, self.spare);
        // (KYᵀ + YKᵀ) needs K, which the result overwrites: keep all s² numbers first.
        let mut cross = Array2::<f64>::zeros((s, s));
        for i in 0..s {
            for j in 0..=i {
                let value = dot(Self::rows(self.spare, t, i), Self::rows(self.y, t, j))
                    + dot(Self::rows(self.y, t, i), Self::rows(self.spare, t, j));
                cross[[i, j]] = value;
                cross[[j, i]] = value;
            }
        }
        for i in 0..s {
            let row = &mut self.spare[i * t..(i + 1) * t];
            for j in 0..s {
                axpy(-cross[[i, j]], Self::rows(self.w, t, j), row);
            }
        }
        Self::solve(self.lower, s, t, self.spare);
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(to, from)| *to += factor * from);
}

/// Row-major copy of x, or of its transpose.
fn copy_in(x: ArrayView2<'_, f64>, flipped: bool, to: &mut [f64]) {
    let x = if flipped { x.reversed_axes() } else { x };
    to.iter_mut().zip(x.iter()).for_each(|(to, from)| *to = *from);
}

/// Writes factor · x back into the shape of Z.
fn copy_out(x: &[f64], factor: f64, flipped: bool, to: ArrayViewMut2<'_, f64>) {
    let mut to = if flipped { to.reversed_axes() } else { to };
    to.iter_mut().zip(x).for_each(|(to, from)| *to = factor * from);
}

impl MatrixWeights for MatrixT {
    /// Ψ = κ(I + ZZᵀ)⁻¹Z; the scalar weight is 1 (the weights are matrices).
    fn weigh(
        &self,
        z: ArrayView2<'_, f64>,
        psi: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        let kappa = self.kappa(z.nrows(), z.ncols());
        let mut small = Small::new(z, scratch);
        let ln_det = small.weigh();
        copy_out(small.w, kappa, small.flipped, psi);
        (0.5 * kappa * ln_det, 1.0)
    }

    fn weigh_lanes(
        &self,
        z: &[f64],
        (p, q, lanes): (usize, usize, usize),
        psi: &mut [f64],
        rho: &mut [f64],
        scratch: &mut Scratch,
    ) -> Option<f64> {
        let kappa = self.kappa(p, q);
        batch::Short::of(p, q, lanes).solve_shifted(z, kappa, psi, rho, &mut scratch.buffer);
        rho.iter_mut().for_each(|ln_det| *ln_det *= 0.5 * kappa);
        Some(1.0)
    }

    /// With P = (I + ZZᵀ)⁻¹: DΨ\[H\] = κP\[H − (HZᵀ + ZHᵀ)PZ\].
    fn weigh_derivative(
        &self,
        z: ArrayView2<'_, f64>,
        h: ArrayView2<'_, f64>,
        out: ArrayViewMut2<'_, f64>,
        scratch: &mut Scratch,
    ) {
        let kappa = self.kappa(z.nrows(), z.ncols());
        let mut small = Small::new(z, scratch);
        small.weigh();
        small.derivative(h);
        copy_out(small.spare, kappa, small.flipped, out);
    }
}

impl Law for MatrixT {
    fn name(&self) -> &str {
        "matrix-t"
    }

    fn title(&self) -> &str {
        "Matrix-variate t"
    }

    fn weighting(&self) -> Weighting<'_> {
        Weighting::Matrix(self)
    }

    /// By Cauchy & Binet |e^{tX} + Ze^{−tV}Zᵀ| is a sum of exponentials whose rates are sums of
    /// x_i + v_j over partial matchings of rows and columns. Two matchings have at most
    /// 2 min(p, q) pairs, and Σ(x_i + v_j)² = 1 over all pairs.
    fn curvature_decay(&self, p: usize, q: usize) -> Option<f64> {
        Some((2.0 * p.min(q) as f64).sqrt())
    }

    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        let (s, t) = (p.min(q) as f64, p.max(q) as f64);
        ln_multigamma_difference(p.min(q), 0.5 * (self.dof + s - 1.0), 0.5 * t)
            - 0.5 * s * t * std::f64::consts::PI.ln()
    }

    /// (κ/2) \[ψ_s(κ/2) − ψ_s((ν+s−1)/2)\] with s = min(p, q).
    fn mean_rho(&self, p: usize, q: usize) -> Option<f64> {
        let (s, t) = (p.min(q), p.max(q) as f64);
        let low = 0.5 * (self.dof + s as f64 - 1.0);
        Some(0.5 * self.kappa(p, q) * multidigamma_difference(s, low, 0.5 * t))
    }

    /// (ν+p−1)(ν+q−1)N/((N−1)(N+2)), N = ν+p+q−1.
    fn location_information(&self, p: usize, q: usize) -> Option<f64> {
        let (p, q, nu) = (p as f64, q as f64, self.dof);
        let total = nu + p + q - 1.0;
        Some((nu + p - 1.0) * (nu + q - 1.0) * total / ((total - 1.0) * (total + 2.0)))
    }

    fn sampler(&self) -> Option<&dyn Sampler> {
        Some(self)
    }

    fn determinant_power(&self, p: usize, q: usize) -> Option<f64> {
        Some(self.kappa(p, q))
    }

    fn covariance_factor(&self, _p: usize, _q: usize) -> Option<f64> {
        (self.dof > 2.0).then(|| 1.0 / (self.dof - 2.0))
    }

    fn has_mean(&self, _p: usize, _q: usize) -> bool {
        self.dof > 1.0
    }

    fn distance_law(&self, p: usize, q: usize) -> Option<DistanceLaw> {
        Some(DistanceLaw::Wilks(p.min(q), p.max(q), self.dof))
    }

    fn margins(&self) -> Margins {
        Margins::Blocks
    }

    fn dof(&self) -> Option<f64> {
        Some(self.dof)
    }

    fn dof_family(&self) -> Option<&dyn DofFamily> {
        Some(self)
    }

    fn two_sided(&self) -> Option<&dyn TwoSided> {
        Some(self)
    }
}

impl TwoSided for MatrixT {
    /// ΣS = n(κI − other·G), because S_i = κ(I + ZZᵀ)⁻¹ = κI − Z_iΨ_iᵀ.
    fn weights(&self, scatter: &mut Array2<f64>, other: usize, n: f64) {
        let kappa = self.kappa(scatter.nrows(), other);
        *scatter *= -(other as f64);
        scatter.diag_mut().mapv_inplace(|x| x + kappa);
        *scatter *= n;
    }

    /// K = (ν + own − 1)(κI − other·G)⁻¹.
    fn outer_step(&self, scatter: &mut Array2<f64>, other: usize) -> Result<()> {
        let own = scatter.nrows();
        self.weights(scatter, other, 1.0);
        invert_in_place("the sum of the weights", scatter)?;
        *scatter *= self.dof + own as f64 - 1.0;
        Ok(())
    }

    /// (ν + own − 1)·own / tr(κI − other·G).
    fn scale_step(&self, scatter: ArrayView2<'_, f64>, other: usize) -> f64 {
        let own = scatter.nrows();
        let trace = own as f64 * self.kappa(own, other) - other as f64 * scatter.diag().sum();
        (self.dof + own as f64 - 1.0) * own as f64 / trace
    }
}

impl DofFamily for MatrixT {
    fn pole(&self, on: f64, of: f64, p: usize, q: usize) -> Option<f64> {
        Some(on * p.max(q) as f64 / (of - on) - (p.min(q) as f64 - 1.0))
    }

    fn tie_pole(&self, length: usize, count: usize, left: f64, p: usize, q: usize) -> f64 {
        length.max(count) as f64 / left - (p + q - 1) as f64
    }

    fn at(&self, dof: f64) -> Arc<dyn Law> {
        Arc::new(Self { dof })
    }

    fn limit(&self) -> Arc<dyn Law> {
        Arc::new(Gaussian)
    }

    fn scale_unit(&self, dof: f64) -> f64 {
        if dof.is_finite() { dof } else { 1.0 }
    }

    fn summary_len(&self, p: usize, q: usize) -> usize {
        p.min(q)
    }

    /// The eigenvalues of ZZᵀ or ZᵀZ, on the smaller side.
    fn summarise(&self, z: ArrayView2<'_, f64>, out: &mut [f64], scratch: &mut Scratch) {
        let small = Small::new(z, scratch);
        let (s, t) = (small.s, small.t);
        let y = |i| Small::rows(small.y, t, i);
        if s == 1 {
            out[0] = dot(y(0), y(0));
            return;
        }
        let gram = Array2::from_shape_fn((s, s), |(i, j)| dot(y(i), y(j)));
        match symmetric_eigen("YYᵀ", gram.view()) {
            Ok(eigen) => {
                out.iter_mut().zip(&eigen.values).for_each(|(to, x)| *to = x.max(0.0));
            }
            Err(_) => out.fill(f64::NAN),
        }
    }

    fn summarise_lanes(
        &self,
        z: &[f64],
        (p, q, lanes): (usize, usize, usize),
        out: &mut [f64],
        scratch: &mut Scratch,
    ) -> bool {
        let short = batch::Short::of(p, q, lanes);
        short.squared_singular_values(z, out, &mut scratch.buffer);
        true
    }

    /// With s = min(p, q), t = max(p, q) and u = (t−g)/(ν+g):
    /// mean Σ_j \[ln(1+u)−u + (s−1)g/(ν(ν+g))\]
    /// + Σ_{j<s} \[ln(1 − tj/((ν+t)(ν+j))) + χ((ν+j+t)/2) − χ((ν+j)/2)\].
    fn score(&self, dof: f64, seen: &Summaries, p: usize, q: usize) -> f64 {
        let (s, t) = (p.min(q), p.max(q) as f64);
        let others = s as f64 - 1.0;
        let per_value = |g: f64| log_ratio_minus(dof, t, g) + others * g / (dof + g) / dof;
        seen.mean(s, per_value) + dof::score_constant(dof, s, t)
    }

    fn bearing(
        &self,
        dof: f64,
        mean_rho: f64,
        mean_inner: f64,
        p: usize,
        q: usize,
    ) -> Option<DofBearing> {
        Some(DofBearing::of(dof, mean_rho, mean_inner, (p.min(q), p.max(q))))
    }

    fn bearing_parts(
        &self,
        dof: f64,
        mean_rho: f64,
        mean_inner: f64,
        p: usize,
        q: usize,
    ) -> Option<BearingParts> {
        Some(BearingParts::of(dof, mean_rho, mean_inner, (p.min(q), p.max(q))))
    }

    /// mean Σ_j \[(g−t)²/2 − (s−1)g\] − st + st(s−1)/2.
    fn excess_at_infinity(&self, seen: &Summaries, p: usize, q: usize) -> f64 {
        let (width, t) = (p.min(q), p.max(q) as f64);
        let s = width as f64;
        seen.mean(width, |g| 0.5 * (g - t).powi(2) - (s - 1.0) * g) - s * t
            + 0.5 * s * t * (s - 1.0)
    }
}
