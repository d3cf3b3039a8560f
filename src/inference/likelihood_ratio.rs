//! Likelihood-ratio tests between nested fits of the same data.

use super::bootstrap::{BootstrapOptions, bootstrap, simulate_fit, uncertified};
use super::fitted::Fitted;
use super::frame::require_converged;
use super::order::order_used;
use super::test_result::{Reference, TestResult};
use crate::data::Sample;
use crate::estimate::{Fit, FitOptions, Silent};
use crate::family::{is_limit_of, is_same_family, is_same_law};
use crate::model::{Mean, Model};
use crate::{Error, Result};

impl Fitted<'_> {
    /// The likelihood-ratio test of this fit, of the smaller model, against one of a larger model.
    ///
    /// Where the smaller law is the Gaussian and the larger a t with estimated ν, the null lies at
    /// the edge ν = ∞ and the reference is ½χ²_{df−1} + ½χ²_df. Against a factor structure with more
    /// factors there is no reference law, only the bootstrap of [`nested_test`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the models are not nested (or equal), a fit did not converge, or
    /// the fits are of different data.
    ///
    /// # References
    /// Wilks (1938), Annals of Mathematical Statistics 9, 60–62; Chernoff (1954), ibid. 25, 573–578.
    pub fn likelihood_ratio(&self, alternative: &Fitted<'_>) -> Result<TestResult> {
        if !(std::ptr::eq(self.sample, alternative.sample) || self.sample == alternative.sample) {
            return Err(Error::Unsupported {
                what: "the two fits are of different data".to_owned(),
                remedy: "fit both models to the same sample".to_owned(),
            });
        }
        compare_fits(self.fit, alternative.fit)
    }
}

fn compare_fits(null: &Fit, alternative: &Fit) -> Result<TestResult> {
    for fit in [null, alternative] {
        require_converged(fit, "a likelihood-ratio test")?;
    }
    let (_, p, q) = null.dim();
    let (small, large) = (null.model(), alternative.model());
    require_nested(small, large, p, q)?;
    let df = large.n_parameters(p, q).saturating_sub(small.n_parameters(p, q));
    if df == 0 {
        return Err(Error::Unsupported {
            what: "both models have the same number of parameters".to_owned(),
            remedy: "compare them by AIC or BIC instead".to_owned(),
        });
    }
    let edge = large.estimates_dof() && !small.estimates_dof() && is_limit(small, large, p, q);
    let irregular = small
        .row_structure()
        .irregular_within(large.row_structure())
        .or_else(|| small.col_structure().irregular_within(large.col_structure()));
    let reference = match (irregular.is_some(), edge) {
        (true, _) => Reference::BootstrapOnly,
        (false, true) => Reference::BoundaryMixture,
        (false, false) => Reference::ChiSquared,
    };
    let ells = (null.log_likelihood(), alternative.log_likelihood());
    let names = (describe(small), describe(large));
    let mut result = TestResult::new("likelihood-ratio", names, ells, df, reference)?;
    if let Some(reason) = irregular {
        result.notes.push(format!("{reason}, and the χ² theory does not hold: use a bootstrap"));
    }
    Ok(result)
}

/// Fits both models and tests them; with a bootstrap from the fitted smaller model if asked for.
///
/// # Errors
/// As [`Fitted::likelihood_ratio`] and [`Model::fit`].
pub fn nested_test(
    sample: &Sample,
    null: &Model,
    alternative: &Model,
    options: &FitOptions,
    simulation: Option<&BootstrapOptions<'_>>,
) -> Result<TestResult> {
    let options = &uncertified(options);
    let fit = |model: &Model, sample: &Sample| model.fit_with(sample, options, &mut Silent);
    let null_fit = fit(null, sample)?;
    let mut result = compare_fits(&null_fit, &fit(alternative, sample)?)?;
    let names = sample.names();
    result.notes.extend(order_used("rows", null.row_structure(), &names.rows));
    result.notes.extend(order_used("columns", null.col_structure(), &names.cols));
    if let Some(simulation) = simulation {
        sample.require_alike("a bootstrap")?;
        result.bootstrap = Some(bootstrap(result.statistic, simulation, false, |rng| {
            let replicate = simulate_fit(&null_fit, rng)?;
            let ells = [null, alternative].map(|model| fit(model, &replicate));
            let [small, large] = ells;
            let (small, large) = (small?, large?);
            require_converged(&small, "a replicate")?;
            require_converged(&large, "a replicate")?;
            Ok((2.0 * (large.log_likelihood() - small.log_likelihood())).max(0.0))
        })?);
    }
    Ok(result)
}

