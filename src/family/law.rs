//! What a law says of itself.

use super::{DistanceLaw, DofFamily, Gaussian, Sampler, TwoSided, Weighting};
use ndarray::Array2;
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

    /// What draws Z, for the laws that can be simulated.
    fn sampler(&self) -> Option<&dyn Sampler> {
        if self.weighting().is_identity() { Some(&Gaussian) } else { None }
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
    /// E[w²δ]/d.
    pub location: f64,
    /// E[w²δ²]/d(d+2).
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
