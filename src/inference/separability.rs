//! Is the covariance a Kronecker product? The likelihood ratio of A ⊗ B against any Σ.

use super::bootstrap::{BootstrapOptions, bootstrap, simulate_fit, uncertified};
use super::frame::require_converged;
use super::test_result::{Reference, TestResult};
use crate::data::Sample;
use crate::estimate::{Fit, FitOptions, Silent};
use crate::family::{Gaussian, Generator, MatrixDistribution};
use crate::kronecker::{kronecker_product, vec_rows};
use crate::linalg::{Spd, matmul, symmetric_eigen};
use crate::model::{Mean, Model};
use crate::{Error, Result};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use std::sync::Arc;

/// How to test separability.
#[derive(Debug, Clone)]
pub struct SeparabilityOptions<'a> {
    /// Mean under both hypotheses.
    pub mean: Mean,
    /// How the Kronecker model is fitted.
    pub fit: FitOptions,
    /// Simulated p-value.
    pub bootstrap: Option<BootstrapOptions<'a>>,
    /// Test Uᵀ X V instead of X, with U the first a eigenvectors of Â and V the first b of B̂:
    /// for samples that are too few for the full test. Needs a bootstrap.
    pub projection: Option<(usize, usize)>,
}

impl Default for SeparabilityOptions<'_> {
    fn default() -> Self {
        Self { mean: Mean::Free, fit: FitOptions::default(), bootstrap: None, projection: None }
    }
}

/// Tests Cov(vec X) = A ⊗ B against any covariance matrix, under normality:
/// T = 2(ℓ₁ − ℓ₀), for known and free means T = n[q ln|Â| + p ln|B̂| − ln|S|].
///
/// For known and free means T is invariant under X ↦ PXQᵀ, so that simulating with A = B = I
/// gives its exact law at this n, and its mean is known well enough for a Bartlett correction:
/// see [`separability_factor`]. For structured means the bootstrap is parametric.
///
/// # Errors
/// [`Error::TooFewSamples`] where the unstructured covariance is singular, naming the
/// alternatives; those of [`Model::fit`].
///
/// # References
/// Lu & Zimmerman (2005), Statistics & Probability Letters 73, 449–457; Aston, Pigoli & Tavakoli
/// (2017), Annals of Statistics 45, 1431–1461, for the projection.
pub fn separability(sample: &Sample, options: &SeparabilityOptions<'_>) -> Result<TestResult> {
    sample.require_complete()?;
    sample.require_alike("the separability test")?;
    match options.projection {
        Some(target) => projected(sample, options, target),
        None => full(sample, options),
    }
}

fn full(sample: &Sample, options: &SeparabilityOptions<'_>) -> Result<TestResult> {
    let (n, p, q) = sample.dim();
    require_count(sample, &options.mean)?;
    let (null, ells) = likelihoods(sample, &options.mean, &options.fit)?;
    let df = degrees(p, q)?;
    let names =
        ("Cov(vec X) = A ⊗ B".to_owned(), "Cov(vec X) is any positive definite matrix".to_owned());
    let mut result = TestResult::new("separability", names, ells, df, Reference::ChiSquared)?;
    let pivotal = is_pivotal(&options.mean);
    if let Some(factor) = separability_factor(n, p, q, &options.mean) {
        result = result.corrected_by(factor);
        result.notes.push(format!(
            "the χ² approximation alone is badly oversized at moderate n: the statistic's mean is \
             {factor:.3} × its degrees of freedom"
        ));
    } else {
        result.notes.push("no correction is known for this mean: use a bootstrap".to_owned());
    }
    if let Some(simulation) = &options.bootstrap {
        result.bootstrap = Some(bootstrap(result.statistic, simulation, pivotal, |rng| {
            let replicate =
                if pivotal { standard(n, p, q, rng)? } else { simulate_fit(&null, rng)? };
            // The law under the null does not depend on a known mean: zero stands for it.
            let mean = if pivotal && !matches!(options.mean, Mean::Free) {
                &Mean::Zero
            } else {
                &options.mean
            };
            statistic(&replicate, mean, &options.fit)
        })?);
    }
    Ok(result)
}

/// Parameters of Σ less those of A ⊗ B.
fn degrees(p: usize, q: usize) -> Result<usize> {
    let triangle = |d: usize| d * (d + 1) / 2;
    let df = (triangle(p * q) + 1).saturating_sub(triangle(p) + triangle(q));
    if p == 1 || q == 1 || df == 0 {
        return Err(Error::Unsupported {
            what: format!("every covariance of {p} × {q} matrices is separable"),
            remedy: "there is nothing to test with one row or one column".to_owned(),
        });
    }
    Ok(df)
}

