//! How far each sample is from the fitted mean, and the law those distances should follow.
//!
//! | law | distance of a whitened sample Z | distributed as |
//! | --- | --- | --- |
//! | Gaussian | δ = ‖Z‖² | χ² with pq degrees of freedom |
//! | Kronecker t | δ/pq | F(pq, ν) |
//! | matrix-variate t | ln det(I + ZZᵀ) | −ln Wilks' Λ: Σ_j −ln Beta((ν+p−j)/2, q/2), j = 1..p |
//!
//! The last row: Z = T⁻ᵀG with S = TTᵀ Wishart with ν+p−1 degrees of freedom and G standard
//! normal, so det(I + ZZᵀ)⁻¹ = |S|/|S + GGᵀ|, Wilks' Λ (Anderson 2003, theorem 8.4.1).

use crate::data::Sample;
use crate::estimate::Fit;
use crate::linalg::{Spd, matmul};
use crate::{Error, Result};
use ndarray::{Array2, ArrayView2};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Beta as BetaDraw, Distribution};
use statrs::distribution::{Beta, ChiSquared, ContinuousCDF};

/// Draws behind simulated quantiles, and their seed.
pub(super) const DRAWS: usize = 40_000;
const SEED: u64 = 20_210_607;

/// The distances' law under the fitted model, parameters taken as known.
pub(super) enum Reference {
    ChiSquared {
        d: f64,
    },
    F {
        d: f64,
        nu: f64,
    },
    /// Sorted draws.
    Simulated {
        draws: Vec<f64>,
    },
}

/// Distances, ascending, with their law.
pub(super) struct Distances {
    pub(super) values: Vec<f64>,
    pub(super) reference: Reference,
}

/// A distance of a whitened sample.
type Measure = fn(ArrayView2<'_, f64>) -> Result<f64>;

/// The distances of a sample under a fit; `None` for a law whose distances have no known law.
///
/// # Errors
/// [`Error::Shape`] when the sample is not of the fit's shape; what the law of the distances says.
pub(super) fn distances(fit: &Fit, sample: &Sample) -> Result<Option<Distances>> {
    let (_, p, q) = fit.dim();
    let (_, sp, sq) = sample.dim();
    if (sp, sq) != (p, q) {
        return Err(Error::shape(sample.source(), format!("{p} × {q} matrices"), (sp, sq)));
    }
    let d = (p * q) as f64;
    let (reference, measure): (_, Measure) = match (fit.law().name(), fit.dof()) {
        ("gaussian", _) => (Reference::ChiSquared { d }, squared_norm),
        ("kronecker-t", Some(nu)) => (Reference::F { d, nu }, mean_square),
        ("matrix-t", Some(nu)) => {
            (Reference::Simulated { draws: wilks(p, q, nu)? }, ln_det_plus_identity)
        }
        _ => return Ok(None),
    };
    let mut values = Vec::with_capacity(sample.dim().0);
    for x in sample.values().outer_iter() {
        let z = fit.point().whiten((&x - &fit.mean()).view());
        values.push(measure(z.view())?);
    }
    values.sort_by(f64::total_cmp);
    Ok(Some(Distances { values, reference }))
}

fn squared_norm(z: ArrayView2<'_, f64>) -> Result<f64> {
    Ok(z.iter().map(|x| x * x).sum())
}

fn mean_square(z: ArrayView2<'_, f64>) -> Result<f64> {
    Ok(squared_norm(z)? / z.len() as f64)
}

/// ln det(I + ZZᵀ), on the smaller side.
fn ln_det_plus_identity(z: ArrayView2<'_, f64>) -> Result<f64> {
    let short = if z.nrows() <= z.ncols() { z } else { z.reversed_axes() };
    let mut gram = matmul(short, short.t());
    gram += &Array2::eye(short.nrows());
    Ok(Spd::new("a whitened sample", gram)?.ln_det())
}

/// Sorted draws of −ln Λ; the law is symmetric in p and q, so the shorter sum is taken.
fn wilks(p: usize, q: usize, nu: f64) -> Result<Vec<f64>> {
    let (p, q) = (p.min(q), p.max(q));
    let bad = |_| Error::domain("the degrees of freedom", nu, "positive and not extreme");
    let factors = (1..=p)
        .map(|j| BetaDraw::new(0.5 * (nu + (p - j) as f64), 0.5 * q as f64))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(bad)?;
    let mut rng = ChaCha12Rng::seed_from_u64(SEED);
    let draw = |rng: &mut ChaCha12Rng| {
        // A draw may underflow to zero at tiny ν.
        factors.iter().map(|b| -b.sample(rng).max(f64::MIN_POSITIVE).ln()).sum::<f64>()
    };
    let mut draws: Vec<f64> = (0..DRAWS).map(|_| draw(&mut rng)).collect();
    draws.sort_by(f64::total_cmp);
    Ok(draws)
}

impl Reference {
    /// The quantile at probability u in (0, 1).
    pub(super) fn quantile(&self, u: f64) -> Result<f64> {
        match self {
            Self::ChiSquared { d } => {
                let law = ChiSquared::new(*d)
                    .map_err(|e| Error::domain("the dimension pq", d, e.to_string()))?;
                Ok(law.inverse_cdf(u))
            }
            Self::F { d, nu } => {
                // 1/(1 + dF/ν) ~ Beta(ν/2, d/2): accurate in the long tail.
                let y = beta_quantile(0.5 * nu, 0.5 * d, 1.0 - u)?;
                Ok(nu * (1.0 - y) / (d * y))
            }
            Self::Simulated { draws } => {
                let place = u * (draws.len() - 1) as f64;
                let (below, share) = (place.floor() as usize, place.fract());
                let above = (below + 1).min(draws.len() - 1);
                Ok(draws[below] + share * (draws[above] - draws[below]))
            }
        }
    }

    /// What the axis shows.
    pub(super) fn axis(&self) -> String {
        match self {
            Self::ChiSquared { d } => format!("quantile of χ² with {d} degrees of freedom"),
            Self::F { d, nu } => format!("quantile of F({d}, {nu:.4})"),
            Self::Simulated { draws } => {
                format!("quantile of −ln Wilks' Λ ({} seeded draws)", draws.len())
            }
        }
    }

    /// What is measured of a sample.
    pub(super) fn measure(&self) -> &'static str {
        match self {
            Self::ChiSquared { .. } => "squared distance δ = ‖Z‖²",
            Self::F { .. } => "mean squared distance δ/pq",
            Self::Simulated { .. } => "distance ln det(I + ZZᵀ)",
        }
    }

    /// Do the distances span decades?
    pub(super) fn is_heavy_tailed(&self) -> bool {
        matches!(self, Self::F { .. })
    }
}

