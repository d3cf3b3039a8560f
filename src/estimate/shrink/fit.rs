//! A shrunk fit from beginning to end.

use super::intensities::{Moments, of_prior};
use super::options::{ScoreAt, Shrink, ShrinkRule, ShrinkScale, ShrinkTarget, Shrinkage};
use super::{loo, scale};
use crate::data::Sample;
use crate::estimate::climb::Outcome;
use crate::estimate::problem::Problem;
use crate::estimate::{Fit, FitOptions, Observer, Setting, Silent, warm};
use crate::kronecker::{BySide, Side};
use crate::likelihood::{
    Channel, Likelihood, Point, SampleLikelihood, Shrunk, Sides, Sums, mean_start,
};
use crate::linalg::{Root, Spd};
use crate::model::{Mean, Model};
use crate::structure::Structure;
use crate::{Error, Result};
use ndarray::{Array2, Array3};
use std::time::Instant;

/// Fewest samples, after the mean, from which ν is estimated.
const DOF_SAMPLES: usize = 5;

/// The intensities and how they were found.
struct Choice {
    lambda: BySide<f64>,
    rule: ShrinkRule,
    prior_samples: Option<f64>,
    curve: Vec<ScoreAt>,
}

/// Fits a model to shrunk moments. The rule and the target are settled: no cross-validation here.
pub(super) fn fit(
    model: &Model,
    sample: &Sample,
    shrink: &Shrink,
    options: &FitOptions,
    observer: &mut dyn Observer,
) -> Result<Fit> {
    let clock = Instant::now();
    let (_, p, q) = sample.dim();
    let n = effective(model, sample)?;
    check_dof(model, n)?;
    let samples = SampleLikelihood::new(sample);
    let (choice, channels) = channels(model, sample, &samples, (shrink, n), options)?;
    let of_moments;
    let moments = warm::by_moments(model, sample.dim(), options)?;
    let inner: &dyn Likelihood = if moments {
        let mut start = Problem::new(model, &samples).first()?.point;
        of_moments = warm::moments(model, sample, &mut start)?;
        &of_moments
    } else {
        &samples
    };
    let shrunk = Shrunk::new(inner, channels.clone());
    let whole = Shrunk::new(&samples, channels);
    let mut start = Problem::new(model, &whole).first()?;
    if moments {
        start.passes = 0;
    }
    let warnings = warnings(model, sample, n, &shrunk)?;
    let problem = Problem::new(model, &shrunk);
    let setting = Setting { model, units: None, pole: None, look: None };
    let mut end = model.ascend(&problem, start, setting, options, (warnings, clock), observer)?;
    let penalised_log_likelihood = end.outcome.iterate.log_likelihood();
    let smeared = mean_variance(&end.outcome, p, q);
    if shrink.scale == ShrinkScale::Residual {
        let (factor, warning) = scale::factor(&end.outcome.iterate, &samples, model, n)?;
        end.outcome.iterate.point.factors[Side::Cols].scale(factor);
        end.warnings.extend(warning);
    }
    let mut plain = Sums::zeros(p, q);
    let iterate = &mut end.outcome.iterate;
    samples.sums(&iterate.point, iterate.law.as_ref(), Sides::Both, &mut plain)?;
    iterate.sums = plain;
    let record = Shrinkage {
        lambda: choice.lambda,
        target: shrink.target.name().to_owned(),
        rule: choice.rule.name().to_owned(),
        scale: shrink.scale,
        penalised_log_likelihood,
        sigma2_smeared: smeared,
        n_effective: n,
        prior_samples: choice.prior_samples,
        curve: choice.curve,
    };
    Ok(end.fit(model, &samples, samples.labels()).made_of(sample).shrunk(record))
}

/// The intensities, and the channels that they make with the targets.
fn channels(
    model: &Model,
    sample: &Sample,
    samples: &SampleLikelihood<'_>,
    (shrink, n): (&Shrink, usize),
    options: &FitOptions,
) -> Result<(Choice, BySide<Channel>)> {
    let mean = mean_start(model.mean_structure(), samples.average()?.view(), samples.dim().1)?;
    let targets = targets(&shrink.target, model, sample, options)?;
    let root = |side: Side| Root::from_lower(targets[side].lower().to_owned());
    let point = Point::new(mean, root(Side::Rows), root(Side::Cols));
    let choice = choose(model, samples, (point, n), shrink)?;
    let channels = BySide::try_of(|side| Channel::new(choice.lambda[side], targets[side].clone()))?;
    Ok((choice, channels))
}

