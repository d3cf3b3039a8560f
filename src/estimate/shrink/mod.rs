//! Regularised estimation for small n: estimates that exist from one sample on.
//!
//! Every sample is smeared towards a target along rows (intensity a) and along columns (intensity
//! b), see [`crate::likelihood::Shrunk`]; the intensities come from the data.

mod cv;
mod fit;
mod intensities;
mod loo;
mod options;
mod scale;
mod spectrum;

pub use cv::{cross_validate, folds};
pub use options::{ScoreAt, Shrink, ShrinkRule, ShrinkScale, ShrinkTarget, Shrinkage};

pub(super) use fit::channels_for;
pub(crate) use spectrum::evidence;

use super::{Fit, FitOptions, Observer};
use crate::Result;
use crate::data::Sample;
use crate::model::Model;

/// Fits a model with shrinkage: settles what is left to prediction, then climbs.
pub(super) fn run(
    model: &Model,
    sample: &Sample,
    shrink: &Shrink,
    options: &FitOptions,
    observer: &mut dyn Observer,
) -> Result<Fit> {
    let Some((target, curve)) = cv::settle(model, sample, shrink, options)? else {
        return fit::fit(model, sample, shrink, options, observer);
    };
    let shrink = Shrink { target, ..shrink.clone() };
    if shrink.rule != ShrinkRule::Cv {
        return fit::fit(model, sample, &shrink, options, observer);
    }
    let rule = ShrinkRule::PriorSamples(fit::best(&curve));
    let fit = fit::fit(model, sample, &Shrink { rule, ..shrink }, options, observer)?;
    Ok(fit.chosen_by(ShrinkRule::Cv, curve))
}