fn is_pivotal(mean: &Mean) -> bool {
    matches!(mean, Mean::Free | Mean::Zero | Mean::Known(_))
}

/// Samples that the unstructured covariance needs; structured means have at least pq − rank
/// free contrasts, so that one sample more is always enough.
fn required(p: usize, q: usize, mean: &Mean) -> usize {
    p * q + usize::from(!matches!(mean, Mean::Zero | Mean::Known(_)))
}

fn require_count(sample: &Sample, mean: &Mean) -> Result<()> {
    let (n, p, q) = sample.dim();
    let required = required(p, q, mean);
    if n >= required {
        return Ok(());
    }
    Err(Error::TooFewSamples {
        what: format!("the separability test of {}", sample.source()),
        n,
        required,
        p,
        q,
        because: " (the unstructured covariance is singular below that; test a projection on a \
                  few rows and columns with --project A,B --bootstrap B, or test structures of A \
                  and B instead)"
            .to_owned(),
    })
}

/// E T / df under the null at this n, for known, zero and free means; `None` for others or where
/// n is too small.
///
/// E ln|S| = Σ_{j<pq} ψ((n−j)/2) + pq ln(2/n) is exact for the Wishart matrix nS, and
/// E(q ln|Â| + p ln|B̂|) = −k/n + O(n⁻²) with k = p(p+1)/2 + q(q+1)/2 − 1; so
/// E T ≈ −n E ln|S| − k. A free mean: T_n has the law of n/(n−1) · T_{n−1} of a known mean.
pub fn separability_factor(n: usize, p: usize, q: usize, mean: &Mean) -> Option<f64> {
    let (m, stretch) = match mean {
        Mean::Free => (n.checked_sub(1)?, n as f64 / (n as f64 - 1.0)),
        Mean::Zero | Mean::Known(_) => (n, 1.0),
        _ => return None,
    };
    let (d, triangle) = (p * q, |d: usize| d * (d + 1) / 2);
    let df = degrees(p, q).ok()? as f64;
    if m < d {
        return None;
    }
    let digammas: f64 =
        (0..d).map(|j| statrs::function::gamma::digamma(0.5 * (m - j) as f64)).sum();
    let ln_det = digammas + d as f64 * (2.0 / m as f64).ln();
    let k = (triangle(p) + triangle(q) - 1) as f64;
    Some(stretch * (-(m as f64) * ln_det - k) / df)
}

fn kronecker_fit(sample: &Sample, mean: &Mean, options: &FitOptions) -> Result<Fit> {
    let options = uncertified(options);
    let fit = Model::gaussian().mean(mean.clone()).fit_with(sample, &options, &mut Silent)?;
    require_converged(&fit, "the separability test")?;
    Ok(fit)
}

/// The Kronecker fit, and ℓ under both hypotheses.
fn likelihoods(sample: &Sample, mean: &Mean, options: &FitOptions) -> Result<(Fit, (f64, f64))> {
    let null = kronecker_fit(sample, mean, options)?;
    let ells = (null.log_likelihood(), unstructured_log_likelihood(sample, mean)?);
    Ok((null, ells))
}

fn statistic(sample: &Sample, mean: &Mean, options: &FitOptions) -> Result<f64> {
    let (_, (null, alternative)) = likelihoods(sample, mean, options)?;
    Ok(2.0 * (alternative - null))
}

/// The maximum of the Gaussian likelihood over every Σ (pq × pq) and the mean:
/// −(n/2)(pq ln 2π + ln|Σ̂| + pq), Σ̂ = S + ee ᵀ with e the residual of the average from its
/// generalised least-squares fit under S.
///
/// # Errors
/// [`Error::NotPositiveDefinite`] when S is singular.
///
/// # References
/// Potthoff & Roy (1964), Biometrika 51, 313–326, for structured means.
pub fn unstructured_log_likelihood(sample: &Sample, mean: &Mean) -> Result<f64> {
    let (n, p, q) = sample.dim();
    let (nf, d) = (n as f64, p * q);
    let flat = sample
        .values()
        .to_shape((n, d))
        .map_err(|e| Error::shape("the sample", "three dimensions", e))?
        .to_owned();
    let average = flat.sum_axis(Axis(0)) / nf;
    let centre = match mean {
        Mean::Zero => Array1::zeros(d),
        Mean::Known(known) => vec_rows(known.view()),
        _ => average.clone(),
    };
    let centred = flat - &centre;
    let mut scatter = matmul(centred.t(), centred.view()) / nf;
    crate::linalg::symmetrise(&mut scatter);
    let spd = Spd::new("the sample covariance of vec X", scatter)?;
    let mut ln_det = spd.ln_det();
    if !matches!(mean, Mean::Free)
        && let Some((left, right)) = mean.design(p, q)
    {
        let design = kronecker_product(left.view(), right.t());
        ln_det += misfit(&spd, average.view(), &design)?.ln_1p();
    }
    Ok(-0.5 * nf * (d as f64 * std::f64::consts::TAU.ln() + ln_det + d as f64))
}