/// The channels for a law without a scale, around a known centre.
///
/// # Errors
/// Those of the rule and the target.
pub(in crate::estimate) fn channels_for(
    model: &Model,
    sample: &Sample,
    samples: &SampleLikelihood<'_>,
    options: &FitOptions,
) -> Result<Option<BySide<Channel>>> {
    let Some(shrink) = options.shrink.as_ref().filter(|shrink| !shrink.is_nothing()) else {
        return Ok(None);
    };
    if shrink.rule == ShrinkRule::Cv || shrink.target == ShrinkTarget::Auto {
        return Err(Error::Unsupported {
            what: format!("shrinkage by prediction for the law \"{}\"", model.law().name()),
            remedy: "it has no density to predict with: use evidence".to_owned(),
        });
    }
    let n = effective(model, sample)?;
    channels(model, sample, samples, (shrink, n), options).map(|(_, channels)| Some(channels))
}

/// σ² of the trace normalisation.
fn mean_variance(outcome: &Outcome, p: usize, q: usize) -> f64 {
    let trace = |side| outcome.iterate.point.factor(side).matrix().diag().sum();
    trace(Side::Rows) * trace(Side::Cols) / (p * q) as f64
}

/// n without what the mean took.
pub(super) fn effective(model: &Model, sample: &Sample) -> Result<usize> {
    let n = sample.dim().0;
    match (model.mean_structure(), n) {
        (Mean::Free, 1) => Err(Error::Degenerate {
            what: format!("{} is one sample, and a free mean takes all of it", sample.source()),
            remedy: "give the mean, or a mean by rows, columns or one number (--mean)".to_owned(),
        }),
        (Mean::Free, n) => Ok(n - 1),
        (_, n) => Ok(n),
    }
}

fn check_dof(model: &Model, n: usize) -> Result<()> {
    if !model.estimates_dof() {
        return Ok(());
    }
    let refuse = |what: String| {
        Err(Error::Unsupported { what, remedy: "give the degrees of freedom (--dof)".to_owned() })
    };
    if model.law().weighting().is_matrix() {
        return refuse("ν of the matrix t is not estimated together with shrinkage".to_owned());
    }
    if n < DOF_SAMPLES {
        return refuse(format!("{n} samples after the mean say nothing about ν"));
    }
    Ok(())
}

fn targets(
    target: &ShrinkTarget,
    model: &Model,
    sample: &Sample,
    options: &FitOptions,
) -> Result<BySide<Spd>> {
    let (_, p, q) = sample.dim();
    match target {
        ShrinkTarget::Given(given) => BySide::try_of(|side| {
            let d = if side == Side::Rows { p } else { q };
            let what = format!("the target of the {}", side.name());
            if given[side].dim() != (d, d) {
                return Err(Error::shape(what, format!("({d}, {d})"), given[side].dim()));
            }
            Spd::new(&what, given[side].clone())
        }),
        ShrinkTarget::Diagonal => {
            let plain = Model::gaussian()
                .rows(Structure::Diagonal)
                .cols(Structure::Diagonal)
                .mean(model.mean_structure().clone());
            let options = FitOptions { shrink: None, force: true, ..options.clone() };
            let fit = plain.fit_with(sample, &options, &mut Silent)?;
            BySide::try_of(|side| Spd::new("a diagonal target", fit.cov(side).clone()))
        }
        ShrinkTarget::Identity | ShrinkTarget::Auto => {
            Ok(BySide::new(Spd::identity(p), Spd::identity(q)))
        }
    }
}

