//! What a law says of itself, and the capabilities that it may have.

use super::DistanceLaw;
use super::dof::{BearingParts, DofBearing, DofEstimate, Summaries, estimate_dof};
use super::weighting::{Scratch, Weighting};
use crate::Result;
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::fmt::Debug;
use std::sync::Arc;

/// One law, as a function of the whitened sample Z (p × q).
///
/// Requirements: ρ depends on Z only through its singular values (so that the choice of the
/// roots L_A, L_B does not matter), and Ψ = ∂ρ/∂Z.
///
/// Four answers are required. The others are capabilities: a law that leaves one out answers
/// "not available", and what would need it says so. Nothing is taken from the name; what follows
/// from [`Weighting::Identity`] (the law is the Gaussian) need not be said again.
pub trait Law: Debug + Send + Sync {
    /// Name as the command line and the reports write it.
    fn name(&self) -> &str;

    /// ρ, Ψ and DΨ.
    fn weighting(&self) -> Weighting<'_>;

    /// The constant c of one sample's log-density, for p × q matrices.
    fn ln_constant(&self, p: usize, q: usize) -> f64;

    /// Cov(vec_rows X) = factor · (A ⊗ B), or `None` where the covariance does not exist.
    fn covariance_factor(&self, p: usize, q: usize) -> Option<f64>;

    /// Name in the heading of a report.
    fn title(&self) -> &str {
        self.name()
    }

    /// Does E X = M exist? It does where the covariance does; a law with heavier tails may have a
    /// mean alone.
    fn has_mean(&self, p: usize, q: usize) -> bool {
        self.covariance_factor(p, q).is_some()
    }

    /// E ρ(Z) under the law itself, where it has a closed form: what the entropy needs.
    fn mean_rho(&self, p: usize, q: usize) -> Option<f64> {
        self.weighting().is_identity().then_some(0.5 * (p * q) as f64)
    }

    /// The law of a sample's distance from the mean, for p-values and quantile plots.
    fn distance_law(&self, p: usize, q: usize) -> Option<DistanceLaw> {
        self.weighting().is_identity().then_some(DistanceLaw::ChiSquared(p * q))
    }

    /// The expected Fisher information of one sample, where it has a closed form.
    fn expected_information(&self, _p: usize, _q: usize) -> Option<ExpectedInformation> {
        self.weighting().is_identity().then_some(ExpectedInformation::GAUSSIAN)
    }

    /// κ, the expected information of one sample on its mean: κ ‖Δ‖² along a whitened direction.
    fn location_information(&self, p: usize, q: usize) -> Option<f64> {
        self.expected_information(p, q).map(|information| information.location)
    }

    /// What draws Z, for the laws that can be simulated.
    fn sampler(&self) -> Option<&dyn Sampler> {
        if self.weighting().is_identity() { Some(&Normals) } else { None }
    }

    /// r ≥ 0 such that along every geodesic with ‖X ⊗ I + I ⊗ V‖ = 1 the second derivative of
    /// Σρ at t is at least e^{−rt} times the one at 0, for p × q matrices; `None` when no such
    /// bound is known.
    ///
    /// For ρ = Σ cₖ e^{−ωₖt} with cₖ ≥ 0 it is max|ωₖ|; for ρ = ln Σ cₖ e^{−ωₖt} it is
    /// max ωₖ − min ωₖ, because tilting a distribution by e^{−ωt} changes its probabilities, and so
    /// its variance, by no smaller a factor.
    fn curvature_decay(&self, _p: usize, _q: usize) -> Option<f64> {
        // For the Gaussian the rates are the eigenvalues of X ⊗ I + I ⊗ V, whose squares sum to 1.
        self.weighting().is_identity().then_some(1.0)
    }

    /// What is known of the law of a part of X.
    fn margins(&self) -> Margins {
        if self.weighting().is_identity() { Margins::Cells } else { Margins::Unknown }
    }

    /// κ where ρ = (κ/2) ln|I + ZZᵀ|, for p × q matrices.
    fn determinant_power(&self, _p: usize, _q: usize) -> Option<f64> {
        None
    }

    /// Degrees of freedom, for the laws that have them.
    fn dof(&self) -> Option<f64> {
        None
    }

    /// What a law with degrees of freedom offers for estimating them.
    fn dof_family(&self) -> Option<&dyn DofFamily> {
        None
    }

