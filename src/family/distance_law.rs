//! The law of a distance under each model: tail probabilities from 1 down to the smallest double,
//! and quantiles.
//!
//! | law | statistic of a whitened sample Z | distributed as |
//! | --- | --- | --- |
//! | Gaussian | δ = ‖Z‖² | χ² with pq degrees of freedom |
//! | Kronecker t | δ = ‖Z‖² | pq times F(pq, ν) |
//! | matrix-variate t | ln det(I + ZZᵀ) | −ln Wilks' Λ |
//!
//! The last row: Z = T⁻ᵀG with S = TTᵀ Wishart with ν+p−1 degrees of freedom and G standard
//! normal, so det(I + ZZᵀ)⁻¹ = |S|/|S + GGᵀ|, Wilks' Λ (Anderson 2003, theorem 8.4.1).

use crate::optim::brent;
use crate::special::{digamma_difference, ln_gamma_excess, trigamma};
use crate::{Error, Result};
use ndarray::ArrayView2;
use statrs::distribution::{Beta, ChiSquared, ContinuousCDF, FisherSnedecor, Normal};
use std::fmt;

/// What a sample's distance from the mean is compared with, parameters taken as known.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum DistanceLaw {
    /// δ ~ χ² with so many degrees of freedom.
    ChiSquared(usize),
    /// δ/d ~ F(d, ν): d and ν.
    Fisher(usize, f64),
    /// ln det(I + ZZᵀ) = −Σ_j ln β_j, β_j ~ Beta((ν+s−j)/2, t/2) independent, j = 1..s, with
    /// s ≤ t the sides: Wilks' law of s, t and ν.
    Wilks(usize, usize, f64),
}

impl fmt::Display for DistanceLaw {
    /// The law in symbols.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChiSquared(d) => write!(f, "δ ~ χ²({d})"),
            Self::Fisher(d, dof) => write!(f, "δ/{d} ~ F({d}, {dof:.4})"),
            Self::Wilks(s, t, dof) => write!(
                f,
                "ln det(I + ZZᵀ) ~ −Σ ln Beta((ν+{s}−j)/2, {t}/2), j = 1..{s}, ν = {dof:.4} (Wilks)"
            ),
        }
    }
}

impl DistanceLaw {
    /// The number that is compared, for a whitened sample Z: ‖Z‖², or ln det(I + ZZᵀ) for the
    /// matrix t, whose density depends on it alone.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for a Z that is not finite.
    pub fn statistic(&self, z: ArrayView2<'_, f64>) -> Result<f64> {
        match self {
            Self::Wilks(..) => {
                let values = crate::linalg::singular_values("a whitened sample", z)?;
                Ok(values.iter().map(|s| (s * s).ln_1p()).sum())
            }
            _ => Ok(super::weighting::squared_norm(z)),
        }
    }

    /// What the statistic is called.
    pub fn statistic_name(&self) -> &'static str {
        match self {
            Self::Wilks(..) => "distance ln det(I + ZZᵀ)",
            _ => "squared distance δ = ‖Z‖²",
        }
    }

    /// What its law is called.
    pub fn law_name(&self) -> String {
        match self {
            Self::ChiSquared(d) => format!("χ² with {d} degrees of freedom"),
            Self::Fisher(d, dof) => format!("{d} · F({d}, {dof:.4})"),
            Self::Wilks(..) => "−ln Wilks' Λ".to_owned(),
        }
    }

    /// Do the distances span decades?
    pub fn is_heavy_tailed(&self) -> bool {
        matches!(self, Self::Fisher(..))
    }

    /// P(statistic ≥ x).
    pub fn p_value(&self, x: f64) -> f64 {
        let tail = match *self {
            Self::ChiSquared(d) => ChiSquared::new(d as f64).map(|law| law.sf(x)).ok(),
            Self::Fisher(d, dof) => {
                FisherSnedecor::new(d as f64, dof).map(|law| law.sf(x / d as f64)).ok()
            }
            Self::Wilks(s, t, dof) => Some(wilks_tail(s, t, dof, x)),
        };
        tail.map_or(f64::NAN, |p| p.clamp(0.0, 1.0))
    }

    /// The x with P(statistic < x) = u, for u in (0, 1).
    ///
    /// # Errors
    /// [`Error::Domain`] for another u, or a law whose numbers are out of range.
    pub fn quantile(&self, u: f64) -> Result<f64> {
        if !(u > 0.0 && u < 1.0) {
            return Err(Error::domain("the probability of a quantile", u, "between 0 and 1"));
        }
        match *self {
            Self::ChiSquared(d) => {
                let law = ChiSquared::new(d as f64)
                    .map_err(|e| Error::domain("the dimension pq", d, e.to_string()))?;
                Ok(law.inverse_cdf(u))
            }
            Self::Fisher(d, dof) => Ok(d as f64 * fisher_quantile(d as f64, dof, u)?),
            Self::Wilks(1, t, dof) => {
                let delta = fisher_quantile(t as f64, dof, u)? * t as f64 / dof;
                Ok(delta.ln_1p())
            }
            Self::Wilks(s, t, dof) => Wilks { s, t, dof }.quantile(u),
        }
    }
}