/// min over Θ of (x̄ − DΘ)ᵀ S⁻¹ (x̄ − DΘ).
fn misfit(spd: &Spd, average: ArrayView1<'_, f64>, design: &Array2<f64>) -> Result<f64> {
    let column = average.insert_axis(Axis(1));
    let solved = spd.solve(column);
    let mut normal = matmul(design.t(), spd.solve(design.view()).view());
    crate::linalg::symmetrise(&mut normal);
    let right = matmul(design.t(), solved.view());
    let theta = Spd::new("the normal matrix of the mean", normal)?.solve(right.view());
    let total: f64 = (&column * &solved).sum();
    Ok((total - (&right * &theta).sum()).max(0.0))
}

/// n standard normal p × q matrices.
fn standard(n: usize, p: usize, q: usize, rng: &mut Generator) -> Result<Sample> {
    MatrixDistribution::standard(Arc::new(Gaussian), p, q).simulate(n, rng)
}

/// The test on the leading eigenvectors, by the parametric bootstrap.
fn projected(
    sample: &Sample,
    options: &SeparabilityOptions<'_>,
    (a, b): (usize, usize),
) -> Result<TestResult> {
    let (n, p, q) = sample.dim();
    if a < 2 || b < 2 || a > p || b > q {
        let allowed = format!("between 2 and {p} rows and between 2 and {q} columns");
        return Err(Error::domain("the projection", format!("{a} × {b}"), allowed));
    }
    let Some(simulation) = &options.bootstrap else {
        return Err(Error::Unsupported {
            what: "a projected separability test has no reference law".to_owned(),
            remedy: "ask for a bootstrap".to_owned(),
        });
    };
    if !is_pivotal(&options.mean) {
        return Err(Error::Unsupported {
            what: format!("a projected separability test with mean {}", options.mean.name()),
            remedy: "take a free, zero or known mean".to_owned(),
        });
    }
    let centred = match &options.mean {
        Mean::Known(known) => shifted(sample, known)?,
        _ => sample.clone(),
    };
    let mean = if matches!(options.mean, Mean::Free) { Mean::Free } else { Mean::Zero };
    let reduced = |sample: &Sample| -> Result<(Fit, Sample)> {
        let fit = kronecker_fit(sample, &mean, &options.fit)?;
        let rows = leading(fit.row_cov().view(), a)?;
        let cols = leading(fit.col_cov().view(), b)?;
        let mut values = Array3::zeros((n, a, b));
        for (x, mut to) in sample.values().outer_iter().zip(values.outer_iter_mut()) {
            to.assign(&matmul(matmul(rows.t(), x).view(), cols.view()));
        }
        Ok((fit, Sample::new(values)?))
    };
    let (fit, small) = reduced(&centred)?;
    require_count(&small, &mean)?;
    let (_, ells) = likelihoods(&small, &mean, &options.fit)?;
    let names = (
        "Cov(vec X) = A ⊗ B".to_owned(),
        format!("Cov(vec UᵀXV) is not separable, U and V the first {a} and {b} eigenvectors"),
    );
    let df = degrees(a, b)?;
    let mut result = TestResult::new("separability", names, ells, df, Reference::BootstrapOnly)?;
    result.bootstrap = Some(bootstrap(result.statistic, simulation, false, |rng| {
        let (_, small) = reduced(&simulate_fit(&fit, rng)?)?;
        statistic(&small, &mean, &options.fit)
    })?);
    result.notes.push(
        "only departures that show in these eigenvectors are found; the bootstrap repeats the \
         projection in every replicate"
            .to_owned(),
    );
    Ok(result)
}

fn shifted(sample: &Sample, mean: &Array2<f64>) -> Result<Sample> {
    let mut values = sample.values().to_owned();
    for mut x in values.outer_iter_mut() {
        x -= mean;
    }
    Sample::new(values)
}

/// Eigenvectors of the k largest eigenvalues (d × k).
fn leading(matrix: ArrayView2<'_, f64>, k: usize) -> Result<Array2<f64>> {
    let eigen = symmetric_eigen("a fitted factor", matrix)?;
    let d = matrix.nrows();
    Ok(eigen.vectors.slice_axis(Axis(1), ndarray::Slice::from(d - k..d)).to_owned())
}
