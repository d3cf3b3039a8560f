//! Degrees of freedom: their domain, what a pass says of them, and their maximiser.

use crate::optim::brent;
use crate::special::{chi_difference, trigamma};
use crate::{Error, Result};
use ndarray::Array1;

/// Smallest ν that is searched for; an estimate there is reported as a warning.
pub const DOF_LOWER: f64 = 1e-3;
/// Largest ν that is searched for: beyond it the Gaussian limit cannot be told apart.
const DOF_UPPER: f64 = 1e10;

/// Checks that ν is a finite number > 0.
pub(crate) fn require_dof(dof: f64) -> Result<()> {
    if dof.is_finite() && dof > 0.0 {
        return Ok(());
    }
    let allowed = "a finite number > 0 (the Gaussian is ν = ∞; estimate ν to find out)";
    Err(Error::domain("the degrees of freedom ν", dof, allowed))
}

/// Where the likelihood in ν has its maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DofEstimate {
    /// At a root of the score.
    Interior(f64),
    /// At [`DOF_LOWER`]: the likelihood rises towards ν = 0.
    Lower,
    /// At ν = ∞: the Gaussian.
    Infinite,
}

/// What a law's ρ depends on at every ν, observation after observation, and their weights.
#[derive(Debug, Clone)]
pub struct Summaries {
    /// [`DofFamily::summary_len`](super::DofFamily::summary_len) numbers per observation.
    pub values: Array1<f64>,
    /// Weights of the observations; `None` where all are 1.
    pub weights: Option<Array1<f64>>,
    /// Where not all observations are complete: what belongs to every shape, in the place of the
    /// rest.
    pub parts: Vec<SummaryPart>,
}

/// The summaries of the observations, or of parts of them, of one shape.
#[derive(Debug, Clone)]
pub struct SummaryPart {
    /// The shape that the law sees.
    pub shape: (usize, usize),
    /// ±Σu.
    pub weight: f64,
    /// Their summaries.
    pub seen: Summaries,
}

impl Summaries {
    /// Of observations that all count the same.
    pub fn plain(values: Array1<f64>) -> Self {
        Self { values, weights: None, parts: Vec::new() }
    }

    /// Of observations of several shapes.
    pub fn of_parts(parts: Vec<SummaryPart>) -> Self {
        Self { parts, ..Self::plain(Array1::zeros(0)) }
    }

    /// All values times a unit.
    #[must_use]
    pub fn scaled(mut self, unit: f64) -> Self {
        self.values *= unit;
        self.parts.iter_mut().for_each(|part| part.seen.values *= unit);
        self
    }

    /// An average over observations of what a family says of those of one shape.
    pub(super) fn pooled(
        &self,
        (p, q): (usize, usize),
        f: impl Fn(&Self, usize, usize) -> f64,
    ) -> f64 {
        if self.parts.is_empty() {
            return f(self, p, q);
        }
        let total: f64 = self.parts.iter().map(|part| part.weight).sum();
        let one =
            |part: &SummaryPart| part.weight / total * f(&part.seen, part.shape.0, part.shape.1);
        self.parts.iter().map(one).sum()
    }

    /// The (weighted) mean over observations of the sum of a function over their `width` numbers.
    pub fn mean(&self, width: usize, f: impl Fn(f64) -> f64) -> f64 {
        match &self.weights {
            None => {
                let sum: f64 = self.values.iter().map(|x| f(*x)).sum();
                sum * width as f64 / self.values.len() as f64
            }
            Some(weights) => {
                let of = |(i, u): (usize, &f64)| {
                    let own = self.values.iter().skip(i * width).take(width);
                    // Nothing is left of an observation that does not count.
                    if *u > 0.0 { u * own.map(|x| f(*x)).sum::<f64>() } else { 0.0 }
                };
                weights.iter().enumerate().map(of).sum::<f64>() / weights.sum()
            }
        }
    }
}

/// The maximum in ν that is uphill from `start`, from the score and its limit at ν = ∞.
pub(super) fn estimate_dof(
    start: f64,
    excess: f64,
    score: impl Fn(f64) -> f64,
) -> Result<DofEstimate> {
    if excess.is_nan() {
        let what = "the distances of the samples".to_owned();
        return Err(Error::NonFinite { what, value: excess, index: Vec::new() });
    }
    // ∂ℓ/∂ ln ν, so that steps mean the same at every size of ν.
    let slope = |ln_dof: f64| {
        let dof = ln_dof.exp();
        dof * score(dof)
    };
    climb(slope, start.clamp(DOF_LOWER, DOF_UPPER).ln())
}