    /// The joint closed-form step of both factors, where there is one.
    fn two_sided(&self) -> Option<&dyn TwoSided> {
        None
    }
}

/// A law that can draw its whitened matrix Z (M = 0, A = I, B = I).
pub trait Sampler: Send + Sync {
    /// One Z (p × q).
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64>;
}

/// Standard normal entries: the matrix normal's Z.
struct Normals;

impl Sampler for Normals {
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
        normals(p, q, rng)
    }
}

pub(super) fn normals(p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((p, q), || StandardNormal.sample(rng))
}

/// Laws with matrices for weights, Ψ_i = S_i Z_i = Z_i T_i (matrix t): the EM step of one pass
/// updates both factors, and everything follows from the scatters.
///
/// "Own" is the side whose scatter G is given, "other" the length of the other side. Weighing on
/// one side gives that side's factor by [`TwoSided::outer_step`] and the other side's by its
/// scatter; alternating the sides is safe at every ν and shape.
pub trait TwoSided: Send + Sync {
    /// ΣS_i (own × own), the metric of the mean's step in whitened coordinates, from G (own × own),
    /// which it takes the place of.
    fn weights(&self, scatter: &mut Array2<f64>, other: usize, n: f64);

    /// K with A ← L_A K L_Aᵀ for the side that weighs, in the place of G.
    ///
    /// # Errors
    /// [`crate::Error::NotPositiveDefinite`] when rounding destroyed the scatter.
    fn outer_step(&self, scatter: &mut Array2<f64>, other: usize) -> Result<()>;

    /// The same step where the side that weighs may only change its scale: A ← c A.
    fn scale_step(&self, scatter: ArrayView2<'_, f64>, other: usize) -> f64;
}

/// A law indexed by its degrees of freedom ν. The methods do not depend on the law's own ν.
///
/// "Summaries" are what ρ needs of a sample at every ν, with A/[`scale_unit`] and B as the
/// factors, so that they do not move with ν (KroneckerT: δ; MatrixT: the eigenvalues of
/// A⁻¹YB⁻¹Yᵀ with A = Σ/ν).
///
/// [`scale_unit`]: DofFamily::scale_unit
pub trait DofFamily: Send + Sync {
    /// The same law at another ν.
    fn at(&self, dof: f64) -> Arc<dyn Law>;

    /// The limit ν → ∞.
    fn limit(&self) -> Arc<dyn Law>;

    /// What A is proportional to when ν moves and everything else is held fixed: ν for MatrixT,
    /// 1 for KroneckerT; 1 at ν = ∞.
    fn scale_unit(&self, dof: f64) -> f64;

    /// Number of summaries of one p × q sample.
    fn summary_len(&self, p: usize, q: usize) -> usize;