/// The u-quantile of Beta(a, b).
pub(super) fn beta_quantile(a: f64, b: f64, u: f64) -> Result<f64> {
    let law = Beta::new(a, b).map_err(|e| {
        Error::domain("the shape of a beta law", format!("({a}, {b})"), e.to_string())
    })?;
    Ok(law.inverse_cdf(u))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dof, Model};

    /// Quantiles as printed in statistical tables.
    #[test]
    fn quantiles_agree_with_tables() {
        let near = |x: f64, y: f64| assert!((x - y).abs() < 6e-3 * y, "{x} {y}");
        near(Reference::ChiSquared { d: 12.0 }.quantile(0.95).unwrap(), 21.026);
        near(Reference::F { d: 5.0, nu: 10.0 }.quantile(0.95).unwrap(), 3.3258);
        near(Reference::F { d: 4.0, nu: 2.0 }.quantile(0.99).unwrap(), 99.249);
    }

    /// For p = 1 the matrix t is a t law: exp(−ln Λ) − 1 = ‖z‖² and ‖z‖²·ν/q ~ F(q, ν).
    #[test]
    fn wilks_with_one_row_is_an_f_law() {
        let (q, nu) = (6, 5.0);
        let simulated = Reference::Simulated { draws: wilks(1, q, nu).unwrap() };
        let exact = Reference::F { d: q as f64, nu };
        for u in [0.05, 0.25, 0.5, 0.75, 0.95] {
            let norm = simulated.quantile(u).unwrap().exp() - 1.0;
            let (got, want) = (norm * nu / q as f64, exact.quantile(u).unwrap());
            assert!((got - want).abs() < 0.05 * want, "{u}: {got} {want}");
        }
    }

    /// Data drawn from a matrix t law follow the reference of its fit, and not that of the
    /// Gaussian fit.
    #[test]
    fn distances_of_a_good_fit_follow_their_law() {
        let sample = crate::io::resolve("simulated-t").unwrap();
        let shares = |model: Model| {
            let fit = model.fit(&sample).unwrap();
            let Distances { values, reference } = distances(&fit, &sample).unwrap().unwrap();
            let below = |u: f64| {
                let quantile = reference.quantile(u).unwrap();
                values.iter().filter(|x| **x < quantile).count() as f64 / values.len() as f64
            };
            [0.25, 0.5, 0.75, 0.95].map(|u| (below(u) - u).abs()).into_iter().fold(0.0, f64::max)
        };
        assert!(shares(Model::matrix_t(Dof::Estimate)) < 0.08);
        assert!(shares(Model::gaussian()) > 0.15);
    }

    #[test]
    fn wilks_does_not_care_which_side_is_which() {
        let middle = |p, q| Reference::Simulated { draws: wilks(p, q, 4.0).unwrap() }.quantile(0.5);
        assert_eq!(middle(3, 5), middle(5, 3));
    }
}