/// With y ~ Beta(ν/2, d/2), F = ν(1−y)/(dy): accurate in the long tail.
fn fisher_quantile(d: f64, dof: f64, u: f64) -> Result<f64> {
    let y = beta_quantile(0.5 * dof, 0.5 * d, 1.0 - u)?;
    Ok(dof * (1.0 - y) / (d * y))
}

/// The u-quantile of Beta(a, b).
///
/// # Errors
/// [`Error::Domain`] for shapes that are not positive numbers.
pub fn beta_quantile(a: f64, b: f64, u: f64) -> Result<f64> {
    let law = Beta::new(a, b).map_err(|e| {
        Error::domain("the shape of a beta law", format!("({a}, {b})"), e.to_string())
    })?;
    Ok(law.inverse_cdf(u))
}

/// The laws with one side are exact through F; the others by the saddlepoint approximation of
/// Lugannani & Rice. Far out the law is one exponential, for which the approximation is too large
/// by Stirling's factor e/√2π, 8.4 %: no p-value is off by more, and those above 0.001 by less
/// than 2 %.
///
/// # References
/// Lugannani & Rice (1980), Advances in Applied Probability 12, 475–490.
fn wilks_tail(s: usize, t: usize, dof: f64, x: f64) -> f64 {
    if s == 1 {
        // e^x − 1 = δ with δν/t ~ F(t, ν).
        let delta = x.exp_m1();
        return FisherSnedecor::new(t as f64, dof)
            .map_or(f64::NAN, |law| law.sf(delta * dof / t as f64));
    }
    if x <= 0.0 {
        return 1.0;
    }
    Wilks { s, t, dof }.tail(x)
}

/// Cumulants of −Σ ln β_j.
struct Wilks {
    s: usize,
    t: usize,
    dof: f64,
}

impl Wilks {
    /// First shape of β_j.
    fn shapes(&self) -> impl Iterator<Item = f64> {
        let (s, dof) = (self.s, self.dof);
        (1..=s).map(move |j| 0.5 * (dof + (s - j) as f64))
    }

    fn half(&self) -> f64 {
        0.5 * self.t as f64
    }

    /// K(θ) = Σ [lnΓ(a−θ) − lnΓ(a−θ+h) + lnΓ(a+h) − lnΓ(a)], θ < smallest a.
    fn k(&self, theta: f64) -> f64 {
        let h = self.half();
        let ratio = |a: f64| ln_gamma_excess(a, h) + h * a.ln();
        self.shapes().map(|a| ratio(a) - ratio(a - theta)).sum()
    }

    /// K′(θ) = Σ [ψ(a−θ+h) − ψ(a−θ)].
    fn slope(&self, theta: f64) -> f64 {
        self.shapes().map(|a| digamma_difference(a - theta, self.half())).sum()
    }

    /// K″(θ) = Σ [ψ′(a−θ) − ψ′(a−θ+h)].
    fn bend(&self, theta: f64) -> f64 {
        self.shapes().map(|a| trigamma(a - theta) - trigamma(a - theta + self.half())).sum()
    }

    /// Third cumulant by a central difference; it only bridges the removable singularity at the
    /// mean.
    fn skew(&self) -> f64 {
        let h = 1e-3 * self.dof.min(1.0);
        (self.bend(h) - self.bend(-h)) / (2.0 * h)
    }

    /// θ = ν/2 − e^u covers (−∞, ν/2), where K exists; K′(θ) falls as u grows.
    fn theta(&self, u: f64) -> f64 {
        0.5 * self.dof - u.exp()
    }

    /// The u where a function that falls from the lower end of its range to the upper is zero.
    fn solve(&self, what: &str, f: impl Fn(f64) -> f64) -> Result<f64> {
        let middle = (0.5 * self.dof).ln();
        let (mut low, mut high) = (middle - 1.0, middle + 1.0);
        while f(low) < 0.0 && low > -700.0 {
            low -= 2.0;
        }
        while f(high) > 0.0 && high < 700.0 {
            high += 2.0;
        }
        brent(what, f, (low, high), 1e-13)
    }