    /// The summaries of one whitened sample, not yet multiplied by the scale unit.
    fn summarise(&self, z: ArrayView2<'_, f64>, out: &mut [f64], scratch: &mut Scratch);

    /// [`DofFamily::summarise`] for all samples of a lane-ordered block (p, q, lanes) at once, where
    /// the family can: value j of a lane at j·lanes + lane. `false`: do it sample by sample.
    fn summarise_lanes(
        &self,
        _z: &[f64],
        _dim: (usize, usize, usize),
        _out: &mut [f64],
        _scratch: &mut Scratch,
    ) -> bool {
        false
    }

    /// (2/n) ∂ℓ/∂ν with the summaries held fixed; accurate from ν → 0 to ν ~ 10⁹.
    fn score(&self, dof: f64, seen: &Summaries, p: usize, q: usize) -> f64;

    /// What a pass says about ν, see [`DofBearing`]. `None` where the family has no such formulas.
    fn bearing(
        &self,
        _dof: f64,
        _mean_rho: f64,
        _mean_inner: f64,
        _p: usize,
        _q: usize,
    ) -> Option<DofBearing> {
        None
    }

    /// ν below which the likelihood of `of` samples has no maximum when the mean goes through `on` of
    /// them (weights count); `None` where the family has no such bound.
    fn pole(&self, on: f64, of: f64, p: usize, q: usize) -> Option<f64>;

    /// The same when all samples but a share `left` agree exactly with the mean in `count` rows or
    /// columns of `length` cells.
    fn tie_pole(&self, length: usize, count: usize, left: f64, p: usize, q: usize) -> f64;

    /// What [`DofFamily::bearing`] is made of, so that observations of several shapes can be pooled.
    /// `None` where the family has no such formulas.
    fn bearing_parts(
        &self,
        _dof: f64,
        _mean_rho: f64,
        _mean_inner: f64,
        _p: usize,
        _q: usize,
    ) -> Option<BearingParts> {
        None
    }

    /// −lim ν²·score as ν → ∞: where it is ≤ 0 the likelihood rises to its Gaussian limit.
    fn excess_at_infinity(&self, seen: &Summaries, p: usize, q: usize) -> f64;

    /// The maximum of the log-likelihood in ν that is uphill from `start`.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`] when a summary is not a number.
    fn estimate(&self, start: f64, seen: &Summaries, p: usize, q: usize) -> Result<DofEstimate> {
        let excess = self.excess_at_infinity(seen, p, q);
        estimate_dof(start, excess, |dof| self.score(dof, seen, p, q))
    }
}

/// What is known of the law of a part of a matrix: what a likelihood with missing cells needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Margins {
    /// Nothing.
    Unknown,
    /// Any rows × columns have the same law with A and B restricted, and given the rows R₂ of some
    /// columns, those rows of other columns do not depend on the rest: nested holes have a
    /// density in closed form.
    Blocks,
    /// Any o cells have the same law as an o × 1 matrix.
    Cells,
}

/// Expected Fisher information of one sample on Σ = A ⊗ B, the mean, and ν, for elliptical laws.
///
/// Along a whitened direction W of Σ and Δ of the mean, in d = pq dimensions,
///
/// ```text
/// I[W²] = (scatter/2) tr W² − (trace/2) (tr W)²,     I[Δ²] = location ‖Δ‖²
/// scatter = E[w²δ²]/d(d+2),   trace = (1 − scatter)/2,   location = E[w²δ]/d
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedInformation {
    /// E\[w²δ\]/d.
    pub location: f64,
    /// E\[w²δ²\]/d(d+2).
    pub scatter: f64,
    /// (1 − scatter)/2.
    pub trace: f64,
    /// What concerns ν, for a law that has it.
    pub dof: Option<DofInformation>,
}

/// The part of [`ExpectedInformation`] that concerns ν.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DofInformation {
    /// I\[ν²\]; `None` where ν is so large that rounding leaves nothing of it.
    pub own: Option<f64>,
    /// I\[ν, W\]/tr W.
    pub with_trace: f64,
}

impl ExpectedInformation {
    /// The matrix normal's.
    pub const GAUSSIAN: Self = Self { location: 1.0, scatter: 1.0, trace: 0.0, dof: None };
}

/// Do two laws have the same density on p × q matrices? Compared by value at probes from near the
/// mean to far out, so that a law is known under any name.
pub fn is_same_law(a: &dyn Law, b: &dyn Law, p: usize, q: usize) -> bool {
    // Singular values that are not all equal, at eight decades of size.
    let shape = Array2::from_shape_fn((p, q), |(i, j)| {
        let k = i.min(j) as f64;
        if i == j { 1.0 / (1.0 + k) } else { 0.1 * ((1 + i + 2 * j) as f64).sin() }
    });
    let density = |law: &dyn Law, size: f64| {
        law.ln_constant(p, q) - law.weighting().rho((&shape * size).view())
    };
    (-4..=4).all(|decade| {
        let size = 10_f64.powi(decade);
        let (x, y) = (density(a, size), density(b, size));
        (x - y).abs() <= 1e-12 * (x.abs() + y.abs()).max(f64::MIN_POSITIVE)
    })
}

/// Are two laws members of one family indexed by ν?
pub fn is_same_family(a: &dyn Law, b: &dyn Law, p: usize, q: usize) -> bool {
    let member = |law: &dyn Law| law.dof_family().map(|family| family.at(3.0));
    match (member(a), member(b)) {
        (Some(a), Some(b)) => is_same_law(a.as_ref(), b.as_ref(), p, q),
        _ => false,
    }
}

/// Is `inner` what the family of `outer` becomes at ν = ∞?
pub fn is_limit_of(inner: &dyn Law, outer: &dyn Law, p: usize, q: usize) -> bool {
    let limit: Option<Arc<dyn Law>> = outer.dof_family().map(|family| family.limit());
    limit.is_some_and(|limit| is_same_law(inner, limit.as_ref(), p, q))
}