/// law, rows, columns, mean in words.
pub(super) fn describe(model: &Model) -> String {
    let law = model.law();
    let dof = match (law.dof(), model.estimates_dof()) {
        (Some(_), true) => " (ν estimated)".to_owned(),
        (Some(dof), false) => format!(" (ν = {dof})"),
        (None, _) => String::new(),
    };
    format!(
        "{}{dof}, rows {}, columns {}, mean {}",
        law.name(),
        model.row_structure(),
        model.col_structure(),
        model.mean_structure().name()
    )
}

/// Is the smaller law what the larger one becomes at ν = ∞?
fn is_limit(small: &Model, large: &Model, p: usize, q: usize) -> bool {
    is_limit_of(small.law().as_ref(), large.law().as_ref(), p, q)
}

/// Is every law of the smaller model one of the larger?
fn laws_nest(small: &Model, large: &Model, p: usize, q: usize) -> bool {
    let (inner, outer) = (small.law().as_ref(), large.law().as_ref());
    match (small.estimates_dof(), large.estimates_dof()) {
        (_, true) => is_same_family(inner, outer, p, q) || is_limit_of(inner, outer, p, q),
        (false, false) => is_same_law(inner, outer, p, q),
        (true, false) => false,
    }
}

fn require_nested(small: &Model, large: &Model, p: usize, q: usize) -> Result<()> {
    let refuse = |what: String| {
        let remedy = "compare them by AIC or BIC (kronfit compare) instead".to_owned();
        Err(Error::Unsupported { what, remedy })
    };
    let laws = (small.law().name(), large.law().name());
    if !laws_nest(small, large, p, q) {
        return refuse(format!("the law {} is not a special case of {}", laws.0, laws.1));
    }
    for (side, d, inner, outer) in [
        ("row", p, small.row_structure(), large.row_structure()),
        ("column", q, small.col_structure(), large.col_structure()),
    ] {
        match inner.is_within(outer, d) {
            Some(true) => {}
            Some(false) => {
                return refuse(format!(
                    "the {side} structure {inner} is not a special case of {outer}"
                ));
            }
            None => {
                return refuse(format!(
                    "nobody said whether the {side} structure {inner} is a special case of {outer}"
                ));
            }
        }
    }
    let (inner, outer) = (small.mean_structure(), large.mean_structure());
    if !mean_within(inner, outer) {
        return refuse(format!(
            "the mean {} is not a special case of {}",
            inner.name(),
            outer.name()
        ));
    }
    Ok(())
}

fn mean_within(inner: &Mean, outer: &Mean) -> bool {
    match (inner, outer) {
        (Mean::Known(a), Mean::Known(b)) => a == b,
        (Mean::Linear { left: a, right: b }, Mean::Linear { left: c, right: d }) => {
            a == c && b == d
        }
        (_, Mean::Free) => true,
        (Mean::Zero, other) => !matches!(other, Mean::Known(_)),
        (Mean::Scalar, Mean::Scalar | Mean::Rows | Mean::Cols) => true,
        (Mean::Rows, Mean::Rows) | (Mean::Cols, Mean::Cols) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_nest() {
        assert!(mean_within(&Mean::Zero, &Mean::Rows));
        assert!(mean_within(&Mean::Scalar, &Mean::Cols));
        assert!(!mean_within(&Mean::Rows, &Mean::Cols));
        assert!(!mean_within(&Mean::Free, &Mean::Scalar));
    }
}