/// The likelihood in ν at the point of a pass, from the means of ρ(Z) and of ⟨Z, Ψ(Z)⟩ alone;
/// rounding of ν·10⁻¹⁶ is allowed.
///
/// The laws here are ρ = κ ln|I + G/ν| with κ = (ν+s+t−1)/2 and G = YYᵀ of order s, so that
/// with U = G(νI + G)⁻¹ the pass gives mean ln|I + G/ν| = ρ̄/κ and mean tr U = ⟨Z, Ψ⟩/2κ.
/// While ν moves the scale moves as A/[`DofFamily::scale_unit`](super::DofFamily::scale_unit) ∝ ν^(τ−1), with τ such that ν and
/// the scale are orthogonal in the expected information: per sample, in (ln ν, ln of the scale),
///
/// ```text
/// I_νν = (ν²/4) Σ_{j<s} [ψ'((ν+j)/2) − ψ'((ν+j+t)/2)],   I_νa = stν/4κ,
/// I_aa = κ E[tr U − tr U²],   τ = I_νa/I_aa
/// ```
///
/// where U is a matrix beta (t/2, (ν+s−1)/2), whose moments are those of its zonal polynomials
/// (Muirhead 1982, Aspects of Multivariate Statistical Theory, section 7.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DofBearing {
    /// (2/n) ∂ℓ/∂ν with A/[`DofFamily::scale_unit`](super::DofFamily::scale_unit) held fixed: [`DofFamily::score`](super::DofFamily::score).
    pub score: f64,
    /// (1/n) ∂ℓ/∂ ln ν along the orthogonal direction.
    pub slope: f64,
    /// I_νν − I_νa²/I_aa, the information on ln ν of one sample.
    pub information: f64,
    /// τ − 1.
    pub tilt: f64,
}

/// The parts of a [`DofBearing`], for one shape of observations.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BearingParts {
    /// (2/n) ∂ℓ/∂ν.
    pub score: f64,
    /// mean ⟨Z, Ψ⟩ − st.
    pub excess: f64,
    /// I_νν.
    pub own: f64,
    /// I_νa.
    pub mixed: f64,
    /// I_aa.
    pub scale: f64,
}

impl BearingParts {
    /// Adds c times the other.
    fn add_scaled(&mut self, c: f64, other: &Self) {
        self.score += c * other.score;
        self.excess += c * other.excess;
        self.own += c * other.own;
        self.mixed += c * other.mixed;
        self.scale += c * other.scale;
    }

    /// The bearing of observations of one shape.
    fn bearing(&self, dof: f64) -> DofBearing {
        let Self { score, excess, own, mixed, scale } = *self;
        let tilt = mixed / scale - 1.0;
        let slope = 0.5 * (dof * score + tilt * excess);
        DofBearing { score, slope, information: own - mixed * mixed / scale, tilt }
    }

    /// For laws of the form of [`DofBearing`] with s ≤ t (the elliptical t: s = 1, t = pq).
    pub(super) fn of(dof: f64, mean_rho: f64, mean_inner: f64, (s, t): (usize, usize)) -> Self {
        let (count, s, t) = (s, s as f64, t as f64);
        let kappa = 0.5 * (dof + s + t - 1.0);
        let logs = s * (t / dof).ln_1p() - mean_rho / kappa;
        let score = logs - (s * t - mean_inner) / dof + score_constant(dof, count, t);
        let sum = |f: &dyn Fn(f64) -> f64| (0..count).map(|j| f(dof + j as f64)).sum::<f64>();
        let own = 0.25 * dof * dof * sum(&|x| trigamma(0.5 * x) - trigamma(0.5 * (x + t)));
        let mixed = 0.25 * s * t * dof / kappa;
        let scale = kappa * beta_spread(0.5 * t, kappa, s);
        Self { score, excess: mean_inner - s * t, own, mixed, scale }
    }
}

impl DofBearing {
    /// For laws of the form above with s ≤ t (the elliptical t: s = 1, t = pq).
    pub(super) fn of(dof: f64, mean_rho: f64, mean_inner: f64, shape: (usize, usize)) -> Self {
        BearingParts::of(dof, mean_rho, mean_inner, shape).bearing(dof)
    }