/// a and b. `point` holds the mean and the roots of the targets.
fn choose(
    model: &Model,
    samples: &SampleLikelihood<'_>,
    (point, n): (Point, usize),
    shrink: &Shrink,
) -> Result<Choice> {
    let dim = point.dim();
    let rule = match shrink.rule {
        ShrinkRule::Auto if n < 2 => ShrinkRule::Oas,
        ShrinkRule::Auto => ShrinkRule::Evidence,
        rule => rule,
    };
    let settled = |lambda| Choice { lambda, rule, prior_samples: None, curve: Vec::new() };
    let gaussian = model.law().weighting().is_identity() && !model.estimates_dof();
    match rule {
        ShrinkRule::Fixed { rows, cols } => Ok(settled(BySide::new(rows, cols))),
        ShrinkRule::PriorSamples(m) => {
            Ok(Choice { prior_samples: Some(m), ..settled(of_prior(m, n, dim)) })
        }
        ShrinkRule::Loo if gaussian => {
            let free = *model.mean_structure() == Mean::Free;
            let white = white(samples, &point)?;
            let curve = loo::curve(&white, n, free)?;
            let best = best(&curve);
            Ok(Choice { prior_samples: Some(best), curve, ..settled(of_prior(best, n, dim)) })
        }
        ShrinkRule::Loo => Err(Error::Unsupported {
            what: format!("the leave-one-out rule for the {} law", model.law().name()),
            remedy: "it is for the Gaussian: use cv or evidence".to_owned(),
        }),
        _ if gaussian => {
            let targets = point.factors.clone();
            let moments = Moments { likelihood: samples, mean: point.mean, targets, n };
            Ok(settled(moments.by_spectrum(rule)?))
        }
        _ => {
            let directions = directions(&white(samples, &point)?);
            let likelihood = SampleLikelihood::of(directions.view());
            let moments = Moments {
                likelihood: &likelihood,
                mean: Array2::zeros(dim),
                targets: BySide::new(
                    Root::scaled_identity(dim.0, 1.0),
                    Root::scaled_identity(dim.1, 1.0),
                ),
                n,
            };
            Ok(settled(moments.by_spectrum(rule)?))
        }
    }
}

/// m with the best score.
pub(super) fn best(curve: &[ScoreAt]) -> f64 {
    let first = ScoreAt { m: 1.0, score: f64::NEG_INFINITY };
    curve.iter().fold(first, |best, one| if one.score > best.score { *one } else { best }).m
}

/// Samples around the mean, whitened by the targets.
fn white(samples: &SampleLikelihood<'_>, point: &Point) -> Result<Array3<f64>> {
    let mut out = Array3::zeros(samples.dim());
    samples.each(point, &crate::family::Gaussian, &mut |seen| {
        if let Some(white) = seen.white {
            out.index_axis_mut(ndarray::Axis(0), seen.index).assign(&white);
        }
        Ok(())
    })?;
    Ok(out)
}

/// Samples of one and the same norm: robust against what the t laws are robust against.
fn directions(white: &Array3<f64>) -> Array3<f64> {
    let mut out = white.clone();
    for mut y in out.outer_iter_mut() {
        let norm = y.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > 0.0 {
            y /= norm;
        }
    }
    out
}

/// What the reader has to know.
fn warnings(model: &Model, sample: &Sample, n: usize, shrunk: &Shrunk<'_>) -> Result<Vec<String>> {
    let (all, p, q) = sample.dim();
    let mut out = shrunk.existence(model)?;
    let free = *model.mean_structure() == Mean::Free;
    if n == 1 {
        out.push(
            "one sample (after the mean) cannot tell correlation of rows from correlation of \
             columns: both factors follow from its singular values"
                .to_owned(),
        );
    }
    if let (true, Some(dof)) = (free, model.law().dof().filter(|_| !model.estimates_dof())) {
        let unbounded = match model.law().determinant_power(p, q) {
            Some(kappa) => (all * p.max(q)) as f64 > (all - 1) as f64 * kappa,
            None => (p * q) as f64 > (all - 1) as f64 * dof,
        };
        if unbounded {
            out.push(
                "with a free mean and so few samples this t likelihood is unbounded where the \
                 mean equals a sample; the fit is the local maximum next to the average"
                    .to_owned(),
            );
        }
    }
    Ok(out)
}
