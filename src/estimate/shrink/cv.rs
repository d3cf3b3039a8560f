//! Cross-validation of m prior samples, and of the target.

use super::fit;
use super::loo::{GRID, require_three};
use super::options::{ScoreAt, Shrink, ShrinkRule, ShrinkTarget};
use crate::data::Sample;
use crate::estimate::{Certify, FitOptions, Silent};
use crate::family::random::{FOLDS, stream};
use crate::model::Model;
use crate::{Error, Result};
use ndarray::Axis;
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

/// Tolerance of the fits that predict.
const TOLERANCE: f64 = 1e-10;

/// Indices of the samples that each fold leaves out: a permutation by the seed, dealt in turn.
pub fn folds(n: usize, count: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut rng = stream(seed, 0, FOLDS, 0);
    let mut order: Vec<(u64, usize)> = (0..n).map(|i| (rng.next_u64(), i)).collect();
    order.sort_unstable();
    let count = count.min(n).max(1);
    let mut out = vec![Vec::new(); count];
    for (k, (_, i)) in order.into_iter().enumerate() {
        out[k % count].push(i);
    }
    out.iter_mut().for_each(|fold| fold.sort_unstable());
    out
}

/// The held-out log-likelihood per sample at every m, under the plug-in law.
///
/// Every fold computes mean, target and intensities anew from the same m.
///
/// # Errors
/// Those of the fits; [`Error::Domain`] for a fold without samples on one of its sides.
pub fn cross_validate(
    model: &Model,
    sample: &Sample,
    shrink: &Shrink,
    options: &FitOptions,
    folds: &[Vec<usize>],
    grid: &[f64],
) -> Result<Vec<ScoreAt>> {
    let n = sample.dim().0;
    let parts = folds
        .iter()
        .map(|out| {
            let kept: Vec<usize> = (0..n).filter(|i| !out.contains(i)).collect();
            if out.is_empty() || kept.is_empty() || out.iter().any(|i| *i >= n) {
                let allowed = "some of the samples, and not all";
                return Err(Error::domain("a fold", format!("{out:?}"), allowed));
            }
            let train = Sample::new(sample.values().select(Axis(0), &kept))?;
            Ok((train, sample.values().select(Axis(0), out)))
        })
        .collect::<Result<Vec<_>>>()?;
    let options = FitOptions {
        tol: options.tol.min(TOLERANCE),
        certificate: Certify::Skip,
        shrink: None,
        ..options.clone()
    };
    let one = |m: f64, fold: usize| {
        let (train, held_out) = &parts[fold];
        let shrink = Shrink { rule: ShrinkRule::PriorSamples(m), ..shrink.clone() };
        let fit = fit::fit(model, train, &shrink, &options, &mut Silent)?;
        Ok(fit.distribution().ln_pdf_all(held_out.view())?.sum())
    };
    let jobs: Vec<(f64, usize)> =
        grid.iter().flat_map(|&m| (0..folds.len()).map(move |fold| (m, fold))).collect();
    let scores = jobs.par_iter().map(|&(m, fold)| one(m, fold)).collect::<Result<Vec<f64>>>()?;
    Ok(grid
        .iter()
        .zip(scores.chunks(folds.len().max(1)))
        .map(|(&m, scores)| ScoreAt { m, score: scores.iter().sum::<f64>() / n as f64 })
        .collect())
}

/// The target and the curve with the best score; `None` where nothing is left to prediction.
pub(super) fn settle(
    model: &Model,
    sample: &Sample,
    shrink: &Shrink,
    options: &FitOptions,
) -> Result<Option<(ShrinkTarget, Vec<ScoreAt>)>> {
    let targets = match (&shrink.target, shrink.rule) {
        (ShrinkTarget::Auto, _) => vec![ShrinkTarget::Identity, ShrinkTarget::Diagonal],
        (target, ShrinkRule::Cv) => vec![target.clone()],
        _ => return Ok(None),
    };
    let (n, _, _) = sample.dim();
    require_three(fit::effective(model, sample)?)?;
    let folds = folds(n, shrink.folds, shrink.seed);
    let mut best: Option<(ShrinkTarget, Vec<ScoreAt>, f64)> = None;
    for target in targets {
        let shrink = Shrink { target: target.clone(), ..shrink.clone() };
        let curve = cross_validate(model, sample, &shrink, options, &folds, &GRID)?;
        let top = curve.iter().fold(f64::NEG_INFINITY, |top, one| top.max(one.score));
        if best.as_ref().is_none_or(|(_, _, known)| top > *known) {
            best = Some((target, curve, top));
        }
    }
    Ok(best.map(|(target, curve, _)| (target, curve)))
}