    /// For observations of several shapes: (weight, parts) of each, of Σ weights in all.
    pub fn pooled(dof: f64, total: f64, parts: &[(f64, BearingParts)]) -> Self {
        let mut sum = BearingParts::default();
        parts.iter().for_each(|(weight, part)| sum.add_scaled(weight / total, part));
        sum.bearing(dof)
    }
}

/// The part of the score in ν that does not depend on data:
/// Σ_{j<s} \[ln(1 − tj/((ν+t)(ν+j))) + χ((ν+j+t)/2) − χ((ν+j)/2)\].
pub(super) fn score_constant(dof: f64, s: usize, t: f64) -> f64 {
    let term = |j: f64| {
        (-t * j / ((dof + t) * (dof + j))).ln_1p() + chi_difference(0.5 * (dof + j), 0.5 * t)
    };
    (0..s).map(|j| term(j as f64)).sum()
}

/// E[tr U − tr U²] for the matrix beta (a, n−a) of order s: with C₂, C₁₁ the zonal polynomials of
/// degree 2, tr U² = C₂ − ½C₁₁ and E C_λ(U) = (a)_λ/(n)_λ C_λ(I).
fn beta_spread(a: f64, n: f64, s: f64) -> f64 {
    let two = a * (a + 1.0) / (n * (n + 1.0)) * s * (s + 2.0) / 3.0;
    let ones = a * (a - 0.5) / (n * (n - 0.5)) * s * (s - 1.0) / 3.0;
    s * a / n - (two - ones)
}

/// Uphill from `start` in ln ν until the slope changes its sign.
fn climb(slope: impl Fn(f64) -> f64, start: f64) -> Result<DofEstimate> {
    let (lower, upper) = (DOF_LOWER.ln(), DOF_UPPER.ln());
    let mut near = (start, slope(start));
    if near.1 == 0.0 {
        return Ok(DofEstimate::Interior(start.exp()));
    }
    let sign = near.1.signum();
    let mut stride = 0.25 * sign;
    loop {
        let at = (near.0 + stride).clamp(lower, upper);
        let far = (at, slope(at));
        if far.1 * sign <= 0.0 {
            // Counted from one below the range: an accuracy that is relative does not get lost at
            // ln ν = 0.
            let shift = lower - 1.0;
            let ends = (near.0 - shift, at - shift);
            let root = brent("∂ℓ/∂ ln ν = 0", |x| slope(x + shift), ends, 1e-15)?;
            return Ok(DofEstimate::Interior((root + shift).exp()));
        }
        if at <= lower {
            return Ok(DofEstimate::Lower);
        }
        if at >= upper || !far.1.is_finite() {
            return Ok(DofEstimate::Infinite);
        }
        near = far;
        stride *= 2.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_ends() {
        let at = |target: f64| climb(move |x: f64| target - x, 1.0).unwrap();
        for target in [-6.5, 0.3, 1.0, 12.0] {
            let DofEstimate::Interior(dof) = at(target) else { panic!("{target}") };
            assert!((dof.ln() - target).abs() < 1e-12, "{target}");
        }
        assert_eq!(at(-20.0), DofEstimate::Lower);
        assert_eq!(at(40.0), DofEstimate::Infinite);
    }

    /// For s = 1 the beta law has E U(1−U) = ab/((a+b)(a+b+1)); U and I − U are exchangeable.
    #[test]
    fn moments_of_the_matrix_beta() {
        for (a, b) in [(0.5, 2.0), (3.0, 0.7), (40.0, 9.0)] {
            let n = a + b;
            let exact = a * b / (n * (n + 1.0));
            assert!((beta_spread(a, n, 1.0) - exact).abs() < 1e-14, "{a} {b}");
            for s in [2.0, 5.0] {
                let (a, n) = (a + s, n + 2.0 * s);
                let swapped = beta_spread(n - a, n, s);
                assert!((beta_spread(a, n, s) - swapped).abs() < 1e-12, "{a} {b} {s}");
            }
        }
    }

    #[test]
    fn only_finite_positive_values_are_degrees_of_freedom() {
        assert!(require_dof(1e-3).is_ok() && require_dof(1e12).is_ok());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(require_dof(bad), Err(Error::Domain { .. })), "{bad}");
        }
    }
}
