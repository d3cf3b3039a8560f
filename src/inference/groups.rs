//! Do two groups share their covariance factors?

use super::bootstrap::{BootstrapOptions, bootstrap, uncertified};
use super::frame::require_converged;
use super::test_result::{Reference, TestResult};
use crate::data::Sample;
use crate::estimate::{FitOptions, Silent};
use crate::family::{Gaussian, MatrixDistribution};
use crate::kronecker::Side;
use crate::likelihood::{Likelihood, Point, SampleLikelihood, Sides, Sums};
use crate::model::{Mean, Model};
use crate::{Error, Result};
use ndarray::{Array2, Axis, concatenate};
use serde::Serialize;
use std::sync::Arc;

/// What two groups have in common under the null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// A ⊗ B.
    Both,
    /// A up to its scale; every group has its own B.
    Rows,
    /// B up to its scale; every group has its own A.
    Cols,
}

/// Tests whether groups of matrices share covariance factors, under normality, each group with
/// its own free mean.
///
/// T = 2(Σℓ_g − ℓ₀). Under the null T is invariant under X ↦ PXQᵀ, so that simulating with
/// identity factors gives its exact law.
///
/// # Errors
/// [`Error::Shape`] for matrices of different shapes, [`Error::Names`] for groups whose names of
/// what they share are not the same, [`Error::Missing`], [`Error::Domain`] for fewer than two
/// groups, those of [`Model::fit`].
pub fn equal_factors(
    groups: &[Sample],
    shared: Shared,
    options: &FitOptions,
    simulation: Option<&BootstrapOptions<'_>>,
) -> Result<TestResult> {
    let Some((first, rest)) = groups.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Error::domain("the number of groups", groups.len(), "at least 2"));
    };
    let (_, p, q) = first.dim();
    groups.iter().try_for_each(Sample::require_complete)?;
    groups.iter().try_for_each(|group| group.require_alike("the test of equal factors"))?;
    for group in rest {
        let (_, rows, cols) = group.dim();
        if (rows, cols) != (p, q) {
            return Err(Error::shape(
                group.source(),
                format!("matrices of {p} × {q}"),
                (rows, cols),
            ));
        }
    }
    // What has a name is compared with what has the same name; a side of its own has no partner.
    let (rows, cols) = match shared {
        Shared::Both => (first.row_names(), first.col_names()),
        Shared::Rows => (first.row_names(), &[][..]),
        Shared::Cols => (&[][..], first.col_names()),
    };
    let matched = |group: &Sample| group.matched(rows, cols, first.source());
    let groups = &groups.iter().map(matched).collect::<Result<Vec<_>>>()?[..];
    let options = &uncertified(options);
    let ells = likelihoods(groups, shared, options)?;
    let triangle = |d: usize| d * (d + 1) / 2;
    let each = match shared {
        Shared::Both => triangle(p) + triangle(q) - 1,
        Shared::Rows => triangle(p) - 1,
        Shared::Cols => triangle(q) - 1,
    };
    let df = rest.len() * each;
    let what = match shared {
        Shared::Both => "A ⊗ B",
        Shared::Rows => "A (up to scale)",
        Shared::Cols => "B (up to scale)",
    };
    let names = (format!("all groups share {what}"), "every group has its own A ⊗ B".to_owned());
    if df == 0 {
        return Err(Error::Unsupported {
            what: format!("{what} of order 1 is the same in every group"),
            remedy: "test the other factor".to_owned(),
        });
    }
    let mut result = TestResult::new("equal factors", names, ells, df, Reference::ChiSquared)?;
    if let Some(simulation) = simulation {
        let sizes: Vec<usize> = groups.iter().map(|g| g.dim().0).collect();
        let null = MatrixDistribution::standard(Arc::new(Gaussian), p, q);
        result.bootstrap = Some(bootstrap(result.statistic, simulation, true, |rng| {
            let drawn = sizes.iter().map(|&n| null.simulate(n, rng));
            let (null, alternative) =
                likelihoods(&drawn.collect::<Result<Vec<_>>>()?, shared, options)?;
            Ok(2.0 * (alternative - null))
        })?);
    }
    Ok(result)
}

/// ℓ under the null and under the alternative.
fn likelihoods(groups: &[Sample], shared: Shared, options: &FitOptions) -> Result<(f64, f64)> {
    let mut alternative = 0.0;
    for group in groups {
        let fit = Model::gaussian().fit_with(group, options, &mut Silent)?;
        require_converged(&fit, "the test of equal factors")?;
        alternative += fit.log_likelihood();
    }
    let centred: Vec<Sample> = groups.iter().map(centred).collect::<Result<_>>()?;
    let null = match shared {
        Shared::Both => {
            let views: Vec<_> = centred.iter().map(Sample::values).collect();
            let all = concatenate(Axis(0), &views)
                .map_err(|e| Error::shape("the groups", "matrices of one shape", e))?;
            let model = Model::gaussian().mean(Mean::Zero);
            let fit = model.fit_with(&Sample::new(all)?, options, &mut Silent)?;
            require_converged(&fit, "the test of equal factors")?;
            fit.log_likelihood()
        }
        Shared::Rows => common_factor(&centred, Side::Rows, options)?,
        Shared::Cols => common_factor(&centred, Side::Cols, options)?,
    };
    Ok((null, alternative))
}

fn centred(sample: &Sample) -> Result<Sample> {
    let mean = sample.mean();
    let mut values = sample.values().to_owned();
    for mut x in values.outer_iter_mut() {
        x -= &mean;
    }
    Sample::new(values)
}

/// The maximised ℓ of centred groups with one factor in common: flip-flop over the common factor
/// (from the sum of the groups' scatters) and every group's own.
fn common_factor(groups: &[Sample], common: Side, options: &FitOptions) -> Result<f64> {
    let own = common.other();
    let (_, p, q) = groups.first().map_or((0, 1, 1), Sample::dim);
    let likelihoods: Vec<SampleLikelihood<'_>> = groups.iter().map(SampleLikelihood::new).collect();
    let mut points = vec![Point::standard(p, q); groups.len()];
    let mut sums = Sums::zeros(p, q);
    for _ in 0..options.max_iter {
        let mut worst = 0.0_f64;
        let mut together = Sums::zeros(p, q);
        for (likelihood, point) in likelihoods.iter().zip(&mut points) {
            likelihood.sums(point, &Gaussian, Sides::One(own), &mut sums)?;
            if let Some(scatter) = sums.mean_scatter(own) {
                worst = worst.max(distance(&scatter));
                point.factors[own].advance("a group's factor", scatter.view())?;
            }
            likelihood.sums(point, &Gaussian, Sides::One(common), &mut sums)?;
            together.add(&sums);
        }
        let Some(shared) = together.mean_scatter(common) else { break };
        worst = worst.max(distance(&shared));
        if worst <= options.tol {
            return Ok(together.log_likelihood);
        }
        for point in &mut points {
            point.factors[common].advance("the common factor", shared.view())?;
        }
    }
    Err(Error::Unsupported {
        what: "the model with a common factor did not converge".to_owned(),
        remedy: "raise the limit of iterations".to_owned(),
    })
}

/// max |G − I|.
fn distance(scatter: &Array2<f64>) -> f64 {
    let gap = scatter - &Array2::<f64>::eye(scatter.nrows());
    gap.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}