    /// P(statistic ≥ x).
    fn tail(&self, x: f64) -> f64 {
        let found = self.solve("the saddlepoint", |u| self.slope(self.theta(u)) - x);
        found.map_or(f64::NAN, |u| self.tail_at(self.theta(u), x))
    }

    /// The same where θ is the saddlepoint of x.
    fn tail_at(&self, theta: f64, x: f64) -> f64 {
        let normal = Normal::standard();
        let v = theta * self.bend(theta).sqrt();
        if v.abs() < 1e-4 {
            let ratio = self.skew() / self.bend(0.0).powf(1.5);
            return 0.5 - ratio / (6.0 * std::f64::consts::TAU.sqrt());
        }
        let w = theta.signum() * (2.0 * (theta * x - self.k(theta))).max(0.0).sqrt();
        let density = (-0.5 * w * w).exp() / std::f64::consts::TAU.sqrt();
        normal.sf(w) + density * (1.0 / v - 1.0 / w)
    }

    /// The x with tail 1 − u: every saddlepoint knows its x and its tail, so one search is enough.
    fn quantile(&self, u: f64) -> Result<f64> {
        let x = |at: f64| self.slope(self.theta(at));
        let below = |at: f64| u - (1.0 - self.tail_at(self.theta(at), x(at)));
        // The tail grows with the coordinate, and so does what is below it fall.
        let at = self.solve("P(statistic < x) = u", |at| -below(at))?;
        Ok(x(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Law, MatrixT};
    use rand::SeedableRng;

    /// With s = 1 the saddlepoint must meet the exact F law.
    #[test]
    fn saddlepoint_meets_the_exact_law_of_one_row() {
        for (t, dof) in [(3, 4.0), (8, 2.5), (5, 30.0)] {
            for x in [0.2, 0.7, 1.5, 3.0, 6.0, 12.0] {
                let exact = wilks_tail(1, t, dof, x);
                let near = Wilks { s: 1, t, dof }.tail(x);
                // The limit far out is known: Stirling's e/√2π.
                let bound = if exact > 1e-3 { 0.02 } else { 0.0845 };
                let off = near / exact - 1.0;
                assert!(off.abs() < bound, "t {t} ν {dof} x {x}: {near} {exact}");
            }
        }
    }

    #[test]
    fn saddlepoint_meets_simulation() {
        let (p, q, dof) = (3, 2, 4.0);
        let law = MatrixT::new(dof).unwrap();
        let tail = DistanceLaw::Wilks(2, 3, dof);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let n = 40_000;
        let draws: Vec<f64> = (0..n)
            .map(|_| tail.statistic(law.sampler().unwrap().draw(p, q, &mut rng).view()).unwrap())
            .collect();
        for x in [0.5, 1.0, 2.0, 3.0, 5.0] {
            let found = draws.iter().filter(|d| **d >= x).count() as f64 / n as f64;
            let p_value = tail.p_value(x);
            let error = (p_value * (1.0 - p_value) / n as f64).sqrt();
            assert!(
                (found - p_value).abs() < 4.0 * error + 0.01 * p_value,
                "{x}: {found} {p_value}"
            );
        }
    }

    /// Quantiles as printed in statistical tables.
    #[test]
    fn quantiles_agree_with_tables() {
        let near = |x: f64, y: f64| assert!((x - y).abs() < 1e-4 * y, "{x} {y}");
        near(DistanceLaw::ChiSquared(12).quantile(0.95).unwrap(), 21.0261);
        near(DistanceLaw::Fisher(5, 10.0).quantile(0.95).unwrap(), 5.0 * 3.3258);
        near(DistanceLaw::Fisher(4, 2.0).quantile(0.99).unwrap(), 4.0 * 99.249);
        assert!(DistanceLaw::ChiSquared(3).quantile(1.0).is_err());
    }

    #[test]
    fn quantiles_invert_tails() {
        let laws = [
            DistanceLaw::ChiSquared(7),
            DistanceLaw::Fisher(6, 2.5),
            DistanceLaw::Wilks(1, 6, 5.0),
            DistanceLaw::Wilks(4, 8, 3.0),
            DistanceLaw::Wilks(3, 3, 0.4),
            DistanceLaw::Wilks(10, 12, 300.0),
        ];
        for law in laws {
            for u in [1e-6, 0.01, 0.3, 0.5, 0.6, 0.9, 0.999, 1.0 - 1e-9] {
                let tail = law.p_value(law.quantile(u).unwrap());
                let off = (tail / (1.0 - u) - 1.0).abs();
                assert!(off < 1e-6, "{law} at {u}: {tail}");
            }
        }
    }
}
