//! A law of one's own: the power exponential, ln f = c − ½ δ^β with δ the squared distance.
//!
//! β = 1 is the Gaussian, smaller β has heavier tails. An elliptical law says three numbers per
//! squared distance, and fits, methods, certificates and figures follow; with a sampler it can be
//! simulated as well. The program checks the derivatives before it trusts them, gets a known truth
//! back, and lets the law compete on real data. Run with `cargo run --example own_law`.
//!
//! Reference: Gómez, Gómez-Villegas and Marín (1998), Communications in Statistics – Theory and
//! Methods 27, 589–600.

use kronfit::calculus::check;
use kronfit::data::Sample;
use kronfit::estimate::{Coordinates, JointProblem, Problem};
use kronfit::family::{Elliptical, Law, MatrixDistribution, Radial, Sampler, Weighting};
use kronfit::likelihood::SampleLikelihood;
use kronfit::linalg::Spd;
use kronfit::model::{Dof, Model};
use kronfit::optim::{Failure, Objective};
use kronfit::{Error, Result, io};
use ndarray::{Array1, Array2, array};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use statrs::function::gamma::ln_gamma;
use std::f64::consts::{LN_2, PI};
use std::sync::Arc;

// ANCHOR: law
/// ρ = ½ δ^β.
#[derive(Debug, Clone, Copy)]
struct PowerExponential {
    beta: f64,
}

impl Elliptical for PowerExponential {
    fn radial(&self, delta: f64, _d: usize) -> Radial {
        let beta = self.beta;
        Radial {
            rho: 0.5 * delta.powf(beta),
            weight: beta * delta.powf(beta - 1.0),
            slope: beta * (beta - 1.0) * delta.powf(beta - 2.0),
        }
    }
}

impl Law for PowerExponential {
    fn name(&self) -> &str {
        "power-exponential"
    }

    fn weighting(&self) -> Weighting<'_> {
        Weighting::Elliptical(self)
    }

    /// c = ln[ Γ(1 + d/2) / (π^{d/2} Γ(1 + d/2β) 2^{d/2β}) ], d = pq.
    fn ln_constant(&self, p: usize, q: usize) -> f64 {
        let half = 0.5 * (p * q) as f64;
        let power = half / self.beta;
        ln_gamma(1.0 + half) - half * PI.ln() - ln_gamma(1.0 + power) - power * LN_2
    }

    /// E δ/d = 2^{1/β} Γ((d+2)/2β) / (d Γ(d/2β)).
    fn covariance_factor(&self, p: usize, q: usize) -> Option<f64> {
        let d = (p * q) as f64;
        let power = 0.5 / self.beta;
        Some((2.0 * power * LN_2 + ln_gamma((d + 2.0) * power) - ln_gamma(d * power)).exp() / d)
    }

    fn sampler(&self) -> Option<&dyn Sampler> {
        Some(self)
    }
}
// ANCHOR_END: law

/// A uniform direction times √δ, where δ^β has the Gamma law of shape d/2β and scale 2.
impl Sampler for PowerExponential {
    fn draw(&self, p: usize, q: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let z: Array2<f64> = Array2::from_shape_simple_fn((p, q), || StandardNormal.sample(rng));
        let shape = (p * q) as f64 / (2.0 * self.beta);
        let power: f64 = Gamma::new(shape, 2.0).map_or(f64::NAN, |gamma| gamma.sample(rng));
        let norm = (&z * &z).sum().sqrt();
        z * (power.powf(0.5 / self.beta) / norm)
    }
}

fn main() -> Result<()> {
    let sample = io::resolve("us-macro")?;
    derivatives(&sample)?;
    known_truth()?;
    compete(&sample)
}

/// The gradient of the whole likelihood against differences that see values only, away from the
/// optimum.
fn derivatives(sample: &Sample) -> Result<()> {
    println!("The gradient of −ℓ/npq at β = 0.6, checked by extrapolated differences\n");
    // ANCHOR: check
    let model = Model::of(Arc::new(PowerExponential { beta: 0.6 }));
    let source = SampleLikelihood::new(sample);
    let problem = Problem::new(&model, &source);
    let joint = JointProblem::new(&problem, &problem.start()?, Coordinates::LogEuclidean)?;
    let at = Array1::from_shape_fn(joint.dim(), |k| 0.2 * (k as f64).sin());
    let look = |x: &Array1<f64>| joint.evaluate(&x.to_vec()).map_err(reason);
    let gradient = Array1::from(look(&at)?.gradient);
    let settings = check::Settings::default();
    println!("{}\n", check::gradient(|x| Ok(look(x)?.value), &gradient, &at, &settings)?);
    // ANCHOR_END: check
    let slope = |x: &Array1<f64>| Ok(Array1::from(look(x)?.gradient));
    let bend = |v: &Array1<f64>| {
        joint.hessian_product(&at.to_vec(), &v.to_vec()).map(Array1::from).map_err(reason)
    };
    let report = check::hessian_product(slope, bend, &at, &settings)?;
    println!("Hessian–vector products: worst relative error {:.1e}\n", report.worst());
    Ok(())
}

fn reason(failure: Failure) -> Error {
    match failure {
        Failure::Fatal(error) => error,
        Failure::Infeasible => Error::domain("the point", "infeasible", "in the domain"),
    }
}

/// Simulate with known factors, fit, compare.
fn known_truth() -> Result<()> {
    let law = Arc::new(PowerExponential { beta: 0.5 });
    let a = Spd::new("A", array![[1.0, 0.6, 0.36], [0.6, 1.0, 0.6], [0.36, 0.6, 1.0]])?;
    let b = Spd::new("B", array![[1.5, -0.4], [-0.4, 0.5]])?;
    let truth = MatrixDistribution::new(law.clone(), Array2::zeros((3, 2)), a, b)?;
    let fit = Model::of(law).fit(&truth.simulate(2000, &mut ChaCha8Rng::seed_from_u64(11))?)?;
    println!("2000 simulated matrices, β = 0.5; truth A12 = 0.6, B12 = −0.4, σ² = 1");
    println!(
        "  A12 = {:.3}, B12 = {:.3}, σ² = {:.3} ({}, {} iterations)\n",
        fit.row_cov()[[0, 1]],
        fit.col_cov()[[0, 1]],
        fit.sigma2(),
        fit.termination().name(),
        fit.iterations()
    );
    Ok(())
}

/// The likelihood over β, beside the built-in laws.
fn compete(sample: &Sample) -> Result<()> {
    println!("us-macro: the likelihood over β");
    println!("  law                  log-likelihood   score   covariance / (A ⊗ B)");
    for beta in [1.0, 0.8, 0.6, 0.5, 0.4, 0.3] {
        let fit = Model::of(Arc::new(PowerExponential { beta })).fit(sample)?;
        let (_, p, q) = fit.dim();
        let factor = fit.law().covariance_factor(p, q).unwrap_or(f64::NAN);
        let name = format!("power exponential {beta}");
        println!(
            "  {name:<21} {:>13.3} {:>7.0e} {factor:>12.4}",
            fit.log_likelihood(),
            fit.score()
        );
    }
    for model in [Model::gaussian(), Model::kronecker_t(Dof::Estimate)] {
        let fit = model.fit(sample)?;
        let name = model.law().name();
        println!("  {name:<21} {:>13.3} {:>7.0e}", fit.log_likelihood(), fit.score());
    }
    Ok(())
}
