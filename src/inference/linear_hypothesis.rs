//! Likelihood-ratio tests of covariates: the coefficients of some terms are zero.

use super::bootstrap::{BootstrapOptions, bootstrap, uncertified};
use super::frame::require_converged;
use super::likelihood_ratio::describe;
use super::test_result::{Reference, TestResult};
use crate::data::{Sample, Weights};
use crate::estimate::{Fit, FitOptions, Silent};
use crate::family::{Gaussian, Generator, MatrixDistribution};
use crate::kronecker::Side;
use crate::model::{Mean, Model};
use crate::{Error, Result};
use ndarray::{Array2, Array3, Axis};

/// Fits the model with and without the covariates of some terms (named as terms or columns of the
/// sample's design) and tests that their coefficients are zero: one-way MANOVA for a categorical
/// term, a trend test for a numeric one.
///
/// For the Gaussian with a free mean and unstructured factors the statistic has a law that depends
/// on (n − r, h, p, q) alone: its mean is close to n\[d ln(N₀/N₁) + k(1/N₁ − 1/N₀)\] with
/// N₁ = n − r, N₀ = N₁ + h and k parameters in the factors, which the corrected p-value divides by,
/// and the simulated p-value is exact. For other models the simulation is a parametric bootstrap
/// from the smaller fit.
///
/// # Errors
/// [`Error::Unsupported`] without covariates, or where a fit did not converge; what
/// [`crate::data::Design::term`] and [`Model::fit`] say.
pub fn linear_hypothesis(
    sample: &Sample,
    model: &Model,
    terms: &[&str],
    options: &FitOptions,
    simulation: Option<&BootstrapOptions<'_>>,
) -> Result<TestResult> {
    let options = &uncertified(options);
    let design = sample.design().ok_or_else(|| Error::Unsupported {
        what: "a test of covariates on a sample that has none".to_owned(),
        remedy: "give the sample a design".to_owned(),
    })?;
    let columns = design.term(terms)?;
    let reduced = match design.without(&columns) {
        Some(rest) => sample.clone().with_design(rest)?,
        None => sample.clone().without_design(),
    };
    let small = match reduced.design() {
        Some(_) => model.clone(),
        None => model.clone().mean(Mean::Zero),
    };
    let large_fit = model.fit_with(sample, options, &mut Silent)?;
    let small_fit = small.fit_with(&reduced, options, &mut Silent)?;
    for fit in [&large_fit, &small_fit] {
        require_converged(fit, "a likelihood-ratio test")?;
    }
    let df = large_fit.n_parameters().saturating_sub(small_fit.n_parameters());
    if df == 0 {
        return Err(Error::Unsupported {
            what: "a mean that is not estimated has no coefficients to test".to_owned(),
            remedy: "fit a free mean".to_owned(),
        });
    }
    let names = (format!("{} = 0", terms.join(", ")), describe(model));
    let ells = (small_fit.log_likelihood(), large_fit.log_likelihood());
    let mut result = TestResult::new("linear-hypothesis", names, ells, df, Reference::ChiSquared)?;
    let (_, p, q) = sample.dim();
    let count = large_fit.weight();
    let free = (count - design.names().len() as f64, columns.len(), p, q);
    let pivotal = is_pivotal(model, sample);
    if pivotal {
        result = result.corrected_by(mean_statistic(count, free) / df as f64);
    } else {
        result.notes.push(
            "the law of the statistic is not known here at this n: simulate it with a bootstrap"
                .to_owned(),
        );
    }
    if let Some(simulation) = simulation {
        if matches!(sample.weights(), Weights::Frequency(_)) {
            return Err(Error::Unsupported {
                what: "a simulation with frequency weights".to_owned(),
                remedy: "repeat the samples instead, or do without the simulation".to_owned(),
            });
        }
        result.bootstrap = Some(if pivotal {
            bootstrap(result.statistic, simulation, true, |rng| {
                exact_draw(count, free, options, rng)
            })?
        } else {
            bootstrap(result.statistic, simulation, false, |rng| {
                let replicate = like(&small_fit, &reduced, rng)?;
                let larger = match sample.design() {
                    Some(design) => replicate.clone().with_design(design.clone())?,
                    None => replicate.clone(),
                };
                let large = model.fit_with(&larger, options, &mut Silent)?;
                let small = small.fit_with(&replicate, options, &mut Silent)?;
                require_converged(&large, "a replicate")?;
                require_converged(&small, "a replicate")?;
                Ok((2.0 * (large.log_likelihood() - small.log_likelihood())).max(0.0))
            })?
        });
    }
    Ok(result)
}

