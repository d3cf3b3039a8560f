//! Do two groups share their covariance factors?

use super::bootstrap::{BootstrapOptions, bootstrap, uncertified};
use super::frame::require_converged;
use super::test_result::{Reference, TestResult};
use crate::data::Sample;
use crate::estimate::{Common, FitOptions, Iterate, Silent, Together};
use crate::family::{Gaussian, MatrixDistribution};
use crate::kronecker::{BySide, Side};
use crate::likelihood::{Likelihood, Point, SampleLikelihood};
use crate::model::{Mean, Model};
use crate::{Error, Result};
use ndarray::{Axis, concatenate};
use serde::Serialize;
use std::str::FromStr;
use std::sync::Arc;

/// What the covariances of groups have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// A ⊗ B.
    Both,
    /// A up to its scale; every group has its own B.
    Rows,
    /// B up to its scale; every group has its own A.
    Cols,
    /// A ⊗ B up to a scale.
    Proportional,
    /// Nothing.
    Nothing,
}

impl Shared {
    /// All of them, from the most in common to the least.
    pub const ALL: [Self; 5] =
        [Self::Both, Self::Proportional, Self::Rows, Self::Cols, Self::Nothing];

    /// Name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Proportional => "proportional",
            Self::Rows => "rows",
            Self::Cols => "cols",
            Self::Nothing => "nothing",
        }
    }

    /// Is a side's factor in common, up to its scale?
    pub(super) fn has(self, side: Side) -> bool {
        match self {
            Self::Both | Self::Proportional => true,
            Self::Rows => side == Side::Rows,
            Self::Cols => side == Side::Cols,
            Self::Nothing => false,
        }
    }
}

impl FromStr for Shared {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|shared| shared.name() == text).ok_or_else(|| {
            let allowed = "both, proportional, rows, cols or nothing";
            Error::domain("what is shared", format!("\"{text}\""), allowed)
        })
    }
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
    if matches!(shared, Shared::Proportional | Shared::Nothing) {
        return Err(Error::Unsupported {
            what: format!("no test of groups that share \"{}\"", shared.name()),
            remedy: "test both, rows or cols".to_owned(),
        });
    }
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
        Shared::Rows => (first.row_names(), &[][..]),
        Shared::Cols => (&[][..], first.col_names()),
        _ => (first.row_names(), first.col_names()),
    };
    let matched = |group: &Sample| group.matched(rows, cols, first.source());
    let groups = &groups.iter().map(matched).collect::<Result<Vec<_>>>()?[..];
    let options = &uncertified(options);
    let ells = likelihoods(groups, shared, options)?;
    let triangle = |d: usize| d * (d + 1) / 2;
    let each = match shared {
        Shared::Rows => triangle(p) - 1,
        Shared::Cols => triangle(q) - 1,
        _ => triangle(p) + triangle(q) - 1,
    };
    let df = rest.len() * each;
    let what = match shared {
        Shared::Rows => "A (up to scale)",
        Shared::Cols => "B (up to scale)",
        _ => "A ⊗ B",
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
    let null = match shared {
        Shared::Rows => common_factor(groups, Side::Rows, options)?,
        Shared::Cols => common_factor(groups, Side::Cols, options)?,
        _ => {
            let centred: Vec<Sample> = groups.iter().map(centred).collect::<Result<_>>()?;
            let views: Vec<_> = centred.iter().map(Sample::values).collect();
            let all = concatenate(Axis(0), &views)
                .map_err(|e| Error::shape("the groups", "matrices of one shape", e))?;
            let model = Model::gaussian().mean(Mean::Zero);
            let fit = model.fit_with(&Sample::new(all)?, options, &mut Silent)?;
            require_converged(&fit, "the test of equal factors")?;
            fit.log_likelihood()
        }
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

/// The maximised ℓ of groups with one factor in common.
fn common_factor(groups: &[Sample], common: Side, options: &FitOptions) -> Result<f64> {
    let model = Model::gaussian();
    let likelihoods: Vec<SampleLikelihood<'_>> = groups.iter().map(SampleLikelihood::new).collect();
    let views: Vec<&dyn Likelihood> = likelihoods.iter().map(|one| one as _).collect();
    let start = |one: &&dyn Likelihood| {
        let (_, p, q) = one.dim();
        let mut point = Point::standard(p, q);
        point.mean = one.average()?;
        Ok(Iterate::new(point, model.law().clone()))
    };
    let start = views.iter().map(start).collect::<Result<_>>()?;
    let sides = BySide::of(|side| side == common);
    let together = Together::fit(&model, &views, Common { sides, scales: false }, start, options)?;
    if together.converged {
        return Ok(together.log_likelihood());
    }
    Err(Error::Unsupported {
        what: "the model with a common factor did not converge".to_owned(),
        remedy: "raise the limit of iterations".to_owned(),
    })
}