/// Does the group X ↦ PXQᵀ act transitively on the null?
fn is_pivotal(model: &Model, sample: &Sample) -> bool {
    model.law().weighting().is_identity()
        && !model.estimates_dof()
        && *model.mean_structure() == Mean::Free
        && model.row_structure().shape().is_unstructured()
        && model.col_structure().shape().is_unstructured()
        && !matches!(sample.weights(), Weights::Frequency(_))
}

/// E T ≈ n\[d ln(N₀/N₁) + k(1/N₁ − 1/N₀)\].
fn mean_statistic(n: f64, (rest, h, p, q): (f64, usize, usize, usize)) -> f64 {
    let d = (p * q) as f64;
    let k = (p * (p + 1) / 2 + q * (q + 1) / 2) as f64 - 1.0;
    let more = rest + h as f64;
    n * (d * (more / rest).ln() + k * (1.0 / rest - 1.0 / more))
}

/// One draw of the statistic: N₀ standard normal matrices, of which the larger model sees the first
/// N₁ (both with mean 0), scatters over n.
fn exact_draw(
    n: f64,
    (rest, h, p, q): (f64, usize, usize, usize),
    options: &FitOptions,
    rng: &mut Generator,
) -> Result<f64> {
    let (fewer, d) = (rest as usize, (p * q) as f64);
    let standard = MatrixDistribution::standard(std::sync::Arc::new(Gaussian), p, q);
    let all = standard.simulate(fewer + h, rng)?;
    let first = all.values().slice_axis(Axis(0), (..fewer).into()).to_owned();
    let model = Model::gaussian().mean(Mean::Zero);
    // ln|A ⊗ B| of the maximum, from its likelihood.
    let ln_det = |sample: &Sample| -> Result<f64> {
        let fit = model.fit_with(sample, options, &mut Silent)?;
        require_converged(&fit, "a replicate")?;
        let count = sample.dim().0 as f64;
        Ok(-2.0 * fit.log_likelihood() / count - d * (1.0 + std::f64::consts::TAU.ln()))
    };
    let ratio = d * ((fewer + h) as f64 / fewer as f64).ln();
    Ok(n * (ln_det(&all)? - ln_det(&Sample::new(first)?)? + ratio))
}

/// A sample like the fitted one: the same covariates and weights, new errors.
fn like(fit: &Fit, sample: &Sample, rng: &mut Generator) -> Result<Sample> {
    let (n, p, q) = sample.dim();
    let [row, col] = Side::BOTH.map(|side| fit.point().factor(side).clone());
    let errors = MatrixDistribution::of_roots(fit.shared_law(), Array2::zeros((p, q)), row, col);
    let mut values: Array3<f64> = errors.simulate(n, rng)?.values().to_owned();
    if let Weights::Precision(weights) = sample.weights() {
        values.outer_iter_mut().zip(weights).for_each(|(mut x, w)| x /= w.sqrt());
    }
    let ones = Array2::ones((n, 1));
    let z = sample.design().map_or(ones.view(), |design| design.matrix());
    for (mut x, z) in values.outer_iter_mut().zip(z.outer_iter()) {
        for (k, z) in z.iter().enumerate() {
            x.scaled_add(*z, &fit.theta(k));
        }
    }
    let replicate = Sample::new(values)?.with_weights(sample.weights().clone())?;
    match sample.design() {
        Some(design) => replicate.with_design(design.clone()),
        None => Ok(replicate),
    }
}
